/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic.c for GnuTLS: traffic of known bytes between two threads of this process.
 *
 *	traffic_gnutls SIZE...	for each size and each way to send and receive one connection: SIZE
 *				bytes go and come back
 *	traffic_gnutls WAY SIZE...	likewise, in a way that programs rarely take: "file",
 *"packet", "early" (what goes is early data, of a connection that is resumed)
 */
#include <gnutls/gnutls.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PRIORITY  "NORMAL:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK"
#define EARLY_MAX (1 << 20)

enum way { PLAIN, CORKED, SEQUENCE, AGAIN, WAYS, SENT_FILE = WAYS, PACKET, EARLY, N_WAYS };

static const char *const rare[N_WAYS] = {
	[SENT_FILE] = "file", [PACKET] = "packet", [EARLY] = "early"
};

/* For connections that are resumed. */
static gnutls_datum_t ticket_key, session;
static gnutls_anti_replay_t replays;

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

static void send_file(gnutls_session_t s, const char *p, size_t n)
{
	int fd = memfd_create("sent", MFD_CLOEXEC);
	ssize_t r;

	if (write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET))
		exit(1);
	for (size_t at = 0; at < n; at += (size_t)r) {
		r = gnutls_record_send_file(s, fd, NULL, n - at);
		if (r <= 0)
			die("send file", r);
	}
	close(fd);
}

static void send_all(gnutls_session_t s, const struct end *e, const char *p)
{
	if (e->way == SENT_FILE) {
		send_file(s, p, e->size);
		return;
	}
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

static void recv_packets(gnutls_session_t s, char *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		gnutls_packet_t packet;
		gnutls_datum_t text;
		ssize_t r = gnutls_record_recv_packet(s, &packet);

		if (r <= 0)
			die("receive packet", r);
		gnutls_packet_get(packet, &text, NULL);
		memcpy(p + at, text.data, text.size);
		at += text.size;
		gnutls_packet_deinit(packet);
	}
}

static size_t recv_early(gnutls_session_t s, char *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t r = gnutls_record_recv_early_data(s, p + at, n - at);

		if (r <= 0)
			break;
		at += (size_t)r;
	}
	return at;
}

static void recv_all(gnutls_session_t s, const struct end *e, char *p)
{
	if (e->way == PACKET) {
		recv_packets(s, p, e->size);
		return;
	}
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

static int is_new(void *ctx, time_t expires, const gnutls_datum_t *key, const gnutls_datum_t *data)
{
	(void)ctx;
	(void)expires;
	(void)key;
	(void)data;
	return 0;
}

static void prepare_early(gnutls_session_t s, unsigned int flags)
{
	if (!replays) {
		gnutls_session_ticket_key_generate(&ticket_key);
		gnutls_anti_replay_init(&replays);
		gnutls_anti_replay_set_add_function(replays, is_new);
	}
	if (flags & GNUTLS_CLIENT)
		return;
	gnutls_session_ticket_enable_server(s, &ticket_key);
	gnutls_anti_replay_enable(s, replays);
	gnutls_record_set_max_early_data_size(s, EARLY_MAX);
}

static gnutls_session_t begin(const struct end *e, unsigned int flags, const char *early)
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
	gnutls_init(&s, e->way == EARLY ? flags | GNUTLS_ENABLE_EARLY_DATA : flags);
	if (e->way == EARLY)
		prepare_early(s, flags);
	gnutls_priority_set_direct(s, PRIORITY, NULL);
	if (flags & GNUTLS_SERVER)
		gnutls_credentials_set(s, GNUTLS_CRD_PSK, server);
	else
		gnutls_credentials_set(s, GNUTLS_CRD_PSK, client);
	gnutls_transport_set_int(s, e->fd);
	if (early && (gnutls_session_set_data(s, session.data, session.size) < 0 ||
		      gnutls_record_send_early_data(s, early, e->size) != 0))
		die("send early data", 0);
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
	gnutls_session_t s = begin(e, GNUTLS_SERVER, NULL);
	char *p = malloc(e->size);

	if (e->way != EARLY || recv_early(s, p, e->size) == 0)
		recv_all(s, e, p);
	send_all(s, e, p);
	gnutls_bye(s, GNUTLS_SHUT_WR);
	gnutls_deinit(s);
	free(p);
	return NULL;
}

static void run(const char *sent, size_t size, enum way way, bool resumed)
{
	int fds[2], little = 4096, flags = way == AGAIN ? SOCK_NONBLOCK : 0;
	struct end here, there;
	gnutls_session_t s;
	char *got = malloc(size);
	pthread_t t;

	if (socketpair(AF_UNIX, SOCK_STREAM | flags, 0, fds) < 0)
		exit(1);
	for (int i = 0; i < 2 && way == AGAIN; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	here = (struct end){ fds[0], size, way };
	there = (struct end){ fds[1], size, way };
	pthread_create(&t, NULL, serve, &there);
	s = begin(&here, GNUTLS_CLIENT, resumed ? sent : NULL);
	if (!resumed)
		send_all(s, &here, sent);
	else if (!(gnutls_session_get_flags(s) & GNUTLS_SFLAGS_EARLY_DATA))
		die("early data was refused", 0);
	recv_all(s, &here, got);
	if (way == EARLY && !resumed && gnutls_session_get_data2(s, &session) < 0)
		die("session", 0);
	if (memcmp(sent, got, size) != 0)
		die("echo", 0);
	pthread_join(t, NULL);
	gnutls_deinit(s);
	close(fds[0]);
	close(fds[1]);
	free(got);
}

static void cycles(int n)
{
	char text[32];

	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "connection %06d;", i);
		run(text, strlen(text), (enum way)(i % WAYS), false);
	}
}

static void both_ways(size_t size, enum way way)
{
	char *sent = bytes(size);

	run(sent, size, way, false);
	if (way == EARLY)
		run(sent, size, way, true);
	free(sent);
}

int main(int argc, char **argv)
{
	enum way from = PLAIN, to = WAYS;

	if (argc == 3 && strcmp(argv[1], "cycles") == 0) {
		cycles(atoi(argv[2]));
		return 0;
	}
	for (enum way way = WAYS; argc > 1 && way < N_WAYS; way++)
		if (strcmp(argv[1], rare[way]) == 0)
			to = (from = way) + 1;
	for (int i = from == PLAIN ? 1 : 2; i < argc; i++)
		for (enum way way = from; way < to; way++)
			both_ways(strtoul(argv[i], NULL, 10), way);
	return 0;
}
