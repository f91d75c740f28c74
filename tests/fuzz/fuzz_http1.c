/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * However the bytes are cut, the same exchanges come out, unless a direction was lost (then it is
 * found again where a piece begins). Every exchange ends once, and its events are in order.
 *
 * Input: flags (which end is watched, joined midway, how the second run is cut), then pieces, each
 * behind a byte that says what it is: 1 the client sends, 2 the server; 3 and 4: bytes are missing;
 * 5 and 6: the direction ends.
 */
#include "http_run.h"

static struct run talk(const uint8_t *data, size_t n, size_t cut, uint8_t flags)
{
	static const struct http_reader reader = { .exchange = take, .not_http = not_http };
	/* No ratio: it looks at the input piece by piece. */
	static const struct http_limits limits = { 4096, 1 << 16, 1 << 30, 64 << 20 };
	struct run r = { .last = HTTP_FINISHED };
	struct connection conn = { .id = 1, .flags = flags & 2 ? SONDE_CONN_MIDWAY : 0 };
	struct stats stats = { 0 };
	uint64_t pos[2] = { 0 };
	struct http *h;

	if (http_new(&reader, &r, &limits, &stats, &h) < 0)
		abort();
	for (size_t at = 0, end; at < n; at = end) {
		uint8_t what = data[at++] % 7;
		struct stream_chunk c = { .conn = &conn, .ts_ns = at };

		for (end = at; end < n && data[end] >= 7;)
			end++;
		c.dir = (what & 1) ^ (flags & 1) ? SONDE_DIR_OUT : SONDE_DIR_IN;
		c.gap = what == 3 || what == 4 ? 1 + end % 50 : 0;
		c.gap_reason = c.gap ? SONDE_GAP_LOST : 0;
		c.eof = what >= 5;
		r.lost |= c.gap > 0;
		if (c.gap || c.eof) {
			pos[c.dir] += c.gap;
			c.pos = pos[c.dir];
			http_feed(h, &c);
			c.gap = c.eof = 0;
		}
		feed(h, &c, pos, (struct slice){ (const char *)data + at, end - at }, cut);
	}
	http_close(h, &conn, HTTP_END_CUT, n);
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
