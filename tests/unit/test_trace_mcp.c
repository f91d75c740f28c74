/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/mcp.h"
#include "trace_world.h"

#define SERVER 50u

static const struct connection conn = { .id = 77, .source = SONDE_SOURCE_PIPE };

static struct tool_call call_of(uint32_t n, const char *name, const char *arguments)
{
	return (struct tool_call){ .conn = &conn,
				   .pos = 1000u * n,
				   .number = n,
				   .client = { ROOT, ROOT * 1000ull },
				   .server = { SERVER, SERVER * 1000ull },
				   .server_name = SLICE("files"),
				   .method = SLICE("tools/call"),
				   .n_tools = TOOL_UNKNOWN,
				   .request_id = SLICE("\"id-1\""),
				   .name = slice_of(name),
				   .arguments = slice_of(arguments),
				   .start_ns = w.now };
}

static void call_begin(struct tool_call *c)
{
	trace_tool(w.trace, TOOL_BEGIN, c);
}

static void call_end(struct tool_call *c, const char *result)
{
	c->result = slice_of(result);
	c->end_ns = w.now;
	trace_tool(w.trace, TOOL_END, c);
}

static void serve(void)
{
	world_scope(&w, "/usr/bin/agent", NULL);
	world_fork(&w, ROOT, SERVER);
	EXEC(&w, SERVER, "/usr/bin/files", "files\0--token\0sk-SECRET");
}

/* The model asks for @name with @args from 10 on. */
static void model_asks(const char *name, const char *args)
{
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", name, args);
	talk_end(&w, 1);
}

static void a_call_that_the_model_asked_for_hangs_below_it(void **state)
{
	struct tool_call c;

	(void)state;
	serve();
	model_asks("mcp__files__read-file", "{\"path\":\"/a\",\"n\":1}");
	at(&w, 12);
	c = call_of(0, "read_file", "{ \"n\": 1.0, \"path\": \"\\u002fa\" }");
	call_begin(&c);
	at(&w, 14);
	world_fork(&w, ROOT, 60); /* what the agent does meanwhile is not the tool's */
	EXEC(&w, 60, "/usr/bin/git", "git\0status");
	at(&w, 17);
	call_end(&c, "{\"content\":[]}");
	at(&w, 20);
	talk_ask(&w, 1, ROOT, "[" USER "," ASKS(TOOL("c1", "x")) "," GIVES("c1", "B") "]");
	talk_end(&w, 1);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool mcp__files__read-file [12-17] by tool-call-id\n"
			"    tools/call read_file [12-17] by arguments\n"
			"  git [14-] by process open\n"
			"  chat m [20-20] by process\n");
}

static void a_call_that_nobody_asked_for_is_a_step_of_its_process(void **state)
{
	struct tool_call c;

	(void)state;
	serve();
	model_asks("mcp__files__read_file", "{\"path\":\"/a\"}");
	at(&w, 12);
	c = call_of(0, "read_file", "{\"path\":\"/b\"}"); /* other arguments */
	call_begin(&c);
	call_end(&c, "1");
	c = call_of(1, "ad_file", "{\"path\":\"/a\"}"); /* another tool */
	call_begin(&c);
	call_end(&c, "1");
	c = call_of(2, "list", "{}"); /* made by another process */
	c.client = (struct process_key){ SERVER, SERVER * 1000ull };
	call_begin(&c);
	c.is_error = true;
	call_end(&c, "{\"isError\":true}");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"    tools/call list [12-12] ERROR tool_error by process\n"
			"  chat m [0-10] by process\n"
			"  execute_tool mcp__files__read_file [10-] by answer open\n"
			"  tools/call read_file [12-12] by process\n"
			"  tools/call ad_file [12-12] by process\n");
}

/* Clients that read the answer as it streams call before it has ended. */
static void a_call_may_come_before_the_answer_has_ended(void **state)
{
	struct tool_call c;

	(void)state;
	serve();
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 5);
	c = call_of(0, "echo", "");
	call_begin(&c);
	talk_call_tool(&w, 1, "c1", "files_echo", "{}");
	at(&w, 8);
	talk_end(&w, 1);
	at(&w, 9);
	call_end(&c, "{}");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"  chat m [0-8] by process\n"
			"  execute_tool files_echo [8-] by answer open\n"
			"    tools/call echo [5-9] by arguments\n");
}

static void equal_calls_at_once_are_not_told_apart(void **state)
{
	struct tool_call a, b;

	(void)state;
	serve();
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "echo", "{}");
	talk_call_tool(&w, 1, "c2", "echo", "{}");
	talk_end(&w, 1);
	a = call_of(0, "echo", "{}");
	b = call_of(1, "echo", "{}");
	call_begin(&a);
	call_begin(&b);
	call_end(&a, "1");
	call_end(&b, "2");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool echo [10-] by answer open\n"
			"  execute_tool echo [10-] by answer open\n"
			"  tools/call echo [10-10] by process\n"
			"  tools/call echo [10-10] by process\n");
}

static void what_is_known_of_a_call_stands_on_it(void **state)
{
	const struct seen_span *s;
	struct tool_call c;

	(void)state;
	serve();
	c = call_of(0, "read", "{\"key\":\"sk-SECRET\"}");
	call_begin(&c);
	s = span_named(&w, "tools/call read", 0);
	assert_int_equal(s->finals, 0);
	c.refused = true;
	c.error_code = -32602;
	c.error_message = SLICE("no sk-SECRET");
	c.lost_bytes = 5;
	call_end(&c, "{\"code\":-32602}");
	s = span_named(&w, "tools/call read", 0);
	assert_non_null(strstr(s->text, "ERROR -32602"));
	assert_true(has_attr(s, "mcp.method.name=tools/call"));
	assert_true(has_attr(s, "jsonrpc.request.id=id-1"));
	assert_true(has_attr(s, "rpc.response.status_code=-32602"));
	assert_true(has_attr(s, "network.transport=pipe"));
	assert_true(has_attr(s, "sonde.mcp.server.name=files"));
	assert_true(has_attr(s, "sonde.mcp.server.pid=50"));
	assert_true(has_attr(s, "sonde.mcp.server.program=files"));
	assert_int_equal(w.run_errors, 0); /* emitted later */
	assert_false(blobs_have(&w, "sk-SECRET"));
	assert_null(strstr(s->attrs, "sk-SECRET"));
	assert_true(blobs_have(&w, "{\"key\":\"[redacted:x]\"}"));
}

static void content_is_kept_as_the_level_says(void **state)
{
	static const struct {
		const char *config;
		bool kept;
	} cases[] = {
		{ "{\"content\":\"full\"}", true },
		{ "{\"content\":\"standard\"}", true },
		{ "{\"content\":\"minimal\"}", false },
		{ "{\"content\":\"full\",\"content_tools\":false}", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tool_call c;

		world_end(&w);
		assert_int_equal(world_begin(&w), 0);
		world_scope(&w, "/usr/bin/agent", cases[i].config);
		c = call_of(0, "read", "{\"x\":\"argument\"}");
		call_begin(&c);
		call_end(&c, "{\"y\":\"result\"}");
		assert_int_equal(blobs_have(&w, "argument"), cases[i].kept);
		assert_int_equal(blobs_have(&w, "result"), cases[i].kept);
	}
}

static void a_call_under_way_ends_with_its_run(void **state)
{
	struct tool_call c;

	(void)state;
	serve();
	c = call_of(0, "read", "{}");
	call_begin(&c);
	trace_end(w.trace, w.now);
	assert_int_equal(span_named(&w, "tools/call read", 0)->finals, 1);
	call_end(&c, "{}"); /* too late, and harmless */
	assert_int_equal(span_named(&w, "tools/call read", 0)->finals, 1);
}

static void names_are_decorated_by_clients(void **state)
{
	static const struct {
		const char *decorated, *server, *tool;
		enum mcp_name_fit fit;
	} cases[] = {
		{ "echo", "", "echo", MCP_NAME_TAIL },
		{ "mcp__everything__echo", "", "echo", MCP_NAME_TAIL },
		{ "mcp__everything__echo", "a/everything", "echo", MCP_NAME_OF_SERVER },
		{ "mcp__every_thing__echo", "every-thing", "echo", MCP_NAME_OF_SERVER },
		{ "mcp_everything_echo", "everything", "echo", MCP_NAME_OF_SERVER },
		{ "mcp_other_echo", "everything", "echo", MCP_NAME_TAIL },
		{ "everything_echo", "everything", "echo", MCP_NAME_OF_SERVER },
		{ "everything-echo", "everything", "echo", MCP_NAME_OF_SERVER },
		{ "mcp.everything.get_sum", "", "get-sum", MCP_NAME_TAIL },
		{ "reecho", "", "echo", MCP_NAME_NO },
		{ "echo", "", "reecho", MCP_NAME_NO },
		{ "mcp__everything__echo2", "everything", "echo", MCP_NAME_NO },
		{ "echo", "", "", MCP_NAME_NO },
		{ "", "", "echo", MCP_NAME_NO },
		{ "mcp_some_server_with_a_long_n___of_a_tool_that_has_a_long_name_t", "",
		  "the_name_of_a_tool_that_has_a_long_name_t", MCP_NAME_TAIL },
		{ "mcp_some_server_with_a_long_n___of_a_tool_that_has_a_long_name_t", "",
		  "the_name_of_a_tool_that_has_a_long_name_u", MCP_NAME_NO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (mcp_name_fits(slice_of(cases[i].decorated), slice_of(cases[i].server),
				  slice_of(cases[i].tool)) != cases[i].fit)
			fail_msg("%s %s", cases[i].decorated, cases[i].tool);
}

/* Two servers have a tool of one name, and both are asked the same at once. */
static void equal_calls_are_told_apart_by_their_servers(void **state)
{
	struct tool_call a, b;

	(void)state;
	serve();
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "mcp__files__echo", "{}");
	talk_call_tool(&w, 1, "c2", "mcp__notes__echo", "{}");
	talk_end(&w, 1);
	at(&w, 12);
	a = call_of(0, "echo", "{}");
	a.server_name = SLICE("notes");
	call_begin(&a);
	at(&w, 14);
	b = call_of(1, "echo", "{}");
	call_begin(&b);
	call_end(&b, "1");
	call_end(&a, "2");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool mcp__files__echo [14-] by answer open\n"
			"    tools/call echo [14-14] by arguments\n"
			"  execute_tool mcp__notes__echo [12-] by answer open\n"
			"    tools/call echo [12-14] by arguments\n");
}

/* --- over HTTP --- */

static const struct connection client_end = { .id = 80,
					      .source = SONDE_SOURCE_TCP,
					      .process = { ROOT, ROOT * 1000ull },
					      .local_port = 40000,
					      .remote_port = 3000 };
static const struct connection server_end = { .id = 81,
					      .source = SONDE_SOURCE_TCP,
					      .process = { SERVER, SERVER * 1000ull },
					      .local_port = 3000,
					      .remote_port = 40000 };

static struct tool_call http_call(const struct connection *end, const char *name, const char *args)
{
	struct tool_call c = call_of(0, name, args);
	const struct process_key none = { 0 };

	c.conn = end;
	c.http = true;
	c.host = SLICE("localhost:3000");
	c.inbound = end != &client_end;
	c.client = c.inbound ? none : end->process;
	c.server = c.inbound ? end->process : none;
	return c;
}

static void a_request_that_both_ends_see_is_one_step(void **state)
{
	static const char *const want = "invoke_agent agent [0-] open\n"
					"  files [0-] by process open\n"
					"  tools/call read [1-5] by process\n";

	(void)state;
	/* Which end is heard first, and which is heard last. */
	for (int order = 0; order < 4; order++) {
		struct tool_call a, b, *ends[2] = { &a, &b };
		const struct seen_span *s;

		world_end(&w);
		assert_int_equal(world_begin(&w), 0);
		serve();
		at(&w, 1);
		a = http_call(&client_end, "read", "{\"x\":1}");
		b = http_call(&server_end, "read", "{ \"x\":1 }");
		call_begin(ends[order & 1]);
		call_begin(ends[!(order & 1)]);
		at(&w, 5);
		call_end(ends[order >> 1], "{}");
		call_end(ends[!(order >> 1)], "{}");
		assert_tree(&w, want);
		s = span_named(&w, "tools/call read", 0);
		assert_true(has_attr(s, "sonde.mcp.server.pid=50"));
		assert_true(has_attr(s, "network.transport=tcp"));
		assert_non_null(strstr(s->attrs, "network.protocol.name=http"));
	}
}

static void the_servers_end_may_be_heard_before_the_clients_begins(void **state)
{
	struct tool_call a, b;

	(void)state;
	serve();
	at(&w, 1);
	a = http_call(&client_end, "read", "{}");
	b = http_call(&server_end, "read", "{}");
	call_begin(&b);
	at(&w, 2);
	call_end(&b, "{}");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"    tools/call read [1-2] by process\n");
	call_begin(&a);
	at(&w, 3);
	call_end(&a, "{}");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"  tools/call read [1-3] by process\n");
	/* The same request again is another one. */
	a = http_call(&client_end, "read", "{}");
	a.number = 1;
	call_begin(&a);
	call_end(&a, "{}");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"  tools/call read [1-3] by process\n"
			"  tools/call read [3-3] by process\n");
}

/* Handshakes are told when they are over, the client's end first where its answer is read late. */
static void the_clients_end_may_be_over_before_the_servers_begins(void **state)
{
	struct tool_call a, b;

	(void)state;
	serve();
	a = http_call(&client_end, "", "{}");
	b = http_call(&server_end, "", "{}");
	a.kind = b.kind = TOOL_OTHER;
	a.method = b.method = SLICE("initialize");
	call_begin(&a);
	call_end(&a, "{}");
	call_begin(&b);
	call_end(&b, "{}");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"  initialize [0-0] by process\n");
}

static void other_requests_are_no_twins(void **state)
{
	struct connection elsewhere = server_end;
	struct tool_call a, b;

	(void)state;
	serve();
	elsewhere.remote_port = 40001;
	a = http_call(&client_end, "read", "{}");
	b = http_call(&elsewhere, "read", "{}"); /* of another client */
	call_begin(&a);
	call_begin(&b);
	call_end(&a, "1");
	call_end(&b, "1");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"    tools/call read [0-0] by process\n"
			"  tools/call read [0-0] by process\n");
}

/* Unknown arguments are not none: they are equal to nothing that the model asked for. */
static void lost_arguments_link_to_no_call_of_the_model(void **state)
{
	struct tool_call a, b;

	(void)state;
	serve();
	model_asks("mcp__files__read", "{}");
	at(&w, 12);
	a = http_call(&client_end, "read", "");
	a.head_only = true;
	a.request_id = (struct slice){ 0 };
	b = http_call(&server_end, "read", "{\"x\":1}"); /* the server's end has them */
	call_begin(&a);
	call_begin(&b);
	call_end(&b, "{}");
	call_end(&a, "{}");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool mcp__files__read [10-] by answer open\n"
			"  tools/call read [12-12] by process\n");
}

static void each_kind_of_request_has_its_name(void **state)
{
	static const struct {
		enum tool_kind kind;
		const char *method, *name, *uri, *span, *attr;
	} cases[] = {
		{ TOOL_RESOURCE, "resources/read", "", "file:///a?key=sk-SECRET", "resources/read",
		  "mcp.resource.uri=file:///a?key=" },
		{ TOOL_PROMPT, "prompts/get", "hi", "", "prompts/get hi", "gen_ai.prompt.name=hi" },
		{ TOOL_ELICITATION, "elicitation/create", "", "", "elicitation/create",
		  "mcp.method.name=elicitation/create" },
		{ TOOL_OTHER, "initialize", "", "", "initialize", "mcp.method.name=initialize" },
		{ TOOL_AGENT, "SendMessage", "", "", "invoke_agent helper",
		  "sonde.a2a.task.state=working" },
	};

	(void)state;
	serve();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tool_call c = http_call(&client_end, cases[i].name, "{}");
		const struct seen_span *s;

		c.number = (uint32_t)i;
		c.kind = cases[i].kind;
		c.method = slice_of(cases[i].method);
		c.uri = slice_of(cases[i].uri);
		if (c.kind == TOOL_AGENT) {
			c.agent_name = SLICE("helper");
			c.task_state = SLICE("working");
			c.context_id = SLICE("ctx");
		}
		call_begin(&c);
		call_end(&c, "{}");
		s = span_named(&w, cases[i].span, 0);
		assert_non_null(s);
		assert_non_null(strstr(s->attrs, cases[i].attr));
		assert_null(strstr(s->attrs, "sk-SECRET"));
	}
}

static void what_a_server_asks_is_below_the_call_it_works_on(void **state)
{
	struct tool_call outer, inner;

	(void)state;
	serve();
	outer = http_call(&client_end, "read", "{}");
	call_begin(&outer);
	inner = http_call(&client_end, "", "{}");
	inner.kind = TOOL_SAMPLING;
	inner.method = SLICE("sampling/createMessage");
	inner.client = (struct process_key){ 0 };
	inner.within = &outer;
	call_begin(&inner);
	call_end(&inner, "{}");
	call_end(&outer, "{}");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  files [0-] by process open\n"
			"  tools/call read [0-0] by process\n"
			"    sampling/createMessage [0-0] by request\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_that_the_model_asked_for_hangs_below_it),
		TEST(a_call_that_nobody_asked_for_is_a_step_of_its_process),
		TEST(a_call_may_come_before_the_answer_has_ended),
		TEST(equal_calls_at_once_are_not_told_apart),
		TEST(what_is_known_of_a_call_stands_on_it),
		TEST(content_is_kept_as_the_level_says),
		TEST(a_call_under_way_ends_with_its_run),
		TEST(names_are_decorated_by_clients),
		TEST(equal_calls_are_told_apart_by_their_servers),
		TEST(a_request_that_both_ends_see_is_one_step),
		TEST(the_servers_end_may_be_heard_before_the_clients_begins),
		TEST(the_clients_end_may_be_over_before_the_servers_begins),
		TEST(other_requests_are_no_twins),
		TEST(lost_arguments_link_to_no_call_of_the_model),
		TEST(each_kind_of_request_has_its_name),
		TEST(what_a_server_asks_is_below_the_call_it_works_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
