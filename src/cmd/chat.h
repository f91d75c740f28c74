/* SPDX-License-Identifier: BSD-2-Clause */
/* A run as a conversation: every message once, however often it was sent. */
#pragma once

#include "cmd/screen.h"
#include "store/query.h"

struct chat_options {
	bool json; /* one message per line, canonical form */
	bool all;  /* long parts whole */
};

/* 0 or -errno. */
int chat_print(struct store_reader *r, const struct id128 *run, const struct chat_options *o,
	       struct screen *s);
