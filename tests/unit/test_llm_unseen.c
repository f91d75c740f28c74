/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers whose request was lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "alloc.h"
#include "llm/llm.h"

static const char chat[] =
	"{\"id\":\"c1\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":"
	"[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}],"
	"\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}";
static const char stream[] =
	"data: "
	"{\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"model\":\"m\",\"content\":[],"
	"\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n"
	"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
	"\"text\":\"hi\"}}\n\n"
	"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
	"\"usage\":{\"output_tokens\":2}}\n\n"
	"data: {\"type\":\"message_stop\"}\n\n";

struct told {
	unsigned begun, ended;
	char text[256]; /* of the last one */
};

static void on_call(void *ctx, enum llm_event ev, struct llm_call *c)
{
	struct told *t = ctx;

	t->begun += ev == LLM_BEGIN;
	if (ev != LLM_END)
		return;
	t->ended++;
	snprintf(t->text, sizeof(t->text), "%s %s %.*s %lld %lld%s%s", llm_format_name(c->format),
		 c->provider, SLICE_ARG(c->response_id), (long long)c->usage.input,
		 (long long)c->usage.output, c->body_cut ? " cut" : "", c->repeats ? " again" : "");
}

/* One exchange on @conn; without @path its request is lost. The answer comes in pieces of @cut. */
static void pass(struct llm *l, const struct connection *conn, const char *path,
		 struct slice answer, size_t cut)
{
	static struct http_header type = { { "Content-Type", 12 }, { "text/event-stream", 17 } };
	const struct slice request = SLICE("{\"model\":\"m\",\"messages\":[]}");
	struct http_exchange x = {
		.conn = conn, .mem = arena_new(1 << 20), .status = 200, .now_ns = 5
	};

	assert_non_null(x.mem);
	x.response.headers = &type;
	x.response.n_headers = slice_starts(answer, SLICE("data:"));
	x.response.head_ns = 5;
	if (path) {
		x.method = SLICE("POST");
		x.path = slice_of(path);
		x.host = SLICE("api.anthropic.com");
		llm_feed(l, HTTP_REQUEST_HEAD, &x, (struct slice){ 0 });
		llm_feed(l, HTTP_REQUEST_BODY, &x, request);
		llm_feed(l, HTTP_REQUEST_END, &x, (struct slice){ 0 });
	}
	llm_feed(l, HTTP_RESPONSE_HEAD, &x, (struct slice){ 0 });
	for (size_t n; answer.n; answer = slice_from(answer, n)) {
		n = answer.n < cut ? answer.n : cut;
		llm_feed(l, HTTP_RESPONSE_BODY, &x, (struct slice){ answer.p, n });
	}
	llm_feed(l, HTTP_RESPONSE_END, &x, (struct slice){ 0 });
	x.end = HTTP_END_COMPLETE;
	llm_feed(l, HTTP_FINISHED, &x, (struct slice){ 0 });
	arena_free(x.mem);
}

static struct llm *start(struct told *t)
{
	static struct stats stats;
	struct llm *l = NULL;

	*t = (struct told){ 0 };
	assert_int_equal(llm_new(on_call, t, &stats, &l), 0);
	return l;
}

static void an_answer_alone_is_a_call_where_the_connection_has_carried_calls(void **state)
{
	const struct connection conn = { .id = 9 };

	(void)state;
	for (size_t cut = 1; cut < sizeof(stream); cut += 7) {
		struct told t;
		struct llm *l = start(&t);

		pass(l, &conn, "/v1/messages", slice_of(stream), cut);
		pass(l, &conn, NULL, slice_of(stream), cut);
		assert_int_equal(t.begun, 2);
		assert_int_equal(t.ended, 2);
		assert_string_equal(t.text, "anthropic.messages anthropic m1 7 2 cut again");
		llm_free(l);
	}
}

static void an_answer_alone_of_a_known_server_is_a_call(void **state)
{
	const struct connection conn = { .id = 9, .server_name = "api.openai.com" };
	struct told t;
	struct llm *l = start(&t);

	(void)state;
	pass(l, &conn, NULL, slice_of(chat), 10);
	assert_int_equal(t.begun, 1);
	assert_string_equal(t.text, "openai.chat openai c1 7 2 cut again");
	llm_free(l);
}

static void an_answer_alone_from_where_calls_went_is_a_call(void **state)
{
	const struct connection conn = {
		.id = 9, .family = 2, .remote_addr = { 10, 1 }, .remote_port = 80
	};
	struct connection other = conn;
	struct told t;
	struct llm *l = start(&t);

	(void)state;
	other.id = 10;
	other.remote_port = 81;
	pass(l, &conn, "/v1/messages", slice_of(stream), 10);
	pass(l, &other, NULL, slice_of(stream), 10);
	assert_int_equal(t.begun, 1);
	other.remote_port = 80;
	pass(l, &other, NULL, slice_of(stream), 10);
	assert_int_equal(t.begun, 2);
	llm_free(l);
}

static void an_answer_alone_of_somebody_else_is_no_call(void **state)
{
	const struct connection conn = { .id = 9 }, other = { .id = 9 + 1024 };
	struct told t;
	struct llm *l = start(&t);

	(void)state;
	pass(l, &conn, NULL, slice_of(chat), 10);
	assert_int_equal(t.begun, 0);
	pass(l, &conn, "/v1/messages", slice_of(stream), 10);
	pass(l, &other, NULL, slice_of(stream), 10);
	assert_int_equal(t.begun, 1);
	llm_free(l);
}

static void what_else_is_answered_there_is_no_call(void **state)
{
	static const char *const others[] = { "{\"data\":[{\"id\":\"model\"}]}", "ok", "",
					      "data: {\"ping\":1}\n\n" };
	const struct connection conn = { .id = 9, .server_name = "api.openai.com" };
	struct told t;
	struct llm *l = start(&t);

	(void)state;
	pass(l, &conn, "/v1/messages", slice_of(stream), 10);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		pass(l, &conn, NULL, slice_of(others[i]), 10);
	assert_int_equal(t.begun, 1);
	assert_int_equal(t.ended, 1);
	llm_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_alone_is_a_call_where_the_connection_has_carried_calls),
		cmocka_unit_test(an_answer_alone_of_a_known_server_is_a_call),
		cmocka_unit_test(an_answer_alone_from_where_calls_went_is_a_call),
		cmocka_unit_test(an_answer_alone_of_somebody_else_is_no_call),
		cmocka_unit_test(what_else_is_answered_there_is_no_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
