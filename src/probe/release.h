/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes come off many at a time. The kernel waits for each until no processor can be inside of it,
 * tens of milliseconds, and for those that come off together as long as for one.
 */
#pragma once

#include <stddef.h>

struct bpf_link;

/* Closes the descriptors and destroys libbpf's links (each may be NULL); all are off at return. */
void release_probes(const int *fds, size_t n_fds, struct bpf_link *const *links, size_t n_links);
