/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Content by its id, as it was kept. A browser that is sent there must find nothing to run: it is
 * shown as text or as a picture, or not at all.
 */
#include <errno.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "base/util.h"

#define BLOB_SHOWN_MAX (32u << 20) /* bytes */

static const char *image_type(struct slice s)
{
	static const struct {
		struct slice begin;
		const char *type;
	} magics[] = {
		{ { "\x89PNG\r\n\x1a\n", 8 }, "image/png" },
		{ { "\xff\xd8\xff", 3 }, "image/jpeg" },
		{ { "GIF87a", 6 }, "image/gif" },
		{ { "GIF89a", 6 }, "image/gif" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (slice_starts(s, magics[i].begin))
			return magics[i].type;
	if (slice_starts(s, SLICE("RIFF")) && slice_starts(slice_from(s, 8), SLICE("WEBP")))
		return "image/webp";
	return NULL;
}

static bool is_text(struct slice s)
{
	for (size_t at = 0, n; at < s.n; at += n) {
		n = utf8_char(slice_from(s, at));
		if (n == 0 || s.p[at] == '\0')
			return false;
	}
	return true;
}

static enum MHD_Result reply_blob(struct request *rq, struct buf *bytes)
{
	const struct slice s = buf_slice(bytes);
	const char *type = image_type(s);
	const bool text = !type && is_text(s);
	struct MHD_Response *r =
		MHD_create_response_from_buffer(bytes->n, bytes->p, MHD_RESPMEM_MUST_FREE);

	if (!r)
		return MHD_NO;
	*bytes = (struct buf){ 0 };
	MHD_add_response_header(r, "Content-Type",
				type   ? type
				: text ? "text/plain; charset=utf-8"
				       : "application/octet-stream");
	if (!type && !text)
		MHD_add_response_header(r, "Content-Disposition", "attachment");
	MHD_add_response_header(r, "Content-Security-Policy", "sandbox; default-src 'none'");
	MHD_add_response_header(r, "Cache-Control", "no-store");
	return reply_response(rq, MHD_HTTP_OK, r);
}

enum MHD_Result handle_blob(struct request *rq)
{
	_cleanup_(buf_done) struct buf bytes = { 0 };
	struct id128 id;
	struct query q;
	int r;

	if (!query_begin(&q, rq, 0))
		return query_refused(&q);
	if (id128_parse(rq->path[0], &id) < 0) {
		query_wrong(&q, MHD_HTTP_BAD_REQUEST, "content is named by 32 hex digits");
		return query_refused(&q);
	}
	r = store_blob_read(q.reader, &id, &bytes);
	if (r >= 0 && bytes.n > BLOB_SHOWN_MAX)
		r = -E2BIG;
	if (r < 0)
		return query_end(&q, r);
	query_done(&q);
	return reply_blob(rq, &bytes);
}
