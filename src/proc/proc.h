/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process table: who is who, whose child, which program, which agent.
 * Built from FORK, EXEC, EXIT, PROC and SCOPE events alone. A process is kept for a while after its
 * exit (its parent's links and late facts need it), bounded in number.
 */
#pragma once

#include "proc/agent.h"
#include "sonde/event.h"
#include "sonde/stats.h"
#include "sonde/stream.h"

#define PROC_MAX 65536
/* Numbers of scopes that are given out here and not by who captures: their children keep them. */
#define PROC_SCOPE_OWN 0x80000000u

struct process {
	struct process_key key;
	struct process_key parent;	    /* tgid 0: not known */
	uint32_t scope;			    /* 0: not traced */
	uint64_t fork_ns, exec_ns, exit_ns; /* boot time; 0: not (yet) seen */
	uint32_t execs;			    /* how many programs it has run */
	uint32_t uid, gid;
	struct slice path, cwd, comm; /* of the newest exec; empty where not known */
	struct slice argv;	      /* NUL after each argument */
	bool argv_cut;
	int exit_code, exit_signal;
	uint64_t cpu_ns;		     /* user + system, at exit */
	struct slice container, cgroup, exe; /* from PROC */
	struct agent_identity agent;	     /* name empty: no known agent */
	uint32_t dull;			     /* connections that carried nothing of an agent's */
	void *user;			     /* trace's own */
};

struct proc;

int proc_new(struct stats *stats, struct proc **ret);
void proc_free(struct proc *p);
/* @fn is called before a process is forgotten (not by proc_free()); then pointers to it end. */
void proc_on_forget(struct proc *p, void (*fn)(void *ctx, struct process *process), void *ctx);

/*
 * Takes one event of any kind. Returns the process that it is about, or NULL: of a FORK the child,
 * otherwise the header's. Until it runs a program of its own, a child has its parent's.
 */
struct process *proc_feed(struct proc *p, const struct sonde_event *e);

/* NULL where not known. A key with start_ns 0 finds the living process of that tgid. */
struct process *proc_find(struct proc *p, struct process_key key);

/* Each one that lives. */
void proc_each(struct proc *p, void (*fn)(void *ctx, struct process *process), void *ctx);

/* The program's base name: of argv[0] or path, for people. */
struct slice process_name(const struct process *p);
/* The nth argument, or the empty slice. */
struct slice process_arg(const struct process *p, size_t n);
