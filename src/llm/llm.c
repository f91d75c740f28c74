/* SPDX-License-Identifier: BSD-2-Clause */
#include "llm/llm.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <utlist.h>

#include "llm/format.h"

#define LLM_MEMORY_MAX (512ull << 20) /* bodies that are kept, of all calls at once */

/* Why an answer is not whole, as struct llm_call has it. */
static const char no_answer[] = "no response", gap[] = "bytes lost", limit[] = "over limit",
		  bad_body[] = "not readable", no_end[] = "ended early";

enum state {
	MAYBE, /* the body decides whether it is a call */
	CALL,  /* by its path; not told yet */
	BEGUN,
};

enum body { BODY_UNKNOWN, BODY_JSON, BODY_STREAM, BODY_BYTES };

struct llm {
	llm_fn fn;
	void *ctx;
	struct stats *stats;
	const struct llm_endpoint *endpoints;
	struct llm_work *open;
	size_t kept, memory_max; /* bytes of bodies */
	struct llm_seen seen[LLM_SEEN_MAX];
};

int llm_new(llm_fn fn, void *ctx, struct stats *stats, struct llm **ret)
{
	struct llm *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->fn = fn;
	l->ctx = ctx;
	l->stats = stats;
	l->memory_max = LLM_MEMORY_MAX;
	*ret = l;
	return 0;
}

void llm_set_memory(struct llm *l, size_t bytes)
{
	l->memory_max = bytes;
}

void llm_set_endpoints(struct llm *l, const struct llm_endpoint *list)
{
	l->endpoints = list;
}

static const char *provider_of(const struct llm *l, const struct http_exchange *x)
{
	const char *name = llm_endpoint_provider(l->endpoints, x->host, x->path);

	return name ? name : llm_provider_of_host(x->host);
}

static void work_free(struct llm_work *w)
{
	struct llm *l = w->owner;

	l->kept -= w->request.n + w->answer.n + w->framer_held;
	DL_DELETE(l->open, w);
	buf_done(&w->request);
	buf_done(&w->answer);
	buf_done(&w->unwrapped);
	framer_done(&w->framer);
	free(w);
}

void llm_free(struct llm *l)
{
	struct llm_work *w, *next;

	if (!l)
		return;
	DL_FOREACH_SAFE(l->open, w, next)
	work_free(w);
	free(l);
}

static bool drop(struct http_exchange *x)
{
	work_free(x->user);
	x->user = NULL;
	return false;
}

/* False where the body may not grow: over its own limit, or over that of all. */
static bool keep(struct llm_work *w, struct buf *body, struct slice piece, size_t max)
{
	struct llm *l = w->owner;

	if (l->kept > l->memory_max || piece.n > l->memory_max - l->kept ||
	    buf_add(body, piece, max) < 0)
		return false;
	l->kept += piece.n;
	return true;
}

/* --- requests --- */

static struct llm_work *work_new(struct llm *l, struct http_exchange *x, const struct llm_format *f)
{
	struct llm_work *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->owner = l;
	w->usage = w->beside = llm_usage_unknown;
	w->held_output = LLM_UNKNOWN;
	w->state = f ? CALL : MAYBE;
	w->call = (struct llm_call){
		.mem = x->mem,
		.http = x,
		.format = f,
		.operation = f && f->operation ? f->operation : "chat",
		LLM_REQUEST_UNSET,
		.answer.role = LLM_ROLE_ASSISTANT,
		.usage = llm_usage_unknown,
		.provider_cost_pico_usd = LLM_UNKNOWN,
		.nano_aiu = LLM_UNKNOWN,
		.single = f && f->single,
		.start_ns = x->request.head_ns,
	};
	DL_APPEND(l->open, w);
	return w;
}

/* A body of another type cannot be a call; clients that do not say are given a chance, and those
 * that say "bytes" (Amazon's for node) where the path @promises something. */
static bool may_be_json(const struct http_exchange *x, bool promises)
{
	const struct slice type = http_header(&x->request, SLICE("content-type"));

	return !type.n || slice_has(type, SLICE("json")) ||
	       (promises && slice_ieq(type, SLICE("application/octet-stream")));
}

/* An answer that is asked for once more: whether it is a call shows when it comes. */
static bool on_fetch(struct llm *l, struct http_exchange *x)
{
	const struct llm_format *f = llm_format_of_fetch(x->path);
	struct llm_work *w = f ? work_new(l, x, f) : NULL;

	if (!w)
		return false;
	w->fetch = w->call.repeats = true;
	w->call.operation = "fetch_response";
	x->user = w;
	return true;
}

/* Whether a path that other services have as well is enough at that provider (NULL: not known). */
static bool promises(const struct llm_format *f, const struct http_exchange *x,
		     const char *provider)
{
	return provider && !slice_ends(x->path, SLICE("/messages")) &&
	       (!f->own_paths || strcmp(provider, f->provider) == 0);
}

/* The answer will show whether it is a call; polls and retries of one that was heard are no other.
 */
static struct llm_work *on_unseen(struct llm *l, struct http_exchange *x)
{
	struct llm_seen seen;
	struct llm_work *w = llm_recall(l->seen, x, &seen) ? work_new(l, x, seen.format) : NULL;

	if (!w)
		return NULL;
	w->unseen = w->call.repeats = w->call.body_cut = true;
	w->call.provider = seen.provider;
	w->call.start_ns = x->response.head_ns;
	x->user = w;
	return w;
}

static bool on_request_head(struct llm *l, struct http_exchange *x)
{
	const struct llm_format *f, *own, *promised;
	bool weak;

	x->user = NULL;
	if (slice_eq(x->method, SLICE("GET")))
		return on_fetch(l, x);
	if (!slice_eq(x->method, SLICE("POST")))
		return false;
	own = llm_endpoint_format(l->endpoints, x->host, x->path);
	f = promised = llm_format_of_path(x->path, &weak);
	if (f && weak && !promises(f, x, provider_of(l, x)))
		f = NULL;
	f = own ? own : f;
	if (!f && (llm_path_is_other(x->path) || !may_be_json(x, promised != NULL)))
		return false;
	x->user = work_new(l, x, f);
	return x->user;
}

static void on_request_body(struct llm_work *w, struct slice piece)
{
	/* Who answers before the end gets what came until then. */
	if (w->state == BEGUN)
		return;
	/* What follows a gap cannot be told from what precedes it. */
	if (w->call.http->request.lost_bytes || w->call.http->request.damage)
		w->call.body_cut = true;
	if (!w->call.body_cut && !keep(w, &w->request, piece, LLM_REQUEST_MAX))
		w->call.body_cut = true;
}

/* A path of ours on a host that nobody knows may still be another service's. */
static bool agrees(const struct llm_work *w)
{
	const struct slice body = slice_trim(w->call.body);

	return w->call.request_model.n || (w->call.n_items && !w->call.format->needs_model) ||
	       w->call.body_cut || provider_of(w->owner, w->call.http) ||
	       (body.n && !json_valid(body));
}

/* Formats with many operations only know when they have read the request. */
static bool stands_alone(const char *operation)
{
	return strcmp(operation, "embeddings") == 0 || strcmp(operation, "rerank") == 0;
}

/* What the call is by its format; false where the body has none either. */
static bool find_format(struct llm_work *w)
{
	struct llm_call *call = &w->call;

	if (w->state == MAYBE)
		call->format = llm_format_of_body(call->http, call->body);
	if (!call->format)
		return false;
	if (w->state == MAYBE && call->format->operation)
		call->operation = call->format->operation;
	call->single = call->format->single;
	if (!w->unseen)
		call->provider = provider_of(w->owner, call->http);
	if (!call->provider)
		call->provider = call->format->provider;
	return true;
}

/* The request is known, as far as it will ever be. False where it is no call; then @w is gone. */
static bool begin(struct llm_work *w)
{
	struct http_exchange *x = (struct http_exchange *)w->call.http;
	struct llm_call *call = &w->call;

	if (w->state == BEGUN)
		return true;
	if (w->fetch && w->body != BODY_STREAM)
		return true; /* not yet */
	call->body = buf_slice(&w->request);
	call->body_cut =
		call->body_cut || !w->request_over || x->request.damage || x->request.lost_bytes;
	if (!find_format(w))
		return drop(x);
	if (!w->unseen)
		call->format->request(w);
	call->single = call->single || stands_alone(call->operation);
	if (w->overfull)
		call->body_cut = true;
	if (w->no_call || (w->state == CALL && !call->repeats && !agrees(w)))
		return drop(x);
	llm_read_request_head(w);
	llm_remember(w->owner->seen, call);
	w->state = BEGUN;
	stat_add(w->owner->stats, STAT_LLM_CALLS, 1);
	w->owner->fn(w->owner->ctx, LLM_BEGIN, call);
	return true;
}

/* --- answers --- */

static bool is_json(struct slice data)
{
	return data.n && data.p[0] == '{' && json_valid(data);
}

/* Whether an answer without its request is one of ours; then it has begun. */
static bool unseen_begins(struct llm_work *w, struct slice object)
{
	const struct llm_format *f = llm_format_of_answer(w->call.format, object);

	if (w->state == BEGUN)
		return true;
	if (!f->answers(object))
		return false;
	w->call.format = f;
	return begin(w);
}

static int on_event(void *ctx, const struct frame *frame)
{
	struct llm_work *w = ctx;
	struct frame f = *frame;

	w->events++;
	if (f.failed) {
		llm_read_failed_frame(w, &f);
		return 0;
	}
	if (w->unwrap && !w->unwrap(w, &f))
		return 0;
	if (!w->call.format->binary_events)
		f.data = slice_trim(f.data);
	if (slice_eq(f.data, SLICE("[DONE]"))) {
		w->call.done = true;
	} else if (w->call.format->binary_events) {
		w->call.format->event(w, &f);
	} else if (is_json(f.data)) {
		if (w->unseen && !unseen_begins(w, f.data))
			return 0;
		if (!w->speaks)
			w->speaks = llm_format_of_answer(w->call.format, f.data);
		w->speaks->event(w, &f);
	} else if (f.data.n) {
		stat_add(w->owner->stats, STAT_LLM_BAD_JSON, 1);
	}
	return 0;
}

/* Sound or a picture that is answered as it is. */
static bool is_bytes(const struct llm_work *w, const struct http_message *m)
{
	const struct slice type = http_header(m, SLICE("content-type"));

	return w->call.format->byte_answers && w->call.http->status < 300 &&
	       !slice_has(type, SLICE("json")) && !slice_has(type, SLICE("event-stream"));
}

/* A stream, or one piece: JSON, or an error page that can be quoted. */
static void decide_body(struct llm_work *w, struct slice piece)
{
	const struct http_message *m = &w->call.http->response;
	const struct framing *framing;

	if (is_bytes(w, m)) {
		w->body = BODY_BYTES;
		return;
	}
	framing = framing_of(m, piece);
	if (!framing && w->call.stream_requested && w->call.http->status < 300)
		framing = w->call.format->framing;
	w->body = BODY_JSON;
	if (!framing)
		return;
	w->body = BODY_STREAM;
	w->call.streamed = true;
	if (framer_open(&w->framer, framing, on_event, w, m) < 0)
		w->over_limit = true;
}

/* What a stream keeps counts as a body does. */
static void count_framer(struct llm_work *w)
{
	struct llm *l = w->owner;
	const size_t held = framer_held(&w->framer) + w->unwrapped.cap;

	l->kept = l->kept - w->framer_held + held;
	w->framer_held = held;
	if (l->kept <= l->memory_max)
		return;
	framer_done(&w->framer);
	buf_done(&w->unwrapped);
	l->kept -= held;
	w->framer_held = 0;
	w->over_limit = true;
}

static void feed_stream(struct llm_work *w, struct slice piece)
{
	const uint64_t lost = w->call.http->response.lost_bytes;
	int r;

	if (lost != w->lost)
		framer_gap(&w->framer);
	w->lost = lost;
	r = framer_feed(&w->framer, piece);
	if (r == -EBADMSG && !w->broken)
		stat_add(w->owner->stats, STAT_LLM_BAD_JSON, 1);
	w->broken = w->broken || r == -EBADMSG;
	if (r < 0 && r != -EBADMSG)
		w->over_limit = true;
	count_framer(w);
}

static void on_response_body(struct llm_work *w, struct slice piece)
{
	w->now_ns = w->call.http->now_ns;
	if (w->body == BODY_UNKNOWN) {
		/* No framing begins with blanks, and how they are cut must not matter. */
		while (piece.n && !slice_trim((struct slice){ piece.p, 1 }).n)
			piece = slice_from(piece, 1);
		if (!piece.n)
			return;
		decide_body(w, piece);
	}
	w->response_lost = w->response_lost || w->call.http->response.lost_bytes;
	w->events = 0;
	if (w->body == BODY_STREAM)
		feed_stream(w, piece);
	else if (w->body != BODY_BYTES && !w->response_lost && !w->over_limit)
		w->over_limit = !keep(w, &w->answer, piece, LLM_RESPONSE_MAX);
	if (w->events && w->state == BEGUN)
		w->owner->fn(w->owner->ctx, LLM_PROGRESS, &w->call);
}

/* --- the end --- */

/* What is no JSON, of formats that have such answers. */
static bool is_plain_answer(const struct llm_work *w, struct slice body)
{
	return w->call.http->status < 300 &&
	       (w->body == BODY_BYTES || (body.n && w->call.format->text_answers));
}

static void read_whole_answer(struct llm_work *w)
{
	const struct slice body = slice_trim(buf_slice(&w->answer));
	const struct llm_format *f = NULL;
	struct json_iter it;
	bool valid = true;

	if (w->body != BODY_JSON && w->body != BODY_BYTES)
		return;
	if (json_object(body, &it)) {
		valid = json_valid(body);
		if (!valid)
			stat_add(w->owner->stats, STAT_LLM_BAD_JSON, 1);
		f = llm_format_of_answer(w->call.format, body);
	} else if (is_plain_answer(w, body)) {
		f = w->call.format;
	} else if (body.n && w->call.http->status < 300) {
		stat_add(w->owner->stats, STAT_LLM_BAD_JSON, 1);
	}
	if (!f)
		return;
	f->response(w, body);
	w->call.done = w->answered && valid && w->call.http->end == HTTP_END_COMPLETE &&
		       !w->response_lost && !w->over_limit;
}

static const char *why_cut(const struct llm_work *w)
{
	static const char *const ends[] = {
		[HTTP_END_NONE] = "ended early",      [HTTP_END_COMPLETE] = NULL,
		[HTTP_END_CUT] = "connection closed", [HTTP_END_LOST] = "bytes lost",
		[HTTP_END_EVICTED] = "over limit",    [HTTP_END_RECORDING] = "recording ended",
	};
	const struct http_exchange *x = w->call.http;

	/* A framing that broke may have dropped something before: which of it was told depends on
	 * how the bytes came. */
	if ((w->over_limit && !w->broken) || w->overfull || arena_failed(w->call.mem))
		return limit;
	if (w->response_lost || x->response.lost_bytes)
		return gap;
	if (w->call.error.type.n || w->call.done)
		return NULL;
	if (x->status == 0)
		return x->end == HTTP_END_COMPLETE || x->end == HTTP_END_CUT ? no_answer
									     : ends[x->end];
	if (ends[x->end])
		return ends[x->end];
	if (x->response.damage)
		return x->response.damage;
	return w->answered ? no_end : bad_body;
}

static void check_total(struct llm_work *w)
{
	const struct llm_usage *u = &w->call.usage;
	const int64_t output = w->call.format->no_output ? 0 : u->output;
	int64_t sum;

	if (u->provider_total < 0 || u->input < 0 || output < 0)
		return;
	if (!__builtin_add_overflow(u->input, output, &sum) && sum == u->provider_total)
		return;
	stat_add(w->owner->stats, STAT_LLM_TOTAL_MISMATCH, 1);
	stat_add_host(w->owner->stats, w->call.http->host.p, w->call.http->host.n);
}

static void end(struct llm_work *w)
{
	struct llm_call *call = &w->call;
	const struct http_exchange *x = call->http;

	w->now_ns = x->now_ns;
	if (w->body == BODY_STREAM && x->end == HTTP_END_COMPLETE)
		framer_finish(&w->framer);
	read_whole_answer(w);
	llm_read_status(w, w->body == BODY_JSON ? buf_slice(&w->answer) : (struct slice){ 0 });
	/* Servers without an end marker, and clients that leave before it. */
	if (w->body != BODY_JSON && x->end == HTTP_END_COMPLETE &&
	    (call->finish_reason.n || (call->format->no_end_mark && w->answered)))
		call->done = true;
	/* Some say "stop" though they want a tool. */
	for (struct llm_message *m = &call->answer; m; m = m->alternative)
		if (slice_eq(m->finish_reason, SLICE("stop")) &&
		    llm_has_part(m, LLM_PART_TOOL_CALL))
			m->finish_reason = SLICE("tool_call");
	if (call->error.type.n)
		call->answer.finish_reason = SLICE("error");
	call->end_ns = x->response.end_ns ? x->response.end_ns : x->now_ns;
	llm_read_beside(w);
	call->cut = why_cut(w);
	check_total(w);
	llm_fill_usage(w);
	w->owner->fn(w->owner->ctx, LLM_END, call);
}

/* What is not ready yet, or refused, tells nothing of what it is asked about. */
static bool fetch_is_call(const struct llm_work *w)
{
	const struct slice body = slice_trim(buf_slice(&w->answer));
	const struct slice usage = json_member(body, SLICE("usage"));

	return w->call.format->answers(body) && usage.n && usage.p[0] == '{';
}

bool llm_has_token(const struct http_exchange *x)
{
	const struct llm_work *w = x->user;

	return w && w->call.first_token_ns;
}

static bool on_finished(struct llm_work *w, struct http_exchange *x)
{
	if (w->fetch && w->state != BEGUN && !fetch_is_call(w))
		return drop(x);
	w->fetch = false;
	if (w->unseen && !unseen_begins(w, slice_trim(buf_slice(&w->answer))))
		return drop(x);
	if (!begin(w))
		return false;
	end(w);
	drop(x);
	return true;
}

bool llm_feed(struct llm *l, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	struct llm_work *w = x->user;

	if (ev == HTTP_REQUEST_HEAD)
		return on_request_head(l, x);
	if (!w && ev == HTTP_RESPONSE_HEAD)
		w = on_unseen(l, x);
	if (!w)
		return false;
	switch (ev) {
	case HTTP_REQUEST_HEAD:
		break;
	case HTTP_REQUEST_BODY:
		on_request_body(w, piece);
		break;
	case HTTP_REQUEST_END:
		w->request_over = true;
		return begin(w);
	case HTTP_RESPONSE_HEAD:
		llm_read_response_head(w);
		break;
	case HTTP_RESPONSE_BODY:
		w->now_ns = x->now_ns;
		if (w->fetch && w->body == BODY_UNKNOWN && slice_trim(piece).n)
			decide_body(w, slice_trim(piece));
		/* An early answer: what has come of the request must do. */
		if (!w->unseen && !begin(w))
			return false;
		on_response_body(w, piece);
		break;
	case HTTP_RESPONSE_END:
		break;
	case HTTP_FINISHED:
		return on_finished(w, x);
	}
	return true;
}
