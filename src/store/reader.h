/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "base/id_set.h"
#include "store/blob.h"
#include "store/db.h"
#include "store/viewer.h"

struct store_reader {
	sqlite3 *db;
	struct blob_coder *coder;
	sqlite3_stmt *media;   /* likewise */
	sqlite3_stmt *blob;    /* kept, as many are read one after the other */
	bool views;	       /* they have been made */
	unsigned sql_limit_ms; /* of store_sql() */
	unsigned limit_ms;     /* of a list or a figure; 0: without end */
	uint64_t end_ms;       /* of what is being done */
	int64_t sums_above;    /* steps: below that they are read one by one */
	int64_t count_max;     /* STORE_COUNT_MAX, but for tests */
	int64_t reach_max;     /* STORE_REACH_MAX, likewise */
	char path[4096];

	/* Of a viewer that does not see everything (viewer.c). */
	bool limited, told; /* told: of its viewer */
	uint32_t uid;
	char secret[40];       /* what names of the innermost views begin with */
	struct id_set tables;  /* names of the file's own, hashed: not to be named */
	struct id_set granted; /* content that rows which it saw refer to */
	bool walked;	       /* granted has all there was at ... */
	int64_t walked_at;     /* ... this state of the file (PRAGMA data_version) */
};

/* Whether content may be read by this id: a blob's or a node's. 1, 0 or -errno. */
int viewer_may_read(struct store_reader *r, const struct id128 *id);
/* It was in a row that the viewer sees, so it may be read. 0 or -ENOMEM. */
int viewer_grant(struct store_reader *r, const struct id128 *id);
int viewer_grant_span(struct store_reader *r, const struct span *span, struct slice attrs);
/* sql.c's authorizer for a limited viewer: SQLite's codes. */
int viewer_authorize(struct store_reader *r, const char *table, const char *column, const char *db,
		     const char *via);
void viewer_done(struct store_reader *r);

/* Adds what became of its pictures to what stands in @text from @from on: @holder's, which may be
 * read. 0 or -errno. */
int media_fill(struct store_reader *r, const struct id128 *holder, struct buf *text, size_t from);

/* Conditions of a query and what goes into their parameters, in the same order. */
#define WHERE_MAX (24 + 2 * 100) /* fields, and values of terms (terms.h) */

struct where {
	struct buf sql; /* "1 AND a = ? AND ..." */
	int n;
	int r;			       /* -ENOMEM, -EINVAL: sticks */
	bool few_of_tool, few_of_step; /* where_look(): begin with the steps that are asked for */
	bool many;     /* rows that terms let through: they are found in order of start */
	bool any_tool; /* terms do not narrow the tool */
	bool each_run; /* spans: the run of each is looked at, as most may be of such a run */
	struct where_value {
		enum { WHERE_INT, WHERE_TEXT, WHERE_BLOB } type;
		int64_t i;
		struct slice s;
		char *own; /* to be freed */
	} values[WHERE_MAX];
};

void where_done(struct where *w);
void where_int(struct where *w, const char *sql, int64_t v);
/* Nothing where @v is empty. */
void where_text(struct where *w, const char *sql, struct slice v);
void where_blob(struct where *w, const char *sql, const void *p, size_t n);
void where_plain(struct where *w, const char *sql);
/* Words of the task, all of them; quoted so that the index's own syntax has no effect. */
void where_words(struct where *w, const char *sql, struct slice words);

/* "@head @where @tail", prepared with the conditions bound. 0 or -errno. */
int where_prepare(struct store_reader *r, struct where *w, const char *head, const char *tail,
		  sqlite3_stmt **ret);

/* @order, limited where @limit is not 0. Returns @buf. */
const char *where_tail(const char *order, size_t limit, char *buf, size_t size);

/*
 * How runs are best found, before where_runs(): in order of start until there are enough, or where
 * few steps are such, by these.
 */
void where_look(struct store_reader *r, struct where *w, const struct store_filter *f);
/* The filter on runs (FROM runs AS r), and on spans (FROM spans AS s). */
void where_runs(struct where *w, const struct store_filter *f);
void where_spans(struct where *w, const struct store_filter *f);
/* Whether there are so many runs as the filter asks for that where.each_run is the faster way. */
bool where_each_run(struct store_reader *r, const struct store_filter *f);

/* "SELECT columns, more FROM table", malloc'ed; NULL where memory is refused. */
char *reader_select(const struct column *columns, int n, const char *prefix, const char *more);
/* The span of a row of reader_select(span_columns, ..., ", s.attrs ..."); what @fn returns. */
int reader_span(struct store_reader *r, sqlite3_stmt *s, store_span_fn fn, void *ctx);

/*
 * A time in terms of sums: whole periods, and what of others is in it. @from >= @to: it has no
 * whole one.
 */
struct sums_range {
	int64_t since_ns, until_ns; /* as asked for */
	int64_t from, to;	    /* periods: the first whole one, and the one behind the last */
	int64_t from_ns, to_ns;	    /* likewise */
};
struct sums_range sums_range(const struct store_filter *f, int64_t period_ns);
/* Parameters that statements over sums begin with. SQLite's code. */
enum { SUMS_SINCE = 1, SUMS_FROM_NS, SUMS_TO_NS, SUMS_UNTIL, SUMS_FROM, SUMS_TO, SUMS_NEXT };
int sums_range_bind(sqlite3_stmt *s, const struct sums_range *range);
/* Whether nothing but time, and what @own says that the caller looks after, narrows it. */
bool sums_know(const struct store_filter *f, bool own_tool, bool own_agent);
/* Whether sums are worth it: @sql counts the steps of whole days. */
bool sums_pay(struct store_reader *r, const struct store_filter *f, const char *sql);

/* From now on what works for more than @ms (0: any time) fails with -ETIMEDOUT, until limit_end().
 */
void limit_begin(struct store_reader *r, unsigned ms);
void limit_end(struct store_reader *r);

/* How many rows there are, counted to a bound and for @ms. 0 or -errno. */
int count_rows(struct store_reader *r, struct where *w, const char *head, unsigned ms, int64_t *ret,
	       bool *ret_more);
#define LIST_COUNT_MS 20 /* of a list; what counts several takes so long for all of them */

/* The smallest and the largest id that begins with these digits. False: they are too few, or none.
 */
bool reader_id_range(struct slice digits, struct id128 *low, struct id128 *high);

/* -errno of the reader's last failure. */
int reader_errno(const struct store_reader *r, int rc);
