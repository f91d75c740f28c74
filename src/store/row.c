/* SPDX-License-Identifier: BSD-2-Clause */
/* Which member of a span and a run stands in which column, and how. */
#include <errno.h>

#include "base/buf.h"
#include "base/util.h"
#include "store/db.h"

#define SPAN(name, type, member)                          \
	{                                                 \
		name, type, offsetof(struct span, member) \
	}
#define RUN(name, type, member)                          \
	{                                                \
		name, type, offsetof(struct run, member) \
	}

/* clang-format off */
const struct column span_columns[] = {
	SPAN("run", COL_ID128, run_id),
	SPAN("id", COL_ID64, span_id),
	SPAN("parent", COL_ID64, parent_id),
	SPAN("session", COL_ID128, session_id),
	SPAN("step", COL_INT, step),
	SPAN("kind", COL_INT, kind),
	SPAN("name", COL_TEXT, name),
	SPAN("start_ns", COL_U64, start_ns),
	SPAN("end_ns", COL_TIME, end_ns),
	SPAN("status", COL_INT, status),
	SPAN("status_text", COL_TEXT, status_text),
	SPAN("final", COL_BOOL, final),
	SPAN("agent", COL_TEXT, agent),
	SPAN("agent_version", COL_TEXT, agent_version),
	SPAN("provider", COL_TEXT, provider),
	SPAN("request_model", COL_TEXT, request_model),
	SPAN("response_model", COL_TEXT, response_model),
	SPAN("server_address", COL_TEXT, server_address),
	SPAN("server_port", COL_INT, server_port),
	SPAN("tool_name", COL_TEXT, tool_name),
	SPAN("tool_call_id", COL_TEXT, tool_call_id),
	SPAN("response_id", COL_TEXT, response_id),
	SPAN("conversation_id", COL_TEXT, conversation_id),
	SPAN("finish_reason", COL_TEXT, finish_reason),
	SPAN("error_type", COL_TEXT, error_type),
	SPAN("pid", COL_INT, process.tgid),
	SPAN("process_start_ns", COL_U64, process.start_ns),
	SPAN("program", COL_TEXT, program),
	SPAN("evidence", COL_TEXT, evidence),
#define SPAN_COUNT(member, attribute, name) SPAN(#member, COL_COUNT, usage.member),
	LLM_USAGE_COUNTS(SPAN_COUNT)
#undef SPAN_COUNT
	SPAN("provider_total", COL_COUNT, usage.provider_total),
	SPAN("estimated", COL_INT, usage.estimated),
	SPAN("cost_pico_usd", COL_COUNT, cost.pico_usd),
	SPAN("cost_source", COL_INT, cost.source),
	SPAN("cost_equivalent", COL_BOOL, cost.equivalent),
	SPAN("cost_key", COL_TEXT, cost.key),
	SPAN("first_token_ns", COL_COUNT, first_token_ns),
	SPAN("lost_bytes", COL_U64, lost_bytes),
	SPAN("lost_reason", COL_TEXT, lost_reason),
	SPAN("input_node", COL_ID128, input_node),
	SPAN("output_node", COL_ID128, output_node),
	SPAN("system_blob", COL_ID128, system_blob),
	SPAN("tools_blob", COL_ID128, tools_blob),
	SPAN("args_blob", COL_ID128, args_blob),
	SPAN("result_blob", COL_ID128, result_blob),
	SPAN("raw_blob", COL_ID128, raw_blob),
};

const struct column run_columns[] = {
	RUN("id", COL_ID128, run_id),
	RUN("session", COL_ID128, session_id),
	RUN("status", COL_INT, status),
	RUN("status_reason", COL_TEXT, status_reason),
	RUN("start_ns", COL_U64, start_ns),
	RUN("end_ns", COL_TIME, end_ns),
	RUN("task", COL_TEXT, task),
	RUN("command", COL_TEXT, command),
	RUN("cwd", COL_TEXT, cwd),
	RUN("user", COL_TEXT, user),
	RUN("host", COL_TEXT, host),
	RUN("trigger_kind", COL_TEXT, trigger),
	RUN("trigger_name", COL_TEXT, trigger_name),
	RUN("workflow", COL_TEXT, workflow),
	RUN("project", COL_TEXT, project),
	RUN("resource", COL_TEXT, resource),
	RUN("assurance", COL_TEXT, assurance),
	RUN("uid", COL_INT, uid),
	RUN("agent", COL_TEXT, agent),
	RUN("agent_version", COL_TEXT, agent_version),
	RUN("models", COL_TEXT, models),
	RUN("provider", COL_TEXT, provider),
	RUN("pid", COL_INT, process.tgid),
	RUN("process_start_ns", COL_U64, process.start_ns),
	RUN("exit_code", COL_INT, exit_code),
	RUN("exit_signal", COL_INT, exit_signal),
	RUN("llm_calls", COL_COUNT, llm_calls),
	RUN("tool_calls", COL_COUNT, tool_calls),
	RUN("processes", COL_COUNT, processes),
	RUN("errors", COL_COUNT, errors),
#define RUN_COUNT(member, attribute, name) RUN(#member, COL_COUNT, usage.member),
	LLM_USAGE_COUNTS(RUN_COUNT)
#undef RUN_COUNT
	RUN("provider_total", COL_COUNT, usage.provider_total),
	RUN("estimated", COL_INT, usage.estimated),
	RUN("cost_pico_usd", COL_COUNT, cost_pico_usd),
	RUN("equivalent_pico_usd", COL_COUNT, equivalent_pico_usd),
	RUN("unpriced_calls", COL_COUNT, unpriced_calls),
	RUN("usage_unknown_calls", COL_COUNT, usage_unknown_calls),
	RUN("lost_bytes", COL_U64, lost_bytes),
	RUN("notes", COL_TEXT, notes),
	RUN("writable_by_agent", COL_BOOL, writable_by_agent),
};
/* clang-format on */

const int span_columns_n = ARRAY_SIZE(span_columns);
const int run_columns_n = ARRAY_SIZE(run_columns);

_Static_assert(sizeof(enum step_kind) == sizeof(int) && sizeof(enum run_status) == sizeof(int) &&
		       sizeof(enum cost_source) == sizeof(int),
	       "COL_INT is an int");

static int64_t clamp(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static int bind_id(sqlite3_stmt *s, int at, const uint8_t *b, int n)
{
	static const uint8_t zero[16];

	if (memcmp(b, zero, (size_t)n) == 0)
		return sqlite3_bind_null(s, at);
	return sqlite3_bind_blob(s, at, b, n, SQLITE_STATIC);
}

static int bind_text(sqlite3_stmt *s, int at, const struct slice *text)
{
	if (text->n == 0)
		return sqlite3_bind_null(s, at);
	return sqlite3_bind_text64(s, at, text->p, text->n, SQLITE_STATIC, SQLITE_UTF8);
}

static int bind_one(sqlite3_stmt *s, int at, enum column_type type, const void *p)
{
	int64_t count;
	uint64_t u;
	int i;

	switch (type) {
	case COL_ID128:
		return bind_id(s, at, p, 16);
	case COL_ID64:
		return bind_id(s, at, p, 8);
	case COL_TEXT:
		return bind_text(s, at, p);
	case COL_TIME:
	case COL_U64:
		memcpy(&u, p, sizeof(u));
		if (type == COL_TIME && u == 0)
			return sqlite3_bind_null(s, at);
		return sqlite3_bind_int64(s, at, clamp(u));
	case COL_COUNT:
		memcpy(&count, p, sizeof(count));
		return count < 0 ? sqlite3_bind_null(s, at) : sqlite3_bind_int64(s, at, count);
	case COL_INT:
		memcpy(&i, p, sizeof(i));
		return sqlite3_bind_int64(s, at, i);
	case COL_BOOL:
		return sqlite3_bind_int(s, at, *(const bool *)p);
	}
	return SQLITE_MISUSE;
}

int row_bind(sqlite3_stmt *s, int first, const struct column *columns, int n, const void *row)
{
	int rc = SQLITE_OK;

	for (int i = 0; i < n && rc == SQLITE_OK; i++)
		rc = bind_one(s, first + i, columns[i].type, (const char *)row + columns[i].offset);
	return rc;
}

static void read_id(sqlite3_stmt *s, int at, void *p, int n)
{
	memset(p, 0, (size_t)n);
	if (sqlite3_column_type(s, at) == SQLITE_BLOB && sqlite3_column_bytes(s, at) == n)
		memcpy(p, sqlite3_column_blob(s, at), (size_t)n);
}

static void read_one(sqlite3_stmt *s, int at, enum column_type type, void *p)
{
	bool null = sqlite3_column_type(s, at) == SQLITE_NULL;
	int64_t v = null ? 0 : sqlite3_column_int64(s, at);
	int i = (int)v;

	switch (type) {
	case COL_ID128:
		read_id(s, at, p, 16);
		break;
	case COL_ID64:
		read_id(s, at, p, 8);
		break;
	case COL_TEXT:
		((struct slice *)p)->p = (const char *)sqlite3_column_text(s, at);
		((struct slice *)p)->n = (size_t)sqlite3_column_bytes(s, at);
		break;
	case COL_TIME:
	case COL_U64:
		*(uint64_t *)p = (uint64_t)v;
		break;
	case COL_COUNT:
		*(int64_t *)p = null ? LLM_UNKNOWN : v;
		break;
	case COL_INT:
		memcpy(p, &i, sizeof(i));
		break;
	case COL_BOOL:
		*(bool *)p = v != 0;
		break;
	}
}

void row_read(sqlite3_stmt *s, int first, const struct column *columns, int n, void *row)
{
	for (int i = 0; i < n; i++)
		read_one(s, first + i, columns[i].type, (char *)row + columns[i].offset);
}

bool row_copy(struct arena *a, const struct column *columns, int n, void *row)
{
	for (int i = 0; i < n; i++) {
		struct slice *text = (struct slice *)((char *)row + columns[i].offset);

		if (columns[i].type != COL_TEXT || text->n == 0)
			continue;
		*text = arena_copy(a, *text);
		if (!text->p)
			return false;
	}
	return true;
}

static size_t column_size(enum column_type type)
{
	switch (type) {
	case COL_ID128:
		return 16;
	case COL_INT:
		return sizeof(int);
	case COL_BOOL:
		return sizeof(bool);
	default:
		return 8;
	}
}

/* Counts below zero are all unknown; text by what it says. */
static bool equal_one(enum column_type type, const void *a, const void *b)
{
	int64_t count_a, count_b;

	if (type == COL_TEXT)
		return slice_eq(*(const struct slice *)a, *(const struct slice *)b);
	if (type == COL_COUNT) {
		memcpy(&count_a, a, sizeof(count_a));
		memcpy(&count_b, b, sizeof(count_b));
		if (count_a < 0 && count_b < 0)
			return true;
	}
	return memcmp(a, b, column_size(type)) == 0;
}

bool row_equal(const struct column *columns, int n, const void *a, const void *b)
{
	for (int i = 0; i < n; i++)
		if (!equal_one(columns[i].type, (const char *)a + columns[i].offset,
			       (const char *)b + columns[i].offset))
			return false;
	return true;
}

int row_names(const struct column *columns, int n, const char *prefix, struct buf *ret)
{
	int r = 0;

	for (int i = 0; i < n && r == 0; i++) {
		r = buf_add(ret, slice_of(i ? ", " : ""), SIZE_MAX);
		if (r == 0)
			r = buf_add(ret, slice_of(prefix), SIZE_MAX);
		if (r == 0)
			r = buf_add(ret, slice_of(columns[i].name), SIZE_MAX);
	}
	return r;
}
