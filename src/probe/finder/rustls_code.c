/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rust's layouts are no ABI, so they are taken from the code: at which offsets from its third
 * argument a function reads, and how much. Where a register may hold that argument is followed
 * through the whole function.
 */
#include <string.h>

#include "probe/finder/rustls.h"

#define FAR	   8192 /* code that is further away belongs to others */
#define COMPARE_IN 12	/* instructions between reading the length and comparing it */

struct reads {
	const struct insn_graph *g;
	int message;		       /* which argument it is */
	uint32_t held[INSN_GRAPH_MAX]; /* before each instruction: registers that may hold it */
};

static uint32_t held_in(const struct insn_state *s, int message)
{
	uint32_t mask = 0;

	for (int i = 0; i < INSN_REGS; i++)
		if (s->reg[i].kind == VALUE_ARG && s->reg[i].n == message)
			mask |= 1u << i;
	return mask;
}

/* The registers that may hold it after the instruction. */
static uint32_t held_after(const struct reads *r, size_t at)
{
	const struct insn *i = &r->g->insn[at];
	struct insn_state s = { 0 };
	struct insn x;

	for (int k = 0; k < INSN_REGS; k++)
		if (r->held[at] & 1u << k)
			s.reg[k] = (struct insn_value){ VALUE_ARG, r->message };
	if (insn_step(&r->g->code, i->addr, &s, &x) < 0)
		return 0;
	return held_in(&s, r->message);
}

static bool is_near(const struct insn_graph *g, size_t at)
{
	return g->insn[at].addr >= g->start && g->insn[at].addr - g->start < FAR;
}

static void follow(struct reads *r)
{
	bool news = true;

	/* (result, self, message, sequence number), the result perhaps in a register of its own */
	r->message = r->g->code.isa->result_by_argument ? 2 : 1;
	memset(r->held, 0, sizeof(r->held));
	r->held[0] = 1u << r->message;
	/* Every round adds a register somewhere; mostly along the order of discovery. */
	for (int round = 0; news && round < INSN_REGS * 2; round++) {
		news = false;
		for (size_t k = 0; k < r->g->n; k++) {
			const struct insn *i = &r->g->insn[k];
			uint32_t after = r->held[k] && i->reached ? held_after(r, k) : 0;

			for (size_t n = 0; after && n < i->n_next; n++) {
				uint32_t *next = &r->held[i->next[n]];

				news |= (*next | after) != *next;
				*next |= after;
			}
		}
	}
}

static bool access_at(const struct reads *r, const struct insn *i, struct insn_access *ret)
{
	return insn_access(&r->g->code, i->addr, ret) == 0;
}

/* Whether instruction @at reads the message, and how. */
static bool reads_message(const struct reads *r, size_t at, struct insn_access *ret)
{
	return r->held[at] && r->g->insn[at].reached && is_near(r->g, at) &&
	       access_at(r, &r->g->insn[at], ret) && ret->base != INSN_REGS && ret->reads &&
	       r->held[at] & 1u << ret->base;
}

/* Whether one of the words that are read begins at @offset. */
static bool covers(const struct insn_access *a, int64_t offset)
{
	return a->offset == offset || (a->pair && a->offset + a->size == offset);
}

/* Bits of the sizes (in bytes) in which the message is read at @offset. */
static uint32_t sizes_at(const struct reads *r, int64_t offset)
{
	struct insn_access a;
	uint32_t sizes = 0;

	for (size_t k = 0; k < r->g->n; k++)
		if (reads_message(r, k, &a) && covers(&a, offset))
			sizes |= a.size;
	return sizes;
}

enum rustls_form rustls_encrypt_form(const struct insn_graph *g)
{
	struct reads r = { .g = g };
	uint32_t type;

	follow(&r);
	type = sizes_at(&r, 0x20);
	if (sizes_at(&r, 0) == 8 && sizes_at(&r, 0x10) & 8 && sizes_at(&r, 0x18) & 8 && type &&
	    !(type & ~7u))
		return RUSTLS_BORROWED;
	type = sizes_at(&r, 0x10);
	if (sizes_at(&r, 8) & 8 && type && !(type & ~7u) && !sizes_at(&r, 0x18) &&
	    !sizes_at(&r, 0x20))
		return RUSTLS_OWNED;
	return RUSTLS_NONE;
}

bool rustls_adds(const struct insn_graph *g, int64_t n)
{
	struct reads r = { .g = g };
	struct insn_access a;

	for (size_t k = 0; k < g->n; k++)
		if (g->insn[k].reached && is_near(g, k) && access_at(&r, &g->insn[k], &a) &&
		    (a.adds == n || (a.base != INSN_REGS && !a.reads && a.offset == n)))
			return true;
	return false;
}

/* Whether what instruction @at has read into a register is soon compared with @least. */
static bool is_compared(const struct reads *r, size_t at, const struct insn_access *a, int to,
			int64_t least)
{
	const struct insn *i = &r->g->insn[at];
	struct insn_access next;

	if (a->compares)
		return a->number == least || a->number == least - 1;
	for (int n = 0; n < COMPARE_IN && i && to != INSN_REGS; n++) {
		i = insn_at(r->g, i->addr + i->len);
		if (!i || !access_at(r, i, &next))
			return false;
		if (next.compares && next.with == to)
			return next.number == least || next.number == least - 1;
	}
	return false;
}

static bool compares_length(const struct reads *r, int64_t offset, int64_t least)
{
	struct insn_access a;

	for (size_t k = 0; k < r->g->n; k++)
		if (reads_message(r, k, &a) && covers(&a, offset) && a.size == 8 &&
		    is_compared(r, k, &a, a.offset == offset ? a.to : a.to_second, least))
			return true;
	return false;
}

/* Behind a Vec: the type, which is a byte and one more that only unknown types have. */
static uint8_t type_behind_vec(const struct reads *r)
{
	for (uint8_t at = 0x18; at < 0x1e; at++)
		if (sizes_at(r, at) & 1 && sizes_at(r, at + 1) & 1)
			return at;
	return 0;
}

bool rustls_is_decrypt(const struct insn_graph *g, enum rustls_form form,
		       enum rustls_overhead overhead, uint8_t *ret_type)
{
	const int64_t least = overhead == RUSTLS_TLS12_GCM ? 24 : 16;
	struct reads r = { .g = g };

	follow(&r);
	if (!compares_length(&r, form == RUSTLS_OWNED ? 16 : 8, least))
		return false;
	if (form == RUSTLS_OWNED)
		*ret_type = type_behind_vec(&r);
	else
		*ret_type = sizes_at(&r, 0x10) & 7 ? 0x10 : 0;
	/* TLS 1.2 authenticates the type, by a table of jumps beyond which nothing is followed. */
	if (overhead != RUSTLS_TLS13)
		return *ret_type != 0;
	/* A vector register may take both words at once. */
	return !*ret_type && (form == RUSTLS_OWNED || sizes_at(&r, 0) & 24);
}
