/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON, read in three ways and written in one.
 *
 * Skimming gives the byte ranges of members and elements without allocating: for large documents of
 * which little is wanted. cJSON reads small ones; its paths are dotted
 * ("message.usage.input_tokens"), and what is absent or of another type reads as empty, 0 or NULL:
 * traffic we did not write must not need a check per field. Values that cJSON would damage
 * (\u0000, integers over 2^53) are taken from the skimmed slice.
 * Input is hostile: depth is bounded by JSON_DEPTH_MAX.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/slice.h"

#define JSON_DEPTH_MAX	256
#define JSON_PARSE_MAX	(16u << 20) /* bytes of a document that becomes a tree */
#define JSON_VALUES_MAX (1u << 19)  /* values in it */

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

/* --- skimming --- */

/*
 * Walks one object or array. Only the level that is walked is looked at closely: of a nested value
 * no more is known than that its strings end and its brackets balance, of a scalar only where it
 * ends. What is walked need not be whole: what comes before the cut is found.
 */
struct json_iter {
	struct slice rest; /* what is not read yet; if bad: from the value that does not end */
	bool object, bad;  /* bad: it was not well formed, cut, or too deep */
	bool first, over;  /* nothing was read yet; the closing bracket was seen */
};

/* False where @value is no object (no array). */
bool json_object(struct slice value, struct json_iter *ret);
bool json_array(struct slice value, struct json_iter *ret);
/*
 * The next member: @ret_key without its quotes, escapes as they stand. False at the end or if bad;
 * where a value does not end, @ret_key still names it.
 */
bool json_next_member(struct json_iter *it, struct slice *ret_key, struct slice *ret_value);
bool json_next(struct json_iter *it, struct slice *ret_value);
/* The first member of that name, or the empty slice. */
struct slice json_member(struct slice object, struct slice key);
/* The first member of each of @n names in one pass, empty where there is none; false where @object
 * is none. */
bool json_members(struct slice object, const char *const names[], struct slice ret[], size_t n);
/* A value by its dotted path ("usage.input_tokens"), or the empty slice. */
struct slice json_find(struct slice value, const char *path);
/* Whether @text is one well-formed JSON value and blanks (RFC 8259; UTF-8 is not checked). */
bool json_valid(struct slice text);
/* The same; else @ret_offset is where the first token begins that does not belong there, or the
 * end of @text where more was to come. */
bool json_check(struct slice text, size_t *ret_offset);
/*
 * A string value's text with its escapes resolved, in @mem (no copy where there are none); empty
 * where it is no string. Half a surrogate pair becomes U+FFFD, \u0000 a NUL byte.
 */
struct slice json_text(struct slice value, struct arena *mem);
/* Whether a value is that string, spelled without escapes. */
bool json_is(struct slice value, const char *text);
/* False where it is no integer (3.0 and 1e3 are integers) or does not fit. */
bool json_int64(struct slice value, int64_t *ret);
/* The number times 10^@scale, rounded half away from 0; false where it is none or does not fit. */
bool json_scaled(struct slice value, int scale, int64_t *ret);
/* False where it is no number or too large. */
bool json_double(struct slice value, double *ret);

/* Where an integer found at @path goes in a struct. */
struct json_int_field {
	const char *path;
	size_t offset;
};

/* Stores those of the @n fields that are present as int64_t; leaves the others as they were. */
void json_find_ints(struct slice value, const struct json_int_field *fields, size_t n, void *dst);

/* --- small documents --- */

/* NULL where it is not JSON or over the limits; trailing bytes are allowed. */
cJSON *json_parse(struct slice s);
const cJSON *json_at(const cJSON *j, const char *path);
struct slice json_str(const cJSON *j, const char *path);
int64_t json_int(const cJSON *j, const char *path); /* 0 where absent */

/* The same in a tree. */
void json_ints(const cJSON *j, const struct json_int_field *fields, size_t n, void *dst);

/* --- writing --- */

/*
 * Appends to a buffer; commas are put where they belong. The first error sticks and is in `r`.
 *
 *	struct json_writer w = { .out = &buf };
 *	json_begin(&w, '{'); json_key(&w, "name"); json_put_str(&w, name); json_end(&w, '}');
 */
struct json_writer {
	struct buf *out;
	size_t max; /* bytes of out; 0: 256 MiB */
	bool comma; /* a value precedes */
	int r;	    /* 0, -ENOMEM, -E2BIG */
};

void json_begin(struct json_writer *w, char open);
void json_end(struct json_writer *w, char close);
void json_key(struct json_writer *w, const char *key);
void json_put_key(struct json_writer *w, struct slice key); /* the same */
/* Escapes; bytes that are not UTF-8 become U+FFFD. */
void json_put_str(struct json_writer *w, struct slice s);
void json_put_int(struct json_writer *w, int64_t v);
void json_put_double(struct json_writer *w,
		     double v); /* shortest that reads back; NaN, Inf: null */
void json_put_bool(struct json_writer *w, bool v);
void json_put_null(struct json_writer *w);
/*
 * A well-formed value that does not begin with a blank: minified, members sorted, strings and
 * numbers in one spelling, without members that @drop (may be NULL) says so of. @mem is for what is
 * sorted and unescaped; where it has failed, what was written is nonsense.
 */
void json_put_canonical(struct json_writer *w, struct slice json, struct arena *mem,
			bool (*drop)(struct slice key));
/* JSON text as it stands. */
void json_put_raw(struct json_writer *w, struct slice json);
