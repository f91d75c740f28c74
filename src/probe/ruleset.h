/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A daemon's rules as they are written, and what they say of one user, cgroup or program. Looks at
 * nothing itself.
 *
 *	cgroup		as /proc/PID/cgroup has it ("/build.slice"), or its folder; all below it
 *	unit		a pattern of the shell's for a unit's name, "build*.service", ".service"
 *need not be said; a slice or user@1000.service is all that is in it container	a name, or the first
 *digits (4 at least) of an id
 *	program		a pattern: with a slash for the path, else for the name of the file, the
 *name of the process, the script or module that an interpreter runs, or a known agent
 *	user		a number
 *
 * What is excluded is so whatever lets it in.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"

#define RULESET_MAX 256 /* texts or numbers of one kind */

struct ruleset_texts {
	char **v;
	size_t n;
};

struct ruleset_numbers {
	uint32_t *v;
	size_t n;
};

struct ruleset {
	bool host;
	struct ruleset_texts cgroups, units, containers, programs, not_programs, not_units;
	struct ruleset_numbers users, not_users, pids;
};

/* A program as it runs. */
struct ruleset_program {
	struct slice path, comm, argv; /* argv: NUL after each */
};

/*
 * Reads the "watch" object of sonde/control.h. @mount: where cgroups are, taken off the folders of
 * "cgroups"; may be NULL. 0, -ENOMEM, or -EINVAL with a line for the user.
 */
int ruleset_parse(const cJSON *watch, const char *mount, struct ruleset *ret, char *ret_why,
		  size_t n);
void ruleset_done(struct ruleset *r);

bool ruleset_has(const struct ruleset_numbers *list, uint32_t n);

/* By the path of a cgroup of version 2, below its mount. */
bool ruleset_cgroup_in(const struct ruleset *r, const char *path);
bool ruleset_cgroup_out(const struct ruleset *r, const char *path);
/* Whether it is of a container that is named; @aliases: ids of such that have other names. */
bool ruleset_container(const struct ruleset *r, const struct ruleset_texts *aliases,
		       const char *path);

/* The pattern that the program matches, lent; NULL: none. */
const char *ruleset_matches(const struct ruleset_texts *patterns, const struct ruleset_program *p);
bool ruleset_has_text(const struct ruleset_texts *list, const char *text);

/* Appends a copy; -E2BIG over RULESET_MAX, -ENOMEM. */
int ruleset_add(struct ruleset_texts *list, struct slice text);
void ruleset_texts_done(struct ruleset_texts *list);
