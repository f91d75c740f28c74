/* SPDX-License-Identifier: BSD-2-Clause */
/* What the calls for pictures and for sound have in common. */
#include "llm/openai_media.h"

void llm_read_media_request(struct llm_work *w)
{
	struct json_iter it;

	if (json_object(w->call.body, &it))
		llm_add_item(w, slice_trim(w->call.body));
}

/* Of a form: only what it was is known. */
static void add_file(struct slice file, struct arena *mem, struct llm_message *m)
{
	enum { TYPE, BYTES, DIGEST, N };
	static const char *const names[N] = { "media_type", "bytes", "digest" };
	struct slice v[N];
	struct llm_part *p;
	int64_t size;

	if (!json_members(file, names, v, N) || !json_int64(v[BYTES], &size) || size < 0)
		return;
	p = llm_add_part(m, mem, LLM_PART_MEDIA);
	if (!p)
		return;
	p->name = json_text(v[TYPE], mem);
	p->size = (uint64_t)size;
	p->id = json_text(v[DIGEST], mem);
}

/* An URL, or {"image_url":"..."}, {"url":"..."}, {"file_id":"..."}. */
static void add_image(struct slice image, struct arena *mem, struct llm_message *m)
{
	enum { IMAGE_URL, URL, FILE_ID, N };
	static const char *const names[N] = { "image_url", "url", "file_id" };
	struct slice v[N], url = image;

	if (json_members(image, names, v, N))
		url = v[IMAGE_URL].n ? v[IMAGE_URL] : v[URL];
	else
		v[FILE_ID].n = 0;
	if (v[FILE_ID].n)
		llm_add_media_file(m, mem, SLICE("image"), json_text(v[FILE_ID], mem));
	else if (url.n)
		llm_add_media_url(m, mem, SLICE("image"), json_text(url, mem));
}

static void each(struct slice list, struct arena *mem, struct llm_message *m, llm_block_fn add)
{
	struct json_iter it;
	struct slice value;

	if (!json_array(list, &it)) {
		if (list.n && list.p[0] != 'n')
			add(list, mem, m);
		return;
	}
	while (json_next(&it, &value))
		add(value, mem, m);
}

void llm_read_media_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	enum { PROMPT, INPUT, INSTRUCTIONS, IMAGE, IMAGES, MASK, FILES, N };
	static const char *const names[N] = { "prompt", "input", "instructions", "image",
					      "images", "mask",	 "files" };
	struct slice v[N], text;

	m->role = LLM_ROLE_USER;
	if (!json_members(value, names, v, N))
		return;
	for (int i = PROMPT; i <= INSTRUCTIONS; i++) {
		text = json_text(v[i], mem);
		if (text.n)
			llm_add_text_part(m, mem, LLM_PART_TEXT, text);
	}
	for (int i = IMAGE; i <= MASK; i++)
		each(v[i], mem, m, add_image);
	each(v[FILES], mem, m, add_file);
}

#define AT(member) offsetof(struct llm_usage, member)

static const struct json_int_field usage_fields[] = {
	{ "prompt_tokens", AT(input) },
	{ "completion_tokens", AT(output) },
	{ "input_tokens", AT(input) },
	{ "output_tokens", AT(output) },
	{ "total_tokens", AT(provider_total) },
	{ "input_token_details.audio_tokens", AT(input_audio) },
	{ "input_token_details.image_tokens", AT(input_image) },
	{ "input_tokens_details.audio_tokens", AT(input_audio) },
	{ "input_tokens_details.image_tokens", AT(input_image) },
	{ "input_tokens_details.cached_tokens", AT(cache_read) },
	{ "output_tokens_details.image_tokens", AT(output_image) },
	{ "output_token_details.audio_tokens", AT(output_audio) },
	{ "output_tokens_details.audio_tokens", AT(output_audio) },
};

void llm_read_media_usage(struct llm_work *w, struct slice usage)
{
	if (!usage.n || usage.p[0] != '{')
		return;
	llm_read_usage(w, usage, usage_fields, ARRAY_SIZE(usage_fields));
	/* Models that are paid by the time that they listen to; Mistral's has a name of its own. */
	if (!json_scaled(json_member(usage, SLICE("seconds")), 3, &w->usage.audio_ms))
		json_scaled(json_member(usage, SLICE("prompt_audio_seconds")), 3,
			    &w->usage.audio_ms);
	llm_read_cost(w, usage);
	llm_inclusive_usage(w);
}
