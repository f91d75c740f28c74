/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection that left HTTP for WebSocket (RFC 6455), with permessage-deflate (RFC 7692):
 * messages of both directions, whole.
 */
#pragma once

#include "proto/protocol.h"

/*
 * What the upgrade said, from the exchange that ends with it. NULL where memory is refused, or
 * where that is no WebSocket.
 */
struct http_upgrade *websocket_upgrade(const struct http_exchange *x);
void websocket_upgrade_free(struct http_upgrade *u);

/* Opened by http.c where a connection has an upgrade; never found by its bytes. */
extern const struct http_protocol websocket;
