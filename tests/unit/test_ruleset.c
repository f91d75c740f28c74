/* SPDX-License-Identifier: BSD-2-Clause */
/* A daemon's rules: how they are read, and what they say of users, cgroups, programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/util.h"
#include "probe/ruleset.h"
#include "probe/starter.h"

#define ID "4f5a1c0d2b3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c"

static int read_rules(const char *json, struct ruleset *ret, char why[256])
{
	cJSON *j = json_parse(slice_of(json));
	int r = ruleset_parse(j, "/sys/fs/cgroup", ret, why, 256);

	cJSON_Delete(j);
	return r;
}

static void what_is_not_understood_is_refused(void **state)
{
	static const struct {
		const char *json, *why;
	} cases[] = {
		{ "{}", "nothing would be traced" },
		{ "{\"not_users\":[1]}", "nothing would be traced" },
		{ "{\"host\":false,\"programs\":[]}", "nothing would be traced" },
		{ "{\"programs\":\"claude\"}", "programs" },
		{ "{\"programs\":[1]}", "programs" },
		{ "{\"programs\":[\"\"]}", "programs" },
		{ "{\"users\":[\"eve\"]}", "users" },
		{ "{\"users\":[-1]}", "users" },
		{ "{\"users\":[1.5]}", "users" },
		{ "{\"users\":[4294967296]}", "users" },
		{ "{\"pids\":[null]}", "pids" },
		{ "{\"units\":{}}", "units" },
	};
	char why[256], many[8192] = "{\"pids\":[0";
	struct ruleset r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(read_rules(cases[i].json, &r, why), -EINVAL);
		assert_non_null(strstr(why, cases[i].why));
	}
	for (int i = 0; i < RULESET_MAX; i++)
		strcat(many, ",1");
	strcat(many, "]}");
	assert_int_equal(read_rules(many, &r, why), -EINVAL);
	assert_non_null(strstr(why, "more than 256 pids"));
}

static void cgroups_are_known_by_their_path(void **state)
{
	static const struct {
		const char *rules, *path;
		bool in, out, container;
	} cases[] = {
		{ "{\"cgroups\":[\"/a.slice\"]}", "/a.slice", true, false, false },
		{ "{\"cgroups\":[\"/a.slice\"]}", "/a.slice/b/c", true, false, false },
		{ "{\"cgroups\":[\"/a.slice\"]}", "/a.slices", false, false, false },
		{ "{\"cgroups\":[\"/a.slice/\"]}", "/a.slice", true, false, false },
		{ "{\"cgroups\":[\"a.slice\"]}", "/a.slice", true, false, false },
		{ "{\"cgroups\":[\"/sys/fs/cgroup/a.slice\"]}", "/a.slice/b", true, false, false },
		{ "{\"cgroups\":[\"/sys/fs/cgroups\"]}", "/sys/fs/cgroups/x", true, false, false },
		{ "{\"cgroups\":[\"/\"]}", "/any/thing", true, false, false },
		{ "{\"cgroups\":[\"/\"]}", "", true, false, false },
		{ "{\"units\":[\"build*.service\"]}", "/system.slice/build-7.service", true, false,
		  false },
		{ "{\"units\":[\"build*.service\"]}", "/system.slice/build-7.service/sub", true,
		  false, false },
		{ "{\"units\":[\"build*.service\"]}", "/system.slice/rebuild.service", false, false,
		  false },
		{ "{\"units\":[\"bot\"]}",
		  "/user.slice/user-1000.slice/user@1000.service/app.slice/bot.service", true,
		  false, false },
		{ "{\"units\":[\"bot\"]}", "/system.slice/bot.scope", false, false, false },
		{ "{\"units\":[\"user@1000.service\"]}",
		  "/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope", true, false,
		  false },
		{ "{\"units\":[\"*\"]}", "/system.slice/x.service", true, false, false },
		{ "{\"units\":[\"*\"]}", "/plain/folder", false, false, false },
		{ "{\"host\":true,\"not_units\":[\"db\"]}", "/system.slice/db.service", false, true,
		  false },
		{ "{\"cgroups\":[\"/\"],\"not_units\":[\"db\"]}", "/system.slice/db.service/x",
		  true, true, false },
		{ "{\"containers\":[\"4f5a1c\"]}", "/docker/" ID, false, false, true },
		{ "{\"containers\":[\"box\"]}", "/machine.slice/machine-box.scope", false, false,
		  true },
		{ "{\"containers\":[\"box\"]}", "/docker/" ID, false, false, false },
	};
	struct ruleset_texts none = { 0 }, alias = { 0 };
	struct ruleset r;
	char why[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(read_rules(cases[i].rules, &r, why), 0);
		if (ruleset_cgroup_in(&r, cases[i].path) != cases[i].in ||
		    ruleset_cgroup_out(&r, cases[i].path) != cases[i].out ||
		    ruleset_container(&r, &none, cases[i].path) != cases[i].container)
			fail_msg("%s of %s", cases[i].rules, cases[i].path);
		ruleset_done(&r);
	}
	/* A name that is no part of its cgroup's path. */
	assert_int_equal(read_rules("{\"containers\":[\"box\"]}", &r, why), 0);
	assert_int_equal(ruleset_add(&alias, SLICE(ID)), 0);
	assert_true(ruleset_container(&r, &alias, "/docker/" ID));
	ruleset_texts_done(&alias);
	ruleset_done(&r);
}

static void programs_are_known_by_file_name_script_and_kind(void **state)
{
	static const struct {
		const char *pattern, *path, *comm;
		struct slice argv;
		bool is;
	} cases[] = {
		{ "claude*", "/usr/bin/claude", "claude", SLICE("claude"), true },
		{ "claude*", "/usr/bin/claude-dev", "claude-dev", SLICE("x"), true },
		{ "claude", "/usr/bin/claude-dev", "claude-dev", SLICE("x"), false },
		{ "/usr/bin/cl*", "/usr/bin/claude", "claude", SLICE("claude"), true },
		{ "/opt/*", "/usr/bin/claude", "claude", SLICE("claude"), false },
		{ "worker", "/usr/bin/ruby3.1", "worker", SLICE("ruby\0x"), true },
		{ "bot.py", "/usr/bin/python3.11", "python3", SLICE("python3\0-u\0/srv/bot.py"),
		  true },
		{ "/srv/*.py", "/usr/bin/python3.11", "python3", SLICE("python3\0/srv/bot.py"),
		  true },
		{ "bot.py", "/usr/bin/vim", "vim", SLICE("vim\0/srv/bot.py"), false },
		{ "agents_app", "/usr/bin/python3", "python3", SLICE("python3\0-m\0agents_app"),
		  true },
		{ "claude-code", "/usr/bin/node", "node",
		  SLICE("node\0/lib/@anthropic-ai/claude-code/cli.js"), true },
		{ "codex", "/usr/bin/bash", "bash", SLICE("bash\0-c\0codex exec x"), false },
		{ "*", "", "", { 0 }, false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *one = (char *)cases[i].pattern;
		const struct ruleset_texts patterns = { &one, 1 };
		const struct ruleset_program p = { slice_of(cases[i].path), slice_of(cases[i].comm),
						   cases[i].argv };

		if ((ruleset_matches(&patterns, &p) != NULL) != cases[i].is)
			fail_msg("%s of %s", cases[i].pattern, cases[i].path);
	}
}

static void users_are_numbers(void **state)
{
	struct ruleset r;
	char why[256];

	(void)state;
	assert_int_equal(read_rules("{\"users\":[0,4294967294],\"not_users\":[33]}", &r, why), 0);
	assert_true(ruleset_has(&r.users, 0));
	assert_true(ruleset_has(&r.users, 4294967294u));
	assert_false(ruleset_has(&r.users, 33));
	assert_true(ruleset_has(&r.not_users, 33));
	ruleset_done(&r);
}

static void starters_are_no_part_of_what_they_start(void **state)
{
	static const struct {
		struct starter_facts f;
		bool is;
	} cases[] = {
		{ { 1, 0, SLICE("anything"), SLICE("x"), false }, true },
		{ { 55, 2, SLICE("kworker/0:1"), { 0 }, false }, true },
		{ { 55, 1, SLICE("sshd"), SLICE("sshd: eve"), false }, true },
		{ { 55, 1, SLICE("cron"), SLICE("/usr/sbin/cron"), false }, true },
		{ { 55, 1, SLICE("containerd-shim"), SLICE("x"), false }, true },
		{ { 55, 9, SLICE("tmux: server"), SLICE("tmux"), false }, true },
		{ { 55, 9, SLICE("bash"), SLICE("-bash"), false }, true },
		{ { 55, 9, SLICE("zsh"), SLICE("zsh"), true }, true },
		{ { 55, 9, SLICE("bash"), SLICE("bash"), false }, false },
		{ { 55, 9, SLICE("sh"), SLICE("/bin/sh"), false }, false },
		{ { 55, 9, SLICE("claude"), SLICE("claude"), true }, false },
		{ { 55, 1, SLICE("nginx"), SLICE("nginx: master"), false }, false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (starter_is(&cases[i].f) != cases[i].is)
			fail_msg("%.*s", SLICE_ARG(cases[i].f.comm));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_understood_is_refused),
		cmocka_unit_test(cgroups_are_known_by_their_path),
		cmocka_unit_test(programs_are_known_by_file_name_script_and_kind),
		cmocka_unit_test(users_are_numbers),
		cmocka_unit_test(starters_are_no_part_of_what_they_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
