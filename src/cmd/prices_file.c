/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/prices_file.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cmd/own_file.h"

#define FILE_MAX (64u << 20)

static const struct own_file own = { .env = "SONDE_PRICES", .name = "prices.json" };

int prices_own(const char *option, char **ret)
{
	return own_file_place(&own, option, ret);
}

int prices_find(const char *option, char **ret)
{
	return own_file_find(&own, option, ret);
}

int prices_read_file(const char *path, struct buf *ret)
{
	return own_file_read(path, FILE_MAX, ret);
}

static int read_table(const char *path, struct price_table **ret)
{
	struct buf text = { 0 };
	struct price_error err;
	size_t line, column;
	int r = prices_read_file(path, &text);

	if (r < 0) {
		buf_done(&text);
		return log_errno(r, "cannot read the prices in '%s'", path);
	}
	r = price_read(buf_slice(&text), ret, &err);
	slice_position(buf_slice(&text), err.offset, &line, &column);
	buf_done(&text);
	if (r == 0)
		return 0;
	if (err.offset)
		log_err("%s:%zu:%zu: %s", path, line, column, err.text);
	else
		log_err("%s: %s", path, err.text);
	return r;
}

int prices_builtin(struct price_table **ret)
{
	struct price_error err;
	const int r = price_read(price_builtin(), ret, &err);

	return r < 0 ? log_errno(r, "the built-in prices: %s", err.text) : 0;
}

int prices_load(const char *option, struct price_table **ret)
{
	_cleanup_(price_freep) struct price_table *table = NULL;
	struct price_table *over = NULL;
	_cleanup_(freep) char *path = NULL;
	int r = prices_builtin(&table);

	if (r < 0)
		return r;
	r = prices_find(option, &path);
	if (r < 0)
		return log_errno(r, "cannot look for a file of prices");
	if (path) {
		r = read_table(path, &over);
		if (r < 0)
			return r;
		price_overlay(table, over);
	}
	*ret = TAKE(table);
	return 0;
}
