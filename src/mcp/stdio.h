/* SPDX-License-Identifier: BSD-2-Clause */
/* What mcp.c hands to the transport over pipes and sockets, beside mcp_feed() and its like. */
#pragma once

#include "mcp/mcp.h"

void talks_free(struct mcp *m);
void talks_exited(struct mcp *m, struct process_key process, uint64_t ts_ns);
