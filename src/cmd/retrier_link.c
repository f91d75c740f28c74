/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's side of retrier.c. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"
#include "cmd/retry.h"

#define ANSWER_MS 20000 /* longer than the retrier waits for the new run */

static int link_fd = -1;
static pid_t retrier;
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;

int retrier_start(const char *path, const int *close_fds)
{
	int fds[2], r = ipc_pair(fds);

	if (r < 0)
		return r;
	fflush(NULL);
	retrier = fork();
	if (retrier < 0) {
		r = -errno;
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (retrier == 0) {
		close(fds[0]);
		for (; *close_fds >= 0; close_fds++)
			close(*close_fds);
		retrier_main(fds[1], path);
	}
	close(fds[1]);
	link_fd = fds[0];
	return 0;
}

void retrier_stop(void)
{
	if (link_fd < 0)
		return;
	close(link_fd);
	link_fd = -1;
	while (waitpid(retrier, NULL, 0) < 0 && errno == EINTR)
		;
}

static void take_words(const cJSON *j, struct api_retried *ret)
{
	const struct slice why = json_str(j, "why");

	ret->pid = json_int(j, "pid");
	if (id128_parse(json_str(j, "run"), &ret->run) < 0)
		ret->run = (struct id128){ 0 };
	snprintf(ret->why, sizeof(ret->why), "%.*s", SLICE_ARG(why));
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The next answer: 1 where it is the one to @id. 0, or -errno where nothing more comes. */
static int take_answer(int64_t id, int *ret_r, struct api_retried *ret)
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
	if (json_int(j, "id") != id)
		return 0; /* of one that had not been waited for to its end */
	*ret_r = (int)-json_int(j, "error");
	take_words(j, ret);
	return 1;
}

static int wait_answer(int64_t id, struct api_retried *ret)
{
	const int64_t until = now_ms() + ANSWER_MS;
	int64_t left;
	int r = 0, said = 0;

	while (r == 0 && (left = until - now_ms()) > 0) {
		struct pollfd p = { .fd = link_fd, .events = POLLIN };

		if (poll(&p, 1, (int)left) > 0)
			r = take_answer(id, &said, ret);
	}
	return r > 0 ? said : r < 0 ? r : -ETIMEDOUT;
}

static int send_question(int64_t id, const struct id128 *run, const char *by)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct json_writer w = { .out = &text, .max = IPC_MAX };
	char hex[ID128_HEX_SIZE];

	id128_hex(run, hex);
	json_begin(&w, '{');
	json_key(&w, "id");
	json_put_int(&w, id);
	json_key(&w, "run");
	json_put_str(&w, slice_of(hex));
	json_key(&w, "by");
	json_put_str(&w, slice_of(by));
	json_end(&w, '}');
	return w.r < 0 ? w.r : ipc_send(link_fd, buf_slice(&text), NULL, 0);
}

int retrier_ask(void *ctx, const struct id128 *run, const char *by, struct api_retried *ret)
{
	static int64_t last_id;
	int r;

	(void)ctx;
	*ret = (struct api_retried){ 0 };
	if (pthread_mutex_trylock(&asking) != 0) {
		snprintf(ret->why, sizeof(ret->why), "another run is being started: a moment");
		return -EBUSY;
	}
	r = send_question(++last_id, run, by);
	if (r == 0)
		r = wait_answer(last_id, ret);
	pthread_mutex_unlock(&asking);
	return r;
}
