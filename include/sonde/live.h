/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run does right now: made by trace/ from events alone, redacted, for whoever watches.
 * Nothing of it is kept: the store has what it comes to.
 */
#pragma once

#include "sonde/run.h"

enum live_state {
	LIVE_IDLE = 1,	/* nothing of the below */
	LIVE_THINKING,	/* a request was sent, nothing of its answer has come */
	LIVE_STREAMING, /* an answer is coming */
	LIVE_TOOL,	/* no call is under way; a tool that an answer asked for is at work */
	LIVE_WAITING,	/* for a human (RUN_PAUSED) */
	LIVE_ENDED,
};

/* "idle", "thinking", "streaming", "tool", "waiting_human", "ended" */
extern const char *const live_state_names[];

enum live_piece_kind {
	LIVE_TEXT = 1,
	LIVE_REASONING,
	LIVE_ARGUMENTS, /* of a tool call: JSON, cut anywhere */
};

/* "text", "reasoning", "arguments" */
extern const char *const live_piece_names[];

/* A state that is another one than before, with what the run has used so far. */
struct live_change {
	struct id128 run_id;
	enum live_state state;
	enum run_status status;
	struct slice reason;		     /* of the status */
	uint64_t ts_ns;			     /* Unix time */
	int64_t input_tokens, output_tokens; /* of all calls, those under way as far as they
						tell; LLM_UNKNOWN */
	int64_t cost_pico_usd;		     /* of ended calls */
};

/* Some more of an answer. Pieces of one part come in order and together make its text. */
struct live_piece {
	struct id128 run_id;
	struct id64 span_id; /* of the call */
	enum live_piece_kind kind;
	unsigned part;	   /* which part of the answer, from 0 */
	struct slice name; /* of the tool, where kind is LIVE_ARGUMENTS */
	struct slice text; /* whole characters */
	bool last;	   /* nothing of this part follows */
	bool cut;	   /* something before this was left out: over a limit, or no longer sure to
			      hold no secret */
};
