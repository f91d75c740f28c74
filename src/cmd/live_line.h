/* SPDX-License-Identifier: BSD-2-Clause */
/* What watchers get, as JSON lines (live_hub.h). Each replaces what @ret holds; 0 or -errno. */
#pragma once

#include "base/buf.h"
#include "cmd/steps.h"
#include "sonde/live.h"

int live_line_hello(struct buf *ret, uint64_t newest);
int live_line_missed(struct buf *ret, uint64_t from, uint64_t to);
int live_line_run(struct buf *ret, uint64_t n, const struct run *run);
/* @st: the same step in words, @below: what it hangs at; each may be NULL. */
int live_line_step(struct buf *ret, uint64_t n, const struct span *span, const struct step *st,
		   const struct step *below);
int live_line_state(struct buf *ret, uint64_t n, const struct live_change *change);
int live_line_piece(struct buf *ret, uint64_t n, const struct live_piece *piece);
