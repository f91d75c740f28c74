/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the filter lets through, as a file: `sonde export`, run for the peer as commands are. How it
 * goes is known before the answer begins, where it goes wrong at once.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "api/worker.h"
#include "base/cleanup.h"
#include "base/util.h"

#define WAIT_MS	  500
#define EXPORT_MS (API_COMMAND_S * 1000ll)
#define SAID_MAX  500 /* bytes of what it complains about */

static const struct format {
	const char *name, *type, *suffix;
	bool one_run, content; /* content: what was said is always in it */
} formats[] = {
	{ "csv", "text/csv; charset=utf-8", "csv", false, false },
	{ "ndjson", "application/x-ndjson", "ndjson", false, false },
	{ "otlp", "application/x-ndjson", "otlp.ndjson", false, false },
	{ "html", "text/html; charset=utf-8", "html", true, true },
};

struct export
{
	struct api_server *s;
	uint32_t uid;
	int peer_fd;
	struct worker worker;
	int64_t end_ms;
	char said[SAID_MAX + 1];
	size_t n_said;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void export_free(void *ctx)
{
	struct export *x = ctx;

	worker_end(&x->worker, true);
	close_end(&x->worker.out);
	close_end(&x->worker.err);
	command_end(x->s, x->uid);
	free(x);
}

/* --- what it is asked for --- */

static const struct format *find_format(struct slice name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (slice_eq(name, slice_of(formats[i].name)))
			return &formats[i];
	return NULL;
}

/* What there is to say against it. */
static bool check(struct query *q, const struct format *f)
{
	const struct params *p = &q->params;
	const bool content = p->content || (f && f->content);

	if (!f)
		return query_wrong(q, MHD_HTTP_BAD_REQUEST,
				   "'format' takes csv, ndjson, otlp or html");
	if (p->rows.n && !slice_eq(p->rows, SLICE("runs")) && !slice_eq(p->rows, SLICE("spans")))
		return query_wrong(q, MHD_HTTP_BAD_REQUEST, "'rows' takes runs or spans");
	if (p->page.order == ORDER_STEPS && slice_eq(p->rows, SLICE("spans")))
		return query_wrong(q, MHD_HTTP_BAD_REQUEST, "spans have no order by 'steps'");
	if (f->one_run && !p->run.n && id128_is_zero(&p->filter.run))
		return query_wrong(q, MHD_HTTP_BAD_REQUEST, "html is of one run: 'run' names it");
	if (content && !query_may(q, RIGHT_CONTENT))
		return query_wrong(q, MHD_HTTP_FORBIDDEN,
				   "what was said needs the right 'content'");
	return true;
}

static bool fill(struct query *q, const struct format *f, struct worker_spec *spec)
{
	const struct params *p = &q->params;
	char hex[ID128_HEX_SIZE];
	struct id128 run;

	worker_env(spec, q->rq);
	worker_add_env(spec, "LC_ALL=C.UTF-8");
	worker_add_arg(spec, "sonde");
	worker_add_arg(spec, "export");
	worker_add_arg(spec, "--format=%s", f->name);
	worker_add_arg(spec, "--rows=%s", slice_eq(p->rows, SLICE("spans")) ? "spans" : "runs");
	worker_add_arg(spec, "--sort=%s", params_sort_names[p->page.order]);
	worker_add_arg(spec, "--order=%s", p->page.ascending ? "asc" : "desc");
	if (p->content)
		worker_add_arg(spec, "--content");
	if (p->filter_text.n)
		worker_add_arg(spec, "--filter=%.*s", SLICE_ARG(p->filter_text));
	if (p->filter.since_ns && p->since_text.n)
		worker_add_arg(spec, "--since=%.*s", SLICE_ARG(p->since_text));
	if (p->filter.until_ns && p->until_text.n)
		worker_add_arg(spec, "--until=%.*s", SLICE_ARG(p->until_text));
	if (!p->run.n && !f->one_run)
		return true;
	if (!p->run.n)
		run = p->filter.run;
	else if (!query_run(q, p->run, &run))
		return false;
	id128_hex(&run, hex);
	worker_add_arg(spec, "%s", hex);
	return true;
}

/* --- what comes of it --- */

static void hear(struct export *x)
{
	char rest[1024];
	const bool room = x->n_said < SAID_MAX;
	const ssize_t n = read(x->worker.err, room ? x->said + x->n_said : rest,
			       room ? SAID_MAX - x->n_said : sizeof(rest));

	if (n > 0 && room)
		x->n_said += (size_t)n;
	if (n == 0 || (n < 0 && errno != EINTR))
		close_end(&x->worker.err);
}

/* Waits until there is something to be read, or the end. 0, or -ECANCELED. */
static int await(struct export *x)
{
	for (;;) {
		struct pollfd fds[2] = { { x->worker.out, POLLIN, 0 },
					 { x->worker.err, POLLIN, 0 } };

		if (peer_gone(x->peer_fd) || server_stops(x->s) || now_ms() > x->end_ms)
			return -ECANCELED;
		if (poll(fds, 2, WAIT_MS) <= 0)
			continue;
		if (fds[1].revents)
			hear(x);
		if (fds[0].revents)
			return 0;
	}
}

static ssize_t read_export(void *ctx, uint64_t pos, char *to, size_t max)
{
	struct export *x = ctx;
	ssize_t n;

	(void)pos;
	do {
		if (await(x) < 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		n = read(x->worker.out, to, max);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	/* A part must not look like the whole. */
	return n == 0 && worker_end(&x->worker, false) == 0 ? MHD_CONTENT_READER_END_OF_STREAM
							    : MHD_CONTENT_READER_END_WITH_ERROR;
}

static enum MHD_Result stream(struct request *rq, struct export *x, const struct format *f)
{
	struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 65536,
								   read_export, x, export_free);
	char name[64];

	if (!r) {
		export_free(x);
		return MHD_NO;
	}
	snprintf(name, sizeof(name), "attachment; filename=\"sonde.%s\"", f->suffix);
	MHD_add_response_header(r, "Content-Type", f->type);
	MHD_add_response_header(r, "Content-Disposition", name);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	return reply_response(rq, MHD_HTTP_OK, r); /* export_free() is called in the end */
}

/* Whether it ended without giving anything. */
static bool has_failed(struct export *x)
{
	struct pollfd fd = { x->worker.out, POLLIN, 0 };

	if (await(x) < 0)
		return true;
	if (poll(&fd, 1, 0) == 1 && (fd.revents & POLLIN))
		return false;
	if (worker_end(&x->worker, false) == 0)
		return false;
	if (x->worker.err >= 0)
		hear(x);
	return true;
}

static enum MHD_Result run(struct request *rq, const struct worker_spec *spec,
			   const struct format *f)
{
	char why[SAID_MAX + 32];
	struct export *x;
	int r;

	if (!command_begin(rq->s, rq->peer.uid))
		return reply_error(rq, MHD_HTTP_TOO_MANY_REQUESTS,
				   "you have too many commands under way");
	x = calloc(1, sizeof(*x));
	if (!x) {
		command_end(rq->s, rq->peer.uid);
		return MHD_NO;
	}
	*x = (struct export){ .s = rq->s, .uid = rq->peer.uid, .peer_fd = rq->fd };
	x->end_ms = now_ms() + EXPORT_MS;
	r = worker_start(&x->worker, rq->s->c.program, spec);
	if (r == 0 && !has_failed(x))
		return stream(rq, x, f);
	snprintf(why, sizeof(why), "it could not be exported%s%s", x->n_said ? ": " : "", x->said);
	export_free(x);
	return reply_error(rq, MHD_HTTP_SERVICE_UNAVAILABLE, why);
}

enum MHD_Result handle_export(struct request *rq)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(4ul * API_HEAD_MAX);
	struct worker_spec spec = { .mem = mem };
	const struct format *f;
	struct query q;
	bool ok;

	if (!mem)
		return MHD_NO;
	ok = query_begin_live(&q, rq, PARAMS_FILTER | PARAMS_SORT | PARAMS_EXPORT);
	f = ok ? find_format(q.params.format) : NULL;
	if (!ok || !check(&q, f) || !fill(&q, f, &spec))
		return query_refused(&q);
	query_done(&q);
	if (arena_failed(mem))
		return reply_error(rq, MHD_HTTP_CONTENT_TOO_LARGE, "the filter is too long");
	return run(rq, &spec, f);
}
