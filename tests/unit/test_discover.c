/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command will use, found in small trees that stand for a machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/finder/target.h"

static char root[] = "/tmp/sonde-discover-XXXXXX";

/* --- making a machine --- */

static const char *at(const char *path)
{
	static char full[4][512];
	static int n;

	n = (n + 1) % 4;
	snprintf(full[n], sizeof(full[n]), "%s%s", root, path);
	return full[n];
}

static void make_folders(const char *path)
{
	char part[512];

	snprintf(part, sizeof(part), "%s", at(path));
	for (char *p = part + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(part, 0755);
		*p = '/';
	}
}

static void put_bytes(const char *path, const void *bytes, size_t n)
{
	_cleanup_(closep) int fd = -1;

	make_folders(path);
	unlink(at(path));
	fd = open(at(path), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

static void put_link(const char *path, const char *target)
{
	make_folders(path);
	assert_int_equal(symlink(target, at(path)), 0);
}

/* An ELF file that needs libraries. */
static void put_elf(const char *path, const char *flags)
{
	char command[2048];

	make_folders(path);
	put("/x.c", "int main(void) { return 0; }\nstatic const char pad[100000];\n"
		    "const char *p = pad;\n");
	snprintf(command, sizeof(command),
		 "cd %s && gcc -w -O0 -fPIC %s -Wl,--build-id=uuid -o .%s x.c", root, flags, path);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int begin(void **state)
{
	(void)state;
	memcpy(root + strlen(root) - 6, "XXXXXX", 6);
	return mkdtemp(root) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- asking --- */

static char found[64][2][256];
static size_t n_found;

static int take(void *ctx, const char *path, const char *why)
{
	(void)ctx;
	if (n_found < ARRAY_SIZE(found)) {
		snprintf(found[n_found][0], 256, "%s", path);
		snprintf(found[n_found++][1], 256, "%s", why);
	}
	return 0;
}

static void discover(const char *const *argv, const char *const *env)
{
	_cleanup_(closep) int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	n_found = 0;
	assert_int_equal(discover_command(fd, argv[0], argv, env, "/srv/app", take, NULL), 0);
}

/* Why it was found; NULL where it was not. */
static const char *why(const char *path)
{
	for (size_t i = 0; i < n_found; i++)
		if (strcmp(found[i][0], path) == 0)
			return found[i][1];
	return NULL;
}

static size_t times(const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < n_found; i++)
		n += strstr(found[i][0], name) != NULL;
	return n;
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define PATH_ENV  "PATH=/usr/local/bin:/usr/bin"

/* --- tests --- */

/* An ld.so.cache with the given names and paths. */
static size_t make_cache(char *ret, const char *const (*entries)[2], size_t n)
{
	struct {
		char magic[20];
		uint32_t n, strings, unused[5];
	} head = { .magic = "", .n = (uint32_t)n };
	uint32_t at_string = (uint32_t)(sizeof(head) + n * 24);

	memcpy(head.magic, "glibc-ld.so.cache1.1", 20);
	for (size_t i = 0; i < n; i++) {
		uint32_t e[6] = { 1 };

		for (size_t k = 0; k < 2; k++) {
			size_t len = strlen(entries[i][k]) + 1;

			e[1 + k] = at_string;
			memcpy(ret + at_string, entries[i][k], len);
			at_string += (uint32_t)len;
		}
		memcpy(ret + sizeof(head) + i * 24, e, sizeof(e));
	}
	memcpy(ret, &head, sizeof(head));
	return at_string;
}

static void libraries_are_found_as_the_dynamic_linker_finds_them(void **state)
{
	static const char *const cached[][2] = {
		{ "libcached.so.1", "/odd/place/libcached.so.1" },
		{ "libssl.so.3", "/odd/place/libssl.so.3" },
	};
	char cache[1024];

	(void)state;
	put_elf("/usr/lib/libdeep.so", "-shared -Wl,-soname,libdeep.so");
	put_elf("/app/lib/liborigin.so",
		"-shared -Wl,-soname,liborigin.so -Wl,--no-as-needed -Lusr/lib -ldeep");
	put_elf("/env/libenv.so", "-shared -Wl,-soname,libenv.so");
	put_elf("/odd/place/libcached.so.1", "-shared -Wl,-soname,libcached.so.1");
	put_elf("/odd/place/libssl.so.3", "-shared -Wl,-soname,libssl.so.3");
	put_elf("/usr/lib/libstandard.so", "-shared -Wl,-soname,libstandard.so");
	put_elf("/app/bin/prog",
		"-Wl,--no-as-needed -Wl,--allow-shlib-undefined -Wl,-rpath,'$ORIGIN/../lib'"
		" -Lapp/lib -Lenv -Lusr/lib -Wl,-rpath-link,usr/lib -lorigin -lenv -lstandard"
		" odd/place/libcached.so.1");
	put_bytes("/etc/ld.so.cache", cache, make_cache(cache, cached, ARRAY_SIZE(cached)));
	discover(ARGS("/app/bin/prog"), ARGS(PATH_ENV, "LD_LIBRARY_PATH=/nowhere:/env"));
	assert_string_equal(why("/app/bin/prog"), "the command");
	assert_non_null(why("/app/bin/../lib/liborigin.so"));
	assert_non_null(why("/usr/lib/libdeep.so")); /* needed by a library */
	assert_non_null(why("/env/libenv.so"));
	assert_non_null(why("/odd/place/libcached.so.1"));
	assert_non_null(why("/usr/lib/libstandard.so"));
	assert_string_equal(why("/odd/place/libssl.so.3"), "perhaps: known to the dynamic linker");
	discover(ARGS("/app/bin/prog"), ARGS(PATH_ENV));
	assert_null(why("/env/libenv.so"));
}

static void a_launcher_leads_to_the_program_of_its_package(void **state)
{
	(void)state;
	put_elf("/usr/local/bin/node", "");
	put("/usr/lib/node_modules/@v/agent/package.json",
	    "{\"name\":\"@v/agent\",\"optionalDependencies\":{\"@v/agent-linux-x64\":\"1\","
	    "\"../../../../etc\":\"1\",\"absent\":\"1\"}}");
	put("/usr/lib/node_modules/@v/agent/bin/agent.js",
	    "#!/usr/bin/env -S A=1 node --no-warnings\nspawn()\n");
	put_elf("/usr/lib/node_modules/@v/agent/vendor/x86_64/agent/agent", "");
	put_elf("/usr/lib/node_modules/@v/agent/node_modules/other/tool", "");
	put_elf("/usr/lib/node_modules/@v/agent-linux-x64/bin/native", "");
	put("/usr/lib/node_modules/@v/agent-linux-x64/bin/readme", "text");
	put_link("/usr/local/bin/agent", "../../lib/node_modules/@v/agent/bin/agent.js");
	discover(ARGS("agent", "exec", "do it"), ARGS(PATH_ENV));
	assert_null(why("/usr/local/bin/agent"));
	put_link("/usr/bin/agent", "../lib/node_modules/@v/agent/bin/agent.js");
	unlink(at("/usr/local/bin/agent"));
	discover(ARGS("agent", "exec", "do it"), ARGS(PATH_ENV));
	assert_string_equal(why("/usr/local/bin/node"), "interpreter (#! env)");
	assert_non_null(why("/usr/lib/node_modules/@v/agent/vendor/x86_64/agent/agent"));
	assert_non_null(why("/usr/lib/node_modules/@v/agent-linux-x64/bin/native"));
	assert_null(why("/usr/lib/node_modules/@v/agent-linux-x64/bin/readme"));
	assert_null(why("/usr/lib/node_modules/@v/agent/node_modules/other/tool"));
	/* The same by naming the script. */
	discover(ARGS("node", "/usr/lib/node_modules/@v/agent/bin/agent.js"), ARGS(PATH_ENV));
	assert_non_null(why("/usr/lib/node_modules/@v/agent-linux-x64/bin/native"));
}

static void a_python_leads_to_its_ssl_module_and_wheels(void **state)
{
	static const char ssl[] = "/opt/py/lib/python3.11/lib-dynload/_ssl.cpython-311.so";
	static const char wheel[] =
		"/home/u/.venv/lib/python3.11/site-packages/p.libs/libssl-1.so.3";

	(void)state;
	put_elf("/opt/py/lib/libssl.so.3", "-shared -Wl,-soname,libssl.so.3");
	put_elf(ssl, "-shared -Wl,--no-as-needed -Wl,-rpath,/opt/py/lib opt/py/lib/libssl.so.3");
	put_elf(wheel, "-shared");
	put_elf("/opt/py/bin/python3.11", "");
	put_link("/home/u/.venv/bin/python3", "/opt/py/bin/python3.11");
	put("/home/u/.venv/bin/agent", "#!/home/u/.venv/bin/python3\nimport ssl\n");
	discover(ARGS("/home/u/.venv/bin/agent"), ARGS(PATH_ENV));
	assert_non_null(why("/home/u/.venv/bin/python3"));
	assert_non_null(why(ssl));
	assert_non_null(why(wheel));
	assert_string_equal(why("/opt/py/lib/libssl.so.3"), "needed by the program");
	assert_int_equal(times("libssl.so.3"), 1);
	/* A child may use the environment that is active. */
	discover(ARGS("/bin/true"), ARGS(PATH_ENV, "VIRTUAL_ENV=/home/u/.venv"));
	assert_non_null(why(wheel));
	assert_int_equal(strncmp(why(wheel), DISCOVER_PERHAPS, strlen(DISCOVER_PERHAPS)), 0);
}

static void agents_are_found_where_installers_put_them(void **state)
{
	static const char *const places[] = {
		"/home/u/.local/share/claude/versions/2.1.300",
		"/home/u/.bun/bin/bun",
		"/home/u/.cargo/bin/codex",
		"/home/u/.nvm/versions/node/v22.1.0/bin/node",
		"/opt/tool/bin/goose",
		"/usr/local/bin/opencode",
		"/home/u/.nvm/versions/node/v22.1.0/lib/node_modules/@openai/codex-linux-x64/"
		"vendor/"
		"codex",
	};
	static const char npm[] = "/home/u/.nvm/versions/node/v22.1.0/lib/node_modules/@openai/";
	_cleanup_(closep) int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		put_elf(places[i], "");
	/* A launcher leads to its program; what is no agent is left alone. */
	snprintf(path, sizeof(path), "%scodex/package.json", npm);
	put(path, "{\"optionalDependencies\":{\"@openai/codex-linux-x64\":\"1\"}}");
	snprintf(path, sizeof(path), "%scodex/bin/codex.js", npm);
	put(path, "#!/usr/bin/env node\n");
	put_link("/home/u/.nvm/versions/node/v22.1.0/bin/codex",
		 "../lib/node_modules/@openai/codex/bin/codex.js");
	put_elf("/home/u/.cargo/bin/ripgrep", "");
	put_elf("/usr/local/bin/other", "");
	n_found = 0;
	assert_int_equal(discover_installed(fd, ARGS("HOME=/home/u"), take, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		assert_non_null(why(places[i]));
	assert_null(why("/home/u/.cargo/bin/ripgrep"));
	assert_null(why("/usr/local/bin/other"));
	/* Before a command runs they are looked at as well: it may start one. */
	discover(ARGS("/none"), ARGS(PATH_ENV, "HOME=/home/u"));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		assert_int_equal(
			strncmp(why(places[i]), DISCOVER_PERHAPS, strlen(DISCOVER_PERHAPS)), 0);
}

static void uvx_leads_to_uv(void **state)
{
	(void)state;
	put_elf("/home/u/.local/share/uv/uvx", "");
	put_elf("/home/u/.local/share/uv/uv", "");
	put_link("/usr/bin/uvx", "/home/u/.local/share/uv/uvx");
	discover(ARGS("uvx", "tool"), ARGS(PATH_ENV));
	assert_string_equal(why("/home/u/.local/share/uv/uv"), "what it starts");
}

static void addons_are_found_where_programs_load_them_from(void **state)
{
	static const char unpacked[] =
		"/home/u/.cache/copilot/pkg/linux-x64/1.2.3/prebuilds/linux-x64/runtime.node";
	static const char *const addons[] = {
		"/srv/app/node_modules/fast/build/Release/fast.node",
		"/srv/app/node_modules/other/prebuilds/linux-x64/other.node",
		"/srv/app/node_modules/@v/http-linux-x64-gnu/http.linux-x64-gnu.node",
	};

	(void)state;
	put_elf(unpacked, "-shared");
	put_elf("/elsewhere/pkg/linux-x64/1.2.4/prebuilds/linux-x64/runtime.node", "-shared");
	put_elf("/usr/local/bin/copilot", "");
	discover(ARGS("copilot", "-p", "do it"), ARGS(PATH_ENV, "HOME=/home/u"));
	assert_string_equal(why(unpacked), "add-on that the program has unpacked");
	discover(ARGS("copilot"), ARGS(PATH_ENV, "COPILOT_CACHE_HOME=/elsewhere"));
	assert_null(why(unpacked));
	assert_int_equal(times("/elsewhere/pkg/linux-x64/1.2.4"), 1);
	/* What others might start comes after what the command does. */
	discover(ARGS("/none"), ARGS(PATH_ENV, "HOME=/home/u"));
	assert_int_equal(strncmp(why(unpacked), DISCOVER_PERHAPS, strlen(DISCOVER_PERHAPS)), 0);

	put_elf("/usr/bin/node", "");
	put("/srv/app/package.json", "{}");
	put("/srv/app/agent.js", "run();\n");
	for (size_t i = 0; i < ARRAY_SIZE(addons); i++)
		put_elf(addons[i], "-shared");
	put_elf("/srv/app/node_modules/@v/http-darwin-x64/http.node", "-shared");
	discover(ARGS("node", "/srv/app/agent.js"), ARGS(PATH_ENV));
	for (size_t i = 0; i < ARRAY_SIZE(addons); i++)
		assert_string_equal(why(addons[i]), DISCOVER_PERHAPS "add-on of a package");
	assert_null(why("/srv/app/node_modules/@v/http-darwin-x64/http.node"));
	/* Of a package that lies beside its dependencies. */
	put("/srv/app/node_modules/tool/package.json", "{}");
	put("/srv/app/node_modules/tool/cli.js", "run();\n");
	discover(ARGS("node", "/srv/app/node_modules/tool/cli.js"), ARGS(PATH_ENV));
	assert_non_null(why(addons[2]));
}

static char watched[256][2][128];
static size_t n_watched;

static void watch(void *ctx, const char *folder, bool files)
{
	(void)ctx;
	assert_true(n_watched < ARRAY_SIZE(watched));
	snprintf(watched[n_watched][0], sizeof(watched[0][0]), "%s", folder);
	snprintf(watched[n_watched++][1], sizeof(watched[0][1]), "%s", files ? "files" : "folders");
}

/* What of a folder is to be watched, "" for nothing: files where it was told at least once. */
static const char *watched_for(const char *folder)
{
	const char *ret = "";

	for (size_t i = 0; i < n_watched; i++)
		if (strcmp(watched[i][0], folder) == 0 && strcmp(ret, "files") != 0)
			ret = watched[i][1];
	return ret;
}

static void the_folders_where_agents_will_be_are_told(void **state)
{
	_cleanup_(closep) int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	put_elf("/home/u/.local/bin/claude", "");
	put("/home/u/.npm/_npx/abc/package.json", "{}");
	put("/home/u/.nvm/versions/node/v22.1.0/x", "");
	n_watched = n_found = 0;
	assert_int_equal(discover_watched(fd, ARGS("HOME=/home/u"), take, watch, NULL), 0);
	assert_non_null(why("/home/u/.local/bin/claude"));
	assert_string_equal(watched_for("/home/u/.local/bin"), "files");
	/* Where the next part of the way is missing. */
	assert_string_equal(watched_for("/home/u"), "folders");
	assert_string_equal(watched_for("/home/u/.npm/_npx"), "folders");
	assert_string_equal(watched_for("/home/u/.npm/_npx/abc"), "folders");
	assert_string_equal(watched_for("/home/u/.nvm/versions/node"), "folders");
	assert_string_equal(watched_for("/home/u/.nvm/versions/node/v22.1.0"), "folders");
	assert_string_equal(watched_for("/home/u/.opencode"), "");
}

static void commands_behind_commands_are_seen(void **state)
{
	(void)state;
	put_elf("/usr/bin/timeout", "");
	put_elf("/usr/bin/tool", "");
	put_elf("/usr/bin/second", "");
	put_elf("/srv/app/local", "");
	put_elf("/usr/bin/curl", "");
	discover(ARGS("timeout", "5", "bash", "-c", "X=1 tool --y | (second); ./local"),
		 ARGS(PATH_ENV));
	assert_string_equal(why("/usr/bin/tool"), "named on the command line");
	assert_string_equal(why("/usr/bin/second"), "named on the command line");
	assert_non_null(why("/srv/app/./local"));
	assert_string_equal(why("/usr/bin/curl"), "perhaps: a child may run it");
	assert_null(why("/usr/bin/bash"));
}

/* What is found must be opened as the command would: its "/" is not ours. */
static void links_stay_below_the_root_of_the_command(void **state)
{
	(void)state;
	put_elf("/real/prog", "");
	put_link("/usr/bin/prog", "/real/prog");
	put_link("/usr/bin/out", "../../../../../../../../bin/sh");
	discover(ARGS("prog", "out"), ARGS(PATH_ENV));
	assert_non_null(why("/usr/bin/prog"));
	assert_null(why("/usr/bin/out"));
}

static void circles_and_traps_come_to_an_end(void **state)
{
	(void)state;
	put("/usr/bin/a", "#!/usr/bin/b\n");
	put("/usr/bin/b", "#!/usr/bin/a\n");
	put("/usr/bin/self", "#!/usr/bin/self\n");
	put("/usr/bin/empty", "#!\n");
	put("/usr/bin/env-only", "#!/usr/bin/env\n");
	put("/usr/bin/nul", "#! ");
	put_link("/usr/bin/loop", "loop");
	make_folders("/usr/bin/x");
	assert_int_equal(mkfifo(at("/usr/bin/fifo"), 0644), 0);
	discover(ARGS("a", "b", "self", "empty", "env-only", "nul", "loop", "fifo", "/", "."),
		 ARGS(PATH_ENV, "VIRTUAL_ENV=/", "HOME=relative", "CONDA_PREFIX="));
	assert_int_equal(n_found, 0);
}

static void a_broken_cache_is_survived_at_every_size(void **state)
{
	static const char *const cached[][2] = { { "libssl.so.3", "/x/libssl.so.3" },
						 { "libz.so.1", "/x/libz.so.1" } };
	char cache[1024] = "";
	size_t n = make_cache(cache, cached, ARRAY_SIZE(cached));

	(void)state;
	for (size_t cut = 0; cut <= n; cut++) {
		put_bytes("/etc/ld.so.cache", cache, cut);
		discover(ARGS("/none"), ARGS(PATH_ENV));
	}
	for (size_t i = 20; i < n; i++) {
		char broken[1024];

		memcpy(broken, cache, n);
		broken[i] = (char)0xff;
		put_bytes("/etc/ld.so.cache", broken, n);
		discover(ARGS("/none"), ARGS(PATH_ENV));
	}
}

static int count_fd(void *ctx, int fd, const char *path)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	*(bool *)ctx |= strstr(path, "libc.so") != NULL;
	return 0;
}

static void a_process_shows_what_it_maps(void **state)
{
	bool libc = false;

	(void)state;
	assert_int_equal(discover_process(getpid(), count_fd, &libc), 0);
	assert_true(libc);
	assert_true(discover_process(0x7ffffff0, count_fd, &libc) < 0);
}

static int count_files(void *ctx, int fd, const char *path)
{
	(void)fd;
	(void)path;
	++*(size_t *)ctx;
	return 0;
}

/* By somebody who wants to keep us busy. */
static void a_process_that_maps_too_many_files_is_looked_at_in_part(void **state)
{
	enum { MANY = 1100 };
	static void *maps[MANY];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		FILE *f = tmpfile();

		assert_non_null(f);
		assert_int_equal(ftruncate(fileno(f), 4096), 0);
		maps[i] = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(f), 0);
		assert_true(maps[i] != MAP_FAILED);
		fclose(f);
	}
	assert_int_equal(discover_process(getpid(), count_files, &n), -ENOSPC);
	assert_true(n <= 1024);
	if (geteuid() == 0) /* else what has no name cannot be opened */
		assert_true(n > 900);
	for (int i = 0; i < MANY; i++)
		munmap(maps[i], 4096);
	assert_int_equal(discover_process(getpid(), count_files, &n), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(libraries_are_found_as_the_dynamic_linker_finds_them),
		TEST(a_launcher_leads_to_the_program_of_its_package),
		TEST(a_python_leads_to_its_ssl_module_and_wheels),
		TEST(agents_are_found_where_installers_put_them),
		TEST(the_folders_where_agents_will_be_are_told),
		TEST(addons_are_found_where_programs_load_them_from),
		TEST(uvx_leads_to_uv),
		TEST(commands_behind_commands_are_seen),
		TEST(links_stay_below_the_root_of_the_command),
		TEST(circles_and_traps_come_to_an_end),
		TEST(a_broken_cache_is_survived_at_every_size),
		TEST(a_process_shows_what_it_maps),
		TEST(a_process_that_maps_too_many_files_is_looked_at_in_part),
	};

	return cmocka_run_group_tests_name("discover", tests, NULL, NULL);
}
