/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/query.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/etag.h"
#include "base/when.h"
#include "export/json_put.h"
#include "store/viewer.h"

bool query_wrong(struct query *q, unsigned status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(q->error, sizeof(q->error), fmt, ap);
	va_end(ap);
	q->status = status;
	return false;
}

static enum MHD_Result add_param(void *ctx, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	struct query *q = ctx;

	(void)kind;
	return params_add(&q->params, name, value) ? MHD_YES : MHD_NO;
}

static bool read_params(struct query *q, unsigned takes)
{
	if (params_begin(&q->params, takes, when_now()) < 0)
		return query_wrong(q, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
	MHD_get_connection_values(q->rq->http, MHD_GET_ARGUMENT_KIND, add_param, q);
	if (*q->params.error || !params_end(&q->params))
		return query_wrong(q, MHD_HTTP_BAD_REQUEST, "%s", q->params.error);
	return true;
}

static bool open_store(struct query *q)
{
	const struct viewer viewer = { .all = q->rq->peer.all, .uid = q->rq->peer.uid };
	struct store_error err = { "" };
	int r = store_reader_open(q->rq->s->c.store, &q->reader, &err);

	if (r == 0)
		r = store_reader_view(q->reader, &viewer);
	if (r < 0)
		return query_wrong(q, MHD_HTTP_SERVICE_UNAVAILABLE, "the store cannot be read%s%s",
				   *err.text && viewer.all ? ": " : "",
				   *err.text && viewer.all ? err.text : "");
	store_limit(q->reader, QUERY_MS);
	return true;
}

bool query_begin_live(struct query *q, struct request *rq, unsigned takes)
{
	*q = (struct query){ .rq = rq };
	q->w = (struct json_writer){ .out = &q->text, .max = QUERY_BYTES_MAX };
	return read_params(q, takes) && open_store(q);
}

bool query_begin(struct query *q, struct request *rq, unsigned takes)
{
	*q = (struct query){ .rq = rq };
	q->w = (struct json_writer){ .out = &q->text, .max = QUERY_BYTES_MAX };
	if (!read_params(q, takes))
		return false;
	if (etag_matches(rq, &q->params))
		return query_wrong(q, MHD_HTTP_NOT_MODIFIED, "nothing has changed");
	return open_store(q);
}

void query_done(struct query *q)
{
	params_done(&q->params);
	store_reader_close(q->reader);
	q->reader = NULL;
	buf_done(&q->text);
}

enum MHD_Result query_refused(struct query *q)
{
	query_done(q);
	if (q->status == MHD_HTTP_NOT_MODIFIED)
		return reply_not_modified(q->rq);
	return reply_error(q->rq, q->status, q->error);
}

static const struct {
	int err;
	unsigned status;
	const char *text;
} failures[] = {
	{ -ENOENT, MHD_HTTP_NOT_FOUND, "there is no such thing" },
	{ -EINVAL, MHD_HTTP_BAD_REQUEST,
	  "'cursor' is none of a page in this order, or 'sort' is none that this list has" },
	{ -ETIMEDOUT, MHD_HTTP_SERVICE_UNAVAILABLE,
	  "this takes too long: a shorter time or a narrower filter is quicker" },
	{ -E2BIG, MHD_HTTP_CONTENT_TOO_LARGE, "the answer is too large: ask for less at once" },
	{ -ENOMEM, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory" },
	{ 0, MHD_HTTP_INTERNAL_SERVER_ERROR, "the store cannot be read" },
};

enum MHD_Result query_end(struct query *q, int r)
{
	enum MHD_Result ret;
	size_t i = 0;

	if (r >= 0 && q->w.r < 0)
		r = q->w.r;
	if (r < 0) {
		while (failures[i].err && failures[i].err != r)
			i++;
		query_wrong(q, failures[i].status, "%s", failures[i].text);
		return query_refused(q);
	}
	ret = reply_json(q->rq, MHD_HTTP_OK, &q->w);
	query_done(q);
	return ret;
}

/* --- what is named --- */

bool query_run(struct query *q, struct slice ref, struct id128 *ret)
{
	char text[40];
	int r;

	snprintf(text, sizeof(text), "%.*s", ref.n < sizeof(text) ? (int)ref.n : 0, ref.p);
	r = store_run_find(q->reader, text, ret);
	if (r == -EEXIST)
		return query_wrong(q, MHD_HTTP_CONFLICT,
				   "more than one run has an id that begins like this");
	if (r == -EINVAL)
		return query_wrong(q, MHD_HTTP_BAD_REQUEST,
				   "a run is named by its id, its first digits (4 at least) or "
				   "'last'");
	if (r < 0)
		return query_wrong(
			q, r == -ENOENT ? MHD_HTTP_NOT_FOUND : MHD_HTTP_INTERNAL_SERVER_ERROR,
			r == -ENOENT ? "there is no such run" : "the store cannot be read");
	return true;
}

bool query_span_id(struct query *q, struct slice hex, struct id64 *ret)
{
	char padded[ID128_HEX_SIZE];
	struct id128 id;

	snprintf(padded, sizeof(padded), "%.*s%016d", hex.n < 17 ? (int)hex.n : 0, hex.p, 0);
	if (hex.n != ID64_HEX_SIZE - 1 || id128_parse(slice_of(padded), &id) < 0)
		return query_wrong(q, MHD_HTTP_BAD_REQUEST, "a span is named by 16 hex digits");
	*ret = id64_of(id);
	return true;
}

/* --- pages --- */

void query_put_items(struct query *q)
{
	json_begin(&q->w, '{');
	json_key(&q->w, "items");
	json_begin(&q->w, '[');
}

void query_put_page_end(struct query *q, const struct store_page_end *end)
{
	json_end(&q->w, ']');
	json_key(&q->w, "has_more");
	json_put_bool(&q->w, end->has_more);
	json_key(&q->w, "next");
	if (*end->next)
		json_put_str(&q->w, slice_of(end->next));
	else
		json_put_null(&q->w);
	put_number(&q->w, "total", end->total);
	json_key(&q->w, "total_more");
	json_put_bool(&q->w, end->total_more);
	json_end(&q->w, '}');
}
