// SPDX-License-Identifier: BSD-2-Clause
#include "probe/acts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"
#include "probe/privileges.h"
#include "probe/report.h"

struct act {
	struct report_process process;
	int pidfd; /* -1: free */
	int64_t id;
	uint32_t uid;
	int signal; /* that is sent next */
	uint64_t due_ns;
};

struct acts {
	struct capture *capture;
	struct outbox *outbox;
	int launcher_fd;
	struct act list[ACTS_MAX];
};

int acts_new(struct capture *capture, struct outbox *outbox, int launcher_fd, struct acts **ret)
{
	struct acts *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->capture = capture;
	a->outbox = outbox;
	a->launcher_fd = launcher_fd;
	for (size_t i = 0; i < ACTS_MAX; i++)
		a->list[i].pidfd = -1;
	*ret = a;
	return 0;
}

void acts_free(struct acts *a)
{
	for (size_t i = 0; a && i < ACTS_MAX; i++)
		closep(&a->list[i].pidfd);
	free(a);
}

/* --- asking --- */

/* @r: 0, or what stands for the reason (sonde/control.h). */
static void answer(const struct acts *a, const struct act *act, int r)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "{\"op\":\"acted\",\"id\":%lld,\"uid\":%u,\"pid\":%d,\"error\":%d}",
		 (long long)act->id, act->uid, act->process.tgid, -r);
	ipc_send(a->launcher_fd, slice_of(text), NULL, 0);
}

/* 0 with the process's descriptor, or -errno. */
static int check(const struct acts *a, struct act *act)
{
	int r;

	act->pidfd = pidfd_open(act->process.tgid, 0);
	if (act->pidfd < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	/* Only now: a number that was given to another process meanwhile shows itself. */
	if (!act->process.start_ns ||
	    capture_start_of(a->capture, act->process.tgid) != act->process.start_ns)
		return -ESRCH;
	/* One answer for both: nobody learns which processes others have. */
	if (!capture_in_scope(a->capture, act->process.tgid, act->process.start_ns) ||
	    (act->uid != 0 && !privileges_owns(act->uid, act->process.tgid)))
		return -EPERM;
	/* Whether the signal could be sent at all. */
	r = pidfd_send_signal(act->pidfd, 0, NULL, 0) < 0 ? -errno : 0;
	return r == -EPERM ? -EACCES : r;
}

static struct act *room_for(struct acts *a, const struct act *new)
{
	struct act *room = NULL;

	for (size_t i = 0; i < ACTS_MAX; i++) {
		struct act *act = &a->list[i];

		if (act->pidfd < 0)
			room = act;
		else if (act->process.tgid == new->process.tgid &&
			 act->process.start_ns == new->process.start_ns)
			return NULL; /* it is under way */
	}
	return room;
}

void acts_stop(struct acts *a, const cJSON *message)
{
	const int64_t pid = json_int(message, "pid"), uid = json_int(message, "uid");
	struct act act = { .process.tgid = (pid_t)pid,
			   .id = json_int(message, "id"),
			   .uid = (uint32_t)uid,
			   .pidfd = -1,
			   .signal = SIGTERM };
	struct act *room = NULL;
	int r;

	if (pid < 1 || pid > INT32_MAX || uid < 0 || uid >= UINT32_MAX ||
	    !cJSON_IsNumber(json_at(message, "uid")) ||
	    !slice_u64(json_str(message, "start"), &act.process.start_ns))
		r = -EINVAL;
	else
		r = (room = room_for(a, &act)) ? check(a, &act) : -EBUSY;
	if (r < 0) {
		closep(&act.pidfd);
		answer(a, &act, r);
		return;
	}
	report_act(a->outbox, act.process, "stop", act.uid);
	act.due_ns = clock_boot() + ACTS_TELL_NS;
	*room = act;
}

/* --- doing --- */

static bool has_ended(const struct act *act)
{
	struct pollfd p = { .fd = act->pidfd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static void forget(struct act *act)
{
	closep(&act->pidfd);
	act->pidfd = -1;
}

static void do_next(const struct acts *a, struct act *act, uint64_t now_ns)
{
	const int r = pidfd_send_signal(act->pidfd, act->signal, NULL, 0) < 0 ? -errno : 0;

	if (act->signal == SIGTERM)
		answer(a, act, r);
	if (r < 0 || act->signal == SIGKILL) {
		forget(act);
		return;
	}
	act->signal = SIGKILL;
	act->due_ns = now_ns + ACTS_PATIENCE_NS;
}

void acts_turn(struct acts *a, uint64_t now_ns)
{
	for (size_t i = 0; i < ACTS_MAX; i++) {
		struct act *act = &a->list[i];

		if (act->pidfd < 0)
			continue;
		if (now_ns >= act->due_ns)
			do_next(a, act, now_ns);
		else if (act->signal == SIGKILL && has_ended(act))
			forget(act);
	}
}

int acts_timeout(const struct acts *a, uint64_t now_ns, int most_ms)
{
	int ms = most_ms;

	for (size_t i = 0; i < ACTS_MAX; i++) {
		const struct act *act = &a->list[i];

		if (act->pidfd < 0)
			continue;
		if (act->due_ns <= now_ns)
			return 0;
		if (act->due_ns - now_ns < (uint64_t)ms * 1000000u)
			ms = (int)((act->due_ns - now_ns) / 1000000u) + 1;
	}
	return ms;
}
