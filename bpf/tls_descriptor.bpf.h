/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which socket an object of a TLS library will use, as the program says when it hands over the
 * descriptor (SSL_set_fd). Kept apart from connections: many such objects never move a byte.
 */
#pragma once

#include "tls_link.bpf.h"

struct tls_fd {
	__u64 sk, inode;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct tls_key);
	__type(value, struct tls_fd);
} tls_fds __weak SEC(".maps");

static __always_inline int take_descriptor(const struct actor *a, __u64 ssl, int descriptor)
{
	struct tls_key key = key_of(a, ssl);
	struct endpoint ep;
	struct tls_fd fd;

	if (!endpoint_of(descriptor, &ep)) {
		bpf_map_delete_elem(&tls_fds, &key);
		return 0;
	}
	fd.sk = (__u64)ep.sk;
	fd.inode = ep.inode;
	bpf_map_update_elem(&tls_fds, &key, &fd, BPF_ANY);
	return 0;
}

/* The object is gone; another one may get its address. */
static __always_inline void forget_descriptor(const struct actor *a, __u64 ssl)
{
	struct tls_key key = key_of(a, ssl);

	bpf_map_delete_elem(&tls_fds, &key);
}

static __noinline int link_told(const struct actor *a, struct tls_conn *conn, __u64 ssl)
{
	struct tls_key key = key_of(a, ssl);
	struct tls_fd *fd = bpf_map_lookup_elem(&tls_fds, &key);
	struct sock_conn *c;
	__u64 sk, inode;

	if (!fd || !conn)
		return 0;
	sk = fd->sk;
	inode = fd->inode;
	c = bpf_map_lookup_elem(&sock_conns, &sk);
	if (!c || c->inode != inode || !c->told)
		return 0;
	link_socket(a, conn, c->id, SONDE_LINK_DESCRIPTOR);
	if (conn->sock == c->id)
		c->bound = 1;
	return 0;
}
