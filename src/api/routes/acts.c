/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one module whose routes do something: to what is traced, or by running its command again.
 * Each needs the right to write and a confirmation that names the run; who may is the run's own
 * user, and for ending it root. What is asked for is done elsewhere (sonde/control.h,
 * cmd/retrier.c), after it was checked once more.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "export/json_put.h"
#include "export/started.h"
#include "store/viewer.h"

/* What an act needs to know of a run. */
struct target {
	bool found;
	enum run_status status;
	uint32_t uid;
	struct process_key process;
};

DEFINE_CLEANUP(struct store_reader *, store_reader_close)

static int take_run(void *ctx, const struct run *run)
{
	struct target *t = ctx;

	*t = (struct target){ true, run->status, run->uid, run->process };
	return 0;
}

/* Among what the peer may see. 0, -ENOENT, or -errno. */
static int find_run(const struct request *rq, const struct id128 *id, struct target *ret)
{
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	const struct viewer viewer = { .all = rq->peer.all, .uid = rq->peer.uid };
	const struct store_filter f = { .run = *id, .limit = 1 };
	struct store_error err;
	int e = store_reader_open(rq->s->c.store, &r, &err);

	if (e == 0)
		e = store_reader_view(r, &viewer);
	if (e == 0)
		e = store_runs(r, &f, take_run, ret);
	return e < 0 ? e : ret->found ? 0 : -ENOENT;
}

/* Whether the body says the whole id of the run that the path names. */
static bool is_confirmed(const struct request *rq, struct id128 *ret)
{
	static const char *const names[] = { "confirm" };
	const struct slice body = buf_slice(&rq->body);
	_cleanup_(arena_freep) struct arena *mem = arena_new(4096);
	struct slice v[1], said;

	if (!mem || !json_valid(body) || !json_members(body, names, v, 1))
		return false;
	said = json_text(v[0], mem);
	return slice_eq(said, rq->path[0]) && id128_parse(said, ret) == 0;
}

/* The run that an act is about, confirmed and there for the peer to see. Otherwise false, and it
 * has been answered. */
static bool find_asked(struct request *rq, struct id128 *ret_id, struct target *ret,
		       enum MHD_Result *ret_refused)
{
	int r;

	if (!is_confirmed(rq, ret_id)) {
		*ret_refused = reply_error(
			rq, MHD_HTTP_BAD_REQUEST,
			"{\"confirm\":\"RUN\"} is wanted, with the whole id of the run");
		return false;
	}
	r = find_run(rq, ret_id, ret);
	if (r == -ENOENT)
		*ret_refused = reply_error(rq, MHD_HTTP_NOT_FOUND, "there is no such run");
	else if (r < 0)
		*ret_refused = reply_error(rq, MHD_HTTP_INTERNAL_SERVER_ERROR, strerrordesc_np(-r));
	return r == 0;
}

static enum MHD_Result reply_stopped(struct request *rq, int r)
{
	static const struct {
		int error;
		unsigned status;
		const char *says;
	} answers[] = {
		{ -ESRCH, MHD_HTTP_CONFLICT, "it does not run any more" },
		{ -EPERM, MHD_HTTP_CONFLICT, "its process is not traced any more" },
		{ -EBUSY, MHD_HTTP_CONFLICT, "it is being stopped already" },
		{ -EACCES, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon lacks CAP_KILL" },
		{ -ETIMEDOUT, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon has not answered in time" },
	};

	if (r == 0)
		return reply_done(rq);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (answers[i].error == r)
			return reply_error(rq, answers[i].status, answers[i].says);
	return reply_error(rq, MHD_HTTP_SERVICE_UNAVAILABLE, strerrordesc_np(-r));
}

enum MHD_Result handle_stop(struct request *rq)
{
	enum MHD_Result refused;
	struct target t = { 0 };
	struct id128 id;

	if (!find_asked(rq, &id, &t, &refused))
		return refused;
	if (rq->peer.uid != 0 && rq->peer.uid != t.uid)
		return reply_error(rq, MHD_HTTP_FORBIDDEN,
				   "only its own user, or root, may stop it");
	if (t.status != RUN_RUNNING && t.status != RUN_PAUSED)
		return reply_stopped(rq, -ESRCH);
	if (!rq->s->c.stop)
		return reply_error(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
				   "no daemon is here that could stop it");
	return reply_stopped(rq, rq->s->c.stop(rq->s->c.leave_ctx, rq->peer.uid, t.process.tgid,
					       t.process.start_ns));
}

/* --- running it again --- */

static const char no_starter[] =
	"the daemon starts no commands for others: as it sees all, it would have to be root, and "
	"root "
	"must not run what a store says. Run it yourself, in a terminal of yours";

static const char only_starter[] = "only who has started this server may have it run something";

/* Who this server would do it for. */
static bool is_own_user(const struct request *rq)
{
	return rq->peer.uid == rq->s->c.peers.own;
}

/* What speaks against doing it here; NULL: nothing that is known yet. */
static const char *why_not(const struct request *rq, const struct started *s)
{
	const char *no = started_why_not(s);

	if (no)
		return no;
	if (!rq->s->c.retry)
		return no_starter;
	if (!is_own_user(rq))
		return only_starter;
	if (rq->s->c.peers.own != 0 && rq->s->c.peers.own != s->uid) /* root may be so by sudo */
		return "it ran as another user, and only they can run it again";
	return rq->rights & RIGHT_WRITE ? NULL : "the right 'write' is missing";
}

/* For a terminal. Where the store is concerns its own user; of the daemon's nobody is a reader. */
static int write_by_hand(const struct query *q, const struct started *s, struct buf *ret)
{
	char id[ID128_HEX_SIZE];
	int r = buf_add(ret, SLICE("sonde retry "), SIZE_MAX);

	id128_hex(&s->run, id);
	if (r == 0 && q->rq->s->c.retry && is_own_user(q->rq)) {
		r = buf_add(ret, SLICE("--db "), SIZE_MAX);
		if (r == 0)
			r = started_word(q->rq->s->c.store, ret);
		if (r == 0)
			r = buf_add(ret, SLICE(" "), SIZE_MAX);
	}
	return r < 0 ? r : buf_add(ret, slice_of(id), SIZE_MAX);
}

static int put_command(struct query *q, const struct started *s)
{
	_cleanup_(buf_done) struct buf line = { 0 }, by_hand = { 0 };
	int r = 0;

	if (!s->launched || !s->argv)
		return 0;
	r = started_line(s->argv, &line);
	if (r == 0)
		r = write_by_hand(q, s, &by_hand);
	put_text(&q->w, "command", buf_slice(&line));
	put_text(&q->w, "by_hand", buf_slice(&by_hand));
	return r;
}

enum MHD_Result handle_retry_plan(struct request *rq)
{
	struct started s = { 0 };
	const char *no;
	struct id128 id;
	struct query q;
	int r;

	if (!query_begin_live(&q, rq, 0) || !query_run(&q, rq->path[0], &id))
		return query_refused(&q);
	r = started_read(q.reader, &id, &s);
	if (r == 0) {
		no = why_not(rq, &s);
		json_begin(&q.w, '{');
		json_key(&q.w, "can");
		json_put_bool(&q.w, !no);
		put_text(&q.w, "why_not", slice_of(no));
		r = put_command(&q, &s);
		put_text(&q.w, "cwd", slice_of(s.cwd));
		put_id128(&q.w, "retry_of", &s.retry_of);
		json_end(&q.w, '}');
	}
	started_done(&s);
	return query_end(&q, r);
}

static enum MHD_Result reply_retried(struct request *rq, int r, const struct api_retried *did)
{
	struct buf text = { 0 };
	struct json_writer w = { .out = &text };

	if (r == -EBUSY || r == -EINVAL || r == -EPERM || r == -ENOENT)
		return reply_error(rq, MHD_HTTP_CONFLICT,
				   *did->why ? did->why : strerrordesc_np(-r));
	if (r < 0)
		return reply_error(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
				   *did->why ? did->why : strerrordesc_np(-r));
	json_begin(&w, '{');
	put_number(&w, "pid", did->pid);
	put_id128(&w, "run_id", &did->run);
	json_end(&w, '}');
	return reply_json(rq, MHD_HTTP_OK, &w);
}

enum MHD_Result handle_retry(struct request *rq)
{
	struct api_retried did = { 0 };
	enum MHD_Result refused;
	struct target t = { 0 };
	struct id128 id;
	char by[128];
	int r;

	if (!find_asked(rq, &id, &t, &refused))
		return refused;
	if (!rq->s->c.retry)
		return reply_error(rq, MHD_HTTP_SERVICE_UNAVAILABLE, no_starter);
	if (!is_own_user(rq))
		return reply_error(rq, MHD_HTTP_FORBIDDEN, only_starter);
	snprintf(by, sizeof(by), "user %u (%s%s)", rq->peer.uid,
		 rq->token[0] ? "token " : "browser", rq->token);
	r = rq->s->c.retry(rq->s->c.leave_ctx, &id, by, &did);
	return reply_retried(rq, r, &did);
}
