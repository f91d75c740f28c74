/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ipc_answer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The next message: 1 where it is the answer to @id. 0, or -errno where nothing more comes. */
static int take(int fd, int64_t id, char *text, cJSON **ret)
{
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	int fds[IPC_FDS_MAX];
	const ssize_t n = ipc_recv(fd, text, fds);

	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		closep(&fds[i]);
	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return n < 0 ? (int)n : -EPIPE;
	j = json_parse((struct slice){ text, (size_t)n });
	if (!cJSON_HasObjectItem(j, "id") || json_int(j, "id") != id)
		return 0;
	*ret = j;
	j = NULL;
	return 1;
}

int ipc_answer(int fd, int64_t id, int ms, cJSON **ret)
{
	const int64_t until = now_ms() + ms;
	_cleanup_(freep) char *text = malloc(IPC_MAX);
	int64_t left;
	int r = 0;

	*ret = NULL;
	if (!text)
		return -ENOMEM;
	while (r == 0 && (left = until - now_ms()) > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, (int)left) > 0)
			r = take(fd, id, text, ret);
	}
	return r > 0 ? 0 : r < 0 ? r : -ETIMEDOUT;
}
