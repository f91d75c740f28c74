/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "store/reader.h"

/* Whether store_tools() is made of sums. */
bool tools_sums_know(struct store_reader *r, const struct store_filter *f);
