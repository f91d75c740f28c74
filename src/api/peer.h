/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is at the other end of a Unix socket, as the kernel tells it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Who sees everything besides root and the daemon's own user. */
struct peer_rules {
	uid_t own;
	bool has_group;
	gid_t group; /* its members, as they were when they connected */
};

struct peer {
	uint32_t uid;
	pid_t pid;
	bool all; /* sees the runs of everybody */
};

/* 0 or -errno: then nobody is to be served. */
int peer_of(int fd, const struct peer_rules *rules, struct peer *ret);
