/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/figures/work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/util.h"
#include "store/list/where_sql.h"
#include "store/schema.h"

#define SEC 1000000000

void work_done(struct work *w)
{
	tallies_done(&w->tallies);
	for (size_t i = 0; i < w->n_models; i++)
		free(w->models[i].model);
}

void work_heat(struct work *w, int64_t ns, int64_t calls)
{
	const time_t t = (time_t)(ns / SEC);
	struct tm tm;

	if (localtime_r(&t, &tm))
		w->ret->heat[(tm.tm_wday + 6) % 7][tm.tm_hour] += calls;
}

static size_t find_model(const struct work *w, struct slice model)
{
	for (size_t i = 0; i < w->n_models; i++)
		if (slice_eq(w->models[i].sum.model, model))
			return i;
	return w->n_models;
}

struct store_model_share *work_share(struct work *w, struct slice model)
{
	struct share *s = &w->models[w->last_model];
	size_t at;

	if (w->n_models && slice_eq(s->sum.model, model))
		return &s->sum;
	at = find_model(w, model);
	if (at == w->n_models && at == WORK_MODELS) {
		at = find_model(w, (struct slice){ 0 });
		at = at < w->n_models ? at : WORK_MODELS - 1;
	}
	s = &w->models[at];
	if (at == w->n_models) {
		s->model = slice_dup(model);
		if (!s->model)
			return NULL;
		w->n_models++;
		s->sum = (struct store_model_share){ .model = { s->model, model.n },
						     .usage = llm_usage_unknown };
	}
	w->last_model = at;
	return &s->sum;
}

/* --- runs --- */

static void add_run(struct tally *t, sqlite3_stmt *s)
{
	const int status = sqlite3_column_int(s, 2);

	if (!t)
		return;
	t->row.runs++;
	if (status >= RUN_RUNNING && status <= RUN_PAUSED)
		t->row.status[status]++;
}

static void take_run(struct work *w, sqlite3_stmt *s)
{
	const int64_t start = sqlite3_column_int64(s, 0);
	struct tally *bucket = tally_of(&w->tallies, start);

	add_run(&w->tallies.total, s);
	add_run(bucket, s);
	if (sqlite3_column_type(s, 1) != SQLITE_NULL)
		times_add(&tally_times(&w->tallies, bucket)->runs,
			  sqlite3_column_int64(s, 1) - start);
}

int work_runs(struct work *w, const struct store_filter *f)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where where = { 0 };
	int rc;

	where_look(w->r, &where, f);
	where_runs(&where, f);
	rc = where_prepare(w->r, &where, "SELECT r.start_ns, r.end_ns, r.status FROM runs AS r",
			   "ORDER BY r.start_ns DESC", &s);
	if (rc < 0)
		return rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		take_run(w, s);
	return rc == SQLITE_DONE ? 0 : reader_errno(w->r, rc);
}

/* --- steps --- */

struct step {
	uint64_t start_ns, end_ns;
	int status;
	int64_t first_token_ns;
	int once;
	struct slice model;
	struct llm_usage usage;
};

static const struct column columns[] = {
	{ "", COL_U64, offsetof(struct step, start_ns) },
	{ "", COL_TIME, offsetof(struct step, end_ns) },
	{ "", COL_INT, offsetof(struct step, status) },
	{ "", COL_COUNT, offsetof(struct step, first_token_ns) },
	{ "", COL_INT, offsetof(struct step, once) },
	{ "", COL_TEXT, offsetof(struct step, model) },
#define COUNT(member, attribute, name) { "", COL_COUNT, offsetof(struct step, usage.member) },
	LLM_USAGE_COUNTS(COUNT)
#undef COUNT
		{ "", COL_INT, offsetof(struct step, usage.estimated) },
};

static const char columns_sql[] =
	"SELECT s.start_ns, s.end_ns, s.status, s.first_token_ns, " SCHEMA_ONCE ", " SPAN_MODEL
#define NAME(member, attribute, name) ", s." #member
		LLM_USAGE_COUNTS(NAME)
#undef NAME
			", coalesce(s.estimated, 0) FROM spans AS s%s";

static int64_t known(int64_t v)
{
	return v > 0 ? v : 0;
}

static void add_call(struct tally *t, const struct step *s)
{
	if (!t)
		return;
	tally_usage(&t->row.usage, &s->usage);
	if (!s->once)
		return;
	t->row.llm_calls++;
	t->row.errors += s->status == SPAN_ERROR;
}

static void add_times(struct tally *t, const struct step *s)
{
	if (s->once && s->end_ns)
		times_add(&t->calls, (int64_t)(s->end_ns - s->start_ns));
	if (s->once && s->first_token_ns != LLM_UNKNOWN)
		times_add(&t->first, s->first_token_ns);
}

static void add_media(struct store_media *m, const struct step *s)
{
	const struct llm_usage *u = &s->usage;

	m->sessions += known(u->input_audio) + known(u->output_audio) + known(u->audio_ms) > 0;
	m->input_audio += known(u->input_audio);
	m->output_audio += known(u->output_audio);
	m->audio_ms += known(u->audio_ms);
}

static int add_share(struct work *w, const struct step *s)
{
	struct store_model_share *share = work_share(w, s->model);

	if (!share)
		return -ENOMEM;
	tally_usage(&share->usage, &s->usage);
	share->llm_calls += s->once;
	share->errors += s->once && s->status == SPAN_ERROR;
	return 0;
}

static int take_call(struct work *w, const struct step *s, unsigned to)
{
	if (to & WORK_BUCKETS) {
		struct tally *bucket = tally_of(&w->tallies, (int64_t)s->start_ns);

		add_call(&w->tallies.total, s);
		add_call(bucket, s);
		add_times(tally_times(&w->tallies, bucket), s);
		add_media(&w->ret->media, s);
		work_heat(w, (int64_t)s->start_ns, s->once);
	}
	return to & WORK_SHARES ? add_share(w, s) : 0;
}

static int take_tool(struct work *w, const struct step *s, unsigned to)
{
	struct tally *const both[] = { &w->tallies.total,
				       to & WORK_BUCKETS
					       ? tally_of(&w->tallies, (int64_t)s->start_ns)
					       : NULL };

	for (size_t i = 0; to & WORK_BUCKETS && i < ARRAY_SIZE(both); i++)
		if (both[i]) {
			both[i]->row.tool_calls++;
			both[i]->row.errors += s->status == SPAN_ERROR;
		}
	return 0;
}

static int steps_of(struct work *w, const struct store_filter *f, enum step_kind kind, unsigned to,
		    bool open)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where where = { 0 };
	char *head = sqlite3_mprintf(columns_sql, open ? " INDEXED BY spans_open" : "");
	int rc;

	where_int(&where, open ? " AND s.final = 0 AND +s.step = ?" : " AND s.step = ?", kind);
	where_spans(&where, f);
	rc = head ? where_prepare(w->r, &where, head, open ? "" : "ORDER BY s.start_ns DESC", &s)
		  : -ENOMEM;
	sqlite3_free(head);
	while (rc == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct step step = { .usage = llm_usage_unknown };

		row_read(s, 0, columns, ARRAY_SIZE(columns), &step);
		rc = kind == STEP_LLM ? take_call(w, &step, to) : take_tool(w, &step, to);
	}
	return rc <= 0 ? rc : rc == SQLITE_DONE ? 0 : reader_errno(w->r, rc);
}

int work_steps(struct work *w, const struct store_filter *f, unsigned to, bool open)
{
	const int rc = steps_of(w, f, STEP_LLM, to, open);

	return rc == 0 && to & WORK_BUCKETS ? steps_of(w, f, STEP_TOOL, to, open) : rc;
}
