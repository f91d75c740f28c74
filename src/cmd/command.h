/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A subcommand of sonde: one file each, which ends in `const struct command command_NAME`, declared
 * here and listed in main.c.
 */
#pragma once

#include <stdio.h>

#include "cmd/options.h"

/* Who carries it out where a daemon is asked (remote.h). */
enum command_remote {
	REMOTE_NO,
	REMOTE_WHOLE, /* the daemon, all of it: it only reads the store */
	REMOTE_ROWS,  /* the daemon gives rows, the command itself shows them */
};

/* Where the output of a command goes that a daemon has carried out. */
struct command_output {
	FILE *(*open)(void);	      /* NULL: could not, has said why */
	int (*close)(FILE *f, int r); /* r: -errno of what went wrong. Exit status */
};

struct command {
	const char *name;
	const char *summary; /* one line for `sonde --help` */
	const char *usage;   /* "RUN [--conversation]" */
	const char *help; /* the rest of `sonde NAME --help`: what it does, examples, exit status */
	const struct option_spec *options; /* own ones; ends with a NULL name */
	/*
	 * Called with the operands alone: argv[0] is the first of them, argv[argc] is NULL.
	 * Returns the exit status; has said why on stderr where that is not 0.
	 */
	int (*run)(int argc, char **argv);
	int min_operands, max_operands; /* checked by main.c; max -1: any number */
	int usage_status;		/* exit status of a usage error; 0: EXIT_USAGE */
	bool stop_at_operand; /* options end at the first operand, as in `sonde run -- cmd -x` */
	bool hidden;
	enum command_remote remote;
	const struct command_output *output; /* NULL: standard output */
};

#define EXIT_USAGE 2 /* unknown options and such; sonde's own trouble elsewhere is 1 */

extern const struct command command_run, command_runs, command_show, command_spans, command_cost,
	command_top, command_query, command_replay, command_doctor, command_prices, command_store,
	command_prober, command_import, command_config, command_tools, command_sessions,
	command_diff, command_export, command_tail, command_daemon, command_status, command_server,
	command_serve, command_open, command_token, command_stop, command_retry;

extern const struct command *const commands[];
extern const size_t n_commands;
/* NULL where there is none of that name. */
const struct command *command_named(const char *name);
