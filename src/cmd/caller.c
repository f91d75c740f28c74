/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sudo runs its command with limits and an umask of its own making. The command must have those of
 * whoever called sudo; they are read from that process.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/launch.h"
#include "probe/describe.h"

#define SUDOS_MAX 4 /* sudo, and the monitor that it keeps for a pty */

/* The nearest ancestor that is not sudo, 0 where sudo is none of them. */
static pid_t find_pid(void)
{
	struct describe_stat s = { .parent = getppid() };

	for (int i = 0; i <= SUDOS_MAX; i++) {
		const pid_t pid = s.parent;

		if (pid <= 1 || describe_stat(pid, &s) < 0)
			return 0;
		if (strcmp(s.comm, "sudo") != 0)
			return i > 0 ? pid : 0;
	}
	return 0;
}

static bool read_umask(pid_t pid, mode_t *ret)
{
	char path[64], text[512], *at;
	_cleanup_(closep) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = 0;
	at = strstr(text, "\nUmask:");
	if (!at)
		return false;
	*ret = (mode_t)strtoul(at + strlen("\nUmask:"), NULL, 8) & 0777;
	return true;
}

void caller_find(struct caller *ret)
{
	pid_t pid = find_pid();

	*ret = (struct caller){ 0 };
	if (!pid || !read_umask(pid, &ret->umask))
		return;
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (prlimit(pid, (enum __rlimit_resource)i, NULL, &ret->limits[i]) < 0)
			return;
	ret->known = true;
}

void caller_apply(const struct caller *c)
{
	if (!c->known)
		return;
	for (int i = 0; i < RLIM_NLIMITS; i++)
		setrlimit((enum __rlimit_resource)i, &c->limits[i]); /* or it stays sudo's */
	umask(c->umask);
}
