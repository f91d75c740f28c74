/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* include/uapi/linux/bpf.h has the same, among much that is not wanted here. */
#define RING_BUSY      (1u << 31)
#define RING_DISCARDED (1u << 30)
#define RING_HEADER    8

int ring_map(int fd, size_t bytes, struct ring *ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer, *producer;

	if (bytes < page || (bytes & (bytes - 1)) || bytes > SIZE_MAX / 4)
		return -EINVAL;
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, page + 2 * bytes, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (producer == MAP_FAILED) {
		int r = -errno;

		munmap(consumer, page);
		return r;
	}
	*ret = (struct ring){
		.consumer = consumer,
		.producer = producer,
		.data = (const char *)producer + page,
		.size = bytes,
	};
	return 0;
}

void ring_unmap(struct ring *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!r->data)
		return;
	munmap(r->consumer, page);
	munmap(r->producer, page + 2 * r->size);
	*r = (struct ring){ 0 };
}

uint64_t ring_produced(const struct ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}

uint64_t ring_consumed(const struct ring *r)
{
	return *r->consumer; /* nobody else writes it */
}

bool ring_peek(const struct ring *r, const void **ret_data, size_t *ret_len)
{
	unsigned long at = *r->consumer;
	const char *record = r->data + (at & (r->size - 1));
	uint32_t len;

	if (at >= ring_produced(r))
		return false;
	/* The writer clears the busy bit last: what it wrote is visible once we see that. */
	len = __atomic_load_n((const uint32_t *)(const void *)record, __ATOMIC_ACQUIRE);
	if (len & RING_BUSY)
		return false;
	*ret_data = len & RING_DISCARDED ? NULL : record + RING_HEADER;
	*ret_len = len & ~(RING_BUSY | RING_DISCARDED);
	return true;
}

void ring_next(struct ring *r, size_t len)
{
	size_t whole = (len + RING_HEADER + 7) & ~(size_t)7;

	__atomic_store_n(r->consumer, *r->consumer + whole, __ATOMIC_RELEASE);
}
