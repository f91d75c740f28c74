/* SPDX-License-Identifier: BSD-2-Clause */
/* What the values of a filter's terms are. */
#pragma once

#include "base/arena.h"
#include "store/list/terms.h"

/* "filter: ...", and -EINVAL. */
int filter_fail(struct store_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* So much of it as an error has room for. */
struct slice filter_shown(struct slice s);

int filter_value(const struct term_name *name, struct slice text, struct term_value *ret,
		 struct store_error *err);
/* Words in this order, as the index of words is asked for them; empty where memory is refused. */
struct slice filter_phrase(struct arena *mem, struct slice words);
/* Whether a field of the filter says the same as the term, and now does: the faster way. */
bool filter_set_field(struct store_filter *f, const struct store_term *t);
