/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "base/util.h"
#include "proto/http.h"

/*
 * A conversation: a script of steps, each ended by a NUL, the whole by an empty step.
 * ">..." the client sends, "<..." the server; ">#100" 100 bytes are missing; ">!" the end of that
 * direction. The reader watches the client unless told otherwise.
 */
#define S(text) text "\0"

/* What the reader reports, as one line an event; body pieces that follow each other are joined. */
struct log {
	char text[8192];
	size_t n;
	enum http_event last;
	uint32_t last_number;
	unsigned not_http;
};

__attribute__((format(printf, 2, 3))) static void put(struct log *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	l->n += (size_t)vsnprintf(l->text + l->n, sizeof(l->text) - l->n, fmt, ap);
	va_end(ap);
	assert_true(l->n < sizeof(l->text));
}

static void put_message(struct log *l, const struct http_message *m)
{
	if (m->lost_bytes)
		put(l, " lost=%llu", (unsigned long long)m->lost_bytes);
	if (m->damage)
		put(l, " (%s)", m->damage);
}

static void record(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	static const char *const ends[] = { "none", "complete", "cut",
					    "lost", "evicted",	"recording" };
	struct log *l = ctx;
	bool body = ev == HTTP_REQUEST_BODY || ev == HTTP_RESPONSE_BODY;

	if (!body || l->last != ev || l->last_number != x->number)
		put(l, "\n%u ", x->number);
	switch (ev) {
	case HTTP_REQUEST_HEAD:
		put(l, "> %.*s %.*s %.*s h%zu", SLICE_ARG(x->method), SLICE_ARG(x->host),
		    SLICE_ARG(x->path), x->request.n_headers);
		break;
	case HTTP_RESPONSE_HEAD:
		put(l, "< %d h%zu", x->status, x->response.n_headers);
		break;
	case HTTP_REQUEST_BODY:
	case HTTP_RESPONSE_BODY:
		if (l->last != ev || l->last_number != x->number)
			put(l, ev == HTTP_REQUEST_BODY ? "> " : "< ");
		put(l, "%.*s", SLICE_ARG(piece));
		break;
	case HTTP_REQUEST_END:
		put(l, "> end");
		put_message(l, &x->request);
		break;
	case HTTP_RESPONSE_END:
		put(l, "< end");
		put_message(l, &x->response);
		break;
	case HTTP_FINISHED:
		put(l, "%s", ends[x->end]);
		put_message(l, &x->request);
		put_message(l, &x->response);
		break;
	}
	l->last = ev;
	l->last_number = x->number;
}

static void not_http(void *ctx, struct connection *conn)
{
	struct log *l = ctx;

	(void)conn;
	l->not_http++;
	put(l, "\nnot http");
}

static const struct http_reader reader = { .exchange = record, .not_http = not_http };

struct talk {
	struct http *http;
	struct connection conn;
	uint64_t pos[2], now;
	bool server; /* the reader watches the server */
};

/* One step in pieces of @cut bytes. */
static void feed_step(struct talk *t, const char *step, size_t cut)
{
	enum sonde_dir dir = (step[0] == '>') != t->server ? SONDE_DIR_OUT : SONDE_DIR_IN;
	struct stream_chunk c = { .conn = &t->conn, .dir = dir, .ts_ns = ++t->now };
	size_t n;

	if (step[1] == '@') { /* said before all else, and held back until now */
		c.ts_ns = 0;
		step++;
	}
	n = strlen(step + 1);
	if (step[1] == '#') {
		c.gap = strtoull(step + 2, NULL, 10);
		c.gap_reason = SONDE_GAP_LOST;
		t->pos[dir] += c.gap;
		n = 0;
	}
	c.eof = step[1] == '!';
	if (c.eof)
		n = 0;
	for (size_t at = 0; at < n || c.gap || c.eof; at += cut) {
		/* A copy of its own, so that sanitizers see every byte read too far. */
		size_t len = n - at < cut ? n - at : cut;
		char *copy = malloc(len + 1);

		if (!copy)
			return;
		memcpy(copy, step + 1 + at, len);
		c.bytes = (struct slice){ copy, len };
		c.pos = t->pos[dir];
		t->pos[dir] += len;
		http_feed(t->http, &c);
		free(copy);
		if (c.gap || c.eof)
			break;
	}
}

/* Runs a script; what was reported. @end: how the connection ended, NONE: it did not. */
static uint8_t talk_source; /* enum sonde_source */

static const char *talk(const char *script, size_t cut, uint32_t flags, enum http_end end)
{
	static struct log l;
	struct stats stats = { 0 };
	struct talk t = { .conn = { .id = 7, .flags = flags, .source = talk_source },
			  .server = flags & SONDE_CONN_SERVER };

	l = (struct log){ 0 };
	assert_int_equal(http_new(&reader, &l, NULL, &stats, &t.http), 0);
	for (; *script; script += strlen(script) + 1)
		feed_step(&t, script, cut);
	if (end)
		http_close(t.http, &t.conn, end, ++t.now);
	http_free(t.http);
	return l.text;
}

struct talk_case {
	const char *script, *want;
};

static void check(const struct talk_case *cases, size_t n, uint32_t flags, enum http_end end,
		  bool every_cut)
{
	for (size_t i = 0; i < n; i++)
		for (size_t cut = every_cut ? 1 : 1000; cut <= (every_cut ? 200 : 1000); cut++)
			assert_string_equal(talk(cases[i].script, cut, flags, end), cases[i].want);
}

#define GET	    "GET /a?b=1 HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST	    "POST /p HTTP/1.1\r\nHost: h:443\r\nContent-Length: 5\r\n\r\nhello"
#define OK2	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

#define GOT_GET(n)  "\n" n " > GET h /a?b=1 h1\n" n " > end"
#define GOT_POST(n) "\n" n " > POST h /p h2\n" n " > hello\n" n " > end"
#define GOT_OK2(n)  "\n" n " < 200 h1\n" n " < ok\n" n " < end\n" n " complete"

static void http1_messages(void **state)
{
	static const struct talk_case cases[] = {
		{ S(">" POST) S("<" OK2), GOT_POST("0") GOT_OK2("0") },
		/* keep-alive, then pipelining */
		{ S(">" GET) S("<" OK2) S(">" POST) S("<" OK2),
		  GOT_GET("0") GOT_OK2("0") GOT_POST("1") GOT_OK2("1") },
		{ S(">" POST GET) S("<" OK2 OK2),
		  GOT_POST("0") GOT_GET("1") GOT_OK2("0") GOT_OK2("1") },
		/* chunked, with an extension and a trailer; upper and lower case hex */
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			       "3;x=\"y\"\r\nabc\r\n0A\r\n0123456789\r\n00\r\nX-Sum: 1\r\n\r\n")
			  S(">" GET) S("<" OK2),
		  GOT_GET("0") "\n0 < 200 h1\n0 < abc0123456789\n0 < end\n0 "
			       "complete" GOT_GET("1") GOT_OK2("1") },
		/* bare line feeds, folded header, lower case names, blanks */
		{ S(">POST /p HTTP/1.1\nhost:h\nx: a\n  b\n\t c\ncontent-length :  2 "
		    "\n\nhi") S("<HTTP/1.1 200\ntransfer-encoding: CHUNKED\n\n2\nok\n0\n\n"),
		  "\n0 > POST h /p h3\n0 > hi\n0 > end\n0 < 200 h1\n0 < ok\n0 < end\n0 "
		  "complete" },
		/* interim responses */
		{ S(">" GET) S("<HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: "
			       "b\r\n\r\n" OK2),
		  GOT_GET("0") GOT_OK2("0") },
		/* no body, whatever the headers say */
		{ S(">HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
			  S("<HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n") S(">" GET)
				  S("<HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n") S(">" GET)
					  S("<HTTP/1.1 204 X\r\n\r\n") S(">" GET) S("<" OK2),
		  "\n0 > HEAD h / h1\n0 > end\n0 < 200 h1\n0 < end\n0 "
		  "complete" GOT_GET("1") "\n1 < 304 h1\n1 < end\n1 complete" GOT_GET(
			  "2") "\n2 < 204 h0\n2 "
			       "< end\n2 "
			       "complete" GOT_GET("3") GOT_OK2("3") },
		/* until the connection closes */
		{ S(">GET / HTTP/1.0\r\n\r\n") S("<HTTP/1.0 200 OK\r\n\r\nabc") S("<!"),
		  "\n0 > GET  / h0\n0 > end\n0 < 200 h0\n0 < abc\n0 < end\n0 complete" },
		/* the answer comes early */
		{ S(">POST /p HTTP/1.1\r\nContent-Length: 4\r\n\r\nhe")
			  S("<HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n") S(">ll"),
		  "\n0 > POST  /p h1\n0 > he\n0 < 413 h1\n0 < end\n0 > ll\n0 > end\n0 "
		  "complete" },
		/* absolute form, default ports, user info */
		{ S(">GET http://u:pw@x.org:80/a?q HTTP/1.1\r\nHost: y\r\n\r\n") S("<" OK2),
		  "\n0 > GET x.org /a?q h1\n0 > end" GOT_OK2("0") },
		{ S(">GET https://x.org HTTP/1.1\r\nHost: y\r\n\r\n") S("<" OK2),
		  "\n0 > GET x.org / h1\n0 > end" GOT_OK2("0") },
		/* lengths: equal ones are one, chunked wins */
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: "
			       "2\r\n\r\nok"),
		  GOT_GET("0") "\n0 < 200 h2\n0 < ok\n0 < end\n0 complete" },
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: "
			       "chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
		  GOT_GET("0") "\n0 < 200 h2\n0 < ok\n0 < end\n0 complete" },
		/* line ends between messages, a field that is none */
		{ S(">" GET "\r\n\r\n" GET) S("<" OK2 "\r\n" OK2),
		  GOT_GET("0") GOT_GET("1") GOT_OK2("0") GOT_OK2("1") },
		{ S(">GET / HTTP/1.1\r\nnonsense\r\nHost: h\r\n\r\n") S("<" OK2),
		  "\n0 > GET h / h1\n0 > end" GOT_OK2("0") },
		/* it has had enough of waiting for the rest */
		{ S(">GET /a HT") S("<HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n")
			  S(">TP/1.1\r\n\r\n"),
		  "\n0 < 408 h1\n0 < end\n0 complete\n1 > GET  /a h0\n1 > end\n1 cut" },
		/* the server speaks first */
		{ S("<HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n"),
		  "\n0 < 408 h1\n0 < end\n0 complete" },
	};

	(void)state;
	check(cases, ARRAY_SIZE(cases), 0, HTTP_END_CUT, true);
	/* The other end of the same connection says the same. */
	check(cases, ARRAY_SIZE(cases), SONDE_CONN_SERVER, HTTP_END_CUT, true);
}

static void http1_cut_exchanges_say_so(void **state)
{
	static const struct talk_case cases[] = {
		{ S(">" GET), GOT_GET("0") "\n0 cut" },
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nContent-"), GOT_GET("0") "\n0 cut (cut)" },
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na"),
		  GOT_GET("0") "\n0 < 200 h1\n0 < a\n0 cut (cut)" },
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na") S("<!"),
		  GOT_GET("0") "\n0 < 200 h1\n0 < a\n0 cut (cut)" },
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\n\r\na"),
		  GOT_GET("0") "\n0 < 200 h0\n0 < a\n0 cut (cut)" },
		{ S(">" GET GET) S("<!"), GOT_GET("0") GOT_GET("1") "\n0 cut\n1 cut" },
		{ S(">POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na"),
		  "\n0 > POST  / h1\n0 > a\n0 cut (cut)" },
		{ S(">POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na") S(">!") S("<" OK2),
		  "\n0 > POST  / h1\n0 > a\n0 > end (cut)\n0 < 200 h1\n0 < ok\n0 < end\n0 cut "
		  "(cut)" },
		{ S(">GET / HT"), "" },
	};

	(void)state;
	check(cases, ARRAY_SIZE(cases), 0, HTTP_END_CUT, true);
}

static void http1_server_ends_a_body_by_closing(void **state)
{
	const char *script = S(">" GET) S("<HTTP/1.1 200 OK\r\n\r\na");

	(void)state;
	assert_string_equal(talk(script, 1000, SONDE_CONN_SERVER, HTTP_END_CUT),
			    GOT_GET("0") "\n0 < 200 h0\n0 < a\n0 < end\n0 complete");
	assert_string_equal(talk(script, 1000, SONDE_CONN_SERVER, HTTP_END_RECORDING),
			    GOT_GET("0") "\n0 < 200 h0\n0 < a\n0 recording (recording ended)");
}

static void http1_gaps(void **state)
{
	static const struct talk_case cases[] = {
		/* where the length is known the framing survives */
		{ S(">POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab") S(">#4") S(">cde") S("<" OK2)
			  S(">" GET) S("<" OK2),
		  "\n0 > POST  / h1\n0 > abcde\n0 > end lost=4 (gap)\n0 < 200 h1\n0 < ok\n0 < "
		  "end\n0 "
		  "complete lost=4 (gap)" GOT_GET("1") GOT_OK2("1") },
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na") S("<#3") S(">" GET)
			  S("<" OK2),
		  GOT_GET("0") "\n0 < 200 h1\n0 < a\n0 < end lost=3 (gap)\n0 complete lost=3 "
			       "(gap)" GOT_GET("1") GOT_OK2("1") },
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\n\r\na") S("<#3") S("<b") S("<!"),
		  GOT_GET("0") "\n0 < 200 h0\n0 < ab\n0 < end lost=3 (gap)\n0 complete lost=3 "
			       "(gap)" },
		/* inside of one chunk as well */
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na")
			  S("<#3") S("<b\r\n0\r\n\r\n"),
		  GOT_GET("0") "\n0 < 200 h1\n0 < ab\n0 < end lost=3 (gap)\n0 complete lost=3 "
			       "(gap)" },
		/* and it goes on with the next chunk that is found */
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na")
			  S("<#9") S("<rest\r\n") S("<2\r\nbc\r\n0\r\n\r\n") S(">" GET) S("<" OK2),
		  GOT_GET("0") "\n0 < 200 h1\n0 < abc\n0 < end lost=15 (gap)\n0 complete lost=15 "
			       "(gap)" GOT_GET("1") GOT_OK2("1") },
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na")
			  S("<#9") S("<{\"n\": 5}\r\n1f") S(">" GET) S("<" OK2),
		  GOT_GET("0") "\n0 < 200 h1\n0 < a\n0 lost lost=21 (gap)" GOT_GET("1")
			  GOT_OK2("1") },
		/* else the exchange ends, and the next is whole */
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na")
			  S("<#9") S("<HTTP/1.1 junk\r\n0\r\n\r\n") S(">" GET) S("<" OK2),
		  GOT_GET("0") "\n0 < 200 h1\n0 < a\n0 lost lost=9 (gap)" GOT_GET("1")
			  GOT_OK2("1") },
		{ S(">" GET) S("<HTTP/1.1 20") S("<#9") S("<\r\n\r\nxy") S(">" GET) S("<" OK2),
		  GOT_GET("0") "\n0 lost lost=9 (gap)" GOT_GET("1") GOT_OK2("1") },
		/* the request is lost, its answer is not */
		{ S(">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na") S(">#9")
			  S(">xyz\r\n0\r\n\r\n") S("<" OK2) S(">" GET) S("<" OK2),
		  "\n0 > POST  / h1\n0 > a\n0 > end lost=14 (gap)\n0 < 200 h1\n0 < ok\n0 < end\n0 "
		  "complete lost=14 (gap)" GOT_GET("1") GOT_OK2("1") },
		{ S(">" GET) S("<" OK2) S(">POST /x HT") S(">#99") S(">rest") S("<" OK2) S(">" GET)
			  S("<" OK2),
		  GOT_GET("0") GOT_OK2("0") "\n1 < 200 h1\n1 < ok\n1 < end\n1 complete lost=99 "
					    "(gap)" GOT_GET("2") GOT_OK2("2") },
		{ S(">" GET) S("<" OK2) S(">#99") S(">rest") S("<" OK2) S(">" GET) S("<" OK2),
		  GOT_GET("0") GOT_OK2("0") "\n1 < 200 h1\n1 < ok\n1 < end\n1 complete lost=99 "
					    "(gap)" GOT_GET("2") GOT_OK2("2") },
		/* a whole answer is lost, then the next request comes */
		{ S(">" GET) S("<#40") S(">" POST) S("<" OK2),
		  GOT_GET("0") "\n0 lost lost=40 (gap)" GOT_POST("1") GOT_OK2("1") },
		/* the loss shows only when the next answer comes */
		{ S(">" GET) S(">" POST) S("<#40") S("<" OK2),
		  GOT_GET("0") GOT_POST("1") "\n0 lost lost=40 (gap)" GOT_OK2("1") },
		/* the start of an answer is lost: its rest is not taken for one */
		{ S(">" GET) S("<#40") S("<some body") S(">" POST) S("<" OK2),
		  GOT_GET("0") "\n0 lost lost=40 (gap)" GOT_POST("1") GOT_OK2("1") },
		/* something is lost, but not the answer */
		{ S(">" GET) S("<#40") S("<" OK2), GOT_GET("0") GOT_OK2("0") },
		/* the answer, and the request that the next one answers */
		{ S(">" GET) S("<#400") S("<" OK2) S(">" GET) S("<" OK2),
		  GOT_GET("0") "\n0 lost lost=400 (gap)\n1 < 200 h1\n1 < ok\n1 < end\n1 "
			       "complete" GOT_GET("2") GOT_OK2("2") },
		/* a request and its answer, before one that was seen */
		{ S(">" GET) S("<" OK2) S(">#99") S(">" GET) S("<#400") S("<" OK2),
		  GOT_GET("0") GOT_OK2("0") GOT_GET("1") GOT_OK2("1") },
		/* an answer's end and the next one's head: the rest is not taken for the first's */
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
			  S(">" GET) S("<#99") S("<2\r\nbc\r\n0\r\n\r\n") S(">" GET) S("<" OK2),
		  GOT_GET("0") "\n0 < 200 h1\n0 < a" GOT_GET(
			  "1") "\n0 lost lost=99 (gap)\n1 lost" GOT_GET("2") GOT_OK2("2") },
		/* the gap goes on behind the body */
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na") S("<#50")
			  S(">" GET) S("<" OK2),
		  GOT_GET("0") "\n0 < 200 h1\n0 < a\n0 < end lost=2 (gap)\n0 complete lost=2 "
			       "(gap)" GOT_GET("1") GOT_OK2("1") },
		/* everything is lost for a while */
		{ S(">" POST) S("<HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nab") S(">#500")
			  S("<#700") S(">x") S("<y") S(">" GET) S("<" OK2),
		  GOT_POST("0") "\n0 < 200 h1\n0 < ab\n0 < end lost=97 (gap)\n0 complete lost=97 "
				"(gap)" GOT_GET("1") GOT_OK2("1") },
		/* the connection's start is lost */
		{ S(">#10") S(">junk") S("<junk") S(">" GET) S("<" OK2),
		  GOT_GET("0") GOT_OK2("0") },
		{ S(">" GET) S("<#5") S("<!"), GOT_GET("0") "\n0 lost" },
	};

	(void)state;
	check(cases, ARRAY_SIZE(cases), 0, HTTP_END_CUT, false);
}

static void http1_joined_midway(void **state)
{
	static const struct talk_case cases[] = {
		{ S(">rest of a request") S("<" OK2) S(">" GET) S("<" OK2),
		  "\n0 < 200 h1\n0 < ok\n0 < end\n0 complete" GOT_GET("1") GOT_OK2("1") },
		{ S("<rest of a response") S(">" GET) S("<" OK2), GOT_GET("0") GOT_OK2("0") },
		{ S(">" GET) S("<@rest of a response") S("<" OK2), GOT_GET("0") GOT_OK2("0") },
		{ S(">" GET) S("<" OK2), GOT_GET("0") GOT_OK2("0") },
		{ S(">nothing") S("<of the kind"), "" },
	};

	(void)state;
	check(cases, ARRAY_SIZE(cases), SONDE_CONN_MIDWAY, HTTP_END_CUT, false);
}

/* Whether the first bytes of a TLS stream that were seen are its first ones, nothing says. */
static void http1_in_tls_that_may_have_begun_before(void **state)
{
	static const struct talk_case cases[] = {
		{ S("<rest of a response") S(">" GET) S("<" OK2), GOT_GET("0") GOT_OK2("0") },
		{ S(">GE") S(">nerally not") S(">" GET) S("<" OK2), GOT_GET("0") GOT_OK2("0") },
		{ S(">nothing") S("<of the kind"), "" },
		{ S(">nothing") S("<#5000000"), "" },
	};

	(void)state;
	talk_source = SONDE_SOURCE_OPENSSL;
	check(cases, ARRAY_SIZE(cases), 0, HTTP_END_CUT, false);
	talk_source = 0;
}

static void tls_without_http_is_given_up_soon(void **state)
{
	const struct http_reader r = { .exchange = record, .not_http = not_http };
	struct log l = { 0 };
	struct connection conn = { .id = 1, .source = SONDE_SOURCE_GNUTLS };
	static char bytes[1 << 20];
	struct stream_chunk c = { .conn = &conn, .bytes = { bytes, sizeof(bytes) } };
	struct stats stats = { 0 };
	struct http *h;

	(void)state;
	assert_int_equal(http_new(&r, &l, NULL, &stats, &h), 0);
	for (int i = 0; i < 5; i++, c.pos += sizeof(bytes))
		http_feed(h, &c);
	assert_int_equal(l.not_http, 1);
	http_close(h, &conn, HTTP_END_CUT, 1);
	http_free(h);
}

static void http1_other_protocols_are_told_from_the_first_bytes(void **state)
{
	static const struct talk_case cases[] = {
		{ S(">EHLO mail") S("<250 ok"), "\nnot http" },
		{ S("<SSH-2.0-x\r\n"), "\nnot http" },
		{ S(">PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n"), "\nnot http" },
		{ S(">\x16\x03\x01"), "\nnot http" },
		{ S(">GETTING there"), "\nnot http" },
		{ S(">HTTX"), "\nnot http" },
		{ S(">GE"), "" },
	};

	(void)state;
	check(cases, ARRAY_SIZE(cases), 0, HTTP_END_CUT, true);
}

static void http1_bad_messages(void **state)
{
	static const struct talk_case cases[] = {
		{ S(">GET / RTSP/1.0\r\n\r\n"), "\nnot http" },
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: "
			       "2\r\n\r\nok") S(">" GET) S("<" OK2),
		  GOT_GET("0") "\n0 < 200 h2\n0 lost (bad framing)" GOT_GET("1") GOT_OK2("1") },
		{ S(">" GET) S("<HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok") S(">" GET)
			  S("<" OK2),
		  GOT_GET("0") "\n0 < 200 h1\n0 lost (bad framing)" GOT_GET("1") GOT_OK2("1") },
		{ S(">POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\nxyz")
			  S("<HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"),
		  "\n0 > POST  / h1\n0 > end (bad framing)\n0 < 400 h1\n0 < end\n0 complete (bad "
		  "framing)" },
		{ S(">" GET)
			  S("<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz")
				  S(">" GET) S("<" OK2),
		  GOT_GET("0") "\n0 < 200 h1\n0 < ok\n0 lost (bad chunk)" GOT_GET("1")
			  GOT_OK2("1") },
		{ S(">" GET) S("<junk instead") S(">" GET) S("<" OK2),
		  GOT_GET("0") "\n0 lost" GOT_GET("1") GOT_OK2("1") },
	};

	(void)state;
	check(cases, ARRAY_SIZE(cases), 0, HTTP_END_CUT, false);
}

static void http1_upgraded_connection_is_read_anew(void **state)
{
	static const struct talk_case cases[] = {
		{ S(">GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
			  S("<HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x02hi"),
		  "\n0 > GET  /ws h1\n0 > end\n0 < 101 h1\n0 < end\n0 complete\nnot http" },
		{ S(">CONNECT h:443 HTTP/1.1\r\n\r\n") S("<HTTP/1.1 200 OK\r\n\r\n")
			  S(">\x16\x03\x01"),
		  "\n0 > CONNECT h h:443 h0\n0 > end\n0 < 200 h0\n0 < end\n0 complete\nnot http" },
		{ S(">CONNECT h:80 HTTP/1.1\r\n\r\n") S("<HTTP/1.1 200 OK\r\n\r\n") S(">" GET)
			  S("<" OK2),
		  "\n0 > CONNECT h h:80 h0\n0 > end\n0 < 200 h0\n0 < end\n0 complete" GOT_GET("1")
			  GOT_OK2("1") },
		{ S(">CONNECT h:80 HTTP/1.1\r\n\r\n")
			  S("<HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nx") S(">" GET) S("<" OK2),
		  "\n0 > CONNECT h h:80 h0\n0 > end\n0 < 407 h1\n0 < x\n0 < end\n0 "
		  "complete" GOT_GET("1") GOT_OK2("1") },
	};

	(void)state;
	check(cases, ARRAY_SIZE(cases), 0, HTTP_END_CUT, true);
}

/* --- codings --- */

/* "hello, hello, hello" as gzip(1) has it. */
static const unsigned char gzip[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
				      0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0xc8, 0x40, 0xa2,
				      0x00, 0x9f, 0xa1, 0xca, 0x09, 0x13, 0x00, 0x00, 0x00 };

/* A response with that body in pieces of @cut; what was reported. */
static const char *talk_gzip(const char *head, size_t from, size_t n, size_t gap, size_t cut)
{
	static struct log l;
	struct stats stats = { 0 };
	struct talk t = { .conn = { .id = 7 } };

	l = (struct log){ 0 };
	assert_int_equal(http_new(&reader, &l, NULL, &stats, &t.http), 0);
	feed_step(&t, ">" GET, 1000);
	feed_step(&t, head, cut);
	for (size_t at = from; at < from + n; at += cut) {
		struct stream_chunk c = {
			.conn = &t.conn,
			.dir = SONDE_DIR_IN,
			.bytes = { (const char *)gzip + at,
				   from + n - at < cut ? from + n - at : cut },
			.gap = at == from ? gap : 0,
			.gap_reason = SONDE_GAP_FAULT,
		};

		http_feed(t.http, &c);
	}
	http_close(t.http, &t.conn, HTTP_END_CUT, 9);
	http_free(t.http);
	return l.text;
}

static void http1_bodies_are_decoded(void **state)
{
	const char *length = "<HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: "
			     "29"
			     "\r\n\r\n";

	(void)state;
	for (size_t cut = 1; cut <= sizeof(gzip); cut++)
		assert_string_equal(talk_gzip(length, 0, sizeof(gzip), 0, cut),
				    GOT_GET("0") "\n0 < 200 h2\n0 < hello, hello, hello\n0 < "
						 "end\n0 complete");
	/* A decoder cannot go on behind a gap; the framing can. */
	assert_string_equal(talk_gzip(length, 12, sizeof(gzip) - 12, 12, 5),
			    GOT_GET("0") "\n0 < 200 h2\n0 < end lost=12 (gap)\n0 complete "
					 "lost=12 (gap)");
	assert_string_equal(talk_gzip("<HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-"
				      "Length: 5\r\n\r\n",
				      7, 5, 0, 5),
			    GOT_GET("0") "\n0 < 200 h2\n0 < end (bad gzip)\n0 complete (bad "
					 "gzip)");
	assert_string_equal(
		talk_gzip("<HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-"
			  "Length: 12\r\n\r\n",
			  0, 12, 0, 5),
		GOT_GET("0") "\n0 < 200 h2\n0 < h\n0 < end (gzip cut short)\n0 complete "
			     "(gzip cut short)");
	assert_string_equal(talk_gzip("<HTTP/1.1 200 OK\r\nContent-Encoding: x-mine\r\nContent-"
				      "Length: 3\r\n\r\n",
				      0, 3, 0, 5),
			    GOT_GET("0") "\n0 < 200 h2\n0 < end (unknown coding)\n0 complete "
					 "(unknown coding)");
	/* Transfer codings come off as well. */
	assert_string_equal(talk_gzip("<HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n"
				      "\r\n"
				      "1d"
				      "\r\n",
				      0, sizeof(gzip), 0, 5),
			    GOT_GET("0") "\n0 < 200 h1\n0 < hello, hello, hello\n0 cut (cut)");
}

/* --- times, positions, limits, memory --- */

static struct http_exchange seen;

static void keep(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	(void)ctx, (void)piece;
	if (ev == HTTP_FINISHED)
		seen = *x;
}

static void http1_times_and_positions(void **state)
{
	static const struct http_reader r = { .exchange = keep };
	struct talk t = { .conn = { .id = 1 } };

	(void)state;
	assert_int_equal(http_new(&r, NULL, NULL, NULL, &t.http), 0);
	feed_step(&t, ">" GET, 1000);				    /* 1 */
	feed_step(&t, "<" OK2, 1000);				    /* 2 */
	feed_step(&t, ">POST / HTTP/1.1\r\n", 1000);		    /* 3 */
	feed_step(&t, ">Content-Length: 2\r\n\r\n", 1000);	    /* 4 */
	feed_step(&t, ">h", 1000);				    /* 5 */
	feed_step(&t, ">i", 1000);				    /* 6 */
	feed_step(&t, "<HTTP/1.1 200 OK\r\n", 1000);		    /* 7 */
	feed_step(&t, "<Transfer-Encoding: chunked\r\n\r\n", 1000); /* 8 */
	feed_step(&t, "<3\r\nabc", 1000);			    /* 9 */
	feed_step(&t, "<\r\n0\r\n\r\n", 1000);			    /* 10 */
	assert_int_equal(seen.number, 1);
	assert_int_equal(seen.request.pos, strlen(GET));
	assert_int_equal(seen.response.pos, strlen(OK2));
	assert_int_equal(seen.request.head_ns, 3);
	assert_int_equal(seen.request.body_ns, 5);
	assert_int_equal(seen.request.end_ns, 6);
	assert_int_equal(seen.response.head_ns, 7);
	assert_int_equal(seen.response.body_ns, 9);
	assert_int_equal(seen.response.end_ns, 10);
	assert_int_equal(seen.end_ns, 10);
	assert_int_equal(seen.request.body_bytes, 2);
	assert_int_equal(seen.response.wire_bytes, 3);
	assert_false(seen.inbound);
	http_free(t.http);
}

static void http1_limits(void **state)
{
	static const struct http_limits limits = {
		.head_bytes = 200, .body_bytes = 6, .ratio = 10, .memory_bytes = 1 << 20
	};
	static char big[400];
	struct stats stats = { 0 };
	struct log l = { 0 };
	struct talk t = { .conn = { .id = 1 } };

	(void)state;
	assert_int_equal(http_new(&reader, &l, &limits, &stats, &t.http), 0);
	feed_step(&t, ">POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789", 3);
	snprintf(big, sizeof(big), "<HTTP/1.1 200 OK\r\nX: %0300d\r\n\r\n", 0);
	feed_step(&t, big, 1000);
	feed_step(&t, ">" GET, 1000);
	feed_step(&t, "<" OK2, 1000);
	assert_string_equal(l.text, "\n0 > POST  / h1\n0 > 012345\n0 > end (over limit)\n0 evicted "
				    "(over limit) (over limit)" GOT_GET("1") GOT_OK2("1"));
	assert_int_equal(stats.n[STAT_HTTP_OVER_LIMIT], 2);
	http_close(t.http, &t.conn, HTTP_END_CUT, 99);
	http_free(t.http);
}

/* A consumer that keeps what it gets. */
static void hoard(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	if (ev == HTTP_REQUEST_BODY && arena_copy(x->mem, piece).p == NULL)
		assert_true(arena_failed(x->mem));
	record(ctx, ev, x, (struct slice){ 0 });
}

static void http_evicts_the_connection_idle_for_longest(void **state)
{
	static const struct http_reader r = { .exchange = hoard, .not_http = not_http };
	static const struct http_limits limits = {
		.head_bytes = 1000, .body_bytes = 1 << 20, .ratio = 10, .memory_bytes = 1 << 20
	};
	struct stats stats = { 0 };
	struct log l = { 0 };
	struct talk t[3] = { { .conn = { .id = 1 } },
			     { .conn = { .id = 2 } },
			     { .conn = { .id = 3 } } };
	char *body = calloc(1, 300002);

	(void)state;
	assert_non_null(body);
	memset(body, 'x', 300001);
	body[0] = '>';
	assert_int_equal(http_new(&r, &l, &limits, &stats, &t[0].http), 0);
	t[1].http = t[2].http = t[0].http;
	for (size_t i = 0; i < 3; i++)
		feed_step(&t[i], ">POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n", 1000);
	for (size_t i = 0; i < 3; i++)
		feed_step(&t[i], body, 300000);
	feed_step(&t[2], "<" OK2, 1000);
	assert_non_null(strstr(l.text, "\n0 evicted"));
	/* The first one is gone; what follows on it is whole. */
	l.n = 0;
	feed_step(&t[0], "<" OK2, 1000);
	feed_step(&t[0], ">" GET, 1000);
	feed_step(&t[0], "<" OK2, 1000);
	assert_string_equal(l.text, GOT_GET("1") "\n1 < 200 h1\n1 < \n1 < end\n1 complete");
	l.n = 0;
	feed_step(&t[1], "<" OK2, 1000);
	assert_non_null(strstr(l.text, "complete"));
	for (size_t i = 0; i < 3; i++)
		http_close(t[0].http, &t[i].conn, HTTP_END_CUT, 99);
	http_free(t[0].http);
	free(body);
}

static void http_evicted_pipeline_is_given_up(void **state)
{
	static const struct http_reader r = { .exchange = hoard, .not_http = not_http };
	static const struct http_limits limits = {
		.head_bytes = 1000, .body_bytes = 1 << 20, .ratio = 10, .memory_bytes = 1 << 20
	};
	struct log l = { 0 };
	struct talk a = { .conn = { .id = 1 } }, b = { .conn = { .id = 2 } };
	char *body = calloc(1, 300002);

	(void)state;
	assert_non_null(body);
	memset(body, 'x', 300001);
	body[0] = '>';
	assert_int_equal(http_new(&r, &l, &limits, NULL, &a.http), 0);
	b.http = a.http;
	for (size_t i = 0; i < 20; i++)
		feed_step(&a, ">" GET, 1000);
	feed_step(&b, ">POST / HTTP/1.1\r\nContent-Length: 900000\r\n\r\n", 1000);
	for (size_t i = 0; i < 3; i++)
		feed_step(&b, body, 16384);
	assert_int_equal(l.not_http, 0);
	feed_step(&a, "<" OK2, 1000);
	assert_int_equal(l.not_http, 1);
	http_close(a.http, &a.conn, HTTP_END_CUT, 99);
	http_close(a.http, &b.conn, HTTP_END_CUT, 99);
	http_free(a.http);
	free(body);
}

static void http_exchange_that_outgrows_its_memory_is_evicted(void **state)
{
	static const struct http_reader r = { .exchange = hoard, .not_http = not_http };
	static const struct http_limits limits = {
		.head_bytes = 1000, .body_bytes = 1 << 20, .ratio = 10, .memory_bytes = 100000
	};
	struct log l = { 0 };
	struct talk t = { .conn = { .id = 1 } };
	char *body = calloc(1, 300002);

	(void)state;
	assert_non_null(body);
	memset(body, 'x', 300001);
	body[0] = '>';
	assert_int_equal(http_new(&r, &l, &limits, NULL, &t.http), 0);
	feed_step(&t, ">POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n", 1000);
	feed_step(&t, body, 16384);
	feed_step(&t, "<" OK2, 1000);
	feed_step(&t, ">" GET, 1000);
	assert_string_equal(l.text, "\n0 > POST  / h1\n0 > \n0 evicted" GOT_GET("1"));
	http_close(t.http, &t.conn, HTTP_END_CUT, 99);
	http_free(t.http);
	free(body);
}

static void http1_endless_pipelining_is_given_up(void **state)
{
	struct stats stats = { 0 };
	static char text[8192];
	struct log l = { 0 };
	struct talk t = { .conn = { .id = 1 } };

	(void)state;
	strcpy(text, ">");
	for (size_t i = 0; i < 100; i++)
		strcat(text, GET);
	assert_int_equal(http_new(&(struct http_reader){ .exchange = keep, .not_http = not_http },
				  &l, NULL, &stats, &t.http),
			 0);
	for (size_t i = 0; i < 10; i++)
		feed_step(&t, text, 16384);
	assert_int_equal(l.not_http, 1);
	assert_int_equal(stats.n[STAT_HTTP_BAD], 1);
	http_close(t.http, &t.conn, HTTP_END_CUT, 99);
	http_free(t.http);
}

static void http1_survives_refused_memory(void **state)
{
	static const char script[] = S(">POST /p HTTP/1.1\r\nContent-Encoding: gzip\r\nTransfer-"
				       "Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n") S("<" OK2)
		S(">" GET) S("<" OK2) S(">GET / HTTP/1.1\r\nTransfer-") S("<#3") S("<!");
	bool refused = true;

	(void)state;
	for (long n = 1; refused; n++) {
		struct log l = { 0 };
		struct talk t = { .conn = { .id = 1 } };

		assert_int_equal(http_new(&reader, &l, NULL, NULL, &t.http), 0);
		alloc_refuse(n);
		for (const char *s = script; *s; s += strlen(s) + 1)
			feed_step(&t, s, 7);
		refused = alloc_allow();
		http_close(t.http, &t.conn, HTTP_END_CUT, 99);
		http_free(t.http);
	}
	alloc_refuse(1);
	assert_int_equal(http_new(&reader, NULL, NULL, NULL, &(struct http *){ 0 }), -ENOMEM);
	alloc_allow();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http1_messages),
		cmocka_unit_test(http1_cut_exchanges_say_so),
		cmocka_unit_test(http1_server_ends_a_body_by_closing),
		cmocka_unit_test(http1_gaps),
		cmocka_unit_test(http1_joined_midway),
		cmocka_unit_test(http1_in_tls_that_may_have_begun_before),
		cmocka_unit_test(tls_without_http_is_given_up_soon),
		cmocka_unit_test(http1_other_protocols_are_told_from_the_first_bytes),
		cmocka_unit_test(http1_bad_messages),
		cmocka_unit_test(http1_upgraded_connection_is_read_anew),
		cmocka_unit_test(http1_bodies_are_decoded),
		cmocka_unit_test(http1_times_and_positions),
		cmocka_unit_test(http1_limits),
		cmocka_unit_test(http_evicts_the_connection_idle_for_longest),
		cmocka_unit_test(http_evicted_pipeline_is_given_up),
		cmocka_unit_test(http_exchange_that_outgrows_its_memory_is_evicted),
		cmocka_unit_test(http1_endless_pipelining_is_given_up),
		cmocka_unit_test(http1_survives_refused_memory),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
