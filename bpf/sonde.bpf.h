/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What every probe file shares: the two rings, the scope, the loss counters, event headers.
 * The maps are weak: each object file defines them and linking keeps one copy.
 */
#pragma once

#include <vmlinux.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include <sonde/event.h>
#include <sonde/work.h>

#define EFAULT	    14
#define ENOSPC	    28
#define EINPROGRESS 115
#define AF_UNIX	    1
#define AF_INET	    2
#define AF_INET6    10

/* The reader is woken when so much waits; below that its timer (at most 50 ms) does. */
#define WAKE_BYTES (1 << 20)

/* Set before loading. */
const volatile __u64 ring_bytes __weak = (1 << 18);
const volatile bool have_bpf_loop __weak = true;

/* Everything for the engine; its size is set before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, (1 << 18));
} events __weak SEC(".maps");

#define WORK_BYTES (1 << 18)

/* For the prober: apart, so that it never has to read what the engine reads. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WORK_BYTES);
} work __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sonde_shared);
} shared __weak SEC(".maps");

struct scope {
	__u64 start_ns; /* of the process */
	__u32 id;
	__u32 flags; /* SCOPE_* */
};

#define SCOPE_JOINED 1 /* it ran this program before it was traced: connections may be open */
#define SCOPE_STRANGER \
	4 /* of a daemon: nobody knows yet whether it is an agent; its files are not told */
#define SCOPE_OUT 2 /* not traced, nor what it starts: whatever a daemon's rules say */

/* Who is traced: nothing is captured of a process that is not in here. A daemon's is larger. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* tgid */
	__type(value, struct scope);
} scopes __weak SEC(".maps");

/*
 * How many engines there have been, this one included: what an earlier one was told of connections
 * is told again when they are next used.
 */
__u32 engines __weak = 1;

/* Who acts, as headers say it. */
struct actor {
	__u64 start_ns;
	__u32 tgid, tid;
};

static __always_inline struct sonde_shared *shared_page(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&shared, &zero);
}

static __always_inline void count_loss(enum sonde_loss which, __u64 n)
{
	struct sonde_shared *s = shared_page();

	if (s)
		__sync_fetch_and_add(&s->loss[which], n);
}

/* NULL where that process is not traced. */
static __always_inline struct scope *scope_of(__u32 tgid)
{
	struct scope *s = bpf_map_lookup_elem(&scopes, &tgid);

	return s && !(s->flags & SCOPE_OUT) ? s : NULL;
}

static __always_inline bool actor_in(struct scope *s, __u64 id, struct actor *ret)
{
	if (!s)
		return false;
	ret->start_ns = s->start_ns;
	ret->tgid = id >> 32;
	ret->tid = (__u32)id;
	return true;
}

/* False where the current process is not traced. */
static __always_inline bool current_actor(struct actor *ret)
{
	__u64 id = bpf_get_current_pid_tgid();

	return actor_in(scope_of(id >> 32), id, ret);
}

/* The same, and where it is not known to be part of a run. */
static __always_inline bool current_known_actor(struct actor *ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct scope *s = scope_of(id >> 32);

	return s && !(s->flags & SCOPE_STRANGER) && actor_in(s, id, ret);
}

static __always_inline void fill_header(struct sonde_event *e, const struct actor *a, __u16 kind,
					__u32 size)
{
	e->ts_ns = bpf_ktime_get_boot_ns();
	e->start_ns = a->start_ns;
	e->tgid = a->tgid;
	e->tid = a->tid;
	e->size = size;
	e->kind = kind;
	e->flags = 0;
}

/* Reserves a control event: these may use the whole ring. */
#define reserve_control(ptr)                                                          \
	({                                                                            \
		__typeof__(ptr) _e = bpf_ringbuf_reserve(&events, sizeof(*(ptr)), 0); \
		if (!_e)                                                              \
			count_loss(SONDE_LOSS_CONTROL, 1);                            \
		_e;                                                                   \
	})

/* False where there was no room. */
static __always_inline bool tell_prober(const struct actor *a, __u32 kind, __u32 dev, __u64 inode)
{
	struct sonde_work *w = bpf_ringbuf_reserve(&work, sizeof(*w), 0);

	if (!w) {
		count_loss(SONDE_LOSS_CONTROL, 1);
		return false;
	}
	w->ts_ns = bpf_ktime_get_boot_ns();
	w->start_ns = a->start_ns;
	w->inode = inode;
	w->dev = dev;
	w->tgid = a->tgid;
	w->kind = kind;
	w->uid = (__u32)bpf_get_current_uid_gid();
	bpf_ringbuf_submit(w, 0);
	return true;
}
