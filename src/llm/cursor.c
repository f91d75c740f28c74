/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cursor's agent: POST /agent.v1.AgentService/Run, protobuf in Connect envelopes, both ways on one
 * HTTP/2 stream. Its schema is not published, so little is read: that there is a call, its model
 * and conversation, how it ended. The server runs the agent's loop and may ask several models in
 * one call; what it tells of tokens is no count of a call, so that usage is unknown.
 *
 * The first message is AgentClientMessage{1: AgentRunRequest{3: ModelDetails{1: id}, 5:
 * conversation id, 9: RequestedModel{1: id}}}. Later ones answer the server: tools' results.
 */
#include "llm/format.h"
#include "proto/protobuf.h"

#define NAME_MAX_BYTES 256

/* A name or an id, or the empty slice: the numbers of fields may change their meaning. */
static struct slice printable(struct slice s)
{
	if (s.n > NAME_MAX_BYTES)
		return (struct slice){ 0 };
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '!' || s.p[i] > '~')
			return (struct slice){ 0 };
	return s;
}

struct reader {
	struct llm_work *w;
	bool done;
};

static int on_message(void *ctx, const struct frame *f)
{
	struct reader *rd = ctx;
	struct llm_call *call = &rd->w->call;
	struct slice run, model;

	if (rd->done)
		return 0;
	rd->done = true;
	run = protobuf_bytes(f->data, 1);
	model = printable(protobuf_bytes(protobuf_bytes(run, 3), 1));
	if (!model.n)
		model = printable(protobuf_bytes(protobuf_bytes(run, 9), 1));
	call->request_model = arena_copy(call->mem, model);
	call->conversation_id = arena_copy(call->mem, printable(protobuf_bytes(run, 5)));
	return 0;
}

static void read_request(struct llm_work *w)
{
	struct framer framer = { 0 };
	struct reader rd = { .w = w };

	w->call.stream_requested = true;
	if (framer_open(&framer, &framing_envelope, on_message, &rd, &w->call.http->request) < 0)
		w->overfull = true;
	else
		framer_feed(&framer, w->call.body);
	framer_done(&framer);
}

/* What ends a Connect stream: {} or {"error":{"code","message"}}. */
static void read_end(struct llm_work *w, struct slice end)
{
	const struct slice error = json_member(end, SLICE("error"));

	if (error.n)
		llm_read_error(w, error);
	else
		w->call.done = true;
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	w->answered = true;
	if (slice_eq(f->type, SLICE("end")))
		read_end(w, f->data);
}

/* An error before there is a stream: the same object alone. */
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

static const char *const paths[] = { "/agent.v1.AgentService/Run", NULL };

const struct llm_format llm_cursor = {
	.no_estimate = true,
	.name = "cursor.agent",
	.provider = "cursor",
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
