/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/prometheus.h"

#include "base/util.h"

static void put(struct prometheus *p, struct slice s)
{
	if (p->r == 0)
		p->r = buf_add(p->out, s, SIZE_MAX);
}

static void put_str(struct prometheus *p, const char *s)
{
	put(p, slice_of(s));
}

/* @v / 10^@digits without what is not needed: "12", "0.0025". */
static void put_number(struct prometheus *p, int64_t v, int digits)
{
	char text[48];
	uint64_t n = v < 0 ? -(uint64_t)v : (uint64_t)v;
	size_t at = sizeof(text);
	bool seen = false; /* a digit behind the point that is not 0 */

	for (int i = 0; i < digits; i++, n /= 10) {
		seen |= n % 10 != 0;
		if (seen)
			text[--at] = (char)('0' + n % 10);
	}
	if (seen)
		text[--at] = '.';
	do
		text[--at] = (char)('0' + n % 10);
	while (n /= 10);
	if (v < 0)
		text[--at] = '-';
	put(p, (struct slice){ text + at, sizeof(text) - at });
}

/* A value between quotes. Control characters are not in it. */
static void put_escaped(struct prometheus *p, struct slice s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '"' && s.p[i] != '\\' && s.p[i] != '\n')
			continue;
		put(p, (struct slice){ s.p + from, i - from });
		put(p, s.p[i] == '\n'  ? SLICE("\\n")
		       : s.p[i] == '"' ? SLICE("\\\"")
				       : SLICE("\\\\"));
		from = i + 1;
	}
	put(p, slice_from(s, from));
}

void prometheus_family(struct prometheus *p, const char *name, enum prometheus_type type,
		       const char *help)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	/* OpenMetrics names the family, Prometheus' own format the samples. */
	const char *suffix = type == PROMETHEUS_COUNTER && !p->openmetrics ? "_total" : "";

	p->name = name;
	p->type = type;
	put(p, SLICE("# HELP "));
	put_str(p, name);
	put_str(p, suffix);
	put(p, SLICE(" "));
	put_str(p, help);
	put(p, SLICE("\n# TYPE "));
	put_str(p, name);
	put_str(p, suffix);
	put(p, SLICE(" "));
	put_str(p, types[type]);
	put(p, SLICE("\n"));
}

/* name="value",...; whether there is any. */
static bool put_labels(struct prometheus *p, const struct prometheus_label *labels, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!labels[i].value.n)
			continue;
		if (any)
			put(p, SLICE(","));
		put_str(p, labels[i].name);
		put(p, SLICE("=\""));
		put_escaped(p, labels[i].value);
		put(p, SLICE("\""));
		any = true;
	}
	return any;
}

/* name_suffix{labels,more} value; @labels: already written. */
static void put_line(struct prometheus *p, const char *suffix, struct slice labels,
		     struct slice more, int64_t v, int digits)
{
	put_str(p, p->name);
	put_str(p, suffix);
	if (labels.n || more.n) {
		put(p, SLICE("{"));
		put(p, labels);
		if (labels.n && more.n)
			put(p, SLICE(","));
		put(p, more);
		put(p, SLICE("}"));
	}
	put(p, SLICE(" "));
	put_number(p, v, digits);
	put(p, SLICE("\n"));
}

void prometheus_sample(struct prometheus *p, const struct prometheus_label *labels, size_t n,
		       int64_t v, int digits)
{
	struct buf text = { 0 };
	struct prometheus q = { .out = &text };

	put_labels(&q, labels, n);
	if (q.r < 0)
		p->r = q.r;
	put_line(p, p->type == PROMETHEUS_COUNTER ? "_total" : "", buf_slice(&text),
		 (struct slice){ 0 }, v, digits);
	buf_done(&text);
}

void prometheus_end(struct prometheus *p)
{
	if (p->openmetrics)
		put(p, SLICE("# EOF\n"));
}

/* --- what spans come to --- */

enum { COUNT = 0, NS = 9, PICO = 12 }; /* digits behind the point of the unit that is shown */

static const struct {
	const char *name;
	int digits;
	const char *help;
} families[METRIC_NR] = {
	[METRIC_CALLS] = { "sonde_llm_calls", COUNT, "Model calls that have ended." },
	[METRIC_TOKENS] = { "sonde_llm_tokens", COUNT,
			    "Tokens of model calls. cache_read and cache_write are parts of input, "
			    "reasoning of output." },
	[METRIC_COST] = { "sonde_llm_cost_usd", PICO,
			  "Cost of model calls that are paid one by one." },
	[METRIC_EQUIVALENT] = { "sonde_llm_equivalent_cost_usd", PICO,
				"What model calls that a subscription covers would have cost." },
	[METRIC_UNPRICED] = { "sonde_llm_unpriced_calls", COUNT,
			      "Answered model calls whose price is not known." },
	[METRIC_USAGE_UNKNOWN] = { "sonde_llm_usage_unknown_calls", COUNT,
				   "Answered model calls whose tokens nobody told." },
	[METRIC_ERRORS] = { "sonde_llm_errors", COUNT, "Model calls that failed." },
	[METRIC_LOST] = { "sonde_llm_lost_bytes", COUNT,
			  "Bytes of model calls that were not seen." },
	[METRIC_TOOL_CALLS] = { "sonde_tool_calls", COUNT, "Tool calls that have ended." },
	[METRIC_TOOL_ERRORS] = { "sonde_tool_errors", COUNT, "Tool calls that failed." },
	[METRIC_RUNS] = { "sonde_runs", COUNT, "Runs that have ended, by how." },
	[METRIC_CORRECTIONS] = { "sonde_corrections", COUNT,
				 "Spans that were corrected after they were final." },
	[METRIC_DURATION] = { "sonde_llm_duration_seconds", NS,
			      "Model calls from request to the answer's end." },
	[METRIC_FIRST_TOKEN] = { "sonde_llm_time_to_first_token_seconds", NS,
				 "Model calls from request to the first piece of a streamed "
				 "answer." },
	[METRIC_TOKEN_USAGE] = { "sonde_llm_call_tokens", COUNT, "Tokens of each model call." },
	[METRIC_TOOL_DURATION] = { "sonde_tool_duration_seconds", NS, "Tool calls." },
	[METRIC_MCP_DURATION] = { "sonde_mcp_request_duration_seconds", NS,
				  "MCP requests, as the side that asks sees them." },
	[METRIC_RUN_DURATION] = { "sonde_run_duration_seconds", NS, "Runs that have ended." },
};

const char *prometheus_name(enum metric_id which)
{
	return families[which].name;
}

struct page {
	struct prometheus *p;
	enum metric_id which;
	struct buf labels;
	bool begun;
};

static void put_histogram(struct page *page, const struct metric_series *s)
{
	const struct metric_def *d = &metric_defs[page->which];
	const struct slice labels = buf_slice(&page->labels);
	const int digits = families[page->which].digits;
	int64_t n = 0;
	struct buf le = { 0 };
	struct prometheus q = { .out = &le };

	for (size_t i = 0; i <= d->n_buckets; i++) {
		le.n = 0;
		put(&q, SLICE("le=\""));
		if (i < d->n_buckets)
			put_number(&q, d->buckets[i], digits);
		else
			put(&q, SLICE("+Inf"));
		if (i < d->n_buckets && page->p->openmetrics &&
		    d->buckets[i] % (digits ? 1000000000 : 1) == 0)
			put(&q, SLICE(".0")); /* its numbers are floats there */
		put(&q, SLICE("\""));
		n += s->values[i];
		put_line(page->p, "_bucket", labels, buf_slice(&le), n, COUNT);
	}
	put_line(page->p, "_sum", labels, (struct slice){ 0 }, s->values[d->n_buckets + 1], digits);
	put_line(page->p, "_count", labels, (struct slice){ 0 }, n, COUNT);
	if (q.r < 0)
		page->p->r = q.r;
	buf_done(&le);
}

static int put_series(void *ctx, const struct metric_series *s)
{
	struct page *page = ctx;
	const bool counter = !metric_defs[page->which].buckets;
	struct prometheus_label labels[LABEL_NR];
	struct prometheus q = { .out = &page->labels };

	if (!page->begun)
		prometheus_family(page->p, families[page->which].name,
				  counter ? PROMETHEUS_COUNTER : PROMETHEUS_HISTOGRAM,
				  families[page->which].help);
	page->begun = true;
	for (size_t i = 0; i < LABEL_NR; i++)
		labels[i] = (struct prometheus_label){ metric_label_names[i], s->labels[i] };
	page->labels.n = 0;
	put_labels(&q, labels, LABEL_NR);
	if (q.r < 0)
		page->p->r = q.r;
	if (counter)
		put_line(page->p, "_total", buf_slice(&page->labels), (struct slice){ 0 },
			 s->values[0], families[page->which].digits);
	else
		put_histogram(page, s);
	return page->p->r;
}

void prometheus_metrics(struct prometheus *p, struct metrics *m)
{
	struct page page = { .p = p };

	for (page.which = 0; page.which < METRIC_NR; page.which++) {
		page.begun = false;
		metrics_each(m, page.which, put_series, &page);
	}
	buf_done(&page.labels);
}
