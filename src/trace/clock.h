/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot time to Unix time. The wall clock is set now and then; a span uses the offset that was in
 * force when it started, for all its times, so its duration stays true.
 */
#pragma once

#include <stdint.h>

#include "sonde/event.h"

#define CLOCK_STEPS_MAX 64 /* older steps are forgotten: nothing open is that old */

struct clock {
	struct clock_step {
		uint64_t boot_ns, wall_ns;
	} steps[CLOCK_STEPS_MAX];
	unsigned n;
};

void clock_step(struct clock *c, const struct sonde_clock_event *e);
/* Unix time of the boot time @ts_ns, for a span that started at @start_ns; 0 stays 0. */
uint64_t clock_wall(const struct clock *c, uint64_t start_ns, uint64_t ts_ns);
