/* SPDX-License-Identifier: BSD-2-Clause */
/* What a user knows about hosts and paths of their own: gateways, renamed paths. */
#pragma once

#include "base/slice.h"

struct llm_format;

struct llm_endpoint {
	struct llm_endpoint *next;
	struct slice name;		 /* the user's */
	struct slice host;		 /* as provider.c's table has it; empty: any */
	struct slice path;		 /* end of a path; empty: any */
	const struct llm_format *format; /* spoken under @path; NULL: as without this */
	const char *provider;		 /* gen_ai.provider.name; NULL: as without this */
};

/* The first that names a format for that request, or NULL. */
const struct llm_format *llm_endpoint_format(const struct llm_endpoint *list, struct slice host,
					     struct slice path);
/* The first that names a provider, or NULL. */
const char *llm_endpoint_provider(const struct llm_endpoint *list, struct slice host,
				  struct slice path);
