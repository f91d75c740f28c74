/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How secrets are found; shared by the files of the redactor.
 *
 * Every rule has a literal that its secrets cannot lack ("ghp_", "password", "://"). One pass looks
 * for the first two bytes of all literals at once, so that text without secrets costs about a
 * nanosecond a byte; only where a whole literal stands its rule looks closer.
 */
#pragma once

#include "base/arena.h"
#include "trace/redact.h"

/* Text, and where the last secret found in it ended: behind a secret a new word may begin. */
struct redact_text {
	struct slice s;
	size_t floor;
};

struct redact_span {
	size_t from, to; /* bytes of the text to be replaced */
	const char *kind;
};

struct redact_rule;
/* Whether a secret goes with the literal at @at, and which bytes of the text it is. */
typedef bool (*redact_match)(const struct redact_text *t, size_t at, const struct redact_rule *rule,
			     struct redact_span *ret);

/* Sets of bytes, as bits. */
enum {
	SET_DIGIT = 1,
	SET_LOWER = 2,
	SET_UPPER = 4,
	SET_HEX = 8,
	SET_DASH = 16,	 /* - _ */
	SET_BASE64 = 32, /* + / = beside letters and digits */
	SET_DOT = 64,	 /* . ~ */
	SET_ALNUM = SET_DIGIT | SET_LOWER | SET_UPPER,
	SET_WORD = SET_ALNUM | SET_DASH,
};

struct redact_rule {
	const char *literal;
	const char *kind;
	redact_match match;
	uint8_t set; /* bytes that follow the literal, for rules that are prefixes */
	uint16_t min, max;
	bool digit;    /* one must be among them */
	bool any_case; /* of the literal */
};

extern const struct redact_rule redact_rules[];
extern const size_t redact_n_rules;

/* The first secret at or after *@at; moves *@at behind it (or to the end). */
bool redact_next(const struct redactor *r, const struct redact_text *t, size_t *at,
		 struct redact_span *ret);

/* How sure a name makes it that the value behind it is a secret. */
enum redact_class {
	CLASS_NONE,
	CLASS_STRONG, /* password, api_key: nearly every value */
	CLASS_TOKEN,  /* token: values that look random */
	CLASS_HEADER, /* authorization, cookie: up to the end of the line */
	CLASS_HEX,    /* signature: hexadecimal */
	CLASS_PWD,    /* pwd: a password, or a directory */
};

/* The class of an identifier such as OPENAI_API_KEY or accessToken. */
enum redact_class redact_name(struct slice name, const char **ret_kind);
/* The same for a query parameter or an option, where a bare "key" or "sig" says enough. */
enum redact_class redact_parameter(struct slice name, const char **ret_kind);
/* Whether a value that stands complete (a JSON string, an argument) is a secret of that class. */
bool redact_value(struct slice value, enum redact_class class);
/* "$TOKEN", "<your key>", "null", a mark of ours: nothing to hide. */
bool redact_is_placeholder(struct slice value);
bool redact_looks_random(struct slice value, size_t min);
/* Bytes from the start of @s on that are in @set. */
size_t redact_run(struct slice s, unsigned set);
bool redact_has(struct slice s, unsigned set);
/* What a hexadecimal digit is worth. */
unsigned redact_hex(char c);

typedef int (*redact_pass)(const struct redactor *r, struct slice text, struct buf *out);
/* Passes over @text until one changes nothing; appends the result. Removed, or -ENOMEM. */
int redact_fixpoint(struct redactor *r, struct slice text, struct buf *out, redact_pass pass);

/* Appends "[redacted:KIND]". */
int redact_put_mark(struct buf *out, const char *kind);
#define REDACT_MARK "[redacted:"
#define REDACT_MAX  ((size_t)1 << 30) /* bytes of output */
