/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/threads.h"

#include <errno.h>
#include <stdlib.h>

#include "base/id_set.h"

#define CALLS_MAX 100000

struct call {
	struct thread thread;
	struct buf model, agent;
	bool is_leaf;
};

struct reading {
	struct store_reader *r;
	thread_fn fn;
	void *ctx;
	struct call *calls;
	size_t n, cap;
	struct id_set passed, given;
	const struct call *at;
};

static int on_span(void *ctx, const struct span *span)
{
	const struct id128 *node =
		id128_is_zero(&span->output_node) ? &span->input_node : &span->output_node;
	struct reading *rd = ctx;
	struct call *call;

	if (id128_is_zero(node) || rd->n >= CALLS_MAX)
		return 0;
	if (rd->n == rd->cap) {
		size_t cap = rd->cap ? 2 * rd->cap : 64;
		struct call *calls = reallocarray(rd->calls, cap, sizeof(*calls));

		if (!calls)
			return -ENOMEM;
		rd->calls = calls;
		rd->cap = cap;
	}
	call = &rd->calls[rd->n++];
	*call = (struct call){
		.thread = { .node = *node, .system = span->system_blob, .start_ns = span->start_ns }
	};
	buf_add(&call->agent, span->agent, 1000); /* or it is not named */
	return buf_add(&call->model,
		       span->response_model.n ? span->response_model : span->request_model, 1000);
}

static int pass(void *ctx, const struct id128 *node, struct slice json)
{
	struct reading *rd = ctx;

	(void)json;
	return id_set_add(&rd->passed, node);
}

static int find_leaves(struct reading *rd)
{
	for (size_t i = rd->n; i-- > 0;) {
		struct call *call = &rd->calls[i];
		int r;

		call->thread.model = buf_slice(&call->model);
		call->thread.agent = buf_slice(&call->agent);
		if (id_set_has(&rd->passed, &call->thread.node))
			continue;
		call->is_leaf = true;
		r = store_conversation(rd->r, &call->thread.node, pass, rd);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int on_message(void *ctx, const struct id128 *node, struct slice json)
{
	struct reading *rd = ctx;
	int r;

	if (id_set_has(&rd->given, node))
		return 0;
	r = rd->fn(rd->ctx, &rd->at->thread, node, json);
	return r < 0 ? r : id_set_add(&rd->given, node);
}

static int give_leaves(struct reading *rd)
{
	for (size_t i = 0; i < rd->n; i++) {
		int r;

		if (!rd->calls[i].is_leaf)
			continue;
		rd->at = &rd->calls[i];
		r = store_conversation(rd->r, &rd->at->thread.node, on_message, rd);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int threads_read(struct store_reader *r, const struct id128 *run, thread_fn fn, void *ctx)
{
	const struct store_filter filter = { .run = *run, .step = STEP_LLM };
	struct reading rd = { .r = r, .fn = fn, .ctx = ctx };
	int err = store_spans(r, &filter, on_span, &rd);

	if (err >= 0)
		err = find_leaves(&rd);
	if (err >= 0)
		err = give_leaves(&rd);
	for (size_t i = 0; i < rd.n; i++) {
		buf_done(&rd.calls[i].model);
		buf_done(&rd.calls[i].agent);
	}
	free(rd.calls);
	id_set_done(&rd.passed);
	id_set_done(&rd.given);
	return err < 0 ? err : 0;
}
