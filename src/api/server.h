/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The API, and the web interface: HTTP on a Unix socket, whose peers the kernel names, and on TCP,
 * where a token or a session says who somebody is. API.md has the routes. Each answers what its
 * peer may see: root, the daemon's own user and members of [daemon] group everything, others the
 * runs of their own uid.
 *
 * Everything that a peer can make this process keep is bounded: connections (of each user and in
 * all), bytes of head and body, time; commands run in processes of their own.
 */
#pragma once

#include "api/peer.h"
#include "base/id.h"
#include "config/config.h"
#include "price/price.h"

/* What came of running a run's command again. */
struct api_retried {
	int64_t pid;	  /* of the new `sonde run` */
	struct id128 run; /* the new one; all zero: it has not shown itself yet */
	char why[2048];	  /* it was not run: words for people */
};

struct api_config {
	const struct config *config; /* lent */
	const char *store;
	struct peer_rules peers;
	const struct price_table *prices; /* for what caches saved; lent; NULL: nobody is told */
	const char *program;		  /* what runs commands; NULL: this program */
	/*
	 * Where tokens and sessions are kept (tokens.h, session.h); NULL: the one has none, the
	 * others end with the server.
	 */
	const char *tokens, *sessions;
	/* Whether a command only reads, and may be run for others. */
	bool (*may_run)(const char *command);
	/*
	 * Tells the supervisor that another sonde traces this process from now on; NULL: nobody is
	 * there to be told. 0 or -errno.
	 */
	int (*leave)(void *ctx, uint32_t pid, uint64_t start_ns);
	/*
	 * Has the process ended, the root of a run, as user @uid has asked; NULL: nobody is there
	 * who could. From any thread, waits for the answer. 0: it was told to end; -ESRCH it has
	 * gone, -EPERM it is not traced or not theirs, -EBUSY that is under way, -EACCES it cannot
	 * be, -ETIMEDOUT, or another -errno.
	 */
	int (*stop)(void *ctx, uint32_t uid, uint32_t pid, uint64_t start_ns);
	/*
	 * Runs again what a run was started as, as the user of this process, the only one who may
	 * ask; @by: by what they are known, for the log. NULL: nobody is there who would. From any
	 * thread, waits until the new run shows itself or has failed. 0; -EBUSY, -EINVAL, -ENOENT
	 * or -EPERM where it is refused, -ECHILD where it failed at once, or another -errno.
	 */
	int (*retry)(void *ctx, const struct id128 *run, const char *by, struct api_retried *ret);
	void *leave_ctx; /* of all three */
};

struct api_server;

/*
 * @socket, on which the kernel names peers, and @tcp listen, or are -1; they stay the caller's. @c
 * is copied, what it points to lent. 0 or -errno.
 */
int api_server_start(const struct api_config *c, int socket, int tcp, struct api_server **ret);
/*
 * A link that lets in whoever opens it, once and within @seconds, as the user of this process, who
 * sees all. 0 or -errno; -ENOTCONN where nothing listens on TCP.
 */
int api_server_link(struct api_server *s, unsigned seconds, char *ret, size_t size);
/* Ends what is under way. NULL is fine. */
void api_server_stop(struct api_server *s);

#define API_USER_CONNECTIONS 16	   /* of one user; who sees all: as many as there are */
#define API_CONNECTIONS	     400   /* in all, on each of the two sockets */
#define API_STREAMS	     320   /* that go on for long, in all */
#define API_USER_STREAMS     16	   /* of one user; who sees all: as many as there are */
#define API_STREAM_S	     3600  /* of one over TCP; it is resumed by who may still see it */
#define API_STRANGERS	     64	   /* TCP connections that have not shown a token or session */
#define API_STRANGER_S	     10	   /* for a request of theirs */
#define API_USER_COMMANDS    4	   /* of one user at once */
#define API_BODY_MAX	     65536 /* bytes */
#define API_HEAD_MAX	     16384
#define API_IDLE_S	     30 /* without a byte in either direction */
#define API_REQUEST_S	     30 /* for a whole request, from the connection or the last answer */
#define API_COMMAND_S	     300
