/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs of the store as OTLP, once: written as JSON, a request a line, or sent to a receiver. */
#pragma once

#include "export/export.h"
#include "export/otlp_send.h"

/* Where requests are sent to, and what came of it. */
struct otlp_push {
	struct otlp_sender *sender;
	enum sink_names names;
	bool json;
	unsigned tries;		     /* of a request that is not taken */
	int64_t sent, refused, open; /* spans; open: in progress, left out */
	char why[400];		     /* what was refused or failed last */
};

/* 0; -EIO where the receiver does not take it, with why. */
int otlp_push_runs(const struct export_job *job, struct otlp_push *push);
