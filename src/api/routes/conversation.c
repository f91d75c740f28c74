/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was said in a run, each message once, with the call that first had it: an answer is its
 * call's; what stands between two answers came with the call of the second.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "base/map.h"
#include "export/json_put.h"
#include "export/otlp_content.h"
#include "export/threads.h"

#define BYTES_MAX    (16u << 20) /* of messages */
#define MESSAGES_MAX 10000
#define CALLS_MAX    100000

/* The first call that ends in a node: as its input, or as its answer. */
struct origin {
	struct id128 node;
	struct id64 span;
	uint64_t start_ns;
	UT_hash_handle hh;
};

/* A message whose call is not known yet. */
struct waiting {
	struct id128 node;
	size_t from, n; /* in text */
};

struct talk {
	struct query *q;
	struct origin *origins;
	const struct thread *at;
	struct waiting *waiting; /* of the thread that is written */
	size_t n_waiting, cap;
	struct buf text; /* of these */
	size_t n, bytes;
	bool capped;
};

/* --- calls --- */

static int add_origin(struct talk *t, const struct id128 *node, const struct span *s)
{
	struct origin *o;

	if (id128_is_zero(node) || HASH_COUNT(t->origins) >= CALLS_MAX)
		return 0;
	HASH_FIND(hh, t->origins, node, sizeof(*node), o);
	if (o)
		return 0;
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->node = *node;
	o->span = s->span_id;
	o->start_ns = s->start_ns;
	HASH_ADD(hh, t->origins, node, sizeof(o->node), o);
	if (o->hh.tbl)
		return 0;
	free(o);
	return -ENOMEM;
}

static int on_call(void *ctx, const struct span *s)
{
	const int r = add_origin(ctx, &s->input_node, s);

	return r < 0 ? r : add_origin(ctx, &s->output_node, s);
}

/* --- messages --- */

static void put_message(struct talk *t, const struct waiting *m, const struct origin *o)
{
	struct json_writer *w = &t->q->w;

	json_begin(w, '{');
	put_id128(w, "node", &m->node);
	if (o) {
		put_id64(w, "span_id", &o->span);
		put_time(w, "time_unix_nano", o->start_ns);
	}
	put_json(w, "message", (struct slice){ t->text.p + m->from, m->n });
	json_end(w, '}');
}

static void put_waiting(struct talk *t, const struct origin *o)
{
	for (size_t i = 0; i < t->n_waiting; i++)
		put_message(t, &t->waiting[i], o);
	t->n_waiting = 0;
	t->text.n = 0;
}

static int wait_for_call(struct talk *t, const struct id128 *node, struct slice json)
{
	if (t->n_waiting == t->cap) {
		const size_t cap = t->cap ? 2 * t->cap : 32;
		struct waiting *list = reallocarray(t->waiting, cap, sizeof(*list));

		if (!list)
			return -ENOMEM;
		t->waiting = list;
		t->cap = cap;
	}
	t->waiting[t->n_waiting++] = (struct waiting){ *node, t->text.n, json.n };
	return buf_add(&t->text, json, BYTES_MAX);
}

/* --- threads --- */

static void put_system(struct talk *t, const struct id128 *blob)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	if (!id128_is_zero(blob) && store_blob_read(t->q->reader, blob, &text) == 0 &&
	    text.n < BYTES_MAX && json_valid(buf_slice(&text)))
		put_json(&t->q->w, "system", otlp_system_parts(buf_slice(&text)));
}

static void end_thread(struct talk *t)
{
	if (!t->at)
		return;
	put_waiting(t, NULL);
	json_end(&t->q->w, ']');
	json_end(&t->q->w, '}');
	t->at = NULL;
}

static void begin_thread(struct talk *t, const struct thread *thread)
{
	struct json_writer *w = &t->q->w;

	end_thread(t);
	t->at = thread;
	json_begin(w, '{');
	put_id128(w, "node", &thread->node);
	put_text(w, "model", thread->model);
	put_text(w, "agent", thread->agent);
	put_time(w, "start_time_unix_nano", thread->start_ns);
	put_system(t, &thread->system);
	json_key(w, "messages");
	json_begin(w, '[');
}

static int on_message(void *ctx, const struct thread *thread, const struct id128 *node,
		      struct slice json)
{
	struct talk *t = ctx;
	const struct origin *o;
	int r;

	if (t->n >= MESSAGES_MAX || json.n > BYTES_MAX - t->bytes) {
		t->capped = true;
		return -ECANCELED;
	}
	t->n++;
	t->bytes += json.n;
	if (t->at != thread)
		begin_thread(t, thread);
	HASH_FIND(hh, t->origins, node, sizeof(*node), o);
	r = wait_for_call(t, node, json);
	if (r == 0 && o)
		put_waiting(t, o);
	return r < 0 ? r : t->q->w.r;
}

static void talk_done(struct talk *t)
{
	struct origin *o, *next;

	HASH_ITER(hh, t->origins, o, next)
	{
		HASH_DEL(t->origins, o);
		free(o);
	}
	free(t->waiting);
	buf_done(&t->text);
}

static int put_threads(struct talk *t, const struct id128 *run)
{
	const struct store_filter calls = { .run = *run, .step = STEP_LLM };
	struct json_writer *w = &t->q->w;
	int r = store_spans(t->q->reader, &calls, on_call, t);

	json_begin(w, '{');
	json_key(w, "threads");
	json_begin(w, '[');
	if (r >= 0)
		r = threads_read(t->q->reader, run, on_message, t);
	end_thread(t);
	json_end(w, ']');
	json_key(w, "capped");
	json_put_bool(w, t->capped);
	json_end(w, '}');
	return r == -ECANCELED ? 0 : r;
}

enum MHD_Result handle_conversation(struct request *rq)
{
	struct talk t = { 0 };
	struct id128 run;
	struct query q;
	int r;

	if (!query_begin(&q, rq, 0) || !query_run(&q, rq->path[0], &run))
		return query_refused(&q);
	t.q = &q;
	r = put_threads(&t, &run);
	talk_done(&t);
	return query_end(&q, r);
}

/* --- one message --- */

enum MHD_Result handle_message(struct request *rq)
{
	_cleanup_(buf_done) struct buf message = { 0 };
	struct id128 node;
	struct query q;
	int r;

	if (!query_begin(&q, rq, 0))
		return query_refused(&q);
	if (id128_parse(rq->path[0], &node) < 0) {
		query_wrong(&q, MHD_HTTP_BAD_REQUEST, "a message is named by 32 hex digits");
		return query_refused(&q);
	}
	r = store_message_read(q.reader, &node, &message);
	if (r >= 0) {
		json_begin(&q.w, '{');
		put_id128(&q.w, "node", &node);
		put_json(&q.w, "message", buf_slice(&message));
		json_end(&q.w, '}');
	}
	return query_end(&q, r);
}
