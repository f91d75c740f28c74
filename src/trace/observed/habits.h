/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What agents do of their own accord, beside what their model asks them for: helper programs, files
 * that they keep for themselves, hosts that they report to. It is told as such, never hidden, and
 * never held against them. habits.c has the table; an agent is a row.
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* Whether @agent (as proc/agents.c names it) runs that command line (a NUL after each argument)
 * without being asked. */
bool habit_program(struct slice agent, struct slice argv);
/* Whether it keeps that file for itself; @in_tool: of what a tool's program did, only the traces of
 * the shell that the agent puts around a command are its own. */
bool habit_file(struct slice agent, struct slice path, bool in_tool);
/* Whether it reports to that host or updates itself from there. */
bool habit_host(struct slice agent, struct slice host);
/* Whether the table has it: it is an agent that people install, not a program with an SDK. */
bool habit_knows(struct slice agent);
