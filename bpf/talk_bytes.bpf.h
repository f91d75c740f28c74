/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is copied of talks, and how pipes and Unix sockets turn out to be some.
 *
 * What a pipe carries else is not copied at all: a shell's pipelines must cost no more than the
 * look at the first byte of a call, and a look-up from 4 KiB on.
 */
#pragma once

#include "talk.bpf.h"

#define LOOKED_AT_BYTES 4096 /* in which text may still turn out to be JSON */
#define HINT_BYTES	128
#define HINT_BUFFERS	4

/* 1 where the first of @n bytes that is no blank may begin JSON-RPC: a message or a batch. */
__weak int starts_json(__u64 buf, __u64 n)
{
	__u64 bytes = 0;

	if (n > sizeof(bytes))
		n = sizeof(bytes);
	barrier_var(n);
	if (!n || n > sizeof(bytes) || bpf_probe_read_user(&bytes, n, (void *)buf))
		return 0;
	for (int i = 0; i < 8; i++, bytes >>= 8) {
		__u8 c = bytes;

		if (c == '{' || c == '[')
			return 1;
		if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
			return 0;
	}
	return 0;
}

/*
 * 1 where `"jsonrpc` stands in the HINT_BYTES at @from. Global, so that it is verified once;
 * without branches, of which each byte would double the verifier's work.
 */
__weak int has_hint(__u64 from)
{
	const __u64 hint = 0x6370726e6f736a22; /* as the last eight bytes, the first one lowest */
	__u64 last = 0, unlike = 1, chunk, diff;

	for (int i = 0; i < HINT_BYTES / 8; i++, from += sizeof(chunk)) {
		if (bpf_probe_read_user(&chunk, sizeof(chunk), (void *)from))
			break;
		for (int j = 0; j < 8; j++, chunk >>= 8) {
			last = last >> 8 | chunk << 56;
			diff = last ^ hint;
			unlike &= (diff | -diff) >> 63;
			barrier_var(unlike);
		}
	}
	return !unlike;
}

/* Programs print `"jsonrpc":"2.0"` at the beginning or, behind what is long, at the end. */
__weak int hint_in(__u64 buf, __u64 n)
{
	return has_hint(buf) || (n > HINT_BYTES && has_hint(buf + n - HINT_BYTES));
}

/* In the first few buffers: what begins a message may lie in one of its own. */
__weak int is_rpc(const struct transfer *t)
{
	__u64 vec[2], left, iov;

	if (!t)
		return 0;
	vec[0] = t->buf;
	vec[1] = t->room;
	left = t->left;
	iov = t->iov;
	for (__u32 i = 0; i < HINT_BUFFERS && left; i++, iov += sizeof(vec)) {
		if (vec[1] > left)
			vec[1] = left;
		if (vec[1] && hint_in(vec[0], vec[1]))
			return 1;
		left -= vec[1];
		if (i >= t->n_iov || bpf_probe_read_user(vec, sizeof(vec), (void *)iov))
			return 0;
	}
	return 0;
}

/* Of the call, in its first buffer. */
static __always_inline __u64 first_bytes(const struct transfer *t)
{
	return t->left < t->room ? t->left : t->room;
}

/* How much of the call may be copied. What looks like JSON-RPC is, until the engine says no. */
__weak __u64 talk_allowance(struct talk *tk, const struct transfer *t)
{
	__u32 verdict;
	__u64 copied;

	if (!tk || !t)
		return 0;
	verdict = verdict_of(tk->id, ~0u);
	copied = tk->copied;
	if (verdict == SONDE_VERDICT_COUNT_ONLY)
		return 0;
	if (verdict == SONDE_VERDICT_COPY || tk->is_rpc)
		return ~0ULL;
	tk->copied += t->left;
	if (is_rpc(t)) {
		tk->is_rpc = 1;
		return ~0ULL;
	}
	return copied < UNKNOWN_BYTES ? UNKNOWN_BYTES - copied : 0;
}

/* The engine does not want it, or never saw why it should: the pipe is one of the many. */
__weak int pipe_retire(const struct actor *a, const struct talk_end *end)
{
	struct dull_pipe dull = {};
	struct talk *tk;
	__u64 key;

	if (!a || !end)
		return 0;
	tk = talk_find(end);
	if (!tk)
		return 0;
	key = end->key;
	dull.inode = tk->inode[0];
	dull.pos[SONDE_DIR_IN] = LOOKED_AT_BYTES;
	dull.pos[SONDE_DIR_OUT] = tk->flow[SONDE_DIR_OUT][WRITER].pos;
	bpf_map_update_elem(&dull_pipes, &key, &dull, BPF_ANY);
	return talk_close(a, tk, key);
}

/* A call has moved bytes at one end of a talk. 1: nothing of it is wanted. */
__weak int talk_moved(const struct transfer *call, const struct talk_end *end, __u64 sk)
{
	struct transfer local, *t = &local;
	__u32 role, dir;
	struct talk *tk;
	struct flow *f;
	__u64 allowed;

	if (!call || !end)
		return 0;
	local = *call; /* bpf_loop() wants it on the stack */
	role = t->dir == SONDE_DIR_IN ? READER : WRITER;
	dir = end->family ? t->dir ^ end->upper : SONDE_DIR_OUT;
	barrier_var(dir); /* or the compiler knows better than the verifier that it is 0 or 1 */
	dir &= 1;
	if (!t->left)
		return 0;
	tk = talk_get(&t->actor, end, sk);
	if (!tk)
		return 0;
	talk_used(&t->actor, tk, dir, role);
	if (role == WRITER && !t->room && !t->n_iov) {
		count_loss(SONDE_LOSS_UNSEEN, t->left);
		tk->spliced = 1;
		return 0;
	}
	t->conn = tk->id;
	t->source = source_of(tk->family);
	t->dir = dir;
	f = &tk->flow[dir][role];
	t->pos = __sync_fetch_and_add(&f->pos, t->left);
	if (role == WRITER ? tk->spliced : tk->flow[dir][WRITER].pos && !tk->spliced)
		return 0;
	if ((__s64)t->pos < 0) /* read now, but written before the talk began */
		return 0;
	if (!t->room && !t->n_iov)
		return add_gap(f, t, t->left, SONDE_GAP_UNSEEN);
	allowed = talk_allowance(tk, t);
	deliver(t, f, allowed, false);
	return !allowed;
}

/* --- pipes --- */

/* What both ends move counts once. */
static __always_inline void dull_moved(struct dull_pipe *d, const struct transfer *t)
{
	__u64 *pos = &d->pos[t->dir & 1];

	__sync_fetch_and_add(pos, t->left);
	if (t->dir == SONDE_DIR_OUT || !d->pos[SONDE_DIR_OUT])
		count_loss(SONDE_LOSS_VERDICT, t->left);
}

static __always_inline struct dull_pipe *dull_get(__u64 key, __u64 inode)
{
	struct dull_pipe fresh = { .inode = inode };

	bpf_map_update_elem(&dull_pipes, &key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&dull_pipes, &key);
}

/* 1 where the pipe carries a talk; then *ret is its end. Else its bytes are counted. */
__weak int pipe_talks(const struct transfer *t, const struct endpoint *ep, struct talk_end *ret)
{
	struct dull_pipe *d;
	__u64 key;

	if (!t || !ep || !ret)
		return 0;
	key = (__u64)ep->pipe;
	d = bpf_map_lookup_elem(&dull_pipes, &key);
	if (d && d->inode != ep->inode) { /* another pipe once lay here */
		bpf_map_delete_elem(&dull_pipes, &key);
		d = NULL;
	}
	if (d && (d->pos[0] >= LOOKED_AT_BYTES || d->pos[1] >= LOOKED_AT_BYTES)) {
		dull_moved(d, t);
		return 0;
	}
	pipe_end(ep, ret);
	if (talk_find(ret))
		return 1;
	if (!d)
		d = dull_get(key, ep->inode);
	if (!d)
		return 0;
	if (!t->room && t->dir == SONDE_DIR_OUT) { /* by splice, as in talk_moved() */
		count_loss(SONDE_LOSS_UNSEEN, t->left);
		return 0;
	}
	/* What was seen to be written has been looked at. */
	if ((t->dir == SONDE_DIR_IN && d->pos[0] + t->left <= d->pos[1]) ||
	    !starts_json(t->buf, first_bytes(t))) {
		dull_moved(d, t);
		return 0;
	}
	if (d->pos[1])
		ret->ahead[SONDE_DIR_OUT] = d->pos[0] - d->pos[1];
	bpf_map_delete_elem(&dull_pipes, &key);
	return 1;
}

/* --- pairs of Unix sockets --- */

/* How far readers are ahead of writers where both ends have been counted on their own so far. */
static __always_inline void ends_before(const struct sock_conn *c, const struct endpoint *ep,
					struct talk_end *end)
{
	struct unix_sock *u = (void *)ep->sk;
	__u64 peer = (__u64)BPF_CORE_READ(u, peer);
	struct sock_conn *other = bpf_map_lookup_elem(&sock_conns, &peer);
	__u64 in = 0, out;

	out = (other ? other->flow[SONDE_DIR_IN].pos : 0) - c->flow[SONDE_DIR_OUT].pos;
	if (other)
		in = c->flow[SONDE_DIR_IN].pos - other->flow[SONDE_DIR_OUT].pos;
	end->ahead[SONDE_DIR_IN] = end->upper ? out : in;
	end->ahead[SONDE_DIR_OUT] = end->upper ? in : out;
}

/* 1 where the socket's bytes are those of a talk; then *ret is its end. */
__weak int unix_talks(const struct transfer *t, const struct endpoint *ep, struct talk_end *ret)
{
	struct sock_conn *c;

	if (!t || !ep || !ret)
		return 0;
	c = sock_conn_get(&t->actor, ep, 0, 0, 0);
	if (!c)
		return 0;
	if (c->class == CLASS_JSON)
		return unix_end(ep, ret);
	if ((c->class != CLASS_NEW && c->class != CLASS_OTHER) || c->copied >= LOOKED_AT_BYTES ||
	    !t->left || !unix_end(ep, ret))
		return 0;
	if (!talk_find(ret)) {
		if (!starts_json(t->buf, first_bytes(t)))
			return 0;
		ends_before(c, ep, ret);
	}
	c->class = CLASS_JSON;
	return 1;
}
