/* SPDX-License-Identifier: BSD-2-Clause */
#include <Zydis/Zydis.h>
#include <elf.h>
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

/* INSN_REGS where it is none of ours (vectors, flags). */
static int reg_of(ZydisRegister r)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);

	for (int i = 0; i < X86_REGS; i++)
		if (zydis_regs[i] == whole)
			return i;
	return INSN_REGS;
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

static enum insn_kind kind_of(const struct decoded *d)
{
	bool relative = d->insn.operand_count > 0 && d->op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;

	switch (d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_CALL:
		return relative ? INSN_CALL : INSN_CALL_INDIRECT;
	case ZYDIS_MNEMONIC_JMP:
		return relative ? INSN_JUMP : INSN_JUMP_INDIRECT;
	case ZYDIS_MNEMONIC_RET:
		return INSN_RETURN;
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_INT3:
		return INSN_STOP;
	default:
		return d->insn.meta.category == ZYDIS_CATEGORY_COND_BR ? INSN_BRANCH : INSN_PLAIN;
	}
}

static void fill(const uint8_t *code, uint64_t addr, const struct decoded *d, struct insn *ret)
{
	struct insn x = { .addr = addr, .len = d->insn.length, .kind = kind_of(d) };
	ZyanU64 to = 0;

	if (x.kind != INSN_PLAIN && d->insn.operand_count > 0 &&
	    ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&d->insn, &d->op[0], addr, &to))) {
		if (x.kind == INSN_CALL || x.kind == INSN_JUMP || x.kind == INSN_BRANCH)
			x.target = to;
		else if (d->op[0].type == ZYDIS_OPERAND_TYPE_MEMORY &&
			 d->op[0].mem.base == ZYDIS_REGISTER_RIP)
			x.slot = to;
	}
	x.emulated = is_emulated(code, &d->insn);
	x.landing = d->insn.mnemonic == ZYDIS_MNEMONIC_ENDBR64;
	x.writes_result = x.kind == INSN_CALL || x.kind == INSN_CALL_INDIRECT;
	for (size_t i = 0; i < d->insn.operand_count; i++)
		if (d->op[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    (d->op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
		    reg_of(d->op[i].reg.value) == X86_RAX)
			x.writes_result = true;
	*ret = x;
}

/* --- what registers hold --- */

static struct insn_value value_of(const struct insn_state *s, const ZydisDecodedOperand *op)
{
	struct insn_value v = { VALUE_ANY, 0 };
	int r;

	if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return (struct insn_value){ VALUE_NUMBER, op->imm.value.s };
	if (op->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return v;
	r = reg_of(op->reg.value);
	if (r == INSN_REGS)
		return v;
	v = s->reg[r];
	if (op->size == 32) {
		if (v.kind == VALUE_ARG)
			v.kind = VALUE_ARG32;
		else if (v.kind != VALUE_ARG32 && v.kind != VALUE_NUMBER)
			v.kind = VALUE_ANY;
	} else if (op->size != 64) {
		v.kind = VALUE_ANY;
	}
	return v;
}

/* The value that an instruction of the form "dst = f(src)" gives; VALUE_ANY: not followed. */
static struct insn_value result_of(const struct insn_state *s, const struct decoded *d,
				   uint64_t next)
{
	const ZydisDecodedOperand *dst = &d->op[0], *src = &d->op[1];
	struct insn_value any = { VALUE_ANY, 0 }, v;

	switch (d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVSXD:
		return value_of(s, src);
	case ZYDIS_MNEMONIC_XOR:
		if (src->type == ZYDIS_OPERAND_TYPE_REGISTER && src->reg.value == dst->reg.value)
			return (struct insn_value){ VALUE_NUMBER, 0 };
		return any;
	case ZYDIS_MNEMONIC_LEA:
		if (src->mem.base == ZYDIS_REGISTER_RIP && dst->size == 64)
			return (struct insn_value){
				VALUE_NUMBER, (int64_t)(next + (uint64_t)src->mem.disp.value)
			};
		if (src->mem.index != ZYDIS_REGISTER_NONE || reg_of(src->mem.base) == INSN_REGS ||
		    dst->size != 64)
			return any;
		v = s->reg[reg_of(src->mem.base)];
		v.n += src->mem.disp.has_displacement ? src->mem.disp.value : 0;
		return v.kind == VALUE_STACK ? v : any;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		v = s->reg[reg_of(dst->reg.value)];
		if (v.kind != VALUE_STACK || dst->size != 64 ||
		    src->type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
			return any;
		v.n += d->insn.mnemonic == ZYDIS_MNEMONIC_ADD ? src->imm.value.s
							      : -src->imm.value.s;
		return v;
	default:
		return any;
	}
}

static void forget_written(struct insn_state *s, const struct decoded *d)
{
	for (size_t i = 0; i < d->insn.operand_count; i++) {
		int r;

		if (d->op[i].type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(d->op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		r = reg_of(d->op[i].reg.value);
		if (r != INSN_REGS)
			s->reg[r] = (struct insn_value){ VALUE_ANY, 0 };
	}
}

static void after_call(struct insn_state *s, uint64_t addr)
{
	static const enum x86_reg clobbered[] = { X86_RDI, X86_RSI, X86_RDX, X86_RCX,
						  X86_R8,  X86_R9,  X86_R10, X86_R11 };

	for (size_t i = 0; i < sizeof(clobbered) / sizeof(clobbered[0]); i++)
		s->reg[clobbered[i]] = (struct insn_value){ VALUE_ANY, 0 };
	s->reg[X86_RAX] = (struct insn_value){ VALUE_RESULT, (int64_t)addr };
}

static void apply(struct insn_state *s, const struct decoded *d, const struct insn *x)
{
	struct insn_value sp = s->reg[X86_RSP], v = { VALUE_ANY, 0 };
	int dst = INSN_REGS;

	if (x->kind == INSN_CALL || x->kind == INSN_CALL_INDIRECT) {
		after_call(s, x->addr);
		return;
	}
	if (d->insn.operand_count > 1 && d->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    (d->op[0].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) && d->op[0].size >= 32)
		dst = reg_of(d->op[0].reg.value);
	if (dst != INSN_REGS)
		v = result_of(s, d, x->addr + x->len);
	forget_written(s, d);
	if (dst != INSN_REGS)
		s->reg[dst] = v;
	if (sp.kind == VALUE_STACK && d->op[0].size == 64) {
		if (d->insn.mnemonic == ZYDIS_MNEMONIC_PUSH)
			s->reg[X86_RSP] = (struct insn_value){ VALUE_STACK, sp.n - 8 };
		else if (d->insn.mnemonic == ZYDIS_MNEMONIC_POP && dst != X86_RSP)
			s->reg[X86_RSP] = (struct insn_value){ VALUE_STACK, sp.n + 8 };
	}
}

static int step(const uint8_t *code, size_t n, uint64_t addr, struct insn_state *s,
		struct insn *ret)
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

static void access_memory(const ZydisDecodedOperand *m, struct insn_access *ret)
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

static int access_of(const uint8_t *code, size_t n, struct insn_access *ret)
{
	struct insn_access a = {
		.base = INSN_REGS, .to = INSN_REGS, .to_second = INSN_REGS, .with = INSN_REGS
	};
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

static void text_of(const uint8_t *code, size_t n, uint64_t addr, char ret[INSN_TEXT_SIZE])
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
	snprintf(ret, INSN_TEXT_SIZE, "%.*s", INSN_TEXT_SIZE - 1, text);
}

/*
 * int3 stands nowhere else than between functions. Else: the ends of nops of one and more bytes,
 * and of a function that needs none.
 */
static bool begins(const uint8_t before[4], const uint8_t at[4], bool sure)
{
	if (sure)
		return before[3] == 0xcc && at[0] != 0xcc;
	return before[3] == 0x90 || before[3] == 0x00 || before[3] == 0xc3;
}

#define BIT(reg) (1u << (reg))

const struct isa isa_x86 = {
	.machine = EM_X86_64,
	.name = "x86-64",
	.len_max = INSN_LEN_MAX,
	.align = 16,
	.n_regs = X86_REGS,
	.n_args = 6,
	.sp = X86_RSP,
	.frame = X86_RBP,
	.result_by_argument = true,
	.link = INSN_REGS,
	.kept = BIT(X86_RBX) | BIT(X86_RBP) | BIT(X86_R12) | BIT(X86_R13) | BIT(X86_R14) |
		BIT(X86_R15),
	.step = step,
	.access = access_of,
	.text = text_of,
	.begins = begins,
};
