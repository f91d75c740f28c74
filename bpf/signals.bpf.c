// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Who stops, ends or interrupts a process in scope.
 *
 * Hook: signal_generate, which has the sender as the current process, where a process sent it, and
 * says whether the signal takes effect.
 */
#include "sonde.bpf.h"

#define SI_USER	  0
#define SI_KERNEL 0x80
#define SI_QUEUE  -1
#define SI_TKILL  -6
#define DELIVERED 0 /* TRACE_SIGNAL_*; LOSE_INFO: delivered as well */
#define LOSE_INFO 4

#define SIGCONT	  18

#define BIT(n)	  (1ull << (n))
/* HUP, INT, QUIT, KILL, ALRM, TERM, CONT, STOP, TSTP, XCPU */
#define TOLD                                                                                   \
	(BIT(1) | BIT(2) | BIT(3) | BIT(9) | BIT(14) | BIT(15) | BIT(18) | BIT(19) | BIT(20) | \
	 BIT(24))

/* The special values that stand for a struct. */
#define INFO_NONE ((void *)0) /* from a process that gave no more */
#define INFO_PRIV ((void *)1) /* from the kernel */

static __always_inline int code_of(struct kernel_siginfo *info)
{
	if (info == INFO_NONE)
		return SI_USER;
	return info == INFO_PRIV ? SI_KERNEL : BPF_CORE_READ(info, si_code);
}

/* Timers and terminals send while anybody is running. */
static __always_inline bool by_process(int code)
{
	return code == SI_USER || code == SI_QUEUE || code == SI_TKILL;
}

/* A process continues even where it ignores the signal. */
static __always_inline bool takes_effect(int signal, int result)
{
	return result == DELIVERED || result == LOSE_INFO || signal == SIGCONT;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int signal, struct kernel_siginfo *info, struct task_struct *task,
	     int to_group, int result)
{
	struct task_struct *sender = (void *)bpf_get_current_task();
	__u32 tgid = task->tgid, from = bpf_get_current_pid_tgid() >> 32;
	struct sonde_signal_event *e;
	struct scope *s;
	struct actor a;
	int code;

	if (!takes_effect(signal, result) || (__u32)signal >= 64 || !(TOLD >> signal & 1))
		return 0;
	s = scope_of(tgid);
	if (!s)
		return 0;
	code = code_of(info);
	if (by_process(code) && from == tgid)
		return 0;
	e = reserve_control(e);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	a.start_ns = s->start_ns;
	a.tgid = tgid;
	a.tid = task->pid;
	fill_header(&e->hdr, &a, SONDE_EV_SIGNAL, sizeof(*e));
	e->signal = signal;
	e->code = code;
	if (by_process(code)) {
		e->sender_tgid = from;
		e->sender_start_ns = BPF_CORE_READ(sender, group_leader, start_boottime);
		BPF_CORE_READ_INTO(&e->comm, sender, group_leader, comm);
	}
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
