/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever SCOPE, CONFIG and PROC say, every run has a trigger, its workflow names it or who works,
 * and its assurance is one JSON object. The input is a line for each of the three, then lines that
 * are egress rules: an IPv4 address gets the same verdict however it is written.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/events.h"
#include "base/json.h"
#include "policy/egress.h"
#include "trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static union test_event ev;

static void on_run(void *ctx, const struct run *r)
{
	(void)ctx;
	CHECK(r->trigger.n > 0);
	CHECK(r->assurance.n == 0 || json_valid(r->assurance));
	CHECK(r->project.n == 0 || r->workflow.n > 0);
}

static const struct trace_sink sink = { .run = on_run };

struct world {
	struct trace *trace;
	struct proc *procs;
	struct stats stats;
};

static void feed(struct world *w, const struct sonde_event *e)
{
	trace_event(w->trace, e, proc_feed(w->procs, e));
}

static void feed_json(struct world *w, __u16 kind, struct slice json)
{
	if (json.n == 0 || json.n > 32768 || memchr(json.p, 0, json.n))
		return;
	ev_begin(&ev, kind, 100, sizeof(ev.json) + json.n);
	memcpy(ev.json.json, json.p, json.n);
	feed(w, &ev.hdr);
}

static void play(struct slice scope, struct slice config, struct slice facts)
{
	struct world w = { 0 };

	if (proc_new(&w.stats, &w.procs) == 0 &&
	    trace_new(&sink, NULL, w.procs, NULL, &w.stats, &w.trace) == 0) {
		feed_json(&w, SONDE_EV_CONFIG, config);
		feed_json(&w, SONDE_EV_SCOPE, scope);
		feed(&w, ev_exec(&ev, 100, "/usr/bin/agent", "/", SLICE("agent")));
		feed_json(&w, SONDE_EV_PROC, facts);
		trace_end(w.trace, 5000000000ull);
	}
	trace_free(w.trace);
	proc_free(w.procs);
}

static void judge(struct slice text)
{
	struct egress_peer plain = { .family = AF_INET, .addr = { 10, 1, 2, 3 }, .port = 443 };
	struct egress_peer mapped = { .family = AF_INET6,
				      .addr = { [10] = 0xff, 0xff, 10, 1, 2, 3 },
				      .port = 443 };
	const struct egress_rule *a, *b;
	struct egress_rule rule;
	const char *why;

	if (egress_parse(text, &rule, &why) < 0)
		return;
	CHECK(egress_judge(&rule, 1, &plain, &a) == egress_judge(&rule, 1, &mapped, &b) && a == b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { (const char *)data, size }, lines[3] = { 0 }, line;

	for (size_t i = 0; i < 3 && slice_cut(rest, '\n', &line, &rest); i++)
		lines[i] = line;
	play(lines[0], lines[1], lines[2]);
	while (slice_cut(rest, '\n', &line, &rest))
		judge(line);
	judge(rest);
	return 0;
}
