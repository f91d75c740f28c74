/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a browser could be made to do by somebody else's page, and what is held against it: names of
 * hosts that are ours (another name that leads here is DNS rebinding), pages that are ours
 * (Origin), and headers that keep answers to themselves. All of it looks at hostile text.
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define GUARD_NAMES_MAX 32

struct guard {
	struct slice own; /* the address that is listened on; lent, as the rest */
	struct slice names[GUARD_NAMES_MAX]; /* of a proxy, say; with a port or without */
	size_t n_names;
};

/* Headers of every answer: name and value, ends with NULL. */
extern const char *const guard_headers[][2];
#define GUARD_CSP "Content-Security-Policy"

/* False where there are GUARD_NAMES_MAX already. */
bool guard_add(struct guard *g, struct slice name);
/* A Host header: one of our names, with any port or none. */
bool guard_host(const struct guard *g, struct slice host);
/* An Origin header: of what was asked as @host, or one of the added names, and that very port. */
bool guard_origin(const struct guard *g, struct slice origin, struct slice host);

/* The value of a cookie in a Cookie header; empty where it is not there or is quoted. */
struct slice guard_cookie(struct slice header, struct slice name);
/* What stands behind "Bearer " in an Authorization header; empty where it is none. */
struct slice guard_bearer(struct slice header);
/* Whether a path (with its query) is a page of ours that may be gone to. */
bool guard_target(struct slice target);
/* Whether a Content-Type is application/json, whatever its parameters. */
bool guard_is_json(struct slice type);
