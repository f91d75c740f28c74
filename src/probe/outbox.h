/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events on their way to the engine: a socket that never blocks and a queue that is bounded.
 * What does not fit is dropped and counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "sonde/event.h"

#define OUTBOX_MAX	(8u << 20) /* bytes that wait */
#define OUTBOX_KEPT_MAX (4u << 20) /* bytes that are kept for later readers */

struct outbox;

/* @fd stays the caller's. 0 or -ENOMEM. */
int outbox_new(int fd, struct outbox **ret);
/*
 * Another reader: what waited for the last one is let go, as it is told anew. -1: nobody reads;
 * what is sent meanwhile is let go as well, and counts for nothing.
 */
void outbox_connect(struct outbox *o, int fd);
void outbox_free(struct outbox *o);
/* 0, or -ENOBUFS: dropped and counted. */
int outbox_send(struct outbox *o, struct slice message);
/* The same, and to each reader that comes later (outbox_repeat()), within OUTBOX_KEPT_MAX: what is
 * beyond is not repeated. */
int outbox_keep(struct outbox *o, struct slice message);
void outbox_repeat(struct outbox *o);
/* Sends what waits. 0: nothing is left, -EAGAIN: some is, else the peer has gone. */
int outbox_flush(struct outbox *o);
/* What waits. */
size_t outbox_bytes(const struct outbox *o);
bool outbox_waiting(const struct outbox *o);
uint64_t outbox_dropped(const struct outbox *o);
