/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Events: all that the engine ever learns about the world.
 *
 * The kernel writes them to a ring buffer, the prober sends them on a socket, intake adds a few
 * of its own (marked "intake"), and a record file is a header followed by them in the order in
 * which the engine took them. Both sides compile this file, so: fixed-width types, no pointers,
 * no holes; kinds are appended and never renumbered.
 *
 * A process is named by (tgid, start_ns): pids repeat, the pair does not.
 */
#pragma once

#ifndef __bpf__ /* BPF programs have these from vmlinux.h */
#include <linux/types.h>
#endif

#define SONDE_EVENT_VERSION 1
#define SONDE_CHUNK_MAX	    16384 /* payload bytes of one DATA event */
#define SONDE_EVENT_MAX	    65536 /* bytes of one event, header included */
#define SONDE_COMM_LEN	    16
#define SONDE_PATH_MAX	    1024 /* bytes of a path or working directory in an event, NUL included */
#define SONDE_ARGV_MAX	    8192 /* bytes of argv in an EXEC event; more is cut and flagged */

enum sonde_event_kind {
	/* about the recording */
	SONDE_EV_HOST = 1,  /* prober: JSON, see below */
	SONDE_EV_CLOCK = 2, /* prober: boot time against wall time */
	SONDE_EV_CONFIG =
		3, /* launcher, through the prober: JSON; what decides the store's content */
	SONDE_EV_TICK = 4,  /* intake: time has passed (every 100 ms) */
	SONDE_EV_END = 5,   /* intake: nothing follows */
	SONDE_EV_SCOPE = 6, /* prober: JSON; a command or process tree is traced from here on */

	/* processes; the header's process is the one that acts */
	SONDE_EV_FORK = 10,
	SONDE_EV_EXEC = 11,
	SONDE_EV_EXIT = 12,  /* the last thread has gone */
	SONDE_EV_PROC = 13,  /* prober: JSON; what only userspace can see of the header's process */
	SONDE_EV_FOUND = 14, /* a daemon's rules have let it in: the first of its scope */
	SONDE_EV_LEFT = 15,  /* it runs on, and nothing of it is told any more */

	/* connections: TLS streams and sockets */
	SONDE_EV_DATA = 20,
	SONDE_EV_GAP = 21,
	SONDE_EV_CONN_OPEN = 22, /* before the connection's first DATA or GAP */
	SONDE_EV_CONN_CLOSE = 23,
	SONDE_EV_CONN_LINK = 24, /* this TLS stream runs over that socket */
	SONDE_EV_CONNECT = 25,	 /* an attempt, successful or not */
	SONDE_EV_TLS_HELLO = 26, /* how a client began TLS on a socket */
	SONDE_EV_CONN_USE = 27,	 /* who is at an end of a connection that stands for both ends */

	/* what processes do with files, signals and whoever sits at the terminal */
	SONDE_EV_FILE = 40,
	SONDE_EV_ARTIFACT = 41, /* prober: what stands in a file that was written, or why not */
	SONDE_EV_SIGNAL = 42,	/* was sent to the header's process */
	SONDE_EV_WAIT = 43,	/* for input: it begins or ends */
	SONDE_EV_ACT = 44, /* prober: JSON; sonde is about to do something to the header's process,
			    * as somebody has asked it to */

	/* about where processes run */
	SONDE_EV_CONTAINER = 50, /* enricher, prober: JSON; what is known of a container or pod */
	SONDE_EV_STATE = 51,	 /* engine, at its start: JSON; what one before it left open */

	/* about the capture itself */
	SONDE_EV_LOSS = 30,    /* intake: all loss counters, when one has grown */
	SONDE_EV_ATTACH = 31,  /* prober: JSON; probes put on a file, or why not */
	SONDE_EV_VERDICT = 32, /* the engine told the kernel what is worth copying, and what not */
	SONDE_EV_PROBER_LOST =
		33,	    /* intake: the prober has died; what follows was still in the ring */
	SONDE_EV_LOAD = 34, /* intake: how far behind the engine is, when that changes */
};

/* Every event starts with this. `ts_ns` is CLOCK_BOOTTIME. */
struct sonde_event {
	__u64 ts_ns;
	__u64 start_ns; /* start of the process, CLOCK_BOOTTIME; 0 where no process is meant */
	__u32 tgid;	/* in the initial pid namespace */
	__u32 tid;
	__u32 size;  /* of the whole event */
	__u16 kind;  /* enum sonde_event_kind */
	__u16 flags; /* 0 */
};

/* Header, then one JSON object of hdr.size - sizeof(hdr) bytes, without a NUL. */
struct sonde_json_event {
	struct sonde_event hdr;
	char json[];
};

struct sonde_clock_event {
	struct sonde_event hdr; /* ts_ns: the boot time */
	__u64 wall_ns;		/* Unix time at hdr.ts_ns */
};

struct sonde_fork_event {
	struct sonde_event hdr; /* the parent */
	__u64 child_start_ns;
	__u32 child_tgid;
	__u32 scope; /* scope id that the child inherits */
};

enum sonde_found_by {
	SONDE_FOUND_PLACE = 1,	 /* where or whose it is: the host, a user's, a cgroup's */
	SONDE_FOUND_PROGRAM = 2, /* what it is */
};

/* Comes before all else of the process; its SCOPE is a late fact. */
struct sonde_found_event {
	struct sonde_event hdr;
	__u32 scope;
	__u32 rule; /* enum sonde_found_by */
};

enum sonde_left_why {
	SONDE_LEFT_RULES = 1, /* the rules exclude it, or have changed */
	SONDE_LEFT_SONDE = 2, /* another sonde traces it and what it starts */
	SONDE_LEFT_STARTER =
		3, /* what it starts has nothing to do with each other: a shell, cron */
};

struct sonde_left_event {
	struct sonde_event hdr;
	__u32 why; /* enum sonde_left_why */
	__u32 pad;
};

/* sonde_exec_event.flags */
enum {
	SONDE_EXEC_ARGV_CUT = 1,
	SONDE_EXEC_PATH_CUT = 2,
	SONDE_EXEC_CWD_CUT = 4,
	SONDE_EXEC_FAULT = 8
};

/* Followed by path, cwd (each with a NUL) and argv (each argument with a NUL). */
struct sonde_exec_event {
	struct sonde_event hdr;
	__u64 parent_start_ns;
	__u64 cgroup_id;
	__u32 parent_tgid;
	__u32 uid, gid;
	__u32 flags;
	__u16 path_len, cwd_len, argv_len, pad; /* bytes, NULs included; 0 where unknown */
	char comm[SONDE_COMM_LEN];
	char text[];
};

struct sonde_exit_event {
	struct sonde_event hdr;
	__u64 utime_ns, stime_ns;
	__s32 code;   /* exit status, where signal is 0 */
	__s32 signal; /* that ended it, or 0 */
};

enum sonde_dir { SONDE_DIR_IN = 0, SONDE_DIR_OUT = 1 }; /* received, sent: seen from the process */

/* Where bytes were seen. TLS libraries give the plaintext of a TLS stream. */
enum sonde_source {
	SONDE_SOURCE_OPENSSL = 1, /* OpenSSL and what has its API (BoringSSL, AWS-LC, LibreSSL) */
	SONDE_SOURCE_TCP = 2,
	SONDE_SOURCE_UNIX = 3,
	SONDE_SOURCE_GNUTLS = 4,
	SONDE_SOURCE_NSS = 5,
	SONDE_SOURCE_RUSTLS = 6,
	SONDE_SOURCE_GO = 7,   /* crypto/tls */
	SONDE_SOURCE_PIPE = 8, /* a pipe: all of it is SONDE_DIR_OUT, whoever acts */
};

static inline int sonde_source_is_tls(__u32 source)
{
	return source == SONDE_SOURCE_OPENSSL ||
	       (source >= SONDE_SOURCE_GNUTLS && source <= SONDE_SOURCE_GO);
}

/* sonde_data_event.flags */
enum {
	SONDE_DATA_EOF = 1, /* no bytes: the direction has ended in good order */
};

struct sonde_data_event {
	struct sonde_event hdr;
	__u64 conn; /* never used again for another connection */
	__u64 pos;  /* position of data[0] in its direction since the connection was first seen */
	__u32 len;  /* bytes that follow */
	__u32 call_len; /* bytes that the whole call moved */
	__u8 dir;	/* enum sonde_dir */
	__u8 source;	/* enum sonde_source */
	__u16 flags;
	__u32 pad;
	__u8 data[];
};

/* Why bytes that passed were not delivered. */
enum sonde_gap_reason {
	SONDE_GAP_LOST = 1,    /* the ring was full */
	SONDE_GAP_FAULT = 2,   /* the page was not resident */
	SONDE_GAP_CAP = 3,     /* over the limit of one call */
	SONDE_GAP_VERDICT = 4, /* deliberately not copied */
	SONDE_GAP_UNSEEN = 5,  /* moved by a call that cannot be read (sendfile, splice) */
};

struct sonde_gap_event {
	struct sonde_event hdr;
	__u64 conn, pos, len;
	__u8 dir, source, reason, pad[5];
};

/* sonde_conn_event.flags */
enum {
	SONDE_CONN_MIDWAY = 1, /* bytes had passed before the first that was seen */
	SONDE_CONN_CLIENT = 2, /* this side connected */
	SONDE_CONN_SERVER = 4, /* this side accepted; neither flag: unknown */
	SONDE_CONN_TLS = 8,    /* a socket that carries TLS records: counted, not copied */
	/* JSON text over a pipe or a pair of Unix sockets: one connection for both ends, its
	 * directions are those of one of them. What both ends were seen to move can come twice, at
	 * one position. CONN_USE says who is where. */
	SONDE_CONN_TALK = 16,
	SONDE_CONN_HALF = 32, /* one direction only: the other is a connection of its own, on the
				 socket that this one is linked to */
	/* It was told to an engine that is no more: positions go on from there. With MIDWAY. */
	SONDE_CONN_AGAIN = 64,
};

struct sonde_conn_event { /* CONN_OPEN, CONN_CLOSE */
	struct sonde_event hdr;
	__u64 conn;
	__u32 flags;
	__u8 source; /* enum sonde_source */
	__u8 family; /* AF_INET, AF_INET6, AF_UNIX; 0: not known (a TLS stream) */
	__u16 pad;
	__u16 local_port, remote_port;	      /* host order */
	__u8 local_addr[16], remote_addr[16]; /* IPv4: the first 4 bytes, network order */
	char path[108];			      /* AF_UNIX; first byte 0 with more: abstract */
};

enum sonde_link_evidence {
	SONDE_LINK_NESTED_CALL =
		1, /* the socket's syscall ran inside the TLS call, on one thread or goroutine */
	SONDE_LINK_RECORDS = 2,	    /* twice what a thread wrote to or read from the TLS stream had
				       the length of the record that it sent or received next to it */
	SONDE_LINK_NEXT_CALL = 3,   /* the thread's next write on it was as long as the records */
	SONDE_LINK_SAME_MEMORY = 4, /* the thread's last read on it ended in the record's memory */
	SONDE_LINK_SAME_BYTES =
		5, /* what it read ends as the record does, of which it has a copy */
	SONDE_LINK_DESCRIPTOR = 6, /* the program gave it to the library by its descriptor */
};

struct sonde_link_event {
	struct sonde_event hdr;
	__u64 tls, sock;
	__u32 evidence; /* enum sonde_link_evidence */
	__u32 pad;
};

#define SONDE_HELLO_MAX 2048

/* The first bytes that a client sent: in the clear, the server's name among them. */
struct sonde_hello_event {
	struct sonde_event hdr;
	__u64 conn; /* the socket's, after its OPEN */
	__u32 len;  /* bytes that follow */
	__u32 pad;
	__u8 data[];
};

/* From here on the header's process is who reads or writes there; told when it changes. */
struct sonde_use_event {
	struct sonde_event hdr;
	__u64 conn;
	__u8 dir;   /* enum sonde_dir: of the connection */
	__u8 reads; /* 1: it reads what comes in that direction; 0: it writes it */
	__u8 pad[6];
};

struct sonde_connect_event {
	struct sonde_event hdr;
	__s32 result; /* 0 or -errno; -EINPROGRESS is a start */
	__u8 family, pad;
	__u16 port;
	__u8 addr[16];
	char path[108];
	__u32 pad2;
};

enum sonde_file_op {
	/* A regular file was closed that the process, or the one before it, had made, emptied or
	 * written to. What has several descriptors can be told several times. */
	SONDE_FILE_WRITTEN = 1,
	SONDE_FILE_RENAMED = 2, /* from path to path2 */
	SONDE_FILE_REMOVED = 3,
	SONDE_FILE_MADE_FOLDER = 4,
	SONDE_FILE_REMOVED_FOLDER = 5,
	SONDE_FILE_LINKED = 6,	/* path2: the new name, hard or symbolic */
	SONDE_FILE_REFUSED = 7, /* to open it for writing, or one of the above; see result */
};

/* sonde_file_event.flags */
enum {
	SONDE_FILE_CREATED = 1,	     /* by the open that this ends; told once */
	SONDE_FILE_PATH_CUT = 2,     /* longer than SONDE_PATH_MAX, or deeper than can be followed:
					its end */
	SONDE_FILE_PATH_PARTIAL = 4, /* the end of the path: where it is rooted is not known */
	SONDE_FILE_MAPPED = 8,	     /* also written through a mapping perhaps: not in `bytes` */
	SONDE_FILE_SYMBOLIC = 16,    /* LINKED: path is the text of a symbolic link */
	SONDE_FILE_REMOTE = 32,	     /* another machine or process serves its filesystem */
};

/*
 * Followed by path and path2, each with a NUL; as the process's own root sees them. WRITTEN has the
 * file's own path; the others what the call was given, made absolute: `.` and `..` in its middle
 * and symbolic links on its way are as they were given. Files below /dev, /proc and /sys, without a
 * name (memfd) or already removed are not told.
 */
struct sonde_file_event {
	struct sonde_event hdr;
	__u64 dev, ino;		   /* WRITTEN: the file's, dev as stat(2) gives it; else 0 */
	__u64 bytes;		   /* WRITTEN: that write calls have moved since it was told last */
	__u64 size;		   /* WRITTEN: of the file when it was closed */
	__u32 op;		   /* enum sonde_file_op */
	__s32 result;		   /* 0 or -errno */
	__u16 path_len, path2_len; /* bytes, NULs included; 0: none */
	__u16 flags, pad;
	char text[];
};

enum sonde_artifact_state {
	SONDE_ARTIFACT_WHOLE = 1,   /* its bytes follow, in one or more events */
	SONDE_ARTIFACT_LEVEL = 2,   /* the content level does not keep it; never the prober's */
	SONDE_ARTIFACT_BIG = 3,	    /* over the limit: its size alone */
	SONDE_ARTIFACT_GONE = 4,    /* removed, renamed or written again before it was read */
	SONDE_ARTIFACT_SPECIAL = 5, /* no regular file any more */
	SONDE_ARTIFACT_UNREAD = 6,  /* could not be opened or read */
	SONDE_ARTIFACT_BUSY = 7,    /* too many at once: not looked at */
};

#define SONDE_ARTIFACT_MAX   (1u << 20) /* bytes of a file that are kept */
#define SONDE_ARTIFACT_CHUNK 49152

/* Header: the process that wrote it. Made at content level "full" only, some time after the WRITTEN
 * that it belongs to; what was written again meanwhile comes once. Followed by path (with its NUL)
 * and `len` bytes of it. */
struct sonde_artifact_event {
	struct sonde_event hdr;
	__u64 dev, ino, size;
	__u8 sha256[32];    /* of the whole file; zeros where it was not read to its end */
	__u32 offset;	    /* of these bytes in the file */
	__u32 len;	    /* offset + len == size in the last event of a file */
	__u16 path_len;	    /* with its NUL */
	__u8 state, pad[5]; /* enum sonde_artifact_state */
	char text[];
};

/* Signals that end, stop, continue or interrupt and take effect; not those that a process sends to
 * itself. One that is sent to a group is told for each process of it. */
struct sonde_signal_event {
	struct sonde_event hdr; /* to whom */
	__u64 sender_start_ns;
	__u32 sender_tgid; /* 0: the kernel (a terminal's key, a timer, out of memory) */
	__s32 signal;
	__s32 code; /* si_code */
	__u32 pad;
	char comm[SONDE_COMM_LEN]; /* of the sender */
};

enum sonde_wait_for { SONDE_WAIT_TERMINAL = 1, SONDE_WAIT_PIPE = 2 };

/*
 * The header's thread sleeps in a read of its terminal or of a pipe from outside the scope, or in a
 * poll that has it in it (a program that draws its own screen does so whatever else it is doing:
 * alone this is no proof of a person being waited for). Seen by looking every 200 ms, so shorter
 * waits are not told. It ends when a read gets something; it can begin again without having ended,
 * where the process went on without.
 */
struct sonde_wait_event {
	struct sonde_event hdr;
	__u8 what; /* enum sonde_wait_for */
	__u8 ends; /* 1: there was input */
	__u8 pad[6];
};

/* Why something was not delivered or not done; the counters only grow. */
enum sonde_loss {
	SONDE_LOSS_RING_FULL,  /* data refused above 15/16 of the ring, events */
	SONDE_LOSS_RING_BYTES, /* the payload bytes of these */
	SONDE_LOSS_CONTROL,    /* a control event did not fit at all */
	SONDE_LOSS_FAULT,      /* user memory not resident */
	SONDE_LOSS_CAP,	       /* bytes over the limit of one call */
	SONDE_LOSS_ARGS,       /* a return without its entry, or parked arguments refused */
	SONDE_LOSS_SCOPE_FULL, /* a child that could not be added to the scope */
	SONDE_LOSS_CONN_FULL,  /* a connection that could not be added */
	SONDE_LOSS_UNSEEN,     /* bytes moved by calls that cannot be read */
	SONDE_LOSS_VERDICT,    /* bytes deliberately not copied */
	SONDE_LOSS_TLS_UNREAD, /* ciphertext bytes of sockets that no TLS stream is linked to */
	SONDE_LOSS_FILES,      /* what was done with files, not told for want of room */
	SONDE_LOSS_NOT_LOOKED, /* times that a file was not looked at for TLS: see attach.h */
	SONDE_LOSS_NOT_ASKED,  /* programs that began and that a daemon's rules were not asked about
				*/
	SONDE_LOSS_NR = 16,
};

struct sonde_loss_event {
	struct sonde_event hdr;
	__u64 count[SONDE_LOSS_NR];
};

/* What is let go, the first first; each level has what comes before it. */
enum sonde_load {
	SONDE_LOAD_NONE = 0,
	SONDE_LOAD_CONNECTIONS = 1, /* those that no run consists of, sooner than else */
	SONDE_LOAD_CONTENT = 2,	    /* what was said; its figures stay */
	SONDE_LOAD_CALLS = 3,	    /* bytes of connections; processes, ends and costs stay */
	SONDE_LOAD_NR
};

struct sonde_load_event {
	struct sonde_event hdr;
	__u32 level; /* enum sonde_load */
	__u32 pad;
};

struct sonde_verdict_event {
	struct sonde_event hdr;
	__u64 conn;
	__u32 verdict; /* enum sonde_verdict */
	__u32 pad;
};

enum sonde_verdict {
	SONDE_VERDICT_COPY = 0,
	SONDE_VERDICT_COUNT_ONLY = 1,
	SONDE_VERDICT_RUN = 2, /* no connection: the header's process, found by a daemon, is part of
				* a run: all that is done in its scope is told from here on */
};

/*
 * The page that kernel, prober and engine share (a one-element BPF_F_MMAPABLE array).
 * The engine maps it read-write only for `wake_pending`.
 */
struct sonde_shared {
	__u64 loss[SONDE_LOSS_NR];
	__u32 wake_pending; /* set by a probe that woke the reader, cleared when it starts to drain
			     */
	__u32 pad;
};

_Static_assert(sizeof(struct sonde_event) == 32, "wire format");
_Static_assert(sizeof(struct sonde_fork_event) == 48, "wire format");
_Static_assert(sizeof(struct sonde_exec_event) == 88, "wire format");
_Static_assert(sizeof(struct sonde_exit_event) == 56, "wire format");
_Static_assert(sizeof(struct sonde_found_event) == 40, "wire format");
_Static_assert(sizeof(struct sonde_left_event) == 40, "wire format");
_Static_assert(sizeof(struct sonde_data_event) == 64, "wire format");
_Static_assert(sizeof(struct sonde_gap_event) == 64, "wire format");
_Static_assert(sizeof(struct sonde_conn_event) == 192, "wire format");
_Static_assert(sizeof(struct sonde_use_event) == 48, "wire format");
_Static_assert(sizeof(struct sonde_connect_event) == 168, "wire format");
_Static_assert(sizeof(struct sonde_hello_event) == 48, "wire format");
_Static_assert(sizeof(struct sonde_file_event) == 80, "wire format");
_Static_assert(sizeof(struct sonde_artifact_event) == 104, "wire format");
_Static_assert(sizeof(struct sonde_signal_event) == 72, "wire format");
_Static_assert(sizeof(struct sonde_wait_event) == 40, "wire format");
_Static_assert(sizeof(struct sonde_load_event) == 40, "wire format");

/*
 * JSON of the descriptive events (members that are not known are absent):
 *
 * HOST    {"boot_id","hostname","kernel","arch","sonde_version","event_version":1}
 * CONFIG  {"content":"full|standard|minimal|off","content_limit":5000,
 *          "media_limit":4194304,"content_llm":true,
 *          "content_memory":true,"content_tools":true,"price_digest":"hex",
 *          "memory_bytes":N of the engine,"max_run_time_s":N,"egress":["deny *.example",...]};
 * egress: policy/egress.h
 *
 * SCOPE
 * {"scope":1,"kind":"run|pid|program|cgroup|container|unit|user|host","argv":[...],"cwd","uid","gid",
 *          "user","tty":true,"owner":"user|root|daemon","project":"/git/root",
 *          "origin":{"ancestors":[{"comm","exe","argv":[...]},...],"tty","cgroup","container",
 *          "in_container":true,"env":["NAME",...]},"trigger":"import"}; header: the root process;
 *          ancestors: the nearest first; trigger: where origin need not be looked at;
 *          of an import (no process) also "source":"har","recorder":"what made the file"
 *          of kind "run": "argv_whole":true where argv has every byte of the command's, and
 *          "retry_of":"32 hex digits" of the run that it is another go at
 *
 *          "tentative":true: found by a daemon, that does not know yet whether it is an agent: a
 * run only from its first model call or call of a tool server on, or when a known agent's program
 * runs in it. "late_ms":N: so long after it began it was let in; what it did before was not seen
 *
 * STATE   what trace has written down of an open tree of runs, to go on with it (its own words)
 *
 * PROC    {"exe","cwd","cgroup","container","uid","gid","comm","tty","ppid","env":["NAME",...],
 *          "sandbox":{"seccomp":0|1|2,"no_new_privs":true,"caps":"hex","namespaces":["user",...],
 *          "read_only_root":true}}; namespaces: that are not those of the host's
 *          init, or of the prober where that one is out of reach
 *
 * CONTAINER {"container":"ID" or "pod":"UID","gone":true,"excluded":true (nothing of what runs in
 * it is kept),"by":"prober","resource":{
 *          "container.name","container.image.name","k8s.pod.name","k8s.pod.uid",
 *          "k8s.namespace.name","k8s.node.name","k8s.container.name","k8s.deployment.name",...,
 *          "k8s.pod.label.NAME"}}: OpenTelemetry's names, texts only; it replaces what the same
 * teller (without "by": the enricher) has told of it; of a pod: what all its containers have in
 * common; header: no process
 *
 * ACT     {"act":"stop","uid":1000,"user":"ada"}: who has asked; stop: SIGTERM, and SIGKILL where
 * it lives on
 *
 * ATTACH  {"file","dev","inode","build_id","library","version","ok":true,"reason",
 *          "cost":"cheap|classic","how":"multi|session|perf","late_ms":N,
 *          "probes":[{"function","offset","exit_offset","insn"}]}
 */
