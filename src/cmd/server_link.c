/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/server_link.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"

#define ANSWER_MS 5000

static int link_fd = -1;
/* One question at a time: an answer is an instant's work. */
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;

void server_link_open(int fd)
{
	link_fd = fd;
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

bool server_link_is_open(void)
{
	return link_fd >= 0;
}

int server_link_leave(void *ctx, uint32_t pid, uint64_t start_ns)
{
	char text[96];

	(void)ctx;
	snprintf(text, sizeof(text), "{\"op\":\"leave\",\"pid\":%u,\"start_ns\":%" PRIu64 "}", pid,
		 start_ns);
	return ipc_send(link_fd, slice_of(text), NULL, 0);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The next answer: 1 where it is the one to @id. 0, or -errno where nothing more comes. */
static int take_answer(int64_t id, int *ret)
{
	static char text[IPC_MAX];
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	int fds[IPC_FDS_MAX];
	const ssize_t n = ipc_recv(link_fd, text, fds);

	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		closep(&fds[i]);
	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return n < 0 ? (int)n : -EPIPE;
	j = json_parse((struct slice){ text, (size_t)n });
	if (!slice_eq(json_str(j, "op"), SLICE("acted")) || json_int(j, "id") != id)
		return 0; /* of one that had not been waited for to its end */
	*ret = (int)-json_int(j, "error");
	return 1;
}

static int wait_answer(int64_t id)
{
	const int64_t until = now_ms() + ANSWER_MS;
	int64_t left;
	int r = 0, said = 0;

	while (r == 0 && (left = until - now_ms()) > 0) {
		struct pollfd p = { .fd = link_fd, .events = POLLIN };

		if (poll(&p, 1, (int)left) > 0)
			r = take_answer(id, &said);
	}
	return r > 0 ? said : r < 0 ? r : -ETIMEDOUT;
}

int server_link_stop(void *ctx, uint32_t uid, uint32_t pid, uint64_t start_ns)
{
	static int64_t last_id;
	struct timespec until;
	char text[160];
	int r;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ANSWER_MS / 1000;
	if (pthread_mutex_clocklock(&asking, CLOCK_MONOTONIC, &until) != 0)
		return -ETIMEDOUT;
	/* The time as a text: as a JSON number it would lose its last digits. */
	snprintf(text, sizeof(text),
		 "{\"op\":\"stop\",\"id\":%" PRId64 ",\"uid\":%u,\"pid\":%u,\"start\":\"%" PRIu64
		 "\"}",
		 ++last_id, uid, pid, start_ns);
	r = ipc_send(link_fd, slice_of(text), NULL, 0);
	if (r == 0)
		r = wait_answer(last_id);
	pthread_mutex_unlock(&asking);
	return r;
}
