/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run was held to, and whether it kept to it; private to this folder: the sandbox of its
 * programs, the configured egress rules (policy/egress.h), what the system refused it.
 */
#pragma once

#include "policy/egress.h"
#include "sonde/http.h"
#include "trace/sandbox.h"

struct emit;
struct process;
struct run_state;
struct trace;
struct tree_state;

#define REFUSALS 12 /* rows of assurance.c's table */

struct assurance {
	struct egress_host *peers; /* that it connected to, in order of their coming */
	unsigned n_peers;
	int64_t peers_left_out;
	int64_t connect_refused[REFUSALS], file_refused[REFUSALS];
	struct sandbox sandbox; /* of the root */
	int64_t confined;	/* programs that may do other things than who started them */
};

/* The rules of the CONFIG event. */
void assurance_configure(struct trace *t, const cJSON *config);

void assurance_connect(struct tree_state *tree, const struct sonde_connect_event *e);
void assurance_file(struct tree_state *tree, const struct sonde_file_event *e);
/* The host's name may be known now. */
void assurance_request(struct tree_state *tree, const struct http_exchange *x);
void assurance_connection(struct tree_state *tree, const struct connection *conn);
/* A PROC event of @p. */
void assurance_process(struct tree_state *tree, const struct process *p, struct slice json);

/* The JSON object of struct run, in the arena of @e; empty where nothing is known. */
struct slice assurance_json(struct run_state *r, struct emit *e);
/* Verdict and rule on the span of a client, whose server's address and port are filled in. */
void assurance_emit(struct emit *e);
void assurance_free(struct tree_state *tree);
