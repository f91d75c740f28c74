/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which agent a program or a User-Agent is. Adding an agent is a row in `programs` and, where it
 * names itself in its requests, one in `user_agents`.
 *
 * A script is known by a part of its path that only that product has, else by its base name; a
 * native program by its base name too, for products bring tools along (claude-code/vendor/rg). Base
 * names that other software has too (`goose` migrates databases, `kilo` edits text) count only
 * where an interpreter runs them or the first argument is a command of the agent's.
 * argv[0] is the program's own claim and never counts where the path is known.
 */
#include <ctype.h>

#include "base/argv.h"
#include "base/util.h"
#include "proc/agent.h"

#define S(lit)                       \
	{                            \
		lit, sizeof(lit) - 1 \
	}
#define VERSION_MAX 64

struct program {
	struct slice agent;
	struct slice base;	 /* name of the executable or script */
	struct slice module;	 /* python -m */
	struct slice path[3];	 /* any of these in the path */
	struct slice before;	 /* what precedes the version in the path */
	struct slice command[6]; /* base counts for a native program only with one of these */
	bool scripted;		 /* base counts only where an interpreter runs it */
	struct slice helper[2];	 /* how argv[0] or argv[1] begins where it is a helper of itself */
};

static const struct program programs[] = {
	{
		.agent = S("claude-code"),
		.base = S("claude"),
		.path = { S("/@anthropic-ai/claude-code"), S("/claude/versions/"),
			  S("/@anthropic-ai/claude-agent-sdk") },
		.before = S("/claude/versions/"),
	},
	{
		.agent = S("codex"),
		.base = S("codex"),
		.path = { S("/@openai/codex") },
		.helper = { S("codex-linux-sandbox"), S("--codex-run-as") },
	},
	{
		.agent = S("opencode"),
		.base = S("opencode"),
		.path = { S("/opencode-ai/"), S("/opencode-linux-"), S("/.opencode/bin/") },
	},
	{
		.agent = S("gemini-cli"),
		.base = S("gemini"),
		.path = { S("/@google/gemini-cli") },
		.scripted = true,
	},
	{ .agent = S("qwen-code"), .base = S("qwen"), .path = { S("/@qwen-code/qwen-code") } },
	{
		.agent = S("pi"),
		.base = S("pi"),
		.path = { S("/@earendil-works/pi-coding-agent"),
			  S("/@mariozechner/pi-coding-agent") },
		.scripted = true,
	},
	{
		.agent = S("copilot"),
		.base = S("copilot"),
		.path = { S("/@github/copilot"), S("/.cache/copilot/") },
		.command = { S("-p"), S("--prompt"), S("-i"), S("--allow-all-tools"),
			     S("--resume") },
	},
	{
		.agent = S("cline"),
		.base = S("cline"),
		.path = { S("/node_modules/cline/"), S("/@cline/") },
	},
	{
		.agent = S("kilo"),
		.base = S("kilo"),
		.path = { S("/@kilocode/") },
		.command = { S("run"), S("serve"), S("auth"), S("mcp"), S("models"), S("session") },
	},
	{ .agent = S("kilo"), .base = S("kilocode") },
	{
		.agent = S("aider"),
		.base = S("aider"),
		.module = S("aider"),
		.path = { S("/aider-chat/"), S("/aider/main.py") },
	},
	{
		.agent = S("goose"),
		.base = S("goose"),
		.path = { S("/block-goose") },
		.command = { S("run"), S("session"), S("configure"), S("recipe"), S("web"),
			     S("acp") },
	},
	{
		.agent = S("amp"),
		.base = S("amp"),
		.path = { S("/@sourcegraph/amp") },
		.scripted = true,
	},
	{ .agent = S("crush"), .base = S("crush"), .path = { S("/@charmland/crush") } },
	{
		.agent = S("openhands"),
		.base = S("openhands"),
		.module = S("openhands"),
		.path = { S("/openhands-ai/"), S("/openhands/cli/"), S("/openhands_cli/") },
	},
	{
		.agent = S("cursor-agent"),
		.base = S("cursor-agent"),
		.path = { S("/cursor-agent/versions/") },
		.before = S("/cursor-agent/versions/"),
	},
};

/* Programs that run others, and how to find which in their arguments. */
struct interpreter {
	struct slice name;
	bool versioned;		 /* python3.11 */
	struct slice command[4]; /* skipped before the script: `bun run x` */
	struct slice no_script;	 /* options after which there is none: code follows */
	struct slice valued[10]; /* options whose value is the next argument */
};

static const struct interpreter interpreters[] = {
	{
		.name = S("node"),
		.no_script = S("-e -p -pe --eval --print"),
		.valued = { S("-r"), S("--require"), S("--import"), S("--loader"),
			    S("--experimental-loader"), S("-C"), S("--conditions"), S("--env-file"),
			    S("--title") },
	},
	{ .name = S("nodejs"), .no_script = S("-e -p -pe --eval --print"), .valued = { S("-r") } },
	{
		.name = S("bun"),
		.command = { S("run"), S("x") },
		.no_script = S("-e -p --eval --print"),
		.valued = { S("-r"), S("--preload"), S("--cwd"), S("--env-file") },
	},
	{
		.name = S("deno"),
		.command = { S("run"), S("x") },
		.no_script = S("eval"),
		.valued = { S("-c"), S("--config"), S("--cert"), S("--import-map") },
	},
	{
		.name = S("python"),
		.versioned = true,
		.no_script = S("-c"),
		.valued = { S("-W"), S("-X"), S("-Q"), S("--check-hash-based-pycs") },
	},
	{ .name = S("pypy"), .versioned = true, .no_script = S("-c"), .valued = { S("-W") } },
};

static bool is_one_of(struct slice s, const struct slice *set, size_t n)
{
	for (size_t i = 0; i < n && set[i].n; i++)
		if (slice_eq(s, set[i]))
			return true;
	return false;
}

/* Whether @word stands in the blank-separated @list. */
static bool is_word_of(struct slice word, struct slice list)
{
	struct slice one;

	while (slice_cut(list, ' ', &one, &list))
		if (slice_eq(one, word))
			return true;
	return list.n && slice_eq(list, word);
}

static const struct interpreter *find_interpreter(struct slice path)
{
	struct slice base = slice_base(path);

	for (size_t i = 0; i < ARRAY_SIZE(interpreters); i++) {
		const struct interpreter *in = &interpreters[i];
		struct slice rest;

		if (!slice_starts(base, in->name))
			continue;
		rest = slice_from(base, in->name.n);
		while (in->versioned && rest.n &&
		       (isdigit((unsigned char)rest.p[0]) || rest.p[0] == '.'))
			rest = slice_from(rest, 1);
		if (!rest.n)
			return in;
	}
	return NULL;
}

/* Python's short options run together: -Im aider, -maider. What follows `m`, or false. */
static bool module_option(struct slice arg, struct slice *argv, struct slice *ret)
{
	struct slice flags = slice_from(arg, 1);

	if (arg.n < 2 || arg.p[1] == '-')
		return false;
	for (; flags.n; flags = slice_from(flags, 1)) {
		if (flags.p[0] == 'c' || flags.p[0] == 'W' || flags.p[0] == 'X')
			return false;
		if (flags.p[0] != 'm')
			continue;
		*ret = slice_from(flags, 1);
		return ret->n || argv_next(argv, ret);
	}
	return false;
}

/* What an interpreter runs: a file, or a module. False where it is neither. */
static bool find_script(const struct interpreter *in, struct slice argv, struct slice *ret,
			bool *ret_module)
{
	struct slice arg;

	*ret_module = false;
	if (!argv_next(&argv, &arg)) /* argv[0] */
		return false;
	while (argv_next(&argv, &arg)) {
		if (is_word_of(arg, in->no_script))
			return false;
		if (in->versioned && arg.n && arg.p[0] == '-' && module_option(arg, &argv, ret)) {
			*ret_module = true;
			return true;
		}
		if (is_one_of(arg, in->valued, ARRAY_SIZE(in->valued))) {
			if (!argv_next(&argv, &arg))
				return false;
		} else if ((!arg.n || arg.p[0] != '-') &&
			   !is_one_of(arg, in->command, ARRAY_SIZE(in->command))) {
			*ret = arg;
			return true;
		}
	}
	return false;
}

static bool path_is_of(const struct program *p, struct slice path)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->path) && p->path[i].n; i++)
		if (slice_has(path, p->path[i]))
			return true;
	return false;
}

static bool is_version_char(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '-' || c == '+' || c == '_';
}

/* The version that @s begins with: it begins with a digit, or is none. */
static struct slice version_of(struct slice s)
{
	size_t n = 0;

	if (!s.n || !isdigit((unsigned char)s.p[0]))
		return (struct slice){ 0 };
	while (n < s.n && n < VERSION_MAX && is_version_char(s.p[n]))
		n++;
	return (struct slice){ s.p, n };
}

static struct slice path_version(const struct program *p, struct slice path)
{
	const char *at =
		p->before.n && path.n ? memmem(path.p, path.n, p->before.p, p->before.n) : NULL;

	if (!at)
		return (struct slice){ 0 };
	return version_of(slice_from(path, (size_t)(at - path.p) + p->before.n));
}

static const struct program *match_path(struct slice path)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (path_is_of(&programs[i], path))
			return &programs[i];
	return NULL;
}

static const struct program *match_module(struct slice module)
{
	struct slice rest, top = module;

	slice_cut(module, '.', &top, &rest); /* python -m openhands.cli */
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (programs[i].module.n && slice_eq(top, programs[i].module))
			return &programs[i];
	return NULL;
}

/* Without what a script's name ends with. */
static struct slice stem(struct slice base)
{
	static const struct slice endings[] = { S(".js"), S(".mjs"), S(".cjs"), S(".ts"),
						S(".py") };

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (slice_ends(base, endings[i]))
			return (struct slice){ base.p, base.n - endings[i].n };
	return base;
}

static const struct program *match_script(struct slice script)
{
	struct slice base = stem(slice_base(script));
	const struct program *p = match_path(script);

	for (size_t i = 0; !p && i < ARRAY_SIZE(programs); i++)
		if (slice_eq(base, programs[i].base))
			p = &programs[i];
	return p;
}

/* claude, claude-linux-x64, or a version: .../claude/versions/2.1.329. */
static bool is_main_program(const struct program *p, struct slice base)
{
	struct slice rest = slice_from(base, p->base.n);

	if (p->before.n && version_of(base).n)
		return true;
	return slice_starts(base, p->base) && (!rest.n || rest.p[0] == '-');
}

static const struct program *match_native(struct slice path, struct slice argv)
{
	struct slice base = slice_base(path), first = { 0 };
	const struct program *p = match_path(path);

	if (p && is_main_program(p, base))
		return p;
	if (argv_next(&argv, &first) && !argv_next(&argv, &first))
		first = (struct slice){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		p = &programs[i];
		if (!p->scripted && slice_eq(base, p->base) &&
		    (!p->command[0].n || is_one_of(first, p->command, ARRAY_SIZE(p->command))))
			return p;
	}
	return NULL;
}

static bool begins_with_one_of(struct slice s, const struct slice *set, size_t n)
{
	for (size_t i = 0; i < n && set[i].n; i++)
		if (slice_starts(s, set[i]))
			return true;
	return false;
}

/* Agents bring tools inside their own program and run it under the tool's name. */
static bool is_helper(const struct program *p, struct slice path, struct slice argv)
{
	struct slice arg0 = { 0 }, arg1 = { 0 };

	if (!argv_next(&argv, &arg0) || !arg0.n)
		return false;
	argv_next(&argv, &arg1);
	arg0 = slice_base(arg0);
	if (begins_with_one_of(arg0, p->helper, ARRAY_SIZE(p->helper)) ||
	    begins_with_one_of(arg1, p->helper, ARRAY_SIZE(p->helper)))
		return true;
	return !slice_eq(arg0, slice_base(path)) && !slice_starts(arg0, p->base);
}

static bool found(const struct program *p, struct slice path, const char *evidence,
		  struct agent_identity *ret)
{
	if (!p)
		return false;
	*ret = (struct agent_identity){
		.name = p->agent,
		.version = path_version(p, path),
		.evidence = evidence,
	};
	return true;
}

bool agent_of_program(struct slice path, struct slice argv, struct agent_identity *ret)
{
	const struct interpreter *in;
	struct slice script, rest = argv, arg0 = { 0 };
	bool module;

	argv_next(&rest, &arg0);
	if (!path.n)
		path = arg0;
	in = find_interpreter(path);
	if (!in) {
		const struct program *p = match_native(path, argv);

		if (!found(p, path, "path", ret))
			return false;
		ret->helper = is_helper(p, path, argv);
		return true;
	}
	if (find_script(in, argv, &script, &module) &&
	    found(module ? match_module(script) : match_script(script), script, "argv", ret))
		return true;
	/* An interpreter that a product brings along runs that product. */
	return found(match_path(path), path, "path", ret);
}

bool agent_script(struct slice path, struct slice argv, struct slice *ret, bool *ret_module)
{
	const struct interpreter *in = find_interpreter(path);

	return in && find_script(in, argv, ret, ret_module);
}

/* --- User-Agent --- */

static const struct user_agent {
	struct slice prefix; /* compared as it stands */
	struct slice name;
	bool anywhere; /* the product is not the first one named */
} user_agents[] = {
	{ S("claude-cli/"), S("claude-code"), false },
	{ S("codex_"), S("codex"), false },
	{ S("codex-"), S("codex"), false },
	{ S("GeminiCLI"), S("gemini-cli"), false },
	{ S("QwenCode/"), S("qwen-code"), false },
	{ S("opencode/"), S("opencode"), false },
	{ S("Kilo-Code/"), S("kilo"), false },
	{ S("pi ("), S("pi"), false },
	{ S("aider/"), S("aider"), false },
	/* SDKs: who uses them they do not say */
	{ S("OpenAI/Python "), S("openai-python"), false },
	{ S("AsyncOpenAI/Python "), S("openai-python"), false },
	{ S("OpenAI/JS "), S("openai-js"), false },
	{ S("Anthropic/Python "), S("anthropic-python"), false },
	{ S("AsyncAnthropic/Python "), S("anthropic-python"), false },
	{ S("Anthropic/JS "), S("anthropic-js"), false },
	{ S("Agents/JavaScript "), S("openai-agents-js"), false },
	{ S("Agents/Python "), S("openai-agents-python"), false },
	{ S("google-genai-sdk/"), S("google-genai"), false },
	{ S("langchainjs-"), S("langchain-js"), false },
	{ S("litellm/"), S("litellm"), false },
	{ S("ollama-js/"), S("ollama-js"), false },
	{ S("ollama-python/"), S("ollama-python"), false },
	{ S("ai/"), S("ai-sdk"), false },
	{ S("ai-sdk"), S("ai-sdk"), false },
	{ S("ai-sdk/"), S("ai-sdk"), true },
};

/* After "name/", or "name " where there is no slash: "GeminiCLI-tui/0.61.0/MODEL". */
static struct slice user_agent_version(struct slice ua, size_t prefix)
{
	struct slice rest = slice_from(ua, prefix), name, blank;

	if (version_of(rest).n)
		return version_of(rest);
	/* The rest of the product's own token, up to its slash. */
	if (!slice_cut(rest, '/', &name, &rest) || slice_cut(name, ' ', &name, &blank))
		return (struct slice){ 0 };
	return version_of(rest);
}

bool agent_of_user_agent(struct slice user_agent, struct agent_identity *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(user_agents); i++) {
		const struct user_agent *u = &user_agents[i];
		size_t at = 0;

		if (u->anywhere && user_agent.n) {
			const char *p =
				memmem(user_agent.p, user_agent.n, u->prefix.p, u->prefix.n);

			at = p ? (size_t)(p - user_agent.p) : 0;
		}
		if (!slice_starts(slice_from(user_agent, at), u->prefix))
			continue;
		*ret = (struct agent_identity){
			.name = u->name,
			.version = user_agent_version(user_agent, at + u->prefix.n),
			.evidence = "user-agent",
		};
		return true;
	}
	return false;
}
