/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens to money, in integers: a price is in 10^-6 USD per million tokens, so one token costs a
 * whole number of 10^-12 USD.
 *
 * The table's file format is described in prices.json itself, which is embedded in the binary;
 * a user's file has the same form and wins where it names the same model. HOWTO.md says how a price
 * is changed.
 */
#pragma once

#include "sonde/span.h"

struct price_table;

/* Everything that can have a price. Tokens are priced by the million. */
enum price_rate {
	RATE_INPUT,
	RATE_OUTPUT,
	RATE_CACHE_READ,
	RATE_CACHE_WRITE, /* 5 minutes, or no lifetime told */
	RATE_CACHE_WRITE_1H,
	RATE_REASONING,
	RATE_INPUT_AUDIO,
	RATE_CACHE_READ_AUDIO,
	RATE_OUTPUT_AUDIO,
	RATE_INPUT_IMAGE,
	RATE_CACHE_READ_IMAGE,
	RATE_OUTPUT_IMAGE,
	RATE_INPUT_VIDEO,
	RATE_WEB_SEARCH, /* per thousand, likewise the next */
	RATE_REQUEST,
	RATE_IMAGE,
	RATE_SEARCH_UNIT,
	RATE_AUDIO_HOUR, /* per hour of sound */
	PRICE_RATES,
};

struct price_rate_info {
	const char *name;    /* in a table's file: "cache_read" */
	const char *unit;    /* "million tokens" */
	const char *missing; /* why a call that needs it has no price */
	int64_t denominator; /* one unit at 10^-6 USD costs 10^6 / denominator * 10^-12 USD */
	bool scaled;	     /* tiers and places change it */
};

extern const struct price_rate_info price_rates[PRICE_RATES];

/* What is wrong with a table: "models[3] (gpt-5): 'inptu' is no member". */
struct price_error {
	size_t offset; /* where in the text */
	char text[200];
};

/* Reads a table from JSON text. 0, -EBADMSG or -ENOMEM; @err may be NULL. */
int price_read(struct slice json, struct price_table **ret, struct price_error *err);
/* Reads a table from JSON text. 0, -EBADMSG with a message in @ret_why (static text), or -ENOMEM.
 */
int price_parse(struct slice json, struct price_table **ret, const char **ret_why);
/*
 * Says of each model of a table what is wrong with it, not only of the first. @warning: it can be
 * read, but does nothing or not what it seems to. A negative answer of @fn ends it.
 * 0, -EBADMSG where there was an error, -ENOMEM, or what @fn answered.
 */
typedef int (*price_check_fn)(void *ctx, const struct price_error *err, bool warning);
int price_check(struct slice json, price_check_fn fn, void *ctx);
void price_free(struct price_table *t);
/* Entries of @over before those of @t. Takes @over over. */
int price_overlay(struct price_table *t, struct price_table *over);
/* The table that came with this program. */
struct slice price_builtin(void);
/* Digest of everything that decides a price, for the record's header. */
struct id128 price_digest(const struct price_table *t);
struct slice price_version(const struct price_table *t);

struct price_query {
	struct slice provider; /* gen_ai.provider.name, or another spelling that people use */
	struct slice model;    /* the answer's, else the request's: a name, path or ARN */
	struct slice tier;     /* service tier really used; empty: standard */
	struct slice geo; /* where the provider says the model ran; empty: not told, or as the model
			     name says */
	uint64_t unix_ns; /* of the request */
	const struct llm_usage *usage;
};

/*
 * What a call costs. ret->source is COST_UNKNOWN, and ret->key says why, where a model or a needed
 * count is not known: never 0 for want of knowledge. ret->key lives as long as the table, which
 * remembers the keys that it gave away: one thread at a time.
 */
void price_call(const struct price_table *t, const struct price_query *q, struct cost *ret);

/*
 * Whether what a provider says that a call cost is another price than ours: by more than a
 * hundredth and a millionth of a dollar, as both are rounded.
 */
bool price_differs(int64_t told_pico_usd, int64_t ours_pico_usd);

/* The place that a host stands for ("eu" of eu.api.openai.com), or the empty slice. */
struct slice price_place_of_host(struct slice host);

/* The name that a provider has in tables ("aws.bedrock" of "bedrock"); else as it stands. */
struct slice price_provider_name(struct slice name);

/* Prices that hold together, for `sonde prices`. */
struct price_row {
	const char *provider, *model, *source, *date, *version;
	const char *rule;	    /* "over 200000 input tokens", "" */
	const char *tier;	    /* "" standard */
	const char *places;	    /* "us x1.1", "" */
	const char *hours;	    /* "16:30-00:30" UTC, "": all day */
	const char *unpriced;	    /* why it has no price, else NULL; then there are no rates */
	uint64_t from_ns, until_ns; /* 0, UINT64_MAX: open */
	int64_t permille;	    /* the tier's factor on the rates that are scaled */
	int64_t rate[PRICE_RATES];  /* 10^-6 USD; -1: none */
	bool user, in_force;	    /* in_force: at the time that was asked about */
};
typedef int (*price_row_fn)(void *ctx, const struct price_row *row);
/* The standard prices of all models that hold at @unix_ns. */
int price_list(const struct price_table *t, uint64_t unix_ns, price_row_fn fn, void *ctx);
/*
 * Every price of the models that @model may mean (@provider empty: of any provider), found as calls
 * are. Returns how many models that are, or what @fn answered.
 */
int price_show(const struct price_table *t, struct slice provider, struct slice model,
	       uint64_t unix_ns, price_row_fn fn, void *ctx);
