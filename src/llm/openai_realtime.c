/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenAI Realtime: a WebSocket on which a session is agreed upon, items are added and responses
 * come, asked for or because somebody stopped speaking. socket_realtime.c makes exchanges of it:
 * a request {"model","session","input","previous_response_id"}, an answer in the events of the
 * Responses API under partly other names. Usage counts text, sound and pictures apart. Sound itself
 * is never kept.
 *
 * What a session's model hears is written down by another model, which is a call of its own:
 * the request has "transcription" then.
 *
 * https://platform.openai.com/docs/api-reference/realtime
 */
#include "llm/openai_items.h"
#include "llm/openai_media.h"

static const struct llm_field request_fields[] = {
	LLM_FIELD("transcription.model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("session.model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("input", LLM_FIELD_RAW, messages),
	LLM_FIELD("response.input", LLM_FIELD_RAW, messages),
	LLM_FIELD("response.instructions", LLM_FIELD_RAW, call.system),
	LLM_FIELD("session.instructions", LLM_FIELD_RAW, call.system),
	LLM_FIELD("response.tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("session.tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("session.temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("previous_response_id", LLM_FIELD_TEXT, call.previous_response_id),
	LLM_FIELD("session.id", LLM_FIELD_TEXT, call.conversation_id),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
};

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_items(w);
	w->call.tool_count = llm_count_tools(w->call.tools);
	if (!json_member(w->call.body, SLICE("transcription")).n)
		return;
	w->call.single = true;
	w->call.operation = "generate_content";
	w->call.output_format = SLICE("text");
}

/* Only what socket_realtime.c makes. */
static bool shape(const struct llm_keys *k)
{
	return k->hint == &llm_openai_realtime && k->input.n;
}

#define AT(member) offsetof(struct llm_usage, member)

static const struct json_int_field usage_fields[] = {
	{ "input_tokens", AT(input) },
	{ "output_tokens", AT(output) },
	{ "total_tokens", AT(provider_total) },
	{ "input_token_details.cached_tokens", AT(cache_read) },
	{ "input_token_details.audio_tokens", AT(input_audio) },
	{ "input_token_details.image_tokens", AT(input_image) },
	{ "input_token_details.cached_tokens_details.audio_tokens", AT(cache_read_audio) },
	{ "input_token_details.cached_tokens_details.image_tokens", AT(cache_read_image) },
	{ "output_token_details.audio_tokens", AT(output_audio) },
	{ "output_token_details.reasoning_tokens", AT(reasoning) },
};

static const struct llm_word finish_words[] = {
	{ "completed", "stop" },
	{ "turn_detected", "stop" }, /* somebody spoke: the answer ends here */
	{ "client_cancelled", "stop" },
	{ "max_output_tokens", "length" },
	{ "content_filter", "content_filter" },
	{ "failed", "error" },
	{ "cancelled", "error" },
};

/* Of a response that is over; its items were told one by one, and are repeated. */
static void read_end(struct llm_work *w, struct slice response)
{
	enum { STATUS, DETAILS, USAGE, N };
	static const char *const names[N] = { "status", "status_details", "usage" };
	struct slice v[N], reason;

	json_members(response, names, v, N);
	llm_read_usage(w, v[USAGE], usage_fields, ARRAY_SIZE(usage_fields));
	llm_inclusive_usage(w);
	reason = json_member(v[DETAILS], SLICE("reason"));
	llm_finish(w, &w->call.answer, reason.n > 2 && reason.p[0] == '"' ? reason : v[STATUS],
		   finish_words, ARRAY_SIZE(finish_words));
	if (json_is(v[STATUS], "failed"))
		llm_read_error(w, json_member(v[DETAILS], SLICE("error")));
	w->call.done = true;
}

/* Of "conversation.item.input_audio_transcription.completed". */
static void read_transcription(struct llm_work *w, struct slice data)
{
	enum { ITEM, TRANSCRIPT, USAGE, N };
	static const char *const names[N] = { "item_id", "transcript", "usage" };
	struct slice v[N];

	json_members(data, names, v, N);
	w->answered = w->call.done = true;
	llm_add_text(w, llm_part_at(w, &w->call.answer, LLM_PART_TEXT, 0), v[TRANSCRIPT]);
	llm_read_media_usage(w, v[USAGE]);
}

/* Names of the beta, and of what came after it, to those of the Responses API. */
static const struct {
	const char *realtime, *responses;
} same[] = {
	{ "response.text.delta", "response.output_text.delta" },
	{ "response.audio_transcript.delta", "response.output_text.delta" },
	{ "response.output_audio_transcript.delta", "response.output_text.delta" },
};

/* A sound's piece: only that it came. */
static void note_sound(struct llm_work *w)
{
	w->answered = true;
	if (w->call.streamed && !w->call.first_token_ns)
		w->call.first_token_ns = w->now_ns;
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	const struct slice type = json_text(json_member(f->data, SLICE("type")), w->call.mem);

	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (slice_eq(type, slice_of(same[i].realtime))) {
			llm_read_openai_event(w, slice_of(same[i].responses), f->data);
			return;
		}
	if (slice_eq(type, SLICE("response.audio.delta")) ||
	    slice_eq(type, SLICE("response.output_audio.delta"))) {
		note_sound(w);
	} else if (slice_ends(type, SLICE("input_audio_transcription.completed"))) {
		read_transcription(w, f->data);
	} else if (slice_ends(type, SLICE("input_audio_transcription.failed"))) {
		llm_read_error(w, json_member(f->data, SLICE("error")));
	} else if (slice_eq(type, SLICE("response.done"))) {
		llm_read_openai_event(w, SLICE("response.in_progress"), f->data);
		read_end(w, json_member(f->data, SLICE("response")));
	} else {
		llm_read_openai_event(w, type, f->data);
	}
}

static void read_response(struct llm_work *w, struct slice body)
{
	llm_read_error(w, json_member(body, SLICE("error")));
}

static bool answers(struct slice object)
{
	const struct slice type = json_member(object, SLICE("type"));

	return slice_starts(type, SLICE("\"response.")) ||
	       slice_starts(type, SLICE("\"conversation."));
}

static const char *const weak_paths[] = { "/realtime", NULL };

const struct llm_format llm_openai_realtime = {
	.name = "openai.realtime",
	.provider = "openai",
	.no_estimate = true,
	.weak_paths = weak_paths,
	.shape = shape,
	.said = llm_openai_item_said,
	.request = read_request,
	.item = llm_read_openai_item,
	.system = llm_read_openai_content,
	.answers = answers,
	.response = read_response,
	.event = read_event,
};
