/* SPDX-License-Identifier: BSD-2-Clause */
/* A model call as text, for the programs that compare calls: golden, the fuzzer, unit tests. */
#pragma once

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "llm/llm.h"

static void print_text(FILE *out, const char *label, struct slice s)
{
	if (s.n)
		fprintf(out, "  %-9s %.*s\n", label, SLICE_ARG(s));
}

static void print_number(FILE *out, const char *label, double v)
{
	if (!isnan(v))
		fprintf(out, "  %-9s %g\n", label, v);
}

static void print_message(FILE *out, const char *label, const struct llm_message *m)
{
	struct buf json = { 0 };

	if (llm_message_json(m, &json) < 0)
		abort();
	fprintf(out, "  %-9s %.*s\n", label, SLICE_ARG(json));
	buf_done(&json);
}

static void print_request(FILE *out, const struct llm_call *c)
{
	struct llm_message m;
	char label[32];

	print_text(out, "thread", c->conversation_id);
	print_text(out, "previous", c->previous_response_id);
	print_text(out, "user", c->user_id);
	print_text(out, "cachekey", c->cache_key);
	print_text(out, "tier", c->service_tier);
	print_text(out, "effort", c->reasoning_effort);
	if (c->max_tokens != LLM_UNKNOWN)
		fprintf(out, "  %-9s %" PRId64 "\n", "max", c->max_tokens);
	print_number(out, "temp.", c->temperature);
	print_number(out, "top_p", c->top_p);
	print_number(out, "top_k", c->top_k);
	print_number(out, "frequency", c->frequency_penalty);
	print_number(out, "presence", c->presence_penalty);
	if (c->seed != LLM_UNKNOWN)
		fprintf(out, "  %-9s %" PRId64 "\n", "seed", c->seed);
	if (c->choices != LLM_UNKNOWN)
		fprintf(out, "  %-9s %" PRId64 "\n", "choices", c->choices);
	print_text(out, "stop", c->stop);
	print_text(out, "format", c->output_format);
	fprintf(out, "  %-9s%s%s%s, %" PRId64 " tools\n", "request",
		c->stream_requested ? " stream" : " whole", c->body_cut ? ", body cut" : "",
		c->subscription ? ", subscription" : "", c->tool_count);
	if (c->system.n) {
		llm_read_system(c->format, c->system, c->mem, &m);
		print_message(out, "system", &m);
	}
	for (size_t i = 0; i < c->n_items; i++) {
		llm_read_item(c->format, c->items[i].raw, c->mem, &m);
		snprintf(label, sizeof(label), "input %zu", i);
		print_message(out, label, &m);
	}
}

/* "input=12", or "input=~12" where it is our estimate. */
static bool print_used(FILE *out, const char *name, int64_t n, bool estimated)
{
	if (n != LLM_UNKNOWN)
		fprintf(out, " %s=%s%" PRId64, name, estimated ? "~" : "", n);
	return n != LLM_UNKNOWN;
}

static bool is_estimated(const struct llm_usage *u, size_t offset)
{
	return (offset == offsetof(struct llm_usage, input) &&
		(u->estimated & LLM_ESTIMATED_INPUT)) ||
	       (offset == offsetof(struct llm_usage, output) &&
		(u->estimated & LLM_ESTIMATED_OUTPUT));
}

static void print_usage(FILE *out, const struct llm_usage *u)
{
	bool any = false;

	fprintf(out, "  %-9s", "usage");
	for (int i = 0; i < llm_usage_counts_n; i++)
		any |= print_used(out, llm_usage_counts[i].column,
				  llm_usage_count(u, &llm_usage_counts[i]),
				  is_estimated(u, llm_usage_counts[i].offset));
	any |= print_used(out, "provider_total", u->provider_total, false);
	fprintf(out, any ? "\n" : " unknown\n");
}

static void print_answer(FILE *out, const struct llm_call *c)
{
	print_text(out, "request#", c->request_id);
	print_text(out, "response#", c->response_id);
	print_text(out, "tier used", c->response_tier);
	print_text(out, "ran in", c->response_geo);
	print_text(out, "served by", c->served_by);
	if (c->answer.parts)
		print_message(out, "answer", &c->answer);
	for (const struct llm_message *m = c->answer.alternative; m; m = m->alternative)
		print_message(out, "or", m);
	if (c->finish_reason.n)
		fprintf(out, "  %-9s %.*s -> %.*s\n", "finish", SLICE_ARG(c->finish_reason),
			SLICE_ARG(c->answer.finish_reason));
	print_usage(out, &c->usage);
	if (c->provider_cost_pico_usd != LLM_UNKNOWN)
		fprintf(out, "  %-9s %" PRId64 " pico USD\n", "cost", c->provider_cost_pico_usd);
	if (c->nano_aiu != LLM_UNKNOWN)
		fprintf(out, "  %-9s %" PRId64 " nano AIU\n", "credits", c->nano_aiu);
	for (size_t i = 0; i < c->n_limits; i++)
		fprintf(out, "  %-9s %.*s: %.*s\n", "limit", SLICE_ARG(c->limits[i].name),
			SLICE_ARG(c->limits[i].value));
	for (size_t i = 0; i < c->n_extras; i++)
		if (c->extras[i].text.n)
			fprintf(out, "  %-9s %s: %.*s\n", "also", c->extras[i].attribute,
				SLICE_ARG(c->extras[i].text));
		else
			fprintf(out, "  %-9s %s: %" PRId64 "\n", "also", c->extras[i].attribute,
				c->extras[i].number);
	if (c->error.type.n)
		fprintf(out, "  %-9s %.*s, %.*s: %.*s\n", "error", SLICE_ARG(c->error.type),
			SLICE_ARG(c->error.code), SLICE_ARG(c->error.message));
	fprintf(out, "  %-9s %s%s%s%s%s\n", "end", c->streamed ? "streamed" : "whole",
		c->first_token_ns ? ", first token timed" : "", c->done ? ", done" : "",
		c->cut ? ", cut: " : "", c->cut ? c->cut : "");
}

static void print_call(FILE *out, const struct llm_call *c)
{
	fprintf(out, "%s %s: %s %.*s -> %.*s\n", c->operation, llm_format_name(c->format),
		c->provider, SLICE_ARG(c->request_model), SLICE_ARG(c->response_model));
	print_request(out, c);
	print_answer(out, c);
}
