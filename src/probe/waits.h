/* SPDX-License-Identifier: BSD-2-Clause */
/* Has the kernel look who sleeps for input (bpf/waits.bpf.c), as often as it costs next to nothing.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct sonde_bpf;
struct waits;

/* Before the programs are loaded. */
void waits_prepare(struct sonde_bpf *skel);
/* NULL where this kernel cannot do it. */
struct waits *waits_new(struct sonde_bpf *skel);
void waits_free(struct waits *w);
/* Looks, where it is time. NULL is allowed. */
void waits_look(struct waits *w, uint64_t now_ns);
/* The least of @most_ms and what is left until the next look. */
int waits_timeout(const struct waits *w, uint64_t now_ns, int most_ms);
/* Whoever began with this process's standard input, a pipe, has it from outside. */
void waits_outside(struct sonde_bpf *skel, pid_t pid);
