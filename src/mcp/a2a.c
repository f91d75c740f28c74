/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Agent2Agent 0.3 and 1.0: which task of which conversation a message is about, and how far it is.
 * 1.0 wraps what is told by its kind ({"task":{...}}), 0.3 has the kind in it.
 */
#include "base/json.h"
#include "base/util.h"
#include "mcp/session.h"

#define ID_MAX 512

static struct slice content_of(struct slice value)
{
	static const char *const kinds[] = { "task", "message", "statusUpdate", "artifactUpdate" };
	struct slice v[ARRAY_SIZE(kinds)];

	if (json_members(value, kinds, v, ARRAY_SIZE(kinds)))
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			if (v[i].n && v[i].p[0] == '{')
				return v[i];
	return value;
}

static void take(struct slice *dst, struct slice json, struct arena *mem)
{
	const struct slice text = json.n <= ID_MAX ? json_text(json, mem) : (struct slice){ 0 };

	if (text.n && !slice_eq(*dst, text))
		*dst = arena_copy(mem, text);
}

static char lower(char c)
{
	if (c == '-')
		return '_';
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c;
}

/* "TASK_STATE_INPUT_REQUIRED" and "input-required" are one. */
static void take_state(struct tool_call *c, struct slice json, struct arena *mem)
{
	char state[64];
	struct slice s = json.n < sizeof(state) ? json_text(json, mem) : (struct slice){ 0 };
	size_t n = 0;

	if (slice_starts(s, SLICE("TASK_STATE_")))
		s = slice_from(s, strlen("TASK_STATE_"));
	for (; n < s.n; n++)
		state[n] = lower(s.p[n]);
	s = (struct slice){ state, n };
	if (n && !slice_eq(s, c->task_state))
		c->task_state = arena_copy(mem, s);
	c->is_error = slice_eq(c->task_state, SLICE("failed")) ||
		      slice_eq(c->task_state, SLICE("rejected"));
}

void a2a_take(struct tool_call *c, struct arena *mem, struct slice value)
{
	enum { CONTEXT, TASK, ID, STATUS, N };
	static const char *const names[N] = { "contextId", "taskId", "id", "status" };
	const struct slice content = content_of(value);
	struct slice v[N];

	if (!json_members(content, names, v, N))
		return;
	take(&c->context_id, v[CONTEXT], mem);
	take(&c->task_id, v[TASK].n ? v[TASK] : v[ID], mem);
	if (v[STATUS].n)
		take_state(c, json_member(v[STATUS], SLICE("state")), mem);
}

bool a2a_is_over(const struct tool_call *c)
{
	static const char *const ends[] = { "completed", "failed", "canceled", "rejected" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (slice_eq(c->task_state, slice_of(ends[i])))
			return true;
	return false;
}
