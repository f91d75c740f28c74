/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "alloc.h"
#include "base/json.h"
#include "base/util.h"

static void skimming_gives_members_in_order(void **state)
{
	static const char *want[] = { "a", "1",	       "b",	  "\"x\\\"}\"",
				      "c", "[{},[2]]", "\\u0064", "null" };
	struct slice key, value;
	struct json_iter it;
	size_t i = 0;

	(void)state;
	assert_true(json_object(
		SLICE(" { \"a\" : 1 ,\"b\":\"x\\\"}\",\n\"c\":[{},[2]], \"\\u0064\":null } "),
		&it));
	while (json_next_member(&it, &key, &value)) {
		assert_true(slice_eq(key, slice_of(want[i++])));
		assert_true(slice_eq(value, slice_of(want[i++])));
	}
	assert_false(it.bad);
	assert_int_equal(i, ARRAY_SIZE(want));
	assert_false(json_next_member(&it, &key, &value)); /* and stays at the end */
}

static void skimming_finds_what_precedes_a_cut(void **state)
{
	const struct slice doc = SLICE("{\"m\":[{\"n\":1},{\"n\":2},{\"n\":\"thr");
	struct slice key = { 0 }, value;
	struct json_iter it;
	int n = 0;

	(void)state;
	assert_true(json_object(doc, &it));
	assert_false(json_next_member(&it, &key, &value));
	assert_true(it.bad);
	assert_true(slice_eq(key, SLICE("m")));
	assert_true(json_array(it.rest, &it));
	while (json_next(&it, &value))
		n++;
	assert_int_equal(n, 2);
	assert_true(it.bad);
	assert_true(slice_eq(it.rest, SLICE("{\"n\":\"thr")));
}

static void skimming_refuses_what_is_no_object_or_array(void **state)
{
	static const char *bad[] = { "", " ", "1", "\"{\"", "nul", "}", "]" };
	struct json_iter it;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(json_object(slice_of(bad[i]), &it));
		assert_false(json_array(slice_of(bad[i]), &it));
		assert_int_equal(json_member(slice_of(bad[i]), SLICE("a")).n, 0);
	}
	assert_false(json_array(SLICE("{}"), &it));
}

static void skimming_marks_malformed_levels(void **state)
{
	static const char *bad[] = { "[1 2]", "[,1]", "[1,,2]", "[1:2]",  "[",
				     "[1",    "[1,",  "[\"a",	"[\"a\\", "[{\"a\":1]" };
	static const char *bad_objects[] = { "{1:2}", "{\"a\"}",   "{\"a\":}",		"{\"a\":1",
					     "{,}",   "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a" };
	struct slice key, value;
	struct json_iter it;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(json_array(slice_of(bad[i]), &it));
		while (json_next(&it, &value))
			;
		assert_true(it.bad);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_objects); i++) {
		assert_true(json_object(slice_of(bad_objects[i]), &it));
		while (json_next_member(&it, &key, &value))
			;
		assert_true(it.bad);
	}
}

static void depth_is_bounded(void **state)
{
	char text[2 * (JSON_DEPTH_MAX + 1)];
	struct json_iter it;
	struct slice value;

	(void)state;
	memset(text, '[', sizeof(text) / 2);
	memset(text + sizeof(text) / 2, ']', sizeof(text) / 2);
	assert_false(json_valid((struct slice){ text, sizeof(text) }));
	assert_true(json_valid((struct slice){ text + 1, sizeof(text) - 2 }));
	/* The level that is walked is not counted. */
	assert_true(json_array((struct slice){ text, sizeof(text) }, &it));
	assert_true(json_next(&it, &value));
	text[0] = '{'; /* kinds of brackets are not compared when skimming */
	assert_null(json_parse((struct slice){ text, sizeof(text) }));
}

static void skimmed_blocks_know_strings_and_escapes(void **state)
{
	char doc[300];

	(void)state;
	/* The quote, the backslashes before it and the bracket wander over every block border. */
	for (size_t pad = 0; pad < 140; pad++)
		for (int slashes = 0; slashes < 4; slashes++) {
			struct slice value, all;
			struct json_iter it;

			snprintf(doc, sizeof(doc), "[{\"k%*s\":\"x%.*s\\\"}]y\",\"z\":[]},7]",
				 (int)pad, "", slashes * 2, "\\\\\\\\\\\\\\\\");
			all = slice_of(doc);
			assert_true(json_array(all, &it));
			assert_true(json_next(&it, &value));
			assert_int_equal(value.n, all.n - 4);
			assert_true(json_next(&it, &value));
			assert_true(slice_eq(value, SLICE("7")));
			assert_true(json_valid(all));
		}
}

static void text_resolves_escapes(void **state)
{
	static const struct {
		struct slice json, want;
	} t[] = {
		{ SLICE("\"plain\""), SLICE("plain") },
		{ SLICE("\"\""), SLICE("") },
		{ SLICE("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), SLICE("\"\\/\b\f\n\r\t") },
		{ SLICE("\"\\u00e4\\u20AC\""), SLICE("\xc3\xa4\xe2\x82\xac") },
		{ SLICE("\"\\ud83d\\ude00!\""), SLICE("\xf0\x9f\x98\x80!") },
		{ SLICE("\"a\\u0000b\""), SLICE("a\0b") },
		{ SLICE("\"\\ud83d\""), SLICE("\xef\xbf\xbd") },
		{ SLICE("\"\\ude00x\""), SLICE("\xef\xbf\xbdx") },
		{ SLICE("\"\\ud83d\\n\""), SLICE("\xef\xbf\xbd\n") },
		{ SLICE("\"\\ud83d\\u0041\""), SLICE("\xef\xbf\xbd"
						     "A") },
		{ SLICE("\"\\u12\""), SLICE("u12") },
		{ SLICE("\"\\x\""), SLICE("x") },
		{ SLICE("5"), SLICE("") },
		{ SLICE("\"open"), SLICE("") },
		{ SLICE("\""), SLICE("") },
		{ SLICE(""), SLICE("") },
	};
	_cleanup_(arena_freep) struct arena *mem = arena_new(4096);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_true(slice_eq(json_text(t[i].json, mem), t[i].want));
	assert_false(arena_failed(mem));
}

static void integers_are_exact(void **state)
{
	static const struct {
		const char *json;
		bool ok;
		int64_t want;
	} t[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "9007199254740993", true, 9007199254740993 }, /* 2^53 + 1: no double */
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 },
		{ "99999999999999999999", false, 0 },
		{ "3.0", true, 3 },
		{ "1e3", true, 1000 },
		{ "1.5e1", true, 15 },
		{ "1200e-2", true, 12 },
		{ "1.000000000000000000000000000", true, 1 },
		{ "0e999999999999", true, 0 },
		{ "0.0", true, 0 },
		{ "1.000000000000000000000001", false, 0 },
		{ "1e19", false, 0 },
		{ "1e999999999999999999999", false, 0 },
		{ "1e-1", false, 0 },
		{ "2.5", false, 0 },
		{ "01", false, 0 },
		{ "1.", false, 0 },
		{ "+1", false, 0 },
		{ "-", false, 0 },
		{ "1 ", false, 0 },
		{ "\"1\"", false, 0 },
		{ "null", false, 0 },
		{ "", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		int64_t v = 77;

		assert_int_equal(json_int64(slice_of(t[i].json), &v), t[i].ok);
		assert_int_equal(v, t[i].ok ? t[i].want : 77);
	}
}

static void decimals_are_scaled_and_rounded(void **state)
{
	static const struct {
		const char *json;
		int scale;
		bool ok;
		int64_t want;
	} t[] = {
		{ "0.00007159", 12, true, 71590000 },
		{ "1.2e-05", 12, true, 12000000 },
		{ "0.0000000000005", 12, true, 1 },
		{ "0.0000000000004999", 12, true, 0 },
		{ "-0.0000000000005", 12, true, -1 },
		{ "0.1000000000000000055511151231257827", 12, true, 100000000000 },
		{ "12", 2, true, 1200 },
		{ "1e-400", 12, true, 0 },
		{ "10000000", 12, false, 0 },
		{ "\"1\"", 12, false, 0 },
	};
	double d = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		int64_t v = 77;

		assert_int_equal(json_scaled(slice_of(t[i].json), t[i].scale, &v), t[i].ok);
		assert_int_equal(v, t[i].ok ? t[i].want : 77);
	}
	assert_true(json_double(SLICE("-2.5e1"), &d));
	assert_true(d == -25);
	assert_false(json_double(SLICE("1e400"), &d));
	assert_false(json_double(SLICE("null"), &d));
	assert_true(d == -25);
}

static void members_are_picked_in_one_pass(void **state)
{
	static const char *const names[] = { "b", "missing", "a" };
	static const char *const padded = "b\0\0\0\0";
	struct slice v[3];
	int64_t n[2] = { 1, 1 };
	static const struct json_int_field fields[] = { { "o.deep.n", 0 }, { "o.deep", 8 } };
	const struct slice doc = SLICE("{\"a\":1,\"b\":2,\"a\":3,\"o\":{\"deep\":{\"n\":4}}}");

	(void)state;
	assert_true(json_members(doc, names, v, 3));
	assert_true(slice_eq(v[0], SLICE("2")));
	assert_int_equal(v[1].n, 0);
	assert_true(slice_eq(v[2], SLICE("1")));
	/* No JSON, and longer than a name that it begins as. */
	assert_true(
		json_members(SLICE("{\"a\0bcdefghijklmnop\":1}"), (const char *[]){ "a" }, v, 1));
	assert_int_equal(v[0].n, 0);
	assert_false(json_members(SLICE("[]"), names, v, 3));
	/* A key that goes on behind a NUL where the name ends is another, and no name is read on.
	 */
	assert_true(json_members(SLICE("{\"b\0x\":1}"), &padded, v, 1));
	assert_int_equal(v[0].n, 0);
	assert_int_equal(v[0].n, 0);
	assert_true(slice_eq(json_find(doc, "o.deep.n"), SLICE("4")));
	assert_int_equal(json_find(doc, "o.deep.n.x").n, 0);
	json_find_ints(doc, fields, 2, n);
	assert_int_equal(n[0], 4);
	assert_int_equal(n[1], 1);
}

static void validity_is_that_of_the_standard(void **state)
{
	static const char *good[] = {
		"0",	       "-1.5e+3",    "true",	  "null",
		" [] ",	       "{}",	     "[{}]",	  "[1,2]",
		"\"\\u00fF\"", "{\"a\":{}}", "[[[]],{}]", "{\"a\":[1,{\"b\":null}],\"c\":\"\\\\\"}"
	};
	static const char *bad[] = { "",	  "[",	  "]",	  "[1,]",  "{\"a\":1,}", "{a:1}",
				     "[}",	  "{]",	  "01",	  "1.",	   ".5",	 "+1",
				     "nul",	  "True", "NaN",  "[1 2]", "\"\n\"",	 "\"\\x\"",
				     "\"\\u12\"", "\"a",  "1 2",  "{}{}",  "{\"a\"}",	 "{\"a\":}",
				     "[,]",	  "{,}",  "\"\\", "-",	   "1e",	 "truex" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(json_valid(slice_of(good[i])));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(json_valid(slice_of(bad[i])));
}

/* --- against cJSON, on random documents --- */

struct random {
	uint64_t x;
};

static uint32_t draw(struct random *r, uint32_t below)
{
	r->x ^= r->x << 13;
	r->x ^= r->x >> 7;
	r->x ^= r->x << 17;
	return (uint32_t)(r->x >> 32) % below;
}

static void write_random(struct random *r, struct json_writer *w, int depth)
{
	static const char *texts[] = {
		"",
		"a",
		"{\"",
		"]\\",
		"\xc3\xa4\n",
		"0123456789abcdef{[\\\"",
		"a longer text with, commas and : colons in it, 70 bytes or so"
	};
	const uint32_t kind = draw(r, depth > 6 ? 4 : 6);
	char key[16];

	if (kind == 0)
		json_put_str(w, slice_of(texts[draw(r, ARRAY_SIZE(texts))]));
	else if (kind == 1)
		json_put_int(w, (int64_t)draw(r, 100000) - 50000);
	else if (kind == 2)
		json_put_bool(w, draw(r, 2));
	else if (kind == 3)
		json_put_null(w);
	else {
		json_begin(w, kind == 4 ? '{' : '[');
		for (uint32_t i = draw(r, 5); i; i--) {
			if (kind == 4) {
				snprintf(key, sizeof(key), "k%u\"", i);
				json_key(w, key);
			}
			write_random(r, w, depth + 1);
		}
		json_end(w, kind == 4 ? '}' : ']');
	}
}

static void assert_same(struct slice v, const cJSON *j, struct arena *mem)
{
	const cJSON *child = j->child;
	struct slice key, value;
	struct json_iter it;
	int64_t n;

	if (cJSON_IsString(j)) {
		assert_true(slice_eq(json_text(v, mem), slice_of(j->valuestring)));
	} else if (cJSON_IsNumber(j)) {
		assert_true(json_int64(v, &n));
		assert_true((double)n == j->valuedouble);
	} else if (cJSON_IsObject(j)) {
		assert_true(json_object(v, &it));
		for (; json_next_member(&it, &key, &value); child = child->next) {
			assert_non_null(child);
			assert_same(value, child, mem);
		}
		assert_null(child);
		assert_false(it.bad);
	} else if (cJSON_IsArray(j)) {
		assert_true(json_array(v, &it));
		for (; json_next(&it, &value); child = child->next) {
			assert_non_null(child);
			assert_same(value, child, mem);
		}
		assert_null(child);
		assert_false(it.bad);
	}
}

static void skimming_agrees_with_cjson(void **state)
{
	struct random r = { 0x9e3779b97f4a7c15 };

	(void)state;
	for (int i = 0; i < 500; i++) {
		_cleanup_(arena_freep) struct arena *mem = arena_new(1 << 20);
		_cleanup_(buf_done) struct buf out = { 0 };
		struct json_writer w = { .out = &out };
		_cleanup_(cJSON_Deletep) cJSON *j = NULL;

		write_random(&r, &w, 0);
		j = json_parse(buf_slice(&out));
		assert_non_null(j);
		assert_true(json_valid(buf_slice(&out)));
		assert_same(buf_slice(&out), j, mem);
		/* Damaged: nothing to compare, but nothing may be read out of bounds (SAN=address),
		 * and what we call valid cJSON takes as well. */
		for (int k = 0; k < 20 && out.n; k++) {
			out.p[draw(&r, (uint32_t)out.n)] = "{}[]\",:\\01e-"[draw(&r, 12)];
			if (json_valid(buf_slice(&out))) {
				_cleanup_(cJSON_Deletep) cJSON *again = json_parse(buf_slice(&out));

				assert_non_null(again);
			}
		}
	}
}

static void trees_are_bounded(void **state)
{
	_cleanup_(freep) char *many = malloc(2 * JSON_VALUES_MAX + 2);
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;

	(void)state;
	many[0] = '[';
	for (size_t i = 0; i < JSON_VALUES_MAX; i++)
		memcpy(many + 1 + 2 * i, "1,", 2);
	many[2 * JSON_VALUES_MAX] = ']';
	assert_null(json_parse((struct slice){ many, 2 * JSON_VALUES_MAX + 1 }));
	j = json_parse(SLICE("{\"a\":{\"b\":[1]}} trailing"));
	assert_non_null(j);
}

static void paths_lead_to_values_or_to_nothing(void **state)
{
	_cleanup_(cJSON_Deletep) cJSON *j =
		json_parse(SLICE("{\"a\":{\"b\":\"x\",\"n\":7,\"big\":1e300},\"s\":\"t\"}"));
	struct {
		int64_t n, absent, big;
	} got = { -1, -1, -1 };
	static const struct json_int_field fields[] = { { "a.n", 0 },
							{ "a.x", 8 },
							{ "a.big", 16 } };

	(void)state;
	assert_true(slice_eq(json_str(j, "a.b"), SLICE("x")));
	assert_int_equal(json_str(j, "a.n").n, 0);
	assert_int_equal(json_str(j, "s.b").n, 0);
	assert_int_equal(json_int(j, "a.n"), 7);
	assert_int_equal(json_int(j, "a.b"), 0);
	assert_int_equal(json_int(j, "a.big"), 0);
	assert_null(json_at(NULL, "a"));
	json_ints(j, fields, ARRAY_SIZE(fields), &got);
	assert_int_equal(got.n, 7);
	assert_int_equal(got.absent, -1);
	assert_int_equal(got.big, -1);
}

static void refused_memory_reads_as_empty(void **state)
{
	cJSON_Hooks refusing = { malloc, free }, usual = { NULL, NULL };

	(void)state;
	cJSON_InitHooks(&refusing);
	for (long n = 1;; n++) {
		_cleanup_(arena_freep) struct arena *mem = arena_new(4096);
		cJSON *j;
		struct slice s;

		alloc_refuse(n);
		s = json_text(SLICE("\"a\\nb\""), mem);
		j = json_parse(SLICE("{\"a\":[1,\"x\"]}"));
		if (!alloc_allow()) {
			assert_int_equal(s.n, 3);
			assert_non_null(j);
			cJSON_Delete(j);
			break;
		}
		assert_null(j);
	}
	cJSON_InitHooks(&usual);
}

static void the_first_token_that_does_not_belong_is_told(void **state)
{
	static const struct {
		const char *text;
		size_t at;
	} cases[] = {
		{ "", 0 },	    { "  ", 2 },       { "{\"a\":1,}", 7 },
		{ "{\"a\" 1}", 5 }, { "{\"a\":}", 5 }, { "[1,2", 4 },
		{ "[1 2]", 3 },	    { "[\"abc", 1 },   { "[true,nan]", 6 },
		{ "{\"a\":[}", 6 }, { "1 2", 2 },      { "{\"a\":\"\n\"}", 5 },
		{ "{\"a\":1]", 6 }, { "[[[[", 4 },
	};
	size_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		at = 99;
		assert_false(json_check(slice_of(cases[i].text), &at));
		assert_int_equal(at, cases[i].at);
	}
	assert_true(json_check(SLICE(" {\"a\":[1,{}]} "), &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skimming_gives_members_in_order),
		cmocka_unit_test(skimming_finds_what_precedes_a_cut),
		cmocka_unit_test(skimming_refuses_what_is_no_object_or_array),
		cmocka_unit_test(skimming_marks_malformed_levels),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(skimmed_blocks_know_strings_and_escapes),
		cmocka_unit_test(text_resolves_escapes),
		cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(decimals_are_scaled_and_rounded),
		cmocka_unit_test(members_are_picked_in_one_pass),
		cmocka_unit_test(validity_is_that_of_the_standard),
		cmocka_unit_test(the_first_token_that_does_not_belong_is_told),
		cmocka_unit_test(skimming_agrees_with_cjson),
		cmocka_unit_test(trees_are_bounded),
		cmocka_unit_test(paths_lead_to_values_or_to_nothing),
		cmocka_unit_test(refused_memory_reads_as_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
