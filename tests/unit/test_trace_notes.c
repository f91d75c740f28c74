/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told of a run beside its model calls. */
#include <errno.h>

#include "trace_world.h"

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

/* Of two that speak TLS beside the model's calls one is known not to have been read. */
static void a_run_with_model_calls_says_of_whom_no_tls_was_read(void **state)
{
	struct connection conn = { .id = 9,
				   .flags = SONDE_CONN_CLIENT | SONDE_CONN_TLS,
				   .source = SONDE_SOURCE_TCP,
				   .family = 2,
				   .remote_port = 443,
				   .remote_addr = { 192, 0, 2, 1 } };
	struct connection stream = { .id = 10, .source = SONDE_SOURCE_OPENSSL };

	(void)state;
	world_scope(&w, "/opt/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_end(&w, 1);
	for (unsigned int pid = 101; pid <= 102; pid++) {
		world_fork(&w, ROOT, pid);
		world_exec(&w, pid, "/usr/bin/tool", slice_of(pid == 101 ? "java" : "curl"));
		conn.process = (struct process_key){ .tgid = pid, .start_ns = pid * 1000ull };
		trace_connection(w.trace, &conn, false);
	}
	stream.process = conn.process;
	trace_connection(w.trace, &stream, true);
	world_exit(&w, ROOT, 0, 0);
	trace_end(w.trace, w.now);
	assert_non_null(strstr(w.run, "TLS to 192.0.2.1:443 by 'java': nothing of it was read"));
	assert_null(strstr(w.run, "by 'curl'"));
	assert_null(strstr(w.run, "by 'agent'"));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_without_a_model_call_says_why),
		TEST(a_run_with_model_calls_only_says_what_was_late),
		TEST(a_run_with_model_calls_says_of_whom_no_tls_was_read),
		TEST(what_ran_before_it_was_traced_is_told_as_such),
		TEST(what_a_command_leaves_running_is_named),
		TEST(who_comes_into_a_container_belongs_to_its_run),
		TEST(who_has_no_parent_does_not_belong_to_a_process_tree),
		TEST(a_refused_connection_is_named),
		TEST(an_attempt_without_an_answer_is_named),
		TEST(a_connection_that_came_about_is_no_mere_attempt),
		TEST(http_is_a_step_where_a_tool_made_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
