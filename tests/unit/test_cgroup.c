/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cgroup.h"
#include "base/util.h"

#define ID   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define IN   "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define UID  "8f7d3b2a-0a3f-4a6e-9f0b-1c2d3e4f5a6b"
#define UID_ "8f7d3b2a_0a3f_4a6e_9f0b_1c2d3e4f5a6b"

static const struct {
	const char *path, *container, *runtime, *pod;
} cases[] = {
	{ "/system.slice/docker-" ID ".scope", ID, "docker", "" },
	{ "/docker/" ID, ID, "docker", "" },
	{ "/machine.slice/libpod-" ID ".scope/container", ID, "podman", "" },
	{ "/libpod_parent/" ID, ID, "podman", "" },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	  ".slice/cri-containerd-" ID ".scope",
	  ID, "containerd", UID },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope", ID, "cri-o", UID },
	{ "/kubepods/besteffort/pod" UID "/" ID, ID, NULL, UID },
	{ "/system.slice/containerd.service/kubepods-burstable-pod" UID_
	  ".slice:cri-containerd:" ID,
	  ID, "containerd", UID },
	/* a static pod's uid is a hash */
	{ "/kubepods/burstable/pod0123456789abcdef0123456789abcdef/" ID, ID, NULL,
	  "0123456789abcdef0123456789abcdef" },
	/* the pod's own cgroup, before it has a container */
	{ "/kubepods/burstable/pod" UID, "", NULL, UID },
	/* a container in a container is where it runs */
	{ "/docker/" ID "/docker/" IN, IN, "docker", "" },
	{ "/k8s.io/" ID, ID, "containerd", "" },
	{ "/default/" ID, ID, NULL, "" },
	{ "/crun-box.scope", "box", "crun", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/runc-box.scope", "box", "runc",
	  "" },
	{ "/machine.slice/systemd-nspawn@build.service/payload", "build", "nspawn", "" },
	{ "/machine.slice/machine-my\\x2dbox.scope", "my-box", "nspawn", "" },
	{ "/lxc.payload.web/init.scope", "web", "lxc", "" },
	{ "/lxc/web/system.slice/cron.service", "web", "lxc", "" },
	/* none of these is one */
	{ "", "", NULL, "" },
	{ "/", "", NULL, "" },
	{ "/user.slice/user-1000.slice/session-3.scope", "", NULL, "" },
	{ "/system.slice/docker.service", "", NULL, "" },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "", NULL, "" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", "", NULL, "" },
	{ "/system.slice/docker-0123.scope", "", NULL, "" },
	{ "/crun-.scope", "", NULL, "" },
	{ "/lxc/", "", NULL, "" },
	{ "/a/podman/x", "", NULL, "" },
	{ "/a/pod" UID, "", NULL, "" }, /* not Kubernetes' */
	{ "/machine.slice/machine-a\\x00b.scope", "a?b", "nspawn", "" },
	{ "/machine.slice/machine-a\\x", "a\\x", "nspawn", "" },
};

static void a_path_names_container_runtime_and_pod(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cgroup_place p;
		const bool found = cgroup_place(slice_of(cases[i].path), &p);

		if (strcmp(p.container, cases[i].container) != 0 ||
		    strcmp(p.pod, cases[i].pod) != 0)
			fail_msg("%s: '%s' '%s'", cases[i].path, p.container, p.pod);
		assert_int_equal(found, cases[i].container[0] != 0);
		if (cases[i].runtime && (!p.runtime || strcmp(p.runtime, cases[i].runtime) != 0))
			fail_msg("%s: %s", cases[i].path, p.runtime ? p.runtime : "none");
		if (!cases[i].runtime && found)
			assert_null(p.runtime);
	}
}

/* However it is cut, nothing is read behind its end: each piece is alone in memory. */
static void a_path_may_be_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t n = 0; n <= strlen(cases[i].path); n++) {
			char *piece = malloc(n ? n : 1);
			struct cgroup_place p;

			assert_non_null(piece);
			memcpy(piece, cases[i].path, n);
			cgroup_place((struct slice){ piece, n }, &p);
			assert_true(strlen(p.container) <= CGROUP_CONTAINER_MAX);
			free(piece);
		}
}

static void a_name_is_bounded(void **state)
{
	char path[400] = "/lxc/";
	struct cgroup_place p;

	(void)state;
	memset(path + 5, 'x', CGROUP_CONTAINER_MAX);
	assert_true(cgroup_place(slice_of(path), &p));
	assert_int_equal(strlen(p.container), CGROUP_CONTAINER_MAX);
	memset(path + 5, 'x', CGROUP_CONTAINER_MAX + 1);
	assert_false(cgroup_place(slice_of(path), &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_names_container_runtime_and_pod),
		cmocka_unit_test(a_path_may_be_cut_anywhere),
		cmocka_unit_test(a_name_is_bounded),
	};

	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
