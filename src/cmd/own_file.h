/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the user's own that change what sonde does: one rule for where they are. */
#pragma once

#include "base/buf.h"

struct own_file {
	const char *env;  /* a variable that names one: "SONDE_PRICES" */
	const char *name; /* in the folder of configuration: "prices.json" */
	const char *host; /* the whole host's, where the user has none; or NULL */
};

/*
 * @option, else the variable, else $XDG_CONFIG_HOME or ~/.config, sonde/NAME (under sudo: of the
 * user who called it), else the host's; of the latter two only what there is. malloc'ed; NULL where
 * there is none. 0 or -ENOMEM.
 */
int own_file_find(const struct own_file *f, const char *option, char **ret);
/* The user's by the same rule, whether there is one or not. 0, -ENOENT or -ENOMEM. */
int own_file_place(const struct own_file *f, const char *option, char **ret);
/* A whole regular file of at most @max bytes, appended. 0 or -errno: says nothing. */
int own_file_read(const char *path, size_t max, struct buf *ret);
