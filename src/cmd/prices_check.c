/* SPDX-License-Identifier: BSD-2-Clause */
/* `sonde prices check`: what is wrong with a file of prices, and where; `format`: what one can
 * have. */
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/prices_cmd.h"
#include "cmd/reader.h"

struct checking {
	const char *name;
	struct slice text;
	size_t errors, warnings;
};

static int on_finding(void *ctx, const struct price_error *err, bool warning)
{
	struct checking *c = ctx;
	size_t line, column;

	*(warning ? &c->warnings : &c->errors) += 1;
	slice_position(c->text, err->offset, &line, &column);
	if (err->offset)
		printf("%s:%zu:%zu: %s%s\n", c->name, line, column, warning ? "warning: " : "",
		       err->text);
	else
		printf("%s: %s%s\n", c->name, warning ? "warning: " : "", err->text);
	return ferror(stdout) ? -EPIPE : 0;
}

/* How many errors, or -errno. */
static int check(const char *name, struct slice text)
{
	struct checking c = { .name = name, .text = text };
	int r = price_check(text, on_finding, &c);

	if (r < 0 && r != -EBADMSG)
		return r;
	if (c.errors == 0)
		printf("%s: can be used%s\n", name, c.warnings ? ", with warnings" : "");
	return c.errors > INT32_MAX ? INT32_MAX : (int)c.errors;
}

static int check_file(const char *path)
{
	struct buf text = { 0 };
	int r = prices_read_file(path, &text);

	if (r < 0)
		log_errno(r, "cannot read '%s'", path);
	else
		r = check(path, buf_slice(&text));
	buf_done(&text);
	return r;
}

int prices_check_run(const struct prices_options *o, char **argv)
{
	_cleanup_(freep) char *path = NULL;
	int errors, r;

	if (argv[0]) {
		errors = check_file(argv[0]);
	} else {
		errors = check("(built in)", price_builtin());
		r = errors >= 0 ? prices_find(o->prices, &path) : errors;
		if (r >= 0 && path)
			r = check_file(path);
		errors = r < 0 ? r : errors + r;
	}
	if (errors < 0)
		return 1;
	r = reader_finish(0);
	return errors > 0 ? 1 : r;
}

/* As the head of the built-in table has it: one text for those who read and those who change it. */
int prices_format_run(const struct prices_options *o, char **argv)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(1u << 20);
	struct slice about = json_member(price_builtin(), SLICE("about")), line;
	struct json_iter it;

	(void)o, (void)argv;
	if (!mem || !json_array(about, &it))
		return 1;
	while (json_next(&it, &line)) {
		line = json_text(line, mem);
		printf("%.*s\n", SLICE_ARG(line));
	}
	return reader_finish(0);
}
