/* SPDX-License-Identifier: BSD-2-Clause */
/* What an exchange that ends with "101 Switching Protocols" has agreed on. */
#include <stdlib.h>

#include "proto/exchange.h"
#include "proto/websocket.h"

#define UPGRADE_MAX (1u << 20) /* bytes of the request's head */

void websocket_upgrade_free(struct http_upgrade *u)
{
	if (!u)
		return;
	arena_free(u->mem);
	free(u);
}

static void copy_headers(struct http_upgrade *u, const struct http_message *m)
{
	u->headers = arena_alloc(u->mem, m->n_headers * sizeof(*u->headers));
	for (size_t i = 0; u->headers && i < m->n_headers; i++)
		u->headers[u->n_headers++] =
			(struct http_header){ arena_copy(u->mem, m->headers[i].name),
					      arena_copy(u->mem, m->headers[i].value) };
}

/* "permessage-deflate; server_no_context_takeover; client_max_window_bits=15" */
static void read_extensions(struct http_upgrade *u, struct slice list)
{
	u->deflate = slice_has(list, SLICE("permessage-deflate"));
	u->no_takeover[REQUEST] = slice_has(list, SLICE("client_no_context_takeover"));
	u->no_takeover[RESPONSE] = slice_has(list, SLICE("server_no_context_takeover"));
}

struct http_upgrade *websocket_upgrade(const struct http_exchange *x)
{
	struct http_upgrade *u;

	if (x->status != 101 ||
	    !slice_ieq(http_header(&x->response, SLICE("upgrade")), SLICE("websocket")))
		return NULL;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->mem = arena_new(UPGRADE_MAX);
	if (!u->mem) {
		free(u);
		return NULL;
	}
	u->inbound = x->inbound;
	u->path = arena_copy(u->mem, x->path);
	u->host = arena_copy(u->mem, x->host);
	copy_headers(u, &x->request);
	read_extensions(u, http_header(&x->response, SLICE("sec-websocket-extensions")));
	if (arena_failed(u->mem)) {
		websocket_upgrade_free(u);
		return NULL;
	}
	return u;
}
