/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the API server is followed, without any I/O: which request comes next, what its answer means,
 * and how long to wait before the one after it. The node is asked for first, then all pods of it
 * page by page, then what changes (https://kubernetes.io/docs/reference/using-api/api-concepts/).
 *
 *	for (;;) {
 *		pod_watch_path(w, &path);		GET it; for each piece of a 200's body:
 *		pod_watch_body(w, piece);
 *		wait = pod_watch_done(w, status, r);
 *	}
 *
 * What is known stays through every failure: only a complete list takes anything away.
 */
#pragma once

#include "enrich/facts.h"

#define WATCH_PAGE_MAX	  (16u << 20) /* bytes of a page of the list, or of the node */
#define WATCH_LINE_MAX	  (4u << 20)  /* bytes of one change: the server's own limit is below */
#define WATCH_TIMEOUT_S	  300	      /* how long the server lets one request stand */
#define WATCH_WAIT_MAX_MS 60000

struct pod_watch;

/* @c->node_resource is the watch's to set. All lent. 0 or -ENOMEM. */
int pod_watch_new(struct facts *facts, const struct pod_context *c, struct pod_watch **ret);
void pod_watch_free(struct pod_watch *w);

/* Path and query of the next request. 0 or -ENOMEM. */
int pod_watch_path(struct pod_watch *w, struct buf *ret);
/* Whether it stands until something happens. */
bool pod_watch_is_long(const struct pod_watch *w);
/*
 * 0; -E2BIG, -EBADMSG: the answer is of no use and is to be given up; another -errno: of sending,
 * which ends everything.
 */
int pod_watch_body(struct pod_watch *w, struct slice piece);
/*
 * The request is over: with an HTTP status (0: none came) and @r, 0 or why it was broken off; @ms:
 * how long it stood. Returns milliseconds to wait, or -errno of sending.
 */
int pod_watch_done(struct pod_watch *w, int status, int r, uint64_t ms);
/* Why it does not work at present, for people; "": it does. */
const char *pod_watch_trouble(const struct pod_watch *w);
/* Whether there were more pods than FACTS_PODS_MAX: the rest has no names. */
bool pod_watch_is_full(const struct pod_watch *w);
/* Whether the list was read whole at least once. */
bool pod_watch_is_complete(const struct pod_watch *w);
