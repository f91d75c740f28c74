/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "trace/clock.h"

void clock_step(struct clock *c, const struct sonde_clock_event *e)
{
	if (c->n == CLOCK_STEPS_MAX) {
		memmove(c->steps, c->steps + 1, sizeof(c->steps) - sizeof(c->steps[0]));
		c->n--;
	}
	c->steps[c->n++] = (struct clock_step){ .boot_ns = e->hdr.ts_ns, .wall_ns = e->wall_ns };
}

uint64_t clock_wall(const struct clock *c, uint64_t start_ns, uint64_t ts_ns)
{
	unsigned i = c->n;

	if (ts_ns == 0 || c->n == 0)
		return ts_ns;
	/* What started before the first step was told is counted back from it. */
	do
		i--;
	while (i > 0 && c->steps[i].boot_ns > start_ns);
	return c->steps[i].wall_ns + (ts_ns - c->steps[i].boot_ns);
}
