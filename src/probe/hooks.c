// SPDX-License-Identifier: BSD-2-Clause
#include "probe/hooks.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "probe/release.h"
#include "probe/tracefs.h"
#include "sonde.skel.h"
#include "sonde/event.h"
#include "sonde/work.h"

#define IN	   0 /* attach cookie: enum sonde_dir */
#define OUT	   SONDE_COOKIE_WRITE

#define PROG(name) offsetof(struct sonde_bpf, progs.name)

/* Of several on one event the first comes first: what a process leaves open is told before its end.
 */
static const size_t process_hooks[] = { PROG(on_fork),	      PROG(on_exec),	   PROG(files_exit),
					PROG(on_exit),	      PROG(on_tcp_state),  PROG(on_signal),
					PROG(on_cgroup_made), PROG(on_cgroup_gone) };

/* Which arguments of a call on files are what (sonde/work.h). */
#define FD(n)	    ((uint64_t)(n) << SONDE_COOKIE_FD_SHIFT)
#define PATH(n)	    ((uint64_t)(n) << SONDE_COOKIE_PATH_SHIFT)
#define FD2(n)	    ((uint64_t)(n) << SONDE_COOKIE_FD2_SHIFT)
#define PATH2(n)    ((uint64_t)(n) << SONDE_COOKIE_PATH2_SHIFT)
#define FLAGS(n)    ((uint64_t)(n) << SONDE_COOKIE_FLAGS_SHIFT)
#define FLAGS_AT(n) (FLAGS(n) | SONDE_COOKIE_FLAGS_POINTER)
#define MOVES(fd)   (FD(fd) | SONDE_COOKIE_COUNTS)

static const struct syscall_hook {
	const char *event;
	size_t prog;
	uint64_t cookie;
	bool old; /* newer architectures do without this call */
} syscall_hooks[] = {
	{ "sys_exit_read", PROG(sys_moved), IN | SONDE_CALL_BUFFER, false },
	{ "sys_exit_write", PROG(sys_moved), OUT | SONDE_CALL_BUFFER, false },
	{ "sys_exit_recvfrom", PROG(sys_moved), IN | SONDE_CALL_SEND, false },
	{ "sys_exit_sendto", PROG(sys_moved), OUT | SONDE_CALL_SEND, false },
	{ "sys_exit_readv", PROG(sys_moved), IN | SONDE_CALL_VECTOR, false },
	{ "sys_exit_writev", PROG(sys_moved), OUT | SONDE_CALL_VECTOR, false },
	{ "sys_exit_recvmsg", PROG(sys_moved), IN | SONDE_CALL_MESSAGE, false },
	{ "sys_exit_sendmsg", PROG(sys_moved), OUT | SONDE_CALL_MESSAGE, false },
	{ "sys_exit_recvmmsg", PROG(sys_moved), IN | SONDE_CALL_MESSAGES, false },
	{ "sys_exit_sendmmsg", PROG(sys_moved), OUT | SONDE_CALL_MESSAGES, false },
	{ "sys_exit_sendfile64", PROG(sys_moved), OUT | SONDE_CALL_SENDFILE, false },
	{ "sys_exit_splice", PROG(sys_moved), IN | SONDE_CALL_SPLICE, false },
	{ "sys_exit_connect", PROG(sys_connect), 0, false },
	{ "sys_exit_accept", PROG(sys_accept), 0, false },
	{ "sys_exit_accept4", PROG(sys_accept), 0, false },
	{ "sys_exit_shutdown", PROG(sys_shutdown), 0, false },
	{ "sys_enter_close", PROG(sys_close), 0, false },
	{ "sys_exit_mmap", PROG(sys_mmap), 0, false },
	{ "sys_exit_open", PROG(file_opened), PATH(1) | FLAGS(2), true },
	{ "sys_exit_creat", PROG(file_opened), PATH(1), true },
	{ "sys_exit_openat", PROG(file_opened), FD(1) | PATH(2) | FLAGS(3), false },
	{ "sys_exit_openat2", PROG(file_opened), FD(1) | PATH(2) | FLAGS_AT(3), false },
	{ "sys_exit_write", PROG(file_written), MOVES(1), false },
	{ "sys_exit_writev", PROG(file_written), MOVES(1), false },
	{ "sys_exit_pwrite64", PROG(file_written), MOVES(1), false },
	{ "sys_exit_pwritev", PROG(file_written), MOVES(1), false },
	{ "sys_exit_pwritev2", PROG(file_written), MOVES(1), false },
	{ "sys_exit_sendfile64", PROG(file_written), MOVES(1), false },
	{ "sys_exit_copy_file_range", PROG(file_written), MOVES(3), false },
	{ "sys_exit_splice", PROG(file_written), MOVES(3), false },
	{ "sys_exit_ftruncate", PROG(file_written), FD(1), false },
	{ "sys_exit_fallocate", PROG(file_written), FD(1), false },
	{ "sys_exit_mmap", PROG(file_mapped), 0, false },
	{ "sys_enter_close", PROG(file_closed), 0, false },
	{ "sys_enter_dup2", PROG(file_replaced), 0, true },
	{ "sys_enter_dup3", PROG(file_replaced), 0, false },
	{ "sys_enter_close_range", PROG(files_closed), 0, false },
	{ "sys_enter_execve", PROG(files_exec), 0, false },
	{ "sys_enter_execveat", PROG(files_exec), 0, false },
	{ "sys_exit_rename", PROG(file_named), SONDE_FILE_RENAMED | PATH(1) | PATH2(2), true },
	{ "sys_exit_renameat", PROG(file_named),
	  SONDE_FILE_RENAMED | FD(1) | PATH(2) | FD2(3) | PATH2(4), true },
	{ "sys_exit_renameat2", PROG(file_named),
	  SONDE_FILE_RENAMED | FD(1) | PATH(2) | FD2(3) | PATH2(4), false },
	{ "sys_exit_unlink", PROG(file_named), SONDE_FILE_REMOVED | PATH(1), true },
	{ "sys_exit_unlinkat", PROG(file_named), SONDE_FILE_REMOVED | FD(1) | PATH(2) | FLAGS(3),
	  false },
	{ "sys_exit_rmdir", PROG(file_named), SONDE_FILE_REMOVED_FOLDER | PATH(1), true },
	{ "sys_exit_mkdir", PROG(file_named), SONDE_FILE_MADE_FOLDER | PATH(1), true },
	{ "sys_exit_mkdirat", PROG(file_named), SONDE_FILE_MADE_FOLDER | FD(1) | PATH(2), false },
	{ "sys_exit_link", PROG(file_named), SONDE_FILE_LINKED | PATH(1) | PATH2(2), true },
	{ "sys_exit_linkat", PROG(file_named),
	  SONDE_FILE_LINKED | FD(1) | PATH(2) | FD2(3) | PATH2(4), false },
	{ "sys_exit_symlink", PROG(file_named),
	  SONDE_FILE_LINKED | SONDE_COOKIE_SYMBOLIC | PATH(1) | PATH2(2), true },
	{ "sys_exit_symlinkat", PROG(file_named),
	  SONDE_FILE_LINKED | SONDE_COOKIE_SYMBOLIC | PATH(1) | FD2(2) | PATH2(3), false },
};

struct hooks {
	struct bpf_link *process[ARRAY_SIZE(process_hooks)];
	struct bpf_link *syscalls[ARRAY_SIZE(syscall_hooks)];
};

static struct bpf_program *program(struct sonde_bpf *skel, size_t offset)
{
	return *(struct bpf_program **)((char *)skel + offset);
}

static struct bpf_link *attach_syscall(struct sonde_bpf *skel, const struct syscall_hook *h,
				       int tracefs_fd)
{
	LIBBPF_OPTS(bpf_perf_event_opts, opts, .bpf_cookie = h->cookie);
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	struct bpf_program *prog = program(skel, h->prog);
	struct bpf_link *link;
	char event[64];
	int id, fd;

	if (tracefs_fd < 0)
		return NULL;
	snprintf(event, sizeof(event), "syscalls/%s", h->event);
	id = tracefs_event_id(tracefs_fd, event);
	if (id < 0)
		return NULL;
	attr.config = (uint64_t)id;
	/* A program on a tracepoint runs on every CPU, whichever the event names. */
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return NULL;
	link = bpf_program__attach_perf_event_opts(prog, fd, &opts);
	if (!link)
		close(fd);
	return link;
}

int hooks_new(struct sonde_bpf *skel, int tracefs_fd, struct hooks **ret, size_t *ret_missing)
{
	struct hooks *h = calloc(1, sizeof(*h));
	size_t missing = 0;

	if (!h)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(process_hooks); i++) {
		if (!bpf_program__autoload(program(skel, process_hooks[i])))
			continue;
		h->process[i] = bpf_program__attach(program(skel, process_hooks[i]));
		if (!h->process[i]) {
			int r = -errno;

			hooks_free(h);
			return r;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(syscall_hooks); i++) {
		const struct syscall_hook *hook = &syscall_hooks[i];

		if (!bpf_program__autoload(program(skel, hook->prog)))
			continue;
		h->syscalls[i] = attach_syscall(skel, hook, tracefs_fd);
		missing += !h->syscalls[i] && !hook->old;
	}
	*ret = h;
	*ret_missing = missing;
	return 0;
}

void hooks_free(struct hooks *h)
{
	if (!h)
		return;
	release_probes(NULL, 0, h->process, ARRAY_SIZE(h->process));
	release_probes(NULL, 0, h->syscalls, ARRAY_SIZE(h->syscalls));
	free(h);
}
