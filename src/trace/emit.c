/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/emit.h"

#include <math.h>

#include "base/argv.h"
#include "base/json.h"

#define EMIT_MAX      (16u << 20) /* bytes of one span */
#define EMIT_LIST_MAX 64	  /* elements of a list that somebody else wrote */

void emit_begin(struct emit *e, struct run_state *r, enum step_kind step, uint64_t start_ns)
{
	/* Not as a whole: the attributes are large and written one by one. */
	e->run = r;
	e->mem = arena_new(EMIT_MAX);
	e->n = 0;
	e->start_ns = start_ns;
	e->span = (struct span){
		.run_id = r->id,
		.session_id = r->session_id,
		.step = step,
		.kind = SPAN_INTERNAL,
		.start_ns = clock_wall(&r->t->clock, start_ns, start_ns),
		.usage = llm_usage_unknown,
		.first_token_ns = LLM_UNKNOWN,
	};
}

uint64_t emit_wall(const struct emit *e, uint64_t ts_ns)
{
	return clock_wall(&e->run->t->clock, e->start_ns, ts_ns);
}

void emit_end(struct emit *e, uint64_t end_ns, bool final)
{
	struct trace *t = e->run->t;

	if (end_ns && end_ns < e->start_ns)
		end_ns = e->start_ns;
	e->span.end_ns = emit_wall(e, end_ns);
	e->span.final = final;
	content_drop_missing(t, &e->span);
	assurance_emit(e);
	emit_str(e, ATTR_SOURCE, slice_of(e->run->tree->source));
	e->span.attrs = e->attrs;
	e->span.n_attrs = e->n;
	if (t->config.content != CONTENT_OFF && t->sink->span && !e->run->tree->excluded)
		t->sink->span(t->ctx, &e->span);
	arena_free(e->mem);
}

/* --- text --- */

static struct slice copy_out(struct emit *e, struct buf *b, int r)
{
	struct slice s = { 0 };

	if (r >= 0 && e->mem)
		s = arena_copy(e->mem, buf_slice(b));
	buf_done(b);
	return s;
}

struct slice emit_text(struct emit *e, struct slice s)
{
	struct buf clean = { 0 };
	int r;

	if (s.n == 0)
		return (struct slice){ 0 };
	r = redact(e->run->t->redactor, s, &clean);
	return copy_out(e, &clean, r);
}

struct slice emit_url(struct emit *e, struct slice s)
{
	struct buf clean = { 0 };
	int r = redact_url(e->run->t->redactor, s, &clean);

	return copy_out(e, &clean, r);
}

static struct slice first_arg(struct slice argv)
{
	struct slice arg = argv, rest;

	slice_cut(argv, '\0', &arg, &rest);
	return slice_base(arg);
}

struct slice emit_argv_line(struct emit *e, struct slice argv)
{
	struct buf clean = { 0 };
	int r;

	if (argv.n == 0)
		return (struct slice){ 0 };
	if (!content_keeps_text(e->run->t))
		return emit_text(e, first_arg(argv));
	r = redact_argv(e->run->t->redactor, argv, &clean);
	return copy_out(e, &clean, r);
}

struct slice emit_join(struct emit *e, struct slice a, struct slice b)
{
	struct buf out = { 0 };
	int r = buf_add(&out, a, EMIT_MAX);

	if (r == 0)
		r = buf_add(&out, b, EMIT_MAX);
	return copy_out(e, &out, r);
}

struct slice emit_hex64(struct emit *e, const struct id64 *id)
{
	char hex[ID64_HEX_SIZE];

	id64_hex(id, hex);
	return e->mem ? arena_copy(e->mem, slice_of(hex)) : (struct slice){ 0 };
}

struct slice emit_hex128(struct emit *e, const struct id128 *id)
{
	char hex[ID128_HEX_SIZE];

	id128_hex(id, hex);
	return e->mem ? arena_copy(e->mem, slice_of(hex)) : (struct slice){ 0 };
}

/* --- attributes --- */

static struct attr *add(struct emit *e, const char *name, enum attr_type type)
{
	struct attr *a;

	if (e->n == EMIT_ATTRS_MAX)
		return NULL;
	a = &e->attrs[e->n++];
	*a = (struct attr){ .name = name, .type = type };
	return a;
}

void emit_clean(struct emit *e, const char *name, struct slice s)
{
	struct attr *a = s.n ? add(e, name, ATTR_STRING) : NULL;

	if (a)
		a->s = s;
}

void emit_str(struct emit *e, const char *name, struct slice s)
{
	emit_clean(e, name, emit_text(e, s));
}

void emit_lit(struct emit *e, const char *name, const char *s)
{
	emit_clean(e, name, slice_of(s));
}

void emit_strings(struct emit *e, const char *name, struct slice json)
{
	struct attr *a = json.n ? add(e, name, ATTR_STRINGS) : NULL;

	if (a)
		a->s = json;
}

/* What @w has written, whose buffer is freed. */
static void add_strings(struct emit *e, const char *name, const struct json_writer *w)
{
	if (w->r == 0 && e->mem)
		emit_strings(e, name, arena_copy(e->mem, buf_slice(w->out)));
	buf_done(w->out);
}

void emit_texts(struct emit *e, const char *name, struct slice json)
{
	struct buf out = { 0 };
	struct json_writer w = { .out = &out };
	struct slice value;
	struct json_iter it;

	if (json.n == 0 || !e->mem)
		return;
	json_begin(&w, '[');
	if (!json_array(json, &it))
		json_put_str(&w, emit_text(e, json_text(json, e->mem)));
	else
		for (int i = 0; i < EMIT_LIST_MAX && json_next(&it, &value); i++)
			json_put_str(&w, emit_text(e, json_text(value, e->mem)));
	json_end(&w, ']');
	add_strings(e, name, &w);
}

/* The next word of a line that redact_argv() has quoted, in @out. */
static struct slice next_word(struct slice *line, struct buf *out)
{
	bool quoted = false;
	size_t at = 0;

	out->n = 0;
	for (; at < line->n && (quoted || line->p[at] != ' '); at++) {
		if (line->p[at] == '\'') {
			quoted = !quoted;
			continue;
		}
		if (!quoted && line->p[at] == '\\' && at + 1 < line->n)
			at++;
		buf_add(out, (struct slice){ line->p + at, 1 }, EMIT_MAX);
	}
	*line = slice_from(*line, at < line->n ? at + 1 : line->n);
	return buf_slice(out);
}

/* Made from the line, in which nothing is left that must not be shown. */
static bool emit_words(struct emit *e, struct slice line, struct slice argv)
{
	struct buf out = { 0 }, word = { 0 };
	struct json_writer w = { .out = &out };
	struct slice arg, shown;
	bool same = true;

	json_begin(&w, '[');
	while (line.n) {
		shown = next_word(&line, &word);
		same = same && argv_next(&argv, &arg) && slice_eq(shown, arg);
		json_put_str(&w, shown);
	}
	json_end(&w, ']');
	same = same && w.r == 0 && !argv_next(&argv, &arg);
	add_strings(e, ATTR_PROCESS_ARGS, &w);
	buf_done(&word);
	return same;
}

bool emit_command(struct emit *e, struct slice argv)
{
	const struct slice line = emit_argv_line(e, argv);

	emit_clean(e, ATTR_PROCESS_LINE, line);
	return line.n && emit_words(e, line, argv);
}

void emit_int(struct emit *e, const char *name, int64_t v)
{
	struct attr *a = v != LLM_UNKNOWN ? add(e, name, ATTR_INT) : NULL;

	if (a)
		a->i = v;
}

void emit_double(struct emit *e, const char *name, double v)
{
	struct attr *a = isnan(v) ? NULL : add(e, name, ATTR_DOUBLE);

	if (a)
		a->d = v;
}

void emit_true(struct emit *e, const char *name, bool v)
{
	struct attr *a = v ? add(e, name, ATTR_BOOL) : NULL;

	if (a)
		a->i = 1;
}

void emit_id64(struct emit *e, const char *name, const struct id64 *id)
{
	if (!id64_is_zero(id))
		emit_clean(e, name, emit_hex64(e, id));
}

void emit_id128(struct emit *e, const char *name, const struct id128 *id)
{
	if (!id128_is_zero(id))
		emit_clean(e, name, emit_hex128(e, id));
}

void emit_process(struct emit *e, struct process_key key, struct slice program)
{
	e->span.process = key;
	e->span.program = emit_text(e, program);
}

void emit_agent(struct emit *e, const struct agent_span *a)
{
	e->span.agent = emit_text(e, slice_of(a->name));
	e->span.agent_version = emit_text(e, slice_of(a->version));
}
