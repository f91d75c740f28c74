/* SPDX-License-Identifier: BSD-2-Clause */
/* A request and its route: inside this folder only. */
#pragma once

#include <microhttpd.h>
#include <pthread.h>

#include "api/feed.h"
#include "api/guard.h"
#include "api/path.h"
#include "api/rate.h"
#include "api/server.h"
#include "api/session.h"
#include "api/tokens.h"
#include "base/json.h"

struct api_user; /* what each uid has under way (links.c) */
struct link;	 /* a connection (links.h) */

/* A listening socket; MHD's callbacks get it. */
struct door {
	struct api_server *s;
	struct MHD_Daemon *http;
	bool tcp;
};

struct api_server {
	struct api_config c;
	struct door unix_door, tcp_door;
	struct feed *feed;
	struct saved *saved; /* saved.h */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	struct guard guard;
	char host[64]; /* of [api] listen, as in a URL */
	uint16_t port;
	struct token_file *tokens;
	struct sessions *sessions;
	pthread_t watch; /* ends connections that take too long to say what they want */
	bool watches;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	/* below the lock: */
	struct api_user *users;
	struct link *links;
	unsigned streams, strangers; /* strangers: connections that have not said whose they are */
	struct rate rate;
	bool stopping; /* atomic */
};

/* What let somebody in over TCP. */
struct pass {
	enum { PASS_NONE, PASS_TOKEN, PASS_SESSION } kind;
	uint8_t hash[SECRET_HASH];
};

struct request {
	struct api_server *s;
	struct MHD_Connection *http;
	const struct route *route;
	struct slice path[PATH_VALUES_MAX]; /* what stands for {names} of the route's path; lent */
	struct link *link;
	struct peer peer; /* over TCP: of the token or session, pid 0 */
	unsigned rights;  /* RIGHT_* */
	struct pass pass;
	char token[TOKEN_LABEL_MAX + 1]; /* its label, or that of the session's; empty: no token */
	char *url;			 /* without what stands behind "?" */
	bool head;			 /* HEAD: the answer's head alone */
	char etag[40];			 /* of the answer, where it has one (etag.h) */
	int fd;				 /* of the connection */
	struct buf body;
	bool too_large;
};

/* MHD_YES, or MHD_NO where the connection is to be closed. */
typedef enum MHD_Result (*route_fn)(struct request *rq);

struct route {
	const char *method;
	const char *path; /* "/api/v1/runs/{run}": a name stands for one segment (path.h) */
	route_fn handle;
	unsigned rights; /* all of them are wanted; ROUTE_* */
};
#define ROUTE_LOCAL  (1u << 8) /* on the Unix socket only */
#define ROUTE_PUBLIC (1u << 9) /* asks for no token */
extern const struct route api_routes[];

/*
 * Gives an answer, with the headers that every answer has (guard.h); takes over @r. A response that
 * has a Content-Security-Policy of its own keeps it.
 */
enum MHD_Result reply_response(struct request *rq, unsigned status, struct MHD_Response *r);
/* {"error":{"code":..., "message":...}} */
enum MHD_Result reply_error(struct request *rq, unsigned status, const char *message);
/* What @w has written, or 500 where it could not. Empties its buffer. */
enum MHD_Result reply_json(struct request *rq, unsigned status, struct json_writer *w);
/* 304: the client has it (etag.h). */
enum MHD_Result reply_not_modified(struct request *rq);
/* 204: it was done, and there is nothing to tell. */
enum MHD_Result reply_done(struct request *rq);
/* An answer that @read gives bit by bit; owns @ctx, also where this fails. */
enum MHD_Result reply_stream(struct request *rq, const char *type, MHD_ContentReaderCallback read,
			     void *ctx, MHD_ContentReaderFreeCallback done);

bool server_stops(const struct api_server *s);
/* Counts a command of the peer's; false where it has too many. */
bool command_begin(struct api_server *s, uint32_t uid);
void command_end(struct api_server *s, uint32_t uid);
/* Likewise a stream that goes on for long. */
bool listen_begin(struct api_server *s, const struct peer *p);
void listen_end(struct api_server *s, uint32_t uid);
/* Whether the peer has gone. */
bool peer_gone(int fd);

enum MHD_Result handle_status(struct request *rq);
enum MHD_Result handle_live(struct request *rq);
enum MHD_Result handle_command(struct request *rq);
enum MHD_Result handle_leave(struct request *rq);
enum MHD_Result handle_open_code(struct request *rq);
enum MHD_Result handle_open(struct request *rq);
enum MHD_Result handle_login(struct request *rq);
enum MHD_Result handle_close(struct request *rq);
/* The web interface's files: what is no path of the API. */
enum MHD_Result handle_static(struct request *rq);
enum MHD_Result handle_stop(struct request *rq);
