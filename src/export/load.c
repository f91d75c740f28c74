/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/load.h"

#include <errno.h>

#include "export/parts.h"

struct loading {
	struct store_reader *r;
	struct steps *steps;
	struct parts *parts; /* NULL: memory is refused */
	struct buf arguments;
	bool arguments_wanted;
};

static int load_run(void *ctx, const struct run *run)
{
	struct loading *l = ctx;

	return steps_put_run(l->steps, run) ? 0 : -ENOMEM;
}

static int load_span(void *ctx, const struct span *span)
{
	struct loading *l = ctx;

	l->arguments.n = 0;
	if (l->arguments_wanted && !id128_is_zero(&span->args_blob))
		store_blob_read(l->r, &span->args_blob, &l->arguments); /* or it stays empty */
	steps_put(l->steps, span, buf_slice(&l->arguments));
	if (l->parts)
		parts_add(l->parts, span);
	return 0;
}

int steps_load(struct store_reader *r, const struct id128 *run, enum steps_looks looks, size_t max,
	       struct steps *ret)
{
	struct loading l = { .r = r,
			     .steps = ret,
			     .parts = parts_new(r, ret, looks == LOAD_ALL),
			     .arguments_wanted = looks != LOAD_PLAIN };
	struct store_filter f = { .run = *run };
	int err = store_runs(r, &f, load_run, &l);

	f.limit = max;
	if (err >= 0)
		err = store_spans(r, &f, load_span, &l);
	if (err >= 0 && l.parts && ret->runs)
		parts_add_run(l.parts, &ret->runs->run);
	parts_free(l.parts);
	buf_done(&l.arguments);
	return err < 0 ? err : 0;
}
