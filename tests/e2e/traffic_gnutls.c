/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic.c for GnuTLS: traffic of known bytes between two threads of this process.
 *
 *	traffic_gnutls SIZE...	for each size and each way to send and receive one connection: SIZE
 *				bytes go and come back
 */
#include <gnutls/gnutls.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PRIORITY "NORMAL:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK"

enum way { PLAIN, CORKED, SEQUENCE, AGAIN, WAYS };

struct end {
	int fd;
	size_t size;
	enum way way;
};

static void die(const char *what, ssize_t r)
{
	fprintf(stderr, "%s: %s\n", what, gnutls_strerror((int)r));
	exit(1);
}

static char *bytes(size_t n)
{
	char *p = malloc(n);

	/* As traffic.c has it. */
	for (size_t i = 0; p && i < n; i++)
		p[i] = (char)(i % 251 ^ i / 251 % 241);
	if (!p)
		exit(1);
	return p;
}

/* One record; where it cannot go at once it is continued without data, as the manual has it. */
static ssize_t send_some(gnutls_session_t s, int fd, const char *p, size_t n)
{
	ssize_t r = gnutls_record_send(s, p, n);

	while (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED) {
		struct pollfd pfd = { .fd = fd, .events = POLLOUT };

		poll(&pfd, 1, -1);
		r = gnutls_record_send(s, NULL, 0);
	}
	return r;
}

static void send_all(gnutls_session_t s, const struct end *e, const char *p)
{
	if (e->way == CORKED)
		gnutls_record_cork(s);
	for (size_t at = 0; at < e->size;) {
		ssize_t r = e->way == SEQUENCE ? gnutls_record_send2(s, p + at, e->size - at, 0, 0)
					       : send_some(s, e->fd, p + at, e->size - at);

		if (r <= 0)
			die("send", r);
		at += (size_t)r;
	}
	if (e->way == CORKED && gnutls_record_uncork(s, GNUTLS_RECORD_WAIT) < 0)
		die("uncork", 0);
}

static void recv_all(gnutls_session_t s, const struct end *e, char *p)
{
	for (size_t at = 0; at < e->size;) {
		unsigned char seq[8];
		ssize_t r = e->way == SEQUENCE
				    ? gnutls_record_recv_seq(s, p + at, e->size - at, seq)
				    : gnutls_record_recv(s, p + at, e->size - at);

		if (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED) {
			struct pollfd pfd = { .fd = e->fd, .events = POLLIN };

			poll(&pfd, 1, -1);
			continue;
		}
		if (r <= 0)
			die("recv", r);
		at += (size_t)r;
	}
}

static int server_key(gnutls_session_t s, const char *user, gnutls_datum_t *key)
{
	(void)s;
	(void)user;
	key->data = gnutls_malloc(16);
	key->size = 16;
	memset(key->data, 7, 16);
	return 0;
}

static gnutls_session_t begin(const struct end *e, unsigned int flags)
{
	static const gnutls_datum_t key = { (unsigned char *)"\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7",
					    16 };
	static gnutls_psk_client_credentials_t client;
	static gnutls_psk_server_credentials_t server;
	gnutls_session_t s;
	int r;

	if (flags & GNUTLS_SERVER && !server) {
		gnutls_psk_allocate_server_credentials(&server);
		gnutls_psk_set_server_credentials_function(server, server_key);
	}
	if (flags & GNUTLS_CLIENT && !client) {
		gnutls_psk_allocate_client_credentials(&client);
		gnutls_psk_set_client_credentials(client, "user", &key, GNUTLS_PSK_KEY_RAW);
	}
	gnutls_init(&s, flags);
	gnutls_priority_set_direct(s, PRIORITY, NULL);
	if (flags & GNUTLS_SERVER)
		gnutls_credentials_set(s, GNUTLS_CRD_PSK, server);
	else
		gnutls_credentials_set(s, GNUTLS_CRD_PSK, client);
	gnutls_transport_set_int(s, e->fd);
	do
		r = gnutls_handshake(s);
	while (r < 0 && !gnutls_error_is_fatal(r));
	if (r < 0)
		die("handshake", r);
	return s;
}

static void *serve(void *arg)
{
	const struct end *e = arg;
	gnutls_session_t s = begin(e, GNUTLS_SERVER);
	char *p = malloc(e->size);

	recv_all(s, e, p);
	send_all(s, e, p);
	gnutls_bye(s, GNUTLS_SHUT_WR);
	gnutls_deinit(s);
	free(p);
	return NULL;
}

static void run(size_t size, enum way way)
{
	int fds[2], little = 4096, flags = way == AGAIN ? SOCK_NONBLOCK : 0;
	struct end here, there;
	gnutls_session_t s;
	char *sent = bytes(size), *got = malloc(size);
	pthread_t t;

	if (socketpair(AF_UNIX, SOCK_STREAM | flags, 0, fds) < 0)
		exit(1);
	for (int i = 0; i < 2 && way == AGAIN; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	here = (struct end){ fds[0], size, way };
	there = (struct end){ fds[1], size, way };
	pthread_create(&t, NULL, serve, &there);
	s = begin(&here, GNUTLS_CLIENT);
	send_all(s, &here, sent);
	recv_all(s, &here, got);
	if (memcmp(sent, got, size) != 0)
		die("echo", 0);
	pthread_join(t, NULL);
	gnutls_deinit(s);
	close(fds[0]);
	close(fds[1]);
	free(sent);
	free(got);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		for (int way = PLAIN; way < WAYS; way++)
			run(strtoul(argv[i], NULL, 10), (enum way)way);
	return 0;
}
