/* SPDX-License-Identifier: BSD-2-Clause */
/* Agent cards (A2A): what an agent says of itself, remembered by the host that told it. */
#include <stdlib.h>
#include <utlist.h>

#include "base/json.h"
#include "mcp/session.h"

#define CARDS_MAX	256 /* then the oldest is forgotten */
#define DESCRIPTION_MAX 512
#define SCRATCH_MAX	(1u << 20)

static void card_free(struct mcp *m, struct card *c)
{
	DL_DELETE(m->cards, c);
	free(c->host);
	free(c->name);
	free(c->version);
	free(c->description);
	free(c);
}

void cards_free(struct mcp *m)
{
	while (m->cards)
		card_free(m, m->cards);
}

const struct card *card_find(const struct mcp *m, struct slice host)
{
	struct card *c;

	DL_FOREACH(m->cards, c)
	if (slice_ieq(slice_of(c->host), host))
		return c;
	return NULL;
}

static void make_room(struct mcp *m, struct slice host)
{
	struct card *c, *next;
	unsigned n = 0;

	DL_FOREACH_SAFE(m->cards, c, next)
	{
		if (slice_ieq(slice_of(c->host), host))
			card_free(m, c);
		else
			n++;
	}
	if (n < CARDS_MAX)
		return;
	stat_add(m->stats, STAT_MCP_OVER_LIMIT, 1);
	card_free(m, m->cards);
}

void card_take(struct mcp *m, struct slice host, struct slice json)
{
	const struct slice name = json_member(json, SLICE("name"));
	struct arena *mem = arena_new(SCRATCH_MAX);
	struct slice text = mem ? json_text(name, mem) : (struct slice){ 0 };
	struct card *c;

	if (!host.n || !text.n || text.n > DESCRIPTION_MAX || memchr(text.p, '\0', text.n)) {
		arena_free(mem);
		return;
	}
	make_room(m, host);
	c = calloc(1, sizeof(*c));
	if (c) {
		c->host = slice_dup(host);
		c->name = slice_dup(text);
		session_keep(&c->version, json_text(json_member(json, SLICE("version")), mem));
		text = json_text(json_member(json, SLICE("description")), mem);
		if (text.n <= DESCRIPTION_MAX)
			c->description = text.n ? slice_dup(text) : NULL;
		DL_APPEND(m->cards, c);
	}
	if (c && (!c->host || !c->name))
		card_free(m, c);
	arena_free(mem);
}
