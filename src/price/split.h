/* SPDX-License-Identifier: BSD-2-Clause */
/* Inclusive usage into amounts that do not overlap: what each rate is paid for. */
#pragma once

#include "price/table.h"

/* NULL, or why that cannot be told: a count that the prices of @l need is not known, or the counts
 * contradict each other. @n is what each rate is multiplied by. */
const char *price_split(const struct llm_usage *u, const struct price_level *l,
			int64_t n[PRICE_RATES]);
/* What a kind costs; where it has no price of its own, what it is a part of. -1: not known. */
int64_t price_rate_of(const struct price_level *l, enum price_rate kind);
