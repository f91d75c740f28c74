/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MCP and A2A over HTTP: each scenario is bytes on connections, fed whole and cut at many sizes;
 * the same must come out.
 */
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
#include "mcp/mcp.h"
#include "proto/http.h"

#define V "\"jsonrpc\":\"2.0\","
#define ASK(id, method, params) \
	"{" V "\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define NOTE(method, params) "{" V "\"method\":\"" method "\",\"params\":" params "}"
#define CALL(id, name, args) ASK(id, "tools/call", "{\"name\":\"" name "\",\"arguments\":" args "}")
#define RESULT(id, value)    "{" V "\"id\":" id ",\"result\":" value "}"
#define ERROR(id, code, text) \
	"{" V "\"id\":" id ",\"error\":{\"code\":" code ",\"message\":\"" text "\"}}"
#define HELLO                                      \
	ASK("0", "initialize",                     \
	    "{\"protocolVersion\":\"2025-11-25\"," \
	    "\"clientInfo\":{\"name\":\"cli\",\"version\":\"1\"}}")
#define WELCOME                                                                             \
	RESULT("0", "{\"protocolVersion\":\"2025-06-18\",\"serverInfo\":{\"name\":\"srv\"," \
		    "\"version\":\"2\"}}")
#define EVENT(json) "event: message\ndata: " json "\n\n"
#define S	    "Mcp-Session-Id: s1\r\n"
#define JSON	    "Content-Type: application/json\r\n"
#define SSE	    "Content-Type: text/event-stream\r\n"

enum { CLIENT = 10, SERVER = 20, CONNS = 8 };

static struct mcp *mcp;
static struct http *http;
static struct stats stats;
static struct connection conns[CONNS];
static uint64_t pos[CONNS][2], now;
static size_t step;
static char said[8192];
static size_t n_said;
static bool taken_as_model_call;
static unsigned others; /* exchanges of somebody else's */
static char facts[256]; /* that the last call came with */

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	n_said += (size_t)vsnprintf(said + n_said, sizeof(said) - n_said, fmt, ap);
	va_end(ap);
	assert_true(n_said < sizeof(said));
}

static void say_text(const char *what, struct slice text)
{
	if (text.n)
		say("%s%.*s", what, SLICE_ARG(text));
}

static void on_call(void *ctx, enum tool_event ev, struct tool_call *c)
{
	const bool named = c->kind == TOOL_CALL;

	(void)ctx;
	snprintf(facts, sizeof(facts), "%.*s/%.*s %.*s/%.*s %.*s %.*s at %.*s, %lld tools, %.*s",
		 SLICE_ARG(c->client_name), SLICE_ARG(c->client_version), SLICE_ARG(c->server_name),
		 SLICE_ARG(c->server_version), SLICE_ARG(c->protocol_version),
		 SLICE_ARG(c->session_id), SLICE_ARG(c->host), (long long)c->n_tools,
		 SLICE_ARG(c->description));
	say(ev == TOOL_BEGIN ? "+" : "-");
	say("%.*s", SLICE_ARG(named ? c->name : c->method));
	if (ev == TOOL_BEGIN) {
		c->user = (void *)1;
		say("(%.*s)%s ", SLICE_ARG(c->arguments), c->within ? " within" : "");
		return;
	}
	assert_ptr_equal(c->user, (void *)1);
	say("=%.*s", SLICE_ARG(c->result));
	if (c->is_error)
		say(" error");
	if (c->http_status)
		say(" status %d", c->http_status);
	else if (c->refused)
		say(" refused %lld %.*s", (long long)c->error_code, SLICE_ARG(c->error_message));
	if (c->cut)
		say(" cut %s", c->cut);
	if (c->lost_bytes)
		say(" lost");
	if (c->progress)
		say(" progress %u", c->progress);
	if (c->rounds)
		say(" rounds %u", c->rounds);
	say_text(" agent ", c->agent_name);
	say_text(" context ", c->context_id);
	say_text(" task ", c->task_id);
	say_text(" state ", c->task_state);
	say("; ");
}

static void on_decided(void *ctx, struct connection *conn, bool speaks)
{
	(void)ctx, (void)conn, (void)speaks;
}

static const struct mcp_reader reader = { .call = on_call, .decided = on_decided };

static void on_exchange(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	const bool ours = mcp_exchange(mcp, ev, x, piece, taken_as_model_call);

	(void)ctx;
	others += ev == HTTP_FINISHED && !ours;
}

static void on_not_http(void *ctx, struct connection *conn)
{
	(void)ctx, (void)conn; /* where memory was refused */
}

static const struct http_reader http_reader = { .exchange = on_exchange, .not_http = on_not_http };

static bool begin(size_t cut)
{
	step = cut;
	n_said = 0;
	said[0] = '\0';
	now = 1;
	others = 0;
	taken_as_model_call = false;
	memset(&stats, 0, sizeof(stats));
	memset(conns, 0, sizeof(conns));
	memset(pos, 0, sizeof(pos));
	for (size_t i = 0; i < CONNS; i++) {
		conns[i].id = 100 + i;
		conns[i].flags = SONDE_CONN_CLIENT;
		conns[i].source = SONDE_SOURCE_TCP;
		conns[i].process = (struct process_key){ CLIENT, 1 };
	}
	mcp = NULL;
	http = NULL;
	return mcp_new(&reader, NULL, &stats, &mcp) == 0 &&
	       http_new(&http_reader, NULL, NULL, &stats, &http) == 0;
}

static void end(void)
{
	mcp_free(mcp);
	if (http)
		http_free(http);
}

/* From here on @conn is seen at the server's end. */
static void serve(int conn)
{
	conns[conn].flags = SONDE_CONN_SERVER;
	conns[conn].process = (struct process_key){ SERVER, 2 };
}

static void pass(int conn, bool answer, const char *text)
{
	const bool server = conns[conn].flags & SONDE_CONN_SERVER;
	const enum sonde_dir dir = answer != server ? SONDE_DIR_IN : SONDE_DIR_OUT;
	struct slice in = slice_of(text);

	now++;
	for (size_t n; in.n; in = slice_from(in, n)) {
		struct stream_chunk c = {
			.conn = &conns[conn], .dir = dir, .pos = pos[conn][dir], .ts_ns = now
		};

		n = in.n < step ? in.n : step;
		c.bytes = (struct slice){ in.p, n };
		http_feed(http, &c);
		pos[conn][dir] += n;
	}
}

static void lose(int conn, bool answer, uint64_t n)
{
	const bool server = conns[conn].flags & SONDE_CONN_SERVER;
	const enum sonde_dir dir = answer != server ? SONDE_DIR_IN : SONDE_DIR_OUT;
	struct stream_chunk c = { .conn = &conns[conn],
				  .dir = dir,
				  .pos = pos[conn][dir] += n,
				  .ts_ns = ++now,
				  .gap = n,
				  .gap_reason = SONDE_GAP_LOST };

	http_feed(http, &c);
}

static void ask_at(int conn, const char *method, const char *path, const char *headers,
		   const char *body)
{
	static char text[16384];

	snprintf(text, sizeof(text),
		 "%s %s HTTP/1.1\r\nHost: h:1\r\n" JSON
		 "Accept: application/json, text/event-stream\r\n%sContent-Length: %zu\r\n\r\n%s",
		 method, path, headers, strlen(body), body);
	pass(conn, false, text);
}

static void post(int conn, const char *headers, const char *body)
{
	ask_at(conn, "POST", "/mcp", headers, body);
}

static void reply(int conn, int status, const char *headers, const char *body)
{
	static char text[16384];

	snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n%s", status,
		 headers, strlen(body), body);
	pass(conn, true, text);
}

static void reply_head(int conn, const char *headers)
{
	char text[512];

	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n",
		 headers);
	pass(conn, true, text);
}

/* Empty: the last one. */
static void chunk(int conn, const char *body)
{
	static char text[16384];

	snprintf(text, sizeof(text), "%zx\r\n%s\r\n", strlen(body), body);
	pass(conn, true, text);
}

static void leave(int conn)
{
	http_close(http, &conns[conn], HTTP_END_CUT, ++now);
}

/* Every scenario, whole and in pieces of every size up to that of a message. */
static void check(void (*scenario)(void), const char *want)
{
	for (size_t cut = 0; cut <= 512; cut++) {
		assert_true(begin(cut ? cut : SIZE_MAX));
		scenario();
		if (strcmp(said, want) != 0)
			print_error("in pieces of %zu:\n", cut);
		assert_string_equal(said, want);
		end();
	}
}

/* --- Streamable HTTP --- */

static void hello(void)
{
	post(0, "", HELLO);
	reply(0, 200, JSON S, WELCOME);
	post(0, S, NOTE("notifications/initialized", "{}"));
	reply(0, 202, "", "");
}

static void json_answers(void)
{
	hello();
	post(0, S, CALL("1", "a", "{\"x\":1}"));
	reply(0, 200, JSON, RESULT("1", "{\"content\":[]}"));
	post(0, S, CALL("\"2\"", "b", "{}"));
	reply(0, 200, JSON, RESULT("\"2\"", "{\"isError\":true}"));
	post(0, S, CALL("3", "c", "{}"));
	reply(0, 200, JSON, ERROR("3", "-32602", "no \\\"c\\\""));
	assert_int_equal(others, 0);
}

static void answers_as_json_are_paired(void **state)
{
	(void)state;
	check(json_answers,
	      "+a({\"x\":1}) -a={\"content\":[]}; +b({}) -b={\"isError\":true} error; "
	      "+c({}) -c={\"code\":-32602,\"message\":\"no \\\"c\\\"\"} refused -32602 no \"c\"; ");
}

static void one_call(const char *headers)
{
	post(0, headers, ASK("1", "tools/list", "{}"));
	reply(0, 200, JSON, RESULT("1", "{\"tools\":[{\"name\":\"a\",\"description\":\"A\"}]}"));
	post(0, headers, CALL("2", "a", "{}"));
	reply(0, 200, JSON, RESULT("2", "{}"));
}

static void what_both_tell_of_themselves_is_remembered(void **state)
{
	(void)state;
	assert_true(begin(SIZE_MAX));
	hello();
	one_call(S);
	assert_string_equal(facts, "cli/1 srv/2 2025-06-18 s1 at h:1, 1 tools, A");
	/* Another session knows nothing of it. */
	post(0, "Mcp-Session-Id: s2\r\n", CALL("1", "a", "{}"));
	assert_string_equal(facts, "/ /  s2 at h:1, -1 tools, ");
	end();
	/* Without a name, the process and the address are the session. */
	assert_true(begin(SIZE_MAX));
	post(0, "", HELLO);
	reply(0, 200, JSON, WELCOME);
	one_call("");
	assert_string_equal(facts, "cli/1 srv/2 2025-06-18  at h:1, 1 tools, A");
	end();
	/* 2026-07-28: in every message. */
	assert_true(begin(SIZE_MAX));
	post(0, "",
	     ASK("1", "tools/call",
		 "{\"name\":\"a\",\"_meta\":{"
		 "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
		 "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"new\",\"version\":\"9\"}}}"));
	reply(0, 200, JSON,
	      RESULT("1", "{\"_meta\":{\"io.modelcontextprotocol/serverInfo\":"
			  "{\"name\":\"s\",\"version\":\"3\"}}}"));
	assert_string_equal(facts, "new/9 s/3 2026-07-28  at h:1, -1 tools, ");
	end();
}

static void event_answers(void)
{
	hello();
	post(0, S,
	     ASK("1", "tools/call",
		 "{\"name\":\"a\",\"arguments\":{},\"_meta\":{\"progressToken\":7}}"));
	reply_head(0, SSE);
	chunk(0, EVENT(NOTE("notifications/progress", "{\"progressToken\":7,\"progress\":1}")));
	/* The server asks on the stream of the call, and is answered on another connection. */
	chunk(0, "id: 1\n" EVENT(ASK("1", "sampling/createMessage", "{\"n\":1}")));
	post(1, S, RESULT("1", "{\"said\":1}"));
	reply(1, 202, "", "");
	chunk(0, ": a comment\n\n" EVENT(RESULT("1", "{}")));
	chunk(0, "");
}

static void servers_ask_on_the_stream_of_a_call(void **state)
{
	(void)state;
	check(event_answers, "+a({}) +sampling/createMessage({\"n\":1}) within "
			     "-sampling/createMessage={\"said\":1}; -a={} progress 1; ");
}

static void other_streams(void)
{
	hello();
	ask_at(1, "GET", "/mcp", S, "");
	reply_head(1, SSE);
	chunk(1, EVENT(ASK("9", "elicitation/create", "{\"m\":1}")));
	post(0, S, ERROR("9", "-1", "no"));
	reply(0, 202, "", "");
	/* A stream that the server gave up; the answer comes where the client resumes. */
	post(0, S, CALL("1", "a", "{}"));
	reply_head(0, SSE);
	chunk(0, "id: 5\nretry: 10\n\n");
	chunk(0, "");
	ask_at(2, "GET", "/mcp", S "Last-Event-ID: 5\r\n", "");
	reply_head(2, SSE);
	chunk(2, EVENT(RESULT("1", "{\"late\":1}")));
	post(0, S, CALL("2", "b", "{}"));
	reply_head(0, SSE);
	leave(0);
	ask_at(3, "DELETE", "/mcp", S, "");
	reply(3, 200, "", "");
	assert_int_equal(others, 0);
}

static void the_stream_of_a_session_carries_requests_and_late_answers(void **state)
{
	(void)state;
	check(other_streams, "+elicitation/create({\"m\":1}) "
			     "-elicitation/create={\"code\":-1,\"message\":\"no\"} refused -1 no; "
			     "+a({}) -a={\"late\":1}; +b({}) -b= cut the session was ended; ");
}

static void batches(void)
{
	hello();
	post(0, S,
	     "[" CALL("1", "a", "{}") "," NOTE("notifications/x", "{}") "," CALL("2", "b",
										 "{}") "]");
	reply(0, 200, JSON, "[" RESULT("2", "{}") ",\n " RESULT("1", "{\"r\":1}") "]");
}

static void batches_are_taken_apart(void **state)
{
	(void)state;
	check(batches, "+a({}) +b({}) -b={}; -a={\"r\":1}; ");
}

/* Two clients in one process, at a server without sessions: ids are equal. */
static void no_sessions(void)
{
	post(0, "", CALL("1", "a", "{}"));
	post(1, "", CALL("1", "b", "{}"));
	reply_head(1, SSE);
	chunk(1, EVENT(RESULT("1", "{\"of\":\"b\"}")));
	reply(0, 200, JSON, RESULT("1", "{\"of\":\"a\"}"));
	chunk(1, "");
	post(0, "", CALL("2", "c", "{}"));
	reply(0, 200, JSON, RESULT("3", "{}")); /* to another question */
}

static void without_sessions_an_exchange_is_what_pairs(void **state)
{
	(void)state;
	check(no_sessions, "+a({}) +b({}) -b={\"of\":\"b\"}; -a={\"of\":\"a\"}; "
			   "+c({}) -c= cut it was not answered; ");
}

static void failures(void)
{
	hello();
	post(0, S, CALL("1", "a", "{}"));
	reply(0, 404, "Content-Type: text/html\r\n", "<h1>gone</h1>");
	post(0, S, CALL("2", "b", "{}"));
	reply(0, 400, JSON, ERROR("null", "-32700", "parse"));
	post(0, S, CALL("3", "c", "{}"));
	post(1, S, NOTE("notifications/cancelled", "{\"requestId\":3}"));
	reply(1, 202, "", "");
	leave(0);
	post(2, S, CALL("4", "d", "{}"));
	leave(2);
	post(3, S, CALL("5", "e", "{}"));
	mcp_exited(mcp, conns[3].process, ++now);
	reply(3, 200, JSON, "{}");
}

static void calls_without_an_answer_say_why(void **state)
{
	(void)state;
	check(failures, "+a({}) -a= status 404; "
			"+b({}) -b={\"code\":-32700,\"message\":\"parse\"} refused -32700 parse; "
			"+c({}) -c= cut cancelled; +d({}) -d= cut the connection closed; "
			"+e({}) -e= cut the client ended; ");
}

/* Handshakes and lists are told where they fail or are slow. */
static void quiet(void)
{
	hello();
	post(0, S, ASK("1", "tools/list", "{}"));
	reply(0, 200, JSON, RESULT("1", "{\"tools\":[]}"));
	post(0, S, ASK("2", "ping", "{}"));
	now += 2000000000;
	reply(0, 200, JSON, RESULT("2", "{}"));
	post(0, S, ASK("3", "prompts/list", "{}"));
	reply(0, 200, JSON, ERROR("3", "-32601", "none"));
	post(1, "", HELLO);
	reply(1, 401, "", "");
}

static void what_is_no_step_is_one_where_it_failed_or_was_slow(void **state)
{
	(void)state;
	check(quiet,
	      "+ping({}) -ping={}; "
	      "+prompts/list({}) -prompts/list={\"code\":-32601,\"message\":\"none\"} "
	      "refused -32601 none; "
	      "+initialize({\"protocolVersion\":\"2025-11-25\",\"clientInfo\":{\"name\":\"cli\","
	      "\"version\":\"1\"}}) -initialize= status 401; ");
}

/* --- HTTP+SSE of 2024-11-05 --- */

static void legacy(void)
{
	ask_at(0, "GET", "/base/sse", "", "");
	reply_head(0, SSE);
	chunk(0, "event: endpoint\ndata: /base/messages?sessionId=7\n\n");
	ask_at(1, "POST", "/base/messages?sessionId=7", "", HELLO);
	reply(1, 202, "", "Accepted");
	chunk(0, EVENT(WELCOME));
	/* Another client of the same server, with the same ids. */
	ask_at(2, "GET", "/base/sse", "", "");
	reply_head(2, SSE);
	chunk(2, "event: endpoint\r\ndata: http://h:1/base/messages?sessionId=8\r\n\r\n");
	ask_at(3, "POST", "/base/messages?sessionId=8", "", CALL("1", "b", "{}"));
	ask_at(1, "POST", "/base/messages?sessionId=7", "", CALL("1", "a", "{}"));
	chunk(2, EVENT(RESULT("1", "{\"of\":\"b\"}"))); /* before the 202 */
	reply(3, 202, "", "");
	reply(1, 202, "", "");
	chunk(0, EVENT(ASK("1", "sampling/createMessage", "{}")));
	ask_at(1, "POST", "/base/messages?sessionId=7", "", RESULT("1", "{\"s\":1}"));
	reply(1, 202, "", "");
	chunk(0, EVENT(RESULT("1", "{\"of\":\"a\"}")));
	ask_at(3, "POST", "/base/messages?sessionId=8", "", CALL("2", "c", "{}"));
	reply(3, 202, "", "");
	/* Whatever its method. */
	ask_at(3, "POST", "/base/messages?sessionId=8", "", ASK("3", "vendor/x", "{}"));
	reply(3, 202, "", "");
	chunk(2, EVENT(ERROR("3", "-32601", "no")));
	leave(2);
	assert_int_equal(others, 0);
}

static void answers_on_the_stream_that_gave_the_address_are_paired(void **state)
{
	(void)state;
	check(legacy, "+b({}) +a({}) -b={\"of\":\"b\"}; +sampling/createMessage({}) within "
		      "-sampling/createMessage={\"s\":1}; -a={\"of\":\"a\"}; "
		      "+c({}) +vendor/x({}) -vendor/x={\"code\":-32601,\"message\":\"no\"} "
		      "refused -32601 no; -c= cut the connection closed; ");
}

/* --- 2026-07-28 --- */

#define META "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"
#define MODERN(name) \
	"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: " name "\r\n"

static void rounds(void)
{
	post(0, MODERN("a"),
	     ASK("1", "tools/call", "{\"name\":\"a\",\"arguments\":{\"x\":1}," META "}"));
	reply(0, 200, JSON,
	      RESULT("1", "{\"resultType\":\"input_required\",\"inputRequests\":{\"k\":{}},"
			  "\"requestState\":\"o\"}"));
	/* Another call of the same tool in between. */
	post(1, MODERN("a"), ASK("2", "tools/call", "{\"name\":\"a\",\"arguments\":{}," META "}"));
	reply(1, 200, JSON, RESULT("2", "{\"resultType\":\"complete\"}"));
	post(1, MODERN("a"),
	     ASK("3", "tools/call",
		 "{\"name\":\"a\",\"arguments\":{\"x\":1},\"inputResponses\":{\"k\":1},"
		 "\"requestState\":\"o\"," META "}"));
	reply_head(1, SSE);
	chunk(1, EVENT(RESULT("3", "{\"resultType\":\"complete\",\"content\":[]}")));
	chunk(1, "");
	post(0, MODERN("b"), ASK("4", "tools/call", "{\"name\":\"b\"," META "}"));
	reply(0, 200, JSON,
	      RESULT("4", "{\"resultType\":\"input_required\",\"requestState\":\"p\"}"));
	mcp_exited(mcp, conns[0].process, ++now);
}

static void rounds_of_input_are_one_call(void **state)
{
	(void)state;
	check(rounds, "+a({\"x\":1}) +a({}) -a={\"resultType\":\"complete\"}; "
		      "-a={\"resultType\":\"complete\",\"content\":[]} rounds 1; "
		      "+b() -b= cut the input that the server wanted never came; ");
}

/* The server's end has no session, but another connection. */
static void rounds_inbound(void)
{
	serve(0);
	serve(1);
	post(0, MODERN("a"), CALL("1", "a", "{}"));
	reply(0, 200, JSON,
	      RESULT("1", "{\"resultType\":\"input_required\",\"requestState\":\"o\"}"));
	post(1, MODERN("a"),
	     ASK("2", "tools/call",
		 "{\"name\":\"a\",\"requestState\":\"o\",\"inputResponses\":{}}"));
	reply(1, 200, JSON, RESULT("2", "{}"));
}

static void rounds_are_joined_at_the_servers_end_too(void **state)
{
	(void)state;
	check(rounds_inbound, "+a({}) -a={} rounds 1; ");
}

static void by_head(void)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "POST /mcp HTTP/1.1\r\nHost: h:1\r\n" JSON MODERN(
			 "a") "Content-Length: 100\r\n\r\n");
	pass(0, false, text);
	lose(0, false, 100);
	reply(0, 200, JSON, RESULT("1", "{\"content\":[]}"));
}

static void where_the_body_is_lost_the_head_tells(void **state)
{
	(void)state;
	check(by_head, "+a() -a={\"content\":[]}; ");
}

/* An answer may come before the last byte of the request, which need not be one of its body. */
static void early(void)
{
	char text[512];

	hello();
	snprintf(text, sizeof(text),
		 "POST /mcp HTTP/1.1\r\nHost: h:1\r\n" JSON S
		 "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n",
		 strlen(CALL("1", "a", "{}")), CALL("1", "a", "{}"));
	pass(0, false, text);
	reply(0, 200, JSON, RESULT("1", "{}"));
	pass(0, false, "0\r\n\r\n");
	snprintf(text, sizeof(text),
		 "POST /mcp HTTP/1.1\r\nHost: h:1\r\n" JSON MODERN(
			 "b") "Content-Length: 900\r\n\r\n{\"jsonrpc");
	pass(1, false, text);
	reply(1, 200, JSON, RESULT("1", "{}"));
}

static void an_early_answer_is_one(void **state)
{
	(void)state;
	check(early, "+a({}) -a={}; +b() -b={}; ");
}

static void lost_answer(void)
{
	hello();
	post(0, S, CALL("1", "a", "{}"));
	pass(0, true, "HTTP/1.1 200 OK\r\n" JSON "Content-Length: 50\r\n\r\n{\"jsonrpc\"");
	lose(0, true, 40);
	post(0, S, CALL("2", "b", "{}"));
	reply(0, 200, JSON, RESULT("2", "{}"));
}

static void a_lost_answer_says_so(void **state)
{
	(void)state;
	check(lost_answer, "+a({}) -a= cut the answer could not be read lost; +b({}) -b={}; ");
}

/* --- what is somebody else's --- */

static void not_ours(void)
{
	post(0, "", "{\"model\":\"m\",\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"id\":1}");
	reply(0, 200, JSON, "{}");
	post(0, "", ASK("1", "eth_blockNumber", "[]"));
	reply(0, 200, JSON, RESULT("1", "\"0x1\""));
	post(0, "", "[1,2]");
	reply(0, 200, JSON, "[]");
	post(0, "", "{\"id\":5,\"method\":\"tools/call\"}"); /* no version */
	reply(0, 200, JSON, "{}");
	ask_at(0, "GET", "/events", "", "");
	reply(0, 200, SSE, "data: {\"tick\":1}\n\n");
	ask_at(0, "POST", "/a:cancel", "", "{}");
	reply(0, 200, JSON, "{}");
	assert_int_equal(others, 6);
	taken_as_model_call = true;
	post(0, "", CALL("1", "a", "{}"));
	reply(0, 200, JSON, "{}");
}

static void other_json_is_left_alone(void **state)
{
	(void)state;
	check(not_ours, "");
}

static void a_stream_of_something_else_is_given_up(void **state)
{
	(void)state;
	assert_true(begin(SIZE_MAX));
	ask_at(0, "GET", "/events", "", "");
	reply_head(0, SSE);
	for (int i = 0; i < 20; i++)
		chunk(0, EVENT("{\"tick\":1}"));
	chunk(0, EVENT(ASK("1", "sampling/createMessage", "{}")));
	assert_string_equal(said, "");
	end();
}

static void at_any_path(void)
{
	ask_at(0, "POST", "/v1/messages", "", CALL("1", "a", "{}"));
	reply(0, 200, JSON, RESULT("1", "{}"));
	/* The version last, as some print it. */
	post(0, "",
	     "{\"method\":\"tools/"
	     "call\",\"params\":{\"name\":\"b\"},\"id\":2,\"jsonrpc\":\"2.0\"}");
	reply(0, 200, JSON, RESULT("2", "{}"));
}

static void a_known_method_is_enough(void **state)
{
	(void)state;
	check(at_any_path, "+a({}) -a={}; +b() -b={}; ");
}

/* --- A2A --- */

#define CARD "{\"name\":\"helper\",\"version\":\"1\",\"description\":\"helps\"}"

static void agents(void)
{
	ask_at(0, "GET", "/.well-known/agent-card.json", "", "");
	reply(0, 200, JSON, CARD);
	ask_at(0, "POST", "/", "", ASK("1", "SendMessage", "{\"message\":{\"contextId\":\"c\"}}"));
	reply(0, 200, JSON,
	      RESULT("1", "{\"task\":{\"id\":\"t\",\"contextId\":\"c\","
			  "\"status\":{\"state\":\"TASK_STATE_COMPLETED\"}}}"));
	/* 0.3 */
	ask_at(0, "POST", "/", "", ASK("2", "message/stream", "{\"message\":{\"parts\":[]}}"));
	reply_head(0, SSE);
	chunk(0, EVENT(RESULT("2", "{\"kind\":\"task\",\"id\":\"u\",\"contextId\":\"d\","
				   "\"status\":{\"state\":\"working\"}}")));
	chunk(0, EVENT(RESULT("2", "{\"kind\":\"status-update\",\"taskId\":\"u\","
				   "\"status\":{\"state\":\"input-required\"},\"final\":true}")));
	chunk(0, "");
	ask_at(0, "POST", "/", "", ASK("3", "message/send", "{}"));
	reply(0, 200, JSON, ERROR("3", "-32001", "no task"));
}

static void messages_to_agents_have_a_task(void **state)
{
	(void)state;
	check(agents, "+SendMessage({\"message\":{\"contextId\":\"c\"}}) "
		      "-SendMessage={\"task\":{\"id\":\"t\",\"contextId\":\"c\","
		      "\"status\":{\"state\":\"TASK_STATE_COMPLETED\"}}} "
		      "agent helper context c task t state completed; "
		      "+message/stream({\"message\":{\"parts\":[]}}) "
		      "-message/stream={\"kind\":\"status-update\",\"taskId\":\"u\","
		      "\"status\":{\"state\":\"input-required\"},\"final\":true} progress 2 "
		      "agent helper context d task u state input_required; "
		      "+message/send({}) -message/send={\"code\":-32001,\"message\":\"no task\"} "
		      "refused -32001 no task agent helper; ");
}

static void rest(void)
{
	ask_at(0, "POST", "/v1/message:send", "", "{\"message\":{\"contextId\":\"c\"}}");
	reply(0, 200, "Content-Type: application/a2a+json\r\n",
	      "{\"task\":{\"id\":\"t\",\"status\":{\"state\":\"TASK_STATE_FAILED\"}}}");
	ask_at(0, "POST", "/message:stream", "", "{\"message\":{}}");
	reply_head(0, SSE);
	chunk(0, "data: "
		 "{\"statusUpdate\":{\"taskId\":\"t\",\"status\":{\"state\":\"TASK_STATE_WORKING\"}"
		 "}}\n\n");
	leave(0);
	ask_at(1, "POST", "/message:send", "", "{\"message\":{}}");
	reply(1, 400, JSON, "{\"type\":\"x\"}");
}

/* Of what is polled for, that it is over. */
static void polls(void)
{
	ask_at(0, "POST", "/", "", ASK("1", "GetTask", "{\"id\":\"t\"}"));
	reply(0, 200, JSON,
	      RESULT("1", "{\"id\":\"t\",\"status\":{\"state\":\"TASK_STATE_WORKING\"}}"));
	ask_at(0, "GET", "/v1/tasks/t?historyLength=0", "A2A-Version: 1.0\r\n", "");
	reply(0, 200, JSON, "{\"id\":\"t\",\"status\":{\"state\":\"TASK_STATE_COMPLETED\"}}");
	ask_at(0, "POST", "/", "", ASK("2", "tasks/cancel", "{\"id\":\"u\"}"));
	reply(0, 200, JSON,
	      RESULT("2", "{\"kind\":\"task\",\"id\":\"u\",\"status\":{\"state\":\"canceled\"}}"));
	/* MCP has such a method, too. */
	ask_at(0, "POST", "/", "", ASK("3", "tasks/get", "{\"taskId\":\"v\"}"));
	reply(0, 200, JSON, RESULT("3", "{\"taskId\":\"v\",\"status\":\"completed\"}"));
	assert_int_equal(others, 0);
}

static void the_end_of_a_task_is_a_step(void **state)
{
	(void)state;
	check(polls, "+GetTask() -GetTask={\"id\":\"t\",\"status\":"
		     "{\"state\":\"TASK_STATE_COMPLETED\"}} task t state completed; "
		     "+tasks/cancel({\"id\":\"u\"}) -tasks/cancel={\"kind\":\"task\","
		     "\"id\":\"u\",\"status\":{\"state\":\"canceled\"}} task u state canceled; ");
}

static void the_binding_without_json_rpc_is_read(void **state)
{
	(void)state;
	check(rest,
	      "+SendMessage({\"message\":{\"contextId\":\"c\"}}) "
	      "-SendMessage={\"task\":{\"id\":\"t\",\"status\":{\"state\":\"TASK_STATE_FAILED\"}}} "
	      "error context c task t state failed; "
	      "+SendStreamingMessage({\"message\":{}}) "
	      "-SendStreamingMessage={\"statusUpdate\":{\"taskId\":\"t\","
	      "\"status\":{\"state\":\"TASK_STATE_WORKING\"}}} cut the connection closed progress "
	      "1 "
	      "task t state working; "
	      "+SendMessage({\"message\":{}}) -SendMessage= status 400; ");
}

/* --- limits --- */

static void sessions_are_bounded(void **state)
{
	char headers[64];

	(void)state;
	assert_true(begin(SIZE_MAX));
	post(0, S, CALL("1", "a", "{}"));
	reply_head(0, SSE);
	chunk(0, "");
	for (int i = 0; i < 5000; i++) {
		snprintf(headers, sizeof(headers), "Mcp-Session-Id: x%d\r\n", i);
		post(0, headers, ASK("1", "ping", "{}"));
		reply(0, 200, JSON, RESULT("1", "{}"));
	}
	assert_string_equal(said, "+a({}) -a= cut too many sessions; ");
	assert_true(stats.n[STAT_MCP_OVER_LIMIT] > 900);
	end();
}

static void bodies_are_bounded_together(void **state)
{
	static char part[65536];
	const size_t n = 1000;

	(void)state;
	assert_true(begin(SIZE_MAX));
	memset(part, 'x', sizeof(part) - 1);
	/* Eight bodies of 64 MB each that never end. */
	for (int conn = 0; conn < CONNS; conn++)
		pass(conn, false,
		     "POST /mcp HTTP/1.1\r\nHost: h\r\n" JSON
		     "Content-Length: 67000000\r\n\r\n{\"method\":\"tools/call\",\"x\":\"");
	for (size_t i = 0; i < n; i++)
		for (int conn = 0; conn < CONNS; conn++)
			pass(conn, false, part);
	assert_true(stats.n[STAT_MCP_OVER_LIMIT] > 0);
	end();
}

static void an_event_without_end_is_dropped_alone(void **state)
{
	static char part[1 << 16];

	(void)state;
	assert_true(begin(SIZE_MAX));
	memset(part, 'x', sizeof(part) - 1);
	post(0, S, CALL("1", "a", "{}"));
	pass(0, true, "HTTP/1.1 200 OK\r\n" SSE "Content-Length: 100000000\r\n\r\ndata: ");
	for (int i = 0; i < 300; i++)
		pass(0, true, part);
	pass(0, true, "\n\n" EVENT(RESULT("1", "{}")));
	assert_string_equal(said, "+a({}) -a={}; ");
	assert_true(stats.n[STAT_MCP_OVER_LIMIT] > 0);
	end();
}

static void waiting_calls_are_bounded(void **state)
{
	char text[256];

	(void)state;
	assert_true(begin(SIZE_MAX));
	ask_at(0, "GET", "/sse", "", "");
	reply_head(0, SSE);
	chunk(0, "event: endpoint\ndata: /m\n\n");
	for (int i = 0; i < 1030; i++) {
		n_said = 0;
		snprintf(text, sizeof(text), CALL("%d", "a", "{}"), i);
		ask_at(1, "POST", "/m", "", text);
		reply(1, 202, "", "");
	}
	assert_string_equal(said, "-a= cut too many calls at once; +a({}) ");
	end();
}

static void refused_memory_loses_calls_and_no_more(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		alloc_refuse(n);
		if (begin(SIZE_MAX)) {
			event_answers();
			ask_at(4, "GET", "/base/sse", "", "");
			reply_head(4, SSE);
			chunk(4, "event: endpoint\ndata: m?sessionId=7\n\n");
			ask_at(5, "POST", "/base/m?sessionId=7", "", CALL("1", "z", "{}"));
			ask_at(3, "GET", "/.well-known/agent.json", "", "");
			reply(3, 200, JSON, CARD);
			leave(4);
		}
		end();
		if (!alloc_allow())
			break;
		assert_true(n < 3000);
	}
	assert_string_equal(said, "+a({}) +sampling/createMessage({\"n\":1}) within "
				  "-sampling/createMessage={\"said\":1}; -a={} progress 1; "
				  "+z({}) -z= cut the connection closed; ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_as_json_are_paired),
		cmocka_unit_test(what_both_tell_of_themselves_is_remembered),
		cmocka_unit_test(servers_ask_on_the_stream_of_a_call),
		cmocka_unit_test(the_stream_of_a_session_carries_requests_and_late_answers),
		cmocka_unit_test(batches_are_taken_apart),
		cmocka_unit_test(without_sessions_an_exchange_is_what_pairs),
		cmocka_unit_test(calls_without_an_answer_say_why),
		cmocka_unit_test(what_is_no_step_is_one_where_it_failed_or_was_slow),
		cmocka_unit_test(answers_on_the_stream_that_gave_the_address_are_paired),
		cmocka_unit_test(rounds_of_input_are_one_call),
		cmocka_unit_test(rounds_are_joined_at_the_servers_end_too),
		cmocka_unit_test(where_the_body_is_lost_the_head_tells),
		cmocka_unit_test(an_early_answer_is_one),
		cmocka_unit_test(a_lost_answer_says_so),
		cmocka_unit_test(other_json_is_left_alone),
		cmocka_unit_test(a_stream_of_something_else_is_given_up),
		cmocka_unit_test(a_known_method_is_enough),
		cmocka_unit_test(messages_to_agents_have_a_task),
		cmocka_unit_test(the_end_of_a_task_is_a_step),
		cmocka_unit_test(the_binding_without_json_rpc_is_read),
		cmocka_unit_test(sessions_are_bounded),
		cmocka_unit_test(bodies_are_bounded_together),
		cmocka_unit_test(an_event_without_end_is_dropped_alone),
		cmocka_unit_test(waiting_calls_are_bounded),
		cmocka_unit_test(refused_memory_loses_calls_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
