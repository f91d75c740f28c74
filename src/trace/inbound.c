/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that processes of a tree serve: what a server asks a model while it serves one, it may
 * ask for that one. Streams of events that stay open say nothing of that kind.
 */
#include "trace/state.h"

#define WHAT_MAX 256

static void drop(struct tree_state *tree, struct inbound *in)
{
	DL_DELETE(tree->inbound, in);
	tree->n_inbound--;
	free(in->what);
	free(in);
}

static struct inbound *find(struct tree_state *tree, uint64_t conn, uint32_t exchange)
{
	struct inbound *in;

	list_for_each (in, tree->inbound)
		if (in->conn == conn && in->exchange == exchange)
			return in;
	return NULL;
}

static char *describe(const struct http_exchange *x)
{
	const struct slice path = http_path(x->path);
	struct buf text = { 0 };
	char *what = NULL;

	if (buf_add(&text, x->method, WHAT_MAX) == 0 && buf_add(&text, SLICE(" "), WHAT_MAX) == 0 &&
	    buf_add(&text, path, WHAT_MAX) == 0)
		what = slice_dup(buf_slice(&text));
	buf_done(&text);
	return what;
}

void inbound_begin(struct tree_state *tree, const struct http_exchange *x)
{
	struct inbound *in;

	if (slice_eq(x->method, SLICE("GET")) || x->method.n == 0 ||
	    find(tree, x->conn->id, x->number))
		return;
	if (tree->n_inbound >= TREE_INBOUND_MAX)
		drop(tree, tree->inbound);
	in = calloc(1, sizeof(*in));
	if (!in)
		return;
	*in = (struct inbound){ .number = ++tree->inbound_seen,
				.process = x->conn->process,
				.conn = x->conn->id,
				.exchange = x->number,
				.what = describe(x) };
	DL_APPEND(tree->inbound, in);
	tree->n_inbound++;
}

void inbound_end(struct tree_state *tree, const struct http_exchange *x)
{
	struct inbound *in = find(tree, x->conn->id, x->number);

	if (in)
		drop(tree, in);
}

const struct inbound *inbound_of(const struct tree_state *tree, struct process_key process,
				 bool *ret_any)
{
	const struct inbound *in, *found = NULL;

	*ret_any = false;
	list_for_each (in, tree->inbound) {
		if (!process_key_eq(in->process, process))
			continue;
		if (*ret_any)
			return NULL;
		*ret_any = true;
		found = in;
	}
	return found;
}

void inbound_free(struct tree_state *tree)
{
	while (tree->inbound)
		drop(tree, tree->inbound);
}
