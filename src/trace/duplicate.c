/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same call seen twice: client and server of one exchange on this host, what a proxy here
 * passes on, or a response that is polled by its id. Usage and cost stand on one span only.
 *
 * A proxy may give an answer another id, and its tool calls come with each sight of it. So what is
 * passed on is known by its request, while the one that it is the same as is under way: that one,
 * the agent's own, opens the tools and counts.
 */
#include "trace/observed/place.h"
#include "trace/state.h"

#define PASSED_ON_NS \
	1000000000ull /* an answer may be heard so long after its first sight is over */

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

/* --- under way --- */

/* Of the two ends of a connection, both addresses; of one that was passed on, the server's. */
static bool is_one_connection(const struct connection *client, const struct connection *server)
{
	return client->remote_port == server->local_port &&
	       client->local_port == server->remote_port && client->local_port;
}

static bool may_be_one_connection(const struct connection *client, const struct connection *server)
{
	if (process_key_eq(client->process, server->process))
		return false;
	return !client->remote_port || !server->local_port ||
	       client->remote_port == server->local_port;
}

enum relation { RELATION_NONE, RELATION_LIKELY, RELATION_SURE };

/* Two ends of one exchange, or what a server asks for the one that it serves. */
static enum relation relation(const struct llm_call *before, const struct llm_call *call)
{
	const struct connection *a = before->http->conn, *b = call->http->conn;
	const bool serves = before->http->inbound;

	if (a->id == b->id || before->single || before->repeats || serves == call->http->inbound)
		return RELATION_NONE;
	if (serves && process_key_eq(a->process, b->process))
		return before->tool_count == call->tool_count ? RELATION_LIKELY : RELATION_NONE;
	if (is_one_connection(serves ? b : a, serves ? a : b))
		return RELATION_SURE;
	return may_be_one_connection(serves ? b : a, serves ? a : b) ? RELATION_LIKELY
								     : RELATION_NONE;
}

static bool have_equal_words(const struct call_state *a, const struct call_state *b)
{
	return (a->words[0] || a->words[1]) && a->words[0] == b->words[0] &&
	       a->words[1] == b->words[1];
}

static struct call_state *find_under_way(struct trace *t, const struct id64 *id)
{
	struct tree_state *tree;
	struct call_state *c;

	for (tree = t->trees; tree; tree = tree->hh.next)
		list_for_each (c, tree->calls)
			if (id64_eq(&c->id, id))
				return c;
	return NULL;
}

/* The surest; of several that are likely none. */
static struct call_state *find_same(const struct call_state *c, const struct llm_call *call)
{
	struct call_state *other, *likely = NULL;
	struct tree_state *tree;
	bool several = false;

	for (tree = c->tree->t->trees; tree; tree = tree->hh.next)
		list_for_each (other, tree->calls) {
			enum relation rel = other != c && other->call && have_equal_words(other, c)
						    ? relation(other->call, call)
						    : RELATION_NONE;

			if (rel == RELATION_SURE)
				return other;
			several |= rel == RELATION_LIKELY && likely;
			likely = rel == RELATION_LIKELY ? other : likely;
		}
	return several ? NULL : likely;
}

struct call_state *duplicate_under_way(const struct call_state *c, const struct llm_call *call)
{
	struct call_state *found = call->single || call->repeats ? NULL : find_same(c, call);

	if (found && !id64_is_zero(&found->same_as))
		return find_under_way(c->tree->t, &found->same_as);
	return found;
}

/* --- under way, where bytes were lost --- */

/* A proxy's, which would have been known by the request that it passes on. */
static bool may_pass_on(const struct call_state *c, const struct llm_call *call,
			const struct call_state *first)
{
	const struct connection *a = first->call->http->conn, *b = call->http->conn;

	if (!have_equal_words(first, c) || process_key_eq(a->process, b->process) ||
	    first->call->start_ns > call->start_ns || first->call->repeats ||
	    !id64_is_zero(&first->same_as))
		return false;
	return !first->call->response_id.n || !call->response_id.n ||
	       slice_eq(first->call->response_id, call->response_id);
}

static bool is_other_sight(const struct call_state *c, const struct llm_call *call,
			   const struct call_state *other)
{
	if (other == c || !other->call || other->call->http->conn->id == call->http->conn->id)
		return false;
	if (c->blind)
		return call->response_id.n >= UNIQUE_ID_MIN &&
		       slice_eq(other->call->response_id, call->response_id);
	return may_pass_on(c, call, other);
}

/* The same for one that is over: its tools are known. */
static bool was_asked(const struct call_state *c, const struct llm_call *call)
{
	const struct id128 key = id_of_bytes(call->response_id);
	const struct answer_ref *seen = call->response_id.n >= UNIQUE_ID_MIN
						? cache_find(&c->tree->t->answers, &key)
						: NULL;

	return c->blind && seen && seen->conn != call->http->conn->id &&
	       call->start_ns <= seen->end_ns + PASSED_ON_NS;
}

bool duplicate_asks(const struct call_state *c, const struct llm_call *call)
{
	const struct call_state *other;

	if (!c->blind && !asking_may_be_lost(c->tree))
		return false;
	list_for_each (other, c->tree->calls)
		if (is_other_sight(c, call, other))
			return true;
	return was_asked(c, call);
}

/* --- over --- */

static struct id128 span_key(const struct id64 *id)
{
	struct id128 key = { 0 };

	memcpy(key.b, id->b, sizeof(id->b));
	return key;
}

static void remember(struct call_state *c, const struct llm_call *call, struct id128 key)
{
	struct trace *t = c->run->t;
	struct answer_ref *seen = cache_find(&t->answers, &key);

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

/* The one that it is the same as counts; where that is over, what is new is made good. */
static void check_twin(struct call_state *c)
{
	const struct id128 key = span_key(&c->same_as);
	struct answer_ref *seen = cache_find(&c->run->t->answers, &key);

	c->duplicate_of = c->same_as;
	c->stashes = find_under_way(c->run->t, &c->same_as) != NULL;
	if (c->stashes)
		return;
	if (seen && can_add(seen, c))
		take_usage(seen, c);
	else
		c->usage = llm_usage_unknown;
}

void duplicate_check(struct call_state *c, const struct llm_call *call)
{
	struct trace *t = c->run->t;
	const struct id128 key = id_of_bytes(call->response_id);
	struct answer_ref *seen = call->response_id.n ? cache_find(&t->answers, &key) : NULL;

	if (!id64_is_zero(&c->same_as)) {
		check_twin(c);
		return;
	}
	if (!usage_known(&c->usage) && usage_known(&c->twin_usage))
		c->usage = c->twin_usage;
	if (seen && can_add(seen, c) && (two_ends(seen, c, call) || is_poll(call))) {
		c->duplicate_of = seen->span;
		take_usage(seen, c);
		return;
	}
	if (c->has_twins)
		remember(c, call, span_key(&c->id));
	if (call->response_id.n)
		remember(c, call, key);
}

/* What the call that it is the same as will be told when that is over. */
static void stash(struct call_state *c)
{
	struct call_state *first = find_under_way(c->run->t, &c->same_as);

	if (first && usage_is_known(&c->usage) && !usage_known(&first->twin_usage))
		first->twin_usage = c->usage;
	if (first && c->cost.source != COST_UNKNOWN)
		first->twin_cost = c->cost;
	c->usage = llm_usage_unknown;
	c->cost = c->table_cost = (struct cost){ 0 };
}

void duplicate_priced(struct call_state *c, const struct llm_call *call)
{
	const struct id128 key = id_of_bytes(call->response_id);
	struct answer_ref *seen =
		call->response_id.n ? cache_find(&c->run->t->answers, &key) : NULL;

	if (c->stashes) {
		stash(c);
		return;
	}
	/* A proxy's names of models have no price; what it passes on to has. */
	if (c->cost.source == COST_UNKNOWN && c->twin_cost.source != COST_UNKNOWN)
		c->cost = c->twin_cost;
	if (seen && seen->guessed && (id64_eq(&seen->span, &c->id) || c->second_sight_counts))
		seen->guess_cost = c->cost;
}

void duplicate_init(struct trace *t)
{
	cache_init(&t->answers, REFS_MAX, sizeof(struct id128), sizeof(struct answer_ref));
}
