/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secrets out of text: keys, tokens, cookies, passwords, in headers, URLs, bodies, argv, file
 * names and tool results. Always on. What is removed is replaced by "[redacted:KIND]"; the
 * replacement has no trace of the value, so equal texts stay equal.
 *
 * Two sources: patterns, and values learned from the traffic itself (what stood in an
 * Authorization header is removed wherever it turns up later).
 */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

struct redactor;

int redactor_new(struct redactor **ret);
void redactor_free(struct redactor *r);

/* A value that is a secret for sure; kept as long as the redactor. Short or common ones are
 * ignored. */
void redactor_learn(struct redactor *r, struct slice secret);

/* Appends @text without its secrets to @out. Returns how many were removed, or -ENOMEM (then @out
 * is as before). */
int redact(struct redactor *r, struct slice text, struct buf *out);
/* The same for text in which JSON strings are escaped (\" \\ \uXXXX): keeps it valid JSON. */
int redact_json(struct redactor *r, struct slice json, struct buf *out);
/* A URL: userinfo and secret query parameters as well. Their values are learned. */
int redact_url(struct redactor *r, struct slice url, struct buf *out);
/* argv, NUL-separated: also the argument after `--api-key`, `-p`-like options named in a table.
 * Output joined by blanks, shell-quoted. What stood behind such an option is learned. */
int redact_argv(struct redactor *r, struct slice argv, struct buf *out);
/* Whether a header's value may be shown at all (authorization, cookie, x-api-key ...: no). */
bool redact_header_is_secret(struct slice name);
