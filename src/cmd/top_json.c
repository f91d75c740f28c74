/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cmd/top.h"
#include "export/json_put.h"
#include "export/span_json.h"

/* --- writing --- */

static void put_str(struct json_writer *w, const char *key, const char *text)
{
	if (!*text)
		return;
	json_key(w, key);
	json_put_str(w, slice_of(text));
}

static void put_run(struct json_writer *w, const struct top_row *r)
{
	char run[ID128_HEX_SIZE];

	id128_hex(&r->run, run);
	put_str(w, "run_id", run);
	put_number(w, "pid", r->pid);
	put_str(w, "agent", r->agent);
	put_str(w, "user", r->user);
	put_number(w, "uid", r->uid);
	put_str(w, "host", r->host);
	put_str(w, "container", r->container);
	put_str(w, "pod", r->pod);
	put_str(w, "task", r->task);
	put_str(w, "status", run_status_name(r->status));
}

static void put_group(struct json_writer *w, const struct top *t, const struct top_row *r)
{
	put_str(w, "by", top_group_names[t->by]);
	put_str(w, top_group_names[t->by], r->key);
	if (t->by == TOP_PROCESS)
		put_number(w, "pid", r->pid);
	put_number(w, "runs", r->runs);
}

void top_row_put(struct json_writer *w, const struct top *t, const struct top_row *r,
		 uint64_t at_ns)
{
	json_begin(w, '{');
	if (at_ns)
		put_number(w, "time_unix_nano", (int64_t)at_ns);
	if (t->by == TOP_RUN)
		put_run(w, r);
	else
		put_group(w, t, r);
	put_str(w, "state", top_state_names[r->state]);
	put_str(w, "doing", r->doing);
	put_str(w, "models", r->model);
	put_number(w, "llm_calls", r->calls);
	put_number(w, "tool_calls", r->tools);
	put_number(w, "errors", r->errors);
	put_number(w, "tokens", r->tokens);
	json_key(w, "output_tokens_per_s");
	json_put_double(w, r->tokens_per_s);
	if (!r->calls || r->unpriced < r->calls)
		put_usd(w, "cost_usd", r->cost_pico_usd);
	if (r->equivalent_pico_usd)
		put_usd(w, "equivalent_usd", r->equivalent_pico_usd);
	put_number(w, "unpriced_calls", r->unpriced);
	put_number(w, "start_time_unix_nano", (int64_t)r->start_ns);
	if (r->end_ns)
		put_number(w, "end_time_unix_nano", (int64_t)r->end_ns);
	json_end(w, '}');
}

/* --- reading --- */

/* Where a member goes. */
struct member {
	const char *name;
	enum { TEXT, COUNT, NUMBER, TIME, USD } type;
	size_t offset, size;
};

#define AT_TEXT(name, member)                                 \
	{                                                     \
		name, TEXT, offsetof(struct top_row, member), \
			sizeof(((struct top_row *)0)->member) \
	}
#define AT(name, type, member)                                  \
	{                                                       \
		name, type, offsetof(struct top_row, member), 0 \
	}

static const struct member members[] = {
	AT_TEXT("agent", agent),
	AT_TEXT("models", model),
	AT_TEXT("doing", doing),
	AT_TEXT("task", task),
	AT_TEXT("user", user),
	AT_TEXT("host", host),
	AT_TEXT("container", container),
	AT_TEXT("pod", pod),
	AT("pid", NUMBER, pid),
	AT("uid", NUMBER, uid),
	AT("llm_calls", COUNT, calls),
	AT("tool_calls", COUNT, tools),
	AT("errors", COUNT, errors),
	AT("tokens", COUNT, tokens),
	AT("unpriced_calls", COUNT, unpriced),
	AT("start_time_unix_nano", TIME, start_ns),
	AT("end_time_unix_nano", TIME, end_ns),
	AT("cost_usd", USD, cost_pico_usd),
	AT("equivalent_usd", USD, equivalent_pico_usd),
};

static void take(const struct member *m, struct slice v, struct top_row *row, struct arena *mem)
{
	char *at = (char *)row + m->offset;
	int64_t n = 0;

	if (m->type == TEXT) {
		const struct slice s = json_text(v, mem);

		snprintf(at, m->size, "%.*s", SLICE_ARG(s));
		return;
	}
	if (m->type == USD ? !json_scaled(v, 12, &n) : !json_int64(v, &n))
		return;
	if (m->type == NUMBER)
		*(uint32_t *)(void *)at = n >= 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
	else
		memcpy(at, &n, sizeof(n));
}

static int name_at(const char *const *names, int n, struct slice v)
{
	for (int i = 0; i < n; i++)
		if (json_is(v, names[i]))
			return i;
	return -1;
}

bool top_row_parse(struct slice line, struct top_row *ret)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(2 * line.n + 4096);
	struct top_row row = { .runs = 1, .state = TOP_ENDED };
	struct slice id = json_member(line, SLICE("run_id")), v;
	int n;

	if (!mem || !json_valid(line) || id.n != ID128_HEX_SIZE + 1 ||
	    id128_parse((struct slice){ id.p + 1, id.n - 2 }, &row.run) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		v = json_member(line, slice_of(members[i].name));
		if (v.n)
			take(&members[i], v, &row, mem);
	}
	n = name_at(top_state_names, TOP_ENDED, json_member(line, SLICE("state")));
	if (n >= 0)
		row.state = (enum top_state)n;
	n = name_at(run_status_names + RUN_RUNNING, RUN_PAUSED, json_member(line, SLICE("status")));
	row.status = n >= 0 ? (enum run_status)(n + RUN_RUNNING) : RUN_INCOMPLETE;
	json_double(json_member(line, SLICE("output_tokens_per_s")), &row.tokens_per_s);
	*ret = row;
	return true;
}
