/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of a run and its page, of steps that a recording of a test does not have. */
#include "cmd/views.h"
#include "export/export.h"
#include "store_make.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

static struct span step(uint64_t n, enum step_kind kind, const struct attr *attrs, size_t n_attrs)
{
	struct span s = make_call(1, n);

	s.step = kind;
	s.usage = llm_usage_unknown;
	s.cost = (struct cost){ .source = COST_UNKNOWN };
	s.provider = s.request_model = (struct slice){ 0 };
	s.attrs = attrs;
	s.n_attrs = n_attrs;
	return s;
}

static struct attr text(const char *name, const char *value)
{
	return (struct attr){ .name = name, .type = ATTR_STRING, .s = slice_of(value) };
}

static struct attr number(const char *name, int64_t value)
{
	return (struct attr){ .name = name, .type = ATTR_INT, .i = value };
}

static struct attr yes(const char *name)
{
	return (struct attr){ .name = name, .type = ATTR_BOOL, .i = 1 };
}

/* What can happen on a machine, of each kind one. */
static void fill(const char *path)
{
	const struct attr command[] = { text("process.command_line", "rm -rf /tmp/x"),
					number("process.exit.code", 1), yes("sonde.unexplained"),
					text("sonde.unexplained.reason", "no open tool") };
	const struct attr killed[] = { text("process.command_line", "sleep 9"),
				       number("sonde.process.signal", 9) };
	const struct attr file[] = { text("file.path", "/w/a<b>.c"),
				     text("sonde.file.operation", "written"),
				     number("sonde.file.bytes_written", 2048),
				     yes("sonde.file.created") };
	const struct attr own[] = { text("file.path", "/home/u/.claude/history"),
				    text("sonde.file.operation", "written"),
				    yes("sonde.file.own") };
	const struct attr peer[] = { number("sonde.network.attempts", 3),
				     { .name = "sonde.network.results",
				       .type = ATTR_STRINGS,
				       .s = SLICE("[\"connected 2\",\"ECONNREFUSED 1\"]") } };
	struct store *s = open_store(path);
	struct run run = make_run(1);
	struct span spans[] = {
		step(1, STEP_PROCESS, command, ARRAY_SIZE(command)),
		step(2, STEP_PROCESS, killed, ARRAY_SIZE(killed)),
		step(3, STEP_FILE, file, ARRAY_SIZE(file)),
		step(4, STEP_FILE, own, ARRAY_SIZE(own)),
		step(5, STEP_NETWORK, peer, ARRAY_SIZE(peer)),
		make_call(1, 6),
	};

	run.status = RUN_COMPLETED;
	run.end_ns = run.start_ns + 20 * SEC;
	spans[4].server_address = SLICE("10.0.0.9");
	spans[4].server_port = 8443;
	spans[4].status = SPAN_ERROR;
	spans[5].server_address = SLICE("api.example");
	store_run(s, &run);
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		store_span(s, &spans[i]);
	assert_int_equal(store_close(s), 0);
}

typedef int (*view_fn)(struct store_reader *r, const struct id128 *run,
		       const struct views_options *o, const struct screen *s);

static char *draw(const char *path, view_fn view, const struct views_options *o)
{
	_cleanup_(store_reader_closep) struct store_reader *r = open_reader(path);
	const struct id128 run = make_id("run", 1);
	char *out = NULL;
	size_t n;
	struct screen s = { .f = open_memstream(&out, &n) };

	assert_int_equal(view(r, &run, o, &s), 0);
	fclose(s.f);
	return out;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("lacks '%s':\n%s", part, text);
}

static void what_happened_on_the_machine_is_listed(void **state)
{
	const char *path = in_dir(state, "db");
	char *out;

	fill(path);
	out = draw(path, system_print, &(struct views_options){ 0 });
	assert_has(out, "unexplained: no open tool  rm -rf /tmp/x\n");
	assert_has(out, "  signal 9  ");
	assert_has(out, "written  2.0 KiB        created  /w/a<b>.c\n");
	assert_has(out, "1 that the agent keeps for itself: --all\n");
	assert_has(out,
		   "10.0.0.9:8443                 1         3         connected 2, ECONNREFUSED 1");
	assert_has(out, "api.example           1 ");
	assert_null(strstr(out, "history"));
	free(out);
	out = draw(path, system_print, &(struct views_options){ .all = true });
	assert_has(out, "its own  /home/u/.claude/history\n");
	free(out);
}

static void a_step_without_an_end_reaches_to_the_end_of_the_run(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s;
	struct span open = make_call(1, 10);
	char *out;

	fill(path);
	s = open_store(path);
	open.final = false;
	open.end_ns = 0;
	store_span(s, &open); /* from 10 s on; the other call took half a second */
	store_close(s);
	out = draw(path, timeline_print, &(struct views_options){ .json = true });
	assert_has(out, "\"total_ns\":20000000000,\"model_ns\":10500000000,\"model_share\":0.525,");
	assert_has(out, "\"idle_ns\":9500000000,");
	free(out);
	out = draw(path, timeline_print, &(struct views_options){ 0 });
	assert_has(out, "   (open)\n");
	free(out);
}

static void a_page_has_what_happened(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	char *out = NULL;
	size_t n;
	struct export_job job = { .filter = { .run = make_id("run", 1) } };

	fill(path);
	r = open_reader(path);
	job.reader = r;
	job.out = open_memstream(&out, &n);
	assert_int_equal(export_html.write(&job), 0);
	fclose(job.out);
	assert_has(out, "/w/a&lt;b&gt;.c<td>written<td class=\"n\">2.0 KiB");
	assert_has(out,
		   "rm -rf /tmp/x<td class=\"n bad\">1<td class=\"bad\">no tool call explains it");
	assert_has(out, "10.0.0.9<td class=\"n\">8443<td>[&quot;connected 2&quot;");
	assert_has(out, "</html>\n");
	free(out);
}

static void put_said(struct store *s, struct span *call, const char *json)
{
	const struct id128 message = id_of_bytes(slice_of(json));

	call->output_node = make_id("node", 77);
	store_blob(s, &message, "message", slice_of(json));
	store_node(s, &call->output_node, NULL, &message, 0);
}

static struct attr list(const char *name, const char *json)
{
	return (struct attr){ .name = name, .type = ATTR_STRINGS, .s = slice_of(json) };
}

/* A run that paused for two of its ten seconds and was ended. */
static void fill_looks(const char *path)
{
	const struct attr events[] = { list(
		"sonde.run.events",
		"[\"pause 1763640064000000000 1763640066000000000 the terminal\","
		"\"signal 1763640069000000000 1763640069000000000 SIGTERM from bash\"]") };
	const struct attr parts[] = { list("sonde.output.parts",
					   "[\"reasoning 100000000 200000000\","
					   "\"message 250000000 400000000\"]") };
	const struct attr skill[] = { text("sonde.skill.name", "pdf") };
	struct attr switched[] = { text("sonde.conversation.evidence", "summary"),
				   { .name = "sonde.conversation.continues",
				     .type = ATTR_STRING } };
	struct store *s = open_store(path);
	struct run run = make_run(1);
	struct span root = step(0, STEP_AGENT, events, ARRAY_SIZE(events));
	struct span call = make_call(1, 1), next = make_call(1, 2);
	struct span tool = step(3, STEP_TOOL, skill, ARRAY_SIZE(skill));
	char hex[ID64_HEX_SIZE];

	run.end_ns = run.start_ns + 10 * SEC;
	run.status = RUN_FAILED;
	run.status_reason = SLICE("exit status 3");
	call.parent_id = next.parent_id = tool.parent_id = root.span_id;
	call.attrs = parts;
	call.n_attrs = ARRAY_SIZE(parts);
	id64_hex(&call.span_id, hex);
	switched[1].s = slice_of(hex);
	next.request_model = SLICE("m-2");
	next.attrs = switched;
	next.n_attrs = ARRAY_SIZE(switched);
	tool.tool_name = SLICE("Skill");
	put_said(s, &call,
		 "{\"role\":\"assistant\",\"parts\":[{\"type\":\"reasoning\",\"content\":\"well\"},"
		 "{\"type\":\"text\",\"content\":\"I "
		 "shall\"},{\"type\":\"tool_call\",\"id\":\"x\"}]}");
	store_run(s, &run);
	store_span(s, &root);
	store_span(s, &call);
	store_span(s, &next);
	store_span(s, &tool);
	store_close(s);
}

static void what_is_no_span_is_shown_as_a_step(void **state)
{
	const char *path = in_dir(state, "db");
	char *out;

	fill_looks(path);
	out = draw(path, timeline_print, &(struct views_options){ .json = true });
	assert_has(out, "\"waiting_ns\":2000000000,\"waiting_share\":0.2,");
	assert_has(out, "\"kind\":\"reasoning\",\"label\":\"well\",\"from_ns\":1100000000,"
			"\"to_ns\":1200000000}");
	assert_has(out, "\"kind\":\"message\",\"label\":\"I shall\",\"from_ns\":1250000000,"
			"\"to_ns\":1400000000}");
	assert_has(out, "\"kind\":\"skill\",\"label\":\"pdf\",");
	assert_has(out, "\"kind\":\"event\",\"label\":\"pause\",\"from_ns\":4000000000,");
	assert_has(out, "\"kind\":\"event\",\"label\":\"signal\",");
	assert_has(out, "\"kind\":\"event\",\"label\":\"model\",");
	assert_has(out, "\"kind\":\"event\",\"label\":\"compaction\",");
	assert_has(out, "\"kind\":\"error\",\"label\":\"exit status 3\",");
	free(out);
	out = draw(path, timeline_print, &(struct views_options){ 0 });
	assert_has(out, "\nevent   pause the terminal");
	assert_has(out, "\nskill   pdf Skill");
	assert_null(strstr(out, "I shall")); /* --all */
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_no_span_is_shown_as_a_step),
		TEST(what_happened_on_the_machine_is_listed),
		TEST(a_step_without_an_end_reaches_to_the_end_of_the_run),
		TEST(a_page_has_what_happened),
	};

	return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}
