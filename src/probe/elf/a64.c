/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A64, the code of 64-bit arm machines, decoded by Capstone. Registers are their own numbers: x0 to
 * x7 pass arguments and x0 the result, x30 is the link, 31 the stack pointer.
 */
#include <capstone/capstone.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "probe/elf/insn.h"

#define SIZE  4
#define FRAME 29
#define LINK  30
#define SP    31

/* One for all: Capstone allocates, and the prober has one thread. */
static csh handle;

static const cs_insn *decode(const uint8_t *code, size_t n, uint64_t addr)
{
	static cs_insn *insn;

	if (!insn && cs_open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &handle) == CS_ERR_OK) {
		cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
		insn = cs_malloc(handle);
	}
	if (!insn || n < SIZE)
		return NULL;
	n = SIZE;
	return cs_disasm_iter(handle, &code, &n, &addr, insn) ? insn : NULL;
}

static uint32_t word_of(const uint8_t *code)
{
	uint32_t word;

	memcpy(&word, code, sizeof(word));
	return word;
}

/* --- registers --- */

/* INSN_REGS where it is none of ours (vectors, flags, zero). */
static int reg_of(unsigned int r)
{
	if (r >= ARM64_REG_X0 && r <= ARM64_REG_X28)
		return (int)(r - ARM64_REG_X0);
	if (r >= ARM64_REG_W0 && r <= ARM64_REG_W30)
		return (int)(r - ARM64_REG_W0);
	switch (r) {
	case ARM64_REG_FP:
		return FRAME;
	case ARM64_REG_LR:
		return LINK;
	case ARM64_REG_SP:
	case ARM64_REG_WSP:
		return SP;
	default:
		return INSN_REGS;
	}
}

static bool is_half(unsigned int r)
{
	return (r >= ARM64_REG_W0 && r <= ARM64_REG_W30) || r == ARM64_REG_WZR ||
	       r == ARM64_REG_WSP;
}

static bool is_zero(unsigned int r)
{
	return r == ARM64_REG_XZR || r == ARM64_REG_WZR;
}

/* --- what kind it is --- */

static enum insn_kind kind_of(const cs_insn *i)
{
	switch (i->id) {
	case ARM64_INS_BL:
		return INSN_CALL;
	case ARM64_INS_BLR:
		return INSN_CALL_INDIRECT;
	case ARM64_INS_B:
		return i->detail->arm64.cc == ARM64_CC_INVALID ? INSN_JUMP : INSN_BRANCH;
	case ARM64_INS_CBZ:
	case ARM64_INS_CBNZ:
	case ARM64_INS_TBZ:
	case ARM64_INS_TBNZ:
		return INSN_BRANCH;
	case ARM64_INS_BR:
		return INSN_JUMP_INDIRECT;
	case ARM64_INS_RET:
		return INSN_RETURN;
	case ARM64_INS_BRK:
	case ARM64_INS_HLT:
		return INSN_STOP;
	default:
		return INSN_PLAIN;
	}
}

/*
 * arch/arm64/kernel/probes/decode-insn.c, arm_probe_decode_insn(): what depends on where it stands,
 * so all branches, adr, adrp, and loads of literals. nop only since 6.13, so it does not count.
 */
static bool is_emulated(uint32_t word, const cs_insn *i, enum insn_kind kind)
{
	return (kind != INSN_PLAIN && kind != INSN_STOP) || i->id == ARM64_INS_ADR ||
	       i->id == ARM64_INS_ADRP || (word & 0xbf000000) == 0x18000000 ||
	       (word & 0xff000000) == 0x98000000;
}

/* udf, which fills what is never executed; Capstone 4 does not know it. */
static bool is_undefined(uint32_t word)
{
	return word <= UINT16_MAX;
}

/* Atomic operations since Armv8.1 (ldadd, swp, cas, ldapr), which it does not know either. */
static bool is_atomic(uint32_t word)
{
	return (word & 0x3f200c00) == 0x38200000 || (word & 0x3fa07c00) == 0x08a07c00;
}

static bool is_landing(uint32_t word)
{
	return (word & 0xffffff3f) == 0xd503241f; /* bti */
}

/* Signs the link or takes the signature off: paciasp, autiasp and their like are hints. */
static bool changes_link(uint32_t word)
{
	return (word & 0xffffff1f) == 0xd503231f;
}

/* --- what registers hold --- */

static const struct insn_value any = { VALUE_ANY, 0 };

static struct insn_value number(int64_t n)
{
	return (struct insn_value){ VALUE_NUMBER, n };
}

static int64_t shifted(const cs_arm64_op *op)
{
	return op->shift.type == ARM64_SFT_LSL ? (int64_t)((uint64_t)op->imm << op->shift.value)
					       : op->imm;
}

static struct insn_value half_of(struct insn_value v)
{
	if (v.kind == VALUE_ARG)
		v.kind = VALUE_ARG32;
	return v.kind == VALUE_ARG32 || v.kind == VALUE_NUMBER ? v : any;
}

static struct insn_value value_of(const struct insn_state *s, const cs_arm64_op *op)
{
	int r;

	if (op->type == ARM64_OP_IMM)
		return number(shifted(op));
	if (op->type != ARM64_OP_REG || op->shift.type != ARM64_SFT_INVALID ||
	    op->ext != ARM64_EXT_INVALID)
		return any;
	if (is_zero(op->reg))
		return number(0);
	r = reg_of(op->reg);
	if (r == INSN_REGS)
		return any;
	return is_half(op->reg) ? half_of(s->reg[r]) : s->reg[r];
}

/* An address, or a place on the stack, and a number. */
static struct insn_value sum_of(const struct insn_state *s, const cs_arm64 *d, int sign)
{
	struct insn_value v = value_of(s, &d->operands[1]);

	if (d->op_count != 3 || d->operands[2].type != ARM64_OP_IMM ||
	    (v.kind != VALUE_STACK && v.kind != VALUE_NUMBER))
		return any;
	v.n += sign * shifted(&d->operands[2]);
	return v;
}

static struct insn_value loaded(const struct insn_state *s, const cs_arm64 *d)
{
	const arm64_op_mem *m = &d->operands[1].mem;
	int base = reg_of(m->base);

	if (d->operands[1].type != ARM64_OP_MEM || m->index != ARM64_REG_INVALID ||
	    is_half(d->operands[0].reg) || base == INSN_REGS || s->reg[base].kind != VALUE_NUMBER)
		return any;
	return (struct insn_value){ VALUE_LOADED, s->reg[base].n + m->disp };
}

/* The value that an instruction of the form "dst = f(src)" gives; VALUE_ANY: not followed. */
static struct insn_value result_of(const struct insn_state *s, const cs_insn *i)
{
	const cs_arm64 *d = &i->detail->arm64;
	const cs_arm64_op *src = &d->operands[1];

	switch (i->id) {
	case ARM64_INS_MOV:
	case ARM64_INS_MOVZ:
	case ARM64_INS_SXTW:
	case ARM64_INS_UXTW:
		return value_of(s, src);
	case ARM64_INS_MOVN:
		return number(~shifted(src));
	case ARM64_INS_ORR:
		return is_zero(src->reg) ? value_of(s, &d->operands[2]) : any;
	case ARM64_INS_AND:
		return d->operands[2].type == ARM64_OP_IMM && d->operands[2].imm == UINT32_MAX
			       ? half_of(value_of(s, src))
			       : any;
	case ARM64_INS_ADR:
	case ARM64_INS_ADRP:
		return number(src->imm);
	case ARM64_INS_ADD:
		return sum_of(s, d, 1);
	case ARM64_INS_SUB:
		return sum_of(s, d, -1);
	case ARM64_INS_LDR:
		return d->writeback ? any : loaded(s, d);
	default:
		return any;
	}
}

/* Which operand is memory; -1: none. */
static int memory_of(const cs_arm64 *d)
{
	for (int k = 0; k < d->op_count; k++)
		if (d->operands[k].type == ARM64_OP_MEM)
			return k;
	return -1;
}

/* [base, #n]! and [base], #n */
static struct insn_value moved_base(const struct insn_state *s, const cs_arm64 *d, int *ret_base)
{
	int k = d->writeback ? memory_of(d) : -1;
	const cs_arm64_op *m = &d->operands[k < 0 ? 0 : k];
	struct insn_value v;

	*ret_base = k < 0 ? INSN_REGS : reg_of(m->mem.base);
	if (*ret_base == INSN_REGS)
		return any;
	v = s->reg[*ret_base];
	if (k + 1 == d->op_count)
		v.n += m->mem.disp;
	else if (m[1].type == ARM64_OP_IMM)
		v.n += m[1].imm;
	else
		return any;
	return v.kind == VALUE_STACK ? v : any;
}

/* Comparing writes flags alone, whatever Capstone says. */
static bool only_compares(const cs_insn *i)
{
	return i->id == ARM64_INS_CMP || i->id == ARM64_INS_CMN || i->id == ARM64_INS_TST;
}

/* A bit for each register that is written, by name or not. */
static uint32_t written_by(const cs_insn *i)
{
	cs_regs read, written;
	uint8_t n_read, n_written;
	uint32_t mask = 0;

	if (only_compares(i) || i->id == ARM64_INS_SVC ||
	    cs_regs_access(handle, i, read, &n_read, written, &n_written) != CS_ERR_OK)
		return 0;
	for (int k = 0; k < n_written; k++)
		if (reg_of(written[k]) != INSN_REGS)
			mask |= 1u << reg_of(written[k]);
	return mask;
}

static void forget(struct insn_state *s, uint32_t mask)
{
	for (int r = 0; r < INSN_REGS; r++)
		if (mask & 1u << r)
			s->reg[r] = any;
}

static void apply(struct insn_state *s, const cs_insn *i, const struct insn *x, uint32_t written)
{
	const cs_arm64 *d = &i->detail->arm64;
	int base, to = INSN_REGS;
	struct insn_value moved = moved_base(s, d, &base), v = any;

	if (x->kind == INSN_CALL || x->kind == INSN_CALL_INDIRECT) {
		forget(s, ~isa_a64.kept);
		s->reg[0] = (struct insn_value){ VALUE_RESULT, (int64_t)x->addr };
		return;
	}
	if (d->op_count > 1 && d->operands[0].type == ARM64_OP_REG)
		to = reg_of(d->operands[0].reg);
	if (to < INSN_REGS && written & 1u << to)
		v = result_of(s, i);
	forget(s, written);
	if (to < INSN_REGS && written & 1u << to)
		s->reg[to] = v;
	if (base < INSN_REGS)
		s->reg[base] = moved;
}

/* Where an indirect jump takes its target from. */
static uint64_t slot_of(const struct insn_state *s, const cs_insn *i)
{
	const cs_arm64 *d = &i->detail->arm64;
	int r = d->op_count > 0 && d->operands[0].type == ARM64_OP_REG ? reg_of(d->operands[0].reg)
								       : INSN_REGS;

	return r < INSN_REGS && s->reg[r].kind == VALUE_LOADED ? (uint64_t)s->reg[r].n : 0;
}

static uint64_t target_of(const cs_insn *i, enum insn_kind kind)
{
	const cs_arm64 *d = &i->detail->arm64;

	if (kind != INSN_CALL && kind != INSN_JUMP && kind != INSN_BRANCH)
		return 0;
	return d->op_count > 0 && d->operands[d->op_count - 1].type == ARM64_OP_IMM
		       ? (uint64_t)d->operands[d->op_count - 1].imm
		       : 0;
}

/* What Capstone does not know. Either register may get what was in memory. */
static int step_unknown(uint32_t word, struct insn_state *s, struct insn *x)
{
	const uint32_t written = 1u << (word & 31) | 1u << (word >> 16 & 31);

	if (is_atomic(word)) {
		x->kind = INSN_PLAIN;
		x->writes_result = written & 1u;
		forget(s, written & ~(1u << SP)); /* 31 is the zero register there */
		return 0;
	}
	x->kind = INSN_STOP;
	return is_undefined(word) ? 0 : -EBADMSG;
}

static int step(const uint8_t *code, size_t n, uint64_t addr, struct insn_state *s,
		struct insn *ret)
{
	const cs_insn *i = decode(code, n, addr);
	struct insn x = { .addr = addr, .len = SIZE };
	uint32_t written;

	if (n < SIZE || (!i && step_unknown(word_of(code), s, &x) < 0))
		return -EBADMSG;
	if (i) {
		x.kind = kind_of(i);
		x.target = target_of(i, x.kind);
		x.emulated = is_emulated(word_of(code), i, x.kind);
		x.landing = is_landing(word_of(code));
		if (x.kind == INSN_JUMP_INDIRECT || x.kind == INSN_CALL_INDIRECT)
			x.slot = slot_of(s, i);
		written = written_by(i) | (changes_link(word_of(code)) ? 1u << LINK : 0);
		x.writes_result =
			x.kind == INSN_CALL || x.kind == INSN_CALL_INDIRECT || written & 1u;
		apply(s, i, &x, written);
	}
	*ret = x;
	return 0;
}

/* --- what it does with memory --- */

static uint8_t size_of(const cs_insn *i)
{
	const unsigned int r = i->detail->arm64.operands[0].reg;
	const char *m = i->mnemonic;
	size_t n = strlen(m);

	if (n > 1 && m[n - 1] == 'b')
		return 1;
	if (n > 1 && m[n - 1] == 'h')
		return 2;
	if (is_half(r) || (n > 1 && m[n - 2] == 's' && m[n - 1] == 'w'))
		return 4;
	return r >= ARM64_REG_Q0 && r <= ARM64_REG_Q31 ? 16 : 8;
}

static int whole_register(const cs_arm64_op *op)
{
	return op->type == ARM64_OP_REG && !is_half(op->reg) ? reg_of(op->reg) : INSN_REGS;
}

static void access_memory(const cs_insn *i, struct insn_access *ret)
{
	const cs_arm64 *d = &i->detail->arm64;
	int k = memory_of(d);
	bool loads = strncmp(i->mnemonic, "ld", 2) == 0,
	     stores = strncmp(i->mnemonic, "st", 2) == 0;

	if (k < 1 || d->operands[k].mem.index != ARM64_REG_INVALID || (!loads && !stores))
		return;
	ret->base = reg_of(d->operands[k].mem.base);
	ret->offset = d->operands[k].mem.disp;
	ret->size = size_of(i);
	ret->reads = loads;
	ret->writes = stores;
	ret->pair = i->id == ARM64_INS_LDP || i->id == ARM64_INS_STP || i->id == ARM64_INS_LDNP ||
		    i->id == ARM64_INS_STNP;
	if (loads)
		ret->to = whole_register(&d->operands[0]);
	if (loads && ret->pair)
		ret->to_second = whole_register(&d->operands[1]);
}

/* cmp, or subs of which only the flags may matter. */
static void access_number(const cs_insn *i, struct insn_access *ret)
{
	const cs_arm64 *d = &i->detail->arm64;
	const cs_arm64_op *last = &d->operands[d->op_count > 0 ? d->op_count - 1 : 0];

	if (d->op_count < 2 || last->type != ARM64_OP_IMM)
		return;
	if (i->id == ARM64_INS_CMP || (i->id == ARM64_INS_SUB && d->update_flags)) {
		ret->compares = true;
		ret->with = whole_register(last - 1);
		ret->number = shifted(last);
	}
	if (i->id == ARM64_INS_ADD)
		ret->adds = shifted(last);
}

static int access_of(const uint8_t *code, size_t n, struct insn_access *ret)
{
	struct insn_access a = {
		.base = INSN_REGS, .to = INSN_REGS, .to_second = INSN_REGS, .with = INSN_REGS
	};
	const cs_insn *i = decode(code, n, 0);

	if (!i)
		return -EBADMSG;
	access_memory(i, &a);
	access_number(i, &a);
	*ret = a;
	return 0;
}

static void text_of(const uint8_t *code, size_t n, uint64_t addr, char ret[INSN_TEXT_SIZE])
{
	const cs_insn *i = decode(code, n, addr);

	if (i)
		snprintf(ret, INSN_TEXT_SIZE, "%.10s%s%.20s", i->mnemonic, i->op_str[0] ? " " : "",
			 i->op_str);
	else
		snprintf(ret, INSN_TEXT_SIZE, "?");
}

/* --- where functions begin --- */

struct pattern {
	uint32_t mask, bits;
};

/* What is executed last in a function, or never. */
static const struct pattern ends[] = {
	{ 0xffffffff, 0xd65f03c0 }, /* ret */
	{ 0xfc000000, 0x14000000 }, /* b */
	{ 0xfffffc1f, 0xd61f0000 }, /* br */
	{ 0xffe0001f, 0xd4200000 }, /* brk */
	{ 0xffff0000, 0x00000000 }, /* udf */
	{ 0xffffffff, 0xd503201f }, /* nop */
};

/* What makes a frame, or allows to be called. */
static const struct pattern beginnings[] = {
	{ 0xffc003e0, 0xa98003e0 }, /* stp x, x, [sp, #n]! */
	{ 0xffc003e0, 0x6d8003e0 }, /* stp d, d, [sp, #n]! */
	{ 0xffe00fe0, 0xf8000fe0 }, /* str x, [sp, #n]! */
	{ 0xff8003ff, 0xd10003ff }, /* sub sp, sp, #n */
	{ 0xffffffbf, 0xd503233f }, /* paciasp, pacibsp */
	{ 0xffffff7f, 0xd503245f }, /* bti c, bti jc */
};

static bool is_one(const uint8_t *code, const struct pattern *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((word_of(code) & p[i].mask) == p[i].bits)
			return true;
	return false;
}

static bool begins(const uint8_t before[4], const uint8_t at[4], bool sure)
{
	return is_one(before, ends, ARRAY_SIZE(ends)) &&
	       (!sure || is_one(at, beginnings, ARRAY_SIZE(beginnings)));
}

const struct isa isa_a64 = {
	.machine = EM_AARCH64,
	.name = "arm64",
	.len_max = SIZE,
	.align = SIZE,
	.n_regs = INSN_REGS,
	.n_args = 8,
	.sp = SP,
	.frame = FRAME,
	.link = LINK,
	.kept = 0xbff80000, /* x19 to x29, sp */
	.step = step,
	.access = access_of,
	.text = text_of,
	.begins = begins,
};
