/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Goroutines, and which of them will next send on the socket of a TLS connection: sockets.bpf.c
 * sees which socket that is. A goroutine moves from thread to thread, so nothing of it is kept by
 * thread.
 */
#pragma once

#include "tls_conn.bpf.h"

#if defined(__TARGET_ARCH_arm64)
#define GO_G_REG regs[28]
#else
#define GO_G_REG r14
#endif
#define GO_G(ctx) ((ctx)->GO_G_REG)

struct go_routine {
	__u64 g, start_ns; /* g: the address of the runtime's struct */
	__u32 tgid, pad;
};

/* The connection (its object's address) whose socket is not known yet. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct go_routine);
	__type(value, __u64);
} go_waiting __weak SEC(".maps");

/* Set once a Go program has begun a connection: without any, nobody looks one up. */
__u32 go_seen __weak;

static __always_inline struct go_routine go_routine_of(const struct actor *a, __u64 g)
{
	struct go_routine r = { .g = g, .start_ns = a->start_ns, .tgid = a->tgid };

	return r;
}
