/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process is traced by one sonde only: who begins to trace one asks the daemon to leave it. What
 * is passed on is checked once more by the prober, which knows whether it traces it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/request.h"
#include "base/cleanup.h"

/* The real user of a process; also of one whose folder in /proc is root's. */
static int owner_of(uint32_t pid, uint32_t *ret)
{
	char path[40], line[256];
	FILE *f;
	int r = -ESRCH;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	f = fopen(path, "re");
	if (!f)
		return -ESRCH;
	while (r < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, "Uid:", 4) == 0) {
			*ret = (uint32_t)strtoul(line + 4, NULL, 10);
			r = 0;
		}
	fclose(f);
	return r;
}

enum MHD_Result handle_leave(struct request *rq)
{
	static const char *const names[] = { "pid", "start_ns" };
	struct slice v[2];
	int64_t pid = 0, start_ns = 0;
	uint32_t owner;
	int r;

	if (!json_valid(buf_slice(&rq->body)) || !json_members(buf_slice(&rq->body), names, v, 2) ||
	    !json_int64(v[0], &pid) || !json_int64(v[1], &start_ns) || pid < 1 || pid > INT32_MAX ||
	    start_ns < 0)
		return reply_error(rq, MHD_HTTP_BAD_REQUEST,
				   "{\"pid\":N,\"start_ns\":N} is wanted");
	/* One answer for both, so that nobody learns which processes others have. */
	if (rq->peer.uid != 0 && (owner_of((uint32_t)pid, &owner) < 0 || owner != rq->peer.uid))
		return reply_error(rq, MHD_HTTP_FORBIDDEN, "that is no process of yours");
	if (!rq->s->c.leave)
		return reply_error(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
				   "nobody is here who could leave it");
	r = rq->s->c.leave(rq->s->c.leave_ctx, (uint32_t)pid, (uint64_t)start_ns);
	if (r < 0)
		return reply_error(rq, MHD_HTTP_SERVICE_UNAVAILABLE, strerrordesc_np(-r));
	return reply_done(rq);
}
