/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Identities are hashes of what they name, never random: the same events give the same ids.
 *
 *	struct id_hash h;
 *	id_hash_begin(&h, "span");	the kind of thing, so that kinds never collide
 *	id_hash_u64(&h, start_ns);
 *	id128 = id_hash_end(&h);
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct id128 {
	uint8_t b[16];
};

struct id64 {
	uint8_t b[8];
};

#define ID128_HEX_SIZE 33 /* with NUL */
#define ID64_HEX_SIZE  17

static inline bool id128_is_zero(const struct id128 *id)
{
	return memcmp(id, &(struct id128){ 0 }, sizeof(*id)) == 0;
}

static inline bool id64_is_zero(const struct id64 *id)
{
	return memcmp(id, &(struct id64){ 0 }, sizeof(*id)) == 0;
}

static inline bool id128_eq(const struct id128 *a, const struct id128 *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline bool id64_eq(const struct id64 *a, const struct id64 *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Lower-case hex with a NUL. */
void id128_hex(const struct id128 *id, char ret[ID128_HEX_SIZE]);
void id64_hex(const struct id64 *id, char ret[ID64_HEX_SIZE]);
/* 0, or -EINVAL where @hex is not exactly 32 hex digits. */
int id128_parse(struct slice hex, struct id128 *ret);

/* SHA-256 underneath, cut to 128 bits. */
struct id128 id_of_bytes(struct slice bytes);
#define ID_SHA256_SIZE 32
/* All of it: what id_of_bytes() cuts. */
void id_sha256(struct slice bytes, uint8_t ret[ID_SHA256_SIZE]);

struct id_hash {
	void *state; /* EVP_MD_CTX */
};

void id_hash_begin(struct id_hash *h, const char *kind);
void id_hash_u64(struct id_hash *h, uint64_t v);
void id_hash_bytes(struct id_hash *h,
		   struct slice s);	     /* length first, so that pieces never run together */
struct id128 id_hash_end(struct id_hash *h); /* and frees it */
struct id64 id64_of(struct id128 id);	     /* its first half */
