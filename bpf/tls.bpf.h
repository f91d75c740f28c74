/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a thread is doing inside a TLS library: sockets.bpf.c sees which socket that uses. */
#pragma once

#include "sonde.bpf.h"

#define TLS_DEPTH 4 /* TLS inside TLS, to a proxy; a function that calls another one */

struct tls_call {
	__u64 ssl, buf, num;
	__u64 done; /* where the function stores the length, or 0 */
	__u64 sp;
	__u64 sock; /* the connection id of the socket that a system call inside this one used */
	__u64 sk;   /* that socket */
	__u64 tls_sock; /* the same, if TLS records went through it */
	__u64 cookie;
	/*
	 * Another call was made inside: the library has called back (node runs JavaScript inside
	 * SSL_read when a handshake is done), and which socket is used inside says nothing any
	 * more.
	 */
	__u32 left, pad;
};

/* What the thread has done last with TLS connections and sockets that nothing links yet. */
struct tls_loose {
	__u64 wrote_ssl, wrote_len, wrote_ns; /* wrote_ssl 0: more than one */
	__u64 read_sk, read_sock, read_ns;
	__u16 records[4];    /* lengths of the records received */
	__u32 writes, reads; /* how many are under way */
};

struct tls_thread {
	__u32 depth, pad;
	struct tls_call calls[TLS_DEPTH];
	struct tls_loose loose;
};

/* Freed with the thread. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tls_thread);
} tls_threads __weak SEC(".maps");

_Static_assert((TLS_DEPTH & (TLS_DEPTH - 1)) == 0, "a power of two");

/* The innermost call, or NULL. */
static __always_inline struct tls_call *tls_top(struct tls_thread *t)
{
	__u64 top;

	if (!t || !t->depth || t->depth > TLS_DEPTH)
		return NULL;
	top = t->depth - 1;
	/* It is: but older verifiers must see that on the very register. */
	asm volatile("%[top] &= %[last]" : [top] "+r"(top) : [last] "i"(TLS_DEPTH - 1));
	return &t->calls[top];
}
