/* SPDX-License-Identifier: BSD-2-Clause */
/* How an engine is doing, for whoever asks its live socket (live_hub.h). */
#pragma once

#include <stdbool.h>

#include "base/json.h"
#include "sonde/event.h"
#include "sonde/stats.h"

struct engine_status {
	uint64_t started_ns; /* CLOCK_BOOTTIME */
	uint64_t last_ns;    /* time of the last event */
	uint64_t loss[SONDE_LOSS_NR];
	uint64_t attached, not_attached; /* files */
	bool prober_lost;
};

/* Of each event. */
void engine_status_note(struct engine_status *s, const struct sonde_event *ev);

/*
 * Members: "started_boot_ns", "lag_ms" (how far behind what happens), "loss":{reason: count},
 * "attached", "attach_failures", "prober_lost", "health" (health_json.h).
 */
void engine_status_put(struct json_writer *w, const struct engine_status *s,
		       const struct stats *stats);

/* What a loss is called: "ring_full", ... */
extern const char *const loss_names[SONDE_LOSS_NR];
