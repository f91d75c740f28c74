/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sonde daemon`: the processes it is made of. The supervisor is root's, parses nothing, starts
 * the others, starts them again where they die, and speaks to systemd.
 *
 *	prober		root, then what it needs; as under `sonde run`
 *	engine		user sonde, no capabilities, no network: reads events, writes the store
 *	server		user sonde: control socket, API, /metrics; reads the store and the engine's
 *			live socket beside it, answers each user what that user may see
 *	exporter	user sonde: sends what is final in the store to the sinks (store/sink.h)
 *	enricher	user sonde: asks the Kubernetes API server, tells the engine by events
 *
 * All but the prober learn nothing from each other but through the store, the live socket and
 * events. Each main runs in a process of its own, already its user, until SIGTERM; SIGHUP does not
 * reach it: a supervisor that reads its configuration anew starts it again. Returns the exit
 * status; has said why on stderr.
 */
#pragma once

#include "config/config.h"

/* @socket: listens, mode 0666: peers are asked who they are; @http: of [prometheus], or -1; @tcp:
 * of [api], or -1. */
int server_main(const struct config *c, int socket, int http, int tcp);
/* Before it, server_link_open() (cmd/server_link.h): without it, those who ask for what only a
 * prober can do are told that nobody is there. */
/* Before it: where the supervisor counts, in memory that both have, how often each of @n processes
 * was started again. */
void server_restarts_at(const char *const *names, const _Atomic uint64_t *restarts, size_t n);
/* Returns at once where there are no sinks. */
int exporter_main(const struct config *c);
/* @engine: ipc.h; gets SONDE_EV_CONTAINER events. */
int enricher_main(const struct config *c, int engine);
