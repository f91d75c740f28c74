/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Agents where their installers put them: agents start each other, by ways that no command line
 * shows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "probe/discover.h"

#define WHY "an agent in a usual place"

/* The commands of agents. */
static const char *const commands[] = {
	"claude",   "codex", "opencode", "gemini", "qwen",  "copilot",	    "cline",	 "kilo",
	"kilocode", "goose", "amp",	 "crush",  "aider", "cursor-agent", "openhands", "pi",
};

/* Folders with commands, below HOME where they begin with "~"; "*" is any one name. */
static const char *const folders[] = {
	"~/.local/bin",
	"~/bin",
	"~/.bun/bin",
	"~/.deno/bin",
	"~/.cargo/bin",
	"~/go/bin",
	"~/.opencode/bin",
	"~/.claude/local",
	"~/.npm-global/bin",
	"~/.volta/bin",
	"~/.local/share/pnpm",
	"~/.yarn/bin",
	"~/.nvm/versions/node/*/bin",
	"~/.local/share/fnm/node-versions/*/installation/bin",
	"~/.local/share/mise/installs/node/*/bin",
	"~/.asdf/installs/nodejs/*/bin",
	"~/.volta/tools/image/packages/*/bin",
	"~/.local/share/uv/tools/*/bin",
	"~/.local/share/pipx/venvs/*/bin",
	"~/.local/pipx/venvs/*/bin",
	"~/.npm/_npx/*/node_modules/.bin",
	"/usr/local/bin",
	"/usr/bin",
	"/opt/*/bin",
	"/opt/*",
	"/snap/bin",
	"/home/linuxbrew/.linuxbrew/bin",
};

const char *const discover_variables[] = {
	"HOME", "XDG_CACHE_HOME", "COPILOT_PKG_CACHE_HOME", "COPILOT_CACHE_HOME", "COPILOT_HOME",
	NULL
};

/* Programs that are kept under another name, all of them: one folder may hold several versions. */
static const char *const programs[] = {
	"~/.local/share/claude/versions/*",
	"~/.local/share/cursor-agent/versions/*/cursor-agent",
	"~/.local/share/cursor-agent/versions/*/node",
	"~/.bun/bin/bun",
	"~/.deno/bin/deno",
	"~/.nvm/versions/node/*/bin/node",
	"~/.local/share/fnm/node-versions/*/installation/bin/node",
	"~/.local/share/mise/installs/node/*/bin/node",
	"~/.asdf/installs/nodejs/*/bin/node",
	"~/.volta/tools/image/node/*/bin/node",
	"~/.local/share/uv/tools/*/bin/python",
	"~/.local/share/pipx/venvs/*/bin/python",
	"~/.local/pipx/venvs/*/bin/python",
};

static void walk_from(struct discovery *d, const char *pattern, discovery_walk_fn fn)
{
	const char *home = discovery_env(d, "HOME");

	if (pattern[0] == '/')
		discovery_walk(d, "", pattern + 1, fn);
	else if (home && home[0] == '/' && home[1]) /* "~/" */
		discovery_walk(d, home, pattern + 2, fn);
}

static void one_program(struct discovery *d, const char *path)
{
	discovery_program(d, path, WHY);
}

static void all_commands(struct discovery *d, const char *folder)
{
	char path[DISCOVER_PATH_MAX];

	d->to_folders = false; /* a command may lead to files elsewhere */
	if (d->folder)
		d->folder(d->ctx, folder, true);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (discovery_path(path, folder, commands[i], NULL) && discovery_exists(d, path))
			discovery_program(d, path, WHY);
	d->to_folders = true;
}

void discover_agents(struct discovery *d)
{
	d->to_folders = true;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		walk_from(d, folders[i], all_commands);
	d->to_folders = false;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		walk_from(d, programs[i], one_program);
}

int discover_watched(int root_fd, const char *const *env, discover_fn fn, discover_folder_fn folder,
		     void *ctx)
{
	struct discovery *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->root_fd = root_fd;
	d->env = env;
	d->cwd = "/";
	d->fn = fn;
	d->folder = folder;
	d->ctx = ctx;
	discover_agents(d);
	free(d->ld_cache);
	r = d->r;
	free(d);
	return r;
}

int discover_installed(int root_fd, const char *const *env, discover_fn fn, void *ctx)
{
	return discover_watched(root_fd, env, fn, NULL, ctx);
}
