/* SPDX-License-Identifier: BSD-2-Clause */
/* Go's crypto/tls in files that are built here: the table, and code in the shapes that Go makes. */
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
#include <unistd.h>

#include "alloc.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "probe/elf/pclntab.h"
#include "probe/finder/finder.h"

static char folder[] = "/tmp/sonde-go-XXXXXX";

/* --- building --- */

struct function {
	const char *name, *body;
};

/* In the order of the code; their labels are f0, f1, ... */
#define FUNCTIONS(write, read)                                                             \
	{ "runtime.morestack", "nop\n ret\n" },                                            \
		{ "runtime.morestack_noctxt", ".byte 0xba,0,0,0,0,0xe9\n.long f0-.-4\n" }, \
		{ "runtime.memmove", "ret\n" }, { CONN "writeRecordLocked", "ret\n" },     \
		{ CONN "Write", write }, { CONN "Read", read },                            \
		{ CONN "Close", CHECK "nop\n ret\n" GROW("f6") },                          \
		{ CONN "clientHandshake", "ret\n" },                                       \
		{ CONN "clientHandshake-fm", "push %rbp\n call f7\n pop %rbp\n ret\n" },   \
	{                                                                                  \
		"main.main", "call f4\n ret\n"                                             \
	}
#define CONN	 "crypto/tls.(*Conn)."
#define CHECK	 "cmp 0x10(%r14),%rsp\n jbe 9f\n"
#define GROW(fn) SPILL "call f1\n" UNSPILL "jmp " fn "\n"
#define SPILL	 "9: mov %rax,8(%rsp)\n mov %rbx,16(%rsp)\n mov %rcx,24(%rsp)\n"
#define UNSPILL	 "mov 8(%rsp),%rax\n mov 16(%rsp),%rbx\n mov 24(%rsp),%rcx\n"

#define WRITE                                                                   \
	CHECK "sub $0x20,%rsp\n mov %rbx,%rdx\n mov $23,%ebx\n mov %rcx,%rdi\n" \
	      " mov %rdx,%rcx\n"                                                \
	      "call f3\n test %rbx,%rbx\n je 1f\n nop\n1: add $0x20,%rsp\n ret\n" GROW("f4")
#define READ_BEGIN                                                                 \
	CHECK "push %rbp\n mov %rsp,%rbp\n sub $0x30,%rsp\n mov %rax,0x40(%rsp)\n" \
	      " mov %rcx,0x50(%rsp)\n mov %rbx,0x48(%rsp)\n xor %ebx,%ebx\n"       \
	      "1: call f9\n test %rax,%rax\n je 1b\n mov 0x40(%rsp),%rsi\n"        \
	      " lea 8(%rsi),%rbx\n mov 0x50(%rsp),%rcx\n mov 0x48(%rsp),%rax\n"
#define READ_END                                                                                \
	"mov 0x28(%rsp),%rax\n add $0x30,%rsp\n pop %rbp\n ret\n2: xor %eax,%eax\n ret\n" GROW( \
		"f"                                                                             \
		"5")
#define COPY "call f2\n"
#define READ READ_BEGIN COPY READ_END

/* A Go program's table as the linker makes it, for code that begins at `text`. */
static void write_table(FILE *f, const struct function *fns, size_t n, const char *magic,
			const char *text)
{
	fprintf(f,
		".section .gopclntab,\"a\"\n.balign 32\ntab: .long %s\n.byte 0,0,1,8\n"
		".quad %zu,0,%s,names-tab,units-tab,units-tab,units-tab,funcs-tab\n"
		"names: .byte 0\n",
		magic, n, text);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "n%zu: .asciz \"%s\"\n", i, fns[i].name);
	fprintf(f, ".balign 8\nunits:\nfuncs:\n");
	for (size_t i = 0; i < n; i++)
		fprintf(f, ".long f%zu-text,i%zu-funcs\n", i, i);
	fprintf(f, ".long end-text\n");
	for (size_t i = 0; i < n; i++)
		fprintf(f, "i%zu: .long f%zu-text,n%zu-names,0,0\n", i, i, i);
}

struct program {
	struct function fn[10];
	const char *magic, *text, *more;
	bool arm64;
};

static int build(const struct program *p)
{
	const char *pad = p->arm64 ? "0" : "0xcc";
	char from[64], to[64], command[256];
	FILE *f;

	snprintf(from, sizeof(from), "%s/x.s", folder);
	snprintf(to, sizeof(to), "%s/x.so", folder);
	f = fopen(from, "w");
	assert_non_null(f);
	/* C code before Go's, as in programs that are linked with it. */
	fprintf(f, ".text\n nop\n ret\n.balign 64\ntext:\n");
	for (size_t i = 0; i < ARRAY_SIZE(p->fn); i++)
		fprintf(f, ".balign 16,%s\nf%zu: %s\n", pad, i, p->fn[i].body);
	fprintf(f, ".balign 16,%s\nend:\n%s\n", pad, p->more ? p->more : "");
	write_table(f, p->fn, ARRAY_SIZE(p->fn), p->magic ? p->magic : "0xfffffff1",
		    p->text ? p->text : "0");
	fprintf(f, ".section .go.buildinfo,\"aw\"\n.ascii \"\\377 Go buildinf:\"\n.byte 8,2\n"
		   ".zero 16\n.byte 8\n.ascii \"go1.26.8\"\n.zero 64\n");
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command), "%s -shared -nostdlib -s -o %s %s",
		 p->arm64 ? "aarch64-linux-gnu-gcc" : "gcc", to, from);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	return open(to, O_RDWR | O_CLOEXEC);
}

static int examine(const struct program *p, struct probe_target *ret)
{
	_cleanup_(closep) int fd = build(p);

	assert_true(fd >= 0);
	return target_examine(fd, "x", ret);
}

static const struct probe_point *point(const struct probe_target *t, enum probe_abi abi)
{
	for (size_t i = 0; i < t->n_points; i++)
		if (t->points[i].abi == abi)
			return &t->points[i];
	return NULL;
}

/* --- the table --- */

static void functions_are_found_by_name(void **state)
{
	const struct program p = { .fn = { FUNCTIONS(WRITE, READ) } };
	struct pclntab_function fns[] = { { .name = CONN "Read" },
					  { .name = "main.main" },
					  { .name = "main.mai" } };
	_cleanup_(closep) int fd = build(&p);
	struct elf_file e;
	struct pclntab t;
	uint64_t at = 0;

	(void)state;
	assert_int_equal(elf_open(fd, &e), 0);
	assert_int_equal(pclntab_find(&e, &at, &t), 0);
	assert_int_equal(t.n_functions, 10);
	assert_int_equal(t.version, 20);
	assert_int_equal(pclntab_functions(&t, fns, ARRAY_SIZE(fns)), 0);
	assert_int_equal(fns[0].n, 1);
	assert_true(fns[0].start > 0 && fns[0].end > fns[0].start && fns[0].start % 16 == 0);
	assert_int_equal(fns[1].n, 1);
	assert_true(fns[1].start > fns[0].start);
	assert_int_equal(fns[2].n, 0);
	assert_int_equal(pclntab_find(&e, &at, &t), -ENOENT);
}

static void drop_sections(int fd)
{
	const uint64_t none = 0;

	assert_int_equal(pwrite(fd, &none, 8, offsetof(Elf64_Ehdr, e_shoff)), 8);
	assert_int_equal(pwrite(fd, &none, 2, offsetof(Elf64_Ehdr, e_shnum)), 2);
}

static void the_table_is_found_without_section_headers(void **state)
{
	const struct program p = { .fn = { FUNCTIONS(WRITE, READ) } };
	_cleanup_(closep) int fd = build(&p);
	struct elf_file e;
	struct pclntab t;
	uint64_t at = 0;

	(void)state;
	drop_sections(fd);
	assert_int_equal(elf_open(fd, &e), 0);
	assert_int_equal(pclntab_find(&e, &at, &t), 0);
	assert_int_equal(t.n_functions, 10);
	assert_int_equal(pclntab_find(&e, &at, &t), -ENOENT);
}

static void old_programs_are_named(void **state)
{
	const struct program p = { .fn = { FUNCTIONS(WRITE, READ) }, .magic = "0xfffffffa" };
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(&p, &t), 0);
	assert_non_null(strstr(t.reason, "Go before 1.18"));
}

static void a_program_without_tls_is_none_of_ours(void **state)
{
	struct program p = { .fn = { FUNCTIONS(WRITE, READ) } };
	struct probe_target t;

	(void)state;
	p.fn[4].name = "main.Write";
	assert_int_equal(examine(&p, &t), 0);
	assert_non_null(strstr(t.reason, "no TLS library"));
}

static void another_processor_is_named(void **state)
{
	const struct program p = { .fn = { FUNCTIONS(WRITE, READ) } };
	_cleanup_(closep) int fd = build(&p);
	uint16_t machine = EM_RISCV;
	struct probe_target t;

	(void)state;
	assert_int_equal(pwrite(fd, &machine, 2, offsetof(Elf64_Ehdr, e_machine)), 2);
	assert_int_equal(target_examine(fd, "x", &t), 0);
	assert_string_equal(t.library, "go");
	assert_string_equal(t.version, "1.26.8");
	assert_non_null(strstr(t.reason, "processor"));
}

/* --- code for arm64 --- */

#define CHECK_ARM    "ldr x16,[x28,#16]\n cmp sp,x16\n b.ls 9f\n"
#define GROW_ARM(fn) "9: mov x3,x30\n bl f1\n b " fn "\n"
#define FUNCTIONS_ARM(no_context, read)                                                          \
	{ "runtime.morestack", "nop\n ret\n" },                                                  \
		{ "runtime.morestack_noctxt", no_context "b f0\n" },                             \
		{ "runtime.memmove", "ret\n" }, { CONN "writeRecordLocked", "ret\n" },           \
		{ CONN "Write",                                                                  \
		  CHECK_ARM "str x30,[sp,#-32]!\n mov x3,x2\n mov x2,x1\n mov "                  \
			    "w1,#23\n bl f3\n ldr x30,[sp],#32\n ret\n" GROW_ARM("f4") },        \
		{ CONN "Read", read }, { CONN "Close", CHECK_ARM "nop\n ret\n" GROW_ARM("f6") }, \
		{ CONN "clientHandshake", "ret\n" },                                             \
		{ CONN "clientHandshake-fm",                                                     \
		  "str x30,[sp,#-16]!\n bl f7\n ldr x30,[sp],#16\n ret\n" },                     \
	{                                                                                        \
		"main.main", "bl f4\n ret\n"                                                     \
	}
#define NO_CONTEXT_ARM "mov sp,sp\n mov w26,wzr\n"
#define READ_ARM                                                                     \
	CHECK_ARM "str x30,[sp,#-32]!\n cbz x2,1f\n bl f9\n swpal x1,x3,[x2]\n ldr " \
		  "x30,[sp],#32\n ret\n1: ldr x30,[sp],#32\n mov x0,xzr\n ret\n" GROW_ARM("f5")

static size_t points_of(const struct probe_target *t, enum probe_abi abi)
{
	size_t found = 0;

	for (size_t i = 0; i < t->n_points + t->n_foreign; i++)
		found += t->points[i].abi == abi;
	return found;
}

static void arm_code_is_probed_where_the_kernel_emulates_it(void **state)
{
	static const char *const no_context[] = { NO_CONTEXT_ARM, "mov w26,wzr\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(no_context); i++) {
		char body[64];
		struct program p = { .fn = { FUNCTIONS_ARM("", ".arch armv8.1-a\n" READ_ARM) },
				     .arm64 = true };
		struct probe_target t;

		snprintf(body, sizeof(body), "%sb f0\n", no_context[i]);
		p.fn[1].body = body;
		assert_true(examine(&p, &t) >= 0);
		assert_string_equal(t.library, "go");
		assert_int_equal(t.n_points + t.n_foreign, 6);
		assert_int_equal(points_of(&t, PROBE_ABI_GO_RECORD), 1);
		assert_int_equal(points_of(&t, PROBE_ABI_GO_ENTER), 1);
		assert_int_equal(points_of(&t, PROBE_ABI_GO_LEAVE), 2);
		assert_int_equal(points_of(&t, PROBE_ABI_GO_CLOSE), 1);
		assert_int_equal(points_of(&t, PROBE_ABI_GO_HANDSHAKE), 1);
		for (size_t k = 0; k < 6; k++)
			assert_int_equal(t.points[k].cost, PROBE_CHEAP);
	}
}

/* The check's branch is come to again with other arguments: only the first instruction is sure. */
static void arm_code_that_jumps_back_is_entered_at_its_start(void **state)
{
	const struct program p = { .fn = { FUNCTIONS_ARM(
					   NO_CONTEXT_ARM,
					   "ldr x16,[x28,#16]\n 1: cmp sp,x16\n b.ls 9f\n sub "
					   "x2,x2,#1\n cbnz x2,1b\n ret\n" GROW_ARM("f5")) },
				   .arm64 = true };
	struct probe_target t;

	(void)state;
	assert_true(examine(&p, &t) >= 0);
	for (size_t i = 0; i < t.n_points + t.n_foreign; i++)
		if (t.points[i].abi == PROBE_ABI_GO_ENTER)
			assert_int_equal(t.points[i].cost, PROBE_CLASSIC);
	assert_int_equal(points_of(&t, PROBE_ABI_GO_ENTER), 1);
}

static void arm_code_without_a_clear_start_is_refused(void **state)
{
	const struct program p = { .fn = { FUNCTIONS_ARM("nop\n", ".arch armv8.1-a\n" READ_ARM) },
				   .arm64 = true };
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(&p, &t), 0);
	assert_int_equal(t.n_foreign, 0);
	assert_non_null(strstr(t.reason, "where its code begins"));
}

#if defined(__x86_64__)

/* --- the code --- */

static void calls_inside_the_functions_are_the_points(void **state)
{
	const struct program p = { .fn = { FUNCTIONS(WRITE, READ) } };
	const struct probe_point *read;
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(&p, &t), 1);
	assert_int_equal(t.points[0].source, SONDE_SOURCE_GO);
	assert_string_equal(t.library, "go");
	assert_string_equal(t.version, "1.26.8");
	assert_int_equal(t.n_points, 4);
	assert_true(point(&t, PROBE_ABI_GO_RECORD)->write);
	read = point(&t, PROBE_ABI_GO_COPY);
	assert_non_null(read);
	assert_false(read->write);
	assert_int_equal(read->detail, 0x40);
	assert_string_equal(point(&t, PROBE_ABI_GO_CLOSE)->function, CONN "Close");
	assert_int_equal(strncmp(point(&t, PROBE_ABI_GO_CLOSE)->insn, "jbe", 3), 0);
	assert_string_equal(point(&t, PROBE_ABI_GO_HANDSHAKE)->function, CONN "clientHandshake-fm");
	for (size_t i = 0; i < t.n_points; i++) {
		assert_int_equal(t.points[i].cost, PROBE_CHEAP);
		assert_int_equal(t.points[i].exit, 0);
	}
}

/* They are single-stepped, so none that every read passes. */
static void errors_are_returned_where_data_is_not(void **state)
{
#define LEAVE "add $0x30,%rsp\n pop %rbp\n ret\n"
	static const struct {
		const char *read;
		size_t n;
	} cases[] = {
		{ READ, 0 },
		{ READ_BEGIN "test %rcx,%rcx\n jne 4f\n" LEAVE "4: " COPY READ_END, 1 },
		{ READ_BEGIN COPY "test %rcx,%rcx\n je 4f\n call f9\n" LEAVE "4: " READ_END, 1 },
		{ READ_BEGIN COPY "test %rcx,%rcx\n je 4f\n call *%rdx\n" LEAVE "4: " READ_END, 0 },
	};
#undef LEAVE

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct program p = { .fn = { FUNCTIONS(WRITE, cases[i].read) } };
		struct probe_target t;
		size_t n = 0;

		assert_int_equal(examine(&p, &t), 1);
		assert_non_null(point(&t, PROBE_ABI_GO_COPY));
		for (size_t k = 0; k < t.n_points; k++) {
			if (t.points[k].abi != PROBE_ABI_GO_ERROR)
				continue;
			assert_string_equal(t.points[k].insn, "ret");
			assert_int_equal(t.points[k].detail, 8);
			n++;
		}
		assert_int_equal(n, cases[i].n);
	}
}

static void the_start_of_the_code_is_found_whatever_the_header_says(void **state)
{
	static const char *const texts[] = { "0", "0x123456", "-1" };
	struct probe_target t, first;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct program p = { .fn = { FUNCTIONS(WRITE, READ) }, .text = texts[i] };

		assert_int_equal(examine(&p, &t), 1);
		if (i == 0)
			first = t;
		assert_int_equal(t.points[0].entry, first.points[0].entry);
	}
}

static void a_start_that_is_not_clear_is_refused(void **state)
{
	/* The same jump once more, and none. */
	const struct program twice = { .fn = { FUNCTIONS(WRITE, READ) },
				       .more = ".byte 0xba,0,0,0,0,0xe9\n.long f0-f1-10\n" };
	struct program none = { .fn = { FUNCTIONS(WRITE, READ) } };
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(&twice, &t), 0);
	assert_non_null(strstr(t.reason, "not clear"));
	none.fn[1].body = "jmp f0\n";
	assert_int_equal(examine(&none, &t), 0);
	assert_non_null(strstr(t.reason, "not clear"));
}

static void a_copy_that_is_not_the_only_way_is_not_believed(void **state)
{
	static const char *const bodies[] = {
		/* somewhere else than to the caller */
		READ_BEGIN "mov %rbx,%rax\n" COPY READ_END,
		/* by another function, by two */
		READ_BEGIN "call f9\n" READ_END,
		READ_BEGIN COPY "mov 0x48(%rsp),%rax\n" COPY READ_END,
		READ_BEGIN COPY "mov 0x48(%rsp),%rcx\n call f9\n" READ_END,
		READ_BEGIN COPY "mov 0x48(%rsp),%rcx\n call *%rdx\n" READ_END,
		/* the receiver is not where it was */
		READ_BEGIN "mov %rsi,0x40(%rsp)\n test %rsi,%rsi\n je 3f\n"
			   " mov %rdi,0x40(%rsp)\n3: " COPY READ_END,
		READ_BEGIN "movups %xmm0,0x38(%rsp)\n" COPY READ_END,
		READ_BEGIN "mov %rdi,(%rsp,%rcx)\n" COPY READ_END,
		READ_BEGIN "lea 0x40(%rsp),%rdi\n" COPY READ_END,
		READ_BEGIN "push %rdi\n je 3f\n pop %rdi\n3: " COPY READ_END,
		/* who knows where it goes on */
		READ_BEGIN "jmp *%rdx\n" COPY READ_END,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		const struct program p = { .fn = { FUNCTIONS(WRITE, bodies[i]) } };
		struct probe_target t;
		size_t returns = 0;

		assert_int_equal(examine(&p, &t), 1);
		if (point(&t, PROBE_ABI_GO_COPY))
			fail_msg("body %zu", i);
		assert_non_null(point(&t, PROBE_ABI_GO_ENTER));
		for (size_t k = 0; k < t.n_points; k++) {
			if (t.points[k].abi != PROBE_ABI_GO_LEAVE)
				continue;
			assert_string_equal(t.points[k].insn, "ret");
			returns++;
		}
		assert_int_equal(returns, 2);
	}
}

static void functions_of_unknown_form_are_refused(void **state)
{
	static const struct {
		const char *write, *read;
	} cases[] = {
		{ "ret\n", READ },				   /* hands nothing on */
		{ WRITE, READ_BEGIN "jmp f9\n" },		   /* leaves by a tail call */
		{ WRITE, "ud2\n" },				   /* never returns */
		{ WRITE, ".byte 6\n" },				   /* no instruction */
		{ WRITE ".byte 6\n", READ },			   /* none at the end */
		{ WRITE, CHECK ".rept 40000\nnop\n.endr\n" READ }, /* too long */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct program p = { .fn = { FUNCTIONS(cases[i].write, cases[i].read) } };
		struct probe_target t;

		assert_int_equal(examine(&p, &t), 0);
		assert_non_null(strstr(t.reason, "unknown form"));
		assert_int_equal(t.n_points, 0);
	}
}

static void memory_refused_is_an_error(void **state)
{
	const struct program p = { .fn = { FUNCTIONS(WRITE, READ) } };
	_cleanup_(closep) int fd = build(&p);

	(void)state;
	for (long n = 1;; n++) {
		struct probe_target t;
		int r;

		alloc_refuse(n);
		r = target_examine(fd, "x", &t);
		if (!alloc_allow())
			break;
		/* Without memory to follow the code, other places, or the reason that there are
		 * none. */
		assert_true(r == -ENOMEM || r == 1 || (r == 0 && t.reason[0]));
	}
}

#endif

static void cut_and_broken_tables_are_survived(void **state)
{
	const struct program p = { .fn = { FUNCTIONS(WRITE, READ) } };
	_cleanup_(closep) int fd = build(&p), copy = memfd_create("copy", MFD_CLOEXEC);
	static uint8_t bytes[1 << 16];
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
	struct probe_target t;
	struct elf_file e;
	uint64_t at;

	(void)state;
	assert_true(n > 0 && elf_open(fd, &e) == 0);
	at = elf_section(&e, ".gopclntab")->offset;
	for (size_t i = 0; i < elf_section(&e, ".gopclntab")->size; i++) {
		for (size_t k = 0; k < 3; k++) {
			const uint8_t old = bytes[at + i];

			bytes[at + i] = (const uint8_t[]){ 0, 0xff, 0x7f }[k];
			assert_int_equal(pwrite(copy, bytes, (size_t)n, 0), n);
			target_examine(copy, "x", &t);
			bytes[at + i] = old;
		}
	}
	for (ssize_t cut = n; cut >= 0; cut -= 97) {
		assert_int_equal(ftruncate(copy, cut), 0);
		target_examine(copy, "x", &t);
	}
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[64];

	(void)state;
	for (const char *const *f = (const char *const[]){ "x.s", "x.so", NULL }; *f; f++) {
		snprintf(path, sizeof(path), "%s/%s", folder, *f);
		unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_found_by_name),
		cmocka_unit_test(the_table_is_found_without_section_headers),
		cmocka_unit_test(old_programs_are_named),
		cmocka_unit_test(a_program_without_tls_is_none_of_ours),
		cmocka_unit_test(another_processor_is_named),
		cmocka_unit_test(arm_code_is_probed_where_the_kernel_emulates_it),
		cmocka_unit_test(arm_code_that_jumps_back_is_entered_at_its_start),
		cmocka_unit_test(arm_code_without_a_clear_start_is_refused),
#if defined(__x86_64__)
		cmocka_unit_test(calls_inside_the_functions_are_the_points),
		cmocka_unit_test(errors_are_returned_where_data_is_not),
		cmocka_unit_test(the_start_of_the_code_is_found_whatever_the_header_says),
		cmocka_unit_test(a_start_that_is_not_clear_is_refused),
		cmocka_unit_test(a_copy_that_is_not_the_only_way_is_not_believed),
		cmocka_unit_test(functions_of_unknown_form_are_refused),
		cmocka_unit_test(memory_refused_is_an_error),
#endif
		cmocka_unit_test(cut_and_broken_tables_are_survived),
	};

	return cmocka_run_group_tests_name("go", tests, make_folder, remove_folder);
}
