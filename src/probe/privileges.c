// SPDX-License-Identifier: BSD-2-Clause
#include "probe/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/util.h"

const struct privilege privileges[] = {
	{ CAP_BPF, "CAP_BPF", "nothing is", true },
	{ CAP_PERFMON, "CAP_PERFMON", "nothing is", true },
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "programs in containers and of other users are not",
	  false },
	{ CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
	  "programs and libraries that only their users may read are not", false },
	{ CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE",
	  "libraries that were replaced while programs use them are not", true },
};
const size_t privileges_n = ARRAY_SIZE(privileges);

static bool have(int cap)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t v = CAP_CLEAR;
	const bool ok = caps && cap_get_flag(caps, cap, CAP_EFFECTIVE, &v) == 0 && v == CAP_SET;

	cap_free(caps);
	return ok;
}

bool privilege_is_there(const struct privilege *p)
{
	return have(p->cap) || (p->by_admin && have(CAP_SYS_ADMIN));
}

void privileges_hide(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int privileges_drop(bool admin, bool kill)
{
	cap_value_t keep[ARRAY_SIZE(privileges) + 2];
	int n = (int)ARRAY_SIZE(privileges);
	cap_t now = cap_get_proc(), want = cap_init();
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(privileges); i++)
		keep[i] = privileges[i].cap;
	if (admin)
		keep[n++] = CAP_SYS_ADMIN;
	if (kill)
		keep[n++] = CAP_KILL;
	for (int i = 0; now && want && i < n; i++) {
		cap_flag_value_t v = CAP_CLEAR;

		/* Started with fewer, it keeps those. */
		if (cap_get_flag(now, keep[i], CAP_PERMITTED, &v) == 0 && v == CAP_SET) {
			cap_set_flag(want, CAP_PERMITTED, 1, &keep[i], CAP_SET);
			cap_set_flag(want, CAP_EFFECTIVE, 1, &keep[i], CAP_SET);
		}
	}
	if (!now || !want || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || cap_set_proc(want) < 0)
		r = -errno;
	cap_free(now);
	cap_free(want);
	return r;
}

/* Real and effective user; not the owner of /proc/PID, which is root for what cannot be dumped. */
static bool users_of(pid_t pid, uid_t *ret_real, uid_t *ret_effective)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		char *end = line + 4;

		found = strncmp(line, "Uid:", 4) == 0;
		if (found) {
			*ret_real = (uid_t)strtoul(end, &end, 10);
			*ret_effective = (uid_t)strtoul(end, &end, 10);
		}
	}
	fclose(f);
	return found;
}

uid_t privileges_user(int launcher_fd)
{
	struct ucred peer = { .uid = (uid_t)-2 };
	socklen_t n = sizeof(peer);

	return getsockopt(launcher_fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 ? (uid_t)-2
									       : peer.uid;
}

bool privileges_may_trace(int launcher_fd, pid_t pid)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);
	uid_t real, effective;

	if (getsockopt(launcher_fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return false;
	if (peer.uid == 0)
		return true;
	return users_of(pid, &real, &effective) && real == peer.uid && effective == peer.uid;
}

bool privileges_owns(uid_t uid, pid_t pid)
{
	uid_t real, effective;

	return users_of(pid, &real, &effective) && real == uid;
}
