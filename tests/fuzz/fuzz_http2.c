/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * However the bytes are cut, the same exchanges come out of HTTP/2, unless a direction was lost.
 *
 * Input: flags (which end is watched, joined midway, how the second run is cut), then pieces: a
 * byte that says what it is (even: the client sends, odd: the server; 2 and 3 of eight: bytes are
 * missing before it; 4 and 5: the direction ends behind it), its length, its bytes.
 */
#include "http_run.h"

static struct run talk(const uint8_t *data, size_t n, size_t cut, uint8_t flags)
{
	static const struct http_reader reader = { .exchange = take, .not_http = not_http };
	static const struct http_limits limits = { 4096, 1 << 16, 1 << 30, 64 << 20 };
	struct run r = { .last = HTTP_FINISHED };
	struct connection conn = { .id = 1, .flags = flags & 2 ? SONDE_CONN_MIDWAY : 0 };
	struct stats stats = { 0 };
	uint64_t pos[2] = { 0 };
	struct http *h;

	if (http_new(&reader, &r, &limits, &stats, &h) < 0)
		abort();
	while (n >= 2) {
		uint8_t what = data[0] % 8;
		size_t len = data[1] < n - 2 ? data[1] : n - 2;
		struct stream_chunk c = { .conn = &conn, .ts_ns = n };

		c.dir = (what & 1) ^ (flags & 1) ? SONDE_DIR_IN : SONDE_DIR_OUT;
		if (what == 2 || what == 3) {
			c.gap = 1 + data[0] / 8;
			c.gap_reason = SONDE_GAP_LOST;
			pos[c.dir] += c.gap;
			c.pos = pos[c.dir];
			http_feed(h, &c);
			c.gap = 0;
			r.lost = true;
		}
		feed(h, &c, pos, (struct slice){ (const char *)data + 2, len }, cut);
		if (what == 4 || what == 5) {
			c.bytes = (struct slice){ 0 };
			c.eof = true;
			http_feed(h, &c);
		}
		data += 2 + len;
		n -= 2 + len;
	}
	http_close(h, &conn, HTTP_END_CUT, 1000);
	http_free(h);
	r.lost |= stats.n[STAT_HTTP_LOST] > 0;
	if (r.begun != r.finished)
		abort();
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct run whole, cut;

	if (n < 2)
		return 0;
	whole = talk(data + 1, n - 1, n, data[0]);
	cut = talk(data + 1, n - 1, 1 + data[0] / 4 % 16, data[0]);
	if (!(data[0] & 2) && !whole.lost && !cut.lost && whole.digest != cut.digest)
		abort();
	return 0;
}
