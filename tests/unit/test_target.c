/* SPDX-License-Identifier: BSD-2-Clause */
/* Probe points of libraries that are built here, in the shapes that real ones have. */
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
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "probe/finder/finder.h"

static char folder[] = "/tmp/sonde-target-XXXXXX";

/* --- building --- */

#define FN(name, body)                                                                           \
	".globl " name "\n.type " name ",@function\n" name ":\n" body "\n.size " name ",.-" name \
	"\n"
#define LOCAL(name, body) \
	".type " name ",@function\n" name ":\n" body "\n.size " name ",.-" name "\n"

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Assembles a shared library; an open descriptor. */
static int build(const char *source, const char *flags)
{
	char from[64], to[64], command[512];

	snprintf(from, sizeof(from), "%s/x.s", folder);
	snprintf(to, sizeof(to), "%s/x.so", folder);
	write_file(from, source);
	snprintf(command, sizeof(command), "gcc -shared -nostdlib -Wl,--build-id %s -o %s %s",
		 flags, to, from);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	return open(to, O_RDWR | O_CLOEXEC);
}

static int examine(const char *source, const char *flags, struct probe_target *ret)
{
	_cleanup_(closep) int fd = build(source, flags);

	assert_true(fd >= 0);
	return target_examine(fd, "x.so", ret);
}

static const struct probe_point *point(const struct probe_target *t, const char *function)
{
	for (size_t i = 0; i < t->n_points; i++)
		if (strcmp(t->points[i].function, function) == 0)
			return &t->points[i];
	return NULL;
}

#if defined(__x86_64__)

#define STRIPPED "-Wl,-Bsymbolic -s"
#define KEPT	 "-Wl,-Bsymbolic"

/* Debian's libssl 3.0: the public functions, and the internal ones' beginnings. */
#define PLAIN(internal)                                                                    \
	"sub $0x18,%rsp\n mov %fs:0x28,%rax\n mov %rax,8(%rsp)\n xor %eax,%eax\n"          \
	" test %edx,%edx\n js 2f\n mov %rsp,%rcx\n movslq %edx,%rdx\n call " internal "\n" \
	" test %eax,%eax\n jle 1f\n mov (%rsp),%eax\n"                                     \
	"1: mov 8(%rsp),%rdx\n sub %fs:0x28,%rdx\n jne 3f\n add $0x18,%rsp\n ret\n"        \
	"2: mov $-1,%eax\n jmp 1b\n3: call stop\n"
#define EX(internal)                                                         \
	"sub $8,%rsp\n call " internal "\n xor %edx,%edx\n test %eax,%eax\n" \
	" cmovs %edx,%eax\n add $8,%rsp\n ret\n"
#define PUSHING	       "push %r14\n sub $8,%rsp\n add $8,%rsp\n pop %r14\n ret\n"
#define SINGLE_STEPPED "sub $8,%rsp\n mov %rdi,%rax\n add $8,%rsp\n ret\n"
#define STOP	       LOCAL("stop", "ud2\n")
#define READS	       LOCAL("int_r", PUSHING) FN("SSL_read", PLAIN("int_r")) FN("SSL_read_ex", EX("int_r"))
#define LIFE                                                     \
	FN("SSL_free", "test %rdi,%rdi\n je 1f\n nop\n1: ret\n") \
	FN("SSL_clear", "push %rbp\n pop %rbp\n ret\n")

static void one_probe_on_the_internal_function_replaces_the_public_ones(void **state)
{
	const struct probe_point *p;
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(STOP LOCAL("int_w", PUSHING) FN("SSL_write", PLAIN("int_w"))
					 FN("SSL_write_ex", EX("int_w")) READS LIFE,
				 STRIPPED, &t),
			 1);
	assert_int_equal(t.n_points, 4);
	p = point(&t, "ssl_write_internal");
	assert_non_null(p);
	assert_string_equal(p->insn, "push %r14");
	assert_int_equal(p->abi, PROBE_ABI_RW_EX);
	assert_int_equal(p->cost, PROBE_CHEAP);
	assert_int_equal(p->exit, 0);
	assert_true(p->write);
	assert_false(point(&t, "ssl_read_internal")->write);
	assert_int_equal(point(&t, "SSL_free")->entry % 16 != 0,
			 1); /* at the je, behind the test */
	assert_string_equal(point(&t, "SSL_clear")->insn, "push %rbp");
	assert_int_equal(strlen(t.build_id), 40);
	assert_string_equal(t.library, "openssl");
}

/* It is of use, but every process that maps the file would pay for a step that is not emulated. */
static void the_descriptor_is_taken_where_that_is_cheap(void **state)
{
	const struct probe_point *p;
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(STOP LOCAL("int_w", PUSHING) FN("SSL_write", PLAIN("int_w"))
					 FN("SSL_write_ex", EX("int_w"))
						 READS LIFE FN("SSL_set_fd", PUSHING),
				 STRIPPED, &t),
			 1);
	p = point(&t, "SSL_set_fd");
	assert_non_null(p);
	assert_int_equal(p->abi, PROBE_ABI_DESCRIPTOR);
	assert_int_equal(p->cost, PROBE_CHEAP);
	assert_int_equal(examine(STOP LOCAL("int_w", PUSHING) FN("SSL_write", PLAIN("int_w"))
					 FN("SSL_write_ex", EX("int_w"))
						 READS LIFE FN("SSL_set_fd", SINGLE_STEPPED),
				 STRIPPED, &t),
			 1);
	assert_null(point(&t, "SSL_set_fd"));
}

/* Nothing to read, but how much there was is told. */
static void what_is_sent_from_a_file_is_counted_where_that_is_cheap(void **state)
{
	const struct probe_point *p;
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(STOP LOCAL("int_w", PUSHING) FN("SSL_write", PLAIN("int_w"))
					 FN("SSL_write_ex", EX("int_w"))
						 READS FN("SSL_sendfile", PUSHING),
				 STRIPPED, &t),
			 1);
	p = point(&t, "SSL_sendfile");
	assert_non_null(p);
	assert_int_equal(p->abi, PROBE_ABI_TOTAL);
	assert_true(p->write);
	assert_non_null(point(&t, "ssl_write_internal"));
	assert_int_equal(examine(STOP LOCAL("int_w", PUSHING) FN("SSL_write", PLAIN("int_w"))
					 FN("SSL_write_ex", EX("int_w"))
						 READS FN("SSL_sendfile", SINGLE_STEPPED),
				 STRIPPED, &t),
			 1);
	assert_null(point(&t, "SSL_sendfile"));
}

/* Since 3.3: ssl_write_internal(ssl, buf, num, flags, &written), and SSL_write_ex leads to _ex2. */
static void flags_before_the_length_are_noticed(void **state)
{
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(STOP LOCAL("int_w", PUSHING) FN(
					 "SSL_write", "sub $0x18,%rsp\n xor %ecx,%ecx\n"
						      " movslq %edx,%rdx\n lea 8(%rsp),%r8\n"
						      " call int_w\n add $0x18,%rsp\n ret\n")
					 FN("SSL_write_ex2", EX("int_w"))
						 FN("SSL_write_ex", "mov %rcx,%r8\n xor %ecx,%ecx\n"
								    " jmp SSL_write_ex2\n") READS,
				 STRIPPED, &t),
			 1);
	assert_non_null(point(&t, "ssl_write_internal"));
	assert_int_equal(point(&t, "ssl_write_internal")->abi, PROBE_ABI_RW_EX2);
}

/* With endbr64 before it, the return address is still on top of the stack at the push. */
static void a_landing_pad_is_stepped_over(void **state)
{
	struct probe_target t;
	const struct probe_point *p;

	(void)state;
	assert_int_equal(examine(STOP LOCAL("int_w", "endbr64\n" PUSHING)
					 FN("SSL_write", "endbr64\n" PLAIN("int_w"))
						 FN("SSL_write_ex", "endbr64\n" EX("int_w")) READS,
				 STRIPPED, &t),
			 1);
	p = point(&t, "ssl_write_internal");
	assert_non_null(p);
	assert_string_equal(p->insn, "push %r14");
	assert_int_equal(p->exit, 0);
}

/* What cannot be followed is not believed. */
static void changed_arguments_refuse_the_internal_function(void **state)
{
#define CALL  "mov %rsp,%rcx\n call int_w\n"
#define BEGIN "push %rbx\n sub $16,%rsp\n"
#define END   "add $16,%rsp\n pop %rbx\n ret\n"
	static const char *const sources[] = {
		FN("SSL_write", BEGIN "add $1,%rsi\n" CALL END),
		FN("SSL_write", BEGIN "mov 8(%rdi),%rdi\n" CALL END),
		FN("SSL_write", BEGIN "mov $5,%edx\n" CALL END),
		FN("SSL_write", BEGIN "mov %rsi,%rcx\n call int_w\n" END),
		FN("SSL_write", BEGIN "mov %rsp,%rcx\n call int_r\n" END),
		FN("SSL_write", BEGIN "test %edx,%edx\n jne 1f\n mov %rdi,%rsi\n1:" CALL END),
		FN("SSL_write", BEGIN CALL "mov %rbx,%rdi\n mov %rsp,%rcx\n call int_r\n ud2\n"),
		FN("SSL_write", BEGIN "xor %ecx,%ecx\n mov %rsp,%r8\n call int_w\n" END),
		FN("SSL_write", BEGIN "mov %rsp,%rcx\n call *%rax\n" END),
	};
#undef CALL
#undef BEGIN
#undef END

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct probe_target t;
		char source[4096];

		snprintf(source, sizeof(source), "%s%s",
			 STOP LOCAL("int_w", PUSHING) FN("SSL_write_ex", EX("int_w")) READS,
			 sources[i]);
		assert_int_equal(examine(source, STRIPPED, &t), 1);
		if (i == 6) /* a second call elsewhere does no harm */
			continue;
		assert_null(point(&t, "ssl_write_internal"));
		assert_string_equal(point(&t, "SSL_write")->insn, "push %rbx");
	}
}

/* Debian's 3.6: the internal function begins with sub, and leaves by a tail call. */
static void without_a_cheap_internal_each_function_stands_for_itself(void **state)
{
	const struct probe_point *p;
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(STOP LOCAL("int_w", SINGLE_STEPPED) FN("SSL_write", PLAIN("int_w"))
					 FN("SSL_write_ex", EX("int_w")) READS,
				 STRIPPED, &t),
			 1);
	p = point(&t, "SSL_write");
	assert_non_null(p);
	assert_int_equal(p->cost, PROBE_CHEAP);
	assert_int_equal(strncmp(p->insn, "js ", 3), 0);
	assert_int_not_equal(p->exit, 0);
	assert_int_equal(p->exit - p->entry, 0x38 - 0x16); /* as in Debian's library */
	assert_int_equal(p->detail, 0x18);		   /* its frame is there already */
	p = point(&t, "SSL_write_ex");
	assert_non_null(p);
	/* The call there is emulated, but nothing on the way out is. */
	assert_int_equal(p->cost, PROBE_CLASSIC);
	assert_int_equal(p->exit, 0);
}

/* A return probe takes the top of the stack for the return address: never behind a push. */
static void a_return_probe_stands_only_where_the_return_address_is_on_top(void **state)
{
	static const char *const sources[] = {
		"mov %rdi,%rax\n sub $8,%rsp\n nop\n add $8,%rsp\n ret\n",
		"sub $24,%rsp\n call stop2\n add $24,%rsp\n ret\n",
		"lea -8(%rsp),%rsp\n jmp 1f\n1: add $8,%rsp\n ret\n",
		"mov %rsp,%rax\n and $-16,%rsp\n nop\n mov %rax,%rsp\n ret\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		const struct probe_point *p;
		struct probe_target t;
		char source[4096];

		snprintf(source, sizeof(source),
			 "%s.globl SSL_write\n.type SSL_write,@function\n"
			 "SSL_write:\n%s.size SSL_write,.-SSL_write\n",
			 STOP LOCAL("stop2", "ret\n") READS, sources[i]);
		assert_int_equal(examine(source, STRIPPED, &t), 1);
		p = point(&t, "SSL_write");
		assert_non_null(p);
		assert_int_equal(p->cost, PROBE_CLASSIC);
		assert_int_equal(p->exit, 0);
	}
}

static void an_exit_must_have_the_result_on_every_way(void **state)
{
#define HEAD "sub $24,%rsp\n nop\n call stop2\n"
	static const struct {
		const char *body;
		bool exit;
	} cases[] = {
		{ HEAD "cmp %rbx,%rcx\n jne 3f\n add $24,%rsp\n ret\n3: ud2\n", true },
		/* rax changes afterwards */
		{ HEAD "cmp %rbx,%rcx\n jne 3f\n mov %ebx,%eax\n add $24,%rsp\n ret\n3: ud2\n",
		  false },
		/* one way leaves without it */
		{ HEAD
		  "test %rcx,%rcx\n mov $1,%eax\n jne 4f\n xor %eax,%eax\n cmp %rbx,%rcx\n jne 3f\n"
		  "4: add $24,%rsp\n ret\n3: ud2\n",
		  false },
		/* a tail call */
		{ HEAD "cmp %rbx,%rcx\n jne 3f\n add $24,%rsp\n jmp *%r11\n3: ud2\n", false },
		/* in a loop */
		{ HEAD "1: cmp %rbx,%rcx\n jne 1b\n add $24,%rsp\n ret\n", false },
		/* a table of jumps: who knows */
		{ HEAD
		  "cmp %rbx,%rcx\n je 5f\n jmp *%rcx\n5: cmp %rbx,%rdx\n jne 3f\n add $24,%rsp\n"
		  " ret\n3: ud2\n",
		  false },
	};
#undef HEAD

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct probe_target t;
		char source[4096];

		snprintf(source, sizeof(source),
			 "%s.globl SSL_write\n.type SSL_write,@function\n"
			 "SSL_write:\n%s.size SSL_write,.-SSL_write\n",
			 STOP LOCAL("stop2", "ret\n") READS, cases[i].body);
		assert_int_equal(examine(source, STRIPPED, &t), 1);
		assert_int_equal(point(&t, "SSL_write")->exit != 0, cases[i].exit);
		assert_int_equal(point(&t, "SSL_write")->cost == PROBE_CHEAP, cases[i].exit);
	}
}

static void entry_is_refused_where_arguments_are_gone_or_jumped_over(void **state)
{
	static const char *const sources[] = {
		"mov %rbx,%rsi\n nop\n ret\n",
		"movzbl %dl,%edx\n nop\n ret\n",
		"mov %rbx,%rax\n xchg %rdi,%rax\n nop\n ret\n",
		"mov %rsi,%rax\n1: mov (%rax),%al\n test %al,%al\n jne 1b\n ret\n",
		"rep movsb\n nop\n ret\n",
		"cpuid\n nop\n ret\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct probe_target t;
		char source[4096];

		snprintf(source, sizeof(source),
			 "%s.globl SSL_write\n.type SSL_write,@function\n"
			 "SSL_write:\n%s.size SSL_write,.-SSL_write\n",
			 STOP READS, sources[i]);
		assert_int_equal(examine(source, STRIPPED, &t), 1);
		assert_int_equal(point(&t, "SSL_write")->cost, PROBE_CLASSIC);
	}
}

static void
a_symbol_of_the_internal_function_is_believed_with_one_caller_that_is_clear(void **state)
{
	/* As in 4.0: the arguments go through the stack in SSL_write. */
	static const char unclear[] = STOP LOCAL("ssl_write_internal", PUSHING)
		FN("SSL_write", "push %rbx\n sub $24,%rsp\n mov %rsi,(%rsp)\n call stop\n"
				" mov (%rsp),%rsi\n lea 8(%rsp),%rcx\n call ssl_write_internal\n"
				" add $24,%rsp\n pop %rbx\n ret\n")
			FN("SSL_write_ex", EX("ssl_write_internal")) READS;
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(unclear, KEPT, &t), 1);
	assert_non_null(point(&t, "ssl_write_internal"));
	assert_int_equal(examine(unclear, STRIPPED, &t), 1);
	assert_null(point(&t, "ssl_write_internal"));
}

/* LibreSSL: SSL_write_ex calls SSL_write. Both probed, each byte would be seen twice. */
static void a_function_that_calls_another_one_is_not_probed(void **state)
{
	static const char source[] = STOP READS FN("SSL_write", "push %rbx\n pop %rbx\n ret\n")
		FN("SSL_write_ex", "push %rcx\n call SSL_write@plt\n pop %rcx\n ret\n");
	static const char *const flags[] = { "-s -Wl,-Bsymbolic", "-s -Wl,-z,now",
					     "-s -Wl,-z,lazy" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct probe_target t;

		assert_int_equal(examine(source, flags[i], &t), 1);
		assert_non_null(point(&t, "SSL_write"));
		assert_null(point(&t, "SSL_write_ex"));
	}
}

static void two_names_of_one_function_are_one_point(void **state)
{
	struct probe_target t;

	(void)state;
	assert_int_equal(
		examine(STOP READS ".globl SSL_write\n.type SSL_write,@function\nSSL_write:\n" FN(
				"SSL_write_ex2",
				"push %rbx\n pop %rbx\n ret\n") ".size SSL_write,.-SSL_write\n",
			STRIPPED, &t),
		1);
	assert_non_null(point(&t, "SSL_write"));
	assert_null(point(&t, "SSL_write_ex2"));
}

static void classic_places_need_no_code(void **state)
{
	_cleanup_(closep) int fd = build(
		STOP LOCAL("int_w", PUSHING) FN("SSL_write", PLAIN("int_w")) READS LIFE, STRIPPED);
	struct probe_target t;

	(void)state;
	assert_int_equal(target_examine_classic(fd, "x.so", &t), 1);
	for (size_t i = 0; i < t.n_points; i++) {
		assert_int_equal(t.points[i].cost, PROBE_CLASSIC);
		assert_int_equal(t.points[i].exit, 0);
	}
	assert_non_null(point(&t, "SSL_read_ex"));
}

#endif

/* Another processor's file: examined, and never probed here. */
static void a_file_for_another_processor_has_no_points(void **state)
{
	_cleanup_(closep) int fd = build(FN("SSL_write", "ret\n") FN("SSL_read", "ret\n"), "");
	static const uint16_t machines[] = { EM_AARCH64, EM_X86_64, EM_S390, EM_RISCV };
	size_t probed = 0, known = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		struct probe_target t;
		int r;

		assert_int_equal(pwrite(fd, &machines[i], 2, offsetof(Elf64_Ehdr, e_machine)), 2);
		r = target_examine(fd, "x.so", &t);
		probed += r == 1;
		if (r == 0)
			assert_non_null(strstr(t.reason, "another processor"));
		assert_true(r == 1 ? !t.machine[0] : t.machine[0] && t.n_points == 0);
		known += t.n_foreign == 2;
	}
	assert_int_equal(probed, 1);
	assert_int_equal(known, 1); /* told where it would be probed there */
}

static void one_direction_alone_is_no_tls(void **state)
{
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(FN("SSL_write", "ret\n") FN("SSL_xread", "ret\n"), "", &t), 0);
	assert_int_equal(t.n_points, 0);
	assert_int_not_equal(strlen(t.reason), 0);
}

static void what_is_known_and_not_covered_is_named(void **state)
{
	static const struct {
		const char *source, *says;
	} cases[] = {
		{ FN("f", "ret\n"), "no TLS library" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct probe_target t;

		assert_int_equal(examine(cases[i].source, "", &t), 0);
		assert_non_null(strstr(t.reason, cases[i].says));
	}
}

static void memory_refused_is_an_error(void **state)
{
	_cleanup_(closep) int fd = build(FN("SSL_write", "ret\n") FN("SSL_read", "ret\n"), "");

	(void)state;
	for (long n = 1;; n++) {
		struct probe_target t;
		int r;

		alloc_refuse(n);
		r = target_examine(fd, "x.so", &t);
		if (!alloc_allow())
			break;
		/* Without memory to follow the code, classic places are left. */
		assert_true(r == -ENOMEM || (r == 1 && t.n_points == 2));
	}
}

/* Whatever is cut off or broken: an answer, in time, and no point outside the file. */
static void cut_and_broken_files_are_survived(void **state)
{
	_cleanup_(closep) int fd = build(FN("SSL_write", "ret\n") FN("SSL_read", "ret\n"), "");
	_cleanup_(closep) int copy = memfd_create("elf", MFD_CLOEXEC);
	_cleanup_(freep) char *bytes = NULL;
	struct probe_target t;
	struct stat st;
	size_t n;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	n = (size_t)st.st_size;
	bytes = malloc(n);
	assert_int_equal(pread(fd, bytes, n, 0), n);
	for (size_t cut = 0; cut < n; cut += cut < 1024 ? 1 : 61) {
		assert_int_equal(ftruncate(copy, 0), 0);
		assert_int_equal(pwrite(copy, bytes, cut, 0), cut);
		target_examine(copy, "cut", &t);
	}
	for (size_t at = 0; at < 4096 && at < n; at++) {
		static const char values[] = { 0, 1, 0x7f, (char)0x80, (char)0xff };

		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			assert_int_equal(pwrite(copy, bytes, n, 0), n);
			assert_int_equal(pwrite(copy, &values[v], 1, (off_t)at), 1);
			if (target_examine(copy, "broken", &t) != 1)
				continue;
			for (size_t i = 0; i < t.n_points; i++)
				assert_true(t.points[i].entry < n);
		}
	}
}

/* Tables that claim a terabyte, in a sparse file that has it. */
static void a_huge_file_is_answered_in_time(void **state)
{
	_cleanup_(closep) int fd = build(FN("f", "ret\n"), "");
	struct probe_target t;
	struct timespec begin, end;
	Elf64_Ehdr h;

	(void)state;
	assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
	for (size_t i = 1; i < h.e_shnum; i++) {
		const off_t at = (off_t)(h.e_shoff + i * sizeof(Elf64_Shdr));
		Elf64_Shdr sh;

		assert_int_equal(pread(fd, &sh, sizeof(sh), at), sizeof(sh));
		sh.sh_size = 1ull << 40;
		assert_int_equal(pwrite(fd, &sh, sizeof(sh), at), sizeof(sh));
	}
	assert_int_equal(ftruncate(fd, (off_t)1 << 42), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	assert_int_equal(target_examine(fd, "huge", &t), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_true(end.tv_sec - begin.tv_sec < 5);
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
#if defined(__x86_64__)
		cmocka_unit_test(one_probe_on_the_internal_function_replaces_the_public_ones),
		cmocka_unit_test(the_descriptor_is_taken_where_that_is_cheap),
		cmocka_unit_test(what_is_sent_from_a_file_is_counted_where_that_is_cheap),
		cmocka_unit_test(flags_before_the_length_are_noticed),
		cmocka_unit_test(a_landing_pad_is_stepped_over),
		cmocka_unit_test(changed_arguments_refuse_the_internal_function),
		cmocka_unit_test(without_a_cheap_internal_each_function_stands_for_itself),
		cmocka_unit_test(a_return_probe_stands_only_where_the_return_address_is_on_top),
		cmocka_unit_test(an_exit_must_have_the_result_on_every_way),
		cmocka_unit_test(entry_is_refused_where_arguments_are_gone_or_jumped_over),
		cmocka_unit_test(
			a_symbol_of_the_internal_function_is_believed_with_one_caller_that_is_clear),
		cmocka_unit_test(a_function_that_calls_another_one_is_not_probed),
		cmocka_unit_test(two_names_of_one_function_are_one_point),
		cmocka_unit_test(classic_places_need_no_code),
#endif
		cmocka_unit_test(a_file_for_another_processor_has_no_points),
		cmocka_unit_test(one_direction_alone_is_no_tls),
		cmocka_unit_test(what_is_known_and_not_covered_is_named),
		cmocka_unit_test(memory_refused_is_an_error),
		cmocka_unit_test(cut_and_broken_files_are_survived),
		cmocka_unit_test(a_huge_file_is_answered_in_time),
	};

	return cmocka_run_group_tests_name("target", tests, make_folder, remove_folder);
}
