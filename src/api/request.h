/* SPDX-License-Identifier: BSD-2-Clause */
/* A request and its route: inside this folder only. */
#pragma once

#include <microhttpd.h>
#include <pthread.h>

#include "api/feed.h"
#include "api/path.h"
#include "api/server.h"
#include "base/json.h"

struct api_user; /* what each uid has under way (server.c) */

struct api_server {
	struct api_config c;
	struct MHD_Daemon *http;
	struct feed *feed;
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	pthread_mutex_t lock;
	struct api_user *users; /* below the lock */
	bool stopping;		/* atomic */
};

struct request {
	struct api_server *s;
	struct MHD_Connection *http;
	const struct route *route;
	struct peer peer;
	unsigned rights;		    /* enum right of who asks */
	struct slice path[PATH_VALUES_MAX]; /* what stands for {names} of the route's path; lent */
	int fd;				    /* of the connection */
	struct buf body;
	bool too_large;
};

/* MHD_YES, or MHD_NO where the connection is to be closed. */
typedef enum MHD_Result (*route_fn)(struct request *rq);

/* What a token may carry; who is known by the kernel has all of them. */
enum right {
	RIGHT_READ = 1,	   /* lists, figures, what a step is */
	RIGHT_CONTENT = 2, /* what was said: messages, arguments, results, bodies */
	RIGHT_EXPORT = 4,
	RIGHT_WRITE = 8, /* runs are stopped and begun again */
	RIGHT_ALL = 15,
};

struct route {
	const char *method,
		*path; /* "/api/v1/runs/{run}": a name stands for one segment (path.h) */
	route_fn handle;
	unsigned rights; /* that all must be there */
};
extern const struct route api_routes[];

/* {"error":{"code":..., "message":...}} */
enum MHD_Result reply_error(struct request *rq, unsigned status, const char *message);
/* What @w has written, or 500 where it could not. Empties its buffer. */
enum MHD_Result reply_json(struct request *rq, unsigned status, struct json_writer *w);
/* 204: it was done, and there is nothing to tell. */
enum MHD_Result reply_done(struct request *rq);
/* An answer that @read gives bit by bit; owns @ctx, also where this fails. */
enum MHD_Result reply_stream(struct request *rq, const char *type, MHD_ContentReaderCallback read,
			     void *ctx, MHD_ContentReaderFreeCallback done);

bool server_stops(const struct api_server *s);
/* Counts a command of the peer's; false where it has too many. */
bool command_begin(struct api_server *s, uint32_t uid);
void command_end(struct api_server *s, uint32_t uid);
/* Whether the peer has gone. */
bool peer_gone(int fd);

enum MHD_Result handle_status(struct request *rq);
enum MHD_Result handle_live(struct request *rq);
enum MHD_Result handle_command(struct request *rq);
enum MHD_Result handle_leave(struct request *rq);
enum MHD_Result handle_stop(struct request *rq);
