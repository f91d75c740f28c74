/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/table.h"

#include <string.h>

#define COLUMNS_MAX 24
#define CELL_MAX    400 /* columns of a cell, however wide the output */
#define CUT_MIN	    12
#define BETWEEN	    2

struct cell {
	size_t at, n, width;
	enum style style;
};

struct table {
	const struct table_column *columns;
	size_t n_columns, n_cells, cap_cells;
	struct cell *cells;
	struct buf text;
};

struct table *table_new(const struct table_column *columns)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = columns;
	while (t->n_columns < COLUMNS_MAX && columns[t->n_columns].title)
		t->n_columns++;
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	free(t->cells);
	buf_done(&t->text);
	free(t);
}

void table_add(struct table *t, struct slice text, enum style style)
{
	struct cell *c;

	if (t->n_cells == t->cap_cells) {
		size_t cap = t->cap_cells ? 2 * t->cap_cells : 256;
		struct cell *cells = reallocarray(t->cells, cap, sizeof(*cells));

		if (!cells)
			return;
		t->cells = cells;
		t->cap_cells = cap;
	}
	c = &t->cells[t->n_cells++];
	*c = (struct cell){ .at = t->text.n, .style = style };
	c->width = text_clean(&t->text, text, CELL_MAX);
	c->n = t->text.n - c->at;
}

void table_add_text(struct table *t, const char *text)
{
	table_add(t, slice_of(text), STYLE_PLAIN);
}

/* How wide every column is, once those that may be cut have given way. */
static void lay_out(const struct table *t, const struct screen *s, size_t *width)
{
	size_t total = 0, cuttable = 0, room;

	for (size_t i = 0; i < t->n_columns; i++)
		width[i] = strlen(t->columns[i].title);
	for (size_t i = 0; i < t->n_cells; i++)
		if (t->cells[i].width > width[i % t->n_columns])
			width[i % t->n_columns] = t->cells[i].width;
	for (size_t i = 0; i < t->n_columns; i++) {
		total += width[i] + BETWEEN;
		if (t->columns[i].cut)
			cuttable += width[i];
	}
	total -= BETWEEN;
	if (s->width <= 0 || total <= (size_t)s->width || !cuttable)
		return;
	room = total - cuttable < (size_t)s->width ? (size_t)s->width - (total - cuttable) : 0;
	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].cut) {
			size_t share = width[i] * room / cuttable;

			width[i] = share < CUT_MIN && width[i] > CUT_MIN ? CUT_MIN : share;
		}
}

static void pad(FILE *f, size_t n)
{
	fprintf(f, "%*s", (int)n, "");
}

static void print_cell(const struct table *t, const struct screen *s, size_t column, size_t width,
		       struct slice text, enum style style)
{
	_cleanup_(buf_done) struct buf shown = { 0 };
	size_t n = text_clean(&shown, text, width ? width : 1);
	size_t blank = n < width ? width - n : 0;
	bool last = column + 1 == t->n_columns;

	if (t->columns[column].right)
		pad(s->f, blank);
	fprintf(s->f, "%s%.*s%s", style ? screen_style(s, style) : "", SLICE_ARG(buf_slice(&shown)),
		style ? screen_style(s, STYLE_PLAIN) : "");
	if (!t->columns[column].right && !last)
		pad(s->f, blank);
	fputs(last ? "\n" : "  ", s->f);
}

void table_print(const struct table *t, const struct screen *s)
{
	size_t width[COLUMNS_MAX];

	if (t->n_cells == 0 || t->n_columns == 0)
		return;
	lay_out(t, s, width);
	for (size_t i = 0; i < t->n_columns; i++)
		print_cell(t, s, i, width[i], slice_of(t->columns[i].title), STYLE_DIM);
	for (size_t i = 0; i < t->n_cells; i++) {
		const struct cell *c = &t->cells[i];

		print_cell(t, s, i % t->n_columns, width[i % t->n_columns],
			   (struct slice){ t->text.p + c->at, c->n }, c->style);
	}
}
