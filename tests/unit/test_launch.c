/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ipc.h"
#include "base/json.h"
#include "base/util.h"
#include "cmd/launch.h"
#include "probe/describe.h"
#include "probe/origin.h"
#include "sonde/control.h"
#include "sonde/event.h"

static char dir[] = "/tmp/sonde-launch-XXXXXX";

static void make_file(const char *name, mode_t mode, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static int set_up(void **state)
{
	char path[256];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/sub", dir);
	mkdir(path, 0755);
	make_file("tool", 0755, "#!/bin/sh\nexit 3\n");
	make_file("plain", 0644, "x");
	make_file("bare", 0755, "exit $1\n");
	make_file("lost", 0755, "#!/no/such/interpreter\n");
	return chdir(dir);
}

static int tear_down(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return chdir("/") < 0 || system(command); /* NOLINT(cert-env33-c): a path of our own */
}

static void commands_are_found_as_execvp_finds_them(void **state)
{
	static const struct {
		const char *name, *path, *found; /* %s: the folder */
		int r;
	} cases[] = {
		{ "tool", "/nowhere:%s", "%s/tool", 0 },
		{ "tool", "%s:/bin", "%s/tool", 0 },
		{ "tool", ":/bin", "./tool", 0 },
		{ "tool", "/bin:", "./tool", 0 },
		{ "./tool", "/bin", "./tool", 0 },
		{ "sh", NULL, "/bin/sh", 0 },
		{ "plain", "%s:/bin", "", -EACCES },
		{ "sub", "%s:/bin", "", -EACCES },
		{ "./sub", "/bin", "", -EACCES },
		{ "no-such-command", "%s:/bin", "", -ENOENT },
		{ "./no-such-file", "/bin", "", -ENOENT },
		{ "", "/bin", "", -ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[256] = "", found[256], got[PATH_MAX];
		const char *at = cases[i].path ? strstr(cases[i].path, "%s") : NULL;

		if (cases[i].path)
			snprintf(path, sizeof(path), "%.*s%s%s",
				 at ? (int)(at - cases[i].path) : (int)strlen(cases[i].path),
				 cases[i].path, at ? dir : "", at ? at + 2 : "");
		at = strstr(cases[i].found, "%s");
		snprintf(found, sizeof(found), "%s%s", at ? dir : "", at ? at + 2 : cases[i].found);
		assert_int_equal(command_find(cases[i].name, cases[i].path ? path : NULL, got),
				 cases[i].r);
		if (cases[i].r == 0)
			assert_string_equal(got, found);
	}
}

/* Starts, releases and waits as the launcher does. */
static int run(char **argv, int *ret_error)
{
	struct signals s = { .fd = -1 };
	const struct child_config c = { .argv = argv, .env = environ, .signals = &s };
	struct child child;
	int status, r = child_start(&c, &child, ret_error);

	sigemptyset(&s.mask);
	if (r)
		return -r;
	*ret_error = child_release(&child);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	return WEXITSTATUS(status);
}

static void commands_run_once_they_are_released(void **state)
{
	char *tool[] = { (char *)"./tool", NULL };
	char *bare[] = { (char *)"./bare", (char *)"9", NULL };
	char *lost[] = { (char *)"./lost", NULL };
	char *none[] = { (char *)"no-such-command", NULL };
	char *plain[] = { (char *)"./plain", NULL };
	int error;

	(void)state;
	assert_int_equal(run(tool, &error), 3);
	assert_int_equal(error, 0);
	assert_int_equal(run(bare, &error), 9); /* no #!: a shell's */
	assert_int_equal(error, 0);
	assert_int_equal(run(lost, &error), SONDE_EXIT_FAILURE);
	assert_int_equal(error, ENOENT);
	assert_int_equal(run(none, &error), -SONDE_EXIT_NOT_FOUND);
	assert_int_equal(run(plain, &error), -SONDE_EXIT_CANNOT_EXEC);
	assert_int_equal(error, EACCES);
}

static void a_held_command_does_nothing_and_goes_with_us(void **state)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"touch ran", NULL };
	struct signals s = { .fd = -1 };
	const struct child_config c = { .argv = argv, .env = environ, .signals = &s };
	struct child child;
	int error;

	(void)state;
	sigemptyset(&s.mask);
	assert_int_equal(child_start(&c, &child, &error), 0);
	assert_string_equal(child.path, "/bin/sh");
	child_abandon(&child);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(access("ran", F_OK), -1);
}

static bool has(char **env, const char *var)
{
	for (; *env; env++)
		if (strcmp(*env, var) == 0)
			return true;
	return false;
}

static bool has_name(char **env, const char *name)
{
	for (; *env; env++)
		if (strncmp(*env, name, strlen(name)) == 0 && (*env)[strlen(name)] == '=')
			return true;
	return false;
}

/* Those that @env does not hold were made. */
static void free_env(char **got, char *const *env)
{
	for (char **e = got; *e; e++) {
		bool lent = false;

		for (char *const *old = env; *old; old++)
			lent = lent || *e == *old;
		if (!lent)
			free(*e);
	}
	free(got);
}

static void sudos_traces_are_removed_from_the_environment(void **state)
{
	char *env[] = { (char *)"PATH=/x",	  (char *)"HOME=/root",
			(char *)"SUDO_UID=7",	  (char *)"SUDO_GID=7",
			(char *)"SUDO_USER=eve",  (char *)"SUDO_COMMAND=sonde",
			(char *)"SUDO_EDITOR=vi", (char *)"USER=root",
			(char *)"LOGNAME=root",	  (char *)"SHELL=/bin/sh",
			(char *)"HOMER=d'oh",	  NULL };
	struct person p = { .uid = 7, .name = "eve", .home = "/home/eve", .shell = "/bin/zsh" };
	static const char *const wanted[] = { "PATH=/x",     "HOME=/home/eve", "USER=eve",
					      "LOGNAME=eve", "SHELL=/bin/zsh", "SUDO_EDITOR=vi",
					      "HOMER=d'oh" };
	static const char *const gone[] = { "SUDO_UID", "SUDO_GID", "SUDO_USER", "SUDO_COMMAND" };
	char **got;
	size_t n = 0;

	(void)state;
	unsetenv("MAIL");
	unsetenv("USERNAME");
	got = person_env(&p, env);
	assert_non_null(got);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_true(has(got, wanted[i]));
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		assert_false(has_name(got, gone[i]));
	while (got[n])
		n++;
	assert_int_equal(n, ARRAY_SIZE(wanted));
	free_env(got, env);
}

static cJSON *start(char **argv, char **env)
{
	struct child child = { .pid = 5, .absolute = "/bin/x" };
	struct person p = { .uid = 7, .name = "eve" };
	const struct start_config c = { .child = &child,
					.argv = argv,
					.env = env,
					.person = &p,
					.command_uid = 7,
					.command_gid = 8,
					.ring_bytes = 1 << 20,
					.config = SLICE("{\"content\":\"full\"}") };
	struct buf b = { 0 };
	cJSON *j;

	assert_int_equal(start_message(&c, &b), 0);
	assert_true(b.n <= IPC_MAX);
	j = json_parse(buf_slice(&b));
	assert_non_null(j);
	buf_done(&b);
	return j;
}

static void the_start_message_tells_what_finds_libraries_and_no_more(void **state)
{
	char *argv[] = { (char *)"x", (char *)"a b", NULL };
	char *env[] = { (char *)"PATH=/bin", (char *)"OPENAI_API_KEY=sk-secret",
			(char *)"VIRTUAL_ENV=/v", (char *)"PATHOLOGY=no", NULL };
	cJSON *j = start(argv, env);
	char *text = cJSON_PrintUnformatted(j);

	(void)state;
	assert_true(slice_eq(json_str(j, "op"), SLICE("start")));
	assert_int_equal(json_int(j, "pid"), 5);
	assert_int_equal(cJSON_GetArraySize(json_at(j, "env")), 2);
	assert_null(strstr(text, "secret"));
	/* Of the others where the command comes from: their names alone. */
	assert_null(strstr(text, "PATHOLOGY=no"));
	assert_int_equal(cJSON_GetArraySize(json_at(j, "scope.origin.env")), 4);
	assert_true(slice_eq(json_str(j, "scope.user"), SLICE("eve")));
	assert_int_equal(json_int(j, "scope.uid"), 7);
	assert_true(slice_eq(json_str(j, "config.content"), SLICE("full")));
	free(text);
	cJSON_Delete(j);
}

static void whether_the_arguments_are_all_there_is_told(void **state)
{
	static char large[SONDE_ARGV_MAX], room[SONDE_ARGV_MAX - 3];
	const struct {
		const char *arg;
		bool whole;
	} cases[] = {
		{ "a 'b'\n\xe2\x98\x83", true }, { "", true },	 { "\xff", false },
		{ "\xed\xa0\x80", false },	 { room, true }, { large, false },
	};
	char *env[] = { NULL };

	(void)state;
	memset(large, 'a', sizeof(large) - 1);
	memset(room, 'a', sizeof(room) - 1); /* with "x" and two NULs all that is kept */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *argv[] = { (char *)"x", (char *)cases[i].arg, NULL };
		cJSON *j = start(argv, env);

		assert_int_equal(cJSON_IsTrue(json_at(j, "scope.argv_whole")), cases[i].whole);
		if (cases[i].whole)
			assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(
						    json_at(j, "scope.argv"), 1)),
					    cases[i].arg);
		cJSON_Delete(j);
	}
}

static void the_start_message_fits_however_long_the_command_line_is(void **state)
{
	enum { N = 300000 };
	char *big = malloc(N), *argv[] = { (char *)"x", big, NULL };
	char *env[] = { malloc(N), NULL };
	static const char fill[] = { 'a', '\001', '"' };

	(void)state;
	for (size_t i = 0; i < sizeof(fill); i++) {
		cJSON *j;

		memset(big, fill[i], N - 1);
		big[N - 1] = 0;
		memset(env[0], fill[i], N - 1);
		env[0][N - 1] = 0;
		memcpy(env[0], "PATH=", 5);
		j = start(argv, env);
		assert_int_equal(json_int(j, "pid"), 5);
		cJSON_Delete(j);
	}
	free(big);
	free(env[0]);
}

static void processes_are_read_whatever_their_name(void **state)
{
	struct describe_stat s;

	(void)state;
	assert_int_equal(describe_stat(getpid(), &s), 0);
	assert_int_equal(s.parent, getppid());
	assert_true(describe_stat(-1, &s) < 0);
}

static void the_project_is_the_repository_around_the_working_directory(void **state)
{
	static const struct {
		const char *make, *cwd, *project;
	} cases[] = {
		{ "mkdir -p repo/.git repo/a/b && touch repo/.git/HEAD", "repo/a/b", "repo" },
		{ "true", "repo", "repo" },
		{ "mkdir -p repo/tree/x && echo 'gitdir: /r/.git/worktrees/tree' >repo/tree/.git",
		  "repo/tree/x", "repo/tree" },
		{ "mkdir -p repo/none/.git", "repo/none", "repo" }, /* an empty folder is none */
		{ "mkdir -p outside/a", "outside/a", "outside/a" },
	};
	char here[PATH_MAX], project[PATH_MAX], path[PATH_MAX + 64], expected[PATH_MAX + 64];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), "cd %s && %s", dir, cases[i].make);
		assert_int_equal(system(path), 0); /* NOLINT(cert-env33-c): a fixed line */
		snprintf(path, sizeof(path), "%s/%s", dir, cases[i].cwd);
		snprintf(expected, sizeof(expected), "%s/%s", dir, cases[i].project);
		assert_int_equal(chdir(path), 0);
		assert_true(origin_project(getpid(), project));
		assert_int_equal(chdir(here), 0);
		assert_string_equal(project, expected);
	}
	assert_false(origin_project(-1, project));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_found_as_execvp_finds_them),
		cmocka_unit_test(commands_run_once_they_are_released),
		cmocka_unit_test(a_held_command_does_nothing_and_goes_with_us),
		cmocka_unit_test(sudos_traces_are_removed_from_the_environment),
		cmocka_unit_test(the_start_message_tells_what_finds_libraries_and_no_more),
		cmocka_unit_test(whether_the_arguments_are_all_there_is_told),
		cmocka_unit_test(the_start_message_fits_however_long_the_command_line_is),
		cmocka_unit_test(processes_are_read_whatever_their_name),
		cmocka_unit_test(the_project_is_the_repository_around_the_working_directory),
	};

	return cmocka_run_group_tests_name("launch", tests, set_up, tear_down);
}
