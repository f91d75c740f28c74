/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* From a descriptor to a stream socket or pipe, and what is known of a socket. */
#pragma once

#include <bpf/bpf_endian.h>

#include "descriptor.bpf.h"
#include "transfer.bpf.h"

#define S_IFSOCK     0xc000
#define SOCK_STREAM  1
#define IPPROTO_TCP  6
#define RCV_SHUTDOWN 1
#define HEAD_BYTES   8
#define UNKNOWN_BYTES \
	4096 /* copied of a connection that is neither TLS nor HTTP, without a verdict */

enum socket_class {
	CLASS_NEW,
	CLASS_HTTP,
	CLASS_TLS,
	CLASS_OTHER,
	CLASS_JSON /* of Unix sockets: talk.bpf.h has the rest */
};

struct sock_conn {
	__u64 id;
	__u64 inode;	    /* of the socket: tells a reused struct sock */
	struct actor owner; /* who used it last */
	__u32 flags;	    /* SONDE_CONN_* */
	__u32 told;	    /* the engine that its OPEN was sent to; 0: none yet */
	__u32 class;	    /* enum socket_class */
	__u16 family;
	__u8 ended; /* bit per direction: EOF told */
	__u8 dead;  /* TCP has closed it; the process still holds it and may read */
	__u8 bound; /* a TLS connection's; tells what it carries */
	struct flow flow[2];
	__u64 head[2]; /* the first bytes of each direction */
	__u32 head_len[2];
	__u64 copied; /* of CLASS_NEW and CLASS_OTHER */
	__u64 tls;    /* the connection of Go's crypto/tls above it, or 0 */
};

/* By struct sock *. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, struct sock_conn);
} sock_conns __weak SEC(".maps");

/* An open stream socket or pipe. */
struct endpoint {
	struct sock *sk;	      /* NULL: a pipe */
	struct pipe_inode_info *pipe; /* NULL: a socket */
	struct file *file;
	__u64 inode;
	__u16 family; /* of a pipe: 0 */
};

/* False where the descriptor is no pipe, TCP or Unix stream socket. */
static __always_inline bool open_endpoint(int fd, struct endpoint *ret)
{
	struct file *file = file_at(fd);
	struct socket *socket;
	struct inode *inode;
	struct sock *sk;
	__u16 kind;

	if (!file)
		return false;
	inode = BPF_CORE_READ(file, f_inode);
	kind = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	if (kind == S_IFIFO) {
		ret->sk = NULL;
		ret->pipe = BPF_CORE_READ(file, private_data);
		ret->file = file;
		ret->inode = BPF_CORE_READ(inode, i_ino);
		ret->family = 0;
		return ret->pipe;
	}
	if (kind != S_IFSOCK)
		return false;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk || BPF_CORE_READ(sk, sk_type) != SOCK_STREAM)
		return false;
	ret->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (ret->family != AF_UNIX && ((ret->family != AF_INET && ret->family != AF_INET6) ||
				       BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP))
		return false;
	ret->sk = sk;
	ret->pipe = NULL;
	ret->file = file;
	ret->inode = BPF_CORE_READ(inode, i_ino);
	return true;
}

/* False where the descriptor is no TCP or Unix stream socket. */
static __always_inline bool endpoint_of(int fd, struct endpoint *ret)
{
	return open_endpoint(fd, ret) && ret->sk;
}

static __always_inline __u8 source_of(__u16 family)
{
	if (!family)
		return SONDE_SOURCE_PIPE;
	return family == AF_UNIX ? SONDE_SOURCE_UNIX : SONDE_SOURCE_TCP;
}

/* The path a Unix socket is known by: the server's, whichever side asks. */
static __always_inline void put_unix_path(struct sonde_conn_event *e, struct sock *sk)
{
	struct unix_sock *u = (void *)sk, *peer = (void *)BPF_CORE_READ(u, peer);
	struct unix_address *addr = peer ? BPF_CORE_READ(peer, addr) : NULL;
	__u32 len;

	if (!addr)
		addr = BPF_CORE_READ(u, addr);
	if (!addr)
		return;
	len = BPF_CORE_READ(addr, len) - 2;
	if (len > sizeof(e->path))
		len = sizeof(e->path);
	bpf_probe_read_kernel(e->path, len, &addr->name[0].sun_path);
}

static __always_inline void put_addresses(struct sonde_conn_event *e, struct sock *sk)
{
	e->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	e->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (e->family == AF_INET) {
		BPF_CORE_READ_INTO((__u32 *)e->local_addr, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__u32 *)e->remote_addr, sk, __sk_common.skc_daddr);
	} else {
		BPF_CORE_READ_INTO(&e->local_addr, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&e->remote_addr, sk, __sk_common.skc_v6_daddr);
	}
}

static __always_inline void tell_open(const struct actor *a, struct sock_conn *c, struct sock *sk)
{
	const __u32 now = engines, before = c->told;
	struct sonde_conn_event *e;

	if (before == now || __sync_lock_test_and_set(&c->told, now) == now)
		return;
	e = reserve_control(e);
	if (!e)
		return;
	__builtin_memset(e, 0, sizeof(*e));
	fill_header(&e->hdr, a, SONDE_EV_CONN_OPEN, sizeof(*e));
	e->conn = c->id;
	e->flags = c->flags | (before ? SONDE_CONN_AGAIN | SONDE_CONN_MIDWAY : 0);
	e->family = c->family;
	e->source = source_of(c->family);
	if (c->family == AF_UNIX)
		put_unix_path(e, sk);
	else
		put_addresses(e, sk);
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

/*
 * The connection ends: what was not told yet, then CLOSE. Not inline: what it needs of the stack is
 * free again when it returns.
 */
static __noinline __attribute__((unused)) void tell_close(const struct actor *a,
							  struct sock_conn *c)
{
	struct transfer t = { .actor = *a, .conn = c->id, .source = source_of(c->family) };
	struct sonde_conn_event *e;

	if (n_verdicts)
		bpf_map_delete_elem(&verdicts, &t.conn);
	if (!c->told)
		return;
	t.dir = SONDE_DIR_IN;
	flush_gap(&c->flow[SONDE_DIR_IN], &t);
	t.dir = SONDE_DIR_OUT;
	flush_gap(&c->flow[SONDE_DIR_OUT], &t);
	e = reserve_control(e);
	if (!e)
		return;
	__builtin_memset(e, 0, sizeof(*e));
	fill_header(&e->hdr, a, SONDE_EV_CONN_CLOSE, sizeof(*e));
	e->conn = c->id;
	e->flags = c->flags;
	e->family = c->family;
	e->source = source_of(c->family);
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

/* A fresh state; not on the stack, of which there is little. */
const __u64 no_conn[sizeof(struct sock_conn) / sizeof(__u64)] __weak = {};

/* Where the positions begin: before what the current call has moved (@in, @out). */
static __always_inline void begin_tcp(struct sock_conn *c, struct sock *sk, __u32 in, __u32 out)
{
	struct tcp_sock *tp = (void *)sk;
	__u32 read = BPF_CORE_READ(tp, copied_seq), written = BPF_CORE_READ(tp, write_seq);
	__u64 got = BPF_CORE_READ(tp, bytes_received) + read - BPF_CORE_READ(tp, rcv_nxt);
	__u64 sent = BPF_CORE_READ(tp, bytes_acked) + written - BPF_CORE_READ(tp, snd_una);

	c->flow[SONDE_DIR_IN].seq = read - in;
	c->flow[SONDE_DIR_OUT].seq = written - out;
	/* The handshake's SYN may have been counted: one byte means nothing. */
	if (!c->flags && ((__s32)(got - in) > 1 || (__s32)(sent - out) > 1))
		c->flags |= SONDE_CONN_MIDWAY;
}

/*
 * The state of a socket, made where there is none. @in, @out: what the current call has moved.
 * NULL: no room, counted.
 */
static __always_inline struct sock_conn *
sock_conn_get(const struct actor *a, const struct endpoint *ep, __u32 flags, __u32 in, __u32 out)
{
	__u64 key = (__u64)ep->sk;
	struct sock_conn *c = bpf_map_lookup_elem(&sock_conns, &key);

	if (c && c->inode == ep->inode)
		return c;
	if (c && c->inode) { /* another socket once lay here */
		tell_close(&c->owner, c);
		bpf_map_delete_elem(&sock_conns, &key);
	}
	if (bpf_map_update_elem(&sock_conns, &key, no_conn, BPF_NOEXIST)) {
		/* Full, or another thread has just made it and is not done. */
		count_loss(SONDE_LOSS_CONN_FULL, 1);
		return NULL;
	}
	c = bpf_map_lookup_elem(&sock_conns, &key);
	if (!c)
		return NULL;
	c->id = new_conn_id();
	c->owner = *a;
	c->flags = flags;
	c->family = ep->family;
	if (ep->family != AF_UNIX)
		begin_tcp(c, ep->sk, in, out);
	c->inode = ep->inode; /* last: now others may use it */
	return c;
}
