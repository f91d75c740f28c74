// SPDX-License-Identifier: BSD-2-Clause
#include "probe/trust.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(PATH_MAX <= 4096, "the callers' room");

/* In a folder such as /tmp others can make entries, but not touch those that are there. */
static bool is_theirs(const char *path, uid_t also)
{
	struct stat st;

	if (lstat(path, &st) < 0 || (st.st_uid != 0 && st.st_uid != also))
		return false;
	return !(st.st_mode & (S_IWGRP | S_IWOTH)) || (S_ISDIR(st.st_mode) && st.st_mode & S_ISVTX);
}

bool trust_file(const char *path, uid_t also, char ret[4096])
{
	char part[4096];
	struct stat st;

	if (!realpath(path, ret) || stat(ret, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	snprintf(part, sizeof(part), "%s", ret);
	for (char *slash; (slash = strrchr(part, '/')) && slash != part; *slash = 0)
		if (!is_theirs(part, also))
			return false;
	return is_theirs("/", also);
}

bool trust_process(pid_t pid)
{
	struct stat here, there;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	return stat("/proc/self/ns/mnt", &here) == 0 && stat(path, &there) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}
