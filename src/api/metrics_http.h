/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /metrics, /healthz and /readyz over HTTP, for Prometheus and for what starts and watches
 *services.
 *
 * Who reaches the port is asked nothing: it tells no content, and names of users and projects only
 * where the configuration says so. Everything a client can hold is bounded: connections, bytes of a
 * request, the time of one, pages that are being sent.
 *
 *	/metrics	200, as Prometheus' text or, where it is accepted, OpenMetrics (METRICS.md)
 *	/healthz	200 "ok" while this process lives
 *	/readyz		200 "ready"; 503 with the reason until the sums are whole
 */
#pragma once

#include "api/metrics_feed.h"
#include "config/config.h"

#define METRICS_CONNECTIONS    32
#define METRICS_IP_CONNECTIONS 16
#define METRICS_REQUEST_BYTES  16384
#define METRICS_REQUEST_S      30 /* from the connection or the last answer to the next one's end */
#define METRICS_IDLE_S	       10
#define METRICS_PAGES	       6 /* that are being sent, but one and the same to many */

struct metrics_http;

/*
 * @http: listens; stays the caller's. @status as in metrics_feed.h. Threads are made: to be called
 * before a sandbox that forbids it. 0 or -errno.
 */
int metrics_http_start(const struct metrics_feed_config *c, int http, struct metrics_http **ret);
/* As the configuration says; *@ret is NULL where @http is -1: then the store forgets how far the
 * sums were, as that would keep it from removing what is old. */
int metrics_start(const struct config *c, int http, metrics_status_fn status,
		  struct metrics_http **ret);
/* NULL is fine. */
void metrics_stop(struct metrics_http *h);
