/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of `sonde run`'s launcher, which is the command's parent and nothing else: it owns
 * terminal, signals and exit status, parses no traffic, and is the user as soon as the prober runs.
 *
 *	person.c	whose command it is
 *	signals.c	signals kept from us and given back to the command
 *	child.c		the command: found, forked, held, let go
 *	prober_start.c	the privileged process: forked, or through sudo
 *	scope.c		what the prober and the engine are told at the start
 *	supervise.c	waiting for all of them
 *	run.c		the command line, and the order of it all
 */
#pragma once

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/buf.h"

/* --- person.c --- */

struct person {
	uid_t uid;
	gid_t gid;
	char name[256], home[PATH_MAX], shell[PATH_MAX];
	bool through_sudo; /* sudo made us root for them */
};

/*
 * Who started sonde: behind sudo, who started that (SUDO_UID and SUDO_GID, believed only as root
 * and where the user database agrees). 0, or -errno; has said why.
 */
int person_find(struct person *ret);
/*
 * @env as the person would have it without sudo: HOME, USER, LOGNAME, SHELL and MAIL theirs, sudo's
 * own variables gone. malloc'ed, with strings of its own where they changed; NULL where memory is
 * refused. What sudo removed on its way is lost.
 */
char **person_env(const struct person *p, char **env);

/* Limits and umask of the process that called sudo, which sets some of its own (no core files). */
struct caller {
	bool known;
	struct rlimit limits[RLIM_NLIMITS];
	mode_t umask;
};
void caller_find(struct caller *ret);
/* In a child that is still root. */
void caller_apply(const struct caller *c);

/* --- signals.c --- */

#define SIGNALS_CHANGED 2

struct signals {
	int fd; /* signalfd of all that a launcher must take care of */
	sigset_t mask;
	struct sigaction old[SIGNALS_CHANGED];
};

int signals_take(struct signals *s);
/* In a child: everything as it was when sonde was started. */
void signals_restore(const struct signals *s);
/* Stops this process with @sig, as the command was stopped; returns when it goes on. */
void signals_stop_self(int sig);

/* --- child.c --- */

struct child {
	pid_t pid;
	int go_fd, report_fd;
	char path[PATH_MAX]; /* as it will be executed */
	char absolute[PATH_MAX];
};

struct child_config {
	char **argv;
	char **env;
	const struct person *become; /* NULL: stay who we are */
	const struct caller *caller; /* where @become */
	const struct signals *signals;
};

/*
 * Forks the command, which becomes its user, finds its program with that user's rights and waits.
 * 0; SONDE_EXIT_NOT_FOUND or SONDE_EXIT_CANNOT_EXEC where it cannot run (nothing is left then;
 * *ret_error says why); -errno.
 */
int child_start(const struct child_config *c, struct child *ret, int *ret_error);
/* Lets it execute. 0, or the errno of execve(), positive. */
int child_release(struct child *c);
/* Ends a child that is still held. */
void child_abandon(struct child *c);

/*
 * Where execvp() would find @name: 0, -ENOENT, -EACCES. @path: the PATH variable, NULL where it is
 * not set.
 */
int command_find(const char *name, const char *path, char ret[PATH_MAX]);
/* Says on stderr that @name cannot be run, why, and what to do instead. */
void command_explain(const char *name, int error, const struct person *p);

/* --- prober_start.c --- */

struct prober_link {
	pid_t pid; /* our child: the prober, or 0 where sudo started it */
	int fd;	   /* ipc.h, towards the prober */
};

/* As root: forks it. 0 or -errno. */
int prober_fork(const struct signals *s, struct prober_link *ret);
/* Through sudo, which may ask for a password on the terminal. 0, or -errno; has said why. */
int prober_sudo(const struct signals *s, struct prober_link *ret);

/* --- scope.c --- */

struct running;

struct start_config {
	const struct child *child;
	const struct running *running; /* instead of a child: what runs already (running.h) */
	char **argv, **env;
	const struct person *person; /* whose the store is */
	uid_t command_uid;
	gid_t command_gid;
	uint64_t ring_bytes;
	bool files;	      /* what is done with them is told */
	const char *retry_of; /* the id of the run that it is another go at, or NULL */
	struct slice config;  /* JSON, event.h */
};

/* The "start" message of sonde/control.h, of at most IPC_MAX bytes. 0 or -errno. */
int start_message(const struct start_config *c, struct buf *ret);

/* --- supervise.c --- */

struct launcher {
	struct signals signals;
	struct child child;
	struct prober_link prober;
	pid_t engine;
	int engine_ready_fd; /* non-blocking: a byte when it is, closed when it has ended */
	int tty_fd;	     /* the terminal, or -1 */
	int over_fd;	     /* closed when the command has ended: its screen is free */
	bool engine_gone, prober_gone, command_gone;
	int engine_status;   /* as wait() has it */
	int status;	     /* exit status of sonde */
	uint64_t give_up_ns; /* when waiting for the engine ends */
	int impatience;	     /* how often the user asked us to end */
};

/* Until prober and engine are ready. 0, or the exit status of what went wrong; has said why. */
int launcher_wait_ready(struct launcher *l);
/* Until the command has ended; its exit status. */
int launcher_wait_command(struct launcher *l);
/* The same where no command was run: until what is traced has ended, or the user wants it to. */
int launcher_wait_running(struct launcher *l);
/*
 * Until what was seen is stored and shown. 0, or SONDE_EXIT_FAILURE where the engine says that it
 * could not keep all of it (an engine that was killed has been said, and is no failure of the
 * command's).
 */
int launcher_finish(struct launcher *l);
