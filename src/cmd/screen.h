/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing for people: what the output is (terminal, width, colours), and text from traffic made
 * harmless: no control characters, no escape sequences, no line breaks, no reordering marks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/format.h"

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW, STYLE_CYAN };

struct screen {
	FILE *f;
	bool tty;
	bool colour; /* on a terminal, unless NO_COLOR or TERM=dumb */
	bool utf8;   /* box drawing may be used */
	int width;   /* columns; 0: not limited (no terminal) */
};

void screen_init(struct screen *s, FILE *f);
/* The escape sequence that begins @style (STYLE_PLAIN: that ends any); "" without colours. */
const char *screen_style(const struct screen *s, enum style style);
/* 0, or -errno of anything written so far; a reader that has gone (EPIPE) is no error. */
int screen_finish(struct screen *s);

/* Columns that @s takes. */
size_t text_width(struct slice s);
/*
 * Appends @s made harmless, at most @max columns (0: not limited), with "…" where it was cut.
 * Returns the columns.
 */
size_t text_clean(struct buf *b, struct slice s, size_t max);
/* The same, with line breaks kept and every line after the first begun with @indent. */
void text_block(struct buf *b, struct slice s, const char *indent);
