/* SPDX-License-Identifier: BSD-2-Clause */
/* A generated day: what its parts share. day.c has the clock and the measure, day_agent.c agents.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sonde/event.h"
#include "sonde/stats.h"

#define DAY_SEC 1000000000ull

struct day {
	struct pipeline *pipeline;
	struct store *store;
	struct stats stats;
	uint64_t now_ns;
	size_t events, spans;
};

/* The same each time. */
uint64_t day_chance(uint64_t below);
/* Gives it its time. */
void day_feed(struct sonde_event *e);
uint64_t day_now(void);

/* One traced process that asks a model, runs what that wants, and ends; or goes on all day. */
struct day_agent {
	bool busy;
	uint32_t scope, pid;
	unsigned number; /* of the task */
	unsigned turns;	 /* that a server has begun */
	uint64_t start_ns, due_ns;
	unsigned step, calls_left;
	uint64_t conn, pos[2], talk, talk_pos[2];
	size_t said; /* bytes of history */
	char history[32768];
};

void day_agent_start(struct day_agent *a, unsigned number);
/* What is due by now, if anything. */
void day_agent_go_on(struct day_agent *a);
/* One that takes a turn after the other and never ends. */
void day_server_start(struct day_agent *a);
void day_server_go_on(struct day_agent *a);
