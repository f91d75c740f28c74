/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages of runs and spans, by keyset: the place of a row is what it is ordered by, then its id (of
 * a span, which two runs might share, its row's number as well).
 */
#include "store/list/page.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "store/list/cursor.h"
#include "store/list/where_sql.h"
#include "store/reader.h"

#define ORDERS (ORDER_ERRORS + 1)

struct order {
	const char *key;   /* never NULL in SQL; NULL: there is no such order */
	const char *only;  /* what can stand in it */
	const char *index; /* that has it */
};

/* What is listed. */
struct listing {
	enum cursor_kind kind;
	const char *from;
	struct order orders[ORDERS];
	const char *beyond;  /* format: of the key and < or > */
	const char *order;   /* of the key, and three times of ASC or DESC */
	const char *numbers; /* what narrow ones are found by */
};

static const struct listing runs_listing = {
	.kind = CURSOR_RUNS,
	.from = "FROM runs AS r",
	.orders = {
		[ORDER_START] = { "r.start_ns", "", NULL },
		[ORDER_DURATION] = { RUN_DURATION, "", "runs_duration" },
		[ORDER_COST] = { RUN_COST, "", "runs_cost" },
		[ORDER_TOKENS] = { RUN_TOKENS, "", "runs_tokens" },
		[ORDER_STEPS] = { RUN_STEPS, "", "runs_steps" },
		[ORDER_ERRORS] = { RUN_ERRORS, "", "runs_errors" },
	},
	.beyond = " AND (%s, r.id) %s (?, ?)",
	.order = "ORDER BY %s %s, r.id %s",
	.numbers = "r.n IN (SELECT r.n FROM runs AS r",
};

static const struct listing spans_listing = {
	.kind = CURSOR_SPANS,
	.from = "FROM spans AS s",
	.orders = {
		[ORDER_START] = { "s.start_ns", "", NULL },
		[ORDER_DURATION] = { SPAN_DURATION, " AND " SPAN_ENDED, "spans_duration" },
		[ORDER_COST] = { SPAN_COST, " AND " SPAN_PRICED, "spans_cost" },
		[ORDER_TOKENS] = { SPAN_TOKENS, " AND " SPAN_TOLD, "spans_tokens" },
		[ORDER_ERRORS] = { "s.start_ns", " AND " SPAN_FAILED, "spans_failed" },
	},
	.beyond = " AND (%s, s.id, s.n) %s (?, ?, ?)",
	.order = "ORDER BY %s %s, s.id %s, s.n %s",
	.numbers = "s.n IN (SELECT s.n FROM spans AS s",
};

struct asked {
	const struct listing *what;
	const struct order *order;
	const struct store_page *page;
	bool later; /* a page behind the first */
	struct place from, last;
	size_t given;
	bool many, narrow; /* narrow: sort numbers of rows, then read these */
	bool each_run;	   /* as where.each_run */
	char key[128], from_sql[160];
};

static int ask(const struct listing *what, const struct store_page *p, struct asked *ret)
{
	*ret = (struct asked){ .what = what, .page = p, .later = p->cursor.n > 0 };
	if ((unsigned)p->order >= ORDERS || !what->orders[p->order].key || p->limit == 0)
		return -EINVAL;
	ret->order = &what->orders[p->order];
	return ret->later ? cursor_read(p, what->kind, &ret->from) : 0;
}

/*
 * SQLite knows no numbers of rows, so it is told: few rows are found by what the filter asks for
 * and then sorted, of many a page is soon full in their order. A limited viewer's rows are a view,
 * which has no index and no numbers of its own.
 */
static void plan(struct asked *a, const struct store_reader *r, bool many)
{
	const char *index = a->order->index;
	const bool by_index = index && many && !r->limited;

	a->many = many;
	a->narrow = !many && !r->limited;
	snprintf(a->key, sizeof(a->key), "%s%s%s", index && !many ? "+(" : "", a->order->key,
		 index && !many ? ")" : "");
	snprintf(a->from_sql, sizeof(a->from_sql), "%s%s%s%s%s", a->what->from,
		 by_index ? " INDEXED BY " : "", by_index ? index : "", a->narrow ? " WHERE " : "",
		 a->narrow ? a->what->numbers : "");
}

static void begin_behind(const struct asked *a, struct where *w)
{
	char sql[256];

	if (!a->later)
		return;
	sqlite3_snprintf(sizeof(sql), sql, a->what->beyond, a->key, a->page->ascending ? ">" : "<");
	where_int(w, sql, a->from.key);
	where_blob(w, "", a->from.id, a->from.id_n);
	if (a->what->kind == CURSOR_SPANS)
		where_int(w, "", a->from.n);
}

static const char *tail_of(const struct asked *a, char *buf, size_t size)
{
	const char *way = a->page->ascending ? "ASC" : "DESC";
	char order[224];
	size_t n;

	sqlite3_snprintf(sizeof(order), order, a->what->order, a->key, way, way, way);
	where_tail(order, a->page->limit + 1, buf, size);
	n = strlen(buf);
	if (a->narrow)
		snprintf(buf + n, size - n, ") %s", order);
	return buf;
}

/* The rows of a page, but for the one that only shows that there are more. */
static int give(struct store_reader *r, struct asked *a, sqlite3_stmt *s,
		int (*one)(struct store_reader *r, sqlite3_stmt *s, struct asked *a, void *to),
		void *to, struct store_page_end *ret)
{
	int rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (a->given == a->page->limit) {
			ret->has_more = true;
			cursor_write(a->page, a->what->kind, &a->last, ret->next);
			return 0;
		}
		rc = one(r, s, a, to);
		if (rc < 0)
			return rc;
		a->given++;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}

/* --- runs --- */

struct run_taker {
	store_run_fn fn;
	void *ctx;
};

static int give_run(struct store_reader *r, sqlite3_stmt *s, struct asked *a, void *to)
{
	const struct run_taker *taker = to;
	struct run run = { 0 };

	(void)r;
	row_read(s, 0, run_columns, run_columns_n, &run);
	a->last = (struct place){ .key = sqlite3_column_int64(s, run_columns_n) };
	place_id(&a->last, run.run_id.b, sizeof(run.run_id.b));
	return taker->fn(taker->ctx, &run);
}

static int runs_page(struct store_reader *r, const struct store_filter *f, struct asked *a,
		     struct run_taker *to, struct store_page_end *ret)
{
	_cleanup_(freep) char *head = NULL;
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	char more[320], tail[512];
	int rc;

	snprintf(more, sizeof(more), ", %s %s", a->key, a->from_sql);
	head = reader_select(run_columns, run_columns_n, "r.", more);
	if (!head)
		return -ENOMEM;
	where_look(r, &w, f);
	w.many = a->many && !a->order->index;
	where_runs(&w, f);
	begin_behind(a, &w);
	rc = where_prepare(r, &w, head, tail_of(a, tail, sizeof(tail)), &s);
	if (rc < 0)
		return rc;
	return give(r, a, s, give_run, to, ret);
}

static int count_runs(struct store_reader *r, const struct store_filter *f, unsigned ms,
		      int64_t *ret, bool *ret_more)
{
	_cleanup_(where_done) struct where w = { 0 };

	where_look(r, &w, f);
	where_runs(&w, f);
	return count_rows(r, &w, "SELECT 1 FROM runs AS r", ms, ret, ret_more);
}

int store_runs_page(struct store_reader *r, const struct store_filter *f,
		    const struct store_page *p, store_run_fn fn, void *ctx,
		    struct store_page_end *ret)
{
	struct run_taker to = { fn, ctx };
	struct asked a;
	int rc = ask(&runs_listing, p, &a);

	*ret = (struct store_page_end){ 0 };
	if (rc == 0)
		rc = count_runs(r, f, LIST_COUNT_MS, &ret->total, &ret->total_more);
	if (rc < 0)
		return rc;
	plan(&a, r, ret->total_more);
	limit_begin(r, r->limit_ms);
	rc = runs_page(r, f, &a, &to, ret);
	limit_end(r);
	return rc;
}

int store_run_counts(struct store_reader *r, const struct store_filter *f,
		     struct store_run_counts *ret)
{
	struct store_filter of = *f;
	int rc = 0;

	*ret = (struct store_run_counts){ 0 };
	for (int i = RUN_RUNNING; i <= RUN_PAUSED && rc == 0; i++) {
		bool more = false;

		of.status = slice_of(run_status_names[i]);
		rc = count_runs(r, &of, LIST_COUNT_MS / RUN_PAUSED, &ret->status[i], &more);
		ret->total += ret->status[i];
		ret->more |= more;
	}
	return rc;
}

/* --- spans --- */

struct span_taker {
	store_span_fn fn;
	void *ctx;
	struct id64 last;
};

static int note_span(void *ctx, const struct span *span)
{
	struct span_taker *to = ctx;

	to->last = span->span_id;
	return to->fn(to->ctx, span);
}

static int give_span(struct store_reader *r, sqlite3_stmt *s, struct asked *a, void *to)
{
	struct span_taker *taker = to;
	const int rc = reader_span(r, s, note_span, taker);

	a->last = (struct place){
		.key = sqlite3_column_int64(s, span_columns_n + 1),
		.n = sqlite3_column_int64(s, span_columns_n + 2),
	};
	place_id(&a->last, taker->last.b, sizeof(taker->last.b));
	return rc;
}

static int spans_page(struct store_reader *r, const struct store_filter *f, struct asked *a,
		      struct span_taker *to, struct store_page_end *ret)
{
	_cleanup_(freep) char *head = NULL;
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	char more[320], tail[512];
	int rc;

	snprintf(more, sizeof(more), ", s.attrs, %s, s.n %s", a->key, a->from_sql);
	head = reader_select(span_columns, span_columns_n, "s.", more);
	if (!head)
		return -ENOMEM;
	where_plain(&w, a->order->only);
	w.many = a->many && !a->order->index;
	w.each_run = a->each_run;
	where_spans(&w, f);
	begin_behind(a, &w);
	rc = where_prepare(r, &w, head, tail_of(a, tail, sizeof(tail)), &s);
	if (rc < 0)
		return rc;
	return give(r, a, s, give_span, to, ret);
}

int store_spans_page(struct store_reader *r, const struct store_filter *f,
		     const struct store_page *p, store_span_fn fn, void *ctx,
		     struct store_page_end *ret)
{
	_cleanup_(where_done) struct where w = { 0 };
	struct span_taker to = { .fn = fn, .ctx = ctx };
	struct asked a;
	int rc = ask(&spans_listing, p, &a);

	*ret = (struct store_page_end){ 0 };
	if (rc == 0) {
		w.each_run = a.each_run = where_each_run(r, f);
		where_plain(&w, a.order->only);
		where_spans(&w, f);
		rc = count_rows(r, &w, "SELECT 1 FROM spans AS s", LIST_COUNT_MS, &ret->total,
				&ret->total_more);
	}
	if (rc < 0)
		return rc;
	plan(&a, r, ret->total_more);
	limit_begin(r, r->limit_ms);
	rc = spans_page(r, f, &a, &to, ret);
	limit_end(r);
	return rc;
}

int store_span_read(struct store_reader *r, const struct id128 *run, const struct id64 *span,
		    store_span_fn fn, void *ctx)
{
	_cleanup_(freep) char *head =
		reader_select(span_columns, span_columns_n, "s.", ", s.attrs FROM spans AS s");
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	int rc;

	if (!head)
		return -ENOMEM;
	where_blob(&w, " AND s.run = ?", run->b, sizeof(run->b));
	where_blob(&w, " AND s.id = ?", span->b, sizeof(span->b));
	rc = where_prepare(r, &w, head, "", &s);
	if (rc < 0)
		return rc;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		return reader_span(r, s, fn, ctx);
	return rc == SQLITE_DONE ? -ENOENT : reader_errno(r, rc);
}
