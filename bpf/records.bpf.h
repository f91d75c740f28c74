/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * TLS whose two directions are objects of their own (rustls): which socket each belongs to.
 *
 * What encrypts knows no socket, but its records are what the thread writes next: the direction
 * belongs to the socket whose next write is exactly as long as the records and begins with the
 * header of the first. What decrypts was read just before: it belongs to the socket whose last read
 * on this thread ended in the very memory that the record lies in or, where it is a copy, in the
 * same bytes: its tag, which no other record has. Anything less is no proof, and then nothing is
 * said.
 */
#pragma once

#include "tls_conn.bpf.h"

#define RECORD_HEADER	 5
#define IOV_SUMMED	 64 /* buffers of one write that are added up */
#define IOV_SUMMED_PLAIN 8  /* on kernels without bpf_loop */

/* One direction of a connection, by the address of its object (tls_key). */
struct half {
	__u64 id;	/* of the direction as a connection of its own; 0: not told yet */
	__u64 next_seq; /* of its records: an object begins at 0 */
	__u64 sock;	/* linked to it */
	__u32 midway;
	__u32 told; /* the engine that its OPEN was sent to; 0: none yet */
	struct flow flow;
};

/* Without an end of their own: an address whose object begins anew, or the oldest, makes room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct tls_key);
	__type(value, struct half);
} halves __weak SEC(".maps");

/* What a thread has done to tell sockets by. */
struct record_thread {
	/* Records of one object since the thread's last write on a TLS socket. */
	struct tls_key out;
	__u64 out_bytes; /* as they go over the wire */
	__u64 out_first; /* the first one's length, as its header says it */
	/* Its last read on a TLS socket. */
	__u64 in_sock, in_buf, in_len;
	__u64 in_used;	/* of it: records that have been looked at */
	__u64 in_carry; /* read before it, of a record that was not whole yet */
	/* The decrypt() under way. */
	__u64 self, ret, msg, msg_len, seq, sp;
	__u64 sock; /* that its record was read from, or 0 */
	__u32 type, overhead, evidence, owned;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct record_thread);
} record_threads __weak SEC(".maps");

/* Set once probes are on that need the sockets to be told apart. */
bool pair_by_thread __weak;

static __always_inline struct record_thread *record_thread_get(void)
{
	struct record_thread *t = bpf_task_storage_get(&record_threads, bpf_get_current_task_btf(),
						       0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!t)
		count_loss(SONDE_LOSS_ARGS, 1);
	return t;
}

static __always_inline void link_half(const struct actor *a, struct half *h, __u64 sock,
				      __u32 evidence)
{
	if (h->id && h->sock != sock && tell_link(a, h->id, sock, evidence))
		h->sock = sock;
}

struct iov_sum {
	__u64 iov, n, bytes;
};

static __noinline long add_iov(__u32 i, struct iov_sum *s)
{
	__u64 vec[2];

	if (i >= s->n || bpf_probe_read_user(vec, sizeof(vec), (void *)(s->iov + i * sizeof(vec))))
		return 1;
	s->bytes += vec[1];
	return 0;
}

/* How many bytes the call was asked to move. */
static __always_inline __u64 asked_for(const struct transfer *t)
{
	struct iov_sum s = { .iov = t->iov, .n = t->n_iov, .bytes = t->room };

	if (!s.n)
		return s.bytes;
	if (have_bpf_loop) {
		bpf_loop(IOV_SUMMED, add_iov, &s, 0);
		return s.bytes;
	}
	for (__u32 i = 0; i < IOV_SUMMED_PLAIN; i++)
		if (add_iov(i, &s))
			break;
	return s.bytes;
}

/* Whether a call writes the records that the thread has just made. */
static __always_inline bool writes_records(const struct record_thread *th, const struct transfer *t)
{
	__u8 header[RECORD_HEADER];

	return th->out_bytes == asked_for(t) &&
	       !bpf_probe_read_user(header, sizeof(header), (void *)t->buf) &&
	       ((__u32)header[3] << 8 | header[4]) == th->out_first;
}

/* The thread has moved bytes on a socket that carries TLS. True where they are known records. */
static __always_inline bool records_moved(__u64 sock, const struct transfer *t)
{
	struct record_thread *th;
	struct half *h;
	bool ours;

	if (!pair_by_thread)
		return false;
	th = record_thread_get();
	if (!th)
		return false;
	if (t->dir == SONDE_DIR_IN) {
		if (th->in_sock != sock)
			th->in_carry = 0;
		else if (th->in_used < th->in_len)
			th->in_carry += th->in_len - th->in_used;
		th->in_sock = sock;
		th->in_buf = t->buf;
		th->in_len = t->left;
		th->in_used = 0;
		return false;
	}
	if (!th->out_bytes)
		return false;
	ours = writes_records(th, t);
	th->out_bytes = 0;
	if (!ours)
		return false;
	h = bpf_map_lookup_elem(&halves, &th->out);
	if (h)
		link_half(&t->actor, h, sock, SONDE_LINK_NEXT_CALL);
	return true;
}
