/* SPDX-License-Identifier: BSD-2-Clause */
/* What mcp.c hands to the transport over HTTP, beside mcp_exchange(). */
#pragma once

#include "mcp/mcp.h"

void http_works_free(struct mcp *m);
