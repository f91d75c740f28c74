/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Comma separated values (RFC 4180), one row a run or a span. Texts come from traffic, and
 * spreadsheets run what looks like a formula: such a cell begins with an apostrophe.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <time.h>

#include "base/format.h"
#include "base/util.h"
#include "export/export.h"
#include "export/span_json.h"

enum cell {
	CELL_ID128,
	CELL_ID64,
	CELL_TEXT,
	CELL_TIME,  /* uint64_t Unix ns */
	CELL_COUNT, /* int64_t; LLM_UNKNOWN: empty */
	CELL_PORT,  /* int; 0: not known */
	CELL_PID,   /* uint32_t; 0: not known */
	CELL_EXIT,  /* int, of a run that has ended and whose process was seen */
	CELL_RUN_STATUS,
	CELL_SPAN_STATUS,
	CELL_STEP,
	CELL_RUN_COST,	/* of struct run */
	CELL_SPAN_COST, /* of struct cost */
};

struct column {
	const char *name;
	enum cell type;
	size_t offset;
};

#define RUN(name, type, member)                          \
	{                                                \
		name, type, offsetof(struct run, member) \
	}
#define SPAN(name, type, member)                          \
	{                                                 \
		name, type, offsetof(struct span, member) \
	}

static const struct column run_columns[] = {
	RUN("run_id", CELL_ID128, run_id),
	RUN("session_id", CELL_ID128, session_id),
	RUN("status", CELL_RUN_STATUS, status),
	RUN("status_reason", CELL_TEXT, status_reason),
	RUN("started", CELL_TIME, start_ns),
	RUN("ended", CELL_TIME, end_ns),
	RUN("agent", CELL_TEXT, agent),
	RUN("agent_version", CELL_TEXT, agent_version),
	RUN("provider", CELL_TEXT, provider),
	RUN("models", CELL_TEXT, models),
	RUN("task", CELL_TEXT, task),
	RUN("command", CELL_TEXT, command),
	RUN("cwd", CELL_TEXT, cwd),
	RUN("project", CELL_TEXT, project),
	RUN("workflow", CELL_TEXT, workflow),
	RUN("trigger", CELL_TEXT, trigger),
	RUN("trigger_name", CELL_TEXT, trigger_name),
	RUN("user", CELL_TEXT, user),
	RUN("host", CELL_TEXT, host),
	RUN("exit_code", CELL_EXIT, exit_code),
	RUN("exit_signal", CELL_EXIT, exit_signal),
	RUN("llm_calls", CELL_COUNT, llm_calls),
	RUN("tool_calls", CELL_COUNT, tool_calls),
	RUN("processes", CELL_COUNT, processes),
	RUN("errors", CELL_COUNT, errors),
	RUN("input_tokens", CELL_COUNT, usage.input),
	RUN("output_tokens", CELL_COUNT, usage.output),
	RUN("cache_read_tokens", CELL_COUNT, usage.cache_read),
	RUN("cache_write_tokens", CELL_COUNT, usage.cache_write),
	RUN("reasoning_tokens", CELL_COUNT, usage.reasoning),
	RUN("cost_usd", CELL_RUN_COST, cost_pico_usd),
	RUN("unpriced_calls", CELL_COUNT, unpriced_calls),
	RUN("lost_bytes", CELL_COUNT, lost_bytes),
};

static const struct column span_columns[] = {
	SPAN("run_id", CELL_ID128, run_id),
	SPAN("span_id", CELL_ID64, span_id),
	SPAN("parent_span_id", CELL_ID64, parent_id),
	SPAN("session_id", CELL_ID128, session_id),
	SPAN("step", CELL_STEP, step),
	SPAN("name", CELL_TEXT, name),
	SPAN("status", CELL_SPAN_STATUS, status),
	SPAN("status_text", CELL_TEXT, status_text),
	SPAN("error_type", CELL_TEXT, error_type),
	SPAN("started", CELL_TIME, start_ns),
	SPAN("ended", CELL_TIME, end_ns),
	SPAN("agent", CELL_TEXT, agent),
	SPAN("provider", CELL_TEXT, provider),
	SPAN("request_model", CELL_TEXT, request_model),
	SPAN("response_model", CELL_TEXT, response_model),
	SPAN("server_address", CELL_TEXT, server_address),
	SPAN("server_port", CELL_PORT, server_port),
	SPAN("tool_name", CELL_TEXT, tool_name),
	SPAN("finish_reason", CELL_TEXT, finish_reason),
	SPAN("pid", CELL_PID, process.tgid),
	SPAN("program", CELL_TEXT, program),
	SPAN("evidence", CELL_TEXT, evidence),
	SPAN("input_tokens", CELL_COUNT, usage.input),
	SPAN("output_tokens", CELL_COUNT, usage.output),
	SPAN("cache_read_tokens", CELL_COUNT, usage.cache_read),
	SPAN("cache_write_tokens", CELL_COUNT, usage.cache_write),
	SPAN("reasoning_tokens", CELL_COUNT, usage.reasoning),
	SPAN("cost_usd", CELL_SPAN_COST, cost),
	SPAN("first_token_ns", CELL_COUNT, first_token_ns),
	SPAN("lost_bytes", CELL_COUNT, lost_bytes),
	SPAN("lost_reason", CELL_TEXT, lost_reason),
};

static bool needs_quotes(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '"' || s.p[i] == ',' || s.p[i] == '\n' || s.p[i] == '\r')
			return true;
	return false;
}

static void put_text(FILE *f, struct slice s)
{
	const bool quotes = needs_quotes(s);

	if (quotes)
		fputc('"', f);
	if (s.n && s.p[0] && strchr("=+-@\t\r", s.p[0]))
		fputc('\'', f);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			fputc('"', f);
		fputc(s.p[i], f);
	}
	if (quotes)
		fputc('"', f);
}

static void put_time(FILE *f, uint64_t ns)
{
	const time_t s = (time_t)(ns / 1000000000);
	char text[32];
	struct tm tm;

	if (!ns || !gmtime_r(&s, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	fprintf(f, "%s.%06" PRIu64 "Z", text, ns % 1000000000 / 1000);
}

static void put_ids(FILE *f, enum cell type, const void *at)
{
	char hex[ID128_HEX_SIZE];

	if (type == CELL_ID128 ? id128_is_zero(at) : id64_is_zero(at))
		return;
	if (type == CELL_ID128)
		id128_hex(at, hex);
	else
		id64_hex(at, hex);
	fputs(hex, f);
}

static void put_run_cost(FILE *f, const struct run *r)
{
	if (r->llm_calls == 0 || r->unpriced_calls < r->llm_calls)
		fputs(format_usd(r->cost_pico_usd).s, f);
}

static void put_span_cost(FILE *f, const struct cost *c)
{
	if (c->source != COST_UNKNOWN)
		fputs(format_usd(c->pico_usd).s, f);
}

static void put_known(FILE *f, int64_t v)
{
	if (v)
		fprintf(f, "%" PRId64, v);
}

static void put_exit(FILE *f, const struct run *r, int v)
{
	if (r->end_ns && r->process.tgid)
		fprintf(f, "%d", v);
}

static void put_cell(FILE *f, const struct column *c, const void *row)
{
	static const char *const statuses[] = { "unset", "ok", "error" };
	const void *at = (const char *)row + c->offset;

	switch (c->type) {
	case CELL_ID128:
	case CELL_ID64:
		put_ids(f, c->type, at);
		break;
	case CELL_TEXT:
		put_text(f, *(const struct slice *)at);
		break;
	case CELL_TIME:
		put_time(f, *(const uint64_t *)at);
		break;
	case CELL_COUNT:
		if (*(const int64_t *)at != LLM_UNKNOWN)
			fprintf(f, "%" PRId64, *(const int64_t *)at);
		break;
	case CELL_PORT:
		put_known(f, *(const int *)at);
		break;
	case CELL_PID:
		put_known(f, *(const uint32_t *)at);
		break;
	case CELL_EXIT:
		put_exit(f, row, *(const int *)at);
		break;
	case CELL_RUN_STATUS:
		fputs(run_status_name(*(const enum run_status *)at), f);
		break;
	case CELL_SPAN_STATUS:
		fputs(statuses[*(const enum span_status *)at % ARRAY_SIZE(statuses)], f);
		break;
	case CELL_STEP:
		fputs(step_name(*(const enum step_kind *)at), f);
		break;
	case CELL_RUN_COST:
		put_run_cost(f, row);
		break;
	case CELL_SPAN_COST:
		put_span_cost(f, at);
		break;
	}
}

static void put_row(FILE *f, const struct column *columns, size_t n, const void *row)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			fputc(',', f);
		if (row)
			put_cell(f, &columns[i], row);
		else
			fputs(columns[i].name, f);
	}
	fputs("\r\n", f);
}

static int put_span(void *ctx, const struct span *span)
{
	const struct export_job *job = ctx;

	put_row(job->out, span_columns, ARRAY_SIZE(span_columns), span);
	return ferror(job->out) ? -EPIPE : 0;
}

static int put_run(void *ctx, const struct run *run)
{
	const struct export_job *job = ctx;

	put_row(job->out, run_columns, ARRAY_SIZE(run_columns), run);
	return ferror(job->out) ? -EPIPE : 0;
}

static int write_csv(const struct export_job *job)
{
	if (job->rows == EXPORT_SPANS) {
		put_row(job->out, span_columns, ARRAY_SIZE(span_columns), NULL);
		return export_each_span(job, put_span, (void *)job);
	}
	put_row(job->out, run_columns, ARRAY_SIZE(run_columns), NULL);
	return export_each_run(job, put_run, (void *)job);
}

const struct exporter export_csv = {
	.name = "csv",
	.write = write_csv,
};
