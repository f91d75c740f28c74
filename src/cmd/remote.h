/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking the daemon instead of reading a store: for who may not read its store, and for who wants
 * to see what it sees. It carries the command out and shows each user what that user may see.
 */
#pragma once

#include "cmd/command.h"

extern bool remote_asked; /* --daemon */

#define REMOTE_OPTION                                                          \
	{                                                                      \
		"daemon", 0, OPTION_FLAG, &remote_asked, NULL,                 \
			"ask the daemon, not a store of one's own", NULL, NULL \
	}

/* Keeps what was given on the command line, before it is parsed. 0 or -errno; has said why. */
int remote_prepare(const struct command *c, int argc, char **argv);
/*
 * Whether the daemon is to be asked: by --daemon or $SONDE_DAEMON=1; or where no store was named,
 * there is none of one's own, and a daemon answers.
 */
bool remote_wanted(const struct command *c);
/* Both --daemon and a store were given; has said so. */
bool remote_conflict(const struct command *c);
/* Has what was prepared carried out. The exit status; has said what went wrong. */
int remote_run(const struct command *c);

/* A command's output (argv ends with NULL) appended to @ret. Its exit status, or -errno. */
int remote_capture(const char *const *argv, int columns, struct buf *ret);

/* Where it listens. */
const char *remote_socket(void);
/* Says that the daemon could not be asked; returns @r. */
int remote_failed(int r);
