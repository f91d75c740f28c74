/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls at tool servers and other agents, as the wire has them. One whose name and arguments are
 * those of a tool call that the model asked for carries it out; any other is a step of the process
 * that made it.
 *
 * Over HTTP both ends may be of the run: then one request is seen twice. It is one step, that of
 * the end that sent it, with what the other end knows.
 */
#include "base/json.h"
#include "trace/content_level.h"
#include "trace/emit.h"
#include "trace/mcp_span.h"
#include "trace/observed/network.h"
#include "trace/observed/observed.h"
#include "trace/tool_span.h"

#define ENDED_MAX 1024 /* that another end may still tell of */

static struct id64 span_id(const struct tree_state *tree, const struct tool_call *c)
{
	struct id_hash h;

	id_hash_begin(&h, "span");
	id_hash_bytes(&h, SLICE("mcp"));
	id_hash_bytes(&h, (struct slice){ (const char *)tree->id.b, sizeof(tree->id.b) });
	id_hash_u64(&h, c->conn->id);
	id_hash_u64(&h, c->pos);
	id_hash_u64(&h, c->number);
	if (c->kind != TOOL_CALL) /* that a server makes in its answers: positions of its own */
		id_hash_bytes(&h, c->method);
	return id64_of(id_hash_end(&h));
}

static void show(struct mcp_state *m, uint64_t end_ns)
{
	m->shown = true;
	mcp_emit(m, end_ns);
}

/* --- which tool call of the model --- */

struct id128 mcp_args_hash(struct slice json)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(SCRATCH_MAX);
	_cleanup_(buf_done) struct buf canon = { 0 };
	struct json_writer w = { .out = &canon };

	json = slice_trim(json);
	if (json.n == 0)
		json = SLICE("{}");
	if (!mem || !json_valid(json))
		return (struct id128){ 0 };
	json_put_canonical(&w, json, mem, NULL);
	if (w.r || arena_failed(mem))
		return (struct id128){ 0 };
	return id_of_bytes(buf_slice(&canon));
}

static enum mcp_name_fit fits(const struct tree_state *tree, const struct mcp_state *m,
			      const struct tool_state *tool)
{
	if (m->call->kind != TOOL_CALL || (m->shown && m->run != tool->run) || tool->server ||
	    tool->by_mcp || id128_is_zero(&m->args_hash) ||
	    !id128_eq(&tool->args_hash, &m->args_hash))
		return MCP_NAME_NO;
	if (!process_key_eq(m->call->client, tool->process) &&
	    !process_descends(tree, m->call->client, tool->agent->process))
		return MCP_NAME_NO;
	return mcp_name_fits(slice_of(tool->name), m->call->server_name, m->call->name);
}

/* Equal calls that wait at the same time cannot be told apart. */
static struct tool_state *find_tool(struct tree_state *tree, const struct mcp_state *m)
{
	struct tool_state *tool, *found = NULL;
	enum mcp_name_fit best = MCP_NAME_NO;
	bool tie = false;

	list_for_each (tool, tree->tools) {
		const enum mcp_name_fit fit = fits(tree, m, tool);

		if (fit == MCP_NAME_NO || fit < best)
			continue;
		tie = fit == best;
		found = tool;
		best = fit;
	}
	return tie ? NULL : found;
}

static void link_tool(struct mcp_state *m, struct tool_state *tool)
{
	m->run = tool->run;
	m->tool = m->parent = tool->id;
	m->agent = tool->agent;
	m->evidence = "arguments";
	tool->by_mcp = true;
	tool->mcp_start_ns = m->call->start_ns;
	tool->mcp_end_ns = m->call->end_ns;
	tool_emit(tool, false);
}

static void try_link(struct tree_state *tree, struct mcp_state *m)
{
	struct tool_state *tool = id64_is_zero(&m->tool) ? find_tool(tree, m) : NULL;

	if (tool)
		link_tool(m, tool);
}

/* The answer that asks for a call may still be coming when the call is made. */
void mcp_adopt(const struct tool_state *tool)
{
	struct tree_state *tree = tool->run->tree;
	struct mcp_state *m, *found = NULL;

	list_for_each (m, tree->mcp_calls) {
		if (!id64_is_zero(&m->tool) || find_tool(tree, m) != tool)
			continue;
		if (found)
			return;
		found = m;
	}
	if (found) {
		try_link(tree, found);
		show(found, 0);
	}
}

/* --- one request, seen at both ends --- */

/* What one end has told of a request that is over; by ended_key(). */
struct ended {
	struct id64 id;
	struct id128 run;
	bool inbound;
	bool taken; /* the other end's view has come */
};

static bool ports_known(const struct connection *c)
{
	return c->local_port && c->remote_port;
}

/* Where the addresses of both ends are known, they tell. */
static bool may_be_one_connection(const struct connection *a, const struct connection *b)
{
	if (!ports_known(a) || !ports_known(b))
		return true;
	return a->local_port == b->remote_port && a->remote_port == b->local_port;
}

static bool is_same(const struct tool_call *a, const struct tool_call *b)
{
	if (!a->http || !b->http || a->inbound == b->inbound)
		return false;
	if (a->session_id.n && b->session_id.n && !slice_eq(a->session_id, b->session_id))
		return false;
	if (!a->head_only && !b->head_only && !slice_eq(a->request_id, b->request_id))
		return false;
	return slice_eq(a->method, b->method) && slice_eq(a->name, b->name) &&
	       slice_eq(a->uri, b->uri) && may_be_one_connection(a->conn, b->conn);
}

/* Where one end has lost the arguments, the other one's are as good as any. */
static bool may_equal(const struct id128 *a, const struct id128 *b)
{
	return id128_eq(a, b) || id128_is_zero(a) || id128_is_zero(b);
}

static struct mcp_state *find_twin(struct tree_state *tree, const struct tool_call *c,
				   const struct id128 *args_hash)
{
	struct mcp_state *m;

	list_for_each (m, tree->mcp_calls)
		if (!m->twin && is_same(m->call, c) && may_equal(&m->args_hash, args_hash))
			return m;
	return NULL;
}

static struct id128 ended_key(const struct tool_call *c, const struct id128 *args_hash)
{
	const uint16_t client = c->inbound ? c->conn->remote_port : c->conn->local_port;
	struct id_hash h;

	id_hash_begin(&h, "mcp-ended");
	id_hash_bytes(&h, c->method);
	id_hash_bytes(&h, c->request_id);
	id_hash_bytes(&h, c->name);
	id_hash_bytes(&h, (struct slice){ (const char *)args_hash->b, sizeof(args_hash->b) });
	id_hash_u64(&h, client);
	return id_hash_end(&h);
}

/* One end may be told whole before the other one begins: a write returned late. */
static void remember_ended(struct tree_state *tree, const struct mcp_state *m)
{
	const struct id128 key = ended_key(m->call, &m->args_hash);
	struct ended *e;

	if (!m->call->http || m->server.tgid)
		return;
	e = cache_find(&tree->mcp_ended, &key);
	if (!e)
		e = cache_add(&tree->mcp_ended, &key);
	if (e)
		*e = (struct ended){ .id = m->id, .run = m->run->id, .inbound = m->call->inbound };
}

/* What the other end has told as over. */
static struct ended *find_ended(struct tree_state *tree, const struct tool_call *c,
				const struct id128 *args_hash)
{
	const struct id128 key = ended_key(c, args_hash);
	struct ended *e = c->http ? cache_find(&tree->mcp_ended, &key) : NULL;

	return e && !e->taken && e->inbound != c->inbound ? e : NULL;
}

void mcp_init(struct tree_state *tree)
{
	cache_init(&tree->mcp_ended, ENDED_MAX, sizeof(struct id128), sizeof(struct ended));
}

/* --- the way in --- */

/* Once it was shown it stays in its run. */
static struct run_state *choose_run(struct tree_state *tree, const struct mcp_state *m,
				    const struct mcp_state *outer, const struct proc_state *ps)
{
	struct run_state *r;

	if (m->run)
		return m->run;
	if (outer)
		return outer->run;
	r = ps && ps->in_tool ? ps->run : turn_only_one(tree);
	return r ? r : tree->runs;
}

/* A step of whoever made the call, until it is known which tool call it carries out. */
static void find_place(struct tree_state *tree, struct mcp_state *m)
{
	const struct process_key key =
		m->call->client.tgid ? m->call->client : m->call->conn->process;
	const struct mcp_state *outer = m->call->within ? m->call->within->user : NULL;
	const struct proc_state *ps = process_above(tree, key, true);

	m->run = choose_run(tree, m, outer, ps);
	if (outer && outer->run == m->run) {
		m->agent = outer->agent;
		m->parent = outer->id;
		m->evidence = "request";
		return;
	}
	if (ps && (ps->run != m->run || ps->held))
		ps = NULL;
	m->agent = ps ? ps->agent : m->run->agents;
	m->parent = !ps || ps->own_agent ? m->agent->id : ps->id;
	m->evidence = "process";
}

/* The sender's end is the one that is shown. */
static void join(struct mcp_state *m, struct tool_call *c)
{
	c->user = m;
	m->twin = c;
	if (!c->inbound) {
		m->twin = m->call;
		m->call = c;
		if (id64_is_zero(&m->tool))
			find_place(m->run->tree, m);
	}
	m->server = m->twin->conn->process;
}

static struct id128 keep_text(struct trace *t, const struct tool_call *c, struct slice json)
{
	struct arena *mem = arena_new(SCRATCH_MAX);
	struct llm_message media = { 0 };
	struct id128 id = { 0 };
	struct slice kept;

	/* Of a server that is a memory, every tool is one of memory. */
	if (mem && content_keeps_tool(t, c->server_name)) {
		kept = mcp_without_bytes(json, mem, &media);
		id = content_tool_text(t, c->name, kept, json_valid(kept), mem);
		content_media(t, &id, media.parts);
	}
	arena_free(mem);
	return id;
}

static struct mcp_state *begin(struct tree_state *tree, struct tool_call *c,
			       const struct id128 *args_hash)
{
	struct ended *ended = find_ended(tree, c, args_hash);
	struct mcp_state *m;

	if (ended)
		ended->taken = true;
	if (ended && c->inbound)
		return NULL; /* the sender's view is there */
	m = tree->n_mcp < TREE_MCP_MAX ? calloc(1, sizeof(*m)) : NULL;
	if (!m) {
		tree->runs->dropped_steps++;
		return NULL;
	}
	m->id = ended ? ended->id : span_id(tree, c);
	m->corrects = ended;
	m->run = ended ? run_by_id(tree, &ended->run) : NULL;
	m->call = c;
	c->user = m;
	m->args_hash = *args_hash;
	if (!c->head_only)
		m->args_blob = keep_text(tree->t, c, c->arguments);
	DL_APPEND(tree->mcp_calls, m);
	tree->n_mcp++;
	find_place(tree, m);
	return m;
}

static void forget(struct tree_state *tree, struct mcp_state *m)
{
	DL_DELETE(tree->mcp_calls, m);
	tree->n_mcp--;
	m->call->user = NULL;
	if (m->twin)
		m->twin->user = NULL;
	free(m);
}

static bool failed(const struct tool_call *c)
{
	return c->is_error || c->refused;
}

static void end(struct tree_state *tree, struct mcp_state *m)
{
	struct tool_state *tool;

	try_link(tree, m);
	m->result_blob = keep_text(tree->t, m->call, m->call->result);
	tool = tool_by_id(tree, m->tool);
	if (tool) {
		tool->mcp_end_ns = m->call->end_ns;
		tool_emit(tool, false);
	} else if (failed(m->call) && !m->corrects) {
		m->run->totals.errors++;
	}
	show(m, m->call->end_ns);
	remember_ended(tree, m);
	forget(tree, m);
}

void mcp_begin(struct tree_state *tree, struct tool_call *c)
{
	const struct id128 none = { 0 };
	const struct id128 args_hash = c->head_only ? none : mcp_args_hash(c->arguments);
	struct mcp_state *m = find_twin(tree, c, &args_hash);

	if (c->http)
		network_told(tree, c->conn, c->host);
	if (c->server.tgid)
		program_serves(tree, c->server);
	if (m)
		join(m, c);
	else
		m = begin(tree, c, &args_hash);
	if (!m)
		return;
	m->run->dirty = true;
	try_link(tree, m);
	if (!m->corrects)
		show(m, 0);
}

void mcp_end(struct tool_call *c)
{
	struct mcp_state *m = c->user;

	if (!m)
		return; /* it was not kept, or its run or its other end has ended before it */
	m->run->dirty = true;
	if (c != m->twin) {
		end(m->run->tree, m);
		return;
	}
	m->twin = NULL;
	c->user = NULL;
}

/* The run is over before its calls. */
void mcp_finish_all(struct tree_state *tree, uint64_t ts_ns)
{
	while (tree->mcp_calls) {
		show(tree->mcp_calls, ts_ns);
		forget(tree, tree->mcp_calls);
	}
}

void mcp_let_go(const struct run_state *r)
{
	struct mcp_state *m, *tmp;

	list_for_each_safe (m, tmp, r->tree->mcp_calls) {
		if (m->run != r)
			continue;
		show(m, r->t->now_ns);
		forget(r->tree, m);
	}
}

void mcp_free_all(struct tree_state *tree)
{
	while (tree->mcp_calls)
		forget(tree, tree->mcp_calls);
}
