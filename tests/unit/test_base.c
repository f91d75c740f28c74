/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/host.h"
#include "base/id.h"
#include "base/json.h"
#include "base/regular.h"
#include "base/utf8.h"
#include "base/util.h"

static void id_of_equal_parts_differs_where_they_are_cut_differently(void **state)
{
	struct id_hash h;
	struct id128 a, b;

	(void)state;
	id_hash_begin(&h, "x");
	id_hash_bytes(&h, SLICE("ab"));
	id_hash_bytes(&h, SLICE("c"));
	a = id_hash_end(&h);
	id_hash_begin(&h, "x");
	id_hash_bytes(&h, SLICE("a"));
	id_hash_bytes(&h, SLICE("bc"));
	b = id_hash_end(&h);
	assert_false(id128_eq(&a, &b));
}

static void id_hex_reads_back(void **state)
{
	struct id128 a = id_of_bytes(SLICE("abc")), b;
	char hex[ID128_HEX_SIZE];

	(void)state;
	id128_hex(&a, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"); /* FIPS 180-4's example */
	assert_int_equal(id128_parse(slice_of(hex), &b), 0);
	assert_true(id128_eq(&a, &b));
	hex[5] = 'g';
	assert_true(id128_parse(slice_of(hex), &b) < 0);
}

static void json_writer_escapes_and_separates(void **state)
{
	struct buf out = { 0 };
	struct json_writer w = { .out = &out };

	(void)state;
	json_begin(&w, '{');
	json_key(&w, "a");
	json_put_str(&w, SLICE("q\" b\\ n\n c\x01 \xc3\xa4 bad\xff"));
	json_key(&w, "n");
	json_begin(&w, '[');
	json_put_int(&w, -5);
	json_put_double(&w, 0.1);
	json_put_double(&w, NAN);
	json_put_bool(&w, true);
	json_end(&w, ']');
	json_end(&w, '}');
	assert_int_equal(w.r, 0);
	buf_add(&out, (struct slice){ "", 1 }, 1000);
	assert_string_equal(out.p, "{\"a\":\"q\\\" b\\\\ n\\n c\\u0001 \xc3\xa4 bad\xef\xbf\xbd\","
				   "\"n\":[-5,0.1,null,true]}");
	buf_done(&out);
}

static void utf8_characters(void **state)
{
	static const struct {
		struct slice in;
		size_t n;
	} cases[] = {
		{ { "a", 1 }, 1 },
		{ { "\xc3\xa4", 2 }, 2 },
		{ { "\xc3", 1 }, 0 },
		{ { "\xc0\x80", 2 }, 0 },
		{ { "\xed\xa0\x80", 3 }, 0 },
		{ { "\xe2\x82\xac", 3 }, 3 },
		{ { "", 0 }, 0 },
		{ { "\xf0\x9f\x98\x80", 4 }, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(utf8_char(cases[i].in), cases[i].n);
	assert_int_equal(utf8_head(SLICE("a\xc3\xa4z"), 2).n, 3);
}

static void only_regular_files_are_opened(void **state)
{
	char folder[] = "/tmp/sonde-regular-XXXXXX", path[64];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/x", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(regular_open(path), -ENOENT); /* and does not wait for a writer */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(regular_open(path), -ENOENT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(regular_open(path), -ENOENT);
	assert_int_equal(regular_open(folder), -ENOENT);
	assert_int_equal(symlink("/proc/self/exe", path), 0);
	fd = regular_open(path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* A pod's own name is another with each start. */
static void a_pod_is_on_its_node(void **state)
{
	char name[HOST_NAME_SIZE], own[HOST_NAME_SIZE];

	(void)state;
	unsetenv("KUBERNETES_SERVICE_HOST");
	setenv("NODE_NAME", "node-7", 1);
	host_name(own);
	assert_string_not_equal(own, "");
	assert_string_not_equal(own, "node-7");
	setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	host_name(name);
	assert_string_equal(name, "node-7");
	setenv("NODE_NAME", "", 1);
	host_name(name);
	assert_string_equal(name, own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_is_on_its_node),
		cmocka_unit_test(id_of_equal_parts_differs_where_they_are_cut_differently),
		cmocka_unit_test(id_hex_reads_back),
		cmocka_unit_test(json_writer_escapes_and_separates),
		cmocka_unit_test(utf8_characters),
		cmocka_unit_test(only_regular_files_are_opened),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
