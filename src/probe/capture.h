/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel side: loads the BPF programs, puts the hooks that every run needs on, owns the maps.
 * Nothing is captured before a process is in scope.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe/features.h"
#include "sonde/event.h"
#include "sonde/work.h"

struct capture;
struct bpf_program;
struct sonde_bpf;

struct capture_wanted {
	size_t ring_bytes; /* rounded up to a power of two */
	bool files;	   /* what is done with them */
	bool copies;	   /* of that, for capture_files() */
	bool watch;	   /* rules decide who comes into scope (admit.h) */
};

/* Loads, with what the kernel has. 0 or -errno; then @ret_message is one line for the user. */
int capture_new(const struct features *f, const struct capture_wanted *w, struct capture **ret,
		char *ret_message, size_t n);
/* Takes everything off. */
void capture_free(struct capture *c);

/* Puts the process and socket hooks on. 0, -errno without process hooks; hooks that the kernel does
 * not have are counted in @ret_missing. */
int capture_attach(struct capture *c, int tracefs_fd, size_t *ret_missing);

/* When a process started (CLOCK_BOOTTIME), 0 where there is none. */
uint64_t capture_start_of(struct capture *c, pid_t pid);
/* All processes of the system, as the kernel has them. 0 or -errno. */
typedef void (*capture_task_fn)(void *ctx, const struct sonde_found_task *task);
int capture_each_task(struct capture *c, capture_task_fn fn, void *ctx);
/* Programs of the same file as process @pid, sonde's, are never let in by a rule. */
void capture_find_own(struct capture *c, pid_t pid);
/* @id: of the run; @joined: it runs already, so that its streams may be joined midway. */
int capture_scope_add(struct capture *c, pid_t pid, uint64_t start_ns, uint32_t id, bool joined);
/* The same, never instead of another entry: -EEXIST where the kernel was faster. @stranger: what it
 * does with files is not told until capture_scope_known(). */
int capture_scope_enter(struct capture *c, pid_t pid, uint64_t start_ns, uint32_t id, bool joined,
			bool stranger);
void capture_scope_known(struct capture *c, uint32_t id);
/* Whoever had that pid is not there any more. */
void capture_scope_drop(struct capture *c, pid_t pid);
/* That process has ended: nothing is left of it, nor is another's touched that has its number now.
 */
void capture_scope_end(struct capture *c, pid_t pid, uint64_t start_ns);
/* Never traced, nor what it starts from now on; whatever it was before. */
int capture_scope_shut_out(struct capture *c, pid_t pid, uint64_t start_ns);
/* A number that no scope has had. */
uint32_t capture_scope_number(struct capture *c);
/* The scope that a process is in; 0: none. */
uint32_t capture_scope_of(const struct capture *c, pid_t pid, uint64_t start_ns);
bool capture_scope_empty(const struct capture *c);
/* What begins in the cgroup @id (kernel's number) joins scope 1; @uid: of that user only, -1: any.
 */
void capture_scope_cgroup(struct capture *c, uint64_t id, uint32_t uid);
/* What the process @pid, a run's root, reads as its standard input comes from outside. */
void capture_outside_input(struct capture *c, pid_t pid);
/* Has the kernel tell who sleeps for input, where it is time. */
void capture_look_for_waits(struct capture *c);
/* The least of @most_ms and what is left until that. */
int capture_timeout(const struct capture *c, int most_ms);
bool capture_in_scope(const struct capture *c, pid_t pid, uint64_t start_ns);
/* Empties the scope and waits until no program is at work any more. */
void capture_stop(struct capture *c);

/* 0; -ENOENT: no connection of this session. */
int capture_verdict(struct capture *c, uint64_t conn, uint32_t verdict);
/* Forgets the connections of a process that has ended. */
void capture_sweep(struct capture *c, pid_t pid, uint64_t start_ns);
/* The same of all that are not in scope: where processes come and go by the thousand. */
void capture_sweep_gone(struct capture *c);
/* Connections that are open are told anew, each when it is next used. */
void capture_new_engine(struct capture *c);
/* Adds to a loss counter. */
void capture_count(struct capture *c, enum sonde_loss which, uint64_t n);

/* False where they were not wanted, or cannot be seen on this kernel. */
bool capture_has_files(const struct capture *c);

size_t capture_ring_bytes(const struct capture *c);
int capture_ring_fd(const struct capture *c);
int capture_shared_fd(const struct capture *c);
int capture_work_fd(const struct capture *c); /* readable: capture_work() has something */
int capture_work(struct capture *c, void (*fn)(void *ctx, const struct sonde_work *w), void *ctx);

/* Before looking at what the process maps: what it maps from now on is told again. */
void capture_looks(struct capture *c, pid_t pid);
/* What has been done with files since. */
void capture_files(struct capture *c, void (*fn)(void *ctx, const struct sonde_file_event *e),
		   void *ctx);

/* From now on forks are told on the work ring. */
void capture_tell_forks(struct capture *c);

/* From now on threads' calls on TLS sockets are remembered (bpf/records.bpf.h). */
void capture_pair_by_thread(struct capture *c);

/* The programs for TLS functions. */
enum capture_prog {
	CAPTURE_ENTER,
	CAPTURE_LEAVE,
	CAPTURE_FORGET,
	CAPTURE_BEGIN,
	CAPTURE_DESCRIPTOR,
	CAPTURE_SESSION,
	CAPTURE_GO_MOVED,
	CAPTURE_GO_BEGINS,
	CAPTURE_RUSTLS_ENCRYPT,
	CAPTURE_RUSTLS_ENTER, /* decrypt */
	CAPTURE_RUSTLS_LEAVE,
	CAPTURE_RUSTLS_SESSION,
};
/* NULL where this kernel cannot have it. */
struct bpf_program *capture_program(const struct capture *c, enum capture_prog which);
/* For what sets the programs' variables; lent. */
struct sonde_bpf *capture_programs(const struct capture *c);
bool capture_has_multi(const struct capture *c);
