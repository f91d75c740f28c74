/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections, and what each user has under way. Over the Unix socket the kernel names the user at
 * once; over TCP a connection is a stranger's until a request has shown a token or session. Who
 * takes too long over a request is cut off, however much comes now and then; of strangers the
 * oldest makes room.
 */
#pragma once

#include "api/request.h"

struct link {
	struct peer peer;
	int fd;
	bool tcp;
	bool counted;	   /* for the peer's uid */
	bool stranger;	   /* over TCP: has shown nothing yet */
	bool busy;	   /* a request is being answered */
	uint64_t since_ms; /* the connection, or the last answer */
	uint64_t address;  /* over TCP: a hash of where it comes from */
	struct link *next, *prev;
};

/* MHD's notification of connections; @ctx is a struct door. */
void links_notify(void *ctx, struct MHD_Connection *http, void **own,
		  enum MHD_ConnectionNotificationCode code);
/* That a request was read, that it was answered. */
void link_busy(struct api_server *s, struct link *link, bool busy);
/* Over TCP: it is this peer's from now on; false where that one has too many. */
bool link_claim(struct api_server *s, struct link *link, const struct peer *p);
/* Whether the one with that key (rate.h) may ask now what counts for @n requests. */
bool link_rate(struct api_server *s, uint64_t key, unsigned n);

/* The thread that cuts off. 0 or -errno. */
int links_watch(struct api_server *s);
void links_stop(struct api_server *s);
/* When all connections have ended. */
void links_done(struct api_server *s);
