/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a BPF ring buffer without bpf(): the kernel gives the positions and the data by mmap
 * (kernel/bpf/ringbuf.c). libbpf's reader needs bpf() to ask for the size, which the engine may not
 * call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	unsigned long *consumer; /* a page of its own; ours to write */
	unsigned long *producer; /* followed by the data, mapped twice in a row: no record is cut */
	const char *data;
	size_t size; /* of the data, a power of two */
};

/* 0; -EINVAL where @bytes is not the map's size; -errno. */
int ring_map(int fd, size_t bytes, struct ring *ret);
void ring_unmap(struct ring *r);

/*
 * The oldest record, until ring_next() gives its room back. False where there is none, or where it
 * is still being written (what follows has to wait for it).
 * *ret_data is NULL for a record that its writer discarded.
 */
bool ring_peek(const struct ring *r, const void **ret_data, size_t *ret_len);
void ring_next(struct ring *r, size_t len);

/* How far the kernel has written, and how far we have read. */
uint64_t ring_produced(const struct ring *r);
uint64_t ring_consumed(const struct ring *r);
