/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything that leaves the engine goes to the store, to the view and to who watches. */
#include "cmd/engine_state.h"

static void sink_blob(void *ctx, const struct id128 *id, const char *kind, struct slice bytes)
{
	struct engine *e = ctx;

	if (e->store)
		store_blob(e->store, id, kind, bytes);
	if (e->c->view && e->c->view->blob)
		e->c->view->blob(e->c->view_ctx, id, kind, bytes);
	if (e->hub)
		live_hub_sink.blob(e->hub, id, kind, bytes);
}

static void sink_media(void *ctx, const struct media *m)
{
	const struct engine *e = ctx;

	if (e->store)
		store_media(e->store, m);
}

static void sink_node(void *ctx, const struct id128 *id, const struct id128 *parent,
		      const struct id128 *message, uint32_t depth)
{
	struct engine *e = ctx;

	if (e->store)
		store_node(e->store, id, parent, message, depth);
	if (e->c->view && e->c->view->node)
		e->c->view->node(e->c->view_ctx, id, parent, message, depth);
}

static void sink_span(void *ctx, const struct span *span)
{
	struct engine *e = ctx;

	if (e->store)
		store_span(e->store, span);
	if (e->c->view && e->c->view->span)
		e->c->view->span(e->c->view_ctx, span);
	if (e->hub)
		live_hub_sink.span(e->hub, span);
}

static void sink_run(void *ctx, const struct run *run)
{
	struct engine *e = ctx;

	if (e->store)
		store_run(e->store, run);
	if (e->c->view && e->c->view->run)
		e->c->view->run(e->c->view_ctx, run);
	if (e->hub)
		live_hub_sink.run(e->hub, run);
}

static void sink_change(void *ctx, const struct live_change *change)
{
	const struct engine *e = ctx;

	if (e->hub)
		live_hub_sink.live_change(e->hub, change);
}

static void sink_piece(void *ctx, const struct live_piece *piece)
{
	const struct engine *e = ctx;

	if (e->hub)
		live_hub_sink.live_piece(e->hub, piece);
}

static void sink_begins(void *ctx, struct process_key root)
{
	const struct engine *e = ctx;

	intake_run(e->intake, root.tgid, root.start_ns);
}

static void sink_state(void *ctx, const struct id128 *run, struct slice json)
{
	struct engine *e = ctx;

	if (e->store)
		store_state(e->store, run, json);
}

static void sink_cut(void *ctx, const struct id128 *run, const struct id64 *span,
		     enum trace_cut what, struct slice why)
{
	struct engine *e = ctx;
	struct store_cut cut = { .run = *run,
				 .in_flight = what == CUT_RESUMED,
				 .run_ended = what == CUT_ENDED,
				 .why = why };

	if (span)
		cut.span = *span;
	if (e->store)
		store_cut(e->store, &cut);
}

const struct trace_sink engine_live_sink = {
	.blob = sink_blob,
	.media = sink_media,
	.node = sink_node,
	.span = sink_span,
	.run = sink_run,
	.state = sink_state,
	.cut = sink_cut,
	.live_change = sink_change,
	.live_piece = sink_piece,
	.begins = sink_begins,
};

const struct trace_sink engine_replay_sink = {
	.blob = sink_blob,
	.media = sink_media,
	.node = sink_node,
	.span = sink_span,
	.run = sink_run,
};
