/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's control socket: HTTP on a Unix socket, whose peers the kernel names. API.md has the
 * routes. Each answers what its peer may see: root, the daemon's own user and members of [daemon]
 * group everything, others the runs of their own uid.
 *
 * Everything that a peer can make this process keep is bounded: connections (of each user and in
 * all), bytes of head and body, time; commands run in processes of their own.
 */
#pragma once

#include "api/peer.h"
#include "config/config.h"

struct api_config {
	const struct config *config; /* lent */
	const char *store;
	struct peer_rules peers;
	const char *program; /* what runs commands; NULL: this program */
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
	void *leave_ctx; /* of both */
};

struct api_server;

/* @socket: listens; stays the caller's. @c is copied, what it points to lent. 0 or -errno. */
int api_server_start(const struct api_config *c, int socket, struct api_server **ret);
/* Ends what is under way. NULL is fine. */
void api_server_stop(struct api_server *s);

#define API_USER_CONNECTIONS 16	   /* of one user; who sees all: as many as there are */
#define API_CONNECTIONS	     320   /* in all */
#define API_USER_COMMANDS    4	   /* of one user at once */
#define API_BODY_MAX	     65536 /* bytes */
#define API_HEAD_MAX	     16384
#define API_IDLE_S	     30 /* without a byte in either direction */
#define API_COMMAND_S	     300
