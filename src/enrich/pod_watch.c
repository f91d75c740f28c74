/* SPDX-License-Identifier: BSD-2-Clause */
#include "enrich/pod_watch.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/util.h"

#define PAGE_PODS     100
#define PAGES_MAX     64
#define WAIT_FIRST_MS 1000
#define TOKEN_MAX     8192 /* bytes of "continue" and "resourceVersion" */
#define HTTP_GONE     410

enum step { STEP_NODE, STEP_LIST, STEP_WATCH };

struct pod_watch {
	struct facts *facts;
	struct pod_context c;
	enum step step;
	struct buf body; /* of the page, or the line that is not whole yet */
	struct buf node_resource;
	char *version, *more; /* resourceVersion, continue; NULL: none */
	unsigned pages, failures;
	bool gone;     /* the server does not know our version any more */
	bool heard;    /* something came on this request */
	bool complete; /* the list was read whole once */
	bool full;     /* there were more pods than are followed */
	int fatal;     /* of sending */
	char trouble[256];
};

int pod_watch_new(struct facts *facts, const struct pod_context *c, struct pod_watch **ret)
{
	struct pod_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->facts = facts;
	w->c = *c;
	*ret = w;
	return 0;
}

void pod_watch_free(struct pod_watch *w)
{
	if (!w)
		return;
	buf_done(&w->body);
	buf_done(&w->node_resource);
	free(w->version);
	free(w->more);
	free(w);
}

const char *pod_watch_trouble(const struct pod_watch *w)
{
	return w->trouble;
}

bool pod_watch_is_complete(const struct pod_watch *w)
{
	return w->complete;
}

bool pod_watch_is_full(const struct pod_watch *w)
{
	return w->full;
}

bool pod_watch_is_long(const struct pod_watch *w)
{
	return w->step == STEP_WATCH;
}

/* --- asking --- */

static int add(struct buf *b, const char *text)
{
	return buf_add(b, slice_of(text), SIZE_MAX);
}

static int add_escaped(struct buf *b, const char *text)
{
	int r = 0;

	for (; *text && r == 0; text++) {
		const unsigned char c = (unsigned char)*text;
		char out[4];

		snprintf(out, sizeof(out), isalnum(c) || strchr("-._~", c) ? "%c" : "%%%02X", c);
		r = add(b, out);
	}
	return r;
}

static int add_parameter(struct buf *b, const char *name, const char *value)
{
	int r = value ? add(b, name) : 0;

	return r < 0 || !value ? r : add_escaped(b, value);
}

int pod_watch_path(struct pod_watch *w, struct buf *ret)
{
	char text[64];
	int r;

	w->body.n = 0;
	w->heard = w->gone = false;
	ret->n = 0;
	if (w->step == STEP_NODE) {
		r = add(ret, "/api/v1/nodes/");
		return r < 0 ? r : add_escaped(ret, w->c.node);
	}
	if (w->step == STEP_LIST && !w->more) {
		w->pages = 0;
		facts_list_begin(w->facts);
	}
	r = add(ret, "/api/v1/pods?fieldSelector=spec.nodeName%3D");
	if (r == 0)
		r = add_escaped(ret, w->c.node);
	snprintf(text, sizeof(text), "&limit=%d", PAGE_PODS);
	if (r == 0 && w->step == STEP_LIST)
		r = add(ret, text);
	if (r == 0 && w->step == STEP_LIST)
		r = add_parameter(ret, "&continue=", w->more);
	snprintf(text, sizeof(text), "&watch=1&allowWatchBookmarks=true&timeoutSeconds=%d",
		 WATCH_TIMEOUT_S);
	if (r == 0 && w->step == STEP_WATCH)
		r = add(ret, text);
	if (r == 0 && w->step == STEP_WATCH)
		r = add_parameter(ret, "&resourceVersion=", w->version);
	return r;
}

/* --- what is answered --- */

static int keep(char **dst, struct slice s)
{
	char *copy = NULL;

	if (s.n > TOKEN_MAX)
		return -E2BIG;
	if (s.n) {
		copy = slice_dup(s);
		if (!copy)
			return -ENOMEM;
	}
	free(*dst);
	*dst = copy;
	return 0;
}

/* What does not fit is left out, and does not keep the rest from being told. */
static int take_pod(struct pod_watch *w, const cJSON *pod)
{
	int r = facts_pod(w->facts, pod, &w->c);

	w->full |= r == -ENOSPC;
	if (r == -ENOSPC || r == -ENOMEM || r == -EBADMSG)
		return 0;
	if (r < 0)
		w->fatal = r;
	return r;
}

static int take_change(struct pod_watch *w, struct slice line)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(line);
	const cJSON *object = json_at(j, "object");
	const struct slice type = json_str(j, "type");
	int r = 0;

	if (!object)
		return -EBADMSG;
	w->heard = true;
	if (slice_eq(type, SLICE("ERROR"))) {
		w->gone = json_int(object, "code") == HTTP_GONE;
		return -EBADMSG;
	}
	w->trouble[0] = '\0';
	if (slice_eq(type, SLICE("ADDED")) || slice_eq(type, SLICE("MODIFIED")))
		r = take_pod(w, object);
	else if (slice_eq(type, SLICE("DELETED")))
		r = w->fatal = facts_gone(w->facts, pod_uid(object));
	if (r < 0 || json_str(object, "metadata.resourceVersion").n == 0)
		return r;
	return keep(&w->version, json_str(object, "metadata.resourceVersion"));
}

static int take_lines(struct pod_watch *w)
{
	struct slice line, rest = buf_slice(&w->body);
	size_t n;
	int r = 0;

	while (r == 0 && slice_cut(rest, '\n', &line, &rest))
		if (slice_trim(line).n)
			r = take_change(w, line);
	n = rest.n;
	memmove(w->body.p, rest.p, n);
	w->body.n = n;
	return r;
}

int pod_watch_body(struct pod_watch *w, struct slice piece)
{
	const size_t max = w->step == STEP_WATCH ? WATCH_LINE_MAX : WATCH_PAGE_MAX;
	int r;

	if (piece.n == 0)
		return 0;
	r = buf_add(&w->body, piece, max);
	if (r < 0 || w->step != STEP_WATCH || !memchr(piece.p, '\n', piece.n))
		return r;
	return take_lines(w);
}

static int take_page(struct pod_watch *w)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(buf_slice(&w->body));
	const cJSON *items = json_at(j, "items"), *pod;
	int r;

	if (!cJSON_IsArray(items) || ++w->pages > PAGES_MAX)
		return -EBADMSG;
	cJSON_ArrayForEach (pod, items) {
		r = take_pod(w, pod);
		if (r < 0)
			return r;
	}
	r = keep(&w->version, json_str(j, "metadata.resourceVersion"));
	if (r == 0)
		r = keep(&w->more, json_str(j, "metadata.continue"));
	if (r < 0 || w->more)
		return r;
	if (!w->version)
		return -EBADMSG;
	w->fatal = facts_list_end(w->facts);
	w->complete = true;
	w->step = STEP_WATCH;
	return w->fatal;
}

static void take_node(struct pod_watch *w)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(buf_slice(&w->body));

	if (!j)
		return;
	pod_node(j, &w->node_resource);
	w->c.node_resource = buf_slice(&w->node_resource);
}

/* --- what comes next --- */

static int list_anew(struct pod_watch *w)
{
	free(w->more);
	free(w->version);
	w->more = w->version = NULL;
	w->step = STEP_NODE;
	return 0;
}

/* 1, 2, 4, ... 60 seconds. */
static int wait_longer(struct pod_watch *w)
{
	unsigned ms = WAIT_FIRST_MS << (w->failures < 6 ? w->failures : 6);

	w->failures++;
	return (int)(ms < WATCH_WAIT_MAX_MS ? ms : WATCH_WAIT_MAX_MS);
}

/* What the server says about it stands in the body, as a Status. */
static void explain(struct pod_watch *w, int status, int r)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(buf_slice(&w->body));
	const struct slice message = json_str(j, "message");
	static const char *const asked[] = { "the node", "its pods", "its pods" };

	if (status == 401)
		snprintf(w->trouble, sizeof(w->trouble), "the API server refuses the token (401)");
	else if (status == 403)
		snprintf(w->trouble, sizeof(w->trouble),
			 "the API server does not let us see %s (403): a role with get, list and "
			 "watch on pods and nodes is needed",
			 asked[w->step]);
	else if (status && status != 200)
		snprintf(w->trouble, sizeof(w->trouble), "the API server answers %d%s%.*s", status,
			 message.n ? ": " : "", (int)(message.n < 120 ? message.n : 120),
			 message.p ? message.p : "");
	else if (r == -E2BIG)
		snprintf(w->trouble, sizeof(w->trouble), "the API server answers too much");
	else if (r == -EBADMSG)
		snprintf(w->trouble, sizeof(w->trouble), "the API server answers nonsense");
	else
		snprintf(w->trouble, sizeof(w->trouble), "the API server cannot be reached");
}

static int node_done(struct pod_watch *w, int status, int r)
{
	w->step = STEP_LIST;
	if (status == 200 && r == 0)
		take_node(w);
	/* Without it there are names as well: it is not waited for. */
	return 0;
}

static int list_done(struct pod_watch *w, int status, int r)
{
	if (status == 200 && r == 0) {
		w->trouble[0] = '\0';
		r = take_page(w);
		if (r == 0) {
			w->failures = 0;
			return 0;
		}
	}
	if (w->fatal < 0)
		return w->fatal;
	explain(w, status, r);
	list_anew(w);
	return wait_longer(w);
}

static int watched(struct pod_watch *w, int status, int r, uint64_t ms)
{
	if (w->gone || status == HTTP_GONE) {
		list_anew(w);
		return w->heard || ms >= WAIT_FIRST_MS ? 0 : wait_longer(w);
	}
	/* It ends by itself every few minutes; one that ends at once is not asked again at once. */
	if (status == 200 && r == 0) {
		w->trouble[0] = '\0';
		if (w->heard || ms >= WAIT_FIRST_MS)
			w->failures = 0;
		return ms >= WAIT_FIRST_MS ? 0 : wait_longer(w);
	}
	explain(w, status, r);
	/* What came is nonsense: what was understood of it may be as well. */
	if (r == -EBADMSG || r == -E2BIG || status == 400)
		list_anew(w);
	else if (w->heard)
		w->failures = 0;
	return wait_longer(w);
}

int pod_watch_done(struct pod_watch *w, int status, int r, uint64_t ms)
{
	if (w->fatal < 0)
		return w->fatal;
	switch (w->step) {
	case STEP_NODE:
		return node_done(w, status, r);
	case STEP_LIST:
		return list_done(w, status, r);
	case STEP_WATCH:
		break;
	}
	return watched(w, status, r, ms);
}
