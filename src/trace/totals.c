/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums over a run's calls. A count that no call told stays unknown. */
#include "base/util.h"
#include "trace/state.h"

#define MODELS_MAX 1024 /* bytes of the list */

static void add_known(int64_t *sum, int64_t v)
{
	int64_t r;

	if (v == LLM_UNKNOWN)
		return;
	if (*sum == LLM_UNKNOWN)
		*sum = 0;
	if (!__builtin_add_overflow(*sum, v, &r))
		*sum = r;
}

/* Pictures, sound and re-ranking are counted in units of their own. */
bool usage_is_known(const struct llm_usage *u)
{
	return u->input != LLM_UNKNOWN || u->output != LLM_UNKNOWN || u->images != LLM_UNKNOWN ||
	       u->audio_ms != LLM_UNKNOWN || u->search_units != LLM_UNKNOWN;
}

static void add_usage(struct run_state *r, const struct llm_usage *u)
{
	struct llm_usage *sum = &r->totals.usage;

	for (int i = 0; i < llm_usage_counts_n; i++)
		add_known(llm_usage_at(sum, llm_usage_counts[i].offset),
			  llm_usage_count(u, &llm_usage_counts[i]));
	r->estimates += u->estimated != 0;
	sum->estimated = r->estimates ? LLM_ESTIMATED_INPUT | LLM_ESTIMATED_OUTPUT : 0;
}

/* Takes an estimate back. */
static void take_guess(struct run_state *r, const struct llm_usage *u)
{
	for (int i = 0; i < llm_usage_counts_n; i++) {
		const int64_t n = llm_usage_count(u, &llm_usage_counts[i]);
		int64_t *sum = llm_usage_at(&r->totals.usage, llm_usage_counts[i].offset);

		/* What only the estimate has told is not known again. */
		if (n != LLM_UNKNOWN && *sum >= n)
			*sum = r->totals.llm_calls > 1 ? *sum - n : LLM_UNKNOWN;
	}
	r->estimates -= r->estimates > 0;
}

/* Whether @name stands in the comma separated list. */
static bool listed(struct slice list, struct slice name)
{
	struct slice one, rest = list;

	while (rest.n) {
		if (!slice_cut(rest, ',', &one, &rest)) {
			one = rest;
			rest.n = 0;
		}
		if (slice_eq(one, name))
			return true;
	}
	return false;
}

static void add_model(struct run_state *r, struct slice model)
{
	if (model.n == 0 || model.n + r->models.n + 1 > MODELS_MAX ||
	    listed(buf_slice(&r->models), model))
		return;
	if (r->models.n && buf_add(&r->models, SLICE(","), MODELS_MAX) < 0)
		return;
	buf_add(&r->models, model, MODELS_MAX);
}

static void add_cost(struct run *sum, const struct cost *cost)
{
	add_known(cost->equivalent ? &sum->equivalent_pico_usd : &sum->cost_pico_usd,
		  cost->pico_usd);
}

/* What the first sight was counted with is made good. */
static void add_second_sight(struct run_state *r, const struct call_state *c)
{
	struct run *sum = &r->totals;
	int64_t *guessed =
		c->guess_cost.equivalent ? &sum->equivalent_pico_usd : &sum->cost_pico_usd;

	if (!c->replaces_guess)
		sum->usage_unknown_calls -= sum->usage_unknown_calls > 0;
	else
		take_guess(r, &c->guess);
	add_usage(r, &c->usage);
	if (c->replaces_guess && c->guess_cost.source != COST_UNKNOWN) {
		if (*guessed >= c->guess_cost.pico_usd)
			*guessed -= c->guess_cost.pico_usd;
		sum->unpriced_calls += c->cost.source == COST_UNKNOWN;
	} else if (c->cost.source != COST_UNKNOWN) {
		sum->unpriced_calls -= sum->unpriced_calls > 0;
	}
	if (c->cost.source != COST_UNKNOWN)
		add_cost(sum, &c->cost);
}

void run_add_call(struct run_state *r, const struct call_state *c, const struct llm_call *call,
		  bool failed, uint64_t lost)
{
	struct run *sum = &r->totals;

	sum->lost_bytes += lost;
	r->dirty = true;
	if (c->second_sight_counts)
		add_second_sight(r, c);
	if (!id64_is_zero(&c->duplicate_of))
		return; /* counted with the call that it is a second sight of */
	sum->llm_calls++;
	sum->errors += failed;
	add_usage(r, &c->usage);
	add_model(r, call->request_model.n ? call->request_model : call->response_model);
	if (!r->provider && call->provider)
		keep(&r->provider, slice_of(call->provider));
	/* A refused request has no usage and costs nothing: it is not one that lacks a price. */
	if (call->http->status >= 400 && c->cost.source == COST_UNKNOWN)
		return;
	sum->usage_unknown_calls += !usage_is_known(&c->usage);
	if (c->cost.source == COST_UNKNOWN)
		sum->unpriced_calls++;
	else
		add_cost(sum, &c->cost);
}
