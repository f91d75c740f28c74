/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a stranger can send to the API's port, as far as it is ours to read: Host, Origin, Cookie
 * and Authorization headers, paths, query parameters, the filter language; and the file of tokens.
 * What passes as ours really is: no host but the known ones, no origin but of such a host, no page
 * to go to but below our own.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "api/guard.h"
#include "api/params.h"
#include "api/path.h"
#include "api/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_ours(struct slice name)
{
	static const char *const ours[] = { "localhost", "127.0.0.1", "[::1]", "sonde.example" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (slice_istarts(name, slice_of(ours[i]))) {
			const struct slice rest = slice_from(name, strlen(ours[i]));

			if (rest.n == 0 || (rest.p[0] == ':' && rest.n >= 2 && rest.n <= 6))
				return true;
		}
	return false;
}

static void check_guard(struct slice a, struct slice b)
{
	struct guard g = { .own = SLICE("127.0.0.1") };
	struct slice at;

	guard_add(&g, SLICE("sonde.example"));
	if (guard_host(&g, a) && !is_ours(a))
		abort();
	if (guard_host(&g, b) && guard_origin(&g, a, b)) {
		at = slice_from(a, slice_starts(a, SLICE("https")) ? 8 : 7);
		if (!is_ours(at))
			abort();
	}
	if (guard_target(a) && (a.p[0] != '/' || memchr(a.p, '\n', a.n) || memchr(a.p, '\\', a.n) ||
				slice_starts(a, SLICE("//"))))
		abort();
	at = guard_cookie(a, b);
	if (at.n && (at.p < a.p || at.p + at.n > a.p + a.n || memchr(at.p, ';', at.n)))
		abort();
	guard_bearer(a);
	guard_is_json(a);
}

static void check_paths(const char *path)
{
	static const char *const patterns[] = { "/api/v1/runs", "/api/v1/runs/{run}",
						"/api/v1/runs/{run}/spans/{span}", "/{a}/{b}" };
	struct slice values[PATH_VALUES_MAX];

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (!path_matches(patterns[i], path, values))
			continue;
		for (size_t v = 0; v < PATH_VALUES_MAX; v++)
			if (values[v].n && memchr(values[v].p, '/', values[v].n))
				abort();
	}
}

static void check_params(const char *name, const char *value)
{
	static const char *const names[] = { "filter", "since",	 "until",  "sort", "order",
					     "limit",  "cursor", "bucket", "by" };
	struct params p;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (params_begin(&p, UINT32_MAX, 1790000000000000000u) < 0)
			return;
		if (params_add(&p, names[i], value) && params_add(&p, name, value) &&
		    params_end(&p) && p.page.limit > PARAMS_LIMIT_MAX)
			abort();
		params_done(&p);
	}
}

static void check_tokens(struct slice text)
{
	struct tokens t;
	unsigned rights;
	char names[40];

	if (tokens_parse(text, &t) == 0) {
		if (t.n > TOKENS_MAX)
			abort();
		tokens_find(&t, text, time(NULL));
		tokens_valid(&t, 0);
		tokens_done(&t);
	}
	if (rights_parse(text, &rights)) {
		if (rights & ~(unsigned)RIGHT_ALL)
			abort();
		rights_print(rights, names);
	}
}

/* Two texts with a NUL between. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *second;
	size_t n;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	n = strlen(text);
	second = n < size ? text + n + 1 : text + n;
	check_guard((struct slice){ text, n }, slice_of(second));
	check_paths(text);
	check_params(text, second);
	check_tokens((struct slice){ text, size });
	free(text);
	return 0;
}
