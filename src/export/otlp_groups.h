/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request of OTLP, whatever its signal: its items stand below their resources, each of which is
 * there once, however the items take turns.
 *
 *	otlp_groups_begin(&g, &form, &otlp_spans);
 *	group = otlp_group(&g, key, put, ctx);		what follows is of that resource
 *	otlp_begin_item(&group->w, &otlp_spans.item); ... otlp_end(&group->w);
 *	r = otlp_groups_end(&g, &body);
 */
#pragma once

#include "base/map.h"
#include "config/config.h"
#include "export/otlp_wire.h"

struct otlp_form {
	bool json;
	bool content;
	enum sink_names names;
};

/* The fields of a request that lead to its items. */
struct otlp_signal {
	struct otlp_field resources, scopes, items;
};

extern const struct otlp_signal otlp_spans, otlp_records, otlp_points;

/* What is of one resource: a writer in the open list of its items. */
struct otlp_group {
	UT_hash_handle hh;
	struct otlp_writer w;
	struct buf out;
	size_t mark; /* the caller's; 0 at first */
	size_t n_key;
	char key[];
};

struct otlp_groups {
	const struct otlp_form *form;
	const struct otlp_signal *signal;
	struct otlp_group *by_key;
	struct buf out;
	int r;
};

/* Writes the attributes of a resource, as items of the open list @list. */
typedef void (*otlp_resource_fn)(void *ctx, struct otlp_writer *w, const struct otlp_field *list);

/* Empties @g, which is zero at first and keeps some of its memory; otlp_groups_done() frees. */
void otlp_groups_begin(struct otlp_groups *g, const struct otlp_form *form,
		       const struct otlp_signal *signal);
/* The group of that key, which is made where there is none, with what @put writes. NULL where
 * memory is refused: then otlp_groups_end() says so. */
struct otlp_group *otlp_group(struct otlp_groups *g, struct slice key, otlp_resource_fn put,
			      void *ctx);
/* The first error so far. */
int otlp_groups_error(const struct otlp_groups *g);
/* Bytes so far. */
size_t otlp_groups_bytes(const struct otlp_groups *g);
/* Ends it. 0 or -errno; @ret points into @g. */
int otlp_groups_end(struct otlp_groups *g, struct slice *ret);
void otlp_groups_done(struct otlp_groups *g);

/* URL of the conventions that the names are of; empty: of none that has one. */
struct slice otlp_schema_url(enum sink_names names);
