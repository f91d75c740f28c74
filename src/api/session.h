/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Browsers that were let in. `sonde open` gets a code for its user, good for one use and a short
 * time; a browser hands it over and gets a cookie. Both are random and kept as hashes only. A
 * browser that shows a token gets one as well, which is good as long as the token is.
 * Sessions outlive the server in a file beside the store, as does when each token was used last.
 */
#pragma once

#include "api/tokens.h"

#define SESSIONS_FILE	  "sessions.json" /* in the store's folder */
#define SESSIONS_MAX	  1024
#define SESSIONS_USER_MAX 32 /* of one user; the oldest makes room */
#define SESSION_S	  (30 * 86400L)
#define CODES_MAX	  64
#define CODES_USER_MAX	  4
#define CODE_S		  60

struct session {
	uint8_t hash[SECRET_HASH];
	unsigned rights;
	bool all; /* sees the runs of everybody, as its user did when it began */
	uint32_t uid;
	time_t created, expires;
	bool by_token; /* then rights and user are those of the token */
	uint8_t token[SECRET_HASH];
};

struct sessions;

/* @path: its file; NULL: they end with the server. One that cannot be used is said and left. */
int sessions_new(const char *path, struct sessions **ret);
void sessions_free(struct sessions *s);

/* A code for @who, good for @seconds. 0 or -errno. */
int sessions_code(struct sessions *s, const struct session *who, unsigned seconds,
		  char ret_code[SECRET_CHARS + 1]);
/* Takes a code, once; @ret_secret is the cookie's value. 0, -ENOENT where it is none, -errno. */
int sessions_begin(struct sessions *s, struct slice code, char ret_secret[SECRET_CHARS + 1]);
/* One for @who at once. 0 or -errno. */
int sessions_add(struct sessions *s, const struct session *who, char ret_secret[SECRET_CHARS + 1]);
/* False where it is none, or is over. */
bool sessions_find(struct sessions *s, struct slice secret, struct session *ret);
/* The one with that hash; false where it is not good any more. */
bool sessions_by_hash(struct sessions *s, const uint8_t hash[SECRET_HASH], struct session *ret);
void sessions_end(struct sessions *s, struct slice secret);

/* That a token was used now. */
void sessions_token_used(struct sessions *s, const struct token *t);
/* When that was, by what the file at @path says; 0: never, or not known. */
time_t sessions_token_last(const char *path, const char *id);
