/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * TLS connections as a library's functions name them: by the address of an object of the process.
 * An id per generation of that object, the socket below, and both directions' positions.
 */
#pragma once

#include "tls.bpf.h"
#include "transfer.bpf.h"

struct tls_key {
	__u64 ssl, start_ns;
	__u32 tgid, pad;
};

#define HELD_WORDS 4
#define HELD_BYTES (HELD_WORDS * 8)

/* What a write was given before it said "again", of GnuTLS: it may be continued without data. */
struct held {
	__u64 buf, num;
	__u64 head[HELD_WORDS]; /* to see whether it is still there; zero behind what was given */
};

struct tls_conn {
	__u64 id;
	__u64 sock;  /* linked to it */
	__u64 maybe; /* the socket of the last match (tls_link.bpf.h) */
	__u32 matches;
	__u32 told;	/* the engine that its OPEN was sent to */
	__u64 out_sock; /* which its records have gone out through; 0: not known */
	__u32 source;	/* enum sonde_source */
	__u32 evidence; /* of sock: enum sonde_link_evidence */
	struct flow flow[2];
	struct held held;
};

/* Connections that have moved bytes and were not freed; the prober sweeps those of dead processes.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, struct tls_key);
	__type(value, struct tls_conn);
} tls_conns __weak SEC(".maps");

static __always_inline struct tls_key key_of(const struct actor *a, __u64 ssl)
{
	struct tls_key k = { .ssl = ssl, .start_ns = a->start_ns, .tgid = a->tgid };

	return k;
}

/* @flags: what is to be said besides. */
static __always_inline void tell_conn(const struct actor *a, __u64 id, __u8 source, __u16 kind,
				      __u32 flags)
{
	const struct scope *s = scope_of(a->tgid);
	/* Nothing tells a stream that was open before from a new one: it may be. Looked up before
	 * the event is reserved: older kernels lose sight of it else. */
	const __u32 joined = s && s->flags & SCOPE_JOINED ? SONDE_CONN_MIDWAY : 0;
	struct sonde_conn_event *e = reserve_control(e);

	if (!e)
		return;
	__builtin_memset(e, 0, sizeof(*e));
	fill_header(&e->hdr, a, kind, sizeof(*e));
	e->conn = id;
	e->source = source;
	e->flags = flags | joined;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

static __always_inline bool tell_link(const struct actor *a, __u64 tls, __u64 sock, __u32 evidence)
{
	struct sonde_link_event *e = reserve_control(e);

	if (!e)
		return false;
	fill_header(&e->hdr, a, SONDE_EV_CONN_LINK, sizeof(*e));
	e->tls = tls;
	e->sock = sock;
	e->evidence = evidence;
	e->pad = 0;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return true;
}

/* To another engine than the one that was told. */
__weak int tls_conn_again(const struct actor *a, struct tls_conn *c)
{
	const __u32 now = engines;

	if (!a || !c || __sync_lock_test_and_set(&c->told, now) == now)
		return 0;
	tell_conn(a, c->id, c->source, SONDE_EV_CONN_OPEN, SONDE_CONN_AGAIN | SONDE_CONN_MIDWAY);
	if (c->sock)
		tell_link(a, c->id, c->sock, c->evidence);
	return 0;
}

/* A fresh state; not on the stack, of which there is little. */
const __u64 no_tls_conn[sizeof(struct tls_conn) / sizeof(__u64)] __weak = {};

/* Opens a connection. Global, so that it is verified once and apart; its end likewise. */
__weak int tls_conn_open(const struct actor *a, __u64 ssl, __u32 source)
{
	struct tls_key key;
	struct tls_conn *c;
	__u64 id;

	if (!a)
		return 0;
	key = key_of(a, ssl);
	bpf_map_update_elem(&tls_conns, &key, no_tls_conn, BPF_NOEXIST);
	c = bpf_map_lookup_elem(&tls_conns, &key);
	if (!c) {
		count_loss(SONDE_LOSS_CONN_FULL, 1);
		return 0;
	}
	id = new_conn_id();
	c->source = source;
	c->told = engines;
	/* Told before others can use it: its OPEN precedes its data. */
	tell_conn(a, id, source, SONDE_EV_CONN_OPEN, 0);
	if (__sync_val_compare_and_swap(&c->id, 0, id))
		tell_conn(a, id, source, SONDE_EV_CONN_CLOSE, 0);
	return 0;
}

/* The connection's state; the first call opens it. */
static __always_inline struct tls_conn *tls_conn_get(const struct actor *a, __u64 ssl, __u8 source)
{
	struct tls_key key = key_of(a, ssl);
	struct tls_conn *c = bpf_map_lookup_elem(&tls_conns, &key);

	if (c && c->id) {
		if (c->told != engines)
			tls_conn_again(a, c);
		return c;
	}
	tls_conn_open(a, ssl, source);
	return bpf_map_lookup_elem(&tls_conns, &key);
}

static __always_inline void link_socket(const struct actor *a, struct tls_conn *conn, __u64 sock,
					__u32 evidence)
{
	if (!sock || conn->sock == sock || !tell_link(a, conn->id, sock, evidence))
		return;
	conn->sock = sock;
	conn->evidence = evidence;
}

/* The object @ssl of the current process is no longer the connection that it was. */
__weak int tls_conn_end(__u64 ssl)
{
	struct transfer t = {};
	struct tls_conn *c;
	struct tls_key key;

	if (!current_actor(&t.actor))
		return 0;
	key = key_of(&t.actor, ssl);
	c = bpf_map_lookup_elem(&tls_conns, &key);
	if (!c)
		return 0;
	t.conn = c->id;
	t.source = c->source;
	t.dir = SONDE_DIR_IN;
	flush_gap(&c->flow[0], &t);
	t.dir = SONDE_DIR_OUT;
	flush_gap(&c->flow[1], &t);
	bpf_map_delete_elem(&tls_conns, &key);
	if (n_verdicts)
		bpf_map_delete_elem(&verdicts, &t.conn);
	tell_conn(&t.actor, t.conn, t.source, SONDE_EV_CONN_CLOSE, 0);
	return 0;
}

/*
 * Whether the object writes to another socket than before: then it is another connection, at the
 * address of one whose end was not seen.
 */
static __always_inline bool tls_conn_moved(const struct tls_conn *c, __u64 tls_sock)
{
	return tls_sock && c->out_sock && c->out_sock != tls_sock;
}

/* A handshake through another socket than the object's connection had: that one has ended. */
static __always_inline int tls_conn_shakes(const struct actor *a, __u64 ssl, __u64 tls_sock)
{
	struct tls_key key = key_of(a, ssl);
	const struct tls_conn *c = bpf_map_lookup_elem(&tls_conns, &key);

	if (c && tls_conn_moved(c, tls_sock))
		tls_conn_end(ssl);
	return 0;
}
