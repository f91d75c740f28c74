/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* What the kernel tells the prober on the small `work` ring: where it may have to attach. */
#pragma once

#ifndef __bpf__ /* BPF programs have these from vmlinux.h */
#include <linux/types.h>
#endif

enum sonde_work_kind {
	SONDE_WORK_EXEC = 1, /* a process in scope runs another program */
	SONDE_WORK_MAP = 2,  /* it mapped a file executable; once, until the prober looks at it */
	SONDE_WORK_EXIT = 3,
	SONDE_WORK_FORK = 4, /* a child, already in scope */
	/* Of a daemon: */
	SONDE_WORK_FOUND = 5,  /* the rules have let a process in; EXEC follows */
	SONDE_WORK_ASK = 6,    /* a program has begun about which they say nothing */
	SONDE_WORK_LEFT = 7,   /* a process is not in scope any more */
	SONDE_WORK_CGROUP = 8, /* was made: struct sonde_work_cgroup */
	SONDE_WORK_CGROUP_GONE = 9,
};

struct sonde_work {
	__u64 ts_ns; /* CLOCK_BOOTTIME */
	__u64 start_ns;
	__u64 inode; /* of MAP; FORK: the child's tgid; FOUND: the scope; ASK: its cgroup;
			CGROUP: its number */
	__u32 dev;   /* of MAP, as the kernel has it: major << 20 | minor; FOUND: sonde_found_by */
	__u32 tgid;
	__u32 kind; /* enum sonde_work_kind */
	__u32 uid;  /* whose it is */
};

/* What the task iterator tells of a process. */
struct sonde_found_task {
	__u64 start_ns;
	__u64 cgroup_id; /* of version 2 */
	__u32 tgid, parent, uid;
	__u32 kernel; /* a thread of the kernel's */
};

#define SONDE_CGROUP_PATH_MAX 512

struct sonde_work_cgroup {
	struct sonde_work w;
	char path[SONDE_CGROUP_PATH_MAX]; /* below the mount, with a NUL; cut where it is longer */
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
