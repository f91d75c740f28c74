/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this kernel and this process's privileges allow: asked by trying, never read off a version.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct features {
	char release[65];  /* uname -r, for people */
	char lockdown[32]; /* "none", "integrity", "confidentiality"; empty: not built in */
	int perf_event_paranoid;
	int bpf_error;	  /* 0, or the errno with which bpf() was refused */
	bool privileged;  /* CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN */
	bool lacks_admin; /* CAP_SYS_ADMIN, which attaching probes one by one takes */
	bool btf;	  /* /sys/kernel/btf/vmlinux */
	bool ring_buffer;
	bool bpf_loop;
	bool task_pt_regs; /* arguments of a system call at its exit: sockets need it */
	bool attach_cookie;
	bool sleepable;	   /* uprobe programs that may fault a page in */
	bool uprobe_multi; /* many probes at once, quick to put on and off */
	bool session;	   /* entry and return in one: out-of-scope processes pay no return probe */
	bool uretprobe_syscall; /* return probes are a system call that seccomp may forbid */
	bool tracefs;		/* syscall tracepoints can be found */
};

/* 0, or -errno where not even that can be found out. */
int features_probe(struct features *ret);

/*
 * One line for the user where tracing is impossible: what is missing and what to do.
 * False, @ret untouched, where it is possible.
 */
bool features_refusal(const struct features *f, char *ret, size_t n);
