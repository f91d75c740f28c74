/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "store/reader.h"

/*
 * The rows of store_cost() in its order, as a statement of the same columns that is ready to be
 * stepped. -EAGAIN where sums do not know what is asked for, or are not worth it.
 */
int cost_of_sums(struct store_reader *r, const struct store_filter *f, enum store_group by,
		 sqlite3_stmt **ret);
/* Whether there are such a statement's sums, and they are worth it. */
bool cost_sums_know(struct store_reader *r, const struct store_filter *f, enum store_group by);
