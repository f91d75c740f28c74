// SPDX-License-Identifier: BSD-2-Clause
#include "probe/prober.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"
#include "base/util.h"
#include "probe/privileges.h"
#include "probe/prober_state.h"
#include "sonde/control.h"

#define CLOCK_CHECK_MS 1000
#define CLOCK_JUMP_NS  10000000
#define JOIN_AGAIN_NS  1000000000
#define SWEEP_NS       1000000000
#define END_TIMEOUT_MS 2000

/* --- towards the launcher --- */

static void send_json(int fd, struct json_writer *w, struct buf *text)
{
	if (w->r == 0)
		ipc_send(fd, buf_slice(text), NULL, 0);
	buf_done(text);
}

void prober_say_ready(struct prober *p)
{
	struct buf text = { 0 };
	struct json_writer w = { .out = &text, .max = IPC_MAX };

	json_begin(&w, '{');
	json_key(&w, "op");
	json_put_str(&w, SLICE("ready"));
	json_key(&w, "warnings");
	json_begin(&w, '[');
	for (size_t i = 0; i < p->n_warnings; i++)
		json_put_str(&w, slice_of(p->warnings[i]));
	json_end(&w, ']');
	json_end(&w, '}');
	send_json(p->launcher_fd, &w, &text);
}

void prober_say_error(struct prober *p, const char *why)
{
	struct buf text = { 0 };
	struct json_writer w = { .out = &text, .max = IPC_MAX };

	json_begin(&w, '{');
	json_key(&w, "op");
	json_put_str(&w, SLICE("error"));
	json_key(&w, "message");
	json_put_str(&w, slice_of(why));
	json_end(&w, '}');
	send_json(p->launcher_fd, &w, &text);
}

/* What was joined has ended: the launcher decides, as with a command. */
static void say_over(const struct prober *p)
{
	ipc_send(p->launcher_fd, SLICE("{\"op\":\"over\"}"), NULL, 0);
}
/* --- while it runs --- */

static void on_launcher(struct prober *p)
{
	static char text[IPC_MAX];
	int fds[IPC_FDS_MAX];
	ssize_t n = ipc_recv(p->launcher_fd, text, fds);
	cJSON *j;
	struct slice op;

	if (n == -EAGAIN)
		return;
	if (n <= 0) { /* it has gone */
		p->ended = true;
		return;
	}
	j = json_parse((struct slice){ text, (size_t)n });
	op = json_str(j, "op");
	if (slice_eq(op, SLICE("start")))
		prober_start(p, j, fds);
	else if (slice_eq(op, SLICE("watch")))
		prober_change(p, j);
	else if (slice_eq(op, SLICE("engine")))
		prober_engine(p, &fds[0]);
	else if (slice_eq(op, SLICE("leave")) || slice_eq(op, SLICE("leave_container")))
		prober_leave(p, j);
	else if (slice_eq(op, SLICE("stop")) && p->acts)
		acts_stop(p->acts, j);
	else if (slice_eq(op, SLICE("exited")))
		p->ended = true;
	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		closep(&fds[i]);
	cJSON_Delete(j);
}

/* Nobody reads any more: a run ends here, a daemon starts another engine. */
static void engine_gone(struct prober *p)
{
	if (!p->rules) {
		p->ended = true;
		return;
	}
	outbox_connect(p->outbox, -1);
	closep(&p->engine_fd);
	p->engine_fd = -1;
}

static void on_engine(struct prober *p)
{
	static char text[IPC_MAX];
	int fds[IPC_FDS_MAX];
	ssize_t n = ipc_recv(p->engine_fd, text, fds);
	struct sonde_verdict_event v;

	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		closep(&fds[i]);
	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EMSGSIZE)) {
		engine_gone(p);
		return;
	}
	if (n != (ssize_t)sizeof(v))
		return;
	memcpy(&v, text, sizeof(v));
	if (v.hdr.kind != SONDE_EV_VERDICT || v.hdr.size != sizeof(v))
		return;
	if (v.verdict == SONDE_VERDICT_RUN && p->rules)
		rules_run(p->rules, (pid_t)v.hdr.tgid, v.hdr.start_ns);
	else
		capture_verdict(p->capture, v.conn, v.verdict);
}

static void on_work(void *ctx, const struct sonde_work *w)
{
	struct prober *p = ctx;
	const struct report_process who = { .tgid = (pid_t)w->tgid, .start_ns = w->start_ns };

	if (p->rules)
		rules_on_work(p->rules, w);
	switch (w->kind) {
	case SONDE_WORK_EXEC:
		files_check(&p->files, who, w->ts_ns);
		if (capture_in_scope(p->capture, who.tgid, who.start_ns))
			report_proc(p->outbox, who);
		break;
	case SONDE_WORK_MAP:
		files_check(&p->files, who, w->ts_ns);
		break;
	case SONDE_WORK_FORK:
		attach_fork(p->attachments, who.tgid, (pid_t)w->inode);
		break;
	case SONDE_WORK_EXIT:
		attach_exit(p->attachments, who.tgid);
		if (!p->rules) /* else all of them together, now and then */
			capture_sweep(p->capture, who.tgid, who.start_ns);
		p->check_over = true;
		break;
	}
}

static void on_time(struct prober *p)
{
	const uint64_t dropped = outbox_dropped(p->outbox);
	int64_t moved;

	capture_look_for_waits(p->capture);
	if (p->artifacts)
		artifacts_turn(p->artifacts, p->capture);
	moved = clock_offset() - p->clock_offset;
	if (moved > CLOCK_JUMP_NS || moved < -CLOCK_JUMP_NS)
		p->clock_offset = report_clock(p->outbox);
	if (dropped > p->dropped)
		capture_count(p->capture, SONDE_LOSS_CONTROL, dropped - p->dropped);
	p->dropped = dropped;
}

/* Of what was joined: who has come in meanwhile, and whether anybody is left. */
static void look_after_join(struct prober *p)
{
	const uint64_t now = clock_boot();

	if (now > p->joined_ns + JOIN_AGAIN_NS) {
		join_again(p->join);
		p->joined_ns = now;
		p->check_over = true;
	}
	if (p->check_over && join_over(p->join))
		say_over(p);
	p->check_over = false;
}

enum { LAUNCHER, ENGINE, WORK, INSTALLED, WRITTEN, SOURCES };

static int timeout_ms(const struct prober *p)
{
	int ms = watch_timeout(p->watch, CLOCK_CHECK_MS);

	if (p->artifacts)
		ms = artifacts_timeout(p->artifacts, clock_boot(), ms);
	if (p->acts)
		ms = acts_timeout(p->acts, clock_boot(), ms);
	return p->capture && p->outbox ? capture_timeout(p->capture, ms) : ms;
}

/* As poll(). */
static int wait_for_something(const struct prober *p, struct pollfd fds[SOURCES])
{
	const int of[SOURCES] = {
		[LAUNCHER] = p->launcher_fd,
		[ENGINE] = p->engine_fd,
		[WORK] = p->capture ? capture_work_fd(p->capture) : -1,
		[INSTALLED] = watch_fd(p->watch),
		[WRITTEN] = attach_writes_fd(p->attachments),
	};

	for (int i = 0; i < SOURCES; i++)
		fds[i] = (struct pollfd){ .fd = of[i], .events = POLLIN };
	if (p->outbox && outbox_waiting(p->outbox))
		fds[ENGINE].events |= POLLOUT;
	return poll(fds, SOURCES, timeout_ms(p));
}

static void on_idle(struct prober *p)
{
	const uint64_t now = clock_boot();

	if (now < p->swept_ns + SWEEP_NS)
		return;
	attach_sweep(p->attachments);
	p->swept_ns = now;
}

static void run_once(struct prober *p)
{
	struct pollfd fds[SOURCES];
	const int n = wait_for_something(p, fds);

	if (n < 0)
		return;
	if (n == 0 && p->attachments)
		on_idle(p);
	if (fds[WRITTEN].revents)
		files_written(&p->files, p->root);
	/* First what processes did: the launcher's "exited" comes after it. */
	if (fds[WORK].revents)
		capture_work(p->capture, on_work, p);
	if (fds[ENGINE].revents & POLLOUT)
		outbox_flush(p->outbox);
	if (fds[ENGINE].revents & (POLLIN | POLLHUP | POLLERR))
		on_engine(p);
	if (fds[LAUNCHER].revents)
		on_launcher(p);
	if (fds[INSTALLED].revents)
		watch_read(p->watch);
	watch_look(p->watch);
	if (p->capture && p->outbox)
		on_time(p);
	if (p->join)
		look_after_join(p);
	if (p->rules)
		rules_turn(p->rules, clock_boot());
	if (p->acts)
		acts_turn(p->acts, clock_boot());
}

/* --- the end --- */

static void say_end(struct prober *p)
{
	uint64_t until = clock_boot() + END_TIMEOUT_MS * 1000000ull;

	if (p->engine_fd < 0)
		return;
	report_end(p->outbox);
	while (outbox_flush(p->outbox) == -EAGAIN && clock_boot() < until) {
		struct pollfd fd = { .fd = p->engine_fd, .events = POLLOUT };

		poll(&fd, 1, 50);
	}
}

static void finish(struct prober *p)
{
	if (p->capture && p->outbox) {
		capture_work(p->capture, on_work, p);
		capture_stop(p->capture);
		if (p->artifacts)
			artifacts_finish(p->artifacts, p->capture, p->engine_fd);
		on_time(p);
		say_end(p);
	}
	/* The engine and the launcher need not wait for the probes to come off. */
	closep(&p->engine_fd);
	closep(&p->launcher_fd);
	watch_free(p->watch);
	artifacts_free(p->artifacts);
	attachments_free(p->attachments);
	cache_free(p->files.cache);
	join_free(p->join);
	rules_free(p->rules);
	acts_free(p->acts);
	cJSON_Delete(p->config);
	outbox_free(p->outbox);
	capture_free(p->capture);
	for (size_t i = 0; i < p->n_warnings; i++)
		free(p->warnings[i]);
}

/* Keys of the terminal are for the command; the launcher says when to stop. */
static void ignore_signals(void)
{
	static const int signals[] = { SIGINT,	SIGQUIT, SIGTERM, SIGHUP,  SIGTSTP,
				       SIGTTIN, SIGTTOU, SIGPIPE, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_IGN);
	setsid();
}

/* Each probe is a descriptor. */
static void raise_limits(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

int prober_main(int launcher_fd)
{
	struct prober p = { .launcher_fd = launcher_fd, .engine_fd = -1 };
	int r;

	ignore_signals();
	raise_limits();
	privileges_hide();
	while (!p.ended)
		run_once(&p);
	r = p.refusal[0] ? SONDE_EXIT_FAILURE : 0;
	finish(&p);
	return r;
}
