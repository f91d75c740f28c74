/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/list/words.h"

#include "base/buf.h"

struct words {
	struct buf list;
	int n;
	bool failed;
};

static bool has(const struct words *w, struct slice word)
{
	struct slice rest = buf_slice(&w->list), one;

	while (slice_cut(rest, ',', &one, &rest))
		if (slice_eq(one, word))
			return true;
	return slice_eq(rest, word);
}

static void add(struct words *w, struct slice word)
{
	if (word.n == 0 || w->n == WORDS_MAX || has(w, word))
		return;
	if (w->n && buf_add(&w->list, SLICE(","), SIZE_MAX) < 0)
		w->failed = true;
	if (buf_add(&w->list, word, SIZE_MAX) < 0)
		w->failed = true;
	w->n++;
}

static void step(sqlite3_context *c, int n, sqlite3_value **values)
{
	struct words *w = sqlite3_aggregate_context(c, sizeof(*w));
	struct slice rest = { (const char *)sqlite3_value_text(values[0]), 0 }, one;

	(void)n;
	if (!w) {
		sqlite3_result_error_nomem(c);
		return;
	}
	rest.n = (size_t)sqlite3_value_bytes(values[0]);
	while (slice_cut(rest, ',', &one, &rest))
		add(w, slice_trim(one));
	add(w, slice_trim(rest));
}

static void final(sqlite3_context *c)
{
	struct words *w = sqlite3_aggregate_context(c, 0);

	if (!w)
		return;
	if (w->failed)
		sqlite3_result_error_nomem(c);
	else if (w->list.n)
		sqlite3_result_text64(c, w->list.p, w->list.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	buf_done(&w->list);
}

int words_define(sqlite3 *db)
{
	return sqlite3_create_function_v2(db, "words", 1,
					  SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
					  NULL, NULL, step, final, NULL);
}
