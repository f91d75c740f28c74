/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenAI's audio: POST .../audio/transcriptions and /translations (a form with a file; answered in
 * JSON, in plain text or as a stream) and .../audio/speech (text in, sound out, which is counted
 * and not kept). Usage is tokens, or the time that was listened to.
 *
 * https://platform.openai.com/docs/api-reference/audio
 */
#include "llm/openai_media.h"

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
	LLM_FIELD("user", LLM_FIELD_TEXT, call.user_id),
};

static bool shape(const struct llm_keys *k)
{
	(void)k;
	return false;
}

static void read_fields(struct llm_work *w)
{
	llm_read_form(w);
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_media_request(w);
}

static void read_errors(struct llm_work *w, struct slice body, struct slice error)
{
	llm_read_error(w, error);
	if (w->call.http->status >= 300 && !w->call.error.type.n)
		llm_read_error(w, body);
}

/* --- from sound to text --- */

static void read_transcription_request(struct llm_work *w)
{
	read_fields(w);
	w->call.output_format = SLICE("text");
}

/* Whisper's verbose form tells how long the sound was, and no usage. */
static void read_duration(struct llm_work *w, struct slice duration)
{
	if (w->usage.audio_ms != LLM_UNKNOWN || w->usage.input != LLM_UNKNOWN)
		return;
	if (duration.n > 2 && duration.p[0] == '"')
		duration = (struct slice){ duration.p + 1, duration.n - 2 };
	if (json_scaled(duration, 3, &w->usage.audio_ms))
		llm_inclusive_usage(w);
}

static void read_transcription(struct llm_work *w, struct slice body)
{
	enum { TEXT, MODEL, USAGE, DURATION, ERROR, N };
	static const char *const names[N] = { "text", "model", "usage", "duration", "error" };
	struct slice v[N];

	/* response_format: text, srt or vtt */
	if (!json_members(body, names, v, N)) {
		w->answered = true;
		llm_add_text_part(&w->call.answer, w->call.mem, LLM_PART_TEXT, body);
		return;
	}
	w->answered = v[TEXT].n > 0;
	llm_keep_into(w, &w->call.response_model, v[MODEL]);
	if (v[TEXT].n > 2)
		llm_add_text(w, llm_part_at(w, &w->call.answer, LLM_PART_TEXT, 0), v[TEXT]);
	llm_read_media_usage(w, v[USAGE]);
	read_duration(w, v[DURATION]);
	read_errors(w, body, v[ERROR]);
}

static void read_transcription_event(struct llm_work *w, const struct frame *f)
{
	enum { TYPE, DELTA, TEXT, USAGE, ERROR, N };
	static const char *const names[N] = { "type", "delta", "text", "usage", "error" };
	struct slice v[N];
	struct llm_part *p;

	json_members(f->data, names, v, N);
	if (json_is(v[TYPE], "transcript.text.delta")) {
		w->answered = true;
		llm_add_text(w, llm_part_at(w, &w->call.answer, LLM_PART_TEXT, 0), v[DELTA]);
	} else if (json_is(v[TYPE], "transcript.text.done")) {
		w->answered = w->call.done = true;
		p = llm_part_at(w, &w->call.answer, LLM_PART_TEXT, 0);
		if (p && v[TEXT].n) {
			p->text.n = 0; /* it repeats all */
			llm_add_text(w, p, v[TEXT]);
		}
		llm_read_media_usage(w, v[USAGE]);
	} else if (v[ERROR].n || slice_eq(f->type, SLICE("error"))) {
		llm_read_error(w, v[ERROR].n ? v[ERROR] : f->data);
	}
}

static bool transcribes(struct slice object)
{
	return slice_starts(json_member(object, SLICE("type")), SLICE("\"transcript.text."));
}

static const char *const transcription_paths[] = { "/audio/transcriptions", "/audio/translations",
						   NULL };

const struct llm_format llm_openai_transcription = {
	.name = "openai.transcription",
	.provider = "openai",
	.operation = "generate_content",
	.single = true,
	.text_answers = true,
	.paths = transcription_paths,
	.needs_model = true,
	.shape = shape,
	.said = llm_never_said,
	.request = read_transcription_request,
	.item = llm_read_media_item,
	.system = llm_read_media_item,
	.answers = transcribes,
	.response = read_transcription,
	.event = read_transcription_event,
};

/* --- from text to sound --- */

static void read_speech_request(struct llm_work *w)
{
	read_fields(w);
	w->call.output_format = SLICE("speech");
}

/* The one part that stands for the sound. */
static struct llm_part *sound(struct llm_work *w)
{
	struct llm_part *p = llm_part_at(w, &w->call.answer, LLM_PART_MEDIA, 0);

	if (p && !p->name.n)
		p->name = SLICE("audio");
	return p;
}

static void read_speech(struct llm_work *w, struct slice body)
{
	const struct http_message *m = &w->call.http->response;
	struct llm_part *p;

	if (body.n && body.p[0] == '{') {
		read_errors(w, body, json_member(body, SLICE("error")));
		return;
	}
	w->answered = true;
	p = sound(w);
	if (!p)
		return;
	p->size = m->body_bytes;
	if (slice_istarts(http_header(m, SLICE("content-type")), SLICE("audio/")))
		p->name = http_header(m, SLICE("content-type"));
}

static void read_speech_event(struct llm_work *w, const struct frame *f)
{
	enum { TYPE, AUDIO, USAGE, ERROR, N };
	static const char *const names[N] = { "type", "audio", "usage", "error" };
	struct slice v[N];
	struct llm_part *p;

	json_members(f->data, names, v, N);
	if (json_is(v[TYPE], "speech.audio.delta")) {
		w->answered = true;
		p = sound(w);
		if (p && v[AUDIO].n > 2) {
			p->size += (v[AUDIO].n - 2) / 4 * 3;
			llm_touch(w, p);
		}
	} else if (json_is(v[TYPE], "speech.audio.done")) {
		w->answered = w->call.done = true;
		llm_read_media_usage(w, v[USAGE]);
		if (w->usage.output_audio == LLM_UNKNOWN)
			w->call.usage.output_audio = w->call.usage.output;
	} else if (v[ERROR].n || slice_eq(f->type, SLICE("error"))) {
		llm_read_error(w, v[ERROR].n ? v[ERROR] : f->data);
	}
}

static bool speaks(struct slice object)
{
	return slice_starts(json_member(object, SLICE("type")), SLICE("\"speech.audio."));
}

static const char *const speech_paths[] = { "/audio/speech", NULL };

const struct llm_format llm_openai_speech = {
	.name = "openai.speech",
	.provider = "openai",
	.operation = "generate_content",
	.single = true,
	.byte_answers = true,
	.paths = speech_paths,
	.needs_model = true,
	.shape = shape,
	.said = llm_never_said,
	.request = read_speech_request,
	.item = llm_read_media_item,
	.system = llm_read_media_item,
	.answers = speaks,
	.response = read_speech,
	.event = read_speech_event,
};
