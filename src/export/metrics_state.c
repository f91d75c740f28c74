/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Series as JSON and back:
 *
 *	{"version":1,"labels":MASK,"start_ns":N,"places":{"KEY":{...},...},
 *	 "metrics":[[[["claude",...],0,V,...],...],...]}
 *
 * a metric after the other, of each its series: labels, whether it is the one for the rest, values
 * and what was shown of them. The version says which metrics, labels and buckets there are.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/util.h"
#include "export/metrics_parts.h"

#define STATE_VERSION 1

/* --- writing --- */

static void put_labels(struct json_writer *w, const struct series *s)
{
	json_begin(w, '[');
	for (size_t at = 0; at < s->n_key; at += 1 + (unsigned char)s->key[at])
		json_put_str(w, (struct slice){ s->key + at + 1, (unsigned char)s->key[at] });
	json_end(w, ']');
}

static void put_series(struct json_writer *w, enum metric_id which, const struct series *s)
{
	json_begin(w, '[');
	put_labels(w, s);
	json_put_int(w, s->other);
	for (size_t i = 0; i < 2 * metrics_values(which); i++)
		json_put_int(w, s->values[i]);
	json_end(w, ']');
}

static void put_places(struct json_writer *w, const struct metrics *m)
{
	if (!m->places)
		return;
	json_key(w, "places");
	json_begin(w, '{');
	for (const struct place *p = m->places; p; p = p->hh.next) {
		json_put_key(w, (struct slice){ p->key, METRIC_PLACE_KEY });
		json_put_raw(w, (struct slice){ p->json, p->n_json });
	}
	json_end(w, '}');
}

int metrics_save(struct metrics *m, struct buf *ret)
{
	struct json_writer w = { .out = ret };

	ret->n = 0;
	json_begin(&w, '{');
	json_key(&w, "version");
	json_put_int(&w, STATE_VERSION);
	json_key(&w, "labels");
	json_put_int(&w, m->labels);
	json_key(&w, "start_ns");
	json_put_int(&w, (int64_t)m->start_ns);
	put_places(&w, m);
	json_key(&w, "metrics");
	json_begin(&w, '[');
	for (size_t i = 0; i < METRIC_NR; i++) {
		json_begin(&w, '[');
		for (const struct series *s = m->series[i]; s; s = s->hh.next)
			put_series(&w, i, s);
		json_end(&w, ']');
	}
	json_end(&w, ']');
	json_end(&w, '}');
	return m->broken ? -ESTALE : w.r;
}

/* --- reading --- */

static bool next_int(struct json_iter *it, int64_t *ret)
{
	struct slice v;

	return json_next(it, &v) && json_int64(v, ret);
}

/* The labels as a key; false where they are not those of the metric. */
static bool read_key(struct slice labels, uint32_t mask, char *key, size_t *ret_n)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(64 << 10);
	struct json_iter it;
	struct slice v, text;
	int n_labels = 0;

	*ret_n = 0;
	if (!mem || !json_array(labels, &it))
		return false;
	while (json_next(&it, &v)) {
		text = json_text(v, mem);
		if (text.n > METRIC_VALUE_MAX || ++n_labels > LABEL_NR)
			return false;
		key[(*ret_n)++] = (char)text.n;
		if (text.n)
			memcpy(key + *ret_n, text.p, text.n);
		*ret_n += text.n;
	}
	return !it.bad && n_labels == __builtin_popcount(mask);
}

static int read_series(struct metrics *m, enum metric_id which, struct slice json)
{
	char key[METRIC_KEY_MAX];
	struct json_iter it;
	struct slice labels;
	struct series *s;
	int64_t other;
	size_t n;

	if (!json_array(json, &it) || !json_next(&it, &labels) || !next_int(&it, &other) ||
	    !read_key(labels, metrics_labels(m, which), key, &n))
		return -EBADMSG;
	s = metrics_series(m, which, key, n, other != 0);
	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < 2 * metrics_values(which); i++)
		if (!next_int(&it, &s->values[i]))
			return -EBADMSG;
	return json_next(&it, &labels) || it.bad ? -EBADMSG : 0;
}

static int read_metrics(struct metrics *m, struct slice json)
{
	struct json_iter all, one;
	struct slice v, series;
	size_t which = 0;
	int r = 0;

	if (!json_array(json, &all))
		return -EBADMSG;
	while (r == 0 && json_next(&all, &v)) {
		if (which == METRIC_NR || !json_array(v, &one))
			return -EBADMSG;
		while (r == 0 && json_next(&one, &series))
			r = read_series(m, which, series);
		which++;
	}
	if (r < 0)
		return r;
	return all.bad || which != METRIC_NR ? -EBADMSG : 0;
}

static int read_places(struct metrics *m, struct slice json)
{
	struct json_iter it;
	struct slice key, value;
	int r = 0;

	if (!json.n)
		return 0;
	if (!json_object(json, &it))
		return -EBADMSG;
	while (r == 0 && json_next_member(&it, &key, &value))
		r = value.n > METRIC_PLACE_JSON_MAX || value.p[0] != '{'
			    ? -EBADMSG
			    : metrics_place_add(m, key, value);
	return r == -ENOSPC ? -EBADMSG : r;
}

static int read_state(struct metrics *m, struct slice state)
{
	static const char *const names[] = { "version", "labels", "start_ns", "metrics", "places" };
	struct slice v[ARRAY_SIZE(names)];
	int64_t version = 0, labels = 0, start = 0;
	int r;

	if (!json_valid(state) || !json_members(state, names, v, ARRAY_SIZE(names)))
		return -EBADMSG;
	if (!json_int64(v[0], &version) || !json_int64(v[1], &labels) || !json_int64(v[2], &start))
		return -EBADMSG;
	if (version != STATE_VERSION || labels != m->labels)
		return -EBADMSG;
	m->start_ns = (uint64_t)start;
	r = read_places(m, v[4]);
	return r < 0 ? r : read_metrics(m, v[3]);
}

int metrics_load(struct metrics *m, int64_t seq, struct slice state)
{
	struct metrics *loaded, old = *m;
	int r = metrics_new(m->max_series, m->labels, m->start_ns, &loaded);

	if (r < 0)
		return r;
	r = read_state(loaded, state);
	if (r == 0) { /* what was there before goes with it */
		loaded->seq = seq;
		*m = *loaded;
		*loaded = old;
	}
	metrics_free(loaded);
	return r;
}
