/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Native add-ons: libraries with a TLS of their own that a program loads long after its start, so
 * that nothing in its file names them.
 */
#include <string.h>

#include "base/util.h"
#include "probe/discover.h"

#if defined(__aarch64__)
#define PLATFORM "linux-arm64"
#else
#define PLATFORM "linux-x64"
#endif

#define COPILOT "pkg/*/*/prebuilds/*/*.node"

/* Programs that unpack their add-ons when they first run, below the folder that a variable names.
 */
static const struct {
	const char *program, *variable, *below;
} unpacked[] = {
	{ "copilot", "COPILOT_PKG_CACHE_HOME", COPILOT },
	{ "copilot", "COPILOT_CACHE_HOME", COPILOT },
	{ "copilot", "XDG_CACHE_HOME", "copilot/" COPILOT },
	{ "copilot", "HOME", ".cache/copilot/" COPILOT },
	{ "copilot", "COPILOT_HOME", COPILOT },
	{ "copilot", "HOME", ".copilot/" COPILOT },
};

static void unpacked_addon(struct discovery *d, const char *path)
{
	discovery_library(d, path, "add-on that the program has unpacked");
}

void discover_unpacked(struct discovery *d, const char *path)
{
	const char *name = discovery_name(path);

	for (size_t i = 0; i < ARRAY_SIZE(unpacked); i++) {
		const char *folder = discovery_env(d, unpacked[i].variable);

		if (strcmp(name, unpacked[i].program) == 0 && folder && folder[0] == '/')
			discovery_walk(d, folder, unpacked[i].below, unpacked_addon);
	}
}

/* Small programs that start another one, which lies beside them. */
static const struct {
	const char *program, *other;
} beside[] = {
	{ "uvx", "uv" },
};

void discover_beside(struct discovery *d, const char *path)
{
	char folder[DISCOVER_PATH_MAX], other[DISCOVER_PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
		if (strcmp(discovery_name(path), beside[i].program) != 0 ||
		    !discovery_real(d, path, folder))
			continue;
		discovery_parent(folder);
		if (discovery_path(other, folder, beside[i].other, NULL))
			discovery_program(d, other, "what it starts");
	}
}

/* --- packages of npm --- */

static void package_addon(struct discovery *d, const char *path)
{
	discovery_library(d, path, "add-on of a package");
}

/* Where node-gyp and prebuild put them; packages made for one platform have them at the top. */
static void package(struct discovery *d, const char *folder)
{
	discovery_walk(d, folder, "build/Release/*.node", package_addon);
	discovery_walk(d, folder, "prebuilds/" PLATFORM "*/*.node", package_addon);
	if (strstr(discovery_name(folder), PLATFORM))
		discovery_walk(d, folder, "*.node", package_addon);
}

static int entry(void *ctx, struct discovery *d, const char *folder, const struct dirent *e)
{
	const bool scope = e->d_name[0] == '@';
	char path[DISCOVER_PATH_MAX];

	if (e->d_name[0] == '.' || !discovery_path(path, folder, e->d_name, NULL))
		return 0;
	if (scope && !ctx) /* @scope/package: one level more */
		discovery_list(d, path, entry, path);
	else
		package(d, path);
	return 0;
}

void discover_addons(struct discovery *d, const char *node_modules)
{
	const bool perhaps = d->perhaps;

	d->perhaps = true; /* there may be many, and most are never loaded */
	discovery_list(d, node_modules, entry, NULL);
	d->perhaps = perhaps;
}
