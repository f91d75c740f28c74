/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that run already, told as if they had just begun: the events that the kernel would
 * have sent, from what /proc says now.
 */
#pragma once

#include <cjson/cJSON.h>

#include "probe/outbox.h"
#include "probe/report.h"

/* Begins run @scope with @root, which runs already; @common: members that all runs have. */
void snapshot_scope(struct outbox *o, struct report_process root, uint32_t scope,
		    const cJSON *common);
/* @child is in the run because @parent is. */
void snapshot_fork(struct outbox *o, struct report_process parent, struct report_process child,
		   uint32_t scope);
/* What it runs; @parent's tgid 0: not known. */
void snapshot_exec(struct outbox *o, struct report_process p, struct report_process parent);
/* The rules have let it in; @rule: enum sonde_found_by. */
void snapshot_found(struct outbox *o, struct report_process p, uint32_t scope, uint32_t rule);
/* Nothing of it is told any more; @why: enum sonde_left_why. */
void snapshot_left(struct outbox *o, struct report_process p, uint32_t why);
