/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/path.h"

static struct slice next_segment(const char **at)
{
	const char *begin = *at, *end = strchrnul(begin, '/');

	*at = *end ? end + 1 : end;
	return (struct slice){ begin, (size_t)(end - begin) };
}

bool path_matches(const char *pattern, const char *path, struct slice ret[PATH_VALUES_MAX])
{
	size_t n = 0;

	if (slice_ends(slice_of(path), SLICE("/")) != slice_ends(slice_of(pattern), SLICE("/")))
		return false;
	for (size_t i = 0; i < PATH_VALUES_MAX; i++)
		ret[i] = (struct slice){ 0 };
	while (*pattern && *path) {
		const struct slice want = next_segment(&pattern), got = next_segment(&path);

		if (want.n && want.p[0] == '{') {
			if (got.n == 0 || n == PATH_VALUES_MAX)
				return false;
			ret[n++] = got;
		} else if (!slice_eq(want, got)) {
			return false;
		}
	}
	return !*pattern && !*path;
}
