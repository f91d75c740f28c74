/* SPDX-License-Identifier: BSD-2-Clause */
/* A sink's way through the store, with receivers of all kinds. */
#include "base/log.h"
#include "export/sink_run.h"
#include "store_make.h"

#define NOW (START + 1000 * SEC)

/* --- a receiver that says what it is told to --- */

struct receiver {
	int64_t batch[SINK_BATCH + 1];
	size_t n, sends;
	size_t takes_at_most;	/* of a batch; 0: any */
	int64_t poison;		/* it never takes this one; 0: there is none */
	enum sink_verdict says; /* otherwise */
	int64_t retry_after_s, rejects;
	int64_t got[256];
	size_t n_got;
};

static struct receiver receiver;

static void fake_begin(void *self, bool bare)
{
	struct receiver *r = self;

	(void)bare;
	r->n = 0;
}

static int fake_add(void *self, struct store_reader *reader, int64_t version,
		    const struct span *span, const struct run *run)
{
	struct receiver *r = self;

	(void)reader;
	(void)version;
	(void)run;
	r->batch[r->n++] = (int64_t)((span->start_ns - START) / SEC % 60);
	return 0;
}

static int64_t fake_items(const void *self)
{
	return (int64_t)((const struct receiver *)self)->n;
}

static void fake_send(void *self, struct sink_report *ret)
{
	struct receiver *r = self;

	r->sends++;
	ret->verdict = r->says;
	ret->retry_after_s = r->retry_after_s;
	ret->rejected = r->rejects;
	if (r->takes_at_most && r->n > r->takes_at_most)
		ret->verdict = SINK_TOO_LARGE;
	for (size_t i = 0; i < r->n; i++)
		if (r->poison && r->batch[i] == r->poison)
			ret->verdict = SINK_REFUSED;
	if (ret->verdict != SINK_TAKEN) {
		snprintf(ret->why, sizeof(ret->why), "verdict %d", ret->verdict);
		return;
	}
	for (size_t i = 0; i < r->n && r->n_got < ARRAY_SIZE(r->got); i++)
		r->got[r->n_got++] = r->batch[i];
}

static const struct sink_type fake = {
	.kind = SINK_OTLP,
	.signal = "traces",
	.begin = fake_begin,
	.add = fake_add,
	.items = fake_items,
	.send = fake_send,
};

static const struct sink_config config = { .name = "x", .retry_s = 60 };

static struct sink make_sink(const char *store)
{
	struct sink s = { .type = &fake,
			  .env = { .config = &config },
			  .store = store,
			  .name = "otlp:x:traces",
			  .target = "http://x",
			  .self = &receiver,
			  .limit = SINK_BATCH };

	return s;
}

static int begin(void **state)
{
	receiver = (struct receiver){ .says = SINK_TAKEN };
	log_max_level = LOG_ERR;
	return make_dir(state);
}

static const char *make_store(void **state, uint64_t calls)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);

	put_calls(s, 0, 1, 1 + calls);
	assert_int_equal(store_close(s), 0);
	return path;
}

static void all_rounds(struct sink *s)
{
	int r, n = 0;

	while ((r = sink_round(s, NOW)) > 0)
		assert_true(++n < 500);
	assert_int_equal(r, 0);
}

static void assert_got(const int64_t *want, size_t n)
{
	assert_int_equal(receiver.n_got, n);
	assert_memory_equal(receiver.got, want, n * sizeof(*want));
}

/* --- */

static void spans_are_sent_once_in_order(void **state)
{
	const char *path = make_store(state, 5);
	struct sink s = make_sink(path), again = make_sink(path);
	struct store *more;

	all_rounds(&s);
	assert_got((int64_t[]){ 1, 2, 3, 4, 5 }, 5);
	assert_int_equal(receiver.sends, 1);
	sink_let_go(&s);
	/* another process goes on where that one was */
	more = open_store(path);
	put_calls(more, 0, 6, 8);
	assert_int_equal(store_close(more), 0);
	all_rounds(&again);
	assert_got((int64_t[]){ 1, 2, 3, 4, 5, 6, 7 }, 7);
	assert_int_equal(again.sent, 7);
	sink_let_go(&again);
}

static void what_fails_is_tried_again_and_nothing_is_passed_over(void **state)
{
	struct sink s = make_sink(make_store(state, 3));

	receiver.says = SINK_RETRY;
	for (int i = 0; i < 4; i++)
		assert_int_equal(sink_round(&s, NOW + (uint64_t)i * SEC), -EAGAIN);
	assert_int_equal(s.seq, 0);
	assert_int_equal(s.retries, 4);
	assert_int_equal(s.failing_since_ns, NOW);
	receiver.says = SINK_TAKEN;
	all_rounds(&s);
	assert_got((int64_t[]){ 1, 2, 3 }, 3);
	assert_int_equal(s.failing_since_ns, 0);
	assert_int_equal(s.failures, 0);
	sink_let_go(&s);
}

static void what_is_refused_is_found_and_passed_over(void **state)
{
	struct sink s = make_sink(make_store(state, 9));

	receiver.poison = 4;
	all_rounds(&s);
	assert_got((int64_t[]){ 1, 2, 3, 5, 6, 7, 8, 9 }, 8);
	assert_int_equal(s.refused, 1);
	assert_int_equal(s.sent, 8);
	assert_true(receiver.sends < 16);
	sink_let_go(&s);
}

static void who_refuses_everything_is_not_asked_for_each(void **state)
{
	struct sink s = make_sink(make_store(state, 55));

	receiver.says = SINK_REFUSED;
	all_rounds(&s);
	assert_int_equal(s.refused, 55);
	assert_true(receiver.sends < 30);
	sink_let_go(&s);
}

static void what_is_too_large_is_sent_in_parts(void **state)
{
	struct sink s = make_sink(make_store(state, 20));

	receiver.takes_at_most = 3;
	all_rounds(&s);
	assert_int_equal(receiver.n_got, 20);
	assert_int_equal(s.refused, 0);
	sink_let_go(&s);
}

static void slow_receivers_get_less(void **state)
{
	struct sink s = make_sink(make_store(state, 3));

	receiver.says = SINK_SLOW;
	assert_int_equal(sink_round(&s, NOW), -EAGAIN);
	assert_int_equal(s.limit, SINK_BATCH / 2);
	sink_let_go(&s);
}

static void rejections_are_counted(void **state)
{
	struct sink s = make_sink(make_store(state, 5));

	receiver.rejects = 2;
	all_rounds(&s);
	assert_int_equal(s.sent, 3);
	assert_int_equal(s.refused, 2);
	sink_let_go(&s);
}

static void pauses_grow_and_are_not_alike(void **state)
{
	struct sink s = make_sink(NULL);

	(void)state;
	s.failures = 1;
	assert_int_equal(sink_pause_ms(&s, 0), 500);
	assert_int_equal(sink_pause_ms(&s, UINT32_MAX), 999);
	s.failures = 4;
	assert_int_equal(sink_pause_ms(&s, 0), 4000);
	s.failures = 4000000000;
	assert_int_equal(sink_pause_ms(&s, 0), 30000);
	s.retry_after_s = 90;
	assert_int_equal(sink_pause_ms(&s, 0), 90000);
	s.retry_after_s = INT64_MAX;
	assert_int_equal(sink_pause_ms(&s, 0), 3600000);
}

static void the_state_is_json_without_what_is_not_known(void **state)
{
	struct sink s = make_sink(make_store(state, 2));
	struct buf text = { 0 };

	receiver.says = SINK_RETRY;
	sink_round(&s, NOW);
	assert_int_equal(sink_state(&s, &text), 0);
	assert_slice(buf_slice(&text),
		     "{\"type\":\"otlp\",\"signal\":\"traces\",\"target\":\"http://x\",\"sent\":0,"
		     "\"refused\":0,\"retries\":1,\"ok_ns\":0,"
		     "\"failing_since_ns\":1763641000000000000,\"error\":\"verdict 1\"}");
	buf_done(&text);
	sink_let_go(&s);
}

static void a_store_that_is_not_there_yet_is_waited_for(void **state)
{
	struct sink s = make_sink(in_dir(state, "db"));

	log_max_level = LOG_ERR;
	assert_true(sink_round(&s, NOW) < 0);
	assert_true(sink_round(&s, NOW) < 0);
	assert_int_equal(s.failures, 2);
	s.store = make_store(state, 2);
	all_rounds(&s);
	assert_int_equal(receiver.n_got, 2);
	sink_let_go(&s);
}

/* --- what sinks keep in the store --- */

static int note_name(void *ctx, const char *name, int64_t seq, struct slice state, uint64_t ns)
{
	snprintf((char *)ctx + strlen(ctx), 200 - strlen(ctx), "%s=%lld/%.*s/%llu ", name,
		 (long long)seq, SLICE_ARG(state), (unsigned long long)ns);
	return 0;
}

static bool is_otlp(void *ctx, const char *name)
{
	(void)ctx;
	return strncmp(name, "otlp", 4) == 0;
}

static void how_far_sinks_are_is_kept(void **state)
{
	const char *path = make_store(state, 2);
	struct store_sinks *s;
	struct store_reader *r = open_reader(path);
	struct store_error err;
	struct buf text = { 0 };
	char names[200] = "";
	int64_t seq = 7;

	assert_int_equal(store_sinks_open(path, &s, &err), 0);
	assert_int_equal(store_sink_get(s, "new", &seq, &text), 0);
	assert_true(seq == 0 && text.n == 0);
	assert_int_equal(store_sink_set(s, "otlp:b", 3, SLICE("{}"), 9), 0);
	assert_int_equal(store_sink_set(s, "otlp:a", 1, (struct slice){ 0 }, 9), 0);
	assert_int_equal(store_sink_set(s, "prometheus", 2, SLICE("{}"), 9), 0);
	assert_int_equal(store_sink_set(s, "otlp:b", 4, SLICE("{\"a\":1}"), 10), 0);
	assert_int_equal(store_sink_get(s, "otlp:b", &seq, &text), 0);
	assert_int_equal(seq, 4);
	assert_slice(buf_slice(&text), "{\"a\":1}");
	assert_int_equal(store_sinks_each(r, note_name, names), 0);
	assert_string_equal(names, "otlp:a=1//9 otlp:b=4/{\"a\":1}/10 prometheus=2/{}/9 ");
	assert_int_equal(store_sinks_forget(s, is_otlp, NULL), 0);
	names[0] = '\0';
	assert_int_equal(store_sinks_each(r, note_name, names), 0);
	assert_string_equal(names, "prometheus=2/{}/9 ");
	buf_done(&text);
	store_sinks_close(s);
	store_reader_close(r);
	assert_sound(path);
}

struct finals {
	int64_t seq[16], version[16];
	size_t n;
	bool runs;
};

static int note_final(void *ctx, int64_t seq, int64_t version, const struct span *span,
		      const struct run *run)
{
	struct finals *f = ctx;

	assert_true(span->final);
	f->seq[f->n] = seq;
	f->version[f->n++] = version;
	f->runs = run != NULL;
	return f->n == 3 ? -ECANCELED : 0;
}

static void final_spans_come_by_number_and_corrections_again(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);
	struct span open = make_call(0, 9), span = make_call(0, 2);
	struct store_reader *r;
	struct finals f = { 0 };
	int64_t newest = 0;

	put_calls(s, 0, 1, 3);
	open.final = false;
	store_span(s, &open);
	store_flush(s);
	span.provider = SLICE("other");
	store_span(s, &span);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	assert_int_equal(store_final_spans(r, 0, 10, note_final, &f), 0);
	assert_int_equal(f.n, 2);
	assert_true(f.seq[0] < f.seq[1] && f.version[1] == 2 && f.runs);
	assert_int_equal(store_newest_seq(r, &newest), 0);
	assert_int_equal(newest, f.seq[1]);
	f.n = 0;
	assert_int_equal(store_final_spans(r, f.seq[0], 1, note_final, &f), 0);
	assert_int_equal(f.n, 1);
	store_reader_close(r);
}

/* --- files --- */

static size_t lines_in(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = 0;

	for (int c; f && (c = fgetc(f)) != EOF;)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static void open_file_sink(struct sink *s, struct sink_config *c, const char *store)
{
	char why[200];

	*s = make_sink(store);
	s->type = &sink_ndjson;
	s->env.config = c;
	snprintf(s->name, sizeof(s->name), "ndjson:x");
	assert_int_equal(sink_ndjson.open(&s->env, &s->self, why, sizeof(why)), 0);
}

static void close_file_sink(struct sink *s)
{
	sink_let_go(s);
	sink_ndjson.close(s->self);
}

static void lines_that_were_not_noted_go_after_a_crash(void **state)
{
	const char *store = make_store(state, 5);
	struct sink_config c = { .name = "x", .path = in_dir(state, "out") };
	struct sink s;
	FILE *f;

	open_file_sink(&s, &c, store);
	s.limit = 3;
	assert_int_equal(sink_round(&s, NOW), 1);
	assert_int_equal(lines_in(c.path), 2 * 3); /* each is a root: its run's line and its own */
	close_file_sink(&s);
	f = fopen(c.path, "a");
	fputs("{\"half a li", f);
	fclose(f);
	open_file_sink(&s, &c, store);
	all_rounds(&s);
	assert_int_equal(lines_in(c.path), 2 * 5);
	close_file_sink(&s);
}

static void a_file_of_others_is_never_cut(void **state)
{
	const char *store = make_store(state, 2);
	struct sink_config c = { .name = "x", .path = in_dir(state, "out") };
	struct sink s;
	FILE *f = fopen(c.path, "w");

	fputs("a line of another program\n", f);
	fclose(f);
	open_file_sink(&s, &c, store);
	all_rounds(&s);
	assert_int_equal(lines_in(c.path), 1 + 2 * 2);
	close_file_sink(&s);
}

static void large_files_are_put_aside(void **state)
{
	const char *store = make_store(state, 50);
	struct sink_config c = {
		.name = "x", .path = in_dir(state, "out"), .max_bytes = 4000, .keep = 3
	};
	struct sink s;
	struct stat st;
	size_t n;

	open_file_sink(&s, &c, store);
	all_rounds(&s);
	close_file_sink(&s);
	n = lines_in(c.path) + lines_in(in_dir(state, "out.1")) + lines_in(in_dir(state, "out.2")) +
	    lines_in(in_dir(state, "out.3"));
	assert_true(n > 10 && n < 50); /* older ones are gone */
	assert_true(stat(in_dir(state, "out.3"), &st) == 0 && st.st_size <= 4000);
	assert_true(stat(in_dir(state, "out.4"), &st) < 0);
}

static void no_pipe_is_written_to(void **state)
{
	const char *store = make_store(state, 2);
	struct sink_config c = { .name = "x", .path = in_dir(state, "out") };
	struct sink s;

	assert_int_equal(mkfifo(c.path, 0600), 0);
	open_file_sink(&s, &c, store);
	assert_int_equal(sink_round(&s, NOW), -EAGAIN);
	assert_int_equal(s.seq, 0);
	close_file_sink(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(spans_are_sent_once_in_order, begin, remove_dir),
		cmocka_unit_test_setup_teardown(
			what_fails_is_tried_again_and_nothing_is_passed_over, begin, remove_dir),
		cmocka_unit_test_setup_teardown(what_is_refused_is_found_and_passed_over, begin,
						remove_dir),
		cmocka_unit_test_setup_teardown(who_refuses_everything_is_not_asked_for_each, begin,
						remove_dir),
		cmocka_unit_test_setup_teardown(what_is_too_large_is_sent_in_parts, begin,
						remove_dir),
		cmocka_unit_test_setup_teardown(slow_receivers_get_less, begin, remove_dir),
		cmocka_unit_test_setup_teardown(rejections_are_counted, begin, remove_dir),
		cmocka_unit_test(pauses_grow_and_are_not_alike),
		cmocka_unit_test_setup_teardown(the_state_is_json_without_what_is_not_known, begin,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_store_that_is_not_there_yet_is_waited_for, begin,
						remove_dir),
		cmocka_unit_test_setup_teardown(how_far_sinks_are_is_kept, begin, remove_dir),
		cmocka_unit_test_setup_teardown(final_spans_come_by_number_and_corrections_again,
						begin, remove_dir),
		cmocka_unit_test_setup_teardown(lines_that_were_not_noted_go_after_a_crash, begin,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_file_of_others_is_never_cut, begin, remove_dir),
		cmocka_unit_test_setup_teardown(large_files_are_put_aside, begin, remove_dir),
		cmocka_unit_test_setup_teardown(no_pipe_is_written_to, begin, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
