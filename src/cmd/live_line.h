/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What watchers get, as JSON lines (live_hub.h). Each replaces what @ret holds; 0 or -errno. @uid:
 * of the run that a line is about; NULL: not known.
 */
#pragma once

#include "base/json.h"
#include "export/steps.h"
#include "sonde/live.h"

int live_line_hello(struct buf *ret, uint64_t newest);
int live_line_missed(struct buf *ret, uint64_t from, uint64_t to);
int live_line_run(struct buf *ret, uint64_t n, const uint32_t *uid, const struct run *run);
/* @st: the same step in words, @below: what it hangs at; each may be NULL. */
int live_line_step(struct buf *ret, uint64_t n, const uint32_t *uid, const struct span *span,
		   const struct step *st, const struct step *below);
int live_line_state(struct buf *ret, uint64_t n, const uint32_t *uid,
		    const struct live_change *change);
int live_line_piece(struct buf *ret, uint64_t n, const uint32_t *uid,
		    const struct live_piece *piece);
/* @put writes members of its own. */
int live_line_status(struct buf *ret, uint64_t newest,
		     void (*put)(void *ctx, struct json_writer *w), void *ctx);
