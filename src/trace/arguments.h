/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the arguments of a tool call name, so that what is observed can be told to be its work: a
 * file that an editing tool writes in the agent's own process, the address that a fetching tool
 * asks for.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

/* Paths, a NUL after each, in @mem: of members that name a file, and of patches. */
struct slice arguments_paths(struct slice args, struct arena *mem);

enum path_match {
	PATH_NO = 0,
	PATH_BESIDE, /* another name made of it in its folder: written first, then renamed */
	PATH_IT,     /* it, or a folder above it */
};

/* @path: absolute; @paths: what arguments_paths() gave, relative ones to any folder. */
enum path_match arguments_name_path(struct slice paths, struct slice path, bool folder);

/* The http(s) address in the arguments as written, in @mem; empty where there is none. */
struct slice arguments_url(struct slice args, struct arena *mem);

/*
 * The skill that a call of @tool loads, in @mem: named to a tool for that, or the folder of the
 * SKILL.md that its arguments name. Empty where it loads none.
 */
struct slice arguments_skill(struct slice tool, struct slice args, struct arena *mem);

/* Whether @url asks @host (without a default port) for @target. */
bool url_is(struct slice url, struct slice host, struct slice target);
/* Host and port of @url. */
bool url_peer(struct slice url, struct slice *ret_host, unsigned *ret_port);
