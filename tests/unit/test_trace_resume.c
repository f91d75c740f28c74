/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs that outlive the engine: what it tells of them, and the next one that goes on. */
#include "trace_world.h"

#define HOST "{\"boot_id\":\"boot-1\",\"hostname\":\"h\"}"
#define SCOPE \
	"{\"scope\":1,\"kind\":\"pid\",\"owner\":\"daemon\",\"uid\":1000,\"argv\":[\"agent\"]}"

static void introduce(const char *host)
{
	world_json(&w, SONDE_EV_HOST, 0, host);
	ev_plain(&w.ev, SONDE_EV_CLOCK, w.now);
	w.ev.clock.hdr.size = sizeof(w.ev.clock);
	w.ev.clock.wall_ns = w.now;
	feed(&w, &w.ev.hdr);
}

static void begin(void)
{
	introduce(HOST);
	world_json(&w, SONDE_EV_SCOPE, 100, SCOPE);
	world_exec(&w, 100, "/usr/bin/agent", ((struct slice){ "agent", 6 }));
}

/* Another engine: it has what the last one told, and nothing else. */
static void next_engine(const char *host)
{
	struct buf state = w.state;

	w.state = (struct buf){ 0 };
	trace_free(w.trace);
	proc_free(w.procs);
	w.trace = NULL;
	w.procs = NULL;
	assert_int_equal(proc_new(&w.stats, &w.procs), 0);
	assert_int_equal(trace_new(&world_sink, &w, w.procs, NULL, &w.stats, &w.trace), 0);
	if (state.n) {
		buf_add(&state, (struct slice){ "", 1 }, SIZE_MAX);
		world_json(&w, SONDE_EV_STATE, 0, state.p);
	}
	buf_done(&state);
	introduce(host);
}

static void found_again(void)
{
	world_json(&w, SONDE_EV_SCOPE, 100, SCOPE);
	world_exec(&w, 100, "/usr/bin/agent", ((struct slice){ "agent", 6 }));
}

static void say_hello(void)
{
	at(&w, 10);
	talk_ask(&w, 0, 100, "[" USER "]");
	at(&w, 20);
	talk_call_tool(&w, 0, "c1", "bash", "{\"command\":\"ls\"}");
	talk_end(&w, 0);
	at(&w, 200);
	tick(&w);
}

/* The result of the tool that the last engine saw asked for. */
static void go_on(void)
{
	at(&w, 4000);
	talk_ask(&w, 1, 100, "[" USER "," ASKS(TOOL("c1", "ls")) "," GIVES("c1", "files") "]");
	at(&w, 4100);
	talk_say(&w, 1, "done");
	talk_end(&w, 1);
}

static void a_run_goes_on_under_its_id(void **state)
{
	struct id128 id;

	(void)state;
	begin();
	say_hello();
	id = w.runs[0].id;
	at(&w, 3000);
	next_engine(HOST);
	found_again();
	go_on();
	assert_int_equal(w.n_seen_runs, 1);
	assert_true(id128_eq(&w.runs[0].id, &id));
	at(&w, 6000);
	tick(&w);
	assert_int_equal(w.run_calls, 2);
	assert_int_equal(w.run_tools, 1);
	assert_int_equal(w.run_usage.input, 20);
	assert_int_equal(w.run_status, RUN_RUNNING);
	assert_string_equal(w.runs[0].task, "list the files");
	assert_int_equal(w.runs[0].start_ms, 0);
}

static void a_tool_that_was_waited_for_has_its_result(void **state)
{
	const struct seen_span *tool, *call;

	(void)state;
	begin();
	say_hello();
	at(&w, 3000);
	next_engine(HOST);
	found_again();
	go_on();
	tool = span_named(&w, "execute_tool", 0);
	assert_int_equal(tool->finals, 1);
	assert_false(id128_is_zero(&tool->result_blob));
	assert_false(id128_is_zero(&tool->args_blob));
	call = span_named(&w, "chat", 1);
	assert_true(has_attr(call, "sonde.continues.evidence=tool-call-id") ||
		    strstr(call->attrs, "tool-call-id"));
}

static void a_conversation_goes_on(void **state)
{
	const struct seen_span *first, *second;

	(void)state;
	begin();
	at(&w, 10);
	talk_ask(&w, 0, 100, "[" USER "]");
	at(&w, 20);
	talk_say(&w, 0, "two of them");
	talk_end(&w, 0);
	at(&w, 200);
	tick(&w);
	at(&w, 3000);
	next_engine(HOST);
	found_again();
	at(&w, 4000);
	talk_ask(&w, 1, 100,
		 "[" USER "," SAYS("assistant", "two of them") "," SAYS("user", "and now?") "]");
	talk_end(&w, 1);
	first = span_named(&w, "chat", 0);
	second = span_named(&w, "chat", 1);
	assert_string_equal(attr_of(first, "gen_ai.conversation.id"),
			    attr_of(second, "gen_ai.conversation.id"));
	assert_non_null(strstr(second->attrs, "message-prefix"));
}

/* The end of a daemon's capture tells the run as cut; the next daemon finds it at work. */
static void it_outlives_the_end_of_a_capture(void **state)
{
	(void)state;
	begin();
	say_hello();
	at(&w, 500);
	trace_end(w.trace, w.now);
	assert_int_equal(w.run_status, RUN_INCOMPLETE);
	assert_true(w.state.n > 0);
	next_engine(HOST);
	found_again();
	assert_non_null(strstr(w.cuts, "resumed "));
	go_on();
	at(&w, 6000);
	tick(&w);
	assert_int_equal(w.run_status, RUN_RUNNING);
	assert_int_equal(w.run_calls, 2);
	feed(&w, ev_exit(&w.ev, 100, 0, 0));
	at(&w, 9000);
	tick(&w);
	assert_int_equal(w.run_status, RUN_COMPLETED);
	assert_int_equal(w.state.n, 0);
	assert_non_null(strstr(w.cuts, "left "));
}

static void what_ended_meanwhile_is_told_so(void **state)
{
	(void)state;
	begin();
	say_hello();
	at(&w, 3000);
	next_engine(HOST);
	at(&w, 4000);
	tick(&w);
	assert_string_equal(w.cuts, "");
	at(&w, 60000);
	tick(&w);
	assert_non_null(strstr(w.cuts, "ended "));
	assert_non_null(strstr(w.cuts, "while sonde did not run"));
	assert_int_equal(w.state.n, 0);
}

static void another_boot_is_another_machine(void **state)
{
	(void)state;
	begin();
	say_hello();
	at(&w, 3000);
	next_engine("{\"boot_id\":\"boot-2\",\"hostname\":\"h\"}");
	found_again();
	assert_int_equal(w.n_seen_runs, 2);
	at(&w, 60000);
	tick(&w);
	assert_non_null(strstr(w.cuts, "restarted"));
}

static void a_call_that_was_in_flight_is_counted(void **state)
{
	(void)state;
	begin();
	say_hello();
	at(&w, 1500);
	talk_ask(&w, 1, 100, "[" SAYS("user", "more") "]");
	tick(&w);
	at(&w, 2600);
	tick(&w);
	at(&w, 3000);
	talk_end(&w, 1); /* of that engine: it is told no more */
	next_engine(HOST);
	found_again();
	at(&w, 5000);
	tick(&w);
	assert_int_equal(w.run_calls, 2);
	assert_int_equal(w.run_errors, 1);
}

/* A program that a tool call has started: the same step, still below the call. */
static void programs_are_the_same_steps(void **state)
{
	const struct seen_span *before, *after;
	size_t n;

	(void)state;
	begin();
	say_hello();
	at(&w, 300);
	feed(&w, ev_fork(&w.ev, 100, 101));
	world_exec(&w, 101, "/bin/ls", ((struct slice){ "sh\0-c\0ls", 9 }));
	at(&w, 2000);
	tick(&w);
	before = span_named(&w, "sh", 0);
	n = w.n_spans;
	at(&w, 3000);
	next_engine(HOST);
	found_again();
	feed(&w, ev_fork(&w.ev, 100, 101));
	world_exec(&w, 101, "/bin/ls", ((struct slice){ "sh\0-c\0ls", 9 }));
	after = span_named(&w, "sh", 0);
	assert_ptr_equal(before, after);
	assert_int_equal(w.n_spans, n);
	assert_true(id64_eq(&after->parent, &span_named(&w, "execute_tool", 0)->id));
	at(&w, 4000);
	feed(&w, ev_exit(&w.ev, 101, 0, 0));
	assert_int_equal(after->finals, 1);
}

static void a_program_that_ended_meanwhile_is_over(void **state)
{
	(void)state;
	begin();
	say_hello();
	at(&w, 300);
	feed(&w, ev_fork(&w.ev, 100, 101));
	world_exec(&w, 101, "/bin/ls", ((struct slice){ "sh\0-c\0ls", 9 }));
	at(&w, 2000);
	tick(&w);
	at(&w, 3000);
	next_engine(HOST);
	found_again();
	at(&w, 20000);
	tick(&w);
	assert_non_null(strstr(w.cuts, "left step of "));
	assert_non_null(strstr(w.cuts, "while sonde did not run"));
}

/* What is told is what is stored: it holds no key. */
static void no_secret_is_told(void **state)
{
	(void)state;
	begin();
	at(&w, 10);
	talk_ask(&w, 0, 100, "[" SAYS("user", "my key is sk-SECRET") "]");
	talk_end(&w, 0);
	at(&w, 1500);
	tick(&w);
	assert_true(w.state.n > 0);
	assert_false(slice_has(buf_slice(&w.state), SLICE("sk-SECRET")));
}

/* A run of `sonde run` ends with its engine. */
static void others_tell_nothing(void **state)
{
	(void)state;
	introduce(HOST);
	world_json(&w, SONDE_EV_SCOPE, 100,
		   "{\"scope\":1,\"kind\":\"run\",\"owner\":\"user\",\"argv\":[\"agent\"]}");
	say_hello();
	at(&w, 3000);
	tick(&w);
	assert_int_equal(w.state.n, 0);
}

/* Whatever stands there. */
static void nonsense_is_survived(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[1]",
		"{\"id\":\"zz\",\"root\":\"100:100000\",\"boot\":\"boot-1\"}",
		"{\"id\":\"00000000000000000000000000000001\",\"root\":\"100:100000\",\"boot\":"
		"\"boot-1\","
		"\"runs\":[{\"agents\":[{},{},7]},{},3,{\"id\":"
		"\"00000000000000000000000000000001\"}],"
		"\"processes\":[{\"key\":\"x\"},{\"key\":\"5:6\"},{\"key\":\"5:6\"}],"
		"\"tools\":[{},{\"conv\":-1},{\"carrier\":4}],"
		"\"conversations\":[{},{\"number\":\"1\"},{\"number\":\"1\",\"head\":{}}]}",
		"{\"root\":\"100:100000\",\"boot\":\"boot-1\",\"runs\":{\"a\":[{}]},\"tools\":1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		world_json(&w, SONDE_EV_STATE, 0, texts[i]);
		introduce(HOST);
		found_again();
		at(&w, (i + 1) * 10000);
		tick(&w);
		trace_end(w.trace, w.now);
		next_engine(HOST);
	}
}

/* Ends with every allocation in turn refused: nothing is lost but what could not be kept. */
static void memory_may_be_refused(void **state)
{
	(void)state;
	for (long n = 0; n < 400; n++) {
		world_end(&w);
		assert_int_equal(world_begin(&w), 0);
		begin();
		say_hello();
		at(&w, 3000);
		next_engine(HOST);
		alloc_refuse(n);
		found_again();
		go_on();
		alloc_allow();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_goes_on_under_its_id),
		TEST(a_tool_that_was_waited_for_has_its_result),
		TEST(a_conversation_goes_on),
		TEST(it_outlives_the_end_of_a_capture),
		TEST(what_ended_meanwhile_is_told_so),
		TEST(another_boot_is_another_machine),
		TEST(a_call_that_was_in_flight_is_counted),
		TEST(programs_are_the_same_steps),
		TEST(a_program_that_ended_meanwhile_is_over),
		TEST(no_secret_is_told),
		TEST(others_tell_nothing),
		TEST(nonsense_is_survived),
		TEST(memory_may_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
