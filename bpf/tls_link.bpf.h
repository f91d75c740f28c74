/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which socket a TLS connection uses, where the library never touches one: programs that hand it
 * memory (node, asyncio) and move the ciphertext themselves, on the same thread just after a write
 * or just before a read.
 *
 * What is known of both sides are lengths: a record of TLS is longer than what is in it by a
 * constant. A write of a connection that is followed by a socket's sending a record of that length,
 * or a socket's receiving one followed by such a read, is a match; two matches of the same two are
 * a link. While writes of two connections, or what two sockets have received, are under way on the
 * thread, nothing is matched.
 */
#pragma once

#include "socket.bpf.h"
#include "tls_conn.bpf.h"

#define MATCHES_NEEDED 2
#define RECORD_HEAD    5
#define RECORDS_SEEN   4 /* of one system call, from its start */
#define RECORD_DATA    23
#define STALE_NS       1000000000ULL

/* TLS 1.3; TLS 1.2 with AES-GCM, with ChaCha20. CBC pads: no match. */
static __always_inline bool fits(__u32 record, __u64 plain)
{
	if (plain > 16384)
		plain = 16384;
	return record == plain + 17 || record == plain + 24 || record == plain + 16;
}

static __always_inline bool is_stale(__u64 ns)
{
	return bpf_ktime_get_ns() - ns > STALE_NS;
}

/* The lengths of the first records of data in what a socket has moved; 0 where there is none. */
static __always_inline void read_records(const struct transfer *t, __u16 ret[RECORDS_SEEN])
{
	__u64 n = t->left < t->room ? t->left : t->room, at = 0;
	__u8 head[RECORD_HEAD];

	for (int i = 0; i < RECORDS_SEEN; i++) {
		ret[i] = 0;
		if (at + sizeof(head) > n ||
		    bpf_probe_read_user(head, sizeof(head), (void *)(t->buf + at)) ||
		    head[0] < 20 || head[0] > RECORD_DATA || head[1] != 3) {
			at = n;
			continue;
		}
		if (head[0] == RECORD_DATA)
			ret[i] = head[3] << 8 | head[4];
		at += sizeof(head) + (head[3] << 8 | head[4]);
	}
}

static __always_inline bool one_fits(const __u16 records[RECORDS_SEEN], __u64 plain)
{
	for (int i = 0; i < RECORDS_SEEN; i++)
		if (records[i] && fits(records[i], plain))
			return true;
	return false;
}

/* True where that makes a link. */
static __always_inline bool matched(const struct actor *a, struct tls_conn *conn, __u64 sock)
{
	conn->matches = conn->maybe == sock ? conn->matches + 1 : 1;
	conn->maybe = sock;
	if (conn->matches < MATCHES_NEEDED)
		return false;
	link_socket(a, conn, sock, SONDE_LINK_RECORDS);
	return conn->sock == sock;
}

/* --- the library's side --- */

static __always_inline void link_nested(const struct actor *a, struct tls_conn *conn,
					const struct tls_call *call)
{
	__u64 sk = call->sk;
	struct sock_conn *c;

	if (!call->sock || conn->sock == call->sock)
		return;
	link_socket(a, conn, call->sock, SONDE_LINK_NESTED_CALL);
	c = bpf_map_lookup_elem(&sock_conns, &sk);
	if (c && c->id == call->sock)
		c->bound = 1;
}

static __always_inline void loose_wrote(struct tls_thread *t, __u64 ssl, __u64 len)
{
	struct tls_loose *l = &t->loose;

	if (l->writes && !is_stale(l->wrote_ns)) {
		if (l->wrote_ssl == ssl)
			return;	  /* the first one's record is the one that is looked for */
		l->wrote_ssl = 0; /* whose the next ones are cannot be told */
	} else {
		l->writes = 0;
		l->wrote_ssl = ssl;
	}
	l->writes++;
	l->wrote_len = len;
	l->wrote_ns = bpf_ktime_get_ns();
}

static __always_inline void loose_read(const struct actor *a, struct tls_thread *t,
				       struct tls_conn *conn, __u64 len)
{
	struct tls_loose *l = &t->loose;
	struct sock_conn *c;

	if (l->reads == 1 && !is_stale(l->read_ns) && one_fits(l->records, len)) {
		c = bpf_map_lookup_elem(&sock_conns, &l->read_sk);
		if (c && c->id == l->read_sock && !c->bound && matched(a, conn, l->read_sock))
			c->bound = 1;
	}
	l->reads = 0;
}

/* --- the socket's side --- */

static __always_inline void loose_sent(struct tls_thread *t, struct sock_conn *c,
				       const struct transfer *call)
{
	struct tls_loose *l = &t->loose;
	__u16 records[RECORDS_SEEN];
	struct tls_conn *conn;
	struct tls_key key;

	if (!l->writes)
		return;
	l->writes--;
	if (!l->wrote_ssl || is_stale(l->wrote_ns))
		return;
	read_records(call, records);
	if (!one_fits(records, l->wrote_len))
		return;
	key = key_of(&call->actor, l->wrote_ssl);
	conn = bpf_map_lookup_elem(&tls_conns, &key);
	if (conn && !conn->sock && matched(&call->actor, conn, c->id))
		c->bound = 1;
}

static __always_inline void loose_received(struct tls_thread *t, struct sock_conn *c, __u64 sk,
					   const struct transfer *call)
{
	struct tls_loose *l = &t->loose;

	if (l->reads && l->read_sock != c->id && !is_stale(l->read_ns)) {
		l->reads++; /* whose the next read is cannot be told */
		return;
	}
	read_records(call, l->records);
	l->read_sk = sk;
	l->read_sock = c->id;
	l->read_ns = bpf_ktime_get_ns();
	l->reads = 1;
}
