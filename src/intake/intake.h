/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One ordered sequence of events, live or from a file.
 *
 * Live: what the sockets of prober and enricher and the kernel's ring hold, merged in the order
 * taken, with LOSS, TICK (every 100 ms), PROBER_LOST and END added. Replay: exactly the recorded
 * sequence. Either way the consumer sees the same thing, and a recording is written here, after the
 * merge.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "sonde/event.h"
#include "sonde/stats.h"

/* Lent for the call; kind and size have been checked against each other (event_valid()). */
typedef void (*intake_fn)(void *ctx, const struct sonde_event *e);

/* Whether @e, of which @n bytes are there, is well formed for its kind (unknown kinds: header
 * only). */
bool event_valid(const struct sonde_event *e, size_t n);

/* --- record.c: the file format --- */
struct record_header_info {
	char sonde_version[32];
	char config_digest[65], price_digest[65]; /* hex; what a replay must match to be equal */
};
struct recorder;
/*
 * Creates @path, mode 0600, never over an existing file unless it is a recording or empty.
 * 0, -EEXIST, -errno. An empty config_digest is taken from the CONFIG event.
 */
int recorder_new(const char *path, const struct record_header_info *info, struct recorder **ret);
int recorder_add(struct recorder *r, const struct sonde_event *e); /* 0 or -errno, e.g. -ENOSPC */
/* 0 or the -errno that ended the recording; from then on nothing is written. */
int recorder_error(const struct recorder *r);
int recorder_close(struct recorder *r); /* flushes; 0 or -errno of any write */

/* Reads the header alone: 0, -EBADMSG, -ENOTSUP, -errno. */
int replay_info(const char *path, struct record_header_info *ret);
/*
 * Feeds a recording. 0; -EBADMSG: not a recording, or damaged at *ret_offset (what was whole has
 * been fed); -ENODATA: ends without END (the same); -ENOTSUP: a newer version.
 */
int replay_file(const char *path, intake_fn fn, void *ctx, struct record_header_info *ret_info,
		uint64_t *ret_offset);

/* --- live.c: ring and socket --- */
struct intake;
/*
 * @prober_fd: the socket towards the prober; the ring's descriptors come over it. Takes it over.
 * @recorder may be NULL. 0 or -errno.
 */
int intake_new(int prober_fd, struct recorder *recorder, struct stats *stats, intake_fn fn,
	       void *ctx, struct intake **ret);
void intake_free(struct intake *i);
/*
 * A second socket, of somebody who may tell of containers and of nothing else; what it sends is
 * stamped with the time at which it was taken. Takes it over; that it closes ends nothing. 0 or
 * -errno.
 */
int intake_add_enricher(struct intake *i, int fd);
/*
 * Waits for events at most @timeout_ms and delivers what is there.
 * 1 while there is more to come, 0 after END was delivered, -errno.
 */
int intake_run_once(struct intake *i, int timeout_ms);
/* An act: sent to the prober and recorded. 0, -EAGAIN, -ENOTCONN. */
int intake_verdict(struct intake *i, uint64_t conn, enum sonde_verdict verdict);
/* The same: a process that a daemon has found is part of a run. */
int intake_run(struct intake *i, uint32_t tgid, uint64_t start_ns);
/* An event of the engine's own, now and recorded: JSON. 0 or -E2BIG. */
int intake_tell(struct intake *i, uint16_t kind, struct slice json);
/*
 * Events that come faster than they are taken wait beside the ring, in at most @bytes (else 256
 * MiB); the fuller that is, the more is let go (EV_LOAD).
 */
void intake_bound(struct intake *i, size_t bytes);
/* Waits @ms, and takes from the ring what must not be lost, without delivering any of it. */
void intake_hold(struct intake *i, int ms);
/* Nothing new is read any more. */
bool intake_is_ending(const struct intake *i);
/* Ends soon: as if the prober had said END (SIGTERM to the engine). */
void intake_stop(struct intake *i);
