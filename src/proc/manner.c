/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an agent works. Started with one task, after which it ends, or so that it takes one request
 * after the other, from a terminal or as a server: a row lists the words that make it work at one
 * task. And whether it offers its tools with all that it asks for a person, so that a call without
 * any is one on the side. Of an agent without a row neither is known.
 */
#include "base/util.h"
#include "proc/proc.h"

#define S(lit)                       \
	{                            \
		lit, sizeof(lit) - 1 \
	}

struct manner {
	struct slice agent;
	struct slice once[7];  /* with one of these words it works at one task */
	struct slice again[3]; /* unless one of these stands there as well */
	bool no_tools;	       /* edits are text to it */
};

static const struct manner manners[] = {
	{ .agent = S("claude-code"),
	  .once = { S("-p"), S("--print") },
	  .again = { S("--input-format") } },
	{ .agent = S("codex"), .once = { S("exec"), S("e"), S("review") } },
	{ .agent = S("opencode"), .once = { S("run") } },
	{ .agent = S("gemini-cli"),
	  .once = { S("-p"), S("--prompt") },
	  .again = { S("--acp"), S("--experimental-acp") } },
	{ .agent = S("qwen-code"),
	  .once = { S("-p"), S("--prompt") },
	  .again = { S("--acp"), S("--experimental-acp") } },
	{ .agent = S("pi"), .once = { S("-p"), S("--print") } },
	{ .agent = S("copilot"), .once = { S("-p"), S("--prompt") } },
	{ .agent = S("kilo"), .once = { S("run") } },
	{ .agent = S("aider"),
	  .once = { S("-m"), S("--message"), S("--msg"), S("-f"), S("--message-file"),
		    S("--exit") },
	  .no_tools = true },
	{ .agent = S("goose"),
	  .once = { S("run"), S("recipe") },
	  .again = { S("-s"), S("--interactive") } },
	{ .agent = S("amp"), .once = { S("-x"), S("--execute") } },
	{ .agent = S("crush"), .once = { S("run") } },
	{ .agent = S("cursor-agent"), .once = { S("-p"), S("--print") } },
	{ .agent = S("openhands"), .once = { S("-t"), S("--task"), S("--headless") } },
};

/* An option may have its value behind '='. */
static bool is_word(struct slice arg, struct slice word)
{
	return slice_starts(arg, word) &&
	       (arg.n == word.n || (word.p[0] == '-' && arg.p[word.n] == '='));
}

static bool has_word(struct slice argv, const struct slice *words, size_t n)
{
	struct slice arg;

	while (argv.n) {
		if (!slice_cut(argv, '\0', &arg, &argv)) {
			arg = argv;
			argv.n = 0;
		}
		for (size_t i = 0; i < n && words[i].n; i++)
			if (is_word(arg, words[i]))
				return true;
	}
	return false;
}

void agent_find_manner(struct agent_identity *who, struct slice argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(manners); i++) {
		const struct manner *m = &manners[i];

		if (!slice_eq(who->name, m->agent))
			continue;
		who->tools = !m->no_tools;
		who->turns = !has_word(argv, m->once, ARRAY_SIZE(m->once)) ||
			     has_word(argv, m->again, ARRAY_SIZE(m->again));
		who->once = !who->turns;
	}
}
