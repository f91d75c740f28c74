/* SPDX-License-Identifier: BSD-2-Clause */
/* `sonde export --to`: who gets the runs. */
#pragma once

#include "config/config.h"
#include "export/otlp_export.h"

struct export_push {
	struct config *config;	 /* what the sink's settings are of */
	struct sink_config sink; /* as it is used */
	struct otlp_push push;
};

/* @to: a URL, or the name of an [otlp NAME] of the configuration (@option: its path, or NULL). 0,
 * or the exit status; has said why. */
int export_push_open(const char *to, const char *option, struct export_push *ret);
/* Says what came of it: the exit status. @r: of otlp_push_runs(). */
int export_push_end(struct export_push *p, int r);
