/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS with itself, in memory; says each call that moves data: direction, object, buffer, result. */
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>

#define BIGGEST 70000

static char out[BIGGEST], in[BIGGEST];

static void certify(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_sign(x, key, EVP_sha256());
	SSL_CTX_use_certificate(ctx, x);
	SSL_CTX_use_PrivateKey(ctx, key);
}

static int send_some(SSL *s, int n, int ex)
{
	size_t done = 0;
	int r = ex ? SSL_write_ex(s, out, (size_t)n, &done) : SSL_write(s, out, n);

	printf("call out %p %p %d\n", (void *)s, (void *)out, r);
	return ex ? (int)done : r;
}

static int receive(SSL *s, int ex)
{
	size_t done = 0;
	int r = ex ? SSL_read_ex(s, in, sizeof(in), &done) : SSL_read(s, in, sizeof(in));

	printf("call in %p %p %d\n", (void *)s, (void *)in, r);
	return ex ? (int)done : r;
}

int main(void)
{
	static const int sizes[] = { 1, 100, 4096, 16384, BIGGEST };
	SSL_CTX *server_ctx = SSL_CTX_new(TLS_server_method());
	SSL *client = SSL_new(SSL_CTX_new(TLS_client_method())), *server;
	BIO *a, *b;

	certify(server_ctx);
	server = SSL_new(server_ctx);
	BIO_new_bio_pair(&a, 4 * BIGGEST, &b, 4 * BIGGEST);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (int i = 0; i < 8; i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	for (int i = 0; i < 20; i++) {
		int left = send_some(client, sizes[i % 5], i & 1), n = 1;

		for (; left > 0 && n > 0; left -= n)
			n = receive(server, i & 1);
		receive(server, i & 1); /* nothing is there */
	}
	return 0;
}
