/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A read that was blocked when the probes came: a child waits in read() on a pipe and on a pair of
 * sockets, then it is put in scope, then it gets a message. Its writer is not in scope. Exits with
 * 0 where the message comes out of the ring, whole and once.
 */
#include <bpf/libbpf.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/capture.h"
#include "probe/features.h"
#include "probe/tracefs.h"
#include "sonde/event.h"

#define TEXT_MAX 65536

static char got[TEXT_MAX];
static size_t n_got;
static int n_uses;

static int on_event(void *ctx, void *data, size_t n)
{
	const struct sonde_event *e = data;
	const struct sonde_data_event *d = data;

	(void)ctx, (void)n;
	n_uses += e->kind == SONDE_EV_CONN_USE;
	if (e->kind != SONDE_EV_DATA || d->pos + d->len > TEXT_MAX)
		return 0;
	memcpy(got + d->pos, d->data, d->len);
	n_got += d->len;
	return 0;
}

/* Whether the process sleeps in read(). */
static int is_blocked(pid_t pid)
{
	char path[64], text[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	f = fopen(path, "r");
	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = '\0';
		fclose(f);
	}
	return strncmp(text, "0 ", 2) == 0;
}

static pid_t blocked_child(int fd, int close_fd)
{
	static char buf[TEXT_MAX];
	pid_t pid = fork();

	if (pid == 0) {
		close(close_fd);
		if (read(fd, buf, sizeof(buf)) <= 0)
			_exit(1);
		_exit(0);
	}
	for (int i = 0; i < 500 && !is_blocked(pid); i++)
		usleep(10000);
	return pid;
}

static int try(struct capture *c, struct ring_buffer *rb, const int fd[2], const char *name)
{
	static char text[5000];
	size_t n = sizeof(text);
	pid_t pid = blocked_child(fd[0], fd[1]);
	int status = -1, bad;

	memset(text, 'x', n);
	memcpy(text, "{\"jsonrpc\":\"2.0\",\"method\":\"", 27);
	memcpy(text + n - 3, "\"}\n", 3);
	n_got = 0;
	n_uses = 0;
	capture_scope_add(c, pid, capture_start_of(c, pid), 1, false);
	if (!is_blocked(pid) || write(fd[1], text, n) != (ssize_t)n)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ring_buffer__consume(rb);
	bad = status || n_got != n || memcmp(got, text, n) != 0 || n_uses != 1;
	printf("%s: status %d, %zu of %zu bytes, %d users%s\n", name, status, n_got, n, n_uses,
	       bad ? ": wrong" : "");
	close(fd[0]);
	close(fd[1]);
	return bad;
}

int main(void)
{
	const struct capture_wanted wanted = { .ring_bytes = 4 << 20 };
	struct features f;
	struct capture *c;
	struct ring_buffer *rb;
	char message[512] = "";
	size_t missing;
	int p[2], s[2], bad;

	if (pipe(p) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0 || features_probe(&f) < 0)
		return 2;
	if (capture_new(&f, &wanted, &c, message, sizeof(message)) < 0 ||
	    capture_attach(c, tracefs_open(), &missing) < 0) {
		fprintf(stderr, "%s\n", message);
		return 2;
	}
	rb = ring_buffer__new(capture_ring_fd(c), on_event, NULL, NULL);
	if (!rb)
		return 2;
	bad = try(c, rb, p, "pipe");
	bad |= try(c, rb, s, "sockets");
	ring_buffer__free(rb);
	capture_free(c);
	return bad;
}
