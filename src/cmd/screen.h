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

/* Short forms, to be used at once: puts(format_duration(ns).s) */
struct text32 {
	char s[32];
};

struct text64 {
	char s[64];
};

struct text32 format_duration(uint64_t ns);  /* "812 ms", "3.2 s", "4m 03s", "2h 05m" */
struct text32 format_count(int64_t n);	     /* "1,204", "12.3k", "1.2M"; "?" below 0 */
struct text32 format_bytes(uint64_t n);	     /* "812 B", "1.5 KiB" */
struct text32 format_cost(int64_t pico_usd); /* "$0.0042", "$12.34" */
/* Spent, and what a plan covers: "$0.0042", "~$12.34", "$0.0042 + ~$12.34" */
struct text64 format_costs(int64_t pico_usd, int64_t equivalent_pico_usd);
struct text32 format_usd(int64_t pico_usd);	 /* exact: "0.0042" */
struct text32 format_clock(uint64_t unix_ns);	 /* local: "14:03:22" */
struct text32 format_time(uint64_t unix_ns);	 /* local: "2026-11-20 14:03:22" */
struct text32 format_day_time(uint64_t unix_ns); /* local, to the minute: "Nov 20 14:03" */
