/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local store, one SQLite file: the writer and what concerns the file as a whole.
 * Readers: query.h. Schema: schema.c (versions) and SCHEMA.md.
 *
 * Several writers may share one file: transactions are short and wait for each other, bounded.
 * The writer batches; a crash loses at most the open batch.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sonde/media.h"
#include "sonde/run.h"
#include "sonde/span.h"
#include "sonde/stats.h"

struct store;

/* Why store_open() failed, as one line for people: "'/x/sonde.db' was written by a newer sonde". */
struct store_error {
	char text[512];
};

/*
 * Opens or creates @path for writing, mode 0600, parents 0700, and migrates it to this version.
 * 0, -EACCES, -EROFS, -ENOSPC, -EBUSY, -ENOTSUP (newer), -EBADMSG (no store, or damaged).
 */
int store_open(const char *path, struct stats *stats, struct store **ret, struct store_error *err);
/* Commits what is open. 0 or -errno of the last failed batch. */
int store_close(struct store *s);

/* As trace_sink has them, with @id = id_of_bytes(@bytes); failures are counted, kept for
 * store_close() and retried where that helps. */
void store_blob(struct store *s, const struct id128 *id, const char *kind, struct slice bytes);
void store_media(struct store *s, const struct media *m);
void store_node(struct store *s, const struct id128 *id, const struct id128 *parent,
		const struct id128 *message, uint32_t depth);
void store_span(struct store *s, const struct span *span);
void store_run(struct store *s, const struct run *run);
/*
 * What is needed to go on with an open run (trace's own words); empty: it is over. It is written
 * with the same batch as the run.
 */
void store_state(struct store *s, const struct id128 *run, struct slice state);
/* All of it, as it was left. 0, -errno or what @fn returned. */
int store_states(struct store *s, int (*fn)(void *ctx, struct slice state), void *ctx);
/*
 * Steps of a run that nobody will end become final as they are, and say why.
 */
struct store_cut {
	struct id128 run;
	struct id64 span; /* that one alone; zero: all that are open */
	bool in_flight;	  /* of these only calls and exchanges: their engine has died */
	bool run_ended;	  /* so is the run, "incomplete", for the same reason */
	struct slice why; /* empty: the engine died before it ended */
};
void store_cut(struct store *s, const struct store_cut *cut);
/* Called from ticks: commits a batch that is old or large enough. */
void store_tick(struct store *s, uint64_t now_ns);
/* Whether content was removed by others since the last call: what was given once must be given
 * again before it is referred to. */
bool store_swept(struct store *s);
/* Commits now, waiting for other writers. 0 or -errno. */
int store_flush(struct store *s);
/*
 * While the file cannot be written, at most @max_bytes wait in memory (from the next batch on);
 * when they nearly do, the caller waits once for @wait_ms; after that what comes is dropped and
 * counted. Without this call: 256 MiB, 10 s.
 */
void store_bound(struct store *s, size_t max_bytes, unsigned wait_ms);
/* Whether something given is not stored now: 0, or -errno with the line that says why. */
int store_failure(const struct store *s, struct store_error *ret);

/*
 * The one rule that finds the store: @option (--db), else $SONDE_DB, else the caller's own
 * (~SUDO_USER under sudo): $XDG_DATA_HOME or ~/.local/share, sonde/sonde.db; for reading, else the
 * daemon's /var/lib/sonde/sonde.db where readable. 0 or -ENOENT. @ret is malloc'ed.
 */
int store_find(const char *option, bool for_reading, char **ret);

/* `sonde store check|backup`: one problem per callback; 0 where sound, 1 where not, -errno. */
int store_check(const char *path, void (*problem)(void *ctx, const char *text), void *ctx,
		struct store_error *err);
int store_backup(const char *path, const char *to, struct store_error *err);

/* `sonde store gc`: what is to go. Times are Unix ns; 0: not by that. */
struct store_gc_options {
	uint64_t runs_before_ns;    /* runs that ended before it, with their steps */
	uint64_t content_before_ns; /* what was said in runs that ended before it */
	uint64_t max_bytes; /* then the oldest runs, until no more than that is in use; 0: any */
	/* Runs with steps that a sink has not got yet (sink.h) stay, and what was said in them,
	 * until so many bytes more than max_bytes are in use; 0: sinks keep nothing. */
	uint64_t sinks_keep_bytes;
	bool dry_run; /* only counts; of max_bytes it knows no more than how much there is */
	/* Now and then; @of 0: not known. NULL: nobody is told. */
	void (*progress)(void *ctx, const char *doing, int64_t done, int64_t of);
	void *ctx;
};

struct store_gc_result {
	int64_t runs, spans;   /* that went */
	int64_t content_spans; /* that what was said in went of */
	int64_t unsent;	       /* steps that went before a sink had them */
	int64_t nodes, blobs;  /* that nothing refers to any more */
	int64_t running;       /* runs in progress: they stay */
	int64_t used_bytes_before, used_bytes;
	int64_t file_bytes_before, file_bytes;
	bool shrinks;	/* the file can give room back to the disk; else it is used again */
	bool too_large; /* more than max_bytes stay in use: nothing more may go */
};

/*
 * Removes in short transactions, beside writers and readers; sums per minute stay. Whenever it is
 * ended the store is sound, and the next call goes on. 0; -EBUSY where another is at it.
 */
int store_gc(const char *path, const struct store_gc_options *o, struct store_gc_result *ret,
	     struct store_error *err);
