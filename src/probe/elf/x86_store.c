/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What constants code stores where. A compiler that copies a constant table of function pointers
 * drops the table and writes its entries one by one or in pairs, through general and vector
 * registers.
 */
#include <Zydis/Zydis.h>
#include <string.h>

#include "probe/elf/x86.h"

#define INSN_LEN_MAX 15
#define GENERAL	     16
#define VECTORS	     16

struct machine {
	struct x86_word general[GENERAL];
	struct x86_word vector[VECTORS][2]; /* low, high */
	uint64_t addr;			    /* of the instruction */
	const ZydisDecodedInstruction *insn;
	const ZydisDecodedOperand *op;
	void (*fn)(void *ctx, uint64_t at, struct x86_word w);
	void *ctx;
};

static const struct x86_word any = { X86_WORD_ANY, 0 };
static const struct x86_word zero = { X86_WORD_NUMBER, 0 };

/* An address that the instruction names by itself. */
static bool fixed(const struct machine *m, const ZydisDecodedOperand *op, uint64_t *ret)
{
	return op->type == ZYDIS_OPERAND_TYPE_MEMORY && op->mem.base == ZYDIS_REGISTER_RIP &&
	       op->mem.index == ZYDIS_REGISTER_NONE && op->mem.segment != ZYDIS_REGISTER_FS &&
	       op->mem.segment != ZYDIS_REGISTER_GS &&
	       ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(m->insn, op, m->addr, ret));
}

static struct x86_word *general(struct machine *m, const ZydisDecodedOperand *op)
{
	ZyanI8 id;

	if (op->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return NULL;
	id = ZydisRegisterGetId(
		ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, op->reg.value));
	switch (ZydisRegisterGetClass(op->reg.value)) {
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		return id >= 0 && id < GENERAL ? &m->general[id] : NULL;
	default:
		return NULL;
	}
}

static struct x86_word *vector(struct machine *m, const ZydisDecodedOperand *op)
{
	ZyanI8 id;

	if (op->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return NULL;
	switch (ZydisRegisterGetClass(op->reg.value)) {
	case ZYDIS_REGCLASS_XMM:
	case ZYDIS_REGCLASS_YMM:
	case ZYDIS_REGCLASS_ZMM:
		id = ZydisRegisterGetId(op->reg.value);
		return id >= 0 && id < VECTORS ? m->vector[id] : NULL;
	default:
		return NULL;
	}
}

/* The 8 bytes at offset @at of an operand. */
static struct x86_word word_of(struct machine *m, const ZydisDecodedOperand *op, int at)
{
	const struct x86_word *r;
	uint64_t addr;

	if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return (struct x86_word){ X86_WORD_NUMBER, op->imm.value.u };
	if (fixed(m, op, &addr))
		return (struct x86_word){ X86_WORD_LOADED, addr + (at ? 8 : 0) };
	r = vector(m, op);
	if (r)
		return r[at];
	r = general(m, op);
	return r && op->size == 64 && at == 0 ? *r : any;
}

/* What the destination holds after the instruction; false: not followed. */
static bool result(struct machine *m, struct x86_word ret[2])
{
	const ZydisDecodedOperand *dst = &m->op[0], *src = &m->op[1];
	const struct x86_word *v = vector(m, dst);
	uint64_t addr;

	ret[0] = v ? v[0] : any;
	ret[1] = v ? v[1] : any;
	switch (m->insn->mnemonic) {
	case ZYDIS_MNEMONIC_LEA:
		if (!fixed(m, src, &addr) || dst->size != 64)
			return false;
		ret[0] = (struct x86_word){ X86_WORD_NUMBER, addr };
		return true;
	case ZYDIS_MNEMONIC_MOV:
		ret[0] = word_of(m, src, 0);
		return dst->size == 64;
	case ZYDIS_MNEMONIC_MOVQ:
		ret[0] = word_of(m, src, 0);
		ret[1] = zero;
		return true;
	case ZYDIS_MNEMONIC_MOVHPS:
	case ZYDIS_MNEMONIC_MOVHPD:
	case ZYDIS_MNEMONIC_MOVLHPS:
	case ZYDIS_MNEMONIC_PUNPCKLQDQ:
	case ZYDIS_MNEMONIC_UNPCKLPD:
		ret[1] = word_of(m, src, 0);
		return v;
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVUPS:
	case ZYDIS_MNEMONIC_MOVAPD:
	case ZYDIS_MNEMONIC_MOVUPD:
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_MOVDQU:
		ret[0] = word_of(m, src, 0);
		ret[1] = word_of(m, src, 1);
		return true;
	default:
		return false;
	}
}

static void forget_written(struct machine *m)
{
	for (size_t i = 0; i < m->insn->operand_count; i++) {
		const ZydisDecodedOperand *op = &m->op[i];
		struct x86_word *g = general(m, op), *v = vector(m, op);

		if (!(op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (g)
			*g = any;
		if (v)
			v[0] = v[1] = any;
	}
}

/* movl of a number leaves the upper half as it is: told as a word, which those who ask know. */
static bool stores(const struct machine *m)
{
	const ZydisDecodedOperand *dst = &m->op[0];

	return dst->size == 64 || dst->size == 128 ||
	       (dst->size == 32 && m->op[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE);
}

static void step(struct machine *m)
{
	struct x86_word r[2], *g, *v;
	bool known = m->insn->operand_count_visible >= 2 && result(m, r);
	uint64_t at;

	if (m->insn->operand_count_visible >= 2 && fixed(m, &m->op[0], &at) &&
	    (m->op[0].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)) {
		if (m->insn->mnemonic == ZYDIS_MNEMONIC_MOV)
			r[0] = word_of(m, &m->op[1], 0);
		if ((known || m->insn->mnemonic == ZYDIS_MNEMONIC_MOV) && stores(m))
			m->fn(m->ctx, at, r[0]);
		if (known && m->op[0].size == 128)
			m->fn(m->ctx, at + 8, r[1]);
		return;
	}
	forget_written(m);
	g = general(m, &m->op[0]);
	v = vector(m, &m->op[0]);
	if (known && g)
		*g = r[0];
	if (known && v) {
		v[0] = r[0];
		v[1] = r[1];
	}
}

/* Calls keep a few registers; where control leaves, nothing is known of what follows. */
static void forget(struct machine *m)
{
	memset(m->general, 0, sizeof(m->general));
	memset(m->vector, 0, sizeof(m->vector));
}

void x86_stores(insn_read_fn read, void *ctx, uint64_t start, uint64_t end,
		void (*fn)(void *ctx, uint64_t at, struct x86_word w), void *fn_ctx)
{
	struct machine m = { .fn = fn, .ctx = fn_ctx };
	ZydisDecoder d;

	ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (uint64_t at = start; at < end;) {
		ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT] = { 0 };
		ZydisDecodedInstruction insn;
		uint8_t code[INSN_LEN_MAX];
		size_t n = read(ctx, at, code, sizeof(code));

		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, code, n, &insn, op))) {
			forget(&m);
			at++;
			continue;
		}
		m.addr = at;
		m.insn = &insn;
		m.op = op;
		if (insn.meta.category == ZYDIS_CATEGORY_CALL ||
		    insn.meta.category == ZYDIS_CATEGORY_RET ||
		    insn.meta.category == ZYDIS_CATEGORY_UNCOND_BR)
			forget(&m);
		else
			step(&m);
		at += insn.length;
	}
}
