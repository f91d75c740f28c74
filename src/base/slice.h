/* SPDX-License-Identifier: BSD-2-Clause */
/* A view of bytes somebody else owns: never NUL-terminated, never freed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

#define SLICE(lit) ((struct slice){ (lit), sizeof(lit) - 1 })

/* Arguments for printf's "%.*s". */
#define SLICE_ARG(s) (int)(s).n, (s).p

static inline struct slice slice_of(const char *s)
{
	return (struct slice){ s, s ? strlen(s) : 0 };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
	return prefix.n == 0 || (s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool slice_ends(struct slice s, struct slice suffix)
{
	return suffix.n == 0 ||
	       (s.n >= suffix.n && memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* Splits @s at the first @c; false, leaving both outputs alone, where there is none. */
bool slice_cut(struct slice s, char c, struct slice *ret_before, struct slice *ret_after);

/* Without blanks, tabs and line ends around it. */
struct slice slice_trim(struct slice s);
/* ASCII letters of either case are equal. */
bool slice_ieq(struct slice a, struct slice b);
bool slice_istarts(struct slice s, struct slice prefix);
/* Whether @part occurs in @s. */
bool slice_has(struct slice s, struct slice part);
/* What stands after the last slash of a path. */
struct slice slice_base(struct slice path);
/* From @at to the end; empty where @at is past it. */
struct slice slice_from(struct slice s, size_t at);
/* The whole slice as a decimal number; false where it is none or does not fit. */
bool slice_u64(struct slice s, uint64_t *ret);
/* malloc'ed and NUL-terminated; NULL where memory is refused. */
char *slice_dup(struct slice s);
/* Line and column of an offset, both from 1. */
void slice_position(struct slice text, size_t offset, size_t *ret_line, size_t *ret_column);
