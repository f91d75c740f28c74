// SPDX-License-Identifier: BSD-2-Clause
#include "probe/uprobe.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MULTI_RETURN 1u /* BPF_F_UPROBE_MULTI_RETURN */

/* The head of union bpf_attr for BPF_LINK_CREATE, as linux/bpf.h has it since 6.6. */
struct link_attr {
	uint32_t prog_fd, target_fd, attach_type, flags;
	struct {
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t cnt, flags, pid;
	} multi;
};

int uprobe_link_multi(int prog_fd, uint32_t attach_type, const struct uprobe_request *r)
{
	struct link_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr)); /* padding as well: the kernel checks it */
	attr.prog_fd = (uint32_t)prog_fd;
	attr.attach_type = attach_type;
	attr.multi.path = (uint64_t)(uintptr_t)r->path;
	attr.multi.offsets = (uint64_t)(uintptr_t)r->offsets;
	attr.multi.cookies = (uint64_t)(uintptr_t)r->cookies;
	attr.multi.cnt = (uint32_t)r->n;
	attr.multi.flags = r->at_return ? MULTI_RETURN : 0;
	attr.multi.pid = (uint32_t)r->pid;
	fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : (int)fd;
}
