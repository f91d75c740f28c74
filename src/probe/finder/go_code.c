/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/finder/go_code.h"

#include <Zydis/Zydis.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define HOME(k)	   (8 + 8 * (int32_t)(k)) /* above the return address */
#define BIT(reg)   ((uint16_t)(1u << (reg)))
#define FRAME_MAX  (1 << 24)
#define VISITS_MAX 40 /* of an instruction, on average: each takes knowledge away */

struct decoded {
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
};

static bool decode(const uint8_t *code, size_t n, struct decoded *ret)
{
	ZydisDecoder d;

	ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, code, n, &ret->insn, ret->op));
}

/* 0 where it is none that can hold an argument. */
static uint16_t bit_of(ZydisRegister r)
{
	static const struct {
		ZydisRegister zydis;
		enum x86_reg reg;
	} regs[] = {
		{ ZYDIS_REGISTER_RAX, X86_RAX }, { ZYDIS_REGISTER_RBX, X86_RBX },
		{ ZYDIS_REGISTER_RCX, X86_RCX }, { ZYDIS_REGISTER_RDI, X86_RDI },
		{ ZYDIS_REGISTER_RSI, X86_RSI }, { ZYDIS_REGISTER_RDX, X86_RDX },
		{ ZYDIS_REGISTER_R8, X86_R8 },	 { ZYDIS_REGISTER_R9, X86_R9 },
		{ ZYDIS_REGISTER_R10, X86_R10 }, { ZYDIS_REGISTER_R11, X86_R11 },
		{ ZYDIS_REGISTER_R12, X86_R12 }, { ZYDIS_REGISTER_R13, X86_R13 },
		{ ZYDIS_REGISTER_R15, X86_R15 }, { ZYDIS_REGISTER_RBP, X86_RBP },
	};

	r = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
		if (regs[i].zydis == r)
			return BIT(regs[i].reg);
	return 0;
}

static bool writes(const ZydisDecodedOperand *op)
{
	return op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
}

static bool is_stack(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       (op->mem.base == ZYDIS_REGISTER_RSP || op->mem.base == ZYDIS_REGISTER_RBP);
}

/* Where in the frame the operand is; false where that is not known. */
static bool frame_offset(const struct go_state *s, const ZydisDecodedOperand *op, int64_t *ret)
{
	if (!s->sp_known || op->mem.base != ZYDIS_REGISTER_RSP ||
	    op->mem.index != ZYDIS_REGISTER_NONE)
		return false;
	*ret = s->sp + (op->mem.disp.has_displacement ? op->mem.disp.value : 0);
	return true;
}

/* The arguments' homes can be written only by name: not where their address is taken. */
static bool takes_address(const struct go_state *s, const struct decoded *d)
{
	int64_t at;

	if (d->insn.mnemonic == ZYDIS_MNEMONIC_LEA && is_stack(&d->op[1]))
		return !frame_offset(s, &d->op[1], &at) || at >= HOME(0);
	return d->insn.mnemonic == ZYDIS_MNEMONIC_MOV &&
	       d->op[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       d->op[1].reg.value == ZYDIS_REGISTER_RSP &&
	       !(d->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		 d->op[0].reg.value == ZYDIS_REGISTER_RBP);
}

static void forget_memory(struct go_state *s, const ZydisDecodedOperand *op)
{
	bool known;
	int64_t at = 0;

	if (!is_stack(op))
		return;
	known = frame_offset(s, op, &at);
	for (int k = 0; k < GO_ARGS; k++)
		if (!known || (at < HOME(k) + 8 && at + op->size / 8 > HOME(k)))
			s->home[k] = false;
}

static void forget_written(struct go_state *s, const struct decoded *d)
{
	for (size_t i = 0; i < d->insn.operand_count; i++) {
		const ZydisDecodedOperand *op = &d->op[i];

		if (!writes(op))
			continue;
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY)
			forget_memory(s, op);
		else if (op->type == ZYDIS_OPERAND_TYPE_REGISTER)
			for (int k = 0; k < GO_ARGS; k++)
				s->held[k] &= (uint16_t)~bit_of(op->reg.value);
	}
}

static bool is_home(const struct go_state *s, const ZydisDecodedOperand *op, int k)
{
	int64_t at;

	return is_stack(op) && op->size == 64 && frame_offset(s, op, &at) && at == HOME(k);
}

static bool is_reg64(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER && op->size == 64;
}

/* mov between registers and homes, of whole words. */
static void copy(struct go_state *s, const struct go_state *before, const struct decoded *d)
{
	const ZydisDecodedOperand *to = &d->op[0], *from = &d->op[1];

	for (int k = 0; k < GO_ARGS; k++) {
		bool has = (is_reg64(from) && before->held[k] & bit_of(from->reg.value)) ||
			   (is_home(before, from, k) && before->home[k]);

		if (has && is_reg64(to))
			s->held[k] |= bit_of(to->reg.value);
		else if (has && is_home(before, to, k))
			s->home[k] = true;
	}
}

static bool writes_sp(const struct decoded *d)
{
	for (size_t i = 0; i < d->insn.operand_count; i++)
		if (d->op[i].type == ZYDIS_OPERAND_TYPE_REGISTER && writes(&d->op[i]) &&
		    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
						     d->op[i].reg.value) == ZYDIS_REGISTER_RSP)
			return true;
	return false;
}

static void move_sp(struct go_state *s, const struct decoded *d)
{
	int64_t by = 0;

	if (!writes_sp(d))
		return;
	switch (d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
		by = -8;
		break;
	case ZYDIS_MNEMONIC_POP:
		by = 8;
		break;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		if (d->op[0].size == 64 && d->op[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
			by = d->insn.mnemonic == ZYDIS_MNEMONIC_ADD ? d->op[1].imm.value.s
								    : -d->op[1].imm.value.s;
		break;
	case ZYDIS_MNEMONIC_CALL:
		return; /* it comes back with what it found */
	default:
		break;
	}
	if (by == 0 || s->sp + by > FRAME_MAX || s->sp + by < -FRAME_MAX)
		s->sp_known = false;
	else
		s->sp += (int32_t)by;
}

static void apply(struct go_state *s, const struct decoded *d, const struct insn *x)
{
	const struct go_state before = *s;

	forget_written(s, d);
	if (d->insn.mnemonic == ZYDIS_MNEMONIC_MOV)
		copy(s, &before, d);
	move_sp(s, d);
	if (x->kind == INSN_CALL || x->kind == INSN_CALL_INDIRECT)
		memset(s->held, 0, sizeof(s->held));
}

/* --- the whole function --- */

const struct go_insn *go_code_at(const struct go_code *c, uint64_t addr)
{
	size_t lo = 0, hi = c->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->insn[mid].x.addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->n && c->insn[lo].x.addr == addr ? &c->insn[lo] : NULL;
}

static bool meet(struct go_state *s, const struct go_state *with)
{
	const struct go_state old = *s;

	s->sp_known = s->sp_known && with->sp_known && s->sp == with->sp;
	for (int k = 0; k < GO_ARGS; k++) {
		s->home[k] = s->home[k] && with->home[k] && s->sp_known;
		s->held[k] &= with->held[k];
	}
	return old.sp_known != s->sp_known || memcmp(old.home, s->home, sizeof(s->home)) != 0 ||
	       memcmp(old.held, s->held, sizeof(s->held)) != 0;
}

struct walk {
	struct go_code *c;
	uint16_t todo[GO_INSNS_MAX]; /* each at most once */
	size_t n;
};

/* False where control goes to what is not an instruction of the function. */
static bool arrive(struct walk *w, uint64_t addr, const struct go_state *s)
{
	const struct go_insn *at = go_code_at(w->c, addr);
	struct go_insn *i;
	bool news = true;

	if (!at)
		return false;
	i = &w->c->insn[at - w->c->insn];
	if (i->reached)
		news = meet(&i->before, s);
	else
		i->before = *s;
	i->reached = true;
	if (news && !i->queued) {
		i->queued = true;
		w->todo[w->n++] = (uint16_t)(i - w->c->insn);
	}
	return true;
}

static bool visit(struct walk *w, struct go_insn *i, const uint8_t *code)
{
	struct go_state s = i->before;
	const struct insn *x = &i->x;
	struct decoded d;

	if (!decode(code, x->len, &d) || takes_address(&s, &d))
		return false;
	apply(&s, &d, x);
	switch (x->kind) {
	case INSN_RETURN:
	case INSN_STOP:
		return true;
	case INSN_JUMP:
		return arrive(w, x->target, &s);
	case INSN_JUMP_INDIRECT:
		return false;
	case INSN_BRANCH:
		return arrive(w, x->target, &s) && arrive(w, x->addr + x->len, &s);
	case INSN_CALL:
	case INSN_CALL_INDIRECT:
		arrive(w, x->addr + x->len, &s); /* or it does not come back */
		return true;
	default:
		return arrive(w, x->addr + x->len, &s);
	}
}

/* Follows the arguments from the function's start. */
static bool follow(struct go_code *c, const uint8_t *code)
{
	_cleanup_(freep) struct walk *w = calloc(1, sizeof(*w));
	const struct go_state s = { .sp_known = true,
				    .held = { BIT(X86_RAX), BIT(X86_RBX), BIT(X86_RCX) } };

	if (!w)
		return false;
	w->c = c;
	arrive(w, c->insn[0].x.addr, &s);
	for (size_t visits = 0; w->n > 0; visits++) {
		struct go_insn *i = &c->insn[w->todo[--w->n]];

		i->queued = false;
		if (visits == c->n * VISITS_MAX ||
		    !visit(w, i, code + (i->x.addr - c->insn[0].x.addr)))
			return false;
	}
	return true;
}

/* All instructions from @start to @end; whatever the registers hold. */
static int decode_all(const struct isa *isa, const uint8_t *code, size_t n, uint64_t start,
		      struct go_code *ret)
{
	ret->n = 0;
	for (size_t at = 0; at < n; at += ret->insn[ret->n - 1].x.len) {
		struct insn_state none = { 0 };
		struct go_insn *i = &ret->insn[ret->n];

		if (ret->n == GO_INSNS_MAX)
			return -E2BIG;
		memset(i, 0, sizeof(*i));
		if (isa->step(code + at, n - at, start + at, &none, &i->x) < 0)
			return -EBADMSG;
		ret->n++;
	}
	return 0;
}

int go_code_read(const struct insn_code *c, uint64_t start, uint64_t end, struct go_code *ret)
{
	_cleanup_(freep) uint8_t *code = NULL;
	size_t n = (size_t)(end - start);
	int r;

	if (end <= start || end - start > GO_BYTES_MAX)
		return -E2BIG;
	code = malloc(GO_BYTES_MAX);
	if (!code)
		return -ENOMEM;
	if (!c->isa || c->read(c->ctx, start, code, n) != n)
		return -EBADMSG;
	r = decode_all(c->isa, code, n, start, ret);
	if (r < 0)
		return r;
	ret->machine = c->isa->machine;
	ret->entered = ret->followed = false;
	if (ret->machine == EM_X86_64)
		ret->entered = ret->followed = follow(ret, code);
	else
		go_a64_enter(c, ret);
	return 0;
}
