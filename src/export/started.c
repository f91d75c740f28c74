/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/started.h"

#include <errno.h>

#include "base/json.h"
#include "export/span_attrs.h"

#define MEM_MAX	 (1u << 20)
#define LINE_MAX (4u << 20)

static const char *copy(struct started *s, struct slice text)
{
	const struct slice own = arena_copy(s->mem, text);

	return own.p ? own.p : "";
}

static int take_run(void *ctx, const struct run *run)
{
	struct started *s = ctx;

	s->run = run->run_id;
	s->uid = run->uid;
	s->host = copy(s, run->host);
	s->cwd = copy(s, run->cwd);
	return 0;
}

/* NULL where it is no list of that kind, or holds what no argument can. */
static char **take_args(struct started *s, struct slice json)
{
	char **argv = arena_alloc(s->mem, (STARTED_ARGS_MAX + 1) * sizeof(*argv));
	struct json_iter it;
	struct slice value, text;
	size_t n = 0;

	if (!argv || !json_valid(json) || !json_array(json, &it))
		return NULL;
	while (json_next(&it, &value)) {
		text = json_text(value, s->mem);
		if (n == STARTED_ARGS_MAX || value.p[0] != '"' ||
		    (text.n && memchr(text.p, '\0', text.n)))
			return NULL;
		argv[n++] = (char *)copy(s, text);
	}
	return n && *argv[0] ? argv : NULL;
}

static int take_span(void *ctx, const struct span *span)
{
	struct started *s = ctx;

	if (!id64_is_zero(&span->parent_id))
		return 0;
	s->launched = span_attr_text(span, "sonde.run.launcher").n > 0;
	if (span_attr_int(span, "sonde.run.command_whole") == 1)
		s->argv = take_args(s, span_attr_text(span, "process.command_args"));
	id128_parse(span_attr_text(span, "sonde.run.retry_of"),
		    &s->retry_of); /* or it stays zero */
	return -ECANCELED;	   /* there is no other */
}

int started_read(struct store_reader *r, const struct id128 *run, struct started *ret)
{
	const struct store_filter of_run = { .run = *run },
				  agents = { .run = *run, .step = STEP_AGENT };
	int e;

	*ret = (struct started){ .mem = arena_new(MEM_MAX), .host = "", .cwd = "" };
	if (!ret->mem)
		return -ENOMEM;
	e = store_runs(r, &of_run, take_run, ret);
	if (e == 0 && id128_is_zero(&ret->run))
		e = -ENOENT;
	if (e == 0)
		e = store_spans(r, &agents, take_span, ret);
	if (e < 0 && e != -ECANCELED)
		return e;
	return arena_failed(ret->mem) ? -ENOMEM : 0;
}

void started_done(struct started *s)
{
	arena_free(s->mem);
	*s = (struct started){ 0 };
}

const char *started_why_not(const struct started *s)
{
	if (!s->launched)
		return "it was not started by 'sonde run'";
	if (!s->argv)
		return "its command line was not kept whole: it was too long, had a secret or "
		       "bytes "
		       "that are no text in it, or the content level keeps none";
	return *s->cwd == '/' ? NULL : "the folder that it ran in is not known";
}

/* --- as text --- */

static bool is_plain(const char *word)
{
	const size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-./:=,+@%");

	return n && !word[n];
}

int started_word(const char *word, struct buf *ret)
{
	struct slice rest = slice_of(word), part;
	int r;

	if (is_plain(word))
		return buf_add(ret, rest, LINE_MAX);
	r = buf_add(ret, SLICE("'"), LINE_MAX);
	while (r == 0 && slice_cut(rest, '\'', &part, &rest)) {
		r = buf_add(ret, part, LINE_MAX);
		if (r == 0)
			r = buf_add(ret, SLICE("'\\''"), LINE_MAX);
	}
	if (r == 0)
		r = buf_add(ret, rest, LINE_MAX);
	return r < 0 ? r : buf_add(ret, SLICE("'"), LINE_MAX);
}

int started_line(char *const *argv, struct buf *ret)
{
	int r = 0;

	for (size_t i = 0; argv[i] && r == 0; i++) {
		if (i)
			r = buf_add(ret, SLICE(" "), LINE_MAX);
		if (r == 0)
			r = started_word(argv[i], ret);
	}
	return r;
}
