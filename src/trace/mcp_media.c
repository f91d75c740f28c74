/* SPDX-License-Identifier: BSD-2-Clause */
/* Results of tools: {"content":[{"type":"image"|"audio","data":"...","mimeType":"..."},
 * {"type":"resource","resource":{"blob":"...",...}}]}, likewise {"contents":[{"blob":"..."}]}. */
#include "base/json.h"
#include "llm/llm.h"
#include "trace/mcp.h"

#define BLOCKS_MAX 10000

struct copy {
	struct json_writer w;
	struct arena *mem;
	struct llm_message *media;
};

static void put_bytes(struct copy *c, struct slice type, struct slice value)
{
	llm_add_inline_media(c->media, c->mem, json_text(type, c->mem), json_text(value, c->mem));
	if (!c->media->last_part)
		return;
	json_key(&c->w, "size");
	json_put_int(&c->w, (int64_t)c->media->last_part->size);
	json_key(&c->w, "digest");
	json_put_str(&c->w, c->media->last_part->id);
}

static void put_block(struct copy *c, struct slice block)
{
	const struct slice type = json_member(block, SLICE("mimeType"));
	struct slice key, value;
	struct json_iter it;

	if (!json_object(block, &it)) {
		json_put_raw(&c->w, block);
		return;
	}
	json_begin(&c->w, '{');
	while (json_next_member(&it, &key, &value)) {
		const bool text = value.n && value.p[0] == '"';

		if (text && (slice_eq(key, SLICE("data")) || slice_eq(key, SLICE("blob")))) {
			put_bytes(c, type, value);
			continue;
		}
		json_put_key(&c->w, json_text((struct slice){ key.p - 1, key.n + 2 }, c->mem));
		if (slice_eq(key, SLICE("resource")) && json_member(value, SLICE("blob")).n)
			put_block(c, value);
		else
			json_put_raw(&c->w, value);
	}
	json_end(&c->w, '}');
}

static void put_blocks(struct copy *c, struct slice list)
{
	struct slice block;
	struct json_iter it;
	unsigned n = 0;

	if (!json_array(list, &it)) {
		json_put_raw(&c->w, list);
		return;
	}
	json_begin(&c->w, '[');
	while (n++ < BLOCKS_MAX && json_next(&it, &block))
		put_block(c, block);
	json_end(&c->w, ']');
}

struct slice mcp_without_bytes(struct slice result, struct arena *mem,
			       struct llm_message *ret_media)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	struct copy c = { .w = { .out = &out }, .mem = mem, .media = ret_media };
	struct slice key, value;
	struct json_iter it;

	if (!json_valid(result) || !json_object(result, &it))
		return result;
	json_begin(&c.w, '{');
	while (json_next_member(&it, &key, &value)) {
		json_put_key(&c.w, json_text((struct slice){ key.p - 1, key.n + 2 }, mem));
		if (slice_eq(key, SLICE("content")) || slice_eq(key, SLICE("contents")))
			put_blocks(&c, value);
		else
			json_put_raw(&c.w, value);
	}
	json_end(&c.w, '}');
	return ret_media->parts && c.w.r == 0 ? arena_copy(mem, buf_slice(&out)) : result;
}
