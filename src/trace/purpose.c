/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a call is for. Agents ask for more than their user wants: titles, whether a key works, what
 * a long history comes to. Such calls belong to a run, and none begins with them.
 */
#include "base/util.h"
#include "trace/state.h"

#define HEAD_MAX 4096 /* bytes of a prompt in which its purpose is looked for */

struct word {
	struct slice sent;
	const char *purpose;
};

#define ROW(sent, purpose)                          \
	{                                           \
		{ sent, sizeof(sent) - 1 }, purpose \
	}

/*
 * As clients call it: Claude Code's request class, Codex's request kind and sub-agents. Codex calls
 * everything a turn that has a thread of its own, titles too: that says nothing.
 */
static const struct word told[] = {
	ROW("main", "main"),
	ROW("subagent", "main"),
	ROW("workflow", "main"),
	ROW("collab_spawn", "main"),
	ROW("review", "main"),
	ROW("compaction", "compaction"),
	ROW("compact", "compaction"),
	ROW("auxiliary", "auxiliary"),
	ROW("memory_consolidation", "auxiliary"),
	ROW("prewarm", "warm-up"),
};

/* In a system prompt. */
static const struct word systems[] = {
	ROW("title generator", "title"),
	ROW("enerate a concise, sentence-case title", "title"),
	ROW("word title", "title"),
	ROW("short title", "title"),
	ROW("concise title", "title"),
	ROW("new conversation topic", "topic"),
	ROW("<state_snapshot>", "compaction"),
	ROW("tasked with summarizing conversations", "compaction"),
};

/* In what is said last. */
static const struct word questions[] = {
	ROW("create a detailed summary of the conversation", "compaction"),
	ROW("CONTEXT CHECKPOINT COMPACTION", "compaction"),
	ROW("detailed prompt for continuing our conversation", "compaction"),
	ROW("write a 5-10 word title", "title"),
	ROW("oncise, single-line task title", "title"),
	ROW("enerate a title for this conversation", "title"),
	ROW("[SUGGESTION MODE", "auxiliary"),
	ROW("who should logically speak next", "auxiliary"),
};
#undef ROW

static const char *find_in(const struct word *words, size_t n, struct slice text)
{
	if (text.n > HEAD_MAX)
		text.n = HEAD_MAX;
	for (size_t i = 0; text.n && i < n; i++)
		if (slice_has(text, words[i].sent))
			return words[i].purpose;
	return NULL;
}

static const char *find_told(struct slice purpose)
{
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		if (slice_eq(told[i].sent, purpose))
			return told[i].purpose;
	return NULL;
}

static struct slice last_item(const struct llm_call *call)
{
	return call->n_items ? call->items[call->n_items - 1].raw : (struct slice){ 0 };
}

/* The system prompt, wherever the format has it. */
static struct slice first_words(const struct llm_call *call)
{
	if (call->system.n || !call->n_items)
		return call->system;
	return call->items[0].raw;
}

static const char *by_prompt(const struct llm_call *call, const struct content_input *in)
{
	const char *purpose = find_in(questions, ARRAY_SIZE(questions), last_item(call));

	if (!purpose && call->tool_count == 0)
		purpose = find_in(systems, ARRAY_SIZE(systems), first_words(call));
	if (!purpose && slice_eq(slice_trim(in->first_text), SLICE("Warmup")))
		purpose = "warm-up";
	return purpose;
}

static const char *find(const struct call_state *c, const struct llm_call *call,
			const struct explicit_ids *ids, const struct content_input *in, bool begins,
			const char **ret_evidence)
{
	const char *purpose = find_told(ids->purpose);

	*ret_evidence = "explicit-id";
	if (purpose)
		return purpose;
	*ret_evidence = "max-tokens";
	if (call->max_tokens == 1)
		return "probe";
	*ret_evidence = "prompt";
	purpose = by_prompt(call, in);
	if (purpose)
		return purpose;
	*ret_evidence = "conversation";
	if (!begins && c->conv && c->conv->purpose)
		return c->conv->purpose;
	*ret_evidence = "no-tools";
	if (begins && call->tool_count == 0 && c->agent->tools)
		return "auxiliary";
	*ret_evidence = NULL;
	return "main";
}

/* A person may want one as well, so this alone is no purpose: what comes of it will tell. */
static bool wants_summary(const struct llm_call *call, bool begins)
{
	struct slice text = last_item(call);

	if (text.n > HEAD_MAX)
		text.n = HEAD_MAX;
	return !begins && slice_has(text, SLICE("ummar")) && slice_has(text, SLICE("onversation"));
}

void purpose_find(struct call_state *c, const struct llm_call *call, const struct explicit_ids *ids,
		  const struct content_input *in, bool begins)
{
	/* Embeddings and polls are no turns of anything. */
	c->side = call->single || call->repeats;
	if (c->side)
		return;
	c->sums_up = wants_summary(call, begins);
	c->purpose = find(c, call, ids, in, begins, &c->purpose_evidence);
	c->side = strcmp(c->purpose, "main") != 0;
	c->sums_up |= strcmp(c->purpose, "compaction") == 0;
	if (begins && c->conv && c->side)
		c->conv->purpose = c->purpose;
}
