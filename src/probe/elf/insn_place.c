/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in a function a probe may stand. All of this answers "no" where it is not sure: the
 * classic place (the function's start and a return probe) is always there.
 */
#include <errno.h>
#include <string.h>

#include "probe/elf/insn.h"

static bool holds_arg(const struct insn_state *s, size_t n, bool half_is_enough)
{
	const struct insn_value *v = &s->reg[n];

	return v->n == (int64_t)n &&
	       (v->kind == VALUE_ARG || (half_is_enough && v->kind == VALUE_ARG32));
}

/* Argument 2 is a length; whoever widens an int on the way has changed nothing. */
static bool holds_args(const struct insn_state *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!holds_arg(s, i, i == 2))
			return false;
	return true;
}

static bool jumps_between(const struct insn_graph *g, uint64_t after, uint64_t to)
{
	for (size_t i = 0; i < g->n; i++)
		if ((g->insn[i].kind == INSN_JUMP || g->insn[i].kind == INSN_BRANCH) &&
		    g->insn[i].target > after && g->insn[i].target <= to)
			return true;
	return false;
}

/* A link that was saved is read back from there, and a call makes its own. */
static bool is_at_return(const struct isa *isa, const struct insn *i)
{
	const struct insn_value *sp = &i->before.reg[isa->sp];

	if (sp->kind != VALUE_STACK || sp->n != 0)
		return false;
	return isa->link == INSN_REGS || (i->before.reg[isa->link].kind == VALUE_LINK &&
					  i->kind != INSN_CALL && i->kind != INSN_CALL_INDIRECT);
}

int insn_place_entry(const struct insn_graph *g, size_t n_args, uint64_t *ret, bool *ret_at_return)
{
	const struct insn *i = &g->insn[0];
	uint64_t first;

	if (i->landing)
		i = insn_at(g, i->addr + i->len);
	first = i ? i->addr : 0;
	/* Branches are emulated: the walk never leaves the first block. */
	while (i && i->kind == INSN_PLAIN && !i->emulated)
		i = insn_at(g, i->addr + i->len);
	if (!i || !i->emulated || !holds_args(&i->before, n_args))
		return -ENOENT;
	if (i->addr != first && (!g->complete || jumps_between(g, g->start, i->addr)))
		return -ENOENT;
	*ret = i->addr;
	*ret_at_return = is_at_return(g->code.isa, i);
	return 0;
}

static bool leaves(const struct insn *i)
{
	return i->kind == INSN_RETURN || i->kind == INSN_JUMP_INDIRECT;
}

/* Marks what can be reached from instruction @from, without going through @without. */
static void reach(const struct insn_graph *g, size_t from, size_t without, bool *seen)
{
	uint16_t todo[INSN_GRAPH_MAX];
	size_t n = 0;

	if (from == without || seen[from])
		return;
	seen[from] = true;
	todo[n++] = (uint16_t)from;
	while (n > 0) {
		const struct insn *i = &g->insn[todo[--n]];

		for (size_t k = 0; k < i->n_next; k++) {
			if (i->next[k] == without || seen[i->next[k]])
				continue;
			seen[i->next[k]] = true;
			todo[n++] = i->next[k];
		}
	}
}

/* Marks the instructions from which the function can be left. */
static void mark_leaving(const struct insn_graph *g, bool *ret)
{
	bool news = true;

	for (size_t i = 0; i < g->n; i++)
		ret[i] = leaves(&g->insn[i]);
	/* Mostly against the order of discovery: few rounds. */
	for (size_t round = 0; news && round < g->n; round++) {
		news = false;
		for (size_t i = g->n; i-- > 0;) {
			if (ret[i])
				continue;
			for (size_t k = 0; k < g->insn[i].n_next && !ret[i]; k++)
				ret[i] = ret[g->insn[i].next[k]];
			news |= ret[i];
		}
	}
}

/* Whether the function leaves only through @j, once, and with the result that it has there. */
static bool is_exit(const struct insn_graph *g, size_t j, const bool *leaving)
{
	bool before[INSN_GRAPH_MAX] = { 0 }, after[INSN_GRAPH_MAX] = { 0 };
	const struct insn *x = &g->insn[j];

	reach(g, 0, j, before);
	for (size_t k = 0; k < x->n_next; k++)
		reach(g, x->next[k], g->n, after);
	if (after[j])
		return false;
	for (size_t i = 0; i < g->n; i++) {
		if (before[i] && leaves(&g->insn[i]))
			return false;
		/* A tail call gives a result of its own. */
		if (after[i] && (g->insn[i].kind == INSN_JUMP_INDIRECT ||
				 (g->insn[i].writes_result && leaving[i])))
			return false;
	}
	return leaving[j];
}

int insn_place_exit(const struct insn_graph *g, uint64_t *ret)
{
	bool leaving[INSN_GRAPH_MAX];

	if (!g->complete)
		return -ENOENT;
	mark_leaving(g, leaving);
	for (size_t i = 0; i < g->n; i++) {
		if ((g->insn[i].kind != INSN_BRANCH && g->insn[i].kind != INSN_RETURN) ||
		    !g->insn[i].emulated || !is_exit(g, i, leaving))
			continue;
		*ret = g->insn[i].addr;
		return 0;
	}
	return -ENOENT;
}

/* Whether the last argument is passed on in place @at of the call. */
static bool passes_last(const struct insn_state *s, size_t at, size_t n_args, bool local)
{
	const struct insn_value *v = &s->reg[at];

	if (local)
		return v->kind == VALUE_STACK;
	return v->kind == VALUE_ARG && v->n == (int64_t)n_args - 1;
}

/*
 * Arguments 0 to n - 2 stay where they are; the last is the fourth (ssl_write_internal until
 * OpenSSL 3.2) or, with flags before it, the fifth (since 3.3).
 */
static bool passes(const struct insn_state *s, size_t n_args, bool local, bool *ret_flags)
{
	const struct insn_value *flags = &s->reg[3];

	if (!holds_args(s, 3))
		return false;
	if (n_args == 5) {
		*ret_flags = true;
		return holds_arg(s, 3, false) && passes_last(s, 4, n_args, local);
	}
	*ret_flags = flags->kind == VALUE_NUMBER && flags->n == 0;
	return passes_last(s, *ret_flags ? 4 : 3, n_args, local);
}

int insn_find_pass(const struct insn_graph *g, size_t n_args, bool local, struct insn_pass *ret)
{
	struct insn_pass found = { 0 };

	for (size_t i = 0; i < g->n; i++) {
		const struct insn *x = &g->insn[i];
		bool flags;

		if (x->kind != INSN_CALL || !passes(&x->before, n_args, local, &flags))
			continue;
		if (found.target && (found.target != x->target || found.flags != flags))
			return -ENOTUNIQ;
		found = (struct insn_pass){ x->target, flags };
	}
	if (!found.target)
		return -ENOENT;
	*ret = found;
	return 0;
}
