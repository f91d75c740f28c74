/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is to be written with the next transaction, with its own copies of everything.
 *
 * A span or run that was given again replaces what was waiting: only its newest state is written,
 * but a final one is never replaced, so that each final state is one version, however the batches
 * fall.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "sonde/run.h"
#include "sonde/span.h"
#include "store/blob.h"
#include "store/store.h"

struct pending_blob {
	struct pending_blob *next;
	struct id128 id;
	struct slice kind, bytes;
	enum blob_codec codec;
	size_t size;
	UT_hash_handle hh;
};

struct pending_media {
	struct pending_media *next;
	struct media media; /* its type: a text of the program's */
};

struct pending_node {
	struct pending_node *next;
	struct id128 id, parent, message;
	uint32_t depth;
};

struct pending_key {
	struct id128 run;
	struct id64 span;
};

struct pending_span {
	struct pending_span *next;
	struct pending_key key;
	struct span span; /* attrs: in `json` */
	struct slice json;
	UT_hash_handle hh;
};

struct pending_run {
	struct pending_run *next;
	struct run run;
	UT_hash_handle hh;
};

struct pending_state {
	struct pending_state *next;
	struct id128 run;
	struct slice bytes; /* empty: it goes */
	UT_hash_handle hh;
};

/* Steps of an earlier writer's: after what was pending then, before what comes now. */
struct pending_cut {
	struct pending_cut *next;
	struct store_cut cut;
};

struct pending {
	struct arena *mem;
	struct pending_blob *blobs, **blobs_tail, *blobs_by_id;
	struct pending_media *media, **media_tail;
	struct pending_node *nodes, **nodes_tail;
	struct pending_span *spans, **spans_tail, *spans_by_key;
	struct pending_state *states, **states_tail, *states_by_run;
	struct pending_cut *cuts, **cuts_tail;
	struct pending_run *runs, **runs_tail, *runs_by_id;
	size_t rows;
	uint64_t since_ns; /* time of the first tick that saw something; 0: none has */
};

/* At most @max bytes wait. 0 or -ENOMEM. */
int pending_new(size_t max, struct pending **ret);
void pending_free(struct pending *p);

/* Whether the blob waits already: then there is no need to compress it. */
bool pending_has_blob(const struct pending *p, const struct id128 *id);

/* 0, or -ENOBUFS where no more may wait. All is copied. */
int pending_blob(struct pending *p, const struct id128 *id, const char *kind, struct slice packed,
		 enum blob_codec codec, size_t size);
int pending_media(struct pending *p, const struct media *m);
int pending_node(struct pending *p, const struct id128 *id, const struct id128 *parent,
		 const struct id128 *message, uint32_t depth);
int pending_span(struct pending *p, const struct span *span);
int pending_run(struct pending *p, const struct run *run);
int pending_state(struct pending *p, const struct id128 *run, struct slice state);
int pending_cut(struct pending *p, const struct store_cut *cut);
