/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "probe/features.h"

static const struct features fine = {
	.release = "6.12.0",
	.privileged = true,
	.btf = true,
	.ring_buffer = true,
	.attach_cookie = true,
};

/* Each case takes one thing away; the line must name it and what to do. */
static void refusal_names_the_one_thing_missing(void **state)
{
	static const struct {
		struct features f;
		const char *words[2];
	} cases[] = {
		{ { .btf = true, .ring_buffer = true, .attach_cookie = true, .bpf_error = EPERM },
		  { "root", "sudo" } },
		{ { .release = "5.4.0",
		    .privileged = true,
		    .ring_buffer = true,
		    .attach_cookie = true },
		  { "5.4.0", "BTF" } },
		{ { .privileged = true,
		    .btf = true,
		    .bpf_error = EPERM,
		    .lockdown = "confidentiality" },
		  { "lockdown", "integrity" } },
		{ { .privileged = true, .btf = true, .bpf_error = EPERM, .lockdown = "none" },
		  { "bpf() was refused", "seccomp" } },
		{ { .release = "5.10.0", .privileged = true, .btf = true, .ring_buffer = true },
		  { "5.10.0", "attach cookies" } },
		{ { .release = "6.1.0",
		    .privileged = true,
		    .btf = true,
		    .ring_buffer = true,
		    .attach_cookie = true,
		    .lacks_admin = true },
		  { "6.1.0", "CAP_SYS_ADMIN" } },
		{ { .release = "5.4.0", .privileged = true, .btf = true },
		  { "5.4.0", "ring buffers" } },
	};
	char line[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		line[0] = '\0';
		assert_true(features_refusal(&cases[i].f, line, sizeof(line)));
		for (size_t j = 0; j < ARRAY_SIZE(cases[i].words); j++)
			assert_non_null(strstr(line, cases[i].words[j]));
		assert_null(strchr(line, '\n'));
	}
}

static void no_refusal_where_nothing_is_missing(void **state)
{
	char line[8] = "as was";

	(void)state;
	assert_false(features_refusal(&fine, line, sizeof(line)));
	assert_string_equal(line, "as was");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusal_names_the_one_thing_missing),
		cmocka_unit_test(no_refusal_where_nothing_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
