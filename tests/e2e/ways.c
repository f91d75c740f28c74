/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways to use OpenSSL that are not SSL_set_fd: connections to a thread of this process.
 *
 *	ways WAY N ROUNDS	N connections that are open at once, each saying its port in every
 *round ways early SIZE...	for each size one connection, and one that resumes it and sends SIZE
 *				bytes as early data; they come back
 *	ways ktls SIZE		the kernel encrypts: SIZE bytes are written, and SIZE sent from a
 *file
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT	  40 /* bytes of a message */
#define CONNS_MAX 64
#define EARLY_MAX (1 << 20)

struct conn {
	int fd;
	SSL *ssl;
	BIO *outside; /* of what the library is given instead of a socket; NULL: nothing to move */
	BIO *filter;  /* through which it is used; NULL: its own functions */
	char text[TEXT];
};

static struct {
	int listener;
	struct sockaddr_in addr;
	SSL_CTX *ctx;
	size_t early;  /* bytes that come before the handshake is done, and go back; 0: messages */
	size_t expect; /* bytes that one byte is answered to; 0: messages */
} server;

static void die(const char *what)
{
	perror(what);
	exit(1);
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
	SSL_CTX_set_max_early_data(ctx, EARLY_MAX);
	SSL_CTX_set_recv_max_early_data(ctx, EARLY_MAX);
	X509_free(x);
	EVP_PKEY_free(key);
	return ctx;
}

/* --- the server --- */

static void echo(SSL *ssl)
{
	char text[TEXT];
	int n;

	if (SSL_accept(ssl) != 1)
		die("accept");
	while ((n = SSL_read(ssl, text, sizeof(text))) > 0)
		if (SSL_write(ssl, text, n) != n)
			die("server's write");
}

/* What comes early and what comes later are one stream. */
static void echo_early(SSL *ssl, size_t size)
{
	char *p = malloc(size);
	size_t at = 0, n;
	int r;

	while ((r = SSL_read_early_data(ssl, p + at, size - at, &n)) == SSL_READ_EARLY_DATA_SUCCESS)
		at += n;
	if (r == SSL_READ_EARLY_DATA_ERROR || SSL_accept(ssl) != 1)
		die("early data");
	for (; at < size; at += n)
		if (SSL_read_ex(ssl, p + at, size - at, &n) != 1)
			die("server's read");
	if (SSL_write_ex(ssl, p, size, &n) != 1)
		die("server's write");
	free(p);
}

static void take(SSL *ssl, size_t size)
{
	char text[4096];
	size_t n;

	if (SSL_accept(ssl) != 1)
		die("accept");
	for (; size > 0; size -= n)
		if (SSL_read_ex(ssl, text, size < sizeof(text) ? size : sizeof(text), &n) != 1)
			die("server's read");
	if (SSL_write(ssl, "!", 1) != 1)
		die("server's write");
}

static void *serve(void *arg)
{
	const int fd = (int)(intptr_t)arg;
	SSL *ssl = SSL_new(server.ctx);

	SSL_set_fd(ssl, fd);
	if (server.expect)
		take(ssl, server.expect);
	else if (server.early)
		echo_early(ssl, server.early);
	else
		echo(ssl);
	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static void *accept_all(void *arg)
{
	(void)arg;
	for (int fd; (fd = accept(server.listener, NULL, NULL)) >= 0;) {
		pthread_t t;

		if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd))
			break;
		pthread_detach(t);
	}
	die("accept");
	return NULL;
}

static void listen_here(void)
{
	socklen_t n = sizeof(server.addr);
	pthread_t t;

	server.ctx = server_ctx();
	server.addr = (struct sockaddr_in){ .sin_family = AF_INET,
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	server.listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(server.listener, (void *)&server.addr, n) || listen(server.listener, CONNS_MAX) ||
	    getsockname(server.listener, (void *)&server.addr, &n))
		die("listen");
	pthread_create(&t, NULL, accept_all, NULL);
}

/* --- ways --- */

static void by_socket(struct conn *c)
{
	BIO *bio = BIO_new_socket(c->fd, BIO_NOCLOSE);

	SSL_set_bio(c->ssl, bio, bio);
}

static void by_two(struct conn *c)
{
	SSL_set0_rbio(c->ssl, BIO_new_socket(c->fd, BIO_NOCLOSE));
	SSL_set0_wbio(c->ssl, BIO_new_socket(c->fd, BIO_NOCLOSE));
}

static void by_directions(struct conn *c)
{
	SSL_set_rfd(c->ssl, c->fd);
	SSL_set_wfd(c->ssl, c->fd);
}

/* What is written waits in it until it is flushed: no call of the library writes to the socket. */
static void by_buffer(struct conn *c)
{
	SSL_set0_rbio(c->ssl, BIO_new_socket(c->fd, BIO_NOCLOSE));
	SSL_set0_wbio(c->ssl,
		      BIO_push(BIO_new(BIO_f_buffer()), BIO_new_socket(c->fd, BIO_NOCLOSE)));
}

static int own_write(BIO *b, const char *p, int n)
{
	return (int)send((int)(intptr_t)BIO_get_data(b), p, (size_t)n, 0);
}

static int own_read(BIO *b, char *p, int n)
{
	return (int)recv((int)(intptr_t)BIO_get_data(b), p, (size_t)n, 0);
}

static long own_ctrl(BIO *b, int what, long n, void *p)
{
	(void)b;
	(void)n;
	(void)p;
	return what == BIO_CTRL_FLUSH;
}

static void by_own(struct conn *c)
{
	static BIO_METHOD *method;
	BIO *bio;

	if (!method) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "own");
		BIO_meth_set_write(method, own_write);
		BIO_meth_set_read(method, own_read);
		BIO_meth_set_ctrl(method, own_ctrl);
	}
	bio = BIO_new(method);
	BIO_set_data(bio, (void *)(intptr_t)c->fd);
	BIO_set_init(bio, 1);
	SSL_set_bio(c->ssl, bio, bio);
}

static void by_pair(struct conn *c)
{
	BIO *inside;

	if (BIO_new_bio_pair(&inside, 65536, &c->outside, 65536) != 1)
		die("pair");
	SSL_set_bio(c->ssl, inside, inside);
}

static void by_filter(struct conn *c)
{
	SSL_set_fd(c->ssl, c->fd);
	c->filter = BIO_new(BIO_f_ssl());
	BIO_set_ssl(c->filter, c->ssl, BIO_NOCLOSE);
}

static const struct {
	const char *name;
	void (*set)(struct conn *c);
} ways[] = {
	{ "socket", by_socket }, { "two", by_two }, { "directions", by_directions },
	{ "buffer", by_buffer }, { "own", by_own }, { "pair", by_pair },
	{ "filter", by_filter },
};

/* --- the client --- */

/* Between the library and the socket, what both have; a call that wants to read waits for more. */
static void move(struct conn *c, bool wants)
{
	char text[65536];
	int n;

	while (c->outside && (n = BIO_read(c->outside, text, sizeof(text))) > 0)
		if (send(c->fd, text, (size_t)n, 0) != n)
			die("send");
	if (!c->outside || !wants)
		return;
	n = (int)recv(c->fd, text, sizeof(text), 0);
	if (n <= 0 || BIO_write(c->outside, text, n) != n)
		die("recv");
}

/* Whether the call is to be made again. */
static bool again(struct conn *c, int r)
{
	const bool wants = r <= 0 && c->outside && SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_READ;

	move(c, wants);
	return wants;
}

static void open_one(struct conn *c, SSL_CTX *ctx, void (*set)(struct conn *c))
{
	struct sockaddr_in me;
	socklen_t n = sizeof(me);
	int r;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(c->fd, (void *)&server.addr, sizeof(server.addr)) ||
	    getsockname(c->fd, (void *)&me, &n))
		die("connect");
	snprintf(c->text, sizeof(c->text), "GET /port-is-%05u ", ntohs(me.sin_port));
	c->ssl = SSL_new(ctx);
	set(c);
	do
		r = SSL_connect(c->ssl);
	while (again(c, r));
	if (r != 1)
		die("handshake");
}

static void ask(struct conn *c)
{
	int n = c->filter ? BIO_write(c->filter, c->text, TEXT) : SSL_write(c->ssl, c->text, TEXT);

	if (n != TEXT || BIO_flush(SSL_get_wbio(c->ssl)) != 1)
		die("write");
	move(c, false);
}

static void hear(struct conn *c)
{
	char got[TEXT];
	int r;

	do
		r = c->filter ? BIO_read(c->filter, got, TEXT) : SSL_read(c->ssl, got, TEXT);
	while (again(c, r));
	if (r != TEXT || memcmp(got, c->text, TEXT) != 0)
		die("echo");
}

static void talk(void (*set)(struct conn *c), int n, int rounds)
{
	static struct conn conns[CONNS_MAX];
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	for (int i = 0; i < n; i++)
		open_one(&conns[i], ctx, set);
	for (int k = 0; k < rounds; k++)
		for (int i = 0; i < n; i++) {
			ask(&conns[i]);
			hear(&conns[i]);
		}
	for (int i = 0; i < n; i++) {
		BIO_free(conns[i].filter);
		SSL_free(conns[i].ssl);
		BIO_free(conns[i].outside);
		close(conns[i].fd);
	}
	SSL_CTX_free(ctx);
}

/* --- early data --- */

static SSL_SESSION *last;

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(last);
	last = session;
	return 1;
}

/* As traffic.c has it. */
static char *bytes(size_t n)
{
	char *p = malloc(n);

	for (size_t i = 0; p && i < n; i++)
		p[i] = (char)(i % 251 ^ i / 251 % 241);
	return p ? p : (die("malloc"), NULL);
}

static void echoed(SSL_CTX *ctx, const char *sent, size_t size, bool early)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL *ssl = SSL_new(ctx);
	char *got = malloc(size);
	size_t n;

	if (connect(fd, (void *)&server.addr, sizeof(server.addr)))
		die("connect");
	SSL_set_fd(ssl, fd);
	if (early && (SSL_set_session(ssl, last) != 1 ||
		      SSL_write_early_data(ssl, sent, size, &n) != 1 || n != size))
		die("write early");
	if (SSL_connect(ssl) != 1)
		die("handshake");
	if (early && SSL_get_early_data_status(ssl) != SSL_EARLY_DATA_ACCEPTED)
		die("not accepted");
	if (!early && SSL_write_ex(ssl, sent, size, &n) != 1)
		die("write");
	for (size_t at = 0; at < size; at += n)
		if (SSL_read_ex(ssl, got + at, size - at, &n) != 1)
			die("read");
	if (memcmp(sent, got, size) != 0)
		die("echo");
	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
	free(got);
}

static void resume(size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char *sent = bytes(size);

	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	server.early = size;
	echoed(ctx, sent, size, false);
	echoed(ctx, sent, size, true);
	free(sent);
	SSL_CTX_free(ctx);
}

/* --- kTLS --- */

static void write_both_ways(SSL *ssl, const char *p, size_t size)
{
	int fd = memfd_create("sent", MFD_CLOEXEC);
	ossl_ssize_t r;
	size_t n;

	if (SSL_write_ex(ssl, p, size, &n) != 1 || write(fd, p, size) != (ssize_t)size)
		die("write");
	for (size_t at = 0; at < size; at += (size_t)r) {
		r = SSL_sendfile(ssl, fd, (off_t)at, size - at, 0);
		if (r <= 0)
			die("sendfile");
	}
	close(fd);
}

static void by_kernel(size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char *sent = bytes(size), answer;

	server.expect = 2 * size;
	SSL_CTX_set_options(server.ctx, SSL_OP_ENABLE_KTLS);
	SSL_set_options(ssl, SSL_OP_ENABLE_KTLS);
	if (connect(fd, (void *)&server.addr, sizeof(server.addr)))
		die("connect");
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1)
		die("handshake");
	if (!BIO_get_ktls_send(SSL_get_wbio(ssl)))
		die("no kTLS");
	write_both_ways(ssl, sent, size);
	if (SSL_read(ssl, &answer, 1) != 1)
		die("read");
	SSL_shutdown(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	free(sent);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	listen_here();
	for (int i = 2; strcmp(argv[1], "early") == 0 && i < argc; i++)
		resume(strtoul(argv[i], NULL, 10));
	if (strcmp(argv[1], "ktls") == 0)
		by_kernel(strtoul(argv[2], NULL, 10));
	for (size_t i = 0; argc == 4 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			talk(ways[i].set, atoi(argv[2]), atoi(argv[3]));
	_exit(0); /* the server's threads still use what exit() would take down */
}
