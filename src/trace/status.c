/* SPDX-License-Identifier: BSD-2-Clause */
/* How a run went, from events alone. */
#include <signal.h>
#include <stdio.h>

#include "base/util.h"
#include "trace/state.h"

/* Exit status and signals that mean more than success or failure. */
static const struct ending {
	int signal;
	enum run_status status;
	const char *name;
} endings[] = {
	{ SIGINT, RUN_CANCELLED, "SIGINT" },   { SIGTERM, RUN_CANCELLED, "SIGTERM" },
	{ SIGHUP, RUN_CANCELLED, "SIGHUP" },   { SIGALRM, RUN_TIMED_OUT, "SIGALRM" },
	{ SIGXCPU, RUN_TIMED_OUT, "SIGXCPU" },
};

static const struct ending *ending_of(int signal)
{
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (endings[i].signal == signal)
			return &endings[i];
	return NULL;
}

static enum run_status by_signal(struct run_state *r)
{
	const struct ending *end = ending_of(r->exit_signal);

	if (end)
		snprintf(r->reason, sizeof(r->reason), "%s", end->name);
	else
		snprintf(r->reason, sizeof(r->reason), "signal %d", r->exit_signal);
	return end ? end->status : RUN_FAILED;
}

/* timeout(1) says 124 where it ended its command. */
static bool ran_timeout(const struct run_state *r)
{
	struct slice name = r->tree->argv, rest;

	slice_cut(r->tree->argv, '\0', &name, &rest);
	return slice_eq(name, SLICE("timeout")) || slice_ends(name, SLICE("/timeout"));
}

static enum run_status by_code(struct run_state *r)
{
	/* Programs that handle a signal report it as a shell would. */
	const struct ending *end = r->exit_code > 128 ? ending_of(r->exit_code - 128) : NULL;

	snprintf(r->reason, sizeof(r->reason), "exit status %d", r->exit_code);
	if (end)
		return end->status;
	if (r->exit_code == 124 && ran_timeout(r))
		return RUN_TIMED_OUT;
	if (r->last_call_failed && r->last_call_timed_out)
		return RUN_TIMED_OUT;
	return RUN_FAILED;
}

static enum run_status without_exit(struct run_state *r)
{
	const struct trace *t = r->t;

	if (!r->finished)
		return RUN_RUNNING;
	if (t->prober_lost)
		snprintf(r->reason, sizeof(r->reason), "the prober died before the command ended");
	else if (t->loss[SONDE_LOSS_CONTROL])
		snprintf(r->reason, sizeof(r->reason),
			 "the command's end was lost: %llu process events did not fit",
			 (unsigned long long)t->loss[SONDE_LOSS_CONTROL]);
	else if (r->tree->joined)
		snprintf(r->reason, sizeof(r->reason), "it ran on when the capture ended");
	else
		snprintf(r->reason, sizeof(r->reason), "the capture ended before the command did");
	return RUN_INCOMPLETE;
}

static enum run_status by_last_call(struct run_state *r)
{
	snprintf(r->reason, sizeof(r->reason), "the last model call failed: %s", r->last_error);
	return r->last_call_timed_out ? RUN_TIMED_OUT : RUN_FAILED;
}

/* One of several runs of a process: its last answer tells, or that there is none. */
static enum run_status by_answer(struct run_state *r)
{
	if (r->answered_ns)
		return RUN_COMPLETED;
	if (r->last_call_failed)
		return by_last_call(r);
	snprintf(r->reason, sizeof(r->reason), "the next request came before it had an answer");
	return RUN_CANCELLED;
}

void status_decide(struct run_state *r)
{
	/* What is imported has no process whose end could tell more than its calls. */
	const bool ended = r->exited || (r->tree->source && r->finished);

	r->reason[0] = '\0';
	if (r->over) {
		r->status = by_answer(r);
	} else if (!ended) {
		r->status = without_exit(r);
	} else if (r->exit_signal) {
		r->status = by_signal(r);
	} else if (r->exit_code) {
		r->status = by_code(r);
	} else if (r->last_call_failed) {
		r->status = by_last_call(r);
	} else {
		r->status = RUN_COMPLETED;
	}
}
