/* SPDX-License-Identifier: BSD-2-Clause */
/* The web interface's files. They tell nothing of anybody: who asks is not looked at. */
#include <stdlib.h>
#include <zlib.h>

#include "api/request.h"
#include "api/web_files.h"
#include "base/cleanup.h"

#define FILE_MAX (16u << 20)

static struct slice header(struct request *rq, const char *name)
{
	return slice_of(MHD_lookup_connection_value(rq->http, MHD_HEADER_KIND, name));
}

/* For the few who do not take gzip. */
static int unpack(struct slice packed, struct buf *ret)
{
	z_stream z = { .next_in = (Bytef *)packed.p, .avail_in = (uInt)packed.n };
	char chunk[16384];
	int r = inflateInit2(&z, 15 + 16) == Z_OK ? Z_OK : Z_MEM_ERROR;

	while (r == Z_OK) {
		z.next_out = (Bytef *)chunk;
		z.avail_out = sizeof(chunk);
		r = inflate(&z, Z_NO_FLUSH);
		if (r >= 0 && buf_add(ret, (struct slice){ chunk, sizeof(chunk) - z.avail_out },
				      FILE_MAX) < 0)
			r = Z_MEM_ERROR;
	}
	inflateEnd(&z);
	return r == Z_STREAM_END ? 0 : -1;
}

static struct MHD_Response *make(struct request *rq, const struct web_file *f)
{
	_cleanup_(buf_done) struct buf plain = { 0 };
	const struct slice packed = web_file_gzip(f);
	struct MHD_Response *r;

	if (slice_has(header(rq, "Accept-Encoding"), SLICE("gzip"))) {
		r = MHD_create_response_from_buffer(packed.n, (void *)packed.p,
						    MHD_RESPMEM_PERSISTENT);
		if (r)
			MHD_add_response_header(r, "Content-Encoding", "gzip");
		return r;
	}
	if (unpack(packed, &plain) < 0)
		return NULL;
	r = MHD_create_response_from_buffer(plain.n, plain.p, MHD_RESPMEM_MUST_FREE);
	if (r)
		TAKE(plain.p);
	return r;
}

enum MHD_Result handle_static(struct request *rq)
{
	const struct web_file *f = web_file_find(slice_of(rq->url));
	const bool known = f && slice_has(header(rq, "If-None-Match"), slice_of(f->etag));
	struct MHD_Response *r;

	if (!f)
		return reply_error(rq, MHD_HTTP_NOT_FOUND, "there is nothing at this path");
	r = known ? MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT) : make(rq, f);
	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", f->type);
	MHD_add_response_header(r, "ETag", f->etag);
	MHD_add_response_header(r, "Vary", "Accept-Encoding");
	MHD_add_response_header(r, "Cache-Control",
				f->hashed ? "public, max-age=31536000, immutable" : "no-cache");
	return reply_response(rq, known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, r);
}
