/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/otlp_groups.h"

#include <errno.h>
#include <stdlib.h>

/* opentelemetry.proto: collector, resource, common, and trace, logs, metrics; v1 */
const struct otlp_signal otlp_spans = { { 1, "resourceSpans" },
					{ 2, "scopeSpans" },
					{ 2, "spans" } };
const struct otlp_signal otlp_records = { { 1, "resourceLogs" },
					  { 2, "scopeLogs" },
					  { 2, "logRecords" } };
const struct otlp_signal otlp_points = { { 1, "resourceMetrics" },
					 { 2, "scopeMetrics" },
					 { 2, "metrics" } };
static const struct otlp_field resource = { 1, "resource" };
static const struct otlp_field resource_attributes = { 1, "attributes" };
static const struct otlp_field scope = { 1, "scope" };
static const struct otlp_field scope_name = { 1, "name" };
static const struct otlp_field scope_version = { 2, "version" };
static const struct otlp_field scope_schema = { 3, "schemaUrl" };

struct slice otlp_schema_url(enum sink_names names)
{
	switch (names) {
	case SINK_NAMES_141:
		return SLICE("https://opentelemetry.io/schemas/1.41.0");
	case SINK_NAMES_LATEST:
		return SLICE("https://opentelemetry.io/schemas/gen-ai/1.42.0");
	case SINK_NAMES_OPENINFERENCE:
		break;
	}
	return (struct slice){ 0 };
}

static void free_groups(struct otlp_groups *g)
{
	struct otlp_group *one, *next;

	HASH_ITER(hh, g->by_key, one, next)
	{
		HASH_DEL(g->by_key, one);
		buf_done(&one->out);
		free(one);
	}
}

void otlp_groups_begin(struct otlp_groups *g, const struct otlp_form *form,
		       const struct otlp_signal *signal)
{
	struct buf out = g->out;

	free_groups(g);
	out.n = 0;
	*g = (struct otlp_groups){ .form = form, .signal = signal, .out = out };
}

void otlp_groups_done(struct otlp_groups *g)
{
	free_groups(g);
	buf_done(&g->out);
	*g = (struct otlp_groups){ 0 };
}

/* Down to the list of items, which stays open. */
static void open_group(struct otlp_groups *g, struct otlp_group *one, otlp_resource_fn put,
		       void *ctx)
{
	struct otlp_writer *w = &one->w;

	otlp_writer_init(w, g->form->json, &one->out);
	otlp_begin_item(w, &g->signal->resources);
	otlp_begin(w, &resource);
	otlp_begin_list(w, &resource_attributes);
	put(ctx, w, &resource_attributes);
	otlp_end_list(w);
	otlp_end(w);
	otlp_begin_list(w, &g->signal->scopes);
	otlp_begin_item(w, &g->signal->scopes);
	otlp_begin(w, &scope);
	otlp_text(w, &scope_name, SLICE("sonde"));
	otlp_text(w, &scope_version, SLICE(SONDE_VERSION));
	otlp_end(w);
	otlp_begin_list(w, &g->signal->items);
}

static void close_group(const struct otlp_groups *g, struct otlp_group *one)
{
	struct otlp_writer *w = &one->w;

	otlp_end_list(w);
	otlp_text(w, &scope_schema, otlp_schema_url(g->form->names));
	otlp_end(w);
	otlp_end_list(w);
	otlp_end(w);
}

static struct otlp_group *new_group(struct otlp_groups *g, struct slice key)
{
	struct otlp_group *one = calloc(1, sizeof(*one) + key.n);

	if (!one)
		return NULL;
	one->n_key = key.n;
	if (key.n)
		memcpy(one->key, key.p, key.n);
	HASH_ADD_KEYPTR(hh, g->by_key, one->key, one->n_key, one);
	if (one->hh.tbl)
		return one;
	free(one);
	return NULL;
}

struct otlp_group *otlp_group(struct otlp_groups *g, struct slice key, otlp_resource_fn put,
			      void *ctx)
{
	struct otlp_group *one;

	HASH_FIND(hh, g->by_key, key.p, key.n, one);
	if (one)
		return one;
	one = new_group(g, key);
	if (one)
		open_group(g, one, put, ctx);
	else
		g->r = -ENOMEM;
	return one;
}

int otlp_groups_error(const struct otlp_groups *g)
{
	int r = g->r;

	for (const struct otlp_group *one = g->by_key; one && r == 0; one = one->hh.next)
		r = otlp_error(&one->w);
	return r;
}

size_t otlp_groups_bytes(const struct otlp_groups *g)
{
	size_t n = 0;

	for (const struct otlp_group *one = g->by_key; one; one = one->hh.next)
		n += one->out.n;
	return n;
}

/* Messages of a list in protobuf follow each other as they are. */
static void join(struct otlp_groups *g, struct otlp_group *one, struct otlp_writer *w)
{
	close_group(g, one);
	if (otlp_error(&one->w) < 0)
		otlp_fail(w, otlp_error(&one->w));
	if (w->json)
		json_put_raw(&w->j, buf_slice(&one->out));
	else if (w->p.r == 0)
		w->p.r = buf_add(&g->out, buf_slice(&one->out), SIZE_MAX);
	buf_done(&one->out); /* what is large is there twice for a moment only */
}

int otlp_groups_end(struct otlp_groups *g, struct slice *ret)
{
	struct otlp_writer w;

	otlp_writer_init(&w, g->form->json, &g->out);
	if (g->r < 0)
		otlp_fail(&w, g->r);
	otlp_begin_all(&w);
	otlp_begin_list(&w, &g->signal->resources);
	for (struct otlp_group *one = g->by_key; one; one = one->hh.next)
		join(g, one, &w);
	otlp_end_list(&w);
	otlp_end_all(&w);
	*ret = buf_slice(&g->out);
	return otlp_error(&w);
}
