/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/said.h"

#include <errno.h>

#define TEXT_MAX (256u << 20)

struct listing {
	struct buf *out;
	size_t max;
	bool last_only;
};

static int add_message(void *ctx, const struct id128 *node, struct slice json)
{
	struct listing *l = ctx;
	size_t before;
	int r;

	(void)node;
	if (l->last_only)
		l->out->n = 0;
	before = l->out->n;
	r = buf_add(l->out, before ? SLICE(",") : SLICE("["), l->max);
	if (r == 0)
		r = buf_add(l->out, json, l->max - 1); /* room for what ends it */
	if (r < 0)
		l->out->n = before;
	return r;
}

/* Appends what stands at @node: all of the conversation, or only its last message. */
static void add_messages(struct store_reader *r, const struct id128 *node, bool last_only,
			 struct said *c, struct buf *out)
{
	_cleanup_(buf_done) struct buf one = { 0 };
	struct listing l = { .out = last_only ? &one : out, .max = c->max, .last_only = last_only };
	const size_t before = out->n;
	int rc;

	if (id128_is_zero(node))
		return;
	rc = store_conversation(r, node, add_message, &l);
	if (rc == -E2BIG || rc == -ENOMEM)
		c->cut = true;
	if (!one.n)
		return;
	if (buf_add(out, before ? SLICE(",") : SLICE("["), c->max) < 0 ||
	    buf_add(out, slice_from(buf_slice(&one), 1), c->max - 1) < 0) {
		out->n = before;
		c->cut = true;
	}
}

static struct slice whole_array(struct buf *out)
{
	if (out->n == 0 || buf_add(out, SLICE("]"), SIZE_MAX) < 0)
		return (struct slice){ 0 };
	return buf_slice(out);
}

static struct slice read_input(struct store_reader *r, const struct span *s, struct said *c)
{
	add_messages(r, &s->input_node, false, c, &c->input);
	return whole_array(&c->input);
}

/* One message for each choice. */
static struct slice read_output(struct store_reader *r, const struct span *s, struct said *c)
{
	const struct attr *more = span_attr(s, "sonde.output.alternatives");
	struct slice hex;
	struct json_iter it;
	struct id128 node;

	add_messages(r, &s->output_node, true, c, &c->output);
	if (more && json_array(more->s, &it))
		while (json_next(&it, &hex))
			if (hex.n > 2 &&
			    id128_parse((struct slice){ hex.p + 1, hex.n - 2 }, &node) == 0)
				add_messages(r, &node, true, c, &c->output);
	return whole_array(&c->output);
}

static struct slice read_blob(struct store_reader *r, const struct id128 *id, struct said *c,
			      struct buf *out)
{
	const int rc = id128_is_zero(id) ? -ENOENT : store_content_read(r, id, out);

	if (rc == -ENOMEM || (rc >= 0 && out->n > c->max)) {
		c->cut = true;
		return (struct slice){ 0 };
	}
	if (rc < 0)
		return (struct slice){ 0 };
	return buf_slice(out);
}

/* Blobs are what traffic left: only what is JSON may stand in JSON as it is. */
static struct slice read_json(struct store_reader *r, const struct id128 *id, struct said *c,
			      struct buf *out)
{
	struct slice s = read_blob(r, id, c, out);

	return json_valid(s) ? s : (struct slice){ 0 };
}

void said_read_most(struct store_reader *r, const struct span *span, size_t max, struct said *ret)
{
	const struct span *s = span;
	struct said *c = ret;

	*c = (struct said){ .max = max };
	c->is.input_messages = read_input(r, s, c);
	c->is.output_messages = read_output(r, s, c);
	c->is.system = read_json(r, &s->system_blob, c, &c->system);
	c->is.tools = read_json(r, &s->tools_blob, c, &c->tools);
	c->is.arguments = read_blob(r, &s->args_blob, c, &c->arguments);
	c->is.result = read_blob(r, &s->result_blob, c, &c->result);
	c->is.cut = c->cut;
}

void said_read(struct store_reader *r, const struct span *span, struct said *ret)
{
	said_read_most(r, span, TEXT_MAX, ret);
	ret->is.raw = read_blob(r, &span->raw_blob, ret, &ret->raw);
}

void said_done(struct said *c)
{
	buf_done(&c->input);
	buf_done(&c->output);
	buf_done(&c->system);
	buf_done(&c->tools);
	buf_done(&c->arguments);
	buf_done(&c->result);
	buf_done(&c->raw);
}
