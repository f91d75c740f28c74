/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A function as a graph of instructions, each with what the registers hold before it on every way
 * that leads there.
 */
#include <errno.h>
#include <string.h>

#include "probe/elf/x86.h"

#define INSN_LEN_MAX 15
#define HASH_BITS    12
#define HASH_SIZE    (1u << HASH_BITS) /* at most a quarter is used */
/* Each visit of an instruction but the first takes knowledge about a register away. */
#define VISITS_MAX ((size_t)X86_INSNS_MAX * (X86_REGS + 1))

struct walk {
	x86_read_fn read;
	void *ctx;
	struct x86_graph *g;
	uint16_t queue[X86_INSNS_MAX]; /* indexes whose state is news; each at most once */
	bool queued[X86_INSNS_MAX];
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
static bool meet(struct x86_state *s, const struct x86_state *with)
{
	bool news = false;

	for (int i = 0; i < X86_REGS; i++) {
		struct x86_value *a = &s->reg[i];
		const struct x86_value *b = &with->reg[i];

		if (a->kind == X86_ANY || (a->kind == b->kind && a->n == b->n))
			continue;
		*a = (struct x86_value){ X86_ANY, 0 };
		news = true;
	}
	return news;
}

/* Control may reach @addr with @s. */
static void arrive(struct walk *w, uint64_t addr, const struct x86_state *s)
{
	uint16_t *slot = slot_of(w, addr);
	struct x86_insn *i;
	bool news = true;

	if (*slot) {
		i = &w->g->insn[*slot - 1];
		news = meet(&i->before, s);
	} else {
		if (w->g->n == X86_INSNS_MAX) {
			w->g->complete = false;
			return;
		}
		i = &w->g->insn[w->g->n++];
		*i = (struct x86_insn){ .addr = addr, .before = *s };
		*slot = (uint16_t)w->g->n;
	}
	if (news && !w->queued[i - w->g->insn]) {
		w->queued[i - w->g->insn] = true;
		w->queue[(w->head + w->waiting++) % X86_INSNS_MAX] = (uint16_t)(i - w->g->insn);
	}
}

static bool inside(const struct x86_graph *g, uint64_t addr)
{
	return g->end == 0 || (addr >= g->start && addr < g->end);
}

/* Whether what follows the instruction belongs to the function. */
static bool goes_on(const struct x86_graph *g, const struct x86_insn *i)
{
	uint64_t next = i->addr + i->len;

	switch (i->kind) {
	case X86_JUMP:
	case X86_JUMP_INDIRECT:
	case X86_RETURN:
	case X86_STOP:
		return false;
	case X86_CALL:
	case X86_CALL_INDIRECT:
		return !inside(g, i->addr) || inside(g, next);
	default:
		return true;
	}
}

static bool has_target(const struct x86_insn *i)
{
	return (i->kind == X86_JUMP || i->kind == X86_BRANCH) && i->target;
}

static void visit(struct walk *w, struct x86_insn *i)
{
	uint8_t code[INSN_LEN_MAX];
	size_t n = w->read(w->ctx, i->addr, code, sizeof(code));
	struct x86_state s = i->before;
	struct x86_insn x;

	if (x86_step(code, n, i->addr, &s, &x) < 0) {
		w->g->complete = false;
		i->kind = X86_STOP;
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

static void add_next(struct walk *w, struct x86_insn *i, uint64_t addr)
{
	uint16_t slot = *slot_of(w, addr);

	if (slot && w->g->insn[slot - 1].reached)
		i->next[i->n_next++] = (uint16_t)(slot - 1);
}

static void link_insns(struct walk *w)
{
	for (size_t k = 0; k < w->g->n; k++) {
		struct x86_insn *i = &w->g->insn[k];

		if (has_target(i))
			add_next(w, i, i->target);
		if (goes_on(w->g, i))
			add_next(w, i, i->addr + i->len);
	}
}

int x86_graph(x86_read_fn read, void *ctx, uint64_t start, uint64_t size, struct x86_graph *ret)
{
	static const enum x86_reg args[] = { X86_RDI, X86_RSI, X86_RDX, X86_RCX, X86_R8, X86_R9 };
	struct walk w = { .read = read, .ctx = ctx, .g = ret };
	struct x86_state s = { 0 };

	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
		s.reg[args[i]] = (struct x86_value){ X86_ARG, (int64_t)i };
	s.reg[X86_RSP] = (struct x86_value){ X86_STACK, 0 };
	ret->start = start;
	ret->end = size && start + size > start ? start + size : 0;
	ret->n = 0;
	ret->complete = true;
	arrive(&w, start, &s);
	for (size_t visits = 0; w.waiting > 0; visits++) {
		size_t i = w.queue[w.head];

		if (visits == VISITS_MAX) {
			ret->complete = false;
			break;
		}
		w.head = (w.head + 1) % X86_INSNS_MAX;
		w.waiting--;
		w.queued[i] = false;
		visit(&w, &ret->insn[i]);
	}
	link_insns(&w);
	return ret->insn[0].reached ? 0 : -EBADMSG;
}

const struct x86_insn *x86_at(const struct x86_graph *g, uint64_t addr)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->insn[i].addr == addr && g->insn[i].reached)
			return &g->insn[i];
	return NULL;
}
