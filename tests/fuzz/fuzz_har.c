/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A HAR file of anybody's: whatever is in it, the same spans come out each time, every one of them
 * final, in order of time and inside its run, and what was counted adds up. A file that is cut has
 * no more entries than the whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#include "cmd/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

struct world {
	struct pipeline *pipeline;
	XXH3_state_t *seen;
	uint64_t last_ns; /* of events */
	uint64_t runs_open, spans_open, calls;
};

static void see(struct world *w, struct slice s)
{
	XXH3_64bits_update(w->seen, s.p ? s.p : "", s.n);
}

static void on_blob(void *ctx, const struct id128 *id, const char *kind, struct slice bytes)
{
	struct id128 want = id_of_bytes(bytes);

	check(id128_eq(id, &want));
	see(ctx, slice_of(kind));
	see(ctx, bytes);
}

static void on_media(void *ctx, const struct media *m)
{
	check(!id128_is_zero(&m->holder) && (m->state != MEDIA_KEPT || m->type));
	see(ctx, m->digest);
	see(ctx, (struct slice){ (const char *)m->sha256, sizeof(m->sha256) });
}

static void on_node(void *ctx, const struct id128 *id, const struct id128 *parent,
		    const struct id128 *message, uint32_t depth)
{
	(void)parent, (void)message, (void)depth;
	see(ctx, (struct slice){ (const char *)id->b, sizeof(id->b) });
}

static void on_span(void *ctx, const struct span *span)
{
	struct world *w = ctx;

	check(!span->final || span->end_ns >= span->start_ns);
	check(span->first_token_ns == LLM_UNKNOWN ||
	      span->start_ns + (uint64_t)span->first_token_ns <= span->end_ns || !span->end_ns);
	w->calls += span->final && span->step == STEP_LLM;
	see(w, (struct slice){ (const char *)span->span_id.b, sizeof(span->span_id.b) });
	see(w, (struct slice){ (const char *)&span->start_ns, sizeof(span->start_ns) });
	see(w, (struct slice){ (const char *)&span->end_ns, sizeof(span->end_ns) });
	see(w, span->name);
	for (size_t i = 0; i < span->n_attrs; i++)
		see(w, span->attrs[i].s);
}

static void on_run(void *ctx, const struct run *run)
{
	see(ctx, run->task);
	see(ctx, run->notes);
}

static const struct trace_sink sink = {
	.blob = on_blob, .media = on_media, .node = on_node, .span = on_span, .run = on_run
};

static void on_event(void *ctx, const struct sonde_event *e)
{
	struct world *w = ctx;

	check(event_valid(e, e->size) && e->ts_ns >= w->last_ns);
	w->last_ns = e->ts_ns;
	pipeline_feed(w->pipeline, e);
}

static uint64_t import(struct slice text, struct import_counts *counts)
{
	struct stats stats = { 0 };
	struct world w = { .seen = XXH3_createState() };
	const struct pipeline_config c = { .sink = &sink, .ctx = &w, .stats = &stats };
	struct import_file f = {
		.text = text, .name = "x.har", .event = on_event, .event_ctx = &w
	};
	const char *why = NULL;
	uint64_t hash;
	int r;

	check(w.seen && XXH3_64bits_reset(w.seen) == XXH_OK);
	check(pipeline_new(&c, &w.pipeline) == 0);
	f.pipeline = w.pipeline;
	r = import_run(&f, counts, &why);
	check(r == 0 || (r == -EBADMSG && why));
	pipeline_end(w.pipeline);
	pipeline_free(w.pipeline);
	check(w.calls == stats.n[STAT_LLM_CALLS]);
	check(counts->not_understood <= counts->entries);
	check(!counts->cut || counts->broken_at <= text.n);
	hash = XXH3_64bits_digest(w.seen);
	XXH3_freeState(w.seen);
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice text = { (const char *)data, size };
	struct import_counts first, second;

	check(import(text, &first) == import(text, &second));
	check(first.entries == second.entries);
	if (size) {
		import((struct slice){ text.p, data[size / 2] * size / 256 }, &second);
		check(second.entries <= first.entries || first.cut);
	}
	return 0;
}
