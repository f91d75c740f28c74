/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/tokens.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/private_file.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/util.h"

const char *const right_names[] = { "read", "content", "export", "write", NULL };

/* --- rights --- */

static bool right_parse(struct slice name, unsigned *rights)
{
	for (unsigned i = 0; right_names[i]; i++)
		if (slice_eq(name, slice_of(right_names[i]))) {
			*rights |= 1u << i;
			return true;
		}
	return false;
}

bool rights_parse(struct slice text, unsigned *ret)
{
	struct slice one;
	bool more = true;

	*ret = 0;
	while (more) {
		more = slice_cut(text, ',', &one, &text);
		if (!right_parse(slice_trim(more ? one : text), ret))
			return false;
	}
	return true;
}

void rights_print(unsigned rights, char ret[40])
{
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned i = 0; right_names[i]; i++)
		if (rights & 1u << i)
			n += (size_t)snprintf(ret + n, 40 - n, "%s%s", n ? "," : "",
					      right_names[i]);
}

/* --- the file --- */

static void copy_text(char *to, size_t size, struct slice from)
{
	const size_t n = from.n < size - 1 ? from.n : size - 1;

	if (n)
		memcpy(to, from.p, n);
	to[n] = '\0';
}

static bool parse_rights(const cJSON *list, unsigned *ret)
{
	const cJSON *one;

	if (!cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach (one, list)
		if (!cJSON_IsString(one) || !right_parse(slice_of(one->valuestring), ret))
			return false;
	return true;
}

static bool parse_token(const cJSON *j, struct token *ret)
{
	const cJSON *uid = json_at(j, "uid");
	const int64_t number = json_int(j, "uid"), created = json_int(j, "created"),
		      expires = json_int(j, "expires");
	char hash[2 * SECRET_HASH + 1];

	*ret = (struct token){
		.all = uid == NULL, .uid = (uint32_t)number, .created = created, .expires = expires
	};
	if (!secret_parse(json_str(j, "hash"), ret->hash) ||
	    !parse_rights(json_at(j, "rights"), &ret->rights) || number < 0 ||
	    number >= UINT32_MAX || (uid && !cJSON_IsNumber(uid)) || expires < 0)
		return false;
	secret_print(ret->hash, hash);
	copy_text(ret->id, sizeof(ret->id), slice_of(hash));
	copy_text(ret->label, sizeof(ret->label), json_str(j, "label"));
	copy_text(ret->user, sizeof(ret->user), json_str(j, "user"));
	return true;
}

int tokens_parse(struct slice text, struct tokens *ret)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_valid(text) ? json_parse(text) : NULL;
	const cJSON *list = j ? json_at(j, "tokens") : NULL, *one;
	struct tokens t = { 0 };

	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > TOKENS_MAX)
		return -EINVAL;
	t.list = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*t.list));
	if (!t.list)
		return -ENOMEM;
	cJSON_ArrayForEach (one, list) {
		if (!parse_token(one, &t.list[t.n])) {
			tokens_done(&t);
			return -EINVAL;
		}
		t.n++;
	}
	*ret = t;
	return 0;
}

int tokens_read(const char *path, struct tokens *ret)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	int r = private_file_read(path, TOKENS_BYTES, &text);

	*ret = (struct tokens){ 0 };
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : tokens_parse(buf_slice(&text), ret);
}

static void write_token(struct json_writer *w, const struct token *t)
{
	char hash[2 * SECRET_HASH + 1];

	secret_print(t->hash, hash);
	json_begin(w, '{');
	json_key(w, "id");
	json_put_str(w, slice_of(t->id));
	json_key(w, "label");
	json_put_str(w, slice_of(t->label));
	json_key(w, "hash");
	json_put_str(w, slice_of(hash));
	json_key(w, "rights");
	json_begin(w, '[');
	for (unsigned i = 0; right_names[i]; i++)
		if (t->rights & 1u << i)
			json_put_str(w, slice_of(right_names[i]));
	json_end(w, ']');
	if (!t->all) {
		json_key(w, "uid");
		json_put_int(w, t->uid);
		json_key(w, "user");
		json_put_str(w, slice_of(t->user));
	}
	json_key(w, "created");
	json_put_int(w, t->created);
	if (t->expires) {
		json_key(w, "expires");
		json_put_int(w, t->expires);
	}
	json_end(w, '}');
}

int tokens_write(const char *path, const struct tokens *t)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct json_writer w = { .out = &text };

	json_begin(&w, '{');
	json_key(&w, "tokens");
	json_begin(&w, '[');
	for (size_t i = 0; i < t->n; i++)
		write_token(&w, &t->list[i]);
	json_end(&w, ']');
	json_end(&w, '}');
	if (w.r == 0)
		w.r = buf_add(&text, SLICE("\n"), TOKENS_BYTES);
	return w.r < 0 ? w.r : private_file_write(path, buf_slice(&text));
}

void tokens_done(struct tokens *t)
{
	free(t->list);
	*t = (struct tokens){ 0 };
}

int tokens_path(const char *store, const char *name, char *ret, size_t size)
{
	const char *slash = strrchr(store, '/');
	const int dir = slash ? (int)(slash - store) : 1;

	return snprintf(ret, size, "%.*s/%s", dir, slash ? store : ".", name) < (int)size
		       ? 0
		       : -ENAMETOOLONG;
}

/* --- looking, adding, removing --- */

static bool is_valid(const struct token *t, time_t now)
{
	return !t->expires || t->expires > now;
}

/* All of them are looked at, so that the time tells nothing. */
const struct token *tokens_by_hash(const struct tokens *t, const uint8_t hash[SECRET_HASH],
				   time_t now)
{
	const struct token *found = NULL;

	for (size_t i = 0; i < t->n; i++)
		if (secret_same(t->list[i].hash, hash))
			found = &t->list[i];
	return found && is_valid(found, now) ? found : NULL;
}

bool token_hash(struct slice secret, uint8_t ret[SECRET_HASH])
{
	return slice_starts(secret, SLICE(TOKEN_PREFIX)) && secret_hash(secret, ret);
}

const struct token *tokens_find(const struct tokens *t, struct slice secret, time_t now)
{
	uint8_t hash[SECRET_HASH];

	return token_hash(secret, hash) ? tokens_by_hash(t, hash, now) : NULL;
}

size_t tokens_valid(const struct tokens *t, time_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += is_valid(&t->list[i], now);
	return n;
}

int tokens_add(struct tokens *t, const struct token *new, char *ret_secret)
{
	char text[2 * SECRET_HASH + 1];
	struct token *list;
	int r;

	if (t->n >= TOKENS_MAX)
		return -ENOSPC;
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->list[i].label, new->label) == 0)
			return -EEXIST;
	list = realloc(t->list, (t->n + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	t->list = list;
	list[t->n] = *new;
	memcpy(ret_secret, TOKEN_PREFIX, sizeof(TOKEN_PREFIX) - 1);
	r = secret_make(ret_secret + sizeof(TOKEN_PREFIX) - 1);
	if (r < 0)
		return r;
	if (!secret_hash(slice_of(ret_secret), list[t->n].hash))
		return -EIO;
	secret_print(list[t->n].hash, text);
	copy_text(list[t->n].id, sizeof(list->id), slice_of(text));
	list[t->n].created = time(NULL);
	t->n++;
	return 0;
}

int tokens_remove(struct tokens *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->list[i].id, name) != 0 && strcmp(t->list[i].label, name) != 0)
			continue;
		memmove(&t->list[i], &t->list[i + 1], (t->n - i - 1) * sizeof(*t->list));
		t->n--;
		return 0;
	}
	return -ENOENT;
}
