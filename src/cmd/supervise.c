/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/launch.h"
#include "sonde/control.h"

#define READY_MS  60000 /* reading a program of hundreds of megabytes takes a while */
#define FINISH_MS 30000 /* from the command's end to the events'; then the engine is asked */
#define PROBER_MS 3000	/* for taking its probes off */
#define FLUSH_MS  20000 /* from asking it to giving it up */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool next_signal(const struct launcher *l, struct signalfd_siginfo *ret)
{
	return read(l->signals.fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* --- the engine and the prober may go before their time; the command must not notice --- */

static void check_engine(struct launcher *l)
{
	if (!l->engine_gone && l->engine > 0 &&
	    waitpid(l->engine, &l->engine_status, WNOHANG) == l->engine)
		l->engine_gone = true;
}

static void engine_has_gone(const struct launcher *l)
{
	if (l->prober_gone && WIFEXITED(l->engine_status) && WEXITSTATUS(l->engine_status) == 0)
		return; /* as it does when the prober, which has been spoken of, is no more */
	if (WIFSIGNALED(l->engine_status))
		log_err("the engine died (signal %d, %s); nothing more is recorded, the "
			"command goes on",
			WTERMSIG(l->engine_status), strsignal(WTERMSIG(l->engine_status)));
	else
		log_err("the engine ended (status %d); nothing more is recorded, the "
			"command goes on",
			WEXITSTATUS(l->engine_status));
}

static void say_warnings(const cJSON *message)
{
	const cJSON *w;

	cJSON_ArrayForEach (w, json_at(message, "warnings"))
		if (cJSON_IsString(w))
			log_warn("%s", w->valuestring);
}

enum said { SAID_NOTHING, SAID_READY, SAID_ERROR, SAID_OVER, SAID_GOODBYE };

/* One message of the prober. */
static enum said hear_prober(struct launcher *l)
{
	static char text[IPC_MAX];
	_cleanup_(cJSON_Deletep) cJSON *message = NULL;
	int fds[IPC_FDS_MAX];
	ssize_t n = ipc_recv(l->prober.fd, text, fds);
	struct slice op;

	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (n == -EAGAIN)
		return SAID_NOTHING;
	if (n <= 0)
		return SAID_GOODBYE;
	message = json_parse((struct slice){ text, (size_t)n });
	op = json_str(message, "op");
	say_warnings(message);
	if (slice_eq(op, SLICE("ready")))
		return SAID_READY;
	if (slice_eq(op, SLICE("over")))
		return SAID_OVER;
	if (!slice_eq(op, SLICE("error")))
		return SAID_NOTHING;
	log_err("%.*s", SLICE_ARG(json_str(message, "message")));
	return SAID_ERROR;
}

/* --- before the command runs --- */

static int cancelled(const struct launcher *l)
{
	struct signalfd_siginfo si;

	while (next_signal(l, &si))
		if (si.ssi_signo == SIGINT || si.ssi_signo == SIGTERM || si.ssi_signo == SIGHUP ||
		    si.ssi_signo == SIGQUIT)
			return 128 + (int)si.ssi_signo;
	return 0;
}

/* 1 when the engine has opened its files, 0 not yet, -1 it has ended. */
static int hear_engine(const struct launcher *l)
{
	char byte;
	ssize_t n = read(l->engine_ready_fd, &byte, 1);

	if (n < 0)
		return 0;
	return n == 1 ? 1 : -1;
}

/* An engine that ended by itself has said why. */
static int engine_failed_early(const struct launcher *l)
{
	if (WIFSIGNALED(l->engine_status))
		log_err("the engine died (signal %d) before the command ran; nothing was run",
			WTERMSIG(l->engine_status));
	return SONDE_EXIT_FAILURE;
}

int launcher_wait_ready(struct launcher *l)
{
	struct pollfd p[] = { { .fd = l->signals.fd, .events = POLLIN },
			      { .fd = l->prober.fd, .events = POLLIN },
			      { .fd = l->engine_ready_fd, .events = POLLIN } };
	const uint64_t until = now_ns() + READY_MS * 1000000ull;
	bool prober = false, engine = false;

	while (!prober || !engine) {
		int r;

		if (now_ns() > until) {
			log_err("the probes were not ready within %d s; nothing was run",
				READY_MS / 1000);
			return SONDE_EXIT_FAILURE;
		}
		poll(p, ARRAY_SIZE(p), 1000);
		r = cancelled(l);
		if (r)
			return r;
		if (p[2].revents) {
			r = hear_engine(l);
			if (r < 0) { /* it is ending, or has */
				waitpid(l->engine, &l->engine_status, 0);
				l->engine_gone = true;
				return engine_failed_early(l);
			}
			engine |= r > 0;
			if (engine)
				p[2].fd = -1;
		}
		check_engine(l);
		if (l->engine_gone)
			return engine_failed_early(l);
		if (p[1].revents)
			switch (hear_prober(l)) {
			case SAID_READY:
				prober = true;
				break;
			case SAID_ERROR:
				return SONDE_EXIT_FAILURE;
			case SAID_GOODBYE:
				log_err("the prober died before the command ran; nothing "
					"was "
					"run");
				return SONDE_EXIT_FAILURE;
			case SAID_OVER: /* it is so again once we listen */
			case SAID_NOTHING:
				break;
			}
	}
	return 0;
}

/* --- while it runs --- */

/* Whether a stop of the command is the terminal's: then the shell must see us stop as well. */
static bool is_job_control(const struct launcher *l, int sig)
{
	if (sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)
		return true;
	/* Programs that take care of Ctrl-Z themselves stop with SIGSTOP in the end. */
	return l->tty_fd >= 0 && tcgetpgrp(l->tty_fd) == getpgrp();
}

/* Takes the news that the command goes on, if there is any; never that it has ended. */
static bool was_continued(const struct launcher *l)
{
	siginfo_t si = { 0 };

	return waitid(P_PID, (id_t)l->child.pid, &si, WCONTINUED | WNOHANG) == 0 && si.si_pid;
}

static void command_stopped(const struct launcher *l, int sig)
{
	if (!is_job_control(l, sig))
		return;
	signals_stop_self(sig);
	/* `fg` continues the whole group; whoever continued us alone meant the command. */
	if (!was_continued(l))
		kill(l->child.pid, SIGCONT);
}

static void check_command(struct launcher *l)
{
	int status;

	while (!l->command_gone &&
	       waitpid(l->child.pid, &status, WNOHANG | WUNTRACED) == l->child.pid) {
		if (WIFSTOPPED(status)) {
			command_stopped(l, WSTOPSIG(status));
			continue;
		}
		l->command_gone = true;
		l->status = status;
	}
}

/*
 * What the kernel sends to a whole group (Ctrl-C, a hangup) has reached the command already; what
 * a process sent to us is for the command, except where the command itself sent it.
 */
static void forward(const struct launcher *l, const struct signalfd_siginfo *si)
{
	static const int forwarded[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM
	};

	if (si->ssi_code > 0 || (pid_t)si->ssi_pid == l->child.pid)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		if ((int)si->ssi_signo == forwarded[i])
			kill(l->child.pid, forwarded[i]);
}

static void say_exited(const struct launcher *l)
{
	const bool killed = WIFSIGNALED(l->status);
	char text[64];

	snprintf(text, sizeof(text), "{\"op\":\"exited\",\"%s\":%d}", killed ? "signal" : "code",
		 killed ? WTERMSIG(l->status) : WEXITSTATUS(l->status));
	if (l->prober.fd >= 0)
		ipc_send(l->prober.fd, slice_of(text), NULL, 0);
}

static void drop_prober(struct launcher *l)
{
	if (l->prober.fd >= 0)
		close(l->prober.fd);
	l->prober.fd = -1;
	l->prober_gone = true;
}

static void watch_helpers(struct launcher *l, bool prober_spoke)
{
	const bool had_engine = !l->engine_gone;

	check_engine(l);
	if (had_engine && l->engine_gone) {
		engine_has_gone(l);
		drop_prober(l); /* nobody reads what it would probe */
	}
	if (!prober_spoke || l->prober_gone || hear_prober(l) != SAID_GOODBYE)
		return;
	log_err("the prober died; tracing ends here, the command goes on");
	drop_prober(l);
}

int launcher_wait_command(struct launcher *l)
{
	struct signalfd_siginfo si;

	check_command(l); /* a SIGCHLD may have been read while we waited for the others */
	while (!l->command_gone) {
		struct pollfd p[] = { { .fd = l->signals.fd, .events = POLLIN },
				      { .fd = l->prober.fd, .events = POLLIN } };

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			break;
		while (next_signal(l, &si))
			forward(l, &si);
		check_command(l);
		if (!l->command_gone)
			watch_helpers(l, p[1].revents != 0);
	}
	say_exited(l);
	close(l->over_fd);
	return exit_status(l->status);
}

/* --- without a command of our own --- */

/* Whether the user wants us to end; Ctrl-Z stops us, not what is traced. */
static bool wants_end(const struct launcher *l)
{
	struct signalfd_siginfo si;
	bool end = false;

	while (next_signal(l, &si)) {
		if (si.ssi_signo == SIGTSTP)
			signals_stop_self(SIGTSTP);
		end |= si.ssi_signo == SIGINT || si.ssi_signo == SIGTERM ||
		       si.ssi_signo == SIGHUP || si.ssi_signo == SIGQUIT;
	}
	return end;
}

int launcher_wait_running(struct launcher *l)
{
	bool over = false;
	int status = 0;

	while (!over && status == 0) {
		struct pollfd p[] = { { .fd = l->signals.fd, .events = POLLIN },
				      { .fd = l->prober.fd, .events = POLLIN } };

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			break;
		over = wants_end(l);
		check_engine(l);
		if (l->engine_gone) {
			engine_has_gone(l);
			drop_prober(l);
			status = SONDE_EXIT_FAILURE;
		} else if (p[1].revents) {
			enum said said = hear_prober(l);

			over |= said == SAID_OVER;
			if (said == SAID_GOODBYE) {
				log_err("the prober died; tracing ends here");
				drop_prober(l);
				status = SONDE_EXIT_FAILURE;
			}
		}
	}
	say_exited(l);
	close(l->over_fd);
	return status;
}

/* --- after it --- */

/* The first Ctrl-C asks the engine to end with what it has, the second gives it up. */
static void hurry(struct launcher *l)
{
	l->impatience++;
	kill(l->engine, l->impatience > 1 ? SIGKILL : SIGTERM);
	l->give_up_ns = now_ns() + FLUSH_MS * 1000000ull;
}

static void check_patience(struct launcher *l)
{
	struct signalfd_siginfo si;

	while (next_signal(l, &si))
		if (si.ssi_signo == SIGINT || si.ssi_signo == SIGTERM || si.ssi_signo == SIGHUP ||
		    si.ssi_signo == SIGQUIT)
			hurry(l);
	if (now_ns() > l->give_up_ns)
		hurry(l);
}

/* sonde ends when its probes are off; a prober that hangs is not worth waiting for. */
static void wait_prober(struct launcher *l)
{
	const uint64_t until = now_ns() + PROBER_MS * 1000000ull;

	if (l->prober.fd < 0)
		return;
	shutdown(l->prober.fd, SHUT_WR);
	while (now_ns() < until) {
		struct pollfd p = { .fd = l->prober.fd, .events = POLLIN };

		if (poll(&p, 1, 100) > 0 && hear_prober(l) == SAID_GOODBYE)
			break;
	}
	drop_prober(l);
	if (l->prober.pid > 0)
		waitpid(l->prober.pid, NULL, WNOHANG);
}

int launcher_finish(struct launcher *l)
{
	bool said = l->engine_gone;

	l->give_up_ns = now_ns() + FINISH_MS * 1000000ull;
	check_engine(l);
	while (!l->engine_gone) {
		struct pollfd p = { .fd = l->signals.fd, .events = POLLIN };

		poll(&p, 1, 200);
		check_patience(l);
		check_engine(l);
	}
	wait_prober(l);
	if (!said && WIFSIGNALED(l->engine_status))
		log_err("the engine died (signal %d) before all was stored",
			WTERMSIG(l->engine_status));
	return WIFEXITED(l->engine_status) && WEXITSTATUS(l->engine_status) ? SONDE_EXIT_FAILURE
									    : 0;
}
