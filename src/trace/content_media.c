/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pictures and documents. A message has their size and a digest of their base64, so that it is the
 * same message at every level; their bytes are blobs of their own. An agent sends them again with
 * every call, but a message is read once, so a picture is decoded once.
 */
#include "base/base64.h"
#include "base/media.h"
#include "trace/content_level.h"
#include "trace/state.h"

#define EACH_MAX 1000 /* of one message; what is more is not told of */

static enum media_state keep_bytes(struct trace *t, struct slice bytes, struct media *m)
{
	struct id128 id;

	m->type = media_type(bytes);
	if (!m->type)
		return MEDIA_OTHER;
	id = content_blob(t, "media", bytes);
	if (content_is_missing(t, &id))
		return MEDIA_MISSING;
	id_sha256(bytes, m->sha256);
	m->size = bytes.n;
	return MEDIA_KEPT;
}

static enum media_state decide(struct trace *t, const struct llm_part *p, struct media *m)
{
	enum media_state state = MEDIA_BROKEN;
	struct arena *mem;
	struct slice bytes;

	if (t->config.content != CONTENT_FULL)
		return MEDIA_LEVEL;
	if (p->size > t->config.media_limit)
		return MEDIA_LARGE;
	if (!p->data.n)
		return MEDIA_MISSING;
	mem = arena_new(2 * p->data.n + 4096);
	if (!mem)
		return MEDIA_MISSING;
	if (base64_decode(p->data, mem, &bytes))
		state = keep_bytes(t, bytes, m);
	arena_free(mem);
	return state;
}

static void tell(struct trace *t, const struct id128 *holder, const struct llm_part *p)
{
	struct media m = { .holder = *holder, .digest = p->id };

	m.state = decide(t, p, &m);
	t->sink->media(t->ctx, &m);
}

static void tell_all(struct trace *t, const struct id128 *holder, const struct llm_part *parts,
		     unsigned *n)
{
	for (const struct llm_part *p = parts; p && *n < EACH_MAX; p = p->next) {
		if (p->type == LLM_PART_MEDIA && p->id.n && !p->text.n) {
			++*n;
			tell(t, holder, p);
		}
		if (p->type == LLM_PART_TOOL_RESULT && content_keeps_tool(t, p->name))
			tell_all(t, holder, p->inside, n);
	}
}

void content_media(struct trace *t, const struct id128 *holder, const struct llm_part *parts)
{
	unsigned n = 0;

	if (t->sink->media && !id128_is_zero(holder) && !content_is_missing(t, holder))
		tell_all(t, holder, parts, &n);
}

struct id128 content_media_file(struct trace *t, struct slice bytes)
{
	struct id128 none = { 0 };

	if (!media_type(bytes) || bytes.n > t->config.media_limit ||
	    !content_keeps_tool(t, SLICE("file")))
		return none;
	return content_blob(t, "media", bytes);
}
