/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose call it is: agents, those that they start, programs of their tools. */
#include "trace_world.h"

#define RETRIED "0123456789abcdef0123456789abcdef"

static void an_agent_that_an_agent_starts_is_one_of_its_own(void **state)
{
	(void)state;
	world_scope(&w, "/usr/local/bin/claude", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "Bash", "{\"command\":\"codex exec 'fix it'\"}");
	at(&w, 10);
	talk_end(&w, 1);
	at(&w, 20);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/bash", "bash\0-c\0codex exec 'fix it'");
	at(&w, 21);
	world_fork(&w, 101, 102);
	EXEC(&w, 102, "/usr/local/bin/codex", "codex\0exec\0fix it");
	at(&w, 30);
	talk_ask(&w, 2, 102, "[" SAYS("user", "fix it") "]");
	talk_say(&w, 2, "done");
	talk_end(&w, 2);
	at(&w, 40);
	world_exit(&w, 102, 0, 0);
	assert_tree(&w, "invoke_agent claude-code [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool Bash [20-] by answer open\n"
			"    bash [20-] by argv open\n"
			"      codex [21-40] by process\n"
			"        invoke_agent codex [21-40] by process\n"
			"          chat m [30-30] by process\n");
}

static void a_launcher_gives_its_run_to_the_agent_that_it_starts(void **state)
{
	(void)state;
	world_scope(&w, "/bin/bash", NULL);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/local/bin/claude", "claude\0-p\0hi");
	assert_tree(&w, "invoke_agent bash [0-] open\n"
			"  claude [0-] by process open\n"
			"    invoke_agent claude-code [0-] by process open\n");
	at(&w, 2000);
	tick(&w);
	assert_non_null(strstr(w.run, "agent=claude-code"));
}

static void an_agent_that_runs_itself_again_stays_the_same(void **state)
{
	(void)state;
	world_scope(&w, "/usr/local/bin/claude", NULL);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/local/bin/claude", "rg\0--files");
	talk_ask(&w, 1, 101, "[" USER "]");
	assert_tree(&w, "invoke_agent claude-code [0-] open\n"
			"  rg [0-] by process open\n"
			"  chat m [0-] by process open\n");
	talk_end(&w, 1);
}

static void a_program_that_a_tool_runs_asks_in_the_name_of_the_tool(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"python3 sum.py\"}");
	talk_end(&w, 1);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/python3", "python3\0sum.py");
	talk_ask(&w, 2, 101, "[" SAYS("user", "sum this up") "]");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-0] by process\n"
			"  execute_tool bash [0-] by answer open\n"
			"    python3 [0-] by argv open\n"
			"      chat m [0-] by process open\n");
	talk_end(&w, 2);
}

/* What is needed to run it again stands on its root where it is known to the last byte. */
static void what_sonde_run_has_started_can_be_run_again(void **state)
{
	static const struct {
		const char *config, *scope;
		const char *args; /* as they are shown */
		bool launched, whole, again;
	} cases[] = {
		{ NULL, "\"kind\":\"run\",\"argv_whole\":true,\"argv\":[\"x\",\"y\"]",
		  "[\"x\",\"y\"]", true, true, false },
		{ NULL,
		  "\"kind\":\"run\",\"argv_whole\":true,\"argv\":[\"x\"],\"retry_of\":\"" RETRIED
		  "\"",
		  "[\"x\"]", true, true, true },
		{ NULL,
		  "\"kind\":\"run\",\"argv_whole\":true,\"argv\":[\"x\"],\"retry_of\":\"0123\"",
		  "[\"x\"]", true, true, false },
		{ NULL, "\"kind\":\"run\",\"argv\":[\"x\",\"y\"]", "[\"x\",\"y\"]", true, false,
		  false },
		/* the redactor here does not quote: what is shown is another command */
		{ NULL, "\"kind\":\"run\",\"argv_whole\":true,\"argv\":[\"x\",\"a b\"]",
		  "[\"x\",\"a\",\"b\"]", true, false, false },
		{ NULL, "\"kind\":\"run\",\"argv_whole\":true,\"argv\":[\"x\",\"y\",\"\"]",
		  "[\"x\",\"y\"]", true, false, false },
		{ "{\"content\":\"minimal\"}",
		  "\"kind\":\"run\",\"argv_whole\":true,\"argv\":[\"/bin/x\",\"y\"]", "[\"x\"]",
		  true, false, false },
		{ NULL, "\"kind\":\"pid\",\"argv_whole\":true,\"argv\":[\"x\"]", "[\"x\"]", false,
		  false, false },
		{ NULL,
		  "\"kind\":\"host\",\"owner\":\"daemon\",\"argv_whole\":true,\"argv\":[\"x\"],"
		  "\"retry_of\":\"" RETRIED "\"",
		  "[\"x\"]", false, false, false },
		{ NULL, "\"kind\":\"run\",\"source\":\"har\",\"argv_whole\":true,\"argv\":[\"x\"]",
		  NULL, false, false, false },
	};
	char json[512], args[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct seen_span *s;

		world_end(&w);
		world_begin(&w);
		if (cases[i].config)
			world_json(&w, SONDE_EV_CONFIG, 0, cases[i].config);
		snprintf(json, sizeof(json), "{\"scope\":1,%s}", cases[i].scope);
		world_json(&w, SONDE_EV_SCOPE, ROOT, json);
		s = span_named(&w, "invoke_agent", 0);
		snprintf(args, sizeof(args), "process.command_args=%s", cases[i].args);
		assert_int_equal(has_attr(s, args), cases[i].args != NULL);
		assert_int_equal(has_attr(s, "sonde.run.launcher=sonde run"), cases[i].launched);
		assert_int_equal(has_attr(s, "sonde.run.command_whole=1"), cases[i].whole);
		assert_int_equal(has_attr(s, "sonde.run.retry_of=" RETRIED), cases[i].again);
	}
}

static void requests_name_the_agent_that_its_program_does_not(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/python3", NULL);
	k = talk_make(&w, 1, ROOT, "[" USER "]");
	talk_header(k, "User-Agent", "claude-cli/2.1.329 (external, cli)");
	talk_begin(&w, 1);
	talk_end(&w, 1);
	world_exit(&w, ROOT, 0, 0);
	assert_non_null(strstr(w.run, "agent=claude-code 2.1.329"));
	assert_true(has_attr(span_named(&w, "invoke_agent claude-code", 0),
			     "sonde.agent.evidence=user-agent"));
}

#define SPAWN "{\"prompt\":\"look at the tests\",\"subagent_type\":\"Explore\"}"

static void begin_with_task(void)
{
	world_scope(&w, "/usr/local/bin/claude", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "t1", "Task", SPAWN);
	talk_end(&w, 1);
	at(&w, 20);
}

static void end_task(void)
{
	at(&w, 40);
	talk_ask(
		&w, 1, ROOT,
		"[" USER ","
		"{\"role\":\"assistant\",\"calls\":[{\"id\":\"t1\",\"name\":\"Task\",\"args\":"
		"\"{\\\"prompt\\\":\\\"look at the tests\\\",\\\"subagent_type\\\":\\\"Explore\\\"}"
		"\"}]}," GIVES("t1", "looked") "]");
	talk_end(&w, 1);
}

static void a_subagent_is_known_by_its_prompt(void **state)
{
	(void)state;
	begin_with_task();
	talk_ask(&w, 2, ROOT, "[" SAYS("user", "look at the tests") "]");
	talk_say(&w, 2, "let me see");
	at(&w, 25);
	talk_end(&w, 2);
	at(&w, 30);
	talk_ask(&w, 2, ROOT,
		 "[" SAYS("user", "look at the tests") "," SAYS("assistant", "let me see") "," SAYS(
			 "user", "go on") "]");
	talk_end(&w, 2);
	end_task();
	assert_tree(&w, "invoke_agent claude-code [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool Task [10-40] by tool-call-id\n"
			"    invoke_agent Explore [20-40] by prompt-in-arguments\n"
			"      chat m [20-25] by conversation\n"
			"      chat m [30-30] by conversation\n"
			"  chat m [40-40] by process\n");
}

/* It is started while the answer that asks for it still comes. */
static void a_subagent_may_begin_before_its_call_is_known(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/local/bin/claude", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "t1", "Task", "{\"prompt\":\"count the lines of all\"}");
	/* The last part of an answer may still grow: it is no call yet. */
	k = talk_make(&w, 2, ROOT, "[" SAYS("user", "look at the tests") "]");
	talk_header(k, "x-claude-code-agent-id", "a-1");
	talk_begin(&w, 2);
	at(&w, 11);
	talk_call_tool(&w, 1, "t2", "Task", SPAWN);
	talk_end(&w, 1);
	at(&w, 12);
	talk_end(&w, 2);
	assert_tree(&w, "invoke_agent claude-code [0-] open\n"
			"  chat m [0-11] by process\n"
			"  execute_tool Task [11-] by answer open\n"
			"  execute_tool Task [11-] by answer open\n"
			"    invoke_agent Explore [10-] by explicit-id open\n"
			"      chat m [10-12] by explicit-id\n");
}

/* A call that says something else has not started it, even where it is the only one. */
static void a_subagent_with_another_prompt_is_not_put_below_a_call(void **state)
{
	struct talk *k;

	(void)state;
	begin_with_task();
	k = talk_make(&w, 2, ROOT, "[" SAYS("user", "count the lines of all") "]");
	talk_header(k, "x-claude-code-agent-id", "a-1");
	talk_begin(&w, 2);
	talk_end(&w, 2);
	assert_tree(&w, "invoke_agent claude-code [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool Task [10-] by answer open\n"
			"  invoke_agent claude-code [20-] by explicit-id open\n"
			"    chat m [20-20] by explicit-id\n");
}

static void a_subagent_is_known_by_its_header(void **state)
{
	(void)state;
	begin_with_task();
	for (int i = 0; i < 2; i++) {
		struct talk *k;

		at(&w, 20 + (unsigned)i);
		k = talk_make(&w, 2, ROOT,
			      i ? "[" SAYS("user", "b") "]" : "[" SAYS("user", "a") "]");
		talk_header(k, "x-claude-code-session-id", "s-1");
		talk_header(k, "x-claude-code-agent-id", "a-1");
		talk_begin(&w, 2);
		talk_end(&w, 2);
	}
	end_task();
	assert_tree(&w, "invoke_agent claude-code [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool Task [10-40] by tool-call-id\n"
			"    invoke_agent Explore [20-40] by explicit-id\n"
			"      chat m [20-20] by explicit-id\n"
			"      chat m [21-21] by explicit-id\n"
			"  chat m [40-40] by process\n");
}

#define SPAWNED "{\\\"prompt\\\":\\\"look at the tests\\\",\\\"subagent_type\\\":\\\"Explore\\\"}"

/* The call was answered at once; its agent gets to work later, called as the result says or not. */
static void begins_later(const char *thread, const char *told, const char *prompt)
{
	struct talk *k;

	begin_with_task();
	k = talk_make(&w, 1, ROOT, told);
	assert_non_null(k);
	talk_begin(&w, 1);
	talk_end(&w, 1);
	at(&w, 30);
	k = talk_make(&w, 2, ROOT, prompt);
	assert_non_null(k);
	if (thread)
		talk_header(k, "x-claude-code-agent-id", thread);
	talk_begin(&w, 2);
	talk_end(&w, 2);
}

static void a_subagent_may_begin_when_its_call_is_over(void **state)
{
	static const char told[] =
		"[" USER ","
		"{\"role\":\"assistant\",\"calls\":[{\"id\":\"t1\",\"name\":"
		"\"Task\",\"args\":\"" SPAWNED
		"\"}]}," GIVES("t1", "agent 5e551000-0000-4000-8000-01 works") "]";
	static const struct {
		const char *id, *prompt, *evidence;
	} cases[] = {
		{ NULL, "look at the tests", "prompt-in-arguments" },
		{ "5e551000-0000-4000-8000-01", "something else", "explicit-id" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char prompt[100], want[400];

		snprintf(prompt, sizeof(prompt), "[" SAYS("user", "%s") "]", cases[i].prompt);
		begins_later(cases[i].id, told, prompt);
		snprintf(want, sizeof(want),
			 "invoke_agent claude-code [0-] open\n"
			 "  chat m [0-10] by process\n"
			 "  execute_tool Task [10-20] by tool-call-id\n"
			 "    invoke_agent Explore [30-] by %s open\n"
			 "      chat m [30-30] by %s\n"
			 "  chat m [20-20] by process\n",
			 cases[i].evidence, cases[i].id ? "explicit-id" : "conversation");
		assert_tree(&w, want);
		teardown(state);
		setup(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_agent_that_an_agent_starts_is_one_of_its_own),
		TEST(a_launcher_gives_its_run_to_the_agent_that_it_starts),
		TEST(an_agent_that_runs_itself_again_stays_the_same),
		TEST(a_program_that_a_tool_runs_asks_in_the_name_of_the_tool),
		TEST(what_sonde_run_has_started_can_be_run_again),
		TEST(requests_name_the_agent_that_its_program_does_not),
		TEST(a_subagent_is_known_by_its_prompt),
		TEST(a_subagent_is_known_by_its_header),
		TEST(a_subagent_may_begin_before_its_call_is_known),
		TEST(a_subagent_may_begin_when_its_call_is_over),
		TEST(a_subagent_with_another_prompt_is_not_put_below_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
