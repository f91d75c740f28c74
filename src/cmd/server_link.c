/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/server_link.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/ipc_answer.h"
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

int server_link_stop(void *ctx, uint32_t uid, uint32_t pid, uint64_t start_ns)
{
	_cleanup_(cJSON_Deletep) cJSON *answer = NULL;
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
		r = ipc_answer(link_fd, last_id, ANSWER_MS, &answer);
	pthread_mutex_unlock(&asking);
	return r < 0 ? r : (int)-json_int(answer, "error");
}
