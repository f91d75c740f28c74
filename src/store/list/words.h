/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words(text): aggregate over lists of words with commas, each word once, in the order in which
 * they came; "a,b" and "b, c" are "a,b,c". At most WORDS_MAX: what comes then is left out.
 */
#pragma once

#include <sqlite3.h>

#define WORDS_MAX 100

/* Defines it. SQLite's code. */
int words_define(sqlite3 *db);
