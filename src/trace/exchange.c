/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP that is no model call. It is a step where it is part of a tool's work: made by a program
 * that carries a tool call out, or by the agent itself for a call that names its address, or while
 * one call waits. All other traffic (telemetry, updates) is only counted by host.
 */
#include <stdio.h>

#include "trace/emit.h"
#include "trace/observed/network.h"
#include "trace/observed/place.h"
#include "trace/tool_span.h"

static struct id64 span_id(const struct trace *t, const struct http_exchange *x)
{
	struct id_hash h;

	id_hash_begin(&h, "span");
	id_hash_bytes(&h, SLICE("http"));
	id_hash_bytes(&h, slice_of(t->boot_id));
	id_hash_u64(&h, x->conn->process.tgid);
	id_hash_u64(&h, x->conn->process.start_ns);
	id_hash_u64(&h, x->conn->id);
	id_hash_u64(&h, x->number);
	id_hash_u64(&h, x->request.pos);
	return id64_of(id_hash_end(&h));
}

struct place {
	struct id64 parent;
	struct agent_span *agent; /* of the run that it is a step of */
	const char *evidence;
};

static bool find_place(struct tree_state *tree, const struct http_exchange *x, struct place *ret)
{
	const struct proc_state *ps = process_above(tree, x->conn->process, true);
	struct tool_state *tool;

	if (ps && ps->in_tool && !ps->own_agent) {
		*ret = (struct place){ ps->id, ps->agent, "process" };
		return true;
	}
	tool = tool_of_exchange(tree, x);
	if (tool) {
		tool->by_http = true;
		tool->http_start_ns = x->request.head_ns;
		tool->http_end_ns = x->response.end_ns;
		tool_emit(tool, false);
		*ret = (struct place){ tool->id, tool->agent, "arguments" };
		return true;
	}
	tool = tool_only_one(tree, x->conn->process);
	if (!tool || tool->by_argv || tool->by_mcp || x->request.head_ns < tool->start_ns ||
	    asking_may_be_lost(tree))
		return false;
	*ret = (struct place){ tool->id, tool->agent, "window" };
	return true;
}

static void emit_exchange(struct run_state *r, const struct http_exchange *x,
			  const struct place *place)
{
	const struct process *p = proc_find(r->t->procs, x->conn->process);
	const uint64_t end_ns = x->response.end_ns ? x->response.end_ns : r->t->now_ns;
	struct emit e;
	char code[16];

	emit_begin(&e, r, STEP_HTTP, x->request.head_ns);
	e.span.span_id = span_id(r->t, x);
	e.span.parent_id = place->parent;
	e.span.kind = SPAN_CLIENT;
	e.span.evidence = slice_of(place->evidence);
	e.span.name = emit_text(&e, x->method);
	e.span.server_address = emit_text(&e, x->host);
	e.span.lost_bytes = x->request.lost_bytes + x->response.lost_bytes;
	e.span.raw_blob = content_envelope(r->t, x);
	emit_agent(&e, place->agent);
	emit_process(&e, x->conn->process, p ? process_name(p) : (struct slice){ 0 });
	emit_str(&e, ATTR_HTTP_METHOD, x->method);
	emit_clean(&e, ATTR_URL_PATH, emit_url(&e, x->path));
	emit_int(&e, ATTR_HTTP_STATUS, x->status ? x->status : LLM_UNKNOWN);
	emit_int(&e, ATTR_REQUEST_BYTES, (int64_t)x->request.body_bytes);
	emit_int(&e, ATTR_RESPONSE_BYTES, (int64_t)x->response.body_bytes);
	if (x->status >= 400) {
		snprintf(code, sizeof(code), "%d", x->status);
		e.span.status = SPAN_ERROR;
		e.span.error_type = slice_of(code);
	}
	emit_end(&e, end_ns, true);
}

void exchange_finished(struct tree_state *tree, const struct http_exchange *x)
{
	struct place place;
	struct run_state *r;

	notes_exchange(tree, x);
	if (x->inbound)
		return;
	if (!find_place(tree, x, &place)) {
		network_exchange(tree, x);
		return;
	}
	network_told(tree, x->conn, x->host);
	r = place.agent->run;
	if (r->http_steps >= RUN_HTTP_MAX) {
		r->dropped_steps++;
		return;
	}
	r->http_steps++;
	emit_exchange(r, x, &place);
}
