/* SPDX-License-Identifier: BSD-2-Clause */
/* [otlp NAME]: traces and logs. */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "export/otlp.h"
#include "export/otlp_send.h"
#include "export/said.h"
#include "export/sink.h"

/* A request is full from here on; with one more span of the largest kind it is still within what
 * a Collector takes (20 MiB). */
#define FULL_BYTES (4u << 20)
#define SAID_BYTES (2u << 20) /* of each of the six kinds of content of a span */
#define KEEP_BYTES (6u << 20) /* of the buffer, between batches */

struct otlp_sink {
	struct otlp_form form;
	struct otlp_form form_bare;
	bool logs;
	struct otlp_request request;
	struct otlp_sender *sender;
};

static void close_sink(void *self)
{
	struct otlp_sink *s = self;

	otlp_sender_free(s->sender);
	otlp_request_done(&s->request);
	free(s);
}

static int open_sink(const struct sink_env *env, bool logs, void **ret, char *why, size_t size)
{
	const struct sink_config *c = env->config;
	struct otlp_sink *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->logs = logs;
	s->form = (struct otlp_form){ c->protocol == SINK_JSON, c->content,
				      (enum sink_names)c->names };
	s->form_bare = s->form;
	s->form_bare.content = false;
	r = otlp_sender_new(c, logs ? "logs" : "traces", env->stop, &s->sender, why, size);
	if (r < 0) {
		close_sink(s);
		return r;
	}
	*ret = s;
	return 0;
}

static int open_traces(const struct sink_env *env, void **ret, char *why, size_t size)
{
	return open_sink(env, false, ret, why, size);
}

static int open_logs(const struct sink_env *env, void **ret, char *why, size_t size)
{
	return open_sink(env, true, ret, why, size);
}

static void begin(void *self, bool bare)
{
	struct otlp_sink *s = self;

	if (s->request.groups.out.cap > KEEP_BYTES)
		otlp_request_done(&s->request);
	otlp_request_begin(&s->request, bare ? &s->form_bare : &s->form, s->logs);
}

static int add(void *self, struct store_reader *r, int64_t version, const struct span *span,
	       const struct run *run)
{
	struct otlp_sink *s = self;
	struct said said = { 0 };
	int error;

	if (s->request.form->content)
		said_read_most(r, span, SAID_BYTES, &said);
	otlp_request_add(&s->request, span, version, run, &said.is);
	said_done(&said);
	error = otlp_request_error(&s->request);
	return error < 0 ? error : otlp_request_bytes(&s->request) >= FULL_BYTES;
}

static int64_t items(const void *self)
{
	return ((const struct otlp_sink *)self)->request.items;
}

static void send(void *self, struct sink_report *ret)
{
	struct otlp_sink *s = self;
	struct slice body;
	const int r = otlp_request_end(&s->request, &body);

	if (r < 0) {
		*ret = (struct sink_report){ .verdict = SINK_RETRY };
		snprintf(ret->why, sizeof(ret->why), "it cannot be written: %s",
			 strerrordesc_np(-r));
		return;
	}
	otlp_send(s->sender, body, ret);
}

static void target_traces(const struct sink_env *env, char *ret, size_t size)
{
	otlp_target(env->config, "traces", ret, size);
}

static void target_logs(const struct sink_env *env, char *ret, size_t size)
{
	otlp_target(env->config, "logs", ret, size);
}

static bool traces_wanted(const struct sink_config *c)
{
	return c->traces;
}

static bool logs_wanted(const struct sink_config *c)
{
	return c->logs;
}

const struct sink_type sink_otlp_traces = {
	.kind = SINK_OTLP,
	.signal = "traces",
	.wanted = traces_wanted,
	.open = open_traces,
	.close = close_sink,
	.target = target_traces,
	.begin = begin,
	.add = add,
	.items = items,
	.send = send,
};

const struct sink_type sink_otlp_logs = {
	.kind = SINK_OTLP,
	.signal = "logs",
	.wanted = logs_wanted,
	.open = open_logs,
	.close = close_sink,
	.target = target_logs,
	.begin = begin,
	.add = add,
	.items = items,
	.send = send,
};
