/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers whose request was lost. What they used was paid for, so they are calls: where the
 * connection has carried calls before, or its server is a known one, and the answer is in a format
 * of ours. What was asked is not known.
 */
#include "llm/format.h"

static struct llm_seen *place_of(struct llm_seen *seen, uint64_t conn)
{
	return &seen[conn % LLM_SEEN_MAX];
}

void llm_remember(struct llm_seen *seen, const struct llm_call *call)
{
	const uint64_t conn = call->http->conn->id;

	*place_of(seen, conn) = (struct llm_seen){ conn, call->format, call->provider };
}

bool llm_recall(struct llm_seen *seen, const struct http_exchange *x, struct llm_seen *ret)
{
	const struct llm_seen *known = place_of(seen, x->conn->id);
	const char *provider;

	if (x->method.n || x->inbound)
		return false;
	if (known->format && known->conn == x->conn->id) {
		*ret = *known;
		return true;
	}
	provider = llm_provider_of_host(slice_of(x->conn->server_name));
	*ret = (struct llm_seen){ x->conn->id, llm_format_nth(0), provider };
	return provider;
}
