/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does this program carry out that tool call? Agents run a model's command through shells: `bash -c
 * CMD`, `source snapshot && eval 'CMD'`, quoted once more on the way. So both sides are compared
 * without quotes and backslashes, runs of blanks as one.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

#define COMMAND_MAX 65536 /* bytes that are compared */

enum command_match {
	COMMAND_NO = 0,
	COMMAND_INSIDE, /* somewhere in an argument, at word borders */
	COMMAND_TAIL,	/* after `eval`, or what an argument ends with */
	COMMAND_EXACT,	/* an argument, or the whole line */
};

/* The comparable form. Empty where nothing is left or memory is refused. */
struct slice command_normalise(struct slice text, struct arena *mem);

/* The command in a tool call's arguments (JSON), comparable; empty where there is none. */
struct slice command_of_arguments(struct slice json, struct arena *mem);

/* @command: comparable; @argv: a NUL after each argument. */
enum command_match command_match(struct slice command, struct slice argv, struct arena *mem);
