/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/otlp_export.h"

#include <errno.h>
#include <time.h>

#include "export/otlp.h"
#include "export/said.h"

#define BATCH	    512 /* spans of a request */
#define FULL_BYTES  (4u << 20)
#define SAID_BYTES  (2u << 20)
#define PAUSE_MAX_S 60

struct exporting {
	const struct export_job *job;
	struct otlp_push *push; /* NULL: into a file */
	struct otlp_form form;
	struct otlp_request request;
	const struct run *run;
};

static int write_line(const struct exporting *x, struct slice body)
{
	fwrite(body.p, 1, body.n, x->job->out);
	fputc('\n', x->job->out);
	return ferror(x->job->out) ? -EPIPE : 0;
}

static void pause_before(unsigned try, int64_t retry_after_s)
{
	int64_t s = retry_after_s > 0 ? retry_after_s : 1 << (try < 5 ? try : 5);
	struct timespec t = { .tv_sec = s < PAUSE_MAX_S ? s : PAUSE_MAX_S };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static int send_request(struct otlp_push *p, struct slice body, int64_t items)
{
	struct sink_report rep;

	for (unsigned i = 0;; i++) {
		otlp_send(p->sender, body, &rep);
		if (rep.verdict == SINK_TAKEN || rep.verdict == SINK_REFUSED ||
		    rep.verdict == SINK_TOO_LARGE || i + 1 >= p->tries)
			break;
		pause_before(i, rep.retry_after_s);
	}
	if (rep.why[0])
		memcpy(p->why, rep.why, sizeof(p->why));
	if (rep.verdict == SINK_TAKEN) {
		p->refused += rep.rejected;
		p->sent += items - rep.rejected;
		return 0;
	}
	if (rep.verdict != SINK_REFUSED && rep.verdict != SINK_TOO_LARGE)
		return -EIO;
	p->refused += items;
	return 0;
}

static int flush(struct exporting *x)
{
	const int64_t items = x->request.items;
	struct slice body;
	int r;

	if (items == 0)
		return 0;
	r = otlp_request_end(&x->request, &body);
	if (r == 0)
		r = x->push ? send_request(x->push, body, items) : write_line(x, body);
	otlp_request_begin(&x->request, &x->form, false);
	return r;
}

static int add_span(void *ctx, const struct span *span)
{
	struct exporting *x = ctx;
	struct said said = { 0 };

	if (!span->final) {
		if (x->push)
			x->push->open++;
		return 0;
	}
	if (x->form.content)
		said_read_most(x->job->reader, span, SAID_BYTES, &said);
	otlp_request_add(&x->request, span, 1, x->run, &said.is);
	said_done(&said);
	if (x->request.items >= BATCH || otlp_request_bytes(&x->request) >= FULL_BYTES)
		return flush(x);
	return otlp_request_error(&x->request);
}

static int add_run(void *ctx, const struct run *run)
{
	struct exporting *x = ctx;
	const struct store_filter spans = { .run = run->run_id };

	x->run = run;
	return store_spans(x->job->reader, &spans, add_span, x);
}

static int export_runs(struct exporting *x)
{
	int r;

	otlp_request_begin(&x->request, &x->form, false);
	r = store_runs(x->job->reader, &x->job->filter, add_run, x);
	if (r >= 0)
		r = flush(x);
	otlp_request_done(&x->request);
	return r;
}

int otlp_push_runs(const struct export_job *job, struct otlp_push *push)
{
	struct exporting x = { .job = job,
			       .push = push,
			       .form = { push->json, job->content, push->names } };

	return export_runs(&x);
}

/* As the Collector writes and reads files of it. */
static int write_otlp(const struct export_job *job)
{
	struct exporting x = { .job = job, .form = { true, job->content, SINK_NAMES_141 } };

	return job->push ? otlp_push_runs(job, job->push) : export_runs(&x);
}

const struct exporter export_otlp = {
	.name = "otlp",
	.write = write_otlp,
};
