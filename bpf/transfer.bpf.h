/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Bytes from a traced process to the ring: chunks of one call, and the gaps between them.
 *
 * A call's bytes are copied when it returns, in chunks of at most SONDE_CHUNK_MAX, each reserved
 * in the smallest of a few sizes that holds it (a reservation's size must be a constant; the
 * event's own size says where it ends). What is not copied is stated as a gap. Data leaves the
 * last 1/16 of the ring to control events and gaps.
 */
#pragma once

#include "wake.bpf.h"

#define CALL_MAX	   (16 << 20) /* bytes copied of one call */
#define STEPS_MAX	   4096	      /* chunks and changes of buffer of one call */
#define STEPS_MAX_UNROLLED 64	      /* on kernels without bpf_loop */
#define VERDICT_GAP_BYTES  (1 << 20)  /* deliberately skipped bytes are told in such portions */
#define PAGE_SIZE	   4096

/* What a direction of a connection has come to. */
struct flow {
	__u64 pos;		/* of the next byte */
	__u64 gap_pos, gap_len; /* seen but not yet told */
	__u32 gap_reason;
	__u32 seq; /* TCP: the socket's own counter at `pos` */
};

/* One call that has moved bytes. */
struct transfer {
	struct actor actor;
	__u64 conn, pos;
	__u64 buf, room;  /* the user's memory: where the next byte is, how many there */
	__u64 iov, n_iov; /* the struct iovecs that follow; as in struct msghdr */
	__u64 skip;	  /* bytes of these that are not meant */
	__u64 left;	  /* bytes not yet copied */
	__u32 call_len;
	__u8 dir, source, reason;
	/* reason: why it stopped, enum sonde_gap_reason */
	__u8 read_above; /* a TLS library sees the text of what passes here */
};

/* Connection ids: counted from the boot time at which the prober began, so never repeated. */
__u64 next_conn __weak;

/* How many verdicts there are: without any, nobody looks one up. */
__u32 n_verdicts __weak;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);   /* connection id */
	__type(value, __u32); /* enum sonde_verdict */
} verdicts __weak SEC(".maps");

static __always_inline __u64 new_conn_id(void)
{
	return __sync_fetch_and_add(&next_conn, 1);
}

/* @fallback where the engine has said nothing. */
static __always_inline __u32 verdict_of(__u64 conn, __u32 fallback)
{
	__u32 *v;

	if (!n_verdicts)
		return fallback;
	v = bpf_map_lookup_elem(&verdicts, &conn);
	return v ? *v : fallback;
}

static __always_inline void fill_data(struct sonde_data_event *e, const struct transfer *t,
				      __u32 len)
{
	fill_header(&e->hdr, &t->actor, SONDE_EV_DATA, sizeof(*e) + len);
	e->conn = t->conn;
	e->pos = t->pos;
	e->len = len;
	e->call_len = t->call_len;
	e->dir = t->dir;
	e->source = t->source;
	e->flags = 0;
	e->pad = 0;
}

/* One chunk in a reservation with @room for payload, a constant. */
static __always_inline int put_in(const struct transfer *t, __u64 len, const __u64 room, __u64 wake)
{
	struct sonde_data_event *e = bpf_ringbuf_reserve(&events, sizeof(*e) + room, 0);

	if (!e)
		return -ENOSPC;
	if (len > room)
		len = room;
	if (bpf_probe_read_user(e->data, len, (void *)t->buf)) {
		bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP);
		return -EFAULT;
	}
	fill_data(e, t, len);
	bpf_ringbuf_submit(e, wake);
	return 0;
}

static __always_inline int put_chunk(struct transfer *t, __u64 len)
{
	__u64 waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA), wake;

	if (waiting > ring_bytes - ring_bytes / 16)
		return -ENOSPC;
	wake = wake_flags(waiting);
	if (len <= 128)
		return put_in(t, len, 128, wake);
	if (len <= 512)
		return put_in(t, len, 512, wake);
	if (len <= 1280)
		return put_in(t, len, 1280, wake);
	if (len <= 2560)
		return put_in(t, len, 2560, wake);
	if (len <= 5120)
		return put_in(t, len, 5120, wake);
	if (len <= 9216)
		return put_in(t, len, 9216, wake);
	return put_in(t, len, SONDE_CHUNK_MAX, wake);
}

/* Brings the chunk's pages in. Nothing is reserved meanwhile: this may sleep. */
static __always_inline void touch_pages(__u64 buf, __u64 len)
{
	char byte;

	for (int i = 0; i <= SONDE_CHUNK_MAX / PAGE_SIZE; i++) {
		__u64 at = (__u64)i * PAGE_SIZE;

		if (at >= len)
			at = len - 1;
		bpf_copy_from_user(&byte, 1, (void *)(buf + at));
	}
}

/* The next struct iovec becomes the buffer. */
static __always_inline int next_buffer(struct transfer *t)
{
	__u64 vec[2];

	if (!t->n_iov || bpf_probe_read_user(vec, sizeof(vec), (void *)t->iov))
		return -EFAULT;
	t->buf = vec[0];
	t->room = vec[1];
	t->iov += sizeof(vec);
	t->n_iov--;
	if (!t->skip)
		return 0;
	vec[0] = t->skip < t->room ? t->skip : t->room;
	t->buf += vec[0];
	t->room -= vec[0];
	t->skip -= vec[0];
	return 0;
}

/* One chunk, or one change of buffer. 1: nothing more to do. */
static __always_inline long step(struct transfer *t, bool may_sleep)
{
	__u64 len = t->left;
	int r;

	if (!len)
		return 1;
	if (!t->room) {
		if (!next_buffer(t))
			return 0;
		t->reason = SONDE_GAP_FAULT;
		return 1;
	}
	if (len > t->room)
		len = t->room;
	if (len > SONDE_CHUNK_MAX)
		len = SONDE_CHUNK_MAX;
	r = put_chunk(t, len);
	if (r == -EFAULT && may_sleep) {
		touch_pages(t->buf, len);
		r = put_chunk(t, len);
	}
	if (r) {
		t->reason = r == -EFAULT ? SONDE_GAP_FAULT : SONDE_GAP_LOST;
		return 1;
	}
	t->buf += len;
	t->room -= len;
	t->pos += len;
	t->left -= len;
	return 0;
}

/*
 * Global, so that it is verified once and apart: as part of the loop, the bounds on a chunk's
 * length would make each iteration a state of its own.
 */
__weak int step_once(struct transfer *t)
{
	return t ? step(t, false) : 1;
}

__weak int step_once_sleepable(struct transfer *t)
{
	return t ? step(t, true) : 1;
}

static __noinline long step_atomic(__u32 i, struct transfer *t)
{
	return step_once(t) != 0;
}

static __noinline long step_sleepable(__u32 i, struct transfer *t)
{
	return step_once_sleepable(t) != 0;
}

static __always_inline void copy_call(struct transfer *t, bool may_sleep)
{
	t->reason = SONDE_GAP_CAP;
	if (have_bpf_loop) {
		bpf_loop(STEPS_MAX, may_sleep ? step_sleepable : step_atomic, t, 0);
		return;
	}
	for (__u32 i = 0; i < STEPS_MAX_UNROLLED; i++)
		if (step_atomic(i, t))
			return;
}

/* Global, like what adds to it: each is verified once and apart, not wherever it is called. */
__weak int flush_gap(struct flow *f, const struct transfer *t)
{
	struct sonde_gap_event *e;

	if (!f || !t || !f->gap_len)
		return 0;
	e = reserve_control(e);
	if (!e)
		return 0; /* stays, told later */
	fill_header(&e->hdr, &t->actor, SONDE_EV_GAP, sizeof(*e));
	e->conn = t->conn;
	e->pos = f->gap_pos;
	e->len = f->gap_len;
	e->dir = t->dir;
	e->source = t->source;
	e->reason = f->gap_reason;
	__builtin_memset(e->pad, 0, sizeof(e->pad));
	f->gap_len = 0;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline void count_gap(__u32 reason, __u64 len)
{
	switch (reason) {
	case SONDE_GAP_LOST:
		count_loss(SONDE_LOSS_RING_FULL, 1);
		count_loss(SONDE_LOSS_RING_BYTES, len);
		break;
	case SONDE_GAP_FAULT:
		count_loss(SONDE_LOSS_FAULT, 1);
		break;
	case SONDE_GAP_CAP:
		count_loss(SONDE_LOSS_CAP, len);
		break;
	case SONDE_GAP_VERDICT:
		count_loss(SONDE_LOSS_VERDICT, len);
		break;
	default:
		count_loss(SONDE_LOSS_UNSEEN, len);
	}
}

/*
 * Bytes that passed and were not copied. Neighbouring gaps become one; it is told at once, but for
 * deliberate ones, which are told in portions, and when gaps themselves fill the ring.
 */
__weak int add_gap(struct flow *f, struct transfer *t, __u64 len, __u32 reason)
{
	if (!f || !t || !len)
		return 0;
	count_gap(reason, len);
	if (f->gap_len && (f->gap_reason != reason || f->gap_pos + f->gap_len != t->pos))
		flush_gap(f, t);
	if (!f->gap_len) {
		f->gap_pos = t->pos;
		f->gap_reason = reason;
	}
	f->gap_len += len;
	t->pos += len;
	if (reason == SONDE_GAP_VERDICT && f->gap_len < VERDICT_GAP_BYTES)
		return 0;
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < ring_bytes - ring_bytes / 32)
		flush_gap(f, t);
	return 0;
}

/*
 * The bytes of one call, at most @allowed of them copied; the others are deliberately not.
 * @t->left is the length of the call, @t->pos its first byte's position.
 */
static __always_inline void deliver(struct transfer *t, struct flow *f, __u64 allowed,
				    bool may_sleep)
{
	__u64 total = t->left, copy = total < allowed ? total : allowed, rest;
	__u32 rest_reason = SONDE_GAP_VERDICT;

	t->call_len = total;
	if (copy > CALL_MAX) {
		copy = CALL_MAX;
		rest_reason = SONDE_GAP_CAP;
	}
	rest = total - copy;
	if (copy) {
		flush_gap(f, t);
		t->left = copy;
		copy_call(t, may_sleep);
		add_gap(f, t, t->left, t->reason);
	}
	add_gap(f, t, rest, rest_reason);
}

/* The direction has ended in good order. */
static __always_inline void put_eof(struct transfer *t, struct flow *f)
{
	struct sonde_data_event *e;

	flush_gap(f, t);
	e = reserve_control(e);
	if (!e)
		return;
	t->pos = f->pos;
	t->call_len = 0;
	fill_data(e, t, 0);
	e->flags = SONDE_DATA_EOF;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}
