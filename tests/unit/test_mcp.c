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
#include "mcp/mcp.h"

#define V "\"jsonrpc\":\"2.0\","
#define CALL(id, name, args)                                                         \
	"{" V "\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"" name \
	"\",\"arguments\":" args "}}\n"
#define RESULT(id, value) "{" V "\"id\":" id ",\"result\":" value "}\n"
#define HELLO                                                                              \
	"{" V "\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"v2\"," \
	"\"clientInfo\":{\"name\":\"cli\",\"version\":\"1\"}}}\n"
#define WELCOME     \
	RESULT("0", \
	       "{\"protocolVersion\":\"v1\",\"serverInfo\":{\"name\":\"srv\",\"version\":\"2\"}}")

enum { CLIENT = 10, SERVER = 20, OTHER = 30 };

static struct mcp *mcp;
static struct stats stats;
static struct connection conns[4];
static uint64_t pos[4][2], now;
static char said[4096];
static size_t n_said;
static unsigned rounds; /* of the last call */
static const struct tool_call *last_call;
static char offered[64]; /* what the last call says of its server's tools */

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	n_said += (size_t)vsnprintf(said + n_said, sizeof(said) - n_said, fmt, ap);
	va_end(ap);
	assert_true(n_said < sizeof(said));
}

static void on_call(void *ctx, enum tool_event ev, struct tool_call *c)
{
	const struct slice name = c->kind == TOOL_CALL ? c->name : c->method;

	(void)ctx;
	last_call = c;
	rounds = c->rounds;
	snprintf(offered, sizeof(offered), "%lld %.*s", (long long)c->n_tools,
		 SLICE_ARG(c->description));
	if (ev == TOOL_BEGIN) {
		say("+%.*s(%.*s) %s", SLICE_ARG(name), SLICE_ARG(c->arguments),
		    c->within ? "within " : "");
		return;
	}
	say("-%.*s=%.*s", SLICE_ARG(name), SLICE_ARG(c->result));
	if (c->is_error)
		say(" error");
	if (c->refused)
		say(" refused %lld %.*s", (long long)c->error_code, SLICE_ARG(c->error_message));
	if (c->cut)
		say(" cut %s", c->cut);
	if (c->lost_bytes)
		say(" lost %llu", (unsigned long long)c->lost_bytes);
	say(" %u>%u ", c->client.tgid, c->server.tgid);
}

static void on_decided(void *ctx, struct connection *conn, bool speaks)
{
	(void)ctx;
	if (!speaks)
		say("silent%llu ", (unsigned long long)conn->id);
}

static const struct mcp_reader reader = { .call = on_call, .decided = on_decided };

static void begin(void)
{
	n_said = 0;
	said[0] = '\0';
	now = 1;
	memset(&stats, 0, sizeof(stats));
	memset(conns, 0, sizeof(conns));
	memset(pos, 0, sizeof(pos));
	for (size_t i = 0; i < ARRAY_SIZE(conns); i++) {
		conns[i].id = i;
		conns[i].flags = SONDE_CONN_TALK;
		conns[i].source = SONDE_SOURCE_PIPE;
	}
	if (mcp_new(&reader, NULL, &stats, &mcp) < 0)
		mcp = NULL;
}

static void end(void)
{
	if (mcp)
		mcp_free(mcp);
}

static struct process_key key(uint32_t pid)
{
	return (struct process_key){ pid, pid * 1000ull };
}

/* @writer and @reader are at the ends of one direction. */
static void join(int conn, int dir, uint32_t writer, uint32_t reader_pid)
{
	if (writer)
		mcp_used(mcp, &conns[conn], (enum sonde_dir)dir, false, key(writer));
	if (reader_pid)
		mcp_used(mcp, &conns[conn], (enum sonde_dir)dir, true, key(reader_pid));
}

static void pass(int conn, int dir, const char *text)
{
	struct stream_chunk c = { .conn = &conns[conn],
				  .dir = (enum sonde_dir)dir,
				  .pos = pos[conn][dir],
				  .ts_ns = ++now,
				  .bytes = slice_of(text) };

	mcp_feed(mcp, &c);
	pos[conn][dir] += c.bytes.n;
}

static void lose(int conn, int dir, uint64_t n)
{
	struct stream_chunk c = { .conn = &conns[conn],
				  .dir = (enum sonde_dir)dir,
				  .pos = pos[conn][dir] += n,
				  .ts_ns = ++now,
				  .gap = n,
				  .gap_reason = SONDE_GAP_LOST };

	mcp_feed(mcp, &c);
}

#define OUT SONDE_DIR_OUT
#define IN  SONDE_DIR_IN

/* Requests on pipe 0, answers on pipe 1. */
static void two_pipes(void)
{
	join(0, OUT, CLIENT, SERVER);
	join(1, OUT, SERVER, CLIENT);
	pass(0, OUT, HELLO);
	pass(1, OUT, WELCOME);
}

static void calls_are_paired_with_their_results(void **state)
{
	(void)state;
	begin();
	two_pipes();
	pass(0, OUT, CALL("1", "a", "{\"x\":1}") CALL("\"1\"", "b", "{}"));
	pass(1, OUT, RESULT("\"1\"", "{\"isError\":true}"));
	pass(1, OUT, RESULT("1", "{\"content\":[]}"));
	pass(0, OUT, CALL("2", "c", "{}"));
	pass(1, OUT, "{" V "\"id\":2,\"error\":{\"code\":-32602,\"message\":\"no \\\"c\\\"\"}}\n");
	pass(1, OUT, RESULT("2", "{}")); /* a second answer says nothing */
	assert_string_equal(said, "+a({\"x\":1}) +b({}) -b={\"isError\":true} error 10>20 "
				  "-a={\"content\":[]} 10>20 +c({}) "
				  "-c={\"code\":-32602,\"message\":\"no \\\"c\\\"\"} "
				  "refused -32602 no \"c\" 10>20 ");
	end();
}

static void one_pair_of_sockets_carries_both_directions(void **state)
{
	(void)state;
	begin();
	conns[0].source = SONDE_SOURCE_UNIX;
	join(0, IN, CLIENT, SERVER);
	join(0, OUT, SERVER, CLIENT);
	pass(0, IN, HELLO);
	pass(0, OUT, WELCOME);
	/* Both sides ask, with the same ids. */
	pass(0, IN, CALL("1", "a", "{}"));
	pass(0, OUT, "{" V "\"id\":1,\"method\":\"roots/list\"}\n");
	pass(0, IN, RESULT("1", "{\"roots\":[]}"));
	pass(0, OUT, RESULT("1", "{}"));
	assert_string_equal(said, "+a({}) -a={} 10>20 ");
	end();
}

/* node gives a child a pair of sockets for each of its standard descriptors. */
static void two_pairs_of_sockets_are_one_conversation(void **state)
{
	(void)state;
	begin();
	conns[0].source = conns[1].source = SONDE_SOURCE_UNIX;
	join(0, OUT, CLIENT, SERVER);
	join(1, IN, SERVER, CLIENT);
	pass(0, OUT, HELLO CALL("1", "a", "{}"));
	pass(1, IN, WELCOME RESULT("1", "{}"));
	assert_string_equal(said, "+a({}) -a={} 10>20 ");
	end();
}

static void the_end_that_is_not_traced_is_not_needed(void **state)
{
	(void)state;
	begin();
	join(0, OUT, 0, SERVER);
	join(1, OUT, SERVER, 0);
	pass(0, OUT, CALL("1", "a", "{}"));
	pass(1, OUT, RESULT("1", "{}"));
	assert_string_equal(said, "+a({}) -a={} 0>20 ");
	end();
}

static void who_reads_may_be_known_late(void **state)
{
	(void)state;
	begin();
	join(0, OUT, CLIENT, 0);
	pass(0, OUT, CALL("1", "a", "{}"));
	join(0, OUT, 0, SERVER);
	join(1, OUT, SERVER, 0);
	pass(1, OUT, RESULT("1", "{}"));
	assert_string_equal(said, "+a({}) -a={} 10>20 ");
	end();
}

static void servers_of_one_client_are_not_mixed(void **state)
{
	(void)state;
	begin();
	join(0, OUT, CLIENT, SERVER);
	join(1, OUT, SERVER, CLIENT);
	join(2, OUT, CLIENT, OTHER);
	join(3, OUT, OTHER, CLIENT);
	pass(0, OUT, CALL("1", "a", "{}"));
	pass(2, OUT, CALL("1", "b", "{}"));
	pass(3, OUT, RESULT("1", "3"));
	pass(1, OUT, RESULT("1", "1"));
	assert_string_equal(said, "+a({}) +b({}) -b=3 10>30 -a=1 10>20 ");
	end();
}

/* Two conversations between the same two processes: answers are those of who waits for them. */
static void two_conversations_of_the_same_processes_are_told_apart_by_their_ids(void **state)
{
	(void)state;
	begin();
	join(0, OUT, CLIENT, SERVER);
	join(1, OUT, SERVER, CLIENT);
	pass(0, OUT, HELLO);
	pass(1, OUT, WELCOME);
	join(2, OUT, CLIENT, SERVER);
	join(3, OUT, SERVER, CLIENT);
	pass(2, OUT, HELLO);
	pass(3, OUT, WELCOME);
	/* Once it is known which pipe answers which, equal ids do no harm. */
	pass(0, OUT, CALL("1", "a", "{}"));
	pass(2, OUT, CALL("1", "b", "{}"));
	pass(3, OUT, RESULT("1", "3"));
	pass(1, OUT, RESULT("1", "1"));
	mcp_close(mcp, &conns[3], "gone", ++now);
	pass(0, OUT, CALL("2", "c", "{}"));
	pass(1, OUT, RESULT("2", "1"));
	assert_string_equal(said, "+a({}) +b({}) -b=3 10>20 -a=1 10>20 +c({}) -c=1 10>20 ");
	assert_int_equal(stats.n[STAT_MCP_UNPAIRED], 0);
	end();
}

/* Both wait at once, for answers with numbers of their own. */
static void who_waits_for_an_answer_has_it(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 4; i += 2) {
		join(i, OUT, CLIENT, SERVER);
		join(i + 1, OUT, SERVER, CLIENT);
	}
	pass(0, OUT, CALL("1", "a", "{}"));
	pass(2, OUT, CALL("2", "b", "{}"));
	pass(3, OUT, RESULT("2", "3"));
	pass(1, OUT, RESULT("1", "1"));
	assert_string_equal(said, "+a({}) +b({}) -b=3 10>20 -a=1 10>20 ");
	end();
}

static void each_of_two_pairs_of_sockets_is_a_conversation(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 2; i++) {
		conns[i].source = SONDE_SOURCE_UNIX;
		join(i, IN, CLIENT, SERVER);
		join(i, OUT, SERVER, CLIENT);
	}
	pass(0, IN, CALL("1", "a", "{}"));
	pass(1, IN, CALL("1", "b", "{}"));
	pass(1, OUT, RESULT("1", "1"));
	pass(0, OUT, RESULT("1", "0"));
	assert_string_equal(said, "+a({}) +b({}) -b=1 10>20 -a=0 10>20 ");
	end();
}

/* A server asks while it works on a call; who is who stays as it is. */
static void servers_ask_too(void **state)
{
	(void)state;
	begin();
	two_pipes();
	pass(0, OUT, CALL("1", "a", "{}"));
	pass(1, OUT, "{" V "\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{}}\n");
	pass(0, OUT, RESULT("1", "{\"m\":1}"));
	pass(1, OUT, RESULT("1", "{}"));
	assert_string_equal(said, "+a({}) +sampling/createMessage({}) within "
				  "-sampling/createMessage={\"m\":1} 20>10 -a={} 10>20 ");
	end();
}

/* 2026-07-28: a call that the server sends back for more input goes on with another number. */
static void rounds_of_input_are_one_call(void **state)
{
	(void)state;
	begin();
	two_pipes();
	pass(0, OUT, CALL("1", "a", "{}"));
	pass(1, OUT,
	     RESULT("1", "{\"resultType\":\"input_required\",\"inputRequests\":{},"
			 "\"requestState\":\"s\"}"));
	pass(0, OUT,
	     "{" V "\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"a\","
	     "\"requestState\":\"t\",\"inputResponses\":{}}}\n"); /* to another state */
	pass(0, OUT,
	     "{" V "\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"a\","
	     "\"requestState\":\"s\",\"inputResponses\":{}}}\n");
	pass(1, OUT, RESULT("3", "{\"resultType\":\"complete\"}"));
	assert_string_equal(said, "+a({}) +a() -a={\"resultType\":\"complete\"} 10>20 ");
	assert_int_equal(rounds, 1);
	end();
}

static void what_the_server_offers_is_remembered(void **state)
{
	(void)state;
	begin();
	two_pipes();
	pass(0, OUT, "{" V "\"id\":1,\"method\":\"tools/list\",\"params\":{}}\n");
	pass(1, OUT,
	     RESULT("1", "{\"tools\":[{\"name\":\"a\",\"description\":\"does \\u0061\"}],"
			 "\"nextCursor\":\"x\"}"));
	pass(0, OUT, "{" V "\"id\":2,\"method\":\"tools/list\",\"params\":{\"cursor\":\"x\"}}\n");
	pass(1, OUT, RESULT("2", "{\"tools\":[{\"name\":\"b\"}]}"));
	pass(0, OUT, CALL("3", "a", "{}"));
	assert_string_equal(offered, "2 does a");
	/* A list from the beginning replaces it. */
	pass(0, OUT, "{" V "\"id\":4,\"method\":\"tools/list\"}\n");
	pass(1, OUT, RESULT("4", "{\"tools\":[{\"name\":\"b\"}]}"));
	pass(0, OUT, CALL("5", "a", "{}"));
	assert_string_equal(offered, "1 ");
	end();
}

/* Trace reads an open call at any time, whatever happens to the session meanwhile. */
static void what_a_call_says_lives_as_long_as_it(void **state)
{
	const struct tool_call *call;

	(void)state;
	begin();
	two_pipes();
	pass(0, OUT, "{" V "\"id\":1,\"method\":\"tools/list\"}\n");
	pass(1, OUT, RESULT("1", "{\"tools\":[{\"name\":\"a\",\"description\":\"does much\"}]}"));
	pass(0, OUT, CALL("2", "a", "{}"));
	call = last_call;
	pass(0, OUT, "{" V "\"id\":3,\"method\":\"tools/list\"}\n");
	pass(1, OUT, RESULT("3", "{\"tools\":[{\"name\":\"a\",\"description\":\"other\"}]}"));
	assert_true(slice_eq(call->description, SLICE("does much")));
	pass(1, OUT, RESULT("2", "1"));
	end();
}

/* Nobody can tell whose answer it is. */
static void what_cannot_be_told_apart_is_not_paired(void **state)
{
	(void)state;
	begin();
	join(0, OUT, CLIENT, SERVER);
	join(1, OUT, CLIENT, SERVER);
	join(2, OUT, SERVER, CLIENT);
	pass(0, OUT, CALL("1", "a", "{}"));
	pass(1, OUT, CALL("1", "b", "{}"));
	pass(2, OUT, RESULT("1", "1"));
	assert_string_equal(said, "+a({}) +b({}) ");
	assert_int_equal(stats.n[STAT_MCP_UNPAIRED], 1);
	end();
}

static void calls_without_an_answer_say_why(void **state)
{
	(void)state;
	begin();
	two_pipes();
	pass(0, OUT, CALL("1", "a", "{}") CALL("2", "b", "{}") CALL("2", "c", "{}"));
	pass(0, OUT,
	     "{" V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}\n");
	lose(1, OUT, 100);
	mcp_exited(mcp, key(SERVER), ++now);
	pass(0, OUT, CALL("3", "d", "{}"));
	mcp_close(mcp, &conns[1], "gone", ++now);
	pass(0, OUT, CALL("4", "e", "{}"));
	mcp_close(mcp, &conns[0], "closed", ++now);
	assert_string_equal(said, "+a({}) +b({}) -b= cut another request came with its id 10>20 "
				  "+c({}) -a= cut cancelled 10>20 "
				  "-c= cut the server ended lost 100 10>20 "
				  "+d({}) -d= cut gone 10>20 +e({}) -e= cut closed 10>20 ");
	end();
}

static void what_is_no_json_rpc_is_given_up(void **state)
{
	static char line[5000];

	(void)state;
	begin();
	pass(0, OUT, "{\"a\":1}\n");
	pass(0, OUT, CALL("1", "a", "{}")); /* too late */
	memset(line, 'x', sizeof(line) - 2);
	line[sizeof(line) - 2] = '\n';
	pass(1, OUT, line);
	/* A greeting is forgiven. */
	pass(2, OUT, "[info] server starts\n");
	pass(2, OUT, CALL("1", "b", "{}"));
	assert_string_equal(said, "silent0 silent1 +b({}) ");
	end();
}

static void the_2026_revision_names_the_client_in_each_request(void **state)
{
	(void)state;
	begin();
	join(0, OUT, CLIENT, SERVER);
	pass(0, OUT,
	     "{" V "\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\",\"_meta\":{"
	     "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"new\",\"version\":\"9\"}}}}\n");
	assert_string_equal(said, "+a() ");
	end();
}

static void waiting_calls_are_bounded(void **state)
{
	char text[256];

	(void)state;
	begin();
	two_pipes();
	for (int i = 1; i <= 1030; i++) {
		n_said = 0;
		snprintf(text, sizeof(text), CALL("%d", "a", "{}"), i);
		pass(0, OUT, text);
	}
	assert_string_equal(said, "-a= cut too many calls at once 10>20 +a({}) ");
	n_said = 0;
	mcp_free(mcp); /* without a word */
	assert_int_equal(n_said, 0);
}

static void refused_memory_loses_calls_and_no_more(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		alloc_refuse(n);
		begin();
		if (mcp) {
			two_pipes();
			pass(0, OUT, CALL("1", "a", "{}"));
			pass(1, OUT, RESULT("1", "{}"));
			mcp_close(mcp, &conns[0], "closed", ++now);
		}
		end();
		if (!alloc_allow())
			break;
		assert_true(n < 1000);
	}
	assert_string_equal(said, "+a({}) -a={} 10>20 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_paired_with_their_results),
		cmocka_unit_test(one_pair_of_sockets_carries_both_directions),
		cmocka_unit_test(two_pairs_of_sockets_are_one_conversation),
		cmocka_unit_test(the_end_that_is_not_traced_is_not_needed),
		cmocka_unit_test(who_reads_may_be_known_late),
		cmocka_unit_test(servers_of_one_client_are_not_mixed),
		cmocka_unit_test(
			two_conversations_of_the_same_processes_are_told_apart_by_their_ids),
		cmocka_unit_test(who_waits_for_an_answer_has_it),
		cmocka_unit_test(each_of_two_pairs_of_sockets_is_a_conversation),
		cmocka_unit_test(servers_ask_too),
		cmocka_unit_test(rounds_of_input_are_one_call),
		cmocka_unit_test(what_the_server_offers_is_remembered),
		cmocka_unit_test(what_a_call_says_lives_as_long_as_it),
		cmocka_unit_test(what_cannot_be_told_apart_is_not_paired),
		cmocka_unit_test(calls_without_an_answer_say_why),
		cmocka_unit_test(what_is_no_json_rpc_is_given_up),
		cmocka_unit_test(the_2026_revision_names_the_client_in_each_request),
		cmocka_unit_test(waiting_calls_are_bounded),
		cmocka_unit_test(refused_memory_loses_calls_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
