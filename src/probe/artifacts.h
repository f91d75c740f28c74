/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run wrote, as ARTIFACT events: some time after it was written, so that what is written
 * over and over again, renamed or removed at once is read once or not at all. A bounded number
 * waits, and what is read has a budget that fills up slowly; beyond that it is told that nobody
 * looked.
 */
#pragma once

#include <stdint.h>

#include "probe/capture.h"
#include "probe/outbox.h"

struct artifacts;

/* @root_fd: where paths of processes that have ended begin; it becomes the queue's. 0 or -ENOMEM.
 */
int artifacts_new(struct outbox *o, int root_fd, struct artifacts **ret);
void artifacts_free(struct artifacts *a);
/* Something was done with a file. */
void artifacts_see(struct artifacts *a, const struct sonde_file_event *e);
/* Sends what is due. */
void artifacts_look(struct artifacts *a, uint64_t now_ns);
/* The least of @most_ms and what is left until it is worth looking. */
int artifacts_timeout(const struct artifacts *a, uint64_t now_ns, int most_ms);

/* A turn of the prober: takes in what the kernel has told, sends what is due. */
void artifacts_turn(struct artifacts *a, struct capture *c);
/* Sends what waits, as far as the engine at @engine_fd takes it within a second; of the rest it is
 * told that nobody looked. */
void artifacts_finish(struct artifacts *a, struct capture *c, int engine_fd);
