/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands that read the store share. */
#pragma once

#include "base/cleanup.h"
#include "export/load.h"
#include "store/query.h"

DEFINE_CLEANUP(struct store_reader *, store_reader_close)

/* Opens the store that --db, $SONDE_DB or the rule means. 0, or -errno; has said why. */
int reader_open(const char *db, struct store_reader **ret, char **ret_path);

/* Exit status of a command that wrote to stdout: 1 where @r is an error or the output was lost;
 * says so. */
int reader_finish(int r);

/* The run that @ref means. 0, or -errno; has said why. */
int reader_find_run(struct store_reader *r, const char *ref, struct id128 *ret);
/* The same of a session. */
int reader_find_session(struct store_reader *r, const char *ref, struct id128 *ret);
