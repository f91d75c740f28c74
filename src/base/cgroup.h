/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the path of a cgroup says of where a process runs: the container, the runtime that made it,
 * the Kubernetes pod. Runtimes name their cgroups after what they are for; no file is read.
 */
#pragma once

#include "base/slice.h"

#define CGROUP_CONTAINER_MAX 128
#define CGROUP_POD_MAX	     36

struct cgroup_place {
	char container[CGROUP_CONTAINER_MAX + 1]; /* id, or the name where that is all; "": none */
	const char *runtime;			  /* "docker", ...; NULL: not told */
	char pod[CGROUP_POD_MAX + 1];		  /* uid as the API server spells it; "": none */
};

/*
 * The innermost container of a path, with or without systemd:
 *	/system.slice/docker-ID.scope, /docker/ID, /machine.slice/libpod-ID.scope/container,
 *	/kubepods.slice/.../kubepods-burstable-pod1234_56.slice/cri-containerd-ID.scope,
 *	/kubepods/burstable/pod1234-56/ID, /lxc.payload.NAME, machine-NAME.scope, crun-NAME.scope
 * False where it names none (@ret->pod may be known all the same).
 */
bool cgroup_place(struct slice path, struct cgroup_place *ret);
