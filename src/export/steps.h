/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps and runs that a view shows, copied out of lent spans: only what is printed, bounded in
 * number. What is over the bound is counted; the store has it.
 */
#pragma once

#include "base/map.h"
#include "sonde/run.h"

#define STEPS_MAX 20000

struct step_key {
	struct id128 run;
	struct id64 span;
};

/* What a step is shown as, where that is not the kind of a span. */
enum step_look {
	LOOK_AS_KIND,
	LOOK_SKILL, /* a tool call that loads one */
	/* no spans, but made of what stands on one (parts.h) */
	LOOK_REASONING, /* parts of a model call's answer */
	LOOK_MESSAGE,
	LOOK_EVENT, /* of a run: a pause, a signal, another model, a shortened history */
	LOOK_ERROR, /* how a run failed that no failed step of it tells */
};

struct step {
	struct step_key key;
	struct id64 parent_id;
	enum step_kind kind; /* 0: it is no span */
	enum step_look look;
	uint64_t start_ns, end_ns;
	uint64_t asked_ns; /* of a tool call: when the model had asked for it; 0: not known */
	enum span_status status;
	bool final;
	struct llm_usage usage;
	struct cost cost;
	int64_t table_pico_usd; /* where the provider told another price; else LLM_UNKNOWN */
	int64_t first_token_ns;
	uint64_t lost_bytes;
	uint32_t pid;
	int64_t exit_code;	    /* of a process; LLM_UNKNOWN */
	bool unexplained;	    /* no tool call asked for it */
	bool pause;		    /* an event: somebody else is to act */
	bool again;		    /* a call that was seen before: its run counts it once */
	bool quiet;		    /* what agents do of their own accord: shown where all is */
	struct slice label, detail; /* "Bash", "ls -la" */
	struct slice error, evidence, lost_reason, agent;

	UT_hash_handle hh;
	struct step *child, *last_child, *sibling; /* set by steps_link() */
	char text[];
};

/* A run with strings of its own. */
struct kept_run {
	struct run run;
	UT_hash_handle hh;
	char text[];
};

/* Zero-initialise. */
struct steps {
	struct step *by_key;
	struct kept_run *runs; /* in order of their coming */
	uint64_t dropped;
};

/* Takes a new or changed span. @arguments: of a tool call, as far as known. NULL where it was
 * dropped. */
struct step *steps_put(struct steps *s, const struct span *span, struct slice arguments);
/* One that is no span, copied; @text of it is cut. False where it was dropped. */
bool steps_put_look(struct steps *s, const struct step *st);
/* "tool", "skill", "reasoning", ... */
const char *step_look_name(const struct step *st);
/* NULL where memory is refused. */
struct kept_run *steps_put_run(struct steps *s, const struct run *run);
struct step *steps_find(const struct steps *s, const struct id128 *run, const struct id64 *span);
void steps_done(struct steps *s);

/*
 * Hangs the steps of @run below each other, in order of start; returns the first of those that have
 * no parent here. Loops are cut: every step hangs at one place at most.
 */
struct step *steps_link(struct steps *s, const struct id128 *run);

/* What people want to see of a tool's arguments (JSON): its command, path or query, else all. */
struct slice tool_summary(struct slice arguments);
