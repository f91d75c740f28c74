/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/signal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "trace/happened.h"
#include "trace/state.h"

#define PROBER "sonde-prober" /* what it calls itself */

/* A program needs a moment to put things in order; what came earlier it has survived. */
#define ENDING_NS 10000000000ull

static bool can_end(int signal)
{
	static const int signals[] = { SIGINT,	SIGTERM, SIGHUP,  SIGQUIT,
				       SIGKILL, SIGALRM, SIGXCPU, SIGUSR1 };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (signals[i] == signal)
			return true;
	return false;
}

static bool is_own(const struct tree_state *tree, const struct sonde_signal_event *e)
{
	const struct process_key key = { .tgid = e->sender_tgid, .start_ns = e->sender_start_ns };
	const struct process *p = proc_find(tree->t->procs, key);

	return p && p->scope == tree->scope;
}

static enum sender sender_of(const struct tree_state *tree, const struct sonde_signal_event *e)
{
	static const struct {
		const char *comm;
		enum sender by;
	} known[] = { { "timeout", SENT_BY_TIMEOUT },
		      { "systemd", SENT_BY_SYSTEMD },
		      { "sonde", SENT_BY_SONDE } };

	if (e->sender_tgid == 0)
		return SENT_BY_KERNEL;
	/* Anybody may have that name: it counts where the prober has told of it before. */
	if (tree->signals.asked_ns && strncmp(e->comm, PROBER, sizeof(e->comm)) == 0)
		return SENT_BY_ASKED;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strncmp(e->comm, known[i].comm, sizeof(e->comm)) == 0)
			return known[i].by;
	return is_own(tree, e) ? SENT_BY_OWN : SENT_BY_OTHER;
}

void signal_sent(struct tree_state *tree, const struct sonde_signal_event *e)
{
	const struct process_key to = { .tgid = e->hdr.tgid, .start_ns = e->hdr.start_ns };
	struct sent_signals *all = &tree->signals;
	struct sent_signal s = { .ts_ns = e->hdr.ts_ns,
				 .signal = e->signal,
				 .by = sender_of(tree, e),
				 .pid = e->sender_tgid };

	if (!can_end(e->signal))
		return;
	memcpy(s.comm, e->comm, sizeof(s.comm));
	if (s.by == SENT_BY_TIMEOUT)
		all->limit_ns = s.ts_ns;
	if (process_key_eq(to, tree->root))
		all->to_root[all->n++ % SIGNALS_MAX] = s;
	if (process_key_eq(to, tree->root))
		happened_signal(tree, &s);
}

void signal_asked(struct tree_state *tree, struct slice user, uint64_t ts_ns)
{
	struct sent_signals *all = &tree->signals;

	all->asked_ns = ts_ns;
	snprintf(all->asked_by, sizeof(all->asked_by), "%.*s", SLICE_ARG(user));
}

static bool is_near(uint64_t ts_ns, uint64_t end_ns)
{
	return ts_ns && ts_ns <= end_ns && end_ns - ts_ns <= ENDING_NS;
}

/* Programs use timers for what they like. */
static bool is_own_timer(const struct sent_signal *s)
{
	return s->by == SENT_BY_KERNEL && (s->signal == SIGALRM || s->signal == SIGXCPU);
}

const struct sent_signal *signal_that_ended(const struct sent_signals *s, int signal,
					    uint64_t end_ns)
{
	const unsigned from = s->n > SIGNALS_MAX ? s->n - SIGNALS_MAX : 0;
	const struct sent_signal *passed_on = NULL;

	for (unsigned i = from; i < s->n; i++) {
		const struct sent_signal *one = &s->to_root[i % SIGNALS_MAX];

		if (signal ? one->signal != signal : is_own_timer(one))
			continue;
		if (!is_near(one->ts_ns, end_ns))
			continue;
		if (one->by != SENT_BY_SONDE)
			return one;
		passed_on = passed_on ? passed_on : one;
	}
	return passed_on;
}

bool signal_of_limit(const struct sent_signals *s, uint64_t end_ns)
{
	return is_near(s->limit_ns, end_ns);
}
