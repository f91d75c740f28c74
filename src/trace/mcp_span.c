/* SPDX-License-Identifier: BSD-2-Clause */
/* The span of a request to a tool server or another agent: `tools/call {tool}`, as the MCP
 * conventions have it; `invoke_agent {agent}`. */
#include "trace/mcp_span.h"

#include <stdio.h>
#include <sys/socket.h>

#include "base/util.h"
#include "trace/emit.h"

/* --- who --- */

static void emit_server(struct emit *e, const struct tool_call *c, struct process_key server)
{
	const struct process *p = server.tgid ? proc_find(e->run->t->procs, server) : NULL;

	emit_str(e, ATTR_MCP_SERVER, c->server_name);
	emit_str(e, ATTR_MCP_SERVER_VERSION, c->server_version);
	emit_int(e, ATTR_MCP_SERVER_TOOLS, c->n_tools);
	emit_str(e, ATTR_MCP_CLIENT, c->client_name);
	emit_str(e, ATTR_MCP_CLIENT_VERSION, c->client_version);
	emit_str(e, ATTR_MCP_VERSION, c->protocol_version);
	emit_str(e, ATTR_MCP_SESSION, c->session_id);
	if (server.tgid)
		emit_int(e, ATTR_MCP_SERVER_PID, server.tgid);
	if (!p)
		return;
	emit_str(e, ATTR_MCP_SERVER_PROGRAM, process_name(p));
	emit_clean(e, ATTR_MCP_SERVER_LINE, emit_argv_line(e, p->argv));
}

static void emit_transport(struct emit *e, const struct tool_call *c)
{
	struct slice name = { 0 };
	int port = 0;

	if (!c->http) {
		emit_lit(e, ATTR_TRANSPORT, "pipe");
		return;
	}
	emit_lit(e, ATTR_TRANSPORT, c->conn->family == AF_UNIX ? "unix" : "tcp");
	emit_lit(e, ATTR_PROTOCOL, "http");
	if (sonde_source_is_tls(c->conn->source))
		port = 443;
	emit_split_host(c->host, &name, &port);
	e->span.server_address = emit_text(e, name);
	e->span.server_port = port ? port : c->conn->family == AF_UNIX ? 0 : 80;
}

/* The agent that is asked, not the one that asks. */
static void emit_remote_agent(struct emit *e, const struct tool_call *c)
{
	if (c->kind != TOOL_AGENT && !c->task_id.n)
		return;
	e->span.agent = emit_text(e, c->agent_name);
	e->span.agent_version = emit_text(e, c->agent_version);
	e->span.conversation_id = emit_text(e, c->context_id);
	emit_str(e, ATTR_AGENT_DESCRIPTION, c->agent_description);
	emit_str(e, ATTR_A2A_METHOD, c->method);
	emit_str(e, ATTR_A2A_TASK, c->task_id);
	emit_str(e, ATTR_A2A_STATE, c->task_state);
}

/* --- what --- */

static void emit_subject(struct emit *e, const struct tool_call *c)
{
	const struct slice name = emit_text(e, c->name);

	e->span.name = emit_text(e, c->method);
	if (c->kind == TOOL_AGENT) {
		e->span.name = SLICE("invoke_agent");
		emit_lit(e, ATTR_OPERATION, "invoke_agent");
		if (c->agent_name.n)
			e->span.name =
				emit_join(e, SLICE("invoke_agent "), emit_text(e, c->agent_name));
		return;
	}
	if (!c->task_id.n)
		emit_clean(e, ATTR_MCP_METHOD, e->span.name);
	if (name.n)
		e->span.name = emit_join(e, emit_join(e, e->span.name, SLICE(" ")), name);
	emit_clean(e, ATTR_MCP_URI, emit_url(e, c->uri));
	if (c->kind == TOOL_PROMPT)
		emit_clean(e, ATTR_PROMPT, name);
	if (c->kind != TOOL_CALL)
		return;
	e->span.tool_name = name;
	emit_lit(e, ATTR_OPERATION, "execute_tool");
	if (content_keeps_text(e->run->t))
		emit_str(e, ATTR_TOOL_DESCRIPTION, c->description);
}

/* --- how it went --- */

static void emit_error(struct emit *e, const char *type, struct slice text)
{
	e->span.status = SPAN_ERROR;
	e->span.error_type = emit_text(e, slice_of(type));
	e->span.status_text = emit_text(e, text);
}

static void emit_outcome(struct emit *e, const struct tool_call *c, bool final)
{
	char code[24];

	if (c->http_status) {
		snprintf(code, sizeof(code), "%d", c->http_status);
		emit_error(e, code, (struct slice){ 0 });
		emit_int(e, ATTR_HTTP_STATUS, c->http_status);
	} else if (c->refused) {
		snprintf(code, sizeof(code), "%lld", (long long)c->error_code);
		emit_error(e, code, c->error_message);
		emit_str(e, ATTR_RPC_STATUS, slice_of(code));
	} else if (c->is_error && c->task_state.n) {
		e->span.status = SPAN_ERROR;
		e->span.error_type = emit_text(e, c->task_state);
	} else if (c->is_error) {
		emit_error(e, "tool_error", (struct slice){ 0 });
	}
	if (c->cut || (final && !c->refused && c->result.n == 0))
		emit_lit(e, ATTR_CUT, c->cut ? c->cut : "the run ended");
	emit_true(e, ATTR_MCP_CANCELLED, c->cancelled);
	if (c->progress)
		emit_int(e, ATTR_MCP_PROGRESS, c->progress);
	if (c->rounds)
		emit_int(e, ATTR_MCP_ROUNDS, c->rounds);
	emit_true(e, ATTR_MCP_BATCH, c->batch);
	e->span.lost_bytes = c->lost_bytes;
}

/* The request's id, as the conventions have it: text, without a string's quotes. */
static struct slice id_text(struct slice id)
{
	return id.n >= 2 && id.p[0] == '"' ? (struct slice){ id.p + 1, id.n - 2 } : id;
}

/* Servers ask clients, too. */
static bool is_by_server(const struct tool_call *c)
{
	return c->kind == TOOL_SAMPLING || c->kind == TOOL_ELICITATION;
}

/* Whether only the end that is asked is seen. */
static bool is_answering(const struct mcp_state *m)
{
	const struct tool_call *c = m->call;

	return c->http && !m->server.tgid && c->inbound != is_by_server(c);
}

static struct process_key server_of(const struct mcp_state *m)
{
	const struct tool_call *c = m->call;
	const struct process_key known = is_by_server(c) ? c->client : c->server;

	return known.tgid ? known : m->server;
}

static struct process_key asker_of(const struct mcp_state *m)
{
	const struct tool_call *c = m->call;

	if (c->client.tgid)
		return c->client;
	return is_by_server(c) && m->server.tgid ? m->server : c->conn->process;
}

void mcp_emit(const struct mcp_state *m, uint64_t end_ns)
{
	const struct tool_call *c = m->call;
	const struct process_key who = asker_of(m);
	const struct process *p = proc_find(m->run->t->procs, who);
	struct emit e;

	emit_begin(&e, m->run, STEP_MCP, c->start_ns);
	e.span.span_id = m->id;
	e.span.parent_id = m->parent;
	e.span.kind = is_answering(m) ? SPAN_SERVER : SPAN_CLIENT;
	e.span.evidence = slice_of(m->evidence);
	e.span.args_blob = m->args_blob;
	e.span.result_blob = m->result_blob;
	if (m->agent)
		emit_agent(&e, m->agent);
	emit_process(&e, who, p ? process_name(p) : (struct slice){ 0 });
	emit_subject(&e, c);
	emit_remote_agent(&e, c);
	emit_str(&e, ATTR_RPC_ID, id_text(c->request_id));
	emit_transport(&e, c);
	emit_server(&e, c, server_of(m));
	emit_outcome(&e, c, end_ns != 0);
	emit_end(&e, end_ns, end_ns != 0);
}
