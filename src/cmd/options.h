/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options as tables: one row is parser, default and help text at once.
 *
 *	static bool json;
 *	static const struct option_spec options[] = {
 *		{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object per line", NULL, NULL },
 *		{ 0 },
 *	};
 *
 * Understood: --x=v, --x v, -x v, -xv, several flags behind one dash, --no-x for flags, `--`.
 * The last of several wins. --help and -h belong to every command.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum option_type {
	OPTION_FLAG,   /* bool: --x, --no-x */
	OPTION_STRING, /* const char * */
	OPTION_FILE,   /* the same; a file of the caller's: nobody else may open it in his stead */
	OPTION_FOLDER, /* the same; "." and "/..." are folders of the caller's */
	OPTION_SIZE,   /* uint64_t bytes: 512K, 32M, 1G */
	OPTION_COUNT,  /* uint64_t */
	OPTION_CHOICE, /* int: index into choices */
	OPTION_TIME,   /* uint64_t Unix ns: 2026-11-20, 2026-11-20T10:00, 90m, 2h, 7d (ago) */
};

struct option_spec {
	const char *name; /* without the dashes */
	char letter;	  /* or 0 */
	enum option_type type;
	void *value;		    /* where the value goes; what stands there is the default */
	const char *arg;	    /* shown in help: "FILE" */
	const char *help;	    /* one or more lines */
	const char *const *choices; /* OPTION_CHOICE: ends with NULL */
	bool *seen;		    /* set where given; may be NULL */
};

#define OPTIONS_HELP (-ECANCELED) /* --help was given */

struct options_error {
	char text[256]; /* "unknown option '--jsno'; did you mean '--json'?" */
};

/*
 * Parses @argv (options and operands only, ending with a NULL) into the table's values and moves
 * the operands to its front. Returns their number, OPTIONS_HELP, or -EINVAL with a line in @err.
 * With @stop_at_operand everything from the first operand on is one.
 */
int options_parse(const struct option_spec *specs, bool stop_at_operand, int argc, char **argv,
		  struct options_error *err);

/*
 * The same without setting anything: @fn is told of each option (of a flag @value is NULL, and
 * @on what it would be) and operand (@spec NULL), in order. What it returns below 0 ends it and is
 * returned.
 */
typedef int (*options_visit_fn)(void *ctx, const struct option_spec *spec, bool on,
				const char *value);
int options_walk(const struct option_spec *specs, bool stop_at_operand, int argc,
		 const char *const *argv, options_visit_fn fn, void *ctx,
		 struct options_error *err);

/* The option list of `--help`, appended. Shows the values as defaults: call it before parsing. */
void options_help(const struct option_spec *specs, struct buf *ret);

/* The one of @names (ends with NULL) that @word was probably meant to be, or NULL. */
const char *options_suggest(const char *word, const char *const *names);

/* As OPTION_SIZE reads it (of OPTION_TIME: base/when.h). False where it is none. */
bool options_size(const char *text, uint64_t *ret);
