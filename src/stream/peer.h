/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom a connection leads to: addresses, and the name that a TLS client asked for. */
#pragma once

#include "sonde/event.h"
#include "sonde/stream.h"

/* What an OPEN event says. */
void peer_set(struct connection *conn, const struct sonde_conn_event *x);
/* A TLS stream takes over what is known of its socket. */
void peer_copy(struct connection *to, const struct connection *from);
/*
 * The server's name in the beginning of a TLS client's first records (RFC 6066, 3), which may be
 * cut. False, and @ret as it was, where there is none or it is no host name.
 */
bool peer_server_name(struct slice hello, char ret[SERVER_NAME_SIZE]);
