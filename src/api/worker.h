/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command of this program that reads the store for a peer, in a process of its own: told whose
 * runs it may show (served.h), in the engine's sandbox, ended with who asked for it.
 */
#pragma once

#include <sys/types.h>

#include "api/request.h"
#include "base/arena.h"

#define WORKER_ARGS 64 /* behind the program's name */
#define WORKER_ENV  12

/* Zero-initialise, but mem: it holds the strings. Failed memory is for the caller to ask about. */
struct worker_spec {
	struct arena *mem;
	char *argv[WORKER_ARGS + 2];
	int n_args;
	char *env[WORKER_ENV];
	int n_env;
};

/* What each has in its environment, for the peer of @rq. */
void worker_env(struct worker_spec *spec, const struct request *rq);
__attribute__((format(printf, 2, 3))) void worker_add_env(struct worker_spec *spec, const char *fmt,
							  ...);
__attribute__((format(printf, 2, 3))) void worker_add_arg(struct worker_spec *spec, const char *fmt,
							  ...);

struct worker {
	pid_t pid; /* 0: none, or it has ended */
	int status;
	int out, err; /* what it writes; the caller closes them; -1: none */
};

/* @program NULL: this one. 0 or -errno. */
int worker_start(struct worker *c, const char *program, const struct worker_spec *spec);
/* It and what it started; it is still to be ended. */
void worker_kill(const struct worker *c);
/* Waits for it, killed before where @kill_it. Its exit status, 128 + the signal that ended it. */
int worker_end(struct worker *c, bool kill_it);
