/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sonde's processes say to each other (src/base/ipc.h carries it).
 *
 * launcher -> prober, JSON:
 *   {"op":"start","pid":N,"path":"/resolved/command","argv":[...],"env":["NAME=value of PATH,
 *    LD_LIBRARY_PATH, VIRTUAL_ENV, NODE_PATH ... needed to find libraries"],"cwd":"...",
 *    "ring_bytes":N,"files":true,"scope":{SCOPE},"config":{CONFIG}}	files: what is done with
 *    them is told; descriptor 0: the prober's end towards the engine
 *   the same without pid, path, argv, env and cwd but with
 *     "join":{"kind":"pid","pids":[N,...]} or {"kind":"cgroup"} (descriptor 1: its folder):
 *    processes that run already; SCOPE has what their runs have in common
 *   of a daemon, "watch":{"host":true,"cgroups":[PATH],"units":[],"containers":[],"users":[UID],
 *    "programs":[],"pids":[],"not_users":[UID],"not_programs":[],"not_units":[]} instead of "join":
 *    whatever that lets in, now and later, until told otherwise; src/probe/ruleset.h has what the
 *    texts mean. What SCOPE events say of the user is left out where the process is another's
 *   {"op":"watch","watch":{...},"config":{CONFIG}}	the rules have changed
 *   {"op":"engine"}	descriptor 0: the prober's end towards a new engine, after the last one
 * died: it gets the same ring and the events that the first one began with, of what is there now
 *   {"op":"leave","pid":N,"start_ns":N}	another sonde traces this process and what it starts
 *   {"op":"leave_container","container":"64 hex digits"}	it is one that is never traced
 *   {"op":"stop","id":N,"uid":N,"pid":N,"start":"NS"}	of a daemon: user UID has asked that this
 * process be ended, the root of a run (NS: exactly when it began); "acted" answers
 *   {"op":"exited","code":N} or {"op":"exited","signal":N}	the command has ended: stop and say
 * END its end closed						the launcher has gone: the same
 * prober -> launcher, JSON:
 *   {"op":"ready","warnings":["..."]}	probes are on, the held command may go
 *   {"op":"over"}		nothing is left of what was joined
 *   {"op":"error","message":"..."}	tracing is impossible; one line for the user, says what to
 * do; after "ready": the new rules are not understood, the old ones hold on
 *
 *   {"op":"acted","id":N,"uid":N,"pid":N,"error":N}	what came of "stop": 0, it was sent SIGTERM
 * (and is sent SIGKILL if it lives on for 10 s); else an errno: ESRCH it has gone, EPERM it is not
 * traced or not theirs, EBUSY that is under way, EACCES the prober lacks CAP_KILL
 *
 * server -> supervisor: "leave" and "stop" as above, which it hands on; back: "acted"
 *
 * prober -> engine:
 *   first {"op":"ring","bytes":N}: descriptor 0 the ring buffer map of N bytes, 1 the shared
 *     page's map; the engine cannot ask the kernel how large a map is
 *     "held":true where another engine has read before: the ring is read once SONDE_CONTROL_GO, a
 *     message of its own, has come
 *   then events (sonde/event.h), HOST, CLOCK, CONFIG and SCOPE before all others
 *   SONDE_EV_END once nothing more will be written to the ring
 *   its end closed without END: the prober has died
 * engine -> prober: SONDE_EV_VERDICT events
 *
 * engine -> launcher: only its exit status (0, or 125)
 */
#pragma once

#define SONDE_EXIT_FAILURE	 125 /* our own failure, as env(1) and timeout(1) have it */
#define SONDE_EXIT_CANNOT_EXEC	 126
#define SONDE_EXIT_NOT_FOUND	 127

#define SONDE_RING_DEFAULT_BYTES (32u << 20)

#define SONDE_CONTROL_GO	 "{\"op\":\"go\"}"
