/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths of routes: segments that are the same, and {names} that stand for any one segment. */
#pragma once

#include "base/slice.h"

#define PATH_VALUES_MAX 2 /* names in a pattern */

/*
 * Whether @path is such a one; @ret gets what stands for the names in their order, lent from it,
 * and the rest of it is made empty. A segment that stands for a name is never empty.
 */
bool path_matches(const char *pattern, const char *path, struct slice ret[PATH_VALUES_MAX]);
