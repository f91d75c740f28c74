/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names as calls spell them: prefixes that say no more than the URL did, regions in front of
 * Bedrock's models, releases behind a name. Nothing here looks for a part of a name: gpt-4 is not
 * gpt-4o.
 */
#include <ctype.h>

#include "base/util.h"
#include "price/table.h"

/* --- providers --- */

/* Other spellings than the OpenTelemetry conventions', as proxies and price lists have them. */
static const struct {
	const char *spelled, *name;
} providers[] = {
	{ "azure", "azure.ai.openai" },
	{ "azure.openai", "azure.ai.openai" },
	{ "azure_openai", "azure.ai.openai" },
	{ "az.ai.openai", "azure.ai.openai" },
	{ "azure_ai", "azure.ai.inference" },
	{ "az.ai.inference", "azure.ai.inference" },
	{ "google", "gcp.gemini" },
	{ "gemini", "gcp.gemini" },
	{ "gcp.gen_ai", "gcp.gemini" },
	{ "google_ai", "gcp.gemini" },
	{ "vertex_ai", "gcp.vertex_ai" },
	{ "vertex", "gcp.vertex_ai" },
	{ "google-vertex", "gcp.vertex_ai" },
	{ "aws", "aws.bedrock" },
	{ "bedrock", "aws.bedrock" },
	{ "aws_bedrock", "aws.bedrock" },
	{ "amazon-bedrock", "aws.bedrock" },
	{ "mistral", "mistral_ai" },
	{ "mistralai", "mistral_ai" },
	{ "xai", "x_ai" },
	{ "x-ai", "x_ai" },
	{ "together", "together_ai" },
	{ "together-ai", "together_ai" },
	{ "fireworks", "fireworks_ai" },
	{ "fireworks-ai", "fireworks_ai" },
	{ "moonshot", "moonshot_ai" },
	{ "moonshotai", "moonshot_ai" },
	{ "zai", "z_ai" },
	{ "z-ai", "z_ai" },
	{ "z.ai", "z_ai" },
	{ "github-copilot", "github_copilot" },
	{ "hugging_face", "huggingface" },
};

struct slice price_provider_name(struct slice name)
{
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++)
		if (slice_ieq(name, slice_of(providers[i].spelled)))
			return slice_of(providers[i].name);
	return name;
}

/* --- what stands before a name --- */

/* Put before a model's name by a provider's URLs and tools; says nothing about the price. */
static const struct {
	const char *provider; /* or the beginning of it */
	const char *prefix;
} prefixes[] = {
	{ "gcp.", "models/" },
	{ "gcp.", "google/" },
	{ "fireworks_ai", "accounts/fireworks/models/" },
	{ "openai", "models/" },
};

/* "projects/p/locations/l/publishers/google/models/NAME": what stands behind "/models/". */
static struct slice after_publisher(struct slice name)
{
	static const char word[] = "/models/";
	const char *at;

	if (!slice_starts(name, SLICE("projects/")) && !slice_starts(name, SLICE("publishers/")))
		return name;
	at = memmem(name.p, name.n, word, sizeof(word) - 1);
	return at ? slice_from(name, (size_t)(at - name.p) + sizeof(word) - 1) : name;
}

/* "ft:gpt-4o-2024-08-06:acme::id": whose it is makes no difference. */
static struct slice without_owner(struct slice name)
{
	const struct slice ft = SLICE("ft:");
	struct slice base, owner;

	if (!slice_starts(name, ft) || !slice_cut(slice_from(name, ft.n), ':', &base, &owner))
		return name;
	return (struct slice){ name.p, ft.n + base.n };
}

/* Bedrock's inference profiles; a name without one runs in the region that was called. */
static const char *const places[] = {
	"us", "eu", "apac", "global", "au", "jp", "in", "ca", "us-gov", "sa", "me", "af",
};

static void split_place(struct price_model *m)
{
	m->place = SLICE("region");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct slice place = slice_of(places[i]);

		if (slice_starts(m->name, place) && m->name.n > place.n &&
		    m->name.p[place.n] == '.') {
			m->place = place;
			m->name = slice_from(m->name, place.n + 1);
			return;
		}
	}
}

/*
 * Of ARNs only those that name a model: "arn:aws:bedrock:us-east-1::foundation-model/NAME". What an
 * application's profile or provisioned capacity stands for, only its owner knows.
 */
static void read_bedrock(struct price_model *m)
{
	if (slice_starts(m->name, SLICE("arn:"))) {
		if (!slice_has(m->name, SLICE(":foundation-model/")) &&
		    !slice_has(m->name, SLICE(":inference-profile/")))
			return;
		m->name = slice_base(m->name);
	}
	m->full = m->name;
	split_place(m);
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

/* A name that comes out of a path may still have its %3A. */
static void decode(struct price_model *m, struct slice name)
{
	size_t n = 0;

	if (name.n > sizeof(m->text) || !slice_has(name, SLICE("%"))) {
		m->name = name;
		return;
	}
	for (size_t i = 0; i < name.n; i++) {
		const bool coded = name.p[i] == '%' && i + 2 < name.n &&
				   hex_digit(name.p[i + 1]) >= 0 && hex_digit(name.p[i + 2]) >= 0;
		const int byte = coded ? hex_digit(name.p[i + 1]) * 16 + hex_digit(name.p[i + 2])
				       : name.p[i];

		m->text[n++] = (char)(unsigned char)byte;
		i += coded ? 2 : 0;
	}
	m->name = (struct slice){ m->text, n };
}

static void read_other(struct price_model *m)
{
	m->name = without_owner(after_publisher(m->name));
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (slice_starts(m->provider, slice_of(prefixes[i].provider)) &&
		    slice_starts(m->name, slice_of(prefixes[i].prefix)))
			m->name = slice_from(m->name, strlen(prefixes[i].prefix));
	m->full = m->name;
}

void price_model_of(struct slice provider, struct slice model, struct price_model *ret)
{
	ret->provider = price_provider_name(provider);
	ret->place = (struct slice){ 0 };
	decode(ret, model);
	ret->full = ret->name;
	if (slice_eq(ret->provider, SLICE("aws.bedrock")))
		read_bedrock(ret);
	else
		read_other(ret);
}

/* --- what stands behind it --- */

static int number(struct slice s, size_t at, size_t n)
{
	int v = 0;

	for (size_t i = at; i < at + n; i++) {
		if (i >= s.n || !isdigit((unsigned char)s.p[i]))
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	return v;
}

static bool is_month(int v)
{
	return v >= 1 && v <= 12;
}

static bool is_day(int v)
{
	return v >= 1 && v <= 31;
}

static bool is_year(int v)
{
	return v >= 2020 && v <= 2099;
}

/* "-20250929", "@20250929" */
static bool is_compact_date(struct slice s)
{
	return s.n == 9 && (s.p[0] == '-' || s.p[0] == '@') && is_year(number(s, 1, 4)) &&
	       is_month(number(s, 5, 2)) && is_day(number(s, 7, 2));
}

/* "-2024-08-06" */
static bool is_date(struct slice s)
{
	return s.n == 11 && s.p[0] == '-' && s.p[5] == '-' && s.p[8] == '-' &&
	       is_year(number(s, 1, 4)) && is_month(number(s, 6, 2)) && is_day(number(s, 9, 2));
}

static bool is_word(struct slice s)
{
	static const char *const words[] = { "-latest", "@latest", "@default" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (slice_eq(s, slice_of(words[i])))
			return true;
	return false;
}

/* Google's "-001", "@001"; "-05-20" and "-09-2025" behind a preview. */
static bool is_google_release(struct slice name, struct slice s)
{
	const struct slice before = { name.p, name.n - s.n };

	if (s.n == 4 && (s.p[0] == '-' || s.p[0] == '@') && s.p[1] == '0')
		return number(s, 1, 3) > 0;
	if (!slice_ends(before, SLICE("-preview")) && !slice_ends(before, SLICE("-exp")))
		return false;
	return (s.n == 6 || s.n == 8) && s.p[0] == '-' && s.p[3] == '-' &&
	       is_month(number(s, 1, 2)) &&
	       (s.n == 6 ? is_day(number(s, 4, 2)) : is_year(number(s, 4, 4)));
}

static bool digit_at(struct slice s, size_t at)
{
	return at < s.n && isdigit((unsigned char)s.p[at]);
}

/* ":0" at @at, and ":200k" for a longer context: where that ends. */
static size_t after_revision(struct slice s, size_t at)
{
	if (at < s.n && s.p[at] == ':' && digit_at(s, at + 1))
		at += 2;
	if (at && at + 2 < s.n && s.p[at] == ':' && s.p[s.n - 1] == 'k' && s.n - at - 2 <= 6 &&
	    number(s, at + 1, s.n - at - 2) > 0)
		at = s.n;
	return at;
}

/* Bedrock's "-v1", "-v1:0", "-1:0", ":0": where it ends, 0: none. */
static size_t after_version(struct slice s)
{
	const bool v = s.n > 1 && s.p[1] == 'v';
	const size_t digit = 1 + v;

	if (!s.n || s.p[0] != '-')
		return after_revision(s, 0);
	if (!digit_at(s, digit) || (!v && (digit + 1 >= s.n || s.p[digit + 1] != ':')))
		return 0;
	return after_revision(s, digit + 1);
}

static bool is_bedrock_release(struct slice s)
{
	const struct slice version = s.n > 9 ? slice_from(s, 9) : s;

	if (s.n > 9 && is_compact_date((struct slice){ s.p, 9 }))
		return after_version(version) == version.n;
	return after_version(s) == s.n;
}

static bool is_release(struct slice provider, struct slice name, size_t at)
{
	const struct slice s = slice_from(name, at);

	if (is_compact_date(s) || is_date(s) || is_word(s))
		return true;
	if (slice_eq(provider, SLICE("aws.bedrock")))
		return is_bedrock_release(s);
	return slice_starts(provider, SLICE("gcp.")) && is_google_release(name, s);
}

static bool begins_release(char c)
{
	return c == '-' || c == '@' || c == ':';
}

size_t price_release_at(struct slice provider, struct slice name, size_t below)
{
	for (size_t at = below; at-- > 1;)
		if (name.n - at < 40 && begins_release(name.p[at]) &&
		    is_release(provider, name, at))
			return at;
	return 0;
}

/* Never more than one star is open: linear in each. */
bool price_pattern_matches(struct slice pattern, struct slice text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.n && pattern.p[p] == text.p[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* --- hosts --- */

/* "us-east5" of us-east5-aiplatform.googleapis.com; aiplatform.googleapis.com itself is global. */
static struct slice vertex_place(struct slice host)
{
	static const char end[] = "-aiplatform.googleapis.com", rep[] = ".rep.googleapis.com";
	const struct slice begin = SLICE("aiplatform.");

	if (slice_ends(host, slice_of(end)))
		return (struct slice){ host.p, host.n - (sizeof(end) - 1) };
	if (slice_starts(host, begin) && slice_ends(host, slice_of(rep)) &&
	    host.n > begin.n + sizeof(rep) - 1)
		return (struct slice){ host.p + begin.n, host.n - begin.n - (sizeof(rep) - 1) };
	return (struct slice){ 0 };
}

struct slice price_place_of_host(struct slice host)
{
	static const char openai[] = ".api.openai.com";
	struct slice port;

	slice_cut(host, ':', &host, &port);
	if (slice_ends(host, slice_of(openai)))
		return (struct slice){ host.p, host.n - (sizeof(openai) - 1) };
	return vertex_place(host);
}
