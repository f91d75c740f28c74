/* SPDX-License-Identifier: BSD-2-Clause */
/* Every route; API.md says what each takes and gives. */
#include "api/request.h"

const struct route api_routes[] = {
	{ "GET", "/api/v1/status", handle_status },
	{ "GET", "/api/v1/live", handle_live },
	{ "POST", "/api/v1/command", handle_command },
	{ "POST", "/api/v1/leave", handle_leave },
	{ NULL, NULL, NULL },
};
