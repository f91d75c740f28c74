/* SPDX-License-Identifier: BSD-2-Clause */
/* Every route; API.md says what each takes and gives. */
#include "api/routes.h"

const struct route api_routes[] = {
	{ "GET", "/api/v1/status", handle_status, RIGHT_READ },
	{ "GET", "/api/v1/live", handle_live, RIGHT_READ | RIGHT_CONTENT },
	{ "POST", "/api/v1/command", handle_command, RIGHT_READ | RIGHT_CONTENT | RIGHT_EXPORT },
	{ "POST", "/api/v1/leave", handle_leave, RIGHT_WRITE | ROUTE_LOCAL },
	{ "POST", "/api/v1/open", handle_open_code, ROUTE_LOCAL },
	{ "POST", "/api/v1/close", handle_close, 0 },
	{ "GET", "/open", handle_open, ROUTE_PUBLIC },

	{ "GET", "/api/v1/me", handle_me, RIGHT_READ },
	{ "GET", "/api/v1/runs", handle_runs, RIGHT_READ },
	{ "GET", "/api/v1/runs/counts", handle_run_counts, RIGHT_READ },
	{ "GET", "/api/v1/runs/{run}", handle_run, RIGHT_READ },
	{ "GET", "/api/v1/runs/{run}/steps", handle_steps, RIGHT_READ },
	{ "GET", "/api/v1/runs/{run}/spans", handle_run_spans, RIGHT_READ },
	{ "GET", "/api/v1/runs/{run}/spans/{span}", handle_run_span, RIGHT_READ },
	{ "GET", "/api/v1/runs/{run}/conversation", handle_conversation,
	  RIGHT_READ | RIGHT_CONTENT },
	{ "GET", "/api/v1/runs/{run}/artifacts", handle_artifacts, RIGHT_READ },
	{ "GET", "/api/v1/runs/{run}/similar", handle_similar, RIGHT_READ },
	{ "GET", "/api/v1/spans", handle_spans, RIGHT_READ },
	{ "GET", "/api/v1/sessions", handle_sessions, RIGHT_READ },
	{ "GET", "/api/v1/sessions/{session}", handle_session, RIGHT_READ },
	{ "GET", "/api/v1/agents", handle_agents, RIGHT_READ },
	{ "GET", "/api/v1/tools", handle_tools, RIGHT_READ },
	{ "GET", "/api/v1/models", handle_models, RIGHT_READ },
	{ "GET", "/api/v1/cost", handle_cost, RIGHT_READ },
	{ "GET", "/api/v1/compare", handle_compare, RIGHT_READ | RIGHT_CONTENT },
	{ "GET", "/api/v1/messages/{node}", handle_message, RIGHT_READ | RIGHT_CONTENT },
	{ "GET", "/api/v1/blobs/{blob}", handle_blob, RIGHT_READ | RIGHT_CONTENT },
	{ "GET", "/api/v1/export", handle_export, RIGHT_READ | RIGHT_EXPORT },
	{ "GET", "/api/v1/health", handle_health, RIGHT_READ },
	{ "GET", "/api/v1/doctor", handle_doctor, RIGHT_READ },
	{ NULL, NULL, NULL, 0 },
};
