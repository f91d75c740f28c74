/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same call seen twice: client and server of one exchange on this host, or a response that is
 * polled by its id. Usage and cost stand on one span only.
 */
#include "trace/state.h"

struct answer_ref {
	struct id64 span;
	struct id128 input_node;
	struct process_key process;
	uint64_t conn, start_ns, end_ns;
	struct id128 run;
	bool inbound;
	bool counted; /* its usage was known */
	bool lacks;   /* its run's totals say that one call's usage is not known */
	bool guessed; /* its run's totals hold an estimate of it */
	struct llm_usage guess;
	struct cost guess_cost;
};

/*
 * Servers that give all answers one id exist, so the id alone proves nothing: the two sights of an
 * exchange overlap in time, carry the same messages and are of two ends.
 */
static bool two_ends(const struct answer_ref *a, const struct call_state *c,
		     const struct llm_call *call)
{
	const struct connection *conn = call->http->conn;

	return a->conn != conn->id && id128_eq(&a->input_node, &c->input_node) &&
	       call->start_ns <= a->end_ns && a->start_ns <= call->end_ns &&
	       (a->inbound != call->http->inbound || !process_key_eq(a->process, conn->process));
}

static bool is_poll(const struct llm_call *call)
{
	return call->repeats || slice_eq(call->http->method, SLICE("GET"));
}

/* What a second sight tells can only be added where the first one is counted. */
static bool can_add(const struct answer_ref *a, const struct call_state *c)
{
	return a->counted || ((a->lacks || a->guessed) && id128_eq(&a->run, &c->run->id));
}

/* An estimate is as good as nothing where somebody can tell. */
static bool usage_known(const struct llm_usage *u)
{
	return !u->estimated && usage_is_known(u);
}

/* What the second sight tells, where the first one did not. */
static void take_usage(struct answer_ref *seen, struct call_state *c)
{
	if (seen->counted || (seen->guessed && !usage_known(&c->usage))) {
		c->usage = llm_usage_unknown;
		return;
	}
	c->second_sight_counts = usage_is_known(&c->usage);
	if (!c->second_sight_counts)
		return;
	if (seen->guessed) {
		c->replaces_guess = true;
		c->guess = seen->guess;
		c->guess_cost = seen->guess_cost;
	}
	seen->guessed = !usage_known(&c->usage);
	seen->guess = c->usage;
	seen->counted = !seen->guessed;
	seen->lacks = false;
}

void duplicate_check(struct call_state *c, const struct llm_call *call)
{
	struct trace *t = c->run->t;
	const struct id128 key = id_of_bytes(call->response_id);
	struct answer_ref *seen;

	if (call->response_id.n == 0)
		return;
	seen = cache_find(&t->answers, &key);
	if (seen && can_add(seen, c) && (two_ends(seen, c, call) || is_poll(call))) {
		c->duplicate_of = seen->span;
		take_usage(seen, c);
		return;
	}
	if (!seen)
		seen = cache_add(&t->answers, &key);
	if (!seen)
		return;
	*seen = (struct answer_ref){ .span = c->id,
				     .input_node = c->input_node,
				     .process = call->http->conn->process,
				     .conn = call->http->conn->id,
				     .start_ns = call->start_ns,
				     .end_ns = call->end_ns,
				     .run = c->run->id,
				     .inbound = call->http->inbound,
				     .counted = usage_known(&c->usage),
				     .guessed = c->usage.estimated,
				     .guess = c->usage,
				     .lacks = !usage_known(&c->usage) && !c->usage.estimated &&
					      call->http->status < 400 };
}

void duplicate_priced(struct call_state *c, const struct llm_call *call)
{
	const struct id128 key = id_of_bytes(call->response_id);
	struct answer_ref *seen =
		call->response_id.n ? cache_find(&c->run->t->answers, &key) : NULL;

	if (seen && seen->guessed && (id64_eq(&seen->span, &c->id) || c->second_sight_counts))
		seen->guess_cost = c->cost;
}

void duplicate_init(struct trace *t)
{
	cache_init(&t->answers, REFS_MAX, sizeof(struct id128), sizeof(struct answer_ref));
}
