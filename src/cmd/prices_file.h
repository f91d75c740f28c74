/* SPDX-License-Identifier: BSD-2-Clause */
/* Which prices count: one rule for every command that prices calls. */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "price/price.h"

DEFINE_CLEANUP(struct price_table *, price_free)

/*
 * The built-in table under the user's: @option (--prices), else $SONDE_PRICES, else
 * $XDG_CONFIG_HOME or ~/.config, sonde/prices.json (under sudo: of the user who called it) where
 * there is one. 0, or -errno; has said why on stderr.
 */
int prices_load(const char *option, struct price_table **ret);

/* The built-in table alone. */
int prices_builtin(struct price_table **ret);

/* The file that prices_load() reads on top, malloc'ed; NULL where there is none. 0 or -ENOMEM. */
int prices_find(const char *option, char **ret);

/* The user's own file by the same rule, whether there is one or not. 0, -ENOENT or -ENOMEM. */
int prices_own(const char *option, char **ret);

/* A whole file of at most 64 MiB, appended. 0 or -errno: says nothing. */
int prices_read_file(const char *path, struct buf *ret);
