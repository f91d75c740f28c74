/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proof of a library's probe points on a child of our own, before they are put on a file that
 * others map: the child loads the library, talks TLS with itself, and what stands in the registers
 * at each point must be what the child passed and got, call by call.
 *
 * The points are put on by perf events on the child alone, so this needs no BPF and disturbs
 * nobody. Works for libraries; an executable that carries its TLS cannot be loaded, there the
 * examination of the code itself (x86.h) must do.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe/finder/target.h"

/*
 * Loading a library runs its code: the child is an ordinary user, nobody where it would be root,
 * and what others could have written is not loaded at all.
 */
struct selftest_user {
	uid_t uid;
	gid_t gid;
	bool own; /* what is that user's may be loaded too: it is in use, or about to be */
};

/* Who has asked: the user behind sudo, else the process's own. */
struct selftest_user selftest_caller(void);

/*
 * 1: proved; 0: refuted, @ret_why says how (use target_examine_classic()); -EOPNOTSUPP: cannot be
 * tested (not a library, not loadable here, no perf events), @ret_why says why; -errno.
 * Takes about 50 ms and at most a few seconds. What was proved or refuted is remembered.
 */
int selftest_target(const struct probe_target *t, int fd, const struct selftest_user *as,
		    char ret_why[160]);

/*
 * Proves what was examined: 1, and the points' evidence says so; 0: refuted, @t has the classic
 * points now; -errno: it cannot be tested, @t is as it was.
 */
int selftest_prove(int fd, const struct selftest_user *as, struct probe_target *t);

/*
 * Examines a file as target_examine() does and proves what it found where that can be; refuted
 * points are replaced by the classic ones, which need no proof. Returns what target_examine() does;
 * the points' evidence says that they were tested.
 */
int selftest_examine(int fd, const char *path, const struct selftest_user *as,
		     struct probe_target *ret);

/* --- inside: selftest_tls.c is the child, selftest_perf.c what watches it --- */

struct selftest_verdict {
	int r; /* as selftest_target() */
	char why[160];
};

/* One test, whatever was found out before. 0 and @ret, or -errno. */
int selftest_ask(const struct probe_target *t, int fd, const struct selftest_user *as,
		 struct selftest_verdict *ret);

#define SELFTEST_CALLS_MAX 64

enum selftest_function {
	SELFTEST_WRITE,
	SELFTEST_WRITE_EX,
	SELFTEST_WRITE_EX2,
	SELFTEST_READ,
	SELFTEST_READ_EX,
	SELFTEST_FREE,
	SELFTEST_FUNCTIONS,
};

/* The exported name: "SSL_write". */
extern const char *const selftest_names[SELFTEST_FUNCTIONS];

/* What the child called, in order; shared with who watches it. */
struct selftest_call {
	enum selftest_function function;
	uint64_t ssl, buf, num, done; /* done: the address of the length */
	int64_t result;
};

struct selftest_log {
	struct selftest_call call[SELFTEST_CALLS_MAX];
	uint32_t n;
};

/* Loads the library. NULL where it cannot be, or is not one that can be tested. */
struct selftest_tls *selftest_load(const char *path);
/* One conversation, written down in @log. 0 or -EPROTO. */
int selftest_talk(struct selftest_tls *t, struct selftest_log *log);

struct selftest_watch;

/* Puts the points on process @pid. 0 or -errno. */
int selftest_watch(const struct probe_target *t, int fd, pid_t pid, struct selftest_watch **ret);
/* Whether what was seen is what was called; @ret_why says what was not. */
bool selftest_agrees(struct selftest_watch *w, const struct selftest_log *log, char ret_why[160]);
void selftest_unwatch(struct selftest_watch *w);
