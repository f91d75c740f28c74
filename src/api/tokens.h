/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens: who may ask over TCP, whose runs they see, and what they may do. They stand in a file
 * beside the store, which only its owner can read:
 *
 *	{"tokens":[{"id":"9f86d081","label":"ci","hash":"<SHA-256>","rights":["read"],
 *	            "uid":1000,"user":"alice","created":1790000000,"expires":1800000000}]}
 *
 * Without a uid it sees the runs of all. The file is written by `sonde token` alone, and read again
 * when it has changed.
 */
#pragma once

#include <time.h>

#include "api/peer.h"
#include "api/secret.h"
#include "base/buf.h"

#define TOKENS_FILE	"tokens.json" /* in the store's folder */
#define TOKENS_MAX	256
#define TOKENS_BYTES	(1u << 20)
#define TOKEN_LABEL_MAX 63
#define TOKEN_PREFIX	"sonde_" /* so that tools that look for secrets know one */

/* What a token may carry; who is known by the kernel has all of them. */
enum right {
	RIGHT_READ = 1,	   /* lists, figures, what a step is */
	RIGHT_CONTENT = 2, /* what was said: messages, arguments, results, bodies */
	RIGHT_EXPORT = 4,
	RIGHT_WRITE = 8, /* runs are stopped and begun again */
	RIGHT_ALL = 15,
};
extern const char *const right_names[]; /* by bit; ends with NULL */
/* "read,content"; false where one is unknown. */
bool rights_parse(struct slice text, unsigned *ret);
void rights_print(unsigned rights, char ret[40]);

struct token {
	char id[9]; /* what it is named by: the first digits of its hash */
	char label[TOKEN_LABEL_MAX + 1];
	char user[64];
	uint8_t hash[SECRET_HASH];
	unsigned rights;
	bool all;
	uint32_t uid;
	time_t created, expires; /* 0: never */
};

struct tokens {
	struct token *list;
	size_t n;
};

/*
 * Reads the file; one that is not there has none. 0; -EPERM where others than its owner may open
 * it, or it is neither ours nor root's; -EINVAL where it is no such file; -errno.
 */
int tokens_read(const char *path, struct tokens *ret);
/* The same from its text. 0, -EINVAL, -ENOMEM. */
int tokens_parse(struct slice text, struct tokens *ret);
/* Writes a new file in the place of the old one, mode 0600. 0 or -errno. */
int tokens_write(const char *path, const struct tokens *t);
void tokens_done(struct tokens *t);

/* The hash of what is shown of one; false where it is none. */
bool token_hash(struct slice secret, uint8_t ret[SECRET_HASH]);
/* Which one @secret is; NULL where it is none, or has expired. */
const struct token *tokens_find(const struct tokens *t, struct slice secret, time_t now);
/* The valid one of that hash, or NULL. */
const struct token *tokens_by_hash(const struct tokens *t, const uint8_t hash[SECRET_HASH],
				   time_t now);
/* How many are valid now. */
size_t tokens_valid(const struct tokens *t, time_t now);
/*
 * Adds one: id, hash and time of creation are set, the rest is as given. @ret_secret, of
 * TOKEN_CHARS and a NUL, is what is to be shown once. 0, -ENOSPC, -EEXIST (the label), -errno.
 */
#define TOKEN_CHARS (sizeof(TOKEN_PREFIX) - 1 + SECRET_CHARS)
int tokens_add(struct tokens *t, const struct token *new, char *ret_secret);
/* By id or label. -ENOENT. */
int tokens_remove(struct tokens *t, const char *name);

/* --- the server's view of it --- */

struct token_file;

int token_file_new(const char *path, struct token_file **ret);
void token_file_free(struct token_file *f);
/* Any thread. 0 with a copy in @ret; -ENOENT; -EPERM and so on where the file is refused. */
int token_file_find(struct token_file *f, struct slice secret, struct token *ret);

/* The same by its hash: whether it is still good. */
int token_file_by_hash(struct token_file *f, const uint8_t hash[SECRET_HASH], struct token *ret);

/* Where the tokens for a store are: beside it. Appended, ends with a NUL. 0 or -errno. */
int tokens_path(const char *store, const char *name, char *ret, size_t size);
