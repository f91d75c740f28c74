/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who watches a capture while it happens: `sonde tail`, on a Unix socket beside the store. Nothing
 * is polled and nothing waits for a watcher: the newest lines are kept, each numbered, and one that
 * does not keep up is told which it has missed.
 *
 * A watcher sends one line, {"after":N} (0: what there is), and gets JSON, one object a line:
 *
 *	{"n":7,"type":"hello","engine":PID,"sonde":"0.1.0"}	its first one; n: the newest so far
 *	{"n":8,"type":"missed","from":2,"to":5}
 *	{"n":9,"type":"run","uid":1000,"run":{...}}		as `sonde runs --json` has it
 *	{"n":10,"type":"step","uid":1000,"run":"hex","step":"tool","below":"agent","label":"Bash",
 *	 "detail":"ls","final":true,"span":{...}}
 *	{"n":11,"type":"state","uid":1000,"run":"hex","state":"ended","status":"failed","reason":"...",
 *	 "time_unix_nano":N,"input_tokens":N,"output_tokens":N,"cost_usd":N}
 *	{"n":12,"type":"piece","uid":1000,"run":"hex","span":"hex","kind":"text","part":0,
 *	 "text":"...","name":"Bash","last":true,"cut":true}
 *
 * "uid" is the user whose run it is: who hands lines on must not give them to others; a line
 * without it is for those who see all. To {"op":"status"} the answer is one line, then the end:
 *
 *	{"n":12,"type":"status","engine":PID,"sonde":"0.1.0", what live_hub_status() was told}
 *
 * Where two ways lead to the same uid: the socket is the owner's alone, and peers are asked for
 * theirs.
 */
#pragma once

#include "api/hubs.h"
#include "base/json.h"
#include "trace/trace.h"

#define LIVE_FOLDER  HUBS_FOLDER /* beside the store */
#define LIVE_SUFFIX  HUBS_SUFFIX
#define LIVE_ASK_MAX 128 /* bytes of a watcher's line */

struct live_hub;

/*
 * Listens beside the store @db_path, as the process's own user; to be called before the sandbox.
 * 0 or -errno.
 */
int live_hub_open(const char *db_path, struct live_hub **ret);
/* Takes new watchers and sends them what they lack. Never blocks. */
void live_hub_serve(struct live_hub *h);
/* Gives the last lines a moment to be read, and removes the socket. NULL is fine. */
void live_hub_close(struct live_hub *h);

/* Who writes the members of a status. */
typedef void (*live_status_fn)(void *ctx, struct json_writer *w);
void live_hub_status(struct live_hub *h, live_status_fn fn, void *ctx);

/* Its ctx is the hub. */
extern const struct trace_sink live_hub_sink;
