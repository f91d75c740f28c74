/* SPDX-License-Identifier: BSD-2-Clause */
/* The hooks that every run needs: process tracepoints and system call exits. */
#pragma once

#include <stddef.h>

struct hooks;
struct sonde_bpf;

/* 0 or -errno where a process hook is refused; system calls without a hook are counted. */
int hooks_new(struct sonde_bpf *skel, int tracefs_fd, struct hooks **ret, size_t *ret_missing);
void hooks_free(struct hooks *h);
