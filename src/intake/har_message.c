/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "base/base64.h"
#include "intake/har.h"

#define HEADERS_MAX 1024
#define PARAMS_MAX  256

/* --- headers --- */

/* A string's text; of another scalar its spelling. */
static struct slice scalar(struct slice value, struct arena *mem)
{
	if (!value.n || value.p[0] == '{' || value.p[0] == '[' || slice_eq(value, SLICE("null")))
		return (struct slice){ 0 };
	return value.p[0] == '"' ? json_text(value, mem) : value;
}

static void add_header(struct http_message *m, struct slice name, struct slice value)
{
	if (name.n && m->n_headers < HEADERS_MAX)
		m->headers[m->n_headers++] =
			(struct http_header){ slice_trim(name), slice_trim(value) };
}

static size_t count_headers(struct slice list)
{
	struct slice key, value;
	struct json_iter it;
	size_t n = 0;

	if (json_array(list, &it))
		while (n < HEADERS_MAX && json_next(&it, &value))
			n++;
	else if (json_object(list, &it))
		while (n < HEADERS_MAX && json_next_member(&it, &key, &value))
			n++;
	return n;
}

/* [{"name":...,"value":...}], or {"name":"value"} as some recorders have it. */
void har_headers(struct slice message, struct arena *mem, struct http_message *ret)
{
	static const char *const names[] = { "name", "value" };
	const struct slice list = json_member(message, SLICE("headers"));
	struct slice v[2], item;
	struct json_iter it;

	ret->n_headers = 0;
	ret->headers = arena_alloc(mem, (count_headers(list) + 1) * sizeof(*ret->headers));
	if (!ret->headers)
		return;
	if (json_array(list, &it))
		while (json_next(&it, &item)) {
			json_members(item, names, v, 2);
			add_header(ret, json_text(v[0], mem), scalar(v[1], mem));
		}
	else if (json_object(list, &it))
		while (json_next_member(&it, &v[0], &v[1]))
			add_header(ret, v[0], scalar(v[1], mem));
}

/* --- bodies --- */

static int64_t count(struct slice value)
{
	int64_t n;

	return json_int64(value, &n) && n >= 0 ? n : -1;
}

static bool has_text(struct slice value)
{
	return value.n > 2 && value.p[0] == '"';
}

static enum har_body read_text(struct slice text, struct slice encoding, struct arena *mem,
			       struct har_content *ret)
{
	if (text.n > HAR_BODY_MAX)
		return HAR_BODY_TOO_LARGE;
	ret->bytes = json_text(text, mem);
	if (!slice_ieq(json_text(encoding, mem), SLICE("base64")))
		return HAR_BODY_HERE;
	return base64_decode(ret->bytes, mem, &ret->bytes) ? HAR_BODY_HERE : HAR_BODY_BAD;
}

/* --- of a request --- */

static void add(struct arena *mem, struct buf *b, struct slice s)
{
	arena_add(mem, b, s);
}

/* One field of a form as the URL standard writes it. */
static void add_escaped(struct arena *mem, struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];
		char text[4];

		if (c > ' ' && c < 0x7f && !strchr("%&=+#", c))
			snprintf(text, sizeof(text), "%c", c);
		else
			snprintf(text, sizeof(text), "%%%02X", c);
		add(mem, b, slice_of(text));
	}
}

/* One part of a form with files: their bytes are not in the file. */
static void add_part(struct arena *mem, struct buf *b, struct slice boundary, struct slice name,
		     struct slice value, struct slice file)
{
	add(mem, b, SLICE("--"));
	add(mem, b, boundary);
	add(mem, b, SLICE("\r\nContent-Disposition: form-data; name=\""));
	add(mem, b, name);
	if (file.n) {
		add(mem, b, SLICE("\"; filename=\""));
		add(mem, b, file);
	}
	add(mem, b, SLICE("\"\r\n\r\n"));
	add(mem, b, value);
	add(mem, b, SLICE("\r\n"));
}

static struct slice boundary_of(struct slice mime_type)
{
	const struct slice word = SLICE("boundary=");
	const char *at = mime_type.n ? memmem(mime_type.p, mime_type.n, word.p, word.n) : NULL;
	struct slice value;

	if (!at)
		return (struct slice){ 0 };
	value = slice_trim(slice_from(mime_type, (size_t)(at - mime_type.p) + word.n));
	slice_cut(value, ';', &value, &(struct slice){ 0 });
	if (value.n > 2 && value.p[0] == '"')
		value = (struct slice){ value.p + 1, value.n - 2 };
	return value;
}

/* A form's fields put together again, as far as they are there. */
static struct slice form_of(struct slice params, struct slice mime_type, struct arena *mem)
{
	static const char *const names[] = { "name", "value", "fileName" };
	const struct slice boundary = boundary_of(mime_type);
	struct buf out = { 0 };
	struct slice v[3], item;
	struct json_iter it;

	if (!json_array(params, &it))
		return (struct slice){ 0 };
	for (int i = 0; i < PARAMS_MAX && json_next(&it, &item); i++) {
		json_members(item, names, v, 3);
		for (int k = 0; k < 3; k++)
			v[k] = scalar(v[k], mem);
		if (boundary.n) {
			add_part(mem, &out, boundary, v[0], v[1], v[2]);
			continue;
		}
		add(mem, &out, out.n ? SLICE("&") : (struct slice){ 0 });
		add_escaped(mem, &out, v[0]);
		add(mem, &out, SLICE("="));
		add_escaped(mem, &out, v[1]);
	}
	if (boundary.n && out.n) {
		add(mem, &out, SLICE("--"));
		add(mem, &out, boundary);
		add(mem, &out, SLICE("--\r\n"));
	}
	return buf_slice(&out);
}

enum har_body har_request_body(const struct har_entry *e, struct arena *mem,
			       struct har_content *ret)
{
	enum { MIME, TEXT, PARAMS, ENCODING, ENCODING_2, FILE_NAME, SHA1, N };
	static const char *const names[N] = { "mimeType",  "text",  "params", "encoding",
					      "_encoding", "_file", "_sha1" };
	struct slice data = json_member(e->request, SLICE("postData")), v[N];

	/* What is no text one recorder keeps elsewhere. */
	if (!data.n)
		data = json_member(e->request, SLICE("_content"));
	json_members(data, names, v, N);
	*ret = (struct har_content){ .mime_type = v[MIME] };
	ret->wire_bytes = count(json_member(e->request, SLICE("bodySize")));
	if (has_text(v[TEXT]))
		return read_text(v[TEXT], v[ENCODING].n ? v[ENCODING] : v[ENCODING_2], mem, ret);
	ret->bytes = form_of(v[PARAMS], json_text(v[MIME], mem), mem);
	if (ret->bytes.n)
		return HAR_BODY_HERE;
	if (has_text(v[FILE_NAME]) || has_text(v[SHA1]))
		return HAR_BODY_ELSEWHERE;
	if (json_is(e->method, "GET") || json_is(e->method, "HEAD") ||
	    json_is(e->method, "OPTIONS") || ret->wire_bytes == 0)
		return HAR_BODY_NONE;
	return HAR_BODY_MISSING;
}

/* --- of a response --- */

/* Each line of an event's data is a line of the stream. */
static void add_data(struct arena *mem, struct buf *b, struct slice data)
{
	struct slice line;

	for (bool more = true; more;) {
		more = slice_cut(data, '\n', &line, &data);
		add(mem, b, SLICE("data: "));
		add(mem, b, more ? line : data);
		add(mem, b, SLICE("\n"));
	}
}

/* The events of a stream, whose text the recorder left out, as they were sent. */
static struct slice stream_of(struct slice events, struct arena *mem)
{
	static const char *const names[] = { "eventName", "data" };
	struct slice v[2], item;
	struct buf out = { 0 };
	struct json_iter it;

	if (events.n > HAR_BODY_MAX || !json_array(events, &it))
		return (struct slice){ 0 };
	while (json_next(&it, &item)) {
		json_members(item, names, v, 2);
		if (!has_text(v[1]))
			continue;
		if (has_text(v[0]) && !json_is(v[0], "message")) {
			add(mem, &out, SLICE("event: "));
			add(mem, &out, json_text(v[0], mem));
			add(mem, &out, SLICE("\n"));
		}
		add_data(mem, &out, json_text(v[1], mem));
		add(mem, &out, SLICE("\n"));
	}
	return buf_slice(&out);
}

static bool has_no_body(const struct har_entry *e)
{
	return e->status < 200 || e->status == 204 || e->status == 304 ||
	       json_is(e->method, "HEAD");
}

enum har_body har_response_body(const struct har_entry *e, struct arena *mem,
				struct har_content *ret)
{
	enum { MIME, TEXT, ENCODING, SIZE, FILE_NAME, SHA1, N };
	static const char *const names[N] = { "mimeType", "text",  "encoding",
					      "size",	  "_file", "_sha1" };
	struct slice v[N];

	json_members(json_member(e->response, SLICE("content")), names, v, N);
	*ret = (struct har_content){ .mime_type = v[MIME] };
	ret->wire_bytes = count(json_member(e->response, SLICE("bodySize")));
	if (has_text(v[TEXT]))
		return read_text(v[TEXT], v[ENCODING], mem, ret);
	ret->bytes = stream_of(e->events, mem);
	if (ret->bytes.n)
		return HAR_BODY_HERE;
	if (has_text(v[FILE_NAME]) || has_text(v[SHA1]))
		return HAR_BODY_ELSEWHERE;
	if (has_no_body(e) || (ret->wire_bytes <= 0 && v[TEXT].n == 2 && count(v[SIZE]) <= 0) ||
	    (ret->wire_bytes == 0 && count(v[SIZE]) == 0))
		return HAR_BODY_NONE;
	return HAR_BODY_MISSING;
}
