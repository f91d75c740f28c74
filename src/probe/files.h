/* SPDX-License-Identifier: BSD-2-Clause */
/* Which files get probes: those a command will use, and what its processes turn out to map. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/attach.h"
#include "probe/cache.h"
#include "probe/outbox.h"
#include "probe/report.h"

struct files {
	struct attachments *attachments; /* lent, as the others */
	struct capture *capture;
	struct outbox *outbox;
	struct cache *cache; /* may be NULL */
	uid_t user;	     /* who has asked for the tracing */
	size_t attached, failed;
	/* of the search under way */
	struct report_process process;
	uint64_t mapped_ns; /* when the process got the file; 0: it has not begun to run */
	bool unproved;	    /* no self-test: the privileges for it are gone, or it is elsewhere */
	bool perhaps;	    /* nobody has said that what is found now will be used */
	uint64_t begun_ns;
	int root_fd;
};

struct command_line {
	const char *path, *cwd;
	const char *const *argv, *const *env;
};

/* Opens @path as the command would: absolute links stay below its root. -1 and errno. */
int files_open(int root_fd, const char *path, int flags);

/* Before the command runs in @p: everything it may use. 0 or -errno of the search. */
int files_prepare(struct files *f, struct report_process p, const struct command_line *c);

/*
 * A file that was installed while @p runs, if it has changed since then (CLOCK_REALTIME); @root_fd:
 * its root. False: it was changed a moment ago and is to be looked at again later.
 */
bool files_installed(struct files *f, struct report_process p, int root_fd, const char *path,
		     uint64_t since_ns);

/* What attach_writes() has: files that were written over in the place where they had probes. */
void files_written(struct files *f, struct report_process p);

/* A process that runs already: what it maps; @root: also what it and its children may start. */
void files_join(struct files *f, struct report_process p, bool root);

/* The process has run another program or mapped a file at @mapped_ns. */
void files_check(struct files *f, struct report_process p, uint64_t mapped_ns);
