/* SPDX-License-Identifier: BSD-2-Clause */
/* `sonde prices list` and `show`. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "base/util.h"
#include "cmd/prices_cmd.h"
#include "cmd/reader.h"
#include "cmd/table.h"
#include "export/span_json.h"

/* Those of a list; others are told in words. */
static const enum price_rate columns_of[] = { RATE_INPUT,	   RATE_OUTPUT,
					      RATE_CACHE_READ,	   RATE_CACHE_WRITE,
					      RATE_CACHE_WRITE_1H, RATE_WEB_SEARCH };

static const struct table_column list_columns[] = {
	{ "PROVIDER", false, false },  { "MODEL", false, true },
	{ "INPUT", true, false },      { "OUTPUT", true, false },
	{ "CACHE READ", true, false }, { "WRITE", true, false },
	{ "WRITE 1H", true, false },   { "SEARCHES", true, false },
	{ "RULE", false, true },       { 0 },
};

static const struct table_column show_columns[] = {
	{ "FROM", false, false },
	{ "UNTIL", false, false },
	{ "HOURS", false, false },
	{ "TIER", false, false },
	{ "OVER", true, false },
	{ "INPUT", true, false },
	{ "OUTPUT", true, false },
	{ "CACHE READ", true, false },
	{ "WRITE", true, false },
	{ "WRITE 1H", true, false },
	{ "SEARCHES", true, false },
	{ "AND", false, true },
	{ 0 },
};

struct listing {
	const struct prices_options *o;
	struct table *table;
	char *const *wanted; /* ends with NULL; none: all */
	struct buf line;
	char source[200], date[32];
	struct {
		char provider[64], model[128];
	} last; /* show: of which model the rows in the table are */
	size_t rows;
	struct screen screen;
};

/* --- JSON --- */

static void put_day(struct json_writer *w, const char *key, uint64_t unix_ns)
{
	char text[32];
	const time_t t = (time_t)(unix_ns / 1000000000);
	struct tm tm;

	if (unix_ns == 0 || unix_ns == UINT64_MAX || !gmtime_r(&t, &tm))
		return;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	prices_put_text(w, key, text);
}

static void put_when(struct json_writer *w, const struct price_row *row)
{
	prices_put_text(w, "tier", row->tier);
	if (row->permille && row->permille != 1000) {
		json_key(w, "tier_factor");
		json_put_raw(w, slice_of(prices_money(row->permille * 1000).s));
	}
	put_day(w, "from", row->from_ns);
	put_day(w, "until", row->until_ns);
	prices_put_text(w, "hours_utc", row->hours);
	prices_put_text(w, "places", row->places);
}

static void print_json(struct listing *l, const struct price_row *row, bool all)
{
	struct json_writer w = { .out = &l->line };

	json_begin(&w, '{');
	prices_put_text(&w, "provider", row->provider);
	prices_put_text(&w, "model", row->model);
	prices_put_text(&w, "rule", row->rule);
	if (all)
		put_when(&w, row);
	for (int i = 0; i < PRICE_RATES && !row->unpriced; i++) {
		if (row->rate[i] < 0)
			continue;
		json_key(&w, prices_rate_key((enum price_rate)i).s);
		json_put_raw(&w, slice_of(prices_money(row->rate[i]).s));
	}
	prices_put_text(&w, "unpriced", row->unpriced);
	prices_put_text(&w, "source", row->source);
	prices_put_text(&w, "date", row->date);
	prices_put_text(&w, "version", row->version);
	json_key(&w, "user");
	json_put_bool(&w, row->user);
	if (all) {
		json_key(&w, "in_force");
		json_put_bool(&w, row->in_force);
	}
	json_end(&w, '}');
	json_line(&w, stdout);
}

/* --- for people --- */

/* What has a price and no column: "audio_hour 0.36". */
static void add_others(struct buf *b, const struct price_row *row)
{
	char text[64];

	for (int i = 0; i < PRICE_RATES; i++) {
		bool shown = row->rate[i] < 0;

		for (size_t k = 0; k < ARRAY_SIZE(columns_of); k++)
			shown |= columns_of[k] == (enum price_rate)i;
		if (shown)
			continue;
		snprintf(text, sizeof(text), "%s%s %s", b->n ? ", " : "", price_rates[i].name,
			 prices_money(row->rate[i]).s);
		buf_add(b, slice_of(text), 4096);
	}
}

static void add_word(struct buf *b, const char *word)
{
	if (!word[0])
		return;
	if (b->n)
		buf_add(b, SLICE(", "), 4096);
	buf_add(b, slice_of(word), 4096);
}

static void add_rates(struct table *t, const struct price_row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns_of); i++)
		table_add_text(t, prices_money(row->rate[columns_of[i]]).s);
}

static void add_row(struct listing *l, const struct price_row *row)
{
	struct buf rule = { 0 };

	table_add_text(l->table, row->provider);
	table_add(l->table, slice_of(row->model), STYLE_BOLD);
	add_rates(l->table, row);
	add_word(&rule, row->user ? "yours" : "");
	add_word(&rule, row->rule);
	add_word(&rule, row->hours);
	add_others(&rule, row);
	table_add(l->table, buf_slice(&rule), STYLE_PLAIN);
	buf_done(&rule);
}

static bool is_wanted(const struct listing *l, const struct price_row *row)
{
	const struct prices_options *o = l->o;

	if (o->provider &&
	    !slice_eq(slice_of(row->provider), price_provider_name(slice_of(o->provider))))
		return false;
	if (!*l->wanted)
		return true;
	for (char *const *w = l->wanted; *w; w++)
		if (slice_has(slice_of(row->model), slice_of(*w)) ||
		    slice_eq(slice_of(row->provider), price_provider_name(slice_of(*w))))
			return true;
	return false;
}

static int on_row(void *ctx, const struct price_row *row)
{
	struct listing *l = ctx;

	if (!row->user) {
		snprintf(l->source, sizeof(l->source), "%s", row->source);
		snprintf(l->date, sizeof(l->date), "%s", row->date);
	}
	if (!is_wanted(l, row))
		return 0;
	l->rows++;
	if (l->o->json)
		print_json(l, row, false);
	else
		add_row(l, row);
	return ferror(stdout) ? -EPIPE : 0;
}

/* Under the table: where the figures are from. */
static int print_origin(const struct listing *l)
{
	_cleanup_(freep) char *file = NULL;
	int r = prices_find(l->o->prices, &file);

	if (r < 0)
		return r;
	printf("\nUSD per million tokens, searches per thousand; 'sonde prices show MODEL' has "
	       "service tiers,\nplaces and other times.\nBuilt in, as of %s: %s\n",
	       l->date, l->source);
	if (file)
		printf("Yours: %s\n", file);
	return 0;
}

int prices_list_run(const struct prices_options *o, char **argv)
{
	_cleanup_(price_freep) struct price_table *prices = NULL;
	_cleanup_(table_freep) struct table *table = table_new(list_columns);
	struct listing l = { .o = o, .table = table, .wanted = argv };
	int r;

	if (!table || prices_load(o->prices, &prices) < 0)
		return 1;
	r = price_list(prices, prices_time(o), on_row, &l);
	buf_done(&l.line);
	screen_init(&l.screen, stdout);
	table_print(table, &l.screen);
	if (r >= 0 && l.rows == 0) {
		log_err("no price for '%s'%s", argv[0] ? argv[0] : "anything",
			o->at ? " at that time" : "");
		return 1;
	}
	if (r >= 0 && !o->json)
		r = print_origin(&l);
	return reader_finish(r < 0 ? r : 0);
}

/* --- one model --- */

static void add_day(struct table *t, uint64_t unix_ns)
{
	char text[32] = "";
	const time_t sec = (time_t)(unix_ns / 1000000000);
	struct tm tm;

	if (unix_ns != 0 && unix_ns != UINT64_MAX && gmtime_r(&sec, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	table_add_text(t, text);
}

static void add_price(struct listing *l, const struct price_row *row)
{
	char tier[96], factor[48] = "", *over;
	struct buf others = { 0 };

	if (row->permille != 1000)
		snprintf(factor, sizeof(factor), " x%s", prices_money(row->permille * 1000).s);
	snprintf(tier, sizeof(tier), "%.40s%s", row->tier[0] ? row->tier : "standard", factor);
	over = strchr(row->rule, ' ');
	add_day(l->table, row->from_ns);
	add_day(l->table, row->until_ns);
	table_add_text(l->table, row->hours);
	table_add(l->table, slice_of(tier), row->in_force ? STYLE_BOLD : STYLE_PLAIN);
	table_add(l->table,
		  over ? (struct slice){ over + 1, strcspn(over + 1, " ") } : (struct slice){ 0 },
		  STYLE_PLAIN);
	add_rates(l->table, row);
	add_others(&others, row);
	add_word(&others, row->places);
	add_word(&others, row->in_force ? "" : "not in force");
	table_add(l->table, buf_slice(&others), STYLE_PLAIN);
	buf_done(&others);
}

/* The rows of the model before, and what the next one's are of. */
static int next_model(struct listing *l, const struct price_row *row)
{
	if (l->rows && strcmp(l->last.provider, row->provider) == 0 &&
	    strcmp(l->last.model, row->model) == 0)
		return 0;
	table_print(l->table, &l->screen);
	table_free(l->table);
	l->table = table_new(show_columns);
	if (!l->table)
		return -ENOMEM;
	printf("%s%s%s%s%s%s\n  %s, as of %s, table %s%s\n", l->rows ? "\n" : "",
	       screen_style(&l->screen, STYLE_BOLD), row->provider, row->provider[0] ? " " : "",
	       row->model, screen_style(&l->screen, STYLE_PLAIN), row->source,
	       row->date[0] ? row->date : "(no date)", row->version, row->user ? ", yours" : "");
	snprintf(l->last.provider, sizeof(l->last.provider), "%s", row->provider);
	snprintf(l->last.model, sizeof(l->last.model), "%s", row->model);
	return 0;
}

static int on_price(void *ctx, const struct price_row *row)
{
	struct listing *l = ctx;
	int r = l->o->json ? 0 : next_model(l, row);

	if (r < 0)
		return r;
	l->rows++;
	if (l->o->json)
		print_json(l, row, true);
	else if (row->unpriced)
		printf("  no price: %s\n", row->unpriced);
	else
		add_price(l, row);
	return ferror(stdout) ? -EPIPE : 0;
}

int prices_show_run(const struct prices_options *o, char **argv)
{
	_cleanup_(price_freep) struct price_table *prices = NULL;
	struct listing l = { .o = o, .table = table_new(show_columns) };
	int r = -ENOMEM;

	screen_init(&l.screen, stdout);
	if (l.table && prices_load(o->prices, &prices) == 0)
		r = price_show(prices, slice_of(o->provider ? o->provider : ""), slice_of(argv[0]),
			       prices_time(o), on_price, &l);
	buf_done(&l.line);
	if (l.table && r > 0)
		table_print(l.table, &l.screen);
	table_free(l.table);
	if (!prices)
		return 1;
	if (r == 0) {
		log_err("no price for '%s'%s%s", argv[0], o->provider ? " at " : "",
			o->provider ? o->provider : "");
		return 1;
	}
	if (r > 0 && !o->json)
		printf("\nUSD per million tokens; %s, %s, %s per thousand; %s per hour. Factors "
		       "(x) are on the\nprices of tokens, images and sound.\n",
		       "searches", "requests", "images and search units", "sound");
	return reader_finish(r < 0 ? r : 0);
}
