/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "proto/protobuf.h"

#define VARINT_MAX 10 /* bytes */

static void put(struct protobuf_writer *w, const void *p, size_t n)
{
	if (w->r == 0)
		w->r = buf_add(w->out, (struct slice){ p, n }, w->max ? w->max : SIZE_MAX);
}

static size_t write_varint(uint64_t v, char ret[VARINT_MAX])
{
	size_t n = 0;

	for (; v > 0x7f; v >>= 7)
		ret[n++] = (char)(v | 0x80);
	ret[n++] = (char)v;
	return n;
}

static void put_raw_varint(struct protobuf_writer *w, uint64_t v)
{
	char bytes[VARINT_MAX];

	put(w, bytes, write_varint(v, bytes));
}

static void put_tag(struct protobuf_writer *w, uint32_t number, enum protobuf_type type)
{
	put_raw_varint(w, (uint64_t)number << 3 | type);
}

static void put_fixed(struct protobuf_writer *w, uint64_t v, size_t n)
{
	char bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(v >> (8 * i));
	put(w, bytes, n);
}

void protobuf_put_varint(struct protobuf_writer *w, uint32_t number, uint64_t v)
{
	put_tag(w, number, PROTOBUF_VARINT);
	put_raw_varint(w, v);
}

void protobuf_put_fixed64(struct protobuf_writer *w, uint32_t number, uint64_t v)
{
	put_tag(w, number, PROTOBUF_FIXED64);
	put_fixed(w, v, 8);
}

void protobuf_put_fixed32(struct protobuf_writer *w, uint32_t number, uint32_t v)
{
	put_tag(w, number, PROTOBUF_FIXED32);
	put_fixed(w, v, 4);
}

void protobuf_put_double(struct protobuf_writer *w, uint32_t number, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	protobuf_put_fixed64(w, number, bits);
}

void protobuf_put_bytes(struct protobuf_writer *w, uint32_t number, struct slice bytes)
{
	put_tag(w, number, PROTOBUF_BYTES);
	put_raw_varint(w, bytes.n);
	put(w, bytes.p, bytes.n);
}

void protobuf_put_packed64(struct protobuf_writer *w, uint64_t v)
{
	put_fixed(w, v, 8);
}

void protobuf_begin(struct protobuf_writer *w, uint32_t number)
{
	put_tag(w, number, PROTOBUF_BYTES);
	if (w->depth == PROTOBUF_DEPTH_MAX && w->r == 0)
		w->r = -E2BIG;
	if (w->r == 0)
		w->open[w->depth++] = w->out->n;
}

/* Its length is known only now: it goes before what stands there. */
void protobuf_end(struct protobuf_writer *w)
{
	char bytes[VARINT_MAX];
	size_t at, n, len;

	if (w->r < 0)
		return;
	at = w->open[--w->depth];
	len = w->out->n - at;
	n = write_varint(len, bytes);
	put(w, bytes, n); /* makes room */
	if (w->r < 0)
		return;
	memmove(w->out->p + at + n, w->out->p + at, len);
	memcpy(w->out->p + at, bytes, n);
}
