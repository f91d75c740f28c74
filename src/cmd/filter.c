/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/filter.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/reader.h"
#include "cmd/served.h"
#include "store/list/filter.h"

#define FILTER_MEMORY (1u << 20)

struct filter_values filter_given = { .status = -1 };

const char *const filter_statuses[] = { "running",   "completed",  "failed", "cancelled",
					"timed_out", "incomplete", "paused", NULL };

/* A folder as it stands in the store: "." is one as well. */
static struct slice project_of(const char *given)
{
	static char *resolved; /* kept as what was given is: to the end */

	/* What others name is no folder of ours: the caller has resolved it. */
	if (!given || served() || (given[0] != '.' && given[0] != '/'))
		return slice_of(given);
	if (!resolved)
		resolved = realpath(given, NULL);
	return slice_of(resolved ? resolved : given);
}

/* What the terms are made of is kept as what was given is: to the end. */
static int read_terms(const char *text, struct store_filter *f)
{
	static struct arena *kept;
	struct store_error err;
	int r = 0;

	if (!text)
		return 0;
	if (!kept)
		kept = arena_new(FILTER_MEMORY);
	if (kept)
		r = store_filter_parse(slice_of(text), kept, f, &err);
	if (!kept || r == -ENOMEM) {
		log_err("out of memory");
		return 1;
	}
	if (r < 0)
		log_err("--filter: %s", err.text);
	return r < 0 ? EXIT_USAGE : 0;
}

static int read_filter(struct store_reader *r, struct store_filter *ret)
{
	const struct filter_values *g = &filter_given;
	struct store_filter f = {
		.since_ns = g->since_ns,
		.until_ns = g->until_ns,
		.agent = slice_of(g->agent),
		.model = slice_of(g->model),
		.provider = slice_of(g->provider),
		.tool = slice_of(g->tool),
		.status = slice_of(g->status < 0 ? NULL : filter_statuses[g->status]),
		.trigger = slice_of(g->trigger),
		.project = project_of(g->project),
		.workflow = slice_of(g->workflow),
		.user = slice_of(g->user),
		.container = slice_of(g->container),
		.namespace = slice_of(g->namespace),
		.pod = slice_of(g->pod),
		.text = slice_of(g->text),
		.limit = g->limit,
	};

	if (f.until_ns && f.since_ns >= f.until_ns) {
		log_err("--since is not before --until: nothing lies between them");
		return EXIT_USAGE;
	}
	if (g->session && reader_find_session(r, g->session, &f.session) < 0)
		return 1;
	*ret = f;
	return read_terms(g->filter, ret);
}

int filter_open(const char *db, bool people, struct store_reader **ret, char **ret_path,
		struct store_filter *ret_filter)
{
	int r = reader_open(db, ret, ret_path) < 0 ? 1 : read_filter(*ret, ret_filter);

	/* A screen of them is for people; programs want all. */
	if (r == 0 && people && !filter_given.limit_given)
		ret_filter->limit = FILTER_PAGE;
	return r;
}
