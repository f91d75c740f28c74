/* SPDX-License-Identifier: BSD-2-Clause */
/* Which calls continue each other. */
#include "trace_world.h"

#define CONVERSATION "sonde.conversation.id="

/* Two conversations in one process whose tool calls have the same ids. */
static void interleaved_conversations_are_not_mixed(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" SAYS("user", "one") "]");
	at(&w, 1);
	talk_ask(&w, 2, ROOT, "[" SAYS("user", "two") "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"a\"}");
	talk_end(&w, 1);
	at(&w, 11);
	talk_call_tool(&w, 2, "c1", "bash", "{\"command\":\"b\"}");
	talk_end(&w, 2);
	at(&w, 20);
	talk_ask(&w, 1, ROOT,
		 "[" SAYS("user", "two") "," ASKS(TOOL("c1", "b")) "," GIVES("c1", "B") "]");
	talk_end(&w, 1);
	at(&w, 30);
	talk_ask(&w, 2, ROOT,
		 "[" SAYS("user", "one") "," ASKS(TOOL("c1", "a")) "," GIVES("c1", "A") "]");
	talk_end(&w, 2);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  chat m [1-11] by process\n"
			"  execute_tool bash [10-30] by tool-call-id\n"
			"  execute_tool bash [11-20] by tool-call-id\n"
			"  chat m [20-20] by process\n"
			"  chat m [30-30] by process\n");
	assert_string_equal(attr_of(span_named(&w, "chat m", 1), CONVERSATION),
			    attr_of(span_named(&w, "chat m", 2), CONVERSATION));
	assert_string_equal(attr_of(span_named(&w, "chat m", 0), CONVERSATION),
			    attr_of(span_named(&w, "chat m", 3), CONVERSATION));
	assert_string_not_equal(attr_of(span_named(&w, "chat m", 0), CONVERSATION),
				attr_of(span_named(&w, "chat m", 1), CONVERSATION));
}

static void turns_without_tools_are_linked_by_their_history(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" SAYS("user", "hi") "]");
	talk_say(&w, 1, "hello");
	talk_end(&w, 1);
	at(&w, 5);
	talk_ask(&w, 1, ROOT,
		 "[" SAYS("user", "hi") "," SAYS("assistant", "hello") "," SAYS("user", "so?") "]");
	assert_true(has_attr(span_named(&w, "chat m", 1),
			     "sonde.conversation.evidence=message-prefix"));
	talk_end(&w, 1);
	/* The node is the one that the answer got. */
	assert_int_equal(w.n_nodes, 3);
}

static void conversations_with_the_same_words_are_not_linked(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 1; i <= 2; i++) {
		talk_ask(&w, i, ROOT, "[" SAYS("user", "hi") "]");
		talk_say(&w, i, "hello");
		at(&w, i);
	}
	talk_end(&w, 1);
	talk_end(&w, 2);
	at(&w, 5);
	talk_ask(&w, 1, ROOT,
		 "[" SAYS("user", "hi") "," SAYS("assistant", "hello") "," SAYS("user", "so?") "]");
	assert_null(strstr(span_named(&w, "chat m", 2)->attrs, "sonde.conversation.evidence"));
	talk_end(&w, 1);
}

/* One of two equal answers was lost: whose the history is, nobody knows. */
static void equal_questions_are_not_linked_where_an_answer_was_lost(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 1; i <= 2; i++)
		talk_ask(&w, i, ROOT, "[" SAYS("user", "hi") "]");
	w.talks[1].x.response.lost_bytes = 50;
	w.talks[1].x.end = HTTP_END_LOST;
	talk_end(&w, 1);
	talk_say(&w, 2, "hello");
	talk_end(&w, 2);
	at(&w, 5);
	talk_ask(&w, 1, ROOT,
		 "[" SAYS("user", "hi") "," SAYS("assistant", "hello") "," SAYS("user", "so?") "]");
	assert_null(strstr(span_named(&w, "chat m", 2)->attrs, "sonde.conversation.evidence"));
	talk_end(&w, 1);
}

/* A call of which only the answer was seen. */
static void begin_unheard(unsigned i, const char *answer)
{
	struct talk *k = talk_make(&w, i, ROOT, "[]");

	assert_non_null(k);
	k->x.method = (struct slice){ 0 };
	k->x.request.lost_bytes = 99;
	k->call.repeats = k->call.body_cut = true;
	talk_begin(&w, i);
	if (answer)
		talk_say(&w, i, answer);
}

static const char *evidence_of(unsigned call)
{
	return attr_of(span_named(&w, "chat m", call), "sonde.conversation.evidence=");
}

#define LONG_ID "call_0123456789ab"
#define GOES_ON(answer) \
	"[" SAYS("user", "hi") "," SAYS("assistant", answer) "," SAYS("user", "so?") "]"

/* A call that was not heard has said the same as one that was. */
static void equal_answers_are_not_linked_where_a_request_was_lost(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" SAYS("user", "hi") "]");
	talk_say(&w, 1, "hello");
	talk_end(&w, 1);
	begin_unheard(2, "hello");
	talk_end(&w, 2);
	at(&w, 5);
	talk_ask(&w, 1, ROOT, GOES_ON("hello"));
	assert_string_equal(evidence_of(2), "none");
	talk_end(&w, 1);
}

/* It has said something else: it is not in the way. */
static void other_answers_are_linked_where_a_request_was_lost(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" SAYS("user", "hi") "]");
	talk_say(&w, 1, "hello");
	talk_end(&w, 1);
	begin_unheard(2, "good day");
	talk_end(&w, 2);
	at(&w, 5);
	talk_ask(&w, 1, ROOT, GOES_ON("hello"));
	assert_string_equal(evidence_of(2), "sonde.conversation.evidence=message-prefix");
	talk_end(&w, 1);
}

/* The question is known, the answer to it is not: it is the other one's, whose question was lost.
 */
static void an_equal_question_is_not_linked_where_a_request_was_lost(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" SAYS("user", "hi") "]");
	begin_unheard(2, "good day");
	talk_end(&w, 2);
	talk_say(&w, 1, "hello");
	talk_end(&w, 1);
	at(&w, 5);
	talk_ask(&w, 1, ROOT, GOES_ON("good day"));
	assert_string_equal(evidence_of(2), "none");
	talk_end(&w, 1);
}

/* What it asked for tells who goes on from it, and then it is in nobody's way. */
static void a_lost_request_is_found_by_the_tool_that_it_asked_for(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	begin_unheard(1, NULL);
	talk_call_tool(&w, 1, LONG_ID, "bash", "{\"command\":\"a\"}");
	talk_end(&w, 1);
	talk_ask(&w, 2, ROOT,
		 "[" SAYS("user", "one") "," ASKS(TOOL(LONG_ID, "a")) "," GIVES(LONG_ID, "A") "]");
	assert_string_equal(evidence_of(1), "sonde.conversation.evidence=tool-call-id");
	talk_say(&w, 2, "hello");
	talk_end(&w, 2);
	at(&w, 5);
	talk_ask(&w, 2, ROOT,
		 "[" SAYS("user", "one") "," ASKS(TOOL(LONG_ID, "a")) "," GIVES(
			 LONG_ID, "A") "," SAYS("assistant", "hello") "," SAYS("user", "so?") "]");
	assert_string_equal(evidence_of(2), "sonde.conversation.evidence=message-prefix");
	talk_end(&w, 2);
}

/* Equal words of two people, who say who they are. */
static void ids_tell_equal_conversations_apart(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 1; i <= 2; i++) {
		talk_make(&w, i, ROOT, "[" SAYS("user", "hi") "]");
		w.talks[i].call.user_id = i == 1 ? SLICE("ann") : SLICE("bob");
		talk_begin(&w, i);
		talk_say(&w, i, "hello");
		at(&w, i);
	}
	talk_end(&w, 1);
	talk_end(&w, 2);
	at(&w, 5);
	talk_make(
		&w, 1, ROOT,
		"[" SAYS("user", "hi") "," SAYS("assistant", "hello") "," SAYS("user", "so?") "]");
	w.talks[1].call.user_id = SLICE("ann");
	talk_begin(&w, 1);
	talk_end(&w, 1);
	assert_string_equal(attr_of(span_named(&w, "chat m", 2), CONVERSATION),
			    attr_of(span_named(&w, "chat m", 0), CONVERSATION));
}

static void explicit_ids_come_before_everything(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 1; i <= 3; i++) {
		at(&w, i);
		k = talk_make(&w, 1, ROOT,
			      i == 2 ? "[" SAYS("user", "b") "]" : "[" SAYS("user", "a") "]");
		talk_header(k, "thread-id", i == 2 ? "t-2" : "t-1");
		talk_begin(&w, 1);
		talk_say(&w, 1, "x");
		talk_end(&w, 1);
	}
	assert_true(
		has_attr(span_named(&w, "chat m", 2), "sonde.conversation.evidence=explicit-id"));
	assert_string_equal(attr_of(span_named(&w, "chat m", 0), CONVERSATION),
			    attr_of(span_named(&w, "chat m", 2), CONVERSATION));
}

static void a_response_id_continues_its_response(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	k = talk_make(&w, 1, ROOT, "[" SAYS("user", "a") "]");
	talk_begin(&w, 1);
	k->call.response_id = SLICE("r1");
	talk_say(&w, 1, "x");
	talk_end(&w, 1);
	at(&w, 5);
	k = talk_make(&w, 1, ROOT, "[" SAYS("user", "b") "]");
	k->call.previous_response_id = SLICE("r1");
	talk_begin(&w, 1);
	assert_true(has_attr(span_named(&w, "chat m", 1),
			     "sonde.conversation.evidence=previous-response-id"));
	talk_end(&w, 1);
	assert_non_null(strstr(w.sequence.p, " 2\n")); /* a node of depth 2: behind the answer */
}

static void a_shortened_history_is_bridged_by_its_session(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 1; i <= 3; i++) {
		at(&w, i);
		k = talk_make(&w, 1, ROOT,
			      i == 3 ? "[" SAYS("user", "summary: one") "]"
				     : "[" SAYS("user", "one") "]");
		talk_header(k, "x-claude-code-session-id", "s-1");
		k->call.system = i == 2 ? SLICE("write a title") : SLICE("you are an agent");
		talk_begin(&w, 1);
		talk_say(&w, 1, "x");
		talk_end(&w, 1);
	}
	assert_true(
		has_attr(span_named(&w, "chat m", 2), "sonde.conversation.evidence=session-id"));
	assert_string_equal(attr_of(span_named(&w, "chat m", 0), CONVERSATION),
			    attr_of(span_named(&w, "chat m", 2), CONVERSATION));
	assert_string_not_equal(attr_of(span_named(&w, "chat m", 0), CONVERSATION),
				attr_of(span_named(&w, "chat m", 1), CONVERSATION));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(interleaved_conversations_are_not_mixed),
		TEST(turns_without_tools_are_linked_by_their_history),
		TEST(conversations_with_the_same_words_are_not_linked),
		TEST(equal_questions_are_not_linked_where_an_answer_was_lost),
		TEST(equal_answers_are_not_linked_where_a_request_was_lost),
		TEST(other_answers_are_linked_where_a_request_was_lost),
		TEST(an_equal_question_is_not_linked_where_a_request_was_lost),
		TEST(a_lost_request_is_found_by_the_tool_that_it_asked_for),
		TEST(ids_tell_equal_conversations_apart),
		TEST(explicit_ids_come_before_everything),
		TEST(a_response_id_continues_its_response),
		TEST(a_shortened_history_is_bridged_by_its_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
