/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/filter.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/reader.h"

struct filter_values filter_given = { .status = -1 };

const char *const filter_statuses[] = { "running",   "completed",  "failed", "cancelled",
					"timed_out", "incomplete", "paused", NULL };

/* A folder as it stands in the store: "." is one as well. */
static struct slice project_of(const char *given)
{
	static char *resolved; /* kept as what was given is: to the end */

	if (!given || (given[0] != '.' && given[0] != '/'))
		return slice_of(given);
	if (!resolved)
		resolved = realpath(given, NULL);
	return slice_of(resolved ? resolved : given);
}

int filter_read(struct store_reader *r, struct store_filter *ret)
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
	return 0;
}

void filter_page(struct store_filter *f)
{
	if (!filter_given.limit_given)
		f->limit = FILTER_PAGE;
}
