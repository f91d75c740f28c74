/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel lets into scope by itself when a program begins (bpf/rules.bpf.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct sonde_bpf;

/* Before the programs are loaded. */
void admit_prepare(struct sonde_bpf *skel, bool watch);

/*
 * The rules as a whole; all of them are forgotten by admit_clear(). While they are changed nothing
 * is let in that was not before.
 */
void admit_clear(struct sonde_bpf *skel);
void admit_host(struct sonde_bpf *skel, bool host);
/* The prober is asked (SONDE_WORK_ASK) about programs that no rule here knows. */
void admit_ask(struct sonde_bpf *skel, bool ask);
/* From here on they hold. */
void admit_begin(struct sonde_bpf *skel, bool on);

/* 0, or -errno where there is no room. @in, @out: neither forgets it. */
int admit_user(struct sonde_bpf *skel, uint32_t uid, bool in, bool out);
int admit_cgroup(struct sonde_bpf *skel, uint64_t id, bool in, bool out);
/*
 * A name, or "NAME*" for how it begins. -EDOM: the kernel cannot compare it (other patterns, paths,
 * longer than what it keeps of a name), so it has to ask.
 */
int admit_name(struct sonde_bpf *skel, struct slice pattern, bool out);
