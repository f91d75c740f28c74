/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of discover_command(): one search, shared by the files that each know one kind of
 * program. Everything found is followed further; what was seen once is not looked at again; the
 * number of files, folders and the depth are bounded.
 */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

#include "probe/finder/target.h"

#define DISCOVER_PATH_MAX    4096
#define DISCOVER_FILES_MAX   1024  /* files that are opened */
#define DISCOVER_ENTRIES_MAX 20000 /* names read from folders */
#define DISCOVER_DEPTH_MAX   12	   /* interpreter of a script of a launcher ... */

/* A file that was looked at. */
struct discover_seen {
	dev_t dev;
	ino_t inode;
	bool reported;
};

struct discovery {
	int root_fd; /* "/" as the command sees it */
	const char *const *env;
	const char *cwd;
	discover_fn fn;
	discover_folder_fn folder; /* NULL: nobody wants to know */
	bool to_folders;	   /* what is walked to are folders, not files */
	void *ctx;
	struct discover_seen seen[DISCOVER_FILES_MAX];
	size_t n_seen;
	size_t files, entries, depth;
	char *ld_cache; /* /etc/ld.so.cache, once it was read; NULL where there is none */
	size_t ld_cache_n;
	bool ld_cache_read;
	bool perhaps; /* what is looked for now is not the command's own */
	int r;	      /* what @fn returned, once it was not 0: nothing more is looked for */
};

/* The value of an environment variable of the command; NULL where it is not set. */
const char *discovery_env(const struct discovery *d, const char *name);

/* An open regular file of the command's root, -errno otherwise; counts towards the limit. */
int discovery_open(struct discovery *d, const char *path);
bool discovery_exists(struct discovery *d, const char *path);
/* The path with all symbolic links resolved, as the command would see it. False: cannot be had. */
bool discovery_real(struct discovery *d, const char *path, char ret[DISCOVER_PATH_MAX]);

/*
 * Calls @fn with the name of each entry of a folder, in no order; a value other than 0 ends it.
 * A folder that cannot be read is empty.
 */
typedef int (*discovery_entry_fn)(void *ctx, struct discovery *d, const char *folder,
				  const struct dirent *entry);
void discovery_list(struct discovery *d, const char *folder, discovery_entry_fn fn, void *ctx);

/* Calls @fn for each path below @folder that @pattern leads to ("a/b*c/d"), hidden names only where
 * they are spelt out. */
typedef void (*discovery_walk_fn)(struct discovery *d, const char *path);
void discovery_walk(struct discovery *d, const char *folder, const char *pattern,
		    discovery_walk_fn fn);

/* A path of at most three parts put together with '/'. False where it is too long. */
bool discovery_path(char ret[DISCOVER_PATH_MAX], const char *a, const char *b, const char *c);
/* Without its last part: "/usr/bin/x" -> "/usr/bin". */
void discovery_parent(char *path);
const char *discovery_name(const char *path);

/* A program or script that may run: reports it and follows what it starts and loads. */
void discovery_program(struct discovery *d, const char *path, const char *why);
/* The same for a command as typed: PATH is searched where it has no '/'. False: not found. */
bool discovery_command(struct discovery *d, const char *name, const char *why);
/* A library that may be loaded: reports it and what it needs. */
void discovery_library(struct discovery *d, const char *path, const char *why);
/* Only reports it; false where it was reported before. */
bool discovery_report(struct discovery *d, int fd, const char *path, const char *why);

/* --- discover_library.c --- */
struct elf_file;
/* What the file at @path needs (DT_NEEDED), found as the dynamic linker would. */
void discover_needed(struct discovery *d, const struct elf_file *e, const char *path);
/* Every libssl that the dynamic linker could find without a search path. */
void discover_system(struct discovery *d);

/* --- discover_python.c --- */
/* A python executable: its ssl module, and wheels that bring a libssl. */
void discover_python(struct discovery *d, const char *path);
/* A virtual or conda environment. */
void discover_prefix(struct discovery *d, const char *prefix);
/* Environments that variables and the working directory point to; builds in usual places. */
void discover_pythons(struct discovery *d, const char *cwd);

/* --- discover_node.c --- */
/* A script run by node: the programs of its package and of the packages made for this platform. */
void discover_node(struct discovery *d, const char *script);
/* What npx would run by that name. */
void discover_npx(struct discovery *d, const char *name);

/* --- discover_addons.c --- */
/* What the program at @path unpacks somewhere and then loads. */
void discover_unpacked(struct discovery *d, const char *path);
/* What the program at @path starts from its own folder. */
void discover_beside(struct discovery *d, const char *path);
/* Native add-ons of the packages in a node_modules folder. */
void discover_addons(struct discovery *d, const char *node_modules);

/* --- discover_agents.c --- */
/* Agents where their installers put them. */
void discover_agents(struct discovery *d);
