/* SPDX-License-Identifier: BSD-2-Clause */
/* The events that the prober makes itself (formats: sonde/event.h), put into the outbox. */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe/finder/target.h"
#include "probe/outbox.h"

struct report_process {
	pid_t tgid;
	uint64_t start_ns;
};

/* What came of putting probes on a file. */
struct report_attach {
	const struct probe_target *target;
	const char *how;    /* "session", "multi", "perf"; NULL where not attached */
	const char *reason; /* where not attached */
	uint64_t late_ns;   /* since the file was mapped; 0: in time */
};

void report_host(struct outbox *o);
/* The offset that was told, in ns: wall time minus boot time. */
int64_t report_clock(struct outbox *o);
/* Wall time minus boot time, now. */
int64_t clock_offset(void);
uint64_t clock_boot(void);
void report_config(struct outbox *o, const cJSON *config);
/* Where it comes from is added where the launcher has not said it (origin.h). */
void report_scope(struct outbox *o, struct report_process p, const cJSON *scope);
void report_proc(struct outbox *o, struct report_process p);
void report_attach(struct outbox *o, struct report_process p, const struct report_attach *a);
/* ACT: what @uid has asked for is about to be done. */
void report_act(struct outbox *o, struct report_process p, const char *act, uint32_t uid);
void report_end(struct outbox *o);
