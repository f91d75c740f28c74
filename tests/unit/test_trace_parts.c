/* SPDX-License-Identifier: BSD-2-Clause */
/* The pieces of trace/ that stand alone: commands against programs, caches, the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "base/util.h"
#include "trace/cache.h"
#include "trace/clock.h"
#include "trace/command.h"

/* --- commands --- */

static struct slice normal(const char *text, struct arena *mem)
{
	return command_normalise(slice_of(text), mem);
}

static void commands_are_found_in_the_programs_that_carry_them_out(void **state)
{
#define A(lit)                     \
	{                          \
		(lit), sizeof(lit) \
	}
	static const struct {
		const char *command;
		struct slice argv;
		enum command_match match;
	} cases[] = {
		{ "ls", A("bash\0-c\0ls"), COMMAND_EXACT },
		{ "ls -l", A("/bin/ls\0-l"), COMMAND_EXACT },
		{ "/bin/ls -l", A("ls\0-l"), COMMAND_EXACT },
		{ "ls", A("bash\0-c\0source /s/snapshot-bash.sh && eval 'ls' \\< /dev/null"),
		  COMMAND_TAIL },
		{ "echo 'a b' \"c\"", A("bash\0-c\0eval 'echo '\\''a b'\\'' \"c\"' && pwd -P"),
		  COMMAND_TAIL },
		{ "echo it\\ is", A("bash\0-c\0eval \"echo it\\\\ is\""), COMMAND_TAIL },
		{ "ls", A("bash\0-c\0shopt -u x; ls"), COMMAND_TAIL },
		{ "make test", A("bash\0-c\0{ make test; } 2>&1"), COMMAND_INSIDE },
		{ "ls", A("bash\0-c\0. /s; exec bash -c 'ls'"), COMMAND_TAIL },
		/* Too short to be found by chance. */
		{ "ls", A("bash\0-c\0-l"), COMMAND_NO },
		{ "ls", A("bash\0-c\0cat a ls b"), COMMAND_NO },
		{ "ls", A("grep\0false"), COMMAND_NO },
		{ "make test", A("bash\0-c\0make testing"), COMMAND_NO },
		{ "make test", A("bash\0-c\0cmake test"), COMMAND_NO },
		/* A program's own name is no command that another one runs. */
		{ "git", A("git\0status"), COMMAND_NO },
		{ "git", A("git"), COMMAND_EXACT },
		/* Programs that only run others. */
		{ "make -k", A("timeout\0-k\0005\00060\0/usr/bin/make\0-k"), COMMAND_EXACT },
		{ "ls", A("nice\0-n\00019\0env\0-u\0X\0A=b\0ls"), COMMAND_EXACT },
		{ "ls", A("bwrap\0--ro-bind\0/\0/\0--\0/bin/ls"), COMMAND_EXACT },
		{ "ls", A("bwrap\0--ro-bind\0/\0ls"), COMMAND_NO },
		{ "./run all", A("/usr/bin/python3\0./run\0all"), COMMAND_EXACT },
		{ "date", A("codex-linux-sandbox\0{}\0--\0bash\0-lc\0date"), COMMAND_EXACT },
		{ "test", A("timeout\0005\0make\0test"), COMMAND_NO },
		{ "timeout", A("timeout\0005"), COMMAND_NO },
		{ "cat <<E\na\nE", A("sh\0-c\0cat <<E\na\nE\n"), COMMAND_EXACT },
		{ "x", A(""), COMMAND_NO },
		{ "", A("sh\0-c\0"), COMMAND_NO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena *mem = arena_new(1 << 20);
		enum command_match m =
			command_match(normal(cases[i].command, mem), cases[i].argv, mem);

		if (m != cases[i].match)
			print_error("case %zu: %s\n", i, cases[i].command);
		assert_int_equal(m, cases[i].match);
		arena_free(mem);
	}
}

static void commands_are_taken_from_arguments(void **state)
{
	static const struct {
		const char *json, *command;
	} cases[] = {
		{ "{\"command\":\"ls -l\",\"description\":\"x\"}", "ls -l" },
		{ "{\"cmd\":\"a \\\"b\\\"\\n  c\"}", "a b c" },
		{ "{\"command\":[\"bash\",\"-lc\",\"ls | wc\"]}", "ls | wc" },
		{ "{\"command\":[\"ls\",\"-l\"]}", "ls -l" },
		{ "{\"action\":{\"command\":[\"sh\",\"-c\",\"pwd\"]}}", "pwd" },
		{ "{\"path\":\"/etc/passwd\"}", "" },
		{ "{\"command\":7}", "" },
		{ "{\"command\":[]}", "" },
		{ "{\"command\":\"cut", "" },
		{ "", "" },
		{ "[]", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena *mem = arena_new(1 << 20);
		struct slice got = command_of_arguments(slice_of(cases[i].json), mem);

		assert_true(slice_eq(got, slice_of(cases[i].command)));
		arena_free(mem);
	}
}

/* However an argument is cut, nothing is read behind it, and what is whole is still found. */
static void arguments_may_be_cut_anywhere(void **state)
{
	static const char json[] =
		"{\"command\":[\"bash\",\"-lc\",\"ls \\u0041\"],\"x\":{\"y\":[1]}}";

	(void)state;
	for (size_t n = 0; n < sizeof(json); n++) {
		struct arena *mem = arena_new(1 << 20);
		char *copy = test_malloc(n + 1);
		struct slice got;

		memcpy(copy, json, n);
		got = command_of_arguments((struct slice){ copy, n }, mem);
		assert_int_equal(got.n, n == sizeof(json) - 1 ? 4 : 0);
		test_free(copy);
		arena_free(mem);
	}
}

/* --- caches --- */

static void caches_forget_what_was_long_unused(void **state)
{
	struct cache c;
	uint64_t key;

	(void)state;
	cache_init(&c, 4, sizeof(key), sizeof(uint64_t));
	for (key = 0; key < 12; key++) {
		uint64_t always = 0, *v;

		v = cache_add(&c, &key);
		assert_non_null(v);
		*v = key * 7;
		v = cache_find(&c, &always);
		assert_non_null(v);
		assert_int_equal(*v, 0);
	}
	key = 11;
	assert_int_equal(*(uint64_t *)cache_find(&c, &key), 77);
	key = 3;
	assert_null(cache_find(&c, &key));
	cache_done(&c);
}

static void caches_survive_refused_memory(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		struct cache c;

		cache_init(&c, 2, sizeof(uint64_t), 8);
		alloc_refuse(n);
		for (uint64_t key = 0; key < 8; key++) {
			uint64_t again = key / 2;

			cache_add(&c, &key);
			cache_find(&c, &again);
		}
		cache_done(&c);
		if (!alloc_allow())
			break;
	}
}

/* --- clock --- */

static void step(struct clock *c, uint64_t boot_ns, uint64_t wall_ns)
{
	const struct sonde_clock_event e = { .hdr = { .ts_ns = boot_ns }, .wall_ns = wall_ns };

	clock_step(c, &e);
}

static void the_clock_in_force_at_the_start_decides(void **state)
{
	struct clock c = { 0 };

	(void)state;
	assert_int_equal(clock_wall(&c, 5, 7), 7);
	step(&c, 100, 10100);
	step(&c, 200, 10190); /* set back */
	assert_int_equal(clock_wall(&c, 150, 150), 10150);
	assert_int_equal(clock_wall(&c, 150, 250), 10250);
	assert_int_equal(clock_wall(&c, 200, 250), 10240);
	assert_int_equal(clock_wall(&c, 50, 50), 10050);
	assert_int_equal(clock_wall(&c, 50, 0), 0);
	for (uint64_t i = 0; i < 2 * CLOCK_STEPS_MAX; i++)
		step(&c, 1000 + i, 50000 + i);
	assert_int_equal(clock_wall(&c, 2000, 2000), 51000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_found_in_the_programs_that_carry_them_out),
		cmocka_unit_test(commands_are_taken_from_arguments),
		cmocka_unit_test(arguments_may_be_cut_anywhere),
		cmocka_unit_test(caches_forget_what_was_long_unused),
		cmocka_unit_test(caches_survive_refused_memory),
		cmocka_unit_test(the_clock_in_force_at_the_start_decides),
	};

	return cmocka_run_group_tests_name("trace_parts", tests, NULL, NULL);
}
