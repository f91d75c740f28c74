/* SPDX-License-Identifier: BSD-2-Clause */
/* One model of a public list, on its way into our form. */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "price/import.h"

#define IMPORT_LEVELS  8
#define IMPORT_TIERS   6
#define IMPORT_PERIODS 8
#define IMPORT_NAMES   64

struct imported_level {
	int64_t over; /* -1: any call */
	int64_t rate[PRICE_RATES];
};

struct imported_tier {
	struct slice name; /* empty: standard; that is always the first */
	int64_t permille;  /* -1: it has prices of its own */
	struct imported_level levels[IMPORT_LEVELS];
	size_t n;
};

struct imported_period {
	struct slice from, until; /* dates; empty: open */
	char hours[12];
	struct imported_tier tiers[IMPORT_TIERS];
	size_t n_tiers;
	int64_t anywhere_permille, us_permille; /* -1: no such factor */
};

struct imported {
	struct price_import *im;
	struct arena *mem; /* of one list */
	struct slice providers[2];
	struct slice model; /* for notes, and the first name */
	struct slice names[IMPORT_NAMES], exact[IMPORT_NAMES];
	size_t n_names, n_exact;
	struct imported_period periods[IMPORT_PERIODS];
	size_t n_periods;
};

void imported_note(const struct imported *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Sets everything but im and mem to nothing known. */
void imported_reset(struct imported *m);
/* A new period without prices, or NULL where there are too many. */
struct imported_period *imported_period(struct imported *m);
/* The rates of a tier above so many tokens (-1: any), found or made; NULL where there are too
 * many. */
int64_t *imported_rates(struct imported *m, struct imported_period *p, struct slice tier,
			int64_t over);
/* As calls of @provider name it; each once. */
void imported_name(struct imported *m, struct slice name, bool exact);
/* Appends it, where it has a price. 0 or -ENOMEM. */
int imported_write(struct imported *m);

int import_litellm(struct slice list, struct imported *m);
int import_genai(struct slice list, struct imported *m);
