/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ipc.h"

#include <errno.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int ipc_pair(int ret_fds[2])
{
	/* A full message must fit beside what is queued: the default buffer holds three of them. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0)
		return -errno;
	return 0;
}

int ipc_send(int fd, struct slice msg, const int *fds, size_t n_fds)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)] = { 0 };
	struct iovec iov = { .iov_base = (void *)msg.p, .iov_len = msg.n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (msg.n == 0 || msg.n > IPC_MAX || n_fds > IPC_FDS_MAX)
		return -EMSGSIZE;
	if (n_fds) {
		struct cmsghdr *c;

		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&m);
		if (!c)
			return -EMSGSIZE;
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	if (sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return 0;
}

static void take_fds(struct msghdr *m, int *ret_fds)
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (n < IPC_FDS_MAX)
				ret_fds[n++] = fd;
			else
				close(fd);
		}
	}
}

ssize_t ipc_recv(int fd, char *buf, int *ret_fds)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)];
	struct iovec iov = { .iov_base = buf, .iov_len = IPC_MAX };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n;

	for (int i = 0; i < IPC_FDS_MAX; i++)
		ret_fds[i] = -1;
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	take_fds(&m, ret_fds);
	return m.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}
