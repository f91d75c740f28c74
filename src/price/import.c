/* SPDX-License-Identifier: BSD-2-Clause */
#include "price/import.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "price/imported.h"
#include "price/table.h"

#define TEXT_MAX    (64u << 20) /* bytes of what is written */
#define SCRATCH_MAX (64u << 20)

void imported_note(const struct imported *m, const char *fmt, ...)
{
	char text[120];
	va_list ap;

	if (!m->im->note)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	m->im->note(m->im->ctx, m->model, text);
}

void imported_reset(struct imported *m)
{
	struct price_import *im = m->im;
	struct arena *mem = m->mem;

	*m = (struct imported){ .im = im, .mem = mem };
}

static void no_rates(struct imported_level *l, int64_t over)
{
	l->over = over;
	for (int i = 0; i < PRICE_RATES; i++)
		l->rate[i] = -1;
}

struct imported_period *imported_period(struct imported *m)
{
	struct imported_period *p = &m->periods[m->n_periods];

	if (m->n_periods == IMPORT_PERIODS) {
		imported_note(m, "more than %d prices over time", IMPORT_PERIODS);
		return NULL;
	}
	m->n_periods++;
	p->anywhere_permille = p->us_permille = -1;
	p->n_tiers = 1;
	p->tiers[0].permille = -1;
	p->tiers[0].n = 1;
	no_rates(&p->tiers[0].levels[0], -1);
	return p;
}

static struct imported_tier *tier_named(struct imported *m, struct imported_period *p,
					struct slice name)
{
	struct imported_tier *t;

	for (size_t i = 0; i < p->n_tiers; i++)
		if (slice_eq(p->tiers[i].name, name))
			return &p->tiers[i];
	if (p->n_tiers == IMPORT_TIERS) {
		imported_note(m, "more than %d service tiers", IMPORT_TIERS);
		return NULL;
	}
	t = &p->tiers[p->n_tiers++];
	t->name = name;
	t->permille = -1;
	t->n = 1;
	no_rates(&t->levels[0], -1);
	return t;
}

int64_t *imported_rates(struct imported *m, struct imported_period *p, struct slice tier,
			int64_t over)
{
	struct imported_tier *t = tier_named(m, p, tier);

	for (size_t i = 0; t && i < t->n; i++)
		if (t->levels[i].over == over)
			return t->levels[i].rate;
	if (!t)
		return NULL;
	if (t->n == IMPORT_LEVELS) {
		imported_note(m, "more than %d sizes with prices of their own", IMPORT_LEVELS);
		return NULL;
	}
	no_rates(&t->levels[t->n], over);
	return t->levels[t->n++].rate;
}

void imported_name(struct imported *m, struct slice name, bool exact)
{
	struct slice *list = exact ? m->exact : m->names;
	size_t *n = exact ? &m->n_exact : &m->n_names;
	struct price_model called;

	price_model_of(m->providers[0], name, &called);
	name = called.full;
	if (!name.n)
		return;
	for (size_t i = 0; i < m->n_names; i++)
		if (slice_eq(m->names[i], name))
			return;
	for (size_t i = 0; i < m->n_exact; i++)
		if (slice_eq(m->exact[i], name))
			return;
	if (*n == IMPORT_NAMES) {
		imported_note(m, "more than %d names", IMPORT_NAMES);
		return;
	}
	list[(*n)++] = arena_copy(m->mem, name);
}

/* --- writing --- */

static void put_micro(struct json_writer *w, int64_t micro)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%lld.%06lld", (long long)(micro / 1000000),
			 (long long)(micro % 1000000));

	while (n > 0 && text[n - 1] == '0')
		n--;
	if (n > 0 && text[n - 1] == '.')
		n--;
	json_put_raw(w, (struct slice){ text, (size_t)n });
}

static void put_factor(struct json_writer *w, struct slice name, int64_t permille)
{
	if (permille < 0)
		return;
	json_put_key(w, name);
	put_micro(w, permille * 1000);
}

static bool has_rates(const struct imported_level *l)
{
	for (int i = 0; i < PRICE_RATES; i++)
		if (l->rate[i] >= 0)
			return true;
	return false;
}

static void put_rates(struct json_writer *w, const struct imported_level *l)
{
	for (int i = 0; i < PRICE_RATES; i++) {
		if (l->rate[i] < 0)
			continue;
		json_key(w, price_rates[i].name);
		put_micro(w, l->rate[i]);
	}
}

static void put_levels(struct json_writer *w, const struct imported_tier *t)
{
	bool open = false;

	put_rates(w, &t->levels[0]);
	for (size_t i = 1; i < t->n; i++) {
		if (!has_rates(&t->levels[i]))
			continue;
		if (!open) {
			json_key(w, "over");
			json_begin(w, '[');
			open = true;
		}
		json_begin(w, '{');
		json_key(w, "tokens");
		json_put_int(w, t->levels[i].over);
		put_rates(w, &t->levels[i]);
		json_end(w, '}');
	}
	if (open)
		json_end(w, ']');
}

static void put_tiers(struct json_writer *w, const struct imported_period *p)
{
	if (p->n_tiers == 1)
		return;
	json_key(w, "tiers");
	json_begin(w, '{');
	for (size_t i = 1; i < p->n_tiers; i++) {
		if (p->tiers[i].permille >= 0) {
			put_factor(w, p->tiers[i].name, p->tiers[i].permille);
			continue;
		}
		json_put_key(w, p->tiers[i].name);
		json_begin(w, '{');
		put_levels(w, &p->tiers[i]);
		json_end(w, '}');
	}
	json_end(w, '}');
}

static void put_text(struct json_writer *w, const char *key, struct slice text)
{
	if (!text.n)
		return;
	json_key(w, key);
	json_put_str(w, text);
}

static void put_period(struct json_writer *w, const struct imported_period *p)
{
	json_begin(w, '{');
	put_text(w, "from", p->from);
	put_text(w, "until", p->until);
	put_text(w, "hours", slice_of(p->hours));
	put_levels(w, &p->tiers[0]);
	put_tiers(w, p);
	if (p->anywhere_permille >= 0 || p->us_permille >= 0) {
		json_key(w, "geo");
		json_begin(w, '{');
		put_factor(w, SLICE("*"), p->anywhere_permille);
		put_factor(w, SLICE("us"), p->us_permille);
		json_end(w, '}');
	}
	json_end(w, '}');
}

static void put_list(struct json_writer *w, const char *key, const struct slice *texts, size_t n)
{
	if (!n)
		return;
	json_key(w, key);
	json_begin(w, '[');
	for (size_t i = 0; i < n; i++)
		json_put_str(w, texts[i]);
	json_end(w, ']');
}

static void put_names(struct json_writer *w, const struct imported *m)
{
	const bool named = m->n_names > 0;

	if (m->providers[1].n)
		put_list(w, "provider", m->providers, 2);
	else
		put_text(w, "provider", m->providers[0]);
	put_text(w, "model", named ? m->names[0] : m->exact[0]);
	if (named)
		put_list(w, "names", m->names + 1, m->n_names - 1);
	put_list(w, "exact", m->exact + !named, m->n_exact - !named);
	put_text(w, "source", slice_of(m->im->kind));
}

/* What read_period() demands of one. */
static bool is_price(const struct imported_period *p)
{
	const int64_t *rate = p->tiers[0].levels[0].rate;

	return rate[RATE_INPUT] >= 0 || rate[RATE_REQUEST] >= 0 || rate[RATE_IMAGE] >= 0 ||
	       rate[RATE_SEARCH_UNIT] >= 0 || rate[RATE_AUDIO_HOUR] >= 0;
}

static void put_periods(struct json_writer *w, const struct imported *m, bool of_hours)
{
	for (size_t i = 0; i < m->n_periods; i++)
		if (is_price(&m->periods[i]) && (m->periods[i].hours[0] != 0) == of_hours)
			put_period(w, &m->periods[i]);
}

static int put_entry(const struct imported *m, struct buf *ret)
{
	struct json_writer w = { .out = ret, .max = TEXT_MAX };

	json_put_raw(&w, SLICE("{\"format\":1,\"models\":["));
	w.comma = false;
	json_begin(&w, '{');
	put_names(&w, m);
	json_key(&w, "prices");
	json_begin(&w, '[');
	put_periods(&w, m, true);
	put_periods(&w, m, false);
	json_end(&w, ']');
	json_end(&w, '}');
	w.comma = false;
	json_put_raw(&w, SLICE("]}"));
	return w.r < 0 || arena_failed(m->mem) ? -ENOMEM : 0;
}

/* One model that our own reader refuses (a date that is none, a price beyond belief) must not cost
 * all others. 1: it can be used. */
static int can_be_read(const struct imported *m, struct slice text)
{
	struct price_table *t = NULL;
	struct price_error err;
	int r = price_read(text, &t, &err);
	const char *what = strstr(err.text, "): ");

	price_free(t);
	if (r == -EBADMSG)
		imported_note(m, "%.100s", what ? what + 3 : err.text);
	return r == -EBADMSG ? 0 : r < 0 ? r : 1;
}

/* @text is a table with the one entry. */
static int add_entry(struct imported *m, struct slice text)
{
	const size_t head = sizeof("{\"format\":1,\"models\":[") - 1, tail = sizeof("]}") - 1;
	const struct slice entry = { text.p + head, text.n - head - tail };

	if (m->im->models++ && buf_add(&m->im->text, SLICE(",\n"), TEXT_MAX) < 0)
		return -ENOMEM;
	return buf_add(&m->im->text, entry, TEXT_MAX) < 0 ? -ENOMEM : 0;
}

int imported_write(struct imported *m)
{
	struct buf text = { 0 };
	size_t n = 0;
	int r;

	for (size_t i = 0; i < m->n_periods; i++)
		n += is_price(&m->periods[i]);
	if (!n || (!m->n_names && !m->n_exact)) {
		imported_note(m, n ? "no name that can be matched" : "no price that can be used");
		return 0;
	}
	r = put_entry(m, &text);
	if (r >= 0)
		r = can_be_read(m, buf_slice(&text));
	if (r > 0)
		r = add_entry(m, buf_slice(&text));
	buf_done(&text);
	return r < 0 ? r : 0;
}

/* --- which list it is --- */

/* An array of providers with models, or an object that has it. */
static struct slice genai_providers(struct slice json)
{
	struct slice list = json_member(json, SLICE("providers")), first;
	struct json_iter it;

	if (!list.n)
		list = json;
	if (json_array(list, &it) && json_next(&it, &first) &&
	    json_array(json_member(first, SLICE("models")), &it))
		return list;
	return (struct slice){ 0 };
}

/* An object of models, each with its provider. */
static bool is_litellm(struct slice json)
{
	struct json_iter it;
	struct slice key, value;

	if (!json_object(json, &it))
		return false;
	for (int i = 0; i < 16 && json_next_member(&it, &key, &value); i++)
		if (json_member(value, SLICE("litellm_provider")).n)
			return true;
	return false;
}

int price_import(struct slice json, struct price_import *im)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(SCRATCH_MAX);
	_cleanup_(freep) struct imported *m = calloc(1, sizeof(*m));
	struct slice providers;

	if (!mem || !m)
		return -ENOMEM;
	im->models = 0;
	*m = (struct imported){ .im = im, .mem = mem };
	json = slice_trim(json);
	if (!json_valid(json))
		return -EBADMSG;
	providers = genai_providers(json);
	if (providers.n) {
		im->kind = "genai-prices";
		return import_genai(providers, m);
	}
	if (!is_litellm(json))
		return -EBADMSG;
	im->kind = "litellm";
	return import_litellm(json, m);
}
