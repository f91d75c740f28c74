// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Who sleeps because a person, or whoever feeds a pipe from outside, has not said anything yet.
 *
 * No hook: each would cost every read and poll something, and there would be one wait per key. The
 * prober has this look through the tasks several times a second, which costs the traced programs
 * nothing: a sleeping thread's system call stands in its saved registers. A read waits for its
 * descriptor; a poll or an epoll waits for the terminal where the terminal's queue has an entry of
 * it.
 */
#include "waits.bpf.h"

#define TASK_INTERRUPTIBLE 1
#define CALLS		   512
#define QUEUE_MAX	   16	     /* looked at of those who wait on one terminal */
#define STACK_BYTES	   (1 << 16) /* no kernel stack is larger */
#define MISSED		   5 /* rounds, before a wait counts as over: a program that draws wakes up */

/* Per number of a system call: enum sonde_sleep. Set before loading. */
const volatile __u8 sleep_calls[CALLS] = {};

/* Set by the prober: counts up. */
__u32 wait_round;

static __always_inline long call_of(struct pt_regs *regs)
{
#ifdef __TARGET_ARCH_arm64
	return BPF_CORE_READ(regs, syscallno);
#else
	return BPF_CORE_READ(regs, orig_ax);
#endif
}

/* What the queue's entry may belong to. */
struct sleeper {
	unsigned long stack;  /* of a thread: poll() queues from there */
	struct eventpoll *ep; /* or an epoll */
};

static __always_inline bool is_entry_of(struct list_head *at, struct wait_queue_head *queue,
					const struct sleeper *s)
{
	struct wait_queue_entry *entry =
		(void *)at - bpf_core_field_offset(struct wait_queue_entry, entry);
	unsigned long private = (unsigned long)BPF_CORE_READ(entry, private);
	struct eppoll_entry *epoll;
	struct epitem *item;

	if (!s->ep)
		return private - s->stack < STACK_BYTES;
	if (private)
		return false;
	epoll = (void *)entry - bpf_core_field_offset(struct eppoll_entry, wait);
	if (BPF_CORE_READ(epoll, whead) != queue)
		return false;
	item = BPF_CORE_READ(epoll, base);
	return BPF_CORE_READ(item, ep) == s->ep;
}

static __noinline bool waits_on(struct wait_queue_head *queue, const struct sleeper *s)
{
	struct list_head *head =
		(void *)queue + bpf_core_field_offset(struct wait_queue_head, head);
	struct list_head *at = BPF_CORE_READ(head, next);

	for (int i = 0; i < QUEUE_MAX && at && at != head; i++) {
		if (is_entry_of(at, queue, s))
			return true;
		at = BPF_CORE_READ(at, next);
	}
	return false;
}

static __always_inline __u32 polled(struct task_struct *task, const struct sleeper *s)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);
	struct file *file = file_of(task, 0);
	struct pipe_inode_info *pipe;

	if (tty && waits_on((void *)tty + bpf_core_field_offset(struct tty_struct, read_wait), s))
		return SONDE_WAIT_TERMINAL;
	if (!file || !is_outside_pipe(BPF_CORE_READ(file, f_inode)))
		return 0;
	pipe = BPF_CORE_READ(file, private_data);
	return waits_on((void *)pipe + bpf_core_field_offset(struct pipe_inode_info, rd_wait), s)
		       ? SONDE_WAIT_PIPE
		       : 0;
}

/* What a thread sleeps for; 0: something else. */
static __always_inline __u32 sleeps_for(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	struct sleeper s = { .stack = (unsigned long)BPF_CORE_READ(task, stack) };
	__u64 call = call_of(regs);
	struct file *file;

	if (call >= CALLS)
		return 0;
	switch (sleep_calls[call]) {
	case SONDE_SLEEP_READ:
		file = file_of(task, PT_REGS_PARM1_CORE_SYSCALL(regs));
		return file ? awaited(file) : 0;
	case SONDE_SLEEP_EPOLL:
		file = file_of(task, PT_REGS_PARM1_CORE_SYSCALL(regs));
		s.ep = file ? BPF_CORE_READ(file, private_data) : NULL;
		return s.ep ? polled(task, &s) : 0;
	case SONDE_SLEEP_POLL:
		return polled(task, &s);
	}
	return 0;
}

SEC("iter/task")
int find_waits(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct wait *w, new = { .seen = wait_round };
	struct scope *s;
	struct actor a;

	if (!task || !(task->__state & TASK_INTERRUPTIBLE))
		return 0;
	a.tgid = task->tgid;
	a.tid = task->pid;
	s = scope_of(a.tgid);
	if (!s)
		return 0;
	new.what = sleeps_for(task);
	if (!new.what)
		return 0;
	new.start_ns = a.start_ns = s->start_ns;
	w = bpf_map_lookup_elem(&waits, &a.tgid);
	if (w && w->start_ns == new.start_ns &&
	    w->what == new.what &&wait_round - w->seen <= MISSED) {
		w->seen = wait_round;
		return 0;
	}
	if (bpf_map_update_elem(&waits, &a.tgid, &new, BPF_ANY))
		return 0;
	have_waits = true;
	tell_wait(&a, new.what, false);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
