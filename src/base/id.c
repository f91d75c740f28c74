/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/id.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

static void to_hex(const uint8_t *b, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[b[i] >> 4];
		ret[2 * i + 1] = digits[b[i] & 15];
	}
	ret[2 * n] = '\0';
}

void id128_hex(const struct id128 *id, char ret[ID128_HEX_SIZE])
{
	to_hex(id->b, sizeof(id->b), ret);
}

void id64_hex(const struct id64 *id, char ret[ID64_HEX_SIZE])
{
	to_hex(id->b, sizeof(id->b), ret);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int id128_parse(struct slice hex, struct id128 *ret)
{
	struct id128 id;

	if (hex.n != 2 * sizeof(id.b))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(id.b); i++) {
		int high = nibble(hex.p[2 * i]), low = nibble(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		id.b[i] = (uint8_t)(high << 4 | low);
	}
	*ret = id;
	return 0;
}

/*
 * A hash that cannot be computed would give two things one name, so there is no going on: this
 * happens only when memory is exhausted or libcrypto is broken.
 */
static void need(int ok)
{
	if (ok != 1)
		abort();
}

/* Fetched once: looking the algorithm up costs more than hashing a small message. */
static const EVP_MD *sha256(void)
{
	static EVP_MD *md;

	if (!md)
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
	need(md != NULL);
	return md;
}

static struct id128 finish(EVP_MD_CTX *ctx)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct id128 id;

	need(EVP_DigestFinal_ex(ctx, digest, NULL));
	EVP_MD_CTX_free(ctx);
	memcpy(id.b, digest, sizeof(id.b));
	return id;
}

static EVP_MD_CTX *begin(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	need(ctx && EVP_DigestInit_ex(ctx, sha256(), NULL));
	return ctx;
}

struct id128 id_of_bytes(struct slice bytes)
{
	EVP_MD_CTX *ctx = begin();

	need(EVP_DigestUpdate(ctx, bytes.p, bytes.n));
	return finish(ctx);
}

void id_sha256(struct slice bytes, uint8_t ret[ID_SHA256_SIZE])
{
	EVP_MD_CTX *ctx = begin();

	need(EVP_DigestUpdate(ctx, bytes.p, bytes.n));
	need(EVP_DigestFinal_ex(ctx, ret, NULL));
	EVP_MD_CTX_free(ctx);
}

void id_hash_begin(struct id_hash *h, const char *kind)
{
	h->state = begin();
	id_hash_bytes(h, slice_of(kind));
}

void id_hash_u64(struct id_hash *h, uint64_t v)
{
	uint8_t b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> (8 * i)); /* the same on every machine */
	need(EVP_DigestUpdate(h->state, b, sizeof(b)));
}

void id_hash_bytes(struct id_hash *h, struct slice s)
{
	id_hash_u64(h, s.n);
	need(EVP_DigestUpdate(h->state, s.p, s.n));
}

struct id128 id_hash_end(struct id_hash *h)
{
	return finish(h->state);
}

struct id64 id64_of(struct id128 id)
{
	struct id64 r;

	memcpy(r.b, id.b, sizeof(r.b));
	return r;
}
