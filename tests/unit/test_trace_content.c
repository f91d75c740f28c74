/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_world.h"

#define CALL(args)                                                                             \
	"{\"role\":\"assistant\",\"calls\":[{\"id\":\"c1\",\"name\":\"bash\",\"args\":\"" args \
	"\"}]}"

/* A round that says something of its own at every place where content can be. */
static void play(const char *config)
{
	struct talk *k;

	world_scope(&w, "/usr/bin/agent", config);
	k = talk_make(&w, 1, ROOT, "[" SAYS("user", "the-question") "]");
	k->call.system = SLICE("the-system-prompt");
	k->call.tools = SLICE("[{\"name\":\"bash\",\"description\":\"the-tool-list\","
			      "\"cache_control\":{\"type\":\"ephemeral\"}}]");
	talk_header(k, "X-Envelope", "the-header");
	talk_begin(&w, 1);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"echo the-arguments\"}");
	talk_end(&w, 1);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0echo the-arguments");
	at(&w, 5);
	talk_ask(&w, 1, ROOT,
		 "[" SAYS("user", "the-question") "," CALL(
			 "{\\\"command\\\":\\\"echo "
			 "the-arguments\\\"}") "," GIVES("c1", "the-result") "]");
	talk_say(&w, 1, "the-answer");
	talk_end(&w, 1);
	world_exit(&w, ROOT, 0, 0);
	trace_end(w.trace, w.now);
}

enum { QUESTION, SYSTEM, TOOLS, ENVELOPE, ARGUMENTS, RESULTS, ANSWER, TASK, COMMAND, N_PLACES };

static void levels_keep_what_they_say(void **state)
{
	static const char *const places[] = { "the-question", "the-system-prompt", "the-tool-list",
					      "the-header",   "the-arguments",	   "the-result",
					      "the-answer" };
	static const struct {
		const char *config;
		const char *kept; /* one character for each place: blobs have it */
		bool task, argv;
		int64_t calls;
	} cases[] = {
		{ "{\"content\":\"full\"}", "xxxxxxx", true, true, 2 },
		{ "{\"content\":\"standard\",\"content_limit\":5000}", "xxxxxxx", true, true, 2 },
		{ "{\"content\":\"full\",\"content_tools\":false}", "xxxx  x", true, true, 2 },
		{ "{\"content\":\"full\",\"content_llm\":false}", "   xxx ", true, true, 2 },
		{ "{\"content\":\"minimal\"}", "       ", false, false, 2 },
		{ "{\"content\":\"off\"}", "       ", false, false, 0 },
		{ "{\"content\":\"a newer level\"}", "       ", false, false, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		world_end(&w);
		world_begin(&w);
		play(cases[i].config);
		for (size_t p = 0; p < ARRAY_SIZE(places); p++)
			assert_int_equal(blobs_have(&w, places[p]), cases[i].kept[p] == 'x');
		assert_int_equal(strstr(w.run, "task=the-question") != NULL, cases[i].task);
		assert_int_equal(
			slice_has(buf_slice(&w.sequence), SLICE("line=sh -c echo the-arg")),
			cases[i].argv);
		assert_int_equal(w.run_calls, cases[i].calls);
		assert_int_equal(w.n_spans > 0, cases[i].calls > 0);
	}
}

static void marks_that_move_between_turns_are_no_part_of_a_tool_list(void **state)
{
	(void)state;
	play(NULL);
	assert_true(blobs_have(&w, "[{\"name\":\"bash\",\"description\":\"the-tool-list\"}]"));
}

static void standard_cuts_at_characters_and_says_how_long_it_was(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", "{\"content\":\"standard\",\"content_limit\":4}");
	k = talk_make(&w, 1, ROOT, "[" SAYS("user", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4z") "]");
	talk_begin(&w, 1);
	talk_say(&w, 1, "four");
	talk_end(&w, 1);
	(void)k;
	assert_true(
		blobs_have(&w, "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xe2\x80\xa6[cut: 5 characters]"));
	assert_true(blobs_have(&w, "\"four\""));
}

/* The half of a key that is left after a cut would match no pattern. */
static void redaction_comes_before_the_cut(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", "{\"content\":\"standard\",\"content_limit\":8}");
	talk_ask(&w, 1, ROOT, "[" SAYS("user", "key sk-SECRET") "]");
	talk_end(&w, 1);
	assert_false(blobs_have(&w, "sk-S"));
}

static void secrets_leave_nowhere(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	k = talk_make(&w, 1, ROOT, "[" SAYS("user", "use sk-SECRET and learned-token please") "]");
	talk_header(k, "Authorization", "Bearer learned-token");
	talk_header(k, "X-Other", "learned-token");
	k->x.path = SLICE("/v1?key=sk-SECRET");
	k->call.system = SLICE("system sk-SECRET");
	k->call.tools = SLICE("[{\"name\":\"sk-SECRET\"}]");
	k->call.request_model = SLICE("model-sk-SECRET");
	talk_begin(&w, 1);
	k->call.response_id = SLICE("id-sk-SECRET");
	talk_call_tool(&w, 1, "c1-sk-SECRET", "bash-sk-SECRET",
		       "{\"command\":\"curl -H learned-token sk-SECRET\"}");
	talk_end(&w, 1);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sk-SECRET", "sh\0-c\0curl -H learned-token sk-SECRET");
	EXEC(&w, 101, "/bin/sh", "sh\0learned-token");
	at(&w, 5);
	talk_ask(&w, 1, ROOT, "[" GIVES("c1-sk-SECRET", "learned-token") "]");
	w.talks[1].call.error.message = SLICE("bad key sk-SECRET");
	talk_fail(&w, 1, 401, "learned-token");
	world_exit(&w, ROOT, 0, 0);
	trace_end(w.trace, w.now);
	assert_false(slice_has(buf_slice(&w.sequence), SLICE("sk-SECRET")));
	assert_false(slice_has(buf_slice(&w.sequence), SLICE("learned-token")));
	assert_false(blobs_have(&w, "sk-SECRET"));
	assert_false(blobs_have(&w, "learned-token"));
	assert_true(blobs_have(&w, "[redacted:"));
}

static void content_comes_before_what_names_it(void **state)
{
	char hex[ID128_HEX_SIZE], line[64];
	const char *blob, *span;

	(void)state;
	play(NULL);
	buf_add(&w.sequence, (struct slice){ "", 1 }, SIZE_MAX);
	id128_hex(&span_named(&w, "execute_tool", 0)->args_blob, hex);
	snprintf(line, sizeof(line), "blob %s", hex);
	blob = strstr(w.sequence.p, line);
	span = strstr(w.sequence.p, "execute_tool");
	assert_non_null(blob);
	assert_true(blob < span);
	assert_false(id128_is_zero(&span_named(&w, "execute_tool", 0)->result_blob));
	assert_false(id128_is_zero(&span_named(&w, "chat m", 0)->raw_blob));
}

/* A session of many turns, in which each request carries all that went before. */
static void play_turns(unsigned turns, struct buf *history)
{
	char line[256];

	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 0; i < turns; i++) {
		struct buf request = { 0 };

		snprintf(line, sizeof(line), "%s" SAYS("user", "question %u"), i ? "," : "[", i);
		buf_add(history, slice_of(line), SIZE_MAX);
		buf_add(&request, buf_slice(history), SIZE_MAX);
		buf_add(&request, (struct slice){ "]", 2 }, SIZE_MAX);
		at(&w, i + 1);
		talk_ask(&w, 1, ROOT, request.p);
		buf_done(&request);
		snprintf(line, sizeof(line), "answer %u", i);
		talk_say(&w, 1, line);
		talk_end(&w, 1);
		snprintf(line, sizeof(line), "," SAYS("assistant", "answer %u"), i);
		buf_add(history, slice_of(line), SIZE_MAX);
	}
}

static void a_long_session_costs_its_new_content_only(void **state)
{
	struct buf history = { 0 };

	(void)state;
	play_turns(200, &history);
	buf_done(&history);
	trace_end(w.trace, w.now);
	assert_int_equal(w.run_calls, 200);
	/* Each question once, each answer once when it comes back. */
	assert_in_range(toy_items_read, 398, 400);
	assert_int_equal(w.n_nodes, 400);
	assert_int_equal(span_named(&w, "chat m", 199)->finals, 1);
	assert_true(has_attr(span_named(&w, "chat m", 199),
			     "sonde.conversation.evidence=message-prefix"));
}

static void the_answer_sent_back_is_the_node_that_it_got(void **state)
{
	struct buf history = { 0 };
	struct id128 before;

	(void)state;
	play_turns(2, &history);
	buf_done(&history);
	before = span_named(&w, "chat m", 0)->output_node;
	assert_false(id128_is_zero(&before));
	assert_false(id128_eq(&before, &span_named(&w, "chat m", 1)->input_node));
	assert_int_equal(w.n_nodes, 4);
}

/* There is no room for what is said: links stay, and nothing refers to what is not there. */
static void under_load_what_is_said_is_let_go(void **state)
{
	struct buf history = { 0 };
	const struct seen_span *last;

	(void)state;
	trace_load(w.trace, SONDE_LOAD_CONTENT);
	play_turns(3, &history);
	last = span_named(&w, "chat m", 2);
	assert_true(has_attr(last, "sonde.conversation.evidence=message-prefix"));
	assert_true(id128_is_zero(&last->input_node) && id128_is_zero(&last->output_node));
	assert_int_equal(w.n_nodes, 0);
	assert_int_equal(w.n_blobs, 0);
	assert_true(w.stats.n[STAT_SHED_CONTENT] > 0);
	trace_load(w.trace, SONDE_LOAD_NONE);
	buf_done(&history);
	at(&w, 900000);
	talk_ask(&w, 0, 100, "[" USER "]");
	talk_end(&w, 0);
	assert_true(w.n_nodes > 0);
	assert_false(id128_is_zero(&span_named(&w, "chat m", 3)->input_node));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(levels_keep_what_they_say),
		TEST(marks_that_move_between_turns_are_no_part_of_a_tool_list),
		TEST(standard_cuts_at_characters_and_says_how_long_it_was),
		TEST(redaction_comes_before_the_cut),
		TEST(secrets_leave_nowhere),
		TEST(content_comes_before_what_names_it),
		TEST(a_long_session_costs_its_new_content_only),
		TEST(the_answer_sent_back_is_the_node_that_it_got),
		TEST(under_load_what_is_said_is_let_go),
	};

	return cmocka_run_group_tests_name("trace_content", tests, NULL, NULL);
}
