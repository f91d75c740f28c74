/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/otlp.h"

#include "alloc.h"
#include "export/otlp_content.h"
#include "export/otlp_metrics.h"
#include "export/otlp_send.h"
#include "store_make.h"

/* The text of the attribute of that name in a list of KeyValue, fields @list of @message. */
static struct slice attribute(struct slice message, uint32_t list, const char *name)
{
	struct protobuf_field f;

	while (protobuf_next(&message, &f))
		if (f.number == list && slice_eq(protobuf_bytes(f.bytes, 1), slice_of(name)))
			return protobuf_bytes(protobuf_bytes(f.bytes, 2), 1);
	return (struct slice){ 0 };
}

static bool has_attribute(struct slice message, uint32_t list, const char *name)
{
	struct protobuf_field f;

	while (protobuf_next(&message, &f))
		if (f.number == list && slice_eq(protobuf_bytes(f.bytes, 1), slice_of(name)))
			return true;
	return false;
}

static size_t count_fields(struct slice message, uint32_t number)
{
	struct protobuf_field f;
	size_t n = 0;

	while (protobuf_next(&message, &f))
		n += f.number == number;
	assert_int_equal(message.n, 0);
	return n;
}

static struct slice write_spans(struct otlp_request *q, const struct otlp_form *form, bool logs,
				const struct span *spans, size_t n, const struct run *run,
				const struct span_content *said)
{
	struct slice body;

	otlp_request_begin(q, form, logs);
	for (size_t i = 0; i < n; i++)
		otlp_request_add(q, &spans[i], 1, run, said);
	assert_int_equal(otlp_request_end(q, &body), 0);
	return body;
}

static void a_span_is_written_as_protobuf(void **state)
{
	const struct otlp_form form = { 0 };
	const struct run run = make_run(1);
	struct span span = make_call(1, 1);
	struct otlp_request q = { 0 };
	struct slice body, resource, scopes, s;
	uint64_t v = 0;

	(void)state;
	span.status = SPAN_ERROR;
	span.status_text = SLICE("overloaded");
	body = write_spans(&q, &form, false, &span, 1, &run, NULL);
	resource = protobuf_bytes(body, 1);
	assert_slice(attribute(protobuf_bytes(resource, 1), 1, "service.name"), "claude-code");
	assert_slice(attribute(protobuf_bytes(resource, 1), 1, "host.name"), "box");
	assert_false(has_attribute(protobuf_bytes(resource, 1), 1, "process.command_line"));
	scopes = protobuf_bytes(resource, 2);
	assert_slice(protobuf_bytes(protobuf_bytes(scopes, 1), 1), "sonde");
	s = protobuf_bytes(scopes, 2);
	assert_memory_equal(protobuf_bytes(s, 1).p, span.run_id.b, 16);
	assert_memory_equal(protobuf_bytes(s, 2).p, span.span_id.b, 8);
	assert_int_equal(count_fields(s, 4), 0); /* no parent */
	assert_slice(protobuf_bytes(s, 5), "chat m-1");
	assert_true(protobuf_number(s, 6, &v) && v == SPAN_CLIENT);
	assert_true(protobuf_number(s, 7, &v) && v == span.start_ns);
	assert_true(protobuf_number(s, 8, &v) && v == span.end_ns);
	assert_slice(attribute(s, 9, "gen_ai.provider.name"), "anthropic");
	assert_slice(attribute(s, 9, "gen_ai.operation.name"), "chat");
	assert_slice(protobuf_bytes(protobuf_bytes(s, 15), 2), "overloaded");
	assert_true(protobuf_number(protobuf_bytes(s, 15), 3, &v) && v == SPAN_ERROR);
	otlp_request_done(&q);
}

static void assert_json_groups(const struct otlp_form *form, const struct span *spans,
			       const struct run **runs, size_t n)
{
	struct otlp_request q = { 0 };
	struct slice body, group;
	struct json_iter it;
	size_t groups = 0;

	otlp_request_begin(&q, form, false);
	for (size_t i = 0; i < n; i++)
		otlp_request_add(&q, &spans[i], 1, runs[i], NULL);
	assert_int_equal(otlp_request_end(&q, &body), 0);
	assert_true(json_valid(body));
	assert_true(json_array(json_member(body, SLICE("resourceSpans")), &it));
	while (json_next(&it, &group))
		groups++;
	assert_int_equal(groups, 2);
	otlp_request_done(&q);
}

/* However the steps of runs take turns, and also where runs are of the same. */
static void a_resource_is_written_once(void **state)
{
	struct otlp_form form = { 0 };
	struct run here = make_run(1), also_here = make_run(1), there = make_run(1);
	const struct span spans[] = { make_call(1, 1), make_call(2, 1), make_call(1, 2),
				      make_call(3, 1), make_call(1, 3) };
	const struct run *runs[] = { &here, &there, &here, &also_here, &here };

	(void)state;
	there.resource = SLICE("{\"k8s.pod.name\":\"p\",\"container.id\":\"c1\"}");
	for (int i = 0; i < 2; i++) {
		struct otlp_request q = { 0 };
		struct slice body, one, rest;

		otlp_request_begin(&q, &form, i);
		for (size_t n = 0; n < ARRAY_SIZE(spans); n++)
			otlp_request_add(&q, &spans[n], 1, runs[n], NULL);
		assert_int_equal(otlp_request_end(&q, &body), 0);
		assert_int_equal(count_fields(body, 1), 2);
		one = protobuf_bytes(body, 1);
		assert_int_equal(count_fields(protobuf_bytes(one, 2), 2), 4);
		assert_false(has_attribute(protobuf_bytes(one, 1), 1, "k8s.pod.name"));
		rest = slice_from(body, (size_t)(one.p + one.n - body.p));
		one = protobuf_bytes(rest, 1);
		assert_int_equal(count_fields(protobuf_bytes(one, 2), 2), 1);
		assert_slice(attribute(protobuf_bytes(one, 1), 1, "k8s.pod.name"), "p");
		assert_slice(attribute(protobuf_bytes(one, 1), 1, "container.id"), "c1");
		assert_int_equal(q.items, 5);
		otlp_request_done(&q);
	}
	form.json = true;
	assert_json_groups(&form, spans, runs, ARRAY_SIZE(spans));
}

static void an_empty_request_is_one(void **state)
{
	struct otlp_form form = { 0 };
	struct otlp_request q = { 0 };

	(void)state;
	assert_int_equal(write_spans(&q, &form, false, NULL, 0, NULL, NULL).n, 0);
	form.json = true;
	assert_slice(write_spans(&q, &form, true, NULL, 0, NULL, NULL), "{\"resourceLogs\":[]}");
	otlp_request_done(&q);
}

static void json_has_ids_in_hex_and_numbers_as_text(void **state)
{
	const struct otlp_form form = { .json = true };
	const struct span span = { .run_id = { { 0xab } },
				   .span_id = { { 1 } },
				   .parent_id = { { 2 } },
				   .step = STEP_PROCESS,
				   .kind = SPAN_INTERNAL,
				   .name = SLICE("sh"),
				   .start_ns = START,
				   .final = true,
				   .usage = llm_usage_unknown,
				   .first_token_ns = LLM_UNKNOWN,
				   .process = { .tgid = 7 } };
	struct otlp_request q = { 0 };
	const struct slice body = write_spans(&q, &form, false, &span, 1, NULL, NULL);

	(void)state;
	assert_slice(
		body,
		"{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
		"\"value\":{\"stringValue\":\"sonde\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":"
		"\"sonde\",\"version\":\"" SONDE_VERSION "\"},\"spans\":[{"
		"\"traceId\":\"ab000000000000000000000000000000\",\"spanId\":\"0100000000000000\","
		"\"parentSpanId\":\"0200000000000000\",\"name\":\"sh\",\"kind\":1,"
		"\"startTimeUnixNano\":\"1763640000000000000\","
		"\"endTimeUnixNano\":\"1763640000000000000\",\"attributes\":["
		"{\"key\":\"process.pid\",\"value\":{\"intValue\":\"7\"}},"
		"{\"key\":\"sonde.run.id\",\"value\":{\"stringValue\":"
		"\"ab000000000000000000000000000000\"}},"
		"{\"key\":\"sonde.step.kind\",\"value\":{\"stringValue\":\"process\"}}]}],"
		"\"schemaUrl\":\"https://opentelemetry.io/schemas/1.41.0\"}]}]}");
	otlp_request_done(&q);
}

static void what_was_said_goes_along_only_where_asked_for(void **state)
{
	const struct attr attrs[] = {
		{ .name = "process.command_line", .type = ATTR_STRING, .s = SLICE("a -p secret") },
		{ .name = "process.command_args",
		  .type = ATTR_STRINGS,
		  .s = SLICE("[\"secret\"]") },
	};
	const struct span_content said = {
		.input_messages = SLICE("[{\"role\":\"user\",\"parts\":[{\"type\":\"text\","
					"\"content\":\"secret\"}]}]"),
		.output_messages = SLICE("[{\"role\":\"assistant\",\"parts\":[]}]"),
		.system = SLICE("{\"role\":\"system\",\"parts\":[{\"type\":\"text\",\"content\":"
				"\"secret\"}]}"),
		.arguments = SLICE("secret"),
	};
	struct run run = make_run(1);
	struct span span = make_call(1, 1);

	(void)state;
	run.command = SLICE("agent secret");
	span.attrs = attrs;
	span.n_attrs = ARRAY_SIZE(attrs);
	for (int i = 0; i < 12; i++) {
		const struct otlp_form form = { i & 1, i & 2, (enum sink_names)(i / 4) };
		struct otlp_request q = { 0 };
		const struct slice body = write_spans(&q, &form, i & 1, &span, 1, &run, &said);

		if (!!(i & 2) != slice_has(body, SLICE("secret")))
			fail_msg("form %d", i);
		otlp_request_done(&q);
	}
}

static void text_is_utf8_whatever_it_was(void **state)
{
	const struct otlp_form form = { 0 };
	struct span span = make_call(1, 1);
	struct otlp_request q = { 0 };
	struct slice body;

	(void)state;
	span.name = SLICE("a\xff"
			  "b\xc3");
	body = write_spans(&q, &form, false, &span, 1, NULL, NULL);
	body = protobuf_bytes(protobuf_bytes(protobuf_bytes(body, 1), 2), 2);
	assert_slice(protobuf_bytes(body, 5), "a\xef\xbf\xbd"
					      "b\xef\xbf\xbd");
	otlp_request_done(&q);
}

static void names_are_those_of_the_form(void **state)
{
	static const struct {
		enum sink_names names;
		const char *has, *has_not;
	} want[] = {
		{ SINK_NAMES_141, "gen_ai.usage.cache_creation.input_tokens",
		  "gen_ai.usage.cache_write.input_tokens" },
		{ SINK_NAMES_LATEST, "gen_ai.usage.cache_write.input_tokens",
		  "gen_ai.usage.cache_creation.input_tokens" },
		{ SINK_NAMES_OPENINFERENCE, "llm.token_count.prompt_details.cache_write",
		  "gen_ai.usage.cache_creation.input_tokens" },
		{ SINK_NAMES_OPENINFERENCE, "llm.token_count.total", "gen_ai.usage.input_tokens" },
	};
	struct span span = make_call(1, 1);

	(void)state;
	span.usage.cache_write = 3;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct otlp_form form = { .names = want[i].names };
		struct otlp_request q = { 0 };
		struct slice s = write_spans(&q, &form, false, &span, 1, NULL, NULL);

		s = protobuf_bytes(protobuf_bytes(protobuf_bytes(s, 1), 2), 2);
		assert_true(has_attribute(s, 9, want[i].has));
		assert_false(has_attribute(s, 9, want[i].has_not));
		otlp_request_done(&q);
	}
}

static void calls_and_failures_are_events(void **state)
{
	const struct otlp_form form = { 0 };
	struct span spans[3] = { make_call(1, 1), make_call(1, 2), make_call(1, 3) };
	struct otlp_request q = { 0 };
	struct slice scopes;

	(void)state;
	spans[1].step = STEP_TOOL; /* that worked: no event */
	spans[2].step = STEP_TOOL;
	spans[2].status = SPAN_ERROR;
	scopes = protobuf_bytes(
		protobuf_bytes(write_spans(&q, &form, true, spans, 3, NULL, NULL), 1), 2);
	assert_int_equal(q.items, 2);
	assert_int_equal(count_fields(scopes, 2), 2);
	assert_slice(protobuf_bytes(protobuf_bytes(scopes, 2), 12),
		     "gen_ai.client.inference.operation.details");
	otlp_request_done(&q);
}

static void openinference_flattens_messages(void **state)
{
	static const char *const want[][2] = {
		{ "llm.input_messages.0.message.role", "system" },
		{ "llm.input_messages.0.message.content", "be kind" },
		{ "llm.input_messages.1.message.content", "hi" },
		{ "llm.input_messages.2.message.tool_calls.0.tool_call.function.name", "sh" },
		{ "llm.input_messages.3.message.tool_call_id", "1" },
		{ "llm.input_messages.4.message.tool_call_id", "2" },
		{ "llm.input_messages.4.message.content", "two" },
		{ "openinference.span.kind", "LLM" },
	};
	const struct otlp_form form = { .content = true, .names = SINK_NAMES_OPENINFERENCE };
	const struct span_content said = {
		.system = SLICE("{\"role\":\"system\",\"parts\":[{\"type\":\"text\",\"content\":"
				"\"be kind\"}]}"),
		.input_messages = SLICE(
			"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"hi\"}]},"
			"{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"id\":\"1\","
			"\"name\":\"sh\",\"arguments\":{\"a\":1}},{\"type\":\"text\",\"content\":"
			"\"x\"}]},"
			"{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":"
			"\"1\",\"response\":\"one\"},{\"type\":\"tool_call_response\",\"id\":"
			"\"2\",\"response\":\"two\"}]}]"),
	};
	const struct span span = make_call(1, 1);
	struct otlp_request q = { 0 };
	struct slice s = write_spans(&q, &form, false, &span, 1, NULL, &said);

	(void)state;
	s = protobuf_bytes(protobuf_bytes(protobuf_bytes(s, 1), 2), 2);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_slice(attribute(s, 9, want[i][0]), want[i][1]);
	otlp_request_done(&q);
}

static void tools_of_all_providers_have_one_shape(void **state)
{
	static const char *const want[][2] = {
		{ "[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"parameters\":{}}}]",
		  "[{\"type\":\"function\",\"name\":\"a\",\"parameters\":{}}]" },
		{ "[{\"name\":\"a\",\"description\":\"d\",\"input_schema\":{\"x\":1}}]",
		  "[{\"type\":\"function\",\"name\":\"a\",\"description\":\"d\",\"parameters\":{"
		  "\"x\":1}}]" },
		{ "[{\"functionDeclarations\":[{\"name\":\"a\"},{\"name\":\"b\"}]},"
		  "{\"googleSearch\":{}}]",
		  "[{\"type\":\"function\",\"name\":\"a\"},{\"type\":\"function\",\"name\":\"b\"},"
		  "{\"type\":\"googleSearch\",\"name\":\"googleSearch\"}]" },
		{ "[{\"toolSpec\":{\"name\":\"a\",\"inputSchema\":{\"json\":{\"x\":1}}}}]",
		  "[{\"type\":\"function\",\"name\":\"a\",\"parameters\":{\"x\":1}}]" },
		{ "[{\"type\":\"web_search\"}]",
		  "[{\"type\":\"web_search\",\"name\":\"web_search\"}]" },
		{ "[1,\"x\",{}]", "[]" },
		{ "{}", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct buf out = { 0 };

		otlp_tool_definitions(slice_of(want[i][0]), &out);
		assert_slice(buf_slice(&out), want[i][1]);
		buf_done(&out);
	}
}

static void messages_are_brought_into_the_schema(void **state)
{
	const struct span span = { .finish_reason = SLICE("end_turn") };
	struct buf out = { 0 };

	(void)state;
	otlp_messages(&span,
		      SLICE("[{\"role\":\"assistant\",\"parts\":[{\"type\":\"blob\","
			    "\"size\":3}]}]"),
		      &out);
	assert_slice(buf_slice(&out),
		     "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"sonde.blob\",\"size\":3}],"
		     "\"finish_reason\":\"stop\"}]");
	buf_done(&out);
	assert_slice(otlp_finish_reason(SLICE("MAX_TOKENS")), "length");
	assert_slice(otlp_finish_reason(SLICE("odd")), "odd");
}

static void answers_are_understood(void **state)
{
	static const struct {
		struct slice body;
		bool json, valid;
		int64_t rejected;
	} want[] = {
		{ SLICE(""), false, true, 0 },
		{ SLICE("\x0a\x00"), false, true, 0 },
		{ SLICE("\x0a\x04\x08\x03\x12\x00"), false, true, 3 },
		{ SLICE("<html>"), false, false, 0 },
		{ SLICE("\x0a\x7f"), false, false, 0 },
		{ SLICE("{}"), true, true, 0 },
		{ SLICE("{\"partialSuccess\":{\"rejectedSpans\":\"3\"}}"), true, true, 3 },
		{ SLICE("{\"partialSuccess\":{\"rejectedLogRecords\":4}}"), true, true, 4 },
		{ SLICE("[]"), true, false, 0 },
		{ SLICE("{"), true, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct otlp_answer a;

		if (otlp_answer_read(want[i].body, want[i].json, &a) != want[i].valid ||
		    (want[i].valid && a.rejected != want[i].rejected))
			fail_msg("answer %zu", i);
	}
}

static void statuses_are_judged(void **state)
{
	static const struct {
		int status;
		const char *type, *body;
		enum sink_verdict verdict;
	} want[] = {
		{ 200, "application/x-protobuf", "", SINK_TAKEN },
		{ 202, "", "", SINK_TAKEN },
		{ 200, "application/json", "{}", SINK_TAKEN },
		{ 200, "text/html", "<html>", SINK_RETRY },
		{ 200, "application/json", "no", SINK_RETRY },
		{ 307, "", "", SINK_RETRY },
		{ 400, "", "", SINK_REFUSED },
		{ 401, "", "", SINK_RETRY },
		{ 404, "", "", SINK_RETRY },
		{ 413, "", "", SINK_TOO_LARGE },
		{ 422, "", "", SINK_REFUSED },
		{ 429, "", "", SINK_RETRY },
		{ 502, "", "", SINK_RETRY },
		{ 503, "", "", SINK_RETRY },
	};
	struct sink_report rep;
	unsigned faults = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct http_answer a = { .status = want[i].status, .retry_after_s = 9 };

		snprintf(a.content_type, sizeof(a.content_type), "%s", want[i].type);
		buf_add(&a.body, slice_of(want[i].body), SIZE_MAX);
		otlp_judge(&a, &faults, &rep);
		if (rep.verdict != want[i].verdict || rep.retry_after_s != 9)
			fail_msg("status %d: %d", want[i].status, rep.verdict);
		buf_done(&a.body);
	}
	/* A fault of the receiver's that stays is one of the request. */
	for (int i = 0; i < 8; i++)
		otlp_judge(&(struct http_answer){ .status = 500 }, &faults, &rep);
	assert_int_equal(rep.verdict, SINK_REFUSED);
}

static void words_of_a_receiver_are_one_clean_line(void **state)
{
	struct http_answer a = { .status = 400, .content_type = "application/json" };
	struct sink_report rep;
	unsigned faults = 0;

	(void)state;
	buf_add(&a.body, SLICE("{\"message\":\"bad\x1b[31m\n\"}"), SIZE_MAX);
	otlp_judge(&a, &faults, &rep);
	assert_non_null(strstr(rep.why, "status 400"));
	for (const char *p = rep.why; *p; p++)
		assert_true(*p >= ' ' && *p <= '~');
	buf_done(&a.body);
}

static void targets_have_no_password(void **state)
{
	static const char *const want[][2] = {
		{ "https://c.example:4318", "https://c.example:4318/v1/logs" },
		{ "https://c.example/otel///", "https://c.example/otel/v1/logs" },
		{ "https://u:p@c.example/a@b", "https://c.example/a@b/v1/logs" },
		{ "https://c.example/?key=1", "https://c.example/" },
	};
	char got[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct sink_config c = { .endpoint = want[i][0] };

		otlp_target(&c, "logs", got, sizeof(got));
		assert_string_equal(got, want[i][1]);
	}
}

static void sums_are_histograms_and_counters(void **state)
{
	const struct otlp_form form = { 0 };
	const struct run run = make_run(1);
	const struct span span = make_call(1, 1);
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(metrics_freep) struct metrics *m = NULL;
	int64_t points = 0;
	struct slice metric, point;
	uint64_t v = 0;

	(void)state;
	assert_int_equal(metrics_new(10, METRIC_LABELS_OTLP, START, &m), 0);
	assert_int_equal(metrics_add(m, 1, &span, &run), 0);
	assert_int_equal(otlp_metrics_write(m, &form, SLICE("box"), START + 1, &out, &points), 0);
	assert_true(points >= 4);
	/* The first: tokens of the input. */
	metric = protobuf_bytes(protobuf_bytes(protobuf_bytes(buf_slice(&out), 1), 2), 2);
	assert_slice(protobuf_bytes(metric, 1), "gen_ai.client.token.usage");
	point = protobuf_bytes(protobuf_bytes(metric, 9), 1);
	assert_true(protobuf_number(point, 2, &v) && v == START);
	assert_true(protobuf_number(point, 3, &v) && v == START + 1);
	assert_true(protobuf_number(point, 4, &v) && v == 1);
	assert_int_equal(protobuf_bytes(point, 6).n, 8 * 15);
	assert_int_equal(protobuf_bytes(point, 7).n, 8 * 14);
	assert_slice(attribute(point, 9, "gen_ai.request.model"), "m-1");
	assert_true(protobuf_number(protobuf_bytes(metric, 9), 2, &v) && v == 2);
}

/* The sum of the calls in a group of metrics. */
static int64_t calls_of(struct slice group)
{
	struct slice metrics = protobuf_bytes(group, 2);
	struct protobuf_field f;
	uint64_t v = 0;

	while (protobuf_next(&metrics, &f))
		if (f.number == 2 && slice_eq(protobuf_bytes(f.bytes, 1), SLICE("sonde.llm.calls")))
			protobuf_number(protobuf_bytes(protobuf_bytes(f.bytes, 7), 1), 6, &v);
	return (int64_t)v;
}

/* The group of metrics whose resource has that value, and how many there are. */
static struct slice metrics_of(struct slice request, const char *name, const char *value,
			       size_t *ret_n)
{
	struct protobuf_field f;
	struct slice found = { 0 };

	for (*ret_n = 0; protobuf_next(&request, &f); ++*ret_n)
		if (slice_eq(attribute(protobuf_bytes(f.bytes, 1), 1, name), slice_of(value)))
			found = f.bytes;
	return found;
}

/* Those of an agent in one place and in another; of what changes with each start none are told
 * apart, and what was learned in another order is the same. */
static void sums_are_told_apart_by_resource(void **state)
{
	static const char *const places[] = {
		"{\"container.id\":\"c1\",\"k8s.namespace.name\":\"a\",\"k8s.deployment.name\":"
		"\"d\"}",
		"{\"k8s.pod.name\":\"p2\",\"k8s.deployment.name\":\"d\",\"k8s.namespace.name\":"
		"\"a\"}",
		"{\"k8s.namespace.name\":\"b\",\"k8s.cronjob.name\":\"n\",\"k8s.job.name\":\"n-"
		"1\"}",
		"{\"k8s.namespace.name\":\"b\",\"k8s.cronjob.name\":\"n\",\"k8s.job.name\":\"n-"
		"2\"}",
	};
	const struct otlp_form form = { 0 };
	_cleanup_(metrics_freep) struct metrics *m = NULL, *again = NULL;
	_cleanup_(buf_done) struct buf kept = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(metrics_new(10, METRIC_LABELS_OTLP, START, &m), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		const struct span span = make_call(i + 1, 1);
		struct run run = make_run(i + 1);

		run.resource = slice_of(places[i]);
		assert_int_equal(metrics_add(m, 1, &span, &run), 0);
	}
	assert_int_equal(metrics_save(m, &kept), 0);
	assert_int_equal(metrics_new(10, METRIC_LABELS_OTLP, START + 9, &again), 0);
	assert_int_equal(metrics_load(again, 1, buf_slice(&kept)), 0);
	for (int i = 0; i < 2; i++) {
		_cleanup_(buf_done) struct buf out = { 0 };
		struct slice group, resource;
		int64_t points;

		assert_int_equal(otlp_metrics_write(i ? again : m, &form, SLICE("box"), START + 1,
						    &out, &points),
				 0);
		group = metrics_of(buf_slice(&out), "k8s.deployment.name", "d", &n);
		assert_int_equal(n, 2);
		resource = protobuf_bytes(group, 1);
		assert_slice(attribute(resource, 1, "service.name"), "claude-code");
		assert_slice(attribute(resource, 1, "k8s.namespace.name"), "a");
		assert_false(has_attribute(resource, 1, "container.id"));
		assert_false(has_attribute(resource, 1, "k8s.pod.name"));
		assert_int_equal(calls_of(group), 2);
		group = metrics_of(buf_slice(&out), "k8s.cronjob.name", "n", &n);
		assert_false(has_attribute(protobuf_bytes(group, 1), 1, "k8s.job.name"));
		assert_int_equal(calls_of(group), 2);
	}
}

/* Places over the limit are this machine's. */
static void places_are_bounded(void **state)
{
	const struct otlp_form form = { 0 };
	_cleanup_(metrics_freep) struct metrics *m = NULL;
	_cleanup_(buf_done) struct buf out = { 0 };
	int64_t points;
	size_t n;

	(void)state;
	assert_int_equal(metrics_new(1000, METRIC_LABELS_OTLP, START, &m), 0);
	for (unsigned i = 0; i < 510; i++) {
		const struct span span = make_call(1, i);
		struct run run = make_run(1);
		char text[64];

		snprintf(text, sizeof(text), "{\"container.name\":\"c%u\"}", i);
		run.resource = slice_of(text);
		assert_int_equal(metrics_add(m, 1, &span, &run), 0);
	}
	assert_int_equal(otlp_metrics_write(m, &form, SLICE("box"), START + 1, &out, &points), 0);
	assert_int_equal(calls_of(metrics_of(buf_slice(&out), "service.name", "sonde", &n)), 10);
	assert_int_equal(n, 501);
}

/* Where memory is refused the request is an error, never one that lacks something. */
static void refused_memory_is_an_error(void **state)
{
	const struct attr attrs[] = { { .name = "gen_ai.request.stop_sequences",
					.type = ATTR_STRINGS,
					.s = SLICE("[\"a\",\"\\u00e4\"]") } };
	const struct span_content said = {
		.input_messages = SLICE("[{\"role\":\"user\",\"parts\":[{\"type\":\"text\","
					"\"content\":\"\\u00e4\"}]}]"),
		.system = SLICE("{\"role\":\"system\",\"parts\":[]}"),
		.tools = SLICE("[{\"name\":\"a\"}]"),
	};
	struct run run = make_run(1);
	struct span span = make_call(1, 1);

	(void)state;
	run.resource = SLICE("{\"container.id\":\"c\\u00e4\"}");
	span.status = SPAN_ERROR;
	span.status_text = SLICE("a\xff"); /* what comes last: no later refusal hides it */
	span.attrs = attrs;
	span.n_attrs = 1;
	for (int i = 0; i < 6; i++) {
		const struct otlp_form form = { i & 1, true, (enum sink_names)(i / 2) };
		struct otlp_request q = { 0 };
		struct slice whole = write_spans(&q, &form, false, &span, 1, &run, &said), body;
		struct buf want = { 0 };

		buf_add(&want, whole, SIZE_MAX);
		for (long n = 1;; n++) {
			bool refused;
			int r;

			alloc_refuse(n); /* the request's own memory is there already */
			otlp_request_begin(&q, &form, false);
			otlp_request_add(&q, &span, 1, &run, &said);
			r = otlp_request_end(&q, &body);
			refused = alloc_allow();
			if (r == 0 && !slice_eq(body, buf_slice(&want)))
				fail_msg("form %d, allocation %ld", i, n);
			if (!refused)
				break;
		}
		buf_done(&want);
		otlp_request_done(&q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_span_is_written_as_protobuf),
		cmocka_unit_test(a_resource_is_written_once),
		cmocka_unit_test(an_empty_request_is_one),
		cmocka_unit_test(json_has_ids_in_hex_and_numbers_as_text),
		cmocka_unit_test(what_was_said_goes_along_only_where_asked_for),
		cmocka_unit_test(text_is_utf8_whatever_it_was),
		cmocka_unit_test(names_are_those_of_the_form),
		cmocka_unit_test(calls_and_failures_are_events),
		cmocka_unit_test(openinference_flattens_messages),
		cmocka_unit_test(tools_of_all_providers_have_one_shape),
		cmocka_unit_test(messages_are_brought_into_the_schema),
		cmocka_unit_test(answers_are_understood),
		cmocka_unit_test(statuses_are_judged),
		cmocka_unit_test(words_of_a_receiver_are_one_clean_line),
		cmocka_unit_test(targets_have_no_password),
		cmocka_unit_test(sums_are_histograms_and_counters),
		cmocka_unit_test(sums_are_told_apart_by_resource),
		cmocka_unit_test(places_are_bounded),
		cmocka_unit_test(refused_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
