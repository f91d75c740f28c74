/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "llm/socket.h"

struct log {
	char text[4096];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct log *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	l->n += (size_t)vsnprintf(l->text + l->n, sizeof(l->text) - l->n, fmt, ap);
	va_end(ap);
	assert_true(l->n < sizeof(l->text));
}

/* "1> " the request of exchange 1, "1< " an event of its answer, "1. 200 complete". */
static void record(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	static const char *const ends[] = { "none", "complete", "cut", "lost" };

	if (ev == HTTP_REQUEST_BODY)
		say(ctx, "%u> %.*s\n", x->number, piece.n < 1000 ? (int)piece.n : 100, piece.p);
	if (ev == HTTP_RESPONSE_BODY)
		say(ctx, "%u< %.*s", x->number, (int)piece.n - 1, piece.p);
	if (ev == HTTP_FINISHED && x->request.damage)
		say(ctx, "%u: %s\n", x->number, x->request.damage);
	if (ev == HTTP_FINISHED)
		say(ctx, "%u. %d %s%s%s\n", x->number, x->status, ends[x->end],
		    x->response.damage ? " " : "", x->response.damage ? x->response.damage : "");
}

/* Lines: ">..." the client's message, "<..." the server's, "<!" a damaged one; with a blank after
 * that a binary frame. */
static const char *talk_on(const char *path, const char *const *lines)
{
	static struct log l;
	struct connection conn = { .id = 1 };
	struct http_socket s = { .conn = &conn, .path = slice_of(path), .exchanges = 1 };
	struct llm_sockets *sockets;

	l = (struct log){ 0 };
	if (llm_sockets_new(record, &l, &sockets) < 0)
		return "";
	for (; *lines; lines++) {
		struct http_socket_message m = { .from_client = **lines == '>',
						 .text = (*lines)[1] != ' ',
						 .data = slice_of(*lines + 1) };

		if ((*lines)[1] == '!')
			m = (struct http_socket_message){ .text = true,
							  .damage = "gap",
							  .lost_bytes = 7 };
		llm_sockets_feed(sockets, &s, &m, HTTP_END_NONE);
	}
	llm_sockets_feed(sockets, &s, NULL, HTTP_END_CUT);
	llm_sockets_free(sockets);
	return l.text;
}

static const char *talk(const char *const *lines)
{
	return talk_on("/v1/responses", lines);
}

#define CREATE(rest) ">{\"type\":\"response.create\"" rest "}"

static void a_request_and_its_events_are_an_exchange(void **state)
{
	static const char *const lines[] = {
		CREATE(",\"input\":[1]"),
		"<{\"type\":\"response.created\"}",
		"<{\n\"type\":\"response.completed\"}",
		"<{\"type\":\"response.output_text.delta\"}", /* nobody asked */
		">{\"type\":\"other\"}",
		NULL,
	};

	(void)state;
	assert_string_equal(talk(lines), "1> {\"type\":\"response.create\",\"input\":[1]}\n"
					 "1< data: {\"type\":\"response.created\"}\n"
					 "1< data: { \"type\":\"response.completed\"}\n"
					 "1. 200 complete\n");
}

static void lanes_are_apart_and_in_order_within(void **state)
{
	static const char *const lines[] = {
		CREATE(",\"stream_id\":\"a\",\"n\":1"),
		CREATE(",\"stream_id\":\"b\",\"n\":2"),
		CREATE(",\"stream_id\":\"a\",\"n\":3"),
		"<{\"type\":\"response.completed\",\"stream_id\":\"b\"}",
		"<{\"type\":\"response.completed\",\"stream_id\":\"a\"}",
		"<{\"type\":\"error\",\"status\":429,\"stream_id\":\"a\"}",
		NULL,
	};
	const char *got;

	(void)state;
	got = talk(lines);
	assert_non_null(strstr(got, "2. 200 complete\n1< data: "));
	assert_non_null(strstr(got, "1. 200 complete\n3< data: "));
	assert_non_null(strstr(got, "3. 429 complete\n"));
}

static void a_warm_up_is_no_call_and_its_input_comes_first(void **state)
{
	static const char *const lines[] = {
		CREATE(",\"generate\":false,\"input\":[1,2]"),
		"<{\"type\":\"response.completed\",\"response\":{\"id\":\"w\"}}",
		CREATE(",\"previous_response_id\":\"w\",\"model\":\"m\",\"input\":[3]"),
		NULL,
	};

	(void)state;
	assert_string_equal(
		talk(lines),
		"2> {\"type\":\"response.create\",\"model\":\"m\",\"input\":[1,2,3]}\n2. 0 cut\n");
}

static void a_lost_message_is_told(void **state)
{
	static const char *const lines[] = { CREATE(""), "<{\"type\":\"response.created\"}", "<!",
					     NULL };

	(void)state;
	assert_non_null(strstr(talk(lines), "1. 200 cut gap\n"));
}

static void an_answer_without_an_end_is_over_when_the_next_one_begins(void **state)
{
	static const char *const quiet[] = {
		CREATE(",\"n\":1"),
		"<{\"type\":\"response.created\"}",
		CREATE(",\"n\":2"),
		"<{\"type\":\"response.created\"}",
		"<{\"type\":\"response.completed\"}",
		NULL,
	};
	static const char *const told[] = {
		CREATE(",\"n\":1"),
		"<!",
		CREATE(",\"n\":2"),
		"<{\"type\":\"response.created\"}",
		"<{\"type\":\"response.completed\"}",
		NULL,
	};
	static const char *const told_late[] = {
		CREATE(",\"n\":1"),
		CREATE(",\"n\":2"),
		"<!",
		"<{\"type\":\"response.created\"}",
		"<{\"type\":\"response.completed\"}",
		NULL,
	};

	(void)state;
	assert_non_null(strstr(talk(told_late), "1. 0 lost gap\n2< "));
	assert_non_null(strstr(talk(quiet),
			       "1. 200 lost gap\n2< data: {\"type\":\"response.created\"}"
			       "\n2< data: {\"type\":\"response.completed\"}\n"
			       "2. 200 complete\n"));
	assert_non_null(strstr(talk(told), "1. 0 lost gap\n2> "));
	assert_non_null(strstr(talk(told), "2. 200 complete\n"));
}

static void an_answer_to_a_lost_request_is_told(void **state)
{
	static const char *const lines[] = {
		"<{\"type\":\"response.created\"}",
		"<{\"type\":\"response.completed\"}",
		"<{\"type\":\"response.output_text.delta\"}",
		NULL,
	};

	(void)state;
	assert_string_equal(talk(lines), "1< data: {\"type\":\"response.created\"}\n"
					 "1< data: {\"type\":\"response.completed\"}\n"
					 "1: gap\n1. 200 complete\n");
}

/* --- Realtime --- */

#define REALTIME "/v1/realtime?x=1&model=m"
#define ITEM(id) ",\"item\":{\"id\":\"" id "\",\"role\":\"user\"}}"

static void what_was_added_is_the_next_responses_input(void **state)
{
	static const char *const lines[] = {
		">{\"type\":\"conversation.item.create\"" ITEM("a"),
		"<{\"type\":\"conversation.item.added\"" ITEM("a"), /* said once */
		"<{\"type\":\"conversation.item.added\"" ITEM("b"), /* heard */
		CREATE(",\"response\":{\"n\":1}"),
		"<{\"type\":\"response.created\",\"response\":{\"id\":\"r1\"}}",
		"<{\"type\":\"response.output_audio.delta\",\"response_id\":\"r1\",\"delta\":"
		"\"AAAA\"}",
		"<{\"type\":\"response.done\",\"response\":{\"id\":\"r1\"}}",
		"<{\"type\":\"response.done\",\"response\":{\"id\":\"r1\"}}", /* it is over */
		"<{\"type\":\"error\"}",				      /* about nothing */
		"<{\"type\":\"response.created\",\"response\":{\"id\":\"r2\"}}",
		NULL,
	};

	(void)state;
	assert_string_equal(
		talk_on(REALTIME, lines),
		"1> "
		"{\"model\":\"m\",\"response\":{\"n\":1},\"stream\":true,\"input\":[{\"id\":\"a\","
		"\"role\":\"user\"},{\"id\":\"b\",\"role\":\"user\"}]}\n"
		"1< data: {\"type\":\"response.created\",\"response\":{\"id\":\"r1\"}}\n"
		"1< data: {\"type\":\"response.output_audio.delta\"}\n"
		"1< data: {\"type\":\"response.done\",\"response\":{\"id\":\"r1\"}}\n"
		"1. 200 complete\n"
		"2> "
		"{\"model\":\"m\",\"previous_response_id\":\"r1\",\"stream\":true,\"input\":[]}\n"
		"2< data: {\"type\":\"response.created\",\"response\":{\"id\":\"r2\"}}\n"
		"2. 200 cut\n");
}

/* Items that no response asks for do not pile up. */
static void items_that_wait_are_bounded(void **state)
{
	const size_t n = 1 << 20;
	char *item = malloc(n + 64);
	const char *lines[16];
	size_t i = 0;

	(void)state;
	assert_non_null(item);
	snprintf(item, n, ">{\"type\":\"conversation.item.create\",\"item\":{\"a\":\"");
	memset(item + strlen(item), 'x', n - strlen(item));
	memcpy(item + n, "\"}}", 4);
	while (i < 12)
		lines[i++] = item;
	lines[i++] = CREATE("");
	lines[i] = NULL;
	assert_non_null(strstr(talk_on(REALTIME, lines), "over limit"));
	free(item);
}

/* --- Gemini Live --- */

#define LIVE	     "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k"
#define TURN(text)   "{\"t\":\"" text "\"}"
#define SAY(text)    ">{\"clientContent\":{\"turns\":[" TURN(text) "],\"turnComplete\":true}}"
#define CONTENT	     "< {\"serverContent\":{"
#define SAID(text)   CONTENT "\"modelTurn\":{\"parts\":[{\"text\":\"" text "\"}]}}}"
#define HEARD(text)  CONTENT "\"inputTranscription\":{\"text\":\"" text "\"}}}"
#define TURN_IS_OVER CONTENT "\"turnComplete\":true}}"
#define STREAMED     ">{\"realtimeInput\":{\"audio\":{\"mimeType\":\"audio/pcm\",\"data\":\"AA\"}}}"
#define CALL_TOOL    "<{\"toolCall\":{\"functionCalls\":[{\"id\":\"f\"}]}"
#define ANSWER_TOOL  ">{\"toolResponse\":{\"functionResponses\":[{\"id\":\"f\"}]}}"

/* An event's begin and end, between which parts stand. */
#define PARTS  "data: {\"candidates\":[{\"content\":{\"parts\":["
#define END    "]}}]"
#define OVER   "]},\"finishReason\":\"turnComplete\"}]"
#define CALLED "]},\"finishReason\":\"toolCall\"}]"

static void a_models_turn_is_an_exchange(void **state)
{
	static const char *const lines[] = {
		">{\"setup\":{\"model\":\"m\"}}",
		"< {\"setupComplete\":{\"sessionId\":\"s\"}}",
		SAY("a"),
		SAID("b"),
		CONTENT "\"modelTurn\":{\"parts\":[{\"inlineData\":{\"data\":\"AA\"}}]}}}",
		TURN_IS_OVER,
		TURN_IS_OVER, /* of nothing */
		"<{\"goAway\":{}}",
		"< \x01\xff",
		STREAMED,
		HEARD("c "),
		HEARD("d"),
		SAID("e"),
		NULL,
	};
	static const char first[] =
		"1> {\"model\":\"m\",\"sessionId\":\"s\",\"contents\":[{\"t\":\"a\"}]}\n"
		"1< " PARTS "{\"text\":\"b\"}" END "}\n"
		"1< " PARTS END ",\"sound\":true}\n"
		"1< " PARTS OVER "}\n"
		"1. 200 complete\n";
	static const char second[] =
		"2> {\"model\":\"m\",\"sessionId\":\"s\",\"contents\":[{\"t\":\"a\"},"
		"{\"role\":\"model\",\"parts\":[{\"text\":\"b\"}]},"
		"{\"role\":\"user\",\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/pcm\"}},"
		"{\"text\":\"c d\"}]}]}\n"
		"2< " PARTS "{\"text\":\"e\"}" END "}\n"
		"2. 200 cut\n";
	const char *got;

	(void)state;
	got = talk_on(LIVE, lines);
	assert_memory_equal(got, first, sizeof(first) - 1);
	assert_string_equal(got + sizeof(first) - 1, second);
}

/* A tool's call ends a turn when its count is known, at the latest when it is answered. */
static void a_tools_call_ends_a_turn(void **state)
{
	static const char *const counted[] = { SAY("a"), CALL_TOOL ",\"usageMetadata\":{}}",
					       TURN_IS_OVER, NULL };
	static const char *const answered[] = { SAY("a"),     CALL_TOOL "}", ANSWER_TOOL,
						TURN_IS_OVER, SAID("b"),     NULL };
	const char *got;

	(void)state;
	assert_string_equal(talk_on(LIVE, counted),
			    "1> {\"contents\":[{\"t\":\"a\"}]}\n"
			    "1< " PARTS "{\"functionCall\":{\"id\":\"f\"}}" CALLED
			    ",\"usageMetadata\":{}}\n"
			    "1. 200 complete\n");
	got = talk_on(LIVE, answered);
	assert_non_null(strstr(got, CALLED "}\n1. 200 complete\n2> "));
	assert_non_null(strstr(got, "{\"functionResponse\":{\"id\":\"f\"}}]}]}\n"
				    "2< " PARTS "{\"text\":\"b\"}" END));
}

static void an_interrupted_turn_is_told(void **state)
{
	static const char *const lines[] = { SAY("a"),	   SAID("b"),
					     SAY("c"),	   CONTENT "\"interrupted\":true}}",
					     TURN_IS_OVER, NULL };

	(void)state;
	assert_string_equal(talk_on(LIVE, lines),
			    "1> {\"contents\":[{\"t\":\"a\"}]}\n"
			    "1< " PARTS "{\"text\":\"b\"}" END "}\n"
			    "1< " PARTS END "}\n"
			    "1. 200 complete interrupted\n"
			    "2> {\"contents\":[{\"t\":\"a\"},"
			    "{\"role\":\"model\",\"parts\":[{\"text\":\"b\"}]},"
			    "{\"t\":\"c\"}]}\n"
			    "2. 0 cut\n");
}

static void a_conversation_is_bounded(void **state)
{
	const size_t n = 1 << 20;
	char *said = malloc(n + 64);
	const char *lines[16];
	size_t i = 0;

	(void)state;
	assert_non_null(said);
	snprintf(said, n, ">{\"clientContent\":{\"turns\":[{\"t\":\"");
	memset(said + strlen(said), 'x', n - strlen(said));
	memcpy(said + n, "\"}]}}", 6);
	while (i < 8)
		lines[i++] = said;
	lines[i++] = SAY("a");
	lines[i] = NULL;
	assert_non_null(strstr(talk_on(LIVE, lines), "over limit"));
	free(said);
}

static void survives_refused_memory(void **state)
{
	static const char *const lines[] = {
		CREATE(",\"generate\":false,\"input\":[1,2]"),
		"<{\"type\":\"response.completed\",\"response\":{\"id\":\"w\"}}",
		CREATE(",\"previous_response_id\":\"w\",\"model\":\"m\",\"input\":[3]"),
		"<{\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}",
		NULL,
	};

	(void)state;
	for (long n = 1;; n++) {
		alloc_refuse(n);
		talk(lines);
		if (!alloc_allow())
			break;
	}
}

static void realtime_survives_refused_memory(void **state)
{
	static const char *const lines[] = {
		"<{\"type\":\"session.created\",\"session\":{\"model\":\"m\"}}",
		">{\"type\":\"conversation.item.create\"" ITEM("a"),
		CREATE(""),
		"<{\"type\":\"response.created\",\"response\":{\"id\":\"r1\"}}",
		"<{\"type\":\"conversation.item.input_audio_transcription.completed\"}",
		"<{\"type\":\"response.done\",\"response\":{\"id\":\"r1\"}}",
		NULL,
	};

	(void)state;
	for (long n = 1;; n++) {
		alloc_refuse(n);
		talk_on(REALTIME, lines);
		if (!alloc_allow())
			break;
	}
}

static void live_survives_refused_memory(void **state)
{
	static const char *const lines[] = {
		">{\"setup\":{\"model\":\"m\"}}",
		STREAMED,
		HEARD("c "),
		SAID("b"),
		CALL_TOOL "}",
		ANSWER_TOOL,
		SAID("c"),
		TURN_IS_OVER,
		NULL,
	};

	(void)state;
	for (long n = 1;; n++) {
		alloc_refuse(n);
		talk_on(LIVE, lines);
		if (!alloc_allow())
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_and_its_events_are_an_exchange),
		cmocka_unit_test(lanes_are_apart_and_in_order_within),
		cmocka_unit_test(a_warm_up_is_no_call_and_its_input_comes_first),
		cmocka_unit_test(a_lost_message_is_told),
		cmocka_unit_test(an_answer_to_a_lost_request_is_told),
		cmocka_unit_test(an_answer_without_an_end_is_over_when_the_next_one_begins),
		cmocka_unit_test(survives_refused_memory),
		cmocka_unit_test(what_was_added_is_the_next_responses_input),
		cmocka_unit_test(items_that_wait_are_bounded),
		cmocka_unit_test(realtime_survives_refused_memory),
		cmocka_unit_test(a_models_turn_is_an_exchange),
		cmocka_unit_test(a_tools_call_ends_a_turn),
		cmocka_unit_test(an_interrupted_turn_is_told),
		cmocka_unit_test(a_conversation_is_bounded),
		cmocka_unit_test(live_survives_refused_memory),
	};

	return cmocka_run_group_tests_name("llm_socket", tests, NULL, NULL);
}
