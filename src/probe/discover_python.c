/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Python loads its TLS when `import ssl` runs, so nothing in the executable names it: the module
 * lib-dynload/_ssl*.so does, and wheels bring libraries of their own (NAME.libs/libssl-*.so).
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "probe/discover.h"

/* Where builds are put, below "/" or HOME; each entry there is a prefix. */
static const struct {
	bool home;
	const char *folder;
} builds[] = {
	{ true, ".pyenv/versions" }, { true, ".local/share/uv/python" }, { true, ".conda/envs" },
	{ true, "miniconda3/envs" }, { true, "anaconda3/envs" },	 { false, "opt" },
	{ false, "opt/conda/envs" },
};

/* A folder is walked down along a list of patterns. */
struct pattern {
	const char *const *parts; /* ends with NULL */
	const char *why;
};

static int match(void *ctx, struct discovery *d, const char *folder, const struct dirent *entry);

static void walk(struct discovery *d, const char *folder, const char *const *parts, const char *why)
{
	struct pattern p = { parts, why };
	char path[DISCOVER_PATH_MAX];

	if (!parts[0]) {
		discovery_library(d, folder, why);
	} else if (strpbrk(parts[0], "*[")) {
		discovery_list(d, folder, match, &p);
	} else if (discovery_path(path, folder, parts[0], NULL) && discovery_exists(d, path)) {
		walk(d, path, parts + 1, why);
	}
}

static int match(void *ctx, struct discovery *d, const char *folder, const struct dirent *entry)
{
	const struct pattern *p = ctx;
	char path[DISCOVER_PATH_MAX];

	if (fnmatch(p->parts[0], entry->d_name, 0) == 0 &&
	    discovery_path(path, folder, entry->d_name, NULL))
		walk(d, path, p->parts + 1, p->why);
	return 0;
}

/* What of a prefix may carry TLS. */
static const struct {
	const char *parts[8];
	const char *why;
} carriers[] = {
	{ { "lib", "python[23]*", "lib-dynload", "_ssl*.so" }, "python's ssl module" },
	{ { "lib", "libssl*.so*" }, "of the environment" },
	{ { "lib", "python[23]*", "site-packages", "*.libs", "libssl*" }, "of a python package" },
	{ { "lib64", "python[23]*", "site-packages", "*.libs", "libssl*" }, "of a python package" },
	{ { "lib", "python[23]*", "dist-packages", "*.libs", "libssl*" }, "of a python package" },
	{ { "lib", "python[23]*", "site-packages", "cryptography", "hazmat", "bindings",
	    "_rust*.so" },
	  "of a python package" },
};

void discover_prefix(struct discovery *d, const char *prefix)
{
	for (size_t i = 0; i < ARRAY_SIZE(carriers); i++)
		walk(d, prefix, carriers[i].parts, carriers[i].why);
}

void discover_python(struct discovery *d, const char *path)
{
	char prefix[DISCOVER_PATH_MAX];

	if (!discovery_path(prefix, path, NULL, NULL))
		return;
	discovery_parent(prefix); /* bin */
	discovery_parent(prefix);
	discover_prefix(d, prefix);
}

static int build(void *ctx, struct discovery *d, const char *folder, const struct dirent *entry)
{
	char path[DISCOVER_PATH_MAX];

	(void)ctx;
	if (discovery_path(path, folder, entry->d_name, "bin/python3") && discovery_exists(d, path))
		discovery_program(d, path, "a python in a usual place");
	return 0;
}

static void environment(struct discovery *d, const char *prefix, const char *why)
{
	char path[DISCOVER_PATH_MAX];

	if (!prefix || prefix[0] != '/')
		return;
	if (discovery_path(path, prefix, "bin/python3", NULL) && discovery_exists(d, path))
		discovery_program(d, path, why);
	else
		discover_prefix(d, prefix);
}

void discover_pythons(struct discovery *d, const char *cwd)
{
	const char *home = discovery_env(d, "HOME");
	char path[DISCOVER_PATH_MAX];

	environment(d, discovery_env(d, "VIRTUAL_ENV"), "VIRTUAL_ENV");
	environment(d, discovery_env(d, "CONDA_PREFIX"), "CONDA_PREFIX");
	if (discovery_path(path, cwd, ".venv", NULL))
		environment(d, path, "virtual environment of the working directory");
	if (discovery_path(path, cwd, "venv", NULL))
		environment(d, path, "virtual environment of the working directory");
	if (home && discovery_path(path, home, ".local", NULL))
		discover_prefix(d, path);
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++)
		if ((!builds[i].home || home) &&
		    discovery_path(path, builds[i].home ? home : "", builds[i].folder, NULL))
			discovery_list(d, path, build, NULL);
}
