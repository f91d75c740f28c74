/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* From a process's descriptor to the open file behind it. */
#pragma once

#include "sonde.bpf.h"

#define S_IFMT	0xf000
#define S_IFIFO 0x1000
#define S_IFCHR 0x2000
#define S_IFREG 0x8000

/* Before 6.13. */
struct file___612 {
	struct {
		long counter;
	} f_count;
} __attribute__((preserve_access_index));

/* NULL where the descriptor is not open. */
static __always_inline struct file *file_of(struct task_struct *task, int fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(table, max_fds) ||
	    bpf_probe_read_kernel(&file, sizeof(file), &files[fd]))
		return NULL;
	return file;
}

static __always_inline struct file *file_at(int fd)
{
	return file_of((void *)bpf_get_current_task(), fd);
}

static __always_inline __u16 kind_of(struct file *file)
{
	return BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
}

/* Whether closing one descriptor of it drops the last reference. */
static __always_inline bool last_reference(struct file *file)
{
	struct file___612 *old = (void *)file;

	if (bpf_core_field_exists(file->f_ref)) /* counts from 0 */
		return BPF_CORE_READ(file, f_ref.refcnt.counter) == 0;
	return BPF_CORE_READ(old, f_count.counter) == 1;
}

static __always_inline struct pt_regs *user_regs(void)
{
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

/* The n-th argument of the system call under way. */
#define ARG(n) PT_REGS_PARM##n##_CORE_SYSCALL(user_regs())
