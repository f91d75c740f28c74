/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking a daemon to leave a process: what is said, and that nobody waits for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cmd/hand_over.h"

static char dir[64], path[108], request[4096];
static const char *answer; /* NULL: none comes */

static void *serve(void *ctx)
{
	int fd = accept(*(int *)ctx, NULL, NULL);
	ssize_t n = read(fd, request, sizeof(request) - 1);

	request[n > 0 ? n : 0] = '\0';
	if (answer)
		assert_int_equal(write(fd, answer, strlen(answer)), strlen(answer));
	else
		usleep(400000);
	close(fd);
	return NULL;
}

static int ask(const char *says)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
	pthread_t thread;

	answer = says;
	snprintf(dir, sizeof(dir), "/tmp/sonde-unit-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	memcpy(a.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, &fd), 0);
	r = hand_over(path, getpid(), "/srv/x\"y.db");
	pthread_join(thread, NULL);
	close(fd);
	unlink(path);
	rmdir(dir);
	return r;
}

static void what_is_asked_for_is_this_process(void **state)
{
	char pid[64];
	const char *at;
	struct timespec now;
	uint64_t start;

	(void)state;
	assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 0);
	assert_int_equal(strncmp(request, "POST /api/v1/leave HTTP/1.1\r\n", 29), 0);
	snprintf(pid, sizeof(pid), "{\"pid\":%d,\"start_ns\":", getpid());
	at = strstr(request, pid);
	assert_non_null(at);
	start = strtoull(at + strlen(pid), NULL, 10);
	clock_gettime(CLOCK_BOOTTIME, &now);
	assert_true(start > 0 && start <= (uint64_t)now.tv_sec * 1000000000u + 1000000000u);
	assert_non_null(strstr(request, "\"run_db\":\"/srv/x\\\"y.db\"}"));
}

static void other_answers_are_none(void **state)
{
	(void)state;
	assert_int_equal(ask("HTTP/1.1 403 Forbidden\r\n\r\n"), -EPERM);
	assert_int_equal(ask("HTTP/1.1 nonsense"), -EBADMSG);
	assert_int_equal(ask("x"), -EPIPE);
}

static void nobody_waits_for_long(void **state)
{
	struct timespec a, b;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(ask(NULL), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 2000);
	assert_int_equal(hand_over("/nonexistent/socket", getpid(), NULL), -ENOENT);
	assert_int_equal(hand_over(path, 0x3ffffffe, NULL), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_for_is_this_process),
		cmocka_unit_test(other_answers_are_none),
		cmocka_unit_test(nobody_waits_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
