/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An LLM-shaped HTTPS load on loopback, to measure what tracing adds.
 *
 *	tlsload server PORT CERT KEY
 *	tlsload client PORT SHAPE COUNT [classic]	prints one line: key=value ...
 *
 * Shapes: 1k, 16k: closed loop of POSTs that are answered by as many bytes; 1m: one MiB every 20
 *ms; sse: 100 events of 200 bytes as fast as they go; paced: the same with one event a millisecond.
 * `classic` after COUNT puts the baseline's probes on the client first (classic.h).
 * One connection, keep-alive. Times are per exchange, but for `paced` per event: how late it
 * arrives after the time that the server wrote into it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "classic.h"

#define EVENTS	   100
#define EVENT_SIZE 200
#define WARM	   50
#define BUF_SIZE   (4u << 20)

struct shape {
	const char *name;
	size_t body;	 /* of request and answer */
	unsigned gap_us; /* between exchanges */
	unsigned event_gap_us;
	int stream;
};

static const struct shape shapes[] = {
	{ .name = "1k", .body = 1024 },
	{ .name = "16k", .body = 16384 },
	{ .name = "1m", .body = 1 << 20, .gap_us = 20000 },
	{ .name = "sse", .body = 1024, .stream = 1 },
	{ .name = "paced", .body = 1024, .stream = 1, .event_gap_us = 1000 },
};

static uint64_t bytes_out, bytes_in;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void put(SSL *s, const char *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		int w = SSL_write(s, p + at, (int)(n - at));

		if (w <= 0)
			die("write failed");
		at += (size_t)w;
		bytes_out += (size_t)w;
	}
}

static size_t get(SSL *s, char *p, size_t max)
{
	int r = SSL_read(s, p, (int)max);

	if (r <= 0)
		return 0;
	bytes_in += (size_t)r;
	return (size_t)r;
}

/* Reads a head and its body into @buf; the length of all, or 0 at the end. */
static size_t get_message(SSL *s, char *buf)
{
	size_t n = 0, want;
	const char *end, *length;

	buf[0] = '\0';
	while (!(end = strstr(buf, "\r\n\r\n"))) {
		size_t r = get(s, buf + n, BUF_SIZE - n - 1);

		if (r == 0)
			return 0;
		n += r;
		buf[n] = '\0';
	}
	length = strstr(buf, "Content-Length: ");
	if (!length || length > end)
		return n;
	want = (size_t)(end - buf) + 4 + strtoul(length + 16, NULL, 10);
	while (n < want) {
		size_t r = get(s, buf + n, BUF_SIZE - n - 1);

		if (r == 0)
			return 0;
		n += r;
	}
	return n;
}

/* --- server --- */

static const char answer_start[] = "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\","
				   "\"model\":\"gpt-4o\",\"usage\":{\"prompt_tokens\":10,"
				   "\"completion_tokens\":5,\"total_tokens\":15},\"choices\":[{"
				   "\"index\":0,\"finish_reason\":\"stop\","
				   "\"message\":{\"role\":\"assistant\",\"content\":\"";
static const char answer_end[] = "\"}}]}";

static void send_json(SSL *s, size_t body, char *buf)
{
	size_t fixed = sizeof(answer_start) + sizeof(answer_end) - 2;
	size_t fill = body > fixed ? body - fixed : 0;
	size_t n = (size_t)sprintf(buf,
				   "HTTP/1.1 200 OK\r\nContent-Type: "
				   "application/json\r\nContent-Length: %zu\r\n\r\n%s",
				   fixed + fill, answer_start);

	memset(buf + n, 'x', fill);
	memcpy(buf + n + fill, answer_end, sizeof(answer_end) - 1);
	put(s, buf, n + fill + sizeof(answer_end) - 1);
}

static void wait_until(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000),
			      .tv_nsec = (long)(ns % 1000000000) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void send_events(SSL *s, unsigned gap_us, char *buf)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: "
				   "text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
	uint64_t next = now_ns();

	put(s, head, sizeof(head) - 1);
	for (int i = 0; i < EVENTS; i++) {
		char event[EVENT_SIZE + 1];
		int n;

		next += gap_us * 1000ull;
		if (gap_us)
			wait_until(next);
		n = snprintf(
			event, sizeof(event),
			"data: "
			"{\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\",\"choices\":[{"
			"\"index\":0,\"delta\":{\"content\":\"%020llu %-60s\"}}]}",
			(unsigned long long)now_ns(), "text");
		n = sprintf(buf, "%x\r\n%s\n\n\r\n", n + 2, event);
		put(s, buf, (size_t)n);
	}
	put(s, "0\r\n\r\n", 5);
}

static void serve(SSL *s)
{
	char *buf = malloc(BUF_SIZE);

	if (!buf || SSL_accept(s) != 1)
		die("no handshake");
	while (get_message(s, buf)) {
		unsigned size = 0, stream = 0, gap = 0;

		if (sscanf(buf, "POST /v1/chat/completions?size=%u&stream=%u&gap=%u", &size,
			   &stream, &gap) != 3)
			die("not our request");
		if (stream)
			send_events(s, gap, buf);
		else
			send_json(s, size, buf);
	}
	free(buf);
}

static int listen_on(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 8))
		die("cannot listen on %d", port);
	return fd;
}

__attribute__((noreturn)) static void server(int port, const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int lfd = listen_on(port), one = 1;

	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die("cannot read certificate");
	puts("ready");
	fflush(stdout);
	for (;;) { /* one connection after the other: the bench ends it by its pid */
		int fd = accept(lfd, NULL, NULL);
		SSL *s = SSL_new(ctx);

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		SSL_set_fd(s, fd);
		serve(s);
		SSL_free(s);
		close(fd);
	}
}

/* --- client --- */

static SSL *dial(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *s = SSL_new(SSL_CTX_new(TLS_client_method()));

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("cannot connect to %d", port);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	SSL_set_fd(s, fd);
	if (SSL_connect(s) != 1)
		die("no handshake");
	return s;
}

static size_t make_request(const struct shape *h, char *buf)
{
	static const char start[] =
		"{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"";
	static const char end[] = "\"}]}";
	size_t fill = h->body - (sizeof(start) + sizeof(end) - 2);
	size_t n =
		(size_t)sprintf(buf,
				"POST /v1/chat/completions?size=%zu&stream=%d&gap=%u "
				"HTTP/1.1\r\nHost: localhost\r\n"
				"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
				h->body, h->stream, h->event_gap_us, h->body, start);

	memset(buf + n, 'y', fill);
	memcpy(buf + n + fill, end, sizeof(end) - 1);
	return n + fill + sizeof(end) - 1;
}

/* The stream until its last chunk; notes how late each event is, in us. */
static void get_events(SSL *s, char *buf, double late[EVENTS])
{
	size_t n = 0, events = 0, seen = 0;

	while (n < 5 || memcmp(buf + n - 5, "0\r\n\r\n", 5) != 0) {
		size_t r = get(s, buf + n, BUF_SIZE - n - 1);
		uint64_t at = now_ns();
		const char *p;

		if (r == 0)
			die("stream ended early");
		n += r;
		buf[n] = '\0';
		while ((p = strstr(buf + seen, "\"content\":\"")) && strchr(p + 11, ' ')) {
			if (events < EVENTS)
				late[events++] = (double)(at - strtoull(p + 11, NULL, 10)) / 1e3;
			seen = (size_t)(p - buf) + 11;
		}
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void report(const struct shape *h, double *us, size_t n)
{
	double sum = 0;

	qsort(us, n, sizeof(*us), by_value);
	for (size_t i = 0; i < n; i++)
		sum += us[i];
	printf("shape=%s n=%zu median=%.2f mean=%.2f p90=%.2f p99=%.2f sent=%llu received=%llu\n",
	       h->name, n, us[n / 2], sum / (double)n, us[n * 9 / 10], us[n * 99 / 100],
	       (unsigned long long)bytes_out, (unsigned long long)bytes_in);
}

static void client(int port, const struct shape *h, size_t count)
{
	char *request = malloc(2 << 20), *buf = malloc(BUF_SIZE);
	double *us = calloc(count * EVENTS, sizeof(*us)), late[EVENTS] = { 0 };
	size_t n = 0, len, warm = count < WARM ? 0 : WARM;
	SSL *s = dial(port);

	if (!request || !buf || !us)
		die("no memory");
	len = make_request(h, request);
	for (size_t i = 0; i < count + warm; i++) {
		uint64_t start = now_ns();

		put(s, request, len);
		if (h->stream)
			get_events(s, buf, late);
		else if (!get_message(s, buf))
			die("connection ended");
		if (i >= warm && h->event_gap_us) {
			memcpy(us + n, late, sizeof(late));
			n += EVENTS;
		} else if (i >= warm) {
			us[n++] = (double)(now_ns() - start) / 1e3;
		}
		if (h->gap_us)
			usleep(h->gap_us);
	}
	report(h, us, n);
	SSL_shutdown(s);
	SSL_free(s);
	free(us);
	free(buf);
	free(request);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "server") == 0)
		server(atoi(argv[2]), argv[3], argv[4]);
	if (argc == 6 && strcmp(argv[5], "classic") == 0 && classic_attach())
		die("cannot attach the baseline's probes");
	for (size_t i = 0; argc >= 5 && i < ARRAY_SIZE(shapes); i++)
		if (strcmp(argv[1], "client") == 0 && strcmp(shapes[i].name, argv[3]) == 0) {
			client(atoi(argv[2]), &shapes[i], strtoul(argv[4], NULL, 10));
			return 0;
		}
	die("usage: tlsload server PORT CERT KEY | tlsload client PORT 1k|16k|1m|sse|paced COUNT "
	    "[classic]");
}
