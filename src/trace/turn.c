/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which run a call is part of, where an agent takes one request after the other: each request of a
 * person's, or of a client that it serves, is a run. It ends with the answer that asks for no tool;
 * the run that the next request begins shares its session.
 *
 * An agent that was started with one task, and a program of which nothing else is known, works at
 * the tree's first run until its end. The first run is also what all belongs to that is no
 * request's: it begins with the tree, and its first request is the tree's first.
 */
#include "trace/emit.h"

/* --- which runs there are --- */

/* What it waits for will not come: its last call broke off, and nothing of it is at work. */
static bool is_given_up(const struct run_state *r)
{
	return r->broken_off && !r->n_calls && !r->n_tools;
}

static bool is_open(const struct run_state *r)
{
	return !r->over && !r->exited && !is_given_up(r);
}

/* Whether what is said to the model next in a conversation of this run can be a new request. */
static bool is_done(const struct run_state *r)
{
	return r->answered_ns || !is_open(r);
}

static bool belongs(const struct run_state *r, const struct agent_span *host)
{
	return r->host == host;
}

struct run_state *turn_only_one(struct tree_state *tree)
{
	struct run_state *r, *found = NULL;

	list_for_each (r, tree->runs) {
		if (!is_open(r))
			continue;
		if (found)
			return NULL;
		found = r;
	}
	return found ? found : tree->runs;
}

/* The host's only open run; @ret_n: how many there are. */
static struct run_state *open_run(const struct agent_span *host, unsigned *ret_n)
{
	struct run_state *r, *found = NULL;

	*ret_n = 0;
	list_for_each (r, host->run->tree->runs) {
		if (!belongs(r, host) || !is_open(r))
			continue;
		found = r;
		++*ret_n;
	}
	return *ret_n == 1 ? found : NULL;
}

static struct run_state *newest_run(const struct agent_span *host)
{
	struct run_state *r, *found = NULL;

	list_for_each (r, host->run->tree->runs)
		if (belongs(r, host) && (!found || r->seq >= found->seq))
			found = r;
	return found;
}

static struct run_state *run_of_session(const struct agent_span *host, const struct id128 *session)
{
	struct run_state *r, *found = NULL;

	list_for_each (r, host->run->tree->runs)
		if (belongs(r, host) && !id128_is_zero(session) &&
		    id128_eq(&r->session_id, session) && (!found || r->seq >= found->seq))
			found = r;
	return found;
}

static struct run_state *run_of_turn(const struct agent_span *host, struct slice turn)
{
	struct run_state *r;

	list_for_each (r, host->run->tree->runs)
		if (turn.n && r->turn && belongs(r, host) && slice_eq(slice_of(r->turn), turn))
			return r;
	return NULL;
}

static struct run_state *run_of_inbound(const struct agent_span *host, uint64_t inbound)
{
	struct run_state *r;

	list_for_each (r, host->run->tree->runs)
		if (belongs(r, host) && r->inbound == inbound)
			return r;
	return NULL;
}

/* What calls on the side are part of: their session's run, else the one that is worked at, else
 * the last one; where several are, nobody knows. */
static struct run_state *side_run(const struct agent_span *host, const struct id128 *session)
{
	struct run_state *r = run_of_session(host, session);
	unsigned n;

	if (!r)
		r = open_run(host, &n);
	if (!r && n == 0)
		r = newest_run(host);
	return r ? r : host->run;
}

/* Its own span, or where it works at a later run that run's root. */
static struct agent_span *agent_in(const struct run_state *r, struct agent_span *host)
{
	return r == host->run ? host : r->agents;
}

struct agent_span *turn_agent(struct agent_span *host)
{
	unsigned n;
	const struct run_state *r = open_run(host, &n);

	if (!r)
		r = newest_run(host);
	return r ? agent_in(r, host) : host;
}

/* --- begin and end --- */

/* The run has what it was asked for, or will not get it. */
static void close_run(struct run_state *r, uint64_t ts_ns)
{
	if (r->over || r->exited)
		return;
	r->over = true;
	r->end_ns = r->answered_ns ? r->answered_ns : ts_ns;
	status_decide(r);
	if (r->host && agent_in(r, r->host)->root)
		agent_end(r->agents, r->end_ns);
	run_emit(r, true);
}

/* It goes on after all: a hook had something to say to the last answer. */
static void reopen(struct run_state *r)
{
	r->answered_ns = 0;
	r->broken_off = false;
	if (!r->over)
		return;
	r->over = false;
	r->end_ns = 0;
	status_decide(r);
	r->agents->final = false;
	r->agents->end_ns = 0;
	agent_emit(r->agents, false);
	run_emit(r, true);
}

static struct id128 run_id(const struct call_state *c)
{
	struct id_hash h;

	id_hash_begin(&h, "run");
	id_hash_bytes(&h, (struct slice){ (const char *)c->tree->id.b, sizeof(c->tree->id.b) });
	id_hash_bytes(&h, (struct slice){ (const char *)c->id.b, sizeof(c->id.b) });
	return id_hash_end(&h);
}

/* Makes room for one more: the one over and unheard of for longest goes. False: all are at work. */
static bool make_room(struct tree_state *tree)
{
	struct run_state *r, *oldest = NULL;

	if (tree->n_runs < TREE_RUNS_MAX)
		return true;
	for (r = tree->runs->next; r; r = r->next)
		if (!is_open(r) && !r->n_calls && !r->n_tools && (!oldest || r->seq < oldest->seq))
			oldest = r;
	if (oldest)
		run_let_go(oldest);
	return oldest != NULL;
}

/* A run for what begins with @c; the tree's first where nobody has asked for anything yet. */
static struct run_state *begin_run(struct call_state *c, const struct llm_call *call,
				   struct agent_span *host, const char *evidence)
{
	struct run_state *first = c->tree->runs, *r;

	if (!first->host)
		return first;
	r = make_room(c->tree) ? run_begin(c->tree, run_id(c), host->process, call->start_ns)
			       : NULL;
	if (!r) {
		first->dropped_steps++;
		return first;
	}
	r->evidence = evidence;
	agent_copy_name(r->agents, host);
	run_emit(r, true); /* first: who watches must know whose its steps are */
	agent_emit(r->agents, false);
	return r;
}

static struct id128 chain_session(const struct conversation *conv)
{
	struct id_hash h;

	id_hash_begin(&h, "session");
	id_hash_bytes(&h, SLICE("conversation"));
	id_hash_bytes(&h, (struct slice){ (const char *)conv->id.b, sizeof(conv->id.b) });
	return id_hash_end(&h);
}

/* Runs that share a conversation share a session: the id that was told, else the conversation. */
static void share_session(struct run_state *r, struct run_state *before, const struct call_state *c)
{
	if (before && id128_is_zero(&before->session_id) && c->conv) {
		before->session_id = chain_session(c->conv);
		before->dirty = true;
	}
	if (!id128_is_zero(&c->session_id))
		r->session_id = c->session_id;
	else if (before)
		r->session_id = before->session_id;
	else if (id128_is_zero(&r->session_id) && c->conv)
		r->session_id = chain_session(c->conv);
}

/* --- which one --- */

struct request {
	struct call_state *c;
	const struct llm_call *call;
	const struct explicit_ids *ids;
	const struct content_input *in;
	struct agent_span *host;
	const struct inbound *inbound; /* that its process serves; NULL: none, or several */
	bool serves;
};

/* Whether the host is one that takes requests, as far as is known by now. */
static bool takes_turns(struct request *q)
{
	struct agent_span *host = q->host;
	struct run_state *r = host->run;
	unsigned n;

	if (host->turns || host->once || r != q->c->tree->runs || q->c->tree->source)
		return host->turns;
	if (host->waited && q->in->has_words && is_done(r))
		host->turns = true;
	if (q->serves && !q->c->conv_evidence && !open_run(host, &n) && n == 0)
		host->turns = true;
	return host->turns;
}

static bool is_other_session(const struct run_state *r, const struct call_state *c)
{
	return !id128_is_zero(&c->session_id) && !id128_is_zero(&r->session_id) &&
	       !id128_eq(&c->session_id, &r->session_id);
}

/* What the client that is served now wants has nothing to do with what one wanted before. */
static bool is_other_inbound(const struct run_state *r, const struct inbound *inbound)
{
	return inbound && r->inbound && inbound->number != r->inbound;
}

/* What the call goes on with; NULL: a request begins, by @ret_evidence. */
static struct run_state *run_of_history(const struct request *q, struct run_state *before,
					const char **ret_evidence)
{
	/* Beside results words are said while the agent works, unless nobody has waited for it. */
	const bool asks = q->in->asks || (q->in->has_words && is_given_up(before));

	*ret_evidence = "user-message";
	if (!id64_is_zero(&q->c->retry_of) || !asks)
		return before;
	if (is_done(before) || q->in->stopped || is_other_inbound(before, q->inbound))
		return NULL;
	/* Its last answer was not seen, but what is said to it was. */
	if (q->in->completed && q->in->n_requests > before->n_requests)
		return NULL;
	return before;
}

/* The same for a conversation that begins. */
static struct run_state *run_of_beginning(const struct request *q, const char **ret_evidence)
{
	struct run_state *r = q->inbound ? run_of_inbound(q->host, q->inbound->number) : NULL;
	unsigned n;

	*ret_evidence = "inbound-request";
	if (r || q->inbound)
		return r;
	r = open_run(q->host, &n);
	*ret_evidence = n > 1 || q->serves ? "conversation" : "user-message";
	if (q->serves || !r)
		return NULL;
	*ret_evidence = "session-id";
	return is_other_session(r, q->c) ? NULL : r;
}

static struct run_state *find_run(const struct request *q, struct run_state *before)
{
	const char *evidence = "explicit-id";
	struct run_state *r = run_of_turn(q->host, q->ids->turn);

	if (r)
		return r;
	if (!q->ids->turn.n || !newest_run(q->host))
		r = before && belongs(before, q->host) ? run_of_history(q, before, &evidence)
						       : run_of_beginning(q, &evidence);
	if (!r)
		r = begin_run(q->c, q->call, q->host, evidence);
	return r;
}

/* @before: that the conversation was part of, where the next one begins with the call. */
static void enter(const struct request *q, struct run_state *r, struct run_state *before)
{
	if (before && before != r && !q->c->side)
		close_run(before, q->call->start_ns);
	if (!r->host) {
		r->host = q->host;
		r->conv = q->c->conv ? q->c->conv->number : 0;
		r->inbound = q->inbound ? q->inbound->number : 0;
		keep(&r->request, slice_of(q->inbound ? q->inbound->what : NULL));
	}
	if (!r->turn)
		keep(&r->turn, q->ids->turn);
	if (q->host->turns)
		share_session(r, before != r ? before : NULL, q->c);
	r->n_requests = q->in->n_requests;
	reopen(r);
	q->host->waited = false;
}

void turn_place(struct call_state *c, const struct llm_call *call, const struct explicit_ids *ids,
		const struct content_input *in)
{
	struct request q = { .c = c, .call = call, .ids = ids, .in = in, .host = c->agent };
	struct run_state *before = c->conv ? c->conv->run : NULL;

	q.inbound = inbound_of(c->tree, call->http->conn->process, &q.serves);
	if (c->side)
		c->run = before ? before : side_run(q.host, &c->session_id);
	else if (takes_turns(&q))
		c->run = find_run(&q, before);
	else
		c->run = q.host->run;
	if (!c->side)
		enter(&q, c->run, before);
	c->agent = agent_in(c->run, q.host);
}

/* --- calls --- */

void turn_begin_call(struct call_state *c)
{
	c->run->n_calls++;
	c->run->seq = ++c->tree->calls_seen;
}

/* An answer that wants nothing more: words, and no call of a tool of the client's. */
static bool is_last_answer(const struct llm_call *call)
{
	bool words = false;

	for (const struct llm_part *p = call->answer.parts; p; p = p->next) {
		if (p->type == LLM_PART_TOOL_CALL)
			return false;
		words |= p->type == LLM_PART_TEXT || p->type == LLM_PART_REFUSAL ||
			 p->type == LLM_PART_MEDIA;
	}
	return words && !call->cut && !slice_eq(call->finish_reason, SLICE("pause_turn"));
}

/* Whether the run's own conversation speaks, or at least is not at work itself: what begins beside
 * it without a sign of whose it is has its last answer, too. */
static bool speaks_for_run(const struct call_state *c)
{
	const struct conversation *own = conversation_at(c->tree, c->run->conv);

	return !own || own == c->conv || own->refs == 0;
}

void turn_end_call(struct call_state *c, const struct llm_call *call, bool failed)
{
	struct run_state *r = c->run;

	r->n_calls--;
	if (c->side || c->agent->sub || !r->host || agent_in(r, r->host) != c->agent)
		return;
	r->broken_off = failed;
	if (failed || !is_last_answer(call) || !speaks_for_run(c))
		return;
	r->answered_ns = call->end_ns ? call->end_ns : r->t->now_ns;
	if (r->host->turns)
		close_run(r, r->answered_ns);
}

/* --- what else tells --- */

void turn_wait(struct tree_state *tree, const struct sonde_wait_event *e)
{
	const struct process_key key = { e->hdr.tgid, e->hdr.start_ns };
	const struct proc_state *ps = process_above(tree, key, true);
	struct agent_span *host = ps ? ps->agent : tree->runs->agents;

	if (host->run == tree->runs && is_done(host->run))
		host->waited = true;
}

void turn_host_exited(struct agent_span *host, const struct process *p, uint64_t ts_ns)
{
	struct run_state *r;

	for (r = host->run->tree->runs->next; r; r = r->next)
		if (belongs(r, host) && !r->over && !r->exited)
			run_exit(r, p, ts_ns);
}
