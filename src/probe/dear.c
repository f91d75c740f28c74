// SPDX-License-Identifier: BSD-2-Clause
#include "probe/dear.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A process for which dear probes are on. */
struct user {
	pid_t pid; /* 0: it has ended */
	struct probes probes;
	struct user *next;
};

/* What is needed to put a file's probes on for one more process. */
struct dear {
	int fd;
	struct batch batches[BATCH_NR];
	struct user *users;
};

static void user_free(struct user *u)
{
	probes_done(&u->probes);
	free(u);
}

void dear_free(struct dear *d)
{
	if (!d)
		return;
	while (d->users) {
		struct user *u = d->users;

		d->users = u->next;
		user_free(u);
	}
	close(d->fd);
	free(d);
}

static struct user *find_user(const struct dear *d, pid_t pid)
{
	struct user *u = d->users;

	while (u && u->pid != pid)
		u = u->next;
	return u;
}

bool dear_has(const struct dear *d, pid_t pid)
{
	return find_user(d, pid);
}

int dear_add(struct dear *d, const struct capture *c, pid_t pid)
{
	struct user *u;
	int r;

	if (find_user(d, pid))
		return 0;
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->pid = pid;
	r = probes_attach(c, d->batches, d->fd, pid, &u->probes);
	if (r < 0) {
		free(u);
		return r;
	}
	u->next = d->users;
	d->users = u;
	return 0;
}

int dear_new(const struct capture *c, int fd, const struct batch *batches, pid_t pid,
	     struct dear **ret)
{
	struct dear *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	memcpy(d->batches, batches, sizeof(d->batches));
	d->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	r = d->fd < 0 ? -errno : dear_add(d, c, pid);
	if (r < 0) {
		dear_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

void dear_end(struct dear *d, pid_t pid)
{
	struct user *u = find_user(d, pid);

	if (u)
		u->pid = 0;
}

void dear_sweep(struct dear *d)
{
	struct user **at = &d->users;

	while (*at) {
		struct user *u = *at;

		if (u->pid) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		user_free(u);
	}
}
