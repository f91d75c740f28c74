/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that wait for their answers. What an agent wants of a server (a tool, a resource, a
 * prompt) or a server of an agent is told as it begins and ends; handshakes, lists and pings only
 * where they failed or were slow.
 */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/json.h"
#include "mcp/session.h"

#define SLOW_NS		 1000000000ull	    /* from here on a handshake or a list is worth a step */
#define OTHER_PARAMS_MAX 4096		    /* that are kept of those */
#define LAST_RESULT_MAX	 ((size_t)16 << 20) /* of a stream of results */

struct session_call {
	struct session_call *prev, *next;
	struct session_call *parked_prev, *parked_next; /* mcp.parked */
	struct tool_call c;
	struct asker *asker;
	const struct rpc_method *method;
	const void *exchange; /* that is to bring the answer; NULL: any */
	bool one_numbering;
	bool told, parked;
	struct slice state; /* opaque: the server wants it back with more input */
	struct slice token; /* JSON: progress is told with it */
	struct buf last;    /* of a stream of results: the newest */
	struct arena *mem;
};

void asker_init(struct asker *a, struct session *s)
{
	*a = (struct asker){ .session = s };
}

/* --- one call --- */

static void unpark(struct session_call *call)
{
	struct mcp *m = call->asker->session->mcp;

	if (call->parked)
		DL_DELETE2(m->parked, call, parked_prev, parked_next);
	call->parked = false;
}

static void forget(struct session_call *call)
{
	struct asker *a = call->asker;
	struct mcp *m = a->session->mcp;

	unpark(call);
	DL_DELETE(a->calls, call);
	a->n_waiting--;
	m->n_waiting--;
	m->budget.used -= call->last.cap;
	buf_done(&call->last);
	arena_free(call->mem);
	free(call);
}

void asker_done(struct asker *a)
{
	while (a->calls)
		forget(a->calls);
}

static void tell(struct session_call *call, enum tool_event ev)
{
	struct mcp *m = call->asker->session->mcp;

	if (ev == TOOL_BEGIN) {
		call->told = true;
		stat_add(m->stats, STAT_MCP_CALLS, 1);
	}
	m->reader->call(m->ctx, ev, &call->c);
}

static bool is_worth_a_step(const struct session_call *call)
{
	const struct tool_call *c = &call->c;

	if (c->refused || c->is_error || a2a_is_over(c))
		return true;
	if (call->method->flags & METHOD_LONG)
		return false;
	return c->cut || c->end_ns - c->start_ns >= SLOW_NS;
}

static bool is_a2a(const struct rpc_method *method)
{
	return method->kind == TOOL_AGENT || (method->flags & METHOD_TASK);
}

/* The session's and the card's memory may go before the call does. */
static void keep_slice(struct session_call *call, struct slice *dst, struct slice text)
{
	if (!slice_eq(*dst, text))
		*dst = arena_copy(call->mem, text);
}

static void keep_text(struct session_call *call, struct slice *dst, const char *text)
{
	keep_slice(call, dst, slice_of(text));
}

/* What was learned since it began. */
static void describe(struct session_call *call)
{
	const struct session *s = call->asker->session;
	const struct card *card = is_a2a(call->method) ? card_find(s->mcp, call->c.host) : NULL;
	struct tool_call *c = &call->c;

	if (call->asker->server.tgid)
		c->server = call->asker->server;
	keep_text(call, &c->client_name, s->client_name);
	keep_text(call, &c->client_version, s->client_version);
	keep_text(call, &c->server_name, s->server_name);
	keep_text(call, &c->server_version, s->server_version);
	keep_text(call, &c->protocol_version, s->protocol_version);
	keep_text(call, &c->session_id, s->id);
	c->n_tools = s->n_tools;
	if (c->kind == TOOL_CALL)
		keep_slice(call, &c->description, session_tool(s, c->name));
	if (!card)
		return;
	keep_text(call, &c->agent_name, card->name);
	keep_text(call, &c->agent_version, card->version);
	keep_text(call, &c->agent_description, card->description);
}

static void finish(struct session_call *call, uint64_t ts_ns)
{
	struct tool_call *c = &call->c;

	c->end_ns = ts_ns > c->start_ns ? ts_ns : c->start_ns;
	describe(call);
	if (!call->told && is_worth_a_step(call))
		tell(call, TOOL_BEGIN);
	if (call->told)
		tell(call, TOOL_END);
	forget(call);
}

static void cut(struct session_call *call, const char *why, uint64_t ts_ns)
{
	if (call->last.n)
		call->c.result = buf_slice(&call->last);
	call->c.cut = call->parked ? "the input that the server wanted never came" : why;
	finish(call, ts_ns);
}

/* --- which one --- */

/* On an exchange of its own an id means one request; elsewhere it may be of any that still waits.
 */
static struct session_call *find(const struct asker *a, struct slice id, const void *exchange)
{
	struct session_call *call, *found = NULL;

	DL_FOREACH(a->calls, call)
	{
		if (call->parked || !slice_eq(call->c.request_id, id))
			continue;
		if (call->exchange == exchange)
			return call;
		if (!call->exchange || call->one_numbering)
			found = call;
	}
	return found;
}

/* The one that waits on an exchange: an error without an id is about it. */
static struct session_call *only_one(const struct asker *a, const void *exchange)
{
	struct session_call *call, *found = NULL;

	DL_FOREACH(a->calls, call)
	{
		if (!exchange || call->exchange != exchange || call->parked)
			continue;
		if (found)
			return NULL;
		found = call;
	}
	return found;
}

bool asker_waits(const struct asker *a, struct slice id)
{
	const struct session_call *call;

	DL_FOREACH(a->calls, call)
	if (!call->parked && slice_eq(call->c.request_id, id))
		return true;
	return false;
}

/* What the sender works on while it asks: the call on whose exchange it does, or the only one. */
static const struct tool_call *within(const struct circumstance *how)
{
	const struct session_call *call, *found = NULL;

	if (!how->works_for)
		return NULL;
	DL_FOREACH(how->works_for->calls, call)
	{
		if (!call->told)
			continue;
		if (how->exchange && call->exchange == how->exchange)
			return &call->c;
		if (found)
			return NULL;
		found = call;
	}
	return found ? &found->c : NULL;
}

/* --- requests --- */

static struct slice kept_params(const struct rpc_method *method, const struct jsonrpc_message *m)
{
	if (method->kind == TOOL_CALL)
		return json_member(m->params, SLICE("arguments"));
	if (method->kind == TOOL_OTHER && m->params.n > OTHER_PARAMS_MAX)
		return (struct slice){ 0 };
	return m->params;
}

/* Names and arguments, in memory of the call's own. */
static void read_params(struct session_call *call, const struct jsonrpc_message *m)
{
	static const char *const names[] = { "_meta", "message" };
	const struct rpc_method *method = call->method;
	struct tool_call *c = &call->c;
	struct arena *mem = call->mem;
	struct slice v[2] = { 0 };

	json_members(m->params, names, v, 2);
	if (!c->head_only)
		c->arguments = arena_copy(mem, kept_params(method, m));
	call->token = arena_copy(mem, json_member(v[0], SLICE("progressToken")));
	if (is_a2a(method))
		a2a_take(c, mem, v[1].n ? v[1] : m->params);
	if (!method->subject)
		return;
	v[1] = json_text(json_member(m->params, slice_of(method->subject)), mem);
	if (strcmp(method->subject, "uri") == 0)
		c->uri = arena_copy(mem, v[1]);
	else
		c->name = arena_copy(mem, v[1]);
}

/* The connection may go before the call is over. */
static const struct connection *copy_connection(const struct connection *conn, struct arena *mem)
{
	const struct slice bytes = { (const char *)conn, sizeof(*conn) };
	struct connection *copy = arena_alloc(mem, sizeof(*copy));

	if (copy) {
		memcpy(copy, bytes.p, bytes.n);
		copy->user = NULL;
	}
	return copy;
}

static void fill(struct session_call *call, const struct circumstance *how,
		 const struct jsonrpc_message *m)
{
	struct asker *a = call->asker;
	struct arena *mem = call->mem;

	call->c = (struct tool_call){
		.conn = copy_connection(how->conn, mem),
		.pos = m->pos,
		.number = a->n_calls,
		.client = a->client,
		.server = a->server,
		.host = arena_copy(mem, slice_of(a->session->host)),
		.http = how->http,
		.inbound = how->inbound,
		.batch = m->batch,
		.head_only = how->head_only,
		.kind = call->method->kind,
		.method = arena_copy(mem, m->method),
		.request_id = arena_copy(mem, m->id),
		.n_tools = TOOL_UNKNOWN,
		.within = within(how),
		.start_ns = m->begin_ns,
	};
	call->exchange = how->exchange;
	call->one_numbering = how->one_numbering;
	read_params(call, m);
}

static struct session_call *call_new(struct asker *a, const struct rpc_method *method,
				     const struct circumstance *how,
				     const struct jsonrpc_message *m)
{
	struct mcp *mcp = a->session->mcp;
	struct session_call *call =
		mcp->n_waiting < MCP_CALLS_MAX ? calloc(1, sizeof(*call)) : NULL;
	struct arena *mem = call ? arena_new_within(2 * JSONRPC_MESSAGE_MAX, &mcp->budget) : NULL;

	if (!mem) {
		free(call);
		return NULL;
	}
	call->mem = mem;
	call->asker = a;
	call->method = method;
	fill(call, how, m);
	if (arena_failed(mem)) {
		arena_free(mem);
		free(call);
		return NULL;
	}
	return call;
}

/* A call that its server sent back for more input goes on with a number of its own. */
static struct session_call *find_parked(struct asker *a, const struct rpc_method *method,
					const struct circumstance *how, struct slice params)
{
	static const char *const names[] = { "requestState", "inputResponses" };
	struct session_call *call, *found = NULL;
	struct slice v[2];

	if (!json_members(params, names, v, 2) || (!v[0].n && !v[1].n))
		return NULL;
	for (call = a->session->mcp->parked; call; call = call->parked_next) {
		if (call->method != method || call->c.inbound != how->inbound ||
		    call->c.http != how->http || !slice_eq(call->state, v[0]))
			continue;
		/* Without a state, only who asked can have meant it. */
		if (!v[0].n && call->asker != a)
			continue;
		if (found)
			return NULL;
		found = call;
	}
	return found;
}

static bool go_on(struct session_call *call, struct asker *a, const struct circumstance *how,
		  const struct jsonrpc_message *m)
{
	const struct slice id = arena_copy(call->mem, m->id);

	if (arena_failed(call->mem))
		return false;
	unpark(call);
	DL_DELETE(call->asker->calls, call);
	call->asker->n_waiting--;
	call->asker = a;
	DL_APPEND(a->calls, call);
	a->n_waiting++;
	call->c.request_id = id;
	call->c.rounds++;
	call->exchange = how->exchange;
	return true;
}

static void request(struct asker *a, const struct circumstance *how,
		    const struct jsonrpc_message *m)
{
	const struct rpc_method *method = rpc_method(m->method);
	struct session_call *call;

	if (!method)
		method = &rpc_method_unknown;
	if (method->asked)
		method->asked(a->session, m->params);
	call = find_parked(a, method, how, m->params);
	if (call && go_on(call, a, how, m))
		return;
	call = m->id.n && (!how->http || how->one_numbering) ? find(a, m->id, how->exchange) : NULL;
	if (call)
		cut(call, "another request came with its id", m->begin_ns);
	if (a->n_waiting >= SESSION_CALLS_MAX)
		cut(a->calls, "too many calls at once", m->begin_ns);
	call = call_new(a, method, how, m);
	a->n_calls++;
	if (!call) {
		stat_add(a->session->mcp->stats, STAT_MCP_OVER_LIMIT, 1);
		return;
	}
	DL_APPEND(a->calls, call);
	a->n_waiting++;
	a->session->mcp->n_waiting++;
	describe(call);
	if (method->kind != TOOL_OTHER)
		tell(call, TOOL_BEGIN);
	call->c.within = NULL;
}

static void cancelled(struct asker *a, const struct jsonrpc_message *m)
{
	const struct slice id = json_member(m->params, SLICE("requestId"));
	struct session_call *call, *found = NULL;
	unsigned n = 0;

	DL_FOREACH(a->calls, call)
	if (!call->parked && id.n && slice_eq(call->c.request_id, id)) {
		found = call;
		n++;
	}
	if (n != 1)
		return;
	found->c.cancelled = true;
	cut(found, "cancelled", m->end_ns);
}

void asker_asked(struct asker *a, const struct circumstance *how, const struct jsonrpc_message *m)
{
	session_take_meta(a->session, m->params);
	if (m->kind == JSONRPC_REQUEST)
		request(a, how, m);
	else if (slice_eq(m->method, SLICE("notifications/cancelled")))
		cancelled(a, m);
}

/* --- answers --- */

static void take_error(struct tool_call *c, struct slice error, struct arena *mem)
{
	c->refused = true;
	json_int64(json_member(error, SLICE("code")), &c->error_code);
	c->error_message = json_text(json_member(error, SLICE("message")), mem);
}

/* One of several: the newest is kept. */
static void take_update(struct session_call *call, struct slice result)
{
	struct arena_budget *budget = &call->asker->session->mcp->budget;
	const size_t had = call->last.cap;
	int r = -ENOMEM;

	call->c.progress++;
	call->last.n = 0;
	if (result.n <= had || budget->used + 2 * result.n <= budget->max)
		r = buf_add(&call->last, result, LAST_RESULT_MAX);
	budget->used += call->last.cap - had;
	if (r < 0)
		stat_add(call->asker->session->mcp->stats, STAT_MCP_OVER_LIMIT, 1);
}

/* Whether the server wants more before it answers. */
static bool park(struct session_call *call, struct slice result)
{
	static const char *const names[] = { "resultType", "requestState" };
	struct mcp *mcp = call->asker->session->mcp;
	struct slice v[2];

	if (!json_members(result, names, v, 2) || !json_is(v[0], "input_required"))
		return false;
	call->state = arena_copy(call->mem, v[1]);
	if (arena_failed(call->mem))
		return false;
	call->parked = true;
	call->exchange = NULL;
	DL_APPEND2(mcp->parked, call, parked_prev, parked_next);
	return true;
}

static void take_result(struct session_call *call, const struct jsonrpc_message *m)
{
	struct session *s = call->asker->session;
	struct tool_call *c = &call->c;

	session_take_meta(s, m->value);
	if (call->method->answered)
		call->method->answered(s, c->arguments, m->value);
	if (!is_a2a(call->method))
		c->is_error = slice_eq(json_member(m->value, SLICE("isError")), SLICE("true"));
	else
		a2a_take(c, call->mem, m->value);
	if (call->method->flags & METHOD_STREAM) {
		take_update(call, m->value);
		return;
	}
	if (park(call, m->value))
		return;
	c->result = m->value;
	finish(call, m->end_ns);
}

/* Who could not read the request could not read its id; what headers alone told of has none. */
static struct session_call *without_id(struct asker *a, const struct circumstance *how,
				       const struct jsonrpc_message *m)
{
	struct session_call *call = only_one(a, how->exchange);
	const bool no_id = !m->id.n || slice_eq(m->id, SLICE("null"));

	if (!call || (call->c.request_id.n && (!no_id || m->kind != JSONRPC_ERROR)))
		return NULL;
	return call;
}

bool asker_answered(struct asker *a, const struct circumstance *how,
		    const struct jsonrpc_message *m)
{
	struct session_call *call = find(a, m->id, how->exchange);

	if (!call)
		call = without_id(a, how, m);
	if (!call)
		return false;
	if (m->kind == JSONRPC_RESULT) {
		take_result(call, m);
		return true;
	}
	call->c.result = m->value;
	take_error(&call->c, m->value, call->mem);
	finish(call, m->end_ns);
	return true;
}

void asker_told(struct asker *a, const struct circumstance *how, const struct jsonrpc_message *m)
{
	const struct slice token = json_member(m->params, SLICE("progressToken"));
	struct session_call *call;

	session_take_meta(a->session, m->params);
	if (!token.n || !slice_eq(m->method, SLICE("notifications/progress")))
		return;
	DL_FOREACH(a->calls, call)
	if (slice_eq(call->token, token) &&
	    (!call->exchange || call->exchange == how->exchange || call->one_numbering))
		call->c.progress++;
}

/* --- no answers --- */

void asker_lost(struct asker *a, const void *exchange, uint64_t n)
{
	struct session_call *call;

	DL_FOREACH(a->calls, call)
	if (call->exchange == exchange)
		call->c.lost_bytes += n;
}

void asker_cut(struct asker *a, const char *why, uint64_t ts_ns)
{
	while (a->calls)
		cut(a->calls, why, ts_ns);
}

/* A stream that came to its end said all it had to. */
static void end_stream(struct session_call *call, uint64_t ts_ns)
{
	call->c.result = buf_slice(&call->last);
	finish(call, ts_ns);
}

void asker_exchange_over(struct asker *a, const void *exchange, int status, const char *why,
			 uint64_t ts_ns)
{
	struct session_call *call, *next;

	DL_FOREACH_SAFE(a->calls, call, next)
	{
		if (call->exchange != exchange)
			continue;
		if (!why && call->last.n) {
			end_stream(call, ts_ns);
			continue;
		}
		call->c.http_status = status;
		call->c.refused = status != 0;
		if (status)
			finish(call, ts_ns);
		else
			cut(call, why ? why : "it was not answered", ts_ns);
	}
}

void asker_let_go(struct asker *a, const void *exchange)
{
	struct session_call *call;

	DL_FOREACH(a->calls, call)
	if (call->exchange == exchange)
		call->exchange = NULL;
}
