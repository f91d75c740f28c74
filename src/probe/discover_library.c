/* SPDX-License-Identifier: BSD-2-Clause */
/* Libraries as ld.so(8) finds them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/discover.h"
#include "probe/elf/elf.h"

#define CACHE_MAX	  (8u << 20)
#define CACHE_ENTRIES_MAX 100000

static const char *const standard[] = {
	"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu",
	"/lib/aarch64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
	"/lib64",
	"/usr/lib64",
	"/lib",
	"/usr/lib",
	"/usr/local/lib",
	"/usr/local/lib64",
	"/usr/local/ssl/lib",
	"/opt/openssl/lib",
};

/* --- ld.so.cache, the format since glibc 2.2 (sysdeps/generic/dl-cache.h) --- */

struct cache_head {
	char magic[20]; /* "glibc-ld.so.cache1.1" */
	uint32_t n, strings_size, unused[5];
};

struct cache_entry {
	int32_t flags;
	uint32_t key, value, osversion; /* strings: name, path */
	uint64_t hwcap;
};

_Static_assert(sizeof(struct cache_head) == 48 && sizeof(struct cache_entry) == 24, "format");

typedef bool (*cache_fn)(void *ctx, const char *name, const char *path);

static const char *cache_string(const char *cache, size_t n, uint32_t at)
{
	return at < n && memchr(cache + at, 0, n - at) ? cache + at : NULL;
}

/* Calls @fn for each entry until it returns true. */
static void read_cache(const char *cache, size_t n, cache_fn fn, void *ctx)
{
	struct cache_head h;

	if (n < sizeof(h))
		return;
	memcpy(&h, cache, sizeof(h));
	if (memcmp(h.magic, "glibc-ld.so.cache1.1", sizeof(h.magic)) != 0)
		return;
	for (size_t i = 0; i < h.n && i < CACHE_ENTRIES_MAX; i++) {
		struct cache_entry e;
		const char *name, *path;

		if (n - sizeof(h) < (i + 1) * sizeof(e))
			return;
		memcpy(&e, cache + sizeof(h) + i * sizeof(e), sizeof(e));
		name = cache_string(cache, n, e.key);
		path = cache_string(cache, n, e.value);
		if (name && path && path[0] == '/' && fn(ctx, name, path))
			return;
	}
}

static void load_cache(struct discovery *d)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;
	size_t n;

	if (d->ld_cache_read)
		return;
	d->ld_cache_read = true;
	fd = discovery_open(d, "/etc/ld.so.cache");
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > CACHE_MAX || st.st_size == 0)
		return;
	n = (size_t)st.st_size;
	d->ld_cache = malloc(n);
	if (d->ld_cache && pread(fd, d->ld_cache, n, 0) == (ssize_t)n)
		d->ld_cache_n = n;
}

/* --- DT_NEEDED --- */

struct lookup {
	struct discovery *d;
	const char *name;
	char origin[DISCOVER_PATH_MAX]; /* the folder of the file that needs it */
	char rpath[4096], runpath[4096];
	char ret[DISCOVER_PATH_MAX];
};

/* "$ORIGIN/../lib" -> "/x/bin/../lib". */
static bool expand(const struct lookup *l, const char *folder, size_t n,
		   char ret[DISCOVER_PATH_MAX])
{
	static const char *const names[] = { "$ORIGIN", "${ORIGIN}" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(names[i]);

		if (n >= len && strncmp(folder, names[i], len) == 0)
			return snprintf(ret, DISCOVER_PATH_MAX, "%s%.*s", l->origin, (int)(n - len),
					folder + len) < DISCOVER_PATH_MAX;
	}
	return n > 0 && folder[0] == '/' &&
	       snprintf(ret, DISCOVER_PATH_MAX, "%.*s", (int)n, folder) < DISCOVER_PATH_MAX;
}

/* Looks for the library in a list of folders separated by ':' (or ';'). */
static bool in_list(struct lookup *l, const char *list)
{
	char folder[DISCOVER_PATH_MAX];

	while (list && *list) {
		size_t n = strcspn(list, ":;");

		if (n < 4096 && expand(l, list, n, folder) &&
		    discovery_path(l->ret, folder, l->name, NULL) && discovery_exists(l->d, l->ret))
			return true;
		list += n + (list[n] != 0);
	}
	return false;
}

static bool in_cache(void *ctx, const char *name, const char *path)
{
	struct lookup *l = ctx;

	if (strcmp(name, l->name) != 0 || !discovery_path(l->ret, path, NULL, NULL))
		return false;
	return discovery_exists(l->d, l->ret);
}

static bool in_standard(struct lookup *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(standard); i++)
		if (discovery_path(l->ret, standard[i], l->name, NULL) &&
		    discovery_exists(l->d, l->ret))
			return true;
	return false;
}

static bool find_library(struct lookup *l)
{
	if (strchr(l->name, '/'))
		return discovery_path(l->ret, l->name, NULL, NULL) && l->name[0] == '/';
	/* DT_RPATH counts only where there is no DT_RUNPATH. */
	if ((!l->runpath[0] && in_list(l, l->rpath)) ||
	    in_list(l, discovery_env(l->d, "LD_LIBRARY_PATH")) || in_list(l, l->runpath))
		return true;
	l->ret[0] = 0;
	load_cache(l->d);
	read_cache(l->d->ld_cache, l->d->ld_cache_n, in_cache, l);
	return l->ret[0] || in_standard(l);
}

static int take_path(void *ctx, enum elf_dynamic_name kind, const char *name)
{
	struct lookup *l = ctx;

	if (kind == ELF_NAME_RPATH)
		snprintf(l->rpath, sizeof(l->rpath), "%s", name);
	else if (kind == ELF_NAME_RUNPATH)
		snprintf(l->runpath, sizeof(l->runpath), "%s", name);
	return 0;
}

static int take_needed(void *ctx, enum elf_dynamic_name kind, const char *name)
{
	struct lookup *l = ctx;

	if (kind != ELF_NAME_NEEDED)
		return 0;
	l->name = name;
	if (find_library(l))
		discovery_library(l->d, l->ret, "needed by the program");
	return 0;
}

void discover_needed(struct discovery *d, const struct elf_file *e, const char *path)
{
	_cleanup_(freep) struct lookup *l = calloc(1, sizeof(*l));

	if (!l)
		return;
	l->d = d;
	if (!discovery_real(d, path, l->origin))
		snprintf(l->origin, sizeof(l->origin), "%s", path);
	discovery_parent(l->origin);
	elf_dynamic_names(e, take_path, l);
	elf_dynamic_names(e, take_needed, l);
}

/* --- the system's --- */

static bool is_libssl(const char *name)
{
	static const char *const names[] = {
		"libssl.so", "libssl-", "libgnutls.so", "libgnutls-", "libssl3.so", "libssl3-",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static bool cached_libssl(void *ctx, const char *name, const char *path)
{
	if (is_libssl(name))
		discovery_library(ctx, path, "known to the dynamic linker");
	return false;
}

static int standard_libssl(void *ctx, struct discovery *d, const char *folder,
			   const struct dirent *entry)
{
	char path[DISCOVER_PATH_MAX];

	(void)ctx;
	if (is_libssl(entry->d_name) && discovery_path(path, folder, entry->d_name, NULL))
		discovery_library(d, path, "in a standard folder");
	return 0;
}

static void preloaded(struct discovery *d, const char *list)
{
	char path[DISCOVER_PATH_MAX];

	while (list && *list) {
		size_t n = strcspn(list, ": ");

		if (list[0] == '/' && n < sizeof(path)) {
			snprintf(path, sizeof(path), "%.*s", (int)n, list);
			discovery_library(d, path, "LD_PRELOAD");
		}
		list += n + (list[n] != 0);
	}
}

void discover_system(struct discovery *d)
{
	load_cache(d);
	read_cache(d->ld_cache, d->ld_cache_n, cached_libssl, d);
	preloaded(d, discovery_env(d, "LD_PRELOAD"));
	for (size_t i = 0; i < ARRAY_SIZE(standard); i++)
		discovery_list(d, standard[i], standard_libssl, NULL);
}
