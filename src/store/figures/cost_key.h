/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "store/reader.h"

/*
 * What a filter asks of one thing that costs are summed by, beside time: "agent:codex",
 * "-user:root", "host:a,b". Lent from the filter.
 */
struct cost_key {
	const struct store_filter *f;
	const char *name;    /* of its terms; NULL: nothing is asked */
	enum store_group of; /* where there is a name */
	struct slice is;     /* what a field asks for */
	bool one;	     /* it lets one key through at most */
};

/* False where it asks for anything else. */
bool cost_key_of(const struct store_filter *f, struct cost_key *ret);
/*
 * " AND ..." that @expr, which is never NULL, is such a key, with parameters from number @first on.
 * To be freed with sqlite3_free(); NULL where memory is refused.
 */
char *cost_key_sql(const struct cost_key *k, const char *expr, int first);
/* SQLite's code. */
int cost_key_bind(const struct cost_key *k, sqlite3_stmt *s, int first);
