/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uthash, such that refused memory is an answer and not an exit: after HASH_ADD() the element's
 * hh.tbl is NULL where there was none. Keys are compared as bytes: no holes in a struct.
 */
#pragma once

#include <xxhash.h>

#define HASH_NONFATAL_OOM	    1
#define HASH_FUNCTION(key, n, hash) ((hash) = (unsigned)XXH3_64bits((key), (n)))
#include <uthash.h>

#ifndef __clang__ /* gcc 12's analyzer takes what only a hash table points to for lost */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
