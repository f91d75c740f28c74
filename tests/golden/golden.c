/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints what the engine makes of an HTTP exchange in files that people can read and write.
 *	golden DIR	DIR holds request.http and response.http (which may be missing)
 *
 * The files are as on the wire, but: line ends in heads are plain, a missing Content-Length of a
 * request is added, and bodies are plain (AWS event streams: event_stream.h). "Content-Encoding:
 * gzip" and "Transfer-Encoding: chunked" are carried out here. Header lines that begin with "Test-"
 * say what happens on the way, and are not sent:
 *	Test-Cut: N	the connection closes N bytes before the end of what was encoded
 *	Test-Gap: A B	the bytes from A to B of the message (head included) are lost
 *
 * Or DIR holds socket.txt: the path and the host of a WebSocket in its first two lines, then a
 * message on each line, after "> " the client's and after "< " the server's.
 *
 *	golden --estimate DIR	one line for each call: what was told and what would be guessed
 *
 * The exchange is fed whole and then cut in pieces of several sizes, and so it is over HTTP/2 where
 * nothing happens on the way; every time the same must come out.
 */
#include <zlib.h>

#include "event_stream.h"
#include "h2.h"
#include "llm/format.h"
#include "llm/socket.h"
#include "mcp/mcp.h"
#include "print.h"
#include "proto/http.h"

#define FILE_MAX (4 << 20)

#define CHECK(x)                                                                \
	do {                                                                    \
		if (!(x)) {                                                     \
			fprintf(stderr, "%s:%d: " #x "\n", __FILE__, __LINE__); \
			exit(2);                                                \
		}                                                               \
	} while (0)

struct message {
	struct buf wire;
	struct buf h2; /* the same as HTTP/2 */
	size_t cut, gap_from, gap_to;
};

/* --- files --- */

static void add(struct buf *b, struct slice s)
{
	CHECK(buf_add(b, s, 2 * FILE_MAX) == 0);
}

static bool read_file(const char *dir, const char *name, struct buf *ret)
{
	char path[4096], block[65536];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return false;
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		add(ret, (struct slice){ block, n });
	fclose(f);
	return true;
}

static void gzip(struct slice plain, struct buf *ret)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)plain.p, .avail_in = (uInt)plain.n };
	static char out[FILE_MAX];

	CHECK(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	z.next_out = (Bytef *)out;
	z.avail_out = sizeof(out);
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	add(ret, (struct slice){ out, sizeof(out) - z.avail_out });
	deflateEnd(&z);
}

/* Chunks of uneven sizes, so that events and characters are cut. */
static void chunk(struct slice plain, struct buf *ret)
{
	static const size_t sizes[] = { 1, 40, 7, 300, 64 };
	char head[32];

	for (size_t i = 0; plain.n; i++) {
		size_t n = sizes[i % ARRAY_SIZE(sizes)];

		n = n < plain.n ? n : plain.n;
		snprintf(head, sizeof(head), "%zx\r\n", n);
		add(ret, slice_of(head));
		add(ret, (struct slice){ plain.p, n });
		add(ret, SLICE("\r\n"));
		plain = slice_from(plain, n);
	}
	add(ret, SLICE("0\r\n\r\n"));
}

struct head {
	bool gzip, chunked, has_length, events;
};

static void read_head_line(struct slice line, struct head *h, struct message *m)
{
	char text[128];

	snprintf(text, sizeof(text), "%.*s", SLICE_ARG(line));
	if (sscanf(text, "Test-Cut: %zu", &m->cut) == 1 ||
	    sscanf(text, "Test-Gap: %zu %zu", &m->gap_from, &m->gap_to) == 2)
		return;
	h->gzip |= slice_istarts(line, SLICE("content-encoding: gzip"));
	h->chunked |= slice_istarts(line, SLICE("transfer-encoding: chunked"));
	h->events |= slice_istarts(line, SLICE("content-type: application/vnd.amazon.eventstream"));
	h->has_length |= slice_istarts(line, SLICE("content-length:"));
	add(&m->wire, line);
	add(&m->wire, SLICE("\r\n"));
}

static void encode(struct slice file, bool request, struct message *m)
{
	struct buf coded = { 0 }, events = { 0 };
	struct head h = { 0 };
	struct slice line;
	char length[64];

	while (slice_cut(file, '\n', &line, &file) && line.n)
		read_head_line(line, &h, m);
	if (h.events) {
		event_stream(file, &events);
		file = buf_slice(&events);
	}
	if (h.gzip) {
		gzip(file, &coded);
		file = buf_slice(&coded);
	}
	h2_message(&m->h2, buf_slice(&m->wire), file, request);
	if (!h.has_length && !h.chunked && (request || h.gzip)) {
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n", file.n);
		add(&m->wire, slice_of(length));
	}
	add(&m->wire, SLICE("\r\n"));
	if (h.chunked)
		chunk(file, &m->wire);
	else
		add(&m->wire, file);
	buf_done(&coded);
	buf_done(&events);
	CHECK(m->cut <= m->wire.n && m->gap_to <= m->wire.n);
	m->wire.n -= m->cut;
}

struct context {
	FILE *out;
	bool estimate;
	struct llm *llm;
	struct mcp *mcp;
};

/* Told and guessed input, told and guessed output, reasoning, -1 where unknown. */
static void print_estimate(FILE *out, const struct llm_call *c)
{
	int64_t input, output;

	if (c->usage.estimated || c->http->status != 200)
		return;
	llm_estimate(c, &input, &output);
	fprintf(out, "%s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
		llm_format_name(c->format), c->usage.input, input, c->usage.output, output,
		c->usage.reasoning);
}

static void on_call(void *ctx, enum llm_event ev, struct llm_call *c)
{
	struct context *t = ctx;

	if (ev != LLM_END)
		return;
	if (t->estimate)
		print_estimate(t->out, c);
	else
		print_call(t->out, c);
}

static void print_positive(FILE *out, const char *label, int64_t n)
{
	if (n > 0)
		fprintf(out, "  %-9s %" PRId64 "\n", label, n);
}

static void on_tool(void *ctx, enum tool_event ev, struct tool_call *c)
{
	struct context *t = ctx;

	if (ev != TOOL_END)
		return;
	fprintf(t->out, "%.*s %.*s\n", SLICE_ARG(c->method), SLICE_ARG(c->name));
	print_text(t->out, "id", c->request_id);
	print_text(t->out, "uri", c->uri);
	print_text(t->out, "client", c->client_name);
	print_text(t->out, "server", c->server_name);
	print_text(t->out, "version", c->protocol_version);
	print_text(t->out, "session", c->session_id);
	print_text(t->out, "arguments", c->arguments);
	print_text(t->out, "context", c->context_id);
	print_text(t->out, "task", c->task_id);
	print_text(t->out, "state", c->task_state);
	print_text(t->out, "result", c->result);
	print_positive(t->out, "progress", c->progress);
	print_positive(t->out, "batch", c->batch);
	print_positive(t->out, "status", c->http_status);
	if (c->refused && !c->http_status)
		fprintf(t->out, "  %-9s %" PRId64 ": %.*s\n", "refused", c->error_code,
			SLICE_ARG(c->error_message));
	fprintf(t->out, "  %-9s %s\n", "end",
		c->cut			    ? c->cut
		: c->is_error || c->refused ? "failed"
					    : "answered");
}

static void on_decided(void *ctx, struct connection *conn, bool speaks)
{
	(void)ctx, (void)conn, (void)speaks;
}

static void on_exchange(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	struct context *t = ctx;
	const bool is_call = llm_feed(t->llm, ev, x, piece);

	if (!mcp_exchange(t->mcp, ev, x, piece, is_call) && !is_call && ev == HTTP_FINISHED)
		fprintf(t->out, "no call: %.*s %.*s\n", SLICE_ARG(x->method), SLICE_ARG(x->path));
}

/* --- one run --- */

static void feed(struct http *h, struct connection *conn, enum sonde_dir dir,
		 const struct message *m, size_t cut)
{
	size_t n, gap = 0;

	for (size_t at = 0; at < m->wire.n; at += n) {
		const struct slice left = { m->wire.p + at, m->wire.n - at };

		if (m->gap_to && at == m->gap_from) {
			gap = m->gap_to - m->gap_from;
			n = gap;
			continue;
		}
		n = left.n < cut ? left.n : cut;
		if (m->gap_to && at < m->gap_from && at + n > m->gap_from)
			n = m->gap_from - at;
		http_feed(h, &(struct stream_chunk){ .conn = conn,
						     .dir = dir,
						     .pos = at,
						     .ts_ns = dir == SONDE_DIR_OUT ? 1 : 2,
						     .bytes = { left.p, n },
						     .gap = gap,
						     .gap_reason = gap ? SONDE_GAP_LOST : 0 });
		gap = 0;
	}
	if (!m->cut && dir == SONDE_DIR_IN)
		http_feed(h, &(struct stream_chunk){ .conn = conn,
						     .dir = dir,
						     .pos = m->wire.n,
						     .ts_ns = 3,
						     .eof = true });
}

static void print_stats(FILE *out, const struct stats *stats)
{
	for (int i = STAT_LLM_BAD_JSON; i <= STAT_LLM_TOTAL_MISMATCH; i++)
		if (stats->n[i])
			fprintf(out, "counted: %s %" PRIu64 "\n", stat_names[i], stats->n[i]);
}

static bool estimate;

static void run(const struct message *request, const struct message *response, size_t cut,
		struct buf *ret)
{
	static const struct mcp_reader tools = { .call = on_tool, .decided = on_decided };
	const struct http_reader reader = { .exchange = on_exchange };
	struct connection conn = { .id = 1, .flags = SONDE_CONN_CLIENT, .process = { 1, 1 } };
	struct stats stats = { 0 };
	struct context t = { .estimate = estimate };
	struct http *h = NULL;
	size_t n = 0;

	t.out = open_memstream(&ret->p, &n);
	CHECK(t.out && llm_new(on_call, &t, &stats, &t.llm) == 0 &&
	      mcp_new(&tools, &t, &stats, &t.mcp) == 0 &&
	      http_new(&reader, &t, NULL, &stats, &h) == 0);
	feed(h, &conn, SONDE_DIR_OUT, request, cut);
	if (response->wire.n)
		feed(h, &conn, SONDE_DIR_IN, response, cut);
	http_close(h, &conn, HTTP_END_CUT, 3);
	/* What could have been answered elsewhere was not. */
	mcp_exited(t.mcp, conn.process, 4);
	print_stats(t.out, &stats);
	mcp_free(t.mcp);
	http_free(h);
	llm_free(t.llm);
	fclose(t.out);
	ret->n = n;
}

/* --- WebSockets --- */

static void run_socket(struct slice file)
{
	static const struct mcp_reader tools = { .call = on_tool, .decided = on_decided };
	struct connection conn = { .id = 1, .flags = SONDE_CONN_CLIENT, .process = { 1, 1 } };
	struct http_socket socket = { .conn = &conn, .exchanges = 1 };
	struct stats stats = { 0 };
	struct context t = { .out = stdout };
	struct llm_sockets *sockets = NULL;
	struct slice line;

	CHECK(slice_cut(file, '\n', &socket.path, &file) &&
	      slice_cut(file, '\n', &socket.host, &file));
	CHECK(llm_new(on_call, &t, &stats, &t.llm) == 0 &&
	      mcp_new(&tools, &t, &stats, &t.mcp) == 0 &&
	      llm_sockets_new(on_exchange, &t, &sockets) == 0);
	while (slice_cut(file, '\n', &line, &file)) {
		const struct http_socket_message m = { .from_client = line.p[0] == '>',
						       .text = true,
						       .data = slice_from(line, 2),
						       .first_ns = socket.now_ns + 1 };

		socket.now_ns++;
		llm_sockets_feed(sockets, &socket, &m, HTTP_END_NONE);
	}
	llm_sockets_feed(sockets, &socket, NULL, HTTP_END_CUT);
	print_stats(stdout, &stats);
	llm_sockets_free(sockets);
	mcp_free(t.mcp);
	llm_free(t.llm);
}

static bool is_damaged(const struct message *m)
{
	return m->cut || m->gap_to;
}

/* Frees @again. */
static bool differs(const struct buf *whole, struct buf *again, size_t cut, const char *protocol)
{
	const bool same = slice_eq(buf_slice(whole), buf_slice(again));

	if (!same)
		printf("but over %s, cut every %zu bytes:\n%.*s", protocol, cut, SLICE_ARG(*again));
	buf_done(again);
	return !same;
}

int main(int argc, char **argv)
{
	static const size_t cuts[] = { 1, 2, 3, 7, 16, 61, 333, 4096 };
	struct message request = { 0 }, response = { 0 };
	struct buf file = { 0 }, whole = { 0 }, again = { 0 };
	int bad = 0;

	estimate = argc > 2 && strcmp(argv[1], "--estimate") == 0;
	if (estimate)
		argv++, argc--;
	if (argc == 2 && read_file(argv[1], "socket.txt", &file)) {
		run_socket(buf_slice(&file));
		buf_done(&file);
		return 0;
	}
	if (argc != 2 || !read_file(argv[1], "request.http", &file)) {
		fprintf(stderr, "usage: golden DIR (with request.http or socket.txt)\n");
		return 2;
	}
	encode(buf_slice(&file), true, &request);
	file.n = 0;
	if (read_file(argv[1], "response.http", &file))
		encode(buf_slice(&file), false, &response);
	run(&request, &response, SIZE_MAX / 2, &whole);
	fwrite(whole.p, 1, whole.n, stdout);
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		run(&request, &response, cuts[i], &again);
		bad |= differs(&whole, &again, cuts[i], "HTTP/1.1");
		if (is_damaged(&request) || is_damaged(&response))
			continue;
		run(&(struct message){ .wire = request.h2 },
		    &(struct message){ .wire = response.h2 }, cuts[i], &again);
		bad |= differs(&whole, &again, cuts[i], "HTTP/2");
	}
	buf_done(&whole);
	buf_done(&file);
	buf_done(&request.wire);
	buf_done(&response.wire);
	buf_done(&request.h2);
	buf_done(&response.h2);
	return bad;
}
