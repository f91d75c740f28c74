/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TLS conversation inside one process: a client and a server over a pair of memory BIOs, with a
 * pre-shared key, so that no certificate is needed. The library is loaded into a namespace of its
 * own: it must find its own libcrypto, not the one that this program uses.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "probe/selftest.h"

/* openssl/ssl.h's, here by hand since any version of the library may be behind. */
#define CTRL_SET_MAX_PROTO_VERSION 124
#define TLS1_2			   0x0303
#define TLS1_2_PSK_CIPHERS	   "PSK-AES128-GCM-SHA256:PSK-AES128-CBC-SHA:PSK-AES256-CBC-SHA"
#define HANDSHAKE_ROUNDS	   16
#define MESSAGE_MAX		   16384

const char *const selftest_names[SELFTEST_FUNCTIONS] = {
	[SELFTEST_WRITE] = "SSL_write",		[SELFTEST_WRITE_EX] = "SSL_write_ex",
	[SELFTEST_WRITE_EX2] = "SSL_write_ex2", [SELFTEST_READ] = "SSL_read",
	[SELFTEST_READ_EX] = "SSL_read_ex",	[SELFTEST_FREE] = "SSL_free",
};

struct selftest_tls {
	void *fn[SELFTEST_FUNCTIONS]; /* NULL where this version has none */
	const void *(*method)(void);
	void *(*ctx_new)(const void *method);
	void (*ctx_free)(void *ctx);
	long (*ctx_ctrl)(void *ctx, int cmd, long l, void *p);
	int (*ctx_ciphers)(void *ctx, const char *list);
	void (*ctx_psk_client)(void *ctx,
			       unsigned int (*fn)(void *, const char *, char *, unsigned int,
						  unsigned char *, unsigned int));
	void (*ctx_psk_server)(void *ctx, unsigned int (*fn)(void *, const char *, unsigned char *,
							     unsigned int));
	void *(*ssl_new)(void *ctx);
	void (*ssl_client)(void *ssl);
	void (*ssl_server)(void *ssl);
	void (*ssl_bio)(void *ssl, void *in, void *out);
	int (*ssl_handshake)(void *ssl);
	int (*bio_pair)(void **a, size_t n_a, void **b, size_t n_b);
};

struct talk {
	const struct selftest_tls *t;
	struct selftest_log *log;
	void *ctx, *client, *server;
};

struct selftest_tls *selftest_load(const char *path)
{
	static const struct {
		const char *name;
		size_t offset;
	} needed[] = {
#define NEEDED(member, name) { name, offsetof(struct selftest_tls, member) }
		NEEDED(fn[SELFTEST_WRITE], "SSL_write"),
		NEEDED(fn[SELFTEST_READ], "SSL_read"),
		NEEDED(fn[SELFTEST_FREE], "SSL_free"),
		NEEDED(method, "TLS_method"),
		NEEDED(ctx_new, "SSL_CTX_new"),
		NEEDED(ctx_free, "SSL_CTX_free"),
		NEEDED(ctx_ctrl, "SSL_CTX_ctrl"),
		NEEDED(ctx_ciphers, "SSL_CTX_set_cipher_list"),
		NEEDED(ctx_psk_client, "SSL_CTX_set_psk_client_callback"),
		NEEDED(ctx_psk_server, "SSL_CTX_set_psk_server_callback"),
		NEEDED(ssl_new, "SSL_new"),
		NEEDED(ssl_client, "SSL_set_connect_state"),
		NEEDED(ssl_server, "SSL_set_accept_state"),
		NEEDED(ssl_bio, "SSL_set_bio"),
		NEEDED(ssl_handshake, "SSL_do_handshake"),
		NEEDED(bio_pair, "BIO_new_bio_pair"),
#undef NEEDED
	};
	struct selftest_tls *t = calloc(1, sizeof(*t));
	void *lib = t ? dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL) : NULL;

	if (!lib) {
		free(t);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		void *f = dlsym(lib, needed[i].name);

		if (!f) {
			free(t);
			return NULL;
		}
		memcpy((char *)t + needed[i].offset, &f, sizeof(f));
	}
	t->fn[SELFTEST_WRITE_EX] = dlsym(lib, selftest_names[SELFTEST_WRITE_EX]);
	t->fn[SELFTEST_WRITE_EX2] = dlsym(lib, selftest_names[SELFTEST_WRITE_EX2]);
	t->fn[SELFTEST_READ_EX] = dlsym(lib, selftest_names[SELFTEST_READ_EX]);
	return t;
}

static unsigned int psk_client(void *ssl, const char *hint, char *identity,
			       unsigned int identity_max, unsigned char *psk, unsigned int psk_max)
{
	(void)ssl;
	(void)hint;
	if (identity_max < 2 || psk_max < 32)
		return 0;
	memcpy(identity, "s", 2);
	memset(psk, 0x5a, 32);
	return 32;
}

static unsigned int psk_server(void *ssl, const char *identity, unsigned char *psk,
			       unsigned int psk_max)
{
	(void)ssl;
	(void)identity;
	if (psk_max < 32)
		return 0;
	memset(psk, 0x5a, 32);
	return 32;
}

static int connect_ends(struct talk *k)
{
	const struct selftest_tls *t = k->t;
	void *a, *b;

	k->ctx = t->ctx_new(t->method());
	if (!k->ctx)
		return -EPROTO;
	t->ctx_ctrl(k->ctx, CTRL_SET_MAX_PROTO_VERSION, TLS1_2, NULL);
	t->ctx_psk_client(k->ctx, psk_client);
	t->ctx_psk_server(k->ctx, psk_server);
	if (t->ctx_ciphers(k->ctx, TLS1_2_PSK_CIPHERS) != 1 || t->bio_pair(&a, 0, &b, 0) != 1)
		return -EPROTO;
	k->client = t->ssl_new(k->ctx);
	k->server = t->ssl_new(k->ctx);
	if (!k->client || !k->server)
		return -EPROTO;
	t->ssl_bio(k->client, a, a);
	t->ssl_bio(k->server, b, b);
	t->ssl_client(k->client);
	t->ssl_server(k->server);
	for (int i = 0; i < HANDSHAKE_ROUNDS; i++) {
		int client = t->ssl_handshake(k->client), server = t->ssl_handshake(k->server);

		if (client == 1 && server == 1)
			return 0;
	}
	return -EPROTO;
}

/* Calls a function by the signature that belongs to it, and writes it down. */
static int64_t call(struct talk *k, enum selftest_function f, void *ssl, void *buf, size_t num,
		    size_t *done)
{
	struct selftest_call *c = &k->log->call[k->log->n];
	union {
		void *p;
		int (*rw)(void *ssl, void *buf, int num);
		int (*ex)(void *ssl, void *buf, size_t num, size_t *done);
		int (*ex2)(void *ssl, void *buf, size_t num, uint64_t flags, size_t *done);
		void (*free)(void *ssl);
	} fn = { k->t->fn[f] };

	if (k->log->n == SELFTEST_CALLS_MAX)
		return -1;
	*c = (struct selftest_call){ f, (uintptr_t)ssl, (uintptr_t)buf, num, (uintptr_t)done, 0 };
	k->log->n++;
	switch (f) {
	case SELFTEST_WRITE:
	case SELFTEST_READ:
		c->result = fn.rw(ssl, buf, (int)num);
		*done = c->result > 0 ? (size_t)c->result : 0;
		c->done = 0;
		break;
	case SELFTEST_WRITE_EX:
	case SELFTEST_READ_EX:
		c->result = fn.ex(ssl, buf, num, done);
		break;
	case SELFTEST_WRITE_EX2:
		c->result = fn.ex2(ssl, buf, num, 0, done);
		break;
	default:
		fn.free(ssl);
		break;
	}
	return c->result;
}

/* One message of @n bytes through each pair of functions; a read before there is anything. */
static int exchange(struct talk *k, size_t n)
{
	static char out[MESSAGE_MAX], in[MESSAGE_MAX];

	for (int w = SELFTEST_WRITE; w <= SELFTEST_WRITE_EX2; w++) {
		for (int r = SELFTEST_READ; r <= SELFTEST_READ_EX; r++) {
			size_t done = 0;

			if (!k->t->fn[w] || !k->t->fn[r])
				continue;
			if (call(k, (enum selftest_function)r, k->server, in, sizeof(in), &done) >
			    0)
				return -EPROTO;
			memset(out, 'a' + w, n);
			if (call(k, (enum selftest_function)w, k->client, out, n, &done) <= 0 ||
			    done != n)
				return -EPROTO;
			done = 0;
			if (call(k, (enum selftest_function)r, k->server, in, sizeof(in), &done) <=
				    0 ||
			    done != n || memcmp(in, out, n) != 0)
				return -EPROTO;
		}
	}
	return 0;
}

int selftest_talk(struct selftest_tls *t, struct selftest_log *log)
{
	struct talk k = { .t = t, .log = log };
	int r;

	log->n = 0;
	r = connect_ends(&k);
	if (r == 0)
		r = exchange(&k, 1);
	if (r == 0)
		r = exchange(&k, 4097);
	if (k.client)
		call(&k, SELFTEST_FREE, k.client, NULL, 0, NULL);
	if (k.server)
		call(&k, SELFTEST_FREE, k.server, NULL, 0, NULL);
	if (k.ctx)
		t->ctx_free(k.ctx);
	return r;
}
