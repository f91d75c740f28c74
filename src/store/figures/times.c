/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/figures/times.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/figures/percentile.h"

#define FINE	16 /* buckets of a power of two; below it each number has its own */
#define BUCKETS TIMES_BUCKETS
/* A blob is a list of a bucket's distance from the one before and its count, both as varints. */
#define BLOB_MAX ((size_t)BUCKETS * 13)

_Static_assert(BUCKETS == (64 - 4) * FINE + FINE, "every number has a bucket");

static unsigned bucket_of(uint64_t ns)
{
	const unsigned e = 63u - (unsigned)__builtin_clzll(ns | 1);

	return ns < FINE ? (unsigned)ns : (e - 3) * FINE + (unsigned)(ns >> (e - 4)) % FINE;
}

/* The middle of it. */
static int64_t value_of(unsigned bucket)
{
	const unsigned e = bucket / FINE + 3;
	const uint64_t low = (uint64_t)(FINE + bucket % FINE) << (e - 4);

	if (bucket < FINE)
		return bucket;
	return (int64_t)(low + ((1ull << (e - 4)) - 1) / 2);
}

/* --- as bytes --- */

static size_t put(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		p[n++] = (uint8_t)(v | 0x80);
	p[n++] = (uint8_t)v;
	return n;
}

static bool get(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
		const uint8_t byte = *(*p)++;

		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* Signed numbers alternate: 0, -1, 1, -2, ... */
static uint64_t fold(int64_t v)
{
	return v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1;
}

static int64_t unfold(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static void add_bytes(struct times *h, const uint8_t *p, size_t size, int64_t times)
{
	const uint8_t *end = p ? p + size : p;
	uint64_t distance, count, at = 0;

	while (p < end && get(&p, end, &distance) && get(&p, end, &count)) {
		at += distance;
		if (distance >= BUCKETS || at >= BUCKETS)
			return; /* damaged */
		h->n[at] += unfold(count) * times;
		h->any = true;
	}
}

static void add_blob(struct times *h, sqlite3_value *v, int64_t times)
{
	const uint8_t *p = sqlite3_value_blob(v);

	add_bytes(h, p, (size_t)sqlite3_value_bytes(v), times);
}

static void give(sqlite3_context *c, const struct times *h)
{
	uint8_t *blob = malloc(BLOB_MAX);
	unsigned last = 0;
	size_t n = 0;

	if (!blob) {
		sqlite3_result_error_nomem(c);
		return;
	}
	for (unsigned i = 0; i < BUCKETS; i++) {
		if (h->n[i] == 0)
			continue;
		n += put(blob + n, i - last);
		n += put(blob + n, fold(h->n[i]));
		last = i;
	}
	sqlite3_result_blob64(c, blob, n, SQLITE_TRANSIENT);
	free(blob);
}

/* --- the functions --- */

static void step(sqlite3_context *c, int n, sqlite3_value **values)
{
	struct times *h = sqlite3_aggregate_context(c, sizeof(*h));
	const int64_t times = n > 1 ? sqlite3_value_int64(values[1]) : 1;
	const int type = sqlite3_value_type(values[0]);

	if (!h) {
		sqlite3_result_error_nomem(c);
	} else if (type == SQLITE_BLOB) {
		add_blob(h, values[0], times);
	} else if (type == SQLITE_INTEGER) {
		const int64_t ns = sqlite3_value_int64(values[0]);

		h->n[bucket_of(ns > 0 ? (uint64_t)ns : 0)] += times;
		h->any = true;
	}
}

static void final(sqlite3_context *c)
{
	const struct times *h = sqlite3_aggregate_context(c, 0);

	if (h && h->any)
		give(c, h);
}

static void sum(sqlite3_context *c, int n, sqlite3_value **values)
{
	struct times *h = calloc(1, sizeof(*h));

	if (!h) {
		sqlite3_result_error_nomem(c);
		return;
	}
	for (int i = 0; i < n; i++)
		add_blob(h, values[i], 1);
	if (h->any)
		give(c, h);
	free(h);
}

static int64_t percentile(const struct times *h, int64_t total, unsigned percent)
{
	int64_t left = (total * percent + 99) / 100;

	for (unsigned i = 0; i < BUCKETS; i++) {
		left -= h->n[i];
		if (left <= 0)
			return value_of(i);
	}
	return value_of(BUCKETS - 1);
}

void times_add(struct times *t, int64_t ns)
{
	t->n[bucket_of(ns > 0 ? (uint64_t)ns : 0)]++;
	t->any = true;
}

void times_add_blob(struct times *t, const void *blob, size_t size)
{
	add_bytes(t, blob, size, 1);
}

void times_merge(struct times *to, const struct times *from)
{
	for (unsigned i = 0; from->any && i < BUCKETS; i++)
		to->n[i] += from->n[i];
	to->any |= from->any;
}

int64_t times_percentile(const struct times *t, unsigned percent)
{
	int64_t total = 0;

	for (unsigned i = 0; t->any && i < BUCKETS; i++)
		total += t->n[i];
	return total > 0 ? percentile(t, total, percent) : -1;
}

static void percentiles(sqlite3_context *c, int n, sqlite3_value **values)
{
	struct times *h = calloc(1, sizeof(*h));
	int64_t found[PERCENTILES], total = 0;

	(void)n;
	if (!h) {
		sqlite3_result_error_nomem(c);
		return;
	}
	add_blob(h, values[0], 1);
	for (unsigned i = 0; i < BUCKETS; i++)
		total += h->n[i];
	for (int i = 0; i < PERCENTILES; i++)
		found[i] = percentile(h, total, percentiles_wanted[i]);
	if (total > 0)
		sqlite3_result_blob(c, found, sizeof(found), SQLITE_TRANSIENT);
	free(h);
}

int times_define(sqlite3 *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	int rc = sqlite3_create_function_v2(db, "times", 2, flags, NULL, NULL, step, final, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(db, "times_sum", 2, flags, NULL, sum, NULL, NULL,
						NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(db, "times_percentiles", 1, flags, NULL,
						percentiles, NULL, NULL, NULL);
	return rc;
}
