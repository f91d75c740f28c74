/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/health_json.h"

#include <sys/resource.h>

static int64_t us(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

/* Where a provider's sum was not ours: {"api.example.com":2}. */
static void put_hosts(struct json_writer *w, const struct stats *stats)
{
	json_key(w, "llm_total_mismatch_by_host");
	json_begin(w, '{');
	for (size_t i = 0; i < STATS_HOSTS_MAX && stats->total_mismatch[i].n; i++) {
		json_put_key(w, slice_of(stats->total_mismatch[i].name));
		json_put_int(w, (int64_t)stats->total_mismatch[i].n);
	}
	json_end(w, '}');
}

void health_json(struct json_writer *w, const struct stats *stats)
{
	struct rusage used;

	json_begin(w, '{');
	json_key(w, "type");
	json_put_str(w, SLICE("health"));
	for (size_t i = 0; i < STAT_NR; i++) {
		json_key(w, stat_names[i]);
		json_put_int(w, (int64_t)stats->n[i]);
	}
	put_hosts(w, stats);
	if (getrusage(RUSAGE_SELF, &used) == 0) {
		json_key(w, "engine_cpu_us");
		json_put_int(w, us(&used.ru_utime) + us(&used.ru_stime));
		json_key(w, "engine_rss_bytes");
		json_put_int(w, (int64_t)used.ru_maxrss * 1024);
	}
	json_end(w, '}');
}
