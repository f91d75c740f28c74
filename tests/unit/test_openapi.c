/* SPDX-License-Identifier: BSD-2-Clause */
/* openapi.json and the table of routes say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/request.h"
#include "api/routes/openapi.h"
#include "base/json.h"

static cJSON *document;

static int begin(void **state)
{
	(void)state;
	document = json_parse(api_openapi());
	return document ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	cJSON_Delete(document);
	return 0;
}

static const cJSON *operation(const char *method, const char *path)
{
	const cJSON *paths = cJSON_GetObjectItemCaseSensitive(document, "paths");
	char lower[8] = "";

	for (size_t i = 0; method[i] && i < sizeof(lower) - 1; i++)
		lower[i] = (char)(method[i] | 0x20);
	return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(paths, path),
						lower);
}

static unsigned rights_of(const cJSON *operation)
{
	static const char *const names[] = { "read", "content", "export", "write" };
	const cJSON *right;
	unsigned rights = 0;

	cJSON_ArrayForEach (right, cJSON_GetObjectItem(operation, "x-sonde-rights"))
		for (unsigned i = 0; i < 4; i++)
			if (strcmp(right->valuestring, names[i]) == 0)
				rights |= 1u << i;
	return rights;
}

static void every_route_is_described(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct route *r = api_routes; r->path; r++, n++) {
		const cJSON *o = operation(r->method, r->path);

		if (!o)
			fail_msg("%s %s is not in openapi.json", r->method, r->path);
		if (rights_of(o) != (r->rights & RIGHT_ALL))
			fail_msg("%s %s: openapi.json has other rights", r->method, r->path);
	}
	assert_true(n > 20);
}

static bool is_route(const char *method, const char *path)
{
	for (const struct route *r = api_routes; r->path; r++)
		if (strcmp(r->path, path) == 0 && strcasecmp(r->method, method) == 0)
			return true;
	return false;
}

static void nothing_else_is(void **state)
{
	const cJSON *path, *method;

	(void)state;
	cJSON_ArrayForEach (path, cJSON_GetObjectItem(document, "paths"))
		cJSON_ArrayForEach (method, path)
			if (!is_route(method->string, path->string))
				fail_msg("%s %s is no route", method->string, path->string);
}

/* "#/components/schemas/Run" */
static void check_reference(const char *text)
{
	const cJSON *at = document;
	struct slice rest = slice_of(text), name;

	assert_true(slice_cut(rest, '/', &name, &rest));
	while (rest.n) {
		char key[64];

		if (!slice_cut(rest, '/', &name, &rest)) {
			name = rest;
			rest = (struct slice){ 0 };
		}
		snprintf(key, sizeof(key), "%.*s", SLICE_ARG(name));
		at = cJSON_GetObjectItemCaseSensitive(at, key);
	}
	if (!at)
		fail_msg("%s is nowhere", text);
}

static void walk(const cJSON *at)
{
	const cJSON *below;

	if (at->string && strcmp(at->string, "$ref") == 0)
		check_reference(at->valuestring);
	cJSON_ArrayForEach (below, at)
		walk(below);
}

static void what_it_refers_to_is_there(void **state)
{
	(void)state;
	walk(document);
}

static void names_in_paths_are_parameters(void **state)
{
	(void)state;
	for (const struct route *r = api_routes; r->path; r++) {
		const cJSON *list =
			cJSON_GetObjectItem(operation(r->method, r->path), "parameters");

		for (const char *at = strchr(r->path, '{'); at; at = strchr(at + 1, '{')) {
			char ref[96];
			const cJSON *p;
			bool found = false;

			snprintf(ref, sizeof(ref), "#/components/parameters/path_%.*s",
				 (int)strcspn(at + 1, "}"), at + 1);
			cJSON_ArrayForEach (p, list)
				found |= slice_eq(json_str(p, "$ref"), slice_of(ref));
			if (!found)
				fail_msg("%s lacks %s", r->path, ref);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_described),
		cmocka_unit_test(nothing_else_is),
		cmocka_unit_test(what_it_refers_to_is_there),
		cmocka_unit_test(names_in_paths_are_parameters),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
