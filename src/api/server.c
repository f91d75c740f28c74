/* SPDX-License-Identifier: BSD-2-Clause */
/* One thread per connection: a stream waits for what comes next without holding up another. */
#include "api/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "api/body.h"
#include "api/door.h"
#include "api/links.h"
#include "api/routes/saved.h"
#include "base/cleanup.h"

#define STACK_BYTES (256u << 10)

/* --- answers --- */

bool server_stops(const struct api_server *s)
{
	return __atomic_load_n(&s->stopping, __ATOMIC_RELAXED);
}

/* Over TCP a client that has gone and one that has said all look alike; no browser does the latter.
 */
bool peer_gone(int fd)
{
	struct pollfd p = { .fd = fd };
	int domain = AF_UNIX;

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &(socklen_t){ sizeof(domain) });
	if (domain != AF_UNIX)
		p.events = POLLRDHUP;
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL));
}

/* What has a tag may be kept, to be asked about again each time. */
static void add_etag(const struct request *rq, struct MHD_Response *r, bool tagged)
{
	tagged &= rq->etag[0] != '\0';
	MHD_add_response_header(r, "Cache-Control", tagged ? "private, no-cache" : "no-store");
	if (tagged)
		MHD_add_response_header(r, "ETag", rq->etag);
}

enum MHD_Result reply_response(struct request *rq, unsigned status, struct MHD_Response *r)
{
	enum MHD_Result ret;

	if (!r)
		return MHD_NO;
	for (size_t i = 0; guard_headers[i][0]; i++)
		if (!MHD_get_response_header(r, guard_headers[i][0]))
			MHD_add_response_header(r, guard_headers[i][0], guard_headers[i][1]);
	ret = MHD_queue_response(rq->http, status, r);
	MHD_destroy_response(r);
	return ret;
}

static enum MHD_Result reply_bytes(struct request *rq, unsigned status, struct slice body)
{
	struct MHD_Response *r = body_response(rq->http, body);

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", "application/json");
	add_etag(rq, r, status == MHD_HTTP_OK);
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(r, "WWW-Authenticate", "Bearer realm=\"sonde\"");
	if (status == MHD_HTTP_TOO_MANY_REQUESTS)
		MHD_add_response_header(r, "Retry-After", "1");
	return reply_response(rq, status, r);
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

enum MHD_Result reply_not_modified(struct request *rq)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);

	if (!r)
		return MHD_NO;
	add_etag(rq, r, true);
	return reply_response(rq, MHD_HTTP_NOT_MODIFIED, r);
}

enum MHD_Result reply_done(struct request *rq)
{
	return reply_response(rq, MHD_HTTP_NO_CONTENT,
			      MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

enum MHD_Result reply_stream(struct request *rq, const char *type, MHD_ContentReaderCallback read,
			     void *ctx, MHD_ContentReaderFreeCallback done)
{
	struct MHD_Response *r =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 65536, read, ctx, done);

	if (!r) {
		done(ctx);
		return MHD_NO;
	}
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	return reply_response(rq, MHD_HTTP_OK, r); /* @done when the last has let go of it */
}

/* --- requests --- */

static const struct route *find_route(const char *path, const char *method, bool *ret_path_known,
				      struct slice values[])
{
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
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
static struct request *new_request(const struct door *door, struct MHD_Connection *http,
				   const char *path, const char *method)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct link *link = info ? info->socket_context : NULL;
	struct request *rq = link && (link->tcp || link->counted) ? calloc(1, sizeof(*rq)) : NULL;
	bool known;

	if (!rq)
		return NULL;
	*rq = (struct request){ .s = door->s, .http = http, .link = link, .fd = link->fd };
	rq->head = strcmp(method, "HEAD") == 0;
	rq->url = strdup(path);
	if (!rq->url) {
		free(rq);
		return NULL;
	}
	if (!link->tcp) {
		rq->peer = link->peer;
		rq->rights = RIGHT_ALL;
	}
	rq->route = find_route(rq->url, method, &known, rq->path);
	return rq;
}

static bool is_api(const char *path)
{
	return slice_starts(slice_of(path), SLICE("/api/"));
}

static enum MHD_Result refuse(struct request *rq, const char *method)
{
	struct slice values[PATH_VALUES_MAX];
	bool known;

	find_route(rq->url, method, &known, values);
	if (known)
		return reply_error(rq, MHD_HTTP_METHOD_NOT_ALLOWED, "not by this method");
	return reply_error(rq, MHD_HTTP_NOT_FOUND, "there is nothing at this path; API.md has all");
}

static enum MHD_Result answer(struct request *rq, const char *method)
{
	struct door_refusal no = { 0 };

	link_busy(rq->s, rq->link, true);
	if (rq->too_large)
		return reply_error(rq, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
	if (!door_admits(rq, method, &no))
		return reply_error(rq, no.status, no.why);
	if (rq->route)
		return rq->route->handle(rq);
	if (rq->link->tcp && !is_api(rq->url) &&
	    (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0))
		return handle_static(rq);
	return refuse(rq, method);
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
	return answer(rq, method);
}

static void on_completed(void *ctx, struct MHD_Connection *http, void **own,
			 enum MHD_RequestTerminationCode code)
{
	struct request *rq = *own;

	(void)ctx, (void)http, (void)code;
	if (!rq)
		return;
	link_busy(rq->s, rq->link, false);
	buf_done(&rq->body);
	free(rq->url);
	free(rq);
	*own = NULL;
}

/* What peers do wrong is theirs to know. */
static void say_nothing(void *ctx, const char *format, va_list args)
{
	(void)ctx, (void)format, (void)args;
}

/* --- life --- */

static void server_free(struct api_server *s)
{
	links_done(s);
	token_file_free(s->tokens);
	sessions_free(s->sessions);
	saved_free(s->saved);
	pthread_cond_destroy(&s->stop);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* It closes the socket that it is given. */
static int open_door(struct api_server *s, struct door *door, int socket)
{
	_cleanup_(closep) int fd = socket < 0 ? -1 : fcntl(socket, F_DUPFD_CLOEXEC, 3);

	if (socket < 0)
		return 0;
	if (fd < 0)
		return -errno;
	door->s = s;
	door->http = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_THREAD_PER_CONNECTION |
			MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, door, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_CONNECTION, links_notify, door,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)API_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)API_HEAD_MAX * 2, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)API_IDLE_S,
		MHD_OPTION_STRICT_FOR_CLIENT, (int)door->tcp, MHD_OPTION_THREAD_STACK_SIZE,
		(size_t)STACK_BYTES, MHD_OPTION_END);
	if (!door->http)
		return -EIO;
	TAKE_FD(fd);
	return 0;
}

static int make_server(struct api_server *s, int socket, int tcp)
{
	int r = links_watch(s);

	s->tcp_door.tcp = true;
	if (r == 0 && s->c.tokens)
		r = token_file_new(s->c.tokens, &s->tokens);
	if (r == 0)
		r = sessions_new(s->c.sessions, &s->sessions);
	if (r == 0 && tcp >= 0)
		r = door_names(s, tcp);
	if (r == 0)
		r = saved_new(s->c.prices, &s->saved);
	if (r == 0)
		r = feed_start(s->c.store, &s->feed);
	if (r == 0)
		r = open_door(s, &s->unix_door, socket);
	if (r == 0)
		r = open_door(s, &s->tcp_door, tcp);
	return r;
}

int api_server_start(const struct api_config *c, int socket, int tcp, struct api_server **ret)
{
	struct api_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->c = *c;
	s->started_ns = monotonic_ns();
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->stop, NULL);
	r = make_server(s, socket, tcp);
	if (r < 0) {
		api_server_stop(s);
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
	links_stop(s);
	if (s->unix_door.http)
		MHD_stop_daemon(s->unix_door.http);
	if (s->tcp_door.http)
		MHD_stop_daemon(s->tcp_door.http);
	feed_stop(s->feed);
	server_free(s);
}
