/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces of local time. */
#pragma once

#include "store/figures/metrics.h"

/* One piece: from when, and when the next begins. Unix seconds. */
struct local_piece {
	int64_t from, to;
};

/* That of @seconds. */
struct local_piece local_piece(enum metrics_bucket kind, int64_t seconds);
/* Whether half hours of Greenwich make whole hours and days here, now and all the year. */
bool local_is_of_half_hours(void);
