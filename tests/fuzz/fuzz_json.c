/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is called valid, cJSON reads too, and skimming finds the same values in it. Anything else
 * may read as anything, but within its bounds.
 */
#include <stdlib.h>

#include "base/json.h"

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct slice v, unsigned depth, struct arena *mem)
{
	struct slice key, value;
	struct json_iter it;
	int64_t n;

	json_text(v, mem);
	json_int64(v, &n);
	if (depth == 8)
		return;
	if (json_object(v, &it))
		while (json_next_member(&it, &key, &value))
			walk(value, depth + 1, mem);
	if (json_array(v, &it))
		while (json_next(&it, &value))
			walk(value, depth + 1, mem);
}

static void compare(struct slice v, const cJSON *j, struct arena *mem)
{
	const cJSON *child = j->child;
	struct slice key, value;
	struct json_iter it;

	CHECK(json_object(v, &it) == (bool)cJSON_IsObject(j));
	while (json_next_member(&it, &key, &value)) {
		CHECK(child);
		compare(value, child, mem);
		child = child->next;
	}
	CHECK(json_array(v, &it) == (bool)cJSON_IsArray(j));
	while (json_next(&it, &value)) {
		CHECK(child);
		compare(value, child, mem);
		child = child->next;
	}
	CHECK(!child && !it.bad);
	if (cJSON_IsString(j)) {
		const struct slice text = json_text(v, mem);

		/* cJSON's string ends at the first NUL. */
		CHECK(slice_eq((struct slice){ text.p, strnlen(text.p ? text.p : "", text.n) },
			       slice_of(j->valuestring)));
	}
}

/* What cJSON cannot read though it is JSON: half surrogate pairs, and numbers of 64 characters. */
static bool beyond_cjson(struct slice s)
{
	size_t digits = 0;

	if (slice_has(s, SLICE("\\u")))
		return true;
	for (size_t i = 0; i < s.n; i++) {
		digits = memchr("0123456789+-.eE", s.p[i], 15) ? digits + 1 : 0;
		if (digits > 60)
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = arena_new(1 << 20);
	/* A copy of exact size, so that reading past its end is seen. */
	char *copy = malloc(size ? size : 1);
	struct slice s = { copy, size };

	memcpy(copy, data, size);
	walk(s, 0, mem);
	if (json_valid(s)) {
		cJSON *j = json_parse(s);

		CHECK(j || beyond_cjson(s));
		if (j)
			compare(slice_trim(s), j, mem);
		cJSON_Delete(j);
	}
	arena_free(mem);
	free(copy);
	return 0;
}
