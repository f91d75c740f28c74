/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * However the bytes are cut, the same messages come out of a WebSocket, unless a direction was
 * lost; and the calls on it are exchanges whose events are in order.
 *
 * Input: flags (the extension that was agreed on, how the second run is cut), then pieces: a byte
 * that says whose it is (odd: the server's; 2 and 3 of eight: bytes are missing before it), its
 * length, its bytes.
 */
#include "http_run.h"
#include "llm/socket.h"

struct talk {
	struct run run;
	struct llm_sockets *sockets;
};

static void on_exchange(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	struct talk *t = ctx;

	take(&t->run, ev, x, piece);
}

static void on_socket(void *ctx, struct http_socket *s, const struct http_socket_message *m,
		      enum http_end why)
{
	struct talk *t = ctx;

	if (m) {
		fold(&t->run, m->from_client);
		fold(&t->run, m->text);
		fold(&t->run, m->damage != NULL);
		fold_bytes(&t->run, m->data);
	}
	llm_sockets_feed(t->sockets, s, m, why);
}

static void on_not_http(void *ctx, struct connection *conn)
{
	struct talk *t = ctx;

	not_http(&t->run, conn);
}

static struct run talk(const uint8_t *data, size_t n, size_t cut, uint8_t flags)
{
	static const char *const requests[] = {
		"GET /v1/responses HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /ws/x.BidiGenerateContent HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /v1/realtime?model=m HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /v1/realtime?model=m HTTP/1.1\r\nHost: h\r\n\r\n",
	};
	static const char *const answers[] = {
		"HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n",
		"HTTP/1.1 101 S\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
		"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: "
		"permessage-deflate; client_no_context_takeover\r\n\r\n",
		"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: "
		"permessage-deflate; server_no_context_takeover\r\n\r\n",
	};
	static const struct http_reader reader = { on_exchange, on_socket, on_not_http };
	static const struct http_limits limits = { 4096, 1 << 16, 1 << 30, 64 << 20 };
	struct talk t = { .run.last = HTTP_FINISHED };
	struct connection conn = { .id = 1 };
	struct stats stats = { 0 };
	uint64_t pos[2] = { 0 };
	struct stream_chunk c = { .conn = &conn, .ts_ns = 1, .dir = SONDE_DIR_OUT };
	struct http *h;

	if (llm_sockets_new(on_exchange, &t, &t.sockets) < 0 ||
	    http_new(&reader, &t, &limits, &stats, &h) < 0)
		abort();
	feed(h, &c, pos, slice_of(requests[flags / 64]), SIZE_MAX);
	c.dir = SONDE_DIR_IN;
	feed(h, &c, pos, slice_of(answers[flags % 4]), SIZE_MAX);
	while (n >= 2) {
		size_t len = data[1] < n - 2 ? data[1] : n - 2;

		c = (struct stream_chunk){ .conn = &conn, .ts_ns = n };
		c.dir = data[0] & 1 ? SONDE_DIR_IN : SONDE_DIR_OUT;
		if (data[0] % 8 == 2 || data[0] % 8 == 3) {
			c.gap = 1 + data[0] / 8;
			c.gap_reason = SONDE_GAP_LOST;
			pos[c.dir] += c.gap;
			c.pos = pos[c.dir];
			http_feed(h, &c);
			c.gap = 0;
			t.run.lost = true;
		}
		feed(h, &c, pos, (struct slice){ (const char *)data + 2, len }, cut);
		data += 2 + len;
		n -= 2 + len;
	}
	http_close(h, &conn, HTTP_END_CUT, 1000);
	llm_sockets_free(t.sockets);
	http_free(h);
	t.run.lost |= stats.n[STAT_HTTP_LOST] > 0;
	if (t.run.begun != t.run.finished)
		abort();
	return t.run;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct run whole, cut;

	if (n < 2)
		return 0;
	whole = talk(data + 1, n - 1, n, data[0]);
	cut = talk(data + 1, n - 1, 1 + data[0] / 4 % 16, data[0]);
	if (!whole.lost && !cut.lost && whole.digest != cut.digest)
		abort();
	return 0;
}
