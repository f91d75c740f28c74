/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>

#include "trace_world.h"

#define ANSWER                                                                 \
	"{\"role\":\"assistant\",\"calls\":[{\"id\":\"c1\",\"name\":\"bash\"," \
	"\"args\":\"{\\\"command\\\":\\\"ls -l /tmp\\\"}\"}]}"
#define RESULT "{\"role\":\"tool\",\"result_of\":\"c1\",\"content\":\"a b c\"}"
#define ARGS   "{\"command\":\"ls -l /tmp\"}"

/* One round with a tool that a shell carries out, then the final answer. */
static void play_tool_round(void)
{
	world_scope(&w, "/usr/bin/agent", NULL);
	at(&w, 10);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 20);
	talk_call_tool(&w, 1, "c1", "bash", ARGS);
	at(&w, 30);
	talk_end(&w, 1);
	at(&w, 40);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/bash", "bash\0-c\0source /snap.sh && eval 'ls -l /tmp' < /dev/null");
	at(&w, 41);
	world_fork(&w, 101, 102);
	EXEC(&w, 102, "/bin/ls", "ls\0-l\0/tmp");
	at(&w, 45);
	world_exit(&w, 102, 0, 0);
	at(&w, 46);
	world_exit(&w, 101, 3, 0);
	at(&w, 50);
	talk_ask(&w, 1, ROOT, "[" USER "," ANSWER "," RESULT "]");
	at(&w, 60);
	talk_say(&w, 1, "three files");
	talk_end(&w, 1);
	at(&w, 70);
	world_exit(&w, ROOT, 0, 0);
	trace_end(w.trace, w.now);
}

static void a_tool_call_lies_between_answer_and_result_and_holds_its_processes(void **state)
{
	(void)state;
	play_tool_round();
	assert_tree(&w, "invoke_agent agent [0-70]\n"
			"  chat m [10-30] by process\n"
			"  execute_tool bash [40-46] by tool-call-id\n"
			"    bash [40-46] ERROR _OTHER by argv\n"
			"      ls [41-45] by process\n"
			"  chat m [50-60] by process\n");
	assert_int_equal(w.run_calls, 2);
	assert_int_equal(w.run_tools, 1);
	assert_int_equal(w.run_processes, 2);
	assert_int_equal(w.run_usage.input, 20);
	assert_int_equal(w.run_status, RUN_COMPLETED);
	assert_non_null(strstr(w.run, "task=list the files"));
}

/* --- tools --- */

static void parallel_calls_are_told_apart_by_their_commands(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"make test\"}");
	talk_call_tool(&w, 1, "c2", "bash", "{\"command\":\"make lint\"}");
	talk_call_tool(&w, 1, "c3", "read", "{\"path\":\"/etc/motd\"}");
	talk_end(&w, 1);
	at(&w, 20);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0make lint");
	world_fork(&w, ROOT, 102);
	EXEC(&w, 102, "/bin/sh", "sh\0-c\0make test");
	at(&w, 30);
	world_exit(&w, 101, 0, 0);
	at(&w, 40);
	world_exit(&w, 102, 2, 0);
	at(&w, 50);
	talk_ask(&w, 1, ROOT,
		 "[" USER "," ASKS(TOOL("c1", "make test") "," TOOL(
			 "c2", "make lint")) ","
					     "{\"role\":\"tool\",\"result_of\":\"c1\",\"content\":"
					     "\"no\",\"error\":true}," GIVES(
						     "c2", "fine") "," GIVES("c3", "hello") "]");
	talk_say(&w, 1, "done");
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool bash [20-40] ERROR tool_error by tool-call-id\n"
			"    sh [20-40] ERROR _OTHER by argv\n"
			"  execute_tool bash [20-30] by tool-call-id\n"
			"    sh [20-30] by argv\n"
			"  execute_tool read [10-50] by tool-call-id\n"
			"  chat m [50-50] by process\n");
	assert_true(has_attr(span_named(&w, "execute_tool bash", 0), "process.exit.code=2"));
	assert_true(has_attr(span_named(&w, "execute_tool bash", 0),
			     "process.command_line=sh -c make test"));
}

static void a_tool_is_described_as_the_request_has_it(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	k = talk_make(&w, 0, ROOT, "[" USER "]");
	assert_non_null(k);
	k->call.tools = SLICE("[{\"name\":\"grep\",\"description\":\"no\"},"
			      "{\"type\":\"namespace\",\"tools\":[{\"name\":\"read\"}]},"
			      "{\"function\":{\"description\":\"runs \\u0061 command\","
			      "\"name\":\"bash\"}}]");
	talk_begin(&w, 0);
	talk_call_tool(&w, 0, "c1", "bash", "{}");
	talk_call_tool(&w, 0, "c2", "read", "{}");
	talk_end(&w, 0);
	assert_string_equal(
		attr_of(span_named(&w, "execute_tool bash", 0), "gen_ai.tool.description="),
		"gen_ai.tool.description=runs a command");
	assert_string_equal(
		attr_of(span_named(&w, "execute_tool read", 0), "gen_ai.tool.description="),
		"none");
}

static void of_two_calls_with_one_command_no_process_is_either(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"date\"}");
	talk_call_tool(&w, 1, "c2", "bash", "{\"command\":\"date\"}");
	talk_end(&w, 1);
	at(&w, 20);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0date");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool bash [10-] by answer open\n"
			"  execute_tool bash [10-] by answer open\n"
			"  sh [20-] by process open\n");
	assert_false(has_attr(span_named(&w, "sh", 0), "sonde.unexplained=1"));
}

static void a_child_in_the_window_of_one_call_is_its_until_a_better_one_comes(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"./run all\"}");
	talk_end(&w, 1);
	at(&w, 20);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/git", "git\0status");
	at(&w, 21);
	world_fork(&w, 101, 102);
	EXEC(&w, 102, "/usr/bin/less", "less");
	assert_int_equal(span_named(&w, "git", 0)->finals, 0);
	assert_non_null(strstr(span_named(&w, "git", 0)->text, "by window"));
	world_exit(&w, 101, 0, 0);
	at(&w, 30);
	world_fork(&w, ROOT, 103);
	EXEC(&w, 103, "/bin/sh", "sh\0-c\0./run all");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool bash [30-] by answer open\n"
			"    sh [30-] by argv open\n"
			"  git [20-21] by process\n"
			"    less [21-] by process open\n");
}

static void a_program_that_starts_before_the_answer_ends_belongs_to_the_call(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"ls\"}");
	w.talks[1].call.answer.last_part->end_ns = w.now;
	at(&w, 20);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/bash", "bash\0-c\0ls");
	assert_non_null(strstr(span_named(&w, "bash", 0)->text, "by process"));
	at(&w, 30);
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-30] by process\n"
			"  execute_tool bash [20-] by answer open\n"
			"    bash [20-] by argv open\n");
}

/* A wrapper brings its script of many KB as an argument: what follows is kept, no word is cut in
 * two. */
static void long_programs_leave_room_for_the_others(void **state)
{
	static char argv[9000];
	const char *chain;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	world_fork(&w, ROOT, 101);
	for (size_t i = 0; i < sizeof(argv); i++)
		argv[i] = "word "[i % 5];
	for (int i = 0; i < 3; i++)
		world_exec(&w, 101, "/bin/wrap", (struct slice){ argv, sizeof(argv) });
	EXEC(&w, 101, "/bin/bash", "bash\0-c\0ls -a");
	EXEC(&w, 101, "/bin/ls", "ls\0-a");
	chain = strstr(span_named(&w, "ls", 0)->attrs, "sonde.process.programs=");
	assert_non_null(chain);
	assert_non_null(strstr(chain, "word word\",\"bash -c ls -a\"]"));
}

static void programs_of_one_process_are_one_step(void **state)
{
	const struct seen_span *s;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "shell", "{\"command\":[\"bash\",\"-lc\",\"ls -a\"]}");
	talk_end(&w, 1);
	at(&w, 5);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/proc/self/exe", "codex\0--setup");
	EXEC(&w, 101, "/bin/bash", "bash\0-c\0__SNAPSHOT; exec bash -c 'ls -a'");
	EXEC(&w, 101, "/bin/ls", "ls\0-a");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-0] by process\n"
			"  execute_tool shell [5-] by answer open\n"
			"    bash [5-] by argv open\n");
	s = span_named(&w, "bash", 0);
	assert_true(has_attr(s, "process.command_line=bash -c __SNAPSHOT; exec bash -c 'ls -a'"));
	assert_true(has_attr(s, "sonde.process.programs=[\"codex --setup\",\"ls -a\"]"));
	at(&w, 3000);
	tick(&w);
	assert_int_equal(w.run_processes, 1);
}

static void a_script_that_asks_with_a_program_runs_the_command_itself(void **state)
{
	(void)state;
	world_scope(&w, "/bin/bash", NULL);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/curl", "curl\0http://x");
	talk_ask(&w, 1, 101, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"echo hello\"}");
	talk_end(&w, 1);
	at(&w, 1);
	world_exit(&w, 101, 0, 0);
	at(&w, 5);
	world_fork(&w, ROOT, 102);
	EXEC(&w, 102, "/bin/bash", "bash\0-c\0echo hello");
	assert_tree(&w, "invoke_agent bash [0-] open\n"
			"  curl [0-1] by process\n"
			"  chat m [0-0] by process\n"
			"  execute_tool bash [5-] by answer open\n"
			"    bash [5-] by argv open\n");
}

static void a_call_without_a_result_ends_incomplete(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{}");
	talk_end(&w, 1);
	assert_true(has_attr(span_named(&w, "execute_tool", 0), "sonde.tool.status=waiting"));
	at(&w, 9);
	world_exit(&w, ROOT, 0, 0);
	trace_end(w.trace, w.now);
	assert_true(has_attr(span_named(&w, "execute_tool", 0), "sonde.tool.status=incomplete"));
	assert_int_equal(span_named(&w, "execute_tool", 0)->finals, 1);
}

static void a_tool_of_the_provider_lies_in_its_answer(void **state)
{
	struct talk *k;
	struct llm_part *p;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	k = talk_make(&w, 1, ROOT, "[" USER "]");
	talk_begin(&w, 1);
	at(&w, 10);
	p = llm_add_part(&k->call.answer, k->mem, LLM_PART_SERVER_TOOL_CALL);
	p->id = SLICE("s1");
	p->name = SLICE("web_search");
	p->end_ns = 10 * MS;
	p = llm_add_part(&k->call.answer, k->mem, LLM_PART_SERVER_TOOL_RESULT);
	p->id = SLICE("s1");
	p->end_ns = 20 * MS;
	at(&w, 30);
	talk_say(&w, 1, "found");
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-30] by process\n"
			"    execute_tool web_search [10-20] by answer\n");
	assert_true(has_attr(span_named(&w, "execute_tool", 0), "gen_ai.tool.type=extension"));
}

static void a_shell_that_is_kept_serves_later_calls(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"make test\"}");
	talk_end(&w, 1);
	at(&w, 10);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/bash", "bash");
	world_fork(&w, 101, 102);
	EXEC(&w, 102, "/usr/bin/make", "make\0test");
	at(&w, 15);
	world_exit(&w, 102, 0, 0);
	at(&w, 20);
	talk_ask(&w, 1, ROOT, "[" USER "," ASKS(TOOL("c1", "make test")) "," GIVES("c1", "ok") "]");
	talk_call_tool(&w, 1, "c2", "bash", "{\"command\":\"make lint\"}");
	talk_end(&w, 1);
	at(&w, 30);
	world_fork(&w, 101, 103);
	EXEC(&w, 103, "/usr/bin/make", "make\0lint");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-0] by process\n"
			"  execute_tool bash [10-15] by tool-call-id\n"
			"    make [10-15] by argv\n"
			"  bash [10-] by process open\n"
			"  chat m [20-20] by process\n"
			"  execute_tool bash [30-] by answer open\n"
			"    make [30-] by argv open\n");
}

static void results_without_ids_come_in_the_order_of_the_calls(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "", "one", "{}");
	talk_call_tool(&w, 1, "", "two", "{}");
	talk_end(&w, 1);
	at(&w, 20);
	talk_ask(&w, 1, ROOT,
		 "[" USER
		 "," ASKS("{\"name\":\"one\",\"args\":\"{}\"},"
			  "{\"name\":\"two\",\"args\":\"{}\"}") ","
								"{\"role\":\"tool\",\"unnamed\":"
								"\"first\"},{\"role\":\"tool\","
								"\"unnamed\":\"2nd\"}]");
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-0] by process\n"
			"  execute_tool one [0-20] by order\n"
			"  execute_tool two [0-20] by order\n"
			"  chat m [20-20] by process\n");
	assert_true(blobs_have(&w, "2nd"));
}

/* Gemini CLI gives its results ids of its own where the calls had none. */
static void ids_that_only_results_have_are_nothing_to_go_by(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "", "one", "{}");
	talk_call_tool(&w, 1, "", "two", "{}");
	talk_end(&w, 1);
	at(&w, 20);
	talk_ask(&w, 1, ROOT,
		 "[" USER
		 "," ASKS("{\"name\":\"one\",\"args\":\"{}\"},"
			  "{\"name\":\"two\",\"args\":\"{}\"}") ","
								"{\"role\":\"tool\",\"result_of\":"
								"\"two_1\",\"name\":\"two\","
								"\"content\":\"2nd\"},"
								"{\"role\":\"tool\",\"result_of\":"
								"\"one_0\",\"name\":\"one\","
								"\"content\":\"first\"}]");
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-0] by process\n"
			"  execute_tool one [0-20] by order\n"
			"  execute_tool two [0-20] by order\n"
			"  chat m [20-20] by process\n");
	assert_true(blobs_have(&w, "2nd"));
	assert_true(blobs_have(&w, "first"));
}

static void a_call_that_the_conversation_leaves_behind_is_over(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"x\"}");
	talk_end(&w, 1);
	at(&w, 20);
	talk_ask(&w, 1, ROOT, "[" USER "," ASKS(TOOL("c1", "x")) "," SAYS("user", "stop") "]");
	assert_true(has_attr(span_named(&w, "execute_tool", 0), "sonde.tool.status=incomplete"));
	talk_end(&w, 1);
}

/* --- errors --- */

static void a_retry_is_linked_and_only_the_last_failure_counts(void **state)
{
	static const int codes[] = { 529, 500, 429 };

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 0; i < 3; i++) {
		at(&w, i * 10);
		talk_ask(&w, 1, ROOT, "[" USER "]");
		at(&w, i * 10 + 5);
		talk_fail(&w, 1, codes[i], i == 1 ? "" : "overloaded_error");
	}
	at(&w, 40);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_say(&w, 1, "ok");
	talk_end(&w, 1);
	world_exit(&w, ROOT, 0, 0);
	trace_end(w.trace, w.now);
	assert_tree(&w, "invoke_agent agent [0-40]\n"
			"  chat m [0-5] ERROR overloaded_error by process\n"
			"  chat m [10-15] ERROR 500 by process\n"
			"  chat m [20-25] ERROR overloaded_error by process\n"
			"  chat m [40-40] by process\n");
	assert_string_not_equal(attr_of(span_named(&w, "chat m", 3), "sonde.retry_of="), "none");
	assert_int_equal(w.run_status, RUN_COMPLETED);
	assert_int_equal(w.run_errors, 3);
	assert_int_equal(w.run_usage.input, 10);
}

static void how_a_run_ends_is_told_by_its_root(void **state)
{
	static const struct {
		int code, signal, last_status;
		enum run_status status;
	} cases[] = {
		{ 0, 0, 200, RUN_COMPLETED },	    { 3, 0, 200, RUN_FAILED },
		{ 0, 0, 500, RUN_FAILED },	    { 0, SIGINT, 200, RUN_CANCELLED },
		{ 0, SIGKILL, 200, RUN_FAILED },    { 130, 0, 200, RUN_CANCELLED },
		{ 143, 0, 500, RUN_CANCELLED },	    { 0, SIGALRM, 200, RUN_TIMED_OUT },
		{ 0, SIGTERM, 200, RUN_CANCELLED }, { 124, 0, 200, RUN_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		world_end(&w);
		world_begin(&w);
		world_scope(&w, "/usr/bin/agent", NULL);
		talk_ask(&w, 1, ROOT, "[" USER "]");
		talk_fail(&w, 1, cases[i].last_status, "");
		world_exit(&w, ROOT, cases[i].code, cases[i].signal);
		trace_end(w.trace, w.now);
		assert_int_equal(w.run_status, cases[i].status);
	}
}

static void a_run_whose_end_was_not_seen_is_incomplete(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	feed(&w, ev_plain(&w.ev, SONDE_EV_PROBER_LOST, 0));
	trace_end(w.trace, w.now);
	assert_int_equal(w.run_status, RUN_INCOMPLETE);
	assert_non_null(strstr(w.run, "the prober died"));
}

static void a_timeout_of_the_command_is_one(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/timeout", NULL);
	world_exit(&w, ROOT, 124, 0);
	assert_int_equal(w.run_status, RUN_TIMED_OUT);
}

static void what_was_lost_stands_on_the_call_that_it_hurt(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	k = talk_make(&w, 1, ROOT, "[" USER "]");
	talk_begin(&w, 1);
	k->x.response.lost_bytes = 777;
	k->x.response.lost_reason = SONDE_GAP_LOST;
	k->x.response.damage = "gap";
	k->x.end = HTTP_END_LOST;
	k->x.status = 200;
	k->call.cut = "lost";
	talk_end(&w, 1);
	at(&w, 5);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_say(&w, 1, "x");
	talk_end(&w, 1);
	assert_true(has_attr(span_named(&w, "chat m", 0), "sonde.response.damage=gap"));
	assert_true(has_attr(span_named(&w, "chat m", 0), "sonde.cut=lost"));
	/* We lost it; the call itself did not fail. */
	assert_null(strstr(span_named(&w, "chat m", 0)->text, "ERROR"));
	assert_null(strstr(span_named(&w, "chat m", 1)->attrs, "damage"));
}

static void a_call_that_breaks_off_is_an_error_with_a_reason(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	k = talk_make(&w, 1, ROOT, "[" USER "]");
	talk_begin(&w, 1);
	talk_say(&w, 1, "half of it");
	k->x.end = HTTP_END_CUT;
	k->call.cut = "the connection was closed";
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-0] ERROR cut by process\n");
}

/* The client has half of the arguments: it will ask again, not run them. */
static void a_tool_call_that_breaks_off_is_none(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"whole\"}");
	talk_call_tool(&w, 1, "c2", "bash", "{\"command\":\"ha");
	w.talks[1].x.end = HTTP_END_CUT;
	w.talks[1].call.cut = "closed";
	at(&w, 5);
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-5] ERROR cut by process\n"
			"  execute_tool bash [0-5] by answer\n");
	assert_true(has_attr(span_named(&w, "execute_tool", 0), "sonde.tool.status=incomplete"));
}

static void a_call_that_never_ends_ends_with_the_recording(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 7);
	trace_end(w.trace, w.now);
	assert_int_equal(span_named(&w, "chat m", 0)->finals, 1);
	/* llm/ says so later; that is no second end. */
	talk_end(&w, 1);
	assert_int_equal(span_named(&w, "chat m", 0)->finals, 1);
}

/* --- finality --- */

static void an_open_call_is_shown_once_a_second(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	for (unsigned ms = 100; ms <= 3000; ms += 100) {
		at(&w, ms);
		tick(&w);
		talk_say(&w, 1, "x");
	}
	assert_int_equal(span_named(&w, "chat m", 0)->emitted, 4); /* begin, 1 s, 2 s, 3 s */
	talk_end(&w, 1);
	assert_int_equal(span_named(&w, "chat m", 0)->emitted, 5);
	assert_int_equal(span_named(&w, "chat m", 0)->finals, 1);
}

static void a_run_is_final_when_its_tree_has_gone(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/daemon", "daemon");
	at(&w, 10);
	world_exit(&w, ROOT, 0, 0);
	at(&w, 5000);
	tick(&w);
	assert_int_equal(span_named(&w, "invoke_agent", 0)->finals, 0);
	world_exit(&w, 101, 0, 0);
	at(&w, 7000);
	tick(&w);
	assert_tree(&w, "invoke_agent agent [0-10]\n"
			"  daemon [0-5000] by process\n");
	trace_end(w.trace, w.now);
	assert_int_equal(span_named(&w, "invoke_agent", 0)->finals, 1);
}

static void the_same_events_give_the_same_bytes(void **state)
{
	struct buf first;

	(void)state;
	play_tool_round();
	first = w.sequence;
	w.sequence = (struct buf){ 0 };
	world_end(&w);
	world_begin(&w);
	play_tool_round();
	assert_int_equal(first.n, w.sequence.n);
	assert_memory_equal(first.p, w.sequence.p, first.n);
	buf_done(&first);
}

static void wall_time_is_that_of_the_start(void **state)
{
	(void)state;
	ev_begin(&w.ev, SONDE_EV_CLOCK, 0, sizeof(w.ev.clock));
	w.ev.clock.wall_ns = 1000 * MS;
	feed(&w, &w.ev.hdr);
	world_scope(&w, "/usr/bin/agent", NULL);
	at(&w, 10);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 20); /* somebody sets the clock back */
	ev_begin(&w.ev, SONDE_EV_CLOCK, 0, sizeof(w.ev.clock));
	w.ev.clock.wall_ns = 500 * MS;
	feed(&w, &w.ev.hdr);
	at(&w, 30);
	talk_end(&w, 1);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 40);
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [1000-] open\n"
			"  chat m [1010-1030] by process\n"
			"  chat m [510-520] by process\n");
}

static void every_refused_allocation_is_survived(void **state)
{
	(void)state;
	for (long n = 1; n < 5000; n++) {
		world_end(&w);
		alloc_refuse(n);
		if (world_begin(&w) == 0)
			play_tool_round();
		if (!alloc_allow())
			return;
	}
	fail_msg("never came to an end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tool_call_lies_between_answer_and_result_and_holds_its_processes),
		TEST(parallel_calls_are_told_apart_by_their_commands),
		TEST(a_tool_is_described_as_the_request_has_it),
		TEST(of_two_calls_with_one_command_no_process_is_either),
		TEST(a_child_in_the_window_of_one_call_is_its_until_a_better_one_comes),
		TEST(a_program_that_starts_before_the_answer_ends_belongs_to_the_call),
		TEST(programs_of_one_process_are_one_step),
		TEST(long_programs_leave_room_for_the_others),
		TEST(a_script_that_asks_with_a_program_runs_the_command_itself),
		TEST(a_call_without_a_result_ends_incomplete),
		TEST(a_tool_of_the_provider_lies_in_its_answer),
		TEST(a_shell_that_is_kept_serves_later_calls),
		TEST(results_without_ids_come_in_the_order_of_the_calls),
		TEST(ids_that_only_results_have_are_nothing_to_go_by),
		TEST(a_call_that_the_conversation_leaves_behind_is_over),
		TEST(a_retry_is_linked_and_only_the_last_failure_counts),
		TEST(how_a_run_ends_is_told_by_its_root),
		TEST(a_run_whose_end_was_not_seen_is_incomplete),
		TEST(a_timeout_of_the_command_is_one),
		TEST(what_was_lost_stands_on_the_call_that_it_hurt),
		TEST(a_call_that_breaks_off_is_an_error_with_a_reason),
		TEST(a_tool_call_that_breaks_off_is_none),
		TEST(a_call_that_never_ends_ends_with_the_recording),
		TEST(an_open_call_is_shown_once_a_second),
		TEST(a_run_is_final_when_its_tree_has_gone),
		TEST(the_same_events_give_the_same_bytes),
		TEST(wall_time_is_that_of_the_start),
		TEST(every_refused_allocation_is_survived),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
