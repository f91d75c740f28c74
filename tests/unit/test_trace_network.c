/* SPDX-License-Identifier: BSD-2-Clause */
/* Attempts to connect: whose they were, how they ended, and which of them are a step already. */
#include <errno.h>

#include "trace/observed/network.h"
#include "trace_world.h"

static void connects(__u32 pid, __u16 port, int result)
{
	feed(&w, ev_connect(&w.ev, pid, port, result));
}

static struct connection socket_of(__u32 pid, uint16_t port)
{
	return (struct connection){ .id = 900 + port,
				    .process = { pid, pid * 1000ull },
				    .flags = SONDE_CONN_CLIENT,
				    .source = SONDE_SOURCE_TCP,
				    .family = 2,
				    .remote_port = port,
				    .remote_addr = { 127, 0, 0, 1 },
				    .bytes = { 7, 5 } };
}

static void closes(__u32 pid, uint16_t port, const char *name, bool was_http)
{
	struct connection conn = socket_of(pid, port);

	snprintf(conn.server_name, sizeof(conn.server_name), "%s", name);
	trace_connection(w.trace, &conn, was_http);
}

static void asks_http(__u32 pid, uint16_t port, const char *host)
{
	struct connection conn = socket_of(pid, port);
	struct http_exchange x = {
		.conn = &conn, .method = SLICE("GET"), .host = slice_of(host), .path = SLICE("/")
	};

	x.request.head_ns = x.response.end_ns = w.now;
	trace_exchange(w.trace, &x);
}

static void ticks(uint64_t ms)
{
	at(&w, ms);
	tick(&w);
}

static void begin_with_tool(const char *program, const char *args)
{
	world_scope(&w, program, NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "bash", args);
	talk_end(&w, 1);
}

/* --- whose they are --- */

static void what_a_tools_program_connects_to_is_the_tools(void **state)
{
	const struct seen_span *s;

	(void)state;
	begin_with_tool("/usr/bin/agent", "{\"command\":\"psql db\"}");
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0psql db");
	at(&w, 12);
	connects(101, 5432, -ECONNREFUSED);
	connects(101, 5432, -ECONNREFUSED);
	connects(101, 5433, 0);
	ticks(14);
	closes(101, 5433, "db.example", false);
	ticks(100);
	assert_non_null(strstr(span_named(&w, "127.0.0.1:5432", 0)->text, "open"));
	at(&w, 200);
	talk_ask(&w, 1, ROOT, "[" USER "," ASKS(TOOL("c1", "x")) "," GIVES("c1", "B") "]");
	talk_end(&w, 1);
	ticks(1500);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool bash [10-200] by tool-call-id\n"
			"    sh [10-] by argv open\n"
			"    127.0.0.1:5432 [12-12] ERROR ECONNREFUSED by process\n"
			"    db.example:5433 [12-14] by process\n"
			"  chat m [200-200] by process\n");
	s = span_named(&w, "127.0.0.1:5432", 0);
	assert_true(has_attr(s, "sonde.network.results=[\"ECONNREFUSED 2\"]"));
	assert_true(has_attr(s, "sonde.network.attempts=2"));
	s = span_named(&w, "db.example", 0);
	assert_true(has_attr(s, "network.peer.address=127.0.0.1"));
	assert_true(has_attr(s, "sonde.network.bytes_received=7"));
	assert_true(has_attr(span_named(&w, "execute_tool", 0), "sonde.connections=3"));
}

static void the_address_that_a_call_asks_for_is_its_own(void **state)
{
	(void)state;
	begin_with_tool("/usr/bin/agent", "{\"url\":\"http://localhost:81/x\"}");
	connects(ROOT, 81, -ECONNREFUSED);
	connects(ROOT, 82, -ECONNREFUSED);
	ticks(100);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool bash [10-] by answer open\n"
			"    127.0.0.1:81 [10-] ERROR ECONNREFUSED by arguments open\n"
			"  127.0.0.1:82 [10-] ERROR ECONNREFUSED by process open\n");
}

/* --- how they end --- */

static void an_attempt_that_is_not_waited_for_is_one_attempt(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	connects(ROOT, 81, -EINPROGRESS);
	connects(ROOT, 81, -ETIMEDOUT);
	connects(ROOT, 82, -EINPROGRESS);
	connects(ROOT, 83, -EINPROGRESS);
	closes(ROOT, 83, "", false);
	trace_end(w.trace, w.now);
	assert_true(has_attr(span_named(&w, "127.0.0.1:81", 0),
			     "sonde.network.results=[\"ETIMEDOUT 1\"]"));
	assert_true(has_attr(span_named(&w, "127.0.0.1:82", 0),
			     "sonde.network.results=[\"unanswered 1\"]"));
	assert_true(has_attr(span_named(&w, "127.0.0.1:83", 0),
			     "sonde.network.results=[\"connected 1\"]"));
	assert_true(has_attr(span_named(&w, "127.0.0.1:83", 0), "sonde.network.attempts=1"));
}

static void what_comes_about_at_the_second_try_is_no_error(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	connects(ROOT, 81, -ECONNREFUSED);
	connects(ROOT, 81, 0);
	trace_end(w.trace, w.now);
	assert_null(strstr(span_named(&w, "127.0.0.1:81", 0)->text, "ERROR"));
	assert_true(has_attr(span_named(&w, "127.0.0.1:81", 0),
			     "sonde.network.results=[\"connected 1\",\"ECONNREFUSED 1\"]"));
}

static void errors_of_many_kinds_are_bounded(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	for (int error = 1; error < 100; error++)
		if (error != EINTR && error != EINPROGRESS && error != EISCONN)
			connects(ROOT, 81, -error);
	trace_end(w.trace, w.now);
	assert_non_null(strstr(attr_of(span_named(&w, "127.0.0.1:81", 0), "sonde.network.results"),
			       "[\"EPERM 1\",\"ENOENT 1\",\"ESRCH 1\",\"EIO "));
}

/* --- what is none --- */

static void connections_of_steps_are_no_steps(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	connects(ROOT, 443, 0);
	talk_make(&w, 1, ROOT, "[" USER "]");
	w.talks[1].conn.family = 2;
	w.talks[1].conn.remote_port = 443;
	memcpy(w.talks[1].conn.remote_addr, (uint8_t[]){ 127, 0, 0, 1 }, 4);
	talk_begin(&w, 1);
	talk_end(&w, 1);
	closes(ROOT, 443, "api.example.com", false);
	/* A TLS stream whose socket is not known says by its host which one it was. */
	connects(ROOT, 444, 0);
	talk_make(&w, 2, ROOT, "[" USER "]");
	w.talks[2].x.host = SLICE("api.example.com:444");
	talk_begin(&w, 2);
	talk_end(&w, 2);
	closes(ROOT, 444, "api.example.com", false);
	ticks(2000);
	trace_end(w.trace, w.now);
	assert_tree(&w, "invoke_agent agent [0-2000]\n"
			"  chat m [0-0] by process\n"
			"  chat m [0-0] by process\n");
}

static void names_and_services_of_the_system_are_noise(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	connects(ROOT, 53, 0);
	connects(ROOT, 53, -ECONNREFUSED);
	ev_connect(&w.ev, ROOT, 0, -ENOENT);
	w.ev.connect.family = 1;
	snprintf(w.ev.connect.path, sizeof(w.ev.connect.path), "/var/run/nscd/socket");
	feed(&w, &w.ev.hdr);
	ev_connect(&w.ev, ROOT, 0, 0);
	w.ev.connect.family = 16; /* netlink */
	feed(&w, &w.ev.hdr);
	ev_connect(&w.ev, ROOT, 0, 0);
	w.ev.connect.family = 1;
	snprintf(w.ev.connect.path, sizeof(w.ev.connect.path), "/var/run/docker.sock");
	feed(&w, &w.ev.hdr);
	trace_end(w.trace, w.now);
	assert_tree(&w, "invoke_agent agent [0-0]\n"
			"  /var/run/docker.sock [0-0] by process\n");
	assert_true(has_attr(span_named(&w, "invoke_agent", 0), "sonde.run.system_connections=4"));
}

static void requests_that_are_no_steps_say_to_whom(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	connects(ROOT, 80, 0);
	asks_http(ROOT, 80, "updates.example");
	closes(ROOT, 80, "", true);
	ticks(900);
	assert_int_equal(w.n_spans, 1); /* it may turn out to be one */
	ticks(1100);
	assert_true(
		has_attr(span_named(&w, "updates.example:80", 0), "sonde.network.http_requests=1"));
}

static void many_peers_are_counted(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", "{\"content\":\"off\"}"); /* spans are not looked at */
	for (int i = 0; i < RUN_NETWORK_MAX + 10; i++)
		connects(ROOT, (__u16)(1000 + i), -ECONNREFUSED);
	ticks(100);
	world_json(&w, SONDE_EV_CONFIG, 0, "{\"content\":\"full\"}");
	world_exit(&w, ROOT, 0, 0);
	assert_true(has_attr(span_named(&w, "invoke_agent", 0), "sonde.run.steps_not_kept=10"));
}

static void refused_memory_is_survived(void **state)
{
	bool more = true;

	(void)state;
	for (long n = 1; more; n++) {
		world_end(&w);
		assert_int_equal(world_begin(&w), 0);
		begin_with_tool("/usr/bin/agent", "{\"url\":\"http://localhost:81/x\"}");
		alloc_refuse(n);
		connects(ROOT, 81, -ECONNREFUSED);
		connects(ROOT, 80, 0);
		asks_http(ROOT, 80, "updates.example");
		closes(ROOT, 80, "x", true);
		ticks(2000);
		more = alloc_allow();
		trace_end(w.trace, w.now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_tools_program_connects_to_is_the_tools),
		TEST(the_address_that_a_call_asks_for_is_its_own),
		TEST(an_attempt_that_is_not_waited_for_is_one_attempt),
		TEST(what_comes_about_at_the_second_try_is_no_error),
		TEST(errors_of_many_kinds_are_bounded),
		TEST(connections_of_steps_are_no_steps),
		TEST(names_and_services_of_the_system_are_noise),
		TEST(requests_that_are_no_steps_say_to_whom),
		TEST(many_peers_are_counted),
		TEST(refused_memory_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
