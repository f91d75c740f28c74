/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/identity.h"

#include "base/util.h"
#include "llm/llm.h"

#define ID_MAX 256 /* bytes; what is longer is no id */

/* Header names and what they tell; of several for one field the first row wins. */
static const struct {
	struct slice header;
	size_t field;
} headers[] = {
#define ROW(name, field)                                                         \
	{                                                                        \
		{ name, sizeof(name) - 1 }, offsetof(struct explicit_ids, field) \
	}
	/* Claude Code */
	ROW("x-claude-code-session-id", session),
	ROW("x-claude-code-agent-id", agent),
	ROW("x-claude-code-agent-type", agent_type),
	ROW("x-claude-code-parent-agent-id", parent_agent),
	/* Codex */
	ROW("thread-id", thread),
	ROW("conversation_id", thread),
	ROW("session-id", session),
	ROW("session_id", session),
	ROW("x-codex-parent-thread-id", parent_agent),
	ROW("x-openai-subagent", agent_type),
	/* opencode, kilo */
	ROW("x-opencode-session", session),
	ROW("x-session-id", session),
	ROW("x-session-affinity", session),
	ROW("x-parent-session-id", parent_session),
	/* others */
	ROW("x-qwen-code-session-id", session),
	ROW("vscode-sessionid", session),
	ROW("x-agent-task-id", session),
	ROW("x-task-id", session),
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

void identity_read(const struct llm_call *call, struct explicit_ids *ret)
{
	const struct http_message *m = &call->http->request;

	*ret = (struct explicit_ids){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		struct slice *field = (struct slice *)((char *)ret + headers[i].field);
		struct slice value;

		if (field->n)
			continue;
		value = slice_trim(http_header(m, headers[i].header));
		if (is_id(value))
			*field = value;
	}
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
