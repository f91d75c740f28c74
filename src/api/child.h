/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command of this program that reads the store for a peer, in a process of its own: told whose
 * runs it may show (served.h), in the engine's sandbox, ended with who asked for it.
 */
#pragma once

#include <sys/types.h>

#include "api/request.h"
#include "base/arena.h"

#define CHILD_ARGS 64 /* behind the program's name */
#define CHILD_ENV  12

/* Zero-initialise, but mem: it holds the strings. Failed memory is for the caller to ask about. */
struct child_spec {
	struct arena *mem;
	char *argv[CHILD_ARGS + 2];
	int n_args;
	char *env[CHILD_ENV];
	int n_env;
};

/* What each has in its environment, for the peer of @rq. */
void child_env(struct child_spec *spec, const struct request *rq);
__attribute__((format(printf, 2, 3))) void child_add_env(struct child_spec *spec, const char *fmt,
							 ...);
__attribute__((format(printf, 2, 3))) void child_add_arg(struct child_spec *spec, const char *fmt,
							 ...);

struct child {
	pid_t pid; /* 0: none, or it has ended */
	int status;
	int out, err; /* what it writes; the caller closes them; -1: none */
};

/* @program NULL: this one. 0 or -errno. */
int child_start(struct child *c, const char *program, const struct child_spec *spec);
/* It and what it started; it is still to be ended. */
void child_kill(const struct child *c);
/* Waits for it, killed before where @kill_it. Its exit status, 128 + the signal that ended it. */
int child_end(struct child *c, bool kill_it);
