/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/prometheus_health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/map.h"
#include "base/util.h"
#include "sonde/stats.h"

#define CAPTURES_MAX   64
#define COUNTS_MAX     512
#define COUNT_NAME_MAX 64

/* Something that captures count, over all of them. */
struct tally {
	UT_hash_handle hh;
	int64_t total;
	int64_t last[CAPTURES_MAX + 1]; /* what each said; at last, the supervisor */
	char name[];			/* "health/events", "loss/ring_full" */
};

struct capture {
	int64_t pid, started; /* 0: a free place */
	bool here;	      /* answered in this round */
};

struct health {
	struct tally *tallies;
	struct capture captures[CAPTURES_MAX];
	int64_t here, begun; /* captures now, and ever */
	int64_t lag_ms, rss_bytes, started;
	bool prober_lost;
};

int health_new(struct health **ret)
{
	struct health *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	*ret = h;
	return 0;
}

void health_free(struct health *h)
{
	struct tally *t, *next;

	if (!h)
		return;
	HASH_ITER(hh, h->tallies, t, next)
	{
		HASH_DEL(h->tallies, t);
		free(t);
	}
	free(h);
}

/* --- answers --- */

void health_begin(struct health *h)
{
	for (size_t i = 0; i < CAPTURES_MAX; i++)
		h->captures[i].here = false;
	h->here = h->lag_ms = h->rss_bytes = 0;
	h->prober_lost = false;
}

static void forget_place(struct health *h, size_t place)
{
	for (struct tally *t = h->tallies; t; t = t->hh.next)
		t->last[place] = 0;
}

/* Its place; a new one takes that of one that is gone. -1: all are taken. */
static int place_of(struct health *h, int64_t pid, int64_t started)
{
	int place = -1;

	for (int i = 0; i < CAPTURES_MAX; i++) {
		if (h->captures[i].pid == pid && h->captures[i].started == started)
			return i;
		if (!h->captures[i].here && (place < 0 || h->captures[i].pid == 0))
			place = i;
	}
	if (place < 0)
		return -1;
	forget_place(h, (size_t)place);
	h->captures[place] = (struct capture){ pid, started, false };
	h->begun++;
	return place;
}

static struct tally *tally_of(struct health *h, const char *name)
{
	const size_t n = strlen(name);
	struct tally *t;

	HASH_FIND(hh, h->tallies, name, n, t);
	if (t || HASH_COUNT(h->tallies) >= COUNTS_MAX)
		return t;
	t = calloc(1, sizeof(*t) + n + 1);
	if (!t)
		return NULL;
	memcpy(t->name, name, n);
	HASH_ADD_KEYPTR(hh, h->tallies, t->name, n, t);
	if (!t->hh.tbl) {
		free(t);
		return NULL;
	}
	return t;
}

/* A count only grows; one that is lower was begun anew. */
static void note(struct health *h, int place, const char *name, int64_t v)
{
	struct tally *t = v >= 0 ? tally_of(h, name) : NULL;

	if (!t)
		return;
	t->total += v >= t->last[place] ? v - t->last[place] : v;
	t->last[place] = v;
}

/* As the name of a metric may be: what is not so is none of ours. */
static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
		    s.p[i] != '_')
			return false;
	return s.n > 0 && s.n < COUNT_NAME_MAX - 16;
}

static void note_members(struct health *h, int place, const char *group, struct slice object)
{
	struct json_iter it;
	struct slice key, value;
	char name[COUNT_NAME_MAX];
	int64_t v;

	if (!json_object(object, &it))
		return;
	while (json_next_member(&it, &key, &value)) {
		if (!is_name(key) || !json_int64(value, &v))
			continue;
		if (slice_eq(key, SLICE("engine_rss_bytes"))) {
			h->rss_bytes += v;
			continue;
		}
		snprintf(name, sizeof(name), "%s/%.*s", group, SLICE_ARG(key));
		note(h, place, name, v);
	}
}

void health_capture(struct health *h, struct slice status)
{
	static const char *const names[] = { "engine",	 "started_boot_ns", "lag_ms",
					     "attached", "attach_failures", "prober_lost",
					     "loss",	 "health",	    "restarts" };
	struct slice v[ARRAY_SIZE(names)];
	int64_t n[5] = { 0 };
	int place;

	if (!json_valid(status) || !json_members(status, names, v, ARRAY_SIZE(names)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(n); i++)
		if (!json_int64(v[i], &n[i]) || n[i] < 0)
			n[i] = 0;
	note_members(h, CAPTURES_MAX, "restarts", v[8]);
	place = n[0] ? place_of(h, n[0], n[1]) : -1;
	if (place < 0 || h->captures[place].here)
		return;
	h->captures[place].here = true;
	h->here++;
	h->lag_ms = n[2] > h->lag_ms ? n[2] : h->lag_ms;
	h->started = n[1] > h->started ? n[1] : h->started;
	h->prober_lost |= slice_eq(v[5], SLICE("true"));
	note(h, place, "attached/", n[3]);
	note(h, place, "attach_failures/", n[4]);
	note_members(h, place, "loss", v[6]);
	note_members(h, place, "health", v[7]);
}

/* --- writing --- */

static void gauge(struct prometheus *p, const char *name, const char *help, int64_t v, int digits)
{
	prometheus_family(p, name, PROMETHEUS_GAUGE, help);
	prometheus_sample(p, NULL, 0, v, digits);
}

static void counter(struct prometheus *p, const char *name, const char *help, int64_t v, int digits)
{
	prometheus_family(p, name, PROMETHEUS_COUNTER, help);
	prometheus_sample(p, NULL, 0, v, digits);
}

static int64_t total(const struct health *h, const char *name)
{
	struct tally *t;

	HASH_FIND(hh, h->tallies, name, strlen(name), t);
	return t ? t->total : 0;
}

/* "loss/cap_bytes" has the label "cap" where bytes are asked for, "loss/files" where they are not.
 */
static void put_losses(struct prometheus *p, const struct health *h, bool bytes)
{
	const struct slice tail = SLICE("_bytes");

	for (const struct tally *t = h->tallies; t; t = t->hh.next) {
		struct slice reason = slice_of(t->name);

		if (!slice_starts(reason, SLICE("loss/")) || slice_ends(reason, tail) != bytes)
			continue;
		reason = slice_from(reason, 5);
		if (bytes)
			reason.n -= tail.n;
		prometheus_sample(p, &(struct prometheus_label){ "reason", reason }, 1, t->total,
				  0);
	}
}

static void put_restarts(struct prometheus *p, const struct health *h)
{
	bool begun = false;

	for (const struct tally *t = h->tallies; t; t = t->hh.next) {
		const struct slice name = slice_of(t->name);

		if (!slice_starts(name, SLICE("restarts/")))
			continue;
		if (!begun)
			prometheus_family(p, "sonde_restarts", PROMETHEUS_COUNTER,
					  "Times that a process of the daemon was started again.");
		begun = true;
		prometheus_sample(p, &(struct prometheus_label){ "process", slice_from(name, 9) },
				  1, t->total, 0);
	}
}

static const char *stat_help(enum stat_id which)
{
	static const char *const helps[STAT_NR] = {
		[STAT_EVENTS] = "Events taken in.",
		[STAT_EVENTS_BAD] = "Malformed events.",
		[STAT_STREAM_BYTES_IN] = "Plaintext that was read, received by the programs.",
		[STAT_STREAM_BYTES_OUT] = "Plaintext that was read, sent by the programs.",
		[STAT_STREAM_EVICTED] = "Connections dropped over the memory limit.",
		[STAT_STREAM_OVERLAP] = "Bytes seen twice.",
		[STAT_HTTP_EXCHANGES] = "HTTP exchanges.",
		[STAT_HTTP_NOT_HTTP] = "Connections that speak something else.",
		[STAT_HTTP_BAD] = "Connections given up after an error.",
		[STAT_HTTP_LOST] = "Times that a direction had to be found again.",
		[STAT_HTTP_OVER_LIMIT] = "HTTP messages over a limit.",
		[STAT_CODING_BAD] = "Bodies that did not decompress.",
		[STAT_LLM_CALLS] = "Model calls that were begun.",
		[STAT_LLM_BAD_JSON] = "Bodies of model calls that were no JSON.",
		[STAT_LLM_TOTAL_MISMATCH] = "Calls whose provider told another sum of tokens.",
		[STAT_MCP_CALLS] = "MCP requests.",
		[STAT_MCP_OVER_LIMIT] = "MCP messages, calls, sessions that were not kept.",
		[STAT_MCP_UNPAIRED] = "MCP answers that several requests waited for.",
		[STAT_TRACE_NO_RUN] = "Facts outside any run.",
		[STAT_TRACE_TREES] = "Process trees that were watched in case they are an agent's.",
		[STAT_TRACE_BECAME_RUN] = "Of these, that turned out to be one.",
		[STAT_SHED_CONNECTIONS] = "Connections let go as more came than could be read.",
		[STAT_SHED_CONTENT] = "Messages and texts not kept for the same reason.",
		[STAT_STORE_RETRIES] = "Batches that were to be written again.",
		[STAT_STORE_ERRORS] = "Rows that could not be stored.",
	};

	return helps[which] ? helps[which] : "Counted by the engine.";
}

static void put_captures(struct prometheus *p, const struct health *h)
{
	char name[2 * COUNT_NAME_MAX], key[COUNT_NAME_MAX];

	gauge(p, "sonde_captures", "Engines that write to this store and answer.", h->here, 0);
	counter(p, "sonde_capture_starts", "Engines that were seen for the first time.", h->begun,
		0);
	gauge(p, "sonde_engine_lag_seconds", "How far the engine is behind what happens.",
	      h->lag_ms, 3);
	gauge(p, "sonde_engine_rss_bytes", "Memory of the engine, at most so far.", h->rss_bytes,
	      0);
	gauge(p, "sonde_engine_prober_lost", "Whether an engine has lost its prober.",
	      h->prober_lost, 0);
	counter(p, "sonde_engine_cpu_seconds", "Processor time of the engine.",
		total(h, "health/engine_cpu_us"), 6);
	counter(p, "sonde_attached_files", "Files that probes were put on.", total(h, "attached/"),
		0);
	counter(p, "sonde_attach_failures", "Files that probes could not be put on.",
		total(h, "attach_failures/"), 0);
	prometheus_family(p, "sonde_loss", PROMETHEUS_COUNTER,
			  "Times that something was not delivered or not done, by reason.");
	put_losses(p, h, false);
	prometheus_family(p, "sonde_loss_bytes", PROMETHEUS_COUNTER,
			  "Bytes that were not delivered, by reason; verdict: not wanted.");
	put_losses(p, h, true);
	for (size_t i = 0; i < STAT_NR; i++) {
		snprintf(key, sizeof(key), "health/%s", stat_names[i]);
		snprintf(name, sizeof(name), "sonde_engine_%s", stat_names[i]);
		counter(p, name, stat_help(i), total(h, key), 0);
	}
	put_restarts(p, h);
}

void health_write(struct health *h, struct prometheus *p)
{
	const struct prometheus_label version = { "version", slice_of(SONDE_VERSION) };

	prometheus_family(p, "sonde_build_info", PROMETHEUS_GAUGE, "Which sonde this is.");
	prometheus_sample(p, &version, 1, 1, 0);
	put_captures(p, h);
}
