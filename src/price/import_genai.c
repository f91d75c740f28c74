/* SPDX-License-Identifier: BSD-2-Clause */
/* genai-prices' list: providers with models, each with rules that match names, and USD a million.
 */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "price/imported.h"
#include "price/table.h"

static const struct {
	const char *name;
	enum price_rate rate;
} prices[] = {
	{ "input_mtok", RATE_INPUT },
	{ "output_mtok", RATE_OUTPUT },
	{ "cache_read_mtok", RATE_CACHE_READ },
	{ "cache_write_mtok", RATE_CACHE_WRITE },
	{ "cache_write_1h_mtok", RATE_CACHE_WRITE_1H },
	{ "output_reasoning_mtok", RATE_REASONING },
	{ "input_audio_mtok", RATE_INPUT_AUDIO },
	{ "cache_audio_read_mtok", RATE_CACHE_READ_AUDIO },
	{ "output_audio_mtok", RATE_OUTPUT_AUDIO },
	{ "input_image_mtok", RATE_INPUT_IMAGE },
	{ "cache_image_read_mtok", RATE_CACHE_READ_IMAGE },
	{ "output_image_mtok", RATE_OUTPUT_IMAGE },
	{ "input_video_mtok", RATE_INPUT_VIDEO },
	{ "web_searches_kcount", RATE_WEB_SEARCH },
	{ "requests_kcount", RATE_REQUEST },
	{ "rerank_searches_kcount", RATE_SEARCH_UNIT },
	{ "input_audio_hours", RATE_AUDIO_HOUR },
};

/* --- prices --- */

/* A number, or {"base": 3, "tiers": [{"start": 200000, "price": 6}]}. */
static void read_value(struct imported *m, struct imported_period *p, enum price_rate rate,
		       struct slice value)
{
	struct slice base = json_member(value, SLICE("base")), one;
	struct json_iter it;
	int64_t micro, start, *rates;

	if (!json_scaled(base.n ? base : value, 6, &micro) || micro < 0)
		return;
	p->tiers[0].levels[0].rate[rate] = micro;
	if (!base.n || !json_array(json_member(value, SLICE("tiers")), &it))
		return;
	while (json_next(&it, &one)) {
		if (!json_int64(json_member(one, SLICE("start")), &start) || start < 0 ||
		    !json_scaled(json_member(one, SLICE("price")), 6, &micro) || micro < 0)
			continue;
		rates = imported_rates(m, p, (struct slice){ 0 }, start);
		if (rates)
			rates[rate] = micro;
	}
}

static void read_prices(struct imported *m, struct imported_period *p, struct slice j)
{
	struct json_iter it;
	struct slice key, value;
	size_t n = 0;

	if (!p || !json_object(j, &it))
		return;
	while (json_next_member(&it, &key, &value)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(prices) && !slice_eq(key, slice_of(prices[i].name)))
			i++;
		n++;
		if (i < ARRAY_SIZE(prices))
			read_value(m, p, prices[i].rate, value);
		else
			imported_note(m, "%.*s", (int)(key.n < 80 ? key.n : 80), key.p);
	}
	if (n == 0) { /* a model that costs nothing */
		p->tiers[0].levels[0].rate[RATE_INPUT] = 0;
		p->tiers[0].levels[0].rate[RATE_OUTPUT] = 0;
	}
}

/* "00:30:00Z" to "00:30" */
static struct slice minute_of(struct slice time)
{
	return time.n >= 7 && time.p[0] == '"' ? (struct slice){ time.p + 1, 5 }
					       : (struct slice){ 0 };
}

/*
 * A list, of which the last that holds counts; of ours it is the first. Hours stand last in theirs
 * and are written first; of dates each ends where the next begins.
 */
static void read_list(struct imported *m, struct slice list)
{
	struct imported_period *last = NULL;
	struct json_iter it;
	struct slice one;

	json_array(list, &it);
	while (json_next(&it, &one)) {
		struct slice constraint = json_member(one, SLICE("constraint"));
		struct slice from = json_text(json_member(constraint, SLICE("start_date")), m->mem);
		struct slice h1 = minute_of(json_member(constraint, SLICE("start_time")));
		struct slice h2 = minute_of(json_member(constraint, SLICE("end_time")));
		struct imported_period *p = imported_period(m);

		if (!p)
			return;
		p->from = from;
		if (h1.n && h2.n)
			snprintf(p->hours, sizeof(p->hours), "%.*s-%.*s", SLICE_ARG(h1),
				 SLICE_ARG(h2));
		else if (last)
			last->until = from;
		if (!h1.n)
			last = p;
		read_prices(m, p, json_member(one, SLICE("prices")));
	}
	for (size_t i = 0; i < m->n_periods; i++) /* hours hold since the newest price does */
		if (m->periods[i].hours[0] && last)
			m->periods[i].from = last->from;
}

/* --- names --- */

/* "^NAME-\d{8}$" and the like: what our names match by themselves, where NAME is one of them. */
static bool is_release_of(struct slice regex, const struct imported *m)
{
	for (size_t i = 0; i < m->n_exact; i++) {
		char plain[256];
		size_t n = 0;

		for (size_t k = 1; k < regex.n && n < sizeof(plain); k++)
			if (regex.p[k] != '\\')
				plain[n++] = regex.p[k];
		if (n > m->exact[i].n &&
		    slice_eq((struct slice){ plain, m->exact[i].n }, m->exact[i]) &&
		    memmem(regex.p, regex.n, "\\d{", 3))
			return true;
	}
	return false;
}

/* The value of an object's only member of that name, as text. */
static struct slice clause(struct imported *m, struct slice j, const char *name)
{
	return json_text(json_member(j, slice_of(name)), m->mem);
}

static void read_match(struct imported *m, struct slice j, struct slice suffix, int depth);

static void read_any(struct imported *m, struct slice list, struct slice suffix, int depth)
{
	struct json_iter it;
	struct slice one;

	if (depth < 4 && json_array(list, &it))
		while (json_next(&it, &one))
			read_match(m, one, suffix, depth + 1);
}

/* HuggingFace's router names the company behind the model. */
static void add_name(struct imported *m, struct slice name, struct slice suffix, bool exact)
{
	struct buf whole = { 0 };

	if (!name.n)
		return;
	if (!suffix.n) {
		imported_name(m, name, exact);
		return;
	}
	arena_add(m->mem, &whole, name);
	arena_add(m->mem, &whole, SLICE(":"));
	arena_add(m->mem, &whole, suffix);
	imported_name(m, buf_slice(&whole), true);
}

static void read_match(struct imported *m, struct slice j, struct slice suffix, int depth)
{
	static const char *const loose[] = { "contains", "ends_with" };
	struct slice text = clause(m, j, "equals");

	add_name(m, text, suffix, true);
	add_name(m, clause(m, j, "starts_with"), suffix, false);
	for (size_t i = 0; i < ARRAY_SIZE(loose); i++) {
		text = clause(m, j, loose[i]);
		/* Bedrock's begin with a region, which is taken off a call's name */
		if (text.n && slice_eq(m->providers[0], SLICE("aws.bedrock")))
			add_name(m, text, suffix, false);
		else if (text.n)
			imported_note(m, "names by what they contain");
	}
	text = clause(m, j, "regex");
	if (text.n && !is_release_of(text, m))
		imported_note(m, "names by a regular expression");
	read_any(m, json_member(j, SLICE("or")), suffix, depth);
	text = json_member(j, SLICE("and"));
	if (text.n) {
		imported_note(m, "names by several conditions");
		read_any(m, text, suffix, depth);
	}
}

static void read_providers(struct imported *m, struct slice id, struct slice *ret_suffix)
{
	const struct slice hugging = SLICE("huggingface_");

	*ret_suffix = (struct slice){ 0 };
	m->providers[0] = price_provider_name(id);
	if (slice_eq(id, SLICE("google")))
		m->providers[1] = SLICE("gcp.vertex_ai");
	if (slice_starts(id, hugging)) {
		m->providers[0] = SLICE("huggingface");
		*ret_suffix = slice_from(id, hugging.n);
	}
}

static int read_model(struct imported *m, struct slice provider, struct slice j)
{
	struct slice suffix, list = json_member(j, SLICE("prices"));
	struct json_iter it;

	imported_reset(m);
	m->model = json_text(json_member(j, SLICE("id")), m->mem);
	read_providers(m, provider, &suffix);
	add_name(m, m->model, suffix, true);
	read_match(m, json_member(j, SLICE("match")), suffix, 0);
	if (json_array(list, &it))
		read_list(m, list);
	else
		read_prices(m, imported_period(m), list);
	return imported_write(m);
}

int import_genai(struct slice list, struct imported *m)
{
	struct json_iter it, models;
	struct slice provider, model;

	json_array(list, &it);
	while (json_next(&it, &provider)) {
		struct slice id = json_text(json_member(provider, SLICE("id")), m->mem);

		if (!id.n || !json_array(json_member(provider, SLICE("models")), &models))
			continue;
		while (json_next(&models, &model)) {
			int r = read_model(m, id, model);

			if (r < 0)
				return r;
		}
	}
	return arena_failed(m->mem) ? -ENOMEM : 0;
}
