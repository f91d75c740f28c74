/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which functions of which file to probe, and how: what finders make and attach.c uses.
 *
 * One finder per TLS library, each ending in one `const struct tls_finder`, listed in target.c.
 * ELF files are hostile input: everything read from them is bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sonde/event.h"

/* How a probed function passes what we need: decides the BPF program. */
enum probe_abi {
	PROBE_ABI_RW,	  /* int f(ssl, buf, int num): returns bytes */
	PROBE_ABI_RW_EX,  /* int f(ssl, buf, size_t num, size_t *done): 1 on success; *done = bytes
			   */
	PROBE_ABI_RW_EX2, /* int f(ssl, buf, size_t num, uint64_t flags, size_t *done): likewise */
	PROBE_ABI_FREE,	  /* void f(ssl): the connection ends */
	PROBE_ABI_CLEAR,  /* int f(ssl, ...): the object starts a new connection (SSL_clear) */
	/* ssize_t f(session, buf, size_t num, ...): returns bytes */
	PROBE_ABI_RW_SIZE,
	/* ssize_t f(session, record type, buf, size_t num, ...): likewise */
	PROBE_ABI_RW_TYPED,
	/* int f(fd, buf, int num, flags): returns bytes; MSG_PEEK moves none */
	PROBE_ABI_RW_FLAGS,
	/* f(session): calls inside it, in its direction, move what was counted before */
	PROBE_ABI_QUIET,
	PROBE_ABI_NEW, /* ssl *f(...): the object returned starts a new connection (SSL_new) */
	PROBE_ABI_HANDSHAKE, /* int f(ssl): another socket than before is another connection */
	/* rustls, MessageEncrypter and MessageDecrypter (bpf/rustls.bpf.c) */
	PROBE_ABI_RUSTLS_ENCRYPT,
	PROBE_ABI_RUSTLS_DECRYPT,
	PROBE_ABI_DESCRIPTOR, /* int f(ssl, int fd): the socket that it will use */
	/* ssize_t f(ssl, ...): returns bytes; those that no call inside it moves cannot be read */
	PROBE_ABI_TOTAL,
	/* Go's crypto/tls (bpf/go.bpf.c); each a place of its own, without exit or return probe. */
	PROBE_ABI_GO_RECORD = 32, /* f(conn, type, pointer, length) is called */
	PROBE_ABI_GO_COPY,	  /* memmove(to, from, length) is; conn is at rsp + `detail` */
	PROBE_ABI_GO_LEAVE,	  /* f(conn, pointer, length) returns how much it has moved */
	PROBE_ABI_GO_ERROR,	  /* f returns an error; conn is at rsp + `detail` */
	PROBE_ABI_GO_ENTER,	  /* that begins */
	PROBE_ABI_GO_CLOSE,	  /* f(conn): the connection ends */
	PROBE_ABI_GO_HANDSHAKE,	  /* f(conn): a new one begins there */
};

/* Functions that move no bytes: where connections begin and end. */
static inline bool probe_is_life(enum probe_abi abi)
{
	return abi == PROBE_ABI_FREE || abi == PROBE_ABI_CLEAR || abi == PROBE_ABI_NEW ||
	       abi == PROBE_ABI_HANDSHAKE || abi == PROBE_ABI_DESCRIPTOR ||
	       abi == PROBE_ABI_GO_CLOSE || abi == PROBE_ABI_GO_HANDSHAKE;
}

enum probe_cost {
	PROBE_CHEAP,   /* on an instruction that the kernel emulates */
	PROBE_CLASSIC, /* single-stepped: about 20 us a call, for every process that maps the file
			*/
};

struct probe_point {
	char function[48]; /* as found: "SSL_write", "ssl_write_internal" */
	enum probe_abi abi;
	enum sonde_source source; /* what its bytes are told as */
	bool write;		  /* direction: out */
	/* rustls (finder_rustls.h) */
	uint8_t overhead; /* bytes that a record has beside its text */
	uint8_t type_at;  /* where a message to decrypt has its type */
	bool owned;	  /* messages in the form of 0.21 and 0.22 */
	uint64_t entry;	  /* file offset of the entry probe */
	uint64_t exit; /* file offset of the exit probe where rax holds the result; 0: return probe
			  at entry, where the return address is still on top of the stack */
	enum probe_cost cost;
	/* Go: what else the ABI needs. Else how many bytes the function has on its stack where the
	 * entry probe stands. */
	uint16_t detail;
	char insn[32];	   /* at entry, as text: "push %rbp" */
	char evidence[96]; /* how it was found: "symbol SSL_write; call target" */
};

#define TARGET_POINTS_MAX 48

struct probe_target {
	char path[4096]; /* as the user would know it */
	dev_t dev;
	ino_t inode;
	char build_id[41];	  /* hex; empty where there is none */
	enum sonde_source source; /* of all points; only a finder's own answer has it */
	char library[24];	  /* "openssl"; "rustls+openssl" where a file has both */
	char version[32];	  /* "3.0.17", empty where not known */
	struct probe_point points[TARGET_POINTS_MAX];
	size_t n_points;
	/* Of a file for another machine: its name, and how many points would be probed there. Then
	 * n_points is 0. */
	char machine[16];
	size_t n_foreign;
	char reason[160]; /* why there are none, for people */
};

/*
 * Examines an open ELF file. 1: something to probe, 0: nothing known inside (@ret->reason says what
 * was looked for), -errno: not readable or not ELF.
 */
int target_examine(int fd, const char *path, struct probe_target *ret);
/* The same with classic places only: where a self-test refuted the cheap ones (selftest.h). */
int target_examine_classic(int fd, const char *path, struct probe_target *ret);

/* --- discover.c: which files a command will use, before it runs --- */
typedef int (*discover_fn)(void *ctx, const char *path, const char *why);
/*
 * Calls @fn for every file that may carry TLS once @path runs with @argv: the program itself, its
 * interpreter
 * (#!, env), the program that a launcher script will start, their DT_NEEDED libraries, the
 * system's libssl (ld.so.cache), virtual environments. @env: "NAME=value" as the command has them.
 * @root_fd: "/" as the command sees it.
 */
/* @why begins so for files that the command itself does not need but its children may. */
#define DISCOVER_PERHAPS "perhaps: "
int discover_command(int root_fd, const char *path, const char *const *argv, const char *const *env,
		     const char *cwd, discover_fn fn, void *ctx);
/* Agents where their installers put them, below the HOME of @env and on the machine, likewise. */
int discover_installed(int root_fd, const char *const *env, discover_fn fn, void *ctx);
/* The variables that its answer hangs on; ends with NULL. */
extern const char *const discover_variables[];
/*
 * The same, and the folders where what is installed later shows: @files: a file in it does, else
 * only a folder.
 */
typedef void (*discover_folder_fn)(void *ctx, const char *folder, bool files);
int discover_watched(int root_fd, const char *const *env, discover_fn fn, discover_folder_fn folder,
		     void *ctx);
/*
 * The executable files that a running process maps: descriptors opened through
 * /proc/PID/map_files, lent for the call. -ENOSPC: there are more than are looked at.
 */
typedef int (*discover_fd_fn)(void *ctx, int fd, const char *path);
int discover_process(pid_t pid, discover_fd_fn fn, void *ctx);
