/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* What the kernel tells the prober on the small `work` ring: where it may have to attach. */
#pragma once

#ifndef __bpf__ /* BPF programs have these from vmlinux.h */
#include <linux/types.h>
#endif

enum sonde_work_kind {
	SONDE_WORK_EXEC = 1, /* a process in scope runs another program */
	SONDE_WORK_MAP = 2,  /* it mapped a file executable */
	SONDE_WORK_EXIT = 3,
	SONDE_WORK_FORK = 4, /* a child, already in scope */
};

struct sonde_work {
	__u64 ts_ns; /* CLOCK_BOOTTIME */
	__u64 start_ns;
	__u64 inode; /* of MAP; of FORK: the child's tgid */
	__u32 dev;   /* of MAP, as the kernel has it: major << 20 | minor */
	__u32 tgid;
	__u32 kind; /* enum sonde_work_kind */
	__u32 pad;
};

/* What an attach cookie says of the function or system call. */
#define SONDE_COOKIE_WRITE	  0x100 /* direction: out */
#define SONDE_COOKIE_KIND	  0xff	/* enum probe_abi, or enum sonde_call */
#define SONDE_COOKIE_SOURCE_SHIFT 16	/* of TLS functions: enum sonde_source, a byte */
#define SONDE_COOKIE_DETAIL_SHIFT 32	/* struct probe_point.detail */
/* rustls: members of struct probe_point */
#define SONDE_COOKIE_OVERHEAD_SHIFT 24 /* 8 bits */
#define SONDE_COOKIE_TYPE_AT_SHIFT  32 /* 8 bits */
#define SONDE_COOKIE_OWNED	    (1ull << 40)

/* Stands for the number of a kernel function until session.c knows it; no helper has it. */
#define SONDE_PATCH_IS_RETURN 0x50deca11

/* How a system call says where its bytes are (sockets.bpf.c). */
enum sonde_call {
	SONDE_CALL_BUFFER,
	SONDE_CALL_SEND,
	SONDE_CALL_VECTOR,
	SONDE_CALL_MESSAGE,
	SONDE_CALL_MESSAGES,
	SONDE_CALL_SENDFILE,
	SONDE_CALL_SPLICE,
};

/* Of calls on files: which arguments (1..6; 0: none) say what. What they do: enum sonde_file_op. */
#define SONDE_COOKIE_FD_SHIFT	   8 /* a descriptor; of a path: its folder's */
#define SONDE_COOKIE_PATH_SHIFT	   12
#define SONDE_COOKIE_FD2_SHIFT	   16
#define SONDE_COOKIE_PATH2_SHIFT   20
#define SONDE_COOKIE_FLAGS_SHIFT   24
#define SONDE_COOKIE_FLAGS_POINTER (1u << 28) /* to where they stand */
#define SONDE_COOKIE_COUNTS	   (1u << 29) /* its result is the bytes that it has moved */
#define SONDE_COOKIE_SYMBOLIC	   (1u << 30) /* its first path is text for a symbolic link */

/* How a system call sleeps for input (waits.bpf.c). */
enum sonde_sleep {
	SONDE_SLEEP_READ = 1, /* its first argument is the descriptor */
	SONDE_SLEEP_POLL = 2,
	SONDE_SLEEP_EPOLL = 3, /* its first argument is the epoll's */
};
