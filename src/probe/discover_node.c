/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launchers: an npm package whose script starts a native program, which lies in the package
 * itself (vendor/...) or in an optional dependency made for one platform
 * (@openai/codex-linux-x64, opencode-linux-x64).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "probe/discover.h"

#define PACKAGE_JSON_MAX (1u << 20)
#define FOLDERS_MAX	 6 /* levels below a package */
#define UPWARDS_MAX	 8 /* levels above a script, for its package and for node_modules */
#define OPTIONAL_MAX	 64
#define PROGRAM_MIN	 (64u << 10) /* bytes; what carries TLS is larger */

struct folder {
	size_t depth;
	const char *why;
};

static int take_entry(void *ctx, struct discovery *d, const char *folder,
		      const struct dirent *entry);

static void take_file(struct discovery *d, const char *path, const char *why)
{
	_cleanup_(closep) int fd = discovery_open(d, path);
	char magic[4];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < PROGRAM_MIN ||
	    pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
	    memcmp(magic,
		   "\x7f"
		   "ELF",
		   sizeof(magic)) != 0)
		return;
	discovery_program(d, path, why);
}

/* Programs have no extension; .node is a native addon. */
static bool may_be_program(const char *name)
{
	const char *dot = strrchr(name, '.');

	return !dot || strcmp(dot, ".node") == 0 || strcmp(dot, ".exe") == 0;
}

static int take_entry(void *ctx, struct discovery *d, const char *folder,
		      const struct dirent *entry)
{
	const struct folder *f = ctx;
	struct folder below = { f->depth + 1, f->why };
	char path[DISCOVER_PATH_MAX];

	if (strcmp(entry->d_name, "node_modules") == 0 || entry->d_name[0] == '.' ||
	    !discovery_path(path, folder, entry->d_name, NULL))
		return 0;
	if (entry->d_type == DT_DIR) {
		if (below.depth <= FOLDERS_MAX)
			discovery_list(d, path, take_entry, &below);
	} else if (may_be_program(entry->d_name)) {
		take_file(d, path, f->why);
	}
	return 0;
}

static void take_package(struct discovery *d, const char *package, const char *why)
{
	struct folder f = { 0, why };

	discovery_list(d, package, take_entry, &f);
}

static cJSON *read_package(struct discovery *d, const char *package)
{
	char path[DISCOVER_PATH_MAX];
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *text = NULL;
	ssize_t n;

	if (!discovery_path(path, package, "package.json", NULL))
		return NULL;
	fd = discovery_open(d, path);
	text = fd >= 0 ? malloc(PACKAGE_JSON_MAX) : NULL;
	if (!text)
		return NULL;
	n = pread(fd, text, PACKAGE_JSON_MAX, 0);
	return n > 0 ? json_parse((struct slice){ text, (size_t)n }) : NULL;
}

/* Names come from a file: no "..", so that the search stays below node_modules. */
static bool is_package_name(const char *name)
{
	return name && name[0] && name[0] != '/' && !strstr(name, "..") && strlen(name) < 214;
}

/* As node resolves it: node_modules in the package and in each folder above. */
static void take_dependency(struct discovery *d, const char *package, const char *name)
{
	char folder[DISCOVER_PATH_MAX], path[DISCOVER_PATH_MAX];

	if (!discovery_path(folder, package, NULL, NULL))
		return;
	for (size_t i = 0; i < UPWARDS_MAX && strcmp(folder, "/") != 0; i++) {
		if (discovery_path(path, folder, "node_modules", name) &&
		    discovery_exists(d, path)) {
			take_package(d, path, "program of a package for this platform");
			return;
		}
		discovery_parent(folder);
	}
}

/* The folder with a package.json that the script lies in. */
static bool find_package(struct discovery *d, const char *script, char ret[DISCOVER_PATH_MAX])
{
	char path[DISCOVER_PATH_MAX];

	if (!discovery_real(d, script, ret))
		return false;
	for (size_t i = 0; i < UPWARDS_MAX && strcmp(ret, "/") != 0; i++) {
		discovery_parent(ret);
		if (discovery_path(path, ret, "package.json", NULL) && discovery_exists(d, path))
			return true;
		if (strcmp(discovery_name(ret), "node_modules") == 0)
			return false;
	}
	return false;
}

/* Its dependencies: below it, or beside it where npm lays packages out flat. */
static void take_addons(struct discovery *d, const char *package)
{
	char path[DISCOVER_PATH_MAX];

	if (discovery_path(path, package, "node_modules", NULL))
		discover_addons(d, path);
	snprintf(path, sizeof(path), "%s", package);
	discovery_parent(path);
	if (discovery_name(path)[0] == '@')
		discovery_parent(path);
	if (strcmp(discovery_name(path), "node_modules") == 0)
		discover_addons(d, path);
}

void discover_node(struct discovery *d, const char *script)
{
	_cleanup_(cJSON_Deletep) cJSON *json = NULL;
	char package[DISCOVER_PATH_MAX];
	const cJSON *optional, *entry;
	size_t n = 0;

	if (!find_package(d, script, package))
		return;
	json = read_package(d, package);
	optional = json ? json_at(json, "optionalDependencies") : NULL;
	cJSON_ArrayForEach (entry, optional)
		if (n++ < OPTIONAL_MAX && is_package_name(entry->string))
			take_dependency(d, package, entry->string);
	take_package(d, package, "program in the launcher's package");
	take_addons(d, package);
}

struct npx {
	const char *name;
};

static int npx_entry(void *ctx, struct discovery *d, const char *folder, const struct dirent *entry)
{
	const struct npx *x = ctx;
	char path[DISCOVER_PATH_MAX], below[DISCOVER_PATH_MAX];

	if (discovery_path(path, folder, entry->d_name, "node_modules/.bin") &&
	    discovery_path(below, path, x->name, NULL) && discovery_exists(d, below))
		discovery_program(d, below, "kept by npx");
	return 0;
}

void discover_npx(struct discovery *d, const char *name)
{
	const char *home = discovery_env(d, "HOME");
	struct npx x = { discovery_name(name) };
	char path[DISCOVER_PATH_MAX];

	if (home && home[0] == '/' && discovery_path(path, home, ".npm/_npx", NULL))
		discovery_list(d, path, npx_entry, &x);
}
