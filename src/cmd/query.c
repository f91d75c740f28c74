/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/reader.h"
#include "cmd/remote.h"
#include "cmd/table.h"
#include "export/span_json.h"

#define TABLE_ROWS 10000 /* a table is laid out before it is printed */

static bool json, csv;
static const char *db;
static uint64_t timeout = STORE_SQL_MS / 1000;

static const struct option_spec options[] = {
	{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object per row", NULL, NULL },
	{ "csv", 0, OPTION_FLAG, &csv, NULL, "comma separated, with a heading", NULL, NULL },
	{ "timeout", 0, OPTION_COUNT, &timeout, "SECONDS", "give up after so long", NULL, NULL },
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

struct output {
	struct arena *mem;
	struct table_column *columns; /* of the table; made with the first row */
	struct table *table;
	struct buf line;
	size_t rows;
};

static void output_done(struct output *o)
{
	table_free(o->table);
	arena_free(o->mem);
	buf_done(&o->line);
}

static void put_value(struct json_writer *w, const char *value, int type)
{
	const bool number = type == STORE_INTEGER || type == STORE_FLOAT;

	if (!value || (number && !json_valid(slice_of(value)))) /* "Inf" is no JSON */
		json_put_null(w);
	else if (number)
		json_put_raw(w, slice_of(value));
	else
		json_put_str(w, slice_of(value));
}

static int print_json(struct output *o, int n, const char *const *names, const char *const *values,
		      const int *types)
{
	struct json_writer w = { .out = &o->line };

	json_begin(&w, '{');
	for (int i = 0; i < n; i++) {
		json_key(&w, names[i]);
		put_value(&w, values[i], types[i]);
	}
	json_end(&w, '}');
	json_line(&w, stdout);
	return w.r;
}

/* As RFC 4180 has it. */
static void print_csv(int n, const char *const *texts)
{
	for (int i = 0; i < n; i++) {
		const char *s = texts[i] ? texts[i] : "";

		if (i)
			putchar(',');
		if (!s[strcspn(s, ",\"\r\n")]) {
			fputs(s, stdout);
			continue;
		}
		putchar('"');
		for (; *s; s++) {
			if (*s == '"')
				putchar('"');
			putchar(*s);
		}
		putchar('"');
	}
	fputs("\r\n", stdout);
}

/* Numbers stand on the right, going by the first row. */
static int begin_table(struct output *o, int n, const char *const *names, const int *types)
{
	o->mem = arena_new(1u << 20);
	o->columns = o->mem ? arena_alloc(o->mem, ((size_t)n + 1) * sizeof(*o->columns)) : NULL;
	if (!o->columns)
		return -ENOMEM;
	for (int i = 0; i < n; i++) { /* names are lent for the row only */
		o->columns[i].title = arena_copy(o->mem, slice_of(names[i])).p;
		o->columns[i].right = types[i] == STORE_INTEGER || types[i] == STORE_FLOAT;
		o->columns[i].cut = !o->columns[i].right;
	}
	o->table = arena_failed(o->mem) ? NULL : table_new(o->columns);
	return o->table ? 0 : -ENOMEM;
}

static int add_row(struct output *o, int n, const char *const *names, const char *const *values,
		   const int *types)
{
	int r = o->table ? 0 : begin_table(o, n, names, types);

	if (r < 0)
		return r;
	if (o->rows > TABLE_ROWS)
		return -EOVERFLOW;
	for (int i = 0; i < n; i++)
		table_add(o->table, slice_of(values[i]), STYLE_PLAIN);
	return 0;
}

static int on_row(void *ctx, int n, const char *const *names, const char *const *values,
		  const int *types)
{
	struct output *o = ctx;
	int r = 0;

	o->rows++;
	if (json) {
		r = print_json(o, n, names, values, types);
	} else if (csv) {
		if (o->rows == 1)
			print_csv(n, names);
		print_csv(n, values);
	} else {
		r = add_row(o, n, names, values, types);
	}
	return r < 0 ? r : ferror(stdout) ? -EPIPE : 0;
}

/* "v_runs" and under it its columns, in lines that fit a page. */
static int on_view(void *ctx, int n, const char *const *names, const char *const *values,
		   const int *types)
{
	const char *rest = values[1];

	if (json || csv || n != 2)
		return on_row(ctx, n, names, values, types);
	printf("%s\n", values[0]);
	while (*rest) {
		size_t len = strlen(rest), end = len;

		if (len > 76) {
			for (end = 76; end && rest[end - 1] != ' '; end--)
				;
			end = end ? end : len;
		}
		printf("  %.*s\n", (int)end - (rest[end - 1] == ' '), rest);
		rest += end;
	}
	return ferror(stdout) ? -EPIPE : 0;
}

static int run(int argc, char **argv)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	struct output o = { 0 };
	struct store_error err = { "" };
	struct screen screen;
	int r;

	if (reader_open(db, &reader, NULL) < 0)
		return 1;
	store_sql_limit(reader, timeout > 86400 ? 86400000 : (unsigned)timeout * 1000);
	if (argc)
		r = store_sql(reader, argv[0], on_row, &o, &err);
	else
		r = store_views(reader, on_view, &o);
	screen_init(&screen, stdout);
	if (o.table)
		table_print(o.table, &screen);
	if (r == -EOVERFLOW) {
		fprintf(stderr, "the first %d rows; --json and --csv give all\n", TABLE_ROWS);
		r = 0;
	}
	output_done(&o);
	if (*err.text) {
		log_err("%s", err.text);
		return 1;
	}
	return reader_finish(r);
}

const struct command command_query = {
	.name = "query",
	.summary = "ask the store in SQL",
	.usage = "[options] [SQL]",
	.help = "Runs one SELECT over the views of the store, read-only; without SQL it lists "
		"them.\n"
		"\n"
		"Examples:\n"
		"  sonde query \"SELECT ref, agent, cost_usd FROM v_runs ORDER BY cost_usd DESC "
		"LIMIT 5\"\n"
		"  sonde query \"SELECT tool_name, count(*) FROM v_tools GROUP BY 1\"\n"
		"  sonde query --csv \"SELECT * FROM v_cost\" > cost.csv\n",
	.options = options,
	.run = run,
	.remote = REMOTE_WHOLE,
	.max_operands = 1,
};
