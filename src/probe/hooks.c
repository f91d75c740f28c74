// SPDX-License-Identifier: BSD-2-Clause
#include "probe/hooks.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "probe/tracefs.h"
#include "sonde.skel.h"
#include "sonde/work.h"

#define IN	   0 /* attach cookie: enum sonde_dir */
#define OUT	   SONDE_COOKIE_WRITE

#define PROG(name) offsetof(struct sonde_bpf, progs.name)

static const size_t process_hooks[] = { PROG(on_fork), PROG(on_exec), PROG(on_exit),
					PROG(on_tcp_state) };

static const struct syscall_hook {
	const char *event;
	size_t prog;
	uint64_t cookie;
} syscall_hooks[] = {
	{ "sys_exit_read", PROG(sys_moved), IN | SONDE_CALL_BUFFER },
	{ "sys_exit_write", PROG(sys_moved), OUT | SONDE_CALL_BUFFER },
	{ "sys_exit_recvfrom", PROG(sys_moved), IN | SONDE_CALL_SEND },
	{ "sys_exit_sendto", PROG(sys_moved), OUT | SONDE_CALL_SEND },
	{ "sys_exit_readv", PROG(sys_moved), IN | SONDE_CALL_VECTOR },
	{ "sys_exit_writev", PROG(sys_moved), OUT | SONDE_CALL_VECTOR },
	{ "sys_exit_recvmsg", PROG(sys_moved), IN | SONDE_CALL_MESSAGE },
	{ "sys_exit_sendmsg", PROG(sys_moved), OUT | SONDE_CALL_MESSAGE },
	{ "sys_exit_recvmmsg", PROG(sys_moved), IN | SONDE_CALL_MESSAGES },
	{ "sys_exit_sendmmsg", PROG(sys_moved), OUT | SONDE_CALL_MESSAGES },
	{ "sys_exit_sendfile64", PROG(sys_moved), OUT | SONDE_CALL_SENDFILE },
	{ "sys_exit_splice", PROG(sys_moved), IN | SONDE_CALL_SPLICE },
	{ "sys_exit_connect", PROG(sys_connect), 0 },
	{ "sys_exit_accept", PROG(sys_accept), 0 },
	{ "sys_exit_accept4", PROG(sys_accept), 0 },
	{ "sys_exit_shutdown", PROG(sys_shutdown), 0 },
	{ "sys_enter_close", PROG(sys_close), 0 },
	{ "sys_exit_mmap", PROG(sys_mmap), 0 },
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

	if (tracefs_fd < 0 || !bpf_program__autoload(prog))
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
		h->process[i] = bpf_program__attach(program(skel, process_hooks[i]));
		if (!h->process[i]) {
			int r = -errno;

			hooks_free(h);
			return r;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(syscall_hooks); i++) {
		h->syscalls[i] = attach_syscall(skel, &syscall_hooks[i], tracefs_fd);
		missing += !h->syscalls[i];
	}
	*ret = h;
	*ret_missing = missing;
	return 0;
}

void hooks_free(struct hooks *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(h->process); i++)
		bpf_link__destroy(h->process[i]);
	for (size_t i = 0; i < ARRAY_SIZE(h->syscalls); i++)
		bpf_link__destroy(h->syscalls[i]);
	free(h);
}
