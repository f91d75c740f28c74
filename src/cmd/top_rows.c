/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/served.h"
#include "cmd/top.h"

#define DAY_NS	  (86400 * 1000000000ull)
#define RECENT_NS (900 * 1000000000ull) /* how old an open step may be that is looked for */

const char *const top_state_names[] = { "thinking", "streaming", "tool", "idle", "gone", "" };

struct reading {
	struct top *t;
	struct top_row *row; /* whose spans are read */
	bool ended;	     /* only runs that have ended */
};

static void copy(char *to, size_t size, struct slice s)
{
	snprintf(to, size, "%.*s", SLICE_ARG(s));
}

static int64_t known(int64_t n)
{
	return n == LLM_UNKNOWN ? 0 : n;
}

/* The root has gone without an end in the store: its engine was killed. Only this host's pids
 * can tell. */
static bool is_gone(uint32_t pid)
{
	char path[32];

	if (!pid)
		return false;
	if (!served()) /* else no signal may be sent, not even this one that is none */
		return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
	snprintf(path, sizeof(path), "/proc/%u", pid);
	return access("/proc/1", F_OK) == 0 && access(path, F_OK) < 0 && errno == ENOENT;
}

/* Its container and pod, by the best names there are. */
static void read_place(struct top_row *row, struct slice resource)
{
	static const char *const names[] = { "container.name", "container.id", "k8s.namespace.name",
					     "k8s.pod.name" };
	_cleanup_(arena_freep) struct arena *mem = resource.n ? arena_new(65536) : NULL;
	struct slice v[4], namespace;

	if (!mem || !json_members(resource, names, v, 4))
		return;
	if (v[0].n)
		copy(row->container, sizeof(row->container), json_text(v[0], mem));
	else if (v[1].n)
		snprintf(row->container, sizeof(row->container), "%.*s",
			 (int)(json_text(v[1], mem).n < 12 ? json_text(v[1], mem).n : 12),
			 json_text(v[1], mem).p);
	if (!v[3].n)
		return;
	namespace = json_text(v[2], mem);
	snprintf(row->pod, sizeof(row->pod), "%.*s%s%.*s", SLICE_ARG(namespace),
		 namespace.n ? "/" : "", SLICE_ARG(json_text(v[3], mem)));
}

static int on_run(void *ctx, const struct run *run)
{
	struct reading *in = ctx;
	struct top *t = in->t;
	struct top_row *row;
	const bool running = run->status == RUN_RUNNING;

	if (t->n >= TOP_ROWS_MAX || running == in->ended)
		return 0;
	if (!running && run->end_ns < t->since_ns)
		return 0;
	row = &t->rows[t->n++];
	*row = (struct top_row){
		.run = run->run_id,
		.state = !running		      ? TOP_ENDED
			 : is_gone(run->process.tgid) ? TOP_GONE
						      : TOP_IDLE,
		.status = run->status,
		.pid = run->process.tgid,
		.uid = run->uid,
		.runs = 1,
		.calls = known(run->llm_calls),
		.tools = known(run->tool_calls),
		.errors = known(run->errors),
		.tokens = known(run->usage.input) + known(run->usage.output),
		.cost_pico_usd = run->cost_pico_usd,
		.equivalent_pico_usd = known(run->equivalent_pico_usd),
		.unpriced = known(run->unpriced_calls),
		.start_ns = run->start_ns,
		.end_ns = run->end_ns,
	};
	copy(row->agent, sizeof(row->agent), run->agent);
	copy(row->model, sizeof(row->model), run->models);
	copy(row->task, sizeof(row->task), run->task.n ? run->task : run->command);
	copy(row->user, sizeof(row->user), run->user);
	copy(row->host, sizeof(row->host), run->host);
	read_place(row, run->resource);
	return 0;
}

/* The share of a call's output tokens that came within the last TOP_RATE_S seconds. */
static double recent_tokens(const struct top *t, const struct span *s)
{
	const uint64_t window = t->now_ns - TOP_RATE_S * 1000000000ull;
	uint64_t first = s->start_ns, from;

	if (s->usage.output <= 0 || s->end_ns <= window)
		return 0;
	if (s->first_token_ns > 0)
		first += (uint64_t)s->first_token_ns;
	if (s->end_ns <= first)
		return (double)s->usage.output;
	from = first > window ? first : window;
	return (double)s->usage.output * (double)(s->end_ns - from) / (double)(s->end_ns - first);
}

static int on_span(void *ctx, const struct span *s)
{
	struct reading *in = ctx;
	struct top_row *row = in->row;

	if (s->step == STEP_LLM && s->end_ns)
		row->tokens_per_s += recent_tokens(in->t, s) / TOP_RATE_S;
	if (s->final || s->end_ns || row->state == TOP_GONE || row->state == TOP_ENDED)
		return 0;
	if (s->step == STEP_LLM) {
		row->state = s->first_token_ns >= 0 ? TOP_STREAMING : TOP_THINKING;
		copy(row->doing, sizeof(row->doing), s->request_model);
	} else if (s->step == STEP_TOOL && row->state == TOP_IDLE) {
		row->state = TOP_TOOL;
		copy(row->doing, sizeof(row->doing), s->tool_name);
	}
	return 0;
}

int top_read(struct top *t, struct store_reader *r)
{
	struct reading in = { .t = t };
	/* A run may have begun long ago and still go on; those that ended are looked for by age. */
	struct store_filter running = { .status = SLICE("running"), .limit = TOP_ROWS_MAX };
	struct store_filter recent = { .since_ns = t->since_ns - DAY_NS };
	int err;

	t->n = 0;
	err = store_runs(r, &running, on_run, &in);
	in.ended = true;
	if (err >= 0)
		err = store_runs(r, &recent, on_run, &in);
	for (size_t i = 0; err >= 0 && i < t->n; i++) {
		struct store_filter f = { .run = t->rows[i].run,
					  .since_ns = t->now_ns - RECENT_NS };

		in.row = &t->rows[i];
		err = store_spans(r, &f, on_span, &in);
	}
	return err < 0 ? err : 0;
}
