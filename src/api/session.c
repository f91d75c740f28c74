/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/session.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/private_file.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"

#define FILE_MAX     (1u << 20)
#define USED_EVERY_S 60 /* what changes with each request is written no more often */

struct code {
	struct session who; /* expires: the code does; 0: a free place */
};

struct used {
	char id[9];
	time_t at;
};

struct sessions {
	pthread_mutex_t lock;
	char path[PATH_MAX]; /* empty: none */
	struct session list[SESSIONS_MAX];
	size_t n;
	struct code codes[CODES_MAX];
	struct used used[TOKENS_MAX];
	size_t n_used;
	time_t written;
};

/* --- the file --- */

static bool parse_session(const cJSON *j, struct session *ret)
{
	const cJSON *uid = json_at(j, "uid"), *rights = json_at(j, "rights");
	const int64_t number = json_int(j, "uid");

	if (!cJSON_IsNumber(uid) || number < 0 || number >= UINT32_MAX || !cJSON_IsString(rights) ||
	    !secret_parse(json_str(j, "hash"), ret->hash) ||
	    !rights_parse(slice_of(rights->valuestring), &ret->rights))
		return false;
	ret->by_token = json_at(j, "token") != NULL;
	if (ret->by_token && !secret_parse(json_str(j, "token"), ret->token))
		return false;
	ret->uid = (uint32_t)number;
	ret->all = cJSON_IsTrue(json_at(j, "all"));
	ret->created = json_int(j, "created");
	ret->expires = json_int(j, "expires");
	return true;
}

static void parse_used(const cJSON *list, struct sessions *s)
{
	const cJSON *one;

	cJSON_ArrayForEach (one, list) {
		const struct slice id = json_str(one, "id");

		if (s->n_used == TOKENS_MAX || id.n >= sizeof(s->used->id))
			return;
		snprintf(s->used[s->n_used].id, sizeof(s->used->id), "%.*s", SLICE_ARG(id));
		s->used[s->n_used++].at = json_int(one, "at");
	}
}

static int read_file(const char *path, struct sessions *s)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	const cJSON *one;
	int r = private_file_read(path, FILE_MAX, &text);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	j = json_valid(buf_slice(&text)) ? json_parse(buf_slice(&text)) : NULL;
	if (!j)
		return -EINVAL;
	cJSON_ArrayForEach (one, json_at(j, "sessions")) {
		if (s->n < SESSIONS_MAX && parse_session(one, &s->list[s->n]))
			s->n++;
	}
	parse_used(json_at(j, "used"), s);
	return 0;
}

static void write_session(struct json_writer *w, const struct session *s)
{
	char hash[2 * SECRET_HASH + 1], rights[40];

	secret_print(s->hash, hash);
	rights_print(s->rights, rights);
	json_begin(w, '{');
	json_key(w, "hash");
	json_put_str(w, slice_of(hash));
	if (s->by_token) {
		secret_print(s->token, hash);
		json_key(w, "token");
		json_put_str(w, slice_of(hash));
	}
	json_key(w, "uid");
	json_put_int(w, s->uid);
	json_key(w, "all");
	json_put_bool(w, s->all);
	json_key(w, "rights");
	json_put_str(w, slice_of(rights));
	json_key(w, "created");
	json_put_int(w, s->created);
	json_key(w, "expires");
	json_put_int(w, s->expires);
	json_end(w, '}');
}

/* Under the lock. That it cannot be written costs a restart's sessions, no more. */
static void keep(struct sessions *s)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct json_writer w = { .out = &text };

	s->written = time(NULL);
	if (!s->path[0])
		return;
	json_begin(&w, '{');
	json_key(&w, "sessions");
	json_begin(&w, '[');
	for (size_t i = 0; i < s->n; i++)
		write_session(&w, &s->list[i]);
	json_end(&w, ']');
	json_key(&w, "used");
	json_begin(&w, '[');
	for (size_t i = 0; i < s->n_used; i++) {
		json_begin(&w, '{');
		json_key(&w, "id");
		json_put_str(&w, slice_of(s->used[i].id));
		json_key(&w, "at");
		json_put_int(&w, s->used[i].at);
		json_end(&w, '}');
	}
	json_end(&w, ']');
	json_end(&w, '}');
	if (w.r == 0)
		w.r = private_file_write(s->path, buf_slice(&text));
	if (w.r < 0)
		log_errno(w.r, "cannot write '%s'", s->path);
}

int sessions_new(const char *path, struct sessions **ret)
{
	struct sessions *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	if (path && snprintf(s->path, sizeof(s->path), "%s", path) < (int)sizeof(s->path))
		r = read_file(path, s);
	if (r < 0) {
		s->n = s->n_used = 0;
		log_errno(r, "'%s' cannot be used: whoever was let in must run 'sonde open' again",
			  path);
	}
	*ret = s;
	return 0;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* --- codes --- */

/* A free place, else the oldest of the user where there are too many of theirs, else the oldest. */
static struct code *place_for(struct sessions *s, uint32_t uid, time_t now)
{
	struct code *free_one = NULL, *own = NULL, *oldest = &s->codes[0];
	unsigned n_own = 0;

	for (size_t i = 0; i < CODES_MAX; i++) {
		struct code *c = &s->codes[i];

		if (c->who.expires <= now) {
			free_one = c;
			continue;
		}
		if (c->who.created < oldest->who.created)
			oldest = c;
		if (c->who.uid != uid)
			continue;
		n_own++;
		if (!own || c->who.created < own->who.created)
			own = c;
	}
	return n_own >= CODES_USER_MAX ? own : free_one ? free_one : oldest;
}

int sessions_code(struct sessions *s, const struct session *who, unsigned seconds,
		  char ret_code[SECRET_CHARS + 1])
{
	const time_t now = time(NULL);
	struct session new = *who;
	int r = secret_make(ret_code);

	if (r < 0)
		return r;
	if (!secret_hash(slice_of(ret_code), new.hash))
		return -EIO;
	new.created = now;
	new.expires = now + seconds;
	pthread_mutex_lock(&s->lock);
	place_for(s, who->uid, now)->who = new;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Under the lock. */
static bool take_code(struct sessions *s, struct slice code, time_t now, struct session *ret)
{
	uint8_t hash[SECRET_HASH];
	bool found = false;

	if (code.n != SECRET_CHARS || !secret_hash(code, hash))
		return false;
	for (size_t i = 0; i < CODES_MAX; i++) {
		struct session *who = &s->codes[i].who;

		if (!secret_same(who->hash, hash) || who->expires <= now)
			continue;
		*ret = *who;
		*who = (struct session){ 0 };
		found = true;
	}
	return found;
}

/* --- sessions --- */

static void remove_at(struct sessions *s, size_t i)
{
	s->list[i] = s->list[--s->n];
}

static void remove_old(struct sessions *s, time_t now)
{
	for (size_t i = 0; i < s->n;)
		if (s->list[i].expires <= now)
			remove_at(s, i);
		else
			i++;
}

/* The oldest: of one user, or (@any) of all. */
static void remove_oldest(struct sessions *s, uint32_t uid, bool any)
{
	size_t oldest = SIZE_MAX;

	for (size_t i = 0; i < s->n; i++)
		if ((any || s->list[i].uid == uid) &&
		    (oldest == SIZE_MAX || s->list[i].created < s->list[oldest].created))
			oldest = i;
	if (oldest != SIZE_MAX)
		remove_at(s, oldest);
}

static size_t count_of(const struct sessions *s, uint32_t uid)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->list[i].uid == uid;
	return n;
}

/* Under the lock. */
static int add(struct sessions *s, const struct session *who, time_t now,
	       char ret_secret[SECRET_CHARS + 1])
{
	struct session new = *who;
	const int r = secret_make(ret_secret);

	if (r < 0)
		return r;
	if (!secret_hash(slice_of(ret_secret), new.hash))
		return -EIO;
	new.created = now;
	new.expires = now + SESSION_S;
	remove_old(s, now);
	if (count_of(s, new.uid) >= SESSIONS_USER_MAX)
		remove_oldest(s, new.uid, false);
	if (s->n == SESSIONS_MAX)
		remove_oldest(s, 0, true);
	s->list[s->n++] = new;
	keep(s);
	return 0;
}

int sessions_begin(struct sessions *s, struct slice code, char ret_secret[SECRET_CHARS + 1])
{
	const time_t now = time(NULL);
	struct session who;
	int r;

	pthread_mutex_lock(&s->lock);
	r = take_code(s, code, now, &who) ? add(s, &who, now, ret_secret) : -ENOENT;
	pthread_mutex_unlock(&s->lock);
	return r;
}

int sessions_add(struct sessions *s, const struct session *who, char ret_secret[SECRET_CHARS + 1])
{
	int r;

	pthread_mutex_lock(&s->lock);
	r = add(s, who, time(NULL), ret_secret);
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* Under the lock; all of them are looked at, so that the time tells nothing. */
static size_t by_hash(const struct sessions *s, const uint8_t hash[SECRET_HASH], time_t now)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < s->n; i++)
		if (secret_same(s->list[i].hash, hash))
			found = i;
	return found != SIZE_MAX && s->list[found].expires > now ? found : SIZE_MAX;
}

bool sessions_by_hash(struct sessions *s, const uint8_t hash[SECRET_HASH], struct session *ret)
{
	size_t i;

	pthread_mutex_lock(&s->lock);
	i = by_hash(s, hash, time(NULL));
	if (i != SIZE_MAX)
		*ret = s->list[i];
	pthread_mutex_unlock(&s->lock);
	return i != SIZE_MAX;
}

bool sessions_find(struct sessions *s, struct slice secret, struct session *ret)
{
	uint8_t hash[SECRET_HASH];

	return secret.n == SECRET_CHARS && secret_hash(secret, hash) &&
	       sessions_by_hash(s, hash, ret);
}

void sessions_end(struct sessions *s, struct slice secret)
{
	uint8_t hash[SECRET_HASH];
	size_t i;

	if (secret.n != SECRET_CHARS || !secret_hash(secret, hash))
		return;
	pthread_mutex_lock(&s->lock);
	i = by_hash(s, hash, time(NULL));
	if (i != SIZE_MAX) {
		remove_at(s, i);
		keep(s);
	}
	pthread_mutex_unlock(&s->lock);
}

/* --- when tokens were used --- */

void sessions_token_used(struct sessions *s, const struct token *t)
{
	const time_t now = time(NULL);
	size_t i = 0, oldest = 0;

	pthread_mutex_lock(&s->lock);
	while (i < s->n_used && strcmp(s->used[i].id, t->id) != 0) {
		oldest = s->used[i].at < s->used[oldest].at ? i : oldest;
		i++;
	}
	if (i == s->n_used && s->n_used < TOKENS_MAX)
		s->n_used++;
	else if (i == s->n_used)
		i = oldest;
	memcpy(s->used[i].id, t->id, sizeof(t->id));
	s->used[i].at = now;
	if (now - s->written >= USED_EVERY_S || now < s->written)
		keep(s);
	pthread_mutex_unlock(&s->lock);
}

time_t sessions_token_last(const char *path, const char *id)
{
	struct sessions *s = calloc(1, sizeof(*s));
	time_t at = 0;

	if (s && read_file(path, s) == 0)
		for (size_t i = 0; i < s->n_used; i++)
			if (strcmp(s->used[i].id, id) == 0)
				at = s->used[i].at;
	free(s);
	return at;
}
