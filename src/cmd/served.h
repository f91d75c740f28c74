/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command that the daemon carries out for somebody else (api/served.h has what tells it so). It
 * opens no file that it was named, runs in the engine's sandbox, and shows what its viewer may see.
 */
#pragma once

#include "cmd/command.h"
#include "store/viewer.h"

bool served(void);
/* Whether it may be carried out for others, with these options. 0, or -EACCES; has said why. */
int served_check(const struct command *c, int argc, char **argv);
/* Limits and sandbox, before anything is read. 0 or -errno; has said why. */
int served_enter(void);
/*
 * Whose runs may be shown: everybody's where nothing says otherwise. -EINVAL where what is said is
 * no user: then nothing is to be shown; has said why.
 */
int served_viewer(struct viewer *ret);
