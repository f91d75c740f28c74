/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "store/store.h"

/* `sonde store gc`: with progress on a terminal, and what went at the end. 0 or -errno; has said
 * why. */
int gc_store(const char *path, const struct store_gc_options *o, bool json);
