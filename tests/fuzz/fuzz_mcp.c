/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MCP and A2A over HTTP: however bodies are cut, the same calls come out; each that begins ends;
 * and when all is over nothing is kept. The input: a byte that picks the cut and whether answers
 * come after all requests; then exchanges with a line "====" between them, each a byte that selects
 * its head, the request's body, a line "----", the answer's body.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/util.h"
#include "mcp/session.h"

#define EXCHANGES_MAX 16

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

/* Of the byte that selects. */
enum { GET = 1, EVENTS = 2, SESSION = 4, INBOUND = 8, CUT = 16, MODERN = 32, FAILED = 64 };

struct sum {
	uint64_t hash;
	int64_t open;
};

struct one {
	uint8_t select;
	struct slice request, answer;
	struct http_exchange x;
	struct connection conn;
	struct http_header request_headers[3], answer_headers[2];
};

static void add(struct sum *s, struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		s->hash = s->hash * 31 + (unsigned char)text.p[i];
	s->hash = s->hash * 37 + 1;
}

static void on_call(void *ctx, enum tool_event ev, struct tool_call *c)
{
	struct sum *s = ctx;

	s->open += ev == TOOL_BEGIN ? 1 : -1;
	CHECK(s->open >= 0);
	CHECK(!c->within || c->within != c);
	add(s, c->method);
	add(s, c->name);
	add(s, c->uri);
	add(s, c->arguments);
	add(s, c->request_id);
	add(s, c->session_id);
	add(s, c->server_name);
	add(s, c->description);
	if (ev == TOOL_BEGIN)
		return;
	add(s, c->result);
	add(s, c->error_message);
	add(s, c->task_id);
	add(s, c->task_state);
	add(s, slice_of(c->cut));
	s->hash += c->progress + 7u * c->rounds;
}

static void on_decided(void *ctx, struct connection *conn, bool speaks)
{
	(void)ctx, (void)conn, (void)speaks;
}

static const struct mcp_reader reader = { .call = on_call, .decided = on_decided };

static void add_header(struct http_message *m, const char *name, const char *value)
{
	m->headers[m->n_headers++] = (struct http_header){ slice_of(name), slice_of(value) };
}

static void make(struct one *o, size_t i)
{
	static const char *const paths[] = { "/mcp",
					     "/sse",
					     "/messages?id=1",
					     "/message:send",
					     "/message:stream",
					     "/tasks/1:cancel",
					     "/.well-known/agent-card.json" };
	/* The body picks the path, so that exchanges of one input meet. */
	const size_t at = o->request.n ? (unsigned char)o->request.p[o->request.n - 1] : 0;

	o->conn =
		(struct connection){ .id = i % 3, .process = { 1u + !!(o->select & INBOUND), 1 } };
	o->x = (struct http_exchange){
		.mem = arena_new(1 << 20),
		.conn = &o->conn,
		.inbound = o->select & INBOUND,
		.method = o->select & GET ? SLICE("GET") : SLICE("POST"),
		.path = slice_of(paths[at % ARRAY_SIZE(paths)]),
		.host = SLICE("h"),
		.status = o->select & FAILED ? 404 : 200,
		.now_ns = 1 + i,
		.request = { .headers = o->request_headers, .head_ns = 1 + i, .pos = i },
		.response = { .headers = o->answer_headers, .head_ns = 1 + i, .pos = i },
	};
	CHECK(o->x.mem);
	if (o->select & GET)
		add_header(&o->x.request, "Accept", "text/event-stream");
	if (o->select & SESSION) {
		add_header(&o->x.request, "Mcp-Session-Id", "s");
		add_header(&o->x.response, "Mcp-Session-Id", "s");
	}
	if (o->select & MODERN)
		add_header(&o->x.request, "Mcp-Method", "tools/call");
	add_header(&o->x.response, "Content-Type",
		   o->select & EVENTS ? "text/event-stream" : "application/json");
}

static void event(struct mcp *m, struct one *o, enum http_event ev)
{
	mcp_exchange(m, ev, &o->x, (struct slice){ 0 }, false);
}

static void body(struct mcp *m, struct one *o, enum http_event ev, struct slice text, size_t cut)
{
	for (size_t n; text.n; text = slice_from(text, n)) {
		char *copy;

		n = text.n < cut ? text.n : cut;
		copy = malloc(n);
		CHECK(copy);
		memcpy(copy, text.p, n);
		mcp_exchange(m, ev, &o->x, (struct slice){ copy, n }, false);
		free(copy);
	}
}

static void ask(struct mcp *m, struct one *o, size_t cut)
{
	event(m, o, HTTP_REQUEST_HEAD);
	body(m, o, HTTP_REQUEST_BODY, o->request, cut);
	event(m, o, HTTP_REQUEST_END);
}

static void answer(struct mcp *m, struct one *o, size_t cut)
{
	event(m, o, HTTP_RESPONSE_HEAD);
	body(m, o, HTTP_RESPONSE_BODY, o->answer, cut);
	if (!(o->select & CUT))
		event(m, o, HTTP_RESPONSE_END);
	o->x.end = o->select & CUT ? HTTP_END_CUT : HTTP_END_COMPLETE;
	event(m, o, HTTP_FINISHED);
	CHECK(!o->x.rpc);
}

static uint64_t digest(struct one *all, size_t n, bool later, size_t cut)
{
	struct sum s = { 0 };
	struct mcp *m;

	CHECK(mcp_new(&reader, &s, NULL, &m) == 0);
	for (size_t i = 0; i < n; i++) {
		make(&all[i], i);
		ask(m, &all[i], cut);
		if (!later)
			answer(m, &all[i], cut);
	}
	for (size_t i = 0; i < n && later; i++)
		answer(m, &all[i], cut);
	for (uint32_t i = 1; i <= 2; i++)
		mcp_exited(m, (struct process_key){ i, 1 }, 100);
	CHECK(s.open == 0 && m->n_waiting == 0 && m->n_works == 0);
	CHECK(m->n_sessions == 0 && m->budget.used == 0 && !m->parked);
	mcp_free(m);
	for (size_t i = 0; i < n; i++)
		arena_free(all[i].x.mem);
	return s.hash;
}

/* The text up to a mark, which is taken off. */
static struct slice next(struct slice *in, struct slice mark)
{
	const char *at = in->n ? memmem(in->p, in->n, mark.p, mark.n) : NULL;
	struct slice part = *in;

	if (at)
		part.n = (size_t)(at - in->p);
	*in = slice_from(*in, at ? part.n + mark.n : in->n);
	return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = { (const char *)data + 1, size ? size - 1 : 0 };
	struct one all[EXCHANGES_MAX] = { 0 };
	bool later;
	size_t n = 0;

	if (size < 3)
		return 0;
	later = data[0] & 128;
	while (in.n && n < EXCHANGES_MAX) {
		struct slice text = next(&in, SLICE("\n====\n"));

		if (!text.n)
			continue;
		all[n].select = (uint8_t)text.p[0];
		text = slice_from(text, 1);
		all[n].request = next(&text, SLICE("\n----\n"));
		all[n++].answer = text;
	}
	for (size_t i = 0; i < n; i++)
		memset(all[i].request_headers, 0, sizeof(all[i].request_headers));
	CHECK(digest(all, n, later, SIZE_MAX) == digest(all, n, later, 1 + data[0] % 16));
	return 0;
}
