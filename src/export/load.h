/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of a run, read from the store. */
#pragma once

#include "export/steps.h"
#include "store/query.h"

enum steps_looks {
	LOAD_PLAIN,  /* spans, events and errors (export/parts.h), and nothing that was said */
	LOAD_EVENTS, /* these with what tools were called with */
	LOAD_ALL,    /* parts of answers as well */
};

/* A run and its spans, the first @max (0: all). 0 or -errno; where there is no such run, it has
 * neither. */
int steps_load(struct store_reader *r, const struct id128 *run, enum steps_looks looks, size_t max,
	       struct steps *ret);
