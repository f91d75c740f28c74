/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Refusing memory on purpose: every unit test is linked with malloc, calloc and realloc wrapped.
 *
 *	for (long n = 1;; n++) {
 *		alloc_refuse(n);		the nth allocation from here on fails, and all after
 *it r = work(); if (!alloc_allow())		nothing was refused: all of it has been tried break;
 *		assert_int_equal(r, -ENOMEM);
 *	}
 */
#pragma once

#include <stdbool.h>

void alloc_refuse(long nth);
/* Back to normal. Whether anything was refused. */
bool alloc_allow(void);
