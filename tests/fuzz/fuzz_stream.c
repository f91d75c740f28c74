/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * However a direction's bytes are cut, repeated and lost: positions never go back, what is handed
 * on is what stood there, and where nothing was lost all of it is handed on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stream/stream.h"

#define TEXT_MAX 4096

struct check {
	const uint8_t *text;
	uint64_t at, bytes;
};

static void on_chunk(void *ctx, const struct stream_chunk *c)
{
	struct check *k = ctx;

	if (c->pos != k->at + c->gap ||
	    (c->bytes.n && memcmp(c->bytes.p, k->text + c->pos, c->bytes.n)))
		abort();
	k->at = c->pos + c->bytes.n;
	k->bytes += c->bytes.n;
}

static const struct stream_reader reader = { .chunk = on_chunk };

static void feed(struct stream *s, const uint8_t *text, uint64_t pos, size_t len)
{
	union {
		struct sonde_data_event d;
		char bytes[sizeof(struct sonde_data_event) + TEXT_MAX];
	} ev = { .d = { .hdr = { .ts_ns = 1, .kind = SONDE_EV_DATA, .tgid = 1, .start_ns = 1 },
			.conn = 1,
			.source = 1 } };

	ev.d.hdr.size = (__u32)(sizeof(ev.d) + len);
	ev.d.pos = pos;
	ev.d.len = (__u32)len;
	memcpy(ev.d.data, text + pos, len);
	stream_feed(s, &ev.d.hdr);
}

static void open_conn(struct stream *s)
{
	struct sonde_conn_event e = {
		.hdr = { .kind = SONDE_EV_CONN_OPEN, .size = sizeof(e), .tgid = 1, .start_ns = 1 },
		.conn = 1,
		.source = 1,
	};

	stream_feed(s, &e.hdr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first half says how to cut, the second is the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t half = n / 2 < TEXT_MAX ? n / 2 : TEXT_MAX;
	struct check k = { .text = data + n - half };
	struct stream *s;
	uint64_t at = 0;
	bool lost = false;

	if (stream_new(&reader, &k, NULL, &s) < 0)
		abort();
	open_conn(s);
	for (size_t i = 0; i + 1 < n - half && at < half; i += 2) {
		size_t len = data[i] < half - at ? data[i] : half - at;
		int8_t shift = (int8_t)data[i + 1];

		if (shift < 0) { /* begins in what is known already */
			uint64_t back = (uint64_t)-shift < at ? (uint64_t)-shift : at;

			feed(s, k.text, at - back, len + back);
		} else if (shift > 100) { /* not seen */
			lost |= len > 0;
		} else {
			feed(s, k.text, at, len);
		}
		at += len;
	}
	if (k.at > at || (!lost && k.bytes != at))
		abort();
	stream_free(s);
	return 0;
}
