/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "base/when.h"
#include "cmd/options.h"

static bool json, quiet, content, seen_output;
static const char *output;
static uint64_t ring, limit, since;
static int level;
static const char *const levels[] = { "off", "minimal", "full", NULL };
static const struct option_spec specs[] = {
	{ "json", 'j', OPTION_FLAG, &json, NULL, "lines", NULL, NULL },
	{ "quiet", 'q', OPTION_FLAG, &quiet, NULL, "less", NULL, NULL },
	{ "llm-content", 0, OPTION_FLAG, &content, NULL, "keep it", NULL, NULL },
	{ "output", 'o', OPTION_STRING, &output, "FILE", "write there", NULL, &seen_output },
	{ "ring", 0, OPTION_SIZE, &ring, "SIZE", "of the ring", NULL, NULL },
	{ "limit", 'n', OPTION_COUNT, &limit, "N", "at most", NULL, NULL },
	{ "since", 0, OPTION_TIME, &since, "TIME", "from then\non", NULL, NULL },
	{ "content", 0, OPTION_CHOICE, &level, "LEVEL", "keep", levels, NULL },
	{ 0 },
};

static int reset(void **state)
{
	(void)state;
	json = quiet = seen_output = false;
	content = true;
	output = NULL;
	ring = 32u << 20;
	limit = since = 0;
	level = 2;
	return 0;
}

/* Splits at blanks and parses; the operands come back joined by blanks. */
static int parse(const char *line, bool stop, char *ret_operands, struct options_error *err)
{
	char text[256], *argv[32], *save = NULL;
	int argc = 0, n;

	strcpy(text, line);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(w, "''") == 0 ? (char[1]){ 0 } : w;
	argv[argc] = NULL;
	n = options_parse(specs, stop, argc, argv, err);
	*ret_operands = 0;
	for (int i = 0; i < n; i++) {
		strcat(ret_operands, i ? " " : "");
		strcat(ret_operands, argv[i]);
	}
	if (output)
		output = strcmp(output, "file") == 0 ? "file" : "other";
	return n;
}

static void options_are_read_in_every_spelling(void **state)
{
	static const char *const lines[] = {
		"--json --output file --ring 4M -n 7 a b", "-j -ofile --ring=4096K -n7 a b",
		"a --json --output=file b --ring=4MiB -n 7", "-jo file --ring 4m a -n 7 -- b",
		"--no-json --json -o x -o file --ring 4194304 --limit=7 a b"
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct options_error err;
		char operands[256];

		reset(state);
		assert_int_equal(parse(lines[i], false, operands, &err), 2);
		assert_string_equal(operands, "a b");
		assert_true(json && !quiet && seen_output);
		assert_string_equal(output, "file");
		assert_int_equal(ring, 4 << 20);
		assert_int_equal(limit, 7);
	}
}

static void options_end_at_the_command(void **state)
{
	static const struct {
		const char *line, *operands;
		bool stop;
	} cases[] = {
		{ "-q cmd --json -o", "cmd --json -o", true },
		{ "-q -- cmd --json -- -o", "cmd --json -- -o", true },
		{ "-q -- -cmd", "-cmd", true },
		{ "-q - x", "- x", false },
		{ "-q -- --json", "--json", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct options_error err;
		char operands[256];

		reset(state);
		assert_true(parse(cases[i].line, cases[i].stop, operands, &err) > 0);
		assert_string_equal(operands, cases[i].operands);
		assert_true(quiet && !json);
	}
}

static void options_say_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "--jsno", "unknown option '--jsno'; did you mean '--json'?" },
		{ "--out x", "unknown option '--out'; did you mean '--output'?" },
		{ "--frobnicate", "unknown option '--frobnicate'" },
		{ "--no-output", "unknown option '--no-output'; did you mean '--output'?" },
		{ "-x", "unknown option '-x'" },
		{ "--json=1", "option '--json' takes no value" },
		{ "--output", "option '--output' needs a value: FILE" },
		{ "-jo", "option '--output' needs a value: FILE" },
		{ "--ring 4X", "'--ring' takes a size such as 512K or 32M, not '4X'" },
		{ "--ring -4", "'--ring' takes a size such as 512K or 32M, not '-4'" },
		{ "--ring 99999999999G", "'--ring' takes a size such as 512K or 32M, not "
					 "'99999999999G'" },
		{ "-n 5x", "'--limit' takes a number, not '5x'" },
		{ "--content most", "'--content' takes one of: off, minimal, full; not 'most'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct options_error err;
		char operands[256];

		reset(state);
		assert_int_equal(parse(cases[i].line, false, operands, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].text);
	}
}

static void options_help_is_asked_in_two_ways(void **state)
{
	struct options_error err;
	char operands[256];

	(void)state;
	assert_int_equal(parse("-q --help", false, operands, &err), OPTIONS_HELP);
	assert_int_equal(parse("-qh", false, operands, &err), OPTIONS_HELP);
}

static void options_help_shows_defaults(void **state)
{
	struct buf b = { 0 };

	(void)state;
	options_help(specs, &b);
	buf_add(&b, (struct slice){ "", 1 }, 1u << 20);
	assert_string_equal(b.p, "  -j, --json              lines\n"
				 "  -q, --quiet             less\n"
				 "      --no-llm-content    keep it\n"
				 "  -o, --output FILE       write there\n"
				 "      --ring SIZE         of the ring [32M]\n"
				 "  -n, --limit N           at most\n"
				 "      --since TIME        from then\n"
				 "                          on\n"
				 "      --content LEVEL     keep (off, minimal, full) [full]\n"
				 "  -h, --help              this text\n");
	buf_done(&b);
}

static void times_are_dates_or_ages(void **state)
{
	const uint64_t s = 1000000000u, now = 1795000000u * s;
	static const struct {
		const char *text;
		uint64_t seconds;
	} cases[] = {
		{ "90m", 1795000000u - 5400 },
		{ "2h", 1795000000u - 7200 },
		{ "7d", 1795000000u - 7 * 86400 },
		{ "0s", 1795000000u },
		{ "2026-11-20", 1795132800 },
		{ "2026-11-20T10:00", 1795168800 },
		{ "2026-11-20 10:00:01", 1795168801 },
		{ "2026-11-20T10:00Z", 1795168800 },
		{ "2026-11-20T10:00+02:00", 1795161600 },
		{ "2026-11-20T10:00:01-0130", 1795174201 },
		{ "today", 1794960000 },
		{ "yesterday", 1794960000 - 86400 },
	};
	static const char *const bad[] = { "",		 "soon",	"5",   "5y",
					   "2026-13-01", "2026-11-20X", "-3h", "99999999999d" };
	uint64_t t;

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(when_read(cases[i].text, now, &t));
		assert_int_equal(t, cases[i].seconds * s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(when_read(bad[i], now, &t));
}

static void words_are_suggested_only_when_close(void **state)
{
	static const char *const names[] = { "run", "runs", "show", "spans", "cost", NULL };
	static const struct {
		const char *word, *meant;
	} cases[] = { { "rnu", "run" },	   { "shwo", "show" }, { "span", "spans" },
		      { "costs", "cost" }, { "x", NULL },      { "install", NULL },
		      { "", NULL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *meant = options_suggest(cases[i].word, names);

		if (cases[i].meant)
			assert_string_equal(meant, cases[i].meant);
		else
			assert_null(meant);
	}
}

static int tell(void *ctx, const struct option_spec *spec, bool on, const char *value)
{
	char word[64];

	snprintf(word, sizeof(word), "%s%s%s%s ", spec ? (on ? "+" : "-") : "",
		 spec ? spec->name : "", spec && value ? "=" : "", value ? value : "");
	strcat(ctx, word);
	return spec && strcmp(spec->name, "limit") == 0 ? -EACCES : 0;
}

static void a_walk_tells_everything_and_sets_nothing(void **state)
{
	static const struct {
		const char *argv[8], *told;
		int r;
	} cases[] = {
		{ { "-jo", "file", "a", "--no-quiet", "--", "-x" },
		  "+json +output=file a -quiet -x ",
		  0 },
		{ { "--output=x", "--ring=nonsense" }, "+output=x +ring=nonsense ", 0 },
		{ { "-n7", "a" }, "+limit=7 ", -EACCES },
		{ { "--nothing" }, "", -EINVAL },
		{ { "--output" }, "", -EINVAL },
	};
	struct options_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char told[256] = "";
		int n = 0;

		while (cases[i].argv[n])
			n++;
		assert_int_equal(options_walk(specs, false, n, cases[i].argv, tell, told, &err),
				 cases[i].r);
		assert_string_equal(told, cases[i].told);
	}
	assert_false(json);
	assert_null(output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(options_are_read_in_every_spelling, reset),
		cmocka_unit_test_setup(options_end_at_the_command, reset),
		cmocka_unit_test_setup(options_say_what_is_wrong, reset),
		cmocka_unit_test_setup(options_help_is_asked_in_two_ways, reset),
		cmocka_unit_test_setup(options_help_shows_defaults, reset),
		cmocka_unit_test_setup(a_walk_tells_everything_and_sets_nothing, reset),
		cmocka_unit_test(times_are_dates_or_ages),
		cmocka_unit_test(words_are_suggested_only_when_close),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
