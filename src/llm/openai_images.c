/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenAI's images: POST .../images/generations, /edits (a form, or JSON), /variations. gpt-image
 * models tell tokens, others only give pictures, which are counted. A stream gives pictures that
 * are not ready, then one event for each that is, with its usage. No picture is kept.
 *
 * https://platform.openai.com/docs/api-reference/images
 */
#include "llm/openai_media.h"

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("n", LLM_FIELD_INT, call.choices),
	LLM_FIELD("seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
	LLM_FIELD("user", LLM_FIELD_TEXT, call.user_id),
};

static void read_request(struct llm_work *w)
{
	llm_read_form(w);
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_media_request(w);
	w->call.output_format = SLICE("image");
}

static bool shape(const struct llm_keys *k)
{
	(void)k;
	return false;
}

/* What comes out are pictures, also where nobody says of which kind its tokens are. */
static void read_usage(struct llm_work *w, struct slice usage)
{
	llm_read_media_usage(w, usage);
	if (w->usage.output_image == LLM_UNKNOWN)
		w->call.usage.output_image = w->call.usage.output;
}

static void count_image(struct llm_work *w)
{
	if (w->usage.images == LLM_UNKNOWN)
		w->usage.images = 0;
	w->usage.images++;
	w->call.usage.images = w->usage.images;
}

static void add_image(struct llm_work *w, struct slice object)
{
	enum { BASE64, URL, REVISED, N };
	static const char *const names[N] = { "b64_json", "url", "revised_prompt" };
	struct slice v[N];

	if (!json_members(object, names, v, N) || w->call.answer.n_parts >= LLM_PARTS_MAX)
		return;
	count_image(w);
	if (v[REVISED].n > 2)
		llm_add_text_part(&w->call.answer, w->call.mem, LLM_PART_TEXT,
				  llm_keep(w, v[REVISED]));
	if (v[BASE64].n > 2)
		llm_add_made_media(w, SLICE("image"), json_text(v[BASE64], w->call.mem));
	else if (v[URL].n > 2)
		llm_add_media_url(&w->call.answer, w->call.mem, SLICE("image"),
				  llm_keep(w, v[URL]));
	if (w->call.answer.last_part)
		llm_touch(w, w->call.answer.last_part);
}

static void read_response(struct llm_work *w, struct slice body)
{
	enum { MODEL, DATA, USAGE, ERROR, N };
	static const char *const names[N] = { "model", "data", "usage", "error" };
	struct slice v[N], image;
	struct json_iter it;

	json_members(body, names, v, N);
	w->answered = v[DATA].n > 0;
	llm_keep_into(w, &w->call.response_model, v[MODEL]);
	if (json_array(v[DATA], &it))
		while (json_next(&it, &image))
			add_image(w, image);
	read_usage(w, v[USAGE]);
	llm_read_error(w, v[ERROR]);
	if (w->call.http->status >= 300 && !w->call.error.type.n)
		llm_read_error(w, body);
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	enum { TYPE, USAGE, ERROR, N };
	static const char *const names[N] = { "type", "usage", "error" };
	struct slice v[N], type;

	json_members(f->data, names, v, N);
	type = v[TYPE].n > 2 ? (struct slice){ v[TYPE].p + 1, v[TYPE].n - 2 } : f->type;
	if (slice_ends(type, SLICE(".partial_image"))) {
		w->answered = true;
		if (w->call.streamed && !w->call.first_token_ns)
			w->call.first_token_ns = w->now_ns;
	} else if (slice_ends(type, SLICE(".completed"))) {
		w->answered = w->call.done = true;
		add_image(w, f->data);
		read_usage(w, v[USAGE]);
	} else if (v[ERROR].n || slice_eq(type, SLICE("error"))) {
		llm_read_error(w, v[ERROR].n ? v[ERROR] : f->data);
	}
}

static bool answers(struct slice object)
{
	const struct slice type = json_member(object, SLICE("type"));

	return slice_starts(type, SLICE("\"image_generation.")) ||
	       slice_starts(type, SLICE("\"image_edit."));
}

static const char *const paths[] = { "/images/generations", "/images/edits", "/images/variations",
				     NULL };

const struct llm_format llm_openai_images = {
	.name = "openai.images",
	.provider = "openai",
	.operation = "generate_content",
	.single = true,
	.paths = paths,
	.needs_model = true,
	.shape = shape,
	.said = llm_never_said,
	.request = read_request,
	.item = llm_read_media_item,
	.system = llm_read_media_item,
	.answers = answers,
	.response = read_response,
	.event = read_event,
};
