/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which calls continue each other. Strongest evidence first; where two conversations fit equally
 * well there is no link.
 */
#include "trace/state.h"

#define WALK_MAX 1024 /* newest messages of a request that may end a known conversation */

void conversation_free(struct conversation *conv)
{
	free(conv->explicit_id);
	free(conv->session);
	free(conv->cache_key);
	free(conv);
}

static struct id128 key_of_text(struct slice s)
{
	return id_of_bytes(s);
}

struct node_ref *conversation_response(struct tree_state *tree, struct slice response_id)
{
	const struct id128 key = key_of_text(response_id);

	return response_id.n ? cache_find(&tree->responses, &key) : NULL;
}

static struct conversation *begin(struct call_state *c, const struct llm_call *call,
				  const struct explicit_ids *ids)
{
	struct tree_state *tree = c->tree;
	struct conversation *conv;
	struct id_hash h;

	if (tree->n_convs >= TREE_CONVERSATIONS_MAX)
		return NULL;
	conv = calloc(1, sizeof(*conv));
	if (!conv)
		return NULL;
	id_hash_begin(&h, "conversation");
	id_hash_bytes(&h, (struct slice){ (const char *)tree->id.b, sizeof(tree->id.b) });
	id_hash_bytes(&h, (struct slice){ (const char *)c->id.b, sizeof(c->id.b) });
	conv->id = id_hash_end(&h);
	conv->system = c->system_blob;
	conv->process = call->http->conn->process;
	keep(&conv->explicit_id, ids->thread);
	keep(&conv->session, ids->session);
	keep(&conv->cache_key, call->cache_key);
	DL_APPEND(tree->convs, conv);
	tree->n_convs++;
	return conv;
}

/* --- the rules --- */

struct link {
	struct conversation *conv;
	struct id64 span; /* the call before; zero: some call of that conversation */
	const char *evidence;
};

static struct link by_ref(struct node_ref *ref, const char *evidence)
{
	if (!ref || ref->ambiguous || !ref->conv)
		return (struct link){ 0 };
	ref->continued = true;
	return (struct link){ .conv = ref->conv, .span = ref->span, .evidence = evidence };
}

static struct link by_explicit_id(struct tree_state *tree, struct slice id)
{
	struct conversation *conv;

	if (id.n == 0)
		return (struct link){ 0 };
	list_for_each (conv, tree->convs)
		if (conv->explicit_id && slice_eq(slice_of(conv->explicit_id), id))
			return (struct link){ .conv = conv,
					      .span = conv->last_span,
					      .evidence = "explicit-id" };
	return (struct link){ 0 };
}

static struct link by_tool_call(struct tree_state *tree, const struct content_input *in)
{
	for (const struct tool_result *res = in->results; res; res = res->next) {
		const struct tool_state *tool =
			res->id.n ? tool_waiting(tree, res->id, in->nodes, in->n) : NULL;

		if (tool && tool->conv)
			return (struct link){ .conv = tool->conv,
					      .span = tool->asked_by,
					      .evidence = "tool-call-id" };
	}
	return (struct link){ 0 };
}

/* The newest answer in the history that a call of this run gave. */
static struct link by_answer(struct tree_state *tree, const struct content_input *in)
{
	for (size_t i = in->n, n = 0; i-- > 0 && n < WALK_MAX; n++) {
		struct node_ref *ref = cache_find(&tree->outputs, &in->nodes[i]);

		if (ref)
			return by_ref(ref, "message-prefix");
	}
	return (struct link){ 0 };
}

/*
 * A request that begins with all of an earlier one although its answer is not known again (it was
 * cut, or the client wrote it anew). Titles and other side calls ask about the same text, so the
 * system prompt has to be the same.
 */
static struct link by_request(struct call_state *c, const struct content_input *in)
{
	for (size_t i = in->n, n = 0; i-- > 1 && n < WALK_MAX; n++) {
		struct node_ref *ref = cache_find(&c->tree->inputs, &in->nodes[i - 1]);

		if (!ref)
			continue;
		if (ref->continued || !ref->conv || !id128_eq(&ref->conv->system, &c->system_blob))
			break;
		return by_ref(ref, "request-prefix");
	}
	return (struct link){ 0 };
}

/* The same question once more after an error. */
static struct link by_retry(struct call_state *c, const struct content_input *in)
{
	struct node_ref *ref = in->n ? cache_find(&c->tree->inputs, &in->last) : NULL;
	struct link link = { 0 };

	if (ref && ref->failed && ref->conv && id128_eq(&ref->conv->system, &c->system_blob))
		link = by_ref(ref, "retry");
	if (link.conv)
		c->retry_of = link.span;
	return link;
}

/*
 * A history that was made shorter (compaction) shares no message with the one before. A session has
 * titles and other side calls beside it, which have system prompts of their own.
 */
static struct link by_session(struct call_state *c, const struct explicit_ids *ids)
{
	struct conversation *conv;

	if (ids->session.n == 0 || id128_is_zero(&c->system_blob) || identity_subagent(ids).n)
		return (struct link){ 0 };
	list_for_each (conv, c->tree->convs)
		if (conv->session && slice_eq(slice_of(conv->session), ids->session) &&
		    id128_eq(&conv->system, &c->system_blob))
			return (struct link){ .conv = conv, .evidence = "session-id" };
	return (struct link){ 0 };
}

static struct link by_cache_key(struct tree_state *tree, const struct llm_call *call)
{
	struct conversation *conv;

	if (call->cache_key.n == 0)
		return (struct link){ 0 };
	list_for_each (conv, tree->convs)
		if (conv->cache_key && slice_eq(slice_of(conv->cache_key), call->cache_key) &&
		    process_key_eq(conv->process, call->http->conn->process))
			return (struct link){ .conv = conv, .evidence = "cache-key" };
	return (struct link){ 0 };
}

/* What names the very call that this one goes on from. */
static struct link by_content(struct call_state *c, const struct llm_call *call,
			      const struct content_input *in)
{
	struct tree_state *tree = c->tree;
	struct link link = by_ref(conversation_response(tree, call->previous_response_id),
				  "previous-response-id");

	if (!link.conv)
		link = by_tool_call(tree, in);
	if (!link.conv)
		link = by_answer(tree, in);
	c->goes_on = link.conv != NULL;
	return link.conv ? link : by_request(c, in);
}

bool conversation_link(struct call_state *c, const struct llm_call *call,
		       const struct explicit_ids *ids, const struct content_input *in)
{
	struct link link = by_retry(c, in), content;

	if (!link.conv) {
		content = by_content(c, call, in);
		link = by_explicit_id(c->tree, ids->thread);
		if (!link.conv)
			link = content;
		else if (content.conv)
			link.span = content.span;
	}
	if (!link.conv)
		link = by_session(c, ids);
	if (!link.conv)
		link = by_cache_key(c->tree, call);
	c->conv = link.conv ? link.conv : begin(c, call, ids);
	c->conv_evidence = link.evidence;
	c->continues = link.span;
	return !link.conv;
}

/* --- what later calls may name --- */

static struct node_ref ref_of(const struct call_state *c, const struct id128 *node, uint32_t depth)
{
	return (struct node_ref){ .conv = c->conv, .span = c->id, .node = *node, .depth = depth };
}

/* Two conversations that stand at the same words and were not continued cannot be told apart. */
static struct node_ref *enter(struct cache *map, const struct id128 *key, struct node_ref ref)
{
	struct node_ref *known = cache_find(map, key);

	if (known && known->conv != ref.conv && !known->continued && !known->failed)
		ref.ambiguous = true;
	if (!known)
		known = cache_add(map, key);
	if (known)
		*known = ref;
	return known;
}

void conversation_asked(struct call_state *c)
{
	enter(&c->tree->inputs, &c->input_node, ref_of(c, &c->input_node, c->input_depth));
	if (c->conv)
		c->conv->last_span = c->id;
}

void conversation_alternative(struct call_state *c, const struct content_answer *answer)
{
	if (answer->any)
		enter(&c->tree->outputs, &answer->node, ref_of(c, &answer->node, answer->depth));
}

void conversation_answered(struct call_state *c, const struct llm_call *call,
			   const struct content_answer *answer, bool failed)
{
	struct node_ref *asked = cache_find(&c->tree->inputs, &c->input_node);

	if (call->single || call->repeats)
		return;
	if (asked && id64_eq(&asked->span, &c->id))
		asked->failed = failed;
	conversation_alternative(c, answer);
	if (call->response_id.n) {
		const struct id128 key = key_of_text(call->response_id);

		enter(&c->tree->responses, &key, ref_of(c, &answer->node, answer->depth));
	}
}
