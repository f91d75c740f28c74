/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * However the bytes are cut, the same messages come out, and the same tool calls; each call that
 * begins ends. The first input byte picks the cut, the second one where the answers' lines begin.
 */
#include <stdint.h>
#include <stdlib.h>

#include "mcp/mcp.h"

struct sum {
	uint64_t hash;
	int64_t open;
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
	if (s->open < 0)
		abort();
	add(s, c->name);
	add(s, c->arguments);
	add(s, c->server_name);
	add(s, c->protocol_version);
	if (ev == TOOL_END) {
		add(s, c->result);
		add(s, c->error_message);
		add(s, slice_of(c->cut));
	}
}

static void on_decided(void *ctx, struct connection *conn, bool speaks)
{
	struct sum *s = ctx;

	s->hash = s->hash * 41 + conn->id * 2 + speaks;
}

static const struct mcp_reader reader = { .call = on_call, .decided = on_decided };

static void pass(struct mcp *m, struct connection *conn, struct slice in, size_t step)
{
	for (size_t i = 0; i < in.n; i += step) {
		struct stream_chunk c = {
			.conn = conn, .dir = SONDE_DIR_OUT, .pos = i, .ts_ns = 1
		};

		c.bytes = (struct slice){ in.p + i, in.n - i < step ? in.n - i : step };
		mcp_feed(m, &c);
	}
}

static uint64_t digest(struct slice requests, struct slice answers, size_t step)
{
	const struct process_key a = { 1, 1 }, b = { 2, 2 };
	struct connection conns[2] = { { .id = 1, .source = SONDE_SOURCE_PIPE },
				       { .id = 2, .source = SONDE_SOURCE_PIPE } };
	struct sum s = { 0 };
	struct mcp *m;

	if (mcp_new(&reader, &s, NULL, &m) < 0)
		return 0;
	for (int i = 0; i < 2; i++) {
		mcp_used(m, &conns[i], SONDE_DIR_OUT, false, i ? b : a);
		mcp_used(m, &conns[i], SONDE_DIR_OUT, true, i ? a : b);
	}
	pass(m, &conns[0], requests, step);
	pass(m, &conns[1], answers, step);
	mcp_close(m, &conns[1], "closed", 2);
	mcp_close(m, &conns[0], "closed", 2);
	if (s.open)
		abort();
	mcp_free(m);
	return s.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice requests, answers;

	if (n < 3)
		return 0;
	requests = (struct slice){ (const char *)data + 2, (n - 2) * data[1] / 255 };
	answers = (struct slice){ requests.p + requests.n, n - 2 - requests.n };
	if (digest(requests, answers, n) != digest(requests, answers, 1 + data[0] % 16))
		abort();
	return 0;
}
