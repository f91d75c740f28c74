/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "trace_world.h"

/* --- conversations --- */

#define CONVERSATION "sonde.conversation.id="

/* Two conversations in one process whose tool calls have the same ids. */
static void interleaved_conversations_are_not_mixed(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" SAYS("user", "one") "]");
	at(&w, 1);
	talk_ask(&w, 2, ROOT, "[" SAYS("user", "two") "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"a\"}");
	talk_end(&w, 1);
	at(&w, 11);
	talk_call_tool(&w, 2, "c1", "bash", "{\"command\":\"b\"}");
	talk_end(&w, 2);
	at(&w, 20);
	talk_ask(&w, 1, ROOT,
		 "[" SAYS("user", "two") "," ASKS(TOOL("c1", "b")) "," GIVES("c1", "B") "]");
	talk_end(&w, 1);
	at(&w, 30);
	talk_ask(&w, 2, ROOT,
		 "[" SAYS("user", "one") "," ASKS(TOOL("c1", "a")) "," GIVES("c1", "A") "]");
	talk_end(&w, 2);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  chat m [1-11] by process\n"
			"  execute_tool bash [10-30] by tool-call-id\n"
			"  execute_tool bash [11-20] by tool-call-id\n"
			"  chat m [20-20] by process\n"
			"  chat m [30-30] by process\n");
	assert_string_equal(attr_of(span_named(&w, "chat m", 1), CONVERSATION),
			    attr_of(span_named(&w, "chat m", 2), CONVERSATION));
	assert_string_equal(attr_of(span_named(&w, "chat m", 0), CONVERSATION),
			    attr_of(span_named(&w, "chat m", 3), CONVERSATION));
	assert_string_not_equal(attr_of(span_named(&w, "chat m", 0), CONVERSATION),
				attr_of(span_named(&w, "chat m", 1), CONVERSATION));
}

static void turns_without_tools_are_linked_by_their_history(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" SAYS("user", "hi") "]");
	talk_say(&w, 1, "hello");
	talk_end(&w, 1);
	at(&w, 5);
	talk_ask(&w, 1, ROOT,
		 "[" SAYS("user", "hi") "," SAYS("assistant", "hello") "," SAYS("user", "so?") "]");
	assert_true(has_attr(span_named(&w, "chat m", 1),
			     "sonde.conversation.evidence=message-prefix"));
	talk_end(&w, 1);
	/* The node is the one that the answer got. */
	assert_int_equal(w.n_nodes, 3);
}

static void conversations_with_the_same_words_are_not_linked(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 1; i <= 2; i++) {
		talk_ask(&w, i, ROOT, "[" SAYS("user", "hi") "]");
		talk_say(&w, i, "hello");
		at(&w, i);
	}
	talk_end(&w, 1);
	talk_end(&w, 2);
	at(&w, 5);
	talk_ask(&w, 1, ROOT,
		 "[" SAYS("user", "hi") "," SAYS("assistant", "hello") "," SAYS("user", "so?") "]");
	assert_null(strstr(span_named(&w, "chat m", 2)->attrs, "sonde.conversation.evidence"));
	talk_end(&w, 1);
}

static void explicit_ids_come_before_everything(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 1; i <= 3; i++) {
		at(&w, i);
		k = talk_make(&w, 1, ROOT,
			      i == 2 ? "[" SAYS("user", "b") "]" : "[" SAYS("user", "a") "]");
		talk_header(k, "thread-id", i == 2 ? "t-2" : "t-1");
		talk_begin(&w, 1);
		talk_say(&w, 1, "x");
		talk_end(&w, 1);
	}
	assert_true(
		has_attr(span_named(&w, "chat m", 2), "sonde.conversation.evidence=explicit-id"));
	assert_string_equal(attr_of(span_named(&w, "chat m", 0), CONVERSATION),
			    attr_of(span_named(&w, "chat m", 2), CONVERSATION));
}

static void a_response_id_continues_its_response(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	k = talk_make(&w, 1, ROOT, "[" SAYS("user", "a") "]");
	talk_begin(&w, 1);
	k->call.response_id = SLICE("r1");
	talk_say(&w, 1, "x");
	talk_end(&w, 1);
	at(&w, 5);
	k = talk_make(&w, 1, ROOT, "[" SAYS("user", "b") "]");
	k->call.previous_response_id = SLICE("r1");
	talk_begin(&w, 1);
	assert_true(has_attr(span_named(&w, "chat m", 1),
			     "sonde.conversation.evidence=previous-response-id"));
	talk_end(&w, 1);
	assert_non_null(strstr(w.sequence.p, " 2\n")); /* a node of depth 2: behind the answer */
}

static void a_shortened_history_is_bridged_by_its_session(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 1; i <= 3; i++) {
		at(&w, i);
		k = talk_make(&w, 1, ROOT,
			      i == 3 ? "[" SAYS("user", "summary: one") "]"
				     : "[" SAYS("user", "one") "]");
		talk_header(k, "x-claude-code-session-id", "s-1");
		k->call.system = i == 2 ? SLICE("write a title") : SLICE("you are an agent");
		talk_begin(&w, 1);
		talk_say(&w, 1, "x");
		talk_end(&w, 1);
	}
	assert_true(
		has_attr(span_named(&w, "chat m", 2), "sonde.conversation.evidence=session-id"));
	assert_string_equal(attr_of(span_named(&w, "chat m", 0), CONVERSATION),
			    attr_of(span_named(&w, "chat m", 2), CONVERSATION));
	assert_string_not_equal(attr_of(span_named(&w, "chat m", 0), CONVERSATION),
				attr_of(span_named(&w, "chat m", 1), CONVERSATION));
}

/* --- agents --- */

static void an_agent_that_an_agent_starts_is_one_of_its_own(void **state)
{
	(void)state;
	world_scope(&w, "/usr/local/bin/claude", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "Bash", "{\"command\":\"codex exec 'fix it'\"}");
	at(&w, 10);
	talk_end(&w, 1);
	at(&w, 20);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/bash", "bash\0-c\0codex exec 'fix it'");
	at(&w, 21);
	world_fork(&w, 101, 102);
	EXEC(&w, 102, "/usr/local/bin/codex", "codex\0exec\0fix it");
	at(&w, 30);
	talk_ask(&w, 2, 102, "[" SAYS("user", "fix it") "]");
	talk_say(&w, 2, "done");
	talk_end(&w, 2);
	at(&w, 40);
	world_exit(&w, 102, 0, 0);
	assert_tree(&w, "invoke_agent claude-code [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool Bash [20-] by answer open\n"
			"    bash [20-] by argv open\n"
			"      codex [21-40] by process\n"
			"        invoke_agent codex [21-40] by process\n"
			"          chat m [30-30] by process\n");
}

static void a_launcher_gives_its_run_to_the_agent_that_it_starts(void **state)
{
	(void)state;
	world_scope(&w, "/bin/bash", NULL);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/local/bin/claude", "claude\0-p\0hi");
	assert_tree(&w, "invoke_agent bash [0-] open\n"
			"  claude [0-] by process open\n"
			"    invoke_agent claude-code [0-] by process open\n");
	at(&w, 2000);
	tick(&w);
	assert_non_null(strstr(w.run, "agent=claude-code"));
}

static void an_agent_that_runs_itself_again_stays_the_same(void **state)
{
	(void)state;
	world_scope(&w, "/usr/local/bin/claude", NULL);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/local/bin/claude", "rg\0--files");
	talk_ask(&w, 1, 101, "[" USER "]");
	assert_tree(&w, "invoke_agent claude-code [0-] open\n"
			"  rg [0-] by process open\n"
			"  chat m [0-] by process open\n");
	talk_end(&w, 1);
}

static void a_program_that_a_tool_runs_asks_in_the_name_of_the_tool(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"python3 sum.py\"}");
	talk_end(&w, 1);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/python3", "python3\0sum.py");
	talk_ask(&w, 2, 101, "[" SAYS("user", "sum this up") "]");
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-0] by process\n"
			"  execute_tool bash [0-] by answer open\n"
			"    python3 [0-] by argv open\n"
			"      chat m [0-] by process open\n");
	talk_end(&w, 2);
}

static void requests_name_the_agent_that_its_program_does_not(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/python3", NULL);
	k = talk_make(&w, 1, ROOT, "[" USER "]");
	talk_header(k, "User-Agent", "claude-cli/2.1.329 (external, cli)");
	talk_begin(&w, 1);
	talk_end(&w, 1);
	world_exit(&w, ROOT, 0, 0);
	assert_non_null(strstr(w.run, "agent=claude-code 2.1.329"));
	assert_true(has_attr(span_named(&w, "invoke_agent claude-code", 0),
			     "sonde.agent.evidence=user-agent"));
}

#define SPAWN "{\"prompt\":\"look at the tests\",\"subagent_type\":\"Explore\"}"

static void begin_with_task(void)
{
	world_scope(&w, "/usr/local/bin/claude", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "t1", "Task", SPAWN);
	talk_end(&w, 1);
	at(&w, 20);
}

static void end_task(void)
{
	at(&w, 40);
	talk_ask(
		&w, 1, ROOT,
		"[" USER ","
		"{\"role\":\"assistant\",\"calls\":[{\"id\":\"t1\",\"name\":\"Task\",\"args\":"
		"\"{\\\"prompt\\\":\\\"look at the tests\\\",\\\"subagent_type\\\":\\\"Explore\\\"}"
		"\"}]}," GIVES("t1", "looked") "]");
	talk_end(&w, 1);
}

static void a_subagent_is_known_by_its_prompt(void **state)
{
	(void)state;
	begin_with_task();
	talk_ask(&w, 2, ROOT, "[" SAYS("user", "look at the tests") "]");
	talk_say(&w, 2, "let me see");
	at(&w, 25);
	talk_end(&w, 2);
	at(&w, 30);
	talk_ask(&w, 2, ROOT,
		 "[" SAYS("user", "look at the tests") "," SAYS("assistant", "let me see") "," SAYS(
			 "user", "go on") "]");
	talk_end(&w, 2);
	end_task();
	assert_tree(&w, "invoke_agent claude-code [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool Task [10-40] by tool-call-id\n"
			"    invoke_agent Explore [20-40] by prompt-in-arguments\n"
			"      chat m [20-25] by conversation\n"
			"      chat m [30-30] by conversation\n"
			"  chat m [40-40] by process\n");
}

static void a_subagent_is_known_by_its_header(void **state)
{
	(void)state;
	begin_with_task();
	for (int i = 0; i < 2; i++) {
		struct talk *k;

		at(&w, 20 + (unsigned)i);
		k = talk_make(&w, 2, ROOT,
			      i ? "[" SAYS("user", "b") "]" : "[" SAYS("user", "a") "]");
		talk_header(k, "x-claude-code-session-id", "s-1");
		talk_header(k, "x-claude-code-agent-id", "a-1");
		talk_begin(&w, 2);
		talk_end(&w, 2);
	}
	end_task();
	assert_tree(&w, "invoke_agent claude-code [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool Task [10-40] by tool-call-id\n"
			"    invoke_agent Explore [20-40] by explicit-id\n"
			"      chat m [20-20] by explicit-id\n"
			"      chat m [21-21] by explicit-id\n"
			"  chat m [40-40] by process\n");
}

/* --- what is no model call --- */

static void socket_closes(uint8_t source, uint32_t flags, uint64_t bytes)
{
	struct connection conn = { .id = 9,
				   .process = { ROOT, ROOT * 1000ull },
				   .flags = flags,
				   .source = source,
				   .family = 2,
				   .remote_port = 443,
				   .remote_addr = { 192, 0, 2, 1 } };

	conn.bytes[0] = bytes;
	trace_connection(w.trace, &conn, false);
	strcpy(conn.server_name, "api.example.org");
	trace_connection(w.trace, &conn, false);
}

static void a_run_without_a_model_call_says_why(void **state)
{
	(void)state;
	world_scope(&w, "/opt/bin/agent", NULL);
	world_json(&w, SONDE_EV_ATTACH, 0,
		   "{\"file\":\"/opt/lib/tls.so\",\"ok\":false,\"reason\":\"no symbols\"}");
	world_json(&w, SONDE_EV_ATTACH, 0, "{\"file\":\"/lib/a.so\",\"ok\":true}");
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/docker", "docker\0run\0x");
	world_fork(&w, ROOT, 102);
	EXEC(&w, 102, "/usr/bin/code", "/bin/sh\0/usr/bin/code\0x");
	talk_make(&w, 1, ROOT, "[]");
	trace_exchange(w.trace, &w.talks[1].x);
	socket_closes(SONDE_SOURCE_TCP, SONDE_CONN_CLIENT | SONDE_CONN_TLS, 1234);
	world_exit(&w, ROOT, 0, 0);
	trace_end(w.trace, w.now);
	assert_non_null(strstr(w.run, "cannot be read: '/opt/lib/tls.so': no symbols"));
	assert_non_null(strstr(w.run, "'docker' hands its work to another process"));
	assert_non_null(strstr(w.run, "'code' hands its work to another process"));
	assert_non_null(strstr(w.run, "HTTP requests to api.example.com: 1"));
	assert_non_null(strstr(w.run, "TLS to 192.0.2.1:443 that nothing could read: 1234 bytes, "
				      "by '/opt/bin/agent'"));
	assert_non_null(strstr(w.run, "TLS to api.example.org (192.0.2.1:443) that nothing"));
	assert_non_null(strstr(w.run, "sonde doctor /opt/bin/agent"));
	assert_null(strstr(w.run, "/lib/a.so"));
}

static void a_run_with_model_calls_only_says_what_was_late(void **state)
{
	(void)state;
	world_scope(&w, "/opt/bin/agent", NULL);
	world_json(&w, SONDE_EV_ATTACH, ROOT, "{\"file\":\"/a.so\",\"ok\":true,\"late_ms\":12}");
	world_json(&w, SONDE_EV_ATTACH, 0, "{\"file\":\"/b.so\",\"ok\":false}");
	socket_closes(SONDE_SOURCE_TCP, SONDE_CONN_CLIENT | SONDE_CONN_TLS, 1234);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_end(&w, 1);
	world_exit(&w, ROOT, 0, 0);
	assert_non_null(strstr(w.run, "notes=[\"late attach: 12 ms: what '/a.so' said before was "
				      "not seen\"]"));
	/* And on the call of the process that had mapped it. */
	assert_non_null(strstr(span_named(&w, "chat m", 0)->attrs, "sonde.late_attach_ms=12\n"));
}

static void join(const char *kind)
{
	char json[256];

	world_json(&w, SONDE_EV_HOST, 0, "{\"boot_id\":\"b\",\"hostname\":\"h\"}");
	snprintf(json, sizeof(json),
		 "{\"scope\":1,\"kind\":\"%s\",\"argv\":[\"/init\"],\"uid\":7,\"user\":\"u\"}",
		 kind);
	world_json(&w, SONDE_EV_SCOPE, ROOT, json);
	EXEC(&w, ROOT, "/init", "/init");
}

static void what_ran_before_it_was_traced_is_told_as_such(void **state)
{
	(void)state;
	join("pid");
	world_fork(&w, ROOT, 200);
	EXEC(&w, 200, "/bin/helper", "helper");
	trace_end(w.trace, w.now);
	assert_non_null(strstr(w.run, "it ran already when the capture began"));
	assert_non_null(strstr(w.run, "it ran on when the capture ended"));
	/* All of it runs on: that of each process nothing is said. */
	assert_null(strstr(w.run, "'helper' (process"));
}

static void what_a_command_leaves_running_is_named(void **state)
{
	(void)state;
	world_scope(&w, "/bin/sh", NULL);
	world_fork(&w, ROOT, 200);
	EXEC(&w, 200, "/bin/daemon", "daemon");
	world_exit(&w, ROOT, 0, 0);
	trace_end(w.trace, w.now);
	assert_non_null(strstr(w.run, "'daemon' (process 200) ran on when the capture ended"));
}

/* docker exec: its parent is elsewhere. Only a container's run takes such a process in. */
static void who_comes_into_a_container_belongs_to_its_run(void **state)
{
	(void)state;
	join("container");
	EXEC(&w, 300, "/bin/agent", "agent");
	world_fork(&w, 300, 301);
	EXEC(&w, 301, "/bin/tool", "tool");
	assert_non_null(span_named(&w, "agent", 0));
	assert_non_null(span_named(&w, "tool", 0));
	world_exit(&w, ROOT, 0, 0);
	assert_non_null(strstr(w.run, "completed"));
}

static void who_has_no_parent_does_not_belong_to_a_process_tree(void **state)
{
	(void)state;
	join("pid");
	EXEC(&w, 300, "/bin/agent", "agent");
	assert_int_equal(w.n_spans, 1); /* the root alone */
}

static void connects(int result)
{
	ev_begin(&w.ev, SONDE_EV_CONNECT, ROOT, sizeof(w.ev.connect));
	w.ev.connect.result = result;
	w.ev.connect.family = 2;
	w.ev.connect.port = 443;
	memcpy(w.ev.connect.addr, (uint8_t[]){ 192, 0, 2, 1 }, 4);
	feed(&w, &w.ev.hdr);
}

static void a_refused_connection_is_named(void **state)
{
	(void)state;
	world_scope(&w, "/opt/bin/agent", NULL);
	connects(-EINPROGRESS);
	connects(-ECONNREFUSED);
	world_exit(&w, ROOT, 1, 0);
	assert_non_null(strstr(w.run, "could not connect to 192.0.2.1:443: Connection refused"));
	assert_null(strstr(w.run, "no connection that was seen"));
}

static void an_attempt_without_an_answer_is_named(void **state)
{
	(void)state;
	world_scope(&w, "/opt/bin/agent", NULL);
	connects(-EINPROGRESS);
	world_exit(&w, ROOT, 1, 0);
	assert_non_null(strstr(w.run, "tried to connect to 192.0.2.1:443: nothing came of it"));
}

static void a_connection_that_came_about_is_no_mere_attempt(void **state)
{
	(void)state;
	world_scope(&w, "/opt/bin/agent", NULL);
	connects(-EINPROGRESS);
	socket_closes(SONDE_SOURCE_TCP, SONDE_CONN_CLIENT, 12);
	world_exit(&w, ROOT, 1, 0);
	assert_null(strstr(w.run, "tried to connect"));
	assert_non_null(strstr(w.run, "connected to 192.0.2.1:443: 12 bytes"));
}

static void http_is_a_step_where_a_tool_made_it(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_make(&w, 2, ROOT, "[]");
	trace_exchange(w.trace, &w.talks[2].x); /* telemetry: no tool waits */
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "fetch", "{\"url\":\"http://x\"}");
	at(&w, 10);
	talk_end(&w, 1);
	at(&w, 20);
	talk_make(&w, 2, ROOT, "[]");
	w.talks[2].x.status = 404;
	at(&w, 30);
	w.talks[2].x.response.end_ns = w.now;
	trace_exchange(w.trace, &w.talks[2].x);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool fetch [10-] by answer open\n"
			"    POST [20-30] ERROR 404 by window\n");
}

/* --- seen twice --- */

static void client_and_server_of_one_call_count_once(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/proxy", "proxy");
	talk_make(&w, 1, ROOT, "[" USER "]");
	talk_begin(&w, 1);
	at(&w, 1);
	talk_make(&w, 2, 101, "[" USER "]")->x.inbound = true;
	talk_begin(&w, 2);
	for (unsigned i = 2; i >= 1; i--) {
		w.talks[i].call.response_id = SLICE("r-7");
		talk_say(&w, i, "hi");
		at(&w, 10 - i);
		talk_end(&w, i);
	}
	world_exit(&w, ROOT, 0, 0);
	assert_int_equal(w.run_calls, 1);
	assert_int_equal(w.run_usage.input, 10);
	/* The agent's own counts, whichever ends first. */
	assert_int_equal(span_named(&w, "chat m", 0)->usage.input, 10);
	assert_int_equal(span_named(&w, "chat m", 1)->usage.input, LLM_UNKNOWN);
	assert_string_not_equal(attr_of(span_named(&w, "chat m", 1), "sonde.duplicate_of="),
				"none");
}

static void one_id_for_every_answer_is_no_duplicate(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (unsigned i = 1; i <= 2; i++) {
		at(&w, i * 10);
		talk_ask(&w, i, ROOT, "[" USER "]");
		w.talks[i].call.response_id = SLICE("mock");
		talk_say(&w, i, "hi");
		talk_end(&w, i);
	}
	world_exit(&w, ROOT, 0, 0);
	assert_int_equal(w.run_calls, 2);
	assert_int_equal(w.run_usage.input, 20);
}

/* A response that is made in the background: asked for until it is there, and once more. */
static void a_response_that_is_polled_counts_once(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	w.talks[1].call.response_id = SLICE("r-8");
	w.talks[1].call.usage.input = 12; /* guessed */
	w.talks[1].call.usage.output = 1;
	w.talks[1].call.usage.estimated = LLM_ESTIMATED_INPUT | LLM_ESTIMATED_OUTPUT;
	talk_say(&w, 1, "h");
	talk_end(&w, 1);
	assert_true(span_named(&w, "chat m", 0)->usage.estimated);
	for (unsigned i = 2; i <= 3; i++) {
		at(&w, i * 10);
		talk_make(&w, i, ROOT, "[]");
		w.talks[i].call.repeats = true;
		w.talks[i].call.response_id = SLICE("r-8");
		talk_begin(&w, i);
		talk_say(&w, i, "hello");
		talk_end(&w, i);
	}
	world_exit(&w, ROOT, 0, 0);
	assert_int_equal(w.run_calls, 1);
	assert_int_equal(w.run_usage.input, 10);
	assert_int_equal(w.run_usage.output, 5);
	assert_false(w.run_usage.estimated);
	assert_int_equal(span_named(&w, "chat m", 2)->usage.input, LLM_UNKNOWN);
}

/* What the answer does not tell when it is fetched is not known, whatever was guessed before. */
static void half_a_fact_replaces_a_whole_guess(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	w.talks[1].call.response_id = SLICE("r-9");
	w.talks[1].call.usage.input = 12;
	w.talks[1].call.usage.output = 1;
	w.talks[1].call.usage.estimated = LLM_ESTIMATED_INPUT | LLM_ESTIMATED_OUTPUT;
	talk_say(&w, 1, "h");
	talk_end(&w, 1);
	at(&w, 20);
	talk_make(&w, 2, ROOT, "[]");
	w.talks[2].call.repeats = true;
	w.talks[2].call.response_id = SLICE("r-9");
	w.talks[2].call.usage.input = 10; /* and no output */
	talk_begin(&w, 2);
	talk_say(&w, 2, "hello");
	talk_end(&w, 2);
	world_exit(&w, ROOT, 0, 0);
	assert_int_equal(w.run_usage.input, 10);
	assert_int_equal(w.run_usage.output, LLM_UNKNOWN);
}

static void what_stands_alone_is_no_conversation(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_make(&w, 1, ROOT, "[" USER "]");
	w.talks[1].call.single = true;
	talk_begin(&w, 1);
	talk_end(&w, 1);
	assert_null(strstr(span_named(&w, "chat m", 0)->attrs, CONVERSATION));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(interleaved_conversations_are_not_mixed),
		TEST(turns_without_tools_are_linked_by_their_history),
		TEST(conversations_with_the_same_words_are_not_linked),
		TEST(explicit_ids_come_before_everything),
		TEST(a_response_id_continues_its_response),
		TEST(a_shortened_history_is_bridged_by_its_session),
		TEST(an_agent_that_an_agent_starts_is_one_of_its_own),
		TEST(a_launcher_gives_its_run_to_the_agent_that_it_starts),
		TEST(an_agent_that_runs_itself_again_stays_the_same),
		TEST(a_program_that_a_tool_runs_asks_in_the_name_of_the_tool),
		TEST(requests_name_the_agent_that_its_program_does_not),
		TEST(a_subagent_is_known_by_its_prompt),
		TEST(a_subagent_is_known_by_its_header),
		TEST(a_run_without_a_model_call_says_why),
		TEST(a_run_with_model_calls_only_says_what_was_late),
		TEST(what_ran_before_it_was_traced_is_told_as_such),
		TEST(what_a_command_leaves_running_is_named),
		TEST(who_comes_into_a_container_belongs_to_its_run),
		TEST(who_has_no_parent_does_not_belong_to_a_process_tree),
		TEST(a_refused_connection_is_named),
		TEST(an_attempt_without_an_answer_is_named),
		TEST(a_connection_that_came_about_is_no_mere_attempt),
		TEST(http_is_a_step_where_a_tool_made_it),
		TEST(client_and_server_of_one_call_count_once),
		TEST(one_id_for_every_answer_is_no_duplicate),
		TEST(a_response_that_is_polled_counts_once),
		TEST(half_a_fact_replaces_a_whole_guess),
		TEST(what_stands_alone_is_no_conversation),
	};

	return cmocka_run_group_tests_name("trace_links", tests, NULL, NULL);
}
