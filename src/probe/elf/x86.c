/* SPDX-License-Identifier: BSD-2-Clause */
#include <Zydis/Zydis.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "probe/elf/x86.h"

/* Zydis' number of each of our registers. */
static const ZydisRegister zydis_regs[X86_REGS] = {
	[X86_RDI] = ZYDIS_REGISTER_RDI, [X86_RSI] = ZYDIS_REGISTER_RSI,
	[X86_RDX] = ZYDIS_REGISTER_RDX, [X86_RCX] = ZYDIS_REGISTER_RCX,
	[X86_R8] = ZYDIS_REGISTER_R8,	[X86_R9] = ZYDIS_REGISTER_R9,
	[X86_RAX] = ZYDIS_REGISTER_RAX, [X86_RSP] = ZYDIS_REGISTER_RSP,
	[X86_RBX] = ZYDIS_REGISTER_RBX, [X86_RBP] = ZYDIS_REGISTER_RBP,
	[X86_R10] = ZYDIS_REGISTER_R10, [X86_R11] = ZYDIS_REGISTER_R11,
	[X86_R12] = ZYDIS_REGISTER_R12, [X86_R13] = ZYDIS_REGISTER_R13,
	[X86_R14] = ZYDIS_REGISTER_R14, [X86_R15] = ZYDIS_REGISTER_R15,
};

struct decoded {
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
};

static int decode(const uint8_t *code, size_t n, struct decoded *ret)
{
	ZydisDecoder d;

	ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, code, n, &ret->insn, ret->op)) ? 0
										      : -EBADMSG;
}

/* X86_REGS where it is none of ours (vectors, flags). */
static enum x86_reg reg_of(ZydisRegister r)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);

	for (int i = 0; i < X86_REGS; i++)
		if (zydis_regs[i] == whole)
			return (enum x86_reg)i;
	return X86_REGS;
}

/*
 * arch/x86/kernel/uprobes.c, branch_setup_xol_ops() and push_setup_xol_ops(): push of a register,
 * nop, relative call, jump and conditional jump; a branch with an operand-size prefix is refused
 * altogether. The longer nops are emulated only since 6.18, so they do not count.
 */
static bool is_emulated(const uint8_t *code, const ZydisDecodedInstruction *i)
{
	uint8_t op = i->opcode;

	if (i->opcode_map == ZYDIS_OPCODE_MAP_0F)
		return op >= 0x80 && op <= 0x8f && !(i->attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE);
	if (i->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
		return false;
	if (op >= 0x50 && op <= 0x57)
		return i->length == 1 || (i->length == 2 && code[0] == 0x41);
	if (op == 0x90)
		return i->mnemonic == ZYDIS_MNEMONIC_NOP;
	return (op == 0xe8 || op == 0xe9 || op == 0xeb || (op >= 0x70 && op <= 0x7f)) &&
	       !(i->attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE);
}

static enum x86_kind kind_of(const struct decoded *d)
{
	bool relative = d->insn.operand_count > 0 && d->op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;

	switch (d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_CALL:
		return relative ? X86_CALL : X86_CALL_INDIRECT;
	case ZYDIS_MNEMONIC_JMP:
		return relative ? X86_JUMP : X86_JUMP_INDIRECT;
	case ZYDIS_MNEMONIC_RET:
		return X86_RETURN;
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_INT3:
		return X86_STOP;
	default:
		return d->insn.meta.category == ZYDIS_CATEGORY_COND_BR ? X86_BRANCH : X86_PLAIN;
	}
}

static void fill(const uint8_t *code, uint64_t addr, const struct decoded *d, struct x86_insn *ret)
{
	struct x86_insn x = { .addr = addr, .len = d->insn.length, .kind = kind_of(d) };
	ZyanU64 to = 0;

	if (x.kind != X86_PLAIN && d->insn.operand_count > 0 &&
	    ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&d->insn, &d->op[0], addr, &to))) {
		if (x.kind == X86_CALL || x.kind == X86_JUMP || x.kind == X86_BRANCH)
			x.target = to;
		else if (d->op[0].type == ZYDIS_OPERAND_TYPE_MEMORY &&
			 d->op[0].mem.base == ZYDIS_REGISTER_RIP)
			x.slot = to;
	}
	x.emulated = is_emulated(code, &d->insn);
	x.landing = d->insn.mnemonic == ZYDIS_MNEMONIC_ENDBR64;
	x.writes_rax = x.kind == X86_CALL || x.kind == X86_CALL_INDIRECT;
	for (size_t i = 0; i < d->insn.operand_count; i++)
		if (d->op[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    (d->op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
		    reg_of(d->op[i].reg.value) == X86_RAX)
			x.writes_rax = true;
	*ret = x;
}

int x86_decode(const uint8_t *code, size_t n, uint64_t addr, struct x86_insn *ret)
{
	struct decoded d;
	int r = decode(code, n, &d);

	if (r == 0)
		fill(code, addr, &d, ret);
	return r;
}

/* --- what registers hold --- */

static struct x86_value value_of(const struct x86_state *s, const ZydisDecodedOperand *op)
{
	struct x86_value v = { X86_ANY, 0 };
	enum x86_reg r;

	if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return (struct x86_value){ X86_NUMBER, op->imm.value.s };
	if (op->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return v;
	r = reg_of(op->reg.value);
	if (r == X86_REGS)
		return v;
	v = s->reg[r];
	if (op->size == 32) {
		if (v.kind == X86_ARG)
			v.kind = X86_ARG32;
		else if (v.kind != X86_ARG32 && v.kind != X86_NUMBER)
			v.kind = X86_ANY;
	} else if (op->size != 64) {
		v.kind = X86_ANY;
	}
	return v;
}

/* The value that an instruction of the form "dst = f(src)" gives; X86_ANY: not followed. */
static struct x86_value result_of(const struct x86_state *s, const struct decoded *d, uint64_t next)
{
	const ZydisDecodedOperand *dst = &d->op[0], *src = &d->op[1];
	struct x86_value any = { X86_ANY, 0 }, v;

	switch (d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVSXD:
		return value_of(s, src);
	case ZYDIS_MNEMONIC_XOR:
		if (src->type == ZYDIS_OPERAND_TYPE_REGISTER && src->reg.value == dst->reg.value)
			return (struct x86_value){ X86_NUMBER, 0 };
		return any;
	case ZYDIS_MNEMONIC_LEA:
		if (src->mem.base == ZYDIS_REGISTER_RIP && dst->size == 64)
			return (struct x86_value){
				X86_NUMBER, (int64_t)(next + (uint64_t)src->mem.disp.value)
			};
		if (src->mem.index != ZYDIS_REGISTER_NONE || reg_of(src->mem.base) == X86_REGS ||
		    dst->size != 64)
			return any;
		v = s->reg[reg_of(src->mem.base)];
		v.n += src->mem.disp.has_displacement ? src->mem.disp.value : 0;
		return v.kind == X86_STACK ? v : any;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		v = s->reg[reg_of(dst->reg.value)];
		if (v.kind != X86_STACK || dst->size != 64 ||
		    src->type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
			return any;
		v.n += d->insn.mnemonic == ZYDIS_MNEMONIC_ADD ? src->imm.value.s
							      : -src->imm.value.s;
		return v;
	default:
		return any;
	}
}

static void forget_written(struct x86_state *s, const struct decoded *d)
{
	for (size_t i = 0; i < d->insn.operand_count; i++) {
		enum x86_reg r;

		if (d->op[i].type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(d->op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		r = reg_of(d->op[i].reg.value);
		if (r != X86_REGS)
			s->reg[r] = (struct x86_value){ X86_ANY, 0 };
	}
}

static void after_call(struct x86_state *s, uint64_t addr)
{
	static const enum x86_reg clobbered[] = { X86_RDI, X86_RSI, X86_RDX, X86_RCX,
						  X86_R8,  X86_R9,  X86_R10, X86_R11 };

	for (size_t i = 0; i < sizeof(clobbered) / sizeof(clobbered[0]); i++)
		s->reg[clobbered[i]] = (struct x86_value){ X86_ANY, 0 };
	s->reg[X86_RAX] = (struct x86_value){ X86_RESULT, (int64_t)addr };
}

static void apply(struct x86_state *s, const struct decoded *d, const struct x86_insn *x)
{
	struct x86_value sp = s->reg[X86_RSP], v = { X86_ANY, 0 };
	enum x86_reg dst = X86_REGS;

	if (x->kind == X86_CALL || x->kind == X86_CALL_INDIRECT) {
		after_call(s, x->addr);
		return;
	}
	if (d->insn.operand_count > 1 && d->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    (d->op[0].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) && d->op[0].size >= 32)
		dst = reg_of(d->op[0].reg.value);
	if (dst != X86_REGS)
		v = result_of(s, d, x->addr + x->len);
	forget_written(s, d);
	if (dst != X86_REGS)
		s->reg[dst] = v;
	if (sp.kind == X86_STACK && d->op[0].size == 64) {
		if (d->insn.mnemonic == ZYDIS_MNEMONIC_PUSH)
			s->reg[X86_RSP] = (struct x86_value){ X86_STACK, sp.n - 8 };
		else if (d->insn.mnemonic == ZYDIS_MNEMONIC_POP && dst != X86_RSP)
			s->reg[X86_RSP] = (struct x86_value){ X86_STACK, sp.n + 8 };
	}
}

int x86_step(const uint8_t *code, size_t n, uint64_t addr, struct x86_state *s,
	     struct x86_insn *ret)
{
	struct decoded d;
	int r = decode(code, n, &d);

	if (r < 0)
		return r;
	fill(code, addr, &d, ret);
	apply(s, &d, ret);
	return 0;
}

/* --- what it does with memory --- */

static void access_memory(const ZydisDecodedOperand *m, struct x86_access *ret)
{
	if ((m->mem.type != ZYDIS_MEMOP_TYPE_MEM && m->mem.type != ZYDIS_MEMOP_TYPE_AGEN) ||
	    m->mem.index != ZYDIS_REGISTER_NONE || m->mem.segment == ZYDIS_REGISTER_FS ||
	    m->mem.segment == ZYDIS_REGISTER_GS)
		return;
	ret->base = reg_of(m->mem.base);
	ret->offset = m->mem.disp.has_displacement ? m->mem.disp.value : 0;
	ret->size = (uint8_t)(m->size / 8);
	if (m->mem.type != ZYDIS_MEMOP_TYPE_MEM)
		return;
	ret->reads = m->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
	ret->writes = m->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
}

int x86_access(const uint8_t *code, size_t n, struct x86_access *ret)
{
	struct x86_access a = { .base = X86_REGS, .to = X86_REGS, .with = X86_REGS };
	struct decoded d;
	int r = decode(code, n, &d);

	if (r < 0)
		return r;
	for (size_t i = 0; i < d.insn.operand_count_visible; i++)
		if (d.op[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
			access_memory(&d.op[i], &a);
	if (d.insn.mnemonic == ZYDIS_MNEMONIC_MOV && d.op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    d.op[0].size == 64)
		a.to = reg_of(d.op[0].reg.value);
	if (d.insn.mnemonic == ZYDIS_MNEMONIC_CMP && d.op[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		a.compares = true;
		a.number = d.op[1].imm.value.s;
		if (d.op[0].type == ZYDIS_OPERAND_TYPE_REGISTER && d.op[0].size == 64)
			a.with = reg_of(d.op[0].reg.value);
	}
	if (d.insn.mnemonic == ZYDIS_MNEMONIC_ADD && d.op[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		a.adds = d.op[1].imm.value.s;
	*ret = a;
	return 0;
}

void x86_text(const uint8_t *code, size_t n, uint64_t addr, char ret[X86_TEXT_SIZE])
{
	char text[128] = "?";
	ZydisFormatter f;
	struct decoded d;

	if (decode(code, n, &d) == 0) {
		ZydisFormatterInit(&f, ZYDIS_FORMATTER_STYLE_ATT);
		ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
		ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
					  ZYDIS_PADDING_DISABLED);
		ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_ADDR_PADDING_RELATIVE,
					  ZYDIS_PADDING_DISABLED);
		ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_DISP_PADDING,
					  ZYDIS_PADDING_DISABLED);
		ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_IMM_PADDING,
					  ZYDIS_PADDING_DISABLED);
		ZydisFormatterFormatInstruction(&f, &d.insn, d.op, d.insn.operand_count_visible,
						text, sizeof(text), addr, NULL);
	}
	snprintf(ret, X86_TEXT_SIZE, "%.*s", X86_TEXT_SIZE - 1, text);
}
