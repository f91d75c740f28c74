/* SPDX-License-Identifier: BSD-2-Clause */
/* `sonde prices cost`: usage given as JSON lines, priced as calls are, so that anyone can check. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/prices_cmd.h"
#include "cmd/reader.h"
#include "cmd/screen.h"
#include "export/span_json.h"

#define LINE_MAX_BYTES (1u << 20)
#define SCRATCH_MAX    (4u << 20)

struct pricing {
	const struct price_table *prices;
	uint64_t now;
	struct buf line, out;
	struct arena *mem; /* of one line */
	size_t number, errors;
	char why[160];
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct pricing *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	return false;
}

/* --- one call --- */

static bool read_text(struct pricing *p, struct slice value, const char *name, struct slice *ret)
{
	if (!value.n || slice_eq(value, SLICE("null")))
		return true;
	if (value.p[0] != '"')
		return wrong(p, "'%s' is no text", name);
	*ret = json_text(value, p->mem);
	return true;
}

/* What stands behind the seconds: ".123", then "Z", "+02:00" or nothing. */
static bool read_offset(const char *s, long *ret)
{
	uint64_t h, m;

	*ret = 0;
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789");
	if (*s == '\0' || strcmp(s, "Z") == 0 || strcmp(s, "z") == 0)
		return true;
	if ((*s != '+' && *s != '-') || strlen(s) != 6 || s[3] != ':' ||
	    !slice_u64((struct slice){ s + 1, 2 }, &h) ||
	    !slice_u64((struct slice){ s + 4, 2 }, &m) || h > 14 || m > 59)
		return false;
	*ret = (*s == '-' ? -1 : 1) * (long)(h * 3600 + m * 60);
	return true;
}

static bool read_time(struct pricing *p, struct slice value, uint64_t *ret)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
					     "%Y-%m-%dT%H:%M", "%Y-%m-%d" };
	struct slice text = json_text(value, p->mem);
	char s[64];
	int64_t sec;

	*ret = p->now;
	if (!value.n || slice_eq(value, SLICE("null")))
		return true;
	if (value.p[0] != '"') {
		if (!json_scaled(value, 0, &sec) || sec < 0 || sec > INT64_MAX / 1000000000)
			return wrong(p, "'at' are no seconds since 1970");
		*ret = (uint64_t)sec * 1000000000;
		return true;
	}
	snprintf(s, sizeof(s), "%.*s", (int)(text.n < 60 ? text.n : 60), text.p);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(s, forms[i], &tm);
		long offset;
		time_t t;

		if (!end || !read_offset(end, &offset))
			continue;
		t = timegm(&tm) - offset;
		if (t < 0 || t > INT64_MAX / 1000000000)
			break;
		*ret = (uint64_t)t * 1000000000;
		return true;
	}
	return wrong(p, "'at' is no time such as 2026-11-20T10:00:00Z");
}

/* A count by its column, its attribute or its name in JSON. */
static int64_t *count_named(struct llm_usage *u, struct slice key)
{
	static const char *const totals[] = { "provider_total", "total_tokens" };

	for (int i = 0; i < llm_usage_counts_n; i++) {
		const struct llm_usage_count *c = &llm_usage_counts[i];

		if (slice_eq(key, slice_of(c->name)) || slice_eq(key, slice_of(c->column)) ||
		    slice_eq(key, slice_of(c->attribute)))
			return llm_usage_at(u, c->offset);
	}
	for (size_t i = 0; i < ARRAY_SIZE(totals); i++)
		if (slice_eq(key, slice_of(totals[i])))
			return &u->provider_total;
	return NULL;
}

static bool read_usage(struct pricing *p, struct slice value, struct llm_usage *u)
{
	struct json_iter it;
	struct slice key, one;

	*u = llm_usage_unknown;
	if (!json_object(value, &it))
		return wrong(p, "without an object 'usage'");
	while (json_next_member(&it, &key, &one)) {
		int64_t *count = count_named(u, key);

		if (slice_eq(key, SLICE("estimated")) ||
		    slice_eq(key, SLICE("sonde.usage.estimated"))) {
			u->estimated = slice_eq(one, SLICE("true"))
					       ? LLM_ESTIMATED_INPUT | LLM_ESTIMATED_OUTPUT
					       : 0;
			continue;
		}
		if (!count)
			return wrong(p, "'%.*s' is no count of usage",
				     (int)(key.n < 60 ? key.n : 60), key.p);
		if (slice_eq(one, SLICE("null")))
			continue;
		if (!json_int64(one, count) || *count < 0)
			return wrong(p, "'%.*s' is no count", (int)(key.n < 60 ? key.n : 60),
				     key.p);
	}
	return true;
}

enum { M_PROVIDER, M_MODEL, M_AT, M_USAGE, M_TIER, M_GEO, M_ID, M_NR };

static const char *const members[M_NR] = {
	"provider", "model", "at", "usage", "tier", "geo", "id",
};

static bool read_members(struct pricing *p, struct slice line, struct slice m[M_NR])
{
	struct json_iter it;
	struct slice key, value;

	if (!json_valid(line))
		return wrong(p, "not JSON");
	if (!json_object(line, &it))
		return wrong(p, "no JSON object");
	while (json_next_member(&it, &key, &value)) {
		size_t i = 0;

		while (i < M_NR && !slice_eq(key, slice_of(members[i])))
			i++;
		if (i == M_NR)
			return wrong(p, "'%.*s' is no member", (int)(key.n < 60 ? key.n : 60),
				     key.p);
		m[i] = value;
	}
	return true;
}

static bool read_call(struct pricing *p, const struct slice m[M_NR], struct price_query *q,
		      struct llm_usage *u)
{
	if (!read_text(p, m[M_PROVIDER], "provider", &q->provider) ||
	    !read_text(p, m[M_MODEL], "model", &q->model) ||
	    !read_text(p, m[M_TIER], "tier", &q->tier) || !read_text(p, m[M_GEO], "geo", &q->geo) ||
	    !read_time(p, m[M_AT], &q->unix_ns) || !read_usage(p, m[M_USAGE], u))
		return false;
	q->usage = u;
	if (!q->provider.n)
		return wrong(p, "without a 'provider'");
	return q->model.n || wrong(p, "without a 'model'");
}

/* --- its answer --- */

static void put_str(struct json_writer *w, const char *key, struct slice s)
{
	json_key(w, key);
	json_put_str(w, s);
}

static void put_answer(struct json_writer *w, const struct price_query *q, const struct cost *c)
{
	struct slice version, rule;

	put_str(w, "provider", q->provider);
	put_str(w, "model", q->model);
	if (c->source == COST_UNKNOWN) {
		put_str(w, "reason", c->key);
		return;
	}
	put_str(w, "cost_usd", slice_of(format_usd(c->pico_usd).s));
	put_str(w, "rule", c->key);
	if (slice_cut(c->key, '/', &version, &rule))
		put_str(w, "version", version);
	json_key(w, "estimated");
	json_put_bool(w, c->source == COST_ESTIMATED);
}

static void answer(struct pricing *p, struct slice line)
{
	struct json_writer w = { .out = &p->out };
	struct price_query q = { 0 };
	struct slice m[M_NR] = { 0 };
	struct llm_usage u;
	struct cost c;
	bool ok = read_members(p, line, m) && read_call(p, m, &q, &u);

	json_begin(&w, '{');
	if (m[M_ID].n) {
		json_key(&w, "id");
		json_put_raw(&w, m[M_ID]);
	}
	if (ok) {
		price_call(p->prices, &q, &c);
		put_answer(&w, &q, &c);
	} else {
		p->errors++;
		json_key(&w, "line");
		json_put_int(&w, (int64_t)p->number);
		put_str(&w, "error", slice_of(p->why));
	}
	json_end(&w, '}');
	json_line(&w, stdout);
}

/* --- all of them --- */

static bool answer_line(struct pricing *p, bool too_long)
{
	struct slice line = slice_trim(buf_slice(&p->line));

	p->number++;
	if (too_long)
		line = SLICE(""); /* what was kept of it is not looked at */
	if (!line.n && !too_long)
		return true; /* blank */
	p->mem = arena_new(SCRATCH_MAX);
	if (!p->mem)
		return false;
	answer(p, line);
	arena_free(p->mem);
	p->mem = NULL;
	return !ferror(stdout);
}

/* Adds up to the end of a line; what is too long is not kept. */
static int add_piece(struct pricing *p, struct slice piece, bool *too_long)
{
	int r = *too_long ? 0 : buf_add(&p->line, piece, LINE_MAX_BYTES);

	*too_long |= r == -E2BIG;
	return r == -E2BIG ? 0 : r;
}

static int price_chunk(struct pricing *p, struct slice chunk, bool *too_long)
{
	struct slice piece, rest;

	while (slice_cut(chunk, '\n', &piece, &rest)) {
		int r = add_piece(p, piece, too_long);

		if (r < 0)
			return r;
		if (!answer_line(p, *too_long))
			return ferror(stdout) ? -EPIPE : -ENOMEM;
		p->line.n = 0;
		*too_long = false;
		chunk = rest;
	}
	return add_piece(p, chunk, too_long);
}

static int price_lines(struct pricing *p, int fd)
{
	bool too_long = false;
	char chunk[16384];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		r = price_chunk(p, (struct slice){ chunk, (size_t)n }, &too_long);
		if (r < 0)
			return r;
	}
	if (p->line.n == 0 && !too_long)
		return 0;
	return answer_line(p, too_long) ? 0 : -ENOMEM; /* without an end */
}

int prices_cost_run(const struct prices_options *o, char **argv)
{
	_cleanup_(price_freep) struct price_table *prices = NULL;
	const bool from_stdin = !argv[0] || strcmp(argv[0], "-") == 0;
	struct pricing p = { .now = prices_time(o) };
	_cleanup_(closep) int opened = -1;
	int fd = STDIN_FILENO, r;

	if (prices_load(o->prices, &prices) < 0)
		return 1;
	if (!from_stdin)
		fd = opened = open(argv[0], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return log_errno(-errno, "cannot read '%s'", argv[0]), 1;
	p.prices = prices;
	r = price_lines(&p, fd);
	if (r < 0 && r != -EPIPE)
		log_errno(r, "cannot price '%s'", from_stdin ? "standard input" : argv[0]);
	buf_done(&p.line);
	buf_done(&p.out);
	if (reader_finish(r == -EPIPE ? r : 0) != 0 || r < 0)
		return 1;
	return p.errors ? 1 : 0;
}
