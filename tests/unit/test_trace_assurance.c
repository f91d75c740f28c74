/* SPDX-License-Identifier: BSD-2-Clause */
/* What a run was held to: sandboxes of its programs, egress rules, refusals. */
#include <arpa/inet.h>
#include <errno.h>

#include "trace_world.h"

#define RULES(list) "{\"egress\":[" list "]}"

static void connects(unsigned pid, const char *addr, __u16 port, int result)
{
	ev_begin(&w.ev, SONDE_EV_CONNECT, pid, sizeof(w.ev.connect));
	w.ev.connect.family = AF_INET;
	w.ev.connect.port = port;
	w.ev.connect.result = result;
	assert_int_equal(inet_pton(AF_INET, addr, w.ev.connect.addr), 1);
	feed(&w, &w.ev.hdr);
}

/* The connection is over; the client has said whom it wants. */
static void closes(unsigned pid, const char *addr, __u16 port, const char *name)
{
	struct connection conn = { .id = 9,
				   .process = { .tgid = pid, .start_ns = pid * 1000ull },
				   .source = SONDE_SOURCE_TCP,
				   .flags = SONDE_CONN_CLIENT | SONDE_CONN_TLS,
				   .family = AF_INET,
				   .remote_port = port };

	assert_int_equal(inet_pton(AF_INET, addr, conn.remote_addr), 1);
	snprintf(conn.server_name, sizeof(conn.server_name), "%s", name);
	trace_connection(w.trace, &conn, false);
}

static void seen(unsigned pid, const char *sandbox)
{
	char json[512];

	snprintf(json, sizeof(json), "{\"uid\":7,\"sandbox\":{%s}}", sandbox);
	world_json(&w, SONDE_EV_PROC, pid, json);
}

static void ends(void)
{
	world_exit(&w, ROOT, 0, 0);
	trace_end(w.trace, w.now);
}

#define FREE                                                                                 \
	"\"seccomp\":0,\"no_new_privs\":false,\"caps\":\"0\",\"namespaces\":[],\"read_only_" \
	"root\":false"
#define CLOSED                                                                                  \
	"\"seccomp\":2,\"no_new_privs\":true,\"caps\":\"0\",\"namespaces\":[\"user\",\"net\"]," \
	"\"read_only_root\":true"

static void a_run_tells_what_its_root_may_do(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	seen(ROOT, "\"seccomp\":0,\"no_new_privs\":false,\"caps\":\"000001ffffffffff\","
		   "\"namespaces\":[]");
	ends();
	assert_string_equal(w.assurance,
			    "{\"sandbox\":{\"seccomp\":\"none\",\"no_new_privs\":false,"
			    "\"capabilities\":\"all\",\"namespaces\":[],\"read_only_root\":false,"
			    "\"uid\":7}}");
	assert_true(has_attr(span_named(&w, "invoke_agent", 0), "sonde.sandbox.capabilities=all"));
}

static void only_programs_that_differ_from_who_started_them_tell_theirs(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	seen(ROOT, FREE);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh");
	seen(101, FREE);
	world_fork(&w, 101, 102);
	EXEC(&w, 102, "/usr/bin/bwrap", "bwrap"); /* gone before it was looked at */
	world_fork(&w, 102, 103);
	EXEC(&w, 103, "/usr/bin/make", "make");
	seen(103, CLOSED);
	world_fork(&w, 103, 104);
	EXEC(&w, 104, "/usr/bin/cc", "cc");
	seen(104, CLOSED);
	ends();
	assert_string_equal(attr_of(span_named(&w, "sh", 0), "sonde.sandbox."), "none");
	assert_string_equal(attr_of(span_named(&w, "cc", 0), "sonde.sandbox."), "none");
	assert_true(has_attr(span_named(&w, "make", 0), "sonde.sandbox.seccomp=filter"));
	assert_true(has_attr(span_named(&w, "make", 0), "sonde.sandbox.no_new_privs=1"));
	assert_true(has_attr(span_named(&w, "make", 0), "sonde.sandbox.capabilities=none"));
	assert_true(
		has_attr(span_named(&w, "make", 0), "sonde.sandbox.namespaces=[\"user\",\"net\"]"));
	assert_true(has_attr(span_named(&w, "make", 0), "sonde.sandbox.read_only_root=1"));
	assert_non_null(strstr(w.assurance, "\"confined_programs\":1"));
}

static void an_agent_that_something_else_starts_counts_for_the_run(void **state)
{
	(void)state;
	world_scope(&w, "/bin/sh", NULL);
	seen(ROOT, FREE);
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/usr/bin/claude", "claude");
	seen(101, CLOSED);
	ends();
	assert_non_null(strstr(w.assurance, "\"sandbox\":{\"seccomp\":\"filter\""));
	assert_true(
		has_attr(span_named(&w, "invoke_agent claude", 0), "sonde.sandbox.seccomp=filter"));
}

static void what_is_not_known_is_not_told(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	world_json(&w, SONDE_EV_PROC, ROOT, "{\"uid\":7,\"sandbox\":{}}");
	ends();
	assert_string_equal(w.assurance, "");
	assert_string_equal(attr_of(span_named(&w, "invoke_agent", 0), "sonde.sandbox."), "none");
}

static void connections_are_judged_by_name_once_it_is_known(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", RULES("\"allow .good.example\",\"deny *\""));
	connects(ROOT, "192.0.2.1", 443, 0);
	connects(ROOT, "192.0.2.2", 443, -EINPROGRESS);
	connects(ROOT, "192.0.2.2", 443, 0);
	connects(ROOT, "192.0.2.2", 443, 0);
	connects(ROOT, "192.0.2.3", 443, 0);
	closes(ROOT, "192.0.2.1", 443, "api.good.example");
	closes(ROOT, "192.0.2.2", 443, "bad.example");
	ends();
	assert_string_equal(
		w.assurance,
		"{\"egress\":{\"rules\":2,\"not_allowed\":["
		"{\"peer\":\"bad.example:443\",\"verdict\":\"denied\",\"rule\":\"deny "
		"*\",\"attempts\":2},"
		"{\"peer\":\"192.0.2.3:443\",\"verdict\":\"undecided\",\"attempts\":1}],"
		"\"allowed\":1,\"denied\":1,\"undecided\":1}}");
}

static void two_names_behind_one_address_are_two_peers(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", RULES("\"deny b.example\""));
	connects(ROOT, "192.0.2.1", 443, 0);
	closes(ROOT, "192.0.2.1", 443, "a.example");
	closes(ROOT, "192.0.2.1", 443, "b.example");
	closes(ROOT, "192.0.2.1", 443, "b.example");
	ends();
	assert_non_null(strstr(w.assurance, "\"allowed\":1,\"denied\":1,\"undecided\":0"));
}

static void a_call_tells_the_verdict_on_where_it_went(void **state)
{
	struct talk *k;

	(void)state;
	world_scope(&w, "/usr/bin/agent", RULES("\"deny api.example.com\""));
	k = talk_make(&w, 1, ROOT, "[" USER "]");
	k->conn.family = AF_INET;
	k->conn.remote_port = 443;
	talk_begin(&w, 1);
	talk_say(&w, 1, "hello");
	talk_end(&w, 1);
	ends();
	assert_true(has_attr(span_named(&w, "chat m", 0), "sonde.egress.verdict=denied"));
	assert_true(
		has_attr(span_named(&w, "chat m", 0), "sonde.egress.rule=deny api.example.com"));
	assert_non_null(strstr(w.assurance, "\"peer\":\"api.example.com:443\""));
}

static void peers_are_bounded_and_what_is_left_out_is_counted(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", RULES("\"deny *\""));
	for (unsigned i = 0; i < 300; i++)
		connects(ROOT, "192.0.2.1", (__u16)(1000 + i), 0);
	ends();
	assert_non_null(strstr(w.assurance, "\"denied\":256,\"undecided\":0,\"left_out\":44"));
}

static void what_the_system_refused_is_counted_by_its_error(void **state)
{
	static const struct sonde_file_event refused = { .op = SONDE_FILE_REFUSED,
							 .result = -EACCES };

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	connects(ROOT, "192.0.2.1", 443, -ECONNREFUSED);
	connects(ROOT, "192.0.2.1", 443, -ECONNREFUSED);
	connects(ROOT, "192.0.2.1", 443, -EPERM);
	connects(ROOT, "192.0.2.1", 443, -EINPROGRESS);
	connects(ROOT, "192.0.2.1", 443, 0);
	ev_begin(&w.ev, SONDE_EV_FILE, ROOT, sizeof(refused));
	memcpy(w.ev.bytes + sizeof(w.ev.hdr), (const char *)&refused + sizeof(w.ev.hdr),
	       sizeof(refused) - sizeof(w.ev.hdr));
	feed(&w, &w.ev.hdr);
	ends();
	assert_string_equal(w.assurance,
			    "{\"refused\":{\"connect\":{\"EPERM\":1,\"ECONNREFUSED\":2},"
			    "\"file\":{\"EACCES\":1}}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_tells_what_its_root_may_do),
		TEST(only_programs_that_differ_from_who_started_them_tell_theirs),
		TEST(an_agent_that_something_else_starts_counts_for_the_run),
		TEST(what_is_not_known_is_not_told),
		TEST(connections_are_judged_by_name_once_it_is_known),
		TEST(two_names_behind_one_address_are_two_peers),
		TEST(a_call_tells_the_verdict_on_where_it_went),
		TEST(peers_are_bounded_and_what_is_left_out_is_counted),
		TEST(what_the_system_refused_is_counted_by_its_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
