/* SPDX-License-Identifier: BSD-2-Clause */
/* How runs go and went: each rule of status.c, from events. */
#include <signal.h>

#include "trace_world.h"

#define S 1000 /* ms */

/* A scope as it is under timeout(1), and one as it is not. */
#define PLAIN	""
#define LIMITED ",\"origin\":{\"ancestors\":[{\"comm\":\"sudo\"},{\"comm\":\"timeout\"}]}"

static void begin(const char *program, const char *more, const char *config)
{
	char json[512];

	world_end(&w);
	world_begin(&w);
	if (config)
		world_json(&w, SONDE_EV_CONFIG, 0, config);
	snprintf(json, sizeof(json), "{\"scope\":1,\"argv\":[\"%s\"],\"cwd\":\"/proj\"%s}", program,
		 more);
	world_json(&w, SONDE_EV_SCOPE, ROOT, json);
	feed(&w, ev_exec(&w.ev, ROOT, program, "/proj", slice_of(program)));
	world_fork(&w, ROOT, 101);
}

/* "status (reason)" */
static const char *how(void)
{
	static char text[256];
	const char *end = strstr(w.run, ") agent=");

	snprintf(text, sizeof(text), "%.*s", end ? (int)(end - w.run) + 1 : 0, w.run);
	return text;
}

struct sent {
	int to, signal;
	unsigned sender;
	const char *comm;
	int after_ms;
};

#define SENT(to, signal, sender, comm)      \
	{                                   \
		to, signal, sender, comm, 0 \
	}
#define NOBODY SENT(0, 0, 0, NULL)

static void who_sent_the_signal_says_what_the_end_means(void **state)
{
	static const struct {
		const char *program, *scope;
		struct sent sent[2];
		int code, signal;
		const char *how;
	} cases[] = {
		/* ended by it */
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGINT, 0, "agent") },
		  0,
		  SIGINT,
		  "cancelled (interrupted at the terminal)" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGQUIT, 0, "agent") },
		  0,
		  SIGQUIT,
		  "cancelled (quit at the terminal)" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGHUP, 0, "sshd") },
		  0,
		  SIGHUP,
		  "cancelled (its terminal was closed)" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGKILL, 0, "stress") },
		  0,
		  SIGKILL,
		  "failed (killed by the kernel: out of memory)" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGALRM, 0, "agent") },
		  0,
		  SIGALRM,
		  "timed_out (its timer ran out)" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGXCPU, 0, "agent") },
		  0,
		  SIGXCPU,
		  "timed_out (over its limit of processor time)" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGTERM, 9, "timeout") },
		  0,
		  SIGTERM,
		  "timed_out (SIGTERM from timeout (process 9))" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGTERM, 9, "timeout"), SENT(ROOT, SIGKILL, 9, "timeout") },
		  0,
		  SIGKILL,
		  "timed_out (SIGKILL from timeout (process 9))" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGTERM, 1, "systemd") },
		  0,
		  SIGTERM,
		  "cancelled (stopped by systemd)" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGKILL, 9, "bash") },
		  0,
		  SIGKILL,
		  "cancelled (SIGKILL from bash (process 9))" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGALRM, 9, "bash") },
		  0,
		  SIGALRM,
		  "timed_out (SIGALRM from bash (process 9))" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGTERM, 101, "kill") },
		  0,
		  SIGTERM,
		  "failed (SIGTERM from its own kill (process 101))" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGTERM, 8, "sonde") },
		  0,
		  SIGTERM,
		  "cancelled (SIGTERM from sonde (process 8))" },
		{ "agent",
		  LIMITED,
		  { SENT(ROOT, SIGTERM, 8, "sonde") },
		  0,
		  SIGTERM,
		  "timed_out (SIGTERM from timeout)" },
		/* the launcher passes on what somebody sent to the whole group */
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGTERM, 8, "sonde"), SENT(ROOT, SIGTERM, 9, "timeout") },
		  0,
		  SIGTERM,
		  "timed_out (SIGTERM from timeout (process 9))" },
		/* it put things in order first */
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGTERM, 9, "timeout") },
		  143,
		  0,
		  "timed_out (SIGTERM from timeout (process 9))" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGINT, 0, "agent") },
		  1,
		  0,
		  "cancelled (interrupted at the terminal)" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGTERM, 1, "systemd") },
		  0,
		  0,
		  "cancelled (stopped by systemd)" },
		/* a key that it took for something else */
		{ "agent", PLAIN, { SENT(ROOT, SIGINT, 0, "agent") }, 0, 0, "completed ()" },
		/* its own timer, of which it took care */
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGALRM, 0, "agent") },
		  3,
		  0,
		  "failed (exit status 3)" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGALRM, 0, "agent") },
		  142,
		  0,
		  "timed_out (its timer ran out)" },
		/* long ago, or of another kind */
		{ "agent",
		  PLAIN,
		  { { ROOT, SIGTERM, 9, "bash", 11 * S } },
		  3,
		  0,
		  "failed (exit status 3)" },
		{ "agent",
		  PLAIN,
		  { SENT(ROOT, SIGTERM, 9, "bash") },
		  0,
		  SIGSEGV,
		  "failed (it crashed: SIGSEGV)" },
		{ "agent", PLAIN, { SENT(ROOT, SIGSTOP, 9, "bash") }, 0, 0, "completed ()" },
		/* timeout inside of what is traced */
		{ "timeout",
		  PLAIN,
		  { SENT(101, SIGTERM, ROOT, "timeout") },
		  124,
		  0,
		  "timed_out (exit status 124)" },
		{ "/bin/sh",
		  PLAIN,
		  { SENT(101, SIGTERM, 102, "timeout") },
		  124,
		  0,
		  "timed_out (exit status 124)" },
		{ "timeout",
		  PLAIN,
		  { SENT(101, SIGKILL, ROOT, "timeout") },
		  137,
		  0,
		  "timed_out (exit status 137)" },
		{ "timeout",
		  PLAIN,
		  { SENT(101, SIGKILL, ROOT, "timeout") },
		  0,
		  SIGKILL,
		  "timed_out (timeout had to send SIGKILL)" },
		{ "agent",
		  PLAIN,
		  { SENT(101, SIGTERM, 102, "timeout") },
		  1,
		  0,
		  "failed (exit status 1)" },
		/* nobody was seen to send any */
		{ "agent", PLAIN, { NOBODY }, 0, SIGABRT, "failed (it crashed: SIGABRT)" },
		{ "agent",
		  PLAIN,
		  { NOBODY },
		  0,
		  SIGSYS,
		  "failed (a system call was refused: SIGSYS)" },
		{ "agent",
		  PLAIN,
		  { NOBODY },
		  0,
		  SIGPIPE,
		  "failed (nobody read its output: SIGPIPE)" },
		{ "agent", PLAIN, { NOBODY }, 0, SIGKILL, "failed (SIGKILL)" },
		{ "agent", PLAIN, { NOBODY }, 0, SIGINT, "cancelled (SIGINT)" },
		{ "agent", PLAIN, { NOBODY }, 0, 64, "failed (signal 64)" },
		{ "agent", PLAIN, { NOBODY }, 129, 0, "cancelled (exit status 129)" },
		{ "agent", PLAIN, { NOBODY }, 124, 0, "failed (exit status 124)" },
		{ "agent", PLAIN, { NOBODY }, 0, 0, "completed ()" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int after = 10;

		begin(cases[i].program, cases[i].scope, NULL);
		for (size_t k = 0; k < 2 && cases[i].sent[k].to; k++) {
			const struct sent *s = &cases[i].sent[k];

			feed(&w, ev_signal(&w.ev, (unsigned)s->to, s->signal, s->sender, s->comm));
			after += s->after_ms;
		}
		at(&w, (uint64_t)after);
		world_exit(&w, ROOT, cases[i].code, cases[i].signal);
		trace_end(w.trace, w.now);
		assert_string_equal(how(), cases[i].how);
	}
}

static void of_many_signals_the_newest_are_remembered(void **state)
{
	(void)state;
	begin("agent", PLAIN, NULL);
	for (unsigned i = 0; i < 100; i++)
		feed(&w, ev_signal(&w.ev, ROOT, SIGTERM, 200 + i, "bash"));
	world_exit(&w, ROOT, 0, SIGTERM);
	assert_string_equal(how(), "cancelled (SIGTERM from bash (process 292))");
}

/* --- the configured maximum --- */

static void a_run_that_takes_too_long_has_timed_out_and_goes_on(void **state)
{
	(void)state;
	begin("agent", PLAIN, "{\"max_run_time_s\":60}");
	at(&w, 60 * S);
	tick(&w);
	assert_int_equal(w.run_status, RUN_RUNNING);
	at(&w, 60 * S + 100);
	tick(&w);
	assert_string_equal(how(), "timed_out (it took longer than 60 s)");
	at(&w, 70 * S);
	world_exit(&w, ROOT, 0, 0);
	trace_end(w.trace, w.now);
	assert_string_equal(how(), "timed_out (it took longer than 60 s)");
}

static void a_run_that_ends_in_time_has_not(void **state)
{
	(void)state;
	begin("agent", PLAIN, "{\"max_run_time_s\":60}");
	at(&w, 60 * S);
	world_exit(&w, ROOT, 0, 0);
	at(&w, 200 * S);
	trace_end(w.trace, w.now);
	assert_string_equal(how(), "completed ()");
}

/* --- waiting for somebody --- */

#define WAITS(pid, ends) feed(&w, ev_wait(&w.ev, pid, SONDE_WAIT_TERMINAL, ends))

static void seconds_later(uint64_t s)
{
	w.now += s * S * MS;
	tick(&w);
}

static void an_agent_that_has_answered_and_reads_the_terminal_is_paused(void **state)
{
	(void)state;
	begin("agent", PLAIN, NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_say(&w, 1, "which file?");
	WAITS(ROOT, 0); /* the answer still comes */
	seconds_later(2);
	assert_int_equal(w.run_status, RUN_RUNNING);
	talk_end(&w, 1);
	seconds_later(2);
	assert_string_equal(how(), "paused (it waits for input from the terminal)");
	WAITS(ROOT, 1);
	seconds_later(2);
	assert_int_equal(w.run_status, RUN_RUNNING);
	WAITS(ROOT, 0);
	seconds_later(2);
	assert_int_equal(w.run_status, RUN_PAUSED);
	world_exit(&w, ROOT, 0, 0);
	assert_int_equal(w.run_status, RUN_COMPLETED);
}

/* What stands on the root's span. */
static bool root_tells(const char *what)
{
	for (size_t i = 0; i < w.n_spans; i++)
		if (strstr(w.spans[i].attrs, what))
			return true;
	return false;
}

static void pauses_and_signals_are_told_with_their_times(void **state)
{
	(void)state;
	begin("agent", PLAIN, NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	WAITS(ROOT, 0); /* a screen that is drawn is no pause while the model answers */
	seconds_later(2);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"make test\"}");
	talk_end(&w, 1); /* may it? */
	seconds_later(5);
	WAITS(ROOT, 1);
	seconds_later(1);
	feed(&w, ev_signal(&w.ev, ROOT, SIGTERM, 77, "bash"));
	world_exit(&w, ROOT, 0, 0);
	seconds_later(3);
	assert_true(root_tells("pause 2000000001 7000000001 the terminal"));
	assert_true(root_tells("signal 8000000001 8000000001 SIGTERM from bash (process 77)"));
}

static void asked_to_stop(const char *who)
{
	char json[96];

	snprintf(json, sizeof(json), "{\"act\":\"stop\",\"uid\":1000,\"user\":\"%s\"}", who);
	world_json(&w, SONDE_EV_ACT, ROOT, json);
}

static void who_has_had_it_stopped_is_named(void **state)
{
	static const int ends[][2] = { { 0, SIGTERM }, { 143, 0 }, { 0, 0 }, { 0, SIGKILL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		begin("agent", PLAIN, NULL);
		asked_to_stop("ada");
		feed(&w, ev_signal(&w.ev, ROOT, SIGTERM, 9, "sonde-prober"));
		if (ends[i][1] == SIGKILL)
			feed(&w, ev_signal(&w.ev, ROOT, SIGKILL, 9, "sonde-prober"));
		world_exit(&w, ROOT, ends[i][0], ends[i][1]);
		assert_string_equal(how(), "cancelled (stopped by ada through sonde)");
		assert_true(root_tells("SIGTERM: stopped by ada through sonde"));
	}
	/* Whoever calls itself that was not asked for anything. */
	begin("agent", PLAIN, NULL);
	feed(&w, ev_signal(&w.ev, ROOT, SIGTERM, 9, "sonde-prober"));
	world_exit(&w, ROOT, 0, SIGTERM);
	assert_string_equal(how(), "cancelled (SIGTERM from sonde-prober (process 9))");
	/* It went on regardless, and ended well long after. */
	begin("agent", PLAIN, NULL);
	asked_to_stop("ada");
	feed(&w, ev_signal(&w.ev, ROOT, SIGTERM, 9, "sonde-prober"));
	seconds_later(60);
	world_exit(&w, ROOT, 0, 0);
	assert_string_equal(how(), "completed ()");
}

static void an_agent_whose_tool_runs_is_not_paused(void **state)
{
	(void)state;
	begin("agent", PLAIN, NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"make test\"}");
	talk_end(&w, 1);
	WAITS(ROOT, 0); /* may it? */
	seconds_later(2);
	assert_int_equal(w.run_status, RUN_PAUSED);
	world_fork(&w, ROOT, 102);
	EXEC(&w, 102, "/bin/sh", "sh\0-c\0make test");
	seconds_later(2);
	assert_int_equal(w.run_status, RUN_RUNNING);
	WAITS(102, 0); /* what a tool reads is not for the agent */
	WAITS(ROOT, 1);
	world_exit(&w, 102, 0, 0);
	seconds_later(2);
	assert_int_equal(w.run_status, RUN_RUNNING);
}

static void who_has_gone_waits_no_more(void **state)
{
	(void)state;
	begin("/bin/sh", PLAIN, NULL);
	EXEC(&w, 101, "/usr/bin/cat", "cat");
	feed(&w, ev_wait(&w.ev, 101, SONDE_WAIT_PIPE, 0));
	seconds_later(2);
	assert_string_equal(how(), "paused (it waits for input from a pipe)");
	world_exit(&w, 101, 0, 0);
	seconds_later(2);
	assert_int_equal(w.run_status, RUN_RUNNING);
}

static void the_last_call_decides_only_where_the_program_says_nothing(void **state)
{
	static const struct {
		int last, code;
		const char *how;
	} cases[] = {
		{ 200, 0, "completed ()" },
		{ 500, 0, "failed (the last model call failed: 500)" },
		{ 500, 7, "failed (exit status 7)" },
		{ 200, 7, "failed (exit status 7)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin("agent", PLAIN, NULL);
		talk_ask(&w, 1, ROOT, "[" USER "]");
		talk_fail(&w, 1, cases[i].last, "");
		world_exit(&w, ROOT, cases[i].code, 0);
		assert_string_equal(how(), cases[i].how);
	}
}

/* The number of its process is another one's: it must have ended, whatever was told. */
static void a_run_whose_end_was_lost_does_not_last_for_ever(void **state)
{
	(void)state;
	begin("agent", PLAIN, NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_say(&w, 1, "done");
	talk_end(&w, 1);
	world_exit(&w, 101, 0, 0);
	at(&w, 60 * S);
	ev_exec(&w.ev, ROOT, "/bin/other", "/", SLICE("other"));
	w.ev.hdr.start_ns = 7;
	feed(&w, &w.ev.hdr);
	at(&w, 61 * S);
	tick(&w);
	assert_int_equal(w.run_status, RUN_RUNNING);
	at(&w, 63 * S);
	tick(&w);
	assert_string_equal(how(), "incomplete (the command's end was lost)");
}

/* Those that were heard of last stay. */
static void a_tree_more_than_are_kept_pushes_out_the_quietest(void **state)
{
	char json[64];

	(void)state;
	begin("agent", PLAIN, NULL);
	for (unsigned i = 2; i <= 1024; i++) {
		snprintf(json, sizeof(json), "{\"scope\":%u,\"argv\":[\"other\"]}", i);
		world_json(&w, SONDE_EV_SCOPE, 1000 + i, json);
		memset(w.spans, 0, w.n_spans * sizeof(w.spans[0])); /* room for the next one's */
		w.n_spans = 0;
	}
	at(&w, 1 * S);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	w.n_seen_runs = 0;
	world_json(&w, SONDE_EV_SCOPE, 9000, "{\"scope\":9000,\"argv\":[\"new\"]}");
	assert_int_equal(w.n_seen_runs, 2);
	assert_string_equal(w.runs[0].reason,
			    "too much else was traced since it was last heard of");
	assert_string_equal(w.runs[1].agent, "new");
	assert_int_equal(w.runs[1].status, RUN_RUNNING);
	talk_say(&w, 1, "done");
	talk_end(&w, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_sent_the_signal_says_what_the_end_means),
		TEST(of_many_signals_the_newest_are_remembered),
		TEST(a_run_that_takes_too_long_has_timed_out_and_goes_on),
		TEST(a_run_that_ends_in_time_has_not),
		TEST(an_agent_that_has_answered_and_reads_the_terminal_is_paused),
		TEST(pauses_and_signals_are_told_with_their_times),
		TEST(who_has_had_it_stopped_is_named),
		TEST(an_agent_whose_tool_runs_is_not_paused),
		TEST(who_has_gone_waits_no_more),
		TEST(a_run_whose_end_was_lost_does_not_last_for_ever),
		TEST(a_tree_more_than_are_kept_pushes_out_the_quietest),
		TEST(the_last_call_decides_only_where_the_program_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
