/* SPDX-License-Identifier: BSD-2-Clause */
/* Which requests are runs of their own, and what belongs to which. */
#include "trace_world.h"

#define U(text) SAYS("user", text)
#define A(text) SAYS("assistant", text)
#define CLAUDE	"/usr/local/bin/claude"

static void say_and_end(unsigned i, const char *text)
{
	talk_say(&w, i, text);
	talk_end(&w, i);
}

/* A call of @pid at @ms that is answered a millisecond later. */
static void turn(uint64_t ms, __u32 pid, const char *items, const char *answer)
{
	at(&w, ms);
	talk_ask(&w, 1, pid, items);
	at(&w, ms + 1);
	say_and_end(1, answer);
}

static void claude(void)
{
	world_scope(&w, CLAUDE, NULL);
}

/* All runs as lines: task, status, calls, tools, programs, and from when to when. */
static void assert_runs(const char *expected)
{
	struct buf out = { 0 };
	char line[256];

	/* What is only counted is told with a tick. */
	at(&w, w.now / MS + 5000);
	tick(&w);
	for (size_t i = 0; i < w.n_seen_runs; i++) {
		const struct seen_run *r = &w.runs[i];

		snprintf(line, sizeof(line), "%s: %s %lld %lld %lld [%llu-%llu]\n", r->task,
			 run_status_names[r->status], (long long)r->calls, (long long)r->tools,
			 (long long)r->processes, (unsigned long long)r->start_ms,
			 (unsigned long long)r->end_ms);
		buf_add(&out, slice_of(line), SIZE_MAX);
	}
	buf_add(&out, (struct slice){ "", 1 }, SIZE_MAX);
	assert_string_equal(out.p, expected);
	buf_done(&out);
}

static bool same_session(unsigned a, unsigned b)
{
	return !id128_is_zero(&w.runs[a].session) &&
	       id128_eq(&w.runs[a].session, &w.runs[b].session);
}

static void each_request_to_an_interactive_agent_is_a_run(void **state)
{
	(void)state;
	claude();
	turn(10, ROOT, "[" U("one") "]", "1");
	turn(100, ROOT, "[" U("one") "," A("1") "," U("two") "]", "2");
	turn(200, ROOT, "[" U("one") "," A("1") "," U("two") "," A("2") "," U("three") "]", "3");
	assert_runs("one: completed 1 0 0 [0-11]\n"
		    "two: completed 1 0 0 [100-101]\n"
		    "three: completed 1 0 0 [200-201]\n");
	assert_true(same_session(0, 1) && same_session(1, 2));
	assert_tree(&w, "invoke_agent claude-code [0-11]\n"
			"  chat m [10-11] by process\n"
			"invoke_agent claude-code [100-101] by user-message\n"
			"  chat m [100-101] by process\n"
			"invoke_agent claude-code [200-201] by user-message\n"
			"  chat m [200-201] by process\n");
}

static void a_program_with_one_task_is_one_run(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	turn(10, ROOT, "[" U("one") "]", "1");
	turn(100, ROOT, "[" U("one") "," A("1") "," U("two") "]", "2");
	turn(200, ROOT, "[" U("else") "]", "2");
	assert_runs("one: running 3 0 0 [0-0]\n");
}

static void an_agent_with_print_is_one_run(void **state)
{
	(void)state;
	world_scope(&w, "/bin/sh", NULL);
	EXEC(&w, ROOT, CLAUDE, "claude\0-p\0one");
	turn(10, ROOT, "[" U("one") "]", "1");
	turn(100, ROOT, "[" U("one") "," A("1") "," U("two") "]", "2");
	assert_runs("one: running 2 0 0 [0-0]\n");
}

static void a_request_with_tools_is_one_run_to_its_last_answer(void **state)
{
	(void)state;
	claude();
	at(&w, 10);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"ls -l\"}");
	at(&w, 20);
	talk_end(&w, 1);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/ls", "ls\0-l");
	world_exit(&w, 101, 0, 0);
	turn(30, ROOT, "[" USER "," ASKS(TOOL("c1", "ls -l")) "," GIVES("c1", "a b") "]",
	     "a and b");
	assert_runs("list the files: completed 2 1 1 [0-31]\n");
}

static void programs_are_of_the_run_whose_tool_they_carry_out(void **state)
{
	(void)state;
	claude();
	turn(10, ROOT, "[" U("one") "]", "1");
	at(&w, 100);
	talk_ask(&w, 1, ROOT, "[" U("one") "," A("1") "," U("two") "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"ls -l\"}");
	talk_end(&w, 1);
	at(&w, 110);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/ls", "ls\0-l");
	world_exit(&w, 101, 0, 0);
	world_fork(&w, ROOT, 102);
	EXEC(&w, 102, "/bin/date", "date");
	assert_tree(&w, "invoke_agent claude-code [0-11]\n"
			"  chat m [10-11] by process\n"
			"invoke_agent claude-code [100-] by user-message open\n"
			"  chat m [100-100] by process\n"
			"  execute_tool bash [110-] by answer open\n"
			"    ls [110-110] by argv\n"
			"  date [110-] by process open\n");
}

/* A shell that is kept: what runs in it later is not a step of the request that began it. */
static void a_kept_shell_works_for_the_request_at_hand(void **state)
{
	(void)state;
	claude();
	at(&w, 5);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/bash", "bash");
	turn(10, ROOT, "[" U("one") "]", "1");
	at(&w, 100);
	talk_ask(&w, 1, ROOT, "[" U("one") "," A("1") "," U("two") "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"ls -l\"}");
	talk_end(&w, 1);
	world_fork(&w, 101, 102);
	EXEC(&w, 102, "/bin/ls", "ls\0-l");
	world_exit(&w, 102, 0, 0);
	assert_tree(&w, "invoke_agent claude-code [0-11]\n"
			"  bash [5-] by process open\n"
			"  chat m [10-11] by process\n"
			"invoke_agent claude-code [100-] by user-message open\n"
			"  chat m [100-100] by process\n"
			"  execute_tool bash [100-] by answer open\n"
			"    ls [100-100] by argv\n");
}

static void what_a_client_says_by_itself_is_no_request(void **state)
{
	(void)state;
	claude();
	turn(10, ROOT, "[" U("one") "]", "1");
	turn(100, ROOT, "[" U("one") "," A("1") "," U("<system-reminder>hook") "]", "2");
	assert_runs("one: completed 2 0 0 [0-101]\n");
}

static void a_retry_is_no_request(void **state)
{
	(void)state;
	claude();
	at(&w, 10);
	talk_ask(&w, 1, ROOT, "[" U("one") "]");
	talk_fail(&w, 1, 529, "overloaded_error");
	turn(20, ROOT, "[" U("one") "]", "1");
	assert_runs("one: completed 2 0 0 [0-21]\n");
}

static void a_stopped_tool_ends_its_request(void **state)
{
	(void)state;
	claude();
	at(&w, 10);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"sleep 9\"}");
	talk_end(&w, 1);
	turn(50, ROOT,
	     "[" USER "," ASKS(TOOL("c1", "sleep 9")) "," GIVES("c1", "rejected") "," U(
		     "[Request interrupted by user for tool use]") "," U("two") "]",
	     "2");
	assert_runs("list the files: cancelled 1 1 0 [0-50]\n"
		    "two: completed 1 0 0 [50-51]\n");
	assert_true(same_session(0, 1));
}

static void a_broken_answer_ends_its_request_when_the_next_one_comes(void **state)
{
	struct talk *k;

	(void)state;
	claude();
	at(&w, 10);
	k = talk_make(&w, 1, ROOT, "[" U("one") "]");
	talk_begin(&w, 1);
	talk_say(&w, 1, "half of");
	k->x.end = HTTP_END_CUT;
	k->call.cut = "the connection closed";
	talk_end(&w, 1);
	turn(50, ROOT, "[" U("one") "," U("two") "]", "2");
	assert_runs("one: cancelled 1 0 0 [0-50]\n"
		    "two: completed 1 0 0 [50-51]\n");
}

/* --- what is none --- */

static void ask_on_the_side(uint64_t ms, const char *system, const char *items, int64_t max_tokens)
{
	struct talk *k;

	at(&w, ms);
	k = talk_make(&w, 2, ROOT, items);
	k->call.system = slice_of(system);
	k->call.tool_count = 0;
	k->call.max_tokens = max_tokens;
	talk_begin(&w, 2);
	say_and_end(2, "x");
}

static void calls_on_the_side_are_no_requests_and_no_task(void **state)
{
	(void)state;
	claude();
	ask_on_the_side(5, "", "[" U("quota") "]", 1);
	ask_on_the_side(6, "You are a title generator", "[" U("one") "]", LLM_UNKNOWN);
	turn(10, ROOT, "[" U("one") "]", "1");
	ask_on_the_side(50, "Is this a new conversation topic?", "[" U("two") "]", LLM_UNKNOWN);
	ask_on_the_side(60, "Tell what this command does", "[" U("ls") "]", LLM_UNKNOWN);
	turn(100, ROOT, "[" U("one") "," A("1") "," U("two") "]", "2");
	assert_runs("one: completed 5 0 0 [0-11]\n"
		    "two: completed 1 0 0 [100-101]\n");
	assert_true(has_attr(span_named(&w, "chat m", 0), "sonde.call.class=probe"));
	assert_true(has_attr(span_named(&w, "chat m", 0), "sonde.call.class.evidence=max-tokens"));
	assert_true(has_attr(span_named(&w, "chat m", 1), "sonde.call.class=title"));
	assert_true(has_attr(span_named(&w, "chat m", 2), "sonde.call.class=main"));
	assert_true(has_attr(span_named(&w, "chat m", 3), "sonde.call.class=topic"));
	assert_true(has_attr(span_named(&w, "chat m", 4), "sonde.call.class=auxiliary"));
	assert_true(has_attr(span_named(&w, "chat m", 4), "sonde.call.class.evidence=no-tools"));
}

static void a_class_in_the_header_is_believed(void **state)
{
	struct talk *k;

	(void)state;
	claude();
	turn(10, ROOT, "[" U("one") "]", "1");
	at(&w, 50);
	k = talk_make(&w, 2, ROOT, "[" U("what next?") "]");
	talk_header(k, "x-claude-code-request-class", "auxiliary");
	talk_begin(&w, 2);
	say_and_end(2, "x");
	assert_runs("one: completed 2 0 0 [0-11]\n");
}

static void ask_for_summary(uint64_t ms, const char *items)
{
	at(&w, ms);
	talk_ask(&w, 1, ROOT, items);
	at(&w, ms + 1);
	say_and_end(1, "we said one and two");
}

#define SUMMARIZE U("Your task is to create a detailed summary of the conversation so far")
#define CONTINUED \
	U("This session is being continued from a previous conversation that ran out of context.")

static void compaction_does_not_end_a_session(void **state)
{
	(void)state;
	claude();
	turn(10, ROOT, "[" U("one") "]", "1");
	ask_for_summary(50, "[" U("one") "," A("1") "," SUMMARIZE "]");
	turn(100, ROOT, "[" CONTINUED "," U("two") "]", "2");
	assert_runs("one: completed 2 0 0 [0-11]\n"
		    "two: completed 1 0 0 [100-101]\n");
	assert_true(same_session(0, 1));
	assert_true(has_attr(span_named(&w, "chat m", 1), "sonde.call.class=compaction"));
	assert_true(has_attr(span_named(&w, "chat m", 2), "sonde.conversation.evidence=summary"));
}

static void compaction_in_the_middle_of_a_request_does_not_end_it(void **state)
{
	(void)state;
	claude();
	at(&w, 10);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"ls\"}");
	talk_end(&w, 1);
	ask_for_summary(50,
			"[" USER "," ASKS(TOOL("c1", "ls")) "," GIVES("c1", "a") "," SUMMARIZE "]");
	turn(100, ROOT, "[" CONTINUED "]", "done");
	assert_runs("list the files: completed 3 1 0 [0-101]\n");
}

/* A person may ask for a summary: what begins with it goes on from there. */
static void a_summary_in_the_next_history_is_a_link(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	turn(10, ROOT, "[" U("one") "]", "1");
	turn(20, ROOT, "[" U("one") "," A("1") "," U("Write a summary of this conversation") "]",
	     "Summary: one was asked, and answered");
	turn(30, ROOT, "[" U("We were here. Summary: one was asked, and answered. Go on") "]", "2");
	assert_true(has_attr(span_named(&w, "chat m", 2), "sonde.conversation.evidence=summary"));
	turn(40, ROOT, "[" U("Something else than what was asked") "]", "3");
	assert_null(strstr(span_named(&w, "chat m", 3)->attrs, "sonde.conversation.evidence"));
}

static void titles_of_threads_of_their_own_are_no_requests(void **state)
{
	static const char *const threads[] = { "the-thread-of-a-person", "a-thread-for-a-title" };

	(void)state;
	world_scope(&w, "/bin/sh", NULL);
	EXEC(&w, ROOT, "/usr/bin/codex", "codex");
	for (unsigned i = 0; i < 2; i++) {
		char metadata[256];
		struct talk *k;

		at(&w, 10 * i);
		k = talk_make(&w, 1, ROOT,
			      i ? "[" U("Write a concise, single-line task title: one") "]"
				: "[" U("one") "]");
		snprintf(metadata, sizeof(metadata),
			 "{\"thread_id\":\"%s\",\"turn_id\":\"t%u\",\"request_kind\":\"turn\"}",
			 threads[i], i);
		/* A WebSocket's headers are those of its first request: the body is right. */
		talk_header(k, "x-codex-turn-metadata", "{\"turn_id\":\"t9\"}");
		k->call.metadata = slice_of(metadata);
		talk_begin(&w, 1);
		say_and_end(1, "x");
	}
	assert_runs("one: completed 2 0 0 [0-0]\n");
}

static void an_answer_that_was_lost_has_ended_its_request(void **state)
{
	struct talk *k;

	(void)state;
	claude();
	at(&w, 10);
	k = talk_make(&w, 1, ROOT, "[" U("one") "]");
	talk_begin(&w, 1);
	k->x.response.lost_bytes = 100;
	k->x.end = HTTP_END_LOST;
	k->x.status = 200;
	k->call.cut = "bytes were lost";
	talk_end(&w, 1);
	turn(50, ROOT, "[" U("one") "," A("1") "," U("two") "]", "2");
	assert_int_equal(w.n_seen_runs, 2);
	assert_string_equal(w.runs[1].task, "two");
}

static void words_while_the_agent_works_are_no_new_request(void **state)
{
	(void)state;
	claude();
	at(&w, 10);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"ls\"}");
	talk_end(&w, 1);
	turn(50, ROOT,
	     "[" USER "," ASKS(TOOL("c1", "ls")) "," GIVES("c1", "a") "," U("and count them") "]",
	     "one");
	assert_runs("list the files: completed 2 1 0 [0-51]\n");
}

/* --- several at a time --- */

static void sessions_in_one_server_are_runs_side_by_side(void **state)
{
	static const char *const session[] = { "session-number-one", "session-number-two" };

	(void)state;
	world_scope(&w, "/bin/sh", NULL);
	EXEC(&w, ROOT, "/usr/bin/opencode", "opencode\0serve");
	for (unsigned i = 1; i <= 2; i++) {
		struct talk *k;

		at(&w, i);
		k = talk_make(&w, i, ROOT, i == 1 ? "[" U("one") "]" : "[" U("two") "]");
		talk_header(k, "x-session-id", session[i - 1]);
		talk_begin(&w, i);
	}
	at(&w, 10);
	say_and_end(2, "2");
	at(&w, 20);
	say_and_end(1, "1");
	assert_runs("one: completed 1 0 0 [0-20]\n"
		    "two: completed 1 0 0 [2-10]\n");
	assert_false(same_session(0, 1));
}

static struct http_exchange served;
static struct connection served_on;

static void serve(uint32_t number, enum http_event ev)
{
	served_on = (struct connection){ .id = 900 + number, .process = { ROOT, ROOT * 1000ull } };
	served = (struct http_exchange){ .conn = &served_on,
					 .inbound = true,
					 .method = SLICE("POST"),
					 .path = SLICE("/ask?x=1") };
	trace_head(w.trace, ev, &served);
}

static void each_request_that_a_program_serves_is_a_run(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/uvicorn", NULL);
	serve(1, HTTP_REQUEST_HEAD);
	turn(10, ROOT, "[" U("one") "]", "1");
	turn(20, ROOT, "[" U("and again") "]", "1");
	serve(1, HTTP_FINISHED);
	serve(2, HTTP_REQUEST_HEAD);
	turn(30, ROOT, "[" U("two") "]", "2");
	serve(2, HTTP_FINISHED);
	assert_runs("one: completed 2 0 0 [0-21]\n"
		    "two: completed 1 0 0 [30-31]\n");
	assert_false(same_session(0, 1));
	assert_string_equal(w.runs[1].agent, "uvicorn");
	assert_string_equal(w.began, "http|POST /ask|uvicorn at POST /ask");
}

static void equal_questions_to_a_server_are_never_one_conversation(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/uvicorn", NULL);
	serve(1, HTTP_REQUEST_HEAD);
	serve(2, HTTP_REQUEST_HEAD);
	at(&w, 10);
	talk_ask(&w, 1, ROOT, "[" U("hi") "]");
	talk_ask(&w, 2, ROOT, "[" U("hi") "]");
	say_and_end(1, "hello");
	say_and_end(2, "hello");
	serve(1, HTTP_FINISHED);
	serve(2, HTTP_FINISHED);
	serve(3, HTTP_REQUEST_HEAD);
	turn(20, ROOT, "[" U("hi") "," A("hello") "," U("so?") "]", "so");
	assert_runs("hi: completed 1 0 0 [0-10]\n"
		    "hi: completed 1 0 0 [10-10]\n"
		    "so?: completed 1 0 0 [20-21]\n");
	assert_false(same_session(0, 2) || same_session(1, 2) || same_session(0, 1));
}

/* A program of which nothing is known, at a terminal. */
static void who_waits_for_somebody_between_two_requests_is_interactive(void **state)
{
	struct sonde_wait_event wait = {
		.hdr = { .tgid = ROOT,
			 .start_ns = ROOT * 1000ull,
			 .kind = SONDE_EV_WAIT,
			 .size = sizeof(wait) },
		.what = SONDE_WAIT_TERMINAL,
	};

	(void)state;
	world_scope(&w, "/usr/bin/python3", NULL);
	turn(10, ROOT, "[" U("one") "]", "1");
	at(&w, 20);
	feed(&w, &wait.hdr);
	turn(30, ROOT, "[" U("one") "," A("1") "," U("two") "]", "2");
	turn(40, ROOT, "[" U("one") "," A("1") "," U("two") "," A("2") "," U("three") "]", "3");
	assert_runs("one: completed 1 0 0 [0-11]\n"
		    "two: completed 1 0 0 [30-31]\n"
		    "three: completed 1 0 0 [40-41]\n");
	assert_true(same_session(0, 1) && same_session(1, 2));
}

static void agents_one_after_the_other_in_a_shell(void **state)
{
	(void)state;
	world_scope(&w, "/bin/bash", NULL);
	for (__u32 pid = 101; pid <= 102; pid++) {
		at(&w, pid);
		world_fork(&w, ROOT, pid);
		EXEC(&w, pid, CLAUDE, "claude");
		at(&w, 10 * pid);
		talk_ask(&w, 1, pid, pid == 101 ? "[" U("one") "]" : "[" U("two") "]");
		say_and_end(1, "x");
		world_exit(&w, pid, 0, 0);
	}
	assert_runs("one: completed 1 0 2 [0-1010]\n"
		    "two: completed 1 0 0 [1020-1020]\n");
	assert_string_equal(w.runs[1].agent, "claude-code");
}

static void a_turn_by_its_id(void **state)
{
	static const char *const turns[] = { "t1", "t1", "t2" };

	(void)state;
	world_scope(&w, "/bin/sh", NULL);
	EXEC(&w, ROOT, "/usr/bin/codex", "codex");
	for (unsigned i = 0; i < 3; i++) {
		char metadata[128];
		struct talk *k;

		at(&w, 10 * i);
		k = talk_make(&w, 1, ROOT, i < 2 ? "[" U("one") "]" : "[" U("two") "]");
		snprintf(
			metadata, sizeof(metadata),
			"{\"thread_id\":\"thread-1\",\"turn_id\":\"%s\",\"request_kind\":\"turn\"}",
			turns[i]);
		talk_header(k, "x-codex-turn-metadata", metadata);
		talk_begin(&w, 1);
		say_and_end(1, "x");
	}
	assert_runs("one: completed 2 0 0 [0-10]\n"
		    "two: completed 1 0 0 [20-20]\n");
	assert_true(same_session(0, 1));
	assert_non_null(strstr(span_named(&w, "invoke_agent", 1)->text, "by explicit-id"));
}

/* --- bounds --- */

static void runs_without_end_take_no_memory_without_end(void **state)
{
	char items[128];

	(void)state;
	claude();
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(items, sizeof(items), "[{\"role\":\"user\",\"content\":\"q%u\"}]", i);
		turn(10 * i, ROOT, items, "yes");
		memset(w.spans + 1, 0, (w.n_spans - 1) * sizeof(w.spans[0]));
		w.n_spans = 1;
		w.n_seen_runs = w.n_seen_runs > 1 ? 1 : w.n_seen_runs;
	}
	at(&w, 20000);
	tick(&w);
	/* Those that are still known have a number left to be told; no others have. */
	assert_in_range(w.n_seen_runs, 2, 257);
}

static void the_end_of_the_process_ends_the_request_at_hand_alone(void **state)
{
	(void)state;
	claude();
	turn(10, ROOT, "[" U("one") "]", "1");
	at(&w, 20);
	talk_ask(&w, 1, ROOT, "[" U("one") "," A("1") "," U("two") "]");
	at(&w, 30);
	world_exit(&w, ROOT, 0, 9);
	assert_int_equal(w.runs[0].status, RUN_COMPLETED);
	assert_int_equal(w.runs[1].status, RUN_FAILED);
	assert_string_equal(w.runs[1].reason, "SIGKILL");
	assert_true(has_attr(span_named(&w, "invoke_agent", 0), "sonde.process.signal=9"));
	talk_end(&w, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_request_to_an_interactive_agent_is_a_run),
		TEST(a_program_with_one_task_is_one_run),
		TEST(an_agent_with_print_is_one_run),
		TEST(a_request_with_tools_is_one_run_to_its_last_answer),
		TEST(programs_are_of_the_run_whose_tool_they_carry_out),
		TEST(a_kept_shell_works_for_the_request_at_hand),
		TEST(what_a_client_says_by_itself_is_no_request),
		TEST(a_retry_is_no_request),
		TEST(a_stopped_tool_ends_its_request),
		TEST(a_broken_answer_ends_its_request_when_the_next_one_comes),
		TEST(calls_on_the_side_are_no_requests_and_no_task),
		TEST(a_class_in_the_header_is_believed),
		TEST(compaction_does_not_end_a_session),
		TEST(compaction_in_the_middle_of_a_request_does_not_end_it),
		TEST(a_summary_in_the_next_history_is_a_link),
		TEST(titles_of_threads_of_their_own_are_no_requests),
		TEST(an_answer_that_was_lost_has_ended_its_request),
		TEST(words_while_the_agent_works_are_no_new_request),
		TEST(sessions_in_one_server_are_runs_side_by_side),
		TEST(each_request_that_a_program_serves_is_a_run),
		TEST(equal_questions_to_a_server_are_never_one_conversation),
		TEST(who_waits_for_somebody_between_two_requests_is_interactive),
		TEST(agents_one_after_the_other_in_a_shell),
		TEST(a_turn_by_its_id),
		TEST(runs_without_end_take_no_memory_without_end),
		TEST(the_end_of_the_process_ends_the_request_at_hand_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
