/* SPDX-License-Identifier: BSD-2-Clause */
/* Which agent a program is, by its file and its arguments, and how it works. No state. */
#pragma once

#include "base/slice.h"

/* What program of an agent this is; agents.c has the table. */
struct agent_identity {
	struct slice name;    /* "claude-code" */
	struct slice version; /* empty where not known */
	const char *evidence; /* "argv", "path", "user-agent" */
	bool helper;	      /* its program, run under another name as a tool of its own: rg */
	bool turns;	      /* started so that it takes one request after the other */
	bool once;	      /* started with one task; neither: not known */
	bool tools;	      /* it offers tools with all that it asks for a person */
};

/*
 * Which agent a program is, from its path and arguments; false where none is known.
 * Sees through interpreters: `node .../@openai/codex/bin/codex.js`. Says which program file this
 * is, not what it does: Claude Code running itself as `rg` is claude-code.
 * The version is lent from @path or @argv.
 */
bool agent_of_program(struct slice path, struct slice argv, struct agent_identity *ret);
/* The same from a request's User-Agent; SDKs as well ("openai-python"). */
bool agent_of_user_agent(struct slice user_agent, struct agent_identity *ret);
/* How the agent that @who names works where it was started as @argv; manner.c has the table. */
void agent_find_manner(struct agent_identity *who, struct slice argv);
/*
 * What an interpreter runs: the file, or the module of `python -m`; false where @path is none, or
 * runs neither. Lent from @argv.
 */
bool agent_script(struct slice path, struct slice argv, struct slice *ret, bool *ret_module);
