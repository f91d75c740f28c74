/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message as HTTP/2 has it, on stream 1: its head by libnghttp2's own HPACK in two frames, its
 * body in frames of uneven sizes, some padded.
 */
#pragma once

#include <ctype.h>
#include <endian.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/util.h"

#define H2_HEADERS_MAX 128
#define H2_WIRE_MAX    (16u << 20)

enum { H2_DATA = 0, H2_HEADERS = 1, H2_SETTINGS = 4, H2_CONTINUATION = 9 };
enum { H2_END_STREAM = 1, H2_END_HEADERS = 4, H2_PADDED = 8 };

struct h2_head {
	nghttp2_nv nv[H2_HEADERS_MAX];
	size_t n;
	struct arena *mem;
};

static inline void h2_put(struct buf *b, struct slice s)
{
	if (buf_add(b, s, H2_WIRE_MAX) < 0)
		abort();
}

static inline void h2_frame(struct buf *b, uint8_t type, uint8_t flags, struct slice s)
{
	const char head[] = { (char)(s.n >> 16),
			      (char)(s.n >> 8),
			      (char)s.n,
			      (char)type,
			      (char)flags,
			      0,
			      0,
			      0,
			      type == H2_SETTINGS ? 0 : 1 };

	h2_put(b, (struct slice){ head, sizeof(head) });
	h2_put(b, s);
}

static inline void h2_field(struct h2_head *h, struct slice name, struct slice value)
{
	const struct slice n = arena_copy(h->mem, name), v = arena_copy(h->mem, value);

	if (h->n == H2_HEADERS_MAX)
		abort();
	for (size_t i = 0; i < n.n; i++)
		((char *)n.p)[i] = (char)tolower((unsigned char)n.p[i]);
	h->nv[h->n++] = (nghttp2_nv){ (uint8_t *)n.p, (uint8_t *)v.p, n.n, v.n, 0 };
}

/* "POST /x HTTP/1.1" or "HTTP/1.1 200 OK". */
static inline void h2_first_line(struct h2_head *h, struct slice line, bool request)
{
	struct slice first, second, rest;

	if (!slice_cut(line, ' ', &first, &rest))
		abort();
	if (!slice_cut(rest, ' ', &second, &rest))
		second = rest;
	if (!request) {
		h2_field(h, SLICE(":status"), second);
		return;
	}
	h2_field(h, SLICE(":method"), first);
	h2_field(h, SLICE(":scheme"), SLICE("https"));
	h2_field(h, SLICE(":path"), second);
}

static inline void h2_line(struct h2_head *h, struct slice line)
{
	static const char *const none[] = { "transfer-encoding", "connection", "content-length" };
	struct slice name, value;

	if (!slice_cut(line, ':', &name, &value))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		if (slice_ieq(name, slice_of(none[i])))
			return;
	if (slice_ieq(name, SLICE("host")))
		name = SLICE(":authority");
	h2_field(h, name, slice_trim(value));
}

/* Pseudo-headers come first. */
static inline int h2_order(const void *a, const void *b)
{
	const nghttp2_nv *x = a, *y = b;

	return (y->name[0] == ':') - (x->name[0] == ':');
}

static inline void h2_add_head(struct buf *b, struct h2_head *h, bool end)
{
	nghttp2_hd_deflater *d;
	uint8_t block[65536];
	ssize_t n;

	qsort(h->nv, h->n, sizeof(h->nv[0]), h2_order);
	if (nghttp2_hd_deflate_new(&d, 4096) != 0)
		abort();
	n = nghttp2_hd_deflate_hd(d, block, sizeof(block), h->nv, h->n);
	nghttp2_hd_deflate_del(d);
	if (n < 0)
		abort();
	h2_frame(b, H2_HEADERS, end ? H2_END_STREAM : 0,
		 (struct slice){ (char *)block, (size_t)n / 2 });
	h2_frame(b, H2_CONTINUATION, H2_END_HEADERS,
		 (struct slice){ (char *)block + n / 2, (size_t)(n - n / 2) });
}

static inline void h2_add_body(struct buf *b, struct slice body)
{
	static const size_t sizes[] = { 1, 40, 7, 300, 64 };

	for (size_t i = 0; body.n; i++) {
		const size_t left = sizes[i % ARRAY_SIZE(sizes)], n = left < body.n ? left : body.n;
		const uint8_t end = n == body.n ? H2_END_STREAM : 0;
		char padded[1 + 300 + 3] = { 3 };

		if (i % 2) {
			memcpy(padded + 1, body.p, n);
			h2_frame(b, H2_DATA, H2_PADDED | end, (struct slice){ padded, 1 + n + 3 });
		} else {
			h2_frame(b, H2_DATA, end, (struct slice){ body.p, n });
		}
		body = slice_from(body, n);
	}
}

/* @head: lines that end with "\n", the first of them the message's first; @body: as coded. */
static inline void h2_message(struct buf *b, struct slice head, struct slice body, bool request)
{
	struct h2_head h = { .mem = arena_new(1 << 20) };
	struct slice line;

	if (request)
		h2_put(b, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
	h2_frame(b, H2_SETTINGS, 0, SLICE(""));
	if (slice_cut(head, '\n', &line, &head))
		h2_first_line(&h, slice_trim(line), request);
	while (slice_cut(head, '\n', &line, &head))
		h2_line(&h, slice_trim(line));
	h2_add_head(b, &h, body.n == 0);
	h2_add_body(b, body);
	arena_free(h.mem);
}
