/* SPDX-License-Identifier: BSD-2-Clause */
/* Aligned columns, as wide as what stands in them, within the terminal's width. */
#pragma once

#include "base/cleanup.h"
#include "cmd/screen.h"

struct table_column {
	const char *title;
	bool right; /* numbers */
	bool cut;   /* gives way where the terminal is too narrow */
};

struct table;

/* @columns ends with a NULL title and must outlive the table. NULL where memory is refused. */
struct table *table_new(const struct table_column *columns);
void table_free(struct table *t);
DEFINE_CLEANUP(struct table *, table_free)

/* The next cell, row by row; made harmless (screen.h). */
void table_add(struct table *t, struct slice text, enum style style);
void table_add_text(struct table *t, const char *text);
/* The heading and all rows; nothing where there are none. */
void table_print(const struct table *t, const struct screen *s);
