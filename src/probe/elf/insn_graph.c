/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A function as a graph of instructions, each with what the registers hold before it on every way
 * that leads there.
 */
#include <errno.h>
#include <string.h>

#include "probe/elf/insn.h"

#define HASH_BITS 12
#define HASH_SIZE (1u << HASH_BITS) /* at most a quarter is used */

struct walk {
	struct insn_graph *g;
	uint16_t queue[INSN_GRAPH_MAX]; /* indexes whose state is news; each at most once */
	bool queued[INSN_GRAPH_MAX];
	size_t head, waiting;
	uint16_t at[HASH_SIZE]; /* hash of addresses: index + 1 */
};

static uint16_t *slot_of(struct walk *w, uint64_t addr)
{
	size_t i = (addr * 0x9e3779b97f4a7c15ull) >> (64 - HASH_BITS);

	while (w->at[i] && w->g->insn[w->at[i] - 1].addr != addr)
		i = (i + 1) % HASH_SIZE;
	return &w->at[i];
}

/* False where nothing was news. */
static bool meet(struct insn_state *s, const struct insn_state *with, int n_regs)
{
	bool news = false;

	for (int i = 0; i < n_regs; i++) {
		struct insn_value *a = &s->reg[i];
		const struct insn_value *b = &with->reg[i];

		if (a->kind == VALUE_ANY || (a->kind == b->kind && a->n == b->n))
			continue;
		*a = (struct insn_value){ VALUE_ANY, 0 };
		news = true;
	}
	return news;
}

/* Control may reach @addr with @s. */
static void arrive(struct walk *w, uint64_t addr, const struct insn_state *s)
{
	uint16_t *slot = slot_of(w, addr);
	struct insn *i;
	bool news = true;

	if (*slot) {
		i = &w->g->insn[*slot - 1];
		news = meet(&i->before, s, w->g->code.isa->n_regs);
	} else {
		if (w->g->n == INSN_GRAPH_MAX) {
			w->g->complete = false;
			return;
		}
		i = &w->g->insn[w->g->n++];
		*i = (struct insn){ .addr = addr, .before = *s };
		*slot = (uint16_t)w->g->n;
	}
	if (news && !w->queued[i - w->g->insn]) {
		w->queued[i - w->g->insn] = true;
		w->queue[(w->head + w->waiting++) % INSN_GRAPH_MAX] = (uint16_t)(i - w->g->insn);
	}
}

static bool inside(const struct insn_graph *g, uint64_t addr)
{
	return g->end == 0 || (addr >= g->start && addr < g->end);
}

/* Whether what follows the instruction belongs to the function. */
static bool goes_on(const struct insn_graph *g, const struct insn *i)
{
	uint64_t next = i->addr + i->len;

	switch (i->kind) {
	case INSN_JUMP:
	case INSN_JUMP_INDIRECT:
	case INSN_RETURN:
	case INSN_STOP:
		return false;
	case INSN_CALL:
	case INSN_CALL_INDIRECT:
		return !inside(g, i->addr) || inside(g, next);
	default:
		return true;
	}
}

static bool has_target(const struct insn *i)
{
	return (i->kind == INSN_JUMP || i->kind == INSN_BRANCH) && i->target;
}

static void visit(struct walk *w, struct insn *i)
{
	struct insn_state s = i->before;
	struct insn x;

	if (insn_step(&w->g->code, i->addr, &s, &x) < 0) {
		w->g->complete = false;
		i->kind = INSN_STOP;
		return;
	}
	x.before = i->before;
	x.reached = true;
	*i = x;
	if (has_target(&x))
		arrive(w, x.target, &s);
	if (goes_on(w->g, &x))
		arrive(w, x.addr + x.len, &s);
}

static void add_next(struct walk *w, struct insn *i, uint64_t addr)
{
	uint16_t slot = *slot_of(w, addr);

	if (slot && w->g->insn[slot - 1].reached)
		i->next[i->n_next++] = (uint16_t)(slot - 1);
}

static void link_insns(struct walk *w)
{
	for (size_t k = 0; k < w->g->n; k++) {
		struct insn *i = &w->g->insn[k];

		if (has_target(i))
			add_next(w, i, i->target);
		if (goes_on(w->g, i))
			add_next(w, i, i->addr + i->len);
	}
}

int insn_graph(const struct insn_code *c, uint64_t start, uint64_t size, struct insn_graph *ret)
{
	struct walk w = { .g = ret };
	struct insn_state s = { 0 };

	if (!c->isa)
		return -EBADMSG;
	for (int i = 0; i < c->isa->n_args; i++)
		s.reg[i] = (struct insn_value){ VALUE_ARG, i };
	s.reg[c->isa->sp] = (struct insn_value){ VALUE_STACK, 0 };
	if (c->isa->link < INSN_REGS)
		s.reg[c->isa->link] = (struct insn_value){ VALUE_LINK, 0 };
	ret->code = *c;
	ret->start = start;
	ret->end = size && start + size > start ? start + size : 0;
	ret->n = 0;
	ret->complete = true;
	arrive(&w, start, &s);
	/* Each visit of an instruction but the first takes knowledge about a register away. */
	for (ret->visits = 0; w.waiting > 0; ret->visits++) {
		size_t i = w.queue[w.head];

		if (ret->visits == (size_t)INSN_GRAPH_MAX * (c->isa->n_regs + 1u)) {
			ret->complete = false;
			break;
		}
		w.head = (w.head + 1) % INSN_GRAPH_MAX;
		w.waiting--;
		w.queued[i] = false;
		visit(&w, &ret->insn[i]);
	}
	link_insns(&w);
	return ret->insn[0].reached ? 0 : -EBADMSG;
}

const struct insn *insn_at(const struct insn_graph *g, uint64_t addr)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->insn[i].addr == addr && g->insn[i].reached)
			return &g->insn[i];
	return NULL;
}
