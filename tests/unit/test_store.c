/* SPDX-License-Identifier: BSD-2-Clause */
/* What is written is read, and how often whatever is counted. */
#include "store_make.h"

#include "alloc.h"
#include "store_alloc.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

static int check_full_span(void *ctx, const struct span *s)
{
	int *n = ctx;

	++*n;
	assert_slice(s->name, "chat m-1");
	assert_int_equal(s->step, STEP_TOOL);
	assert_int_equal(s->kind, SPAN_CLIENT);
	assert_int_equal(s->status, SPAN_ERROR);
	assert_slice(s->status_text, "it broke");
	assert_int_equal(s->server_port, 443);
	assert_int_equal(s->process.tgid, 77);
	assert_int_equal(s->process.start_ns, 78);
	assert_int_equal(s->usage.input, 100);
	assert_int_equal(s->usage.cache_write, LLM_UNKNOWN);
	assert_int_equal(s->usage.output_audio, LLM_UNKNOWN);
	assert_true(s->usage.estimated);
	assert_int_equal(s->cost.pico_usd, 1000000);
	assert_int_equal(s->cost.source, COST_TABLE);
	assert_true(s->cost.equivalent);
	assert_slice(s->cost.key, "t/m-1");
	assert_int_equal(s->first_token_ns, 1000);
	assert_int_equal(s->lost_bytes, 9);
	assert_int_equal(s->input_node.b[0], 1);
	assert_int_equal(s->raw_blob.b[15], 2);
	assert_true(id128_is_zero(&s->output_node));
	assert_int_equal(s->n_attrs, 6);
	assert_string_equal(s->attrs[0].name, "a.text");
	assert_slice(s->attrs[0].s, "q\"\n\xc3\xa4");
	assert_int_equal(s->attrs[1].type, ATTR_INT);
	assert_int_equal(s->attrs[1].i, INT64_MIN);
	assert_int_equal(s->attrs[2].type, ATTR_DOUBLE);
	assert_true(s->attrs[2].d == 5.0);
	assert_int_equal(s->attrs[3].type, ATTR_BOOL);
	assert_int_equal(s->attrs[3].i, 1);
	assert_int_equal(s->attrs[4].type, ATTR_STRINGS);
	assert_slice(s->attrs[4].s, "[\"x\",\"y\"]");
	assert_true(s->attrs[5].d == 1e-7);
	return 0;
}

static void a_span_comes_back_as_it_was_given(void **state)
{
	const struct attr attrs[] = {
		{ .name = "a.text", .type = ATTR_STRING, .s = SLICE("q\"\n\xc3\xa4") },
		{ .name = "b.int", .type = ATTR_INT, .i = INT64_MIN },
		{ .name = "c.double", .type = ATTR_DOUBLE, .d = 5.0 },
		{ .name = "d.bool", .type = ATTR_BOOL, .i = 1 },
		{ .name = "e.strings", .type = ATTR_STRINGS, .s = SLICE("[\"x\",\"y\"]") },
		{ .name = "f.small", .type = ATTR_DOUBLE, .d = 1e-7 },
	};
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct run run = make_run(1);
	struct span span = make_call(1, 1);
	int n = 0;

	span.step = STEP_TOOL;
	span.status = SPAN_ERROR;
	span.status_text = SLICE("it broke");
	span.server_port = 443;
	span.process = (struct process_key){ 77, 78 };
	span.usage.estimated = true;
	span.cost.equivalent = true;
	span.lost_bytes = 9;
	span.input_node.b[0] = 1;
	span.raw_blob.b[15] = 2;
	span.attrs = attrs;
	span.n_attrs = ARRAY_SIZE(attrs);
	store_run(s, &run);
	store_span(s, &span);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	assert_int_equal(store_spans(r, &(struct store_filter){ 0 }, check_full_span, &n), 0);
	assert_int_equal(n, 1);
}

static int check_full_run(void *ctx, const struct run *r)
{
	int *n = ctx;

	++*n;
	assert_int_equal(r->status, RUN_FAILED);
	assert_slice(r->status_reason, "exit status 3");
	assert_slice(r->task, "fix the parser and add a test");
	assert_slice(r->user, "alice");
	assert_slice(r->trigger, "terminal");
	assert_int_equal(r->uid, 4294967295u);
	assert_int_equal(r->llm_calls, 0);
	assert_int_equal(r->tool_calls, LLM_UNKNOWN);
	assert_int_equal(r->usage.input, LLM_UNKNOWN);
	assert_int_equal(r->exit_code, 3);
	assert_int_equal(r->exit_signal, -1);
	assert_slice(r->notes, "[]");
	assert_true(r->writable_by_agent);
	return 0;
}

static void a_run_comes_back_as_it_was_given_last(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct run run = make_run(1);
	int n = 0;

	store_run(s, &run);
	store_flush(s);
	store_run(s, &run); /* replaced while it waits */
	run.status = RUN_FAILED;
	run.status_reason = SLICE("exit status 3");
	run.trigger = SLICE("terminal");
	run.uid = 4294967295u;
	run.exit_code = 3;
	run.exit_signal = -1;
	store_run(s, &run);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	assert_int_equal(store_runs(r, &(struct store_filter){ 0 }, check_full_run, &n), 0);
	assert_int_equal(n, 1);
}

/* A span is open, open again, final; then corrected. */
static void a_final_state_gets_one_number_and_a_correction_another(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_closep) struct store *s = open_store(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct run run = make_run(1);
	struct span span = make_call(1, 1), other = make_call(1, 2);

	store_run(s, &run);
	span.final = false;
	span.usage.output = LLM_UNKNOWN;
	store_span(s, &span);
	store_flush(s);
	r = open_reader(path);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_spans WHERE seq IS NULL"), 1);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_minutes"), 0);

	span.usage.output = 3;
	store_span(s, &span);
	span.final = true;
	store_span(s, &span);
	store_span(s, &other);
	store_flush(s);
	assert_int_equal(sql_int(r, "SELECT seq * 10 + version FROM v_spans ORDER BY started"), 11);
	assert_int_equal(sql_int(r, "SELECT sum(output_tokens) FROM v_minutes"), 13);

	span.final = false; /* late: of no effect */
	span.usage.output = 99;
	store_span(s, &span);
	store_flush(s);
	assert_int_equal(sql_int(r, "SELECT output_tokens FROM v_spans ORDER BY started"), 3);

	span.final = true; /* a correction, to another model and twice in one batch */
	span.usage.output = 5;
	span.response_model = SLICE("m-9");
	store_span(s, &span);
	span.usage.output = 7;
	store_span(s, &span);
	store_flush(s);
	assert_int_equal(sql_int(r, "SELECT seq * 10 + version FROM v_spans ORDER BY started"), 43);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_spans"), 2);
	assert_int_equal(sql_int(r, "SELECT sum(output_tokens) FROM v_minutes"), 17);
	assert_int_equal(sql_int(r, "SELECT llm_calls FROM v_minutes WHERE model = 'm-9'"), 1);

	store_span(s, &span); /* the same again is nothing new */
	store_flush(s);
	assert_int_equal(sql_int(r, "SELECT seq * 10 + version FROM v_spans ORDER BY started"), 43);
	assert_sound(path);
}

/* Rollups follow a run's user, host and project, even when the run comes last. */
static void a_run_that_comes_late_takes_its_spans_along(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_closep) struct store *s = open_store(path);
	_cleanup_(store_reader_closep) struct store_reader *r = open_reader(path);
	struct run run = make_run(1);
	struct span span = make_call(1, 1);

	store_span(s, &span);
	store_flush(s);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_minutes WHERE user = ''"), 1);
	store_run(s, &run);
	store_flush(s);
	assert_int_equal(sql_int(r, "SELECT llm_calls FROM v_minutes WHERE user = 'alice'"), 1);
	run.cwd = SLICE("/elsewhere");
	store_run(s, &run);
	store_flush(s);
	assert_int_equal(sql_int(r, "SELECT llm_calls FROM v_minutes WHERE project = '/elsewhere'"),
			 1);
	assert_int_equal(sql_int(r, "SELECT sum(llm_calls) FROM v_minutes"), 1);
	assert_sound(path);
}

static void give_text(struct store *s, const char *text, struct id128 *ret)
{
	*ret = id_of_bytes(slice_of(text));
	store_blob(s, ret, "message", slice_of(text));
}

static int join_messages(void *ctx, const struct id128 *node, struct slice json)
{
	char *out = ctx;
	size_t n = strlen(out);

	(void)node;
	snprintf(out + n, 256 - n, "%.*s;", SLICE_ARG(json));
	return 0;
}

static void a_conversation_is_told_from_its_beginning(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	static const char *const texts[] = { "one", "two", "three", "another end" };
	struct id128 node[4], message;
	char out[256] = "";

	for (int i = 0; i < 4; i++) {
		give_text(s, texts[i], &message);
		node[i] = make_id("node", (uint64_t)i);
		store_node(s, &node[i], i == 0 ? &(struct id128){ 0 } : &node[i == 3 ? 1 : i - 1],
			   &message, i == 3 ? 2 : (uint32_t)i);
	}
	give_text(s, "one", &message); /* again: it is there */
	store_node(s, &node[0], NULL, &message, 0);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	assert_int_equal(store_conversation(r, &node[2], join_messages, out), 0);
	assert_string_equal(out, "one;two;three;");
	out[0] = '\0';
	assert_int_equal(store_conversation(r, &node[3], join_messages, out), 0);
	assert_string_equal(out, "one;two;another end;");
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_messages WHERE message = 'two'"), 1);
	assert_sound(path);
}

static void content_of_any_size_comes_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 3, 100, 1000, 16384, 16385, 100000, 3000000 };
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct id128 id[2 * ARRAY_SIZE(sizes)];
	char *data = malloc(3000000);
	uint32_t x = 1;

	for (size_t i = 0; i < ARRAY_SIZE(id); i++) { /* what packs well, and what does not */
		for (size_t k = 0; k < sizes[i / 2]; k++)
			data[k] = (char)(i % 2 ? (x = x * 1664525 + 1013904223) >> 24 : k / 100);
		id[i] = id_of_bytes((struct slice){ data, sizes[i / 2] });
		store_blob(s, &id[i], "text", (struct slice){ data, sizes[i / 2] });
	}
	free(data);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	for (size_t i = 0; i < ARRAY_SIZE(id); i++) {
		struct buf b = { 0 };
		struct id128 got;

		assert_int_equal(store_blob_read(r, &id[i], &b), 0);
		assert_int_equal(b.n, sizes[i / 2]);
		got = id_of_bytes(buf_slice(&b));
		assert_true(id128_eq(&got, &id[i]));
		buf_done(&b);
	}
	assert_int_equal(store_blob_read(r, &(struct id128){ 0 }, &(struct buf){ 0 }), -ENOENT);
	assert_sound(path);
}

static void ticks_write_what_has_waited(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_closep) struct store *s = open_store(path);
	_cleanup_(store_reader_closep) struct store_reader *r = open_reader(path);
	struct run run = make_run(1);

	store_tick(s, 1 * SEC);
	store_run(s, &run);
	store_tick(s, 2 * SEC);
	store_tick(s, 2 * SEC + SEC / 2);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_runs"), 0);
	store_tick(s, 3 * SEC);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_runs"), 1);
}

static void many_rows_do_not_wait_for_a_tick(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_closep) struct store *s = open_store(path);
	_cleanup_(store_reader_closep) struct store_reader *r = open_reader(path);
	struct run run = make_run(1);

	store_run(s, &run);
	for (uint64_t i = 0; i < 4100; i++) {
		struct span span = make_call(1, i);

		store_span(s, &span);
	}
	assert_true(sql_int(r, "SELECT count(*) FROM v_spans") >= 4000);
}

static void a_row_that_cannot_be_stored_is_left_out_and_counted(void **state)
{
	const char *path = in_dir(state, "db");
	struct stats stats = { 0 };
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct run run = make_run(1), nameless = run;
	struct span span = make_call(1, 1), homeless = make_call(1, 2);
	struct store_error err;
	struct store *s;

	assert_int_equal(store_open(path, &stats, &s, &err), 0);
	nameless.run_id = (struct id128){ 0 };
	homeless.run_id = nameless.run_id;
	store_run(s, &nameless);
	store_run(s, &run);
	store_span(s, &homeless);
	store_span(s, &span);
	assert_int_equal(store_close(s), 0);
	assert_int_equal(stats.n[STAT_STORE_ERRORS], 2);
	r = open_reader(path);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_runs"), 1);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_spans"), 1);
	assert_sound(path);
}

/*
 * Every allocation from opening to closing is refused in turn: what was said to be stored is, what
 * is not has been said, and the file is sound.
 */
static void refused_memory_loses_nothing_silently(void **state)
{
	const char *path = in_dir(state, "db");
	long nth;

	for (nth = 1; nth < 100000; nth += nth < 60 ? 1 : 41) {
		struct run run = make_run(1);
		struct span span = make_call(1, (uint64_t)nth);
		struct id128 id = id_of_bytes(SLICE("text"));
		struct stats stats = { 0 };
		struct store_error err;
		struct store *s = NULL;
		bool refused;
		int r;

		alloc_refuse(nth);
		r = store_open(path, &stats, &s, &err);
		if (r == 0) {
			store_run(s, &run);
			store_blob(s, &id, "message", SLICE("text"));
			store_node(s, &id, NULL, &id, 0);
			store_span(s, &span);
			r = store_close(s);
		}
		refused = alloc_allow();
		if (r == 0) {
			_cleanup_(store_reader_closep) struct store_reader *reader =
				open_reader(path);
			struct seen seen = { 0 };
			struct store_filter newest = { .limit = 1 };

			assert_int_equal(store_spans(reader, &newest, see_span, &seen), 0);
			assert_int_equal(seen.span[0].start_ns, span.start_ns);
		}
		if (!refused)
			break;
	}
	assert_true(nth > 100 && nth < 100000);
	assert_sound(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_span_comes_back_as_it_was_given),
		TEST(a_run_comes_back_as_it_was_given_last),
		TEST(a_final_state_gets_one_number_and_a_correction_another),
		TEST(a_run_that_comes_late_takes_its_spans_along),
		TEST(a_conversation_is_told_from_its_beginning),
		TEST(content_of_any_size_comes_back),
		TEST(ticks_write_what_has_waited),
		TEST(many_rows_do_not_wait_for_a_tick),
		TEST(a_row_that_cannot_be_stored_is_left_out_and_counted),
		TEST(refused_memory_loses_nothing_silently),
	};

	wrap_sqlite_memory();
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
