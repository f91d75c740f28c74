/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/identity.h"

#include "base/json.h"
#include "base/util.h"
#include "llm/llm.h"

#define ID_MAX 256 /* bytes; what is longer is no id */

struct row {
	struct slice name;
	size_t field;
};

/* Header names and what they tell; of several for one field the first row wins. */
static const struct row headers[] = {
#define ROW(name, field)                                                         \
	{                                                                        \
		{ name, sizeof(name) - 1 }, offsetof(struct explicit_ids, field) \
	}
	/* Claude Code */
	ROW("x-claude-code-session-id", session),
	ROW("x-claude-code-agent-id", agent),
	ROW("x-claude-code-agent-type", agent_type),
	ROW("x-claude-code-parent-agent-id", parent_agent),
	ROW("x-claude-code-request-class", purpose),
	ROW("x-claude-code-context-compacted", compacted),
	/* Codex */
	ROW("thread-id", thread),
	ROW("conversation_id", thread),
	ROW("session-id", session),
	ROW("session_id", session),
	ROW("x-codex-parent-thread-id", parent_agent),
	ROW("x-openai-subagent", agent_type),
	ROW("x-openai-subagent", purpose),
	/* opencode, kilo */
	ROW("x-opencode-session", session),
	ROW("x-session-id", session),
	ROW("x-session-affinity", session),
	ROW("x-parent-session-id", parent_session),
	ROW("x-opencode-request", turn),
	/* others */
	ROW("x-qwen-code-session-id", session),
	ROW("vscode-sessionid", session),
	ROW("x-agent-task-id", session),
	ROW("x-task-id", session),
};

/* Members of a body's metadata and of Codex's turn header. */
static const struct row members[] = {
	/* Codex: on a WebSocket all that its headers say stands here */
	ROW("thread_id", thread),
	ROW("session_id", session),
	ROW("turn_id", turn),
	ROW("parent_thread_id", parent_agent),
	ROW("subagent_kind", agent_type),
	ROW("request_kind", purpose),
	/* LiteLLM's users, Qwen Code */
	ROW("sessionId", session),
	ROW("promptId", turn),
	ROW("parent_session_id", parent_session),
#undef ROW
};

static bool is_id(struct slice s)
{
	if (s.n == 0 || s.n > ID_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

static void take(struct explicit_ids *ids, const struct row *row, struct slice value)
{
	struct slice *field = (struct slice *)((char *)ids + row->field);

	value = slice_trim(value);
	if (field->n == 0 && is_id(value))
		*field = value;
}

static void read_members(struct explicit_ids *ids, struct slice object, struct arena *mem)
{
	for (size_t i = 0; object.n && i < ARRAY_SIZE(members); i++)
		take(ids, &members[i], json_text(json_member(object, members[i].name), mem));
}

void identity_read(const struct llm_call *call, struct explicit_ids *ret)
{
	const struct http_message *m = &call->http->request;
	const struct slice turn = SLICE("x-codex-turn-metadata");

	*ret = (struct explicit_ids){ 0 };
	/* A WebSocket's headers are those of its first request: what a body says is newer. */
	read_members(ret, call->metadata, call->mem);
	read_members(ret, json_text(json_member(call->metadata, turn), call->mem), call->mem);
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		take(ret, &headers[i], http_header(m, headers[i].name));
	read_members(ret, http_header(m, turn), call->mem);
	if (ret->turn.n == 0 && is_id(call->turn_id))
		ret->turn = call->turn_id;
	/* What llm/ found in the body: metadata of a session, or a conversation by its id. */
	if (ret->session.n || ret->thread.n || !is_id(call->conversation_id))
		return;
	if (strcmp(llm_format_name(call->format), "openai.responses") == 0)
		ret->thread = call->conversation_id;
	else
		ret->session = call->conversation_id;
}

struct slice identity_subagent(const struct explicit_ids *ids)
{
	if (ids->agent.n)
		return ids->agent;
	if (ids->parent_agent.n && ids->thread.n)
		return ids->thread;
	if (ids->parent_session.n && !slice_eq(ids->parent_session, ids->session))
		return ids->session;
	return (struct slice){ 0 };
}
