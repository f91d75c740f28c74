/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever a store holds of a span and of what was said, a request is well formed: protobuf can be
 * walked to its end at every level that is looked at, JSON is JSON. And a receiver may answer
 * anything.
 */
#include <stdlib.h>

#include "export/otlp.h"
#include "export/otlp_content.h"
#include "sonde/usage.h"
#include "store/attrs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* Well formed as messages are down to the spans. */
static void check_message(struct slice m, int depth)
{
	struct protobuf_field f;

	while (protobuf_next(&m, &f))
		if (depth > 0 && f.type == PROTOBUF_BYTES && f.number <= 2)
			check_message(f.bytes, depth - 1);
	check(m.n == 0);
}

static void write_one(const struct span *span, const struct run *run,
		      const struct span_content *said, int form_no)
{
	const struct otlp_form form = { form_no & 1, true, (enum sink_names)(form_no / 4) };
	struct otlp_request q = { 0 };
	struct slice body;

	otlp_request_begin(&q, &form, form_no & 2);
	otlp_request_add(&q, span, 2, run, said);
	if (otlp_request_end(&q, &body) == 0) {
		if (form.json)
			check(json_valid(body));
		else
			check_message(body, 2);
	}
	otlp_request_done(&q);
}

/* A list of tools is JSON where what it was made of is. */
static void check_content(struct slice json)
{
	struct buf out = { 0 };

	if (otlp_tool_definitions(json, &out) == 0 && out.n)
		check(json_valid(buf_slice(&out)));
	out.n = 0;
	if (otlp_messages(NULL, json, &out) == 0 && out.n)
		check(json_valid(buf_slice(&out)));
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice in = { (const char *)data, size };
	struct slice a = in, b = { 0 };
	struct arena *mem = arena_new(8u << 20);
	struct run run = { .resource = in, .agent = in };
	struct span span = { .step = STEP_LLM,
			     .kind = SPAN_CLIENT,
			     .name = in,
			     .final = true,
			     .status = SPAN_ERROR,
			     .usage = llm_usage_unknown,
			     .first_token_ns = LLM_UNKNOWN };
	struct span_content said = { 0 };
	struct otlp_answer answer;

	check(mem != NULL);
	otlp_answer_read(in, false, &answer);
	otlp_answer_read(in, true, &answer);
	slice_cut(in, '\n', &a, &b);
	attrs_read(a, mem, &span.attrs, &span.n_attrs);
	if (json_valid(b)) {
		said = (struct span_content){
			.input_messages = b, .output_messages = b, .system = b, .tools = b
		};
		check_content(b);
	}
	said.arguments = b;
	for (int form = 0; form < 12; form++)
		write_one(&span, json_valid(in) ? &run : NULL, &said, form);
	arena_free(mem);
	return 0;
}
