/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may ask what: each request passes here before its route does. */
#pragma once

#include "api/request.h"

struct door_refusal {
	unsigned status;
	char why[200];
};

/*
 * Whether the request may go on; sets its peer and rights where it came over TCP. Else @ret has
 * what is answered instead.
 */
bool door_admits(struct request *rq, const char *method, struct door_refusal *ret);
/* Whether what let somebody in would do so now: it may have been removed, or have expired. */
bool door_holds(struct api_server *s, const struct pass *p);
/* Whose browser it is, by its cookie: over TCP only. */
bool door_session(struct request *rq, struct session *ret);
/* The session that a token lets a browser have. 0; -ENOENT: it is none of ours, or has expired;
 * -EAGAIN: whoever asks from there has tried too often. */
int door_login(struct request *rq, struct slice secret, struct session *ret);
/* "sonde_7780": cookies know no ports. */
void door_cookie_name(const struct api_server *s, char ret[24]);
/* The names that are ours, and the port of @tcp. 0 or -errno. */
int door_names(struct api_server *s, int tcp);
