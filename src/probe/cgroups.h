/* SPDX-License-Identifier: BSD-2-Clause */
/* The cgroups of version 2 that there are: their numbers, as the kernel has them, and paths. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define CGROUPS_MAX 16384

struct cgroups;

/* Where they are mounted; false where they are not. */
bool cgroups_mount(char ret[PATH_MAX]);

/* All that are there now; empty where none are. 0 or -ENOMEM. */
int cgroups_new(struct cgroups **ret);
void cgroups_free(struct cgroups *c);
/* "/a.slice/b.service", below the mount; NULL: not known. */
const char *cgroups_path(const struct cgroups *c, uint64_t id);
/* One that was made; its path, as it is kept, or NULL where there is no room. */
const char *cgroups_add(struct cgroups *c, uint64_t id, struct slice path);
void cgroups_remove(struct cgroups *c, uint64_t id);
typedef void (*cgroups_fn)(void *ctx, uint64_t id, const char *path);
void cgroups_each(struct cgroups *c, cgroups_fn fn, void *ctx);
