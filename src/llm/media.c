/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes in messages: what stands for them, and their base64 for who keeps it. */
#include <stdio.h>

#include <xxhash.h>

#include "llm/format.h"

#define DATA_MAX    ((size_t)8 << 20) /* of one picture of a streamed answer */
#define DATA_SHARES 4		      /* so many of these an answer may have */

static uint64_t decoded_size(struct slice base64)
{
	while (base64.n && base64.p[base64.n - 1] == '=')
		base64.n--;
	return base64.n / 4 * 3 + base64.n % 4 * 3 / 4;
}

struct slice llm_digest(struct slice bytes, char ret[LLM_DIGEST_SIZE])
{
	const XXH128_hash_t h = XXH3_128bits(bytes.n ? bytes.p : "", bytes.n);

	snprintf(ret, LLM_DIGEST_SIZE, "xxh3:%016llx%016llx", (unsigned long long)h.high64,
		 (unsigned long long)h.low64);
	return slice_of(ret);
}

void llm_add_inline_media(struct llm_message *m, struct arena *mem, struct slice media_type,
			  struct slice base64)
{
	struct llm_part *p = llm_add_part(m, mem, LLM_PART_MEDIA);
	char digest[LLM_DIGEST_SIZE];

	if (!p)
		return;
	p->name = media_type;
	p->size = decoded_size(base64);
	p->id = arena_copy(mem, llm_digest(base64, digest));
	p->data = base64;
}

void llm_keep_data(struct arena *mem, struct llm_part *p, struct slice base64)
{
	if (p->data.n || base64.n > DATA_MAX || arena_size(mem) > DATA_MAX * DATA_SHARES)
		return;
	p->data = arena_copy(mem, base64);
}

void llm_add_made_media(struct llm_work *w, struct slice media_type, struct slice base64)
{
	struct llm_message *m = &w->call.answer;
	struct arena *mem = w->call.mem;
	const struct llm_part *before = m->last_part;

	llm_add_inline_media(m, mem, media_type, base64);
	if (!w->call.streamed || m->last_part == before)
		return;
	m->last_part->name = arena_copy(mem, media_type);
	m->last_part->data = (struct slice){ 0 };
	llm_keep_data(mem, m->last_part, base64);
}
