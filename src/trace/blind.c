/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls whose request was lost. Nobody knows what they asked, so what later calls have in common
 * with a call that was heard, they may have with one of these: there equal words prove nothing.
 */
#include "trace/state.h"

#define BLINDS_MAX 64 /* of one tree; where there are more, any call may be one's */

/* A call that was not heard, and that no later one is known to go on from. */
struct blind {
	struct blind *prev, *next;
	struct id64 span;
	struct id128 said; /* its answer's words; zero: they are not known either */
	bool over;	   /* before, nothing can go on from it */
};

static struct blind *find(const struct tree_state *tree, const struct id64 *span)
{
	struct blind *b;

	list_for_each (b, tree->blinds)
		if (id64_eq(&b->span, span))
			return b;
	return NULL;
}

static void drop(struct tree_state *tree, struct blind *b)
{
	DL_DELETE(tree->blinds, b);
	tree->n_blinds--;
	free(b);
}

void blind_begin(const struct call_state *c)
{
	struct tree_state *tree = c->tree;
	struct blind *b = tree->n_blinds < BLINDS_MAX ? calloc(1, sizeof(*b)) : NULL;

	if (!b) {
		tree->blinds_dropped = true;
		return;
	}
	b->span = c->id;
	DL_APPEND(tree->blinds, b);
	tree->n_blinds++;
}

void blind_answered(const struct call_state *c, const struct id128 *said, bool failed)
{
	struct blind *b = find(c->tree, &c->id);

	if (b && failed) { /* nothing goes on from an error */
		drop(c->tree, b);
	} else if (b) {
		b->said = *said;
		b->over = true;
	}
}

void blind_continued(struct tree_state *tree, const struct id64 *span)
{
	struct blind *b = find(tree, span);

	if (b)
		drop(tree, b);
}

bool blind_may_have_said(const struct tree_state *tree, const struct id128 *said)
{
	const struct blind *b;

	list_for_each (b, tree->blinds)
		if (b->over && (!said || id128_is_zero(&b->said) || id128_eq(&b->said, said)))
			return true;
	return tree->blinds_dropped;
}

bool blind_may_be_between(const struct tree_state *tree, const struct id128 *asked,
			  const struct id128 *answered)
{
	const struct blind *b;

	list_for_each (b, tree->blinds) {
		const struct id128 node = content_node(asked, &b->said);

		if (b->over && (id128_is_zero(&b->said) || id128_eq(&node, answered)))
			return true;
	}
	return tree->blinds_dropped;
}

void blind_free_all(struct tree_state *tree)
{
	while (tree->blinds)
		drop(tree, tree->blinds);
}
