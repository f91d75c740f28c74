/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * However request and answer are cut, the same call comes out, and its messages print as valid
 * JSON. The input: a line that selects format, status and how it ends, then the request's body, a
 * line "----", the answer's body.
 */
#include "../golden/event_stream.h"
#include "../golden/print.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

/* From 'B' on; added at the end, so that seeds keep theirs. */
static const char *const paths[] = {
	"/v1/chat/completions",
	"/v1/responses",
	"/v1/messages",
	"/ask",
	"/responses",
	"/messages",
	"/v1beta/models/m:streamGenerateContent",
	"/v1internal:generateContent",
	"/v1beta/interactions",
	"/v1/models/m:batchEmbedContents",
	"/v1/models/imagen:predict",
	"/agent.v1.AgentService/Run",
	"/xai_api.Chat/GetCompletionChunk",
	"/xai_api.Chat/GetCompletion",
};

/* With the highest bit; the lower ones and the next to highest choose. */
static const char *const rest_paths[16] = {
	"/v1/completions",
	"/completion",
	"/v1/embeddings",
	"/v1/images/generations",
	"/v1/images/edits",
	"/v1/audio/transcriptions",
	"/v1/audio/speech",
	"/rerank",
	"/v1/threads/t/runs",
	"/v1/realtime?model=m",
	"/v1/responses/compact",
	"/fim/completions",
	"/generate",
	"/generate_stream",
	"/v1/responses/resp_1", /* GET */
	"/v1/threads/t/runs/run_1",
};

static bool is_fetch(uint8_t select)
{
	return select & 128 && select & 64 && (select & 7) >= 6;
}

/* Those of formats that came later, chosen by the second byte, so that seeds keep their meaning. */
static const char *const more_paths[] = {
	"/model/us.anthropic.claude-x%3A0/converse-stream",
	"/model/amazon.titan-text/invoke-with-response-stream",
	"/model/anthropic.claude-x/invoke",
	"/agents/A/agentAliases/B/sessions/C/text",
	"/v2/chat",
	"/v1/chat",
	"/v2/embed",
	"/v1/rerank",
	"/api/chat",
	"/api/generate",
	"/api/embed",
	"/v1/fim/completions",
	"/v1/conversations",
	"/v1/ocr",
	"/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
};

static void check_message(const struct llm_message *m)
{
	struct buf json = { 0 };

	CHECK(llm_message_json(m, &json) == 0 && json_valid(buf_slice(&json)));
	buf_done(&json);
}

static void on_call(void *ctx, enum llm_event ev, struct llm_call *c)
{
	struct llm_message m;

	if (ev != LLM_END)
		return;
	check_message(&c->answer);
	for (size_t i = 0; i < c->n_items; i++) {
		CHECK(c->items[i].raw.p >= c->body.p &&
		      c->items[i].raw.p + c->items[i].raw.n <= c->body.p + c->body.n);
		llm_read_item(c->format, c->items[i].raw, c->mem, &m);
		check_message(&m);
	}
	CHECK(c->usage.input >= LLM_UNKNOWN || !c->done);
	print_call(ctx, c);
}

static void feed(struct llm *l, struct http_exchange *x, enum http_event ev, struct slice body,
		 size_t cut)
{
	for (size_t n; body.n; body = slice_from(body, n)) {
		char *copy;

		n = body.n < cut ? body.n : cut;
		copy = malloc(n);
		memcpy(copy, body.p, n);
		llm_feed(l, ev, x, (struct slice){ copy, n });
		free(copy);
	}
}

struct input {
	uint8_t select;
	/* '\n', or 'a' for the first of more_paths, or 'A' for the same with an answer that is an
	 * AWS event stream, written as in event_stream.h. */
	uint8_t path;
	struct slice request, response;
};

static const char *path_of(const struct input *in)
{
	const size_t more = (size_t)(in->path | 0x20) - 'a';

	if (in->select & 128)
		return rest_paths[(in->select & 7) | (in->select >> 3 & 8)];
	return more < ARRAY_SIZE(more_paths)
		       ? more_paths[more]
		       : paths[(uint8_t)(in->select - 'B') % ARRAY_SIZE(paths)];
}

static struct slice run(const struct input *in, size_t cut)
{
	static struct http_header types[] = {
		{ { "Content-Type", 12 }, { "text/event-stream", 17 } },
		{ { "Content-Type", 12 }, { "application/vnd.amazon.eventstream", 34 } },
		{ { "Content-Type", 12 }, { "application/connect+proto", 25 } },
	};
	const char *path = path_of(in);
	static struct http_header form = { { "Content-Type", 12 },
					   { "multipart/form-data; boundary=x", 31 } };
	const bool is_form = slice_starts(in->request, SLICE("--x"));
	const bool aws = in->path >= 'A' && in->path <= 'Z';
	const bool connect = !aws && (strstr(path, "agent.v1") || strstr(path, "xai_api"));
	static const struct connection conn = { .id = 1 };
	struct http_exchange x = {
		.conn = &conn,
		.mem = arena_new(64 << 20),
		.method = is_fetch(in->select) ? SLICE("GET") : SLICE("POST"),
		.path = slice_of(path),
		.host = in->select & 8	   ? SLICE("api.x.ai")
			: in->path != '\n' ? SLICE("bedrock-runtime.eu-west-1.amazonaws.com")
					   : SLICE("localhost"),
		.status = in->select & 16 ? 500 : 200,
		.now_ns = 1,
		.request = { .headers = &form, .n_headers = is_form, .head_ns = 1 },
		.response = { .headers = &types[aws	  ? 1
						: connect ? 2
							  : 0],
			      .n_headers = 1 },
		.end = in->select & 32 ? HTTP_END_CUT : HTTP_END_COMPLETE,
	};
	struct stats stats = { 0 };
	struct llm *l;
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	CHECK(llm_new(on_call, out, &stats, &l) == 0);
	llm_feed(l, HTTP_REQUEST_HEAD, &x, (struct slice){ 0 });
	feed(l, &x, HTTP_REQUEST_BODY, in->request, cut);
	llm_feed(l, HTTP_REQUEST_END, &x, (struct slice){ 0 });
	llm_feed(l, HTTP_RESPONSE_HEAD, &x, (struct slice){ 0 });
	feed(l, &x, HTTP_RESPONSE_BODY, in->response, cut);
	llm_feed(l, HTTP_RESPONSE_END, &x, (struct slice){ 0 });
	llm_feed(l, HTTP_FINISHED, &x, (struct slice){ 0 });
	llm_free(l);
	arena_free(x.mem);
	fclose(out);
	return (struct slice){ text, n };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice mark = SLICE("\n----\n");
	struct input in = { .select = size ? data[0] : 0, .path = size > 1 ? data[1] : 0 };
	struct slice whole, pieces;
	struct buf frames = { 0 };
	const char *at;

	if (size < 2)
		return 0;
	in.request = (struct slice){ (const char *)data + 2, size - 2 };
	at = memmem(in.request.p, in.request.n, mark.p, mark.n);
	if (at) {
		in.response = slice_from(in.request, (size_t)(at - in.request.p) + mark.n);
		in.request.n = (size_t)(at - in.request.p);
	}
	if (in.path >= 'A' && in.path <= 'Z') {
		event_stream(in.response, &frames);
		in.response = buf_slice(&frames);
	}
	whole = run(&in, SIZE_MAX);
	pieces = run(&in, 1 + size % 7);
	CHECK(slice_eq(whole, pieces));
	free((char *)(uintptr_t)whole.p);
	free((char *)(uintptr_t)pieces.p);
	buf_done(&frames);
	return 0;
}
