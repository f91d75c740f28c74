/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/figures/percentile.h"

#include <stdlib.h>

const unsigned percentiles_wanted[PERCENTILES] = { 50, 95, 99 };

struct values {
	int64_t *list;
	size_t n, cap;
};

static void step(sqlite3_context *c, int n, sqlite3_value **values)
{
	struct values *v = sqlite3_aggregate_context(c, sizeof(*v));

	if (n != 1 || sqlite3_value_type(values[0]) == SQLITE_NULL)
		return;
	if (v && v->n == v->cap) {
		const size_t cap = v->cap ? 2 * v->cap : 64;
		int64_t *list = reallocarray(v->list, cap, sizeof(*list));

		if (list) {
			v->list = list;
			v->cap = cap;
		}
	}
	if (!v || v->n == v->cap)
		sqlite3_result_error_nomem(c);
	else
		v->list[v->n++] = sqlite3_value_int64(values[0]);
}

static int by_size(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The smallest value that so many of a hundred do not exceed. */
static void final(sqlite3_context *c)
{
	struct values *v = sqlite3_aggregate_context(c, 0);
	int64_t found[PERCENTILES];

	if (!v || v->n == 0)
		return;
	qsort(v->list, v->n, sizeof(v->list[0]), by_size);
	for (int i = 0; i < PERCENTILES; i++)
		found[i] = v->list[(v->n * percentiles_wanted[i] + 99) / 100 - 1];
	free(v->list);
	sqlite3_result_blob(c, found, sizeof(found), SQLITE_TRANSIENT);
}

int percentiles_define(sqlite3 *db)
{
	return sqlite3_create_function_v2(db, "percentiles", 1,
					  SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
					  NULL, NULL, step, final, NULL);
}
