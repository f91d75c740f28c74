/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/otlp.h"

#include <errno.h>

#include "base/util.h"

/* opentelemetry.proto: collector, trace, logs, resource, common; v1 */
static const struct otlp_field request_resources[] = { { 1, "resourceSpans" },
						       { 1, "resourceLogs" } };
static const struct otlp_field resource = { 1, "resource" };
static const struct otlp_field resource_scopes[] = { { 2, "scopeSpans" }, { 2, "scopeLogs" } };
static const struct otlp_field resource_attributes = { 1, "attributes" };
static const struct otlp_field scope = { 1, "scope" };
static const struct otlp_field scope_items[] = { { 2, "spans" }, { 2, "logRecords" } };
static const struct otlp_field scope_schema = { 3, "schemaUrl" };
static const struct otlp_field scope_name = { 1, "name" };
static const struct otlp_field scope_version = { 2, "version" };

static const struct otlp_field span_trace_id = { 1, "traceId" };
static const struct otlp_field span_span_id = { 2, "spanId" };
static const struct otlp_field span_parent_id = { 4, "parentSpanId" };
static const struct otlp_field span_name = { 5, "name" };
static const struct otlp_field span_kind = { 6, "kind" };
static const struct otlp_field span_start = { 7, "startTimeUnixNano" };
static const struct otlp_field span_end = { 8, "endTimeUnixNano" };
static const struct otlp_field span_attributes = { 9, "attributes" };
static const struct otlp_field span_status = { 15, "status" };
static const struct otlp_field status_message = { 2, "message" };
static const struct otlp_field status_code = { 3, "code" };

static const struct otlp_field log_time = { 1, "timeUnixNano" };
static const struct otlp_field log_severity = { 2, "severityNumber" };
static const struct otlp_field log_severity_text = { 3, "severityText" };
static const struct otlp_field log_attributes = { 6, "attributes" };
static const struct otlp_field log_trace_id = { 9, "traceId" };
static const struct otlp_field log_span_id = { 10, "spanId" };
static const struct otlp_field log_observed = { 11, "observedTimeUnixNano" };
static const struct otlp_field log_event_name = { 12, "eventName" };

struct slice otlp_schema_url(enum sink_names names)
{
	switch (names) {
	case SINK_NAMES_141:
		return SLICE("https://opentelemetry.io/schemas/1.41.0");
	case SINK_NAMES_LATEST:
		return SLICE("https://opentelemetry.io/schemas/gen-ai/1.42.0");
	case SINK_NAMES_OPENINFERENCE:
		break;
	}
	return (struct slice){ 0 };
}

/* --- resource and scope --- */

static void put_text_attr(struct otlp_writer *w, const char *name, struct slice s)
{
	if (s.n)
		otlp_attr(w, &resource_attributes,
			  &(struct attr){ .name = name, .type = ATTR_STRING, .s = s });
}

static void put_value(struct otlp_writer *w, const char *name, struct slice v, struct arena *mem)
{
	struct attr a = { .name = name, .type = ATTR_STRING };

	if (v.p[0] == '"')
		a.s = json_text(v, mem);
	else if (v.p[0] == '[')
		a = (struct attr){ .name = name, .type = ATTR_STRINGS, .s = v };
	else if (json_int64(v, &a.i))
		a.type = ATTR_INT;
	else if (slice_eq(v, SLICE("true")) || slice_eq(v, SLICE("false")))
		a = (struct attr){ .name = name, .type = ATTR_BOOL, .i = v.p[0] == 't' };
	else
		a.s = v;
	otlp_attr(w, &resource_attributes, &a);
}

/* Those that the run itself tells. */
static bool is_told(struct slice name)
{
	return slice_starts(name, SLICE("service.")) || slice_starts(name, SLICE("process.")) ||
	       slice_eq(name, SLICE("host.name"));
}

/* What enrichment found of a container or pod: flat, by OpenTelemetry's names. */
static void put_place(struct otlp_writer *w, struct slice json)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(2 * json.n + 65536);
	struct slice key, value;
	struct json_iter it;

	if (!mem)
		otlp_fail(w, -ENOMEM);
	if (!mem || !json_object(json, &it))
		return;
	while (json_next_member(&it, &key, &value)) {
		const struct slice name = arena_copy(mem, key);

		if (name.n && value.n && !is_told(name))
			put_value(w, name.p, value, mem);
	}
}

void otlp_put_resource(struct otlp_writer *w, const struct otlp_form *form, const struct run *run)
{
	const bool inference = form->names == SINK_NAMES_OPENINFERENCE;

	otlp_begin(w, &resource);
	otlp_begin_list(w, &resource_attributes);
	put_text_attr(w, "service.name", run && run->agent.n ? run->agent : SLICE("sonde"));
	if (run) {
		put_text_attr(w, "service.version", run->agent_version);
		put_text_attr(w, "host.name", run->host);
		put_text_attr(w, "process.owner", run->user);
		if (run->process.tgid)
			otlp_attr(w, &resource_attributes,
				  &(struct attr){ .name = "process.pid",
						  .type = ATTR_INT,
						  .i = run->process.tgid });
		if (form->content)
			put_text_attr(w, "process.command_line", run->command);
		put_text_attr(w, "sonde.workflow", run->workflow);
		put_text_attr(w, "sonde.project", run->project);
		put_text_attr(w, "sonde.trigger", run->trigger);
		if (inference)
			put_text_attr(w, "openinference.project.name", slice_base(run->project));
		put_place(w, run->resource);
	}
	otlp_end_list(w);
	otlp_end(w);
}

void otlp_put_scope(struct otlp_writer *w)
{
	otlp_begin(w, &scope);
	otlp_text(w, &scope_name, SLICE("sonde"));
	otlp_text(w, &scope_version, SLICE(SONDE_VERSION));
	otlp_end(w);
}

static void close_scope(struct otlp_request *q)
{
	struct otlp_writer *w = &q->w;

	if (!q->open)
		return;
	q->open = false;
	otlp_end_list(w);
	otlp_text(w, &scope_schema, otlp_schema_url(q->form->names));
	otlp_end(w);
	otlp_end_list(w);
	otlp_end(w);
}

/* What follows is of @span's run; steps of several runs may take turns. */
static void open_scope(struct otlp_request *q, const struct span *span, const struct run *run)
{
	struct otlp_writer *w = &q->w;

	if (q->open && id128_eq(&q->run_id, &span->run_id))
		return;
	close_scope(q);
	q->run_id = span->run_id;
	q->open = true;
	otlp_begin_item(w, &request_resources[q->logs]);
	otlp_put_resource(w, q->form, run);
	otlp_begin_list(w, &resource_scopes[q->logs]);
	otlp_begin_item(w, &resource_scopes[q->logs]);
	otlp_put_scope(w);
	otlp_begin_list(w, &scope_items[q->logs]);
}

/* --- a span --- */

static uint64_t end_of(const struct span *s)
{
	return s->end_ns > s->start_ns ? s->end_ns : s->start_ns;
}

static void put_status(struct otlp_writer *w, const struct span *s)
{
	if (s->status == SPAN_UNSET)
		return;
	otlp_begin(w, &span_status);
	if (s->status == SPAN_ERROR)
		otlp_text(w, &status_message, s->status_text);
	otlp_enum(w, &status_code, s->status);
	otlp_end(w);
}

static void put_span(struct otlp_request *q, const struct span *s, int64_t version,
		     const struct run *run, const struct span_content *said)
{
	struct otlp_writer *w = &q->w;

	otlp_begin_item(w, &scope_items[0]);
	otlp_id(w, &span_trace_id, s->run_id.b, sizeof(s->run_id.b));
	otlp_id(w, &span_span_id, s->span_id.b, sizeof(s->span_id.b));
	if (!id64_is_zero(&s->parent_id))
		otlp_id(w, &span_parent_id, s->parent_id.b, sizeof(s->parent_id.b));
	otlp_text(w, &span_name, s->name);
	otlp_enum(w, &span_kind, s->kind);
	otlp_fixed64(w, &span_start, s->start_ns);
	otlp_fixed64(w, &span_end, end_of(s));
	otlp_begin_list(w, &span_attributes);
	otlp_put_attributes(w, &span_attributes, q->form, s, version, run, said);
	otlp_end_list(w);
	put_status(w, s);
	otlp_end(w);
	q->items++;
}

/* --- log records --- */

struct severity {
	uint32_t number;
	const char *text;
};

static const struct severity info = { 9, "INFO" }, warn = { 13, "WARN" }, error = { 17, "ERROR" };

static void begin_record(struct otlp_request *q, const struct span *s, const struct severity *how)
{
	struct otlp_writer *w = &q->w;

	otlp_begin_item(w, &scope_items[1]);
	otlp_fixed64(w, &log_time, end_of(s));
	otlp_fixed64(w, &log_observed, end_of(s));
	otlp_enum(w, &log_severity, how->number);
	otlp_text(w, &log_severity_text, slice_of(how->text));
	otlp_id(w, &log_trace_id, s->run_id.b, sizeof(s->run_id.b));
	otlp_id(w, &log_span_id, s->span_id.b, sizeof(s->span_id.b));
	otlp_begin_list(w, &log_attributes);
}

/* The name stands as an attribute too: receivers know the field only since 1.5 of the protocol. */
static void end_record(struct otlp_request *q, const char *event)
{
	struct otlp_writer *w = &q->w;

	otlp_attr(
		w, &log_attributes,
		&(struct attr){ .name = "event.name", .type = ATTR_STRING, .s = slice_of(event) });
	otlp_end_list(w);
	otlp_text(w, &log_event_name, slice_of(event));
	otlp_end(w);
	q->items++;
}

static void put_exception(struct otlp_request *q, const struct span *s)
{
	const struct attr attrs[] = {
		{ .name = "exception.type",
		  .type = ATTR_STRING,
		  .s = s->error_type.n ? s->error_type : SLICE("_OTHER") },
		{ .name = "exception.message", .type = ATTR_STRING, .s = s->status_text },
		{ .name = "sonde.step.kind",
		  .type = ATTR_STRING,
		  .s = slice_of(step_name(s->step)) },
		{ .name = "sonde.step.name", .type = ATTR_STRING, .s = s->name },
	};

	begin_record(q, s, s->step == STEP_LLM ? &warn : &error);
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		if (attrs[i].s.n)
			otlp_attr(&q->w, &log_attributes, &attrs[i]);
	end_record(q,
		   s->step == STEP_LLM ? "gen_ai.client.operation.exception" : "sonde.step.error");
}

static void put_records(struct otlp_request *q, const struct span *s, int64_t version,
			const struct run *run, const struct span_content *said)
{
	if (s->step == STEP_LLM) {
		begin_record(q, s, &info);
		otlp_put_attributes(&q->w, &log_attributes, q->form, s, version, run, said);
		end_record(q, "gen_ai.client.inference.operation.details");
	}
	if (s->status == SPAN_ERROR)
		put_exception(q, s);
}

/* --- requests --- */

void otlp_request_begin(struct otlp_request *q, const struct otlp_form *form, bool logs)
{
	struct buf out = q->out;

	out.n = 0;
	*q = (struct otlp_request){ .form = form, .logs = logs, .out = out };
	otlp_writer_init(&q->w, form->json, &q->out);
	otlp_begin_all(&q->w);
	otlp_begin_list(&q->w, &request_resources[logs]);
}

void otlp_request_add(struct otlp_request *q, const struct span *span, int64_t version,
		      const struct run *run, const struct span_content *said)
{
	const struct span_content *what = q->form->content ? said : NULL;

	if (q->logs && span->step != STEP_LLM && span->status != SPAN_ERROR)
		return;
	open_scope(q, span, run);
	if (q->logs)
		put_records(q, span, version, run, what);
	else
		put_span(q, span, version, run, what);
}

int otlp_request_end(struct otlp_request *q, struct slice *ret)
{
	close_scope(q);
	otlp_end_list(&q->w);
	otlp_end_all(&q->w);
	*ret = buf_slice(&q->out);
	return otlp_error(&q->w);
}

void otlp_request_done(struct otlp_request *q)
{
	buf_done(&q->out);
}
