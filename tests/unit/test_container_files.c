/* SPDX-License-Identifier: BSD-2-Clause */
/* What engines leave on disk, in a root of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/container_files.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char root[64];

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/sonde-unit-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *make_path(const char *path)
{
	static char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	return full;
}

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(make_path(path), "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static const char *describe(const char *id)
{
	static char said[4096];
	_cleanup_(buf_done) struct buf out = { 0 };
	struct json_writer w = { .out = &out };
	bool told;

	json_begin(&w, '{');
	told = container_files_describe(root, id, &w);
	json_end(&w, '}');
	snprintf(said, sizeof(said), "%s%.*s", told ? "" : "nothing ", SLICE_ARG(buf_slice(&out)));
	return said;
}

static void every_engine_is_understood(void **state)
{
	static const struct {
		const char *path, *text, *says;
	} cases[] = {
		{ "/var/lib/docker/containers/" ID "/config.v2.json",
		  "{\"Name\":\"/web\",\"Config\":{\"Image\":\"reg:5000/a/web:1\"}}",
		  "{\"container.name\":\"web\",\"container.image.name\":\"reg:5000/a/web\"}" },
		{ "/run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID "/config.json",
		  "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"main\","
		  "\"io.kubernetes.cri.sandbox-name\":\"web-1\","
		  "\"io.kubernetes.cri.sandbox-namespace\":\"shop\","
		  "\"io.kubernetes.cri.image-name\":\"web:1\"}}",
		  "{\"k8s.container.name\":\"main\",\"k8s.pod.name\":\"web-1\","
		  "\"k8s.namespace.name\":\"shop\",\"container.image.name\":\"web\"}" },
		{ "/run/containers/storage/overlay-containers/" ID "/userdata/config.json",
		  "{\"annotations\":{\"io.kubernetes.pod.name\":\"db-0\","
		  "\"io.kubernetes.cri-o.ImageName\":\"db@sha256:00\"}}",
		  "{\"k8s.pod.name\":\"db-0\",\"container.image.name\":\"db\"}" },
		{ "/var/lib/containers/storage/overlay-containers/containers.json",
		  "[{\"id\":\"x\",\"names\":[\"other\"]},{\"id\":\"" ID
		  "\",\"names\":[\"box\"],\"metadata\":\"{\\\"image-name\\\":\\\"deb:12\\\"}\"}]",
		  "{\"container.name\":\"box\",\"container.image.name\":\"deb\"}" },
	};

	(void)state;
	assert_string_equal(describe(ID), "nothing {}");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_file(cases[i].path, cases[i].text);
		assert_string_equal(describe(ID), cases[i].says);
		assert_string_equal(describe("x/" ID), "nothing {}");
		unlink(make_path(cases[i].path));
	}
}

static void nonsense_and_links_tell_nothing(void **state)
{
	static const char *const bad[] = {
		"", "[", "7", "{\"Name\":7}", "{\"Name\":\"\"}", "{\"Name\":[\"x\"],\"Config\":7}"
	};
	static const char path[] = "/var/lib/docker/containers/" ID "/config.v2.json";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_file(path, bad[i]);
		assert_string_equal(describe(ID), "nothing {}");
	}
	put_file("/secret", "{\"Name\":\"/web\"}");
	unlink(make_path(path));
	assert_int_equal(symlink("/secret", make_path(path)), 0);
	assert_string_equal(describe(ID), "nothing {}");
	unlink(make_path(path));
	assert_int_equal(mkfifo(make_path(path), 0600), 0);
	assert_string_equal(describe(ID), "nothing {}");
	assert_string_equal(describe(".."), "nothing {}");
	assert_string_equal(describe(""), "nothing {}");
}

static void crun_and_runc_know_their_own(void **state)
{
	struct cgroup_place at = { 0 };

	(void)state;
	assert_false(container_files_find(root, SLICE("/user.slice/box"), &at));
	put_file("/run/crun/box/status", "{}");
	assert_true(container_files_find(root, SLICE("/user.slice/box"), &at));
	assert_string_equal(at.container, "box");
	assert_string_equal(at.runtime, "crun");
	put_file("/run/runc/in/state.json", "{}");
	assert_true(container_files_find(root, SLICE("/box/in/x"), &at));
	assert_string_equal(at.container, "in");
	assert_string_equal(at.runtime, "runc");
	assert_false(container_files_find(root, SLICE("/"), &at));
	assert_false(container_files_find(root, SLICE(""), &at));
	assert_false(container_files_find(root, SLICE("/../crun/b ox"), &at));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_engine_is_understood),
		TEST(nonsense_and_links_tell_nothing),
		TEST(crun_and_runc_know_their_own),
	};

	return cmocka_run_group_tests_name("container_files", tests, NULL, NULL);
}
