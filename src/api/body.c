/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/body.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/slice.h"

#define LEVEL	  4  /* answers are made for one client: speed counts */
#define GZIP_BITS 31 /* zlib's way to say: with gzip's head */

static struct slice trimmed_until(struct slice s, char end)
{
	struct slice before = s, after;

	slice_cut(s, end, &before, &after);
	return slice_trim(before);
}

/* "gzip", "x, gzip;q=0.5"; not "gzip;q=0". */
static bool takes_gzip(const char *accepted)
{
	struct slice list = slice_of(accepted), one;

	while (list.n) {
		if (!slice_cut(list, ',', &one, &list)) {
			one = list;
			list = (struct slice){ 0 };
		}
		if (!slice_ieq(trimmed_until(one, ';'), SLICE("gzip")))
			continue;
		return !slice_has(one, SLICE("q=0")) || slice_has(one, SLICE("q=0."));
	}
	return false;
}

bool body_takes_gzip(struct MHD_Connection *http)
{
	const char *accepted =
		MHD_lookup_connection_value(http, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING);

	return accepted && takes_gzip(accepted);
}

char *body_gzip(struct slice body, size_t *ret_n)
{
	z_stream z = { 0 };
	char *out;
	size_t size;
	int r;

	if (body.n > UINT32_MAX / 2 ||
	    deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	size = deflateBound(&z, body.n);
	out = malloc(size);
	z.next_in = (Bytef *)body.p;
	z.avail_in = (uInt)body.n;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)size;
	r = out ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
	*ret_n = size - z.avail_out;
	deflateEnd(&z);
	if (r == Z_STREAM_END)
		return out;
	free(out);
	return NULL;
}

struct MHD_Response *body_response(struct MHD_Connection *http, struct slice body)
{
	struct MHD_Response *r = NULL;
	char *packed = NULL;
	size_t n = 0;

	if (body.n >= BODY_GZIP_FROM && body_takes_gzip(http))
		packed = body_gzip(body, &n);
	if (packed && n < body.n) {
		r = MHD_create_response_from_buffer(n, packed, MHD_RESPMEM_MUST_FREE);
		if (r) {
			MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
			packed = NULL;
		}
	}
	free(packed);
	if (!r)
		r = MHD_create_response_from_buffer(body.n, (void *)body.p, MHD_RESPMEM_MUST_COPY);
	if (r)
		MHD_add_response_header(r, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
	return r;
}
