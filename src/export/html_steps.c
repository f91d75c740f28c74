/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/json.h"
#include "base/utf8.h"
#include "export/html.h"
#include "export/html_text.h"
#include "export/span_json.h"
#include "store/attrs.h"

#define DEPTH_MAX    60
#define TEXT_CHARS   100000	 /* of one argument or result */
#define DETAIL_BYTES (64u << 20) /* of all steps; the rest has its line alone */

/* What unfolds below a step's line, written when its span was lent. */
struct detail {
	struct step_key key;
	UT_hash_handle hh;
	char *html;
	size_t n;
};

struct writing {
	struct html_page *p;
	struct steps steps;
	struct detail *details;
	size_t bytes;
	struct buf text;
};

/* --- a step's details --- */

static void put_blob(struct writing *w, FILE *f, const char *title, const struct id128 *id)
{
	struct slice shown;

	w->text.n = 0;
	if (id128_is_zero(id) || store_content_read(w->p->job->reader, id, &w->text) < 0)
		return;
	shown = utf8_head(buf_slice(&w->text), TEXT_CHARS);
	fprintf(f, "<div class=\"right\">%s</div>", title);
	html_element(f, "pre", NULL, shown);
	if (shown.n < w->text.n)
		fprintf(f, "<p class=\"right\">and %s more</p>",
			format_bytes(w->text.n - shown.n).s);
}

static void put_attrs(struct writing *w, FILE *f, const struct span *s)
{
	struct json_writer json = { .out = &w->text };

	for (size_t i = 0; i < s->n_attrs; i++) {
		const struct attr *a = &s->attrs[i];

		if (a->type == ATTR_STRING) {
			html_fact(f, a->name, a->s);
			continue;
		}
		w->text.n = 0;
		json.comma = false;
		attr_put(&json, a);
		html_fact(f, a->name, buf_slice(&w->text));
	}
}

static void put_facts(struct writing *w, FILE *f, const struct span *s)
{
	char pid[16];

	fputs("<table>\n", f);
	html_fact(f, "name", s->name);
	html_fact(f, "started", slice_of(format_time(s->start_ns).s));
	html_fact(f, "error", s->status_text);
	html_fact(f, "error.type", s->error_type);
	html_fact(f, "provider", s->provider);
	html_fact(f, "model asked for", s->request_model);
	html_fact(f, "model that answered", s->response_model);
	html_fact(f, "server", s->server_address);
	html_fact(f, "finish reason", s->finish_reason);
	html_fact(f, "price", s->cost.key);
	html_fact(f, "linked by", s->evidence);
	html_fact(f, "lost because", s->lost_reason);
	if (s->process.tgid) {
		snprintf(pid, sizeof(pid), "%u", s->process.tgid);
		html_fact(f, "pid", slice_of(pid));
	}
	put_attrs(w, f, s);
	fputs("</table>\n", f);
}

static struct detail *find_detail(const struct writing *w, const struct step *st)
{
	struct detail *d;

	HASH_FIND(hh, w->details, &st->key, sizeof(st->key), d);
	return d;
}

static int add_detail(struct writing *w, const struct span *s, const struct step *st)
{
	struct detail *d = calloc(1, sizeof(*d));
	FILE *f = d ? open_memstream(&d->html, &d->n) : NULL;

	if (!f) {
		free(d);
		return -ENOMEM;
	}
	d->key = st->key;
	put_facts(w, f, s);
	put_blob(w, f, "arguments", &s->args_blob);
	put_blob(w, f, "result", &s->result_blob);
	if (fclose(f) == 0 && d->html)
		HASH_ADD(hh, w->details, key, sizeof(d->key), d);
	if (!d->hh.tbl) {
		free(d->html);
		free(d);
		return -ENOMEM;
	}
	w->bytes += d->n;
	return 0;
}

static int on_span(void *ctx, const struct span *s)
{
	struct writing *w = ctx;
	const struct step *st;

	w->text.n = 0;
	if (!id128_is_zero(&s->args_blob))
		store_content_read(w->p->job->reader, &s->args_blob,
				   &w->text); /* or it stays empty */
	st = steps_put(&w->steps, s, buf_slice(&w->text));
	return st && w->bytes < DETAIL_BYTES ? add_detail(w, s, st) : 0;
}

/* --- the tree --- */

static void put_right(FILE *f, const struct step *st)
{
	fputs(" <span class=\"right\">", f);
	if (st->end_ns > st->start_ns)
		fprintf(f, "%s ", format_duration(st->end_ns - st->start_ns).s);
	if (!st->final)
		fputs("(open) ", f);
	if (st->kind == STEP_LLM && st->usage.input != LLM_UNKNOWN)
		fprintf(f, "%s in ", format_count(st->usage.input).s);
	if (st->kind == STEP_LLM && st->usage.output != LLM_UNKNOWN)
		fprintf(f, "%s out ", format_count(st->usage.output).s);
	if (st->kind == STEP_LLM)
		fputs(st->cost.source == COST_UNKNOWN ? "unpriced"
						      : format_cost(st->cost.pico_usd).s,
		      f);
	fputs("</span>", f);
}

static void put_problem(FILE *f, const struct step *st)
{
	if (st->kind == STEP_PROCESS && st->exit_code > 0)
		fprintf(f, " <span class=\"bad\">exit %lld</span>", (long long)st->exit_code);
	else if (st->status == SPAN_ERROR)
		html_element(f, "span", "bad", st->error.n ? st->error : SLICE(" failed"));
	if (st->lost_bytes)
		fprintf(f, " <span class=\"bad\">lost %s</span>", format_bytes(st->lost_bytes).s);
}

static void put_step(struct writing *w, const struct step *st, int depth)
{
	const struct detail *d = find_detail(w, st);
	FILE *f = w->p->f;

	fprintf(f, "<details%s><summary><span class=\"kind %s\">%s</span> ", depth ? "" : " open",
		step_look_name(st), step_look_name(st));
	html_element(f, "b", NULL, st->label);
	fputc(' ', f);
	html_text(f, st->detail);
	fputc(' ', f);
	put_problem(f, st);
	put_right(f, st);
	fputs("</summary>\n", f);
	if (d)
		fwrite(d->html, 1, d->n, f);
	fputs("</details>\n", f);
	if (!st->child || depth >= DEPTH_MAX)
		return;
	/* beside the details, not in them: what is below a step shows without unfolding it */
	fputs("<div class=\"below\">\n", f);
	for (const struct step *c = st->child; c; c = c->sibling)
		put_step(w, c, depth + 1);
	fputs("</div>\n", f);
}

static void free_details(struct writing *w)
{
	struct detail *d, *next;

	HASH_ITER(hh, w->details, d, next)
	{
		HASH_DEL(w->details, d);
		free(d->html);
		free(d);
	}
}

int html_steps(struct html_page *p)
{
	const struct store_filter filter = { .run = p->run_id };
	struct writing w = { .p = p };
	int r = store_spans(p->job->reader, &filter, on_span, &w);

	if (r >= 0) {
		fputs("<h2>Steps</h2>\n", p->f);
		for (const struct step *st = steps_link(&w.steps, &p->run_id); st; st = st->sibling)
			put_step(&w, st, 0);
		if (w.steps.dropped)
			fprintf(p->f, "<p class=\"bad\">and %s more steps</p>\n",
				format_count((int64_t)w.steps.dropped).s);
	}
	free_details(&w);
	steps_done(&w.steps);
	buf_done(&w.text);
	return r < 0 ? r : 0;
}
