/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Content by its id, as it was kept. A browser that is sent there must find nothing to run: it is
 * shown as text or as a picture, or not at all.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "base/cleanup.h"
#include "base/media.h"
#include "base/utf8.h"
#include "base/util.h"

#define BLOB_SHOWN_MAX (32u << 20) /* bytes */

static bool is_text(struct slice s)
{
	for (size_t at = 0, n; at < s.n; at += n) {
		n = utf8_char(slice_from(s, at));
		if (n == 0 || s.p[at] == '\0')
			return false;
	}
	return true;
}

/* Pictures never change: a browser that has one is told so, once it is known to be allowed to. */
static bool has_it(struct request *rq, const struct id128 *id)
{
	const char *has = MHD_lookup_connection_value(rq->http, MHD_HEADER_KIND, "If-None-Match");
	char hex[ID128_HEX_SIZE];

	id128_hex(id, hex);
	snprintf(rq->etag, sizeof(rq->etag), "\"%s\"", hex);
	return has && strstr(has, rq->etag);
}

static enum MHD_Result reply_blob(struct request *rq, const struct id128 *id, struct buf *bytes)
{
	const struct slice s = buf_slice(bytes);
	const char *type = media_type(s);
	const bool picture = media_is_picture(type);
	struct MHD_Response *r;

	rq->etag[0] = '\0';
	if (type && has_it(rq, id))
		return reply_not_modified(rq);
	if (!type)
		type = is_text(s) ? "text/plain; charset=utf-8" : "application/octet-stream";
	r = MHD_create_response_from_buffer(bytes->n, bytes->p, MHD_RESPMEM_MUST_FREE);
	if (!r)
		return MHD_NO;
	*bytes = (struct buf){ 0 };
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "Content-Disposition", picture ? "inline" : "attachment");
	MHD_add_response_header(r, "Content-Security-Policy", "sandbox; default-src 'none'");
	MHD_add_response_header(r, "Cache-Control", rq->etag[0] ? "private, no-cache" : "no-store");
	if (rq->etag[0])
		MHD_add_response_header(r, "ETag", rq->etag);
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
	r = store_content_read(q.reader, &id, &bytes);
	if (r >= 0 && bytes.n > BLOB_SHOWN_MAX)
		r = -E2BIG;
	if (r < 0)
		return query_end(&q, r);
	query_done(&q);
	return reply_blob(rq, &id, &bytes);
}
