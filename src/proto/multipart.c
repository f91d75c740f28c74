/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/multipart.h"

#define BOUNDARY_MAX 200 /* RFC 2046 allows 70 */

/* A parameter of a header ("name" in `form-data; name="x"`); false where it is not there. */
static bool parameter(struct slice header, struct slice name, struct slice *ret)
{
	struct slice one, rest, key, value, dropped;

	if (!slice_cut(header, ';', &dropped, &rest))
		return false;
	while (rest.n) {
		rest = slice_trim(rest);
		if (!slice_cut(rest, '=', &key, &value))
			return false;
		if (value.n && value.p[0] == '"') {
			if (!slice_cut(slice_from(value, 1), '"', &one, &rest))
				return false;
			slice_cut(rest, ';', &dropped, &rest);
		} else if (!slice_cut(value, ';', &one, &rest)) {
			one = value;
			rest.n = 0;
		}
		if (slice_ieq(slice_trim(key), name)) {
			*ret = slice_trim(one);
			return true;
		}
	}
	return false;
}

bool multipart_begin(struct slice type, struct slice body, struct multipart *ret)
{
	*ret = (struct multipart){ .rest = body };
	return slice_istarts(type, SLICE("multipart/form-data")) &&
	       parameter(type, SLICE("boundary"), &ret->boundary) && ret->boundary.n &&
	       ret->boundary.n <= BOUNDARY_MAX;
}

/* Where "--boundary" stands next, at the beginning of a line; NULL where it does not. */
static bool is_delimiter(const struct multipart *m, const char *at, const char *end)
{
	return (size_t)(end - at) >= m->boundary.n && memcmp(at, m->boundary.p, m->boundary.n) == 0;
}

/* It begins a line. Lines are looked for and not the boundary, which may be anything. */
static const char *find_delimiter(const struct multipart *m, struct slice in)
{
	const char *end = in.p + in.n, *at = in.p;

	if (slice_starts(in, SLICE("--")) && is_delimiter(m, in.p + 2, end))
		return in.p;
	while (in.n && (at = memmem(at, (size_t)(end - at), "\n--", 3))) {
		at += 3;
		if (is_delimiter(m, at, end))
			return at - 2;
	}
	return NULL;
}

/* A line without its end. */
static bool next_line(struct slice *in, struct slice *ret)
{
	if (!slice_cut(*in, '\n', ret, in))
		return false;
	if (ret->n && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

static void read_header(struct slice line, struct multipart_part *p)
{
	struct slice name, value;

	if (!slice_cut(line, ':', &name, &value))
		return;
	if (slice_ieq(name, SLICE("content-type"))) {
		p->type = slice_trim(value);
	} else if (slice_ieq(name, SLICE("content-disposition"))) {
		parameter(value, SLICE("name"), &p->name);
		p->is_file = parameter(value, SLICE("filename"), &p->filename) ||
			     parameter(value, SLICE("filename*"), &p->filename);
	}
}

/* The data without the line end that belongs to the delimiter after it. */
static struct slice data_before(struct slice rest, const char *delimiter)
{
	struct slice data = { rest.p, (size_t)(delimiter - rest.p) };

	if (data.n && data.p[data.n - 1] == '\n')
		data.n--;
	if (data.n && data.p[data.n - 1] == '\r')
		data.n--;
	return data;
}

bool multipart_next(struct multipart *m, struct multipart_part *ret)
{
	const char *at = find_delimiter(m, m->rest);
	struct slice line;

	*ret = (struct multipart_part){ 0 };
	if (!at) {
		m->cut = true;
		return false;
	}
	m->rest = slice_from(m->rest, (size_t)(at - m->rest.p) + 2 + m->boundary.n);
	if (slice_starts(m->rest, SLICE("--")))
		return false;
	if (++m->parts > MULTIPART_PARTS_MAX || !next_line(&m->rest, &line)) {
		m->cut = true;
		return false;
	}
	do {
		if (!next_line(&m->rest, &line)) {
			m->cut = true;
			return false;
		}
		read_header(line, ret);
	} while (line.n);
	at = find_delimiter(m, m->rest);
	/* An empty part: its delimiter follows the head at once. */
	if (at) {
		ret->data = data_before(m->rest, at);
		m->rest = slice_from(m->rest, (size_t)(at - m->rest.p));
	} else {
		ret->data = m->rest;
		m->rest.n = 0;
		m->cut = true;
	}
	return true;
}
