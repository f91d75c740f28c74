/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file: INI, UTF-8, '#' and ';' begin comments.
 *
 *	[endpoint NAME]		a host or path of one's own that model calls go to; any number
 *	host = gateway.corp.example	exact; ".corp.example": all below it; with a port: that one
 *	path = /infer			end of the path
 *	format = openai.chat		what is spoken there (needs a path)
 *	provider = openai		who answers, for names and prices
 *
 *	[limits]
 *	max_run_time = 30m		a run that takes longer is marked as timed out; s, m, h, d
 *
 *	[egress]			in this order; the first that fits counts (policy/egress.h)
 *	allow = api.openai.com
 *	deny = *
 */
#pragma once

#include "base/cleanup.h"
#include "base/slice.h"
#include "llm/endpoint.h"
#include "policy/egress.h"

#define CONFIG_MAX (1u << 20) /* bytes of a file */

struct config {
	struct arena *mem; /* owns the rest */
	const char *path;  /* of the file; NULL: none */
	struct llm_endpoint *endpoints;
	uint64_t max_run_time_s;    /* 0: no limit */
	struct egress_rule *egress; /* NULL: none */
	size_t n_egress;
};

/* What is wrong with a file. */
struct config_error {
	unsigned line; /* 0: none in particular */
	char text[200];
};

/* Reads @text, which came from @path. 0, -EINVAL or -ENOMEM. */
int config_parse(struct slice text, const char *path, struct config **ret,
		 struct config_error *err);
/* "90s", "30m", "2h", "1d" in seconds; false where it is none. */
bool config_duration(struct slice text, uint64_t *ret_s);
void config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free)
