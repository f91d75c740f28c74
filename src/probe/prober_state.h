/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the prober is made of; private to prober.c (its loop and its end) and prober_begin.c (its
 * start, and what changes later).
 */
#pragma once

#include <cjson/cJSON.h>

#include "probe/acts.h"
#include "probe/artifacts.h"
#include "probe/attach.h"
#include "probe/capture.h"
#include "probe/features.h"
#include "probe/files.h"
#include "probe/join.h"
#include "probe/outbox.h"
#include "probe/report.h"
#include "probe/rules.h"
#include "probe/watch.h"

#define PROBER_WARNINGS_MAX 16

struct prober {
	int launcher_fd, engine_fd;
	struct features features;
	struct capture *capture;
	struct attachments *attachments;
	struct outbox *outbox;
	struct files files;
	struct artifacts *artifacts; /* NULL: what is written is not read */
	struct watch *watch;	     /* may be NULL */
	struct join *join;	     /* NULL: a command is traced from its start */
	struct rules *rules;	     /* of a daemon; else NULL */
	struct acts *acts;	     /* of a daemon; else NULL */
	cJSON *config;		     /* of a daemon: what an engine is told */
	struct report_process root;
	int64_t clock_offset; /* as last told */
	char *warnings[PROBER_WARNINGS_MAX];
	size_t n_warnings;
	uint64_t dropped;   /* of the outbox, already counted */
	uint64_t joined_ns; /* when last was looked for more */
	uint64_t swept_ns;  /* when last probes were looked through */
	char refusal[512];  /* why tracing is impossible */
	bool ended;
	bool check_over; /* a process has ended: it may have been the last */
};

/* "start" of sonde/control.h: all of it. Takes over what it keeps of @fds. */
void prober_start(struct prober *p, const cJSON *message, int *fds);
/* "watch": the rules or the configuration have changed. */
void prober_change(struct prober *p, const cJSON *message);
/* "engine": another one reads from now on; takes over @fd. */
void prober_engine(struct prober *p, int *fd);
/* "leave" and "leave_container". */
void prober_leave(struct prober *p, const cJSON *message);

/* For the launcher. */
void prober_say_ready(struct prober *p);
void prober_say_error(struct prober *p, const char *why);
