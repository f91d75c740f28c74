/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/json.h"

#include <math.h>

#include "base/json_scan.h"

cJSON *json_parse(struct slice s)
{
	const char *end, *p, *value_end;

	if (s.n == 0)
		return NULL;
	end = s.p + s.n;
	p = json_scan_blanks(s.p, end);
	/* cJSON's own limits are a depth of 1000 and no bound on the tree at all. */
	value_end = json_scan_value(p, end);
	if (!value_end)
		return NULL;
	s = (struct slice){ p, (size_t)(value_end - p) };
	if (s.n > JSON_PARSE_MAX || json_count_values(s) > JSON_VALUES_MAX)
		return NULL;
	return cJSON_ParseWithLength(s.p, s.n);
}

const cJSON *json_at(const cJSON *j, const char *path)
{
	char key[64];

	while (j && *path) {
		const size_t n = strcspn(path, ".");

		if (n >= sizeof(key))
			return NULL;
		memcpy(key, path, n);
		key[n] = '\0';
		j = cJSON_GetObjectItemCaseSensitive(j, key);
		path += n + (path[n] == '.');
	}
	return j;
}

struct slice json_str(const cJSON *j, const char *path)
{
	return slice_of(cJSON_GetStringValue(json_at(j, path)));
}

/* What does not fit is as good as absent: the conversion would not be defined. */
static bool number(const cJSON *v, int64_t *ret)
{
	if (!v || !cJSON_IsNumber(v) || !(fabs(v->valuedouble) < 9223372036854775807.0))
		return false;
	*ret = (int64_t)v->valuedouble;
	return true;
}

int64_t json_int(const cJSON *j, const char *path)
{
	int64_t v = 0;

	number(json_at(j, path), &v);
	return v;
}

void json_ints(const cJSON *j, const struct json_int_field *fields, size_t n, void *dst)
{
	for (size_t i = 0; i < n; i++) {
		int64_t v;

		if (number(json_at(j, fields[i].path), &v))
			memcpy((char *)dst + fields[i].offset, &v, sizeof(v));
	}
}
