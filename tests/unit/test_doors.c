/* SPDX-License-Identifier: BSD-2-Clause */
/* What decides who may ask: names, origins, cookies, tokens, sessions, how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/guard.h"
#include "api/rate.h"
#include "api/session.h"
#include "api/tokens.h"
#include "api/web_files.h"
#include "base/log.h"
#include "base/util.h"

static struct guard proxied(void)
{
	struct guard g = { .own = SLICE("10.1.2.3") };

	assert_true(guard_add(&g, SLICE("sonde.example")));
	assert_true(guard_add(&g, SLICE("other.example:8443")));
	return g;
}

static void test_host(void **state)
{
	const struct guard g = proxied();
	const struct {
		const char *host;
		bool ok;
	} cases[] = {
		{ "localhost", true },
		{ "LocalHost:7780", true },
		{ "127.0.0.1:9", true },
		{ "[::1]:7780", true },
		{ "[::1]", true },
		{ "10.1.2.3:7780", true },
		{ "sonde.example", true },
		{ "Sonde.Example:443", true },
		{ "other.example", true },
		{ "", false },
		{ "evil.example", false },
		{ "localhost.evil.example", false },
		{ "localhost:", false },
		{ "localhost:x", false },
		{ "localhost:99999", false },
		{ "localhost:80:80", false },
		{ "localhost@evil.example", false },
		{ "[::1", false },
		{ "[::1]x", false },
		{ "127.0.0.1 ", false },
		{ "127.0.0.2", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (guard_host(&g, slice_of(cases[i].host)) != cases[i].ok)
			fail_msg("'%s'", cases[i].host);
}

static void test_origin(void **state)
{
	const struct guard g = proxied();
	const struct {
		const char *origin, *host;
		bool ok;
	} cases[] = {
		{ "http://127.0.0.1:7780", "127.0.0.1:7780", true },
		{ "https://localhost", "localhost", true },
		{ "https://sonde.example", "127.0.0.1:7780", true },
		{ "https://other.example:8443", "127.0.0.1:7780", true },
		{ "http://127.0.0.1:3000", "127.0.0.1:7780", false },
		{ "http://localhost:7780", "127.0.0.1:7780", false },
		{ "http://10.1.2.3:3000", "10.1.2.3:7780", false },
		{ "https://sonde.example:8080", "127.0.0.1:7780", false },
		{ "https://other.example", "127.0.0.1:7780", false },
		{ "null", "127.0.0.1:7780", false },
		{ "", "127.0.0.1:7780", false },
		{ "http://", "", false },
		{ "file://127.0.0.1:7780", "127.0.0.1:7780", false },
		{ "http://evil.example", "127.0.0.1:7780", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (guard_origin(&g, slice_of(cases[i].origin), slice_of(cases[i].host)) !=
		    cases[i].ok)
			fail_msg("'%s' at '%s'", cases[i].origin, cases[i].host);
}

static void test_headers(void **state)
{
	(void)state;
	assert_true(slice_eq(guard_cookie(SLICE("a=1; sonde_7=x=y ;b=2"), SLICE("sonde_7")),
			     SLICE("x=y")));
	assert_int_equal(guard_cookie(SLICE("xsonde_7=1; sonde_70=2"), SLICE("sonde_7")).n, 0);
	assert_int_equal(guard_cookie(SLICE(";;;=;"), SLICE("sonde_7")).n, 0);
	assert_int_equal(guard_cookie((struct slice){ 0 }, SLICE("a")).n, 0);
	assert_true(slice_eq(guard_bearer(SLICE("bearer  abc ")), SLICE("abc")));
	assert_int_equal(guard_bearer(SLICE("Basic abc")).n, 0);
	assert_int_equal(guard_bearer(SLICE("Bearer")).n, 0);
	assert_true(guard_is_json(SLICE("Application/JSON; charset=utf-8")));
	assert_false(guard_is_json(SLICE("text/plain; application/json")));
	assert_false(guard_is_json(SLICE("")));
}

static void test_target(void **state)
{
	static const char *const good[] = { "/", "/run/ab12", "/runs?filter=a%20b&sort=-cost" };
	static const char *const bad[] = { "",		"run",		"//evil.example",
					   "/\\evil",	"/a\r\nX: y",	"http://evil",
					   "/api/v1/x", "/open?code=1", "/a<b>" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!guard_target(slice_of(good[i])))
			fail_msg("'%s'", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (guard_target(slice_of(bad[i])))
			fail_msg("'%s'", bad[i]);
}

static void test_rate(void **state)
{
	struct rate *r = calloc(1, sizeof(*r));

	(void)state;
	assert_non_null(r);
	for (int i = 0; i < RATE_BURST; i++)
		assert_true(rate_take(r, 7, 1, 1000));
	assert_false(rate_take(r, 7, 1, 1000));
	assert_true(rate_take(r, 8, 1, 1000)); /* another's is full */
	assert_true(rate_take(r, 7, 1, 1000 + 1000 / RATE_PER_S));
	assert_false(rate_take(r, 7, 1, 1000 + 1000 / RATE_PER_S));
	/* A day later it is full, and no fuller. */
	for (int i = 0; i < RATE_BURST; i++)
		assert_true(rate_take(r, 7, 1, 86400000));
	assert_false(rate_take(r, 7, 1, 86400000));
	/* What counts for many takes as many. */
	assert_true(rate_take(r, 9, RATE_BURST - 1, 86400000));
	assert_false(rate_take(r, 9, 2, 86400000));
	assert_true(rate_take(r, 9, 1, 86400000));
	/* Others in any number have a bucket each. */
	for (uint64_t key = 100; key < 100 + 3 * RATE_BUCKETS; key++)
		assert_true(rate_take(r, key, 1, 86400001));
	free(r);
}

/* --- files --- */

static char folder[] = "/tmp/sonde-doors-XXXXXX";
static char tokens_at[64], sessions_at[64];

static int make_folder(void **state)
{
	(void)state;
	log_max_level =
		(enum log_level)(LOG_ERR - 1); /* what is refused is said; here it is meant */
	if (!mkdtemp(folder))
		return -1;
	snprintf(tokens_at, sizeof(tokens_at), "%s/tokens.json", folder);
	snprintf(sessions_at, sizeof(sessions_at), "%s/sessions.json", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(tokens_at);
	unlink(sessions_at);
	return rmdir(folder);
}

static void test_tokens(void **state)
{
	const struct token own = { .label = "one", .rights = RIGHT_READ, .uid = 5, .user = "u" };
	const struct token old = { .label = "old", .rights = RIGHT_ALL, .all = true, .expires = 1 };
	char secret[TOKEN_CHARS + 1], expired[TOKEN_CHARS + 1];
	struct tokens t = { 0 }, back;
	const struct token *found;

	(void)state;
	assert_int_equal(tokens_add(&t, &own, secret), 0);
	assert_int_equal(tokens_add(&t, &own, expired), -EEXIST);
	assert_int_equal(tokens_add(&t, &old, expired), 0);
	assert_int_equal(strlen(secret), TOKEN_CHARS);
	assert_int_equal(tokens_write(tokens_at, &t), 0);
	assert_int_equal(tokens_read(tokens_at, &back), 0);
	assert_int_equal(back.n, 2);
	found = tokens_find(&back, slice_of(secret), time(NULL));
	assert_non_null(found);
	assert_string_equal(found->label, "one");
	assert_int_equal(found->uid, 5);
	assert_false(found->all);
	assert_int_equal(found->rights, RIGHT_READ);
	assert_null(tokens_find(&back, slice_of(expired), time(NULL)));
	assert_non_null(tokens_find(&back, slice_of(expired), 0));
	secret[20] ^= 1;
	assert_null(tokens_find(&back, slice_of(secret), time(NULL)));
	assert_int_equal(tokens_valid(&back, time(NULL)), 1);
	assert_int_equal(tokens_remove(&back, "one"), 0);
	assert_int_equal(tokens_remove(&back, "one"), -ENOENT);
	tokens_done(&back);
	/* Whoever else can open it may know what is in it. */
	assert_int_equal(chmod(tokens_at, 0640), 0);
	assert_int_equal(tokens_read(tokens_at, &back), -EPERM);
	tokens_done(&t);
}

static void test_token_text(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"tokens\":1}",
		"{\"tokens\":[1]}",
		"{\"tokens\":[{}]}",
		"{\"tokens\":[{\"hash\":\"00\",\"rights\":[]}]}",
		"{\"tokens\":[]} x",
	};
	struct tokens t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (tokens_parse(slice_of(bad[i]), &t) != -EINVAL)
			fail_msg("'%s'", bad[i]);
	assert_int_equal(tokens_parse(SLICE("{\"tokens\":[]}"), &t), 0);
	tokens_done(&t);
}

static void test_rights(void **state)
{
	unsigned rights;
	char text[40];

	(void)state;
	assert_true(rights_parse(SLICE("read, export"), &rights));
	assert_int_equal(rights, RIGHT_READ | RIGHT_EXPORT);
	assert_false(rights_parse(SLICE("read,root"), &rights));
	assert_false(rights_parse(SLICE(""), &rights));
	rights_print(RIGHT_ALL, text);
	assert_string_equal(text, "read,content,export,write");
}

static void test_sessions(void **state)
{
	const struct session alice = { .uid = 7, .rights = RIGHT_ALL };
	char code[SECRET_CHARS + 1], late[SECRET_CHARS + 1], secret[SECRET_CHARS + 1];
	struct session who;
	struct sessions *s;

	(void)state;
	assert_int_equal(sessions_new(sessions_at, &s), 0);
	assert_int_equal(sessions_begin(s, SLICE(""), secret), -ENOENT);
	assert_int_equal(sessions_code(s, &alice, 60, code), 0);
	assert_int_equal(sessions_code(s, &alice, 0, late), 0);
	assert_int_equal(sessions_begin(s, slice_of(late), secret), -ENOENT);
	assert_int_equal(sessions_begin(s, slice_of(code), secret), 0);
	assert_int_equal(sessions_begin(s, slice_of(code), late), -ENOENT); /* once */
	assert_false(sessions_find(s, slice_of(code), &who));
	assert_true(sessions_find(s, slice_of(secret), &who));
	assert_int_equal(who.uid, 7);
	assert_false(who.all);
	sessions_free(s);
	/* A restart keeps it, and not the secret itself. */
	assert_int_equal(sessions_new(sessions_at, &s), 0);
	assert_true(sessions_find(s, slice_of(secret), &who));
	assert_false(who.by_token);
	sessions_end(s, slice_of(secret));
	assert_false(sessions_find(s, slice_of(secret), &who));
	sessions_free(s);
	assert_int_equal(sessions_new(sessions_at, &s), 0);
	assert_false(sessions_find(s, slice_of(secret), &who));
	sessions_free(s);
}

/* One that a token has begun says so after a restart, too. */
static void test_token_sessions(void **state)
{
	const struct session by_token = {
		.uid = 7, .rights = RIGHT_READ, .by_token = true, .token = { 0xab, 1 }
	};
	char secret[SECRET_CHARS + 1];
	struct session who;
	struct sessions *s;

	(void)state;
	assert_int_equal(sessions_new(sessions_at, &s), 0);
	assert_int_equal(sessions_add(s, &by_token, secret), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(sessions_find(s, slice_of(secret), &who));
		assert_true(who.by_token);
		assert_memory_equal(who.token, by_token.token, sizeof(who.token));
		sessions_free(s);
		assert_int_equal(sessions_new(sessions_at, &s), 0);
	}
	sessions_end(s, slice_of(secret));
	sessions_free(s);
}

/* One user's sessions are bounded, and take nothing from others. */
static void test_session_bounds(void **state)
{
	const struct session alice = { .uid = 7 }, bob = { .uid = 8 };
	char code[SECRET_CHARS + 1], first[SECRET_CHARS + 1], of_bob[SECRET_CHARS + 1],
		secret[SECRET_CHARS + 1];
	struct session who;
	struct sessions *s;

	(void)state;
	assert_int_equal(sessions_new(NULL, &s), 0);
	assert_int_equal(sessions_code(s, &bob, 60, code), 0);
	assert_int_equal(sessions_begin(s, slice_of(code), of_bob), 0);
	assert_int_equal(sessions_code(s, &bob, 60, of_bob), 0); /* one that waits */
	for (int i = 0; i < 3 * CODES_MAX; i++)
		assert_int_equal(sessions_code(s, &alice, 60, code), 0);
	assert_int_equal(sessions_begin(s, slice_of(of_bob), secret), 0);
	for (int i = 0; i <= SESSIONS_USER_MAX; i++) {
		assert_int_equal(sessions_code(s, &alice, 60, code), 0);
		assert_int_equal(sessions_begin(s, slice_of(code), i ? of_bob : first), 0);
	}
	assert_true(sessions_find(s, slice_of(secret), &who));
	assert_true(sessions_find(s, slice_of(of_bob), &who));
	assert_int_equal(who.uid, 7);
	sessions_free(s);
}

static void test_web_files(void **state)
{
	const struct web_file *index = web_file_find(SLICE("/index.html"));

	(void)state;
	assert_non_null(index);
	assert_ptr_equal(web_file_find(SLICE("/")), index);
	assert_ptr_equal(web_file_find(SLICE("/run/ab12")), index);
	assert_ptr_equal(web_file_find(SLICE("/sessions/a.b")), index);
	assert_null(web_file_find(SLICE("/favicon.ico")));
	assert_null(web_file_find(SLICE("/assets/nothing")));
	assert_null(web_file_find(SLICE("/../etc/passwd")));
	assert_null(web_file_find(SLICE("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host),	       cmocka_unit_test(test_origin),
		cmocka_unit_test(test_headers),	       cmocka_unit_test(test_target),
		cmocka_unit_test(test_rate),	       cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_token_text),     cmocka_unit_test(test_rights),
		cmocka_unit_test(test_sessions),       cmocka_unit_test(test_token_sessions),
		cmocka_unit_test(test_session_bounds), cmocka_unit_test(test_web_files),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
