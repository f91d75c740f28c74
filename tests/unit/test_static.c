/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS libraries without symbols, built here from what their functions look like in real programs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "probe/elf/xref.h"
#include "probe/finder/finder.h"
#include "probe/finder/signatures.h"

#if defined(__x86_64__)

static char folder[] = "/tmp/sonde-static-XXXXXX";

/* --- building --- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Assembles; an open descriptor. */
static int build(const char *source, const char *flags)
{
	char from[64], to[64], command[512];

	snprintf(from, sizeof(from), "%s/x.s", folder);
	snprintf(to, sizeof(to), "%s/x", folder);
	write_file(from, source);
	snprintf(command, sizeof(command), "gcc -nostdlib %s -o %s %s", flags, to, from);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	return open(to, O_RDWR | O_CLOEXEC);
}

/* The file with its symbols, and then the same without. */
struct both {
	struct elf_file e;
	int kept, stripped;
	struct probe_target t;
	int r;
};

#define STATIC	"-static -no-pie -e 0 -Wl,-z,noexecstack"
#define LIBRARY "-shared -Wl,-Bsymbolic"

static void build_both(const char *source, const char *flags, struct both *ret)
{
	char command[256];

	ret->kept = build(source, flags);
	assert_true(ret->kept >= 0);
	assert_int_equal(elf_open(ret->kept, &ret->e), 0);
	snprintf(command, sizeof(command), "strip -o %s/stripped %s/x", folder, folder);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	snprintf(command, sizeof(command), "%s/stripped", folder);
	ret->stripped = open(command, O_RDWR | O_CLOEXEC);
	ret->r = target_examine(ret->stripped, "x", &ret->t);
}

static void both_done(struct both *b)
{
	close(b->kept);
	close(b->stripped);
}

static const struct probe_point *point(const struct probe_target *t, const char *function)
{
	for (size_t i = 0; i < t->n_points; i++)
		if (strcmp(t->points[i].function, function) == 0)
			return &t->points[i];
	return NULL;
}

/* The point of @function stands where the symbol @label is. */
static void assert_point(const struct both *b, const char *function, const char *label)
{
	struct elf_function f = { .name = label };
	const struct probe_point *p = point(&b->t, function);
	uint64_t offset, left;

	assert_non_null(p);
	assert_int_equal(elf_find_functions(&b->e, &f, 1), 1);
	assert_true(elf_offset(&b->e, f.vaddr, &offset, &left));
	assert_int_equal(p->entry, offset);
	assert_int_equal(p->exit, 0);
}

/* --- BoringSSL --- */

#define FN(name, body)                                                                           \
	".p2align 4,0xcc\n.type " name ",@function\n" name ":\n" body "\n.size " name ",.-" name \
	"\n"
#define TEXT(file) ".section .rodata\n.byte 0\nfile: .asciz \"" file "\"\n.text\n"
#define BORING	   TEXT("../vendor/boringssl/ssl/ssl_lib.cc")
/* ERR_put_error(16, 0, reason, file, line), with the call and without it. */
#define ARGS(reason)                                                                        \
	" mov $16,%edi\n xor %esi,%esi\n mov $" reason ",%edx\n lea file(%rip),%rcx\n mov " \
	"$7,%r8d\n"
#define ERROR(reason)	 ARGS(reason) " call put_error\n"
#define ARGS_ABS(reason) " mov $file,%edx\n mov $16,%edi\n mov $" reason ",%esi\n mov $7,%ecx\n"
#define PUT		 FN("put_error", " ret")
#define SAVE		 " push %rbp\n mov %rsp,%rbp\n push %r15\n push %r14\n push %rbx\n push %rax\n"
#define RESTORE		 "9: add $8,%rsp\n pop %rbx\n pop %r14\n pop %r15\n pop %rbp\n ret\n"

#define WRITE_WITH(args, handing)                                                                \
	SAVE " mov %edx,%r15d\n mov %rsi,%r14\n mov %rdi,%rbx\n cmpq $0,0x98(%rbx)\n je "        \
	     "1f\n" args("66") "8: call put_error\n mov $-1,%eax\n jmp 9f\n"                     \
			       "1: cmpq $0,0x28(%rbx)\n je 2f\n test %r15d,%r15d\n js 3f\n mov " \
			       "%r15d,%r15d\n"                                                   \
			       " mov (%rbx),%rax\n mov %rbx,%rdi\n lea -0x29(%rbp),%rsi\n lea "  \
			       "-0x38(%rbp),%rdx\n"                                              \
			       " mov %r14,%rcx\n" handing                                        \
			       " call *0x48(%rax)\n test %eax,%eax\n jle 4f\n jmp 9f\n"          \
			       "2:" args("226") " jmp 8b\n3:" args("111") " jmp 8b\n4:" args(    \
				       "215") " jmp 8b\n" RESTORE
#define WRITE WRITE_WITH(ARGS, " mov %r15,%r8\n")
#define IMPL_(args)                                                                               \
	SAVE " mov %rdi,%rbx\n cmpq $0,0x28(%rbx)\n je 1f\n mov (%rbx),%rax\n call *0x18(%rax)\n" \
	     " test %al,%al\n je 2f\n mov $1,%eax\n jmp 9f\n1:" args(                             \
		     "226") "8: call put_error\n"                                                 \
			    " mov $-1,%eax\n jmp 9f\n2:" args("215") " jmp 8b\n" RESTORE
#define IMPL IMPL_(ARGS)
#define COPY                                                                                 \
	" mov 0x30(%r15),%rax\n mov 0x80(%rax),%rsi\n mov %r14,%rdi\n mov %rbx,%rdx\n call " \
	"memcpy_\n"
#define CONSUME                                                                              \
	" mov 0x30(%r15),%rax\n mov 0x88(%rax),%rcx\n sub %rbx,%rcx\n add %rbx,0x80(%rax)\n" \
	" mov %rcx,0x88(%rax)\n"
#define READING(args, rest)                                                                  \
	SAVE " cmpq $0,0x98(%rdi)\n je 1f\n" args(                                           \
		"66") " call put_error\n mov $-1,%ebx\n8: mov %ebx,%eax\n" RESTORE           \
		      "1: mov %edx,%ebx\n mov %rsi,%r14\n mov %rdi,%r15\n call impl\n test " \
		      "%eax,%eax\n"                                                          \
		      " jle 8b\n" COPY rest " jmp 8b\n"
#define READ READING(ARGS, CONSUME)
#define PEEK READING(ARGS, "")
/* SSL_read that calls SSL_peek. */
#define READ_BY_PEEK                                                                         \
	SAVE " mov %edx,%ebx\n mov %rsi,%r14\n mov %rdi,%r15\n call peek\n test %eax,%eax\n" \
	     " jle 9f\n mov %eax,%ebx\n" CONSUME RESTORE
#define NEW                                                                                \
	SAVE " test %rdi,%rdi\n je 1f\n mov %rdi,%r14\n mov $0xa8,%edi\n call malloc_\n"   \
	     " test %rax,%rax\n je 3f\n mov %rax,%rbx\n mov (%rbx),%rax\n mov %rbx,%rdi\n" \
	     " call *8(%rax)\n test %al,%al\n jne 2f\n mov %rbx,%rdi\n call destroy\n"     \
	     " mov %rbx,%rdi\n call free_\n xor %ebx,%ebx\n jmp 2f\n1:" ERROR(             \
		     "185") "3: xor %ebx,%ebx\n2: mov %rbx,%rax\n" RESTORE
#define SHAKE	SAVE " cmpq $0,0x28(%rdi)\n jne 9f\n" ERROR("134") " mov $-1,%eax\n" RESTORE
#define DESTROY SAVE " mov %rdi,%rbx\n mov (%rbx),%rax\n call *0x10(%rax)\n" RESTORE
#define HELPERS                                                                                    \
	PUT FN("memcpy_", " ret") FN("malloc_", " ret") FN("free_", " ret") FN("destroy", DESTROY) \
		FN("user", " call write\n call read\n call new\n call peek\n ret")

static const char boring[] = BORING FN("write", WRITE) FN("impl", IMPL) FN("peek", PEEK)
	FN("read", READ) FN("new", NEW) FN("shake", SHAKE) HELPERS;

static void boringssl_is_found_in_every_kind_of_file(void **state)
{
	static const char *const flags[] = { LIBRARY, STATIC, "-pie -e 0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct both b;

		build_both(boring, flags[i], &b);
		assert_int_equal(b.r, 1);
		assert_string_equal(b.t.library, "boringssl");
		assert_point(&b, "SSL_write", "write");
		assert_point(&b, "SSL_read", "read");
		assert_point(&b, "SSL_new", "new");
		assert_point(&b, "~ssl_st", "destroy");
		assert_point(&b, "SSL_do_handshake", "shake");
		assert_true(point(&b.t, "SSL_write")->write);
		assert_int_equal(point(&b.t, "SSL_read")->abi, PROBE_ABI_RW);
		assert_int_equal(point(&b.t, "SSL_new")->abi, PROBE_ABI_NEW);
		both_done(&b);
	}
}

/* Where an address is a number, and link-time optimisation has dropped an argument. */
static void arguments_may_be_numbers_and_one_may_be_missing(void **state)
{
	static const char source[] = BORING FN("write", WRITE_WITH(ARGS_ABS, " mov %r15,%r8\n"))
		FN("impl", IMPL_(ARGS_ABS)) FN("peek", "ret") FN("read", READING(ARGS_ABS, CONSUME))
			FN("new", "ret") HELPERS;
	struct both b;

	(void)state;
	build_both(source, STATIC, &b);
	assert_int_equal(b.r, 1);
	assert_point(&b, "SSL_write", "write");
	assert_point(&b, "SSL_read", "read");
	both_done(&b);
}

/* The register allocator had none left for it: as in Chromium. */
static void a_buffer_that_was_kept_on_the_stack_is_no_obstacle(void **state)
{
	static const char source[] =
		BORING FN("write", WRITE_WITH(ARGS, " mov (%rsp),%rcx\n mov %r15,%r8\n"))
			FN("impl", IMPL) FN("peek", PEEK) FN("read", READ) FN("new", "ret") HELPERS;
	struct both b;

	(void)state;
	build_both(source, LIBRARY, &b);
	assert_int_equal(b.r, 1);
	assert_point(&b, "SSL_write", "write");
	both_done(&b);
}

static void a_file_without_sections_is_read_by_segments(void **state)
{
	const Elf64_Off none = 0;
	struct both b;

	(void)state;
	build_both(boring, LIBRARY, &b);
	assert_int_equal(pwrite(b.stripped, &none, sizeof(none), offsetof(Elf64_Ehdr, e_shoff)),
			 sizeof(none));
	assert_int_equal(target_examine(b.stripped, "x", &b.t), 1);
	assert_point(&b, "SSL_write", "write");
	assert_point(&b, "SSL_read", "read");
	both_done(&b);
}

static void code_for_another_processor_is_refused(void **state)
{
	const Elf64_Half other = EM_RISCV;
	struct both b;

	(void)state;
	build_both(boring, LIBRARY, &b);
	assert_int_equal(pwrite(b.stripped, &other, sizeof(other), offsetof(Elf64_Ehdr, e_machine)),
			 sizeof(other));
	assert_int_equal(target_examine(b.stripped, "x", &b.t), 0);
	assert_non_null(strstr(b.t.reason, "BoringSSL"));
	assert_non_null(strstr(b.t.reason, "x86-64"));
	both_done(&b);
}

static void a_read_that_calls_peek_is_found_by_that(void **state)
{
	static const char source[] = BORING FN("write", WRITE) FN("impl", IMPL) FN("peek", PEEK)
		FN("read", READ_BY_PEEK) FN("new", "ret") HELPERS;
	struct both b;

	(void)state;
	build_both(source, LIBRARY, &b);
	assert_int_equal(b.r, 1);
	assert_point(&b, "SSL_read", "read");
	both_done(&b);
}

static void what_does_not_fit_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *source, *says;
	} cases[] = {
		/* Nothing consumes: SSL_peek would show everything twice. */
		{ BORING FN("write", WRITE) FN("impl", IMPL) FN("peek", PEEK) FN("read", "ret")
			  FN("new", "ret") HELPERS,
		  "SSL_read was not recognised" },
		{ BORING FN("write", WRITE) FN("impl", IMPL) FN("peek", READ) FN("read", READ)
			  FN("new", "ret") HELPERS,
		  "two functions look like SSL_read" },
		{ BORING FN("write", WRITE) FN("new", WRITE) FN("impl", IMPL) FN("peek", PEEK)
			  FN("read", READ) HELPERS,
		  "two functions look like SSL_write" },
		/* The length does not reach the protocol. */
		{ BORING FN("write", WRITE_WITH(ARGS, " mov $1,%r8d\n mov $1,%r15d\n")) FN(
			  "impl", IMPL) FN("peek", PEEK) FN("read", READ) FN("new", "ret") HELPERS,
		  "SSL_write was not recognised" },
		/* Only the text. */
		{ BORING FN("f", "ret"), "no TLS library" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct both b;

		build_both(cases[i].source, LIBRARY, &b);
		assert_int_equal(b.r, 0);
		assert_int_equal(b.t.n_points, 0);
		assert_non_null(strstr(b.t.reason, cases[i].says));
		both_done(&b);
	}
}

/* --- OpenSSL 3 --- */

#define NAMES                                                                                  \
	".section .rodata\n.byte 0\nfile: .asciz \"ssl/ssl_lib.c\"\nw: .asciz \"SSL_write\"\n" \
	"wi: .asciz \"ssl_write_internal\"\nr: .asciz \"SSL_read\"\n"                          \
	"ri: .asciz \"ssl_read_internal\"\nn: .asciz \"SSL_new\"\n"                            \
	".asciz \"OpenSSL 3.0.7 1 Nov 2022\"\n.text\n"
#define REPORT(name) \
	" lea " name "(%rip),%rdx\n mov $9,%esi\n lea file(%rip),%rdi\n call put_error\n"
#define PUBLIC(name, internal, flags)                                                           \
	" sub $0x18,%rsp\n test %edx,%edx\n js 1f\n" flags " movslq %edx,%rdx\n call " internal \
	"\n test %eax,%eax\n jle 2f\n mov (%rsp),%eax\n2: add $0x18,%rsp\n ret\n1:" REPORT(     \
		name) " mov $-1,%eax\n jmp 2b\n"
#define OLD	 " mov %rsp,%rcx\n"
#define SINCE_33 " xor %ecx,%ecx\n mov %rsp,%r8\n"
#define INTERNAL(name) \
	" push %r14\n cmpq $0,0x30(%rdi)\n jne 1f\n" REPORT(name) "1: pop %r14\n ret\n"
#define CREATE " push %r12\n test %rdi,%rdi\n jne 1f\n" REPORT("n") "1: pop %r12\n ret\n"
#define OPENSSL(flags)                                                                 \
	NAMES FN("write", PUBLIC("w", "write_i", flags)) FN("write_i", INTERNAL("wi")) \
		FN("read", PUBLIC("r", "read_i", flags)) FN("read_i", INTERNAL("ri"))  \
			FN("new", CREATE)                                              \
				PUT FN("user", " call write\n call read\n call new\n ret")

static void openssl_is_found_by_what_its_functions_are_called(void **state)
{
	static const struct {
		const char *source;
		enum probe_abi abi;
	} cases[] = {
		{ OPENSSL(OLD), PROBE_ABI_RW_EX },
		{ OPENSSL(SINCE_33), PROBE_ABI_RW_EX2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct both b;

		build_both(cases[i].source, LIBRARY, &b);
		assert_int_equal(b.r, 1);
		assert_string_equal(b.t.version, "3.0.7");
		assert_point(&b, "ssl_write_internal", "write_i");
		assert_point(&b, "ssl_read_internal", "read_i");
		assert_point(&b, "SSL_new", "new");
		assert_int_equal(point(&b.t, "ssl_read_internal")->abi, cases[i].abi);
		both_done(&b);
	}
}

/* Each public function has a copy of the internal one. */
#define COPY_OF(own, test, length)                                                               \
	" push %rbp\n mov %rsp,%rbp\n push %r14\n sub $0x18,%rsp\n" test " cmpq $0,0x30(%rdi)\n" \
	" jne 1f\n" REPORT(                                                                      \
		own) " jmp 2f\n1: mov (%rdi),%rax\n" length                                      \
		     " call *0x30(%rax)\n2: add $0x18,%rsp\n pop %r14\n pop %rbp\n ret\n"
#define LENGTH_OWN     " movslq %edx,%rdx\n lea -0x18(%rbp),%rcx\n"
#define NEGATIVE(name) " test %edx,%edx\n jns 1f\n" REPORT(name) " jmp 2f\n1:\n"

static void openssl_with_copies_of_its_internal_functions_is_probed_at_each(void **state)
{
	static const char source[] = NAMES FN("write", COPY_OF("wi", NEGATIVE("w"), LENGTH_OWN)) FN(
		"write_ex", COPY_OF("wi", "", "")) FN("read",
						      COPY_OF("ri", NEGATIVE("r"), LENGTH_OWN))
		FN("read_ex", COPY_OF("ri", "", "")) FN("new", CREATE) PUT FN(
			"user", " call write\n call write_ex\n call read\n call read_ex\n ret");
	struct both b;

	(void)state;
	build_both(source, LIBRARY, &b);
	assert_int_equal(b.r, 1);
	assert_point(&b, "SSL_write", "write");
	assert_point(&b, "ssl_write_internal", "write_ex");
	assert_point(&b, "SSL_read", "read");
	assert_point(&b, "ssl_read_internal", "read_ex");
	assert_int_equal(point(&b.t, "SSL_read")->abi, PROBE_ABI_RW);
	assert_int_equal(point(&b.t, "ssl_read_internal")->abi, PROBE_ABI_RW_EX);
	both_done(&b);
}

static void openssl_whose_functions_do_not_agree_is_refused(void **state)
{
	static const char source[] =
		NAMES FN("write", PUBLIC("w", "read_i", OLD)) FN("write_i", INTERNAL("wi"))
			FN("read", PUBLIC("r", "read_i", OLD)) FN("read_i", INTERNAL("ri"))
				FN("new", CREATE) PUT FN("user", " call write\n ret");
	struct both b;

	(void)state;
	build_both(source, LIBRARY, &b);
	assert_int_equal(b.r, 0);
	assert_non_null(strstr(b.t.reason, "what writes was not recognised"));
	both_done(&b);
}

/* --- where things are --- */

static void references_across_the_border_of_a_block_are_found_once(void **state)
{
	struct both b;
	uint64_t text, code;

	(void)state;
	for (int shift = 0; shift < 80; shift += 3) {
		char source[512];
		struct elf_ref refs[4], calls[4];
		struct elf_range all;

		snprintf(source, sizeof(source),
			 ".section .rodata\n.byte 0\ntext: .asciz \"marker\"\n.text\nf: ret\n"
			 ".fill %d,1,0x90\nlea text(%%rip),%%rax\ncall f\nret\n",
			 262144 - 40 + shift);
		build_both(source, LIBRARY, &b);
		assert_int_equal(elf_find_strings(&b.e, "marker", true, &text, 1), 1);
		assert_int_equal(elf_find_refs(&b.e, &text, 1, refs, 4), 1);
		code = refs[0].at & ~0xfffffull;
		all = (struct elf_range){ code, refs[0].at };
		assert_int_equal(elf_find_calls(&b.e, &all, 1, calls, 4), 1);
		assert_int_equal(calls[0].at, refs[0].at + 5);
		both_done(&b);
	}
}

static void functions_are_told_by_the_table_for_exceptions(void **state)
{
	static const char source[] =
		".globl f\nf: .cfi_startproc\n nop\n ret\n .cfi_endproc\n"
		".type g,@function\ng: .cfi_startproc\n push %rbx\n pop %rbx\n ret\n"
		" .cfi_endproc\n.size g,.-g\n nop\n";
	struct elf_function g = { .name = "g" };
	struct elf_range range;
	struct both b;

	(void)state;
	build_both(source, LIBRARY, &b);
	assert_int_equal(elf_find_functions(&b.e, &g, 1), 1);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(elf_function_at(&b.e, g.vaddr + i, &range), 0);
		assert_int_equal(range.from, g.vaddr);
		assert_int_equal(range.to, g.vaddr + 3);
	}
	assert_true(elf_function_at(&b.e, g.vaddr + 3, &range) < 0);
	both_done(&b);
}

/* --- whatever the file --- */

static void cut_and_broken_files_are_survived(void **state)
{
	_cleanup_(closep) int copy = memfd_create("elf", MFD_CLOEXEC);
	_cleanup_(freep) char *bytes = NULL;
	struct probe_target t;
	struct stat st;
	struct both b;
	size_t n;

	(void)state;
	build_both(boring, LIBRARY, &b);
	assert_int_equal(fstat(b.stripped, &st), 0);
	n = (size_t)st.st_size;
	bytes = malloc(n);
	assert_int_equal(pread(b.stripped, bytes, n, 0), n);
	for (size_t cut = 0; cut < n; cut += 97) {
		assert_int_equal(ftruncate(copy, 0), 0);
		assert_int_equal(pwrite(copy, bytes, cut, 0), cut);
		target_examine(copy, "cut", &t);
	}
	for (size_t at = 0; at < n; at += 7) {
		const char broken = (char)(bytes[at] ^ 0x81);

		assert_int_equal(pwrite(copy, bytes, n, 0), n);
		assert_int_equal(pwrite(copy, &broken, 1, (off_t)at), 1);
		if (target_examine(copy, "broken", &t) != 1)
			continue;
		for (size_t i = 0; i < t.n_points; i++)
			assert_true(t.points[i].entry < n);
	}
	both_done(&b);
}

static void refused_memory_never_leads_to_another_place(void **state)
{
	struct both b;

	(void)state;
	build_both(boring, LIBRARY, &b);
	for (long n = 1;; n++) {
		int r;

		alloc_refuse(n);
		r = target_examine(b.stripped, "x", &b.t);
		if (!alloc_allow())
			break;
		assert_true(r == -ENOMEM || r == 0 || r == 1);
		if (r != 1)
			continue;
		assert_point(&b, "SSL_write", "write");
		assert_point(&b, "SSL_read", "read");
	}
	assert_int_equal(b.t.n_points, 5);
	both_done(&b);
}

/* --- signatures --- */

static void the_built_in_signatures_are_readable(void **state)
{
	struct signatures s;

	(void)state;
	assert_int_equal(signatures_parse(signatures_builtin(), &s), 0);
	assert_int_equal(s.boringssl.library, 16);
	assert_string_equal(s.boringssl.file, "ssl/ssl_lib.cc");
	assert_int_equal(s.boringssl.create.all[0], 185);
}

static void signatures_with_anything_missing_or_too_large_are_refused(void **state)
{
	static const char *const changes[][2] = {
		{ "\"write\"", "\"writ\"" },
		{ "215", "512" },
		{ "215", "-1" },
		{ "[185]", "[]" },
		{ "[185]", "\"185\"" },
		{ "\"SSL_new\"", "\"x\"" },
		{ "}", "" },
		{ "[185]", "[1,2,3,4,5,6,7,8,9]" },
	};
	const struct slice good = signatures_builtin();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		const char *at = strstr(good.p, changes[i][0]);
		struct signatures s = { .boringssl.library = 7 };
		char text[8192];
		int n;

		assert_non_null(at);
		n = snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good.p), good.p,
			     changes[i][1], at + strlen(changes[i][0]));
		assert_true(n > 0 && (size_t)n < sizeof(text));
		assert_int_equal(signatures_parse((struct slice){ text, (size_t)n }, &s), -EBADMSG);
		assert_int_equal(s.boringssl.library, 7);
	}
}

static void a_signature_file_that_others_could_have_written_is_not_used(void **state)
{
	struct signatures s;
	char path[64], target[64];

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(path, sizeof(path), "%s/finders.json", folder);
	snprintf(target, sizeof(target), "%s/link.json", folder);
	assert_int_equal(signatures_load(path, &s), -ENOENT);
	write_file(path, signatures_builtin().p);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(signatures_load(path, &s), 0);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(signatures_load(path, &s), -EPERM);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(symlink(path, target), 0);
	assert_true(signatures_load(target, &s) < 0);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_int_equal(signatures_load(path, &s), -EPERM);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(truncate(path, SIGNATURES_FILE_MAX + 1), 0);
	assert_int_equal(signatures_load(path, &s), -EFBIG);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command); /* NOLINT(cert-env33-c) */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boringssl_is_found_in_every_kind_of_file),
		cmocka_unit_test(arguments_may_be_numbers_and_one_may_be_missing),
		cmocka_unit_test(a_buffer_that_was_kept_on_the_stack_is_no_obstacle),
		cmocka_unit_test(a_file_without_sections_is_read_by_segments),
		cmocka_unit_test(code_for_another_processor_is_refused),
		cmocka_unit_test(a_read_that_calls_peek_is_found_by_that),
		cmocka_unit_test(what_does_not_fit_is_refused_with_a_reason),
		cmocka_unit_test(openssl_is_found_by_what_its_functions_are_called),
		cmocka_unit_test(openssl_with_copies_of_its_internal_functions_is_probed_at_each),
		cmocka_unit_test(openssl_whose_functions_do_not_agree_is_refused),
		cmocka_unit_test(references_across_the_border_of_a_block_are_found_once),
		cmocka_unit_test(functions_are_told_by_the_table_for_exceptions),
		cmocka_unit_test(cut_and_broken_files_are_survived),
		cmocka_unit_test(refused_memory_never_leads_to_another_place),
		cmocka_unit_test(the_built_in_signatures_are_readable),
		cmocka_unit_test(signatures_with_anything_missing_or_too_large_are_refused),
		cmocka_unit_test(a_signature_file_that_others_could_have_written_is_not_used),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

#else

int main(void)
{
	return 0; /* code of x86-64 */
}

#endif
