/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/otlp.h"

#include <errno.h>

#include "base/util.h"

/* opentelemetry.proto: trace, logs; v1 */
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

/* --- resources --- */

struct resource {
	const struct otlp_form *form;
	const struct run *run;
	struct otlp_writer *w;
	const struct otlp_field *list;
};

static void put_text_attr(const struct resource *r, const char *name, struct slice s)
{
	if (s.n)
		otlp_attr(r->w, r->list,
			  &(struct attr){ .name = name, .type = ATTR_STRING, .s = s });
}

static void put_value(struct otlp_writer *w, const struct otlp_field *list, const char *name,
		      struct slice v, struct arena *mem)
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
	otlp_attr(w, list, &a);
}

void otlp_put_members(struct otlp_writer *w, const struct otlp_field *list, struct slice json,
		      bool (*skip)(struct slice name))
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

		if (name.n && value.n && !(skip && skip(name)))
			put_value(w, list, name.p, value, mem);
	}
}

/* Those that the run itself tells; the rest is what enrichment found of a container or pod. */
static bool is_told(struct slice name)
{
	return slice_starts(name, SLICE("service.")) || slice_starts(name, SLICE("process.")) ||
	       slice_eq(name, SLICE("host.name"));
}

static void put_run(const struct resource *r)
{
	const struct run *run = r->run;
	const struct attr pid = { .name = "process.pid", .type = ATTR_INT, .i = run->process.tgid };

	put_text_attr(r, "service.version", run->agent_version);
	put_text_attr(r, "host.name", run->host);
	put_text_attr(r, "process.owner", run->user);
	if (run->process.tgid)
		otlp_attr(r->w, r->list, &pid);
	if (r->form->content)
		put_text_attr(r, "process.command_line", run->command);
	put_text_attr(r, "sonde.workflow", run->workflow);
	put_text_attr(r, "sonde.project", run->project);
	put_text_attr(r, "sonde.trigger", run->trigger);
	if (r->form->names == SINK_NAMES_OPENINFERENCE)
		put_text_attr(r, "openinference.project.name", slice_base(run->project));
	otlp_put_members(r->w, r->list, run->resource, is_told);
}

static void put_resource(void *ctx, struct otlp_writer *w, const struct otlp_field *list)
{
	struct resource *r = ctx;

	r->w = w;
	r->list = list;
	put_text_attr(r, "service.name",
		      r->run && r->run->agent.n ? r->run->agent : SLICE("sonde"));
	if (r->run)
		put_run(r);
}

/* Runs of the same resource share a group: it is found by what is written of it. */
static struct otlp_group *group_of(struct otlp_request *q, const struct run *run)
{
	static const struct otlp_field list = { 1, "attributes" };
	struct resource r = { .form = q->form, .run = run };
	_cleanup_(buf_done) struct buf key = { 0 };
	struct otlp_writer w;

	otlp_writer_init(&w, false, &key);
	put_resource(&r, &w, &list);
	if (otlp_error(&w) < 0)
		q->groups.r = otlp_error(&w);
	return otlp_error(&w) < 0 ? NULL
				  : otlp_group(&q->groups, buf_slice(&key), put_resource, &r);
}

/* What follows is of @span's run; steps of several may take turns. */
static bool find_group(struct otlp_request *q, const struct span *span, const struct run *run)
{
	if (!q->group || !id128_eq(&q->run_id, &span->run_id))
		q->group = group_of(q, run);
	q->run_id = span->run_id;
	return q->group;
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
	struct otlp_writer *w = &q->group->w;

	otlp_begin_item(w, &otlp_spans.items);
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
	struct otlp_writer *w = &q->group->w;

	otlp_begin_item(w, &otlp_records.items);
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
	struct otlp_writer *w = &q->group->w;

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
			otlp_attr(&q->group->w, &log_attributes, &attrs[i]);
	end_record(q,
		   s->step == STEP_LLM ? "gen_ai.client.operation.exception" : "sonde.step.error");
}

static void put_records(struct otlp_request *q, const struct span *s, int64_t version,
			const struct run *run, const struct span_content *said)
{
	if (s->step == STEP_LLM) {
		begin_record(q, s, &info);
		otlp_put_attributes(&q->group->w, &log_attributes, q->form, s, version, run, said);
		end_record(q, "gen_ai.client.inference.operation.details");
	}
	if (s->status == SPAN_ERROR)
		put_exception(q, s);
}

/* --- requests --- */

void otlp_request_begin(struct otlp_request *q, const struct otlp_form *form, bool logs)
{
	struct otlp_groups groups = q->groups;

	otlp_groups_begin(&groups, form, logs ? &otlp_records : &otlp_spans);
	*q = (struct otlp_request){ .form = form, .logs = logs, .groups = groups };
}

void otlp_request_add(struct otlp_request *q, const struct span *span, int64_t version,
		      const struct run *run, const struct span_content *said)
{
	const struct span_content *what = q->form->content ? said : NULL;

	if (q->logs && span->step != STEP_LLM && span->status != SPAN_ERROR)
		return;
	if (!find_group(q, span, run))
		return;
	if (q->logs)
		put_records(q, span, version, run, what);
	else
		put_span(q, span, version, run, what);
}

size_t otlp_request_bytes(const struct otlp_request *q)
{
	return otlp_groups_bytes(&q->groups);
}

int otlp_request_error(const struct otlp_request *q)
{
	return otlp_groups_error(&q->groups);
}

int otlp_request_end(struct otlp_request *q, struct slice *ret)
{
	q->group = NULL;
	return otlp_groups_end(&q->groups, ret);
}

void otlp_request_done(struct otlp_request *q)
{
	otlp_groups_done(&q->groups);
}
