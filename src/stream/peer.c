/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream/peer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define RECORD_HANDSHAKE     22
#define CLIENT_HELLO	     1
#define EXTENSION_NAME	     0
#define NAME_HOST	     0
#define HELLO_EXTENSIONS_MAX 256

void peer_set(struct connection *conn, const struct sonde_conn_event *x)
{
	conn->flags = x->flags;
	conn->source = x->source;
	conn->family = x->family;
	conn->local_port = x->local_port;
	conn->remote_port = x->remote_port;
	memcpy(conn->local_addr, x->local_addr, sizeof(conn->local_addr));
	memcpy(conn->remote_addr, x->remote_addr, sizeof(conn->remote_addr));
	memcpy(conn->path, x->path, sizeof(conn->path));
}

void peer_copy(struct connection *to, const struct connection *from)
{
	to->family = from->family;
	to->local_port = from->local_port;
	to->remote_port = from->remote_port;
	memcpy(to->local_addr, from->local_addr, sizeof(to->local_addr));
	memcpy(to->remote_addr, from->remote_addr, sizeof(to->remote_addr));
	memcpy(to->path, from->path, sizeof(to->path));
	memcpy(to->server_name, from->server_name, sizeof(to->server_name));
	/* What passed on the socket before it was seen passed on the stream. */
	to->flags |= from->flags & (SONDE_CONN_CLIENT | SONDE_CONN_SERVER | SONDE_CONN_MIDWAY);
}

/* --- the name in a ClientHello (RFC 8446, 4.1.2) --- */

/* Big-endian; 0 and an empty rest where it is cut. */
static size_t take_number(struct slice *s, size_t bytes)
{
	size_t v = 0;

	if (s->n < bytes) {
		*s = (struct slice){ 0 };
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)s->p[i];
	*s = slice_from(*s, bytes);
	return v;
}

/* What is there of a vector whose length stands before it. */
static struct slice take_vector(struct slice *s, size_t length_bytes)
{
	size_t n = take_number(s, length_bytes);
	struct slice v = { s->p, n < s->n ? n : s->n };

	*s = slice_from(*s, v.n);
	return v;
}

static bool is_host(struct slice name)
{
	if (name.n == 0 || name.n >= SERVER_NAME_SIZE)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!isalnum((unsigned char)c) && c != '-' && c != '.' && c != '_')
			return false;
	}
	return true;
}

static bool name_of(struct slice extension, char ret[SERVER_NAME_SIZE])
{
	struct slice list = take_vector(&extension, 2), name;
	size_t left, type = take_number(&list, 1);

	left = list.n;
	name = take_vector(&list, 2);
	/* A name that is cut is another name. */
	if (type != NAME_HOST || left < 2 || !is_host(name) ||
	    name.n != (size_t)((unsigned char)name.p[-2] << 8 | (unsigned char)name.p[-1]))
		return false;
	snprintf(ret, SERVER_NAME_SIZE, "%.*s", (int)name.n, name.p);
	return true;
}

bool peer_server_name(struct slice hello, char ret[SERVER_NAME_SIZE])
{
	struct slice extensions;

	if (take_number(&hello, 1) != RECORD_HANDSHAKE || take_number(&hello, 1) != 3)
		return false;
	take_number(&hello, 3); /* minor version, record length */
	if (take_number(&hello, 1) != CLIENT_HELLO)
		return false;
	take_number(&hello, 3 + 2); /* length, version */
	if (hello.n < 32)
		return false;
	hello = slice_from(hello, 32); /* random */
	take_vector(&hello, 1);	       /* session id */
	take_vector(&hello, 2);	       /* cipher suites */
	take_vector(&hello, 1);	       /* compression methods */
	extensions = take_vector(&hello, 2);
	for (int i = 0; i < HELLO_EXTENSIONS_MAX && extensions.n > 4; i++) {
		size_t type = take_number(&extensions, 2);
		struct slice body = take_vector(&extensions, 2);

		if (type == EXTENSION_NAME)
			return name_of(body, ret);
	}
	return false;
}
