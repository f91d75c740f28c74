/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which processes were last seen to sleep for input, and the end of that. */
#pragma once

#include "descriptor.bpf.h"

struct wait {
	__u64 start_ns;
	__u32 seen; /* the last round that found it */
	__u32 what; /* enum sonde_wait_for */
};

/* By tgid. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct wait);
} waits __weak SEC(".maps");

/* Set once there was one: until then reads look nothing up. */
bool have_waits __weak;

/* Pipes that came from outside, by inode: their writers are not in scope. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} outside_pipes __weak SEC(".maps");

/* By the numbers of Linux' list of devices: terminals, consoles, pseudo-terminals. */
static __always_inline bool is_terminal(struct inode *inode)
{
	__u32 major = BPF_CORE_READ(inode, i_rdev) >> 20;

	return (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFCHR &&
	       (major == 4 || major == 5 || (major >= 136 && major <= 143) || major == 204 ||
		major == 229);
}

static __always_inline bool is_outside_pipe(struct inode *inode)
{
	__u64 ino = BPF_CORE_READ(inode, i_ino);

	return (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFIFO &&
	       bpf_map_lookup_elem(&outside_pipes, &ino);
}

/* What somebody who reads there waits for; 0: nothing that is told. */
static __always_inline __u32 awaited(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	return is_terminal(inode)	? SONDE_WAIT_TERMINAL
	       : is_outside_pipe(inode) ? SONDE_WAIT_PIPE
					: 0;
}

static __always_inline void tell_wait(const struct actor *a, __u32 what, bool ends)
{
	struct sonde_wait_event *e = reserve_control(e);

	if (!e)
		return;
	__builtin_memset(e, 0, sizeof(*e));
	fill_header(&e->hdr, a, SONDE_EV_WAIT, sizeof(*e));
	e->what = what;
	e->ends = ends;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

/* A read has got something. */
static __noinline __attribute__((unused)) int wait_over(const struct actor *a, int fd)
{
	__u32 tgid = a->tgid;
	struct wait *w = bpf_map_lookup_elem(&waits, &tgid);
	struct file *file;

	if (!w || w->start_ns != a->start_ns)
		return 0;
	file = file_at(fd);
	if (!file || awaited(file) != w->what)
		return 0;
	tell_wait(a, w->what, true);
	bpf_map_delete_elem(&waits, &tgid);
	return 0;
}
