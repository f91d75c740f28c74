/* SPDX-License-Identifier: BSD-2-Clause */
/* What tool calls say about themselves, and what of it shows in the world: bounds and addresses. */
#include "trace/arguments.h"
#include "trace/duration.h"
#include "trace_world.h"

static void model_asks(const char *name, const char *args)
{
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", name, args);
	talk_end(&w, 1);
}

/* --- HTTP by the agent itself --- */

static void fetched(const char *host, const char *target, uint64_t from, uint64_t to)
{
	static uint64_t id = 500;
	struct connection conn = { .id = ++id, .process = { ROOT, ROOT * 1000ull } };
	struct http_exchange x = { .conn = &conn,
				   .method = SLICE("GET"),
				   .host = slice_of(host),
				   .path = slice_of(target),
				   .status = 200 };

	at(&w, from);
	x.request.head_ns = w.now;
	at(&w, to);
	x.response.end_ns = w.now;
	trace_exchange(w.trace, &x);
}

static void a_request_for_the_address_of_a_call_is_its_work(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "fetch", "{\"url\":\"https://a.example/x?y=1#part\"}");
	talk_call_tool(&w, 1, "c2", "fetch", "{\"url\":\"http://b.example:8080\"}");
	talk_call_tool(&w, 1, "c3", "read", "{\"path\":\"/etc/motd\"}");
	talk_end(&w, 1);
	fetched("b.example:8080", "/", 12, 15);
	fetched("a.example", "/x?y=1", 13, 19);
	fetched("a.example", "/other", 14, 16);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool fetch [13-] by answer open\n"
			"    GET [13-19] by arguments\n"
			"  execute_tool fetch [12-] by answer open\n"
			"    GET [12-15] by arguments\n"
			"  execute_tool read [10-] by answer open\n");
	assert_true(has_attr(span_named(&w, "execute_tool fetch", 0), "sonde.tool.timing=http"));
	assert_string_equal(attr_of(span_named(&w, "execute_tool read", 0), "sonde.tool.timing"),
			    "none");
}

static void one_address_that_two_calls_ask_for_is_neithers(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "fetch", "{\"url\":\"http://a.example/\"}");
	talk_call_tool(&w, 1, "c2", "fetch", "{\"url\":\"http://a.example/\"}");
	talk_end(&w, 1);
	fetched("a.example", "/", 12, 15);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool fetch [10-] by answer open\n"
			"  execute_tool fetch [10-] by answer open\n");
}

/* OpenAI's chat has one text, which stands before the calls also where it comes behind them. */
static void text_behind_calls_begins_no_call_again(void **state)
{
	static struct llm_part text = { .type = LLM_PART_TEXT };

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "one", "{}");
	talk_call_tool(&w, 1, "c2", "two", "{}");
	text.next = w.talks[1].call.answer.parts;
	w.talks[1].call.answer.parts = &text;
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool one [10-] by answer open\n"
			"  execute_tool two [10-] by answer open\n");
}

/* --- programs --- */

/* A call's program goes to a better one, which comes later: who else carries the call out stays. */
static void a_call_keeps_its_other_program(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"make check 1\"}");
	talk_call_tool(&w, 1, "c2", "bash", "{\"command\":\"make check 1 && echo well\"}");
	at(&w, 12);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/bash", "bash\0-c\0make check 1 && echo well");
	world_fork(&w, ROOT, 102);
	EXEC(&w, 102, "/bin/bash", "bash\0-c\0eval make check 1 && pwd");
	world_fork(&w, 102, 103);
	EXEC(&w, 103, "/usr/bin/make", "make\0check\0001");
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-12] by process\n"
			"  execute_tool bash [12-] by answer open\n"
			"    bash [12-] by argv open\n"
			"      make [12-] by process open\n"
			"  execute_tool bash [12-] by answer open\n"
			"    bash [12-] by argv open\n");
}

/* Two programs show it, and a call like it may be lost. */
static void equal_programs_are_nobodys_where_something_was_lost(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	ev_begin(&w.ev, SONDE_EV_LOSS, 0, sizeof(w.ev.loss));
	w.ev.loss.count[SONDE_LOSS_RING_FULL] = 1;
	feed(&w, &w.ev.hdr);
	model_asks("bash", "{\"command\":\"make check 1\"}");
	for (unsigned pid = 101; pid <= 102; pid++) {
		world_fork(&w, ROOT, pid);
		EXEC(&w, pid, "/bin/bash", "bash\0-c\0make check 1");
	}
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool bash [10-] by answer open\n"
			"  bash [10-] by process open\n"
			"  bash [10-] by process open\n");
}

/* --- durations that the client tells --- */

static void answer_with(const char *header, const char *items)
{
	struct talk *k = talk_make(&w, 1, ROOT, items);

	assert_non_null(k);
	talk_header(k, "x-claude-code-prev-tool-durations", header);
	talk_begin(&w, 1);
	talk_end(&w, 1);
}

static void a_lone_call_ends_with_the_next_request(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	model_asks("Read File", "{\"path\":\"/a\"}");
	at(&w, 50);
	answer_with("Read%20File=9;Bash=2",
		    "[" USER "," ASKS(TOOL("c1", "x")) "," GIVES("c1", "B") "]");
	assert_non_null(strstr(span_named(&w, "execute_tool", 0)->text, "[41-50]"));
	assert_true(has_attr(span_named(&w, "execute_tool", 0), "sonde.tool.timing=client"));
}

static void calls_side_by_side_begin_with_the_answer(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "Read", "{\"path\":\"/a\"}");
	talk_call_tool(&w, 1, "c2", "Grep", "{\"path\":\"/b\"}");
	talk_call_tool(&w, 1, "c3", "Grep", "{\"path\":\"/c\"}");
	talk_end(&w, 1);
	at(&w, 50);
	answer_with("Read=9;Grep=20;Grep=30",
		    "[" USER
		    "," ASKS(TOOL("c1", "x") "," TOOL("c2", "x") "," TOOL("c3", "x")) "," GIVES(
			    "c1", "B") "," GIVES("c2", "B") "," GIVES("c3", "B") "]");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool Read [10-19] by tool-call-id\n"
			"  execute_tool Grep [10-50] by tool-call-id\n"
			"  execute_tool Grep [10-50] by tool-call-id\n"
			"  chat m [50-50] by process\n");
}

static void what_was_seen_counts_more_than_what_was_told(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	model_asks("bash", "{\"command\":\"make\"}");
	at(&w, 20);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0make");
	at(&w, 30);
	world_exit(&w, 101, 0, 0);
	at(&w, 50);
	answer_with("bash=40", "[" USER "," ASKS(TOOL("c1", "make")) "," GIVES("c1", "B") "]");
	assert_non_null(strstr(span_named(&w, "execute_tool", 0)->text, "[20-30]"));
	assert_true(has_attr(span_named(&w, "execute_tool", 0), "sonde.tool.timing=process"));
	assert_true(has_attr(span_named(&w, "execute_tool", 0),
			     "sonde.tool.client_duration_ns=40000000"));
}

static void nonsense_durations_are_nothing(void **state)
{
	static const char *const values[] = { "",
					      "Read",
					      "Read=",
					      "Read=x;;=;%=1",
					      "Re%61d=999999999999",
					      "Read=99999999999999999999",
					      "Reader=1;Rea=1",
					      "Read=1;Read=2" };
	uint64_t ns = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct http_header h = { SLICE("X-Claude-Code-Prev-Tool-Durations"),
					 slice_of(values[i]) };
		const struct http_message m = { .headers = &h, .n_headers = 1 };

		if (duration_told(&m, SLICE("Read"), &ns))
			fail_msg("%s", values[i]);
	}
}

/* --- programs --- */

static void a_shell_is_the_carrier_and_not_what_it_runs(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"make test\"}");
	w.talks[1].call.answer.last_part->end_ns = w.now;
	world_fork(&w, ROOT, 101); /* before the call is known: more of it may come */
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0make test");
	world_fork(&w, 101, 102);
	EXEC(&w, 102, "/usr/bin/make", "make\0test");
	at(&w, 20);
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-20] by process\n"
			"  execute_tool bash [10-] by answer open\n"
			"    sh [10-] by argv open\n"
			"      make [10-] by process open\n");
}

/* The first of two equal commands starts before the second one is known. */
static void equal_commands_are_nobodys_even_if_only_one_was_known(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"make test\"}");
	w.talks[1].call.answer.last_part->end_ns = w.now;
	talk_call_tool(&w, 1, "c2", "bash", "{\"command\":\"make test\"}");
	w.talks[1].call.answer.last_part->end_ns = w.now;
	at(&w, 12);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0make test");
	assert_non_null(strstr(span_named(&w, "sh", 0)->text, "by argv"));
	at(&w, 20);
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-20] by process\n"
			"  execute_tool bash [10-] by answer open\n"
			"  sh [12-] by process open\n"
			"  execute_tool bash [10-] by answer open\n");
	assert_null(strstr(span_named(&w, "sh", 0)->attrs, "unexplained"));
}

static void a_window_is_no_link_while_the_answer_may_ask_for_more(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "look", "{\"at\":1}");
	w.talks[1].call.answer.last_part->end_ns = w.now;
	talk_say(&w, 1, "and");
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/eye", "eye");
	assert_non_null(strstr(span_named(&w, "eye", 0)->text, "by process"));
	at(&w, 20);
	talk_end(&w, 1);
	assert_non_null(strstr(span_named(&w, "eye", 0)->text, "by window"));
}

static void a_window_is_no_link_where_something_was_lost(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	model_asks("look", "{\"at\":1}");
	ev_begin(&w.ev, SONDE_EV_LOSS, 0, sizeof(w.ev.loss));
	w.ev.loss.count[SONDE_LOSS_RING_FULL] = 1;
	feed(&w, &w.ev.hdr);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/eye", "eye");
	assert_non_null(strstr(span_named(&w, "eye", 0)->text, "by process"));
}

/* The call that asked for the longer command may be the one that was lost. */
static void a_part_of_a_command_is_no_link_where_something_was_lost(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	model_asks("Bash", "{\"command\":\"make check\"}");
	ev_begin(&w.ev, SONDE_EV_LOSS, 0, sizeof(w.ev.loss));
	w.ev.loss.count[SONDE_LOSS_RING_FULL] = 1;
	feed(&w, &w.ev.hdr);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0make check && echo well");
	assert_non_null(strstr(span_named(&w, "sh", 0)->text, "by process"));
	world_fork(&w, ROOT, 102);
	EXEC(&w, 102, "/bin/bash", "bash\0-c\0make check");
	assert_non_null(strstr(span_named(&w, "bash", 0)->text, "by argv"));
}

/* --- what arguments name --- */

static void arguments_name_files(void **state)
{
	static const struct {
		const char *args, *path;
		bool folder;
		enum path_match match;
	} cases[] = {
		{ "{\"file_path\":\"/a/b.c\",\"content\":\"x\"}", "/a/b.c", false, PATH_IT },
		{ "{\"file_path\":\"/a/b.c\"}", "/a/b.c.tmp.77.1700", false, PATH_BESIDE },
		{ "{\"file_path\":\"/a/b.c\"}", "/c/b.c", false, PATH_NO },
		{ "{\"file_path\":\"/a/b.c\"}", "/a/c.c", false, PATH_NO },
		{ "{\"path\":\"./src/b.c\"}", "/proj/src/b.c", false, PATH_IT },
		{ "{\"path\":\"rc/b.c\"}", "/proj/src/b.c", false, PATH_NO },
		{ "{\"path\":\"b.c\"}", "/proj/b.c", false, PATH_IT },
		{ "{\"path\":\"/a/b/c.c\"}", "/a/b", true, PATH_IT },
		{ "{\"path\":\"/a/b/c.c\"}", "/a/b/c.c", true, PATH_NO },
		{ "{\"content\":\"/a/b.c\"}", "/a/b.c", false, PATH_NO },
		{ "{\"input\":\"*** Begin Patch\\n*** Update File: s/x.py\\n@@\\n*** Add File: "
		  "y.py\\n*** End Patch\"}",
		  "/w/y.py", false, PATH_IT },
		{ "*** Begin Patch\n*** Delete File: /w/z.py", "/w/z.py", false, PATH_IT },
		{ "{\"path\":\"\"}", "/", false, PATH_NO },
		{ "{\"path\":7", "/7", false, PATH_NO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena *mem = arena_new(1 << 20);
		const struct slice paths = arguments_paths(slice_of(cases[i].args), mem);

		if (arguments_name_path(paths, slice_of(cases[i].path), cases[i].folder) !=
		    cases[i].match)
			fail_msg("%s %s", cases[i].args, cases[i].path);
		arena_free(mem);
	}
}

static void addresses_are_compared_as_they_are_asked(void **state)
{
	static const struct {
		const char *url, *host, *target;
		bool is;
	} cases[] = {
		{ "http://h/a?b#c", "h", "/a?b", true },
		{ "https://h:443/a", "h", "/a", true },
		{ "HTTP://H", "h", "/", true },
		{ "http://h:8080/", "h", "/", false },
		{ "http://h:8080/", "h:8080", "/", true },
		{ "http://h/a", "h", "/b", false },
		{ "http://", "", "/", false },
		{ "ftp://h/", "h", "/", false },
		{ "http://h:x/", "h", "/", false },
		{ "http://[::1]:80/", "[::1]", "/", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (url_is(slice_of(cases[i].url), slice_of(cases[i].host),
			   slice_of(cases[i].target)) != cases[i].is)
			fail_msg("%s", cases[i].url);
}

static void a_call_that_loads_a_skill_says_which(void **state)
{
	static const struct {
		const char *tool, *args, *skill;
	} cases[] = {
		{ "Skill", "{\"skill\":\"pdf\"}", "pdf" },
		{ "Skill", "{\"command\":\"review\"}", "review" },
		{ "activate_skill", "{\"name\":\"docs\"}", "docs" },
		{ "shell", "{\"command\":[\"cat\",\"/home/u/.codex/skills/csv/SKILL.md\"]}",
		  "csv" },
		{ "Read", "{\"file_path\":\"/home/u/.claude/skills/web/SKILL.md\"}", "web" },
		{ "Read", "{\"file_path\":\"/proj/SKILLS.md\"}", "" },
		{ "Skill", "{}", "" },
		{ "Bash", "{\"skill\":\"pdf\"}", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena *mem = arena_new(1 << 16);
		const struct slice s =
			arguments_skill(slice_of(cases[i].tool), slice_of(cases[i].args), mem);
		char text[64];

		snprintf(text, sizeof(text), "%.*s", SLICE_ARG(s));
		assert_string_equal(text, cases[i].skill);
		arena_free(mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_keeps_its_other_program),
		TEST(equal_programs_are_nobodys_where_something_was_lost),
		TEST(a_request_for_the_address_of_a_call_is_its_work),
		TEST(one_address_that_two_calls_ask_for_is_neithers),
		TEST(text_behind_calls_begins_no_call_again),
		TEST(a_lone_call_ends_with_the_next_request),
		TEST(calls_side_by_side_begin_with_the_answer),
		TEST(what_was_seen_counts_more_than_what_was_told),
		TEST(nonsense_durations_are_nothing),
		TEST(a_shell_is_the_carrier_and_not_what_it_runs),
		TEST(equal_commands_are_nobodys_even_if_only_one_was_known),
		TEST(a_window_is_no_link_while_the_answer_may_ask_for_more),
		TEST(a_window_is_no_link_where_something_was_lost),
		TEST(a_part_of_a_command_is_no_link_where_something_was_lost),
		TEST(arguments_name_files),
		TEST(a_call_that_loads_a_skill_says_which),
		TEST(addresses_are_compared_as_they_are_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
