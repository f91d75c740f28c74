/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What caches save: tokens that were read from one, at what they would have cost otherwise. Which
 * provider a sum's tokens are of is not known, so it is what the first that sells the model asks
 * for at the time of asking.
 */
#pragma once

#include "price/price.h"

struct saved;

/* @prices is lent; NULL: nothing is known. Any thread may ask. 0 or -ENOMEM. */
int saved_new(const struct price_table *prices, struct saved **ret);
void saved_free(struct saved *s);
/* 10^-12 USD; LLM_UNKNOWN where the model has no price for one of the two. */
int64_t saved_pico_usd(struct saved *s, struct slice model, int64_t tokens, uint64_t now_ns);
