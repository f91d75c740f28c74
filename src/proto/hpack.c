/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/hpack.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* What the decoding side may have allowed in a SETTINGS frame; the default is 4,096. */
#define TABLE_MAX      65536u
#define ENTRY_OVERHEAD 32u /* RFC 7541 §4.1 */
#define PLACEHOLDER    '?'
#define HEADERS_MAX    512u

struct hpack {
	nghttp2_hd_inflater *inflater;
};

void hpack_free(struct hpack *h)
{
	if (!h)
		return;
	nghttp2_hd_inflate_del(h->inflater);
	free(h);
}
DEFINE_CLEANUP(struct hpack *, hpack_free)

static size_t decode(nghttp2_hd_inflater *inflater, struct slice *in, nghttp2_nv *ret, int *flags)
{
	ssize_t n = nghttp2_hd_inflate_hd2(inflater, ret, flags, (const uint8_t *)in->p, in->n, 1);

	if (n < 0)
		return SIZE_MAX;
	*in = slice_from(*in, (size_t)n);
	return (size_t)n;
}

/* A block that makes the table as large as it may be and fills it. */
static int prime(struct hpack *h)
{
	/* Literal with incremental indexing, a new name of one byte, an empty value. */
	static const char entry[] = { 0x40, 1, PLACEHOLDER, 0 };
	/* Dynamic table size update, a 5-bit prefix: 65,536 - 31 in seven-bit groups. */
	static const char resize[] = { 0x3f, (char)0xe1, (char)0xff, 3 };
	const size_t n = TABLE_MAX / (ENTRY_OVERHEAD + 1);
	_cleanup_(buf_done) struct buf block = { 0 };
	struct hpack_head head;
	int r = buf_add(&block, (struct slice){ resize, sizeof(resize) }, SIZE_MAX);

	for (size_t i = 0; i < n && r == 0; i++)
		r = buf_add(&block, (struct slice){ entry, sizeof(entry) }, SIZE_MAX);
	return r < 0 ? r : hpack_read(h, buf_slice(&block), NULL, &head);
}

struct hpack *hpack_new(bool midway)
{
	_cleanup_(hpack_freep) struct hpack *h = calloc(1, sizeof(*h));

	if (!h || nghttp2_hd_inflate_new(&h->inflater) != 0)
		return NULL;
	if (nghttp2_hd_inflate_change_table_size(h->inflater, TABLE_MAX) != 0)
		return NULL;
	if (midway && prime(h) < 0)
		return NULL;
	return TAKE(h);
}

static int read_status(struct slice value)
{
	uint64_t v;

	return value.n == 3 && slice_u64(value, &v) ? (int)v : 0;
}

static struct slice *pseudo_field(struct hpack_head *head, struct slice name)
{
	if (slice_eq(name, SLICE(":method")))
		return &head->method;
	if (slice_eq(name, SLICE(":path")))
		return &head->path;
	if (slice_eq(name, SLICE(":authority")))
		return &head->authority;
	return NULL;
}

static void add_header(struct hpack_head *head, struct arena *mem, struct slice name,
		       struct slice value)
{
	if (!head->headers)
		head->headers = arena_alloc(mem, HEADERS_MAX * sizeof(*head->headers));
	if (!head->headers || head->n_headers == HEADERS_MAX)
		return;
	head->headers[head->n_headers++] =
		(struct http_header){ arena_copy(mem, name), arena_copy(mem, value) };
}

static void add_field(struct hpack_head *head, struct arena *mem, const nghttp2_nv *nv)
{
	struct slice name = { (const char *)nv->name, nv->namelen };
	struct slice value = { (const char *)nv->value, nv->valuelen };
	struct slice *pseudo;

	if (name.n == 0 || name.p[0] == PLACEHOLDER) {
		head->unknown = true;
		return;
	}
	if (!mem)
		return;
	if (name.p[0] != ':') {
		add_header(head, mem, name, value);
		return;
	}
	pseudo = pseudo_field(head, name);
	if (pseudo)
		*pseudo = arena_copy(mem, value);
	else if (slice_eq(name, SLICE(":status")))
		head->status = read_status(value);
}

int hpack_read(struct hpack *h, struct slice block, struct arena *mem, struct hpack_head *ret)
{
	struct hpack_head head = { 0 };
	int flags = 0;

	while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
		nghttp2_nv nv;
		size_t n;

		flags = 0;
		n = decode(h->inflater, &block, &nv, &flags);
		if (n == SIZE_MAX)
			return -EBADMSG;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			add_field(&head, mem, &nv);
		else if (n == 0 && !(flags & NGHTTP2_HD_INFLATE_FINAL))
			return -EBADMSG; /* cannot happen; never hang on it */
	}
	nghttp2_hd_inflate_end_headers(h->inflater);
	if (mem && arena_failed(mem))
		return -ENOMEM;
	*ret = head;
	return 0;
}
