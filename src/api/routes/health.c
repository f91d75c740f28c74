/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether what is recorded is whole: how captures are doing, what runs say that could not be read,
 * what was lost, how large the store is. What runs say is of the newest ones that the filter lets
 * through, as many as can be looked at while somebody waits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "base/map.h"
#include "export/json_put.h"
#include "store/sink.h"
#include "store/size.h"

#define RUNS_LOOKED_AT 5000
#define HURT_MAX       50   /* of these, whose steps are looked at */
#define TEXTS_MAX      1000 /* that differ */
#define TEXTS_SHOWN    100

/* --- what is said, and how often --- */

struct said_often {
	UT_hash_handle hh;
	int64_t runs, bytes, steps;
	uint64_t last_ns;
	size_t n;
	char text[];
};

struct findings {
	struct query *q;
	struct said_often *notes, *lost;
	struct id128 hurt[HURT_MAX];
	size_t n_hurt;
};

/* NULL where there are too many, or memory is refused. */
static struct said_often *entry(struct said_often **map, struct slice text)
{
	struct said_often *e;

	HASH_FIND(hh, *map, text.p, text.n, e);
	if (e || HASH_COUNT(*map) >= TEXTS_MAX)
		return e;
	e = malloc(sizeof(*e) + text.n);
	if (!e)
		return NULL;
	*e = (struct said_often){ .n = text.n };
	memcpy(e->text, text.p, text.n);
	HASH_ADD_KEYPTR(hh, *map, e->text, e->n, e);
	if (e->hh.tbl)
		return e;
	free(e);
	return NULL;
}

static void forget(struct said_often **map)
{
	struct said_often *e, *next;

	HASH_ITER(hh, *map, e, next)
	{
		HASH_DEL(*map, e);
		free(e);
	}
}

static int most_runs(const struct said_often *a, const struct said_often *b)
{
	return a->runs == b->runs  ? (a->last_ns < b->last_ns) - (a->last_ns > b->last_ns)
	       : a->runs < b->runs ? 1
				   : -1;
}

static int most_bytes(const struct said_often *a, const struct said_often *b)
{
	return (a->bytes < b->bytes) - (a->bytes > b->bytes);
}

/* --- what runs say --- */

static void take_notes(struct findings *f, const struct run *run)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(65536);
	struct said_often *e;
	struct json_iter it;
	struct slice note;

	if (!mem || !json_array(run->notes, &it))
		return;
	while (json_next(&it, &note)) {
		note = json_text(note, mem);
		e = note.n ? entry(&f->notes, note) : NULL;
		if (!e)
			continue;
		e->runs++;
		if (run->start_ns > e->last_ns)
			e->last_ns = run->start_ns;
	}
}

static int on_run(void *ctx, const struct run *run)
{
	struct findings *f = ctx;

	if (run->notes.n)
		take_notes(f, run);
	if (run->lost_bytes && f->n_hurt < HURT_MAX)
		f->hurt[f->n_hurt++] = run->run_id;
	return 0;
}

static int on_span(void *ctx, const struct span *s)
{
	struct findings *f = ctx;
	struct said_often *e;

	if (!s->lost_bytes)
		return 0;
	e = entry(&f->lost, s->lost_reason.n ? s->lost_reason : SLICE("unknown"));
	if (!e)
		return 0;
	e->steps++;
	e->bytes += (int64_t)s->lost_bytes;
	return 0;
}

static int look_at_runs(struct findings *f, const struct store_filter *filter)
{
	const struct store_page page = { .limit = RUNS_LOOKED_AT };
	struct store_page_end end;
	int r = store_runs_page(f->q->reader, filter, &page, on_run, f, &end);

	for (size_t i = 0; i < f->n_hurt && r >= 0; i++) {
		const struct store_filter of_run = { .run = f->hurt[i] };

		r = store_spans(f->q->reader, &of_run, on_span, f);
	}
	return r;
}

static void put_note(struct json_writer *w, const struct said_often *e)
{
	put_text(w, "text", (struct slice){ e->text, e->n });
	put_number(w, "runs", e->runs);
	put_time_or_null(w, "last_time_unix_nano", e->last_ns);
}

static void put_loss(struct json_writer *w, const struct said_often *e)
{
	put_text(w, "reason", (struct slice){ e->text, e->n });
	put_number(w, "bytes", e->bytes);
	put_number(w, "steps", e->steps);
}

/* The first of them, in their order. */
static void put_first(struct json_writer *w, const char *key, const struct said_often *e,
		      void (*put)(struct json_writer *w, const struct said_often *e))
{
	json_key(w, key);
	json_begin(w, '[');
	for (size_t n = 0; e && n < TEXTS_SHOWN; e = e->hh.next, n++) {
		json_begin(w, '{');
		put(w, e);
		json_end(w, '}');
	}
	json_end(w, ']');
}

static void put_notes(struct json_writer *w, struct said_often *notes)
{
	HASH_SORT(notes, most_runs);
	put_first(w, "notes", notes, put_note);
}

static void put_lost(struct json_writer *w, struct said_often *lost)
{
	HASH_SORT(lost, most_bytes);
	put_first(w, "lost", lost, put_loss);
}

/* --- the store --- */

static void put_store(struct query *q, const struct store_size *size)
{
	struct json_writer *w = &q->w;
	const char *path = q->rq->s->c.store;

	json_key(w, "store");
	json_begin(w, '{');
	put_text(w, "path", slice_of(path));
	put_number(w, "file_bytes", store_file_bytes(path, ""));
	put_number(w, "wal_bytes", store_file_bytes(path, "-wal"));
	put_count(w, "runs", size->runs);
	put_count(w, "spans", size->spans);
	put_count(w, "blobs", size->blobs);
	put_time(w, "first_time_unix_nano", size->first_ns);
	put_time(w, "last_time_unix_nano", size->last_ns);
	json_end(w, '}');
}

/* In the largest unit that it is a whole number of, as configurations have it. */
static void put_in_units(struct json_writer *w, const char *key, uint64_t v, const char *names,
			 const uint64_t *units)
{
	char text[32];

	if (!v)
		return;
	while (v % *units) {
		units++;
		names++;
	}
	snprintf(text, sizeof(text), "%llu%.1s", (unsigned long long)(v / *units), names);
	put_text(w, key, slice_of(text));
}

static void put_retention(struct json_writer *w, const struct config *c)
{
	static const uint64_t seconds[] = { 86400, 3600, 60, 1 },
			      bytes[] = { 1u << 30, 1u << 20, 1u << 10, 1 };

	json_key(w, "retention");
	json_begin(w, '{');
	put_in_units(w, "runs", c->retention.runs_s, "dhms", seconds);
	put_in_units(w, "content", c->retention.content_s, "dhms", seconds);
	put_in_units(w, "size", c->retention.max_bytes, "GMKB", bytes);
	put_in_units(w, "disk", c->retention.disk_percent, "%", &seconds[3]);
	json_end(w, '}');
}

static void put_versions(struct json_writer *w)
{
	json_key(w, "versions");
	json_begin(w, '{');
	put_text(w, "sonde", SLICE(SONDE_VERSION));
	put_number(w, "store", store_schema_version());
	put_text(w, "sqlite", slice_of(store_sqlite_version()));
	json_end(w, '}');
}

static int put_whole(struct query *q)
{
	struct store_size size;
	int64_t newest = 0;
	int r = store_size(q->reader, &size);

	if (r == 0)
		r = store_newest_seq(q->reader, &newest);
	if (r < 0)
		return r;
	put_store(q, &size);
	put_retention(&q->w, q->rq->s->c.config);
	put_sinks(&q->w, q->reader, newest);
	return 0;
}

enum MHD_Result handle_health(struct request *rq)
{
	struct findings f = { 0 };
	struct query q;
	int r;

	if (!query_begin_live(&q, rq, PARAMS_FILTER))
		return query_refused(&q);
	f.q = &q;
	json_begin(&q.w, '{');
	put_versions(&q.w);
	put_engines(&q.w, rq);
	r = look_at_runs(&f, &q.params.filter);
	put_notes(&q.w, f.notes);
	put_lost(&q.w, f.lost);
	if (r >= 0 && rq->peer.all) {
		r = put_whole(&q);
	} else {
		json_key(&q.w, "sinks");
		json_begin(&q.w, '[');
		json_end(&q.w, ']');
	}
	json_end(&q.w, '}');
	forget(&f.notes);
	forget(&f.lost);
	return query_end(&q, r);
}

enum MHD_Result handle_doctor(struct request *rq)
{
	struct findings f = { 0 };
	struct query q;
	int r;

	if (!query_begin_live(&q, rq, PARAMS_FILTER))
		return query_refused(&q);
	f.q = &q;
	json_begin(&q.w, '{');
	put_engines(&q.w, rq);
	r = look_at_runs(&f, &q.params.filter);
	put_notes(&q.w, f.notes);
	json_end(&q.w, '}');
	forget(&f.notes);
	forget(&f.lost);
	return query_end(&q, r);
}
