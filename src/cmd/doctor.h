/* SPDX-License-Identifier: BSD-2-Clause */
/* The two halves of `sonde doctor`, and how both say something. */
#pragma once

#include <stdbool.h>

#include <sys/types.h>

#include "cmd/screen.h"
#include "probe/cache.h"
#include "proc/proc.h"

#define DOCTOR_ARGV_MAX 4096

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL, FINDING_NOTE };

struct doctor {
	bool json;
	bool quick; /* no self-test */
	bool brief; /* of each target only the verdict */
	struct cache *cache;
	struct screen screen;
	bool failed; /* a FINDING_FAIL was said */
	size_t verdicts;
};

/*
 * One line: what was looked at, what was found, and what to do about it (may be NULL). As JSON
 * {"check","status","detail","advice"}.
 */
void doctor_say(struct doctor *d, enum finding status, const char *check, const char *detail,
		const char *advice);

/* The program that @name means, by PATH where it has no '/'. */
bool doctor_find(const char *name, char *ret, size_t size);

/* What this machine allows. */
void doctor_system(struct doctor *d);
/* Which TLS a program or process uses and how it is probed. 0, or -errno after a message. */
int doctor_program(struct doctor *d, const char *name);
int doctor_process(struct doctor *d, int pid);
/* The agents that run (the caller's; root's are all) and those that are installed. */
int doctor_all(struct doctor *d);
/* The processes of a container. */
int doctor_container(struct doctor *d, const char *name);
/* Which agent a process is; its texts are lent from @argv and @exe. */
bool doctor_agent(pid_t pid, struct agent_identity *ret, char argv[DOCTOR_ARGV_MAX],
		  char exe[DOCTOR_ARGV_MAX]);

/* What came of it. */
struct doctor_verdict {
	const char *name;    /* as it was asked for */
	const char *program; /* the file that runs; may be empty */
	struct agent_identity agent;
	const struct probe_target *target; /* what is read; NULL: nothing */
	bool proved;
	const char *reason; /* why not, or why not all; NULL */
	bool hidden;	    /* some files could not be opened */
};
void doctor_verdict(struct doctor *d, const struct doctor_verdict *v);
