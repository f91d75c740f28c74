/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one module whose routes do something to what is traced. Each needs the right to write and a
 * confirmation that names the run; who may is the run's own user, and root. What is asked for is
 * done elsewhere (sonde/control.h), after it was checked once more.
 */
#include <errno.h>
#include <string.h>

#include "api/request.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "store/query.h"
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
	struct target t = { 0 };
	struct id128 id;
	int r;

	if (!is_confirmed(rq, &id))
		return reply_error(rq, MHD_HTTP_BAD_REQUEST,
				   "{\"confirm\":\"RUN\"} is wanted, with the whole id of the run");
	r = find_run(rq, &id, &t);
	if (r == -ENOENT)
		return reply_error(rq, MHD_HTTP_NOT_FOUND, "there is no such run");
	if (r < 0)
		return reply_error(rq, MHD_HTTP_INTERNAL_SERVER_ERROR, strerrordesc_np(-r));
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
