/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a daemon traces, as far as the kernel can tell by itself when a program begins: who runs it,
 * where, and what it is called. src/probe/rules.c fills this in and is asked about the rest.
 */
#pragma once

#include "sonde.bpf.h"

/* Set by the prober. Without rules_on nobody comes into scope by a rule. */
bool rules_on __weak;
bool rules_host __weak; /* everything that is not excluded */
bool rules_ask __weak;	/* the prober decides about what nothing here lets in */
__u64 rules_own __weak; /* struct inode * of sonde's own program */
/* The number of the next scope; the prober takes some as well. */
__u32 next_scope __weak = 1;

#define RULE_CGROUP_IN	1
#define RULE_CGROUP_OUT 2

/* Cgroups by their number, each on its own: those below one are in here too. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u32); /* RULE_CGROUP_* */
} rule_cgroups __weak SEC(".maps");

#define RULE_USER_IN  1
#define RULE_USER_OUT 2

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);   /* uid */
	__type(value, __u32); /* RULE_USER_* */
} rule_users __weak SEC(".maps");

/* How a program's name begins; with its NUL where that is all of it. */
struct rule_name {
	__u32 bits;
	char text[SONDE_COMM_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct rule_name);
	__type(value, __u32);
} rule_names_in __weak SEC(".maps"), rule_names_out __weak SEC(".maps");

/* What the rules say of a program that begins. */
enum rule_says {
	RULE_SAYS_NOTHING,
	RULE_SAYS_PLACE = SONDE_FOUND_PLACE,	 /* let in for where it is, or whose */
	RULE_SAYS_PROGRAM = SONDE_FOUND_PROGRAM, /* let in for what it is */
	RULE_SAYS_OUT,				 /* never, as long as it is where and whose it is */
	RULE_SAYS_OUT_TREE,			 /* nor what it starts */
	RULE_SAYS_OWN,				 /* sonde itself */
};

static __always_inline __u32 rules_of_user(__u32 uid)
{
	__u32 *v = bpf_map_lookup_elem(&rule_users, &uid);

	return v ? *v : 0;
}

static __always_inline __u32 rules_of_cgroup(__u64 id)
{
	__u32 *v = bpf_map_lookup_elem(&rule_cgroups, &id);

	return v ? *v : 0;
}

/* Exclusions come first. */
static __noinline __attribute__((unused)) __u32 rules_judge(struct linux_binprm *bprm)
{
	const __u32 user = rules_of_user((__u32)bpf_get_current_uid_gid());
	const __u32 cgroup = rules_of_cgroup(bpf_get_current_cgroup_id());
	struct rule_name name = { .bits = 8 * SONDE_COMM_LEN };

	if (rules_own && (__u64)BPF_CORE_READ(bprm, file, f_inode) == rules_own)
		return RULE_SAYS_OWN;
	bpf_get_current_comm(name.text, sizeof(name.text));
	if (bpf_map_lookup_elem(&rule_names_out, &name))
		return RULE_SAYS_OUT_TREE;
	if (user & RULE_USER_OUT || cgroup & RULE_CGROUP_OUT)
		return RULE_SAYS_OUT;
	if (bpf_map_lookup_elem(&rule_names_in, &name))
		return RULE_SAYS_PROGRAM;
	return rules_host || user & RULE_USER_IN || cgroup & RULE_CGROUP_IN ? RULE_SAYS_PLACE
									    : RULE_SAYS_NOTHING;
}

/* The current process, which nothing has let in yet, as the prober is told of it. */
static __always_inline void rules_newcomer(struct actor *ret, struct task_struct *p)
{
	ret->start_ns = p->start_boottime;
	ret->tgid = p->tgid;
	ret->tid = p->pid;
}

/* Questions leave half of the ring to what must not be lost. */
static __always_inline void rules_question(const struct actor *a)
{
	if (bpf_ringbuf_query(&work, BPF_RB_AVAIL_DATA) > WORK_BYTES / 2)
		count_loss(SONDE_LOSS_NOT_ASKED, 1);
	else
		tell_prober(a, SONDE_WORK_ASK, 0, bpf_get_current_cgroup_id());
}

/* The current process begins a scope of its own. False where there is no room. */
static __always_inline bool rules_let_in(const struct actor *a, __u32 says)
{
	struct scope s = { .start_ns = a->start_ns };
	struct sonde_found_event *e;
	__u32 tgid = a->tgid;

	if (says == RULE_SAYS_PLACE)
		s.flags = SCOPE_STRANGER;
	s.id = __sync_fetch_and_add(&next_scope, 1);
	if (bpf_map_update_elem(&scopes, &tgid, &s, BPF_NOEXIST)) {
		if (scope_of(tgid)) /* the prober has let it in meanwhile, and tells so */
			return true;
		count_loss(SONDE_LOSS_SCOPE_FULL, 1);
		return false;
	}
	tell_prober(a, SONDE_WORK_FOUND, says, s.id);
	e = reserve_control(e);
	if (!e)
		return true;
	fill_header(&e->hdr, a, SONDE_EV_FOUND, sizeof(*e));
	e->scope = s.id;
	e->rule = says;
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return true;
}

/* Nothing of the current process is told any more; @tree: nor of what it starts. */
static __always_inline void rules_put_out(const struct actor *a, __u32 why, bool tree)
{
	struct scope s = { .start_ns = a->start_ns, .flags = SCOPE_OUT };
	struct sonde_left_event *e;
	__u32 tgid = a->tgid;

	if (tree)
		bpf_map_update_elem(&scopes, &tgid, &s, BPF_ANY);
	else
		bpf_map_delete_elem(&scopes, &tgid);
	tell_prober(a, SONDE_WORK_LEFT, 0, 0);
	e = reserve_control(e);
	if (!e)
		return;
	fill_header(&e->hdr, a, SONDE_EV_LEFT, sizeof(*e));
	e->why = why;
	e->pad = 0;
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
}

/* Not in scope, and never, nor what it starts. */
static __always_inline void rules_shut_out(const struct actor *a)
{
	struct scope s = { .start_ns = a->start_ns, .flags = SCOPE_OUT };
	__u32 tgid = a->tgid;

	if (bpf_map_update_elem(&scopes, &tgid, &s, BPF_ANY))
		count_loss(SONDE_LOSS_SCOPE_FULL, 1);
}
