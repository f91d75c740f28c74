/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run as one file to pass on: no script, nothing that is loaded, readable with styles off. What
 * comes from traffic is text and nothing else (html_text.h); the policy in the head is the second
 * lock on that door.
 */
#include "export/html.h"

#include <errno.h>

#include "base/format.h"
#include "base/json.h"
#include "export/html_text.h"
#include "export/span_json.h"

static const char head[] =
	"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	"'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"referrer\" content=\"no-referrer\">\n";

static const char style[] =
	"<style>\n"
	":root{color-scheme:light dark;--dim:#777;--line:#8884;--bad:#c33;--llm:#087ea4;"
	"--tool:#2a8a3e}\n"
	"body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 "
	"1rem}\n"
	"h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid "
	"var(--line)}\n"
	"table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.15rem "
	".8rem .15rem 0}\n"
	"th{font-weight:500;color:var(--dim);white-space:nowrap}td{overflow-wrap:anywhere}\n"
	"td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
	"pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8881;padding:.6rem;margin:"
	".3rem 0}\n"
	"details{margin-left:1.2rem}summary{cursor:pointer}div.below{margin-left:1.2rem}\n"
	".kind{display:inline-block;min-width:4.5rem;color:var(--dim)}.llm{color:var(--llm)}"
	".tool,.mcp{color:var(--tool)}\n"
	".right{color:var(--dim)}.bad{color:var(--bad)}.role{font-weight:600;margin-top:1rem}\n"
	"@media print{details{break-inside:avoid}}\n"
	"</style>\n";

static void put_title(struct html_page *p, const struct run *r)
{
	char hex[ID128_HEX_SIZE];

	id128_hex(&r->run_id, hex);
	fprintf(p->f, "%s<title>run %.8s</title>\n%s</head>\n<body>\n<h1>run %.8s ", head, hex,
		style, hex);
	html_text(p->f, r->agent);
	fputc(' ', p->f);
	html_text(p->f, r->agent_version);
	fprintf(p->f, " <span class=\"%s\">%s</span>",
		r->status == RUN_FAILED || r->status == RUN_TIMED_OUT ? "bad" : "ok",
		run_status_name(r->status));
	fputs("</h1>\n", p->f);
	html_element(p->f, "p", "task", r->task);
}

static void put_facts(struct html_page *p, const struct run *r)
{
	char hex[ID128_HEX_SIZE];

	id128_hex(&r->run_id, hex);
	fputs("<table>\n", p->f);
	html_fact(p->f, "id", slice_of(hex));
	html_fact(p->f, "status", r->status_reason);
	html_fact(p->f, "started", slice_of(format_time(r->start_ns).s));
	if (r->end_ns > r->start_ns)
		html_fact(p->f, "took", slice_of(format_duration(r->end_ns - r->start_ns).s));
	html_fact(p->f, "command", r->command);
	html_fact(p->f, "where", r->cwd);
	html_fact(p->f, "project", r->project);
	html_fact(p->f, "workflow", r->workflow);
	html_fact(p->f, "trigger", r->trigger);
	html_fact(p->f, "triggered by", r->trigger_name);
	html_fact(p->f, "user", r->user);
	html_fact(p->f, "host", r->host);
	html_fact(p->f, "ran in", r->resource);
	html_fact(p->f, "assurance", r->assurance);
	fputs("</table>\n", p->f);
}

static void put_count(struct html_page *p, const char *name, int64_t n)
{
	if (n != LLM_UNKNOWN)
		html_fact(p->f, name, slice_of(format_count(n).s));
}

static void put_costs(struct html_page *p, const struct run *r)
{
	fputs("<h2>Costs</h2>\n<table>\n", p->f);
	put_count(p, "model calls", r->llm_calls);
	put_count(p, "tool calls", r->tool_calls);
	put_count(p, "processes", r->processes);
	put_count(p, "errors", r->errors);
	html_fact(p->f, "models", r->models);
	put_count(p, "tokens in", r->usage.input);
	put_count(p, "of them cached", r->usage.cache_read);
	put_count(p, "tokens out", r->usage.output);
	put_count(p, "of them reasoning", r->usage.reasoning);
	if (r->llm_calls > 0)
		html_fact(p->f, "cost",
			  slice_of(r->unpriced_calls >= r->llm_calls
					   ? "unpriced"
					   : format_costs(r->cost_pico_usd, r->equivalent_pico_usd)
						     .s));
	if (r->unpriced_calls > 0)
		put_count(p, "calls without a price", r->unpriced_calls);
	if (r->usage_unknown_calls > 0)
		put_count(p, "calls without token counts", r->usage_unknown_calls);
	fputs("</table>\n", p->f);
}

/* What was not seen, and what is worth knowing. */
static void put_loss(struct html_page *p, const struct run *r)
{
	_cleanup_(cJSON_Deletep) cJSON *notes = json_parse(r->notes);
	const cJSON *note;

	if (!r->lost_bytes && !r->writable_by_agent && cJSON_GetArraySize(notes) == 0)
		return;
	fputs("<h2>What was not seen</h2>\n<ul>\n", p->f);
	if (r->lost_bytes)
		fprintf(p->f,
			"<li class=\"bad\">%s were not captured; the steps that they hurt say so\n",
			format_bytes(r->lost_bytes).s);
	cJSON_ArrayForEach (note, notes)
		if (cJSON_IsString(note)) {
			fputs("<li>", p->f);
			html_text(p->f, slice_of(note->valuestring));
			fputc('\n', p->f);
		}
	if (r->writable_by_agent)
		fputs("<li>the store belonged to the user whom the command ran as: the agent could "
		      "have changed it\n",
		      p->f);
	fputs("</ul>\n", p->f);
}

static int put_page(void *ctx, const struct run *run)
{
	struct html_page *p = ctx;
	int r;

	p->run_id = run->run_id;
	put_title(p, run);
	put_facts(p, run);
	put_costs(p, run);
	put_loss(p, run);
	r = html_steps(p);
	if (r >= 0)
		r = html_chat(p);
	if (r >= 0)
		r = html_system(p);
	fputs("</body>\n</html>\n", p->f);
	return r < 0 ? r : ferror(p->f) ? -EPIPE : 0;
}

static int write_html(const struct export_job *job)
{
	struct html_page p = { .job = job, .f = job->out };

	return store_runs(job->reader, &job->filter, put_page, &p);
}

const struct exporter export_html = {
	.name = "html",
	.one_run = true,
	.write = write_html,
};
