/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/random.h>

int secret_make(char ret[SECRET_CHARS + 1])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t bytes[SECRET_HASH + 1] = { 0 }; /* the last one is padding */
	size_t n = 0;

	if (getrandom(bytes, SECRET_HASH, 0) != SECRET_HASH)
		return -EIO;
	for (size_t bit = 0; n < SECRET_CHARS; bit += 6) {
		const unsigned two = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];

		ret[n++] = digits[(two >> (10 - bit % 8)) & 63];
	}
	ret[n] = '\0';
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

bool secret_hash(struct slice secret, uint8_t ret[SECRET_HASH])
{
	return EVP_Digest(secret.p, secret.n, ret, NULL, EVP_sha256(), NULL) == 1;
}

bool secret_same(const uint8_t a[SECRET_HASH], const uint8_t b[SECRET_HASH])
{
	return CRYPTO_memcmp(a, b, SECRET_HASH) == 0;
}

void secret_print(const uint8_t hash[SECRET_HASH], char ret[2 * SECRET_HASH + 1])
{
	for (size_t i = 0; i < SECRET_HASH; i++)
		snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool secret_parse(struct slice text, uint8_t ret[SECRET_HASH])
{
	if (text.n != (size_t)2 * SECRET_HASH)
		return false;
	for (size_t i = 0; i < SECRET_HASH; i++) {
		const int high = digit(text.p[2 * i]), low = digit(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
