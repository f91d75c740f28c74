/* SPDX-License-Identifier: BSD-2-Clause */
/* GnuTLS and NSS: probe points of libraries that are built here, in the shapes that real ones have.
 */
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

#define FN(name, body)                                                                           \
	".globl " name "\n.type " name ",@function\n" name ":\n" body "\n.size " name ",.-" name \
	"\n"
/* A function without a name in a stripped library, where functions begin. */
#define INNER(name, body) ".balign 16\n" name ":\n" body "\n"

#define GNUTLS		  "libgnutls.so.30"
#define NSS		  "libssl3.so"

static char folder[] = "/tmp/sonde-finders-XXXXXX";

/* Assembles a shared library of that name and examines it. */
static int examine(const char *source, const char *soname, struct probe_target *ret)
{
	char path[64], command[256];
	_cleanup_(closep) int fd = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/x.s", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(source, f) >= 0);
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command), "gcc -shared -nostdlib -s -Wl,-soname,%s -o %s/x.so %s",
		 soname, folder, path);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	snprintf(path, sizeof(path), "%s/x.so", folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
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

/* Debian's libgnutls 3.7. */
#define SEND_TO(f) FN("gnutls_record_send", "xor %r8d,%r8d\nxor %ecx,%ecx\njmp " f)
#define SEND2	   FN("gnutls_record_send2", "push %rbx\nmov %rdi,%rbx\npop %rbx\nret")
#define RECV(type)                                                                          \
	FN("gnutls_record_recv", "sub $8,%rsp\ncmpb $0,0x6b8(%rdi)\nmov %rdx,%rcx\nje 1f\n" \
				 "mov 0x770(%rdi),%r9d\nmov %rsi,%rdx\nxor %r8d,%r8d\n"     \
				 "mov $" type ",%esi\nadd $8,%rsp\njmp recv_int\n"          \
				 "1: mov $-408,%rax\nadd $8,%rsp\nret")
#define RECV_SEQ                                                                           \
	FN("gnutls_record_recv_seq", "mov 0x770(%rdi),%r9d\nmov %rcx,%r8\nmov %rdx,%rcx\n" \
				     "mov %rsi,%rdx\nmov $23,%esi\njmp recv_int")
#define RECV_INT INNER("recv_int", "push %r15\nmov %esi,%r15d\npop %r15\nret")
#define DEINIT	 FN("gnutls_deinit", "test %rdi,%rdi\nje 1f\npush %rbx\npop %rbx\n1: ret")

static void gnutls_send_is_seen_in_send2_where_it_ends_there(void **state)
{
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(SEND_TO("gnutls_record_send2@PLT") SEND2 RECV("23")
					 RECV_SEQ RECV_INT DEINIT,
				 GNUTLS, &t),
			 1);
	assert_string_equal(t.library, "gnutls");
	assert_int_equal(t.points[0].source, SONDE_SOURCE_GNUTLS);
	assert_int_equal(t.n_points, 3);
	assert_null(point(&t, "gnutls_record_send"));
	assert_int_equal(point(&t, "gnutls_record_send2")->abi, PROBE_ABI_RW_SIZE);
	assert_true(point(&t, "gnutls_record_send2")->write);
	assert_int_equal(point(&t, "gnutls_deinit")->abi, PROBE_ABI_FREE);
	/* Where it does not, both are points. */
	assert_int_equal(examine(FN("gnutls_record_send", "push %rbx\npop %rbx\nret")
					 SEND2 RECV("23") DEINIT RECV_INT,
				 GNUTLS, &t),
			 1);
	assert_non_null(point(&t, "gnutls_record_send"));
	assert_non_null(point(&t, "gnutls_record_send2"));
}

static void gnutls_recv_is_seen_where_both_functions_end(void **state)
{
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(SEND2 RECV("23") RECV_SEQ RECV_INT, GNUTLS, &t), 1);
	assert_int_equal(point(&t, "_gnutls_recv_int")->abi, PROBE_ABI_RW_TYPED);
	assert_int_equal(point(&t, "_gnutls_recv_int")->cost, PROBE_CHEAP);
	assert_int_equal(point(&t, "_gnutls_recv_int")->exit, 0);
	assert_null(point(&t, "gnutls_record_recv"));
	/* Another record type, or one caller alone, proves nothing. */
	assert_int_equal(examine(SEND2 RECV("22") RECV_SEQ RECV_INT, GNUTLS, &t), 1);
	assert_null(point(&t, "_gnutls_recv_int"));
	assert_non_null(point(&t, "gnutls_record_recv"));
	assert_non_null(point(&t, "gnutls_record_recv_seq"));
	assert_int_equal(examine(SEND2 RECV("23") RECV_INT, GNUTLS, &t), 1);
	assert_null(point(&t, "_gnutls_recv_int"));
}

static void openssl_on_top_of_gnutls_is_not_probed(void **state)
{
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(FN("SSL_read", "ret") FN("SSL_write", "ret"),
				 "libgnutls-openssl.so.27", &t),
			 0);
	assert_non_null(strstr(t.reason, "GnuTLS"));
}

/* libssl3.so: its layer's methods; each looks whether the descriptor is a layer. */
#define METHOD(name, first) INNER(name, first "\nmov (%rdi),%rax\ncmpl $4,(%rax)\npop %rbx\nret")
#define METHODS                                       \
	METHOD("m_close", "push %rbx")                \
	METHOD("m_read", "push %rbx\nmov %edx,%ecx")  \
	METHOD("m_write", "push %rbx\nmov %ecx,%edx") \
	METHOD("m_recv", "push %rbx\nnop") METHOD("m_send", "push %rbx\nnop\nnop")
#define EXPORTS	    FN("SSL_ImportFD", "ret") FN("NSSSSL_GetVersion", "ret")
#define STORE(m, n) "lea " m "(%rip),%rax\nmov %rax,table+8*" #n "(%rip)\n"
#define IMPORT	    "mov PR_EmulateSendFile@GOTPCREL(%rip),%rax\nmov %rax,table+8*30(%rip)\n"
#define SPACE	    ".bss\n.balign 32\ntable: .space 288\n.text\n"
/* As gcc 12 writes it: pairs by vector registers. */
#define BY_CODE                                                                                \
	INNER("setup",                                                                         \
	      "sub $8,%rsp\ncall PR_GetDefaultIOMethods@PLT\nlea m_close(%rip),%rdx\n"         \
	      "lea m_read(%rip),%rax\nmovq %rdx,%xmm1\nmovq %rax,%xmm2\n"                      \
	      "punpcklqdq %xmm2,%xmm1\nmovl $4,table(%rip)\n"                                  \
	      "movups %xmm1,table+8(%rip)\n" STORE("m_write", 3) STORE("m_recv", 17)           \
		      STORE("m_send", 18) "movq %rdx,%xmm3\n"                                  \
					  "movhps PR_EmulateAcceptRead@GOTPCREL(%rip),%xmm3\n" \
					  "movups %xmm3,table+8*21(%rip)\nadd $8,%rsp\nret")
/* As gcc 14 does: some addresses are constants. */
#define BY_CODE_AND_DATA                                                                        \
	INNER("setup",                                                                          \
	      "movl $4,table(%rip)\n" STORE(                                                    \
		      "m_close",                                                                \
		      1) "lea m_write(%rip),%rax\n"                                             \
			 "movq readp(%rip),%xmm1\nmovq %rax,%xmm2\npunpcklqdq %xmm2,%xmm1\n"    \
			 "movups %xmm1,table+16(%rip)\n" STORE(                                 \
				 "m_recv",                                                      \
				 17) "mov sendp(%rip),%rax\nmov %rax,table+8*18(%rip)\n" IMPORT \
				     "ret")                                                     \
	".section .data.rel.ro,\"aw\"\nreadp: .quad m_read\nsendp: .quad m_send\n.text\n"

static void check_methods(const struct probe_target *t)
{
	static const struct {
		const char *function;
		enum probe_abi abi;
		bool write;
	} want[] = {
		{ "ssl_Read", PROBE_ABI_RW, false },	   { "ssl_Write", PROBE_ABI_RW, true },
		{ "ssl_Recv", PROBE_ABI_RW_FLAGS, false }, { "ssl_Send", PROBE_ABI_RW_FLAGS, true },
		{ "ssl_Close", PROBE_ABI_FREE, false },
	};

	assert_string_equal(t->library, "nss");
	assert_int_equal(t->points[0].source, SONDE_SOURCE_NSS);
	assert_int_equal(t->n_points, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct probe_point *p = point(t, want[i].function);

		assert_non_null(p);
		assert_int_equal(p->abi, want[i].abi);
		assert_int_equal(p->write, want[i].write);
		assert_int_equal(p->cost, PROBE_CHEAP);
		assert_string_equal(p->insn, "push %rbx");
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(p->entry, t->points[k].entry);
	}
}

static void nss_methods_are_found_in_the_code_that_makes_their_table(void **state)
{
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(EXPORTS METHODS SPACE BY_CODE, NSS, &t), 1);
	check_methods(&t);
	assert_int_equal(examine(EXPORTS METHODS SPACE BY_CODE_AND_DATA, NSS, &t), 1);
	check_methods(&t);
}

#define ENTRY(m) ".quad " m "\n"
#define SKIP(n)	 ".fill " #n ",8,0\n"
#define TABLE(import)                                                                          \
	".section .data.rel.ro,\"aw\"\n.balign 32\n.quad 4\n" ENTRY("m_close") ENTRY("m_read") \
		ENTRY("m_write") SKIP(13) ENTRY("m_recv") ENTRY("m_send") SKIP(11)             \
			import SKIP(5) ".text\n"

static void nss_methods_are_found_in_a_constant_table(void **state)
{
	struct probe_target t;

	(void)state;
	assert_int_equal(examine(EXPORTS METHODS TABLE(ENTRY("PR_EmulateSendFile")), NSS, &t), 1);
	check_methods(&t);
}

static void nss_is_refused_where_the_table_is_not_certain(void **state)
{
	static const char *const cases[] = {
		/* no table */
		EXPORTS METHODS,
		/* without the entry that NSPR provides */
		EXPORTS METHODS TABLE(SKIP(1)),
		/* an entry twice */
		EXPORTS METHODS SPACE INNER(
			"setup", "movl $4,table(%rip)\n" STORE("m_close", 1) STORE("m_read", 2)
					 STORE("m_read", 3) STORE("m_recv", 17) STORE("m_send", 18)
						 IMPORT "ret"),
		/* two tables that differ */
		EXPORTS METHODS SPACE INNER(
			"setup",
			"movl $4,table(%rip)\n" STORE("m_close", 1) STORE("m_read", 2)
				STORE("m_write", 3) STORE("m_recv", 17) STORE("m_send", 18) IMPORT
			"ret") ".skip 4096,0xcc\n" INNER("other",
							 "movl $4,table(%rip)\n" STORE(
								 "m_close", 1) STORE("m_write", 2)
								 STORE("m_read", 3) STORE("m_recv",
											  17)
									 STORE("m_send", 18) IMPORT
							 "ret"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct probe_target t;

		assert_int_equal(examine(cases[i], NSS, &t), 0);
		assert_int_equal(t.n_points, 0);
		assert_non_null(strstr(t.reason, "NSS"));
	}
}

#endif

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/x.s", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/x.so", folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
		cmocka_unit_test(gnutls_send_is_seen_in_send2_where_it_ends_there),
		cmocka_unit_test(gnutls_recv_is_seen_where_both_functions_end),
		cmocka_unit_test(openssl_on_top_of_gnutls_is_not_probed),
		cmocka_unit_test(nss_methods_are_found_in_the_code_that_makes_their_table),
		cmocka_unit_test(nss_methods_are_found_in_a_constant_table),
		cmocka_unit_test(nss_is_refused_where_the_table_is_not_certain),
#endif
	};

	return cmocka_run_group_tests_name("finders", tests, make_folder, remove_folder);
}
