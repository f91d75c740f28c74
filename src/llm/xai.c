/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xAI's own interface over gRPC: xai_api.Chat/GetCompletion, in one piece, and GetCompletionChunk,
 * streamed. Numbers of fields are those of the published schema.
 *
 * Parts of messages are JSON everywhere here, so that the messages of a request are not read; of
 * its answer everything is. Counts that are 0 are not on the wire. completion_tokens is without
 * reasoning.
 *
 * https://github.com/xai-org/xai-proto
 */
#include "llm/format.h"
#include "proto/protobuf.h"

enum { INDEX_REASONING, INDEX_TEXT, INDEX_CALLS };
enum { ROLE_TOOL = 5, CLIENT_SIDE_TOOL = 1 };

/* Where an answer in one piece and a chunk differ. */
struct layout {
	uint32_t model, usage, tier, message, finish;
};
static const struct layout whole = { 6, 9, 15, 3, 1 }, chunk = { 4, 6, 12, 1, 3 };

/* --- requests --- */

static void read_float(struct slice m, uint32_t number, double *ret)
{
	uint64_t bits;
	uint32_t low;
	float f;

	if (!protobuf_number(m, number, &bits))
		return;
	low = (uint32_t)bits;
	memcpy(&f, &low, sizeof(f));
	*ret = (double)f;
}

static void read_count(struct slice m, uint32_t number, int64_t *ret)
{
	uint64_t v;

	if (protobuf_number(m, number, &v) && v <= INT32_MAX)
		*ret = (int64_t)v;
}

static struct slice kept(struct llm_work *w, struct slice m, uint32_t number)
{
	return arena_copy(w->call.mem, protobuf_bytes(m, number));
}

static struct slice tier_of(struct slice m, uint32_t number)
{
	uint64_t v = 0;

	protobuf_number(m, number, &v);
	return v == 1 ? SLICE("default") : v == 2 ? SLICE("priority") : (struct slice){ 0 };
}

static void read_effort(struct llm_work *w, struct slice m)
{
	static const char *const words[] = { NULL, "low", "medium", "high", "none", "xhigh" };
	uint64_t v = 0;

	protobuf_number(m, 19, &v);
	if (v > 0 && v < ARRAY_SIZE(words))
		w->call.reasoning_effort = slice_of(words[v]);
}

static int64_t count_fields(struct slice m, uint32_t number)
{
	struct protobuf_field f;
	int64_t n = 0;

	while (protobuf_next(&m, &f))
		n += f.number == number;
	return n;
}

static int on_request(void *ctx, const struct frame *f)
{
	struct llm_work *w = ctx;
	struct llm_call *call = &w->call;
	const struct slice m = f->data;

	if (call->request_model.n)
		return 0;
	call->request_model = kept(w, m, 2);
	call->user_id = kept(w, m, 16);
	call->previous_response_id = kept(w, m, 22);
	call->service_tier = tier_of(m, 31);
	call->tool_count = count_fields(m, 17);
	read_effort(w, m);
	read_count(m, 7, &call->max_tokens);
	read_count(m, 8, &call->choices);
	read_count(m, 11, &call->seed);
	read_float(m, 14, &call->temperature);
	read_float(m, 15, &call->top_p);
	read_float(m, 3, &call->frequency_penalty);
	read_float(m, 9, &call->presence_penalty);
	return 0;
}

static bool is_stream(const struct llm_work *w)
{
	return slice_ends(w->call.http->path, SLICE("Chunk"));
}

static void read_request(struct llm_work *w)
{
	struct framer framer = { 0 };

	w->call.stream_requested = is_stream(w);
	if (framer_open(&framer, &framing_envelope, on_request, w, &w->call.http->request) < 0)
		w->overfull = true;
	else
		framer_feed(&framer, w->call.body);
	framer_done(&framer);
}

/* --- answers --- */

static void read_usage(struct llm_work *w, struct slice m)
{
	static const struct {
		uint32_t number;
		size_t offset;
	} fields[] = {
		{ 1, offsetof(struct llm_usage, output) },
		{ 2, offsetof(struct llm_usage, input) },
		{ 3, offsetof(struct llm_usage, provider_total) },
		{ 5, offsetof(struct llm_usage, input_image) },
		{ 6, offsetof(struct llm_usage, reasoning) },
		{ 7, offsetof(struct llm_usage, cache_read) },
	};
	uint64_t ticks;

	if (!m.n)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		int64_t *count = llm_usage_at(&w->usage, fields[i].offset);

		*count = 0;
		read_count(m, fields[i].number, count);
	}
	/* 10^10 a dollar */
	if (protobuf_number(m, 11, &ticks) && ticks < INT64_MAX / 100)
		w->call.provider_cost_pico_usd = (int64_t)ticks * 100;
	llm_inclusive_usage(w);
	llm_add_count(&w->call.usage.output, w->usage.reasoning); /* it stands beside the output */
}

static void add_text(struct llm_work *w, struct llm_message *m, enum llm_part_type type, int index,
		     struct slice text)
{
	struct llm_part *p = text.n ? llm_part_at(w, m, type, index) : NULL;

	if (!p)
		return;
	arena_add(w->call.mem, &p->text, text);
	llm_touch(w, p);
}

static void add_call(struct llm_work *w, struct llm_message *m, struct slice call)
{
	const struct slice function = protobuf_bytes(call, 10);
	uint64_t type = CLIENT_SIDE_TOOL;
	struct llm_part *p;

	protobuf_number(call, 2, &type);
	p = llm_new_part_at(
		w, m, type == CLIENT_SIDE_TOOL ? LLM_PART_TOOL_CALL : LLM_PART_SERVER_TOOL_CALL,
		INDEX_CALLS);
	if (!p)
		return;
	p->id = kept(w, call, 1);
	p->name = kept(w, function, 1);
	p->is_json = true;
	p->text = llm_lend(kept(w, function, 2));
	llm_touch(w, p);
}

static void read_message(struct llm_work *w, struct llm_message *to, struct slice m)
{
	struct protobuf_field f;
	uint64_t role = 0;

	protobuf_number(m, 2, &role);
	if (role == ROLE_TOOL) /* what a tool of the server's said */
		return;
	add_text(w, to, LLM_PART_REASONING, INDEX_REASONING, protobuf_bytes(m, 4));
	add_text(w, to, LLM_PART_TEXT, INDEX_TEXT, protobuf_bytes(m, 1));
	while (protobuf_next(&m, &f))
		if (f.number == 3 && f.type == PROTOBUF_BYTES)
			add_call(w, to, f.bytes);
}

static void read_finish(struct llm_work *w, struct slice output, uint32_t number)
{
	static const struct {
		const char *wire, *ours;
	} reasons[] = {
		[1] = { "REASON_MAX_LEN", "length" },	 [2] = { "REASON_MAX_CONTEXT", "length" },
		[3] = { "REASON_STOP", "stop" },	 [4] = { "REASON_TOOL_CALLS", "tool_call" },
		[5] = { "REASON_TIME_LIMIT", "length" },
	};
	uint64_t v = 0;

	protobuf_number(output, number, &v);
	if (v == 0 || v >= ARRAY_SIZE(reasons))
		return;
	w->call.finish_reason = slice_of(reasons[v].wire);
	w->call.answer.finish_reason = slice_of(reasons[v].ours);
}

static void keep_new(struct llm_work *w, struct slice *dst, struct slice value)
{
	if (value.n && !slice_eq(*dst, value))
		*dst = arena_copy(w->call.mem, value);
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	const struct layout *l = is_stream(w) ? &chunk : &whole;
	struct slice rest = f->data;
	struct protobuf_field field;

	if (f->type.n) /* trailers of gRPC-Web */
		return;
	w->answered = true;
	w->call.streamed = is_stream(w);
	keep_new(w, &w->call.response_id, protobuf_bytes(f->data, 1));
	keep_new(w, &w->call.response_model, protobuf_bytes(f->data, l->model));
	if (tier_of(f->data, l->tier).n)
		w->call.response_tier = tier_of(f->data, l->tier);
	read_usage(w, protobuf_bytes(f->data, l->usage));
	while (protobuf_next(&rest, &field)) {
		if (field.number != 2 || field.type != PROTOBUF_BYTES)
			continue;
		read_message(w, &w->call.answer, protobuf_bytes(field.bytes, l->message));
		read_finish(w, field.bytes, l->finish);
	}
}

static void read_response(struct llm_work *w, struct slice body)
{
	llm_read_error(w, body);
}

static bool shape(const struct llm_keys *k)
{
	(void)k;
	return false;
}

static bool answers(struct slice object)
{
	(void)object;
	return false;
}

static bool said(struct slice item)
{
	(void)item;
	return false;
}

static void read_nothing(struct slice value, struct arena *mem, struct llm_message *m)
{
	(void)value;
	(void)mem;
	(void)m;
}

static const char *const paths[] = { "/xai_api.Chat/GetCompletion",
				     "/xai_api.Chat/GetCompletionChunk", NULL };

const struct llm_format llm_xai = {
	.no_estimate = true, /* the request's messages are not read */
	.name = "xai.chat",
	.provider = "x_ai",
	.paths = paths,
	.shape = shape,
	.said = said,
	.request = read_request,
	.item = read_nothing,
	.system = read_nothing,
	.answers = answers,
	.response = read_response,
	.event = read_event,
	.binary_events = true,
	.framing = &framing_envelope,
};
