/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model calls on a WebSocket: OpenAI's Responses, of which one connection carries many. Each
 * becomes an exchange as it would look over HTTP: a request, and its events as a stream.
 *
 * A "response.create" message is a request; "stream_id" names a lane, in which answers come in
 * order. A warm-up ("generate": false) is no call: what it brought is put before the request that
 * refers to it.
 *
 * https://platform.openai.com/docs/guides/websocket-mode
 */
#pragma once

#include "sonde/http.h"

struct llm_sockets;

/* @fn gets the exchanges' events as from an HTTP reader. 0 or -ENOMEM. */
int llm_sockets_new(http_fn fn, void *ctx, struct llm_sockets **ret);
void llm_sockets_free(struct llm_sockets *l); /* without callbacks */
/* An http_socket_fn, but for the context. Uses http->user for itself. */
void llm_sockets_feed(struct llm_sockets *l, struct http_socket *http,
		      const struct http_socket_message *m, enum http_end why);
