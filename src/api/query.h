/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A data route from its parameters to its answer: a read-only connection to the store that shows
 * what the peer may see, and the JSON that is written.
 *
 *	struct query q;
 *
 *	if (!query_begin(&q, rq, PARAMS_FILTER))
 *		return query_refused(&q);
 *	json_begin(&q.w, '{');
 *	r = store_...(q.reader, &q.params.filter, ...);
 *	json_end(&q.w, '}');
 *	return query_end(&q, r);
 */
#pragma once

#include "api/params.h"
#include "api/request.h"
#include "base/json.h"
#include "store/query.h"

#define QUERY_MS	10000	    /* for each list and figure; then 503 */
#define QUERY_BYTES_MAX (48u << 20) /* of an answer */

struct query {
	struct request *rq;
	struct params params;
	struct store_reader *reader;
	struct buf text;
	struct json_writer w; /* into text */

	unsigned status; /* of a refusal */
	char error[700];
};

/* @takes: PARAMS_*. False: the answer is query_refused(). */
bool query_begin(struct query *q, struct request *rq, unsigned takes);
/* The same of a route whose answer is not made of the store alone, so that it has no ETag. */
bool query_begin_live(struct query *q, struct request *rq, unsigned takes);
/* Notes why there is another answer than what was asked for. Always false. */
__attribute__((format(printf, 3, 4))) bool query_wrong(struct query *q, unsigned status,
						       const char *fmt, ...);
enum MHD_Result query_refused(struct query *q);
/* What was written, or what @r (0 or -errno) says. */
enum MHD_Result query_end(struct query *q, int r);
/* Frees what a query has, for routes that answer in another way. */
void query_done(struct query *q);

/* The run that stands in the path or a parameter: its id or the first digits of it, or "last". */
bool query_run(struct query *q, struct slice ref, struct id128 *ret);
/* Hex digits of a span. */
bool query_span_id(struct query *q, struct slice hex, struct id64 *ret);

/* The members of a page behind its items, where the array of items was begun. */
void query_put_page_end(struct query *q, const struct store_page_end *end);
/* {"items":[ */
void query_put_items(struct query *q);

static inline bool query_may(const struct query *q, unsigned right)
{
	return q->rq->rights & right;
}
