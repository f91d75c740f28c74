/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traffic of known bytes between two threads of this process, over loopback.
 *
 *	traffic tls SIZE...		for each size one connection with SSL_read/SSL_write and one
 *with their _ex: one call sends SIZE bytes, they come back in one call traffic stream N SIZE MS
 *one connection: N times SIZE bytes and an echo, MS between
 *	traffic cycles N		N connections one after the other, each saying its port; the
 *					library's objects are freed, or every third time cleared and
 *used again traffic bytes SIZE		what was sent, to stdout
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct session {
	int listener;
	size_t size;
	int n, pause_ms;
	bool ex;
	SSL_CTX *server_ctx;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static char *bytes(size_t n)
{
	char *p = malloc(n);

	/* A period that no chunk size divides. */
	for (size_t i = 0; p && i < n; i++)
		p[i] = (char)(i % 251 ^ i / 251 % 241);
	return p ? p : (die("malloc"), NULL);
}

static SSL_CTX *server_ctx(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	X509_sign(x, key, EVP_sha256());
	if (SSL_CTX_use_certificate(ctx, x) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		die("certificate");
	X509_free(x);
	EVP_PKEY_free(key);
	return ctx;
}

static void send_all(SSL *ssl, const char *p, size_t n, bool ex)
{
	size_t done = 0;

	if (ex ? SSL_write_ex(ssl, p, n, &done) != 1 || done != n
	       : SSL_write(ssl, p, (int)n) != (int)n)
		die("write");
}

static void recv_all(SSL *ssl, char *p, size_t n, bool ex)
{
	for (size_t at = 0; at < n;) {
		size_t got = 0;

		if (ex) {
			if (SSL_read_ex(ssl, p + at, n - at, &got) != 1)
				die("read");
		} else {
			int r = SSL_read(ssl, p + at, (int)(n - at));

			if (r <= 0)
				die("read");
			got = (size_t)r;
		}
		at += got;
	}
}

static void *serve(void *arg)
{
	struct session *s = arg;
	int fd = accept(s->listener, NULL, NULL);
	char *p = malloc(s->size);
	SSL *ssl = SSL_new(s->server_ctx);

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) != 1)
		die("accept");
	for (int i = 0; i < s->n; i++) {
		recv_all(ssl, p, s->size, s->ex);
		send_all(ssl, p, s->size, s->ex);
	}
	SSL_free(ssl);
	close(fd);
	free(p);
	return NULL;
}

static void run(struct session *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timespec pause = { .tv_nsec = s->pause_ms * 1000000L };
	char *sent = bytes(s->size), *got = malloc(s->size);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t n = sizeof(a);
	SSL *ssl = SSL_new(ctx);
	pthread_t t;

	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s->listener, (void *)&a, n) || listen(s->listener, 1) ||
	    getsockname(s->listener, (void *)&a, &n))
		die("listen");
	pthread_create(&t, NULL, serve, s);
	if (connect(fd, (void *)&a, n))
		die("connect");
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1)
		die("handshake");
	for (int i = 0; i < s->n; i++) {
		send_all(ssl, sent, s->size, s->ex);
		recv_all(ssl, got, s->size, s->ex);
		if (memcmp(sent, got, s->size) != 0)
			die("echo");
		if (s->pause_ms)
			nanosleep(&pause, NULL);
	}
	pthread_join(t, NULL);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	close(s->listener);
	free(sent);
	free(got);
}

/* --- cycles --- */

#define CYCLE_SIZE 40

static void *serve_cycles(void *arg)
{
	struct session *s = arg;
	char text[CYCLE_SIZE];
	SSL *ssl = NULL;

	for (int i = 0; i < s->n; i++) {
		int fd = accept(s->listener, NULL, NULL);

		if (!ssl)
			ssl = SSL_new(s->server_ctx);
		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) != 1)
			die("accept");
		recv_all(ssl, text, sizeof(text), i % 2);
		send_all(ssl, text, sizeof(text), i % 2);
		SSL_shutdown(ssl);
		if (i % 3 == 0) {
			SSL_clear(ssl);
		} else {
			SSL_free(ssl);
			ssl = NULL;
		}
		close(fd);
	}
	SSL_free(ssl);
	return NULL;
}

static void cycle(SSL_CTX *ctx, const struct sockaddr_in *server, bool ex)
{
	char text[CYCLE_SIZE] = "", got[CYCLE_SIZE];
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in me;
	socklen_t n = sizeof(me);
	SSL *ssl = SSL_new(ctx);

	if (connect(fd, (const void *)server, sizeof(*server)) || getsockname(fd, (void *)&me, &n))
		die("connect");
	snprintf(text, sizeof(text), "GET /port-is-%05u ", ntohs(me.sin_port));
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1)
		die("handshake");
	send_all(ssl, text, sizeof(text), ex);
	recv_all(ssl, got, sizeof(got), ex);
	if (memcmp(text, got, sizeof(text)) != 0)
		die("echo");
	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

static void cycles(struct session *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	socklen_t n = sizeof(a);
	pthread_t t;

	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s->listener, (void *)&a, n) || listen(s->listener, 1) ||
	    getsockname(s->listener, (void *)&a, &n))
		die("listen");
	pthread_create(&t, NULL, serve_cycles, s);
	for (int i = 0; i < s->n; i++)
		cycle(ctx, &a, i % 2);
	pthread_join(t, NULL);
	SSL_CTX_free(ctx);
}

int main(int argc, char **argv)
{
	struct session s = { .n = 1 };

	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "bytes") == 0) {
		size_t n = strtoul(argv[2], NULL, 10);

		return fwrite(bytes(n), 1, n, stdout) == n ? 0 : 1;
	}
	s.server_ctx = server_ctx();
	if (strcmp(argv[1], "stream") == 0 && argc == 5) {
		s.n = atoi(argv[2]);
		s.size = strtoul(argv[3], NULL, 10);
		s.pause_ms = atoi(argv[4]);
		run(&s);
	}
	if (strcmp(argv[1], "cycles") == 0) {
		s.n = atoi(argv[2]);
		cycles(&s);
	}
	for (int i = 2; strcmp(argv[1], "tls") == 0 && i < argc; i++) {
		s.size = strtoul(argv[i], NULL, 10);
		s.ex = false;
		run(&s);
		s.ex = true;
		run(&s);
	}
	SSL_CTX_free(s.server_ctx);
	return 0;
}
