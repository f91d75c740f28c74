/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"

/* Supplementary groups: what the process had, not what files say of its user now. */
static bool is_member(int fd, gid_t group)
{
	_cleanup_(freep) gid_t *list = NULL;
	socklen_t n = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &n) == 0 || errno != ERANGE || n == 0)
		return false;
	list = malloc(n);
	if (!list || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &n) < 0)
		return false;
	for (size_t i = 0; i < n / sizeof(*list); i++)
		if (list[i] == group)
			return true;
	return false;
}

int peer_of(int fd, const struct peer_rules *rules, struct peer *ret)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return -errno;
	if (n != sizeof(cred) || cred.uid == (uid_t)-1) /* of another user namespace */
		return -EACCES;
	ret->uid = cred.uid;
	ret->pid = cred.pid;
	ret->all = cred.uid == 0 || cred.uid == rules->own ||
		   (rules->has_group && (cred.gid == rules->group || is_member(fd, rules->group)));
	return 0;
}
