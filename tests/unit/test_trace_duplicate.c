/* SPDX-License-Identifier: BSD-2-Clause */
/* The same call seen twice, and what is none. */
#include "trace_world.h"

#define CONVERSATION "sonde.conversation.id="

static void client_and_server_of_one_call_count_once(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/proxy", "proxy");
	talk_make(&w, 1, ROOT, "[" USER "]");
	talk_begin(&w, 1);
	at(&w, 1);
	talk_make(&w, 2, 101, "[" USER "]")->x.inbound = true;
	talk_begin(&w, 2);
	for (unsigned i = 2; i >= 1; i--) {
		w.talks[i].call.response_id = SLICE("r-7");
		talk_say(&w, i, "hi");
		at(&w, 10 - i);
		talk_end(&w, i);
	}
	world_exit(&w, ROOT, 0, 0);
	assert_int_equal(w.run_calls, 1);
	assert_int_equal(w.run_usage.input, 10);
	/* The agent's own counts, whichever ends first. */
	assert_int_equal(span_named(&w, "chat m", 0)->usage.input, 10);
	assert_int_equal(span_named(&w, "chat m", 1)->usage.input, LLM_UNKNOWN);
	assert_string_not_equal(attr_of(span_named(&w, "chat m", 1), "sonde.duplicate_of="),
				"none");
}

/* A proxy that gives the answer an id of its own, and names its model otherwise. */
static void what_a_proxy_passes_on_counts_once(void **state)
{
	static const char *const ids[] = { "proxy-1", "proxy-1", "provider-1" };

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/proxy", "proxy");
	for (unsigned i = 1; i <= 3; i++) {
		at(&w, i);
		talk_make(&w, i, i == 1 ? ROOT : 101, "[" USER "]")->x.inbound = i == 2;
		talk_begin(&w, i);
		w.talks[i].call.response_id = slice_of(ids[i - 1]);
	}
	for (unsigned i = 3; i >= 1; i--) {
		at(&w, 10 - i);
		talk_call_tool(&w, i, "c1", "bash", "{\"command\":\"ls\"}");
		talk_end(&w, i);
	}
	at(&w, 20);
	talk_ask(&w, 1, ROOT, "[" USER "," ASKS(TOOL("c1", "ls")) "," GIVES("c1", "a") "]");
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  proxy [0-] by process open\n"
			"  chat m [1-9] by process\n"
			"  chat m [2-8] by process\n"
			"  chat m [3-7] by process\n"
			"  execute_tool bash [9-20] by tool-call-id\n"
			"  chat m [20-20] by process\n");
	world_exit(&w, ROOT, 0, 0);
	assert_int_equal(w.run_calls, 2);
	assert_int_equal(w.run_tools, 1);
	assert_int_equal(w.run_usage.input, 10);
	for (unsigned i = 1; i <= 2; i++)
		assert_string_equal(attr_of(span_named(&w, "chat m", 1), "sonde.duplicate_of="),
				    attr_of(span_named(&w, "chat m", i), "sonde.duplicate_of="));
	assert_string_not_equal(attr_of(span_named(&w, "chat m", 1), "sonde.duplicate_of="),
				"none");
}

/* An agent that is served like a model is none: it asks with tools of its own. */
static void an_agent_behind_an_api_is_no_proxy(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/gateway", NULL);
	talk_make(&w, 1, ROOT, "[" USER "]")->x.inbound = true;
	w.talks[1].call.tool_count = 0;
	talk_begin(&w, 1);
	at(&w, 1);
	talk_ask(&w, 2, ROOT, "[" USER "]");
	talk_say(&w, 2, "a");
	talk_end(&w, 2);
	talk_say(&w, 1, "the files are a");
	talk_end(&w, 1);
	assert_string_equal(attr_of(span_named(&w, "chat m", 0), "sonde.duplicate_of="), "none");
	assert_string_equal(attr_of(span_named(&w, "chat m", 1), "sonde.duplicate_of="), "none");
}

static void one_id_for_every_answer_is_no_duplicate(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 1; i <= 2; i++) {
		at(&w, i * 10);
		talk_ask(&w, i, ROOT, "[" USER "]");
		w.talks[i].call.response_id = SLICE("mock");
		talk_say(&w, i, "hi");
		talk_end(&w, i);
	}
	world_exit(&w, ROOT, 0, 0);
	assert_int_equal(w.run_calls, 2);
	assert_int_equal(w.run_usage.input, 20);
}

/* A response that is made in the background: asked for until it is there, and once more. */
static void a_response_that_is_polled_counts_once(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	w.talks[1].call.response_id = SLICE("r-8");
	w.talks[1].call.usage.input = 12; /* guessed */
	w.talks[1].call.usage.output = 1;
	w.talks[1].call.usage.estimated = LLM_ESTIMATED_INPUT | LLM_ESTIMATED_OUTPUT;
	talk_say(&w, 1, "h");
	talk_end(&w, 1);
	assert_true(span_named(&w, "chat m", 0)->usage.estimated);
	for (unsigned i = 2; i <= 3; i++) {
		at(&w, i * 10);
		talk_make(&w, i, ROOT, "[]");
		w.talks[i].call.repeats = true;
		w.talks[i].call.response_id = SLICE("r-8");
		talk_begin(&w, i);
		talk_say(&w, i, "hello");
		talk_end(&w, i);
	}
	world_exit(&w, ROOT, 0, 0);
	assert_int_equal(w.run_calls, 1);
	assert_int_equal(w.run_usage.input, 10);
	assert_int_equal(w.run_usage.output, 5);
	assert_false(w.run_usage.estimated);
	assert_int_equal(span_named(&w, "chat m", 2)->usage.input, LLM_UNKNOWN);
}

/* What the answer does not tell when it is fetched is not known, whatever was guessed before. */
static void half_a_fact_replaces_a_whole_guess(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	w.talks[1].call.response_id = SLICE("r-9");
	w.talks[1].call.usage.input = 12;
	w.talks[1].call.usage.output = 1;
	w.talks[1].call.usage.estimated = LLM_ESTIMATED_INPUT | LLM_ESTIMATED_OUTPUT;
	talk_say(&w, 1, "h");
	talk_end(&w, 1);
	at(&w, 20);
	talk_make(&w, 2, ROOT, "[]");
	w.talks[2].call.repeats = true;
	w.talks[2].call.response_id = SLICE("r-9");
	w.talks[2].call.usage.input = 10; /* and no output */
	talk_begin(&w, 2);
	talk_say(&w, 2, "hello");
	talk_end(&w, 2);
	world_exit(&w, ROOT, 0, 0);
	assert_int_equal(w.run_usage.input, 10);
	assert_int_equal(w.run_usage.output, LLM_UNKNOWN);
}

static void what_stands_alone_is_no_conversation(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_make(&w, 1, ROOT, "[" USER "]");
	w.talks[1].call.single = true;
	talk_begin(&w, 1);
	talk_end(&w, 1);
	assert_null(strstr(span_named(&w, "chat m", 0)->attrs, CONVERSATION));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(client_and_server_of_one_call_count_once),
		TEST(what_a_proxy_passes_on_counts_once),
		TEST(an_agent_behind_an_api_is_no_proxy),
		TEST(one_id_for_every_answer_is_no_duplicate),
		TEST(a_response_that_is_polled_counts_once),
		TEST(half_a_fact_replaces_a_whole_guess),
		TEST(what_stands_alone_is_no_conversation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
