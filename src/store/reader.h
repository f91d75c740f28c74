/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "base/id_set.h"
#include "store/blob.h"
#include "store/db.h"
#include "store/viewer.h"

struct store_reader {
	sqlite3 *db;
	struct blob_coder *coder;
	sqlite3_stmt *blob;    /* kept, as many are read one after the other */
	bool views;	       /* they have been made */
	unsigned sql_limit_ms; /* of store_sql() */
	uint64_t sql_end_ms;
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

/* Conditions of a query and what goes into their parameters, in the same order. */
#define WHERE_MAX 24

struct where {
	struct buf sql; /* "1 AND a = ? AND ..." */
	int n;
	int r; /* -ENOMEM, -EINVAL: sticks */
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

/* The filter on runs (FROM runs AS r), and on spans (FROM spans AS s). */
void where_runs(struct where *w, const struct store_filter *f);
void where_spans(struct where *w, const struct store_filter *f);

/* "SELECT columns, more FROM table", malloc'ed; NULL where memory is refused. */
char *reader_select(const struct column *columns, int n, const char *prefix, const char *more);
/* The span of a row of reader_select(span_columns, ..., ", s.attrs ..."); what @fn returns. */
int reader_span(struct store_reader *r, sqlite3_stmt *s, store_span_fn fn, void *ctx);

/* -errno of the reader's last failure. */
int reader_errno(const struct store_reader *r, int rc);
