/* SPDX-License-Identifier: BSD-2-Clause */
/* Where probes stand in Go's code: never a return probe, which would break the program. */
#include <elf.h>
#include <errno.h>

#include "probe/finder/go_code.h"

static bool holds(const struct go_state *s, size_t arg, int reg)
{
	return s->held[arg] & 1u << reg;
}

static void place_at(const struct go_insn *i, struct go_place *ret)
{
	*ret = (struct go_place){ .addr = i->x.addr, .emulated = i->x.emulated };
}

static bool at_entry(const struct go_code *c, const struct go_state *s, size_t n_args)
{
	static const int x86[GO_ARGS] = { X86_RAX, X86_RBX, X86_RCX }, a64[GO_ARGS] = { 0, 1, 2 };
	const int *args = c->machine == EM_AARCH64 ? a64 : x86;

	for (size_t k = 0; k < n_args && k < GO_ARGS; k++)
		if (!holds(s, k, args[k]))
			return false;
	return s->sp_known && s->sp == 0;
}

/* The stack check's branch mostly: who grows the stack begins anew and comes by again. */
void go_place_entry(const struct go_code *c, size_t n_args, struct go_place *ret)
{
	size_t i = 0;

	while (c->entered && i + 1 < c->n && c->insn[i].x.kind == INSN_PLAIN &&
	       !c->insn[i].x.emulated)
		i++;
	if (!c->entered || !c->insn[i].x.emulated || !at_entry(c, &c->insn[i].before, n_args))
		i = 0;
	place_at(&c->insn[i], ret);
}

int go_place_returns(const struct go_code *c, struct go_place *ret, size_t max)
{
	uint64_t start = c->insn[0].x.addr, end = c->insn[c->n - 1].x.addr;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct insn *x = &c->insn[i].x;

		if ((x->kind == INSN_JUMP || x->kind == INSN_BRANCH) &&
		    (x->target < start || x->target > end))
			return -ENOTSUP;
		if (x->kind != INSN_RETURN)
			continue;
		if (n == max)
			return -E2BIG;
		place_at(&c->insn[i], &ret[n++]);
	}
	return (int)n;
}

int go_place_call(const struct go_code *c, uint64_t target, size_t *i, struct go_place *ret)
{
	while (*i < c->n) {
		const struct go_insn *g = &c->insn[(*i)++];

		if (g->x.kind == INSN_CALL && g->x.target == target) {
			place_at(g, ret);
			return 0;
		}
	}
	return -ENOENT;
}

/* A call that could be given the slice's pointer. */
static bool is_given_pointer(const struct go_insn *i)
{
	const uint16_t args = 1u << X86_RAX | 1u << X86_RBX | 1u << X86_RCX | 1u << X86_RDI |
			      1u << X86_RSI | 1u << X86_R8 | 1u << X86_R9 | 1u << X86_R10 |
			      1u << X86_R11;

	return i->reached && (i->x.kind == INSN_CALL || i->x.kind == INSN_CALL_INDIRECT) &&
	       (i->before.held[1] & args);
}

/* In its home, above the frame. */
static bool has_receiver(const struct go_state *s)
{
	return s->sp_known && s->sp <= 0 && s->sp >= -(INT16_MAX - 8) && s->home[0];
}

int go_place_copy(const struct go_code *c, uint64_t copy, uint64_t morestack, struct go_place *ret)
{
	const struct go_insn *found = NULL;

	for (size_t i = 0; c->followed && i < c->n; i++) {
		const struct go_insn *g = &c->insn[i];

		if (!is_given_pointer(g) || g->x.target == morestack)
			continue;
		if (found || g->x.target != copy || !holds(&g->before, 1, X86_RAX))
			return -ENOENT;
		found = g;
	}
	if (!found || !found->x.emulated || !has_receiver(&found->before))
		return -ENOENT;
	place_at(found, ret);
	ret->receiver = (uint16_t)(8 - found->before.sp);
	return 0;
}

/* Marks what follows instruction @i up to calls of other functions; those of closures are not. */
static void follow(const struct go_code *c, const struct go_insn *i, bool *seen)
{
	const struct go_insn *todo[GO_INSNS_MAX];
	size_t n = 0;

	seen[i - c->insn] = true;
	todo[n++] = i;
	while (n > 0) {
		const struct insn *x = &todo[--n]->x;
		const bool ends = x->kind == INSN_RETURN || x->kind == INSN_STOP ||
				  x->kind == INSN_CALL || x->kind == INSN_JUMP;
		const struct go_insn *next[] = { ends ? NULL : go_code_at(c, x->addr + x->len),
						 x->kind == INSN_JUMP || x->kind == INSN_BRANCH
							 ? go_code_at(c, x->target)
							 : NULL };

		for (size_t k = 0; k < 2; k++) {
			if (!next[k] || seen[next[k] - c->insn])
				continue;
			seen[next[k] - c->insn] = true;
			todo[n++] = next[k];
		}
	}
}

size_t go_place_errors(const struct go_code *c, const struct go_place *copy, struct go_place *ret,
		       size_t max)
{
	const struct go_insn *at = go_code_at(c, copy->addr);
	bool seen[GO_INSNS_MAX] = { false };
	size_t n = 0;

	if (!at || at + 1 >= c->insn + c->n)
		return 0;
	follow(c, at + 1, seen);
	for (size_t i = 0; i < c->n && n < max; i++) {
		const struct go_insn *g = &c->insn[i];

		if (g->x.kind != INSN_RETURN || !g->reached || seen[i] ||
		    !has_receiver(&g->before) || g->before.sp != 0)
			continue;
		place_at(g, &ret[n]);
		ret[n++].receiver = 8;
	}
	return n;
}
