/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/finder/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLT_STEPS 5 /* instructions of an entry: bti, adrp, ldr, add, br */

struct insn_graph *place_graph(struct elf_code *c, uint64_t addr, uint64_t size)
{
	const struct insn_code code = code_reader(c);
	struct insn_graph *g = malloc(sizeof(*g));

	if (g && insn_graph(&code, addr, size, g) < 0) {
		free(g);
		return NULL;
	}
	return g;
}

bool place_at(struct elf_code *c, const struct place *p, uint64_t entry, uint64_t exit,
	      enum probe_cost cost, struct probe_target *ret)
{
	struct probe_point *point = &ret->points[ret->n_points];
	const struct insn_code code = code_reader(c);
	uint64_t left;

	if (ret->n_points == TARGET_POINTS_MAX)
		return false;
	*point = (struct probe_point){ .abi = p->abi, .write = p->write, .cost = cost };
	if (!elf_offset(c->e, entry, &point->entry, &left) ||
	    (exit && !elf_offset(c->e, exit, &point->exit, &left)))
		return false;
	snprintf(point->function, sizeof(point->function), "%s", p->function);
	if (entry == p->start)
		snprintf(point->evidence, sizeof(point->evidence), "%s", p->evidence);
	else
		snprintf(point->evidence, sizeof(point->evidence),
			 "%s; +0x%llx, arguments still in place", p->evidence,
			 (unsigned long long)(entry - p->start));
	insn_text(&code, entry, point->insn);
	ret->n_points++;
	return true;
}

bool place_classic(struct elf_code *c, const struct place *p, struct probe_target *ret)
{
	return place_at(c, p, p->start, 0, PROBE_CLASSIC, ret);
}

/* How far the stack pointer has moved since the function began. */
static bool frame_at(const struct insn_graph *g, uint64_t addr, uint16_t *ret)
{
	const struct insn *i = insn_at(g, addr);
	const struct insn_value *sp = i ? &i->before.reg[g->code.isa->sp] : NULL;

	if (!sp || sp->kind != VALUE_STACK || sp->n > 0 || sp->n < -UINT16_MAX)
		return false;
	*ret = (uint16_t)-sp->n;
	return true;
}

bool place_cheap(struct elf_code *c, const struct place *p, const struct insn_graph *g,
		 struct probe_target *ret)
{
	uint64_t entry, exit = 0;
	uint16_t frame;
	bool at_return;

	if (!g || insn_place_entry(g, p->n_args, &entry, &at_return) < 0 ||
	    !frame_at(g, entry, &frame))
		return false;
	if (!p->no_result && !at_return && insn_place_exit(g, &exit) < 0)
		return false;
	if (!place_at(c, p, entry, exit, PROBE_CHEAP, ret))
		return false;
	ret->points[ret->n_points - 1].detail = frame;
	return true;
}

uint64_t place_resolve(struct elf_code *c, const struct elf_function *fns, size_t n, uint64_t addr)
{
	const struct insn_code code = code_reader(c);
	struct insn_state s = { 0 };
	struct insn i = { .kind = INSN_PLAIN };
	uint64_t at = addr;

	for (int steps = 0; steps < PLT_STEPS && i.kind == INSN_PLAIN; steps++, at += i.len)
		if (insn_step(&code, at, &s, &i) < 0)
			return addr;
	for (size_t k = 0; k < n && i.kind == INSN_JUMP_INDIRECT && i.slot; k++)
		if (fns[k].found && fns[k].slot == i.slot)
			return fns[k].vaddr;
	return addr;
}
