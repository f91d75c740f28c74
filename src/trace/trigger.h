/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What began a run, and what it is one of; private to this folder. Told by SCOPE (sonde/event.h):
 * the ancestors of the command, its terminal, its cgroup and the names in its environment.
 */
#pragma once

#include <stdbool.h>

#include "base/json.h"

struct emit;
struct run;

struct trigger {
	char *kind;	 /* "terminal", "ssh", "cron", ...; never NULL once found */
	char *name;	 /* which one: a unit, a cron line, a CI service, an agent; or NULL */
	bool repeats;	 /* the name stands for what comes again, with other runs */
	bool is_command; /* the name is a command line */
	bool limited;	 /* timeout(1) runs it */
};

void trigger_find(struct trigger *ret, const cJSON *scope);
void trigger_done(struct trigger *t);

/*
 * Fills @run's trigger, trigger_name and workflow: what repeats, else who works (its agent) on what
 * (its project), both set before. @request: that the run is the answer to ("POST /hook"), or empty.
 */
void trigger_emit(const struct trigger *t, struct slice request, struct emit *e, struct run *run);
