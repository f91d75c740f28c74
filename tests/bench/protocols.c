/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast bytes are read on one core, by protocol and framing, beside a copy of the same bytes.
 * Whoever reads is as in the engine: connection, exchange, and for model traffic the call.
 *
 *	protocols		fails where a rate is under its limit
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "llm/llm.h"
#include "proto/http.h"

#define PIECE  16384u	      /* bytes of one read(), and of an HTTP/2 frame */
#define TOTAL  (256ull << 20) /* bytes of each measurement */
#define ROUNDS 3

/* What one direction carries: @head once for each exchange, then @body repeated. */
struct shape {
	const char *name;
	void (*request)(struct buf *b);
	void (*response)(struct buf *b);
	unsigned least; /* MB/s; 0: no limit */
};

static void add(struct buf *b, struct slice s)
{
	if (buf_add(b, s, SIZE_MAX / 2) < 0)
		abort();
}

static void add_text(struct buf *b, const char *text)
{
	add(b, slice_of(text));
}

/* --- bodies --- */

/* Bytes that are nothing that is known. */
static void add_noise(struct buf *b, size_t n)
{
	uint64_t x = 88172645463325252ull;

	while (n) {
		const size_t k = n < sizeof(x) ? n : sizeof(x);

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		add(b, (struct slice){ (const char *)&x, k });
		n -= k;
	}
}

/* What a server that was asked tells at the end. */
static const char usage[] = "{\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,"
			    "\"completion_tokens\":9000,\"total_tokens\":9009}}";

/* A chunk of the form and length that OpenAI sends: one token or two, and much around it. */
static const char chunk[] =
	"{\"id\":\"chatcmpl-CkVbW2nqR8uXy0sTzE4aPd7LfGh1m\",\"object\":\"chat.completion.chunk\","
	"\"created\":1796080743,\"model\":\"gpt-5-2025-08-07\",\"service_tier\":\"default\","
	"\"system_fingerprint\":\"fp_560af6e559\",\"choices\":[{\"index\":0,\"delta\":"
	"{\"content\":\" token after\"},\"logprobs\":null,\"finish_reason\":null}],"
	"\"obfuscation\":\"xK3vQ9tB\"}";

static void add_chat_events(struct buf *b, size_t n, const char *before, const char *after)
{
	for (const size_t end = b->n + n; b->n < end;) {
		add_text(b, before);
		add_text(b, chunk);
		add_text(b, after);
	}
}

/* --- HTTP/1.1 --- */

static void chat_request(struct buf *b)
{
	static const char body[] = "{\"model\":\"gpt-5\",\"stream\":true,\"messages\":[{\"role\":"
				   "\"user\",\"content\":\"x\"}]}";
	char head[256];

	snprintf(head, sizeof(head),
		 "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nContent-Type: "
		 "application/json\r\nContent-Length: %zu\r\n\r\n",
		 sizeof(body) - 1);
	add_text(b, head);
	add_text(b, body);
}

static void other_request(struct buf *b)
{
	add_text(b, "GET /some/file HTTP/1.1\r\nHost: example.org\r\n\r\n");
}

static void h1_plain(struct buf *b)
{
	char head[128];

	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: "
		 "%u\r\n\r\n",
		 8u << 20);
	add_text(b, head);
	add_noise(b, 8u << 20);
}

static void put_chunked(struct buf *b, struct slice body)
{
	char head[32];

	while (body.n) {
		const size_t n = body.n < PIECE ? body.n : PIECE;

		snprintf(head, sizeof(head), "%zx\r\n", n);
		add_text(b, head);
		add(b, (struct slice){ body.p, n });
		add_text(b, "\r\n");
		body = slice_from(body, n);
	}
	add_text(b, "0\r\n\r\n");
}

static void h1_chunked(struct buf *b)
{
	_cleanup_(buf_done) struct buf body = { 0 };

	add_text(b, "HTTP/1.1 200 OK\r\nContent-Type: "
		    "application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
	add_noise(&body, 8u << 20);
	put_chunked(b, buf_slice(&body));
}

static void stream_head(struct buf *b, const char *type)
{
	add_text(b, "HTTP/1.1 200 OK\r\nContent-Type: ");
	add_text(b, type);
	add_text(b, "\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void h1_sse(struct buf *b)
{
	_cleanup_(buf_done) struct buf body = { 0 };

	stream_head(b, "text/event-stream");
	add_chat_events(&body, 1u << 20, "data: ", "\n\n");
	add_text(&body, "data: ");
	add_text(&body, usage);
	add_text(&body, "\n\ndata: [DONE]\n\n");
	put_chunked(b, buf_slice(&body));
}

static void h1_lines(struct buf *b)
{
	_cleanup_(buf_done) struct buf body = { 0 };

	stream_head(b, "application/x-ndjson");
	add_chat_events(&body, 1u << 20, "", "\n");
	add_text(&body, usage);
	put_chunked(b, buf_slice(&body));
}

static void h1_array(struct buf *b)
{
	_cleanup_(buf_done) struct buf body = { 0 };

	stream_head(b, "application/json");
	add_text(&body, "[");
	add_chat_events(&body, 1u << 20, "", ",\n");
	add_text(&body, usage);
	add_text(&body, "]");
	put_chunked(b, buf_slice(&body));
}

static void add_u32(struct buf *b, uint32_t v)
{
	const uint32_t be = htobe32(v);

	add(b, (struct slice){ (const char *)&be, sizeof(be) });
}

static void add_crc(struct buf *b, size_t from)
{
	add_u32(b, (uint32_t)crc32(0, (const unsigned char *)b->p + from, (unsigned)(b->n - from)));
}

static void h1_aws(struct buf *b)
{
	static const char headers[] = "\x0b:event-type\7\0\5chunk";
	_cleanup_(buf_done) struct buf body = { 0 }, event = { 0 };

	add_chat_events(&event, 1, "", "");
	while (body.n < 1u << 20) {
		const size_t from = body.n;

		add_u32(&body, (uint32_t)(16 + sizeof(headers) - 1 + event.n));
		add_u32(&body, sizeof(headers) - 1);
		add_crc(&body, from);
		add(&body, (struct slice){ headers, sizeof(headers) - 1 });
		add(&body, buf_slice(&event));
		add_crc(&body, from);
	}
	stream_head(b, "application/vnd.amazon.eventstream");
	put_chunked(b, buf_slice(&body));
}

/* --- HTTP/2: one stream a connection --- */

static void add_frame(struct buf *b, uint8_t type, uint8_t flags, uint32_t stream, struct slice s)
{
	const char head[] = { (char)(s.n >> 16), (char)(s.n >> 8), (char)s.n, (char)type,
			      (char)flags };

	add(b, (struct slice){ head, sizeof(head) });
	add_u32(b, stream);
	add(b, s);
}

static void h2_request(struct buf *b)
{
	/* :method GET, :scheme https, :path /, :authority "a" */
	static const char block[] = "\x82\x87\x84\x41\x01"
				    "a";

	add_text(b, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	add_frame(b, 4, 0, 0, SLICE(""));
	add_frame(b, 1, 5, 1, SLICE(block));
}

static void h2_body(struct buf *b)
{
	_cleanup_(buf_done) struct buf body = { 0 };

	add_noise(&body, 8u << 20);
	add_frame(b, 4, 0, 0, SLICE(""));
	add_frame(b, 1, 4, 1, SLICE("\x88")); /* :status 200 */
	for (size_t at = 0; at < body.n; at += PIECE)
		add_frame(b, 0, at + PIECE >= body.n, 1, (struct slice){ body.p + at, PIECE });
}

/* --- WebSocket --- */

static void ws_request(struct buf *b)
{
	add_text(
		b,
		"GET /v1/realtime HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: "
		"websocket\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
}

static void ws_messages(struct buf *b)
{
	add_text(b,
		 "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		 "Sec-WebSocket-Accept: x\r\n\r\n");
	for (int i = 0; i < 2048; i++) {
		const char head[] = { (char)0x81, 126, 16, 0 };

		add(b, (struct slice){ head, sizeof(head) });
		for (int k = 0; k < 4096; k++)
			add(b, SLICE("a"));
	}
}

static const struct shape shapes[] = {
	{ "HTTP/1.1, a body of unknown content", other_request, h1_plain, 1000 },
	{ "HTTP/1.1, the same in chunks", other_request, h1_chunked, 1000 },
	{ "HTTP/2, the same in frames", h2_request, h2_body, 1000 },
	{ "WebSocket messages", ws_request, ws_messages, 0 },
	{ "SSE to a model call", chat_request, h1_sse, 300 },
	{ "JSON lines to a model call", chat_request, h1_lines, 0 },
	{ "JSON array to a model call", chat_request, h1_array, 0 },
	{ "AWS event stream to a model call", chat_request, h1_aws, 0 },
};

/* --- measuring --- */

struct engine {
	struct llm *llm;
	struct http *http;
	struct stats stats;
	uint64_t body; /* bytes */
	unsigned calls, exchanges;
};

static void on_call(void *ctx, enum llm_event ev, struct llm_call *call)
{
	struct engine *e = ctx;

	(void)call;
	e->calls += ev == LLM_END;
}

static void on_exchange(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	struct engine *e = ctx;

	e->body += piece.n;
	e->exchanges += ev == HTTP_FINISHED;
	llm_feed(e->llm, ev, x, piece);
}

static void on_message(void *ctx, struct http_socket *s, const struct http_socket_message *m,
		       enum http_end why)
{
	struct engine *e = ctx;

	(void)s, (void)why;
	e->body += m ? m->data.n : 0;
}

static void not_http(void *ctx, struct connection *conn)
{
	(void)ctx, (void)conn;
	abort();
}

static void feed(struct engine *e, struct connection *conn, enum sonde_dir dir, struct slice s)
{
	uint64_t pos = conn->bytes[dir];

	for (size_t at = 0; at < s.n; at += PIECE) {
		const size_t n = s.n - at < PIECE ? s.n - at : PIECE;
		const struct stream_chunk c = { .conn = conn,
						.dir = dir,
						.pos = pos,
						.ts_ns = pos + 1,
						.bytes = { s.p + at, n } };

		http_feed(e->http, &c);
		pos += n;
	}
	conn->bytes[dir] = pos;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Seconds for @n exchanges, each on a connection of its own. */
static double read_once(struct engine *e, struct slice request, struct slice response, uint64_t n)
{
	const double start = seconds();

	for (uint64_t i = 0; i < n; i++) {
		struct connection conn = { .id = i + 1 };

		feed(e, &conn, SONDE_DIR_OUT, request);
		feed(e, &conn, SONDE_DIR_IN, response);
		http_close(e->http, &conn, HTTP_END_CUT, 1);
	}
	return seconds() - start;
}

static double copy_once(struct slice response, uint64_t n)
{
	static char to[PIECE];
	const double start = seconds();

	for (uint64_t i = 0; i < n; i++)
		for (size_t at = 0; at < response.n; at += PIECE) {
			memcpy(to, response.p + at,
			       response.n - at < PIECE ? response.n - at : PIECE);
			__asm__ volatile("" ::"r"(to) : "memory");
		}
	return seconds() - start;
}

static bool measure(struct engine *e, const struct shape *s)
{
	_cleanup_(buf_done) struct buf request = { 0 }, response = { 0 };
	double best = 1e9, copy = 1e9, rate;
	uint64_t n;

	s->request(&request);
	s->response(&response);
	n = TOTAL / response.n;
	e->body = 0;
	for (int i = 0; i < ROUNDS; i++) {
		const double t = read_once(e, buf_slice(&request), buf_slice(&response), n);
		const double c = copy_once(buf_slice(&response), n);

		best = t < best ? t : best;
		copy = c < copy ? c : copy;
	}
	if (e->body < n * ROUNDS * response.n / 100 * 95) {
		printf("%-38s only %llu bytes of bodies came out\n", s->name,
		       (unsigned long long)e->body);
		return false;
	}
	rate = (double)(response.n * n) / best / 1e6;
	printf("%-38s %8.0f MB/s   %5.1f times a copy\n", s->name, rate, best / copy);
	if (rate < s->least)
		printf("  under the limit: at least %u MB/s\n", s->least);
	return rate >= s->least;
}

int main(void)
{
	static const struct http_reader reader = { on_exchange, on_message, not_http };
	struct engine e = { 0 };
	bool good = true;

	if (llm_new(on_call, &e, &e.stats, &e.llm) < 0 ||
	    http_new(&reader, &e, NULL, &e.stats, &e.http) < 0)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		good = measure(&e, &shapes[i]) && good;
	http_free(e.http);
	llm_free(e.llm);
	return !good;
}
