/* SPDX-License-Identifier: BSD-2-Clause */
/* Scopes that a daemon has found: what becomes a run, where that begins, what leaves nothing. */
#include "trace_world.h"

#define SCOPE_OF(n)                                                                    \
	"{\"scope\":" #n ",\"kind\":\"host\",\"tentative\":true,\"owner\":\"daemon\"," \
	"\"joined\":false,\"argv\":[\"sh\",\"job.sh\"],\"cwd\":\"/srv\",\"uid\":7,"    \
	"\"user\":\"eve\",\"origin\":{\"ancestors\":[{\"comm\":\"cron\",\"argv\":[\"cron\"]}]}}"

static void begin(void)
{
	world_json(&w, SONDE_EV_HOST, 0, "{\"boot_id\":\"b\",\"hostname\":\"h\"}");
	feed(&w, ev_plain(&w.ev, SONDE_EV_TICK, 0));
}

static void found(__u32 pid, __u32 scope, __u32 rule)
{
	feed(&w, ev_found(&w.ev, pid, scope, rule));
}

static void fork_in(__u32 parent, __u32 child, __u32 scope)
{
	struct sonde_event *e = ev_fork(&w.ev, parent, child);

	w.ev.fork.scope = scope;
	feed(&w, e);
}

/* A shell script that cron has started, as scope 5. */
static void a_script(void)
{
	begin();
	found(200, 5, SONDE_FOUND_PLACE);
	EXEC(&w, 200, "/bin/sh", "sh\0job.sh");
	world_json(&w, SONDE_EV_SCOPE, 200, SCOPE_OF(5));
}

static void call(unsigned i, __u32 pid)
{
	talk_ask(&w, i, pid, "[" USER "]");
	talk_say(&w, i, "hello");
	talk_end(&w, i);
}

static void what_calls_no_model_leaves_nothing(void **state)
{
	(void)state;
	a_script();
	for (__u32 pid = 300; pid < 340; pid++) {
		fork_in(200, pid, 5);
		EXEC(&w, pid, "/bin/ls", "ls");
		world_exit(&w, pid, 0, 0);
	}
	world_exit(&w, 200, 0, 0);
	at(&w, 5000);
	tick(&w);
	assert_int_equal(w.n_runs, 0);
	assert_int_equal(w.n_spans, 0);
	assert_int_equal(w.stats.n[STAT_TRACE_TREES], 1);
	assert_int_equal(w.stats.n[STAT_TRACE_BECAME_RUN], 0);
	assert_int_equal(w.stats.n[STAT_TRACE_NO_RUN], 0);
}

static void a_run_begins_at_the_process_that_calls(void **state)
{
	(void)state;
	a_script();
	fork_in(200, 201, 5);
	EXEC(&w, 201, "/bin/ls", "ls");
	world_exit(&w, 201, 0, 0);
	at(&w, 10);
	fork_in(200, 202, 5);
	EXEC(&w, 202, "/usr/bin/python3", "python3\0ask.py");
	fork_in(202, 203, 5);
	EXEC(&w, 203, "/bin/cat", "cat");
	at(&w, 20);
	call(1, 202);
	at(&w, 30);
	world_exit(&w, 203, 0, 0);
	world_exit(&w, 202, 0, 0);
	at(&w, 3000);
	tick(&w);
	assert_tree(&w, "invoke_agent python3 [10-30]\n"
			"  cat [10-30] by process\n"
			"  chat m [20-20] by process\n");
	assert_non_null(strstr(w.run, "completed"));
	assert_non_null(strstr(w.run, "command=python3 ask.py"));
	assert_string_equal(w.began, "cron|sh job.sh|sh job.sh");
	/* The script goes on, and what it starts next is another run. */
	at(&w, 4000);
	fork_in(200, 204, 5);
	EXEC(&w, 204, "/usr/bin/python3", "python3\0again.py");
	call(2, 204);
	assert_int_equal(w.n_seen_runs, 2);
	assert_int_equal(w.stats.n[STAT_TRACE_BECAME_RUN], 2);
}

static void a_child_without_a_program_is_its_parent(void **state)
{
	(void)state;
	a_script();
	fork_in(200, 201, 5);
	EXEC(&w, 201, "/usr/bin/python3", "python3\0pool.py");
	fork_in(201, 202, 5);
	call(1, 202);
	assert_non_null(strstr(w.run, "command=python3 pool.py"));
	world_exit(&w, 202, 0, 0);
	at(&w, 3000);
	tick(&w);
	assert_int_equal(w.run_status, RUN_RUNNING);
}

static void a_known_agent_is_a_run_from_its_program_on(void **state)
{
	(void)state;
	begin();
	found(200, 5, SONDE_FOUND_PLACE);
	/* SCOPE is late: by then the run has begun. */
	EXEC(&w, 200, "/usr/local/bin/claude", "claude\0-p\0hi");
	assert_int_equal(w.n_seen_runs, 1);
	world_json(&w, SONDE_EV_SCOPE, 200, SCOPE_OF(5));
	fork_in(200, 201, 5);
	EXEC(&w, 201, "/bin/bash", "bash\0-c\0ls");
	world_exit(&w, 201, 0, 0);
	world_exit(&w, 200, 0, 0);
	at(&w, 3000);
	tick(&w);
	assert_int_equal(w.n_seen_runs, 1);
	assert_tree(&w, "invoke_agent claude-code [0-0]\n  bash [0-0] by process\n");
	assert_non_null(strstr(w.began, "cron|"));
}

static void an_agent_that_starts_another_keeps_it(void **state)
{
	(void)state;
	a_script();
	fork_in(200, 201, 5);
	EXEC(&w, 201, "/usr/local/bin/claude", "claude\0-p\0hi");
	fork_in(201, 202, 5);
	EXEC(&w, 202, "/usr/local/bin/codex", "codex\0exec\0x");
	call(1, 202);
	assert_int_equal(w.n_seen_runs, 1);
	assert_string_equal(w.runs[0].agent, "claude-code");
}

static void what_was_named_is_a_run_at_once(void **state)
{
	(void)state;
	begin();
	found(200, 6, SONDE_FOUND_PROGRAM);
	EXEC(&w, 200, "/srv/tool", "tool\0x");
	fork_in(200, 201, 6);
	EXEC(&w, 201, "/bin/cat", "cat");
	assert_int_equal(w.n_seen_runs, 1);
	at(&w, 1);
	world_json(&w, SONDE_EV_SCOPE, 200,
		   "{\"scope\":6,\"kind\":\"program\",\"owner\":\"daemon\",\"joined\":false,"
		   "\"argv\":[\"tool\",\"x\"],\"uid\":7}");
	world_exit(&w, 201, 0, 0);
	world_exit(&w, 200, 3, 0);
	at(&w, 3000);
	tick(&w);
	assert_tree(&w, "invoke_agent tool [0-1] ERROR _OTHER\n  cat [0-1] by process\n");
	assert_int_equal(w.n_seen_runs, 1);
	assert_int_equal(w.run_status, RUN_FAILED);
	assert_non_null(strstr(w.run, "command=tool x"));
}

static void two_at_once_do_not_mix(void **state)
{
	(void)state;
	begin();
	for (__u32 pid = 200; pid < 202; pid++) {
		found(pid, pid, SONDE_FOUND_PLACE);
		EXEC(&w, pid, "/usr/bin/python3", "python3\0a.py");
	}
	call(1, 200);
	call(2, 201);
	call(3, 200);
	at(&w, 2000);
	tick(&w);
	assert_int_equal(w.n_seen_runs, 2);
	assert_int_equal(w.runs[0].calls, 2);
	assert_int_equal(w.runs[1].calls, 1);
	/* A process of no scope at all is nobody's. */
	talk_ask(&w, 4, 999, "[" USER "]");
	talk_end(&w, 4);
	assert_int_equal(w.n_seen_runs, 2);
}

static void another_sonde_takes_over_a_part(void **state)
{
	(void)state;
	begin();
	found(200, 5, SONDE_FOUND_PLACE);
	EXEC(&w, 200, "/usr/local/bin/claude", "claude");
	fork_in(200, 201, 5);
	EXEC(&w, 201, "/usr/bin/sonde", "sonde\0run\0--\0codex");
	at(&w, 5);
	feed(&w, ev_left(&w.ev, 201, SONDE_LEFT_SONDE));
	assert_tree(&w, "invoke_agent claude-code [0-] open\n  sonde [0-5] by process\n");
	assert_true(has_attr(span_named(&w, "sonde", 0), "sonde.traced_by=sonde"));
	world_exit(&w, 200, 0, 0);
	at(&w, 3000);
	tick(&w);
	assert_int_equal(w.run_status, RUN_COMPLETED);
	assert_null(strstr(w.run, "ran on"));
}

static void what_is_left_ends_its_run(void **state)
{
	(void)state;
	begin();
	found(200, 5, SONDE_FOUND_PLACE);
	EXEC(&w, 200, "/usr/local/bin/claude", "claude");
	at(&w, 5);
	feed(&w, ev_left(&w.ev, 200, SONDE_LEFT_RULES));
	at(&w, 3000);
	tick(&w);
	assert_int_equal(w.run_status, RUN_INCOMPLETE);
	/* Let in again by other rules: the same run. */
	found(200, 7, SONDE_FOUND_PLACE);
	EXEC(&w, 200, "/usr/local/bin/claude", "claude");
	assert_int_equal(w.n_seen_runs, 1);
	assert_int_equal(w.run_status, RUN_RUNNING);
}

static void what_was_not_seen_is_said(void **state)
{
	(void)state;
	a_script();
	at(&w, 5000);
	call(1, 200);
	assert_non_null(strstr(w.run, "known to be an agent 5.0 s after it began"));
	found(300, 8, SONDE_FOUND_PROGRAM);
	world_json(&w, SONDE_EV_SCOPE, 300,
		   "{\"scope\":8,\"kind\":\"program\",\"owner\":\"daemon\",\"joined\":false,"
		   "\"late_ms\":12,\"argv\":[\"tool\"],\"uid\":7}");
	assert_non_null(strstr(w.run, "found 12 ms after it began"));
	/* Of files that others have mapped nobody else hears. */
	world_json(&w, SONDE_EV_ATTACH, 200,
		   "{\"file\":\"/srv/secret.so\",\"ok\":true,\"late_ms\":7}");
	at(&w, 7000);
	tick(&w);
	assert_null(strstr(w.run, "secret.so"));
}

static void ten_thousand_scopes_leave_no_memory(void **state)
{
	char scope[256];

	(void)state;
	begin();
	for (__u32 pid = 1000; pid < 41000; pid++) {
		at(&w, pid);
		snprintf(scope, sizeof(scope),
			 "{\"scope\":%u,\"tentative\":true,\"owner\":\"daemon\"}", pid);
		found(pid, pid, SONDE_FOUND_PLACE);
		EXEC(&w, pid, "/bin/true", "true");
		world_json(&w, SONDE_EV_SCOPE, pid, scope);
		world_exit(&w, pid, 0, 0);
		if (pid % 100 == 0)
			tick(&w);
	}
	at(&w, 100000);
	tick(&w);
	assert_int_equal(w.n_runs, 0);
	assert_int_equal(w.stats.n[STAT_TRACE_TREES], 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_calls_no_model_leaves_nothing),
		TEST(a_run_begins_at_the_process_that_calls),
		TEST(a_child_without_a_program_is_its_parent),
		TEST(a_known_agent_is_a_run_from_its_program_on),
		TEST(an_agent_that_starts_another_keeps_it),
		TEST(what_was_named_is_a_run_at_once),
		TEST(two_at_once_do_not_mix),
		TEST(another_sonde_takes_over_a_part),
		TEST(what_is_left_ends_its_run),
		TEST(what_was_not_seen_is_said),
		TEST(ten_thousand_scopes_leave_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
