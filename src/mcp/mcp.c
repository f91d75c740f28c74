/* SPDX-License-Identifier: BSD-2-Clause */
#include "mcp/mcp.h"

#include <errno.h>
#include <stdlib.h>

#include "mcp/http.h"
#include "mcp/http_session.h"
#include "mcp/stdio.h"

#define BUDGET_MAX ((size_t)256 << 20)

int mcp_new(const struct mcp_reader *reader, void *ctx, struct stats *stats, struct mcp **ret)
{
	struct mcp *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->reader = reader;
	m->ctx = ctx;
	m->stats = stats;
	m->budget.max = BUDGET_MAX;
	*ret = m;
	return 0;
}

void mcp_free(struct mcp *m)
{
	if (!m)
		return;
	talks_free(m);
	http_works_free(m);
	http_sessions_free(m);
	cards_free(m);
	free(m);
}

void mcp_exited(struct mcp *m, struct process_key process, uint64_t ts_ns)
{
	if (!process.tgid)
		return;
	talks_exited(m, process, ts_ns);
	http_sessions_exited(m, process, ts_ns);
}
