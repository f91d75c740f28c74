/* SPDX-License-Identifier: BSD-2-Clause */
/* The exchange of exchange.py with GnuTLS: exchange_gnutls PORT COUNT */
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "exchange.h"

static long put(void *tls, const char *p, size_t n)
{
	return gnutls_record_send(tls, p, n);
}

static long get(void *tls, char *p, size_t n)
{
	ssize_t r;

	do
		r = gnutls_record_recv(tls, p, n);
	while (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED);
	return r;
}

static int dial(const char *port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
					.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		exit(1);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

int main(int argc, char **argv)
{
	gnutls_certificate_credentials_t credentials;
	struct exchange_link l = { .write = put, .read = get };
	gnutls_session_t s;
	int fd;

	if (argc != 3)
		return 2;
	gnutls_certificate_allocate_credentials(&credentials);
	gnutls_init(&s, GNUTLS_CLIENT);
	gnutls_set_default_priority(s);
	gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, credentials);
	fd = dial(argv[1]);
	gnutls_transport_set_int(s, fd); /* a macro that takes it twice */
	if (gnutls_handshake(s) < 0)
		return 1;
	l.tls = s;
	exchange_run(&l, strtoul(argv[2], NULL, 10));
	gnutls_deinit(s);
	gnutls_certificate_free_credentials(credentials);
	return 0;
}
