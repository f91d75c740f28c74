/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where runs happen: a container, a pod; private to this folder.
 *
 * A run is where its command is, or where the process is that first asks a model for it: what an
 * agent of this host runs in containers does not move the agent. Names come later, or never, in
 * CONTAINER events: of the prober, that reads what engines leave on disk, and of the enricher, that
 * asks the API server.
 */
#pragma once

#include "base/cgroup.h"
#include "base/json.h"
#include "sonde/stream.h"

struct call_state;
struct emit;
struct known_place;
struct process;
struct run_state;
struct sonde_event;
struct trace;
struct tree_state;

/* What is told of containers and pods, by id; the one not heard of for longest is forgotten. */
struct known_places {
	struct known_place *by_key, *list; /* list: oldest first */
	unsigned n;
};

struct run_place {
	struct cgroup_place at;
	struct process_key of; /* whose it is; tgid 0: nobody's yet */
};

/* A tree's place, from SCOPE. */
void resource_scope(struct run_place *place, const cJSON *scope);
/* Late facts of a process. */
void resource_process(struct tree_state *tree, const struct process *p);
/* A tree has its place, and nothing of it was told yet: perhaps nothing is to be. */
void resource_opened(struct tree_state *tree);
/* A process of a tree that is excluded. */
void resource_unheard(struct tree_state *tree, const struct sonde_event *e,
		      const struct process *p);
/* A run's call has begun. */
void resource_call(struct call_state *c, struct process_key process);
/* CONTAINER. */
void resource_event(struct trace *t, const struct sonde_event *e);
/* The JSON object for struct run, in @e's memory; empty: on this host alone. */
struct slice resource_json(struct run_state *r, struct emit *e);
void resource_done(struct known_places *k);
