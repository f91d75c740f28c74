/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that only read, run for a peer in a process of their own: this program again, told whose
 * runs it may show. What it writes goes back as it comes.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/request.h"
#include "api/served.h"
#include "api/worker.h"
#include "base/cleanup.h"
#include "base/utf8.h"

#define COLUMNS_MAX 1000
#define WAIT_MS	    500

/* What a command writes to one of its two. */
struct outlet {
	int fd;
	const char *key; /* "out" or "err" */
	char carry[4];	 /* of a character that is not whole yet */
	size_t n_carry;
};

struct job {
	struct api_server *s;
	uint32_t uid;
	int peer_fd;
	struct worker worker;
	struct outlet outlets[2];
	int64_t end_ms;
	bool timed_out, over; /* over: its exit status was given */
	struct buf pending;
	size_t sent;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- what it is asked for --- */

struct ask {
	struct arena *mem;
	struct worker_spec worker;
};

static char *text_of(struct ask *a, struct slice value)
{
	const struct slice s = json_text(value, a->mem);

	if (value.n < 2 || value.p[0] != '"' || memchr(s.p ? s.p : "", '\0', s.n))
		return NULL;
	return (char *)arena_copy(a->mem, s).p;
}

static int read_argv(struct ask *a, struct slice list)
{
	struct json_iter it;
	struct slice v;
	int n = 0;

	a->worker.argv[n++] = (char *)"sonde";
	if (!json_array(list, &it))
		return -EINVAL;
	while (json_next(&it, &v)) {
		if (n > WORKER_ARGS)
			return -E2BIG;
		a->worker.argv[n] = text_of(a, v);
		if (!a->worker.argv[n++])
			return -EINVAL;
	}
	a->worker.argv[n] = NULL;
	return n > 1 && !it.bad ? 0 : -EINVAL;
}

/* A name of the time zone list or a rule; no path that would be opened. */
static bool is_zone(struct slice s)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_+-/,.<>";

	if (s.n == 0 || s.n > 64 || slice_has(s, SLICE("..")) || s.p[0] == '/')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!memchr(allowed, s.p[i], sizeof(allowed) - 1))
			return false;
	return true;
}

static void make_env(struct ask *a, const struct request *rq, const struct slice v[])
{
	const struct slice zone = json_text(v[3], a->mem);
	int64_t columns = 0;

	worker_env(&a->worker, rq);
	worker_add_env(&a->worker, "LC_ALL=%s", json_is(v[4], "ascii") ? "C" : "C.UTF-8");
	if (json_int64(v[1], &columns) && columns > 0)
		worker_add_env(&a->worker, SERVED_COLUMNS_ENV "=%d",
			       (int)(columns < COLUMNS_MAX ? columns : COLUMNS_MAX));
	if (slice_eq(v[2], SLICE("true")))
		worker_add_env(&a->worker, SERVED_COLOUR_ENV "=1");
	if (is_zone(zone))
		worker_add_env(&a->worker, "TZ=%.*s", SLICE_ARG(zone));
}

/* --- the process --- */

static int start(struct job *j, struct ask *a)
{
	const int r = worker_start(&j->worker, j->s->c.program, &a->worker);

	j->outlets[0].fd = TAKE_FD(j->worker.out);
	j->outlets[1].fd = TAKE_FD(j->worker.err);
	j->end_ms = now_ms() + API_COMMAND_S * 1000ll;
	return r;
}

static void job_free(void *ctx)
{
	struct job *j = ctx;

	worker_end(&j->worker, true);
	for (int i = 0; i < 2; i++)
		if (j->outlets[i].fd >= 0)
			close(j->outlets[i].fd);
	command_end(j->s, j->uid);
	buf_done(&j->pending);
	free(j);
}

/* --- what goes back --- */

static int put_text(struct job *j, const char *key, struct slice text)
{
	struct json_writer w = { .out = &j->pending };

	json_begin(&w, '{');
	json_key(&w, key);
	json_put_str(&w, text);
	json_end(&w, '}');
	return w.r ? w.r : buf_add(&j->pending, SLICE("\n"), SIZE_MAX);
}

/* How many bytes at the end are the beginning of a character. */
static size_t unfinished(struct slice s)
{
	for (size_t n = 1; n < 4 && n <= s.n; n++) {
		const unsigned char c = (unsigned char)s.p[s.n - n];

		if ((c & 0xc0) == 0x80)
			continue;
		return (c >= 0xf0 && n < 4) || (c >= 0xe0 && n < 3) || (c >= 0xc0 && n < 2) ? n : 0;
	}
	return 0;
}

static int take(struct job *j, struct outlet *o)
{
	char part[32768 + sizeof(o->carry)];
	struct slice text = { part, o->n_carry };
	ssize_t n;

	memcpy(part, o->carry, o->n_carry);
	n = read(o->fd, part + o->n_carry, sizeof(part) - sizeof(o->carry));
	if (n < 0 && errno == EINTR)
		return 0;
	if (n > 0)
		text.n += (size_t)n;
	o->n_carry = n > 0 ? unfinished(text) : 0;
	text.n -= o->n_carry;
	memcpy(o->carry, text.p + text.n, o->n_carry);
	if (n <= 0) {
		close(o->fd);
		o->fd = -1;
	}
	return text.n ? put_text(j, o->key, text) : 0;
}

static int put_exit(struct job *j)
{
	char text[64];
	int code;

	code = worker_end(&j->worker, false);
	if (j->timed_out && put_text(j, "err",
				     SLICE("sonde: the daemon ended it: it took too "
					   "long\n")) < 0)
		return -ENOMEM;
	snprintf(text, sizeof(text), "{\"exit\":%d}\n", j->timed_out ? 124 : code);
	j->over = true;
	return buf_add(&j->pending, slice_of(text), SIZE_MAX);
}

/* Waits for some more; 0, or below 0 where there is nobody for it any more. */
static int step(struct job *j)
{
	struct pollfd fds[2] = { { j->outlets[0].fd, POLLIN, 0 }, { j->outlets[1].fd, POLLIN, 0 } };
	int r = 0;

	if (peer_gone(j->peer_fd) || server_stops(j->s))
		return -ECANCELED;
	if (!j->timed_out && now_ms() > j->end_ms) {
		j->timed_out = true;
		worker_kill(&j->worker);
	}
	if (fds[0].fd < 0 && fds[1].fd < 0)
		return put_exit(j);
	if (poll(fds, 2, WAIT_MS) > 0)
		for (int i = 0; i < 2 && r == 0; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				r = take(j, &j->outlets[i]);
	return r;
}

static ssize_t read_job(void *ctx, uint64_t pos, char *to, size_t max)
{
	struct job *j = ctx;
	size_t n;

	(void)pos;
	while (j->sent == j->pending.n) {
		j->sent = j->pending.n = 0;
		if (j->over)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (step(j) < 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	n = j->pending.n - j->sent < max ? j->pending.n - j->sent : max;
	memcpy(to, j->pending.p + j->sent, n);
	j->sent += n;
	return (ssize_t)n;
}

/* --- the route --- */

static enum MHD_Result run(struct request *rq, struct ask *a)
{
	struct job *j;
	int r;

	if (!command_begin(rq->s, rq->peer.uid))
		return reply_error(rq, MHD_HTTP_TOO_MANY_REQUESTS,
				   "you have too many commands under way");
	j = calloc(1, sizeof(*j));
	if (!j) {
		command_end(rq->s, rq->peer.uid);
		return MHD_NO;
	}
	*j = (struct job){ .s = rq->s,
			   .uid = rq->peer.uid,
			   .peer_fd = rq->fd,
			   .worker = { .out = -1, .err = -1 },
			   .outlets = { { .fd = -1, .key = "out" }, { .fd = -1, .key = "err" } } };
	r = start(j, a);
	if (r < 0) {
		job_free(j);
		return reply_error(rq, MHD_HTTP_SERVICE_UNAVAILABLE, strerrordesc_np(-r));
	}
	return reply_stream(rq, "application/x-ndjson", read_job, j, job_free);
}

enum MHD_Result handle_command(struct request *rq)
{
	static const char *const names[] = { "argv", "columns", "colour", "tz", "charset" };
	_cleanup_(arena_freep) struct arena *mem = arena_new(4ul * API_BODY_MAX);
	struct ask a = { .mem = mem, .worker = { .mem = mem } };
	struct slice v[5];

	if (!mem)
		return MHD_NO;
	if (!json_valid(buf_slice(&rq->body)) || !json_members(buf_slice(&rq->body), names, v, 5) ||
	    read_argv(&a, v[0]) < 0)
		return reply_error(rq, MHD_HTTP_BAD_REQUEST,
				   "{\"argv\":[\"runs\", ...]} is wanted, with at most 64 texts");
	if (!rq->s->c.may_run || !rq->s->c.may_run(a.worker.argv[1]))
		return reply_error(rq, MHD_HTTP_FORBIDDEN,
				   "only commands that read the store can be run here");
	make_env(&a, rq, v);
	if (arena_failed(mem))
		return reply_error(rq, MHD_HTTP_CONTENT_TOO_LARGE, "the arguments are too long");
	return run(rq, &a);
}
