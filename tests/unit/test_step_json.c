/* SPDX-License-Identifier: BSD-2-Clause */
/* A step as the API gives it: what is known is there, what is not is absent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/step_json.h"

static const struct id128 run = { { 0xaa, 1 } };
static const struct id64 span = { { 0xbb, 2 } }, parent = { { 0xcc, 3 } };

static struct step blank(void)
{
	return (struct step){
		.key = { .run = run, .span = span },
		.kind = STEP_TOOL,
		.start_ns = 1000,
		.usage = llm_usage_unknown,
		.first_token_ns = LLM_UNKNOWN,
		.exit_code = LLM_UNKNOWN,
		.label = SLICE("Bash"),
	};
}

static void expect(const struct step *st, const char *json)
{
	struct buf text = { 0 };
	struct json_writer w = { .out = &text };

	step_json(&w, st);
	assert_int_equal(w.r, 0);
	assert_true(json_valid(buf_slice(&text)));
	if (!slice_eq(buf_slice(&text), slice_of(json)))
		fail_msg("%.*s", SLICE_ARG(buf_slice(&text)));
	buf_done(&text);
}

#define IDS                                                                                  \
	"{\"run_id\":\"aa010000000000000000000000000000\",\"step_id\":\"bb02000000000000\"," \
	"\"span_id\":"

static void what_is_not_known_is_absent(void **state)
{
	const struct step st = blank();

	(void)state;
	expect(&st, IDS "\"bb02000000000000\",\"kind\":\"tool\",\"label\":\"Bash\","
			"\"start_time_unix_nano\":1000,\"end_time_unix_nano\":null,"
			"\"status\":\"unset\",\"final\":false,\"usage\":{}}");
}

static void what_is_known_is_there(void **state)
{
	struct step st = blank();

	(void)state;
	st.parent_id = parent;
	st.kind = STEP_LLM;
	st.end_ns = 2000;
	st.asked_ns = 900;
	st.status = SPAN_ERROR;
	st.error = SLICE("\"overloaded\"\n");
	st.final = true;
	st.usage.input = 7;
	st.usage.output = 0;
	st.cost = (struct cost){ .pico_usd = 1500000000, .source = COST_TABLE };
	st.first_token_ns = 50;
	st.pid = 4711;
	st.exit_code = 0;
	st.lost_bytes = 9;
	st.lost_reason = SLICE("ring");
	st.unexplained = st.pause = st.quiet = true;
	st.detail = SLICE("d");
	st.agent = SLICE("a");
	st.evidence = SLICE("e");
	expect(&st, IDS "\"bb02000000000000\",\"parent_id\":\"cc03000000000000\",\"kind\":\"llm\","
			"\"label\":\"Bash\",\"detail\":\"d\",\"agent\":\"a\","
			"\"start_time_unix_nano\":1000,\"end_time_unix_nano\":2000,"
			"\"asked_time_unix_nano\":900,\"status\":\"error\","
			"\"error\":\"\\\"overloaded\\\"\\n\",\"final\":true,"
			"\"usage\":{\"input_tokens\":7,\"output_tokens\":0},\"cost_usd\":0.0015,"
			"\"first_token_ns\":50,\"pid\":4711,\"exit_code\":0,\"lost_bytes\":9,"
			"\"lost_reason\":\"ring\",\"unexplained\":true,\"pause\":true,"
			"\"quiet\":true,\"evidence\":\"e\"}");
}

static void what_a_plan_covers_is_not_spent(void **state)
{
	struct step st = blank();

	(void)state;
	st.cost = (struct cost){ .pico_usd = 1000000000000,
				 .source = COST_TABLE,
				 .equivalent = true };
	expect(&st, IDS "\"bb02000000000000\",\"kind\":\"tool\",\"label\":\"Bash\","
			"\"start_time_unix_nano\":1000,\"end_time_unix_nano\":null,"
			"\"status\":\"unset\",\"final\":false,\"usage\":{},\"equivalent_usd\":1}");
}

static void a_part_belongs_to_its_span(void **state)
{
	struct step st = blank();

	(void)state;
	st.kind = 0;
	st.look = LOOK_REASONING;
	st.parent_id = parent;
	expect(&st, IDS "\"cc03000000000000\",\"parent_id\":\"cc03000000000000\","
			"\"kind\":\"reasoning\",\"label\":\"Bash\","
			"\"start_time_unix_nano\":1000,\"end_time_unix_nano\":null,"
			"\"status\":\"unset\",\"final\":false,\"usage\":{}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_known_is_absent),
		cmocka_unit_test(what_is_known_is_there),
		cmocka_unit_test(what_a_plan_covers_is_not_spent),
		cmocka_unit_test(a_part_belongs_to_its_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
