/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that run before they are traced: each of some pids with all that it has started, or
 * all of a cgroup, also what comes into it later.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "probe/capture.h"
#include "probe/files.h"
#include "probe/outbox.h"

struct join;

/* What is lent must outlive it. */
struct join_config {
	struct capture *capture;
	struct files *files;
	struct outbox *outbox;
	int launcher_fd;    /* decides whose processes these may be */
	const cJSON *scope; /* what the SCOPE events have in common; copied */
};

/* 0 or -ENOMEM. */
int join_new(const struct join_config *c, struct join **ret);
void join_free(struct join *j);

/*
 * Does what the launcher asks for in "join" (sonde/control.h): puts probes on what these processes
 * map, tells of them and takes them into scope. Each pid with its children is a run of its own, a
 * cgroup is one. Keeps @cgroup_fd where it is needed. 0, or -errno with a line for the user in
 * @ret_why where there is more to say.
 */
int join_begin(struct join *j, const cJSON *join, int *cgroup_fd, char *ret_why, size_t n);
/* What has come into the cgroup in other ways than by running a program there. */
void join_again(struct join *j);

/* Whether nothing of it is left. */
bool join_over(const struct join *j);
/* How many processes were left out because they are another user's. */
size_t join_refused(const struct join *j);
