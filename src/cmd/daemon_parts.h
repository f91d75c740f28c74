/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the supervisor of `sonde daemon`; private to the files named here.
 *
 *	daemon.c	    the command line, and the order in which things are opened
 *	daemon_setup.c	    the configuration, as it is read at first and by SIGHUP
 *	daemon_watch.c	    what is to be traced, for the prober and for people
 *	daemon_files.c	    user, folders, lock, listening sockets
 *	daemon_api.c	    the port of the web interface
 *	daemon_child.c	    the processes: started, started again, ended
 *	daemon_prober.c	    what prober and supervisor say to each other
 *	daemon_loop.c	    waiting for all of them
 *	daemon_retention.c  the store is kept within its limits
 *	daemon_notify.c	    systemd
 */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "cmd/launch.h"
#include "config/config.h"
#include "price/price.h"

/* --- daemon_setup.c --- */

/* What the command line says; it wins over the file. NULL: nothing. */
struct daemon_options {
	const char *config, *db, *run_as, *socket, *listen, *api;
	const char *pids, *programs, *cgroups, *units, *containers, *users;
	bool host;
};

struct daemon_setup {
	struct config *c;
	struct price_table *prices;
	struct buf event; /* the CONFIG event's JSON */
	struct buf watch; /* JSON of the rules */
	char *path;	  /* of the file; NULL: none */
};

/*
 * Reads the file as root: it must be root's, and nobody else may be able to change it. 0, or
 * -errno; has said why, and what to do.
 */
int daemon_setup_read(const struct daemon_options *o, struct daemon_setup **ret);
/* Writes the event anew: what it is made of has changed. 0 or -errno. */
int daemon_setup_event(struct daemon_setup *s);
void daemon_setup_free(struct daemon_setup *s);

/* --- daemon_watch.c --- */

/* The options' lists are added to what the file says. */
int daemon_watch_add(const struct daemon_options *o, struct config *c);
/* The "watch" object of sonde/control.h. 0 or -errno; has said why. */
int daemon_watch_write(const struct config *c, struct buf *ret);
/* Says what is traced, how much of it is kept, and who may read it. */
void daemon_watch_say(const struct config *c);

/* --- daemon_files.c --- */

struct daemon_user {
	uid_t uid;
	gid_t gid;
	char name[256];
};

/* 0, or -errno; has said why, with the command that makes the user. */
int daemon_user_find(const char *name, struct daemon_user *ret);
/* The store's folder is there and the user's, and no other daemon has this store: a descriptor that
 * holds the lock, or -errno; has said why. */
int daemon_store_lock(const char *store, const struct daemon_user *u);
/* Listening, or -errno; have said why. */
int daemon_socket_open(const char *path);
int daemon_http_open(const char *listen);

/* --- daemon_api.c --- */

/*
 * Listens for the web interface; *@ret is -1 where there is to be none, and where it was not asked
 * for by name (@asked) and its port is taken. 0, or -errno; has said why.
 */
int daemon_api_open(const struct config *c, const struct daemon_user *u, bool asked, int *ret);

/* --- daemon_child.c --- */

enum daemon_child_id {
	DAEMON_PROBER,
	DAEMON_ENGINE,
	DAEMON_SERVER,
	DAEMON_EXPORTER,
	DAEMON_ENRICHER,
	DAEMON_SWEEPER,
	DAEMON_CHILDREN
};

#define DAEMON_DEATHS_MAX 5

struct daemon_child {
	pid_t pid; /* 0: it does not run */
	bool wanted;
	bool anew;			    /* it was asked to end, to be started again */
	uint64_t start_ns;		    /* when it was started */
	uint64_t again_ns;		    /* when it is to be; 0: not by time */
	uint64_t deaths[DAEMON_DEATHS_MAX]; /* the last ones */
	unsigned n_deaths;
};

struct daemon {
	struct signals signals;
	struct daemon_options options;
	struct daemon_setup *setup;
	struct daemon_user user;
	struct daemon_child children[DAEMON_CHILDREN];
	_Atomic uint64_t *restarts; /* of each of these, in memory that the server reads */
	int prober_fd;		    /* ipc.h */
	int lock_fd, socket_fd;
	int http_fd, api_fd; /* -1 where there is none */
	int enricher_fd;     /* the enricher's end towards the engine, or -1 */
	int server_fd;	     /* towards the server, which hands on what it is asked for; or -1 */
	int engine_ready_fd; /* readable, then closed, when it is; or -1 */
	bool prober_ready, engine_ready; /* the first ones */
	bool announced;			 /* that all is ready */
	bool ending;
	int status;			 /* exit status */
	uint64_t end_by_ns;		 /* who has not ended by then is killed */
	uint64_t sweep_ns;		 /* when the store is looked at next */
	uint64_t disk_ns, full_swept_ns; /* the disk; when it was last done for that */
	bool disk_full;
	uint64_t alive_ns, alive_every_ns; /* systemd's watchdog; every 0: none */
	char said[128];			   /* the status line that was told last */
};

/* Says where it is, where it is. */
void daemon_api_say(const struct daemon *d);
/* Whether the web interface's address was named. */
bool daemon_api_asked(const struct daemon *d);

/* Starts the one; 0 or -errno, has said why. */
int daemon_child_start(struct daemon *d, enum daemon_child_id id);
/* Takes the ends of those that have ended; those that are wanted come again, in time. */
void daemon_children_reap(struct daemon *d);
/* Starts whose time has come. */
void daemon_children_turn(struct daemon *d, uint64_t now_ns);
/* When that is next; UINT64_MAX: never. */
uint64_t daemon_children_next(const struct daemon *d);
/* Ends it and starts it anew: it has read its configuration at its start. */
void daemon_child_renew(struct daemon *d, enum daemon_child_id id);
const char *daemon_child_name(enum daemon_child_id id);
/* In a child that was just forked: @signals of it as they were, sonde's own descriptors closed but
 * @keep (-1: none). */
void daemon_child_begin(struct daemon *d, const char *name, const int *keep, size_t n_keep);

/* --- daemon_prober.c --- */

/* Forks it and says what to trace, with the engine's end of @engine_fd, which is closed. */
int daemon_prober_start(struct daemon *d, int *engine_fd);
/* Another engine is there. */
int daemon_prober_engine(struct daemon *d, int *engine_fd);
/* The configuration or the rules have changed. */
void daemon_prober_change(struct daemon *d);
/* What it has said; false when it has gone. */
bool daemon_prober_hear(struct daemon *d);
/* What the server hands on to it. */
void daemon_server_hear(struct daemon *d);

/* --- daemon_loop.c --- */

/* Until it is told to end, or cannot go on. The exit status. */
int daemon_loop(struct daemon *d);
/* From here on all of it ends; @status where it is not for that already. */
void daemon_end(struct daemon *d, int status);
uint64_t daemon_now_ns(void);

/* --- daemon_retention.c --- */

/* Looks whether it is time; starts the sweeper. */
void daemon_retention_turn(struct daemon *d, uint64_t now_ns);
int daemon_sweeper_main(struct daemon *d);

/* --- daemon_notify.c --- */

/* Each is for systemd, and nothing where there is none. */
void daemon_notify_ready(struct daemon *d);
void daemon_notify_reloading(void);
void daemon_notify_stopping(void);
/* One line, as `systemctl status` shows it. */
void daemon_notify_status(struct daemon *d, const char *line);
void daemon_notify_begin(struct daemon *d);
void daemon_notify_turn(struct daemon *d, uint64_t now_ns);
