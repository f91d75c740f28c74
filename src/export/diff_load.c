/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "base/json.h"
#include "export/diff.h"
#include "export/span_json.h"

#define ANSWER_MAX (4u << 20)

struct loading {
	struct store_reader *r;
	struct diff_run *d;
	struct buf arguments;
	struct id128 answer; /* of the newest call that has one */
};

/* Not when, by which process or how long: what it is. */
static struct id128 identity(const struct span *s, const struct step *st)
{
	struct id_hash h;

	id_hash_begin(&h, "step");
	id_hash_u64(&h, s->step);
	id_hash_bytes(&h, s->name);
	id_hash_bytes(&h, st->label);
	id_hash_bytes(&h, st->detail);
	id_hash_bytes(&h, (struct slice){ (const char *)s->args_blob.b, sizeof(s->args_blob.b) });
	return id_hash_end(&h);
}

static int on_run(void *ctx, const struct run *run)
{
	struct loading *l = ctx;
	const struct kept_run *k = steps_put_run(&l->d->steps, run);

	if (!k)
		return -ENOMEM;
	l->d->run = k->run;
	return 0;
}

/* A title or a probe answers nobody. */
static bool is_side_call(const struct span *s)
{
	const struct slice class = span_attr_text(s, "sonde.call.class");

	return class.n && !slice_eq(class, SLICE("main"));
}

static int on_span(void *ctx, const struct span *s)
{
	struct loading *l = ctx;
	struct diff_run *d = l->d;
	const struct step *st;

	l->arguments.n = 0;
	if (!id128_is_zero(&s->args_blob))
		store_blob_read(l->r, &s->args_blob, &l->arguments); /* or it stays empty */
	st = steps_put(&d->steps, s, buf_slice(&l->arguments));
	if (!st)
		return 0; /* over the bound: counted there */
	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 256;
		struct diff_step *list = reallocarray(d->list, cap, sizeof(*list));

		if (!list)
			return -ENOMEM;
		d->list = list;
		d->cap = cap;
	}
	d->list[d->n++] = (struct diff_step){ st, identity(s, st), s->result_blob };
	if (s->step == STEP_LLM && !id128_is_zero(&s->output_node) && !is_side_call(s))
		l->answer = s->output_node;
	return 0;
}

/* --- the last answer --- */

static int keep_last(void *ctx, const struct id128 *node, struct slice json)
{
	struct buf *last = ctx;

	(void)node;
	last->n = 0;
	return buf_add(last, json, ANSWER_MAX) == -ENOMEM ? -ENOMEM : 0;
}

static int read_answer(struct loading *l)
{
	_cleanup_(buf_done) struct buf message = { 0 };
	_cleanup_(cJSON_Deletep) cJSON *json = NULL;
	const cJSON *part;
	int r;

	if (id128_is_zero(&l->answer))
		return 0;
	r = store_conversation(l->r, &l->answer, keep_last, &message);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	json = json_parse(buf_slice(&message));
	cJSON_ArrayForEach (part, json_at(json, "parts"))
		if (slice_eq(json_str(part, "type"), SLICE("text")))
			buf_add(&l->d->answer, json_str(part, "content"), ANSWER_MAX);
	return 0;
}

int diff_load(struct store_reader *r, const struct id128 *id, struct diff_run *ret)
{
	const struct store_filter filter = { .run = *id };
	struct loading l = { .r = r, .d = ret };
	int err = store_runs(r, &filter, on_run, &l);

	if (err >= 0)
		err = store_spans(r, &filter, on_span, &l);
	if (err >= 0)
		err = read_answer(&l);
	buf_done(&l.arguments);
	return err < 0 ? err : 0;
}

void diff_run_done(struct diff_run *d)
{
	steps_done(&d->steps);
	free(d->list);
	buf_done(&d->answer);
}
