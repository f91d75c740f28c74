/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/span_json.h"

#include "base/util.h"
#include "export/json_put.h"
#include "store/attrs.h"

const char *run_status_name(enum run_status status)
{
	return status >= RUN_RUNNING && status <= RUN_PAUSED ? run_status_names[status] : "?";
}

/* Of a step that has none it is null. */
static void put_parent(struct json_writer *w, const struct id64 *id)
{
	if (!id64_is_zero(id)) {
		put_id64(w, "parent_span_id", id);
		return;
	}
	json_key(w, "parent_span_id");
	json_put_null(w);
}

/* An exact decimal form goes before what a double makes of it. */
static void put_attr(void *ctx, const struct attr *a)
{
	struct json_writer *w = ctx;

	json_key(w, a->name);
	if (a->type == ATTR_DOUBLE && a->s.n)
		json_put_raw(w, a->s);
	else
		attr_put(w, a);
}

void span_content_json(struct json_writer *w, const struct span_content *c)
{
	put_json(w, "gen_ai.system_instructions", c->system);
	put_json(w, "gen_ai.input.messages", c->input_messages);
	put_json(w, "gen_ai.output.messages", c->output_messages);
	put_json(w, "gen_ai.tool.definitions", c->tools);
	put_text(w, "gen_ai.tool.call.arguments", c->arguments);
	put_text(w, "gen_ai.tool.call.result", c->result);
}

void span_json(struct json_writer *w, const struct span *s, const struct span_content *content)
{
	static const char *const kinds[] = { "UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT" };
	static const char *const codes[] = { "UNSET", "OK", "ERROR" };

	json_begin(w, '{');
	put_id128(w, "trace_id", &s->run_id);
	put_id64(w, "span_id", &s->span_id);
	put_parent(w, &s->parent_id);
	put_text(w, "name", s->name);
	put_text(w, "kind", slice_of(kinds[s->kind & 3]));
	put_time_or_null(w, "start_time_unix_nano", s->start_ns);
	put_time_or_null(w, "end_time_unix_nano", s->end_ns);
	json_key(w, "status");
	json_begin(w, '{');
	put_text(w, "code", slice_of(codes[s->status <= SPAN_ERROR ? s->status : SPAN_UNSET]));
	put_text(w, "message", s->status_text);
	json_end(w, '}');
	json_key(w, "attributes");
	json_begin(w, '{');
	span_attrs_each(s, put_attr, w);
	if (content) {
		span_content_json(w, content);
		put_text(w, "sonde.http.raw", content->raw);
		put_yes(w, "sonde.content.cut", content->cut);
	}
	json_end(w, '}');
	json_end(w, '}');
}

void usage_json(struct json_writer *w, const struct llm_usage *u)
{
	for (int i = 0; i < llm_usage_counts_n; i++) {
		int64_t v = llm_usage_count(u, &llm_usage_counts[i]);

		if (v != LLM_UNKNOWN)
			put_number(w, llm_usage_counts[i].name, v);
	}
	if (u->estimated) {
		json_key(w, "estimated");
		json_put_bool(w, true);
	}
}

static void put_run_totals(struct json_writer *w, const struct run *r)
{
	const struct {
		const char *name;
		int64_t v;
	} totals[] = {
		{ "llm_calls", r->llm_calls },
		{ "tool_calls", r->tool_calls },
		{ "processes", r->processes },
		{ "errors", r->errors },
		{ "unpriced_calls", r->unpriced_calls },
		{ "usage_unknown_calls", r->usage_unknown_calls },
		{ "lost_bytes", (int64_t)r->lost_bytes },
	};

	for (size_t i = 0; i < ARRAY_SIZE(totals); i++)
		if (totals[i].v != LLM_UNKNOWN)
			put_number(w, totals[i].name, totals[i].v);
	put_usage(w, &r->usage);
	put_spent(w, r->llm_calls, r->unpriced_calls, r->cost_pico_usd, r->equivalent_pico_usd);
}

static void put_run_who(struct json_writer *w, const struct run *r)
{
	const struct {
		const char *name;
		struct slice s;
	} texts[] = {
		{ "status", slice_of(run_status_name(r->status)) },
		{ "status_reason", r->status_reason },
		{ "agent", r->agent },
		{ "agent_version", r->agent_version },
		{ "provider", r->provider },
		{ "task", r->task },
		{ "command", r->command },
		{ "cwd", r->cwd },
		{ "user", r->user },
		{ "host", r->host },
		{ "trigger", r->trigger },
		{ "trigger_name", r->trigger_name },
		{ "workflow", r->workflow },
		{ "project", r->project },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		put_text(w, texts[i].name, texts[i].s);
}

void run_json(struct json_writer *w, const struct run *r, const char *db)
{
	json_begin(w, '{');
	put_text(w, "type", SLICE("run"));
	put_id128(w, "run_id", &r->run_id);
	put_id128(w, "session_id", &r->session_id);
	put_time_or_null(w, "start_time_unix_nano", r->start_ns);
	put_time_or_null(w, "end_time_unix_nano", r->end_ns);
	put_run_who(w, r);
	put_list(w, "models", r->models);
	put_number(w, "uid", r->uid);
	if (r->process.tgid)
		put_number(w, "pid", r->process.tgid);
	if (r->end_ns && r->exit_signal)
		put_number(w, "exit_signal", r->exit_signal);
	else if (r->end_ns && r->process.tgid)
		put_number(w, "exit_code", r->exit_code);
	put_run_totals(w, r);
	put_json(w, "resource", r->resource);
	put_json(w, "assurance", r->assurance);
	put_json(w, "notes", r->notes);
	if (r->writable_by_agent) {
		json_key(w, "writable_by_agent");
		json_put_bool(w, true);
	}
	if (db)
		put_text(w, "store", slice_of(db));
	json_end(w, '}');
}

void json_line(struct json_writer *w, FILE *f)
{
	if (w->r == 0) {
		/* Line ends of JSON that stands as traffic had it: blanks between its tokens. */
		for (size_t i = 0; i < w->out->n; i++)
			if (w->out->p[i] == '\n' || w->out->p[i] == '\r')
				w->out->p[i] = ' ';
		buf_add(w->out, SLICE("\n"), SIZE_MAX);
		fwrite(w->out->p, 1, w->out->n, f);
	}
	w->out->n = 0;
	w->comma = false;
	w->r = 0;
}
