/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conversations of a run, each message once. An agent resends its history with every call, so
 * the calls of a run are nodes of a trie: the conversations are the paths to its leaves. They are
 * found from the last call backwards: a call whose node was passed on the way to a later one is
 * part of that one.
 */
#pragma once

#include "store/query.h"

struct thread {
	struct id128 node;   /* its last message */
	struct id128 system; /* blob of the system prompt; all zero: none is known */
	uint64_t start_ns;   /* of its last call */
	struct slice model, agent;
};

/* @thread is the same pointer for all messages of one. A negative return ends it. */
typedef int (*thread_fn)(void *ctx, const struct thread *thread, const struct id128 *node,
			 struct slice json);

/* 0 or -errno. */
int threads_read(struct store_reader *r, const struct id128 *run, thread_fn fn, void *ctx);
