/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose code may be run by us: that of files that only those could have written who may do so here.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Whether nobody but root and @also (0: nobody else) can change the file or put another in its
 * place; the path without symbolic links is in @ret. */
bool trust_file(const char *path, uid_t also, char ret[4096]);
/* Whether paths mean the same to the process as here; in a container they do not. */
bool trust_process(pid_t pid);
