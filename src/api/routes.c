/* SPDX-License-Identifier: BSD-2-Clause */
/* Every route; API.md says what each takes and gives. */
#include "api/request.h"

const struct route api_routes[] = {
	{ "GET", "/api/v1/status", handle_status, RIGHT_READ },
	{ "GET", "/api/v1/live", handle_live, RIGHT_READ | RIGHT_CONTENT },
	{ "POST", "/api/v1/command", handle_command, RIGHT_READ | RIGHT_CONTENT | RIGHT_EXPORT },
	{ "POST", "/api/v1/leave", handle_leave, RIGHT_WRITE },
	{ "POST", "/api/v1/runs/{run}/stop", handle_stop, RIGHT_WRITE },
	{ NULL, NULL, NULL, 0 },
};
