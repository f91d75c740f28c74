/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * JSON text between processes, which is how tool servers are spoken to: a pipe, or a pair of
 * connected Unix sockets. Writer and reader move the same bytes, so both ends are one connection.
 *
 * What is seen to be written is copied from the writer's memory. A reader's is copied only while no
 * writer was seen, or where one wrote by splice. The first message can so come twice, where its
 * reader returns before its writer: at one position, so that the engine keeps one.
 */
#pragma once

#include "socket.bpf.h"

#define WAIT_ROUNDS 250

enum { WRITER, READER };

struct talk {
	__u64 id;
	__u64 inode[2];		/* of the pipe; of the two sockets, the lower address first */
	struct flow flow[2][2]; /* by direction; as written, as read */
	__u32 user[2][2];	/* tgid of who did that last */
	__u64 copied;
	__u16 family;
	__u8 is_rpc;  /* "jsonrpc" was seen */
	__u8 spliced; /* not all that was written could be read: it is copied from the readers */
	__u32 ready;  /* last: now others may use it */
};

/* By struct pipe_inode_info *, or the lower struct sock * of two. LRU: not every close is seen. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct talk);
} talks __weak SEC(".maps");

/* A pipe of which no call was JSON. */
struct dull_pipe {
	__u64 inode;
	__u64 pos[2]; /* read, written */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* struct pipe_inode_info * */
	__type(value, struct dull_pipe);
} dull_pipes __weak SEC(".maps");

/* A talk as one of its endpoints sees it. */
struct talk_end {
	__u64 key;
	__u64 inode[2]; /* 0: not known */
	__u16 family;
	bool peer_lives;
	bool upper; /* the socket at the higher address: its directions are the other way round */
	__u64 ahead[2]; /* by direction: what readers are ahead of writers where it begins */
};

const __u64 no_talk[sizeof(struct talk) / sizeof(__u64)] __weak = {};

static __always_inline void pipe_end(const struct endpoint *ep, struct talk_end *ret)
{
	ret->key = (__u64)ep->pipe;
	ret->inode[0] = ep->inode;
	ret->inode[1] = 0;
	ret->family = 0;
	ret->upper = ret->peer_lives = false;
	ret->ahead[0] = ret->ahead[1] = 0;
}

/* False where the socket has no peer. */
static __always_inline bool unix_end(const struct endpoint *ep, struct talk_end *ret)
{
	struct unix_sock *u = (void *)ep->sk;
	struct sock *peer = BPF_CORE_READ(u, peer);
	struct socket_alloc *socket;
	__u64 other;

	if (!peer)
		return false;
	socket = (void *)BPF_CORE_READ(peer, sk_socket);
	other = socket ? BPF_CORE_READ(socket, vfs_inode.i_ino) : 0;
	ret->upper = (__u64)ep->sk > (__u64)peer;
	ret->key = (__u64)(ret->upper ? peer : ep->sk);
	/* By choice, not by index: older verifiers want no variable offsets on the stack. */
	ret->inode[0] = ret->upper ? other : ep->inode;
	ret->inode[1] = ret->upper ? ep->inode : other;
	ret->peer_lives = other;
	ret->family = AF_UNIX;
	ret->ahead[0] = ret->ahead[1] = 0;
	return true;
}

static __always_inline bool is_same(const struct talk *tk, const struct talk_end *end)
{
	return (!end->inode[0] || !tk->inode[0] || end->inode[0] == tk->inode[0]) &&
	       (!end->inode[1] || !tk->inode[1] || end->inode[1] == tk->inode[1]);
}

/*
 * Another thread may just be making it, as both ends of a first message return at once. That takes
 * it well below a microsecond; the wait is bounded all the same. 1: it is there. Global, so that
 * the loop is verified once.
 */
__weak int talk_wait(__u64 key)
{
	for (int i = 0; i < WAIT_ROUNDS; i++) {
		struct talk *tk = bpf_map_lookup_elem(&talks, &key);

		if (!tk)
			return 0;
		if (*(volatile __u32 *)&tk->ready)
			return 1;
	}
	return 0;
}

static __always_inline struct talk *talk_lookup(__u64 key)
{
	struct talk *tk = bpf_map_lookup_elem(&talks, &key);

	if (tk && !tk->ready)
		tk = talk_wait(key) ? bpf_map_lookup_elem(&talks, &key) : NULL;
	return tk;
}

static __always_inline struct talk *talk_find(const struct talk_end *end)
{
	struct talk *tk = talk_lookup(end->key);

	return tk && is_same(tk, end) ? tk : NULL;
}

/*
 * What follows is global where it can be, so that it is verified once and apart, not in each state
 * in which it is called.
 */

__weak int talk_flush(struct flow *f, const struct transfer *t)
{
	if (f && t)
		flush_gap(f, t);
	return 0;
}

__weak int talk_close(const struct actor *a, struct talk *tk, __u64 key)
{
	struct sonde_conn_event *e;
	struct transfer t = {};

	if (!a || !tk)
		return 0;
	t.actor = *a;
	t.conn = tk->id;
	t.source = source_of(tk->family);
	talk_flush(&tk->flow[SONDE_DIR_IN][WRITER], &t);
	talk_flush(&tk->flow[SONDE_DIR_IN][READER], &t);
	t.dir = SONDE_DIR_OUT;
	talk_flush(&tk->flow[SONDE_DIR_OUT][WRITER], &t);
	talk_flush(&tk->flow[SONDE_DIR_OUT][READER], &t);
	if (n_verdicts)
		bpf_map_delete_elem(&verdicts, &t.conn);
	e = reserve_control(e);
	if (e) {
		__builtin_memset(e, 0, sizeof(*e));
		fill_header(&e->hdr, a, SONDE_EV_CONN_CLOSE, sizeof(*e));
		e->conn = t.conn;
		e->flags = SONDE_CONN_TALK;
		e->family = tk->family;
		e->source = t.source;
		bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	}
	bpf_map_delete_elem(&talks, &key);
	return 0;
}

/* @sk: a struct sock *, 0 for a pipe. */
__weak int talk_open(const struct actor *a, const struct talk *tk, __u64 sk)
{
	struct sonde_conn_event *e;

	if (!a || !tk)
		return 0;
	e = reserve_control(e);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	fill_header(&e->hdr, a, SONDE_EV_CONN_OPEN, sizeof(*e));
	e->conn = tk->id;
	e->flags = SONDE_CONN_TALK;
	e->family = tk->family;
	e->source = source_of(tk->family);
	if (sk)
		put_unix_path(e, (void *)sk);
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

/* Where another one once lay, it goes. */
__weak int talk_settle(const struct actor *a, const struct talk_end *end)
{
	struct talk *tk;

	if (!a || !end)
		return 0;
	tk = talk_lookup(end->key);
	if (tk && !is_same(tk, end))
		talk_close(a, tk, end->key);
	return 0;
}

/* NULL where there is no room. @sk: 0 for a pipe. */
static __always_inline struct talk *talk_get(const struct actor *a, const struct talk_end *end,
					     __u64 sk)
{
	__u64 key = end->key; /* on the stack, where older kernels want keys */
	struct talk *tk = talk_lookup(key);

	if (tk)
		return is_same(tk, end) ? tk : NULL;
	if (bpf_map_update_elem(&talks, &key, no_talk, BPF_NOEXIST))
		return talk_find(end);
	tk = bpf_map_lookup_elem(&talks, &key);
	if (!tk)
		return NULL;
	tk->id = new_conn_id();
	tk->inode[0] = end->inode[0];
	tk->inode[1] = end->inode[1];
	tk->family = end->family;
	tk->flow[0][READER].pos = end->ahead[0];
	tk->flow[1][READER].pos = end->ahead[1];
	talk_open(a, tk, sk);
	barrier();
	tk->ready = 1;
	return tk;
}

/* Tells who is at an end when that changes. */
__weak int talk_used(const struct actor *a, struct talk *tk, __u32 dir, __u32 role)
{
	struct sonde_use_event *e;
	__u32 *user;

	if (!a || !tk)
		return 0;
	user = &tk->user[dir & 1][role & 1];
	if (*user == a->tgid)
		return 0;
	*user = a->tgid;
	e = reserve_control(e);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	fill_header(&e->hdr, a, SONDE_EV_CONN_USE, sizeof(*e));
	e->conn = tk->id;
	e->dir = dir;
	e->reads = role == READER;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}
