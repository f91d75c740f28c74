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

void privileges_hide(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int privileges_drop(bool admin)
{
	/* Checkpoint-restore is what /proc/PID/map_files asks for. */
	static const cap_value_t keep[] = { CAP_BPF,
					    CAP_PERFMON,
					    CAP_SYS_PTRACE,
					    CAP_DAC_READ_SEARCH,
					    CAP_CHECKPOINT_RESTORE,
					    CAP_SYS_ADMIN };
	const int n = (int)ARRAY_SIZE(keep) - !admin;
	cap_t have = cap_get_proc(), want = cap_init();
	int r = 0;

	for (int i = 0; have && want && i < n; i++) {
		cap_flag_value_t v = CAP_CLEAR;

		/* Started with fewer, it keeps those. */
		if (cap_get_flag(have, keep[i], CAP_PERMITTED, &v) == 0 && v == CAP_SET) {
			cap_set_flag(want, CAP_PERMITTED, 1, &keep[i], CAP_SET);
			cap_set_flag(want, CAP_EFFECTIVE, 1, &keep[i], CAP_SET);
		}
	}
	if (!have || !want || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || cap_set_proc(want) < 0)
		r = -errno;
	cap_free(have);
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
