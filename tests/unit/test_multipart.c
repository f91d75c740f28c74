/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/multipart.h"

#define TYPE "multipart/form-data; charset=utf-8; boundary=\"a b\""

/* "name=data;" of each part, "name(file,type)=data;" of files, "!" where it is cut. */
static const char *read_form(const char *type, struct slice body)
{
	static char text[1024];
	struct multipart_part p;
	struct multipart m;
	size_t n = 0;

	text[0] = 0;
	if (!multipart_begin(slice_of(type), body, &m))
		return "none";
	while (multipart_next(&m, &p) && n < sizeof(text) - 200)
		n += (size_t)(p.is_file ? sprintf(text + n, "%.*s(%.*s,%.*s)=%.*s;",
						  SLICE_ARG(p.name), SLICE_ARG(p.filename),
						  SLICE_ARG(p.type), SLICE_ARG(p.data))
					: sprintf(text + n, "%.*s=%.*s;", SLICE_ARG(p.name),
						  SLICE_ARG(p.data)));
	if (m.cut)
		sprintf(text + n, "!");
	return text;
}

static void forms(void **state)
{
	static const struct {
		const char *type, *body, *parts;
	} cases[] = {
		{ TYPE,
		  "preamble\r\n--a b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n"
		  "--a b\r\ncontent-disposition: form-data; name=\"f\"; filename=\"x;y.wav\"\r\n"
		  "Content-Type: audio/wav\r\n\r\nA\r\n--a\r\nB--a b\r\n\r\n--a b--\r\nrest",
		  "model=m;f(x;y.wav,audio/wav)=A\r\n--a\r\nB--a b\r\n;" },
		{ "multipart/form-data;boundary=x", /* plain line ends, unquoted names */
		  "--x\nContent-Disposition: form-data; name=a\n\n1\n--x\nContent-Disposition: "
		  "form-data; name=b\n\n\n--x--\n",
		  "a=1;b=;" },
		{ "multipart/form-data; boundary=x", /* nothing in it, at once */
		  "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--x--\r\n", "a=;" },
		{ "multipart/form-data; boundary=x", /* it ends in a part */
		  "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhal", "a=hal;!" },
		{ "multipart/form-data; boundary=x", /* ... in its head */
		  "--x\r\nContent-Disposition: form-data; na", "!" },
		{ "multipart/form-data; boundary=x", "", "!" },
		{ "multipart/form-data; boundary=x", "--x--", "" },
		{ "multipart/form-data", "--x--", "none" },
		{ "multipart/form-data; boundary=", "--x--", "none" },
		{ "multipart/form-data; boundary", "--x--", "none" },
		{ "multipart/mixed; boundary=x", "--x--", "none" },
		{ "", "--x--", "none" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(read_form(cases[i].type, slice_of(cases[i].body)),
				    cases[i].parts);
}

/* Whatever is cut off, nothing is read past the end, and what was whole stays the same. */
static void a_cut_form_gives_what_is_there(void **state)
{
	static const char body[] =
		"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\n"
		"Content-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n--x--\r\n";

	(void)state;
	for (size_t n = 0; n < sizeof(body); n++) {
		char *copy = malloc(n ? n : 1);
		const char *got;

		assert_non_null(copy);
		memcpy(copy, body, n);
		got = read_form("multipart/form-data; boundary=x", (struct slice){ copy, n });
		if (n > 62)
			assert_int_equal(strncmp(got, "a=1;", 4), 0);
		assert_true(n >= sizeof(body) - 5 || strchr(got, '!'));
		free(copy);
	}
}

static void parts_are_bounded(void **state)
{
	static char body[(MULTIPART_PARTS_MAX + 10) * 8];
	struct multipart_part p;
	struct multipart m;
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(body) / 8; i++)
		memcpy(body + i * 8, "--x\n\n..\n", 8);
	assert_true(multipart_begin(SLICE("multipart/form-data; boundary=x"),
				    (struct slice){ body, sizeof(body) }, &m));
	while (multipart_next(&m, &p))
		n++;
	assert_int_equal(n, MULTIPART_PARTS_MAX);
	assert_true(m.cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(a_cut_form_gives_what_is_there),
		cmocka_unit_test(parts_are_bounded),
	};

	return cmocka_run_group_tests_name("multipart", tests, NULL, NULL);
}
