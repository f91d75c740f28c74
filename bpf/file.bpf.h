/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What both kinds of file probes need: which calls are told, paths as calls give them, the event.
 */
#pragma once

#include "descriptor.bpf.h"
#include "path.bpf.h"
#include "wake.bpf.h"

#define EPERM	  1
#define EACCES	  13
#define ETXTBSY	  26
#define EROFS	  30
#define AT_FDCWD  -100
#define CLIMB_MAX 16 /* of "./" and "../" at the beginning of a path */

/*
 * The prober's copy of what is told of files, so that it can read what was written: apart, because
 * it must never keep `work` from what has to be probed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} written __weak SEC(".maps");

/* Set by the prober while it reads them. */
bool copy_files __weak;

/* What a file is refused with, if it is for want of a right. */
static __always_inline bool is_refusal(long result)
{
	return result == -EACCES || result == -EPERM || result == -EROFS || result == -ETXTBSY;
}

/* The argument of the system call that its cookie means with the four bits at @shift. */
static __always_inline __u64 argument(__u64 cookie, __u32 shift)
{
	switch (cookie >> shift & 0xf) {
	case 1:
		return ARG(1);
	case 2:
		return ARG(2);
	case 3:
		return ARG(3);
	case 4:
		return ARG(4);
	case 5:
		return ARG(5);
	}
	return 0;
}

/* The folder's descriptor that belongs to a path. */
static __always_inline int folder(__u64 cookie, __u32 shift)
{
	return cookie >> shift & 0xf ? (int)argument(cookie, shift) : AT_FDCWD;
}

/*
 * Passes over the "./" and "../" that the given path begins with. What it finds is kept in the
 * slot, where the verifier does not follow each value.
 */
static __always_inline void climb(struct slot *slot)
{
	volatile __u32 *from = &slot->from;

	*from = 0;
	slot->up = 0;
	for (int i = 0; i < CLIMB_MAX; i++) {
		__u32 at = *from;
		const char *s;

		barrier_var(at);
		if (at > SONDE_PATH_MAX - 3)
			return;
		s = &slot->given[at];
		if (s[0] == '/')
			*from = at + 1;
		else if (s[0] == '.' && s[1] == '/')
			*from = at + 2;
		else if (s[0] == '.' && s[1] == '.' && s[2] == '/') {
			*from = at + 3;
			slot->up++;
		} else {
			return;
		}
	}
}

/* Where a path begins that is not absolute; its length without the NUL, 0 where it is unknown. */
static __always_inline __u32 put_base(struct slot *slot, __u64 at, int fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file *file = fd == AT_FDCWD ? NULL : file_at(fd);
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	__u32 len;

	if (fd != AT_FDCWD && !file)
		return 0;
	climb(slot);
	len = put_path(slot, (__u64)(file ? &file->f_path : &fs->pwd), slot->up, at);
	if (len < 2 || len > SONDE_PATH_MAX)
		return 0;
	/* Of the root itself nothing is needed: a '/' follows. */
	return len == 2 ? 0 : len - 1;
}

/*
 * Puts at @at in the slot's text the path that a call was given at @from, made absolute. Its length
 * with the NUL, 0 where there is none.
 */
__weak int put_given(struct slot *slot, __u64 at, int fd, __u64 from)
{
	__u32 len = 0, rest, first = 0;
	long n;

	if (!slot)
		return 0;
	n = bpf_probe_read_user_str(slot->given, SONDE_PATH_MAX, (void *)from);
	if (n < 0)
		count_loss(SONDE_LOSS_FAULT, 1);
	if (n <= 1 || at > SONDE_PATH_MAX)
		return 0;
	if (n == SONDE_PATH_MAX)
		slot->flags |= SONDE_FILE_PATH_CUT;
	if (slot->given[0] != '/') {
		len = put_base(slot, at, fd);
		first = slot->from;
		if (len > SONDE_PATH_MAX - 2)
			return 0;
		slot->text[at + len++] = '/';
	}
	rest = n - first;
	if (first >= SONDE_PATH_MAX || rest > SONDE_PATH_MAX)
		return 0;
	if (rest > SONDE_PATH_MAX - len) {
		rest = SONDE_PATH_MAX - len;
		slot->flags |= SONDE_FILE_PATH_CUT;
	}
	barrier_var(rest); /* or older verifiers lose its bounds */
	if (rest > SONDE_PATH_MAX ||
	    bpf_probe_read_kernel(&slot->text[at + len], rest, &slot->given[first]))
		return 0;
	len += rest;
	if (len > SONDE_PATH_MAX || len < 2)
		return 0;
	if (len > 2 && slot->text[at + len - 2] == '/') /* "folder/" */
		len--;
	slot->text[at + len - 1] = '\0';
	return len;
}

/* Below /dev, /proc or /sys. */
static __always_inline bool is_system(const char *path)
{
#define BELOW(b, c, d, e) (path[1] == (b) && path[2] == (c) && path[3] == (d) && path[4] == (e))
	return BELOW('d', 'e', 'v', '/') || BELOW('s', 'y', 's', '/') ||
	       (BELOW('p', 'r', 'o', 'c') && path[5] == '/');
#undef BELOW
}

static __always_inline struct sonde_file_event *file_begin(struct slot *slot)
{
	struct sonde_file_event *e = slot_event(slot, struct sonde_file_event);

	__builtin_memset(e, 0, sizeof(*e));
	return e;
}

/*
 * Tells what the slot holds. The last 1/8 of the ring is left to what processes are and say.
 */
__weak int file_tell(const struct actor *a, struct slot *slot)
{
	__u64 waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	struct sonde_file_event *e;
	__u32 len;

	if (!a || !slot)
		return 0;
	e = slot_event(slot, struct sonde_file_event);
	len = e->path_len + e->path2_len;
	e->flags |= slot->flags;
	barrier_var(len);
	if (len > 2 * SONDE_PATH_MAX || waiting > ring_bytes - ring_bytes / 8) {
		count_loss(SONDE_LOSS_FILES, 1);
		return 0;
	}
	fill_header(&e->hdr, a, SONDE_EV_FILE, sizeof(*e) + len);
	if (bpf_ringbuf_output(&events, e, sizeof(*e) + len, wake_flags(waiting)))
		count_loss(SONDE_LOSS_FILES, 1);
	if (copy_files && bpf_ringbuf_output(&written, e, sizeof(*e) + len, BPF_RB_NO_WAKEUP))
		count_loss(SONDE_LOSS_FILES, 1);
	return 0;
}
