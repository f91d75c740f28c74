/* SPDX-License-Identifier: BSD-2-Clause */
/* The envelope of an exchange: what HTTP said around the bodies, as one JSON blob. */
#include "base/json.h"
#include "trace/state.h"

#define ENVELOPE_HEADERS_MAX 256

static const char *const end_names[] = {
	[HTTP_END_NONE] = "open",	[HTTP_END_COMPLETE] = "complete",
	[HTTP_END_CUT] = "cut",		[HTTP_END_LOST] = "lost",
	[HTTP_END_EVICTED] = "evicted", [HTTP_END_RECORDING] = "recording ended",
};

static void put_header(struct trace *t, struct json_writer *w, const struct http_header *h)
{
	struct buf clean = { 0 };
	struct slice value = SLICE("[redacted:header]");

	if (!redact_header_is_secret(h->name)) {
		if (redact(t->redactor, h->value, &clean) < 0)
			return;
		value = buf_slice(&clean);
	}
	json_begin(w, '[');
	json_put_str(w, h->name);
	json_put_str(w, value);
	json_end(w, ']');
	buf_done(&clean);
}

static void put_message(struct trace *t, struct json_writer *w, const char *name,
			const struct http_message *m)
{
	json_key(w, name);
	json_begin(w, '{');
	json_key(w, "headers");
	json_begin(w, '[');
	for (size_t i = 0; i < m->n_headers && i < ENVELOPE_HEADERS_MAX; i++)
		put_header(t, w, &m->headers[i]);
	json_end(w, ']');
	json_key(w, "wire_bytes");
	json_put_int(w, (int64_t)m->wire_bytes);
	json_key(w, "body_bytes");
	json_put_int(w, (int64_t)m->body_bytes);
	if (m->lost_bytes) {
		json_key(w, "lost_bytes");
		json_put_int(w, (int64_t)m->lost_bytes);
	}
	if (m->damage) {
		json_key(w, "damage");
		json_put_str(w, slice_of(m->damage));
	}
	json_end(w, '}');
}

static int put_target(struct trace *t, struct json_writer *w, const struct http_exchange *x)
{
	struct buf path = { 0 };
	int r = redact_url(t->redactor, x->path, &path);

	json_key(w, "method");
	json_put_str(w, x->method);
	json_key(w, "path");
	json_put_str(w, buf_slice(&path));
	json_key(w, "host");
	json_put_str(w, x->host);
	json_key(w, "status");
	json_put_int(w, x->status);
	json_key(w, "end");
	json_put_str(w, slice_of(end_names[x->end]));
	buf_done(&path);
	return r < 0 ? r : 0;
}

struct id128 content_envelope(struct trace *t, const struct http_exchange *x)
{
	struct buf json = { 0 }, clean = { 0 };
	struct json_writer w = { .out = &json };
	struct id128 id = { 0 };
	int r;

	if (!content_keeps_text(t))
		return id;
	json_begin(&w, '{');
	r = put_target(t, &w, x);
	put_message(t, &w, "request", &x->request);
	put_message(t, &w, "response", &x->response);
	json_end(&w, '}');
	/* Once more as a whole: a method or a header's name is the peer's choice as well. */
	if (r == 0 && w.r == 0 && redact_json(t->redactor, buf_slice(&json), &clean) >= 0)
		id = content_blob(t, "http", buf_slice(&clean));
	buf_done(&json);
	buf_done(&clean);
	return id;
}
