/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/happened.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "trace/emit.h"

#define PAUSE_MIN_NS 200000000ull /* waits are looked for no more often */

struct happening {
	uint64_t from_ns, to_ns; /* boot time */
	bool pause;
	char text[80];
};

struct happenings {
	unsigned n;
	struct happening list[HAPPENED_MAX];
};

static struct happening *add(struct run_state *r)
{
	if (!r->happened)
		r->happened = calloc(1, sizeof(*r->happened));
	if (!r->happened || r->happened->n == HAPPENED_MAX)
		return NULL;
	return &r->happened->list[r->happened->n++];
}

static const char *waits_for(const struct tree_state *tree)
{
	return tree->waits.what == SONDE_WAIT_PIPE ? "a pipe" : "the terminal";
}

static void end_pause(struct run_state *r, uint64_t now_ns)
{
	const uint64_t from_ns = r->pause_ns;
	struct happening *h;

	r->pause_ns = 0;
	if (!from_ns || now_ns < from_ns + PAUSE_MIN_NS)
		return;
	h = add(r);
	if (!h)
		return;
	h->from_ns = from_ns;
	h->to_ns = now_ns;
	h->pause = true;
	snprintf(h->text, sizeof(h->text), "%s", r->pause_for);
}

void happened_look(struct run_state *r, uint64_t now_ns)
{
	const bool works = status_is_at_work(r);
	const struct waits *waits = &r->tree->waits;
	const bool pauses = waits->what && !works && !r->over && !r->exited;

	if (works)
		r->worked_ns = now_ns;
	if (!pauses) {
		end_pause(r, now_ns);
	} else if (!r->pause_ns) {
		r->pause_ns = waits->since_ns > r->worked_ns ? waits->since_ns : r->worked_ns;
		if (r->pause_ns < r->start_ns)
			r->pause_ns = r->start_ns;
		r->pause_for = waits_for(r->tree);
	}
}

void happened_end(struct run_state *r, uint64_t end_ns)
{
	end_pause(r, end_ns);
}

void happened_signal(struct tree_state *tree, const struct sent_signal *s)
{
	struct run_state *r, *newest = NULL;
	const char *name = sigabbrev_np(s->signal);
	struct happening *h;

	list_for_each (r, tree->runs)
		if (!r->over && !r->finished)
			newest = r;
	h = newest ? add(newest) : NULL;
	if (!h)
		return;
	h->from_ns = h->to_ns = s->ts_ns;
	if (s->by == SENT_BY_KERNEL)
		snprintf(h->text, sizeof(h->text), "SIG%s", name ? name : "?");
	else if (s->by == SENT_BY_ASKED)
		snprintf(h->text, sizeof(h->text), "SIG%s: stopped by %s through sonde",
			 name ? name : "?", tree->signals.asked_by);
	else
		snprintf(h->text, sizeof(h->text), "SIG%s from %.*s (process %u)",
			 name ? name : "?", SONDE_COMM_LEN, s->comm, s->pid);
}

void happened_emit(struct emit *e, const struct run_state *r)
{
	struct buf out = { 0 };
	struct json_writer w = { .out = &out };

	if (!r->happened || !e->mem)
		return;
	json_begin(&w, '[');
	for (unsigned i = 0; i < r->happened->n; i++) {
		const struct happening *h = &r->happened->list[i];
		char text[160];

		if (r->over && h->from_ns >= r->end_ns)
			continue;
		snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64 " %s",
			 h->pause ? "pause" : "signal", emit_wall(e, h->from_ns),
			 emit_wall(e, h->to_ns), h->text);
		json_put_str(&w, emit_text(e, slice_of(text)));
	}
	json_end(&w, ']');
	if (w.r == 0)
		emit_strings(e, ATTR_RUN_EVENTS, arena_copy(e->mem, buf_slice(&out)));
	buf_done(&out);
}

void happened_free(struct run_state *r)
{
	free(r->happened);
}
