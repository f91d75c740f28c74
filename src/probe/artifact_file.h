/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands in a file that a traced process has written.
 *
 * The path is a stranger's: it is looked up below the process's own root, only among what the
 * kernel has at hand, so that no filesystem that somebody serves can keep us waiting; and what is
 * found is read only where it is the very file that was written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sonde/event.h"

struct artifact_file {
	const char *path;
	uint64_t dev, ino; /* as stat(2) has them */
	pid_t pid;	   /* who wrote it */
	int root_fd;	   /* its root, where it has gone; may be -1 */
	bool remote;	   /* its filesystem may make whoever reads it wait */
};

/*
 * Reads all of it into @buf (SONDE_ARTIFACT_MAX bytes). What came of it, WHOLE with *ret_n bytes;
 * *ret_size is the file's as far as it is known, else left as it is.
 */
enum sonde_artifact_state artifact_read(const struct artifact_file *f, char *buf, size_t *ret_n,
					uint64_t *ret_size);
