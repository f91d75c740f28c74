/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Whether a session program runs where the function returns: the kernel's bpf_session_is_return().
 * It had no argument at first and takes the context in newer kernels (7.3). libbpf refuses the
 * whole object for a prototype that it does not expect, so the call is made by hand:
 * src/probe/session.c puts the function's id in.
 */
#pragma once

#include "sonde.bpf.h"

static __always_inline bool session_is_return(void *ctx)
{
	__u64 r;

	asm volatile("r1 = %[ctx]\n\t"
		     "call %[patched]\n\t"
		     "%[r] = r0"
		     : [r] "=r"(r)
		     : [ctx] "r"(ctx), [patched] "i"(SONDE_PATCH_IS_RETURN)
		     : "r0", "r1", "r2", "r3", "r4", "r5", "memory");
	return (__u8)r;
}
