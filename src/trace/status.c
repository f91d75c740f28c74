/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a run goes and went, from events alone; decided anew whenever they say more. The rules, the
 * first that applies:
 *
 *	over the configured time	timed out
 *	its end was not seen		running, paused, or incomplete where nothing more can come
 *	it was ended by a signal	who sent it says what that means
 *	it ended after a signal		the same, but by its exit status where that says good
 *	by its exit status		failed, or what shells and timeout(1) mean by it
 *	its last model call failed	failed, though its exit status says good
 */
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"
#include "trace/happened.h"
#include "trace/state.h"

__attribute__((format(printf, 3, 4))) static enum run_status
is(struct run_state *r, enum run_status status, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	vsnprintf(r->reason, sizeof(r->reason), why, ap);
	va_end(ap);
	return status;
}

/* --- signals --- */

/* Whoever sent them. */
static const struct ending {
	int signal;
	enum run_status status;
	const char *name, *says; /* says: more than the name */
} endings[] = {
	{ SIGINT, RUN_CANCELLED, "SIGINT", NULL },
	{ SIGTERM, RUN_CANCELLED, "SIGTERM", NULL },
	{ SIGHUP, RUN_CANCELLED, "SIGHUP", NULL },
	{ SIGALRM, RUN_TIMED_OUT, "SIGALRM", NULL },
	{ SIGXCPU, RUN_TIMED_OUT, "SIGXCPU", NULL },
	{ SIGQUIT, RUN_FAILED, "SIGQUIT", NULL },
	{ SIGKILL, RUN_FAILED, "SIGKILL", NULL },
	{ SIGUSR1, RUN_FAILED, "SIGUSR1", NULL },
	{ SIGSEGV, RUN_FAILED, "SIGSEGV", "it crashed: SIGSEGV" },
	{ SIGABRT, RUN_FAILED, "SIGABRT", "it crashed: SIGABRT" },
	{ SIGBUS, RUN_FAILED, "SIGBUS", "it crashed: SIGBUS" },
	{ SIGILL, RUN_FAILED, "SIGILL", "it crashed: SIGILL" },
	{ SIGFPE, RUN_FAILED, "SIGFPE", "it crashed: SIGFPE" },
	{ SIGTRAP, RUN_FAILED, "SIGTRAP", "it crashed: SIGTRAP" },
	{ SIGSYS, RUN_FAILED, "SIGSYS", "a system call was refused: SIGSYS" },
	{ SIGPIPE, RUN_FAILED, "SIGPIPE", "nobody read its output: SIGPIPE" },
};

static const struct ending *ending_of(int signal)
{
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (endings[i].signal == signal)
			return &endings[i];
	return NULL;
}

/* What it means that just this one sent it. */
static const struct meaning {
	enum sender by;
	int signal; /* 0: any */
	enum run_status status;
	const char *says; /* NULL: the signal and who sent it */
} meanings[] = {
	{ SENT_BY_KERNEL, SIGINT, RUN_CANCELLED, "interrupted at the terminal" },
	{ SENT_BY_KERNEL, SIGQUIT, RUN_CANCELLED, "quit at the terminal" },
	{ SENT_BY_KERNEL, SIGHUP, RUN_CANCELLED, "its terminal was closed" },
	/* Also what is left of a container when its first process ends; rarely the root's fate. */
	{ SENT_BY_KERNEL, SIGKILL, RUN_FAILED, "killed by the kernel: out of memory" },
	{ SENT_BY_KERNEL, SIGALRM, RUN_TIMED_OUT, "its timer ran out" },
	{ SENT_BY_KERNEL, SIGXCPU, RUN_TIMED_OUT, "over its limit of processor time" },
	{ SENT_BY_TIMEOUT, 0, RUN_TIMED_OUT, NULL },
	{ SENT_BY_SYSTEMD, 0, RUN_CANCELLED, "stopped by systemd" },
	{ SENT_BY_ASKED, 0, RUN_CANCELLED, NULL },
	{ SENT_BY_OWN, 0, RUN_FAILED, NULL },
	{ SENT_BY_SONDE, SIGALRM, RUN_TIMED_OUT, NULL },
	{ SENT_BY_SONDE, 0, RUN_CANCELLED, NULL },
	{ SENT_BY_OTHER, SIGALRM, RUN_TIMED_OUT, NULL },
	{ SENT_BY_OTHER, 0, RUN_CANCELLED, NULL },
};

static const struct meaning *meaning_of(const struct sent_signal *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].by == s->by &&
		    (!meanings[i].signal || meanings[i].signal == s->signal))
			return &meanings[i];
	return NULL;
}

/* 0 where nothing is known of such a signal. */
static enum run_status by_sender(struct run_state *r, const struct sent_signal *s)
{
	const struct meaning *m = s ? meaning_of(s) : NULL;
	const struct ending *end = s ? ending_of(s->signal) : NULL;

	if (!m || !end)
		return 0;
	/* Only the launcher was sent it, by the one that was to limit it. */
	if (s->by == SENT_BY_SONDE && r->tree->trigger.limited)
		return is(r, RUN_TIMED_OUT, "%s from timeout", end->name);
	if (s->by == SENT_BY_ASKED)
		return is(r, m->status, "stopped by %s through sonde", r->tree->signals.asked_by);
	if (m->says)
		return is(r, m->status, "%s", m->says);
	return is(r, m->status, "%s from %s%.*s (process %u)", end->name,
		  s->by == SENT_BY_OWN ? "its own " : "", SONDE_COMM_LEN, s->comm, s->pid);
}

static bool ran_timeout(const struct run_state *r)
{
	struct slice name = r->tree->argv, rest;

	slice_cut(r->tree->argv, '\0', &name, &rest);
	return slice_eq(slice_base(name), SLICE("timeout"));
}

static enum run_status by_signal(struct run_state *r)
{
	const struct ending *end = ending_of(r->exit_signal);
	const enum run_status known =
		by_sender(r, signal_that_ended(&r->tree->signals, r->exit_signal, r->end_ns));

	if (known)
		return known;
	/* timeout(1) ends itself as it had to end its command. */
	if (ran_timeout(r) && signal_of_limit(&r->tree->signals, r->end_ns))
		return is(r, RUN_TIMED_OUT, "timeout had to send %s", end ? end->name : "a signal");
	if (!end)
		return is(r, RUN_FAILED, "signal %d", r->exit_signal);
	return is(r, end->status, "%s", end->says ? end->says : end->name);
}

/* --- exit status --- */

/* It may say "good" to a key of the terminal that it took for something else. */
static enum run_status after_signal(struct run_state *r)
{
	const int number =
		r->exit_code > 128 && ending_of(r->exit_code - 128) ? r->exit_code - 128 : 0;
	const struct sent_signal *s = signal_that_ended(&r->tree->signals, number, r->end_ns);

	if (s && r->exit_code == 0 && s->signal == SIGINT)
		return 0;
	return by_sender(r, s);
}

/* timeout(1) says 124 where it ended its command, and shells pass that on. */
static bool says_timeout(const struct run_state *r)
{
	const bool limit = signal_of_limit(&r->tree->signals, r->end_ns);

	return r->exit_code == 124 ? ran_timeout(r) || limit
				   : r->exit_code > 128 && ran_timeout(r) && limit;
}

static enum run_status by_code(struct run_state *r)
{
	/* Programs that handle a signal report it as a shell would. */
	const struct ending *end = r->exit_code > 128 ? ending_of(r->exit_code - 128) : NULL;

	if (says_timeout(r) || (!end && r->last_call_failed && r->last_call_timed_out))
		return is(r, RUN_TIMED_OUT, "exit status %d", r->exit_code);
	return is(r, end ? end->status : RUN_FAILED, "exit status %d", r->exit_code);
}

static enum run_status by_last_call(struct run_state *r)
{
	if (!r->last_call_failed)
		return RUN_COMPLETED;
	return is(r, r->last_call_timed_out ? RUN_TIMED_OUT : RUN_FAILED,
		  "the last model call failed: %s", r->last_error);
}

/* --- without an end --- */

bool status_is_at_work(const struct run_state *r)
{
	const struct tool_state *tool;

	if (r->n_calls || r->tree->mcp_calls)
		return true;
	list_for_each (tool, r->tree->tools)
		if (tool->run == r && tool->carrier && !tool->carrier->exited)
			return true;
	return false;
}

static enum run_status without_exit(struct run_state *r)
{
	const struct trace *t = r->t;

	if (!r->finished && r->tree->waits.what && !status_is_at_work(r))
		return is(r, RUN_PAUSED, "it waits for input from %s",
			  r->tree->waits.what == SONDE_WAIT_TERMINAL ? "the terminal" : "a pipe");
	if (!r->finished)
		return RUN_RUNNING;
	if (r->tree->pushed_out)
		return is(r, RUN_INCOMPLETE, "too much else was traced since it was last heard of");
	if (r->tree->end_lost)
		return is(r, RUN_INCOMPLETE, "the command's end was lost");
	if (t->prober_lost)
		return is(r, RUN_INCOMPLETE, "the prober died before the command ended");
	if (t->loss[SONDE_LOSS_CONTROL])
		return is(r, RUN_INCOMPLETE,
			  "the command's end was lost: %" PRIu64 " process events did not fit",
			  t->loss[SONDE_LOSS_CONTROL]);
	return is(r, RUN_INCOMPLETE,
		  r->tree->joined || r->tree->outlives
			  ? "it ran on when the capture ended"
			  : "the capture ended before the command did");
}

bool status_is_overdue(const struct run_state *r)
{
	const uint64_t max_ns = r->t->config.max_run_ns,
		       end_ns = r->end_ns ? r->end_ns : r->t->now_ns;

	return max_ns && !r->tree->source && end_ns > r->start_ns && end_ns - r->start_ns > max_ns;
}

/* One of several runs of a process: its last answer tells, or that there is none. */
static enum run_status by_answer(struct run_state *r)
{
	if (r->answered_ns)
		return RUN_COMPLETED;
	if (r->last_call_failed)
		return by_last_call(r);
	return is(r, RUN_CANCELLED, "the next request came before it had an answer");
}

static enum run_status decide(struct run_state *r)
{
	/* What is imported has no process whose end could tell more than its calls. */
	const bool ended = r->exited || (r->tree->source && r->finished);
	enum run_status after;

	if (status_is_overdue(r))
		return is(r, RUN_TIMED_OUT, "it took longer than %" PRIu64 " s",
			  r->t->config.max_run_ns / 1000000000u);
	if (r->over)
		return by_answer(r);
	if (!ended)
		return without_exit(r);
	if (r->exit_signal)
		return by_signal(r);
	after = after_signal(r);
	if (after)
		return after;
	return r->exit_code ? by_code(r) : by_last_call(r);
}

void status_decide(struct run_state *r)
{
	r->reason[0] = '\0';
	r->status = decide(r);
}

static void look(struct tree_state *tree, uint64_t now_ns)
{
	struct run_state *r;

	list_for_each (r, tree->runs)
		if (!r->finished)
			happened_look(r, now_ns);
}

void status_wait(struct tree_state *tree, const struct sonde_wait_event *e)
{
	const struct process_key who = { .tgid = e->hdr.tgid, .start_ns = e->hdr.start_ns };
	const struct proc_state *ps = process_above(tree, who, true);

	/* What a tool runs waits for its own. */
	if (ps && ps->in_tool && !ps->own_agent)
		return;
	if (!e->ends && !tree->waits.what)
		tree->waits = (struct waits){ who, e->what, e->hdr.ts_ns };
	else if (!e->ends) /* it went on without input, or another one waits as well */
		tree->waits = (struct waits){ who, e->what, tree->waits.since_ns };
	else if (process_key_eq(tree->waits.who, who))
		tree->waits.what = 0;
	look(tree, e->hdr.ts_ns);
	tree_touch(tree);
}

void status_process_gone(struct tree_state *tree, struct process_key who)
{
	if (!tree->waits.what || !process_key_eq(tree->waits.who, who))
		return;
	tree->waits.what = 0;
	look(tree, tree->t->now_ns);
	tree_touch(tree);
}
