/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/hand_over.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/unix_socket.h"

#define TEXT_MAX   8192
#define NS_PER_S   1000000000ull
#define START_TEXT 22 /* field of /proc/PID/stat */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* In ticks only: enough to tell it from another one of that number. 0: it has gone. */
static uint64_t start_of(pid_t pid)
{
	char path[64], text[1024];
	_cleanup_(closep) int fd = -1;
	const char *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strrchr(text, ')'); /* the name, field 2, may hold anything */
	for (int field = 2; at && field < START_TEXT; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK)) : 0;
}

static int make_request(pid_t pid, uint64_t start_ns, const char *db, struct buf *ret)
{
	_cleanup_(buf_done) struct buf body = { 0 };
	struct json_writer w = { .out = &body, .max = TEXT_MAX };
	char head[256];

	json_begin(&w, '{');
	json_key(&w, "pid");
	json_put_int(&w, pid);
	json_key(&w, "start_ns");
	json_put_int(&w, (int64_t)start_ns);
	if (db) {
		json_key(&w, "run_db");
		json_put_str(&w, slice_of(db));
	}
	json_end(&w, '}');
	if (w.r < 0)
		return w.r;
	snprintf(head, sizeof(head),
		 "POST /api/v1/leave HTTP/1.1\r\nHost: sonde\r\nConnection: close\r\n"
		 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		 body.n);
	if (buf_add(ret, slice_of(head), TEXT_MAX) < 0)
		return -ENOMEM;
	return buf_add(ret, buf_slice(&body), 2 * (size_t)TEXT_MAX);
}

/* The status of the answer, or -errno. */
static int read_status(int fd, int64_t until_ms)
{
	char text[64];
	size_t n = 0;
	int status;

	while (n < sizeof("HTTP/1.1 200") - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		const int64_t left = until_ms - now_ms();
		ssize_t got;

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return -ETIMEDOUT;
		got = recv(fd, text + n, sizeof(text) - 1 - n, MSG_DONTWAIT);
		if (got <= 0)
			return got < 0 ? -errno : -EPIPE;
		n += (size_t)got;
	}
	text[n] = '\0';
	/* NOLINTNEXTLINE(cert-err34-c): three digits. */
	return sscanf(text, "HTTP/1.%*1d %3d", &status) == 1 ? status : -EBADMSG;
}

int hand_over(const char *socket, pid_t pid, const char *db)
{
	const int64_t until = now_ms() + HAND_OVER_MS;
	const uint64_t start_ns = start_of(pid);
	_cleanup_(closep) int fd = start_ns ? unix_connect(socket, SOCK_NONBLOCK) : -ESRCH;
	_cleanup_(buf_done) struct buf request = { 0 };
	int r;

	if (fd < 0)
		return fd;
	r = make_request(pid, start_ns, db, &request);
	if (r < 0)
		return r;
	if (send(fd, request.p, request.n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)request.n)
		return -errno;
	r = read_status(fd, until);
	return r < 0 ? r : r == 200 || r == 204 ? 0 : -EPERM;
}
