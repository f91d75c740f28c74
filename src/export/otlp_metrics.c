/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/otlp_metrics.h"

#include <errno.h>

#include "base/util.h"

#define CUMULATIVE  2
#define BUCKETS_MAX 64

static const struct otlp_field metric_name = { 1, "name" };
static const struct otlp_field metric_description = { 2, "description" };
static const struct otlp_field metric_unit = { 3, "unit" };
static const struct otlp_field metric_sum = { 7, "sum" };
static const struct otlp_field metric_histogram = { 9, "histogram" };
static const struct otlp_field data_points = { 1, "dataPoints" };
static const struct otlp_field data_temporality = { 2, "aggregationTemporality" };
static const struct otlp_field sum_monotonic = { 3, "isMonotonic" };
static const struct otlp_field point_start = { 2, "startTimeUnixNano" };
static const struct otlp_field point_time = { 3, "timeUnixNano" };
static const struct otlp_field number_double = { 4, "asDouble" };
static const struct otlp_field number_int = { 6, "asInt" };
static const struct otlp_field number_attributes = { 7, "attributes" };
static const struct otlp_field histogram_count = { 4, "count" };
static const struct otlp_field histogram_sum = { 5, "sum" };
static const struct otlp_field histogram_counts = { 6, "bucketCounts" };
static const struct otlp_field histogram_bounds = { 7, "explicitBounds" };
static const struct otlp_field histogram_attributes = { 9, "attributes" };

/* A metric that is sent, and what of the sums it is. */
struct shown {
	enum metric_id id;
	const char *name, *unit, *description;
	double per; /* a value of the sums is one of this much less; 0: the same, whole */
	const char *token_type; /* only series of this one, which are then not told apart by it */
};

#define NS  1e9
#define USD 1e12

/* clang-format off */
#define COMMON                                                                                     \
	{ METRIC_MCP_DURATION, "mcp.client.operation.duration", "s",                               \
	  "time that requests to MCP servers took", NS, NULL },                                    \
	{ METRIC_CALLS, "sonde.llm.calls", "{call}", "model calls", 0, NULL },                     \
	{ METRIC_ERRORS, "sonde.llm.errors", "{call}", "model calls that failed", 0, NULL },       \
	{ METRIC_COST, "sonde.cost.usd", "{USD}", "what model calls cost that are paid one by one",\
	  USD, NULL },                                                                             \
	{ METRIC_EQUIVALENT, "sonde.cost.equivalent_usd", "{USD}",                                 \
	  "what model calls would have cost that a plan covers", USD, NULL },                      \
	{ METRIC_UNPRICED, "sonde.llm.unpriced_calls", "{call}", "model calls with no known price",\
	  0, NULL },                                                                               \
	{ METRIC_USAGE_UNKNOWN, "sonde.llm.usage_unknown_calls", "{call}",                         \
	  "model calls whose use of tokens nobody told", 0, NULL },                                \
	{ METRIC_TOOL_CALLS, "sonde.tool.calls", "{call}", "tool calls", 0, NULL },                \
	{ METRIC_TOOL_ERRORS, "sonde.tool.errors", "{call}", "tool calls that failed", 0, NULL },  \
	{ METRIC_RUNS, "sonde.runs", "{run}", "runs that ended", 0, NULL },                        \
	{ METRIC_LOST, "sonde.lost", "By", "bytes of model calls that were not seen", 0, NULL }

static const struct shown names_141[] = {
	{ METRIC_TOKEN_USAGE, "gen_ai.client.token.usage", "{token}",
	  "tokens of a model call, input and output", 0, NULL },
	{ METRIC_DURATION, "gen_ai.client.operation.duration", "s", "time that model calls took", NS,
	  NULL },
	{ METRIC_FIRST_TOKEN, "gen_ai.client.operation.time_to_first_chunk", "s",
	  "time to the first piece of a streamed answer", NS, NULL },
	{ METRIC_TOOL_DURATION, "sonde.tool.duration", "s", "time that tool calls took", NS, NULL },
	{ METRIC_RUN_DURATION, "sonde.run.duration", "s", "time that runs took", NS, NULL },
	COMMON,
};

static const struct shown names_latest[] = {
	{ METRIC_TOKENS, "gen_ai.client.inference.usage.input_tokens", "{token}",
	  "tokens of the input", 0, "input" },
	{ METRIC_TOKENS, "gen_ai.client.inference.usage.output_tokens", "{token}",
	  "tokens of the output", 0, "output" },
	{ METRIC_TOKENS, "gen_ai.client.inference.usage.cache_read.input_tokens", "{token}",
	  "tokens of the input that came from a cache", 0, "cache_read" },
	{ METRIC_TOKENS, "gen_ai.client.inference.usage.cache_write.input_tokens", "{token}",
	  "tokens of the input that were written to a cache", 0, "cache_write" },
	{ METRIC_TOKENS, "gen_ai.client.inference.usage.reasoning.output_tokens", "{token}",
	  "tokens of the output that are reasoning", 0, "reasoning" },
	{ METRIC_TOKEN_USAGE, "gen_ai.client.inference.operation.input_tokens", "{token}",
	  "tokens of the input of a call", 0, "input" },
	{ METRIC_TOKEN_USAGE, "gen_ai.client.inference.operation.output_tokens", "{token}",
	  "tokens of the output of a call", 0, "output" },
	{ METRIC_DURATION, "gen_ai.client.inference.duration", "s", "time that model calls took", NS,
	  NULL },
	{ METRIC_FIRST_TOKEN, "gen_ai.client.inference.time_to_first_chunk", "s",
	  "time to the first piece of a streamed answer", NS, NULL },
	{ METRIC_TOOL_DURATION, "gen_ai.execute_tool.duration", "s", "time that tool calls took", NS,
	  NULL },
	{ METRIC_RUN_DURATION, "gen_ai.invoke_agent.duration", "s", "time that runs took", NS,
	  NULL },
	COMMON,
};

static const char *const label_names[LABEL_NR] = {
	[LABEL_AGENT] = "gen_ai.agent.name",
	[LABEL_PROVIDER] = "gen_ai.provider.name",
	[LABEL_MODEL] = "sonde.model",
	[LABEL_REQUEST_MODEL] = "gen_ai.request.model",
	[LABEL_RESPONSE_MODEL] = "gen_ai.response.model",
	[LABEL_SERVER_ADDRESS] = "server.address",
	[LABEL_SERVER_PORT] = "server.port",
	[LABEL_OPERATION] = "gen_ai.operation.name",
	[LABEL_TOKEN_TYPE] = "gen_ai.token.type",
	[LABEL_ERROR_TYPE] = "error.type",
	[LABEL_TOOL] = "gen_ai.tool.name",
	[LABEL_MCP_METHOD] = "mcp.method.name",
	[LABEL_STATUS] = "sonde.run.status",
	[LABEL_USER] = "user.name",
	[LABEL_PROJECT] = "sonde.project",
	[LABEL_NAMESPACE] = "k8s.namespace.name",
	[LABEL_CONTAINER] = "container.name",
	[LABEL_PLACE] = NULL, /* the resource */
};
/* clang-format on */

/* A metric under way: in each group it begins with its first point. */
struct writing {
	struct otlp_groups groups;
	struct otlp_writer *w; /* of the group that is written to */
	const struct metrics *m;
	struct slice host;
	struct slice place; /* resource of the series that is written; empty: this machine */
	const struct shown *shown;
	size_t mark; /* of groups in which it has begun */
	uint64_t now_ns;
	int64_t points;
};

static bool is_histogram(const struct shown *s)
{
	return metric_defs[s->id].buckets != NULL;
}

static void begin_metric(struct writing *x)
{
	const struct shown *s = x->shown;

	otlp_begin_item(x->w, &otlp_points.items);
	otlp_text(x->w, &metric_name, slice_of(s->name));
	otlp_text(x->w, &metric_description, slice_of(s->description));
	otlp_text(x->w, &metric_unit, slice_of(s->unit));
	otlp_begin(x->w, is_histogram(s) ? &metric_histogram : &metric_sum);
	otlp_begin_list(x->w, &data_points);
}

static void end_metric(const struct shown *s, struct otlp_writer *w)
{
	otlp_end_list(w);
	otlp_enum(w, &data_temporality, CUMULATIVE);
	if (!is_histogram(s))
		otlp_bool(w, &sum_monotonic, true);
	otlp_end(w);
	otlp_end(w);
}

static void end_metrics(struct writing *x)
{
	for (struct otlp_group *g = x->groups.by_key; g; g = g->hh.next)
		if (g->mark == x->mark)
			end_metric(x->shown, &g->w);
}

/* Of what has no place of its own no more is known than this machine. */
static void put_resource(void *ctx, struct otlp_writer *w, const struct otlp_field *list)
{
	const struct writing *x = ctx;
	const struct attr name = { .name = "service.name",
				   .type = ATTR_STRING,
				   .s = SLICE("sonde") };
	const struct attr host = { .name = "host.name", .type = ATTR_STRING, .s = x->host };

	if (x->place.n) {
		otlp_put_members(w, list, x->place, NULL);
		return;
	}
	otlp_attr(w, list, &name);
	if (host.s.n)
		otlp_attr(w, list, &host);
}

static int find_group(struct writing *x, const struct metric_series *s)
{
	const struct slice place = s->labels[LABEL_PLACE];
	struct otlp_group *g;

	x->place = metrics_place(x->m, place);
	g = otlp_group(&x->groups, x->place.n ? place : SLICE(""), put_resource, x);
	if (!g)
		return -ENOMEM;
	x->w = &g->w;
	if (g->mark != x->mark)
		begin_metric(x);
	g->mark = x->mark;
	return 0;
}

static void put_label(struct writing *x, const struct otlp_field *list, int label, struct slice v)
{
	struct attr a = { .name = label_names[label], .type = ATTR_STRING, .s = v };
	uint64_t port;

	if (!v.n || !a.name || (label == LABEL_TOKEN_TYPE && x->shown->token_type))
		return;
	if (label == LABEL_SERVER_PORT && slice_u64(v, &port))
		a = (struct attr){ .name = a.name, .type = ATTR_INT, .i = (int64_t)port };
	otlp_attr(x->w, list, &a);
}

static bool has_model(const struct metric_series *s)
{
	return s->labels[LABEL_REQUEST_MODEL].n || s->labels[LABEL_RESPONSE_MODEL].n;
}

static void put_labels(struct writing *x, const struct otlp_field *list,
		       const struct metric_series *s)
{
	otlp_begin_list(x->w, list);
	for (int i = 0; i < LABEL_NR; i++)
		if (i != LABEL_MODEL || !has_model(s))
			put_label(x, list, i, s->labels[i]);
	otlp_end_list(x->w);
}

static void put_times(const struct writing *x)
{
	otlp_fixed64(x->w, &point_start, metrics_start_ns(x->m));
	otlp_fixed64(x->w, &point_time, x->now_ns);
}

static void put_number(struct writing *x, const struct metric_series *s)
{
	put_times(x);
	if (x->shown->per > 0)
		otlp_double(x->w, &number_double, (double)s->values[0] / x->shown->per);
	else
		otlp_fixed64(x->w, &number_int, (uint64_t)s->values[0]);
	put_labels(x, &number_attributes, s);
}

static void put_histogram(struct writing *x, const struct metric_series *s)
{
	const struct metric_def *d = &metric_defs[x->shown->id];
	const double per = x->shown->per > 0 ? x->shown->per : 1;
	const size_t n = d->n_buckets < BUCKETS_MAX ? d->n_buckets : BUCKETS_MAX;
	uint64_t counts[BUCKETS_MAX + 1], count = 0;
	double bounds[BUCKETS_MAX];

	for (size_t i = 0; i <= n; i++) {
		counts[i] = (uint64_t)s->values[i];
		count += counts[i];
		if (i < n)
			bounds[i] = (double)d->buckets[i] / per;
	}
	put_times(x);
	otlp_fixed64(x->w, &histogram_count, count);
	otlp_double(x->w, &histogram_sum, (double)s->values[n + 1] / per);
	otlp_counts(x->w, &histogram_counts, counts, n + 1);
	otlp_bounds(x->w, &histogram_bounds, bounds, n);
	put_labels(x, &histogram_attributes, s);
}

static int put_series(void *ctx, const struct metric_series *s)
{
	struct writing *x = ctx;
	const char *type = x->shown->token_type;

	if (type && !slice_eq(s->labels[LABEL_TOKEN_TYPE], slice_of(type)))
		return 0;
	if (find_group(x, s) < 0)
		return -ENOMEM;
	otlp_begin_item(x->w, &data_points);
	if (is_histogram(x->shown))
		put_histogram(x, s);
	else
		put_number(x, s);
	otlp_end(x->w);
	x->points++;
	return otlp_error(x->w);
}

static int put_all(struct writing *x, struct metrics *m, enum sink_names names)
{
	const bool latest = names == SINK_NAMES_LATEST;
	const struct shown *shown = latest ? names_latest : names_141;
	const size_t n = latest ? ARRAY_SIZE(names_latest) : ARRAY_SIZE(names_141);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		x->shown = &shown[i];
		x->mark = i + 1;
		r = metrics_each(m, shown[i].id, put_series, x);
		end_metrics(x);
	}
	return r;
}

int otlp_metrics_write(struct metrics *m, const struct otlp_form *form, struct slice host,
		       uint64_t now_ns, struct buf *ret, int64_t *ret_points)
{
	struct writing x = { .m = m, .host = host, .now_ns = now_ns };
	struct slice body;
	int r;

	otlp_groups_begin(&x.groups, form, &otlp_points);
	r = put_all(&x, m, form->names);
	if (r == 0)
		r = otlp_groups_end(&x.groups, &body);
	if (r == 0)
		r = buf_add(ret, body, SIZE_MAX);
	otlp_groups_done(&x.groups);
	*ret_points = x.points;
	return r;
}
