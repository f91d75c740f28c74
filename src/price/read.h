/* SPDX-License-Identifier: BSD-2-Clause */
/* What reading a table's text is made of: places, members, numbers. */
#pragma once

#include "base/json.h"
#include "price/table.h"

/* One reading; the first error of an entry sticks. */
struct reader {
	struct slice text; /* all of it */
	struct arena *mem;
	struct price_table *table;
	struct price_error *err;
	struct slice entry, model; /* what is being read of the models: its JSON, its name */
	int index;
	int r;
};

/* Notes what is wrong at @at, a part of the text. Always false. */
__attribute__((format(printf, 3, 4))) bool reader_wrong(struct reader *rd, struct slice at,
							const char *fmt, ...);
/*
 * The members of an object that are among @names, in @ret in their order; empty where there is
 * none. False where there are others, or where it is no object (@what says what it should have
 * been).
 */
bool reader_members(struct reader *rd, struct slice object, const char *const *names, size_t n,
		    struct slice *ret, const char *what);
/* USD with at most 6 decimals into 10^-6 USD. */
bool reader_usd(struct reader *rd, struct slice value, const char *name, int64_t *ret);
/* 0 to 1000 with at most 3 decimals, into thousandths. */
bool reader_factor(struct reader *rd, struct slice value, struct slice name, int64_t *ret);
/* "2026-09-01" or "2026-09-01T16:30:00Z" */
bool reader_time(struct reader *rd, struct slice value, const char *name, uint64_t *ret);
/* Text that is not empty, NUL-terminated. */
bool reader_text(struct reader *rd, struct slice value, const char *name, struct slice *ret);
/* A name or a list of names, put at *@tail. */
bool reader_names(struct reader *rd, struct slice value, const char *name, enum price_match match,
		  struct price_name ***tail);

/* A new list element, or NULL where memory is refused: asked about at the end. */
#define READER_NEW(rd, type) ARENA_NEW((rd)->mem, type)

/* --- read_period.c --- */

/* Appends the prices of an entry's "prices": an object or a list of them. */
bool reader_periods(struct reader *rd, struct slice value, struct price_entry *e);
