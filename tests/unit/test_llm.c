/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "alloc.h"
#include "llm/format.h"

/* An exchange without a connection under it: what llm/ sees of one. */
struct trial {
	const char *path, *host;
	struct http_header request_headers[4], response_headers[4];
	int status; /* 0: no answer */
	struct slice request, response;
	enum http_end end;
	size_t piece; /* bytes of each; 0: whole */
	bool early;   /* the answer comes before the request's end */

	/* what came out */
	unsigned begun, progress, ended;
	struct buf answer, first_item; /* canonical */
	size_t n_items;
	uint64_t hashes[8][2];
	struct llm_usage usage;
	struct llm_error error;
	const char *provider, *cut;
	char model[128];
	bool body_cut, done, failed;
	uint64_t first_token_ns, first_part_start, first_part_end;
	enum llm_role roles[8];
	struct stats stats;
};

static void on_call(void *ctx, enum llm_event ev, struct llm_call *c)
{
	struct trial *t = ctx;
	struct llm_message m;

	t->begun += ev == LLM_BEGIN;
	t->progress += ev == LLM_PROGRESS;
	t->ended += ev == LLM_END;
	if (ev != LLM_END)
		return;
	t->n_items = c->n_items;
	for (size_t i = 0; i < c->n_items && i < 8; i++) {
		memcpy(t->hashes[i], c->items[i].hash, sizeof(t->hashes[i]));
		llm_read_item(c->format, c->items[i].raw, c->mem, &m);
		t->roles[i] = m.role;
		if (i == 0)
			llm_message_json(&m, &t->first_item);
	}
	llm_message_json(&c->answer, &t->answer);
	t->usage = c->usage;
	t->provider = c->provider;
	snprintf(t->model, sizeof(t->model), "%.*s", SLICE_ARG(c->request_model));
	t->cut = c->cut;
	t->done = c->done;
	t->body_cut = c->body_cut;
	t->failed = c->error.type.n > 0;
	t->first_token_ns = c->first_token_ns;
	if (c->answer.parts) {
		t->first_part_start = c->answer.parts->start_ns;
		t->first_part_end = c->answer.parts->end_ns;
	}
}

static size_t count_headers(const struct http_header *h)
{
	size_t n = 0;

	while (n < 4 && h[n].name.n)
		n++;
	return n;
}

static void feed_body(struct llm *l, struct http_exchange *x, enum http_event ev, struct slice body,
		      size_t piece)
{
	for (size_t n; body.n; body = slice_from(body, n)) {
		/* A copy of exact size, so that reading past the end is seen. */
		_cleanup_(freep) char *copy = NULL;

		n = piece && piece < body.n ? piece : body.n;
		copy = malloc(n);
		if (!copy)
			return;
		memcpy(copy, body.p, n);
		x->now_ns += 10;
		llm_feed(l, ev, x, (struct slice){ copy, n });
	}
}

static int run(struct trial *t)
{
	static const struct connection conn = { .id = 1 };
	struct http_exchange x = {
		.conn = &conn,
		.method = SLICE("POST"),
		.path = slice_of(t->path),
		.host = slice_of(t->host ? t->host : "localhost"),
		.status = t->status,
		.now_ns = 1000,
		.request = { .headers = t->request_headers, .head_ns = 1000 },
		.response = { .headers = t->response_headers },
	};
	struct llm *l = NULL;
	int r;

	x.mem = arena_new(256 << 20);
	if (!x.mem)
		return -ENOMEM;
	x.request.n_headers = count_headers(t->request_headers);
	x.response.n_headers = count_headers(t->response_headers);
	r = llm_new(on_call, t, &t->stats, &l);
	if (r < 0) {
		arena_free(x.mem);
		return r;
	}
	llm_feed(l, HTTP_REQUEST_HEAD, &x, (struct slice){ 0 });
	feed_body(l, &x, HTTP_REQUEST_BODY, t->request, t->piece);
	if (!t->early)
		llm_feed(l, HTTP_REQUEST_END, &x, (struct slice){ 0 });
	if (t->status) {
		llm_feed(l, HTTP_RESPONSE_HEAD, &x, (struct slice){ 0 });
		feed_body(l, &x, HTTP_RESPONSE_BODY, t->response, t->piece);
		if (t->early)
			llm_feed(l, HTTP_REQUEST_END, &x, (struct slice){ 0 });
		llm_feed(l, HTTP_RESPONSE_END, &x, (struct slice){ 0 });
	}
	x.end = t->end ? t->end : HTTP_END_COMPLETE;
	llm_feed(l, HTTP_FINISHED, &x, (struct slice){ 0 });
	llm_free(l);
	arena_free(x.mem);
	return 0;
}

static void done(struct trial *t)
{
	buf_done(&t->answer);
	buf_done(&t->first_item);
}

#define CHAT	  "/v1/chat/completions"
#define RESPONSES "/v1/responses"
#define MESSAGES  "/v1/messages"
#define CONVERSE  "/model/us.anthropic.claude-x/converse-stream"
#define COHERE	  "/v2/chat"
#define COHERE_V1 "/v1/chat"
#define OLLAMA	  "/api/chat"
#define GEMINI	  "/v1beta/models/m:streamGenerateContent"
#define STEPS	  "/v1beta/interactions"

static const char chat_stream[] =
	"data: "
	"{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"I'll lo\"}}]}\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ok \\u00e9.\"}}]}\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\","
	"\"function\":{\"name\":\"sh\",\"arguments\":\"{\\\"b\\\": 1.0, \\\"a\\\": "
	"[1e2,\"}}]}}]}\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
	"\"function\":{\"arguments\":\" \\\"\\\\u00e9\\\\/\\\"]}\"}}]}}]}\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n"
	"data: [DONE]\n\n";

static const char messages_stream[] =
	"event: message_start\ndata: "
	"{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":"
	"{\"input_tokens\":3,\"cache_read_input_tokens\":40,\"output_tokens\":1}}}\n\n"
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
	"\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n"
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
	"\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Hm.\"}}\n\n"
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
	"\"delta\":{\"type\":\"signature_delta\",\"signature\":\"U2lnbmVk\"}}\n\n"
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,"
	"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,"
	"\"delta\":{\"type\":\"text_delta\",\"text\":\"I look.\"}}\n\n"
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,"
	"\"content_block\":{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"sh\",\"input\":{}}}\n\n"
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,"
	"\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"b\\\": 1.0,\"}}\n\n"
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,"
	"\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\" \\\"7\\\": "
	"\\\"\\\\u00e9\\\"}\"}}\n\n"
	"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
	"\"tool_use\"},\"usage\":{\"output_tokens\":30}}\n\n"
	"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

#define FUNCTION_CALL                                                                            \
	"{\"type\":\"function_call\",\"id\":\"fc\",\"status\":\"completed\",\"call_id\":\"c1\"," \
	"\"name\":\"sh\",\"arguments\":\"{\\\"b\\\": 1.0}\"}"
#define REASONING                                                                                 \
	"{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[{\"type\":\"summary_text\",\"text\":" \
	"\"Plan\"}],\"encrypted_content\":\"gA\"}"

static const char responses_stream[] =
	"data: {\"type\":\"response.reasoning_summary_text.delta\",\"output_index\":0,"
	"\"summary_index\":0,\"delta\":\"Plan\"}\n\n"
	"data: {\"type\":\"response.output_item.added\",\"output_index\":1,\"item\":{\"type\":"
	"\"function_call\",\"call_id\":\"c1\",\"name\":\"sh\",\"arguments\":\"\"}}\n\n"
	"data: {\"type\":\"response.function_call_arguments.delta\",\"output_index\":1,"
	"\"delta\":\"{\\\"b\\\": 1.0}\"}\n\n"
	"data: "
	"{\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\","
	"\"output\":[" REASONING "," FUNCTION_CALL "]}}\n\n";

/* Nova's own spelling of Converse's events needs no binary framing. */
static const char converse_stream[] =
	"data: {\"messageStart\":{\"role\":\"assistant\"}}\n\n"
	"data: {\"contentBlockDelta\":{\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":"
	"{\"text\":\"Hm.\"}}}}\n\n"
	"data: {\"contentBlockDelta\":{\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":"
	"{\"signature\":\"U2ln\"}}}}\n\n"
	"data: {\"contentBlockDelta\":{\"contentBlockIndex\":1,\"delta\":{\"text\":\"I lo\"}}}\n\n"
	"data: {\"contentBlockDelta\":{\"contentBlockIndex\":1,\"delta\":{\"text\":\"ok "
	"\\u00e9.\"}}}\n\n"
	"data: {\"contentBlockStart\":{\"contentBlockIndex\":2,\"start\":{\"toolUse\":"
	"{\"toolUseId\":\"t1\",\"name\":\"sh\"}}}}\n\n"
	"data: {\"contentBlockDelta\":{\"contentBlockIndex\":2,\"delta\":{\"toolUse\":"
	"{\"input\":\"{\\\"b\\\": 1.0}\"}}}}\n\n"
	"data: {\"messageStop\":{\"stopReason\":\"tool_use\"}}\n\n";

static const char cohere_stream[] =
	"data: {\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":\"I \"}}}\n\n"
	"data: {\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":\"list.\"}}}\n\n"
	"data: {\"type\":\"tool-call-start\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":"
	"{\"id\":\"c1\",\"function\":{\"name\":\"sh\",\"arguments\":\"\"}}}}}\n\n"
	"data: {\"type\":\"tool-call-delta\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":"
	"{\"function\":{\"arguments\":\"{\\\"b\\\": 1.0}\"}}}}}\n\n"
	"data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"TOOL_CALL\"}}\n\n";

static const char cohere_v1_stream[] =
	"{\"event_type\":\"text-generation\",\"text\":\"I \"}\n"
	"{\"event_type\":\"text-generation\",\"text\":\"look.\"}\n"
	"{\"event_type\":\"stream-end\",\"finish_reason\":\"COMPLETE\",\"response\":"
	"{\"text\":\"I look.\",\"tool_calls\":[{\"name\":\"sh\",\"parameters\":{\"b\":1.0}}]}}\n";

static const char ollama_stream[] =
	"{\"model\":\"m\",\"message\":{\"content\":\"\",\"thinking\":\"Hm.\"},\"done\":false}\n"
	"{\"model\":\"m\",\"message\":{\"content\":\"I lo\"},\"done\":false}\n"
	"{\"model\":\"m\",\"message\":{\"content\":\"ok.\"},\"done\":false}\n"
	"{\"model\":\"m\",\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":"
	"\"sh\",\"arguments\":{\"b\":1.0}}}]},\"done\":false}\n"
	"{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n";
/* How a stream was cut does not matter: clients keep the pieces, or join them. */
static const char gemini_stream[] =
	"data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"Hm\","
	"\"thought\":true}]}}]}\n\n"
	"data: "
	"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\".\",\"thought\":true},{\"text\":"
	"\"I \\u00e9\"}]}}]}\n\n"
	"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" look.\"}]}}]}\n\n"
	"data: "
	"{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"sh\",\"args\":"
	"{\"b\":1.0,\"a\":[1e2]}},\"thoughtSignature\":\"c2ln\"}]},\"finishReason\":\"STOP\"}]}"
	"\n\n";

static const char steps_stream[] =
	"data: {\"event_type\":\"interaction.created\",\"interaction\":{\"id\":\"i\"}}\n\n"
	"data: {\"event_type\":\"step.start\",\"index\":0,\"step\":{\"type\":\"thought\"}}\n\n"
	"data: {\"event_type\":\"step.delta\",\"index\":0,\"delta\":{\"type\":\"thought_summary\","
	"\"content\":{\"type\":\"text\",\"text\":\"Hm.\"}}}\n\n"
	"data: {\"event_type\":\"step.start\",\"index\":1,\"step\":{\"type\":\"model_output\"}}\n\n"
	"data: "
	"{\"event_type\":\"step.delta\",\"index\":1,\"delta\":{\"type\":\"text\",\"text\":\"I \"}}"
	"\n\n"
	"data: {\"event_type\":\"step.delta\",\"index\":1,\"delta\":{\"type\":\"text\",\"text\":"
	"\"look.\"}}\n\n"
	"data: "
	"{\"event_type\":\"step.start\",\"index\":2,\"step\":{\"type\":\"function_call\",\"id\":"
	"\"f\",\"name\":\"sh\",\"arguments\":{}}}\n\n"
	"data: {\"event_type\":\"step.delta\",\"index\":2,\"delta\":{\"type\":\"arguments_delta\","
	"\"arguments\":\"{\\\"b\\\": 1.0}\"}}\n\n"
	"data: {\"event_type\":\"interaction.completed\",\"interaction\":{\"id\":\"i\",\"status\":"
	"\"requires_action\"}}\n\n";

/* The same answer as clients send it back: parsed, printed again, in other types. */
/* What an API calls its list of messages. */
static const char *list_of(const char *path)
{
	static const char *const lists[][2] = {
		{ RESPONSES, "input" },
		{ STEPS, "input" },
		{ GEMINI, "contents" },
		{ COHERE_V1, "chat_history" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (strcmp(path, lists[i][0]) == 0)
			return lists[i][1];
	return "messages";
}

static void an_answer_sent_back_is_canonically_equal(void **state)
{
	static const struct {
		const char *path, *answer;
		struct slice back;
	} cases[] = {
		{ CHAT, chat_stream,
		  SLICE("{\"role\":\"assistant\",\"content\":\"I'll look "
			"\\u00e9.\",\"tool_calls\":[{"
			"\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"sh\","
			"\"arguments\":\"{\\\"b\\\": 1.0, \\\"a\\\": [1e2, "
			"\\\"\\\\u00e9\\\\/\\\"]}\"}}]}") },
		{ CHAT, chat_stream, /* parts, printed by Go */
		  SLICE("{\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"a\\\":[100,"
			"\\\"\xc3\xa9/\\\"],"
			"\\\"b\\\":1}\",\"name\":\"sh\"},\"id\":\"c1\"}],\"content\":[{\"text\":"
			"\"I'll "
			"look "
			"\xc3\xa9.\",\"type\":\"text\",\"cache_control\":{\"type\":\"ephemeral\"}}]"
			","
			"\"role\":\"assistant\",\"refusal\":null}") },
		{ CHAT, chat_stream, /* text and calls as two messages */
		  SLICE("{\"role\":\"assistant\",\"content\":\"I'll look \xc3\xa9.\"}, {\"role\":"
			"\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\","
			"\"function\":{"
			"\"name\":\"sh\",\"arguments\":\"{\\\"b\\\":1,\\\"a\\\":[100,\\\"\xc3\xa9/"
			"\\\"]}\"}}]}") },
		{ MESSAGES,
		  messages_stream, /* JavaScript moves names that are numbers to the front */
		  SLICE("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
			"\"Hm.\","
			"\"signature\":\"U2lnbmVk\"},{\"type\":\"text\",\"text\":\"I "
			"look.\"},{\"type\":"
			"\"tool_use\",\"id\":\"t1\",\"name\":\"sh\",\"input\":{\"7\":\"\xc3\xa9\","
			"\"b\":1}}]}") },
		{ MESSAGES, messages_stream,
		  SLICE("{ \"content\" : [{\"thinking\":\"Hm.\",\"type\":\"thinking\"}, {\"text\":"
			"\"I look.\",\"type\":\"text\",\"citations\":null}, "
			"{\"cache_control\":{\"type\":"
			"\"ephemeral\"},\"id\":\"t1\",\"input\":{\"b\": 1.0, \"7\": "
			"\"\\u00e9\"},\"name\":"
			"\"sh\",\"type\":\"tool_use\"}], \"role\" : \"assistant\" }") },
		{ RESPONSES, responses_stream, SLICE(REASONING "," FUNCTION_CALL) },
		{ RESPONSES, responses_stream,
		  SLICE("{\"type\":\"reasoning\",\"content\":null,\"summary\":[{\"text\":\"Plan\","
			"\"type\":"
			"\"summary_text\"}]} , "
			"{\"arguments\":\"{\\\"b\\\":1}\",\"call_id\":\"c1\",\"name\":"
			"\"sh\",\"type\":\"function_call\"}") },
		{ CONVERSE, converse_stream,
		  SLICE("{\"role\":\"assistant\",\"content\":[{\"reasoningContent\":"
			"{\"reasoningText\":{\"signature\":\"U2ln\",\"text\":\"Hm.\"}}},{\"text\":"
			"\"I look \xc3\xa9.\"},{\"toolUse\":{\"input\":{\"b\":1},\"name\":\"sh\","
			"\"toolUseId\":\"t1\"}},{\"cachePoint\":{\"type\":\"default\"}}]}") },
		{ COHERE, cohere_stream,
		  SLICE("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":"
			"\"function\",\"function\":{\"arguments\":\"{\\\"b\\\":1}\",\"name\":"
			"\"sh\"}}],\"tool_plan\":\"I list.\"}") },
		{ COHERE_V1, cohere_v1_stream,
		  SLICE("{\"role\":\"CHATBOT\",\"tool_calls\":[{\"parameters\":{\"b\":1},"
			"\"name\":\"sh\"}],\"message\":\"I look.\"}") },
		{ OLLAMA, ollama_stream,
		  SLICE("{\"role\":\"assistant\",\"content\":\"I look.\",\"thinking\":\"Hm.\","
			"\"tool_calls\":[{\"function\":{\"arguments\":{\"b\":1},\"name\":\"sh\"}}]"
			"}") },
		{ OLLAMA, ollama_stream, /* ollama-python's own types */
		  SLICE("{\"role\":\"assistant\",\"thinking\":\"Hm.\",\"content\":\"I look.\","
			"\"images\":null,\"tool_calls\":[{\"function\":{\"name\":\"sh\","
			"\"arguments\":{\"b\":1.0}}}],\"tool_name\":null}") },
		{ GEMINI, gemini_stream, /* joined */
		  SLICE("{\"role\":\"model\",\"parts\":[{\"text\":\"Hm.\",\"thought\":true},{"
			"\"text\":"
			"\"I \xc3\xa9 look.\"},{\"functionCall\":{\"args\":{\"a\":[100],\"b\":1},"
			"\"name\":\"sh\"}}]}") },
		{ GEMINI, gemini_stream, /* piece by piece, with underscores */
		  SLICE("{\"role\":\"model\",\"parts\":[{\"text\":\"Hm\",\"thought\":true}]},{"
			"\"role\":"
			"\"model\",\"parts\":[{\"thought\":true,\"text\":\".\"},{\"text\":\"I "
			"\xc3\xa9\"},{\"text\":\"\"}]},{\"parts\":[{\"text\":\" look.\"},"
			"{\"function_call\":{\"name\":\"sh\",\"args\":{\"b\":1,\"a\":[100.0]}},"
			"\"thought_signature\":\"c2ln\"}],\"role\":\"model\"}") },
		{ STEPS, steps_stream,
		  SLICE("{\"type\":\"thought\",\"signature\":\"c2ln\",\"summary\":[{\"type\":"
			"\"text\","
			"\"text\":\"Hm.\"}]},{\"type\":\"model_output\",\"content\":[{\"text\":\"I "
			"look.\",\"type\":\"text\"}]},{\"type\":\"function_call\",\"id\":\"f\","
			"\"arguments\":{\"b\":1},\"name\":\"sh\"}") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trial first = {
			.path = cases[i].path,
			.status = 200,
			.host = strcmp(cases[i].path, COHERE_V1) == 0 ? "api.cohere.com" : NULL,
			.request = SLICE("{\"model\":\"m\",\"messages\":[{\"role\":"
					 "\"user\",\"content\":\"x\"}],\"input\":\"x\","
					 "\"stream\":true,\"message\":\"x\",\"contents\":\"x\"}"),
			.response = slice_of(cases[i].answer)
		};
		struct trial second = first;
		char body[2048];

		snprintf(body, sizeof(body),
			 "{\"model\":\"m\",\"%s\":[%.*s,{\"role\":\"user\",\"content\":\"go on\","
			 "\"parts\":[{\"text\":\"go on\"}]}]}",
			 list_of(cases[i].path), SLICE_ARG(cases[i].back));
		second.request = slice_of(body);
		run(&first);
		run(&second);
		assert_int_equal(first.ended, 1);
		assert_int_equal(second.n_items, 2);
		assert_int_equal(second.roles[0], LLM_ROLE_ASSISTANT);
		assert_int_equal(second.roles[1], LLM_ROLE_USER);
		assert_true(first.answer.n > 60);
		if (!slice_eq(buf_slice(&first.answer), buf_slice(&second.first_item)))
			fail_msg("%zu: %.*s\nis not %.*s", i, SLICE_ARG(first.answer),
				 SLICE_ARG(second.first_item));
		done(&first);
		done(&second);
	}
}

static void text_is_the_same_as_a_string_or_one_block(void **state)
{
	static const struct {
		const struct llm_format *format;
		const char *a, *b;
	} cases[] = {
		{ &llm_openai_chat, "{\"role\":\"user\",\"content\":\"a\\u0062\"}",
		  "{\"content\":[{\"type\":\"text\",\"text\":\"ab\"}],\"role\":\"user\"}" },
		{ &llm_openai_chat, "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"ok\"}",
		  "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":[{\"type\":\"text\","
		  "\"text\":\"ok\"}]}" },
		{ &llm_anthropic, "{\"role\":\"user\",\"content\":\"ab\"}",
		  "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"ab\",\"cache_"
		  "control\":{}}]}" },
		{ &llm_anthropic,
		  "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\","
		  "\"content\":\"r\"}]}",
		  "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\","
		  "\"is_error\":false,"
		  "\"content\":[{\"type\":\"text\",\"text\":\"r\"}]}]}" },
		{ &llm_bedrock_converse, "{\"role\":\"user\",\"content\":[{\"text\":\"ab\"}]}",
		  "{\"content\":[{\"text\":\"a\\u0062\"},{\"cachePoint\":{\"type\":"
		  "\"default\"}}],\"role\":\"user\"}" },
		{ &llm_bedrock_converse,
		  "{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"t\","
		  "\"content\":[{\"json\":{\"a\":1,\"b\":2}}]}}]}",
		  "{\"role\":\"user\",\"content\":[{\"toolResult\":{\"status\":\"success\","
		  "\"content\":[{\"json\":{\"b\":2.0,\"a\":1}}],\"toolUseId\":\"t\"}}]}" },
		{ &llm_cohere_chat, "{\"role\":\"user\",\"content\":\"ab\"}",
		  "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"ab\"}]}" },
		{ &llm_gemini, "{\"role\":\"user\",\"parts\":[{\"text\":\"ab\"}]}",
		  "{\"parts\":{\"text\":\"ab\",\"thoughtSignature\":\"c2ln\"}}" },
		{ &llm_interactions, "\"ab\"",
		  "{\"type\":\"user_input\",\"content\":[{\"type\":\"text\",\"text\":\"ab\"}]}" },
		{ &llm_openai_responses, "\"ab\"", "{\"role\":\"user\",\"content\":\"ab\"}" },
		{ &llm_openai_responses, "{\"role\":\"user\",\"content\":\"ab\"}",
		  "{\"type\":\"message\",\"id\":\"x\",\"role\":\"user\",\"content\":[{\"type\":"
		  "\"input_text\",\"text\":\"ab\"}]}" },
		{ &llm_openai_responses,
		  "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"r\"}",
		  "{\"output\":[{\"type\":\"input_text\",\"text\":\"r\"}],\"call_id\":\"c\","
		  "\"type\":\"function_call_output\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(arena_freep) struct arena *mem = arena_new(1 << 20);
		_cleanup_(buf_done) struct buf a = { 0 }, b = { 0 };
		struct llm_message m;

		llm_read_item(cases[i].format, slice_of(cases[i].a), mem, &m);
		assert_int_equal(llm_message_json(&m, &a), 0);
		llm_read_item(cases[i].format, slice_of(cases[i].b), mem, &m);
		assert_int_equal(llm_message_json(&m, &b), 0);
		if (!slice_eq(buf_slice(&a), buf_slice(&b)))
			fail_msg("%zu: %.*s\nis not %.*s", i, SLICE_ARG(a), SLICE_ARG(b));
		assert_true(json_valid(buf_slice(&a)));
	}
}

static void different_content_is_never_canonically_equal(void **state)
{
	static const char *const same_but_one[] = {
		"{\"role\":\"user\",\"content\":\"ab\"}",
		"{\"role\":\"user\",\"content\":\"ab \"}",
		"{\"role\":\"system\",\"content\":\"ab\"}",
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
		"\"text\",\"text\":\"b\"}]}",
		"{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"data:"
		"image/png;base64,AAAA\"}]}",
		"{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"data:"
		"image/png;base64,AAAB\"}]}",
		"{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"data:"
		"image/gif;base64,AAAB\"}]}",
		"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":"
		"\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]}",
		"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":"
		"\"f\",\"arguments\":\"{\\\"a\\\":\\\"1\\\"}\"}}]}",
		"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"2\",\"function\":{\"name\":"
		"\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]}",
		"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":"
		"\"f\",\"arguments\":\"{\\\"a\\\":1\"}}]}",
		"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":"
		"\"f\",\"arguments\":\"{\\\"signature\\\":1}\"}}]}",
		"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":"
		"\"f\",\"arguments\":\"{}\"}}]}",
		"{\"role\":\"assistant\",\"content\":\"{}\"}",
	};
	struct buf all[ARRAY_SIZE(same_but_one)] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same_but_one); i++) {
		_cleanup_(arena_freep) struct arena *mem = arena_new(1 << 20);
		struct llm_message m;

		llm_read_item(&llm_openai_chat, slice_of(same_but_one[i]), mem, &m);
		assert_int_equal(llm_message_json(&m, &all[i]), 0);
		for (size_t k = 0; k < i; k++)
			assert_false(slice_eq(buf_slice(&all[i]), buf_slice(&all[k])));
	}
	for (size_t i = 0; i < ARRAY_SIZE(same_but_one); i++)
		buf_done(&all[i]);
}

static void integers_in_arguments_stay_exact(void **state)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(1 << 20);
	_cleanup_(buf_done) struct buf out = { 0 };
	struct llm_message m;

	(void)state;
	llm_read_item(
		&llm_anthropic,
		SLICE("{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t\","
		      "\"name\":\"f\",\"input\":{\"z\":9007199254740993,\"nul\":\"a\\u0000b\","
		      "\"f\":0.1,\"huge\":1e999}}]}"),
		mem, &m);
	assert_int_equal(llm_message_json(&m, &out), 0);
	assert_true(
		slice_has(buf_slice(&out), SLICE("\"arguments\":{\"f\":0.1,\"huge\":1e999,"
						 "\"nul\":\"a\\u0000b\",\"z\":9007199254740993}")));
}

/* --- what happens when --- */

static void equal_bytes_of_a_history_have_equal_hashes(void **state)
{
	struct trial a = { .path = CHAT,
			   .request = SLICE(
				   "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
				   "\"content\":\"1\"},{\"role\":\"user\",\"content\":\"2\"}]}") };
	struct trial b = { .path = CHAT,
			   .request = SLICE(
				   "{\"messages\":[{\"role\":\"user\",\"content\":\"1\"} , "
				   "{\"role\":\"user\",\"content\":\"3\"}],\"model\":\"m\"}") };

	(void)state;
	run(&a);
	run(&b);
	assert_int_equal(a.n_items, 2);
	assert_memory_equal(a.hashes[0], b.hashes[0], sizeof(a.hashes[0]));
	assert_memory_not_equal(a.hashes[1], b.hashes[1], sizeof(a.hashes[1]));
	done(&a);
	done(&b);
}

static void a_stream_is_seen_while_it_comes(void **state)
{
	struct trial t = { .path = MESSAGES,
			   .status = 200,
			   .request = SLICE("{\"model\":\"m\",\"messages\":[]}"),
			   .response = { messages_stream, sizeof(messages_stream) - 1 },
			   .piece = 100 };

	(void)state;
	run(&t);
	assert_int_equal(t.begun, 1);
	assert_int_equal(t.ended, 1);
	assert_in_range(t.progress, 8, 14);
	/* The request took one piece; message_start is no token, the first thought is. */
	assert_in_range(t.first_token_ns, 1040, 1070);
	assert_int_equal(t.first_part_start, t.first_token_ns);
	assert_true(t.first_part_end >= t.first_part_start && t.first_part_end < 1100);
	assert_int_equal(t.usage.input, 43);
	assert_int_equal(t.usage.output, 30);
	assert_int_equal(t.usage.cache_write, LLM_UNKNOWN);
	done(&t);
}

static void an_answer_before_the_requests_end_is_a_call(void **state)
{
	struct trial t = { .path = CHAT,
			   .host = "api.openai.com",
			   .status = 401,
			   .early = true,
			   .request =
				   SLICE("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"con"),
			   .response =
				   SLICE("{\"error\":{\"message\":\"no\",\"type\":\"auth\"}}") };

	(void)state;
	run(&t);
	assert_int_equal(t.begun, 1);
	assert_int_equal(t.ended, 1);
	assert_true(t.body_cut);
	assert_true(t.failed);
	done(&t);
}

static void a_request_over_the_limit_is_a_call_with_a_cut_body(void **state)
{
	const size_t n = LLM_REQUEST_MAX + 4096;
	_cleanup_(freep) char *body = malloc(n);
	const struct slice head =
		SLICE("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
		      "\"first\"},{\"role\":\"user\",\"content\":\"");
	struct trial t = { .path = CHAT, .request = { body, n }, .piece = 1 << 20 };

	(void)state;
	memset(body, 'x', n);
	memcpy(body, head.p, head.n);
	run(&t);
	assert_int_equal(t.ended, 1);
	assert_true(t.body_cut);
	assert_int_equal(t.n_items, 1);
	done(&t);
}

static void an_unfinished_json_answer_is_cut(void **state)
{
	struct trial t = { .path = CHAT,
			   .status = 200,
			   .end = HTTP_END_CUT,
			   .request = SLICE("{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}]}"),
			   .response = SLICE(
				   "{\"id\":\"c\",\"usage\":{\"prompt_tokens\":4,\"completion_"
				   "tokens\":5},\"choices\":[{\"message\":{\"content\":\"hal") };

	(void)state;
	run(&t);
	assert_string_equal(t.cut, "connection closed");
	assert_false(t.done);
	assert_int_equal(t.usage.input, 4);
	assert_int_equal(t.stats.n[STAT_LLM_BAD_JSON], 1);
	done(&t);
}

static void a_total_that_differs_is_counted(void **state)
{
	struct trial t = { .path = CHAT,
			   .status = 200,
			   .request = SLICE("{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}]}"),
			   .response = SLICE("{\"choices\":[],\"usage\":{\"prompt_tokens\":4,"
					     "\"completion_tokens\":5,\"total_tokens\":10}}") };

	(void)state;
	run(&t);
	assert_int_equal(t.stats.n[STAT_LLM_TOTAL_MISMATCH], 1);
	assert_int_equal(t.stats.n[STAT_LLM_CALLS], 1);
	assert_string_equal(t.stats.total_mismatch[0].name, "localhost");
	assert_int_equal(t.stats.total_mismatch[0].n, 1);
	done(&t);
}

static void mismatches_are_counted_by_host_within_bounds(void **state)
{
	struct stats stats = { 0 };
	char name[200];

	(void)state;
	stat_add_host(NULL, "a", 1);
	stat_add_host(&stats, "a\x1b[31m", 6);
	stat_add_host(&stats, "b", 1);
	stat_add_host(&stats, "a\x1b[31m", 6);
	assert_string_equal(stats.total_mismatch[0].name, "a?[31m");
	assert_int_equal(stats.total_mismatch[0].n, 2);
	assert_int_equal(stats.total_mismatch[1].n, 1);
	for (int i = 0; i < 2 * STATS_HOSTS_MAX; i++) {
		const int n = snprintf(name, sizeof(name), "%0150d", i);

		stat_add_host(&stats, name, (size_t)n); /* cut, so all are one */
		stat_add_host(&stats, name + n - 3, 3);
	}
	assert_int_equal(stats.total_mismatch[2].n, 2 * STATS_HOSTS_MAX);
	assert_int_equal(strlen(stats.total_mismatch[2].name), STATS_HOST_NAME - 1);
	assert_int_equal(stats.total_mismatch[STATS_HOSTS_MAX - 1].n, 1);
}

/* --- estimates --- */

static void estimates_fill_what_is_missing_and_no_more(void **state)
{
	static const struct {
		const char *usage;
		int64_t input, output; /* LLM_UNKNOWN: an estimate */
	} cases[] = {
		{ "null", LLM_UNKNOWN, LLM_UNKNOWN },
		{ "{}", LLM_UNKNOWN, LLM_UNKNOWN },
		{ "{\"prompt_tokens\":4,\"completion_tokens\":5}", 4, 5 },
		{ "{\"prompt_tokens\":4,\"completion_tokens\":0}", 4, 0 },
		{ "{\"prompt_tokens\":4}", 4, LLM_UNKNOWN },
		{ "{\"completion_tokens\":5}", LLM_UNKNOWN, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char answer[512];
		struct trial t = { .path = CHAT,
				   .status = 200,
				   .request = SLICE("{\"model\":\"m\",\"messages\":[{\"role\":"
						    "\"user\",\"content\":\"What is it?\"}]}") };

		snprintf(answer, sizeof(answer),
			 "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{"
			 "\"role\":\"assistant\",\"content\":\"A short answer.\"}}],"
			 "\"usage\":%s}",
			 cases[i].usage);
		t.response = slice_of(answer);
		run(&t);
		if (cases[i].input == LLM_UNKNOWN)
			assert_in_range(t.usage.input, 8, 15);
		else
			assert_int_equal(t.usage.input, cases[i].input);
		if (cases[i].output == LLM_UNKNOWN)
			assert_in_range(t.usage.output, 2, 6);
		else
			assert_int_equal(t.usage.output, cases[i].output);
		assert_int_equal(
			t.usage.estimated,
			(cases[i].input == LLM_UNKNOWN ? LLM_ESTIMATED_INPUT : 0) |
				(cases[i].output == LLM_UNKNOWN ? LLM_ESTIMATED_OUTPUT : 0));
		assert_int_equal(t.usage.cache_read, LLM_UNKNOWN);
		assert_int_equal(t.usage.reasoning, LLM_UNKNOWN);
		done(&t);
	}
}

/* Where a guess would be none, there is none. */
static void what_cannot_be_guessed_stays_unknown(void **state)
{
	static const struct {
		const char *path, *request, *response;
		int status;
		bool input;
	} cases[] = {
		{ CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
		  "{\"error\":{\"message\":\"no\"}}", 429, false },
		{ CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
		  "not JSON", 200, false },
		{ CHAT,
		  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		  "\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}]}]}",
		  "{\"choices\":[{\"message\":{\"content\":\"a\"}}]}", 200, false },
		{ RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"previous_response_id\":\"r\"}",
		  "{\"id\":\"s\",\"status\":\"completed\",\"output\":[]}", 200, false },
		{ RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"background\":true}",
		  "{\"id\":\"s\",\"status\":\"queued\",\"output\":[]}", 200, false },
		{ RESPONSES, "{\"model\":\"m\",\"input\":\"x\"}",
		  "{\"id\":\"s\",\"status\":\"completed\",\"output\":[]}", 200, true },
		{ "/v1/images/generations", "{\"model\":\"m\",\"prompt\":\"x\"}",
		  "{\"data\":[{\"url\":\"https://x/y.png\"}]}", 200, false },
		{ "/v1/embeddings", "{\"model\":\"m\",\"input\":[1,2,3]}",
		  "{\"object\":\"list\",\"data\":[]}", 200, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trial t = { .path = cases[i].path,
				   .status = cases[i].status,
				   .request = slice_of(cases[i].request),
				   .response = slice_of(cases[i].response) };

		run(&t);
		assert_int_equal(t.ended, 1);
		if ((t.usage.input != LLM_UNKNOWN) != cases[i].input)
			fail_msg("%zu: %lld", i, (long long)t.usage.input);
		done(&t);
	}
}

static void texts_cost_what_tokenizers_make_of_them(void **state)
{
	static const struct {
		const char *text;
		uint64_t low, high; /* two generations of OpenAI's tokenizers, and 15 % */
	} cases[] = {
		{ "", 0, 0 },
		{ "The quick brown fox jumps over the lazy dog, and nobody minds.", 11500, 16500 },
		{ "static int add(int a, int b)\n{\n\treturn a + b;\n}\n", 17000, 25000 },
		{ "{\"id\":12345,\"name\":\"Ada\",\"tags\":[\"x\",\"y\"]}", 17000, 27000 },
		{ "\xe4\xba\xba\xe5\xb7\xa5\xe6\x99\xba\xe8\x83\xbd", 1700, 4600 },
		{ "\xff\xfe", 1000, 5000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_in_range(llm_estimate_text(slice_of(cases[i].text)), cases[i].low,
				cases[i].high);
}

/* --- Bedrock --- */

static void bedrock_names_the_model_in_the_path(void **state)
{
	static const struct {
		const char *path, *model;
	} cases[] = {
		{ "/model/us.anthropic.claude-x-v1%3A0/converse", "us.anthropic.claude-x-v1:0" },
		{ "/model/us.anthropic.claude-x-v1:0/converse", "us.anthropic.claude-x-v1:0" },
		{ "/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Ainference-profile%2Fa/converse",
		  "arn:aws:bedrock:eu:1:inference-profile/a" },
		{ "/model/arn:aws:bedrock:eu:1:inference-profile/a/converse",
		  "arn:aws:bedrock:eu:1:inference-profile/a" },
		{ "/proxy/model/m%2/converse?x=/model/", "m%2" },
		{ "/model/m%zz%41/converse", "m%zzA" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trial t = { .path = cases[i].path,
				   .status = 200,
				   .request = SLICE("{\"messages\":[{\"role\":\"user\"}]}") };

		run(&t);
		assert_int_equal(t.ended, 1);
		assert_string_equal(t.model, cases[i].model);
		done(&t);
	}
}

static void the_makers_counts_win_over_bedrocks(void **state)
{
	static const struct {
		const char *body;
		int64_t input, output, cached;
	} cases[] = {
		{ "{\"type\":\"message\",\"content\":[],\"usage\":{\"input_tokens\":3,"
		  "\"cache_read_input_tokens\":4,\"output_tokens\":9}}",
		  7, 9, 4 },
		{ "{\"type\":\"message\",\"content\":[],\"usage\":{\"input_tokens\":3}}", 3, 2,
		  LLM_UNKNOWN },
		{ "{\"type\":\"message\",\"content\":[]}", 30, 2, 20 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trial t = {
			.path = "/model/anthropic.claude-x/invoke",
			.host = "bedrock-runtime.us-east-1.amazonaws.com",
			.status = 200,
			.request = SLICE("{\"anthropic_version\":\"x\",\"messages\":[]}"),
			.response = slice_of(cases[i].body),
			.response_headers = {
				{ SLICE("X-Amzn-Bedrock-Input-Token-Count"), SLICE("10") },
				{ SLICE("X-Amzn-Bedrock-Output-Token-Count"), SLICE("2") },
				{ SLICE("X-Amzn-Bedrock-Cache-Read-Input-Token-Count"), SLICE("20") },
				{ SLICE("X-Amzn-Bedrock-Cache-Write-Input-Token-Count"), SLICE("x") },
			},
		};

		run(&t);
		assert_int_equal(t.usage.input, cases[i].input);
		assert_int_equal(t.usage.output, cases[i].output);
		assert_int_equal(t.usage.cache_read, cases[i].cached);
		assert_int_equal(t.usage.cache_write, LLM_UNKNOWN);
		done(&t);
	}
}

static void hosts_name_providers(void **state)
{
	static const struct {
		const char *host, *provider;
	} cases[] = {
		{ "api.openai.com", "openai" },
		{ "eu.api.openai.com", "openai" },
		{ "API.OpenAI.com", "openai" },
		{ "notapi.openai.com.example", NULL },
		{ "xapi.openai.com", NULL },
		{ "unit.openai.azure.com", "azure.ai.openai" },
		{ "bedrock-runtime.eu-west-1.amazonaws.com", "aws.bedrock" },
		{ "bedrock-agent-runtime.us-east-1.amazonaws.com", "aws.bedrock" },
		{ "vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com", "aws.bedrock" },
		{ "ollama.com", "ollama" },
		{ "us-east5-aiplatform.googleapis.com", "gcp.vertex_ai" },
		{ "api.individual.githubcopilot.com", "github_copilot" },
		{ "localhost:11434", "ollama" },
		{ "localhost:8080", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = llm_provider_of_host(slice_of(cases[i].host));

		if (cases[i].provider)
			assert_string_equal(got, cases[i].provider);
		else
			assert_null(got);
	}
}

static void media_is_measured_and_not_kept(void **state)
{
	static const struct {
		const char *base64;
		uint64_t size;
	} cases[] = { { "", 0 }, { "QQ==", 1 }, { "QUI=", 2 }, { "QUJD", 3 }, { "QUJDRA", 4 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(arena_freep) struct arena *mem = arena_new(1 << 20);
		_cleanup_(buf_done) struct buf out = { 0 };
		struct llm_message m = { 0 };

		llm_add_inline_media(&m, mem, SLICE("image/png"), slice_of(cases[i].base64));
		assert_int_equal(m.parts->size, cases[i].size);
		assert_int_equal(llm_message_json(&m, &out), 0);
		if (cases[i].size)
			assert_false(slice_has(buf_slice(&out), slice_of(cases[i].base64)));
	}
}

/* --- hostile --- */

static void refused_memory_harms_nothing(void **state)
{
	struct trial base[] = {
		{ .path = CHAT, .response = { chat_stream, sizeof(chat_stream) - 1 } },
		{ .path = MESSAGES, .response = { messages_stream, sizeof(messages_stream) - 1 } },
		{ .path = CONVERSE, .response = { converse_stream, sizeof(converse_stream) - 1 } },
		{ .path = COHERE, .response = { cohere_stream, sizeof(cohere_stream) - 1 } },
		{ .path = OLLAMA, .response = { ollama_stream, sizeof(ollama_stream) - 1 } },
		{ .path = "/model/meta.llama3/invoke-with-response-stream",
		  .host = "bedrock-runtime.us-east-1.amazonaws.com",
		  .response = SLICE("event: chunk\ndata: {\"bytes\":"
				    "\"eyJnZW5lcmF0aW9uIjoiSGkiLCJzdG9wX3JlYXNvbiI6InN0b3AifQ==\"}"
				    "\n\n") },
		{ .path = RESPONSES,
		  .response = { responses_stream, sizeof(responses_stream) - 1 } },
		{ .path = CHAT,
		  .response = SLICE(
			  "{\"choices\":[{\"message\":{\"content\":\"a\\nb\",\"tool_calls\":[{"
			  "\"id\":\"1\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]"
			  "}") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(base); i++)
		for (long n = 1;; n++) {
			struct trial t = base[i];
			bool refused;

			t.status = 200;
			t.piece = 50;
			t.request = SLICE(
				"{\"model\":\"m\",\"input\":\"x\",\"messages\":[{\"role\":\"user\","
				"\"content\":\"a\\nb\"},{\"role\":\"assistant\",\"content\":\"c\"}]"
				"}");
			alloc_refuse(n);
			run(&t);
			refused = alloc_allow();
			assert_int_equal(t.begun, t.ended);
			done(&t);
			if (!refused)
				break;
			assert_true(n < 2000);
		}
}

static void many_parts_and_items_are_bounded(void **state)
{
	_cleanup_(buf_done) struct buf body = { 0 }, stream = { 0 };
	struct trial t = { .path = CHAT, .status = 200 };
	char event[200];

	(void)state;
	buf_add(&body, SLICE("{\"model\":\"m\",\"messages\":["), SIZE_MAX);
	for (unsigned i = 0; i < LLM_ITEMS_MAX + 10; i++)
		buf_add(&body, SLICE("{\"role\":\"user\"},"), SIZE_MAX);
	buf_add(&body, SLICE("0]}"), SIZE_MAX);
	for (unsigned i = 0; i < LLM_PARTS_MAX + 10; i++) {
		snprintf(event, sizeof(event),
			 "data: "
			 "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%u,\"id\":\"%u\"}]}}"
			 "]}\n\n",
			 i, i);
		buf_add(&stream, slice_of(event), SIZE_MAX);
	}
	t.request = buf_slice(&body);
	t.response = buf_slice(&stream);
	run(&t);
	assert_int_equal(t.n_items, LLM_ITEMS_MAX);
	assert_true(t.body_cut);
	assert_string_equal(t.cut, "over limit");
	done(&t);
}

/* --- tools that are offered --- */

static bool add_name(void *ctx, struct slice name, struct slice description)
{
	struct buf *names = ctx;

	(void)description;
	buf_add(names, name, 1000);
	buf_add(names, SLICE(" "), 1000);
	return true;
}

static void tools_are_named_in_every_form(void **state)
{
	static const struct {
		struct slice tools;
		const char *names;
	} cases[] = {
		{ SLICE(""), "" },
		{ SLICE("[]"), "" },
		{ SLICE("[{\"name\":\"Bash\",\"input_schema\":{}},{\"name\":\"Read\"}]"),
		  "Bash Read " },
		{ SLICE("[{\"type\":\"function\",\"function\":{\"name\":\"ls\"}}]"), "ls " },
		{ SLICE("[{\"type\":\"namespace\",\"name\":\"mcp\",\"tools\":[{\"name\":\"a\"},{"
			"\"name\":"
			"\"b\"}]},{\"name\":\"c\"}]"),
		  "a b c " },
		{ SLICE("[{\"functionDeclarations\":[{\"name\":\"x\"},{\"name\":\"y\"}]}]"),
		  "x y " },
		{ SLICE("[{\"toolSpec\":{\"name\":\"t\"}},{\"cachePoint\":{}}]"), "t " },
		{ SLICE("[{\"type\":\"web_search\"}]"), "" }, /* the server's own has none */
		{ SLICE("[{\"name\":\"a\\u0062\"}]"), "ab " },
		{ SLICE("[{\"name\":\"cut"), "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *mem = arena_new(4096);
		struct buf names = { 0 };

		llm_each_tool(cases[i].tools, mem, add_name, &names);
		if (!slice_eq(buf_slice(&names), slice_of(cases[i].names)))
			fail_msg("case %zu: '%.*s'", i, SLICE_ARG(buf_slice(&names)));
		buf_done(&names);
		arena_free(mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_sent_back_is_canonically_equal),
		cmocka_unit_test(text_is_the_same_as_a_string_or_one_block),
		cmocka_unit_test(different_content_is_never_canonically_equal),
		cmocka_unit_test(integers_in_arguments_stay_exact),
		cmocka_unit_test(equal_bytes_of_a_history_have_equal_hashes),
		cmocka_unit_test(a_stream_is_seen_while_it_comes),
		cmocka_unit_test(an_answer_before_the_requests_end_is_a_call),
		cmocka_unit_test(a_request_over_the_limit_is_a_call_with_a_cut_body),
		cmocka_unit_test(an_unfinished_json_answer_is_cut),
		cmocka_unit_test(a_total_that_differs_is_counted),
		cmocka_unit_test(mismatches_are_counted_by_host_within_bounds),
		cmocka_unit_test(estimates_fill_what_is_missing_and_no_more),
		cmocka_unit_test(what_cannot_be_guessed_stays_unknown),
		cmocka_unit_test(texts_cost_what_tokenizers_make_of_them),
		cmocka_unit_test(bedrock_names_the_model_in_the_path),
		cmocka_unit_test(the_makers_counts_win_over_bedrocks),
		cmocka_unit_test(hosts_name_providers),
		cmocka_unit_test(media_is_measured_and_not_kept),
		cmocka_unit_test(refused_memory_harms_nothing),
		cmocka_unit_test(many_parts_and_items_are_bounded),
		cmocka_unit_test(tools_are_named_in_every_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
