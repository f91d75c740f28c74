/* SPDX-License-Identifier: BSD-2-Clause */
/* Code of 64-bit arm machines: what is understood of it, and TLS libraries that are found in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/elf/code.h"
#include "probe/finder/target.h"

#define BASE 0x10000

static char folder[] = "/tmp/sonde-a64-XXXXXX";

/* --- one function, as words --- */

struct words {
	const uint32_t *word;
	size_t n;
};

static size_t read_words(void *ctx, uint64_t addr, void *buf, size_t n)
{
	const struct words *w = ctx;
	size_t size = w->n * sizeof(w->word[0]), at = addr - BASE;

	if (addr < BASE || at >= size)
		return 0;
	n = n < size - at ? n : size - at;
	memcpy(buf, (const char *)w->word + at, n);
	return n;
}

#define GRAPH(graph, ...)                                                         \
	static const uint32_t words_[] = { __VA_ARGS__ };                         \
	struct words all_ = { words_, ARRAY_SIZE(words_) };                       \
	const struct insn_code code_ = { isa_of(EM_AARCH64), read_words, &all_ }; \
	assert_int_equal(insn_graph(&code_, BASE, sizeof(words_), graph), 0)

#define RET	  0xd65f03c0
#define NOP	  0xd503201f
#define PACIASP	  0xd503233f
#define AUTIASP	  0xd50323bf
#define BTI_C	  0xd503245f
#define CBZ_X1_8  0xb4000041 /* cbz x1, .+8 */
#define PUSH_FP	  0xa9be7bfd /* stp x29, x30, [sp, #-32]! */
#define POP_FP	  0xa8c27bfd /* ldp x29, x30, [sp], #32 */
#define SUB_SP	  0xd10083ff /* sub sp, sp, #32 */
#define ADD_SP	  0x910083ff /* add sp, sp, #32 */
#define MOV_X0_X1 0xaa0103e0
#define BL_8	  0x94000002 /* bl .+8 */

static void instructions_are_told_apart_as_the_kernel_does(void **state)
{
	static const struct {
		uint32_t word;
		enum insn_kind kind;
		bool emulated;
		const char *text;
		uint64_t target;
	} cases[] = {
		{ RET, INSN_RETURN, true, "ret", 0 },
		{ NOP, INSN_PLAIN, false, "nop", 0 },
		{ BL_8, INSN_CALL, true, "bl #0x10008", BASE + 8 },
		{ 0x17ffffff, INSN_JUMP, true, "b #0xfffc", BASE - 4 },
		{ 0x54000040, INSN_BRANCH, true, "b.eq #0x10008", BASE + 8 },
		{ CBZ_X1_8, INSN_BRANCH, true, "cbz x1, #0x10008", BASE + 8 },
		{ 0x37f80042, INSN_BRANCH, true, "tbnz w2, #0x1f, #0x10008", BASE + 8 },
		{ 0xd61f0020, INSN_JUMP_INDIRECT, true, "br x1", 0 },
		{ 0xd63f0040, INSN_CALL_INDIRECT, true, "blr x2", 0 },
		{ 0x90000003, INSN_PLAIN, true, "adrp x3, #0x10000", 0 },
		{ 0x58000040, INSN_PLAIN, true, "ldr x0, #0x10008", 0 },
		{ 0xf9400001, INSN_PLAIN, false, "ldr x1, [x0]", 0 },
		{ PUSH_FP, INSN_PLAIN, false, "stp x29, x30, [sp,", 0 },
		{ 0xd4200020, INSN_STOP, false, "brk #0x1", 0 },
		{ 0x00000000, INSN_STOP, false, "?", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct words all = { &cases[i].word, 1 };
		const struct insn_code code = { isa_of(EM_AARCH64), read_words, &all };
		struct insn_state s = { 0 };
		char text[INSN_TEXT_SIZE];
		struct insn x;

		assert_int_equal(insn_step(&code, BASE, &s, &x), 0);
		assert_int_equal(x.kind, cases[i].kind);
		assert_int_equal(x.emulated, cases[i].emulated);
		assert_int_equal(x.target, cases[i].target);
		assert_int_equal(x.len, 4);
		insn_text(&code, BASE, text);
		assert_int_equal(strncmp(text, cases[i].text, strlen(cases[i].text)), 0);
	}
}

static void registers_are_followed(void **state)
{
	static struct insn_graph g;
	const struct insn *last;

	(void)state;
	GRAPH(&g, PUSH_FP,	/* stp x29, x30, [sp, #-32]! */
	      0x910043fd,	/* add x29, sp, #16 */
	      0xaa0103f3,	/* mov x19, x1 */
	      0x2a0203f4,	/* mov w20, w2 */
	      0x90000003,	/* adrp x3, . */
	      0x91048c63,	/* add x3, x3, #0x123 */
	      0x52800842,	/* mov w2, #66 */
	      0x7100045f,	/* cmp w2, #1 */
	      0xf9400464,	/* ldr x4, [x3, #8] */
	      0xf8008c05,	/* str x5, [x0, #8]! */
	      BL_8, 0x928001e1, /* mov x1, #-16 */
	      0xaa1f03e2,	/* mov x2, xzr */
	      POP_FP, RET);
	last = insn_at(&g, BASE + 10 * 4);
	assert_int_equal(last->before.reg[19].kind, VALUE_ARG);
	assert_int_equal(last->before.reg[19].n, 1);
	assert_int_equal(last->before.reg[20].kind, VALUE_ARG32);
	assert_int_equal(last->before.reg[29].kind, VALUE_STACK);
	assert_int_equal(last->before.reg[29].n, -16);
	assert_int_equal(last->before.reg[3].kind, VALUE_NUMBER);
	assert_int_equal(last->before.reg[3].n, BASE + 0x123);
	assert_int_equal(last->before.reg[2].n, 66);
	assert_int_equal(last->before.reg[4].kind, VALUE_LOADED);
	assert_int_equal(last->before.reg[4].n, BASE + 0x12b);
	assert_int_equal(last->before.reg[0].kind, VALUE_ANY);
	last = insn_at(&g, BASE + 14 * 4);
	assert_int_equal(last->before.reg[0].kind, VALUE_RESULT);
	assert_int_equal(last->before.reg[0].n, BASE + 10 * 4);
	assert_int_equal(last->before.reg[1].n, -16);
	assert_int_equal(last->before.reg[2].n, 0);
	assert_int_equal(last->before.reg[19].kind, VALUE_ARG);
	assert_int_equal(last->before.reg[30].kind, VALUE_ANY);
	assert_int_equal(last->before.reg[31].n, 0);
	assert_true(g.complete);
}

/* It changes the link register, which must hold the address as it was called with. */
static void a_return_probe_stands_only_where_the_link_is_untouched(void **state)
{
	static struct insn_graph g;
	uint64_t entry;
	bool at_return;

	(void)state;
	{
		GRAPH(&g, BTI_C, CBZ_X1_8, NOP, RET);
		assert_int_equal(insn_place_entry(&g, 3, &entry, &at_return), 0);
		assert_int_equal(entry, BASE + 4);
		assert_true(at_return);
	}
	{ /* signed */
		GRAPH(&g, PACIASP, CBZ_X1_8, NOP, AUTIASP, RET);
		assert_int_equal(insn_place_entry(&g, 3, &entry, &at_return), 0);
		assert_false(at_return);
	}
	{ /* saved: it is read back from there */
		GRAPH(&g, PUSH_FP, CBZ_X1_8, NOP, POP_FP, RET);
		assert_int_equal(insn_place_entry(&g, 3, &entry, &at_return), 0);
		assert_false(at_return);
	}
	{ /* the call that stands there would put its own in its place */
		GRAPH(&g, BL_8, NOP, RET);
		assert_int_equal(insn_place_entry(&g, 3, &entry, &at_return), 0);
		assert_false(at_return);
	}
}

static void the_only_return_is_an_exit(void **state)
{
	static struct insn_graph g;
	uint64_t exit;

	(void)state;
	{
		GRAPH(&g, SUB_SP, CBZ_X1_8, MOV_X0_X1, ADD_SP, RET);
		assert_int_equal(insn_place_exit(&g, &exit), 0);
		assert_int_equal(exit, BASE + 4 * 4);
	}
	{ /* two */
		GRAPH(&g, CBZ_X1_8, RET, MOV_X0_X1, RET);
		assert_true(insn_place_exit(&g, &exit) < 0);
	}
	{ /* one, and a function that is left for another */
		GRAPH(&g, CBZ_X1_8, 0xd61f0200 /* br x16 */, MOV_X0_X1, RET);
		assert_true(insn_place_exit(&g, &exit) < 0);
	}
}

static void what_is_done_with_memory_is_told(void **state)
{
	static const struct {
		uint32_t word;
		struct insn_access a;
	} cases[] = {
		{ 0xf9401c01, /* ldr x1, [x0, #56] */
		  { 0, 56, 8, true, false, false, 1, INSN_REGS, false, INSN_REGS, 0, 0 } },
		{ 0x39401001, /* ldrb w1, [x0, #4] */
		  { 0, 4, 1, true, false, false, INSN_REGS, INSN_REGS, false, INSN_REGS, 0, 0 } },
		{ 0xa9082809, /* stp x9, x10, [x0, #128] */
		  { 0, 128, 8, false, true, true, INSN_REGS, INSN_REGS, false, INSN_REGS, 0, 0 } },
		{ 0xa9402809, /* ldp x9, x10, [x0] */
		  { 0, 0, 8, true, false, true, 9, 10, false, INSN_REGS, 0, 0 } },
		{ 0xf8626801, /* ldr x1, [x0, x2] */
		  { INSN_REGS, 0, 0, false, false, false, INSN_REGS, INSN_REGS, false, INSN_REGS, 0,
		    0 } },
		{ 0xf100451f, /* cmp x8, #17 */
		  { INSN_REGS, 0, 0, false, false, false, INSN_REGS, INSN_REGS, true, 8, 17, 0 } },
		{ 0x91004420, /* add x0, x1, #17 */
		  { INSN_REGS, 0, 0, false, false, false, INSN_REGS, INSN_REGS, false, INSN_REGS, 0,
		    17 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct words all = { &cases[i].word, 1 };
		const struct insn_code code = { isa_of(EM_AARCH64), read_words, &all };
		const struct insn_access *want = &cases[i].a;
		struct insn_access a;

		assert_int_equal(insn_access(&code, BASE, &a), 0);
		assert_int_equal(a.base, want->base);
		assert_int_equal(a.offset, want->offset);
		assert_int_equal(a.size, want->size);
		assert_int_equal(a.reads, want->reads);
		assert_int_equal(a.writes, want->writes);
		assert_int_equal(a.pair, want->pair);
		assert_int_equal(a.to, want->to);
		assert_int_equal(a.to_second, want->to_second);
		assert_int_equal(a.compares, want->compares);
		assert_int_equal(a.with, want->with);
		assert_int_equal(a.number, want->number);
		assert_int_equal(a.adds, want->adds);
	}
}

/* --- whole files --- */

/* Assembles and links for arm64, on whatever machine this is; an open descriptor. */
static int build(const char *source, const char *flags)
{
	char from[64], to[64], command[512];
	FILE *f;

	snprintf(from, sizeof(from), "%s/x.s", folder);
	snprintf(to, sizeof(to), "%s/x", folder);
	f = fopen(from, "w");
	assert_non_null(f);
	assert_true(fputs(source, f) >= 0);
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command), "aarch64-linux-gnu-gcc -nostdlib %s -o %s %s", flags, to,
		 from);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	return open(to, O_RDWR | O_CLOEXEC);
}

#define STATIC	"-static -no-pie -Wl,-e,0 -Wl,-z,noexecstack"
#define LIBRARY "-shared -Wl,-Bsymbolic"

/* What is found without the symbols, and where the symbols are. */
struct both {
	struct elf_file e;
	int kept;
	struct probe_target t;
};

static void build_both(const char *source, const char *flags, struct both *ret)
{
	_cleanup_(closep) int stripped = -1;
	char command[256];

	ret->kept = build(source, flags);
	assert_true(ret->kept >= 0);
	assert_int_equal(elf_open(ret->kept, &ret->e), 0);
	snprintf(command, sizeof(command), "aarch64-linux-gnu-strip -o %s/stripped %s/x", folder,
		 folder);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	snprintf(command, sizeof(command), "%s/stripped", folder);
	stripped = open(command, O_RDONLY | O_CLOEXEC);
	assert_true(target_examine(stripped, "x", &ret->t) >= 0);
}

/* On another machine they are told, and not probed. */
static size_t points_of(const struct probe_target *t)
{
#if defined(__aarch64__)
	return t->n_points;
#else
	assert_int_equal(t->n_points, 0);
	assert_string_equal(t->machine, "arm64");
	return t->n_foreign;
#endif
}

static const struct probe_point *point(const struct probe_target *t, const char *function)
{
	for (size_t i = 0; i < points_of(t); i++)
		if (strcmp(t->points[i].function, function) == 0)
			return &t->points[i];
	return NULL;
}

static uint64_t offset_of(const struct both *b, const char *label)
{
	struct elf_function f = { .name = label };
	uint64_t offset, left;

	assert_int_equal(elf_find_functions(&b->e, &f, 1), 1);
	assert_true(elf_offset(&b->e, f.vaddr, &offset, &left));
	return offset;
}

/* The point of @function enters at the label @entry, and leaves at @exit (NULL: return probe). */
static void assert_point(const struct both *b, const char *function, const char *entry,
			 const char *exit)
{
	const struct probe_point *p = point(&b->t, function);

	assert_non_null(p);
	assert_int_equal(p->entry, offset_of(b, entry));
	assert_int_equal(p->exit, exit ? offset_of(b, exit) : 0);
}

#define LABEL(name)    ".type " name ",%function\n" name ":\n"
#define FN(name, body) ".p2align 2\n" LABEL(name) body "\n.size " name ",.-" name "\n"
#define BORING                                                                                     \
	".section .rodata\nanchor: .byte 0\nfile: .asciz \"../vendor/boringssl/ssl/ssl_lib.cc\"\n" \
	".text\n"
/* ERR_put_error(16, 0, reason, file, line), as clang and as gcc prepare it. */
#define ARGS(reason)                                                                      \
	" mov w0,#16\n mov w1,wzr\n mov w2,#" reason "\n adrp x3,file\n add x3,x3,:lo12:" \
	"file\n mov w4,#7\n"
#define ARGS_APART(reason)                                                               \
	" adrp x3,file\n mov w1,#0\n mov w0,#16\n mov w2,#" reason "\n add x3,x3,:lo12:" \
	"file\n mov w4,#7\n"
/* As gcc does from a section's beginning. */
#define ARGS_ANCHOR(reason)                                                                  \
	" adrp x2,anchor\n add x2,x2,:lo12:anchor\n mov w0,#16\n mov w1,#0\n add x3,x2,#1\n" \
	" mov w2,#" reason "\n mov w4,#7\n"
#define ARGS_ADR(reason) " mov w0,#16\n mov w1,wzr\n mov w2,#" reason "\n adr x3,file\n mov w4,#7\n"
#define PUT		 FN("put_error", " ret") FN("memcpy_", " ret")
#define SAVE                                                                           \
	" stp x29,x30,[sp,#-64]!\n stp x20,x19,[sp,#16]\n str x21,[sp,#32]\n mov x29," \
	"sp\n"
#define RESTORE "9: ldr x21,[sp,#32]\n ldp x20,x19,[sp,#16]\n ldp x29,x30,[sp],#64\n"

#define WRITE_(args)                                                                                                   \
	SAVE                                                                                                           \
		" ldr x8,[x0,#152]\n mov w21,w2\n mov x20,x1\n mov x19,x0\n" LABEL("write_entry") " cbz x8,1f\n" args( \
			"66") "8: bl put_error\n mov w0,#-1\n"                                                         \
			      " b 9f\n1: ldr x8,[x19,#40]\n cbz x8,2f\n"                                               \
			      " tbnz w21,#31,3f\n ldr x8,[x19]\n"                                                      \
			      " mov x0,x19\n add x1,sp,#44\n"                                                          \
			      " add x2,sp,#48\n mov x3,x20\n"                                                          \
			      " mov w4,w21\n ldr x8,[x8,#72]\n blr x8\n"                                               \
			      " cmp w0,#0\n b.le 4f\n b 9f\n2:" args("226") " b 8b\n3:" args(                          \
				      "111") " b 8b\n4:" args("215") " b 8b"                                           \
								     "\n" RESTORE LABEL(                               \
									     "write_exit") " ret"                      \
											   "\n"
#define IMPL_(args)                                                                              \
	SAVE " mov x19,x0\n ldr x8,[x0,#40]\n cbz x8,1f\n ldr x8,[x0]\n ldr x8,[x8,#24]\n"       \
	     " blr x8\n tbz w0,#0,2f\n mov w0,#1\n b 9f\n1:" args(                               \
		     "226") "8: bl put_error\n mov w0,#-1\n b 9f\n2:" args("215") " b "          \
										  "8b\n" RESTORE \
										  " ret\n"
#define COPY " ldr x8,[x21,#48]\n ldr x1,[x8,#128]\n mov x0,x20\n sxtw x2,w19\n bl memcpy_\n"
#define CONSUME                                                                            \
	" ldr x8,[x21,#48]\n ldp x9,x10,[x8,#128]\n add x9,x9,w19,sxtw\n sub x10,x10,w19," \
	"sxtw\n stp x9,x10,[x8,#128]\n"
#define READING_(args, name, rest)                                                                 \
	SAVE " ldr x8,[x0,#152]\n" LABEL(name "_entry") " cbz x8,1f\n" args(                       \
		"66") " bl put_error\n mov w0,#-1\n b 9f\n1: mov w19,w2\n mov x20,x1\n"            \
		      " mov x21,x0\n bl impl\n cmp w0,#0\n b.le 9f\n" rest " mov w0,w19\n" RESTORE \
		      LABEL(name "_exit") " ret\n"
#define ALL(args)                                                    \
	BORING PUT FN("write", WRITE_(args)) FN("impl", IMPL_(args)) \
		FN("peek", READING_(args, "peek", COPY))             \
			FN("read", READING_(args, "read", COPY CONSUME))

static void boringssl_is_found_in_it(void **state)
{
	static const struct {
		const char *source, *flags;
	} cases[] = {
		{ ALL(ARGS), LIBRARY },
		{ ALL(ARGS), STATIC },
		{ ALL(ARGS_APART), LIBRARY },
		{ ALL(ARGS_ANCHOR), LIBRARY },
		{ ALL(ARGS_ADR), LIBRARY " -Wl,-z,noseparate-code" },
		/* that are called */
		{ ALL(ARGS) FN("user", SAVE " bl write\n bl read\n bl peek\n" RESTORE " ret\n"),
		  LIBRARY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct both b;

		build_both(cases[i].source, cases[i].flags, &b);
		assert_string_equal(b.t.library, "boringssl");
		assert_int_equal(points_of(&b.t), 2);
		assert_point(&b, "SSL_write", "write_entry", "write_exit");
		assert_point(&b, "SSL_read", "read_entry", "read_exit");
		assert_int_equal(point(&b.t, "SSL_write")->cost, PROBE_CHEAP);
		assert_int_equal(point(&b.t, "SSL_write")->detail, 64);
		close(b.kept);
	}
}

static void what_does_not_fit_is_refused(void **state)
{
	static const struct {
		const char *source, *reason;
	} cases[] = {
		{ BORING FN("impl", IMPL_(ARGS)) FN("read", READING_(ARGS, "read", COPY CONSUME))
			  PUT,
		  "SSL_write was not recognised" },
		{ BORING FN("write", WRITE_(ARGS)) FN("impl", IMPL_(ARGS))
			  FN("peek", READING_(ARGS, "peek", COPY)) PUT,
		  "SSL_read was not recognised" },
		{ ALL(ARGS) FN("more", READING_(ARGS, "more", COPY CONSUME)),
		  "two functions look like SSL_read" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct both b;

		build_both(cases[i].source, LIBRARY, &b);
		assert_int_equal(points_of(&b.t), 0);
		assert_non_null(strstr(b.t.reason, cases[i].reason));
		close(b.kept);
	}
}

/* rustls 0.23: encrypt(result in x8, self, message, sequence number) and decrypt() likewise. */
#define RUST_TEXT ".section .rodata\n.ascii \"/src/rustls-0.23.46/src/lib.rs\"\n.text\n"
#define RUST_ENCRYPT                                                                     \
	FN("encrypt",                                                                    \
	   " sub sp,sp,#128\n stp x29,x30,[sp,#96]\n ldp x9,x10,[x1,#16]\n"              \
	   " ldr x11,[x1]\n sub x10,x10,x9\n cmp x11,#0\n csel x21,x9,x10,eq\n"          \
	   " mov x22,x1\n" LABEL(                                                        \
		   "encrypt_entry") " tbz x21,#63,1f\n bl other\n"                       \
				    "1: add x0,x21,#17\n bl other\n ldrb w0,[x22,#32]\n" \
				    " ldp x29,x30,[sp,#96]\n add sp,sp,#128\n ret")
#define RUST_DECRYPT(least)                                                             \
	FN("decrypt", " sub sp,sp,#64\n stp x29,x30,[sp,#48]\n ldp x20,x21,[x1]\n cmp " \
		      "x21,#" least "\n b.lo 1f\n bl other\n1: ldp x29,x30,[sp,#48]\n"  \
		      " add sp,sp,#64\n ret")
#define RUST_LEN FN("len", " add x0,x1,#17\n ret")
#define RUST_LEN_FRAMED                                                                 \
	FN("len", " stp x29,x30,[sp,#-16]!\n mov x29,sp\n add x0,x1,#17\n ldp x29,x30," \
		  "[sp],#16\n ret")
#define RUST_VTABLES                                                                         \
	".section .data.rel.ro,\"aw\"\n.p2align 3\n.quad 0,0x230,8,decrypt\n.quad other,98," \
	"0x59000000af\n.quad 0,0x230,8,encrypt,len\n"
#define RUST(len, least)                                               \
	RUST_TEXT FN("other", " ret") RUST_ENCRYPT RUST_DECRYPT(least) \
	len FN("after", " ret") RUST_VTABLES

static void rustls_is_found_in_it(void **state)
{
	static const char *const sources[] = { RUST(RUST_LEN, "16"), RUST(RUST_LEN_FRAMED, "16") };
	static const char *const flags[] = { LIBRARY, LIBRARY " -Wl,-z,pack-relative-relocs" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		const struct probe_point *p;
		struct both b;

		build_both(sources[i], flags[i], &b);
		assert_string_equal(b.t.library, "rustls");
		assert_int_equal(points_of(&b.t), 2);
		assert_point(&b, "TLS 1.3 encrypt", "encrypt_entry", NULL);
		assert_point(&b, "TLS 1.3 decrypt", "decrypt", NULL);
		p = point(&b.t, "TLS 1.3 decrypt");
		assert_int_equal(p->cost, PROBE_CLASSIC); /* its result's address is not followed */
		assert_int_equal(p->overhead, 17);
		close(b.kept);
	}
}

static void half_a_cipher_is_refused(void **state)
{
	struct both b;

	(void)state;
	build_both(RUST(RUST_LEN, "5"), LIBRARY, &b);
	assert_int_equal(points_of(&b.t), 0);
	assert_non_null(strstr(b.t.reason, "not every direction"));
	close(b.kept);
}

#define EXPORT(name, body) ".globl " name "\n" FN(name, body)

/* SSL_write_ex calls SSL_write, through the procedure linkage table: only the inner one counts. */
static void callers_of_another_function_are_not_probed(void **state)
{
	static const char source[] = EXPORT("SSL_write", " ret\n") EXPORT("SSL_read", " ret\n")
		EXPORT("SSL_write_ex", SAVE " bl SSL_write\n" RESTORE " ret\n");
	struct both b;

	(void)state;
	build_both(source, "-shared", &b);
	assert_string_equal(b.t.library, "openssl");
	assert_non_null(point(&b.t, "SSL_write"));
	assert_null(point(&b.t, "SSL_write_ex"));
	close(b.kept);
}

/* With every byte changed once, in turn, nothing breaks, and no point lies outside the file. */
static void broken_files_are_survived(void **state)
{
	_cleanup_(closep) int fd = build(ALL(ARGS), LIBRARY " -s");
	off_t size = lseek(fd, 0, SEEK_END);

	(void)state;
	for (off_t at = 0; at < size; at += 41) {
		struct probe_target t = { .n_points = 0 };
		uint8_t was, now;

		assert_int_equal(pread(fd, &was, 1, at), 1);
		now = was ^ 0x55;
		assert_int_equal(pwrite(fd, &now, 1, at), 1);
		if (target_examine(fd, "broken", &t) >= 0)
			for (size_t i = 0; i < t.n_points + t.n_foreign; i++)
				assert_true(t.points[i].entry < (uint64_t)size);
		assert_int_equal(pwrite(fd, &was, 1, at), 1);
	}
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "x.s", "x", "stripped" };
	char path[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_are_told_apart_as_the_kernel_does),
		cmocka_unit_test(registers_are_followed),
		cmocka_unit_test(a_return_probe_stands_only_where_the_link_is_untouched),
		cmocka_unit_test(the_only_return_is_an_exit),
		cmocka_unit_test(what_is_done_with_memory_is_told),
		cmocka_unit_test(boringssl_is_found_in_it),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(rustls_is_found_in_it),
		cmocka_unit_test(half_a_cipher_is_refused),
		cmocka_unit_test(callers_of_another_function_are_not_probed),
		cmocka_unit_test(broken_files_are_survived),
	};

	return cmocka_run_group_tests_name("a64", tests, make_folder, remove_folder);
}
