/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The views: hexadecimal ids, ISO times, dollars. SCHEMA.md explains each column. Tables are named
 * without "main.": so a viewer's own stand in for them (viewer.h).
 */
#include "store/schema.h"

/* clang-format off */
#define TIME(ns)      "strftime('%Y-%m-%dT%H:%M:%fZ', " ns " / 1e9, 'unixepoch')"
#define HEX(id)       "nullif(lower(hex(" id ")), '')"
#define SECONDS(a, b) "round((" b " - " a ") / 1e9, 6)"

#define STEP \
	"CASE s.step WHEN 1 THEN 'agent' WHEN 2 THEN 'llm' WHEN 3 THEN 'tool'" \
	" WHEN 4 THEN 'process' WHEN 5 THEN 'http' WHEN 6 THEN 'mcp' WHEN 7 THEN 'file'" \
	" WHEN 8 THEN 'network' ELSE s.step END"
#define STATUS "CASE s.status WHEN 0 THEN 'unset' WHEN 1 THEN 'ok' ELSE 'error' END"
#define COST_SOURCE \
	"CASE s.cost_source WHEN 1 THEN 'provider' WHEN 2 THEN 'table'" \
	" WHEN 3 THEN 'estimated' END"
#define RUN_STATUS \
	"CASE r.status WHEN 1 THEN 'running' WHEN 2 THEN 'completed' WHEN 3 THEN 'failed'" \
	" WHEN 4 THEN 'cancelled' WHEN 5 THEN 'timed_out' WHEN 7 THEN 'paused' ELSE 'incomplete' END"

/* Sums of what nobody told are no sums. */
#define PRICED "CASE WHEN r.llm_calls > r.unpriced_calls THEN r.cost_pico_usd / 1e12 END"
#define TOLD(column) "CASE WHEN r.llm_calls > r.usage_unknown_calls THEN r." column " END"

#define SPAN_HEAD \
	HEX("s.run") " AS run_id, " HEX("s.id") " AS span_id, " \
	TIME("s.start_ns") " AS started, " SECONDS("s.start_ns", "s.end_ns") " AS seconds"
#define USAGE(t) \
	t ".input AS input_tokens, " t ".output AS output_tokens, " \
	t ".cache_read AS cache_read_tokens, " t ".cache_write AS cache_write_tokens, " \
	t ".reasoning AS reasoning_tokens"

const char *const schema_views =
	"CREATE TEMP VIEW v_runs AS SELECT "
	HEX("r.id") " AS run_id, substr(" HEX("r.id") ", 1, 8) AS ref, "
	HEX("r.session") " AS session_id, " RUN_STATUS " AS status, r.status_reason, "
	TIME("r.start_ns") " AS started, " TIME("r.end_ns") " AS ended, "
	SECONDS("r.start_ns", "r.end_ns") " AS seconds,"
	" r.agent, r.agent_version, r.task, r.command, r.cwd, r.user, r.host,"
	" r.trigger_kind AS \"trigger\", r.trigger_name, r.workflow, r.project, r.resource, r.assurance,"
	" r.models, r.provider, r.pid, r.exit_code,"
	" r.exit_signal, r.llm_calls, r.tool_calls, r.processes, r.errors, "
	USAGE("r") ", " PRICED " AS cost_usd,"
	" r.equivalent_pico_usd / 1e12 AS equivalent_usd, r.unpriced_calls,"
	" r.usage_unknown_calls, r.lost_bytes, r.notes, r.writable_by_agent"
	" FROM runs AS r;"

	"CREATE TEMP VIEW v_spans AS SELECT "
	SPAN_HEAD ", " HEX("s.parent") " AS parent_span_id, "
	HEX("s.session") " AS session_id, " STEP " AS step, s.name, "
	STATUS " AS status, s.status_text, s.final, s.agent, s.agent_version, s.provider,"
	" s.request_model, s.response_model, s.server_address, s.server_port, s.tool_name,"
	" s.tool_call_id, s.response_id, s.conversation_id, s.finish_reason, s.error_type,"
	" s.pid, s.program, s.evidence, "
	USAGE("s") ", s.estimated <> 0 AS estimated, s.cost_pico_usd / 1e12 AS cost_usd, "
	COST_SOURCE " AS cost_source, s.cost_equivalent, s.cost_key,"
	" s.first_token_ns / 1e9 AS first_token_seconds, s.lost_bytes, s.lost_reason,"
	" s.attrs AS attributes, s.user, s.host, s.project, s.seq, s.version, "
	HEX("s.input_node") " AS input_node, " HEX("s.output_node") " AS output_node"
	" FROM spans AS s;"

	"CREATE TEMP VIEW v_calls AS SELECT "
	SPAN_HEAD ", s.agent, s.provider,"
	" coalesce(s.response_model, s.request_model) AS model, "
	STATUS " AS status, s.error_type, s.finish_reason, "
	USAGE("s") ", s.cost_pico_usd / 1e12 AS cost_usd, "
	COST_SOURCE " AS cost_source, s.cost_key,"
	" s.first_token_ns / 1e9 AS first_token_seconds, s.lost_bytes, s.cost_equivalent, "
	HEX("s.input_node") " AS input_node, " HEX("s.output_node") " AS output_node"
	" FROM spans AS s WHERE s.step = 2;"

	"CREATE TEMP VIEW v_tools AS SELECT "
	SPAN_HEAD ", s.agent, s.tool_name, s.tool_call_id, "
	STATUS " AS status, s.status_text, s.evidence,"
	" s.attrs ->> '$.\"sonde.skill.name\"' AS skill,"
	" blob_text(s.args_blob) AS arguments, blob_text(s.result_blob) AS result"
	" FROM spans AS s WHERE s.step = 3;"

	"CREATE TEMP VIEW v_messages AS SELECT "
	HEX("n.id") " AS node, " HEX("n.parent") " AS parent, n.depth,"
	" blob_text(n.message) AS message FROM nodes AS n;"

	"CREATE TEMP VIEW v_cost AS SELECT"
	" strftime('%Y-%m-%d', s.start_ns / 1000000000, 'unixepoch', 'localtime') AS day,"
	" s.agent, s.provider, coalesce(s.response_model, s.request_model) AS model,"
	" s.user, s.host, s.project, count(DISTINCT s.run) AS runs, count(*) AS calls,"
	" sum(s.input) AS input_tokens, sum(s.output) AS output_tokens,"
	" sum(s.cache_read) AS cache_read_tokens, sum(s.cache_write) AS cache_write_tokens,"
	" sum(s.cost_pico_usd) FILTER (WHERE NOT s.cost_equivalent) / 1e12 AS cost_usd,"
	" sum(s.cost_pico_usd) FILTER (WHERE s.cost_equivalent) / 1e12 AS equivalent_usd,"
	" sum(s.final AND " SCHEMA_UNPRICED ") AS unpriced_calls"
	" FROM spans AS s WHERE s.step = 2 GROUP BY 1, 2, 3, 4, 5, 6, 7;"

	"CREATE TEMP VIEW v_minutes AS SELECT"
	" strftime('%Y-%m-%dT%H:%MZ', r.minute * 60, 'unixepoch') AS minute,"
	" r.agent, r.model, r.provider, r.user, r.host, r.project,"
	" r.llm_calls, r.tool_calls, r.errors, "
	TOLD("input") " AS input_tokens, " TOLD("output") " AS output_tokens, "
	TOLD("cache_read") " AS cache_read_tokens, "
	TOLD("cache_write") " AS cache_write_tokens, "
	TOLD("reasoning") " AS reasoning_tokens, " PRICED " AS cost_usd, r.unpriced_calls,"
	" r.usage_unknown_calls, r.duration_ns / 1e9 AS seconds, r.lost_bytes"
	" FROM rollups AS r WHERE r.steps > 0;";
/* clang-format on */
