/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/config_event.h"

#include "base/json.h"

static const char *const levels[] = {
	[CONTENT_OFF] = "off",
	[CONTENT_MINIMAL] = "minimal",
	[CONTENT_STANDARD] = "standard",
	[CONTENT_FULL] = "full",
};

static void put_int(struct json_writer *w, const char *key, uint64_t v)
{
	json_key(w, key);
	json_put_int(w, (int64_t)v);
}

static void put_bool(struct json_writer *w, const char *key, bool v)
{
	json_key(w, key);
	json_put_bool(w, v);
}

static void put_rules(struct json_writer *w, const struct config *c)
{
	if (c->max_run_time_s)
		put_int(w, "max_run_time_s", c->max_run_time_s);
	if (!c->n_egress)
		return;
	json_key(w, "egress");
	json_begin(w, '[');
	for (size_t i = 0; i < c->n_egress; i++)
		json_put_str(w, slice_of(c->egress[i].text));
	json_end(w, ']');
}

int config_event_write(const struct config_event *e, const struct price_table *prices,
		       const struct config *c, struct buf *ret)
{
	struct json_writer w = { .out = ret };
	char digest[ID128_HEX_SIZE];
	struct id128 id = price_digest(prices);

	id128_hex(&id, digest);
	json_begin(&w, '{');
	json_key(&w, "content");
	json_put_str(&w, slice_of(levels[e->content]));
	put_int(&w, "content_limit", e->content_limit);
	put_int(&w, "media_limit", e->media_limit);
	put_bool(&w, "content_llm", e->llm_content);
	put_bool(&w, "content_memory", e->memory_content);
	put_bool(&w, "content_tools", e->tool_content);
	if (e->memory_bytes)
		put_int(&w, "memory_bytes", e->memory_bytes);
	json_key(&w, "price_digest");
	json_put_str(&w, slice_of(digest));
	put_rules(&w, c);
	json_end(&w, '}');
	return w.r;
}
