/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/open_state.h"

#include <errno.h>

#include "trace/open_fields.h"

#define RUNS_MAX  32
#define SHARE_MAX 6 /* times that it is tried with half as much */

/* What is written: at most so many of each. */
struct draft {
	struct tree_state *tree;
	struct emit e;
	struct json_writer w;
	unsigned most;
};

static void put_agent(struct draft *d, const struct agent_span *a)
{
	if (!a)
		return;
	json_key(&d->w, "agent");
	json_put_str(&d->w, emit_hex64(&d->e, &a->id));
}

static void put_run(struct draft *d, const struct run_state *r)
{
	if (!r)
		return;
	json_key(&d->w, "run");
	json_put_str(&d->w, emit_hex128(&d->e, &r->id));
}

static void put_list(struct draft *d, const char *name)
{
	json_key(&d->w, name);
	json_begin(&d->w, '[');
}

static int64_t calls_of(const struct run_state *r)
{
	const struct call_state *c;
	int64_t n = 0;

	list_for_each (c, r->tree->calls)
		n += c->run == r;
	return n;
}

static void put_runs(struct draft *d)
{
	const struct agent_span *a;
	struct run_state *r;
	unsigned n = 0, agents;

	put_list(d, "runs");
	list_for_each (r, d->tree->runs) {
		/* The first is the tree's; of the others those that go on. */
		if ((n > 0 && (r->over || r->finished)) || n >= RUNS_MAX)
			continue;
		n++;
		json_begin(&d->w, '{');
		open_write_members(&open_run, r, &d->e, &d->w);
		json_key(&d->w, "in_flight");
		json_put_int(&d->w, calls_of(r));
		put_list(d, "agents");
		agents = 0;
		list_for_each (a, r->agents)
			if (agents++ < d->most)
				open_write(&open_agent, a, &d->e, &d->w);
		json_end(&d->w, ']');
		json_end(&d->w, '}');
	}
	json_end(&d->w, ']');
}

static void put_processes(struct draft *d)
{
	const struct proc_state *ps;
	unsigned n = 0;

	put_list(d, "processes");
	list_for_each (ps, d->tree->proc_list) {
		if (ps->exited || ps->final || n++ >= d->most)
			continue;
		json_begin(&d->w, '{');
		open_write_members(&open_process, ps, &d->e, &d->w);
		put_run(d, ps->run);
		put_agent(d, ps->agent);
		json_end(&d->w, '}');
	}
	json_end(&d->w, ']');
}

static void put_tools(struct draft *d)
{
	const struct tool_state *tool;
	unsigned n = 0;

	put_list(d, "tools");
	list_for_each (tool, d->tree->tools) {
		if (n++ >= d->most)
			break;
		json_begin(&d->w, '{');
		open_write_members(&open_tool, tool, &d->e, &d->w);
		put_run(d, tool->run);
		put_agent(d, tool->agent);
		if (tool->conv) {
			json_key(&d->w, "conv");
			json_put_int(&d->w, (int64_t)tool->conv->number);
		}
		json_end(&d->w, '}');
	}
	json_end(&d->w, ']');
}

/* The newest are the last of the table. */
static void put_conversations(struct draft *d)
{
	const unsigned all = HASH_COUNT(d->tree->convs);
	const struct conversation *conv;
	unsigned n = 0;

	put_list(d, "conversations");
	for (conv = d->tree->convs; conv; conv = conv->hh.next) {
		if (all - n++ > d->most)
			continue;
		json_begin(&d->w, '{');
		open_write_members(&open_conversation, conv, &d->e, &d->w);
		put_run(d, conv->run);
		put_agent(d, conv->agent);
		json_key(&d->w, "head");
		open_write(&open_head, &conv->head, &d->e, &d->w);
		json_end(&d->w, '}');
	}
	json_end(&d->w, ']');
}

static int write_state(struct tree_state *tree, unsigned most, struct buf *ret)
{
	struct draft d = { .tree = tree, .most = most };
	int r;

	d.w = (struct json_writer){ .out = ret, .max = OPEN_STATE_MAX };
	emit_begin(&d.e, tree->runs, STEP_AGENT, tree->runs->start_ns);
	json_begin(&d.w, '{');
	open_write_members(&open_tree, tree, &d.e, &d.w);
	json_key(&d.w, "boot");
	json_put_str(&d.w, slice_of(tree->t->boot_id));
	put_runs(&d);
	put_processes(&d);
	put_tools(&d);
	put_conversations(&d);
	json_end(&d.w, '}');
	r = d.e.mem ? d.w.r : -ENOMEM;
	arena_free(d.e.mem);
	return r;
}

void open_state_tell(struct tree_state *tree)
{
	struct trace *t = tree->t;
	struct buf text = { 0 };
	int r = -E2BIG;

	if (!tree->outlives || !t->sink->state || tree->finished || !tree->state_due ||
	    t->config.content == CONTENT_OFF)
		return;
	tree->state_due = false;
	for (unsigned most = 256; r == -E2BIG && most > 256u >> SHARE_MAX; most /= 2) {
		text.n = 0;
		r = write_state(tree, most, &text);
	}
	if (r == 0)
		t->sink->state(t->ctx, &tree->id, buf_slice(&text));
	buf_done(&text);
}

void open_state_forget(struct tree_state *tree)
{
	struct trace *t = tree->t;
	const struct run_state *r;

	if (tree->outlives && t->sink->state)
		t->sink->state(t->ctx, &tree->id, (struct slice){ 0 });
	list_for_each (r, tree->runs)
		if (tree->resumed_ns && t->sink->cut)
			t->sink->cut(t->ctx, &r->id, NULL, CUT_LEFT, (struct slice){ 0 });
}
