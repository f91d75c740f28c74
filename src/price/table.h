/* SPDX-License-Identifier: BSD-2-Clause */
/* A price table in memory: what parse.c makes and price.c looks things up in. */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "price/price.h"

struct price_geo {
	struct price_geo *next;
	struct slice name; /* "*": any place that is told, but for those with a name of their own */
	int64_t permille;
};

/* Prices of a call whose whole input has more than `over` tokens. */
struct price_level {
	struct price_level *next;  /* of the next smaller `over` */
	int64_t over;		   /* -1: any call */
	int64_t rate[PRICE_RATES]; /* 10^-6 USD; -1: none */
};

struct price_tier {
	struct price_tier *next;
	struct slice name;	    /* empty: standard */
	int64_t permille;	    /* of the rates that are scaled */
	struct price_level *levels; /* the largest `over` first; the last has -1 */
};

/* Prices in force for a while. */
struct price_period {
	struct price_period *next;
	uint64_t from_ns, until_ns; /* Unix time; 0, UINT64_MAX: open */
	struct slice hours;	    /* empty: all day */
	int from_minute, until_minute;
	struct price_tier *tiers; /* standard first */
	struct price_geo *geos;
};

enum price_match {
	MATCH_RELEASES, /* the name, and with a release after it */
	MATCH_EXACT,
	MATCH_PATTERN, /* `*` stands for anything */
};

struct price_name {
	struct price_name *next;
	struct slice text;
	enum price_match match;
};

struct price_entry {
	struct price_entry *next, *next_pattern;
	const struct price_table *table;
	size_t index; /* its place in the file */
	struct slice model;
	struct price_name *providers; /* NULL: any */
	struct price_name *names;
	struct price_period *periods;
	struct slice unpriced;	   /* why it has no price; then it has no periods */
	struct slice source, date; /* its own; empty: the table's */
};

/* Entries by provider and name; of one key in the order of the file. */
struct price_ref {
	struct price_ref *next;
	struct price_entry *entry;
	enum price_match match;
};

struct price_index {
	UT_hash_handle hh;
	struct price_ref *first, **tail;
	const char *key; /* provider, NUL, name */
};

/* What was used of a price has a name, "version/model/tier/over 200000/geo". */
struct price_key {
	UT_hash_handle hh;
	struct price_key_of {
		const struct price_period *period;
		const struct price_tier *tier;
		const struct price_level *level;
		const struct price_geo *geo;
	} of;
	struct slice text;
};

struct price_keys {
	struct arena *mem;
	struct price_key *map;
};

/* Another name for a model: a deployment, an inference profile. */
struct price_alias {
	struct price_alias *next;
	struct slice name, provider, model; /* provider empty: the call's */
};

/* A provider at which other providers' models cost what they cost there. */
struct price_like {
	struct price_like *next;
	struct slice provider;
	struct price_name *others;
};

struct price_table {
	struct arena *mem;
	struct slice version, source, date;
	struct price_entry *entries;
	struct price_entry *patterns; /* those with a MATCH_PATTERN */
	struct price_index *index;
	struct price_alias *aliases;
	struct price_like *likes;
	struct price_keys *keys;  /* of this table and those over it */
	struct price_table *over; /* a user's table, looked at first */
};

/* --- names.c --- */

#define MODEL_NAME_MAX 512 /* a longer one is no model of ours */

/* A call's model as tables name it. */
struct price_model {
	struct slice provider, name;
	struct slice full;	   /* name with its region, for entries that are of one alone */
	struct slice place;	   /* that the name told; empty: none */
	char text[MODEL_NAME_MAX]; /* what name may point into */
};

void price_model_of(struct slice provider, struct slice model, struct price_model *ret);
/* How many of its first bytes are a name that has a release after it ("-20250929"), beginning with
 * the longest; 0: none shorter than @below. */
size_t price_release_at(struct slice provider, struct slice name, size_t below);
bool price_pattern_matches(struct slice pattern, struct slice text);

/* --- find.c --- */

/* Puts an entry into the index; false where memory is refused. */
bool price_index_add(struct price_table *t, struct price_entry *e);
void price_index_free(struct price_table *t);
/* Entries of exactly that provider (or of any) and name, NULL: none. */
const struct price_ref *price_index_find(const struct price_table *t, struct slice provider,
					 struct slice name);
/* As aliases have it. */
void price_resolve(const struct price_table *t, const struct price_query *q,
		   struct price_model *ret);
/*
 * The entry and its prices at @unix_ns; NULL: none. @ret_entry alone is set where only the time
 * does not fit, or where it says that it has no price.
 */
const struct price_period *price_find(const struct price_table *t, const struct price_model *m,
				      uint64_t unix_ns, const struct price_entry **ret_entry);
bool price_period_holds(const struct price_period *p, uint64_t unix_ns);
