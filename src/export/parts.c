/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "export/span_json.h"

#define CALLS_MAX 4096 /* of a run, that later ones are compared with */

/* A call that a later one may continue. */
struct call {
	char id[ID64_HEX_SIZE];
	struct slice model; /* malloc'ed */
	UT_hash_handle hh;
};

struct parts {
	struct store_reader *r;
	struct steps *steps;
	struct call *calls;
	bool answers; /* are taken apart */
	bool failed;  /* the newest call has */
};

struct parts *parts_new(struct store_reader *r, struct steps *steps, bool answers)
{
	struct parts *p = calloc(1, sizeof(*p));

	if (p) {
		p->r = r;
		p->steps = steps;
		p->answers = answers;
	}
	return p;
}

void parts_free(struct parts *p)
{
	struct call *c, *next;

	if (!p)
		return;
	HASH_ITER(hh, p->calls, c, next)
	{
		HASH_DEL(p->calls, c);
		free((char *)c->model.p);
		free(c);
	}
	free(p);
}

/* An id of its own that is always the same. */
static struct id64 id_of(const struct id64 *span, const char *kind, uint64_t n)
{
	struct id_hash h;

	id_hash_begin(&h, kind);
	id_hash_bytes(&h, (struct slice){ (const char *)span->b, sizeof(span->b) });
	id_hash_u64(&h, n);
	return id64_of(id_hash_end(&h));
}

static struct step blank(const struct id128 *run, const struct id64 *below, enum step_look look,
			 uint64_t n)
{
	return (struct step){
		.key = { .run = *run, .span = id_of(below, "part", (uint64_t)look << 32 | n) },
		.parent_id = *below,
		.look = look,
		.status = SPAN_OK,
		.final = true,
		.usage = llm_usage_unknown,
		.table_pico_usd = LLM_UNKNOWN,
		.first_token_ns = LLM_UNKNOWN,
		.exit_code = LLM_UNKNOWN,
	};
}

/* "word FROM TO rest" */
struct told {
	struct slice word, rest;
	uint64_t from, to;
};

static bool read_told(struct slice json, struct arena *mem, struct told *ret)
{
	struct slice from, to, rest = json_text(json, mem);

	if (!slice_cut(rest, ' ', &ret->word, &rest) || !slice_cut(rest, ' ', &from, &rest))
		return false;
	if (!slice_cut(rest, ' ', &to, &ret->rest)) {
		to = rest;
		ret->rest = (struct slice){ 0 };
	}
	return slice_u64(from, &ret->from) && slice_u64(to, &ret->to);
}

/* --- parts of an answer --- */

static enum step_look look_of(struct slice type)
{
	if (slice_eq(type, SLICE("reasoning")))
		return LOOK_REASONING;
	return slice_eq(type, SLICE("text")) ? LOOK_MESSAGE : LOOK_AS_KIND;
}

/* The times of the nth part of that look, where they were told; else the call's. */
static void find_times(const struct span *s, struct slice told, enum step_look look, int nth,
		       struct arena *mem, struct step *st)
{
	const struct slice name = slice_of(look == LOOK_REASONING ? "reasoning" : "message");
	struct json_iter it;
	struct slice one;
	struct told t;

	st->start_ns = s->start_ns;
	st->end_ns = s->end_ns;
	if (!json_array(told, &it))
		return;
	while (json_next(&it, &one)) {
		if (!read_told(one, mem, &t) || !slice_eq(t.word, name) || nth-- > 0)
			continue;
		st->start_ns = s->start_ns + t.from;
		st->end_ns = s->start_ns + t.to;
		return;
	}
}

static void add_parts(struct parts *p, const struct span *s, struct slice message,
		      struct arena *mem)
{
	const struct slice told = span_attr_text(s, "sonde.output.parts");
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(message);
	int n[LOOK_ERROR + 1] = { 0 };
	const cJSON *part;

	cJSON_ArrayForEach (part, json_at(j, "parts")) {
		const enum step_look look = look_of(json_str(part, "type"));
		struct step st = blank(&s->run_id, &s->span_id, look, (uint64_t)n[look]);

		if (look == LOOK_AS_KIND)
			continue;
		find_times(s, told, look, n[look]++, mem, &st);
		st.label = slice_trim(json_str(part, "content"));
		if (st.label.n)
			steps_put_look(p->steps, &st);
	}
}

/* --- events --- */

static void put_event(struct parts *p, const struct span *s, uint64_t n, struct told t)
{
	struct step st = blank(&s->run_id, &s->span_id, LOOK_EVENT, n);

	st.start_ns = t.from;
	st.end_ns = t.to;
	st.label = t.word;
	st.detail = t.rest;
	st.pause = slice_eq(t.word, SLICE("pause"));
	steps_put_look(p->steps, &st);
}

static void add_events(struct parts *p, const struct span *s, struct arena *mem)
{
	const struct slice list = span_attr_text(s, "sonde.run.events");
	struct json_iter it;
	struct slice one;
	struct told t;

	if (list.n == 0 || !json_array(list, &it))
		return;
	for (uint64_t n = 0; json_next(&it, &one); n++)
		if (read_told(one, mem, &t))
			put_event(p, s, n, t);
}

static struct call *find_call(const struct parts *p, struct slice hex)
{
	struct call *c = NULL;

	if (hex.n == ID64_HEX_SIZE - 1)
		HASH_FIND(hh, p->calls, hex.p, ID64_HEX_SIZE - 1, c);
	return c;
}

static void remember_call(struct parts *p, const struct span *s)
{
	struct call *c;

	if (HASH_COUNT(p->calls) >= CALLS_MAX || s->request_model.n == 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	id64_hex(&s->span_id, c->id);
	c->model.p = slice_dup(s->request_model);
	c->model.n = c->model.p ? s->request_model.n : 0;
	HASH_ADD(hh, p->calls, id[0], ID64_HEX_SIZE - 1, c);
	if (c->hh.tbl)
		return;
	free((char *)c->model.p);
	free(c);
}

/* What a call tells beside itself: its conversation goes on with another model, or cut down. */
static void compare_call(struct parts *p, const struct span *s)
{
	const struct call *before = find_call(p, span_attr_text(s, "sonde.conversation.continues"));
	const struct told at = { .from = s->start_ns, .to = s->start_ns };
	struct told t = at;
	char text[256];

	if (before && before->model.n && s->request_model.n &&
	    !slice_eq(before->model, s->request_model)) {
		snprintf(text, sizeof(text), "%.*s, before %.*s",
			 (int)(s->request_model.n < 100 ? s->request_model.n : 100),
			 s->request_model.p, (int)(before->model.n < 100 ? before->model.n : 100),
			 before->model.p);
		t.word = SLICE("model");
		t.rest = slice_of(text);
		put_event(p, s, 1, t);
	}
	if (slice_eq(span_attr_text(s, "sonde.conversation.evidence"), SLICE("summary"))) {
		t = at;
		t.word = SLICE("compaction");
		t.rest = SLICE("the history goes on from a summary");
		put_event(p, s, 2, t);
	}
	remember_call(p, s);
}

/* --- the way in --- */

void parts_add(struct parts *p, const struct span *s)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(1u << 20);
	_cleanup_(buf_done) struct buf message = { 0 };

	if (!mem)
		return;
	if (s->step == STEP_AGENT && id64_is_zero(&s->parent_id))
		add_events(p, s, mem);
	if (s->step != STEP_LLM)
		return;
	p->failed = s->status == SPAN_ERROR;
	compare_call(p, s);
	if (p->answers && !id128_is_zero(&s->output_node) &&
	    store_message_read(p->r, &s->output_node, &message) == 0)
		add_parts(p, s, buf_slice(&message), mem);
}

void parts_add_run(struct parts *p, const struct run *run)
{
	const struct step *root = NULL;
	struct step st;

	if (run->status != RUN_FAILED && run->status != RUN_TIMED_OUT)
		return;
	if (p->failed && slice_starts(run->status_reason, SLICE("the last model call failed")))
		return; /* that call's step says it */
	for (const struct step *s = p->steps->by_key; s && !root; s = s->hh.next)
		if (s->kind == STEP_AGENT && id64_is_zero(&s->parent_id) &&
		    id128_eq(&s->key.run, &run->run_id))
			root = s;
	if (!root)
		return;
	st = blank(&run->run_id, &root->key.span, LOOK_ERROR, 0);
	st.start_ns = st.end_ns = run->end_ns ? run->end_ns : run->start_ns;
	st.status = SPAN_ERROR;
	st.label =
		run->status_reason.n ? run->status_reason : slice_of(run_status_name(run->status));
	steps_put_look(p->steps, &st);
}
