/* SPDX-License-Identifier: BSD-2-Clause */
/* Folders walked down along a pattern. */
#include <fnmatch.h>
#include <string.h>

#include "probe/discover.h"

struct walk {
	const char *rest; /* of the pattern, behind the entry */
	const char *part; /* that the entry must match */
	size_t part_n;
	discovery_walk_fn fn;
};

static int match(void *ctx, struct discovery *d, const char *folder, const struct dirent *entry)
{
	const struct walk *w = ctx;
	char part[256], path[DISCOVER_PATH_MAX];

	memcpy(part, w->part, w->part_n);
	part[w->part_n] = 0;
	if (entry->d_name[0] != '.' && fnmatch(part, entry->d_name, 0) == 0 &&
	    discovery_path(path, folder, entry->d_name, NULL))
		discovery_walk(d, path, w->rest, w->fn);
	return 0;
}

static void tell_folder(const struct discovery *d, const char *folder, bool files)
{
	if (d->folder)
		d->folder(d->ctx, folder, files);
}

void discovery_walk(struct discovery *d, const char *folder, const char *pattern,
		    discovery_walk_fn fn)
{
	size_t n = strcspn(pattern, "/");
	const char *rest = pattern + n + (pattern[n] == '/');
	struct walk w = { rest, pattern, n, fn };
	char part[256], path[DISCOVER_PATH_MAX];

	if (n == 0) {
		fn(d, folder);
		return;
	}
	if (n >= sizeof(part))
		return;
	memcpy(part, pattern, n);
	part[n] = 0;
	if (strchr(part, '*')) {
		tell_folder(d, folder, !rest[0] && !d->to_folders);
		discovery_list(d, folder, match, &w);
	} else if (discovery_path(path, folder, part, NULL)) {
		const bool there = discovery_exists(d, path);

		if (!there || !rest[0])
			tell_folder(d, folder, !rest[0] && !d->to_folders);
		if (there)
			discovery_walk(d, path, rest, fn);
	}
}
