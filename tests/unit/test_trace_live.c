/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_world.h"

#define SECRET "sk-SECRET"
#define CLEAN  "[redacted:x]"

/* What a watcher saw. */
static struct {
	struct buf text, states, kinds;
	unsigned pieces, cuts, lasts;
	int64_t input_tokens;
} seen;

static void on_change(void *ctx, const struct live_change *c)
{
	(void)ctx;
	buf_add(&seen.states, slice_of(live_state_names[c->state]), SIZE_MAX);
	buf_add(&seen.states, SLICE(" "), SIZE_MAX);
	seen.input_tokens = c->input_tokens;
}

static void on_piece(void *ctx, const struct live_piece *p)
{
	(void)ctx;
	buf_add(&seen.text, p->text, SIZE_MAX);
	if (p->text.n) {
		buf_add(&seen.kinds, slice_of(live_piece_names[p->kind]), SIZE_MAX);
		buf_add(&seen.kinds, p->name, SIZE_MAX);
		buf_add(&seen.kinds, SLICE(" "), SIZE_MAX);
	}
	seen.pieces++;
	seen.cuts += p->cut;
	seen.lasts += p->last;
}

static const struct trace_sink watched = { .blob = on_blob,
					   .node = on_node,
					   .span = on_span,
					   .run = on_run,
					   .live_change = on_change,
					   .live_piece = on_piece };

static int begin(void **state)
{
	int r = setup(state);

	memset(&seen, 0, sizeof(seen));
	trace_free(w.trace);
	return r ? r : trace_new(&watched, &w, w.procs, NULL, &w.stats, &w.trace);
}

static int end(void **state)
{
	buf_done(&seen.text);
	buf_done(&seen.states);
	buf_done(&seen.kinds);
	return teardown(state);
}

#define LIVE_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static bool is(const struct buf *b, const char *text)
{
	return slice_eq(buf_slice(b), slice_of(text));
}

/* Some more of the answer's last part, a while later. */
static void more(unsigned i, struct slice text)
{
	struct talk *k = &w.talks[i];

	w.now += 200 * MS;
	k->x.now_ns = w.now;
	arena_add(k->mem, &k->call.answer.last_part->text, text);
	trace_call(w.trace, LLM_PROGRESS, &k->call);
}

/* Words with a secret here and there, in more than one window. */
static struct buf long_text(void)
{
	struct buf b = { 0 };
	char line[128];

	for (int i = 0; i < 400; i++) {
		snprintf(line, sizeof(line), "line %d, \xc3\xa4 and %s.\n", i,
			 i % 7 == 3 ? SECRET : "nothing of note");
		buf_add(&b, slice_of(line), SIZE_MAX);
	}
	return b;
}

static struct buf cleaned(struct slice text)
{
	struct redactor *r = NULL;
	struct buf out = { 0 };

	assert_int_equal(redactor_new(&r), 0);
	assert_true(redact(r, text, &out) >= 0);
	redactor_free(r);
	return out;
}

static void states_follow_what_happens(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 5);
	talk_say(&w, 1, "hm");
	talk_call_tool(&w, 1, "c1", "Bash", "{\"command\":\"ls\"}");
	talk_end(&w, 1);
	at(&w, 9);
	talk_ask(&w, 2, ROOT, "[" USER "," GIVES("c1", "x") "]");
	at(&w, 12);
	talk_say(&w, 2, "done");
	talk_end(&w, 2);
	world_exit(&w, ROOT, 0, 0);
	trace_end(w.trace, w.now);
	assert_string_equal(
		(buf_add(&seen.states, (struct slice){ "", 1 }, SIZE_MAX), seen.states.p),
		"thinking streaming tool thinking streaming idle ended ");
	assert_int_equal(seen.input_tokens, 20);
}

static void pieces_together_are_the_text_without_secrets(void **state)
{
	static const size_t sizes[] = { 1, 7, 100, 1000, 9000 };
	struct buf text = long_text(), want = cleaned(buf_slice(&text));

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		const unsigned talk = s + 1;

		seen.text.n = seen.pieces = seen.lasts = 0;
		talk_ask(&w, talk, ROOT, "[" USER "]");
		talk_say(&w, talk, "");
		for (size_t at = 0; at < text.n; at += sizes[s]) {
			const size_t left = text.n - at;

			more(talk,
			     (struct slice){ text.p + at, left < sizes[s] ? left : sizes[s] });
			assert_false(slice_has(buf_slice(&seen.text), SLICE("sk-")));
		}
		talk_end(&w, talk);
		assert_true(slice_eq(buf_slice(&seen.text), buf_slice(&want)));
		assert_int_equal(seen.lasts, 1);
		assert_int_equal(seen.cuts, 0);
		assert_true(seen.pieces > 2);
	}
	buf_done(&text);
	buf_done(&want);
}

static void a_piece_ends_between_characters(void **state)
{
	char text[3 * 300 + 1] = "";

	(void)state;
	for (int i = 0; i < 300; i++)
		memcpy(text + i * 3, "\xe4\xb8\x96", 3);
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_say(&w, 1, "");
	for (int i = 0; i < 900; i += 100) {
		more(1, (struct slice){ text + i, 100 });
		assert_int_equal(seen.text.n % 3, 0);
	}
	talk_end(&w, 1);
	assert_true(is(&seen.text, text));
}

static void one_endless_word_is_left_out_and_told_so(void **state)
{
	static char word[100000];

	(void)state;
	memset(word, 'x', sizeof(word));
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_say(&w, 1, "well ");
	more(1, (struct slice){ word, sizeof(word) });
	talk_end(&w, 1);
	assert_true(is(&seen.text, "well "));
	assert_int_equal(seen.cuts, 1);
	assert_int_equal(seen.lasts, 1);
}

static void each_part_is_told_as_what_it_is(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	toy_text(&w.talks[1].call.answer, w.talks[1].mem, LLM_PART_REASONING, SLICE("I think"));
	talk_say(&w, 1, "so be it");
	talk_call_tool(&w, 1, "c1", "Bash", "{\"command\":\"echo " SECRET "\"}");
	talk_end(&w, 1);
	assert_true(is(&seen.kinds, "reasoning text argumentsBash "));
	assert_true(is(&seen.text, "I thinkso be it{\"command\":\"echo " CLEAN "\"}"));
}

static void the_content_level_holds(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", "{\"content\":\"minimal\"}");
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_say(&w, 1, "not for everybody");
	talk_end(&w, 1);
	assert_int_equal(seen.pieces, 0);
	assert_true(seen.states.n > 0);
}

static void the_limit_of_the_level_cuts_and_says_so(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", "{\"content\":\"standard\",\"content_limit\":5}");
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_say(&w, 1, "more than five");
	talk_end(&w, 1);
	assert_true(is(&seen.text, "more "));
	assert_int_equal(seen.cuts, 1);
	assert_int_equal(seen.lasts, 1);
}

static void off_tells_nothing(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", "{\"content\":\"off\"}");
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_say(&w, 1, "hush");
	talk_end(&w, 1);
	assert_int_equal(seen.pieces + seen.states.n, 0);
}

static void an_answer_that_breaks_off_gives_what_it_had(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_say(&w, 1, "half a sen");
	w.talks[1].x.end = HTTP_END_CUT;
	talk_end(&w, 1);
	assert_true(is(&seen.text, "half a sen"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(states_follow_what_happens),
		LIVE_TEST(pieces_together_are_the_text_without_secrets),
		LIVE_TEST(a_piece_ends_between_characters),
		LIVE_TEST(one_endless_word_is_left_out_and_told_so),
		LIVE_TEST(each_part_is_told_as_what_it_is),
		LIVE_TEST(the_content_level_holds),
		LIVE_TEST(the_limit_of_the_level_cuts_and_says_so),
		LIVE_TEST(off_tells_nothing),
		LIVE_TEST(an_answer_that_breaks_off_gives_what_it_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
