/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which calls continue each other. Strongest evidence first; where two conversations fit equally
 * well there is no link.
 */
#include "trace/observed/place.h"
#include "trace/state.h"

#define WALK_MAX 1024 /* newest messages of a request that may end a known conversation */

static struct id128 key_of_text(struct slice s)
{
	return id_of_bytes(s);
}

struct node_ref *conversation_response(struct tree_state *tree, struct slice response_id)
{
	const struct id128 key = key_of_text(response_id);

	return response_id.n ? cache_find(&tree->responses, &key) : NULL;
}

/* --- where a call may go on from --- */

struct link {
	struct conversation *conv;
	struct id64 span; /* the call before; zero: some call of that conversation */
	const char *evidence;
};

/* What is looked for: a call's own. */
struct search {
	struct call_state *c;
	const struct llm_call *call;
	const struct explicit_ids *ids;
	const struct content_input *in;
};

static bool differ(const char *a, struct slice b)
{
	return a && b.n && !slice_eq(slice_of(a), b);
}

/* What says that it is somebody else's cannot be gone on from, whatever its words. */
static bool may_be_of(const struct search *s, const struct conversation *conv)
{
	return conv && !differ(conv->session, s->ids->session) &&
	       !differ(conv->user, s->call->user_id);
}

static struct link by_ref(const struct search *s, struct node_ref *ref, const char *evidence)
{
	struct conversation *conv =
		ref && !ref->ambiguous ? conversation_at(s->c->tree, ref->conv) : NULL;

	if (!may_be_of(s, conv))
		return (struct link){ 0 };
	ref->continued = true;
	return (struct link){ .conv = conv, .span = ref->span, .evidence = evidence };
}

/* The node as the holder of the call's ids has it. */
static struct id128 scoped(const struct call_state *c, const struct id128 *node)
{
	struct id128 key = *node;

	for (size_t i = 0; i < sizeof(key.b); i++)
		key.b[i] ^= c->scope.b[i];
	return key;
}

/* Of those who said the same words, the one with the call's ids. */
static struct node_ref *find_node(const struct search *s, struct cache *map,
				  const struct id128 *node)
{
	struct node_ref *ref = cache_find(map, node);
	struct id128 key;

	if (!ref || id128_is_zero(&s->c->scope))
		return ref;
	if (!ref->ambiguous && may_be_of(s, conversation_at(s->c->tree, ref->conv)))
		return ref;
	key = scoped(s->c, node);
	return cache_find(map, &key);
}

/* --- the rules --- */

static struct link by_thread(const struct search *s)
{
	struct conversation *conv =
		conversation_named(s->c->tree, "thread", s->ids->thread, NULL, 0);

	if (!conv)
		return (struct link){ 0 };
	return (struct link){ .conv = conv, .span = conv->last_span, .evidence = "explicit-id" };
}

/* The newest: what was told before may still wait where a request was lost. */
static struct link by_tool_call(const struct search *s)
{
	struct link link = { 0 };

	for (const struct tool_result *res = s->in->results; res; res = res->next) {
		const struct tool_state *tool =
			res->id.n ? tool_waiting(s->c->tree, res->id, s->in->nodes, s->in->n)
				  : NULL;

		if (tool && may_be_of(s, tool->conv))
			link = (struct link){ .conv = tool->conv,
					      .span = tool->asked_by,
					      .evidence = "tool-call-id" };
	}
	return link;
}

/* Where bytes are lost, an answer may be out of which nothing was seen yet. */
static bool is_unanswered(const struct search *s, const struct id128 *asked)
{
	const struct call_state *other;

	if (!asking_may_be_lost(s->c->tree))
		return false;
	list_for_each (other, s->c->tree->calls)
		if (other != s->c && id128_eq(&other->input_node, asked))
			return true;
	return false;
}

/* Several asked the same, and what one was answered is not known: it may have been the same. */
static bool was_all_heard(const struct search *s, const struct node_ref *answer)
{
	const struct node_ref *asked = find_node(s, &s->c->tree->inputs, &answer->asked);

	return !asked || !asked->ambiguous ||
	       (!asked->unheard && !is_unanswered(s, &answer->asked));
}

/* A call that was made since then, whose answer is not known again, comes between. */
static struct link later_request(const struct search *s, struct link link, size_t answer)
{
	for (size_t i = s->in->n - 1; link.conv && i-- > answer + 1;) {
		const struct node_ref *ref = find_node(s, &s->c->tree->inputs, &s->in->nodes[i]);

		if (ref && !ref->ambiguous && ref->conv == link.conv->number) {
			link.span = ref->span;
			break;
		}
	}
	return link;
}

/* The newest answer in the history that a call of this tree gave. */
static struct link by_answer(const struct search *s)
{
	for (size_t i = s->in->n, n = 0; i-- > 0 && n < WALK_MAX; n++) {
		struct node_ref *ref = find_node(s, &s->c->tree->outputs, &s->in->nodes[i]);

		if (ref && (!was_all_heard(s, ref) || blind_may_have_said(s->c->tree, &ref->said)))
			break;
		if (ref)
			return later_request(s, by_ref(s, ref, "message-prefix"), i);
	}
	return (struct link){ 0 };
}

/*
 * A request that begins with all of an earlier one although its answer is not known again (it was
 * cut, or the client wrote it anew). Titles and other side calls ask about the same text, so the
 * system prompt has to be the same.
 */
static struct link by_request(const struct search *s)
{
	for (size_t i = s->in->n, n = 0; i-- > 1 && n < WALK_MAX; n++) {
		struct node_ref *ref = find_node(s, &s->c->tree->inputs, &s->in->nodes[i - 1]);
		const struct conversation *conv;

		if (!ref)
			continue;
		conv = conversation_at(s->c->tree, ref->conv);
		if (ref->continued || !conv || !id128_eq(&conv->system, &s->c->system_blob) ||
		    blind_may_be_between(s->c->tree, &s->in->nodes[i - 1], &s->in->nodes[i]))
			break;
		return by_ref(s, ref, "request-prefix");
	}
	return (struct link){ 0 };
}

/* The same question once more after an error. */
static struct link by_retry(const struct search *s)
{
	struct node_ref *ref = s->in->n && !s->call->body_cut
				       ? find_node(s, &s->c->tree->inputs, &s->in->last)
				       : NULL;
	const struct conversation *conv = ref ? conversation_at(s->c->tree, ref->conv) : NULL;
	struct link link = { 0 };

	if (ref && ref->failed && conv && id128_eq(&conv->system, &s->c->system_blob))
		link = by_ref(s, ref, "retry");
	if (link.conv)
		s->c->retry_of = link.span;
	return link;
}

static bool is_shortened(const struct search *s)
{
	return s->ids->compacted.n || s->in->shortened;
}

/*
 * A history that was made shorter (compaction, old results taken out) shares no message with the
 * one before, or only its first ones. What has no past at all begins something new, whatever
 * session it is of: sessions have titles, sub-agents and other side calls in them.
 */
static bool has_past(const struct search *s)
{
	return s->in->answered || is_shortened(s);
}

static struct link by_session(const struct search *s)
{
	const struct id128 *system = &s->c->system_blob;
	struct conversation *conv;

	if (id128_is_zero(system) || identity_subagent(s->ids).n || !has_past(s))
		return (struct link){ 0 };
	conv = conversation_named(s->c->tree, "session", s->ids->session, system->b,
				  sizeof(system->b));
	return (struct link){ .conv = conv, .evidence = conv ? "session-id" : NULL };
}

static struct link by_cache_key(const struct search *s)
{
	const struct process_key key = s->call->http->conn->process;
	const uint64_t process[2] = { key.tgid, key.start_ns };
	struct conversation *conv;

	if (!has_past(s))
		return (struct link){ 0 };
	conv = conversation_named(s->c->tree, "cache-key", s->call->cache_key, process,
				  sizeof(process));
	if (!may_be_of(s, conv))
		return (struct link){ 0 };
	return (struct link){ .conv = conv, .evidence = "cache-key" };
}

/* The only conversation of the process with that system prompt; the last resort. */
static struct link by_process(const struct search *s)
{
	const struct process_key key = s->call->http->conn->process;
	const uint64_t process[2] = { key.tgid, key.start_ns };
	const struct id128 *system = &s->c->system_blob;
	struct conversation *conv;

	if (!is_shortened(s))
		return (struct link){ 0 };
	conv = conversation_named(s->c->tree, "process",
				  (struct slice){ (const char *)process, sizeof(process) },
				  system->b, sizeof(system->b));
	if (!may_be_of(s, conv) || conv->refs)
		return (struct link){ 0 };
	return (struct link){ .conv = conv, .evidence = "summary" };
}

/* The request holds what an earlier conversation of the process came to. */
static struct link by_summary(const struct search *s)
{
	const struct process_key process = s->call->http->conn->process;
	struct summary *sum, *found = NULL;
	struct conversation *conv;

	list_for_each (sum, s->c->tree->summaries)
		if (process_key_eq(sum->process, process) &&
		    slice_has(s->in->opening, slice_of(sum->text)))
			found = sum;
	conv = found ? conversation_at(s->c->tree, found->conv) : NULL;
	if (!may_be_of(s, conv))
		return (struct link){ 0 };
	return (struct link){ .conv = conv, .span = conv->last_span, .evidence = "summary" };
}

/* What names the very call that this one goes on from. */
static struct link by_content(const struct search *s)
{
	struct call_state *c = s->c;
	struct link link = by_ref(s, conversation_response(c->tree, s->call->previous_response_id),
				  "previous-response-id");

	if (!link.conv)
		link = by_tool_call(s);
	if (!link.conv)
		link = by_answer(s);
	/* Behind the last message that is left another answer may have stood. */
	if (s->call->body_cut)
		link.span = (struct id64){ 0 };
	c->goes_on = link.conv != NULL;
	return link.conv ? link : by_request(s);
}

/* The only one that is called that, or that does so: what was not heard may be another. */
static struct link by_name(const struct search *s)
{
	struct link link = { 0 };

	if (blind_may_have_said(s->c->tree, NULL))
		return link;
	link = by_summary(s);
	if (!link.conv)
		link = by_session(s);
	if (!link.conv)
		link = by_cache_key(s);
	return link.conv ? link : by_process(s);
}

static struct link find(const struct search *s)
{
	struct link link = by_retry(s), content;

	if (link.conv)
		return link;
	content = by_content(s);
	link = by_thread(s);
	if (!link.conv)
		link = content;
	else if (content.conv)
		link.span = content.span;
	return link.conv ? link : by_name(s);
}

static void be_blind(struct call_state *c)
{
	c->blind = true;
	blind_begin(c);
}

/* Where several ids are told the narrowest one: two conversations of one user are two. */
static struct id128 scope_of(const struct explicit_ids *ids, const struct llm_call *call)
{
	const struct slice narrowest = ids->thread.n	   ? ids->thread
				       : ids->session.n	   ? ids->session
				       : call->cache_key.n ? call->cache_key
							   : call->user_id;

	return narrowest.n ? id_of_bytes(narrowest) : (struct id128){ 0 };
}

bool conversation_link(struct call_state *c, const struct llm_call *call,
		       const struct explicit_ids *ids, const struct content_input *in)
{
	const struct search s = { c, call, ids, in };
	struct link link;
	bool begins;

	c->scope = scope_of(ids, call);
	link = find(&s);
	begins = !link.conv || link.conv->blind;
	if (begins && link.conv)
		conversation_seen(link.conv, c, call, ids);
	c->conv = conversation_hold(link.conv ? link.conv : conversation_new(c, call, ids));
	c->conv_evidence = link.evidence;
	c->continues = link.span;
	blind_continued(c->tree, &c->continues);
	if (!link.conv && call->body_cut)
		be_blind(c);
	return begins;
}

void conversation_lost(struct call_state *c, const struct llm_call *call)
{
	c->conv = conversation_hold(conversation_unheard(c, call));
	be_blind(c);
}

/* --- what later calls may name --- */

static struct node_ref ref_of(const struct call_state *c, const struct id128 *node, uint32_t depth)
{
	return (struct node_ref){
		.conv = c->conv ? c->conv->number : 0,
		.span = c->id,
		.node = *node,
		.asked = c->input_node,
		.depth = depth,
	};
}

static struct node_ref ref_of_answer(const struct call_state *c,
				     const struct content_answer *answer)
{
	struct node_ref ref = ref_of(c, &answer->node, answer->depth);

	ref.said = answer->message;
	return ref;
}

/* Two conversations that stand at the same words and were not continued cannot be told apart. */
static void enter_one(struct cache *map, const struct id128 *key, struct node_ref ref)
{
	struct node_ref *known = cache_find(map, key);

	if (known && known->conv != ref.conv && !known->continued && !known->failed)
		ref.ambiguous = true;
	if (known && ref.ambiguous)
		ref.unheard |= known->unheard;
	if (!known)
		known = cache_add(map, key);
	if (known)
		*known = ref;
}

static void enter(const struct call_state *c, struct cache *map, struct node_ref ref)
{
	struct id128 key;

	enter_one(map, &ref.node, ref);
	if (id128_is_zero(&c->scope))
		return;
	key = scoped(c, &ref.node);
	enter_one(map, &key, ref);
}

void conversation_asked(struct call_state *c)
{
	/* Of what was cut, what it asks last is not known. */
	if (!c->call->body_cut)
		enter(c, &c->tree->inputs, ref_of(c, &c->input_node, c->input_depth));
	if (c->conv)
		c->conv->last_span = c->id;
}

void conversation_enter_head(struct tree_state *tree, const struct conversation *conv)
{
	struct call_state c = { .scope = conv->head_scope };

	if (id128_is_zero(&conv->head.node))
		return;
	enter_one(&tree->outputs, &conv->head.node, conv->head);
	if (!id128_is_zero(&conv->head_scope)) {
		const struct id128 key = scoped(&c, &conv->head.node);

		enter_one(&tree->outputs, &key, conv->head);
	}
	if (!id128_is_zero(&conv->response_key))
		enter_one(&tree->responses, &conv->response_key, conv->head);
}

void conversation_alternative(struct call_state *c, const struct content_answer *answer)
{
	if (answer->any && !c->call->body_cut)
		enter(c, &c->tree->outputs, ref_of_answer(c, answer));
}

static void set_outcome(const struct call_state *c, struct id128 key, bool failed, bool lost)
{
	struct node_ref *asked = cache_find(&c->tree->inputs, &key);

	if (!asked)
		return;
	asked->unheard |= lost;
	if (id64_eq(&asked->span, &c->id))
		asked->failed = failed;
}

void conversation_answered(struct call_state *c, const struct llm_call *call,
			   const struct content_answer *answer, bool failed)
{
	const struct http_message *answered = &call->http->response;
	const bool lost = answered->lost_bytes || answered->damage ||
			  call->http->end == HTTP_END_LOST || call->http->end == HTTP_END_EVICTED;
	const struct id128 none = { 0 };

	if (c->blind)
		blind_answered(c, lost ? &none : &answer->message, failed);
	if (call->single || (call->repeats && !c->blind))
		return;
	if (!call->body_cut) {
		set_outcome(c, c->input_node, failed, lost);
		set_outcome(c, scoped(c, &c->input_node), failed, lost);
	}
	conversation_alternative(c, answer);
	if (c->conv && answer->any) {
		c->conv->head = ref_of_answer(c, answer);
		c->conv->head_scope = c->scope;
		c->conv->response_key = (struct id128){ 0 };
	}
	if (call->response_id.n) {
		const struct id128 key = key_of_text(call->response_id);

		if (c->conv)
			c->conv->response_key = key;
		enter_one(&c->tree->responses, &key, ref_of_answer(c, answer));
	}
}
