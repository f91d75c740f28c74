/* SPDX-License-Identifier: BSD-2-Clause */
/* Containers are found by what their engines call them, in state folders that were made up. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/container.h"

#define ID(c) c "f5a1c0d2b3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c"

static char root[] = "/tmp/sonde-container-XXXXXX";

static void put(const char *path, const char *text)
{
	_cleanup_(closep) int fd = -1;
	char full[1024];

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(full, 0755);
		*p = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
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

static int resolve(const char *name, struct container *ret)
{
	char home[128], runtime[128];
	const struct container_places where = { root, home, runtime };

	snprintf(home, sizeof(home), "%s/home/u", root);
	snprintf(runtime, sizeof(runtime), "%s/run/user/1000", root);
	return container_resolve(&where, name, ret);
}

/* How each engine writes down that container @name has @id. */
static const struct {
	const char *engine, *name, *id, *path, *text;
} kept[] = {
	{ "docker", "web", ID("1"), "/var/lib/docker/containers/" ID("1") "/config.v2.json",
	  "{\"State\":{\"Running\":true,\"Pid\":17},\"ID\":\"" ID("1") "\",\"Name\":\"/web\"}" },
	{ "docker", "mine", ID("2"),
	  "/home/u/.local/share/docker/containers/" ID("2") "/config.v2.json",
	  "{\"ID\":\"" ID("2") "\",\"Name\":\"/mine\"}" },
	{ "podman", "pod-web", ID("3"),
	  "/var/lib/containers/storage/overlay-containers/containers.json",
	  "[{\"id\":\"" ID("9") "\",\"names\":[\"other\"]},"
				"{\"id\":\"" ID("3") "\",\"names\":[\"alias\",\"pod-web\"]}]" },
	{ "podman", "rootless", ID("4"),
	  "/home/u/.local/share/containers/storage/vfs-containers/containers.json",
	  "[{\"id\":\"" ID("4") "\",\"names\":[\"rootless\"]}]" },
	{ "nerdctl", "nerd", ID("5"), "/var/lib/nerdctl/1935db59/names/default/nerd", ID("5") },
	{ "containerd", "app", ID("6"),
	  "/run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID("6") "/config.json",
	  "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"app\"}}" },
	{ "docker", "moved", ID("7"), "/srv/docker/containers/" ID("7") "/config.v2.json",
	  "{\"ID\":\"" ID("7") "\",\"Name\":\"/moved\"}" },
};

static void every_engine_names_its_containers(void **state)
{
	struct container c;

	(void)state;
	put("/etc/docker/daemon.json", "{\"data-root\":\"/srv/docker\"}");
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		assert_int_equal(resolve(kept[i].name, &c), -ENOENT);
		put(kept[i].path, kept[i].text);
		assert_int_equal(resolve(kept[i].name, &c), 0);
		assert_string_equal(c.engine, kept[i].engine);
		assert_string_equal(c.id, kept[i].id);
		assert_int_equal(c.pid, 0);
	}
	assert_int_equal(resolve("alias", &c), 0);
	assert_string_equal(c.id, ID("3"));
	assert_int_equal(resolve("/web", &c), -ENOENT);
	assert_int_equal(resolve("", &c), -ENOENT);
	assert_int_equal(resolve("..", &c), -ENOENT);
	assert_int_equal(resolve("we", &c), -ENOENT);
}

static void a_runtime_knows_the_first_process(void **state)
{
	struct container c;

	(void)state;
	put("/run/crun/box/status", "{\"pid\":4711,\"process-start-time\":99}");
	put("/run/user/1000/runc/jar/state.json",
	    "{\"id\":\"jar\",\"init_process_pid\":4712,\"init_process_start\":100}");
	put("/run/crun/stale/status", "{\"pid\":0}");
	assert_int_equal(resolve("box", &c), 0);
	assert_string_equal(c.engine, "crun");
	assert_int_equal(c.pid, 4711);
	assert_int_equal(c.start_ticks, 99);
	assert_int_equal(resolve("jar", &c), 0);
	assert_string_equal(c.id, "jar");
	assert_int_equal(c.pid, 4712);
	assert_int_equal(c.start_ticks, 100);
	assert_int_equal(resolve("stale", &c), -ENOENT);
}

static void two_of_one_name_are_not_chosen_between(void **state)
{
	struct container c;

	(void)state;
	put(kept[0].path, kept[0].text);
	put("/var/lib/nerdctl/1935db59/names/default/web", ID("8"));
	assert_int_equal(resolve("web", &c), -EEXIST);
	/* The same one, known twice. */
	put("/var/lib/nerdctl/1935db59/names/default/web", ID("1") "\n");
	assert_int_equal(resolve("web", &c), 0);
}

static void rubbish_is_nobody(void **state)
{
	static const char *const texts[] = { "",
					     "[",
					     "{}",
					     "[]",
					     "{\"Name\":5,\"ID\":[]}",
					     "{\"Name\":\"/web\"}",
					     "[{\"names\":[\"web\"]}]",
					     "[{\"names\":\"web\",\"id\":\"x\"},7,null]" };
	char big[300], text[512];
	struct container c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put(kept[0].path, texts[i]);
		put(kept[2].path, texts[i]);
		assert_int_equal(resolve("web", &c), -ENOENT);
	}
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	snprintf(text, sizeof(text), "{\"ID\":\"%s\",\"Name\":\"/web\"}", big);
	put(kept[0].path, text);
	assert_int_equal(resolve("web", &c), -ENOENT);
}

static void what_may_not_be_read_is_told(void **state)
{
	char path[256];
	struct container c;

	(void)state;
	if (geteuid() != 0)
		skip();
	put(kept[0].path, kept[0].text);
	snprintf(path, sizeof(path), "%s/var/lib/docker", root);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(chmod(root, 0755), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(resolve("web", &c), -EACCES);
	assert_string_equal(c.engine, "docker");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(resolve("web", &c), 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(every_engine_names_its_containers),
		TEST(a_runtime_knows_the_first_process),
		TEST(two_of_one_name_are_not_chosen_between),
		TEST(rubbish_is_nobody),
		TEST(what_may_not_be_read_is_told),
	};

	return cmocka_run_group_tests_name("container", tests, NULL, NULL);
}
