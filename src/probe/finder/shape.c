/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/finder/shape.h"

#include <errno.h>
#include <string.h>

#define CHAIN_MAX  32 /* instructions from a destructor's call to where the object is forgotten */
#define STORES_MAX 32

static bool is_call(const struct insn *i)
{
	return i->kind == INSN_CALL || i->kind == INSN_CALL_INDIRECT;
}

static bool is_arg(const struct insn_value *v, int64_t n)
{
	return v->n == n && (v->kind == VALUE_ARG || (n == 2 && v->kind == VALUE_ARG32));
}

/* Whether a call gets argument @n of the function in one of its own after the second. */
static bool gets_later(const struct isa *isa, const struct insn_state *s, int64_t n)
{
	for (int r = 2; r < isa->n_args; r++)
		if (is_arg(&s->reg[r], n))
			return true;
	return false;
}

/* (ssl, &needs_handshake, &written, buf, num), the buffer kept where it is not followed. */
static bool gets_length_after_own(const struct insn_state *s)
{
	return s->reg[1].kind == VALUE_STACK && s->reg[2].kind == VALUE_STACK &&
	       s->reg[3].kind == VALUE_ANY && is_arg(&s->reg[4], 2);
}

bool shape_passes_on(const struct insn_graph *g)
{
	const struct isa *isa = g->code.isa;

	for (size_t i = 0; i < g->n; i++) {
		const struct insn *x = &g->insn[i];
		const struct insn_state *s = &x->before;

		if (is_call(x) && is_arg(&s->reg[0], 0) &&
		    ((gets_later(isa, s, 1) && gets_later(isa, s, 2)) || gets_length_after_own(s)))
			return true;
	}
	return false;
}

static bool has_args(const struct insn_state *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_arg(&s->reg[i], (int64_t)i))
			return false;
	return true;
}

bool shape_calls(const struct insn_graph *g, uint64_t target, size_t n)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->insn[i].kind == INSN_CALL && g->insn[i].target == target &&
		    has_args(&g->insn[i].before, n))
			return true;
	return false;
}

static int length_argument(const struct insn_value *v)
{
	if (v->kind == VALUE_STACK)
		return 0;
	return v->kind == VALUE_ARG && (v->n == 3 || v->n == 4) ? (int)v->n : -ENOENT;
}

int shape_length_argument(const struct insn_graph *g)
{
	int found = -ENOENT;

	for (size_t i = 0; i < g->n; i++) {
		const struct insn_state *s = &g->insn[i].before;
		int r;

		/* The length may have been kept where it is not followed, on the stack. */
		if ((g->insn[i].kind != INSN_CALL_INDIRECT &&
		     g->insn[i].kind != INSN_JUMP_INDIRECT) ||
		    !is_arg(&s->reg[1], 1) ||
		    !(is_arg(&s->reg[2], 2) || s->reg[2].kind == VALUE_ANY))
			continue;
		r = length_argument(&s->reg[3]);
		if (r < 0 || (found >= 0 && found != r))
			return -ENOENT;
		found = r;
	}
	return found;
}

static bool fills(const struct insn *x)
{
	return is_call(x) && is_arg(&x->before.reg[0], 1);
}

bool shape_fills_buffer(const struct insn_graph *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (fills(&g->insn[i]))
			return true;
	return false;
}

/* --- what is stored --- */

struct stores {
	int64_t disp[STORES_MAX];
	size_t n;
};

static bool is_on_stack(const struct isa *isa, const struct insn *x, const struct insn_access *m)
{
	return m->base == isa->sp || x->before.reg[m->base].kind == VALUE_STACK ||
	       (m->base == isa->frame && m->offset < 0);
}

/* Words stored in an object, not on the stack. */
static void note_store(const struct insn_graph *g, const struct insn *x, struct stores *ret)
{
	struct insn_access m;
	int n;

	if (insn_access(&g->code, x->addr, &m) < 0 || m.base == INSN_REGS || !m.writes ||
	    m.size != 8 || is_on_stack(g->code.isa, x, &m))
		return;
	n = m.pair ? 2 : 1;
	for (int i = 0; i < n && ret->n < STORES_MAX; i++)
		ret->disp[ret->n++] = m.offset + 8l * i;
}

/* Whether two of the stores are side by side: a pointer and its length. */
static bool has_pair(const struct stores *s)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->n; k++)
			if (s->disp[i] > 0 && s->disp[k] == s->disp[i] + 8)
				return true;
	return false;
}

/* All that may be executed after instruction @from. */
static void note_stores_after(const struct insn_graph *g, const struct insn *from,
			      struct stores *ret)
{
	bool seen[INSN_GRAPH_MAX] = { false };
	uint16_t todo[INSN_GRAPH_MAX];
	size_t n = 0;

	for (const struct insn *i = from; i; i = n > 0 ? &g->insn[todo[--n]] : NULL) {
		if (i != from)
			note_store(g, i, ret);
		for (size_t k = 0; k < i->n_next; k++) {
			if (seen[i->next[k]])
				continue;
			seen[i->next[k]] = true;
			todo[n++] = i->next[k];
		}
	}
}

static bool moves_on_after(const struct insn_graph *g, const struct insn *from)
{
	struct stores s = { .n = 0 };

	note_stores_after(g, from, &s);
	return has_pair(&s);
}

bool shape_consumes(const struct insn_graph *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (fills(&g->insn[i]) && moves_on_after(g, &g->insn[i]))
			return true;
	return false;
}

bool shape_consumes_after(const struct insn_graph *g, uint64_t target)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->insn[i].kind == INSN_CALL && g->insn[i].target == target &&
		    has_args(&g->insn[i].before, 3) && moves_on_after(g, &g->insn[i]))
			return true;
	return false;
}

/* --- constructors --- */

static bool is_result(const struct insn_value *v, const struct insn_value *object)
{
	return v->kind == VALUE_RESULT && v->n == object->n;
}

/* The object that is passed to a function of a table; false where there is none or two. */
static bool find_object(const struct insn_graph *g, struct insn_value *ret)
{
	bool found = false;

	for (size_t i = 0; i < g->n; i++) {
		const struct insn_value *v = &g->insn[i].before.reg[0];

		/* Through a register: what goes through a fixed slot is an imported function. */
		if (g->insn[i].kind != INSN_CALL_INDIRECT || g->insn[i].slot ||
		    v->kind != VALUE_RESULT)
			continue;
		if (found && !is_result(v, ret))
			return false;
		*ret = *v;
		found = true;
	}
	return found;
}

static bool is_kept(const struct isa *isa, const struct insn_state *s,
		    const struct insn_value *object)
{
	for (int i = 0; i < isa->n_regs; i++)
		if (isa->kept & 1u << i && is_result(&s->reg[i], object))
			return true;
	return false;
}

/* Calls one after the other that get the object and nothing else, until it is forgotten. */
struct undoing {
	uint64_t from, to,
		target; /* the first call's address, past the last one, the first's target */
};

static bool undoes(const struct insn_code *c, const struct insn *x, const struct insn_value *object,
		   struct undoing *ret)
{
	struct insn_state s = x->before;
	uint64_t addr = x->addr;
	size_t calls = 0;

	for (size_t i = 0; i < CHAIN_MAX; i++) {
		const struct insn_value given = s.reg[0];
		struct insn at;

		if (insn_step(c, addr, &s, &at) < 0 || (at.kind != INSN_PLAIN && !is_call(&at)) ||
		    (is_call(&at) && !is_result(&given, object)))
			return false;
		calls += is_call(&at);
		addr += at.len;
		if (!is_kept(c->isa, &s, object)) {
			*ret = (struct undoing){ x->addr, addr, x->target };
			return calls > 1;
		}
	}
	return false;
}

uint64_t shape_destructor(const struct insn_graph *constructor)
{
	struct undoing all[CHAIN_MAX];
	struct insn_value object = { 0 };
	uint64_t target = 0;
	size_t n = 0;

	if (!find_object(constructor, &object))
		return 0;
	for (size_t i = 0; i < constructor->n && n < CHAIN_MAX; i++) {
		const struct insn *x = &constructor->insn[i];

		if (x->kind == INSN_CALL && is_result(&x->before.reg[0], &object))
			n += undoes(&constructor->code, x, &object, &all[n]);
	}
	for (size_t i = 0; i < n; i++) {
		bool later = false;

		for (size_t k = 0; k < n; k++)
			later |= all[i].from > all[k].from && all[i].from < all[k].to;
		if (later)
			continue;
		if (target && target != all[i].target)
			return 0;
		target = all[i].target;
	}
	return target;
}
