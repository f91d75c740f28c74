/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread per connection: a stream waits for what comes next without holding up another. A
 * connection of somebody who has too many is shut before it has said anything.
 */
#include "api/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "api/request.h"
#include "base/cleanup.h"
#include "base/map.h"

#define STACK_BYTES (256u << 10)

struct api_user {
	uint32_t uid;
	unsigned connections, commands;
	UT_hash_handle hh;
};

/* What is known of a connection before its first request. */
struct link {
	struct peer peer;
	int fd;
	bool counted;
};

/* --- what each user has under way --- */

/* Under the lock. */
static struct api_user *user_of(struct api_server *s, uint32_t uid)
{
	struct api_user *u;

	HASH_FIND(hh, s->users, &uid, sizeof(uid), u);
	if (u)
		return u;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->uid = uid;
	HASH_ADD(hh, s->users, uid, sizeof(u->uid), u);
	if (!u->hh.tbl) {
		free(u);
		return NULL;
	}
	return u;
}

static void forget_idle(struct api_server *s, struct api_user *u)
{
	if (u->connections || u->commands)
		return;
	HASH_DEL(s->users, u);
	free(u);
}

static bool connection_begin(struct api_server *s, const struct peer *p)
{
	struct api_user *u;
	bool room;

	pthread_mutex_lock(&s->lock);
	u = user_of(s, p->uid);
	room = u && (p->all || u->connections < API_USER_CONNECTIONS);
	if (room)
		u->connections++;
	else if (u)
		forget_idle(s, u);
	pthread_mutex_unlock(&s->lock);
	return room;
}

static void connection_end(struct api_server *s, uint32_t uid)
{
	struct api_user *u;

	pthread_mutex_lock(&s->lock);
	u = user_of(s, uid);
	if (u && u->connections)
		u->connections--;
	if (u)
		forget_idle(s, u);
	pthread_mutex_unlock(&s->lock);
}

bool command_begin(struct api_server *s, uint32_t uid)
{
	struct api_user *u;
	bool room;

	pthread_mutex_lock(&s->lock);
	u = user_of(s, uid);
	room = u && u->commands < API_USER_COMMANDS;
	if (room)
		u->commands++;
	pthread_mutex_unlock(&s->lock);
	return room;
}

void command_end(struct api_server *s, uint32_t uid)
{
	struct api_user *u;

	pthread_mutex_lock(&s->lock);
	u = user_of(s, uid);
	if (u && u->commands)
		u->commands--;
	if (u)
		forget_idle(s, u);
	pthread_mutex_unlock(&s->lock);
}

/* --- answers --- */

bool server_stops(const struct api_server *s)
{
	return __atomic_load_n(&s->stopping, __ATOMIC_RELAXED);
}

bool peer_gone(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

static enum MHD_Result reply_bytes(struct request *rq, unsigned status, struct slice body)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(body.n, (void *)body.p, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ret;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", "application/json");
	MHD_add_response_header(r, "Cache-Control", "no-store");
	ret = MHD_queue_response(rq->http, status, r);
	MHD_destroy_response(r);
	return ret;
}

enum MHD_Result reply_json(struct request *rq, unsigned status, struct json_writer *w)
{
	enum MHD_Result ret;

	if (w->r == 0)
		w->r = buf_add(w->out, SLICE("\n"), SIZE_MAX);
	ret = w->r == 0 ? reply_bytes(rq, status, buf_slice(w->out))
			: reply_error(rq, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
	buf_done(w->out);
	return ret;
}

enum MHD_Result reply_error(struct request *rq, unsigned status, const char *message)
{
	struct buf text = { 0 };
	struct json_writer w = { .out = &text };

	json_begin(&w, '{');
	json_key(&w, "error");
	json_begin(&w, '{');
	json_key(&w, "code");
	json_put_int(&w, status);
	json_key(&w, "message");
	json_put_str(&w, slice_of(message));
	json_end(&w, '}');
	json_end(&w, '}');
	if (w.r < 0) {
		buf_done(&text);
		return MHD_NO;
	}
	return reply_json(rq, status, &w);
}

enum MHD_Result reply_done(struct request *rq)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result ret = r ? MHD_queue_response(rq->http, MHD_HTTP_NO_CONTENT, r) : MHD_NO;

	if (r)
		MHD_destroy_response(r);
	return ret;
}

enum MHD_Result reply_stream(struct request *rq, const char *type, MHD_ContentReaderCallback read,
			     void *ctx, MHD_ContentReaderFreeCallback done)
{
	struct MHD_Response *r =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 65536, read, ctx, done);
	enum MHD_Result ret;

	if (!r) {
		done(ctx);
		return MHD_NO;
	}
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	ret = MHD_queue_response(rq->http, MHD_HTTP_OK, r);
	MHD_destroy_response(r); /* calls @done when the last has let go of it */
	return ret;
}

/* --- requests --- */

static const struct route *find_route(const char *path, const char *method, bool *ret_path_known,
				      struct slice values[])
{
	*ret_path_known = false;
	for (const struct route *r = api_routes; r->path; r++) {
		if (!path_matches(r->path, path, values))
			continue;
		*ret_path_known = true;
		if (strcmp(method, r->method) == 0)
			return r;
	}
	return NULL;
}

/* Also of one that is refused: MHD wants its body read before it is answered. */
static struct request *new_request(struct api_server *s, struct MHD_Connection *http,
				   const char *path, const char *method)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const struct link *link = info ? info->socket_context : NULL;
	struct request *rq = link && link->counted ? calloc(1, sizeof(*rq)) : NULL;
	bool known;

	if (!rq)
		return NULL;
	*rq = (struct request){
		.s = s, .http = http, .peer = link->peer, .rights = RIGHT_ALL, .fd = link->fd
	};
	rq->route = find_route(path, method, &known, rq->path);
	return rq;
}

static enum MHD_Result refuse(struct request *rq, const char *path, const char *method)
{
	struct slice values[PATH_VALUES_MAX];
	bool known;

	find_route(path, method, &known, values);
	if (known)
		return reply_error(rq, MHD_HTTP_METHOD_NOT_ALLOWED, "not by this method");
	return reply_error(rq, MHD_HTTP_NOT_FOUND, "there is nothing at this path; API.md has all");
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *http, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *n, void **own)
{
	struct request *rq = *own;

	(void)version;
	if (!rq) {
		*own = new_request(ctx, http, path, method);
		return *own ? MHD_YES : MHD_NO;
	}
	if (*n) {
		if (buf_add(&rq->body, (struct slice){ data, *n }, API_BODY_MAX) < 0)
			rq->too_large = true;
		*n = 0;
		return MHD_YES;
	}
	if (rq->too_large)
		return reply_error(rq, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
	return rq->route ? rq->route->handle(rq) : refuse(rq, path, method);
}

static void on_completed(void *ctx, struct MHD_Connection *http, void **own,
			 enum MHD_RequestTerminationCode code)
{
	struct request *rq = *own;

	(void)ctx, (void)http, (void)code;
	if (!rq)
		return;
	buf_done(&rq->body);
	free(rq);
	*own = NULL;
}

/* --- connections --- */

static void link_begin(struct api_server *s, struct MHD_Connection *http, void **own)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct link *link = info ? calloc(1, sizeof(*link)) : NULL;

	if (!link)
		return;
	link->fd = info->connect_fd;
	if (peer_of(link->fd, &s->c.peers, &link->peer) == 0)
		link->counted = connection_begin(s, &link->peer);
	if (!link->counted)
		shutdown(link->fd, SHUT_RDWR);
	*own = link;
}

static void link_end(struct api_server *s, void **own)
{
	struct link *link = *own;

	if (link && link->counted)
		connection_end(s, link->peer.uid);
	free(link);
	*own = NULL;
}

static void on_connection(void *ctx, struct MHD_Connection *http, void **own,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		link_begin(ctx, http, own);
	else
		link_end(ctx, own);
}

/* What peers do wrong is theirs to know. */
static void say_nothing(void *ctx, const char *format, va_list args)
{
	(void)ctx, (void)format, (void)args;
}

/* --- life --- */

static void server_free(struct api_server *s)
{
	struct api_user *u, *tmp;

	HASH_ITER(hh, s->users, u, tmp)
	{
		HASH_DEL(s->users, u);
		free(u);
	}
	free(s);
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int api_server_start(const struct api_config *c, int socket, struct api_server **ret)
{
	struct api_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->c = *c;
	s->started_ns = monotonic_ns();
	pthread_mutex_init(&s->lock, NULL);
	r = feed_start(c->store, &s->feed);
	if (r == 0) {
		s->http = MHD_start_daemon(
			MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
				MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ERROR_LOG,
			0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
			MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_NOTIFY_CONNECTION,
			on_connection, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
			MHD_OPTION_CONNECTION_LIMIT, (unsigned)API_CONNECTIONS,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)API_HEAD_MAX * 2,
			MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)API_IDLE_S,
			MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES, MHD_OPTION_END);
		r = s->http ? 0 : -EIO;
	}
	if (r < 0) {
		feed_stop(s->feed);
		server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void api_server_stop(struct api_server *s)
{
	if (!s)
		return;
	__atomic_store_n(&s->stopping, true, __ATOMIC_RELAXED);
	MHD_stop_daemon(s->http);
	feed_stop(s->feed);
	server_free(s);
}
