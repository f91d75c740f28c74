/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arguments of a function call that Vertex streams as partialArgs: a list of
 * {"jsonPath":"$.a.b[0]","stringValue":"..."}. Strings come in pieces that follow each other; the
 * rest whole.
 */
#include <stdlib.h>

#include "llm/gemini.h"

#define PATHS_MAX 1024 /* values of one call */
#define DEPTH_MAX 32

/* One step of a path: a member, or the element at the end of a list (or the last one). */
struct step {
	struct slice name;
	int64_t index; /* < 0: a member */
};

/* "$.a['b c'][0]": the next step off @path. False where it is none. */
static bool next_step(struct slice *path, struct step *ret)
{
	struct slice inside, rest;

	*ret = (struct step){ .index = -1 };
	if (slice_starts(*path, SLICE("."))) {
		*path = slice_from(*path, 1);
		while (ret->name.n < path->n && path->p[ret->name.n] != '.' &&
		       path->p[ret->name.n] != '[')
			ret->name.n++;
		ret->name.p = path->p;
		*path = slice_from(*path, ret->name.n);
		return ret->name.n > 0;
	}
	if (!slice_starts(*path, SLICE("[")) ||
	    !slice_cut(slice_from(*path, 1), ']', &inside, &rest))
		return false;
	*path = rest;
	if (inside.n >= 2 && (inside.p[0] == '\'' || inside.p[0] == '"')) {
		ret->name = (struct slice){ inside.p + 1, inside.n - 2 };
		return true;
	}
	return json_int64(inside, &ret->index) && ret->index >= 0;
}

/* The value at a step below @at, or NULL; lists have no holes. */
static cJSON *below(cJSON *at, const struct step *s, const char *name)
{
	if (s->index >= 0)
		return cJSON_IsArray(at) ? cJSON_GetArrayItem(at, (int)s->index) : NULL;
	return cJSON_IsObject(at) ? cJSON_GetObjectItemCaseSensitive(at, name) : NULL;
}

static bool attach(cJSON *at, const struct step *s, const char *name, cJSON *value)
{
	cJSON *old = below(at, s, name);

	if (old)
		return cJSON_ReplaceItemViaPointer(at, old, value);
	if (s->index >= 0)
		return cJSON_IsArray(at) && s->index == cJSON_GetArraySize(at) &&
		       cJSON_AddItemToArray(at, value);
	return cJSON_IsObject(at) && cJSON_AddItemToObject(at, name, value);
}

/* What lies below @at at a step: made where it is not there, as a list or an object. */
static cJSON *descend(cJSON *at, const struct step *s, const char *name, bool list)
{
	cJSON *lower = below(at, s, name);

	if (lower)
		return lower;
	lower = list ? cJSON_CreateArray() : cJSON_CreateObject();
	if (lower && attach(at, s, name, lower))
		return lower;
	cJSON_Delete(lower);
	return NULL;
}

/* Puts @value where @path says, with what must lie above it. */
static bool put_at(cJSON *at, struct slice path, struct arena *mem, cJSON *value)
{
	struct step s, next;

	if (!slice_starts(path, SLICE("$")))
		return false;
	path = slice_from(path, 1);
	if (!next_step(&path, &s))
		return false;
	for (int depth = 0; at && depth < DEPTH_MAX; depth++) {
		const char *name = arena_copy(mem, s.name).p;

		if (s.index > PATHS_MAX || (s.index < 0 && !name))
			return false;
		if (!path.n)
			return attach(at, &s, name, value);
		if (!next_step(&path, &next))
			return false;
		at = descend(at, &s, name, next.index >= 0);
		s = next;
	}
	return false;
}

/* The same, and takes @value. */
static bool put(cJSON *root, struct slice path, struct arena *mem, cJSON *value)
{
	if (value && put_at(root, path, mem, value))
		return true;
	cJSON_Delete(value);
	return false;
}

/* As JSON text, so that numbers and odd characters stay as they are. */
static cJSON *leaf(struct slice json)
{
	_cleanup_(freep) char *text = slice_dup(json);

	return text ? cJSON_CreateRaw(text) : NULL;
}

static cJSON *string_leaf(struct slice text)
{
	_cleanup_(buf_done) struct buf json = { 0 };
	struct json_writer w = { .out = &json };

	json_put_str(&w, text);
	return w.r < 0 ? NULL : leaf(buf_slice(&json));
}

struct reader {
	struct arena *mem;
	cJSON *root;
	struct slice path; /* of the string that is being put together */
	struct buf text;
	unsigned n;
};

static bool end_string(struct reader *rd)
{
	bool ok = true;

	if (rd->path.n)
		ok = put(rd->root, rd->path, rd->mem, string_leaf(buf_slice(&rd->text)));
	rd->path = (struct slice){ 0 };
	rd->text = (struct buf){ 0 };
	return ok;
}

static bool read_one(struct reader *rd, struct slice partial)
{
	enum { PATH, PATH_, STRING, STRING_, NUMBER, NUMBER_, BOOL, BOOL_, N };
	static const char *const names[N] = { "jsonPath",     "json_path",   "stringValue",
					      "string_value", "numberValue", "number_value",
					      "boolValue",    "bool_value" };
	struct slice v[N], path, value = { 0 };

	json_members(partial, names, v, N);
	path = json_text(v[PATH].n ? v[PATH] : v[PATH_], rd->mem);
	if (!path.n)
		return true;
	if (!slice_eq(path, rd->path)) {
		if (!end_string(rd) || ++rd->n > PATHS_MAX)
			return false;
	}
	for (int i = NUMBER; i < N && !value.n; i++)
		value = v[i];
	if (v[STRING].n || v[STRING_].n) {
		rd->path = path;
		arena_add(rd->mem, &rd->text,
			  json_text(v[STRING].n ? v[STRING] : v[STRING_], rd->mem));
		return true;
	}
	return put(rd->root, path, rd->mem, leaf(value.n ? value : SLICE("null")));
}

struct slice llm_gemini_arguments(struct slice partial, struct arena *mem)
{
	struct json_iter it = { .rest = partial, .first = true };
	_cleanup_(cJSON_Deletep) cJSON *root = cJSON_CreateObject();
	struct reader rd = { .mem = mem, .root = root };
	_cleanup_(freep) char *text = NULL;
	struct slice one;
	bool ok = root;

	while (ok && json_next(&it, &one))
		ok = read_one(&rd, one);
	if (!ok || !end_string(&rd))
		return (struct slice){ 0 };
	text = cJSON_PrintUnformatted(root);
	return text ? arena_copy(mem, slice_of(text)) : (struct slice){ 0 };
}
