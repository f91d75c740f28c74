/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The beginning of a function that Go's compiler made for arm64: the check whether the stack is big
 * enough, whose branch is emulated and has the arguments in place.
 */
#include "probe/finder/go_code.h"

/* Control may come to what follows @after, up to @to, from elsewhere. */
static bool jumped_to(const struct go_code *c, uint64_t after, uint64_t to)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct insn *x = &c->insn[i].x;

		if ((x->kind == INSN_JUMP || x->kind == INSN_BRANCH) && x->target > after &&
		    x->target <= to)
			return true;
	}
	return false;
}

static void tell(const struct insn_code *code, const struct insn_state *s, struct go_state *ret)
{
	const struct insn_value *sp = &s->reg[code->isa->sp];

	*ret = (struct go_state){ .sp_known = sp->kind == VALUE_STACK, .sp = (int32_t)sp->n };
	for (int k = 0; k < GO_ARGS; k++)
		if (s->reg[k].kind == VALUE_ARG && s->reg[k].n == k)
			ret->held[k] = (uint16_t)(1u << k);
}

void go_a64_enter(const struct insn_code *code, struct go_code *c)
{
	struct insn_state s = { 0 };
	struct insn x = { .kind = INSN_PLAIN };
	size_t i = 0;

	for (int k = 0; k < GO_ARGS; k++)
		s.reg[k] = (struct insn_value){ VALUE_ARG, k };
	s.reg[code->isa->sp] = (struct insn_value){ VALUE_STACK, 0 };
	for (; i < c->n && x.kind == INSN_PLAIN && !x.emulated; i++) {
		tell(code, &s, &c->insn[i].before);
		c->insn[i].reached = true;
		if (insn_step(code, c->insn[i].x.addr, &s, &x) < 0)
			return;
	}
	c->entered = i > 0 && !jumped_to(c, c->insn[0].x.addr, c->insn[i - 1].x.addr);
}
