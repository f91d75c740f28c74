/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much memory an engine has after each part of a generated day: many agents at once that come
 * and go, one that serves all day, a host full of other processes, and what goes wrong now and then
 * (exits and ends of connections that were not told, agents that are killed in an answer).
 *
 *	day [RUNS [FILE]]	default 100,000 runs, a tenth of them a part; the store in a file
 *that is removed
 *
 * Fails where the last three parts' memory is more than 1.1 times that of the third to fifth: until
 * then tables fill that are bounded in number (processes, what was said lately).
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../unit/events.h"
#include "cmd/pipeline.h"
#include "day.h"
#include "store/store.h"

#define DAY_NS	  (86400ull * DAY_SEC)
#define BOOT_NS	  (1000 * DAY_SEC)
#define WALL_NS	  (1795000000ull * DAY_SEC)
#define TICK_NS	  (DAY_SEC / 10)
#define AT_ONCE	  256 /* agents */
#define PARTS	  10
#define SETTLED	  2 /* the part by whose end bounded tables are full */
#define RATIO_MAX 1.1
#define AVERAGE	  3 /* parts: caches go up and down */

static struct day day;

/* --- sinks --- */

static void on_blob(void *ctx, const struct id128 *id, const char *kind, struct slice bytes)
{
	(void)ctx;
	store_blob(day.store, id, kind, bytes);
}

static void on_node(void *ctx, const struct id128 *id, const struct id128 *parent,
		    const struct id128 *message, uint32_t depth)
{
	(void)ctx;
	store_node(day.store, id, parent, message, depth);
}

static void on_span(void *ctx, const struct span *span)
{
	(void)ctx;
	day.spans += span->final;
	store_span(day.store, span);
}

static void on_run(void *ctx, const struct run *run)
{
	(void)ctx;
	store_run(day.store, run);
}

static const struct trace_sink sink = {
	.blob = on_blob, .node = on_node, .span = on_span, .run = on_run
};

/* --- events --- */

uint64_t day_chance(uint64_t below)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return (state >> 11) % below;
}

void day_feed(struct sonde_event *e)
{
	e->ts_ns = day.now_ns;
	day.events++;
	pipeline_feed(day.pipeline, e);
	if (e->kind != SONDE_EV_TICK)
		return;
	store_tick(day.store, e->ts_ns);
	if (store_swept(day.store))
		pipeline_content_gone(day.pipeline);
}

uint64_t day_now(void)
{
	return day.now_ns;
}

static union test_event ev;

static void tick(void)
{
	day.now_ns += TICK_NS;
	day_feed(ev_plain(&ev, SONDE_EV_TICK, 0));
}

/* What else runs on a host: short programs that nobody traces. */
static void noise(void)
{
	static uint32_t n;
	const uint32_t pid = 2000000 + n++ % 100000;

	ev_fork(&ev, 1, pid);
	ev.fork.scope = 0;
	ev.fork.child_start_ns = day.now_ns;
	day_feed(&ev.hdr);
	ev_exec(&ev, pid, "/usr/bin/true", "/", SLICE("true"));
	ev.hdr.start_ns = day.now_ns;
	day_feed(&ev.hdr);
	ev_exit(&ev, pid, 0, 0);
	ev.hdr.start_ns = day.now_ns;
	day_feed(&ev.hdr);
}

static void begin(void)
{
	static const char host[] = "{\"boot_id\":\"00000000-0000-0000-0000-000000000001\","
				   "\"hostname\":\"box\",\"kernel\":\"6.1\",\"arch\":\"x86_64\"}";

	day.now_ns = BOOT_NS;
	day_feed(ev_json(&ev, SONDE_EV_HOST, 0, host));
	ev_begin(&ev, SONDE_EV_CLOCK, 0, sizeof(ev.clock));
	ev.clock.wall_ns = WALL_NS;
	day_feed(&ev.hdr);
	day_feed(ev_json(&ev, SONDE_EV_CONFIG, 0, "{\"content\":\"full\"}"));
}

/* --- memory --- */

static size_t rss_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size, rss = 0;

	if (!f || fscanf(f, "%lu %lu", &size, &rss) != 2)
		rss = 0;
	if (f)
		fclose(f);
	return rss * (size_t)sysconf(_SC_PAGESIZE);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Bytes in use, which say more than RSS: that has what the allocator keeps as well. */
static double report(unsigned runs, double began)
{
	const struct mallinfo2 m = mallinfo2();
	const double used = (double)(m.uordblks + m.hblkhd);

	printf("%8u %9zu %9.1f %9.1f %8.0f\n", runs, day.spans, used / 1e6,
	       (double)rss_bytes() / 1e6, seconds() - began);
	return used;
}

/* --- the day --- */

/* Each tick: who is due goes on, and as many begin as the day has in that time. */
static void live(unsigned runs, double used[PARTS])
{
	static struct day_agent agents[AT_ONCE];
	struct day_agent *server = calloc(1, sizeof(*server));
	const double began = seconds();
	unsigned started = 0, part = 0;

	if (!server)
		exit(1);
	day_server_start(server);
	printf("%8s %9s %9s %9s %8s\n", "runs", "spans", "used MB", "RSS MB", "seconds");
	while (part < PARTS) {
		const uint64_t due = (day.now_ns - BOOT_NS) * runs / DAY_NS;

		tick();
		noise();
		day_server_go_on(server);
		for (uint32_t i = 0; i < AT_ONCE; i++) {
			if (agents[i].busy)
				day_agent_go_on(&agents[i]);
			else if (started + server->turns < due && ++started)
				day_agent_start(&agents[i], started);
		}
		if (started + server->turns >= (part + 1) * (runs / PARTS))
			used[part++] = report(started + server->turns, began);
	}
	free(server);
}

static double mean(const double *used)
{
	double sum = 0;

	for (int i = 0; i < AVERAGE; i++)
		sum += used[i];
	return sum / AVERAGE;
}

int main(int argc, char **argv)
{
	const unsigned runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
	char own[] = "/tmp/sonde-bench-day-XXXXXX";
	const char *path = argc > 2 ? argv[2] : own;
	struct pipeline_config c = { .sink = &sink, .stats = &day.stats };
	double used[PARTS], ratio;
	struct store_error err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc <= 2)
		close(mkstemp(own));
	if (store_open(path, &day.stats, &day.store, &err) < 0 ||
	    pipeline_new(&c, &day.pipeline) < 0) {
		fprintf(stderr, "cannot begin: %s\n", err.text);
		return 1;
	}
	begin();
	live(runs, used);
	ratio = mean(used + PARTS - AVERAGE) / mean(used + SETTLED);
	printf("memory of the last parts beside that of parts %d to %d: %.3f (of the last beside "
	       "the "
	       "first: %.3f)\n",
	       SETTLED + 1, SETTLED + AVERAGE, ratio, used[PARTS - 1] / used[0]);
	if (ratio > RATIO_MAX)
		printf("  over the limit: at most %.1f\n", RATIO_MAX);
	pipeline_free(day.pipeline);
	store_close(day.store);
	if (argc <= 2)
		unlink(own);
	return ratio > RATIO_MAX;
}
