/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "base/json.h"
#include "base/util.h"
#include "cmd/view.h"
#include "export/span_json.h"

#define S 1000000000ull
#define RUN_ID                                 \
	{                                      \
		{                              \
			0x3f, 0x2a, 0x9c, 0x1e \
		}                              \
	}
#define T0 1795000000ull

static const struct id128 run_id = RUN_ID;

static struct span span(uint8_t id, uint8_t parent, enum step_kind step, uint64_t start_ms,
			uint64_t ms)
{
	return (struct span){
		.run_id = RUN_ID,
		.span_id = { { id } },
		.parent_id = { { parent } },
		.step = step,
		.kind = SPAN_INTERNAL,
		.start_ns = T0 * S + start_ms * 1000000,
		.end_ns = T0 * S + (start_ms + ms) * 1000000,
		.final = true,
		.usage = llm_usage_unknown,
		.first_token_ns = LLM_UNKNOWN,
	};
}

static struct span llm(uint8_t id, uint64_t start_ms)
{
	struct span s = span(id, 1, STEP_LLM, start_ms, 900);

	s.name = SLICE("chat gpt-5");
	s.kind = SPAN_CLIENT;
	s.provider = SLICE("openai");
	s.request_model = SLICE("gpt-5");
	s.usage.input = 1204;
	s.usage.output = 88;
	s.usage.cache_read = 1000;
	s.cost = (struct cost){ .pico_usd = 4210000000, .source = COST_TABLE };
	return s;
}

/* Everything that a run can have, in an order in which it may come. */
static void fill(struct steps *steps)
{
	struct attr line = { .name = "process.command_line",
			     .type = ATTR_STRING,
			     .s = SLICE("/bin/bash -c 'ls -la'") };
	struct attr attrs[2] = { line, { .name = "process.exit.code", .type = ATTR_INT, .i = 2 } };
	struct span s;

	s = span(4, 3, STEP_PROCESS, 1010, 8);
	s.program = SLICE("bash");
	s.attrs = attrs;
	s.n_attrs = 2;
	s.status = SPAN_ERROR;
	s.error_type = SLICE("_OTHER");
	steps_put(steps, &s, (struct slice){ 0 });
	s = llm(5, 1100);
	s.usage = llm_usage_unknown;
	s.cost = (struct cost){ 0 };
	s.status = SPAN_ERROR;
	s.status_text = SLICE("overloaded\033[31m");
	s.lost_bytes = 20480;
	s.lost_reason = SLICE("ring full");
	steps_put(steps, &s, (struct slice){ 0 });
	s = span(3, 1, STEP_TOOL, 1000, 50);
	s.tool_name = SLICE("Bash");
	steps_put(steps, &s, SLICE("{\"command\":\"ls -la\",\"timeout\":5}"));
	s = llm(2, 10);
	steps_put(steps, &s, (struct slice){ 0 });
	s = span(1, 0, STEP_AGENT, 0, 2100);
	s.agent = SLICE("codex");
	s.agent_version = SLICE("0.169.0");
	steps_put(steps, &s, (struct slice){ 0 });
}

static char *draw(struct steps *steps, const struct tree_options *o, int width)
{
	char *text = NULL;
	size_t n;
	struct screen s = { .f = open_memstream(&text, &n), .width = width, .utf8 = true };

	tree_print(&s, steps, &run_id, o);
	fclose(s.f);
	return text;
}

static void tree_shows_what_happened(void **state)
{
	const struct tree_options o = { 0 };
	struct steps steps = { 0 };
	char *text;

	(void)state;
	fill(&steps);
	text = draw(&steps, &o, 0);
	assert_string_equal(
		text,
		"agent   codex 0.169.0                                                  2.1 s\n"
		"├─ llm     gpt-5                                                      "
		"900 ms  1,204 in (1,000 cached) 88 out   $0.0042\n"
		"├─ tool    Bash ls -la                                                 50 ms\n"
		"│  └─ process bash -c 'ls -la'  exit 2                                  8 ms\n"
		"└─ llm     gpt-5  failed: overloaded?[31m  lost 20.0 KiB (ring full)  "
		"900 ms                                  unpriced\n");
	free(text);
	text = draw(&steps, &o, 60);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(text_width(slice_of(line)) <= 60);
	free(text);
	steps_done(&steps);
}

#define TEXT(attr_name, text)                                              \
	{                                                                  \
		.name = (attr_name), .type = ATTR_STRING, .s = SLICE(text) \
	}

static void requests_to_servers_and_agents_say_what_they_are_about(void **state)
{
	static const struct {
		const char *name, *tool, *agent, *arguments, *want;
		struct attr attrs[2];
	} cases[] = {
		{ "tools/call read",
		  "read",
		  "claude",
		  "{\"path\":\"/a\"}",
		  "srv/read /a",
		  { TEXT("sonde.mcp.server.name", "srv") } },
		{ "tools/call read", "read", "claude", "{}", "read", { TEXT("x", "y") } },
		{ "resources/read",
		  "",
		  "claude",
		  "{\"uri\":\"u://x\",\"_meta\":{}}",
		  "srv/resources/read u://x",
		  { TEXT("sonde.mcp.server.name", "srv"), TEXT("mcp.resource.uri", "u://x") } },
		{ "prompts/get hi",
		  "",
		  "claude",
		  "{\"name\":\"hi\",\"arguments\":{\"a\":1}}",
		  "prompts/get hi {\"a\":1}",
		  { TEXT("gen_ai.prompt.name", "hi") } },
		{ "invoke_agent helper",
		  "",
		  "helper",
		  "{\"message\":{}}",
		  "helper working",
		  { TEXT("gen_ai.operation.name", "invoke_agent"),
		    TEXT("sonde.a2a.task.state", "working") } },
	};
	const struct tree_options o = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct steps steps = { 0 };
		struct span s = span(1, 0, STEP_MCP, 0, 5);
		char want[128], *text;

		s.name = slice_of(cases[i].name);
		s.tool_name = slice_of(cases[i].tool);
		s.agent = slice_of(cases[i].agent);
		s.attrs = cases[i].attrs;
		s.n_attrs = cases[i].attrs[1].name ? 2 : 1;
		steps_put(&steps, &s, slice_of(cases[i].arguments));
		text = draw(&steps, &o, 0);
		snprintf(want, sizeof(want), "mcp     %s  ", cases[i].want);
		if (strncmp(text, want, strlen(want)) != 0)
			fail_msg("'%s' is no '%s'", text, want);
		free(text);
		steps_done(&steps);
	}
}

static void tree_folds_plain_processes_and_stops_at_its_limit(void **state)
{
	struct tree_options o = { 0 };
	struct steps steps = { 0 };
	char *text;

	(void)state;
	fill(&steps);
	for (uint8_t i = 0; i < 20; i++) {
		struct span s = span((uint8_t)(100 + i), 3, STEP_PROCESS, 1020u + i, 1);

		s.program = SLICE("git");
		steps_put(&steps, &s, (struct slice){ 0 });
	}
	text = draw(&steps, &o, 0);
	assert_non_null(strstr(text, "└─ … 14 more processes"));
	free(text);
	o.all = true;
	text = draw(&steps, &o, 0);
	assert_null(strstr(text, "more processes"));
	free(text);
	o.max_lines = 5;
	text = draw(&steps, &o, 0);
	assert_non_null(strstr(text, "… 20 more steps: sonde show --all 3f2a9c1e\n"));
	free(text);
	steps_done(&steps);
}

/* Ids come from a file that anybody may have written. */
static void a_process_is_shown_as_what_it_became(void **state)
{
	struct tree_options o = { 0 };
	struct steps steps = { 0 };
	struct span s = span(2, 0, STEP_PROCESS, 0, 5);
	struct attr line = { .name = "process.command_line",
			     .type = ATTR_STRING,
			     .s = SLICE("bash -c env") };
	char *text;

	(void)state;
	s.attrs = &line;
	s.n_attrs = 1;
	s.program = SLICE("bash");
	steps_put(&steps, &s, (struct slice){ 0 });
	line.s = SLICE("env");
	s.program = SLICE("env");
	steps_put(&steps, &s, (struct slice){ 0 });
	text = draw(&steps, &o, 0);
	assert_non_null(strstr(text, "env"));
	assert_null(strstr(text, "-c"));
	free(text);
	steps_done(&steps);
}

static void loops_and_orphans_are_shown_once(void **state)
{
	const struct tree_options o = { 0 };
	struct steps steps = { 0 };
	struct span a = span(7, 8, STEP_HTTP, 1, 1), b = span(8, 7, STEP_HTTP, 2, 1),
		    c = span(9, 9, STEP_HTTP, 3, 1), d = span(10, 99, STEP_HTTP, 4, 1);
	char *text;
	size_t lines = 0;

	(void)state;
	a.name = b.name = c.name = d.name = SLICE("GET /x");
	steps_put(&steps, &a, (struct slice){ 0 });
	steps_put(&steps, &b, (struct slice){ 0 });
	steps_put(&steps, &c, (struct slice){ 0 });
	steps_put(&steps, &d, (struct slice){ 0 });
	text = draw(&steps, &o, 0);
	for (char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 4);
	free(text);
	steps_done(&steps);
}

static void a_later_version_keeps_what_was_told_once(void **state)
{
	struct steps steps = { 0 };
	struct span s = span(3, 1, STEP_TOOL, 1000, 50);
	struct step *st;

	(void)state;
	s.tool_name = SLICE("Read");
	steps_put(&steps, &s, SLICE("{\"file_path\":\"/etc/motd\"}"));
	st = steps_put(&steps, &s, (struct slice){ 0 });
	assert_true(slice_eq(st->detail, SLICE("/etc/motd")));
	assert_int_equal(HASH_COUNT(steps.by_key), 1);
	steps_done(&steps);
}

static void steps_survive_refused_memory(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		struct steps steps = { 0 };

		alloc_refuse(n);
		fill(&steps);
		steps_put_run(&steps, &(struct run){ .run_id = RUN_ID, .agent = SLICE("x") });
		steps_link(&steps, &run_id);
		steps_done(&steps);
		if (!alloc_allow())
			break;
	}
}

static void usage_says_what_is_known(void **state)
{
	static const struct {
		struct llm_usage u;
		const char *longer, *shorter;
	} cases[] = {
		{ { .input = -1, .output = -1 }, "", "" },
		{ { .input = 10,
		    .output = -1,
		    .cache_read = -1,
		    .cache_write = -1,
		    .reasoning = -1 },
		  "10 in ? out",
		  "10+?" },
		{ { .input = 2000, .output = 9, .cache_read = 5, .cache_write = 7, .reasoning = 4 },
		  "2,000 in (5 cached, 7 cache write) 9 out (4 reasoning)",
		  "2,000+9" },
		{ { .input = 5,
		    .output = 6,
		    .estimated = LLM_ESTIMATED_INPUT | LLM_ESTIMATED_OUTPUT },
		  "~5 in ~6 out",
		  "~5+6" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b = { 0 };

		buf_add(&b, SLICE(""), 10);
		usage_text(&b, &cases[i].u, true);
		assert_true(slice_eq(buf_slice(&b), slice_of(cases[i].longer)));
		b.n = 0;
		usage_text(&b, &cases[i].u, false);
		assert_true(slice_eq(buf_slice(&b), slice_of(cases[i].shorter)));
		buf_done(&b);
	}
}

static void span_json_has_the_names_of_the_conventions(void **state)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };
	struct span s = llm(2, 10);

	(void)state;
	s.first_token_ns = 250000000;
	s.finish_reason = SLICE("stop");
	span_json(&w, &s, NULL);
	assert_int_equal(w.r, 0);
	buf_add(&b, (struct slice){ "", 1 }, 10000);
	assert_string_equal(
		b.p,
		"{\"trace_id\":\"3f2a9c1e000000000000000000000000\",\"span_id\":"
		"\"0200000000000000\","
		"\"parent_span_id\":\"0100000000000000\",\"name\":\"chat "
		"gpt-5\",\"kind\":\"CLIENT\","
		"\"start_time_unix_nano\":1795000000010000000,"
		"\"end_time_unix_nano\":1795000000910000000,\"status\":{\"code\":\"UNSET\"},"
		"\"attributes\":{\"gen_ai.operation.name\":\"chat\","
		"\"gen_ai.provider.name\":\"openai\",\"gen_ai.request.model\":\"gpt-5\","
		"\"gen_ai.response.finish_reasons\":[\"stop\"],"
		"\"gen_ai.response.time_to_first_chunk\":0.25,"
		"\"gen_ai.usage.input_tokens\":1204,\"gen_ai.usage.output_tokens\":88,"
		"\"gen_ai.usage.cache_read.input_tokens\":1000,\"sonde.usage.estimated\":false,"
		"\"sonde.cost.usd\":0.00421,\"sonde.cost.source\":\"price_table\","
		"\"sonde.run.id\":\"3f2a9c1e000000000000000000000000\","
		"\"sonde.step.kind\":\"llm\"}}");
	assert_true(json_valid((struct slice){ b.p, b.n - 1 }));
	buf_done(&b);
}

static void unknown_usage_and_cost_are_absent(void **state)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };
	struct span s = llm(2, 10);

	(void)state;
	s.usage = llm_usage_unknown;
	s.cost = (struct cost){ .key = SLICE("no price for gpt-5") };
	s.end_ns = 0;
	s.final = false;
	span_json(&w, &s, NULL);
	assert_false(slice_has(buf_slice(&b), SLICE("gen_ai.usage")));
	assert_false(slice_has(buf_slice(&b), SLICE("sonde.cost.usd")));
	assert_true(
		slice_has(buf_slice(&b), SLICE("\"sonde.cost.unknown\":\"no price for gpt-5\"")));
	assert_true(slice_has(buf_slice(&b), SLICE("\"end_time_unix_nano\":null")));
	assert_true(slice_has(buf_slice(&b), SLICE("\"sonde.open\":true")));
	assert_true(json_valid(buf_slice(&b)));
	buf_done(&b);
}

static void attributes_come_once(void **state)
{
	const struct attr attrs[] = {
		{ .name = "gen_ai.provider.name", .type = ATTR_STRING, .s = SLICE("azure") },
		{ .name = "x.list", .type = ATTR_STRINGS, .s = SLICE("[\"a\"]") },
		{ .name = "x.flag", .type = ATTR_BOOL, .i = 1 },
		{ .name = "x.double", .type = ATTR_DOUBLE, .d = 0.5 },
	};
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };
	struct span s = llm(2, 10);
	cJSON *j;

	(void)state;
	s.attrs = attrs;
	s.n_attrs = ARRAY_SIZE(attrs);
	span_json(&w, &s, NULL);
	j = json_parse(buf_slice(&b));
	assert_non_null(j);
	assert_false(slice_has(buf_slice(&b), SLICE("\"openai\"")));
	assert_true(slice_has(buf_slice(&b), SLICE("\"gen_ai.provider.name\":\"azure\"")));
	assert_true(slice_has(buf_slice(&b), SLICE("\"x.list\":[\"a\"],\"x.flag\":true,"
						   "\"x.double\":0.5")));
	cJSON_Delete(j);
	buf_done(&b);
}

static void run_json_has_no_cost_where_nothing_was_priced(void **state)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };
	struct run r = { .run_id = RUN_ID,
			 .status = RUN_COMPLETED,
			 .start_ns = T0 * S,
			 .end_ns = T0 * S + 1,
			 .models = SLICE("gpt-5, gpt-5-mini"),
			 .llm_calls = 2,
			 .unpriced_calls = 2,
			 .usage = llm_usage_unknown };

	(void)state;
	run_json(&w, &r, "/x/sonde.db");
	assert_true(json_valid(buf_slice(&b)));
	assert_true(slice_has(buf_slice(&b), SLICE("\"models\":[\"gpt-5\",\"gpt-5-mini\"]")));
	assert_true(slice_has(buf_slice(&b), SLICE("\"usage\":{}")));
	assert_false(slice_has(buf_slice(&b), SLICE("cost_usd")));
	b.n = 0;
	w = (struct json_writer){ .out = &b };
	r.unpriced_calls = 1;
	r.cost_pico_usd = 5;
	run_json(&w, &r, NULL);
	assert_true(slice_has(buf_slice(&b), SLICE("\"cost_usd\":0.000000000005")));
	buf_done(&b);
}

static void live_lines_come_once_a_step(void **state)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	const struct view_options o = { .out = f, .live = true, .tty_fd = -1, .over_fd = -1 };
	struct view *v;
	struct span s = llm(2, 10);

	(void)state;
	setenv("TZ", "UTC", 1);
	assert_int_equal(view_new(&o, &v), 0);
	s.final = false;
	view_sink.span(v, &s);
	s.final = true;
	view_sink.span(v, &s);
	view_sink.span(v, &s);
	view_done(v, NULL);
	view_free(v);
	fclose(f);
	assert_string_equal(text, "sonde 11:06:40 llm     gpt-5  1,204 in (1,000 cached) 88 out  "
				  "$0.0042  900 ms\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_shows_what_happened),
		cmocka_unit_test(requests_to_servers_and_agents_say_what_they_are_about),
		cmocka_unit_test(tree_folds_plain_processes_and_stops_at_its_limit),
		cmocka_unit_test(loops_and_orphans_are_shown_once),
		cmocka_unit_test(a_later_version_keeps_what_was_told_once),
		cmocka_unit_test(a_process_is_shown_as_what_it_became),
		cmocka_unit_test(steps_survive_refused_memory),
		cmocka_unit_test(usage_says_what_is_known),
		cmocka_unit_test(span_json_has_the_names_of_the_conventions),
		cmocka_unit_test(unknown_usage_and_cost_are_absent),
		cmocka_unit_test(attributes_come_once),
		cmocka_unit_test(run_json_has_no_cost_where_nothing_was_priced),
		cmocka_unit_test(live_lines_come_once_a_step),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
