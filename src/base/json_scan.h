/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the JSON skimmer: where strings, values and numbers end.
 *
 * Every function takes [p, end) and returns the first byte after what it read, or NULL where that
 * does not end in order before @end.
 */
#pragma once

#include "base/slice.h"

/* Past the printable ASCII that needs no escape in a string; @end where all of it is. */
const char *json_scan_plain(const char *p, const char *end);
/* @p follows the opening quote. What is escaped is not looked at. */
const char *json_scan_string(const char *p, const char *end);
/*
 * @p is at '{' or '['. Brackets are counted, not compared by kind, and what is between them is not
 * looked at: this is what makes skimming fast. NULL also where it is nested too deep.
 */
const char *json_scan_nested(const char *p, const char *end);
/* The longest number at @p as RFC 8259 has it. */
const char *json_scan_number(const char *p, const char *end);
static inline const char *json_scan_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}
/* Any value, at its first byte. Scalars: everything up to the next blank, comma or bracket. */
const char *json_scan_value(const char *p, const char *end);
/* How many values @text holds at most: bounds what a tree of it would cost. */
size_t json_count_values(struct slice text);
