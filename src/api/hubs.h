/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The captures that write to a store, watched on the sockets beside it (cmd/live_hub.h says what
 * they tell): all of them, those that begin later as well, each resumed where it was left.
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define HUBS_FOLDER "live" /* beside the store */
#define HUBS_SUFFIX ".sock"
#define HUBS_MAX    64 /* captures at once */

struct hubs;

/*
 * A line of one capture, without its end. Returns the number that the capture would go on after:
 * @before where the line has none.
 */
typedef uint64_t (*hubs_line_fn)(void *ctx, struct slice line, uint64_t before);

/* @store: its path; the folder need not be there yet. 0 or -ENOMEM. */
int hubs_new(const char *store, hubs_line_fn fn, void *ctx, struct hubs **ret);
void hubs_free(struct hubs *h);
/* Looks for new captures and waits for lines, @timeout_ms at most. How many captures there are. */
int hubs_wait(struct hubs *h, int timeout_ms);
/* Whether there has been one. */
bool hubs_seen(const struct hubs *h);

/*
 * Asks each capture for its status; @fn gets the lines (its result does not count). Waits
 * @timeout_ms for all together. How many answered, or -errno.
 */
int hubs_status(const char *store, int timeout_ms, hubs_line_fn fn, void *ctx);
