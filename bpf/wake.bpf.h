/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* When the engine is woken. */
#pragma once

#include "sonde.bpf.h"

/* Wakes the reader only when much waits and nobody has woken it since it last began to read. */
static __always_inline __u64 wake_flags(__u64 waiting)
{
	struct sonde_shared *s;

	if (waiting < WAKE_BYTES && waiting < ring_bytes / 8)
		return BPF_RB_NO_WAKEUP;
	s = shared_page();
	if (!s || s->wake_pending || __sync_lock_test_and_set(&s->wake_pending, 1))
		return BPF_RB_NO_WAKEUP;
	return BPF_RB_FORCE_WAKEUP;
}
