/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands that serve the API share. */
#pragma once

#include <stdbool.h>

#include "api/server.h"

/* Whether [api] listen names an address at all. */
bool api_listens(const char *listen);
/* Whether a valid token is kept beside the store. */
bool api_has_token(const char *store);
/* Says what is to be done before others may reach it; -EACCES. */
int api_refuse_open(const char *listen, const char *store);

/* --- server.c --- */

/* Whether a command only reads, and may be run for others. */
bool server_may_run(const char *name);
/* No descriptors short, no core, no new privileges; before there are threads. */
void server_limits(void);
