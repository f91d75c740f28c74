/* SPDX-License-Identifier: BSD-2-Clause */
/* rustls' vtables in files that are built here, in the shapes that real programs have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/finder/finder.h"

static char folder[] = "/tmp/sonde-rustls-XXXXXX";

#define SHARED "-shared -s"
#define PACKED "-shared -s -Wl,-z,pack-relative-relocs"
#define FIXED  "-static -no-pie -s"

static int examine(const char *source, const char *flags, struct probe_target *ret)
{
	char from[64], to[64], command[512];
	_cleanup_(closep) int fd = -1;
	FILE *f;

	snprintf(from, sizeof(from), "%s/x.s", folder);
	snprintf(to, sizeof(to), "%s/x", folder);
	f = fopen(from, "w");
	assert_non_null(f);
	assert_true(fputs(source, f) >= 0);
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command), "gcc -nostdlib -Wl,-e,0 %s -o %s %s", flags, to, from);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	fd = open(to, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return target_examine(fd, "x", ret);
}

#if defined(__x86_64__)

#define CODE	     ".text\n"
#define FN(name)     ".p2align 4\n" name ":\n"
#define LEN(name, n) FN(name) "lea " n "(%rsi),%rax\n ret\n"
/* As Deno 2.1 has it; as programs optimised for speed have it. */
#define ENCRYPT(name)                                                                      \
	FN(name)                                                                           \
	"push %r15\n push %r14\n mov %rdx,%r15\n mov %rsi,%r14\n cmpq $0,(%rdx)\n je 1f\n" \
	" mov 0x18(%r15),%r12\n sub 0x10(%r15),%r12\n jmp 2f\n"                            \
	"1: mov 0x10(%r15),%r12\n2: call other\n mov 0x20(%r15),%edi\n"                    \
	" pop %r14\n pop %r15\n ret\n"
#define ENCRYPT_FAST(name)                                                            \
	FN(name)                                                                      \
	"push %rbp\n mov 0x10(%rdx),%rax\n mov 0x18(%rdx),%rbp\n sub %rax,%rbp\n"     \
	" cmpq $0,(%rdx)\n cmove %rax,%rbp\n jns 1f\n call other\n1: mov %rdx,%r15\n" \
	" call other\n movzbl 0x20(%r15),%eax\n pop %rbp\n ret\n"
#define DECRYPT(name, least, more)                                                            \
	FN(name)                                                                              \
	"push %rbp\n mov 8(%rdx),%r12\n cmp $" least ",%r12\n jb 1f\n mov (%rdx),%r14\n" more \
	"1: pop %rbp\n ret\n"
#define TYPED		 " movzbl 0x10(%rdx),%r10d\n"
#define OTHER		 FN("other") "ret\n"
#define DATA		 ".section .data.rel.ro,\"aw\"\n.p2align 3\n"
#define LOCATION	 ".quad other, 98, 0x59000000af\n"
#define VTABLE(size, fn) ".quad 0, " size ", 8, " fn "\n"

#define BOTH13		 CODE OTHER ENCRYPT("e13") DECRYPT("d13", "0x10", "") LEN("l13", "0x11")
#define PAIR13		 DATA VTABLE("0x230", "d13") LOCATION VTABLE("0x230", "e13") ".quad l13\n"
#define PAIR13R		 DATA VTABLE("0x230", "e13") ".quad l13\n" LOCATION VTABLE("0x230", "d13")
#define CODE_GCM	 ENCRYPT_FAST("eg") DECRYPT("dg", "0x18", TYPED) LEN("lg", "0x18")
#define CODE_CHA	 ENCRYPT_FAST("ec") DECRYPT("dc", "0x10", TYPED) LEN("lc", "0x10")
#define PAIR_GCM	 VTABLE("0x28", "dg") LOCATION VTABLE("0x30", "eg") ".quad lg\n"
#define PAIR_CHA	 VTABLE("0x28", "dc") LOCATION VTABLE("0x28", "ec") ".quad lc\n"

/* 0.22 and, without LEN, 0.21. */
#define ENCRYPT_OWNED(name, n)                                                             \
	FN(name)                                                                           \
	"push %rbp\n mov 8(%rdx),%r12\n mov %r12,%rbx\n add $" n ",%rbx\n mov %rdx,%rbp\n" \
	" mov (%rdx),%rax\n movzbl 0x10(%rbp),%edx\n movzbl 0x11(%rbp),%ebp\n pop %rbp\n"  \
	" ret\n"
#define DECRYPT_OWNED(name, least, more)                                                       \
	FN(name)                                                                               \
	"push %rbp\n mov %rdx,%r14\n mov 0x10(%rdx),%r13\n cmp $" least ",%r13\n jb 1f\n" more \
	" mov 8(%r14),%r15\n1: pop %rbp\n ret\n"
#define TYPED_OWNED  " movzbl 0x1c(%rdx),%r10d\n movzbl 0x1d(%rdx),%r11d\n movzwl 0x18(%rdx),%eax\n"
#define OWNED13	     ENCRYPT_OWNED("e13", "0x11") DECRYPT_OWNED("d13", "0x10", "")
#define OWNED_GCM    ENCRYPT_OWNED("eg", "0x18") DECRYPT_OWNED("dg", "0x18", TYPED_OWNED)
#define VTABLE16(fn) ".quad 0, 0x230, 16, " fn "\n"
#define NAME	     ".section .rodata\n.ascii \"/src/rustls-0.21.12/src/record_layer.rs\"\n"
#define OLD_DATA \
	DATA VTABLE16("e13") VTABLE16("d13") LOCATION VTABLE16("dg") LOCATION VTABLE16("eg")

static void all_ciphers_are_found_wherever_the_pointers_stand(void **state)
{
	static const char *const flags[] = { SHARED, PACKED, FIXED };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct probe_target t;

		assert_int_equal(
			examine(BOTH13 CODE_GCM CODE_CHA PAIR13 LOCATION PAIR_GCM LOCATION PAIR_CHA,
				flags[i], &t),
			1);
		assert_int_equal(t.n_points, 6);
		assert_int_equal(t.points[5].source, SONDE_SOURCE_RUSTLS);
		assert_string_equal(t.library, "rustls");
		for (size_t k = 0; k < t.n_points; k++) {
			const struct probe_point *p = &t.points[k];

			assert_int_equal(p->cost, PROBE_CHEAP);
			assert_int_equal(p->exit, 0);
			assert_int_equal(p->abi, p->write ? PROBE_ABI_RUSTLS_ENCRYPT
							  : PROBE_ABI_RUSTLS_DECRYPT);
			assert_int_equal(p->write, k % 2 == 0);
		}
		assert_string_equal(t.points[0].function, "TLS 1.3 encrypt");
		assert_int_equal(t.points[0].overhead, 17);
		assert_string_equal(t.points[3].function, "TLS 1.2 GCM decrypt");
		assert_int_equal(t.points[3].overhead, 24);
	}
}

static void the_decrypter_may_follow(void **state)
{
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(BOTH13 PAIR13R, SHARED, &t), 1);
	assert_int_equal(t.n_points, 2);
	assert_string_equal(t.points[1].insn, "push %rbp");
}

static void what_is_not_whole_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *source, *reason;
	} cases[] = {
		/* no decrypter */
		{ BOTH13 DATA VTABLE("0x230", "e13") ".quad l13\n", "not every direction" },
		/* it compares with something else */
		{ CODE OTHER ENCRYPT("e13") DECRYPT("d13", "0x14", "") LEN("l13", "0x11") PAIR13,
		  "not every direction" },
		/* it is that of TLS 1.2 */
		{ CODE OTHER ENCRYPT("e13") DECRYPT("d13", "0x10", TYPED) LEN("l13", "0x11") PAIR13,
		  "not every direction" },
		/* one cipher of two is half */
		{ BOTH13 CODE_GCM PAIR13 LOCATION VTABLE("0x30", "eg") ".quad lg\n",
		  "not every direction" },
		/* TLS 1.2 alone is not what 0.23 looks like */
		{ CODE OTHER CODE_GCM DATA PAIR_GCM, "not every direction" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct probe_target t;

		assert_int_equal(examine(cases[i].source, SHARED, &t), 0);
		assert_int_equal(t.n_points, 0);
		assert_non_null(strstr(t.reason, cases[i].reason));
		assert_non_null(strstr(t.reason, "not covered yet"));
	}
}

static void what_only_resembles_it_is_not_taken_for_it(void **state)
{
	static const char *const sources[] = {
		/* the function without a vtable */
		BOTH13 DATA ".quad l13\n",
		/* an encrypter that takes its message in another form */
		CODE OTHER FN("e13") "push %rbx\n mov 8(%rdx),%rax\n mov (%rdx),%rcx\n pop %rbx\n"
				     " ret\n" DECRYPT("d13", "0x10", "") LEN("l13", "0x11") PAIR13,
		/* the type is a whole word */
		CODE OTHER FN("e13") "push %rbx\n mov (%rdx),%rax\n mov 0x10(%rdx),%rcx\n"
				     " mov 0x18(%rdx),%rcx\n mov 0x20(%rdx),%rcx\n pop %rbx\n "
				     "ret\n" DECRYPT("d13", "0x10", "") LEN("l13", "0x11") PAIR13,
		/* no size, an alignment that is none */
		BOTH13 DATA ".quad 0, 0, 8, e13, l13\n.quad 0, 0x30, 8, d13\n",
		BOTH13 DATA ".quad 0, 0x30, 3, e13, l13\n.quad 0, 0x30, 8, d13\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct probe_target t;

		assert_int_equal(examine(sources[i], SHARED, &t), 0);
		assert_int_equal(t.n_points, 0);
	}
}

static void check_owned(const struct probe_target *t)
{
	assert_int_equal(t->n_points, 4);
	for (size_t k = 0; k < t->n_points; k++) {
		const struct probe_point *p = &t->points[k];

		assert_true(p->owned);
		assert_int_equal(p->write, k % 2 == 0);
		assert_int_equal(p->type_at, p->overhead == 24 && !p->write ? 0x1c : 0);
	}
}

static void messages_of_0_22_have_another_form(void **state)
{
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(CODE OTHER OWNED13 LEN("l13", "0x11") OWNED_GCM LEN("lg", "0x18")
					 PAIR13 LOCATION PAIR_GCM,
				 SHARED, &t),
			 1);
	check_owned(&t);
}

static void ciphers_of_0_21_are_found_by_their_size(void **state)
{
	static const char *const flags[] = { SHARED, PACKED, FIXED };
	struct probe_target t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		assert_int_equal(examine(NAME CODE OTHER OWNED13 OWNED_GCM OLD_DATA, flags[i], &t),
				 1);
		check_owned(&t);
		assert_string_equal(t.version, "0.21.12");
	}
	/* Without its name nobody looks for it; with half of a cipher it is refused. */
	assert_int_equal(examine(CODE OTHER OWNED13 OWNED_GCM OLD_DATA, SHARED, &t), 0);
	assert_int_equal(examine(NAME CODE OTHER OWNED13 DATA VTABLE16("d13") LOCATION, SHARED, &t),
			 0);
	assert_non_null(strstr(t.reason, "not every direction"));
}

static void two_versions_in_one_program_are_both_found(void **state)
{
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(NAME CODE OTHER OWNED13 OWNED_GCM ENCRYPT("e23")
					 DECRYPT("d23", "0x10", "") LEN("l23", "0x11")
						 OLD_DATA LOCATION VTABLE("0x30", "d23")
							 VTABLE("0x30", "e23") ".quad l23\n",
				 SHARED, &t),
			 1);
	assert_int_equal(t.n_points, 6);
	assert_false(t.points[0].owned);
	assert_true(t.points[2].owned);
}

static void more_than_can_be_looked_at_is_refused(void **state)
{
	_cleanup_(freep) char *source = calloc(1, 1 << 16);
	struct probe_target t;
	char *at = source;

	(void)state;
	at += sprintf(at, "%s", BOTH13);
	for (int i = 0; i < 100; i++)
		at += sprintf(at, ".p2align 4\nlea 0x11(%%rsi),%%rax\n ret\n");
	sprintf(at, "%s", PAIR13);
	assert_int_equal(examine(source, SHARED, &t), 0);
	assert_int_equal(t.n_points, 0);
}

#endif

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command); /* NOLINT(cert-env33-c) */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
		cmocka_unit_test(all_ciphers_are_found_wherever_the_pointers_stand),
		cmocka_unit_test(the_decrypter_may_follow),
		cmocka_unit_test(what_is_not_whole_is_refused_with_a_reason),
		cmocka_unit_test(what_only_resembles_it_is_not_taken_for_it),
		cmocka_unit_test(messages_of_0_22_have_another_form),
		cmocka_unit_test(ciphers_of_0_21_are_found_by_their_size),
		cmocka_unit_test(two_versions_in_one_program_are_both_found),
		cmocka_unit_test(more_than_can_be_looked_at_is_refused),
#endif
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
