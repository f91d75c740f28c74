/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens now, as it happens: JSON lines, or server-sent events where those are asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/door.h"
#include "api/links.h"
#include "base/cleanup.h"

#define WAIT_MS	     500
#define QUIET_TURNS  30 /* of them; then an empty line shows that the connection lives */
#define PASS_EVERY_S 2
#define PENDING_MAX  (64u << 10)

struct listener {
	struct api_server *s;
	int fd;
	struct feed_reader at;
	bool events; /* text/event-stream */
	bool follow; /* goes on when all that is kept was given */
	struct buf pending;
	size_t sent;
	unsigned quiet;
	struct pass pass;
	time_t until; /* over TCP: then it is resumed; 0: as long as it likes */
	time_t asked; /* whether it may still listen */
};

static void listener_free(void *ctx)
{
	struct listener *l = ctx;

	listen_end(l->s, l->at.viewer.uid);
	buf_done(&l->pending);
	free(l);
}

static int put_hello(struct listener *l)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "%s{\"type\":\"hello\",\"sonde\":\"" SONDE_VERSION "\",\"epoch\":\"%s\"}\n%s",
		 l->events ? "data: " : "", feed_epoch(l->s->feed), l->events ? "\n" : "");
	return buf_add(&l->pending, slice_of(text), SIZE_MAX);
}

/* 1, 0 where nothing came, -ENOMEM. */
static int put_line(struct listener *l, int timeout_ms)
{
	_cleanup_(buf_done) struct buf line = { 0 };
	char id[64];
	uint64_t n = 0;
	int r;

	if (!l->events)
		return feed_next(l->s->feed, &l->at, timeout_ms, &l->pending, &n);
	r = feed_next(l->s->feed, &l->at, timeout_ms, &line, &n);
	if (r <= 0)
		return r;
	snprintf(id, sizeof(id), "id: %s-%llu\ndata: ", feed_epoch(l->s->feed),
		 (unsigned long long)n);
	if (buf_add(&l->pending, slice_of(id), SIZE_MAX) < 0 ||
	    buf_add(&l->pending, buf_slice(&line), SIZE_MAX) < 0 ||
	    buf_add(&l->pending, SLICE("\n"), SIZE_MAX) < 0)
		return -1;
	return 1;
}

/* As many as there are, some at once. */
static int put_lines(struct listener *l)
{
	int r = put_line(l, l->follow ? WAIT_MS : 0);

	if (r == 0 && l->follow && ++l->quiet >= QUIET_TURNS) {
		l->quiet = 0;
		return buf_add(&l->pending, l->events ? SLICE(":\n\n") : SLICE("\n"), SIZE_MAX);
	}
	while (r > 0 && l->pending.n < PENDING_MAX)
		r = put_line(l, 0);
	if (l->pending.n)
		l->quiet = 0;
	return r;
}

/* What let it in may have been removed since. */
static bool may_listen(struct listener *l)
{
	const time_t now = time(NULL);

	if (l->until && now > l->until)
		return false;
	if (now - l->asked < PASS_EVERY_S && now >= l->asked)
		return true;
	l->asked = now;
	return door_holds(l->s, &l->pass);
}

static ssize_t read_lines(void *ctx, uint64_t pos, char *to, size_t max)
{
	struct listener *l = ctx;
	size_t n;

	(void)pos;
	while (l->sent == l->pending.n) {
		l->sent = l->pending.n = 0;
		if (server_stops(l->s) || !may_listen(l))
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (peer_gone(l->fd) || put_lines(l) < 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		if (!l->follow && l->pending.n == 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	n = l->pending.n - l->sent < max ? l->pending.n - l->sent : max;
	memcpy(to, l->pending.p + l->sent, n);
	l->sent += n;
	return (ssize_t)n;
}

static struct slice argument(struct request *rq, const char *name)
{
	return slice_of(MHD_lookup_connection_value(rq->http, MHD_GET_ARGUMENT_KIND, name));
}

static struct slice header(struct request *rq, const char *name)
{
	return slice_of(MHD_lookup_connection_value(rq->http, MHD_HEADER_KIND, name));
}

enum MHD_Result handle_live(struct request *rq)
{
	struct slice after = header(rq, "Last-Event-ID");
	struct listener *l;

	if (!listen_begin(rq->s, &rq->peer))
		return reply_error(rq, MHD_HTTP_TOO_MANY_REQUESTS, "too many listen already");
	l = calloc(1, sizeof(*l));
	if (!l) {
		listen_end(rq->s, rq->peer.uid);
		return MHD_NO;
	}
	l->s = rq->s;
	l->fd = rq->fd;
	l->pass = rq->pass;
	l->until = rq->link->tcp ? time(NULL) + API_STREAM_S : 0;
	l->at.viewer = (struct viewer){ .all = rq->peer.all, .uid = rq->peer.uid };
	l->events = slice_has(header(rq, "Accept"), SLICE("text/event-stream"));
	l->follow = !slice_eq(argument(rq, "follow"), SLICE("0"));
	feed_seek(rq->s->feed, &l->at, after.n ? after : argument(rq, "after"));
	if (put_hello(l) < 0) {
		listener_free(l);
		return MHD_NO;
	}
	return reply_stream(rq, l->events ? "text/event-stream" : "application/x-ndjson",
			    read_lines, l, listener_free);
}
