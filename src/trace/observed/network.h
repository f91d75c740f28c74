/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attempts to connect: one STEP_NETWORK span for each owner and peer, where no exchange with it is
 * a step already. Whether one is shows only as the connection is used, so a connection is told when
 * it is closed or its owner is over; an attempt that fails is told with the next tick.
 */
#pragma once

#include "trace/state.h"

#define RUN_NETWORK_MAX 512 /* peers of one run; what comes after them is only counted */

void network_connect(struct tree_state *tree, const struct sonde_connect_event *e);
/* An exchange on that connection is a step: a model call, a tool's request. */
void network_told(struct tree_state *tree, const struct connection *conn, struct slice host);
/* An exchange that is none. */
void network_exchange(struct tree_state *tree, const struct http_exchange *x);
/* It is closed: what passed, and whom the client asked for. */
void network_closed(struct tree_state *tree, const struct connection *conn);
void network_tick(struct run_state *r);
void network_owner_ended(struct run_state *r, const struct id64 *owner);
void network_program_moved(const struct proc_state *ps);
/* Attempts that an owner made. */
int64_t network_count(const struct run_state *r, const struct id64 *owner);
/* To names' servers and services of the system: no steps. */
int64_t network_system_count(const struct run_state *r);
void network_finish_all(struct run_state *r);
void network_free_all(struct run_state *r);
