/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What starts programs that have nothing to do with each other: where a daemon watches a whole
 * host, a tree begins below these, and they are part of none. One that is missing here makes a tree
 * too large, which costs a little memory: a run begins at the agent all the same.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/slice.h"

struct starter_facts {
	pid_t pid, parent;
	struct slice comm, arg0;
	bool leads_session; /* and has a terminal */
};

bool starter_is(const struct starter_facts *f);
/* The same of a process that runs; false where there is none. */
bool starter_runs(pid_t pid);
