/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's side of retrier.c. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/ipc_answer.h"
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
	_cleanup_(cJSON_Deletep) cJSON *answer = NULL;
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
		r = ipc_answer(link_fd, last_id, ANSWER_MS, &answer);
	pthread_mutex_unlock(&asking);
	if (r < 0)
		return r;
	take_words(answer, ret);
	return (int)-json_int(answer, "error");
}
