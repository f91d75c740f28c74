/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far back figures go that no sum has. They are made of steps one by one, and people do not
 * wait until millions of these were read: who asks for them may add up the newest alone, and say
 * since when.
 */
#pragma once

#include "store/query.h"

#define STORE_REACH_MAX 30000 /* steps of a kind that are read one by one */

/*
 * @ret: the filter's own beginning where sums have what is asked for, or where there are so few
 * steps of the kind in its time; else the time since when there are. 0 or -errno.
 */
int store_cost_reach(struct store_reader *r, const struct store_filter *f, enum store_group by,
		     uint64_t *ret); /* of the rows and their total */
int store_tools_reach(struct store_reader *r, const struct store_filter *f, uint64_t *ret);
int store_offers_reach(struct store_reader *r, const struct store_filter *f, uint64_t *ret);
