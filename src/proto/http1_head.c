/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/http1_head.h"

#include <errno.h>

#include "base/buf.h"
#include "base/util.h"
#include "proto/header.h"

static const struct slice methods[] = {
	{ "GET ", 4 },	  { "POST ", 5 },    { "PUT ", 4 },	 { "DELETE ", 7 },
	{ "HEAD ", 5 },	  { "OPTIONS ", 8 }, { "PATCH ", 6 },	 { "CONNECT ", 8 },
	{ "TRACE ", 6 },  { "QUERY ", 6 },   { "PROPFIND ", 9 }, { "PROPPATCH ", 10 },
	{ "REPORT ", 7 }, { "SEARCH ", 7 },  { "MKCOL ", 6 },	 { "COPY ", 5 },
	{ "MOVE ", 5 },	  { "LOCK ", 5 },    { "UNLOCK ", 7 },	 { "PURGE ", 6 },
	{ "NOTIFY ", 7 }, { "LINK ", 5 },    { "UNLINK ", 7 },	 { "SUBSCRIBE ", 10 },
	{ "BATCH ", 6 },
};

static const struct slice version = { "HTTP/1.", 7 };

/* How @s and @whole agree as far as both go. */
static enum http_match match(struct slice s, struct slice whole)
{
	size_t n = s.n < whole.n ? s.n : whole.n;

	if (memcmp(s.p, whole.p, n) != 0)
		return HTTP_NO;
	return n == whole.n ? HTTP_YES : HTTP_MORE;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum http_match http1_starts_response(struct slice first)
{
	enum http_match m = match(first, version);

	if (m != HTTP_YES || first.n == version.n)
		return m == HTTP_NO ? HTTP_NO : HTTP_MORE;
	return is_digit(first.p[version.n]) ? HTTP_YES : HTTP_NO;
}

enum http_match http1_starts_request(struct slice first)
{
	enum http_match best = HTTP_NO;

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		size_t n = methods[i].n;
		enum http_match m = match(first, methods[i]);

		/* A target follows: "/path", "*", "http://host/path" or "host:port". */
		if (m == HTTP_YES && first.n > n)
			return first.p[n] > ' ' && first.p[n] < 0x7f ? HTTP_YES : HTTP_NO;
		if (m != HTTP_NO)
			best = HTTP_MORE;
	}
	return best;
}

/* "HTTP/1.x" */
static bool read_version(struct slice s, unsigned *ret_minor)
{
	if (s.n != version.n + 1 || !slice_starts(s, version) || !is_digit(s.p[version.n]))
		return false;
	*ret_minor = (unsigned)(s.p[version.n] - '0');
	return true;
}

/* HTTP-version SP status-code [SP reason] */
static int read_status_line(struct slice line, struct http1_head *h)
{
	struct slice code = slice_trim(slice_from(line, version.n + 1));

	if (!read_version((struct slice){ line.p, version.n + 1 }, &h->minor) || code.n < 3 ||
	    line.p[version.n + 1] != ' ' || (code.n > 3 && is_digit(code.p[3])))
		return -EBADMSG;
	for (size_t i = 0; i < 3; i++) {
		if (!is_digit(code.p[i]))
			return -EBADMSG;
		h->status = h->status * 10 + (code.p[i] - '0');
	}
	return h->status >= 100 ? 0 : -EBADMSG;
}

/* method SP target SP HTTP-version; blanks inside a target were seen, though none may be there. */
static int read_request_line(struct slice line, struct http1_head *h)
{
	const char *last = memrchr(line.p, ' ', line.n);
	struct slice rest;

	if (!last || !slice_cut(line, ' ', &h->method, &rest) || last < rest.p)
		return -EBADMSG;
	h->target = slice_trim((struct slice){ rest.p, (size_t)(last - rest.p) });
	if (!read_version(slice_from(line, (size_t)(last - line.p) + 1), &h->minor))
		return -EBADMSG;
	return h->method.n && h->target.n ? 0 : -EBADMSG;
}

static int read_start_line(struct slice line, struct http1_head *h)
{
	if (slice_starts(line, version) && line.n > version.n + 1)
		return read_status_line(line, h);
	return read_request_line(line, h);
}

/* Takes the next line from *@rest, without its end. */
static struct slice next_line(struct slice *rest)
{
	struct slice line = *rest;

	if (!slice_cut(*rest, '\n', &line, rest))
		*rest = (struct slice){ 0 };
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static size_t count_lines(struct slice s)
{
	struct slice line;
	size_t n = 1;

	while (slice_cut(s, '\n', &line, &s))
		n++;
	return n;
}

/* A line that begins with a blank continues the value above it (RFC 9112 §5.2). */
static void unfold(char *head, struct slice line, struct http_header *above)
{
	size_t from = (size_t)(above->value.p + above->value.n - head);
	size_t to = (size_t)(line.p - head);

	memset(head + from, ' ', to - from);
	above->value.n = to + line.n - (size_t)(above->value.p - head);
	above->value = slice_trim(above->value);
}

int http1_parse(struct arena *mem, char *head, size_t n, struct http1_head *ret)
{
	struct slice rest = { head, n }, line, name, value;
	struct http1_head h = { 0 };
	int r = read_start_line(next_line(&rest), &h);

	if (r < 0)
		return r;
	h.headers = arena_alloc(mem, count_lines(rest) * sizeof(*h.headers));
	if (!h.headers)
		return -ENOMEM;
	while (rest.n) {
		line = next_line(&rest);
		if (line.n == 0)
			break;
		if ((line.p[0] == ' ' || line.p[0] == '\t') && h.n_headers) {
			unfold(head, line, &h.headers[h.n_headers - 1]);
			continue;
		}
		/* A line that is no field is the sender's mistake; recipients go on. */
		if (!slice_cut(line, ':', &name, &value))
			continue;
		h.headers[h.n_headers++] =
			(struct http_header){ slice_trim(name), slice_trim(value) };
	}
	*ret = h;
	return 0;
}

/* All Content-Length values must be one number (RFC 9110 §8.6). */
static bool read_length(struct slice values, bool *known, uint64_t *length)
{
	struct slice one;
	uint64_t v;

	while (values.p) {
		struct slice rest = { 0 };

		if (!slice_cut(values, ',', &one, &rest))
			one = values;
		values = rest;
		if (!slice_u64(slice_trim(one), &v) || (*known && v != *length))
			return false;
		*known = true;
		*length = v;
	}
	return true;
}

static struct slice last_of_list(struct slice list)
{
	const char *comma = list.n ? memrchr(list.p, ',', list.n) : NULL;

	return slice_trim(comma ? slice_from(list, (size_t)(comma - list.p) + 1) : list);
}

enum http1_framing http1_framing(const struct http1_head *head, uint64_t *ret_length)
{
	struct slice transfer = { 0 };
	bool known = false, bad = false;
	uint64_t length = 0;

	for (size_t i = 0; i < head->n_headers; i++) {
		const struct http_header *f = &head->headers[i];

		if (slice_ieq(f->name, SLICE("transfer-encoding")))
			transfer = f->value;
		else if (slice_ieq(f->name, SLICE("content-length")))
			bad |= !read_length(f->value, &known, &length);
	}
	/* Transfer-Encoding overrides Content-Length. */
	if (transfer.n && slice_ieq(last_of_list(transfer), SLICE("chunked")))
		return HTTP1_CHUNKED;
	if (transfer.n && !slice_ieq(transfer, SLICE("identity")))
		return head->status ? HTTP1_UNTIL_CLOSE : HTTP1_BAD_FRAMING;
	if (bad)
		return HTTP1_BAD_FRAMING;
	if (known) {
		*ret_length = length;
		return length ? HTTP1_LENGTH : HTTP1_NO_BODY;
	}
	return head->status ? HTTP1_UNTIL_CLOSE : HTTP1_NO_BODY;
}

struct slice http1_codings(const struct http1_head *head, struct arena *mem)
{
	struct buf all = { 0 };

	header_content_codings(head->headers, head->n_headers, mem, &all);
	for (size_t i = 0; i < head->n_headers; i++) {
		struct slice list = head->headers[i].value, one;

		if (!slice_ieq(head->headers[i].name, SLICE("transfer-encoding")))
			continue;
		for (bool more = true; more;) {
			more = slice_cut(list, ',', &one, &list);
			one = slice_trim(more ? one : list);
			if (one.n && !slice_ieq(one, SLICE("chunked")))
				header_add_codings(mem, &all, one);
		}
	}
	return buf_slice(&all);
}

static struct slice find_host(const struct http1_head *head)
{
	for (size_t i = 0; i < head->n_headers; i++)
		if (slice_ieq(head->headers[i].name, SLICE("host")))
			return head->headers[i].value;
	return (struct slice){ 0 };
}

void http1_target(const struct http1_head *head, struct slice *ret_path, struct slice *ret_host)
{
	struct slice target = head->target, host = find_host(head), rest;
	const char *end;

	if (slice_eq(head->method, SLICE("CONNECT")) && host.n == 0)
		host = target;
	if (slice_istarts(target, SLICE("http://")) || slice_istarts(target, SLICE("https://"))) {
		rest = slice_from(target, target.p[4] == ':' ? 7 : 8);
		end = rest.n ? memchr(rest.p, '/', rest.n) : NULL;
		target = end ? slice_from(rest, (size_t)(end - rest.p)) : SLICE("/");
		host = (struct slice){ rest.p, end ? (size_t)(end - rest.p) : rest.n };
		slice_cut(host, '@', &rest, &host); /* a name and password */
	}
	*ret_path = target;
	*ret_host = header_without_default_port(host);
}
