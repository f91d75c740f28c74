/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/launch.h"

/*
 * Blocked and read from the descriptor. The terminal sends its signals to the command as well,
 * which decides what they mean; we only follow it (supervise.c).
 */
static const int taken[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
			     SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU, SIGCHLD };

/* Inherited as ignored, SIGCHLD would hide how the command ended. */
static const struct {
	int sig;
	void (*handler)(int);
} changed[SIGNALS_CHANGED] = { { SIGCHLD, SIG_DFL }, { SIGPIPE, SIG_IGN } };

int signals_take(struct signals *s)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		sigaddset(&set, taken[i]);
	for (size_t i = 0; i < SIGNALS_CHANGED; i++) {
		struct sigaction sa = { .sa_handler = changed[i].handler };

		sigaction(changed[i].sig, &sa, &s->old[i]);
	}
	if (sigprocmask(SIG_BLOCK, &set, &s->mask) < 0)
		return -errno;
	s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->fd < 0 ? -errno : 0;
}

void signals_restore(const struct signals *s)
{
	for (size_t i = 0; i < SIGNALS_CHANGED; i++)
		sigaction(changed[i].sig, &s->old[i], NULL);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

void signals_stop_self(int sig)
{
	struct sigaction sa = { .sa_handler = SIG_DFL }, old;
	sigset_t one;

	if (sig == SIGSTOP) {
		raise(sig);
		return;
	}
	sigemptyset(&one);
	sigaddset(&one, sig);
	sigaction(sig, &sa, &old);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL); /* stops here */
	sigprocmask(SIG_BLOCK, &one, NULL);
	sigaction(sig, &old, NULL);
}
