/* SPDX-License-Identifier: BSD-2-Clause */
/* What a span comes to, and under which labels. What counts as a call is what the store says. */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/utf8.h"
#include "base/util.h"
#include "export/metrics_parts.h"
#include "export/span_json.h"
#include "sonde/run.h"

struct counted {
	struct metrics *m;
	int sign;
	const struct span *span;
	int r;
	struct slice labels[LABEL_NR];
	char text[LABEL_NR][METRIC_VALUE_MAX];
};

/* --- labels --- */

static struct slice clean_char(struct slice rest, size_t *ret_used)
{
	const size_t n = utf8_char(rest);

	*ret_used = n ? n : 1;
	if (n == 0)
		return SLICE("\xef\xbf\xbd");
	if (n == 1 && ((unsigned char)rest.p[0] < 0x20 || rest.p[0] == 0x7f))
		return SLICE(" ");
	return (struct slice){ rest.p, n };
}

size_t metrics_clean(struct slice value, char ret[METRIC_VALUE_MAX])
{
	size_t n = 0, used;

	for (struct slice rest = value; rest.n; rest = slice_from(rest, used)) {
		const struct slice ch = clean_char(rest, &used);

		if (n + ch.n > METRIC_VALUE_MAX)
			break;
		memcpy(ret + n, ch.p, ch.n);
		n += ch.n;
	}
	return n;
}

static void set(struct counted *c, enum metric_label which, struct slice value)
{
	c->labels[which] = (struct slice){ c->text[which], metrics_clean(value, c->text[which]) };
}

/* A member of the run's resource: a string that needs no escapes, or nothing. */
static struct slice resource_text(const struct run *run, const char *name)
{
	const struct slice v = json_member(run->resource, slice_of(name));

	if (v.n < 2 || v.p[0] != '"' || memchr(v.p, '\\', v.n))
		return (struct slice){ 0 };
	return (struct slice){ v.p + 1, v.n - 2 };
}

static void set_place(struct counted *c, const struct run *run)
{
	struct slice place;
	int r;

	if (!(c->m->labels & METRIC_LABEL(LABEL_PLACE)))
		return;
	r = metrics_place_of(c->m, run, &place);
	if (r == 0)
		set(c, LABEL_PLACE, place);
	else
		c->r = r;
}

static void set_who(struct counted *c, const struct run *run)
{
	set(c, LABEL_AGENT, c->span->agent);
	if (!run)
		return;
	set(c, LABEL_USER, run->user);
	set(c, LABEL_PROJECT, run->project.n ? run->project : run->cwd);
	set(c, LABEL_NAMESPACE, resource_text(run, "k8s.namespace.name"));
	set(c, LABEL_CONTAINER, resource_text(run, "k8s.container.name"));
	if (!c->labels[LABEL_CONTAINER].n)
		set(c, LABEL_CONTAINER, resource_text(run, "container.name"));
	set_place(c, run);
}

/* "chat gpt-5" begins with its operation. */
static struct slice operation_of(const struct span *s)
{
	struct slice name = span_attr_text(s, "gen_ai.operation.name"), rest;

	if (!name.n && !slice_cut(s->name, ' ', &name, &rest))
		name = s->name;
	return name;
}

static void set_call(struct counted *c)
{
	const struct span *s = c->span;
	char port[16];

	set(c, LABEL_PROVIDER, s->provider);
	set(c, LABEL_MODEL, s->response_model.n ? s->response_model : s->request_model);
	set(c, LABEL_REQUEST_MODEL, s->request_model);
	set(c, LABEL_RESPONSE_MODEL, s->response_model);
	set(c, LABEL_SERVER_ADDRESS, s->server_address);
	snprintf(port, sizeof(port), "%d", s->server_port);
	if (s->server_address.n && s->server_port > 0)
		set(c, LABEL_SERVER_PORT, slice_of(port));
	set(c, LABEL_OPERATION, operation_of(s));
}

/* The convention's word where nothing better is known. */
static void set_error(struct counted *c)
{
	if (c->span->status == SPAN_ERROR)
		set(c, LABEL_ERROR_TYPE,
		    c->span->error_type.n ? c->span->error_type : SLICE("_OTHER"));
}

/* --- series --- */

static size_t make_key(const struct counted *c, uint32_t labels, bool other, char *ret)
{
	/* Few values each, none of them from outside. */
	const uint32_t fixed = METRIC_LABEL(LABEL_TOKEN_TYPE) | METRIC_LABEL(LABEL_STATUS);
	size_t n = 0;

	for (size_t i = 0; i < LABEL_NR; i++) {
		struct slice v = c->labels[i];

		if (!(labels & METRIC_LABEL(i)))
			continue;
		if (other && !(fixed & METRIC_LABEL(i)))
			v = SLICE("other");
		ret[n++] = (char)v.n;
		if (v.n)
			memcpy(ret + n, v.p, v.n);
		n += v.n;
	}
	return n;
}

/* The one with these labels; over the limit, the one for the rest. */
static struct series *find(struct counted *c, enum metric_id which)
{
	const uint32_t labels = metrics_labels(c->m, which);
	char key[METRIC_KEY_MAX];
	size_t n = make_key(c, labels, false, key);
	struct series *s;

	HASH_FIND(hh, c->m->series[which], key, n, s);
	if (!s && c->m->n[which] >= c->m->max_series) {
		n = make_key(c, labels, true, key);
		s = metrics_series(c->m, which, key, n, true);
	} else if (!s) {
		s = metrics_series(c->m, which, key, n, false);
	}
	if (!s)
		c->r = -ENOMEM;
	return s;
}

static int64_t sum(int64_t a, int64_t b)
{
	int64_t v;

	if (__builtin_add_overflow(a, b, &v))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return v;
}

static void count(struct counted *c, enum metric_id which, int64_t n)
{
	struct series *s = n ? find(c, which) : NULL;

	if (s)
		s->values[0] = sum(s->values[0], c->sign * n);
}

static void observe(struct counted *c, enum metric_id which, int64_t v)
{
	const struct metric_def *d = &metric_defs[which];
	struct series *s = find(c, which);
	size_t i = 0;

	if (!s)
		return;
	while (i < d->n_buckets && v > d->buckets[i])
		i++;
	s->values[i] += c->sign;
	s->values[d->n_buckets + 1] = sum(s->values[d->n_buckets + 1], c->sign * v);
}

static void observe_time(struct counted *c, enum metric_id which)
{
	const struct span *s = c->span;

	if (s->end_ns)
		observe(c, which, s->end_ns > s->start_ns ? (int64_t)(s->end_ns - s->start_ns) : 0);
}

/* --- kinds of spans --- */

static void add_tokens(struct counted *c)
{
	static const struct {
		const char *type;
		size_t offset;
		bool whole;
	} types[] = {
		{ "input", offsetof(struct llm_usage, input), true },
		{ "output", offsetof(struct llm_usage, output), true },
		{ "cache_read", offsetof(struct llm_usage, cache_read), false },
		{ "cache_write", offsetof(struct llm_usage, cache_write), false },
		{ "reasoning", offsetof(struct llm_usage, reasoning), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		const int64_t n =
			*(const int64_t *)((const char *)&c->span->usage + types[i].offset);

		if (n < 0) /* nobody told: no zero */
			continue;
		set(c, LABEL_TOKEN_TYPE, slice_of(types[i].type));
		count(c, METRIC_TOKENS, n);
		if (types[i].whole)
			observe(c, METRIC_TOKEN_USAGE, n);
	}
}

static void add_call(struct counted *c)
{
	const struct span *s = c->span;
	const bool once = !span_attr(s, "sonde.duplicate_of");
	const bool served = once && span_attr_int(s, "http.response.status_code") < 400;

	set_call(c);
	add_tokens(c);
	if (s->cost.source != COST_UNKNOWN)
		count(c, s->cost.equivalent ? METRIC_EQUIVALENT : METRIC_COST, s->cost.pico_usd);
	count(c, METRIC_UNPRICED, served && s->cost.source == COST_UNKNOWN);
	count(c, METRIC_USAGE_UNKNOWN, served && (s->usage.input < 0 || s->usage.output < 0));
	count(c, METRIC_LOST, s->lost_bytes < INT64_MAX ? (int64_t)s->lost_bytes : INT64_MAX);
	set_error(c);
	count(c, METRIC_ERRORS, s->status == SPAN_ERROR);
	count(c, METRIC_CALLS, once);
	if (once)
		observe_time(c, METRIC_DURATION);
	if (once && s->first_token_ns >= 0)
		observe(c, METRIC_FIRST_TOKEN, s->first_token_ns);
}

static void add_mcp(struct counted *c)
{
	const struct slice method = span_attr_text(c->span, "mcp.method.name");

	if (!method.n || c->span->kind == SPAN_SERVER)
		return;
	set(c, LABEL_MCP_METHOD, method);
	set_error(c);
	observe_time(c, METRIC_MCP_DURATION);
}

static void add_tool(struct counted *c)
{
	set(c, LABEL_TOOL, c->span->tool_name);
	set_error(c);
	count(c, METRIC_TOOL_CALLS, 1);
	count(c, METRIC_TOOL_ERRORS, c->span->status == SPAN_ERROR);
	observe_time(c, METRIC_TOOL_DURATION);
	add_mcp(c);
}

static void add_run(struct counted *c)
{
	const struct slice status = span_attr_text(c->span, "sonde.run.status");
	const char *known = "incomplete";

	if (!id64_is_zero(&c->span->parent_id))
		return; /* a sub-agent */
	for (size_t i = RUN_COMPLETED; i <= RUN_PAUSED; i++)
		if (slice_eq(status, slice_of(run_status_names[i])))
			known = run_status_names[i];
	set(c, LABEL_STATUS, slice_of(known));
	count(c, METRIC_RUNS, 1);
	observe_time(c, METRIC_RUN_DURATION);
}

static void (*const kinds[])(struct counted *c) = {
	[STEP_AGENT] = add_run,
	[STEP_LLM] = add_call,
	[STEP_TOOL] = add_tool,
	[STEP_MCP] = add_mcp,
};

int metrics_count(struct metrics *m, int sign, const struct span *span, const struct run *run)
{
	struct counted c = { .m = m, .sign = sign, .span = span };

	if (span->step < ARRAY_SIZE(kinds) && kinds[span->step]) {
		set_who(&c, run);
		kinds[span->step](&c);
	}
	if (sign < 0) {
		c.sign = 1;
		count(&c, METRIC_CORRECTIONS, 1);
	}
	return c.r;
}

int metrics_add(struct metrics *m, int sign, const struct span *span, const struct run *run)
{
	m->has_last_run = false;
	return metrics_count(m, sign, span, run);
}
