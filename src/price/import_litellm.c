/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LiteLLM's list: one object, a member a model, USD a token. A price's name says what it is for,
 * above how many tokens and in which service tier:
 * cache_read_input_token_cost_above_200k_tokens_priority.
 */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "price/imported.h"
#include "price/table.h"

static const struct {
	const char *theirs, *ours;
} providers[] = {
	{ "text-completion-openai", "openai" },
	{ "azure", "azure.ai.openai" },
	{ "azure_text", "azure.ai.openai" },
	{ "azure_ai", "azure.ai.inference" },
	{ "bedrock_converse", "aws.bedrock" },
	{ "bedrock_mantle", "aws.bedrock" },
	{ "cohere_chat", "cohere" },
	{ "fireworks_ai-embedding-models", "fireworks_ai" },
};

static struct slice provider_of(struct slice theirs)
{
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++)
		if (slice_eq(theirs, slice_of(providers[i].theirs)))
			return slice_of(providers[i].ours);
	if (slice_starts(theirs, SLICE("vertex_ai-")))
		return SLICE("gcp.vertex_ai");
	return price_provider_name(theirs);
}

/* The longest first: one may be the beginning of another. */
static const struct {
	const char *name;
	enum price_rate rate;
} tokens[] = {
	{ "cache_creation_input_token_cost_above_1hr", RATE_CACHE_WRITE_1H },
	{ "cache_creation_input_token_cost", RATE_CACHE_WRITE },
	{ "cache_read_input_audio_token_cost", RATE_CACHE_READ_AUDIO },
	{ "cache_read_input_image_token_cost", RATE_CACHE_READ_IMAGE },
	{ "cache_read_input_token_cost", RATE_CACHE_READ },
	{ "output_cost_per_reasoning_token", RATE_REASONING },
	{ "output_cost_per_audio_token", RATE_OUTPUT_AUDIO },
	{ "output_cost_per_image_token", RATE_OUTPUT_IMAGE },
	{ "output_cost_per_token", RATE_OUTPUT },
	{ "input_cost_per_audio_token", RATE_INPUT_AUDIO },
	{ "input_cost_per_image_token", RATE_INPUT_IMAGE },
	{ "input_cost_per_video_token", RATE_INPUT_VIDEO },
	{ "input_cost_per_token", RATE_INPUT },
};

/* Paid by the piece: USD for one, times @times for what we count them by. */
static const struct {
	const char *name, *mode; /* where only that mode of a model means it */
	enum price_rate rate;
	int64_t times;
} pieces[] = {
	{ "input_cost_per_second", "audio_transcription", RATE_AUDIO_HOUR, 3600 },
	{ "input_cost_per_query", "rerank", RATE_SEARCH_UNIT, 1000 },
	{ "input_cost_per_request", NULL, RATE_REQUEST, 1000 },
	{ "output_cost_per_image", "image_generation", RATE_IMAGE, 1000 },
	{ "input_cost_per_image", "image_generation", RATE_IMAGE, 1000 },
};

/* "_batches" to "batch"; what is no tier of ours keeps its name. */
static struct slice tier_of(struct slice suffix)
{
	return slice_eq(suffix, SLICE("batches")) ? SLICE("batch") : suffix;
}

/* "_above_200k_tokens_priority": false where it is something else. */
static bool read_suffix(struct slice s, int64_t *ret_over, struct slice *ret_tier)
{
	const struct slice above = SLICE("_above_"), end = SLICE("k_tokens");
	uint64_t thousands;
	size_t n = 0;

	*ret_over = -1;
	*ret_tier = (struct slice){ 0 };
	if (slice_starts(s, above)) {
		s = slice_from(s, above.n);
		while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
			n++;
		if (!slice_u64((struct slice){ s.p, n }, &thousands) || thousands > 1000000000 ||
		    !slice_starts(slice_from(s, n), end))
			return false;
		*ret_over = (int64_t)thousands * 1000;
		s = slice_from(s, n + end.n);
	}
	if (!s.n)
		return true;
	*ret_tier = tier_of(slice_from(s, 1));
	/* "above_12hr" and such are no tiers */
	return s.p[0] == '_' && s.n > 1 && !memchr(s.p + 1, '_', s.n - 1);
}

static bool read_token(struct imported *m, struct slice key, int64_t micro)
{
	struct imported_period *p = &m->periods[0];

	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		struct slice tier;
		int64_t over, *rates;

		if (!slice_starts(key, slice_of(tokens[i].name)))
			continue;
		if (!read_suffix(slice_from(key, strlen(tokens[i].name)), &over, &tier))
			continue;
		rates = imported_rates(m, p, tier, over);
		if (rates)
			rates[tokens[i].rate] = micro;
		return true;
	}
	return false;
}

static bool read_piece(struct imported *m, struct slice key, struct slice value, struct slice mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		int64_t pico, micro;

		if (!slice_eq(key, slice_of(pieces[i].name)) ||
		    (pieces[i].mode && !json_is(mode, pieces[i].mode)))
			continue;
		if (!json_scaled(value, 12, &pico) ||
		    __builtin_mul_overflow(pico, pieces[i].times, &micro))
			return false;
		m->periods[0].tiers[0].levels[0].rate[pieces[i].rate] = (micro + 500000) / 1000000;
		return true;
	}
	return false;
}

/* {"search_context_size_low": 0.01, ...}: usable where the size makes no difference. */
static void read_search(struct imported *m, struct slice sizes)
{
	int64_t pico, first = -1;
	struct json_iter it;
	struct slice key, value;

	if (!json_object(sizes, &it))
		return;
	while (json_next_member(&it, &key, &value)) {
		if (!json_scaled(value, 12, &pico) || pico < 0 || pico > INT64_MAX / 1000)
			return;
		if (first >= 0 && pico != first) {
			imported_note(m, "searches that cost by the size of their context");
			return;
		}
		first = pico;
	}
	if (first >= 0)
		m->periods[0].tiers[0].levels[0].rate[RATE_WEB_SEARCH] = first * 1000 / 1000000;
}

static void read_factors(struct imported *m, struct slice j)
{
	static const struct {
		const char *path;
		bool anywhere;
	} factors[] = {
		{ "regional_processing_uplift_multiplier_eu", true },
		{ "regional_endpoint_uplift_multiplier", true },
		{ "provider_specific_entry.us", false },
	};
	struct imported_period *p = &m->periods[0];
	int64_t permille;

	for (size_t i = 0; i < ARRAY_SIZE(factors); i++)
		if (json_scaled(json_find(j, factors[i].path), 3, &permille))
			*(factors[i].anywhere ? &p->anywhere_permille : &p->us_permille) = permille;
	if (json_scaled(json_find(j, "provider_specific_entry.fast"), 3, &permille) &&
	    imported_rates(m, p, SLICE("fast"), -1))
		p->tiers[p->n_tiers - 1].permille = permille;
}

/* [{"range": [0, 32000], "input_cost_per_token": ...}, ...] */
static void read_ranges(struct imported *m, struct slice list)
{
	struct json_iter it, members;
	struct slice one, key, value, begin;

	if (!json_array(list, &it))
		return;
	while (json_next(&it, &one)) {
		struct json_iter range;
		int64_t from = 0, micro, *rates;

		if (json_array(json_member(one, SLICE("range")), &range) &&
		    json_next(&range, &begin))
			json_scaled(begin, 0, &from);
		rates = imported_rates(m, &m->periods[0], (struct slice){ 0 },
				       from > 0 ? from : -1);
		json_object(one, &members);
		while (rates && json_next_member(&members, &key, &value))
			for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
				if (slice_eq(key, slice_of(tokens[i].name)) &&
				    json_scaled(value, 12, &micro))
					rates[tokens[i].rate] = micro;
	}
}

/* What is a price by its name, and none of ours. */
static void note_lost(const struct imported *m, struct slice key, struct slice value)
{
	int64_t pico;

	if (!slice_has(key, SLICE("cost")) || !json_scaled(value, 12, &pico) || pico == 0)
		return;
	imported_note(m, "%.*s", (int)(key.n < 80 ? key.n : 80), key.p);
}

static void read_prices(struct imported *m, struct slice j)
{
	const struct slice mode = json_member(j, SLICE("mode"));
	struct json_iter it;
	struct slice key, value;

	if (!imported_period(m) || !json_object(j, &it))
		return;
	while (json_next_member(&it, &key, &value)) {
		int64_t micro;

		if (slice_eq(key, SLICE("search_context_cost_per_query")))
			read_search(m, value);
		else if (slice_eq(key, SLICE("tiered_pricing")))
			read_ranges(m, value);
		else if (!json_scaled(value, 12, &micro) || micro < 0 ||
			 (!read_token(m, key, micro) && !read_piece(m, key, value, mode)))
			note_lost(m, key, value);
	}
	read_factors(m, j);
}

/* The tier's prices above so many tokens, made where there are none. */
static struct imported_level *level_of(struct imported_tier *t, int64_t over)
{
	for (size_t i = 1; i < t->n; i++)
		if (t->levels[i].over == over)
			return &t->levels[i];
	if (t->n == IMPORT_LEVELS)
		return NULL;
	t->levels[t->n] = t->levels[0];
	t->levels[t->n].over = over;
	for (int i = 0; i < PRICE_RATES; i++)
		t->levels[t->n].rate[i] = -1;
	return &t->levels[t->n++];
}

/*
 * What a tier does not name costs what it costs in the standard one; also above so many tokens,
 * where our form would take the tier's own price below that.
 */
static void complete_tier(struct imported_tier *t, const struct imported_tier *standard)
{
	for (size_t k = 1; k < standard->n; k++) {
		struct imported_level *l = level_of(t, standard->levels[k].over);

		for (int i = 0; l && i < PRICE_RATES; i++)
			if (l->rate[i] < 0 && t->levels[0].rate[i] < 0)
				l->rate[i] = standard->levels[k].rate[i];
	}
}

static void complete_tiers(struct imported_period *p)
{
	for (size_t i = 1; i < p->n_tiers; i++)
		if (p->tiers[i].permille < 0)
			complete_tier(&p->tiers[i], &p->tiers[0]);
}

/* Without "groq/" and such; a region in the middle of Bedrock's names has no place in ours. */
static bool read_name(struct imported *m, struct slice key, struct slice theirs)
{
	static const char *const shared[] = { "vertex_ai/", "bedrock/", "azure/" };
	struct slice name = key;

	if (slice_starts(name, theirs) && name.n > theirs.n && name.p[theirs.n] == '/')
		name = slice_from(name, theirs.n + 1);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (slice_starts(name, slice_of(shared[i])))
			name = slice_from(name, strlen(shared[i]));
	if (slice_eq(m->providers[0], SLICE("aws.bedrock")) && memchr(name.p, '/', name.n)) {
		imported_note(m, "prices of one region");
		return false;
	}
	imported_name(m, name, false);
	return true;
}

int import_litellm(struct slice list, struct imported *m)
{
	struct json_iter it;
	struct slice key, value;

	json_object(list, &it);
	while (json_next_member(&it, &key, &value)) {
		struct slice theirs;
		int r;

		if (slice_eq(key, SLICE("sample_spec")))
			continue;
		imported_reset(m);
		m->model = json_text((struct slice){ key.p - 1, key.n + 2 }, m->mem);
		theirs = json_text(json_member(value, SLICE("litellm_provider")), m->mem);
		if (!theirs.n) {
			imported_note(m, "no provider told");
			continue;
		}
		m->providers[0] = provider_of(theirs);
		if (!read_name(m, m->model, theirs))
			continue;
		read_prices(m, value);
		if (m->n_periods)
			complete_tiers(&m->periods[0]);
		r = imported_write(m);
		if (r < 0)
			return r;
	}
	return arena_failed(m->mem) ? -ENOMEM : 0;
}
