/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/jsonrpc.h"

#include <errno.h>

#include "base/json.h"
#include "base/util.h"

#define FIRST_KEY_MAX 512		/* bytes in which a document's first member begins */
#define LINE_KEPT_MAX ((size_t)1 << 20) /* a larger buffer is given back after its line */

void jsonrpc_init(struct jsonrpc *p, struct arena_budget *budget, jsonrpc_fn fn, void *ctx)
{
	*p = (struct jsonrpc){ .budget = budget, .fn = fn, .ctx = ctx };
}

static void free_line(struct jsonrpc *p)
{
	p->budget->used -= p->line.cap;
	buf_done(&p->line);
}

void jsonrpc_done(struct jsonrpc *p)
{
	free_line(p);
}

/* --- one document --- */

static const char *const member_names[] = {
	"jsonrpc", "id", "method", "params", "result", "error"
};

static struct slice without_quotes(struct slice v)
{
	return v.n >= 2 && v.p[0] == '"' ? (struct slice){ v.p + 1, v.n - 2 } : (struct slice){ 0 };
}

static bool is_id(struct slice v)
{
	return v.n && (v.p[0] == '"' || v.p[0] == '-' || (v.p[0] >= '0' && v.p[0] <= '9'));
}

static enum jsonrpc_kind kind_of(const struct jsonrpc_message *m, struct slice result,
				 struct slice error)
{
	if (m->method.n)
		return is_id(m->id) ? JSONRPC_REQUEST : JSONRPC_NOTIFICATION;
	if (result.n)
		return JSONRPC_RESULT;
	return error.n ? JSONRPC_ERROR : JSONRPC_OTHER;
}

/* @json is well formed. */
static void read_message(struct slice json, struct jsonrpc_message *m, jsonrpc_fn fn, void *ctx)
{
	enum { VERSION, ID, METHOD, PARAMS, RESULT, ERROR, N };
	struct slice v[N];

	m->line = json;
	m->is_json = true;
	m->kind = JSONRPC_OTHER;
	if (json_members(json, member_names, v, N) && v[VERSION].n && v[VERSION].p[0] == '"') {
		m->id = v[ID];
		m->method = without_quotes(v[METHOD]);
		m->params = v[PARAMS];
		m->value = v[RESULT].n ? v[RESULT] : v[ERROR];
		m->kind = kind_of(m, v[RESULT], v[ERROR]);
	}
	fn(ctx, m);
}

static void read_batch(struct slice json, const struct jsonrpc_message *blank, jsonrpc_fn fn,
		       void *ctx)
{
	struct json_iter it;
	struct slice element;

	if (!json_array(json, &it))
		return;
	for (int i = 0; i < JSONRPC_BATCH_MAX && json_next(&it, &element); i++) {
		struct jsonrpc_message m = *blank;

		m.batch = true;
		read_message(element, &m, fn, ctx);
	}
}

void jsonrpc_read(struct slice text, const struct jsonrpc_message *blank, jsonrpc_fn fn, void *ctx)
{
	const struct slice json = slice_trim(text);
	struct jsonrpc_message m = *blank;

	m.line = text;
	if (json.n == 0)
		return;
	if (!json_valid(json))
		fn(ctx, &m);
	else if (json.p[0] == '[' && json.n > 2)
		read_batch(json, &m, fn, ctx);
	else
		read_message(json, &m, fn, ctx);
}

static struct slice skip_blanks(struct slice s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t' || *s.p == '\r' || *s.p == '\n'))
		s = slice_from(s, 1);
	return s;
}

int jsonrpc_may_begin(struct slice text)
{
	struct slice s = skip_blanks(text);
	const char *end;

	if (s.n && s.p[0] == '[')
		s = skip_blanks(slice_from(s, 1));
	if (s.n && s.p[0] != '{')
		return 0;
	s = skip_blanks(slice_from(s, 1));
	if (s.n && s.p[0] != '"')
		return 0;
	end = s.n ? memchr(s.p + 1, '"', s.n - 1) : NULL;
	if (!end)
		return text.n < FIRST_KEY_MAX ? -EAGAIN : 0;
	s = (struct slice){ s.p + 1, (size_t)(end - s.p) - 1 };
	for (size_t i = 0; i < ARRAY_SIZE(member_names); i++)
		if (slice_eq(s, slice_of(member_names[i])))
			return 1;
	return 0;
}

static void read_line(struct jsonrpc *p, struct slice line, uint64_t end_ns)
{
	const struct jsonrpc_message blank = { .pos = p->line_pos,
					       .begin_ns = p->begin_ns,
					       .end_ns = end_ns };

	jsonrpc_read(line, &blank, p->fn, p->ctx);
}

/* --- lines --- */

static void drop(struct jsonrpc *p, int r)
{
	p->dropped = r;
	p->skip = true;
	free_line(p);
}

/* Keeps the beginning, or more, of a line that goes on. */
static void keep(struct jsonrpc *p, struct slice part)
{
	const size_t had = p->line.cap, wants = p->line.n + part.n;
	int r;

	if (p->skip)
		return;
	/* A buffer that grows doubles. */
	if (wants > had && p->budget->used - had + 2 * wants > p->budget->max) {
		drop(p, -ENOMEM);
		return;
	}
	r = buf_add(&p->line, part, JSONRPC_MESSAGE_MAX);
	p->budget->used += p->line.cap - had;
	if (r < 0)
		drop(p, r);
}

static void end_line(struct jsonrpc *p, struct slice part, uint64_t ts_ns)
{
	if (p->line.n) {
		keep(p, part);
		part = buf_slice(&p->line);
	}
	if (!p->skip)
		read_line(p, part, ts_ns);
	p->skip = false;
	p->line.n = 0;
	if (p->line.cap > LINE_KEPT_MAX)
		free_line(p);
}

void jsonrpc_feed(struct jsonrpc *p, struct slice in, uint64_t pos, uint64_t ts_ns)
{
	p->dropped = 0;
	while (in.n) {
		const char *end = memchr(in.p, '\n', in.n);
		const size_t n = end ? (size_t)(end - in.p) : in.n;
		const struct slice part = { in.p, n };

		if (p->line.n == 0 && !p->skip) {
			p->line_pos = pos;
			p->begin_ns = ts_ns;
		}
		if (!end) {
			keep(p, part);
			return;
		}
		end_line(p, part, ts_ns);
		in = slice_from(in, n + 1);
		pos += n + 1;
	}
}

/* What follows may be the rest of a line, which then is not well formed, or begin one. */
void jsonrpc_gap(struct jsonrpc *p)
{
	p->skip = false;
	free_line(p);
}

void jsonrpc_finish(struct jsonrpc *p, uint64_t ts_ns)
{
	if (p->line.n && json_valid(buf_slice(&p->line)))
		end_line(p, (struct slice){ 0 }, ts_ns);
	free_line(p);
}
