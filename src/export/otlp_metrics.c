/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/otlp_metrics.h"

#include "base/util.h"

#define CUMULATIVE  2
#define BUCKETS_MAX 64

static const struct otlp_field request_resources = { 1, "resourceMetrics" };
static const struct otlp_field resource_scopes = { 2, "scopeMetrics" };
static const struct otlp_field scope_metrics = { 2, "metrics" };
static const struct otlp_field scope_schema = { 3, "schemaUrl" };
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
};
/* clang-format on */

/* A metric under way: it begins with its first point. */
struct writing {
	struct otlp_writer *w;
	const struct metrics *m;
	const struct shown *shown;
	uint64_t now_ns;
	bool begun;
	int64_t points;
};

static bool is_histogram(const struct shown *s)
{
	return metric_defs[s->id].buckets != NULL;
}

static void begin_metric(struct writing *x)
{
	const struct shown *s = x->shown;

	if (x->begun)
		return;
	x->begun = true;
	otlp_begin_item(x->w, &scope_metrics);
	otlp_text(x->w, &metric_name, slice_of(s->name));
	otlp_text(x->w, &metric_description, slice_of(s->description));
	otlp_text(x->w, &metric_unit, slice_of(s->unit));
	otlp_begin(x->w, is_histogram(s) ? &metric_histogram : &metric_sum);
	otlp_begin_list(x->w, &data_points);
}

static void end_metric(struct writing *x)
{
	if (!x->begun)
		return;
	otlp_end_list(x->w);
	otlp_enum(x->w, &data_temporality, CUMULATIVE);
	if (!is_histogram(x->shown))
		otlp_bool(x->w, &sum_monotonic, true);
	otlp_end(x->w);
	otlp_end(x->w);
}

static void put_label(struct writing *x, const struct otlp_field *list, int label, struct slice v)
{
	struct attr a = { .name = label_names[label], .type = ATTR_STRING, .s = v };
	uint64_t port;

	if (!v.n || (label == LABEL_TOKEN_TYPE && x->shown->token_type))
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
	begin_metric(x);
	otlp_begin_item(x->w, &data_points);
	if (is_histogram(x->shown))
		put_histogram(x, s);
	else
		put_number(x, s);
	otlp_end(x->w);
	x->points++;
	return otlp_error(x->w);
}

static int put_all(struct otlp_writer *w, struct metrics *m, enum sink_names names, uint64_t now_ns,
		   int64_t *ret_points)
{
	const bool latest = names == SINK_NAMES_LATEST;
	const struct shown *shown = latest ? names_latest : names_141;
	const size_t n = latest ? ARRAY_SIZE(names_latest) : ARRAY_SIZE(names_141);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct writing x = { .w = w, .m = m, .shown = &shown[i], .now_ns = now_ns };

		r = metrics_each(m, shown[i].id, put_series, &x);
		end_metric(&x);
		*ret_points += x.points;
	}
	return r;
}

int otlp_metrics_write(struct metrics *m, const struct otlp_form *form, struct slice host,
		       uint64_t now_ns, struct buf *ret, int64_t *ret_points)
{
	const struct run here = { .host = host };
	struct otlp_writer w;
	int r;

	otlp_writer_init(&w, form->json, ret);
	*ret_points = 0;
	otlp_begin_all(&w);
	otlp_begin_list(&w, &request_resources);
	otlp_begin_item(&w, &request_resources);
	otlp_put_resource(&w, form, &here);
	otlp_begin_list(&w, &resource_scopes);
	otlp_begin_item(&w, &resource_scopes);
	otlp_put_scope(&w);
	otlp_begin_list(&w, &scope_metrics);
	r = put_all(&w, m, form->names, now_ns, ret_points);
	otlp_end_list(&w);
	otlp_text(&w, &scope_schema, otlp_schema_url(form->names));
	otlp_end(&w);
	otlp_end_list(&w);
	otlp_end(&w);
	otlp_end_list(&w);
	otlp_end_all(&w);
	return r < 0 ? r : otlp_error(&w);
}
