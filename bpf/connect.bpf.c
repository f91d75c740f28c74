// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which sockets are made and when they end: attempts to connect, which side a connection's
 * process is on, the last close.
 *
 * Hooks: exits of connect, accept, accept4 and shutdown; entry of close, where the file can still
 * be seen; inet_sock_set_state for TCP sockets that end otherwise (exec, exit, another thread's
 * system call still holding the file).
 */
#include <bpf/bpf_endian.h>

#include "talk.bpf.h"

#define SHUT_WR	   1
#define FMODE_READ 1

struct user_sockaddr {
	__u16 family, port;
	__u32 addr4; /* IPv6: flow information */
	__u8 addr6[16];
	__u8 rest[110 - 24]; /* of a struct sockaddr_un */
};

static __always_inline void put_peer(struct sonde_connect_event *e, __u64 from, __u64 len)
{
	struct user_sockaddr s = {};

	if (len > sizeof(s))
		len = sizeof(s);
	if (bpf_probe_read_user(&s, len, (void *)from)) {
		count_loss(SONDE_LOSS_FAULT, 1);
		return;
	}
	e->family = s.family;
	if (s.family == AF_UNIX) {
		__builtin_memcpy(e->path, (char *)&s + 2, sizeof(e->path));
		return;
	}
	e->port = bpf_ntohs(s.port);
	if (s.family == AF_INET)
		__builtin_memcpy(e->addr, &s.addr4, 4);
	else
		__builtin_memcpy(e->addr, s.addr6, 16);
}

/* connect: (fd, address, its length) */
SEC("tracepoint/syscalls/sys_exit_connect")
int sys_connect(struct trace_event_raw_sys_exit *ctx)
{
	struct sonde_connect_event *e;
	long result = ctx->ret;
	struct endpoint ep;
	struct sock *sk;
	struct actor a;
	int error;

	if (!current_actor(&a) || !endpoint_of(ARG(1), &ep))
		return 0;
	sk = ep.sk;
	if (result == -EINPROGRESS) { /* on loopback the refusal comes before the call returns */
		error = BPF_CORE_READ(sk, sk_err);
		result = error ? -error : result;
	}
	if (result == 0 || result == -EINPROGRESS)
		sock_conn_get(&a, &ep, SONDE_CONN_CLIENT, 0, 0);
	e = reserve_control(e);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	fill_header(&e->hdr, &a, SONDE_EV_CONNECT, sizeof(*e));
	e->result = result;
	put_peer(e, ARG(2), ARG(3));
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_accept")
int sys_accept(struct trace_event_raw_sys_exit *ctx)
{
	struct endpoint ep;
	struct actor a;

	if (ctx->ret >= 0 && current_actor(&a) && endpoint_of(ctx->ret, &ep))
		sock_conn_get(&a, &ep, SONDE_CONN_SERVER, 0, 0);
	return 0;
}

/* shutdown: (fd, how) */
SEC("tracepoint/syscalls/sys_exit_shutdown")
int sys_shutdown(struct trace_event_raw_sys_exit *ctx)
{
	struct transfer t = { .dir = SONDE_DIR_OUT };
	struct sock_conn *c;
	struct endpoint ep;
	__u64 key;

	if (ctx->ret || !current_actor(&t.actor) || (__u32)ARG(2) < SHUT_WR ||
	    !endpoint_of(ARG(1), &ep))
		return 0;
	key = (__u64)ep.sk;
	c = bpf_map_lookup_elem(&sock_conns, &key);
	if (!c || c->inode != ep.inode || !c->told || c->class == CLASS_TLS ||
	    c->ended & 1 << SONDE_DIR_OUT)
		return 0;
	c->ended |= 1 << SONDE_DIR_OUT;
	t.conn = c->id;
	t.source = source_of(c->family);
	put_eof(&t, &c->flow[SONDE_DIR_OUT]);
	return 0;
}

/* The last descriptor of one of its ends is closed. */
static __noinline int pipe_closed(const struct actor *a, const struct endpoint *ep)
{
	struct pipe_inode_info *pipe = ep->pipe;
	struct file *file = ep->file;
	__u64 key = (__u64)pipe;
	struct talk_end end;
	struct talk *tk;

	/* Written and closed: what was written may still be read. */
	if (!(BPF_CORE_READ(file, f_mode) & FMODE_READ) && BPF_CORE_READ(pipe, readers))
		return 0;
	bpf_map_delete_elem(&dull_pipes, &key);
	pipe_end(ep, &end);
	tk = talk_find(&end);
	if (tk)
		talk_close(a, tk, key);
	return 0;
}

/* The last descriptor of a socket is closed. */
static __noinline int unix_closed(const struct actor *a, const struct endpoint *ep)
{
	struct talk_end end;
	struct talk *tk;

	/* What was written may still be read at the other end. */
	if (!unix_end(ep, &end) || end.peer_lives)
		return 0;
	tk = talk_find(&end);
	if (tk)
		talk_close(a, tk, end.key);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_close")
int sys_close(struct trace_event_raw_sys_enter *ctx)
{
	struct sock_conn *c;
	struct endpoint ep;
	struct actor a;
	__u64 key;

	if (!current_actor(&a) || !open_endpoint(ctx->args[0], &ep))
		return 0;
	if (ep.pipe)
		return last_reference(ep.file) ? pipe_closed(&a, &ep) : 0;
	key = (__u64)ep.sk;
	c = bpf_map_lookup_elem(&sock_conns, &key);
	if (!c || c->inode != ep.inode || !last_reference(ep.file))
		return 0;
	if (c->class == CLASS_JSON)
		unix_closed(&a, &ep);
	tell_close(&a, c);
	bpf_map_delete_elem(&sock_conns, &key);
	return 0;
}

/* An attempt that connect() did not wait for: nobody else says how it ended. */
static __always_inline void tell_failed(const struct sock_conn *c, struct sock *sk)
{
	struct sonde_connect_event *e;
	int error = BPF_CORE_READ(sk, sk_err);

	if (!error) /* given up by its process */
		return;
	e = reserve_control(e);
	if (!e)
		return;
	__builtin_memset(e, 0, sizeof(*e));
	fill_header(&e->hdr, &c->owner, SONDE_EV_CONNECT, sizeof(*e));
	e->result = -error;
	e->family = c->family;
	e->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (c->family == AF_INET)
		BPF_CORE_READ_INTO((__u32 *)e->addr, sk, __sk_common.skc_daddr);
	else
		BPF_CORE_READ_INTO(&e->addr, sk, __sk_common.skc_v6_daddr);
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int from, int to)
{
	__u64 key = (__u64)sk;
	struct sock_conn *c;

	if (to != TCP_CLOSE)
		return 0;
	c = bpf_map_lookup_elem(&sock_conns, &key);
	if (c && from == TCP_SYN_SENT)
		tell_failed(c, sk);
	if (!c || !c->told) /* an attempt may be repeated on the same socket */
		return 0;
	if (BPF_CORE_READ(sk, sk_socket)) {
		c->dead = 1;
		return 0;
	}
	tell_close(&c->owner, c);
	bpf_map_delete_elem(&sock_conns, &key);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
