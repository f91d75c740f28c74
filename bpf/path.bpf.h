/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Paths as the current process's root sees them, and where an event with text is put together.
 *
 * A path is built from its end: from a dentry up to the root, mount points crossed, a bounded
 * number of steps. (bpf_d_path() is not for the programs that we have.)
 */
#pragma once

#include "sonde.bpf.h"

#define PATH_DEPTH	    128
#define PATH_DEPTH_UNROLLED 16
#define NAME_MAX	    255
#define TEXT_MAX	    (2 * SONDE_PATH_MAX + SONDE_ARGV_MAX)
#define HEAD_MAX	    sizeof(struct sonde_exec_event)
#define SLOTS		    32

/*
 * Not per CPU: a program may be preempted and another begin on the same CPU. A slot is taken by an
 * atomic exchange.
 */
struct slot {
	__u32 busy;
	__u32 flags;				  /* SONDE_FILE_PATH_* of the paths that are put */
	__u32 from, up;				  /* given.bpf.h */
	char head[HEAD_MAX];			  /* an event ends with it */
	char text[TEXT_MAX];			  /* follows the event */
	char walk[SONDE_PATH_MAX + NAME_MAX + 1]; /* a path, built from its end */
	char given[SONDE_PATH_MAX];		  /* a path as a call has it */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, struct slot);
} slots __weak SEC(".maps");

/* An event of this type, with its text behind it. */
#define slot_event(slot, type) ((type *)((slot)->head + HEAD_MAX - sizeof(type)))

static __always_inline struct slot *slot_take(void)
{
	__u32 first = bpf_get_smp_processor_id();

	for (__u32 i = 0; i < 4; i++) {
		__u32 n = (first + i * 7) % SLOTS;
		struct slot *s = bpf_map_lookup_elem(&slots, &n);

		if (s && !__sync_lock_test_and_set(&s->busy, 1)) {
			s->flags = 0;
			return s;
		}
	}
	return NULL;
}

static __always_inline void slot_give(struct slot *s)
{
	__sync_lock_test_and_set(&s->busy, 0);
}

struct walk {
	struct slot *slot;
	struct dentry *dentry, *root;
	struct vfsmount *mnt, *root_mnt;
	__u32 at;   /* where the text begins in slot->walk */
	__u32 skip; /* names at the end that are left out */
	bool done;
	bool outside; /* done, but not at the process's root */
};

/* One step towards the root; mount points are crossed. */
static __noinline long walk_up(__u32 i, struct walk *w)
{
	struct dentry *d = w->dentry, *parent = BPF_CORE_READ(d, d_parent);
	struct vfsmount *mnt = w->mnt;
	const unsigned char *name;
	__u32 len, at = w->at;

	if (d == w->root && mnt == w->root_mnt) {
		w->done = true;
		return 1;
	}
	if (d == BPF_CORE_READ(mnt, mnt_root) || d == parent) {
		struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
		struct mount *up = BPF_CORE_READ(m, mnt_parent);

		if (up == m) { /* not below the process's root: as far as it goes */
			w->done = true;
			w->outside = true;
			return 1;
		}
		w->dentry = BPF_CORE_READ(m, mnt_mountpoint);
		w->mnt = (void *)up + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	w->dentry = parent;
	if (w->skip) {
		w->skip--;
		return 0;
	}
	len = BPF_CORE_READ(d, d_name.len);
	name = BPF_CORE_READ(d, d_name.name);
	if (len > NAME_MAX || at < len + 1)
		return 1; /* too long: the loop ends without being done */
	at -= len + 1;
	barrier_var(at); /* or clang computes it anew, unchecked */
	if (at >= SONDE_PATH_MAX)
		return 1;
	w->slot->walk[at] = '/';
	if (bpf_probe_read_kernel(&w->slot->walk[at + 1], len, name))
		return 1;
	w->at = at;
	return 0;
}

/*
 * Puts the path at @from (a struct path of the kernel), without its last @skip names, at @at into
 * the slot's text. Its length with the NUL; flags of the slot say whether that is all of it. What
 * was cut is its beginning. Global, so that it is verified once and apart.
 */
__weak int put_path(struct slot *slot, __u64 from, __u32 skip, __u64 at)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct walk w = { .slot = slot, .at = SONDE_PATH_MAX - 1, .skip = skip };
	struct path *p = (void *)from;
	__u32 len;

	if (!slot)
		return 0;
	w.dentry = BPF_CORE_READ(p, dentry);
	w.mnt = BPF_CORE_READ(p, mnt);
	w.root = BPF_CORE_READ(task, fs, root.dentry);
	w.root_mnt = BPF_CORE_READ(task, fs, root.mnt);
	slot->walk[SONDE_PATH_MAX - 1] = '\0';
	if (have_bpf_loop)
		bpf_loop(PATH_DEPTH, walk_up, &w, 0);
	for (__u32 i = 0; !have_bpf_loop && i < PATH_DEPTH_UNROLLED && !walk_up(i, &w); i++)
		;
	if (w.at == SONDE_PATH_MAX - 1) { /* the root itself */
		w.at = SONDE_PATH_MAX - 2;
		slot->walk[SONDE_PATH_MAX - 2] = '/';
	}
	len = SONDE_PATH_MAX - w.at;
	barrier_var(len); /* its bounds are for the verifier to see */
	if (w.at >= SONDE_PATH_MAX || len > SONDE_PATH_MAX || at > SONDE_PATH_MAX)
		return 0;
	if (bpf_probe_read_kernel(&slot->text[at], len, &slot->walk[w.at]))
		return 0;
	if (!w.done)
		slot->flags |= SONDE_FILE_PATH_CUT;
	else if (w.outside)
		slot->flags |= SONDE_FILE_PATH_PARTIAL;
	return len;
}
