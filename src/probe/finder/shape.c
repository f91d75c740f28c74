/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/finder/shape.h"

#include <errno.h>
#include <string.h>

#define CHAIN_MAX  32 /* instructions from a destructor's call to where the object is forgotten */
#define STORES_MAX 32

static bool is_call(const struct x86_insn *i)
{
	return i->kind == X86_CALL || i->kind == X86_CALL_INDIRECT;
}

static bool is_arg(const struct x86_value *v, int64_t n)
{
	return v->n == n && (v->kind == X86_ARG || (n == 2 && v->kind == X86_ARG32));
}

/* Whether a call gets argument @n of the function in one of its own after the second. */
static bool gets_later(const struct x86_state *s, int64_t n)
{
	for (int r = X86_RDX; r <= X86_R9; r++)
		if (is_arg(&s->reg[r], n))
			return true;
	return false;
}

/* (ssl, &needs_handshake, &written, buf, num), the buffer kept where it is not followed. */
static bool gets_length_after_own(const struct x86_state *s)
{
	return s->reg[X86_RSI].kind == X86_STACK && s->reg[X86_RDX].kind == X86_STACK &&
	       s->reg[X86_RCX].kind == X86_ANY && is_arg(&s->reg[X86_R8], 2);
}

bool shape_passes_on(const struct x86_graph *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct x86_insn *x = &g->insn[i];
		const struct x86_state *s = &x->before;

		if (is_call(x) && is_arg(&s->reg[X86_RDI], 0) &&
		    ((gets_later(s, 1) && gets_later(s, 2)) || gets_length_after_own(s)))
			return true;
	}
	return false;
}

static bool has_args(const struct x86_state *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_arg(&s->reg[i], (int64_t)i))
			return false;
	return true;
}

bool shape_calls(const struct x86_graph *g, uint64_t target, size_t n)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->insn[i].kind == X86_CALL && g->insn[i].target == target &&
		    has_args(&g->insn[i].before, n))
			return true;
	return false;
}

static int length_argument(const struct x86_value *v)
{
	if (v->kind == X86_STACK)
		return 0;
	return v->kind == X86_ARG && (v->n == 3 || v->n == 4) ? (int)v->n : -ENOENT;
}

int shape_length_argument(const struct x86_graph *g)
{
	int found = -ENOENT;

	for (size_t i = 0; i < g->n; i++) {
		const struct x86_state *s = &g->insn[i].before;
		int r;

		/* The length may have been kept where it is not followed, on the stack. */
		if ((g->insn[i].kind != X86_CALL_INDIRECT &&
		     g->insn[i].kind != X86_JUMP_INDIRECT) ||
		    !is_arg(&s->reg[X86_RSI], 1) ||
		    !(is_arg(&s->reg[X86_RDX], 2) || s->reg[X86_RDX].kind == X86_ANY))
			continue;
		r = length_argument(&s->reg[X86_RCX]);
		if (r < 0 || (found >= 0 && found != r))
			return -ENOENT;
		found = r;
	}
	return found;
}

static bool fills(const struct x86_insn *x)
{
	return is_call(x) && is_arg(&x->before.reg[X86_RDI], 1);
}

bool shape_fills_buffer(const struct x86_graph *g)
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

/* Words stored in an object, not on the stack. */
static void note_store(struct code *c, const struct x86_insn *x, struct stores *ret)
{
	struct x86_access m;
	uint8_t bytes[16];

	if (ret->n == STORES_MAX ||
	    x86_access(bytes, elf_code_read(&c->bytes, x->addr, bytes, sizeof(bytes)), &m) < 0)
		return;
	if (m.writes && m.size == 8 && m.base != X86_RSP && m.base != X86_REGS &&
	    !(m.base == X86_RBP && m.offset < 0))
		ret->disp[ret->n++] = m.offset;
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
static void note_stores_after(struct code *c, const struct x86_graph *g,
			      const struct x86_insn *from, struct stores *ret)
{
	bool seen[X86_INSNS_MAX] = { false };
	uint16_t todo[X86_INSNS_MAX];
	size_t n = 0;

	for (const struct x86_insn *i = from; i; i = n > 0 ? &g->insn[todo[--n]] : NULL) {
		if (i != from)
			note_store(c, i, ret);
		for (size_t k = 0; k < i->n_next; k++) {
			if (seen[i->next[k]])
				continue;
			seen[i->next[k]] = true;
			todo[n++] = i->next[k];
		}
	}
}

static bool moves_on_after(struct code *c, const struct x86_graph *g, const struct x86_insn *from)
{
	struct stores s = { .n = 0 };

	note_stores_after(c, g, from, &s);
	return has_pair(&s);
}

bool shape_consumes(struct code *c, const struct x86_graph *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (fills(&g->insn[i]) && moves_on_after(c, g, &g->insn[i]))
			return true;
	return false;
}

bool shape_consumes_after(struct code *c, const struct x86_graph *g, uint64_t target)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->insn[i].kind == X86_CALL && g->insn[i].target == target &&
		    has_args(&g->insn[i].before, 3) && moves_on_after(c, g, &g->insn[i]))
			return true;
	return false;
}

/* --- constructors --- */

static bool is_result(const struct x86_value *v, const struct x86_value *object)
{
	return v->kind == X86_RESULT && v->n == object->n;
}

/* The object that is passed to a function of a table; false where there is none or two. */
static bool find_object(const struct x86_graph *g, struct x86_value *ret)
{
	bool found = false;

	for (size_t i = 0; i < g->n; i++) {
		const struct x86_value *v = &g->insn[i].before.reg[X86_RDI];

		/* Through a register: what goes through a fixed slot is an imported function. */
		if (g->insn[i].kind != X86_CALL_INDIRECT || g->insn[i].slot ||
		    v->kind != X86_RESULT)
			continue;
		if (found && !is_result(v, ret))
			return false;
		*ret = *v;
		found = true;
	}
	return found;
}

static bool is_kept(const struct x86_state *s, const struct x86_value *object)
{
	static const enum x86_reg kept[] = { X86_RBX, X86_RBP, X86_R12, X86_R13, X86_R14, X86_R15 };

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (is_result(&s->reg[kept[i]], object))
			return true;
	return false;
}

/* Calls one after the other that get the object and nothing else, until it is forgotten. */
struct undoing {
	uint64_t from, to,
		target; /* the first call's address, past the last one, the first's target */
};

static bool undoes(struct code *c, const struct x86_insn *x, const struct x86_value *object,
		   struct undoing *ret)
{
	struct x86_state s = x->before;
	uint64_t addr = x->addr;
	size_t calls = 0;

	for (size_t i = 0; i < CHAIN_MAX; i++) {
		const struct x86_value rdi = s.reg[X86_RDI];
		struct x86_insn at;
		uint8_t bytes[16];

		if (x86_step(bytes, elf_code_read(&c->bytes, addr, bytes, sizeof(bytes)), addr, &s,
			     &at) < 0 ||
		    (at.kind != X86_PLAIN && !is_call(&at)) ||
		    (is_call(&at) && !is_result(&rdi, object)))
			return false;
		calls += is_call(&at);
		addr += at.len;
		if (!is_kept(&s, object)) {
			*ret = (struct undoing){ x->addr, addr, x->target };
			return calls > 1;
		}
	}
	return false;
}

uint64_t shape_destructor(struct code *c, const struct x86_graph *constructor)
{
	struct undoing all[CHAIN_MAX];
	struct x86_value object = { 0 };
	uint64_t target = 0;
	size_t n = 0;

	if (!find_object(constructor, &object))
		return 0;
	for (size_t i = 0; i < constructor->n && n < CHAIN_MAX; i++) {
		const struct x86_insn *x = &constructor->insn[i];

		if (x->kind == X86_CALL && is_result(&x->before.reg[X86_RDI], &object))
			n += undoes(c, x, &object, &all[n]);
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
