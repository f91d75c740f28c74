/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/argv.h"

bool argv_next(struct slice *argv, struct slice *ret)
{
	if (argv->n == 0)
		return false;
	if (!slice_cut(*argv, '\0', ret, argv)) {
		*ret = *argv;
		*argv = (struct slice){ 0 };
	}
	return true;
}

struct slice argv_of_json(const cJSON *array, size_t max)
{
	struct buf b = { 0 };
	const cJSON *arg;

	cJSON_ArrayForEach (arg, array) {
		const struct slice s = slice_of(cJSON_GetStringValue(arg));

		if (buf_add(&b, s, max) < 0 || buf_add(&b, (struct slice){ "", 1 }, max) < 0)
			break;
	}
	return buf_slice(&b);
}
