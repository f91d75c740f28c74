/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/tail_print.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/util.h"
#include "cmd/view.h"
#include "export/span_json.h"

int tail_print_init(struct tail_printer *p, const char *run, bool json, bool text)
{
	*p = (struct tail_printer){ .run = run, .json = json, .text = text };
	screen_init(&p->screen, stdout);
	if (!run)
		return 0;
	if (strlen(run) < 4 || strspn(run, "0123456789abcdef") != strlen(run) ||
	    strlen(run) >= ID128_HEX_SIZE)
		return -EINVAL;
	return 0;
}

static void style(struct tail_printer *p, enum style s, const char *text)
{
	fprintf(p->screen.f, "%s%s%s", screen_style(&p->screen, s), text,
		screen_style(&p->screen, STYLE_PLAIN));
}

static void print_clean(struct tail_printer *p, const char *before, struct slice s, size_t max)
{
	if (s.n == 0)
		return;
	p->clean.n = 0;
	text_clean(&p->clean, s, max);
	fprintf(p->screen.f, "%s%.*s", before, SLICE_ARG(buf_slice(&p->clean)));
}

/* Text that was being written ends its line. */
static void close_text(struct tail_printer *p)
{
	if (*p->open)
		fputc('\n', p->screen.f);
	*p->open = '\0';
}

static void print_head(struct tail_printer *p, struct slice run, uint64_t unix_ns, const char *what,
		       enum style colour)
{
	char kind[24];

	close_text(p);
	if (unix_ns)
		style(p, STYLE_DIM, format_clock(unix_ns).s);
	else
		fputs("        ", p->screen.f);
	if (!p->run) {
		char digits[RUN_REF_DIGITS + 2];

		snprintf(digits, sizeof(digits), " %.*s", RUN_REF_DIGITS, run.p);
		style(p, STYLE_DIM, digits);
	}
	snprintf(kind, sizeof(kind), " %-9s ", what);
	style(p, colour, kind);
}

/* --- each type --- */

static void print_state(struct tail_printer *p, const cJSON *j)
{
	static const struct {
		struct slice state;
		const char *text;
		enum style style;
	} states[] = {
		{ { "thinking", 8 }, "thinking", STYLE_DIM },
		{ { "waiting_human", 13 }, "waits for its user", STYLE_YELLOW },
		{ { "ended", 5 }, "ended", STYLE_BOLD },
	};
	const struct slice state = json_str(j, "state");
	const int64_t in = json_int(j, "input_tokens"), out = json_int(j, "output_tokens");

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (!slice_eq(state, states[i].state))
			continue;
		print_head(p, json_str(j, "run"), (uint64_t)json_int(j, "time_unix_nano"), "state",
			   states[i].style);
		fputs(states[i].text, p->screen.f);
		print_clean(p, ": ", json_str(j, "status"), 20);
		print_clean(p, ", ", json_str(j, "reason"), 60);
		if (in || out)
			fprintf(p->screen.f, "  %s in %s out", format_count(in).s,
				format_count(out).s);
		fputc('\n', p->screen.f);
	}
}

/* A time of a span's JSON: a string of digits, as OTLP has them. */
static uint64_t time_of(const cJSON *span, const char *name)
{
	const struct slice s = json_str(span, name);
	const cJSON *v = json_at(span, name);
	uint64_t t = 0;

	if (cJSON_IsNumber(v))
		return (uint64_t)json_int(span, name);
	for (size_t i = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		t = t * 10 + (uint64_t)(s.p[i] - '0');
	return t;
}

static void print_usage(struct tail_printer *p, const cJSON *attributes)
{
	const cJSON *input = cJSON_GetObjectItem(attributes, "gen_ai.usage.input_tokens");
	const cJSON *output = cJSON_GetObjectItem(attributes, "gen_ai.usage.output_tokens");
	const cJSON *cost = cJSON_GetObjectItem(attributes, "sonde.cost.usd");

	if (cJSON_IsNumber(input))
		fprintf(p->screen.f, "  %s in", format_count((int64_t)input->valuedouble).s);
	if (cJSON_IsNumber(output))
		fprintf(p->screen.f, " %s out", format_count((int64_t)output->valuedouble).s);
	if (cJSON_IsNumber(cost))
		fprintf(p->screen.f, "  %s",
			format_cost((int64_t)(cost->valuedouble * 1e12 + 0.5)).s);
}

static void print_step(struct tail_printer *p, const cJSON *j)
{
	const cJSON *span = json_at(j, "span"), *attributes = json_at(span, "attributes");
	const uint64_t start = time_of(span, "start_time_unix_nano");
	const uint64_t stop = time_of(span, "end_time_unix_nano");
	const struct slice kind = json_str(j, "step");
	char name[16];

	/* A process below another one belongs to that one's line; the run's own is its end. */
	if (!cJSON_IsTrue(json_at(j, "final")) || json_str(span, "parent_span_id").n == 0 ||
	    (slice_eq(kind, SLICE("process")) && slice_eq(json_str(j, "below"), kind)))
		return;
	snprintf(name, sizeof(name), "%.*s", SLICE_ARG(kind));
	print_head(p, json_str(j, "run"), stop ? stop : start, name,
		   step_style(step_of_name(name)));
	print_clean(p, "", json_str(j, "label"), 60);
	print_clean(p, " ", json_str(j, "detail"), 60);
	print_usage(p, attributes);
	if (stop > start)
		fprintf(p->screen.f, "  %s", format_duration(stop - start).s);
	if (slice_eq(json_str(span, "status.code"), SLICE("ERROR"))) {
		style(p, STYLE_RED, "  failed");
		print_clean(p, ": ", json_str(span, "status.message"), 80);
	}
	fputc('\n', p->screen.f);
}

static void print_piece(struct tail_printer *p, const cJSON *j)
{
	const struct slice run = json_str(j, "run"), kind = json_str(j, "kind");
	char key[sizeof(p->open)], name[16];

	if (!p->text)
		return;
	snprintf(key, sizeof(key), "%.*s %.*s %d", SLICE_ARG(run), SLICE_ARG(json_str(j, "span")),
		 (int)json_int(j, "part"));
	if (strcmp(key, p->open) != 0) {
		if (json_str(j, "text").n == 0)
			return;
		snprintf(name, sizeof(name), "%.*s", SLICE_ARG(kind));
		print_head(p, run, 0, name, STYLE_CYAN);
		print_clean(p, "", json_str(j, "name"), 60);
		if (json_str(j, "name").n)
			fputc(' ', p->screen.f);
		snprintf(p->open, sizeof(p->open), "%s", key);
	}
	if (cJSON_IsTrue(json_at(j, "cut")))
		fputs(p->screen.utf8 ? "[\xe2\x80\xa6]" : "[...]", p->screen.f);
	p->clean.n = 0;
	text_block(&p->clean, json_str(j, "text"),
		   p->run ? "                   " : "                            ");
	fwrite(p->clean.p, 1, p->clean.n, p->screen.f);
	if (cJSON_IsTrue(json_at(j, "last")))
		close_text(p);
}

static void print_missed(struct tail_printer *p, const cJSON *j)
{
	const long long lines = json_int(j, "to") - json_int(j, "from") + 1;

	close_text(p);
	fprintf(p->screen.f, "%s(%lld lines came faster than they could be shown)%s\n",
		screen_style(&p->screen, STYLE_YELLOW), lines,
		screen_style(&p->screen, STYLE_PLAIN));
}

static const struct {
	const char *type, *run;				       /* where the run's id stands */
	void (*print)(struct tail_printer *p, const cJSON *j); /* NULL: its state says it */
} types[] = {
	{ "state", "run", print_state },  { "step", "run", print_step },
	{ "piece", "run", print_piece },  { "run", "run.run_id", NULL },
	{ "missed", NULL, print_missed },
};

static bool is_of_interest(struct tail_printer *p, struct slice id)
{
	if (!p->run || !slice_starts(id, slice_of(p->run)))
		return !p->run;
	p->found = true;
	return true;
}

uint64_t tail_print_line(struct tail_printer *p, struct slice line, uint64_t before)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(line);
	const struct slice type = json_str(j, "type");
	const int64_t n = json_int(j, "n");

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!slice_eq(type, slice_of(types[i].type)) ||
		    (types[i].run && !is_of_interest(p, json_str(j, types[i].run))))
			continue;
		if (p->run && slice_eq(json_str(j, "state"), SLICE("ended")))
			p->over = true;
		if (p->json)
			fprintf(p->screen.f, "%.*s\n", SLICE_ARG(line));
		else if (types[i].print)
			types[i].print(p, j);
	}
	return n > 0 && !slice_eq(type, SLICE("hello")) ? (uint64_t)n : before;
}

int tail_print_done(struct tail_printer *p)
{
	close_text(p);
	buf_done(&p->clean);
	return p->run && !p->found ? -ENOENT : 0;
}
