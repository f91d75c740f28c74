/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Usage is inclusive, so what has a price of its own is taken out of the total first: nothing is
 * paid twice. What has none stays in what it is a part of.
 */
#include "price/split.h"

#include "base/util.h"

static const char contradiction[] = "usage contradicts itself";

static int64_t known(int64_t count)
{
	return count < 0 ? 0 : count;
}

/* What a kind is a part of, plus 1; 0: it needs a price of its own. */
#define PART_OF(rate) ((rate) + 1)

int64_t price_rate_of(const struct price_level *l, enum price_rate kind)
{
	static const int part_of[PRICE_RATES] = {
		[RATE_CACHE_READ] = PART_OF(RATE_INPUT),
		[RATE_CACHE_WRITE] = PART_OF(RATE_INPUT),
		[RATE_REASONING] = PART_OF(RATE_OUTPUT),
		[RATE_CACHE_READ_AUDIO] = PART_OF(RATE_CACHE_READ),
		/* pictures and films are read as tokens like any; sound, and what is made of it, is
		 * dear, so a price that we do not have is not guessed */
		[RATE_INPUT_IMAGE] = PART_OF(RATE_INPUT),
		[RATE_CACHE_READ_IMAGE] = PART_OF(RATE_CACHE_READ),
		[RATE_INPUT_VIDEO] = PART_OF(RATE_INPUT),
	};

	/* a vendor who bills writes bills long ones higher; one who does not, does not at all */
	if (kind == RATE_CACHE_WRITE_1H && l->rate[kind] < 0 && l->rate[RATE_CACHE_WRITE] < 0)
		kind = RATE_INPUT;
	while (l->rate[kind] < 0 && part_of[kind])
		kind = (enum price_rate)(part_of[kind] - 1);
	return l->rate[kind];
}

/* --- input --- */

/* Tokens of one kind, and those of them that came from the cache. */
struct modality {
	enum price_rate rate, cached_rate;
	size_t count, cached; /* in struct llm_usage; cached SIZE_MAX: nobody tells */
	const char *unknown;
};

static const struct modality modalities[] = {
	{ RATE_INPUT_AUDIO, RATE_CACHE_READ_AUDIO, offsetof(struct llm_usage, input_audio),
	  offsetof(struct llm_usage, cache_read_audio), "cached audio not known" },
	{ RATE_INPUT_IMAGE, RATE_CACHE_READ_IMAGE, offsetof(struct llm_usage, input_image),
	  offsetof(struct llm_usage, cache_read_image), "cached images not known" },
	{ RATE_INPUT_VIDEO, RATE_CACHE_READ, offsetof(struct llm_usage, input_video), SIZE_MAX,
	  "cached video not known" },
};

/* What is still to be given to a kind. */
struct rest {
	const struct llm_usage *u;
	const struct price_level *l;
	int64_t fresh, cached; /* of the input: read anew and from the cache */
};

static int64_t count_at(const struct llm_usage *u, size_t offset)
{
	return offset == SIZE_MAX ? LLM_UNKNOWN : *(const int64_t *)((const char *)u + offset);
}

/* Whether tokens of the kind cost something else than others. */
static bool is_apart(const struct price_level *l, const struct modality *m)
{
	return price_rate_of(l, m->rate) != price_rate_of(l, RATE_INPUT) ||
	       price_rate_of(l, m->cached_rate) != price_rate_of(l, RATE_CACHE_READ);
}

/* How many of @count were cached where the provider has not said; -1 where the sums leave that
 * open. */
static int64_t infer_cached(const struct rest *r, int64_t count)
{
	const int64_t low = count > r->fresh ? count - r->fresh : 0;
	const int64_t high = count < r->cached ? count : r->cached;

	return low >= high ? low : -1;
}

static const char *split_modality(struct rest *r, const struct modality *m, int64_t n[PRICE_RATES])
{
	int64_t count = count_at(r->u, m->count), cached = count_at(r->u, m->cached);

	if (count < cached) /* only the cached part was told */
		count = count < 0 ? cached : count;
	if (count <= 0)
		return NULL;
	if (cached > count)
		return contradiction;
	if (!is_apart(r->l, m)) /* nothing to keep apart, but it must fit */
		return count > r->u->input ? contradiction : NULL;
	if (cached < 0)
		cached = infer_cached(r, count);
	if (cached < 0)
		return m->unknown;
	if (cached > r->cached || count - cached > r->fresh)
		return contradiction;
	n[m->rate] = count - cached;
	n[m->cached_rate] += cached;
	r->fresh -= count - cached;
	r->cached -= cached;
	return NULL;
}

static bool any_rate(const struct price_level *l, const enum price_rate *rates, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (l->rate[rates[i]] > 0)
			return true;
	return false;
}

static const char *split_input(const struct llm_usage *u, const struct price_level *l,
			       int64_t n[PRICE_RATES])
{
	static const enum price_rate rates[] = { RATE_INPUT, RATE_CACHE_READ, RATE_CACHE_WRITE,
						 RATE_INPUT_AUDIO, RATE_INPUT_IMAGE };
	const int64_t read = known(u->cache_read), write_1h = known(u->cache_write_1h);
	const int64_t write_5m = known(u->cache_write_5m);
	int64_t write = u->cache_write;
	struct rest r = { .u = u, .l = l };
	const char *why = NULL;

	if (u->input < 0 && any_rate(l, rates, ARRAY_SIZE(rates)))
		return "usage not known";
	if (u->input < 0)
		return NULL;
	if ((__int128)write_1h + write_5m > u->input)
		return contradiction;
	if (write < 0)
		write = write_1h + write_5m;
	/* the breakdown is part of the total, never added to it */
	if (write_1h + write_5m > write || (__int128)read + write > u->input ||
	    known(u->input_tool) > u->input)
		return contradiction;
	n[RATE_CACHE_WRITE] = write - write_1h;
	n[RATE_CACHE_WRITE_1H] = write_1h;
	r.fresh = u->input - read - write;
	r.cached = read;
	for (size_t i = 0; i < ARRAY_SIZE(modalities) && !why; i++)
		why = split_modality(&r, &modalities[i], n);
	n[RATE_INPUT] = r.fresh;
	n[RATE_CACHE_READ] += r.cached;
	return why;
}

/* --- output --- */

static const char *split_output(const struct llm_usage *u, const struct price_level *l,
				int64_t n[PRICE_RATES])
{
	const int64_t audio = known(u->output_audio), image = known(u->output_image);
	const bool apart =
		l->rate[RATE_REASONING] >= 0 && l->rate[RATE_REASONING] != l->rate[RATE_OUTPUT];
	const int64_t reasoning = apart ? known(u->reasoning) : 0;

	if (u->output < 0)
		return l->rate[RATE_OUTPUT] > 0 || l->rate[RATE_OUTPUT_AUDIO] > 0 ||
				       l->rate[RATE_OUTPUT_IMAGE] > 0
			       ? "usage not known"
			       : NULL;
	if (apart && u->reasoning < 0 && u->output > 0)
		return "reasoning not known";
	if ((__int128)audio + image + reasoning > u->output || known(u->reasoning) > u->output)
		return contradiction;
	n[RATE_OUTPUT_AUDIO] = audio;
	n[RATE_OUTPUT_IMAGE] = image;
	n[RATE_REASONING] = reasoning;
	n[RATE_OUTPUT] = u->output - audio - image - reasoning;
	return NULL;
}

/* --- what is no token --- */

/* Needed where it has a price; a provider tells of searches only where there were any. */
static const struct {
	enum price_rate rate;
	size_t count;
	bool needed;
	const char *unknown;
} things[] = {
	{ RATE_WEB_SEARCH, offsetof(struct llm_usage, web_searches), false, NULL },
	{ RATE_IMAGE, offsetof(struct llm_usage, images), true, "number of images not known" },
	{ RATE_AUDIO_HOUR, offsetof(struct llm_usage, audio_ms), true,
	  "duration of the sound not known" },
	{ RATE_SEARCH_UNIT, offsetof(struct llm_usage, search_units), true,
	  "search units not known" },
};

/* Pictures and sound are billed by tokens by those who have a price for the tokens. */
static bool paid_as_tokens(const struct price_level *l, enum price_rate rate)
{
	static const enum price_rate images[] = { RATE_OUTPUT, RATE_OUTPUT_IMAGE };
	static const enum price_rate sound[] = { RATE_INPUT, RATE_INPUT_AUDIO };

	if (rate == RATE_IMAGE)
		return any_rate(l, images, ARRAY_SIZE(images));
	return rate == RATE_AUDIO_HOUR && any_rate(l, sound, ARRAY_SIZE(sound));
}

static const char *split_things(const struct llm_usage *u, const struct price_level *l,
				int64_t n[PRICE_RATES])
{
	n[RATE_REQUEST] = l->rate[RATE_REQUEST] >= 0;
	for (size_t i = 0; i < ARRAY_SIZE(things); i++) {
		const int64_t count = count_at(u, things[i].count);
		const int64_t rate = l->rate[things[i].rate];

		if (rate < 0 && paid_as_tokens(l, things[i].rate))
			continue;
		/* a model that is paid both ways is paid by what was told */
		if (rate > 0 && count < 0 && things[i].needed && !paid_as_tokens(l, things[i].rate))
			return things[i].unknown;
		n[things[i].rate] = known(count);
	}
	return NULL;
}

const char *price_split(const struct llm_usage *u, const struct price_level *l,
			int64_t n[PRICE_RATES])
{
	const char *why = split_input(u, l, n);

	if (!why)
		why = split_output(u, l, n);
	return why ? why : split_things(u, l, n);
}
