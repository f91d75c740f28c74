/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file: INI, UTF-8, '#' and ';' begin comments.
 *
 *	[endpoint NAME]		a host or path of one's own that model calls go to; any number
 *	host = gateway.corp.example	exact; ".corp.example": all below it; with a port: that one
 *	path = /infer			end of the path
 *	format = openai.chat		what is spoken there (needs a path)
 *	provider = openai		who answers, for names and prices
 */
#pragma once

#include "base/cleanup.h"
#include "base/slice.h"
#include "llm/endpoint.h"

#define CONFIG_MAX (1u << 20) /* bytes of a file */

struct config {
	struct arena *mem; /* owns the rest */
	const char *path;  /* of the file; NULL: none */
	struct llm_endpoint *endpoints;
};

/* What is wrong with a file. */
struct config_error {
	unsigned line; /* 0: none in particular */
	char text[200];
};

/* Reads @text, which came from @path. 0, -EINVAL or -ENOMEM. */
int config_parse(struct slice text, const char *path, struct config **ret,
		 struct config_error *err);
void config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free)
