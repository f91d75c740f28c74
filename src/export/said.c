/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/said.h"

#define TEXT_MAX (256u << 20)

struct listing {
	struct buf *out;
	bool last_only;
};

static int add_message(void *ctx, const struct id128 *node, struct slice json)
{
	struct listing *l = ctx;

	(void)node;
	if (l->last_only)
		l->out->n = 0;
	buf_add(l->out, l->out->n ? SLICE(",") : SLICE("["), TEXT_MAX);
	return buf_add(l->out, json, TEXT_MAX);
}

/* Appends what stands at @node: all of the conversation, or only its last message. */
static void add_messages(struct store_reader *r, const struct id128 *node, bool last_only,
			 struct buf *out)
{
	_cleanup_(buf_done) struct buf one = { 0 };
	struct listing l = { .out = last_only ? &one : out, .last_only = last_only };

	if (id128_is_zero(node) || store_conversation(r, node, add_message, &l) < 0 || !one.n)
		return;
	buf_add(out, out->n ? SLICE(",") : SLICE("["), TEXT_MAX);
	buf_add(out, slice_from(buf_slice(&one), 1), TEXT_MAX);
}

static struct slice whole_array(struct buf *out)
{
	if (out->n == 0 || buf_add(out, SLICE("]"), TEXT_MAX) < 0)
		return (struct slice){ 0 };
	return buf_slice(out);
}

static struct slice read_input(struct store_reader *r, const struct span *s, struct buf *out)
{
	add_messages(r, &s->input_node, false, out);
	return whole_array(out);
}

/* One message for each choice. */
static struct slice read_output(struct store_reader *r, const struct span *s, struct buf *out)
{
	const struct attr *more = span_attr(s, "sonde.output.alternatives");
	struct slice hex;
	struct json_iter it;
	struct id128 node;

	add_messages(r, &s->output_node, true, out);
	if (more && json_array(more->s, &it))
		while (json_next(&it, &hex))
			if (hex.n > 2 &&
			    id128_parse((struct slice){ hex.p + 1, hex.n - 2 }, &node) == 0)
				add_messages(r, &node, true, out);
	return whole_array(out);
}

static struct slice read_blob(struct store_reader *r, const struct id128 *id, struct buf *out)
{
	if (id128_is_zero(id) || store_blob_read(r, id, out) < 0)
		return (struct slice){ 0 };
	return buf_slice(out);
}

/* Blobs are what traffic left: only what is JSON may stand in JSON as it is. */
static struct slice read_json(struct store_reader *r, const struct id128 *id, struct buf *out)
{
	struct slice s = read_blob(r, id, out);

	return json_valid(s) ? s : (struct slice){ 0 };
}

void said_read(struct store_reader *r, const struct span *span, struct said *ret)
{
	const struct span *s = span;
	struct said *c = ret;

	*c = (struct said){ 0 };
	c->is.input_messages = read_input(r, s, &c->input);
	c->is.output_messages = read_output(r, s, &c->output);
	c->is.system = read_json(r, &s->system_blob, &c->system);
	c->is.tools = read_json(r, &s->tools_blob, &c->tools);
	c->is.arguments = read_blob(r, &s->args_blob, &c->arguments);
	c->is.result = read_blob(r, &s->result_blob, &c->result);
	c->is.raw = read_blob(r, &s->raw_blob, &c->raw);
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
