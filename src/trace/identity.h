/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What agents say about themselves in their requests: ids of sessions, threads and sub-agents, in
 * headers and metadata. One table; an id means something only within one run.
 */
#pragma once

#include "sonde/llm.h"

/* Lent from the call; empty where not told. */
struct explicit_ids {
	struct slice session;	     /* a user's session: many conversations */
	struct slice thread;	     /* one conversation */
	struct slice agent;	     /* of a sub-agent */
	struct slice agent_type;     /* "Explore", "collab_spawn" */
	struct slice parent_agent;   /* agent, thread or session above it */
	struct slice parent_session; /* where a sub-agent's session is its own */
	struct slice turn;	     /* one request of a person's */
	struct slice purpose;	     /* what the call is for, as the client calls it */
	struct slice compacted;	     /* set where the history was made shorter */
};

/* Memory of the call's. */
void identity_read(const struct llm_call *call, struct explicit_ids *ret);
/* What a sub-agent is known by; empty: the call is none of a sub-agent. */
struct slice identity_subagent(const struct explicit_ids *ids);
