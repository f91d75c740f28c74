/* SPDX-License-Identifier: BSD-2-Clause */
/* The execute_tool span. */
#include "trace/tool_span.h"

#include "trace/emit.h"
#include "trace/observed/file.h"
#include "trace/observed/network.h"

/* @end_ns 0: not known. */
static void narrow(uint64_t start_ns, uint64_t end_ns, uint64_t *ret_start, uint64_t *ret_end)
{
	if (start_ns > *ret_start && (!*ret_end || start_ns < *ret_end))
		*ret_start = start_ns;
	if (end_ns && *ret_end && end_ns < *ret_end && end_ns > *ret_start)
		*ret_end = end_ns;
}

/* What the client told is a length: it ends with the next request, or begins with the answer where
 * others ran beside it. */
static void narrow_to_told(const struct tool_state *tool, uint64_t *ret_start, uint64_t *ret_end)
{
	if (!tool->end_ns || tool->told_ns >= tool->end_ns - tool->start_ns)
		return;
	if (tool->alone)
		*ret_start = tool->end_ns - tool->told_ns;
	else
		*ret_end = tool->start_ns + tool->told_ns;
}

/*
 * From the answer to the next request is the outer bound. The inner one is that of who carries the
 * call out: a tool server, a request, the program whose argv says so; else what the client told.
 * Returns which.
 */
static const char *bounds(const struct tool_state *tool, uint64_t *ret_start, uint64_t *ret_end)
{
	const struct proc_state *ps = tool->by_argv ? tool->carrier : NULL;

	*ret_start = tool->start_ns;
	*ret_end = tool->end_ns;
	if (tool->by_mcp) {
		narrow(tool->mcp_start_ns, tool->mcp_end_ns, ret_start, ret_end);
		return "mcp";
	}
	if (ps) {
		narrow(ps->start_ns, ps->exited ? ps->end_ns : 0, ret_start, ret_end);
		return "process";
	}
	if (tool->by_http) {
		narrow(tool->http_start_ns, tool->http_end_ns, ret_start, ret_end);
		return "http";
	}
	if (!tool->told_ns)
		return NULL;
	narrow_to_told(tool, ret_start, ret_end);
	return "client";
}

static void emit_carrier(struct emit *e, const struct tool_state *tool)
{
	const struct proc_state *ps = tool->carrier;
	const struct process p = { .path = slice_of(ps->path), .argv = ps->argv };

	emit_process(e, ps->key, process_name(&p));
	emit_command(e, ps->argv);
	emit_lit(e, ATTR_CARRIER_EVIDENCE, ps->evidence);
	if (!ps->exited)
		return;
	if (ps->signal)
		emit_int(e, ATTR_PROCESS_SIGNAL, ps->signal);
	else
		emit_int(e, ATTR_PROCESS_EXIT_CODE, ps->code);
}

/* Of what it did, where anything was seen. */
static void emit_counts(struct emit *e, const struct tool_state *tool)
{
	const struct file_counts files = file_count(e->run, &tool->id);
	const int64_t connections = network_count(e->run, &tool->id);

	emit_int(e, ATTR_FILES_WRITTEN, files.written ? files.written : LLM_UNKNOWN);
	emit_int(e, ATTR_FILES_REMOVED, files.removed ? files.removed : LLM_UNKNOWN);
	emit_int(e, ATTR_CONNECTIONS, connections ? connections : LLM_UNKNOWN);
}

static void emit_status(struct emit *e, const struct tool_state *tool, bool final)
{
	if (!final) {
		emit_lit(e, ATTR_TOOL_STATUS, "waiting");
	} else if (!tool->answered) {
		emit_lit(e, ATTR_TOOL_STATUS, "incomplete");
		emit_lit(e, ATTR_CUT, "no result was seen");
	} else if (tool->is_error) {
		emit_lit(e, ATTR_TOOL_STATUS, "failed");
		e->span.status = SPAN_ERROR;
		e->span.error_type = SLICE("tool_error");
	} else {
		emit_lit(e, ATTR_TOOL_STATUS, "completed");
	}
}

void tool_emit(struct tool_state *tool, bool final)
{
	uint64_t start_ns, end_ns;
	const char *timing = bounds(tool, &start_ns, &end_ns);
	struct emit e;

	bounds(tool, &start_ns, &end_ns);
	emit_begin(&e, tool->run, STEP_TOOL, start_ns);
	e.span.span_id = tool->id;
	e.span.parent_id = tool->parent;
	e.span.evidence = slice_of(tool->evidence);
	e.span.tool_name = emit_text(&e, slice_of(tool->name));
	e.span.tool_call_id = emit_text(&e, slice_of(tool->call_id));
	e.span.name = emit_join(&e, SLICE("execute_tool "), e.span.tool_name);
	e.span.args_blob = tool->args_blob;
	e.span.result_blob = tool->result_blob;
	emit_agent(&e, tool->agent);
	emit_lit(&e, ATTR_OPERATION, "execute_tool");
	emit_lit(&e, ATTR_TOOL_TYPE, tool->type);
	emit_str(&e, ATTR_SKILL, slice_of(tool->skill));
	emit_str(&e, ATTR_TOOL_DESCRIPTION, slice_of(tool->description));
	emit_id64(&e, ATTR_TOOL_ASKED_BY, &tool->asked_by);
	emit_id64(&e, ATTR_TOOL_ANSWERED_TO, &tool->answered_to);
	emit_int(&e, ATTR_TOOL_ASKED_NS, (int64_t)emit_wall(&e, tool->start_ns));
	if (tool->end_ns)
		emit_int(&e, ATTR_TOOL_ANSWERED_NS, (int64_t)emit_wall(&e, tool->end_ns));
	emit_lit(&e, ATTR_TOOL_TIMING, timing);
	if (tool->told_ns)
		emit_int(&e, ATTR_TOOL_TOLD_NS, (int64_t)tool->told_ns);
	emit_true(&e, ATTR_TOOL_ASKED_CUT, tool->asked_cut);
	if (tool->carrier)
		emit_carrier(&e, tool);
	emit_counts(&e, tool);
	emit_status(&e, tool, final);
	emit_end(&e, end_ns, final);
}
