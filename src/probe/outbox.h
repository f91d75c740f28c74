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

#define OUTBOX_MAX (8u << 20) /* bytes that wait */

struct outbox;

/* @fd stays the caller's. 0 or -ENOMEM. */
int outbox_new(int fd, struct outbox **ret);
void outbox_free(struct outbox *o);
/* 0, or -ENOBUFS: dropped and counted. */
int outbox_send(struct outbox *o, struct slice message);
/* Sends what waits. 0: nothing is left, -EAGAIN: some is, else the peer has gone. */
int outbox_flush(struct outbox *o);
/* What waits. */
size_t outbox_bytes(const struct outbox *o);
bool outbox_waiting(const struct outbox *o);
uint64_t outbox_dropped(const struct outbox *o);
