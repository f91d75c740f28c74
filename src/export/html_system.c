/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "base/format.h"
#include "base/util.h"
#include "export/html.h"
#include "export/html_text.h"
#include "export/span_json.h"

/* One table of the section: which steps it has, and its columns after the time. */
struct part {
	enum step_kind kind;
	const char *title, *columns;
	void (*row)(FILE *f, const struct span *s);
};

struct writing {
	struct html_page *p;
	const struct part *part;
	size_t n;
};

static void put_cell(FILE *f, struct slice text)
{
	fputs("<td>", f);
	html_text(f, text);
}

static void put_error(FILE *f, const struct span *s)
{
	fputs("<td class=\"bad\">", f);
	if (s->status == SPAN_ERROR)
		html_text(f, s->error_type.n ? s->error_type : SLICE("failed"));
}

static void put_command(FILE *f, const struct span *s)
{
	const int64_t code = span_attr_int(s, "process.exit.code");
	const struct slice line = span_attr_text(s, "process.command_line");

	put_cell(f, line.n ? line : s->program);
	if (code != LLM_UNKNOWN)
		fprintf(f, "<td class=\"n%s\">%lld", code ? " bad" : "", (long long)code);
	else
		fputs("<td>", f);
}

static void put_file(FILE *f, const struct span *s)
{
	const struct slice path = span_attr_text(s, "file.path");
	const int64_t bytes = span_attr_int(s, "sonde.file.bytes_written");

	put_cell(f, path.n ? path : s->name);
	put_cell(f, span_attr_text(s, "sonde.file.operation"));
	fprintf(f, "<td class=\"n\">%s", bytes >= 0 ? format_bytes((uint64_t)bytes).s : "");
	put_error(f, s);
}

static void put_peer(FILE *f, const struct span *s)
{
	put_cell(f, s->server_address.n ? s->server_address : s->name);
	fprintf(f, s->server_port > 0 ? "<td class=\"n\">%d" : "<td>", s->server_port);
	put_cell(f, span_attr_text(s, "sonde.network.results"));
	put_error(f, s);
}

static const struct part parts[] = {
	{ STEP_PROCESS, "Commands", "<th>command<th>exit", put_command },
	{ STEP_FILE, "Files", "<th>path<th>what<th>written<th>", put_file },
	{ STEP_NETWORK, "Connections", "<th>peer<th>port<th>results<th>", put_peer },
};

static int on_span(void *ctx, const struct span *s)
{
	struct writing *w = ctx;
	FILE *f = w->p->f;

	if (w->n++ == 0)
		fprintf(f, "<h2>%s</h2>\n<table>\n<tr><th>time%s<th>\n", w->part->title,
			w->part->columns);
	fprintf(f, "<tr><td class=\"n\">%s", format_clock(s->start_ns).s);
	w->part->row(f, s);
	fputs("<td class=\"bad\">", f);
	if (span_attr_int(s, "sonde.unexplained") > 0)
		fputs("no tool call explains it", f);
	fputc('\n', f);
	return ferror(f) ? -EPIPE : 0;
}

int html_system(struct html_page *p)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && r >= 0; i++) {
		const struct store_filter filter = { .run = p->run_id, .step = parts[i].kind };
		struct writing w = { .p = p, .part = &parts[i] };

		r = store_spans(p->job->reader, &filter, on_span, &w);
		if (w.n)
			fputs("</table>\n", p->f);
	}
	return r < 0 ? r : 0;
}
