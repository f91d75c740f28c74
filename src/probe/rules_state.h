/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a daemon's rules know of processes; private to rules.c (the way in), rules_judge.c (what is
 * let in), rules_take.c (taking in and leaving), rules_look.c (all processes, one after the other).
 */
#pragma once

#include "base/map.h"
#include "probe/cgroups.h"
#include "probe/report.h"
#include "probe/rules.h"
#include "probe/ruleset.h"

#define RULES_ROOTS_MAX 256 /* file systems that were searched for TLS libraries */

enum rules_says {
	RULES_NOTHING,
	RULES_PLACE,	/* let in for where or whose it is: tentative */
	RULES_PROGRAM,	/* let in for what it is */
	RULES_OUT,	/* excluded as long as it is where and whose it is */
	RULES_OUT_TREE, /* with all that it starts */
};

/* What is asked about. */
struct rules_facts {
	pid_t pid;
	uint32_t uid;
	uint64_t cgroup_id;
};

struct rules_key {
	uint64_t start_ns, tgid; /* without a hole */
};

/* A process that was looked at. */
struct rules_member {
	UT_hash_handle hh;
	struct rules_key key;
	struct report_process parent; /* in the same scope; tgid 0: none */
	uint64_t cgroup_id;	      /* 0: not known yet */
	uint32_t uid, scope;	      /* scope 0: not traced */
	uint32_t round, generation;   /* when it was last seen, and by which rules judged */
	bool shut_out;
};

/* What has one scope. */
struct rules_tree {
	UT_hash_handle hh;
	uint32_t scope;
	pid_t root; /* that was there when the rules began; else 0 */
	uint32_t round;
	bool definite;	 /* let in for what it is */
	bool run;	 /* the engine has found an agent in it */
	bool joined;	 /* it ran before */
	bool told;	 /* its SCOPE */
	int64_t late_ms; /* -1: not */
	const char *kind;
	char *by; /* the pattern that let it in, where it is one; malloc'ed */
};

struct rules {
	struct rules_config c;
	cJSON *scope;
	struct ruleset set;
	struct ruleset_texts aliases; /* ids of containers that are named */
	struct ruleset_texts left;    /* ids of those that are never traced */
	struct cgroups *cgroups;
	struct rules_member *members;
	struct rules_tree *trees;
	struct sonde_found_task *tasks; /* of the look under way */
	size_t n_tasks, tasks_max;
	struct {
		uint64_t dev, inode;
	} roots[RULES_ROOTS_MAX];
	size_t n_roots;
	uint32_t round, generation;
	uint64_t looked_ns, containers_ns; /* when last was looked at processes, for names */
	bool ended;			   /* processes, since */
	pid_t launcher;
	uint64_t own_dev, own_inode; /* of sonde's program */
	bool begun;
};

static inline struct report_process rules_process(const struct rules_member *m)
{
	return (struct report_process){ (pid_t)m->key.tgid, m->key.start_ns };
}

/* --- rules_judge.c --- */
enum rules_says rules_judge(const struct rules *r, const struct rules_facts *f);
/* Of a program that begins in scope: whether a pattern excludes or names it. */
bool rules_excludes_program(const struct rules *r, pid_t pid);
const char *rules_names_program(const struct rules *r, pid_t pid);
/* Whether the rules still have what let a tree in for what it is; it may run another program by
 * now. */
bool rules_have(const struct rules *r, const struct rules_tree *t);
/* Sonde, also another one. */
bool rules_is_own(const struct rules *r, pid_t pid);
/* Why it is let in: SCOPE's "kind". */
const char *rules_kind(const struct rules *r, const struct rules_facts *f, enum rules_says says);
/* In the kernel, what it can decide; all that there is. 0 or -errno. */
int rules_fill(struct rules *r);
void rules_fill_cgroup(struct rules *r, uint64_t id, const char *path);
/* Whether ids were found that were not known. */
bool rules_find_containers(struct rules *r);

/* --- rules_take.c --- */
struct rules_member *rules_find(const struct rules *r, pid_t pid, uint64_t start_ns);
/* Found or made; NULL where there is no room. */
struct rules_member *rules_get(struct rules *r, pid_t pid, uint64_t start_ns);
void rules_forget(struct rules *r, struct rules_member *m);
struct rules_tree *rules_tree(const struct rules *r, uint32_t scope);
struct rules_tree *rules_tree_get(struct rules *r, uint32_t scope);
void rules_tree_forget(struct rules *r, struct rules_tree *t);
/* SCOPE, with @m as its root. */
void rules_tell_scope(struct rules *r, const struct rules_member *m);
/* It was let in by a pattern, or by its number. */
void rules_tree_by(struct rules_tree *t, const char *pattern);
/* It ran already: into @m->scope, and its tree is told. 0; -EEXIST: the kernel was faster. */
int rules_take(struct rules *r, struct rules_member *m, bool root);
/* Ends its tracing; @why: enum sonde_left_why. @tree: what it starts is shut out as well. */
void rules_drop(struct rules *r, struct rules_member *m, uint32_t why, bool tree);
/* What is installed in its file system, where that was not searched. */
void rules_search_root(struct rules *r, struct report_process p);

/* --- rules_look.c --- */
/* Takes in what is not in yet and leaves what must be left. The number that came or went. */
int rules_look(struct rules *r);
/* All descendants of a process that are there now, itself first. */
void rules_each_below(struct rules *r, pid_t pid,
		      void (*fn)(struct rules *r, const struct sonde_found_task *task));
