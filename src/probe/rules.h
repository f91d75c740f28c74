/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a daemon traces: whatever its rules let in, of what runs already and of what begins later.
 *
 * The kernel decides what it can decide alone, so that the first instruction of a program is
 * traced: users, cgroups, names of programs (bpf/rules.bpf.h). It asks about the rest, and tells
 * of cgroups that are made; the answers come from here. Every process that is let in without a
 * traced one above it begins a tree: a SCOPE of its own, tentative where the rule that let it in is
 * about places and people (host, users, cgroups, units, containers) and not about programs.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "probe/capture.h"
#include "probe/files.h"
#include "probe/outbox.h"

struct rules;

/* What is lent must outlive it. */
struct rules_config {
	struct capture *capture;
	struct files *files;
	struct outbox *outbox;
	int launcher_fd;    /* whose process and children are never traced */
	const cJSON *scope; /* what the SCOPE events have in common; copied; may be NULL */
};

/* 0 or -ENOMEM. */
int rules_new(const struct rules_config *c, struct rules **ret);
void rules_free(struct rules *r);

/*
 * Does what "watch" (sonde/control.h) says: takes in what runs already, then what begins. 0;
 * -EINVAL: not understood, with a line for the user in @ret_why; -errno. Nothing has to run yet.
 */
int rules_begin(struct rules *r, const cJSON *watch, char *ret_why, size_t n);
/* From now on these: who is not let in any more is left, what comes in is taken in. Streams of
 * those that stay are not touched. Where it fails, what was holds on. */
int rules_change(struct rules *r, const cJSON *watch, char *ret_why, size_t n);

/* What the kernel tells on the work ring; before anybody else looks at it. */
void rules_on_work(struct rules *r, const struct sonde_work *w);
/* Often; once a second it looks for what came in unnoticed (moved between cgroups). */
void rules_turn(struct rules *r, uint64_t now_ns);

/* The engine has seen that it is part of a run (SONDE_VERDICT_RUN). */
void rules_run(struct rules *r, pid_t pid, uint64_t start_ns);
/* Another sonde traces this process and what it starts; it is not taken in again. */
void rules_leave(struct rules *r, pid_t pid, uint64_t start_ns);
/* Never what runs in the container of this id (64 hexadecimal digits), now and later. */
void rules_leave_container(struct rules *r, struct slice id);

/* Tells all that is in scope once more, to an engine that has just begun. */
void rules_tell(struct rules *r);
