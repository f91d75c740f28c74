/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/observed/habits.h"

#include "base/argv.h"
#include "base/util.h"
#include "trace/launcher.h"

#define S(lit)                       \
	{                            \
		lit, sizeof(lit) - 1 \
	}
#define WORDS_MAX 32

struct habits {
	struct slice agent;
	struct slice programs[4]; /* beside those of `helpers` */
	struct slice places[6];	  /* in paths */
	struct slice scratch[4];  /* likewise, of the shell around a tool's command */
	struct slice hosts[6];	  /* names end so */
};

static const struct habits habits[] = {
	{
		.agent = S("claude-code"),
		.places = { S("/.claude/"), S("/.claude.json"), S("/claude-cli-nodejs/"),
			    S("/.cache/claude"), S("/.local/share/claude/"),
			    S("/.local/state/claude/") },
		.scratch = { S("/tmp/claude-"), S("/.claude/shell-snapshots/"), S("/cc-socks") },
		.hosts = { S(".anthropic.com"), S("statsig.com"), S("sentry.io"),
			   S("datadoghq.com") },
	},
	{
		.agent = S("codex"),
		.places = { S("/.codex/"), S("/codex-ipc/"), S("/tmp/codex-") },
		.scratch = { S("/.codex/shell_snapshots/"), S("/.codex/thread_history_"),
			     S("/.codex/state_"), S("/.codex/logs_") },
		.hosts = { S("chatgpt.com"), S("ab.chatgpt.com"), S(".openai.com"), S("github.com"),
			   S("statsig.com") },
	},
	{
		.agent = S("gemini-cli"),
		.places = { S("/.gemini/"), S("/gemini-cli/"), S("/tmp/gemini-") },
		.scratch = { S("/tmp/shell_pgrep_") },
		.hosts = { S("play.googleapis.com"), S(".googleapis.com") },
	},
	{
		.agent = S("qwen-code"),
		.places = { S("/.qwen/"), S("/tmp/qwen-") },
		.scratch = { S("/tmp/shell_pgrep_") },
		.hosts = { S(".aliyuncs.com") },
	},
	{
		.agent = S("opencode"),
		.places = { S("/.local/share/opencode/"), S("/.config/opencode/"),
			    S("/.cache/opencode/"), S("/.local/state/opencode/") },
		.hosts = { S(".opencode.ai"), S("models.dev") },
	},
	{
		.agent = S("kilo"),
		.places = { S("/.local/share/kilo/"), S("/.config/kilo/"), S("/.cache/kilo/"),
			    S("/.local/state/kilo/"), S("/.kilocode/") },
		.hosts = { S("models.dev"), S(".posthog.com"), S(".kilo.ai"), S(".kilocode.ai") },
	},
	{
		.agent = S("copilot"),
		.places = { S("/.copilot/"), S("/.cache/copilot/"), S("/.config/copilot/") },
		.hosts = { S("api.github.com"), S(".githubcopilot.com") },
	},
	{
		.agent = S("cline"),
		.places = { S("/.cline/"), S("/.config/cline/") },
		.hosts = { S(".cline.bot") },
	},
	{ .agent = S("pi"), .places = { S("/.pi/") } },
	{
		.agent = S("aider"),
		.places = { S("/.aider."), S("/.aider/") },
		.hosts = { S("aider.chat"), S(".posthog.com") },
	},
	{
		.agent = S("goose"),
		.places = { S("/.local/share/goose/"), S("/.config/goose/"),
			    S("/.local/state/goose/") },
		.hosts = { S(".posthog.com") },
	},
	{
		.agent = S("amp"),
		.places = { S("/.amp/"), S("/.cache/amp/"), S("/.config/amp/"),
			    S("/.local/share/amp/") },
		.hosts = { S("ampcode.com") },
	},
	{
		.agent = S("crush"),
		.places = { S("/.crush/"), S("/.local/share/crush/"), S("/.config/crush/") },
		.hosts = { S(".charm.land"), S(".posthog.com") },
	},
	{ .agent = S("openhands"), .places = { S("/.openhands/") } },
	{
		.agent = S("cursor-agent"),
		.places = { S("/.cursor/"), S("/.config/cursor/"),
			    S("/.local/share/cursor-agent/") },
		.hosts = { S(".cursor.sh"), S(".cursor.com") },
	},
};

/* Programs that look around: where am I, what is installed, what does the terminal do. */
static const struct slice helpers[] = {
	S("rg"),      S("which"),   S("uname"),	   S("lsb_release"), S("getconf"), S("ps"),
	S("id"),      S("whoami"),  S("hostname"), S("tty"),	     S("stty"),	   S("locale"),
	S("ldd"),     S("lspci"),   S("clinfo"),   S("xdpyinfo"),    S("xrandr"),  S("printenv"),
	S("sysctl"),  S("getent"),  S("lscpu"),	   S("nproc"),	     S("pgrep"),   S("tput"),
	S("infocmp"), S("arch"),    S("sleep"),	   S("wl-paste"),    S("xclip"),   S("xsel"),
	S("fc-list"), S("cygpath"),
};

/* In a shell's line beside them; none that can run or write something. */
static const struct slice shell_words[] = {
	S("grep"), S("head"), S("tail"), S("cut"),  S("tr"),   S("sort"), S("wc"),
	S("echo"), S("true"), S("test"), S("type"), S("exit"), S("cd"),	  S("pwd"),
};

/* These run what follows them, but for this. */
static const struct {
	struct slice word, next;
} runners[] = {
	{ S("env"), S("") },
	{ S("command"), S("-v") },
};

/* How arguments begin of a shell whose functions and variables are saved for later ones. */
static const struct slice snapshots[] = { S("SNAPSHOT_FILE="), S("# Snapshot file") };

/* Files that runtimes keep, whoever uses them. */
static const struct slice any_places[] = { S("/.npm/"),	 S("/.bun/install/"), S("/.cache/node"),
					   S("/.deno/"), S("/.cache/deno/"),  S("/__pycache__/") };

/* What git does where others notice. */
static const struct slice git_acts[] = { S("push"), S("commit"),     S("clone"),
					 S("pull"), S("send-email"), S("am") };

static bool is_one_of(struct slice s, const struct slice *set, size_t n)
{
	for (size_t i = 0; i < n && set[i].n; i++)
		if (slice_eq(s, set[i]))
			return true;
	return false;
}

static bool has_one_of(struct slice s, const struct slice *set, size_t n)
{
	for (size_t i = 0; i < n && set[i].n; i++)
		if (slice_has(s, set[i]))
			return true;
	return false;
}

static const struct habits *find(struct slice agent)
{
	for (size_t i = 0; i < ARRAY_SIZE(habits); i++)
		if (slice_eq(agent, habits[i].agent))
			return &habits[i];
	return NULL;
}

bool habit_knows(struct slice agent)
{
	return find(agent) != NULL;
}

/* --- programs --- */

/* Reading a repository is no act; `-C DIR` and `-c NAME=VALUE` stand before the subcommand. */
static bool git_looks(struct slice rest)
{
	struct slice arg;

	while (argv_next(&rest, &arg)) {
		if (slice_eq(arg, SLICE("-C")) || slice_eq(arg, SLICE("-c")))
			argv_next(&rest, &arg);
		else if (arg.n == 0 || arg.p[0] != '-')
			return !is_one_of(arg, git_acts, ARRAY_SIZE(git_acts));
	}
	return true;
}

static bool is_helper(const struct habits *h, struct slice name)
{
	return is_one_of(name, helpers, ARRAY_SIZE(helpers)) ||
	       is_one_of(name, h->programs, ARRAY_SIZE(h->programs));
}

static bool may_run(struct slice word, struct slice after)
{
	struct slice next = slice_trim(after), rest;

	slice_cut(next, ' ', &next, &rest);
	for (size_t i = 0; i < ARRAY_SIZE(runners); i++)
		if (slice_eq(word, runners[i].word))
			return !slice_eq(next, runners[i].next);
	return true;
}

static bool looks(const struct habits *h, struct slice word, struct slice after)
{
	return word.n == 0 || is_helper(h, word) ||
	       is_one_of(word, shell_words, ARRAY_SIZE(shell_words)) || !may_run(word, after);
}

static size_t until(struct slice s, const char *any)
{
	size_t n = 0;

	while (n < s.n && !strchr(any, s.p[n]))
		n++;
	return n;
}

/* Where a simple command ends; "2>&1" is part of it. */
static size_t command_end(struct slice line)
{
	size_t n = until(line, "\n;|&");

	while (n > 0 && n < line.n && line.p[n] == '&' && line.p[n - 1] == '>')
		n += 1 + until(slice_from(line, n + 1), "\n;|&");
	return n;
}

/* Every simple command of a shell's line looks around. */
static bool line_looks(const struct habits *h, struct slice line)
{
	for (int i = 0; i < WORDS_MAX && line.n; i++) {
		struct slice command, word;

		while (line.n && strchr(" \t\n;|&(", line.p[0]))
			line = slice_from(line, 1);
		command = (struct slice){ line.p, command_end(line) };
		word = (struct slice){ command.p, until(command, " \t()") };
		if (!looks(h, slice_base(word), slice_from(command, word.n)))
			return false;
		line = slice_from(line, command.n);
	}
	return line.n == 0;
}

/* Output goes nowhere else than where it goes anyway, or nowhere at all. */
static bool is_idle_redirection(struct slice target)
{
	return slice_starts(target, SLICE("/dev/null")) ||
	       slice_starts(target, SLICE(" /dev/null")) || slice_starts(target, SLICE("&1")) ||
	       slice_starts(target, SLICE("&2"));
}

static bool writes_or_nests(struct slice line)
{
	if (memchr(line.p, '`', line.n) || slice_has(line, SLICE("$(")))
		return true;
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '>' && !is_idle_redirection(slice_from(line, i + 1)))
			return true;
	return false;
}

/* It makes one, or does nothing but see whether it can be read. */
static bool is_of_snapshot(struct slice line)
{
	static const struct slice check = S("set -e; . \"");

	for (size_t i = 0; i < ARRAY_SIZE(snapshots); i++)
		if (slice_has(line, snapshots[i]))
			return true;
	return slice_starts(line, check) &&
	       memchr(line.p + check.n, '"', line.n - check.n) == line.p + line.n - 1;
}

/* `bash -c LINE`, `sh -lc LINE`, `bash -c -l LINE`. */
static bool shell_looks(const struct habits *h, struct slice rest)
{
	struct slice arg;
	bool command = false;

	while (argv_next(&rest, &arg)) {
		if (arg.n && arg.p[0] == '-') {
			command |= arg.p[arg.n - 1] == 'c' && !slice_starts(arg, SLICE("--"));
			continue;
		}
		if (is_of_snapshot(arg))
			return true;
		if (!command) /* a script */
			return is_helper(h, slice_base(arg));
		return !writes_or_nests(arg) && line_looks(h, arg);
	}
	return false;
}

bool habit_program(struct slice agent, struct slice argv)
{
	static const struct slice shells[] = { S("sh"), S("bash"), S("zsh"), S("dash") };
	const struct habits *h = find(agent);
	struct slice rest = argv, name;

	if (!h || !argv_next(&rest, &name))
		return false;
	name = slice_base(name);
	if (slice_eq(name, SLICE("env")))
		return rest.n == 0;
	if (slice_eq(name, SLICE("systemd-inhibit")))
		return launcher_skip(&argv) && habit_program(agent, argv);
	if (slice_eq(name, SLICE("git")))
		return git_looks(rest);
	if (is_one_of(name, shells, ARRAY_SIZE(shells)))
		return shell_looks(h, rest);
	return is_helper(h, name) || slice_ends(name, SLICE("-language-server"));
}

/* --- files, hosts --- */

/* The folder itself, without the slash that ends it in the table. */
static bool is_a_place(const struct habits *h, struct slice path)
{
	for (size_t i = 0; i < ARRAY_SIZE(h->places) && h->places[i].n; i++)
		if (slice_ends(path, (struct slice){ h->places[i].p, h->places[i].n - 1 }))
			return true;
	return false;
}

bool habit_file(struct slice agent, struct slice path, bool in_tool)
{
	const struct habits *h = find(agent);

	if (!h)
		return false;
	if (!in_tool && is_a_place(h, path))
		return true;
	if (has_one_of(path, h->scratch, ARRAY_SIZE(h->scratch)))
		return true;
	return !in_tool && (has_one_of(path, h->places, ARRAY_SIZE(h->places)) ||
			    has_one_of(path, any_places, ARRAY_SIZE(any_places)));
}

bool habit_host(struct slice agent, struct slice host)
{
	const struct habits *h = find(agent);

	for (size_t i = 0; h && i < ARRAY_SIZE(h->hosts) && h->hosts[i].n; i++)
		if (slice_ends(host, h->hosts[i]) &&
		    (host.n == h->hosts[i].n || h->hosts[i].p[0] == '.' ||
		     host.p[host.n - h->hosts[i].n - 1] == '.'))
			return true;
	return false;
}
