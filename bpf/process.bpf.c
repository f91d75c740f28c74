// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Who belongs to a traced command, what each process runs and how it ends.
 *
 * Hooks: sched_process_fork, where the child cannot run yet, so that it is in scope before its
 * first instruction; sched_process_exec, past the point of no return, with the new mm in place;
 * sched_process_exit, once per thread: only the last one (signal->live is 0) ends the process.
 * sys_exit_mmap tells the prober of files that are mapped to be executed.
 */
#include "descriptor.bpf.h"
#include "path.bpf.h"
#include "rules.bpf.h"

#define SIGNAL_GROUP_EXIT 4
#define PROT_EXEC	  4
#define MAP_ANONYMOUS	  0x20
#define CGROUP_DEPTH	  16
#define ANY_UID		  0xffffffff

/*
 * Processes (tgid) of which it has been told that they have mapped something, and that the prober
 * has not begun to look at: that look will see what they map meanwhile. One that maps all the time
 * must not keep others out of the ring.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} mapping SEC(".maps");

/* Set by the prober while it has probes that must be put on each process apart. */
bool tell_forks;

/* Set by the prober: what begins in this cgroup is traced, where the user is this one or any. */
__u64 wanted_cgroup;
__u32 wanted_uid = ANY_UID;

/* Set by the prober: of which process the task iterator tells; 0: of all. */
__u32 wanted_tgid;
/* Itself: the iterator finds out which file sonde is. */
__u32 own_tgid;

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 tgid = parent->tgid, child_tgid = child->tgid;
	struct scope *s, inherited = {};
	struct sonde_fork_event *e;
	struct actor a;

	if (child_tgid == tgid) /* a thread */
		return 0;
	s = bpf_map_lookup_elem(&scopes, &tgid);
	if (!s)
		return 0;
	inherited.id = s->id;
	inherited.flags = s->flags;
	inherited.start_ns = child->start_boottime;
	if (bpf_map_update_elem(&scopes, &child_tgid, &inherited, BPF_ANY)) {
		count_loss(SONDE_LOSS_SCOPE_FULL, 1);
		return 0;
	}
	if (inherited.flags & SCOPE_OUT)
		return 0;
	a.start_ns = s->start_ns;
	a.tgid = tgid;
	a.tid = parent->pid;
	if (tell_forks)
		tell_prober(&a, SONDE_WORK_FORK, 0, child_tgid);
	e = reserve_control(e);
	if (!e)
		return 0;
	fill_header(&e->hdr, &a, SONDE_EV_FORK, sizeof(*e));
	e->child_start_ns = inherited.start_ns;
	e->child_tgid = child_tgid;
	e->scope = inherited.id;
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* Appends the cwd at @at in the slot's text; its length with the NUL, 0 where it is cut. */
static __always_inline __u32 put_cwd(struct slot *slot, struct task_struct *p, __u32 at)
{
	struct fs_struct *fs = BPF_CORE_READ(p, fs);
	__u32 len = put_path(slot, (__u64)&fs->pwd, 0, at);

	return slot->flags & SONDE_FILE_PATH_CUT ? 0 : len;
}

/* Appends argv at @at; its length. */
static __noinline __u32 put_argv(struct slot *slot, struct task_struct *p, __u32 at)
{
	__u64 start = BPF_CORE_READ(p, mm, arg_start), end = BPF_CORE_READ(p, mm, arg_end);
	__u64 len = end > start ? end - start : 0;

	if (len > SONDE_ARGV_MAX) {
		len = SONDE_ARGV_MAX;
		slot_event(slot, struct sonde_exec_event)->flags |= SONDE_EXEC_ARGV_CUT;
	}
	if (!len || at > 2 * SONDE_PATH_MAX)
		return 0;
	if (bpf_probe_read_user(&slot->text[at], len, (void *)start)) {
		count_loss(SONDE_LOSS_FAULT, 1);
		slot_event(slot, struct sonde_exec_event)->flags |= SONDE_EXEC_FAULT;
		return 0;
	}
	if (len <= SONDE_ARGV_MAX && at + len <= TEXT_MAX && at + len >= 1)
		slot->text[at + len - 1] = '\0';
	return len;
}

static __always_inline void put_ids(struct sonde_exec_event *e, struct task_struct *p)
{
	struct task_struct *parent = p->real_parent->group_leader;
	__u64 ids = bpf_get_current_uid_gid();

	e->parent_start_ns = parent->start_boottime;
	e->parent_tgid = parent->tgid;
	e->cgroup_id = bpf_get_current_cgroup_id();
	e->uid = (__u32)ids;
	e->gid = ids >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
}

/* Whether the current process is in the cgroup that is traced, or below it. */
static __always_inline bool in_cgroup(__u64 wanted)
{
	for (int level = 0; level < CGROUP_DEPTH; level++)
		if (bpf_get_current_ancestor_cgroup_id(level) == wanted)
			return true;
	return false;
}

/* A program that begins in the traced cgroup is in scope from here on. */
static __always_inline bool join_cgroup(struct task_struct *p)
{
	struct scope s = { .id = 1, .start_ns = p->start_boottime };
	__u32 tgid = p->tgid;

	if (!wanted_cgroup || !in_cgroup(wanted_cgroup) ||
	    (wanted_uid != ANY_UID && (__u32)bpf_get_current_uid_gid() != wanted_uid))
		return false;
	if (bpf_map_update_elem(&scopes, &tgid, &s, BPF_NOEXIST)) {
		count_loss(SONDE_LOSS_SCOPE_FULL, 1);
		return false;
	}
	return true;
}

/* The program that was joined midway is gone, and with it all its objects. */
static __always_inline void begin_anew(__u32 tgid)
{
	struct scope *s = bpf_map_lookup_elem(&scopes, &tgid);

	if (s)
		s->flags &= ~SCOPE_JOINED;
}

/*
 * By a daemon's rules: false where the current process is not traced, @ret is who it is. One that
 * is in scope already stays, whatever let it in, until it is excluded.
 */
static __always_inline bool admitted(struct task_struct *p, __u32 says, struct actor *ret)
{
	__u32 tgid = p->tgid;
	const struct scope *s = bpf_map_lookup_elem(&scopes, &tgid);

	rules_newcomer(ret, p);
	if (s && s->flags & SCOPE_OUT)
		return false;
	switch (says) {
	case RULE_SAYS_OUT:
	case RULE_SAYS_OUT_TREE:
		if (s)
			rules_put_out(ret, SONDE_LEFT_RULES, says == RULE_SAYS_OUT_TREE);
		else if (says == RULE_SAYS_OUT_TREE)
			rules_shut_out(ret);
		return false;
	case RULE_SAYS_OWN: /* seen by the tree that it is in: another sonde takes over from it */
		if (!s)
			rules_shut_out(ret);
		return s;
	case RULE_SAYS_NOTHING:
		if (!s && rules_ask)
			rules_question(ret);
		return s;
	}
	return s || rules_let_in(ret, says);
}

/* The current process has begun a program. Global, so that it is verified once and apart. */
__weak int tell_exec(const struct actor *a, __u64 filename)
{
	struct task_struct *p = bpf_get_current_task_btf();
	struct sonde_exec_event *e;
	struct slot *slot;
	__u32 at;
	long n;

	if (!a)
		return 0;
	slot = slot_take();
	if (!slot) {
		count_loss(SONDE_LOSS_CONTROL, 1);
		return 0;
	}
	e = slot_event(slot, struct sonde_exec_event);
	e->flags = 0;
	e->pad = 0;
	put_ids(e, p);
	n = bpf_probe_read_kernel_str(slot->text, SONDE_PATH_MAX, (void *)filename);
	e->path_len = at = n > 0 && n <= SONDE_PATH_MAX ? n : 0;
	if (n == SONDE_PATH_MAX)
		e->flags |= SONDE_EXEC_PATH_CUT;
	e->cwd_len = put_cwd(slot, p, at);
	if (!e->cwd_len)
		e->flags |= SONDE_EXEC_CWD_CUT;
	at += e->cwd_len;
	e->argv_len = put_argv(slot, p, at);
	at += e->argv_len;
	if (at > TEXT_MAX)
		at = TEXT_MAX;
	fill_header(&e->hdr, a, SONDE_EV_EXEC, sizeof(*e) + at);
	if (bpf_ringbuf_output(&events, e, sizeof(*e) + at, BPF_RB_FORCE_WAKEUP))
		count_loss(SONDE_LOSS_CONTROL, 1);
	slot_give(slot);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	const __u32 says = rules_on ? rules_judge(bprm) : RULE_SAYS_NOTHING;
	struct actor a;

	if (rules_on) {
		if (!admitted(p, says, &a))
			return 0;
	} else if (!current_actor(&a) && !(join_cgroup(p) && current_actor(&a))) {
		return 0;
	}
	begin_anew(a.tgid);
	tell_prober(&a, SONDE_WORK_EXEC, 0, 0);
	tell_exec(&a, (__u64)BPF_CORE_READ(bprm, filename));
	if (says == RULE_SAYS_OWN)
		rules_put_out(&a, SONDE_LEFT_SONDE, true);
	return 0;
}

static __always_inline void put_status(struct sonde_exit_event *e, struct task_struct *p)
{
	struct signal_struct *sig = p->signal;
	struct task_struct *leader = p->group_leader;
	int status = sig->flags & SIGNAL_GROUP_EXIT ? sig->group_exit_code : leader->exit_code;

	e->code = status >> 8 & 0xff;
	e->signal = status & 0x7f;
	e->utime_ns = sig->utime + p->utime;
	e->stime_ns = sig->stime + p->stime;
	if (leader != p) { /* waits as a zombie, not yet added up */
		e->utime_ns += leader->utime;
		e->stime_ns += leader->stime;
	}
}

/* Of a process that is not traced. */
static __always_inline void end_exclusion(struct task_struct *p)
{
	__u32 tgid = p->tgid;
	const struct scope *s = bpf_map_lookup_elem(&scopes, &tgid);

	if (s && s->start_ns == p->group_leader->start_boottime)
		bpf_map_delete_elem(&scopes, &tgid);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *p)
{
	struct sonde_exit_event *e;
	struct actor a;

	if (p->signal->live.counter > 0)
		return 0;
	if (!current_actor(&a)) {
		end_exclusion(p);
		return 0;
	}
	bpf_map_delete_elem(&scopes, &a.tgid);
	tell_prober(&a, SONDE_WORK_EXIT, 0, 0);
	e = reserve_control(e);
	if (!e)
		return 0;
	fill_header(&e->hdr, &a, SONDE_EV_EXIT, sizeof(*e));
	put_status(e, p);
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* mmap: (address, length, protection, flags, fd, offset) */
SEC("tracepoint/syscalls/sys_exit_mmap")
int sys_mmap(struct trace_event_raw_sys_exit *ctx)
{
	struct inode *inode;
	struct file *file;
	struct actor a;
	__u8 told = 1;

	if (ctx->ret < 0 && ctx->ret > -4096)
		return 0;
	if (!(ARG(3) & PROT_EXEC) || ARG(4) & MAP_ANONYMOUS || !current_actor(&a))
		return 0;
	file = file_at(ARG(5));
	if (!file)
		return 0;
	if (bpf_map_lookup_elem(&mapping, &a.tgid))
		return 0;
	bpf_map_update_elem(&mapping, &a.tgid, &told, BPF_ANY);
	inode = BPF_CORE_READ(file, f_inode);
	if (!tell_prober(&a, SONDE_WORK_MAP, BPF_CORE_READ(inode, i_sb, s_dev),
			 BPF_CORE_READ(inode, i_ino)))
		bpf_map_delete_elem(&mapping, &a.tgid);
	return 0;
}

/* When processes started, exactly: /proc has it in ticks only; and what rules are about. */
SEC("iter/task")
int find_task(struct bpf_iter__task *ctx)
{
	struct sonde_found_task f = {};
	struct task_struct *t = ctx->task;

	if (!t || t->pid != t->tgid || (wanted_tgid && (__u32)t->tgid != wanted_tgid))
		return 0;
	if (own_tgid && (__u32)t->tgid == own_tgid)
		rules_own = (__u64)BPF_CORE_READ(t, mm, exe_file, f_inode);
	f.start_ns = t->start_boottime;
	f.tgid = t->tgid;
	f.parent = BPF_CORE_READ(t, real_parent, tgid);
	f.uid = BPF_CORE_READ(t, cred, uid.val);
	f.kernel = !BPF_CORE_READ(t, mm);
	f.cgroup_id = BPF_CORE_READ(t, cgroups, dfl_cgrp, kn, id);
	bpf_seq_write(ctx->meta->seq, &f, sizeof(f));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
