/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTP/1.0: an answer ends with its connection, and what it lacks then its own lines tell. */
#include "cmd/remote_http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/unix_socket.h"

#define LINE_BYTES (32u << 20)
#define HEAD_BYTES 16384

static int send_all(int fd, struct slice s)
{
	while (s.n) {
		const ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s = slice_from(s, (size_t)n);
	}
	return 0;
}

static int send_request(int fd, const char *method, const char *target, const char *headers,
			struct slice body)
{
	_cleanup_(freep) char *head = NULL;
	int r;

	if (asprintf(&head, "%s %s HTTP/1.0\r\nHost: sonde\r\nContent-Length: %zu\r\n%s\r\n",
		     method, target, body.n, headers) < 0)
		return -ENOMEM;
	r = send_all(fd, slice_of(head));
	return r < 0 ? r : send_all(fd, body);
}

/* Some more bytes; 0 at the end. */
static int receive(struct http_reply *r, size_t max)
{
	char part[65536];
	ssize_t n;

	if (r->at) {
		memmove(r->in.p, r->in.p + r->at, r->in.n - r->at);
		r->in.n -= r->at;
		r->at = 0;
	}
	n = read(r->fd, part, sizeof(part));
	if (n < 0)
		return -errno;
	if (n && buf_add(&r->in, (struct slice){ part, (size_t)n }, max) < 0)
		return -EMSGSIZE;
	return n > 0;
}

int http_line(struct http_reply *r, struct slice *ret)
{
	size_t looked = r->at;

	for (;;) {
		const char *nl =
			r->in.n > looked ? memchr(r->in.p + looked, '\n', r->in.n - looked) : NULL;
		int got;

		if (nl) {
			*ret = (struct slice){ r->in.p + r->at, (size_t)(nl - r->in.p) - r->at };
			r->at += ret->n + 1;
			return 1;
		}
		looked = r->in.n - r->at;
		got = receive(r, LINE_BYTES);
		if (got <= 0)
			return got;
	}
}

/* "HTTP/1.1 200 OK", then headers that mean nothing to us. */
static int read_head(struct http_reply *r)
{
	struct slice line;
	uint64_t status;
	size_t bytes = 0;
	int got = http_line(r, &line);

	if (got <= 0)
		return got < 0 ? got : -EBADMSG;
	if (line.n < 12 || !slice_starts(line, SLICE("HTTP/1.")) ||
	    !slice_u64((struct slice){ line.p + 9, 3 }, &status))
		return -EBADMSG;
	r->status = (int)status;
	while ((got = http_line(r, &line)) > 0 && slice_trim(line).n) {
		bytes += line.n;
		if (bytes > HEAD_BYTES)
			return -EBADMSG;
	}
	return got > 0 ? 0 : got < 0 ? got : -EBADMSG;
}

int http_ask(const char *socket, const char *method, const char *target, const char *headers,
	     struct slice body, struct http_reply *ret)
{
	struct http_reply reply = { .fd = unix_connect(socket, 0) };
	int r = reply.fd < 0 ? reply.fd : 0;

	if (r == 0)
		r = send_request(reply.fd, method, target, headers, body);
	/* One that was refused early may have answered before it was whole. */
	if (r == 0 || r == -EPIPE)
		r = read_head(&reply);
	if (r < 0) {
		http_done(&reply);
		return r;
	}
	*ret = reply;
	return 0;
}

void http_done(struct http_reply *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	buf_done(&r->in);
	r->in = (struct buf){ 0 };
}

void http_problem(struct http_reply *r, char *ret, size_t size)
{
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	struct slice line = { 0 }, message;

	if (http_line(r, &line) > 0)
		j = json_parse(line);
	message = json_str(j, "error.message");
	if (message.n)
		snprintf(ret, size, "%.*s", SLICE_ARG(message));
	else
		snprintf(ret, size, "it answered %d", r->status);
}
