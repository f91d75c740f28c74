/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wiring, with stand-ins for the last two stages: what reaches llm and trace in which order,
 * and which connections the kernel may stop copying.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "cmd/pipeline.h"
#include "events.h"
#include "llm/llm.h"

static union test_event ev;

static char seen[8192];
static size_t n_seen;

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	n_seen += (size_t)vsnprintf(seen + n_seen, sizeof(seen) - n_seen, fmt, ap);
	va_end(ap);
	assert_true(n_seen < sizeof(seen));
}

/* --- stand-ins; a path that begins with /v1 is a model call --- */

struct trace {
	int unused;
};

struct llm {
	int unused;
};

int trace_new(const struct trace_sink *sink, void *ctx, struct proc *procs,
	      const struct price_table *prices, struct stats *stats, struct trace **ret)
{
	(void)sink, (void)ctx, (void)procs, (void)prices, (void)stats;
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void trace_free(struct trace *t)
{
	free(t);
}

static bool strangers; /* all processes are */

bool trace_is_stranger(struct trace *t, struct process_key key)
{
	(void)t, (void)key;
	return strangers;
}

void trace_event(struct trace *t, const struct sonde_event *e, struct process *p)
{
	(void)t;
	if (e->kind == SONDE_EV_EXIT)
		say("exit%u ", p ? p->key.tgid : 0);
	if (e->kind == SONDE_EV_VERDICT)
		say("verdict ");
}

void trace_head(struct trace *t, enum http_event e, const struct http_exchange *x)
{
	(void)t, (void)x;
	if (e != HTTP_FINISHED) /* that it is over is told of each */
		say("head%c ", e == HTTP_REQUEST_HEAD ? '>' : '<');
}

void trace_call(struct trace *t, enum llm_event e, struct llm_call *call)
{
	(void)t, (void)e, (void)call;
}

void trace_tool(struct trace *t, enum tool_event e, struct tool_call *call)
{
	(void)t;
	say("tool(%d,%.*s,%s) ", e, SLICE_ARG(call->name), call->cut ? call->cut : "");
}

void trace_exchange(struct trace *t, const struct http_exchange *x)
{
	(void)t;
	say("exchange(%.*s,%d) ", SLICE_ARG(x->path), x->end);
}

void trace_connection(struct trace *t, const struct connection *conn, bool was_http)
{
	(void)t;
	say("closed%lu%s ", conn->id, was_http ? "h" : "");
}

void trace_content_gone(struct trace *t)
{
	(void)t;
}

static enum sonde_load load; /* as trace was told last */

void trace_load(struct trace *t, enum sonde_load level)
{
	(void)t;
	load = level;
}

void trace_end(struct trace *t, uint64_t ts_ns)
{
	(void)t;
	say("end%lu ", ts_ns);
}

int llm_new(llm_fn fn, void *ctx, struct stats *stats, struct llm **ret)
{
	(void)fn, (void)ctx, (void)stats;
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static size_t llm_memory;

void llm_set_memory(struct llm *l, size_t bytes)
{
	(void)l;
	llm_memory = bytes;
}

void llm_set_endpoints(struct llm *l, const struct llm_endpoint *list)
{
	(void)l, (void)list;
}

void llm_free(struct llm *l)
{
	free(l);
}

bool llm_feed(struct llm *l, enum http_event e, struct http_exchange *x, struct slice piece)
{
	(void)l, (void)piece;
	if (e == HTTP_FINISHED && slice_starts(x->path, SLICE("/v1")))
		say("call(%d) ", x->end);
	return slice_starts(x->path, SLICE("/v1"));
}

/* --- */

static struct stats stats;
static int verdicts, verdict_result;

static int on_verdict(void *ctx, uint64_t conn)
{
	(void)ctx, (void)conn;
	verdicts++;
	return verdict_result;
}

static struct pipeline *begin(void)
{
	static const struct trace_sink sink;
	struct pipeline_config c = { .sink = &sink, .verdict = on_verdict, .stats = &stats };
	struct pipeline *p;

	n_seen = 0;
	seen[0] = '\0';
	verdicts = verdict_result = 0;
	strangers = false;
	stats = (struct stats){ 0 };
	assert_int_equal(pipeline_new(&c, &p), 0);
	pipeline_feed(p, ev_conn(&ev, SONDE_EV_CONN_OPEN, 1, 7, 2, 80));
	return p;
}

static uint64_t pos[2];

static void pass(struct pipeline *p, uint64_t conn, int dir, const char *text)
{
	pipeline_feed(p, ev_data(&ev, 1, conn, (uint8_t)dir, pos[dir], slice_of(text)));
	pos[dir] += strlen(text);
}

/* @head of an answer, then @n bytes of body. */
static void answer(struct pipeline *p, const char *type, size_t n)
{
	static char body[16384];
	char head[256];

	memset(body, 'x', sizeof(body) - 1);
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n", type, n);
	pass(p, 7, SONDE_DIR_IN, head);
	for (; n; n -= n < 16383 ? n : 16383) {
		body[n < 16383 ? n : 16383] = '\0';
		pass(p, 7, SONDE_DIR_IN, body);
	}
}

static void exchanges_that_are_no_calls_go_to_trace(void **state)
{
	struct pipeline *p = begin();

	(void)state;
	pos[0] = pos[1] = 0;
	pass(p, 7, SONDE_DIR_OUT, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
	answer(p, "", 3);
	pass(p, 7, SONDE_DIR_OUT, "GET /v1/y HTTP/1.1\r\nHost: h\r\n\r\n");
	answer(p, "", 3);
	assert_string_equal(seen, "head> head< exchange(/x,1) head> head< call(1) ");
	pipeline_free(p);
}

static void an_exit_ends_calls_before_it_is_told(void **state)
{
	struct pipeline *p = begin();

	(void)state;
	pos[0] = pos[1] = 0;
	pass(p, 7, SONDE_DIR_OUT, "GET /v1/y HTTP/1.1\r\nHost: h\r\n\r\n");
	pipeline_feed(p, ev_exit(&ev, 1, 0, 0));
	assert_string_equal(seen, "head> call(2) closed7h exit1 ");
	pipeline_free(p);
}

static void what_is_said_to_a_tool_server_is_no_other_exchange(void **state)
{
	static const char call[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
				   "\"params\":{\"name\":\"t\"}}",
			  result[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}";
	char text[512];

	(void)state;
	/* What the reader of model calls takes is its own. */
	for (int model = 0; model < 2; model++) {
		struct pipeline *p = begin();

		pos[0] = pos[1] = 0;
		snprintf(text, sizeof(text),
			 "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s",
			 model ? "/v1/x" : "/mcp", strlen(call), call);
		pass(p, 7, SONDE_DIR_OUT, text);
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
			 strlen(result), result);
		pass(p, 7, SONDE_DIR_IN, text);
		assert_string_equal(seen, model ? "head> head< call(1) "
						: "head> tool(0,t,) head< tool(1,t,) ");
		pipeline_free(p);
	}
}

static void the_end_finishes_what_is_open_once(void **state)
{
	(void)state;
	for (int cut = 0; cut < 2; cut++) {
		struct pipeline *p = begin();

		pos[0] = pos[1] = 0;
		pass(p, 7, SONDE_DIR_OUT, "GET /v1/y HTTP/1.1\r\nHost: h\r\n\r\n");
		ev_plain(&ev, cut ? SONDE_EV_TICK : SONDE_EV_END, 5000000);
		pipeline_feed(p, &ev.hdr);
		pipeline_end(p);
		pipeline_end(p);
		pipeline_feed(p, ev_exit(&ev, 1, 0, 0)); /* nothing follows */
		assert_string_equal(seen, "head> call(5) closed7h end5000000 ");
		pipeline_free(p);
	}
}

static void sockets_that_carry_tls_are_not_read(void **state)
{
	struct pipeline *p = begin();

	(void)state;
	ev_conn(&ev, SONDE_EV_CONN_OPEN, 1, 8, 2, 443);
	ev.conn.flags |= SONDE_CONN_TLS;
	pipeline_feed(p, &ev.hdr);
	pos[0] = pos[1] = 0;
	pass(p, 8, SONDE_DIR_OUT, "GET /v1/y HTTP/1.1\r\nHost: h\r\n\r\n");
	pipeline_feed(p, ev_conn(&ev, SONDE_EV_CONN_CLOSE, 1, 8, 0, 0));
	assert_string_equal(seen, "closed8 ");
	pipeline_free(p);
}

#define K *1024

static void only_files_from_hosts_without_models_are_not_copied(void **state)
{
	static const struct {
		const char *request, *type;
		size_t body;
		int want;
	} cases[] = {
		{ "GET /f HTTP/1.1\r\nHost: h\r\n\r\n",
		  "Content-Type: application/octet-stream\r\n", 128 K, 1 },
		{ "GET /f HTTP/1.1\r\nHost: h\r\n\r\n",
		  "Content-Type: application/octet-stream\r\n", 60 K, 0 }, /* too early */
		{ "GET /f HTTP/1.1\r\nHost: h\r\n\r\n", "Content-Type: application/json\r\n", 128 K,
		  0 },
		{ "GET /f HTTP/1.1\r\nHost: h\r\n\r\n", "", 128 K, 0 },
		{ "GET /f HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n",
		  "Content-Type: text/plain\r\n", 128 K, 0 },
		{ "GET /f HTTP/1.1\r\nHost: h\r\nMcp-Session-Id: 1\r\n\r\n",
		  "Content-Type: text/plain\r\n", 128 K, 0 },
		{ "POST /f HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
		  "Content-Length: 2\r\n\r\n{}",
		  "Content-Type: text/plain\r\n", 128 K, 0 },
		{ "GET /v1/x HTTP/1.1\r\nHost: h\r\n\r\n",
		  "Content-Type: application/octet-stream\r\n", 128 K, 0 },
		{ "nonsense", "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pipeline *p = begin();

		pos[0] = pos[1] = 0;
		pass(p, 7, SONDE_DIR_OUT, cases[i].request);
		answer(p, cases[i].type, cases[i].body);
		if (verdicts != cases[i].want)
			fail_msg("case %zu: %d verdicts", i, verdicts);
		pipeline_free(p);
	}
}

static void a_host_of_models_is_always_copied(void **state)
{
	struct pipeline *p = begin();

	(void)state;
	pos[0] = pos[1] = 0;
	pass(p, 7, SONDE_DIR_OUT, "GET /v1/x HTTP/1.1\r\nHost: h\r\n\r\n");
	answer(p, "", 3);
	pipeline_feed(p, ev_conn(&ev, SONDE_EV_CONN_CLOSE, 1, 7, 0, 0));
	pipeline_feed(p, ev_conn(&ev, SONDE_EV_CONN_OPEN, 1, 7, 2, 80));
	pos[0] = pos[1] = 0;
	pass(p, 7, SONDE_DIR_OUT, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
	answer(p, "Content-Type: application/octet-stream\r\n", 128 K);
	assert_int_equal(verdicts, 0);
	pipeline_free(p);
}

/* A daemon hears all that a host says. */
static void what_strangers_say_is_copied_as_long_as_it_may_matter(void **state)
{
	struct pipeline *p = begin();
	int i;

	(void)state;
	strangers = true;
	pos[0] = pos[1] = 0;
	pass(p, 7, SONDE_DIR_OUT,
	     "GET /list HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n");
	answer(p, "Content-Type: application/json\r\n", 3);
	assert_int_equal(verdicts, 0); /* its model call may come next */
	answer(p, "Content-Type: application/json\r\n", 128 K);
	assert_int_equal(verdicts, 1);
	for (i = 0; verdicts == i + 1 && i < 100; i++) {
		pipeline_feed(p, ev_conn(&ev, SONDE_EV_CONN_CLOSE, 1, 7, 0, 0));
		pipeline_feed(p, ev_conn(&ev, SONDE_EV_CONN_OPEN, 1, 7, 2, 80));
		pos[0] = pos[1] = 0;
		pass(p, 7, SONDE_DIR_OUT, "GET /list HTTP/1.1\r\nHost: h\r\n\r\n");
		answer(p, "Content-Type: application/json\r\n", i < 15 ? 128 K : 3);
	}
	assert_int_equal(i, 100); /* of the later ones only the heads were needed */
	/* Model calls are none of it. */
	pipeline_feed(p, ev_conn(&ev, SONDE_EV_CONN_CLOSE, 1, 7, 0, 0));
	pipeline_feed(p, ev_conn(&ev, SONDE_EV_CONN_OPEN, 1, 7, 2, 80));
	pos[0] = pos[1] = 0;
	pass(p, 7, SONDE_DIR_OUT, "GET /v1/x HTTP/1.1\r\nHost: h\r\n\r\n");
	answer(p, "Content-Type: application/json\r\n", 128 K);
	assert_int_equal(verdicts, 101);
	pipeline_free(p);
}

static void weigh(struct pipeline *p, uint32_t level)
{
	ev_plain(&ev, SONDE_EV_LOAD, 1);
	ev.hdr.size = sizeof(struct sonde_load_event);
	((struct sonde_load_event *)(void *)&ev)->level = level;
	pipeline_feed(p, &ev.hdr);
}

/* One exchange that is no call is enough then. */
static void under_load_connections_of_no_run_are_let_go(void **state)
{
	struct pipeline *p = begin();

	(void)state;
	pos[0] = pos[1] = 0;
	pass(p, 7, SONDE_DIR_OUT, "GET /page HTTP/1.1\r\nHost: h\r\n\r\n");
	answer(p, "Content-Type: text/html\r\n", 10);
	assert_int_equal(verdicts, 0);
	weigh(p, SONDE_LOAD_CONNECTIONS);
	assert_int_equal(load, SONDE_LOAD_CONNECTIONS);
	pass(p, 7, SONDE_DIR_OUT, "GET /page HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(verdicts, 1);
	assert_int_equal(stats.n[STAT_SHED_CONNECTIONS], 1);
	weigh(p, SONDE_LOAD_NONE);
	assert_int_equal(load, SONDE_LOAD_NONE);
	pipeline_free(p);
}

static void what_is_not_http_is_not_copied_for_ever(void **state)
{
	struct pipeline *p = begin();

	(void)state;
	pos[0] = pos[1] = 0;
	pass(p, 7, SONDE_DIR_OUT, "\x01\x02\x03\x04 this is something else");
	assert_int_equal(verdicts, 0);
	pipeline_feed(p, ev_gap(&ev, 1, 7, SONDE_DIR_OUT, pos[1], 70 K, SONDE_GAP_LOST));
	assert_int_equal(verdicts, 1);
	pass(p, 7, SONDE_DIR_IN, "x");
	assert_int_equal(verdicts, 1); /* told once */
	pipeline_free(p);
}

/* Connection @conn between processes 1 and 2: a pair of sockets. */
static void open_talk(struct pipeline *p, uint64_t conn)
{
	ev_conn(&ev, SONDE_EV_CONN_OPEN, 1, conn, 1, 0);
	ev.conn.flags = SONDE_CONN_TALK;
	ev.conn.source = SONDE_SOURCE_UNIX;
	pipeline_feed(p, &ev.hdr);
	pipeline_feed(p, ev_use(&ev, 1, conn, SONDE_DIR_OUT, 0));
	pipeline_feed(p, ev_use(&ev, 2, conn, SONDE_DIR_OUT, 1));
	pipeline_feed(p, ev_use(&ev, 2, conn, SONDE_DIR_IN, 0));
	pos[0] = pos[1] = 0;
}

#define CALL                                                                   \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{" \
	"\"name\":\"t\",\"arguments\":{}}}\n"

static void what_processes_say_in_json_rpc_goes_to_trace(void **state)
{
	struct pipeline *p = begin();

	(void)state;
	open_talk(p, 9);
	pass(p, 9, SONDE_DIR_OUT, CALL);
	pass(p, 9, SONDE_DIR_IN, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
	pass(p, 9, SONDE_DIR_OUT, CALL);
	pipeline_feed(p, ev_exit(&ev, 2, 0, 0));
	pipeline_feed(p, ev_conn(&ev, SONDE_EV_CONN_CLOSE, 1, 9, 0, 0));
	assert_string_equal(seen, "tool(0,t,) tool(1,t,) tool(0,t,) tool(1,t,the server ended) "
				  "exit2 closed9 ");
	assert_int_equal(verdicts, 0);
	pipeline_free(p);
}

static void other_json_between_processes_is_dropped_at_once(void **state)
{
	struct pipeline *p = begin();

	(void)state;
	open_talk(p, 9);
	pass(p, 9, SONDE_DIR_OUT, "{\"cmd\":\"NODE_HANDLE\"}\n");
	assert_int_equal(verdicts, 1);
	pipeline_free(p);
}

/* A recording may say anything: what a connection is does not change while it is open. */
static void a_connection_stays_what_it_was_opened_as(void **state)
{
	struct pipeline *p = begin();

	(void)state;
	pos[0] = pos[1] = 0;
	ev_conn(&ev, SONDE_EV_CONN_OPEN, 1, 9, 0, 0);
	pipeline_feed(p, &ev.hdr);
	pass(p, 9, SONDE_DIR_OUT, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
	open_talk(p, 9);
	pos[1] = 27;
	pass(p, 9, SONDE_DIR_OUT, CALL);
	pipeline_feed(p, ev_conn(&ev, SONDE_EV_CONN_CLOSE, 1, 9, 0, 0));
	assert_string_equal(seen, "head> exchange(/x,2) closed9h ");
	pipeline_free(p);
}

static void a_verdict_that_did_not_get_through_is_repeated(void **state)
{
	struct pipeline *p = begin();

	(void)state;
	pos[0] = pos[1] = 0;
	verdict_result = -EAGAIN;
	pass(p, 7, SONDE_DIR_OUT, "GET /f HTTP/1.1\r\nHost: h\r\n\r\n");
	answer(p, "Content-Type: image/png\r\n", 128 K);
	assert_true(verdicts > 1);
	verdict_result = 0;
	verdicts = 0;
	pass(p, 7, SONDE_DIR_OUT, "GET /f HTTP/1.1\r\nHost: h\r\n\r\n");
	answer(p, "Content-Type: image/png\r\n", 64 K);
	assert_int_equal(verdicts, 1);
	pipeline_free(p);
}

static void refused_memory_is_told(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		static const struct trace_sink sink;
		struct pipeline_config c = { .sink = &sink };
		struct pipeline *p = NULL;
		int r;

		alloc_refuse(n);
		r = pipeline_new(&c, &p);
		if (!r) {
			pos[0] = pos[1] = 0;
			pipeline_feed(p, ev_conn(&ev, SONDE_EV_CONN_OPEN, 1, 7, 2, 80));
			pass(p, 7, SONDE_DIR_OUT, "GET /v1/x HTTP/1.1\r\nHost: h\r\n\r\n");
			pass(p, 7, SONDE_DIR_IN, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
			pipeline_end(p);
		}
		pipeline_free(p);
		n_seen = 0;
		if (!alloc_allow())
			break;
		assert_true(r == 0 || r == -ENOMEM);
		assert_true(n < 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanges_that_are_no_calls_go_to_trace),
		cmocka_unit_test(an_exit_ends_calls_before_it_is_told),
		cmocka_unit_test(what_is_said_to_a_tool_server_is_no_other_exchange),
		cmocka_unit_test(the_end_finishes_what_is_open_once),
		cmocka_unit_test(sockets_that_carry_tls_are_not_read),
		cmocka_unit_test(only_files_from_hosts_without_models_are_not_copied),
		cmocka_unit_test(a_host_of_models_is_always_copied),
		cmocka_unit_test(what_strangers_say_is_copied_as_long_as_it_may_matter),
		cmocka_unit_test(under_load_connections_of_no_run_are_let_go),
		cmocka_unit_test(what_is_not_http_is_not_copied_for_ever),
		cmocka_unit_test(what_processes_say_in_json_rpc_goes_to_trace),
		cmocka_unit_test(other_json_between_processes_is_dropped_at_once),
		cmocka_unit_test(a_connection_stays_what_it_was_opened_as),
		cmocka_unit_test(a_verdict_that_did_not_get_through_is_repeated),
		cmocka_unit_test(refused_memory_is_told),
	};

	return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
