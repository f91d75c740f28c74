/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How sonde itself is doing: what captures count (the status of the live sockets, cmd/live_hub.h),
 * the store, its sinks. Counts of captures that have ended stay in the sums, so that these grow
 * only.
 */
#pragma once

#include "export/prometheus.h"

struct health;

int health_new(struct health **ret);
void health_free(struct health *h);
DEFINE_CLEANUP(struct health *, health_free)

/* A round of asking begins: nobody has answered. */
void health_begin(struct health *h);
/*
 * An answer: JSON, from a process of ours, yet nothing of it is taken for granted. One that has no
 * "engine" is the supervisor's: {"restarts":{"engine":1,...}}.
 */
void health_capture(struct health *h, struct slice status);

/* Which sonde this is, and what captures have answered. */
void health_write(struct health *h, struct prometheus *p);
