/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of `sonde prices`, a file each. */
#pragma once

#include "base/json.h"
#include "cmd/prices_file.h"

/* The options, which are the same for all parts; what one has no use for it leaves alone. */
struct prices_options {
	bool json;
	const char *prices;   /* --prices */
	const char *provider; /* NULL: any */
	const char *output;   /* import: NULL: the user's own file */
	uint64_t at;	      /* Unix ns; 0: now */
};

/* Called with the operands behind their name; they end with NULL. The exit status. */
int prices_list_run(const struct prices_options *o, char **argv);
int prices_show_run(const struct prices_options *o, char **argv);
int prices_format_run(const struct prices_options *o, char **argv);
int prices_check_run(const struct prices_options *o, char **argv);
int prices_import_run(const struct prices_options *o, char **argv);
int prices_cost_run(const struct prices_options *o, char **argv);

uint64_t prices_time(const struct prices_options *o);

/* 10^-6 USD exactly, without zeros at the end: "0.435"; "" below 0. */
struct text32 prices_money(int64_t micro);
/* "input_usd_per_million" */
struct text64 prices_rate_key(enum price_rate rate);
/* A member, where @text is not empty. */
void prices_put_text(struct json_writer *w, const char *key, const char *text);
