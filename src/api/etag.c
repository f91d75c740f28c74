/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/etag.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/id.h"

#define SETTLED_NS                                                                    \
	50000000u /* clocks of files are coarse: what was changed just now may change \
		   * again at the same time */
#define RELATIVE_NS 60000000000u /* how old a time like "2h" may be */

static uint64_t changed_ns(const char *store, const char *suffix)
{
	char path[4200];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", store, suffix);
	/* One without anything in it is made anew by whoever opens the store. */
	if (stat(path, &st) < 0 || st.st_size == 0)
		return 0;
	return (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
}

static enum MHD_Result hash_param(void *ctx, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	(void)kind;
	id_hash_bytes(ctx, slice_of(name));
	id_hash_bytes(ctx, slice_of(value));
	return MHD_YES;
}

static void hash_request(struct id_hash *h, struct request *rq, const struct params *p)
{
	id_hash_bytes(h, slice_of(SONDE_VERSION));
	id_hash_u64(h, rq->s->started_ns);
	id_hash_u64(h, rq->peer.all ? UINT64_MAX : rq->peer.uid);
	id_hash_u64(h, rq->rights);
	id_hash_bytes(h, slice_of(rq->route->path));
	for (size_t i = 0; i < PATH_VALUES_MAX; i++)
		id_hash_bytes(h, rq->path[i]);
	MHD_get_connection_values(rq->http, MHD_GET_ARGUMENT_KIND, hash_param, h);
	if (p->relative)
		id_hash_u64(h, p->now_ns / RELATIVE_NS);
}

bool etag_matches(struct request *rq, const struct params *p)
{
	const char *store = rq->s->c.store, *has;
	const uint64_t file = changed_ns(store, ""), wal = changed_ns(store, "-wal");
	char hex[ID128_HEX_SIZE];
	struct id_hash h;
	struct id128 tag;

	if ((file > wal ? file : wal) + SETTLED_NS > p->now_ns)
		return false;
	id_hash_begin(&h, "etag");
	id_hash_u64(&h, file);
	id_hash_u64(&h, wal);
	hash_request(&h, rq, p);
	tag = id_hash_end(&h);
	id128_hex(&tag, hex);
	snprintf(rq->etag, sizeof(rq->etag), "W/\"%s\"", hex);
	has = MHD_lookup_connection_value(rq->http, MHD_HEADER_KIND, "If-None-Match");
	return has && strstr(has, rq->etag);
}
