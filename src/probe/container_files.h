/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What container engines leave on disk of a container: its name, its image, its pod. No engine is
 * asked and none needs to run. Paths are the host's, also where the prober is in a container of its
 * own that shares the host's process ids.
 */
#pragma once

#include "base/cgroup.h"
#include "base/json.h"

/* The host's root as seen from here: "/proc/1/root"; where that is closed, "", which is our own. */
const char *container_files_root(void);

/*
 * Members of CONTAINER's "resource" (sonde/event.h) for a container whose id is known; false, and
 * nothing written, where no engine tells anything.
 */
bool container_files_describe(const char *root, const char *id, struct json_writer *w);
/*
 * Of a cgroup whose path says nothing of a runtime the part that crun or runc know as a container
 * of theirs, with its runtime; false: none.
 */
bool container_files_find(const char *root, struct slice cgroup, struct cgroup_place *ret);
