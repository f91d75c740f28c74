/* SPDX-License-Identifier: BSD-2-Clause */
/* Ids that were seen. Zero-initialise; id_set_done() frees. */
#pragma once

#include "base/id.h"

struct id_set {
	struct id_set_entry *entries;
};

bool id_set_has(const struct id_set *s, const struct id128 *id);
/* 0 or -ENOMEM; nothing where it is there. */
int id_set_add(struct id_set *s, const struct id128 *id);
void id_set_done(struct id_set *s);
