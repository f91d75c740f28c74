/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers whose request was lost. What they used was paid for, so they are calls: where the
 * connection has carried calls before, or another one to the same address has, or the server's name
 * is a known one; and where the answer is in a format of ours. What was asked is not known.
 */
#include <xxhash.h>

#include "llm/format.h"

#define ADDRESS_KEY (1ull << 63) /* ids of connections are counted up and never get there */

static uint64_t key_of_address(const struct connection *conn)
{
	const uint64_t h = XXH3_64bits(conn->remote_addr, sizeof(conn->remote_addr));

	return conn->family ? ADDRESS_KEY | (h + conn->remote_port) : 0;
}

static struct llm_seen *place_of(struct llm_seen *seen, uint64_t key)
{
	return &seen[key % LLM_SEEN_MAX];
}

void llm_remember(struct llm_seen *seen, const struct llm_call *call)
{
	const struct connection *conn = call->http->conn;
	const uint64_t keys[] = { conn->id, call->http->inbound ? 0 : key_of_address(conn) };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i])
			*place_of(seen, keys[i]) =
				(struct llm_seen){ keys[i], call->format, call->provider };
}

static bool find(struct llm_seen *seen, uint64_t key, struct llm_seen *ret)
{
	const struct llm_seen *known = place_of(seen, key);

	if (!key || known->key != key)
		return false;
	*ret = *known;
	return true;
}

bool llm_recall(struct llm_seen *seen, const struct http_exchange *x, struct llm_seen *ret)
{
	const char *provider = llm_provider_of_host(slice_of(x->conn->server_name));

	if (x->method.n || x->inbound)
		return false;
	if (find(seen, x->conn->id, ret) || find(seen, key_of_address(x->conn), ret))
		return true;
	*ret = (struct llm_seen){ 0, llm_format_nth(0), provider };
	return provider;
}
