/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/config_file.h"
#include "cmd/engine.h"
#include "cmd/prices_file.h"
#include "cmd/view.h"
#include "store/store.h"

static bool json, live, tree = true, quiet;
static const char *db, *prices, *config_path;

static const struct option_spec options[] = {
	{ "db", 0, OPTION_STRING, &db, "FILE", "store the runs there; else they are only shown",
	  NULL, NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object per span and run", NULL, NULL },
	{ "live", 0, OPTION_FLAG, &live, NULL, "a line per step, as 'sonde run' prints them", NULL,
	  NULL },
	{ "tree", 0, OPTION_FLAG, &tree, NULL, "no tree at the end", NULL, NULL },
	{ "quiet", 'q', OPTION_FLAG, &quiet, NULL, "say nothing but what goes wrong", NULL, NULL },
	{ "config", 0, OPTION_STRING, &config_path, "FILE", "see 'sonde config --help'", NULL,
	  NULL },
	{ "prices", 0, OPTION_STRING, &prices, "FILE", "prices that win over the built-in ones",
	  NULL, NULL },
	{ 0 },
};

DEFINE_CLEANUP(struct view *, view_free)

static int run(int argc, char **argv)
{
	const struct view_options view_options = {
		.out = stdout,
		.json = json,
		.live = live && !quiet,
		.tree = tree && !quiet,
		.tty_fd = -1,
		.over_fd = -1,
		.db_path = db,
	};
	_cleanup_(view_freep) struct view *view = NULL;
	_cleanup_(price_freep) struct price_table *table = NULL;
	_cleanup_(config_freep) struct config *own = NULL;
	struct engine_config c = { .db_path = db };
	struct screen out;
	int status, r;

	(void)argc;
	if (config_load(config_path, &own) < 0 ||
	    prices_load(prices, &table) < 0) /* has said why */
		return 1;
	c.prices = table;
	c.endpoints = own->endpoints;
	if (!quiet || json) {
		if (view_new(&view_options, &view) < 0)
			return 1;
		c.view = &view_sink;
		c.view_ctx = view;
		c.view_done = view_done;
	}
	status = engine_replay(&c, argv[0]);
	screen_init(&out, stdout);
	r = screen_finish(&out);
	if (r < 0)
		log_errno(r, "cannot write the output");
	return status || r < 0 ? 1 : 0;
}

const struct command command_replay = {
	.name = "replay",
	.summary = "rebuild the runs of a recording ('sonde run --record')",
	.usage = "[options] FILE",
	.help = "Reads a recording and rebuilds its runs, as the live run did: the same ids, the "
		"same\n"
		"store. Needs no privileges and no kernel support. The price table must be the "
		"same\n"
		"for the same costs.\n"
		"\n"
		"Examples:\n"
		"  sonde replay run.sonde\n"
		"  sonde replay --db new.db run.sonde && sonde show --db new.db last\n",
	.options = options,
	.run = run,
	.min_operands = 1,
	.max_operands = 1,
};
