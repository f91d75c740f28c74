/* SPDX-License-Identifier: BSD-2-Clause */
/* Model calls, from the request to the end of the answer. */
#include <stdio.h>

#include "base/utf8.h"
#include "trace/emit.h"
#include "trace/observed/network.h"
#include "trace/observed/observed.h"

#define TASK_MAX	      2000 /* characters of a run's task */
#define ALTERNATIVES_MAX      64   /* choices of one answer */
#define ALTERNATIVES_TEXT_MAX 4096

/* --- begin --- */

static struct id64 span_id(const struct trace *t, const struct http_exchange *x)
{
	struct id_hash h;

	id_hash_begin(&h, "span");
	id_hash_bytes(&h, SLICE("llm"));
	id_hash_bytes(&h, slice_of(t->boot_id));
	id_hash_u64(&h, x->conn->process.tgid);
	id_hash_u64(&h, x->conn->process.start_ns);
	id_hash_u64(&h, x->conn->id);
	id_hash_u64(&h, x->number);
	id_hash_u64(&h, x->request.pos);
	return id64_of(id_hash_end(&h));
}

/* An id that may be somebody else's as well ("1", "test") means something in its tree alone. */
static struct id128 session_id(const struct call_state *c, const struct explicit_ids *ids)
{
	const struct slice s = ids->parent_session.n ? ids->parent_session
			       : ids->session.n	     ? ids->session
						     : ids->thread;
	const struct agent_span *a = c->agent->known ? c->agent : c->tree->runs->agents;
	struct id_hash h;

	if (s.n == 0)
		return (struct id128){ 0 };
	id_hash_begin(&h, "session");
	id_hash_bytes(&h, slice_of(a->name));
	id_hash_bytes(&h, s);
	if (s.n < UNIQUE_ID_MIN)
		id_hash_bytes(&h,
			      (struct slice){ (const char *)c->tree->id.b, sizeof(c->tree->id.b) });
	return id_hash_end(&h);
}

/* The wire's own: never one that we made up. */
static struct slice conversation_id(const struct llm_call *call, const struct explicit_ids *ids)
{
	if (call->conversation_id.n)
		return call->conversation_id;
	return ids->thread.n ? ids->thread : ids->session;
}

static void take_task(const struct call_state *c, const struct llm_call *call,
		      const struct content_input *in)
{
	struct run_state *r = c->run;
	const bool good = call->tool_count > 0;
	const bool by_turn = in->request.n && (in->task.n == 0 || (r->host && r->host->turns));
	const struct slice task = by_turn ? in->request : in->task;

	/* What a sub-agent is told is its parent's doing. */
	if (c->agent->sub)
		return;
	/* What has no tools may be all that the program asks. */
	if (c->side && (!c->purpose_evidence || strcmp(c->purpose_evidence, "no-tools") != 0))
		return;
	if (task.n == 0 || !content_keeps_text(r->t) || (r->task && (r->task_is_good || !good)))
		return;
	keep(&r->task, utf8_head(task, TASK_MAX));
	r->task_is_good = good;
}

static void name_agent(struct call_state *c, const struct llm_call *call)
{
	struct agent_identity who = { 0 };
	const struct slice ua = http_header(&call->http->request, SLICE("user-agent"));
	struct agent_span *a = c->agent;

	if (a->sub || ua.n == 0 || !agent_of_user_agent(ua, &who))
		return;
	if (!who.evidence)
		who.evidence = "user-agent";
	agent_name(a, &who);
}

static struct call_state *call_new(struct tree_state *tree, const struct llm_call *call)
{
	struct call_state *c;

	if (tree->n_calls >= TREE_CALLS_MAX) {
		tree->runs->dropped_steps++;
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->tree = tree;
	c->run = tree->runs;
	c->call = call;
	c->id = span_id(tree->t, call->http);
	c->agent = c->run->agents;
	c->usage = c->twin_usage = llm_usage_unknown;
	DL_APPEND(tree->calls, c);
	tree->n_calls++;
	return c;
}

/* Passed on, or the other end: it is where it is, and all that it says is said already. */
static bool be_twin(struct call_state *c, struct call_state *first)
{
	if (!first)
		return false;
	first->has_twins = true;
	c->same_as = first->id;
	c->side = true;
	c->purpose = first->purpose;
	c->purpose_evidence = first->purpose_evidence;
	if (first->tree != c->tree)
		return true;
	c->conv = conversation_hold(first->conv);
	c->conv_evidence = "same-call";
	if (first->run == c->run)
		return true;
	c->run = first->run;
	c->agent = c->run->agents;
	c->parent = c->agent->id;
	return true;
}

/* Its request was lost; polls repeat as well, but say which answer. */
static bool is_unseen(const struct llm_call *call)
{
	return call->repeats && call->body_cut && !call->http->method.n && !call->single;
}

static void read_request(struct call_state *c, const struct llm_call *call,
			 const struct explicit_ids *ids, struct arena *scratch)
{
	struct trace *t = c->tree->t;
	const struct node_ref *before = conversation_response(c->tree, call->previous_response_id);
	struct content_input in;
	bool begins;

	content_read_input(t, call, before ? before->node : (struct id128){ 0 },
			   before ? before->depth : 0, scratch, &in);
	c->input_node = in.last;
	c->input_depth = in.depth;
	c->system_blob = content_system(t, call, scratch);
	c->tools_blob = content_tools(t, call, scratch);
	c->words[0] = in.words[0];
	c->words[1] = in.words[1];
	if (be_twin(c, duplicate_under_way(c, call)))
		return;
	if (is_unseen(call))
		conversation_lost(c, call);
	/* Embeddings and polls are no turns of a conversation. */
	begins = !call->single && !call->repeats && conversation_link(c, call, ids, &in);
	purpose_find(c, call, ids, &in, begins);
	subagent_place(c, call, ids, &in, begins);
	if (call->single || call->repeats)
		return;
	tool_answer(c, call, in.results, in.nodes, in.n);
	conversation_asked(c);
	take_task(c, call, &in);
}

static void call_begin(struct trace *t, struct llm_call *call)
{
	struct tree_state *tree = tree_of(t, call->http->conn->process);
	struct arena *scratch;
	struct explicit_ids ids;
	struct call_state *c;
	struct run_state *r;

	call->user = NULL;
	learn_head(t->redactor, &call->http->request);
	if (!tree)
		tree = tentative_calls(t, call->http->conn->process);
	if (!tree || tree->finished)
		return;
	c = call_new(tree, call);
	if (!c)
		return;
	call->user = c;
	identity_read(call, &ids);
	subagent_host(c, call->http->conn->process);
	name_agent(c, call);
	c->session_id = session_id(c, &ids);
	scratch = arena_new(SCRATCH_MAX);
	if (scratch)
		read_request(c, call, &ids, scratch);
	arena_free(scratch);
	r = c->run;
	turn_begin_call(c);
	keep(&c->conversation_id, conversation_id(call, &ids));
	if (id128_is_zero(&r->session_id))
		r->session_id = c->session_id;
	c->agent->calls++;
	c->agent->offered_tools |= call->tool_count > 0;
	network_told(c->tree, call->http->conn, call->http->host);
	program_asks(c->tree, c->agent, call->http->conn->process);
	resource_call(c, call->http->conn->process);
	r->last_call_failed = false;
	call_emit(c, call, false);
	run_emit(r, false);
	live_run(r);
}

/* --- progress --- */

static void call_progress(struct trace *t, struct call_state *c, const struct llm_call *call)
{
	if (id64_is_zero(&c->same_as))
		tool_ask(c, call, call->done);
	live_run(c->run);
	live_pieces(c, call, false);
	if (t->now_ns < c->emitted_ns + EMIT_EVERY_NS)
		return;
	call_emit(c, call, false);
}

/* --- end --- */

/* What the provider says comes first; ours is kept beside it, so that a difference shows. */
static void price(struct call_state *c, const struct llm_call *call)
{
	const struct trace *t = c->run->t;
	const bool told = call->provider_cost_pico_usd != LLM_UNKNOWN;
	const struct price_query q = {
		.provider = slice_of(call->provider),
		.model = call->response_model.n ? call->response_model : call->request_model,
		.tier = call->response_tier,
		.geo = call->response_geo.n ? call->response_geo
					    : price_place_of_host(call->http->host),
		.unix_ns = clock_wall(&t->clock, call->start_ns, call->start_ns),
		.usage = &c->usage,
	};

	if (t->prices)
		price_call(t->prices, &q, told ? &c->table_cost : &c->cost);
	if (told) {
		c->cost.pico_usd = call->provider_cost_pico_usd;
		c->cost.source = COST_PROVIDER;
	}
	c->cost.equivalent = call->subscription;
}

static void note_failure(struct call_state *c, struct slice type, struct slice text)
{
	struct run_state *r = c->run;
	const struct slice s = text.n ? text : type;

	r->last_call_failed = true;
	r->last_call_timed_out = slice_has(type, SLICE("timeout"));
	snprintf(r->last_error, sizeof(r->last_error), "%.*s",
		 SLICE_ARG(utf8_head(s, sizeof(r->last_error) / 4)));
}

static void add_alternative(struct buf *list, const struct id128 *node)
{
	char text[ID128_HEX_SIZE + 3], hex[ID128_HEX_SIZE];

	id128_hex(node, hex);
	snprintf(text, sizeof(text), "%c\"%s\"", list->n ? ',' : '[', hex);
	buf_add(list, slice_of(text), ALTERNATIVES_TEXT_MAX);
}

static void read_answer(struct call_state *c, const struct llm_call *call, bool failed)
{
	struct arena *scratch = arena_new(SCRATCH_MAX);
	const struct llm_message *m = &call->answer;
	struct content_answer answer;

	if (!scratch)
		return;
	content_read_answer(c->run->t, m, c->input_node, c->input_depth, scratch, &answer);
	if (answer.any)
		c->output_node = answer.node;
	if (!id64_is_zero(&c->same_as)) {
		arena_free(scratch);
		return;
	}
	conversation_answered(c, call, &answer, failed);
	if (c->sums_up && !failed)
		conversation_summary(c, call);
	tool_set_asked_node(c);
	/* The client may go on from any of the choices that it asked for. */
	for (int i = 0; m->alternative && i < ALTERNATIVES_MAX; i++) {
		m = m->alternative;
		content_read_answer(c->run->t, m, c->input_node, c->input_depth, scratch, &answer);
		conversation_alternative(c, &answer);
		if (answer.any)
			add_alternative(&c->alternatives, &answer.node);
	}
	if (c->alternatives.n)
		buf_add(&c->alternatives, SLICE("]"), ALTERNATIVES_TEXT_MAX);
	arena_free(scratch);
}

static void release(struct call_state *c)
{
	DL_DELETE(c->tree->calls, c);
	c->tree->n_calls--;
	conversation_release(c->conv);
	live_free(c);
	free(c->conversation_id);
	buf_done(&c->alternatives);
	free(c);
}

static void call_end(struct call_state *c, const struct llm_call *call)
{
	struct run_state *r = c->run;
	struct slice type = { 0 }, text = { 0 };
	const bool failed = call_failed(call, &type, &text);

	learn_head(r->t->redactor, &call->http->response);
	/* What broke off was not asked for: the client has not all of it. What we lost, it has. */
	if (id64_is_zero(&c->same_as))
		tool_ask(c, call, !failed && call->http->end != HTTP_END_RECORDING);
	live_pieces(c, call, true);
	if (failed)
		tool_forget(c);
	read_answer(c, call, failed);
	c->raw_blob = content_envelope(r->t, call->http);
	c->usage = call->usage;
	duplicate_check(c, call);
	if (id64_is_zero(&c->duplicate_of) || c->second_sight_counts || c->stashes)
		price(c, call);
	duplicate_priced(c, call);
	/* What breaks off may be a client that has enough: its exit status tells. */
	if (failed && id64_is_zero(&c->duplicate_of) && call->http->end != HTTP_END_CUT)
		note_failure(c, type, text);
	network_told(c->tree, call->http->conn, call->http->host); /* its socket may be known now */
	c->agent->last_ns = call->end_ns ? call->end_ns : r->t->now_ns;
	if (c->agent->sub)
		agent_resume(c->agent);
	run_add_call(r, c, call, failed,
		     call->http->request.lost_bytes + call->http->response.lost_bytes);
	call_emit(c, call, true);
	turn_end_call(c, call, failed);
	run_emit(r, false);
}

/* The recording ends, or the run does, before llm/ has said how the calls end. */
void call_abandon_all(struct tree_state *tree)
{
	struct call_state *c, *tmp;

	list_for_each_safe (c, tmp, tree->calls) {
		struct trace *t = tree->t;

		c->usage = c->call->usage;
		run_add_call(c->run, c, c->call, false, 0);
		call_emit(c, c->call, true);
		DL_DELETE(tree->calls, c);
		tree->n_calls--;
		c->run->n_calls--;
		conversation_release(c->conv);
		c->conv = NULL;
		live_free(c);
		c->run = NULL; /* LLM_END will find it here and free it */
		c->call = NULL;
		DL_APPEND(t->orphans, c);
	}
}

static void forget_orphan(struct trace *t, struct call_state *c)
{
	DL_DELETE(t->orphans, c);
	free(c->conversation_id);
	free(c);
}

void call_free_orphans(struct trace *t)
{
	while (t->orphans)
		forget_orphan(t, t->orphans);
}

void call_event(struct trace *t, enum llm_event ev, struct llm_call *call)
{
	struct call_state *c = call->user;
	struct tree_state *tree;
	struct run_state *r;

	if (call->http->now_ns > t->now_ns)
		t->now_ns = call->http->now_ns;
	if (ev == LLM_BEGIN) {
		call_begin(t, call);
		return;
	}
	if (!c)
		return;
	if (!c->run) {
		if (ev == LLM_END)
			forget_orphan(t, c);
		return;
	}
	if (ev == LLM_PROGRESS) {
		call_progress(t, c, call);
		return;
	}
	tree = c->tree;
	call_end(c, call);
	r = c->run;
	release(c);
	program_judge_again(tree, call->start_ns);
	call->user = NULL;
	live_run(r);
}
