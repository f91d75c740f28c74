/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs of a run's tree: one STEP_PROCESS span for each process that runs a program of its own,
 * under the tool call that it carries out, the process that started it, or the agent.
 */
#include "base/json.h"
#include "trace/emit.h"
#include "trace/observed/observed.h"
#include "trace/observed/place.h"

#define CHAIN_MAX      16384
#define CHAIN_LINE_MAX 1024 /* bytes of one program: wrappers bring scripts of many KB */

/* --- a program begins --- */

static struct id64 span_id(const struct tree_state *tree, struct process_key key, const char *kind)
{
	struct id_hash h;

	id_hash_begin(&h, "span");
	id_hash_bytes(&h, slice_of(kind));
	id_hash_bytes(&h, (struct slice){ (const char *)tree->id.b, sizeof(tree->id.b) });
	id_hash_u64(&h, key.tgid);
	id_hash_u64(&h, key.start_ns);
	return id64_of(id_hash_end(&h));
}

static struct slice copy_argv(struct slice argv)
{
	return (struct slice){ argv.n ? slice_dup(argv) : NULL, argv.n };
}

/* Cut between words, so that no half of a key is left that redaction does not know. */
static struct slice cut_line(struct slice argv)
{
	if (argv.n <= CHAIN_LINE_MAX)
		return argv;
	for (argv.n = CHAIN_LINE_MAX; argv.n > 0; argv.n--)
		if (memchr(" \n\t", argv.p[argv.n], 4))
			break;
	return argv;
}

static void add_to_chain(struct proc_state *ps, struct slice argv)
{
	struct buf line = { 0 };

	argv = cut_line(argv);
	/* The blanks are between arguments; redaction sees the line as a text. */
	if (argv.n == 0 || buf_add(&line, argv, CHAIN_MAX) < 0)
		return;
	for (size_t i = 0; i + 1 < line.n; i++)
		if (line.p[i] == '\0')
			line.p[i] = ' ';
	if (line.p[line.n - 1] != '\0')
		buf_add(&line, (struct slice){ "", 1 }, CHAIN_MAX);
	buf_add(&ps->chain, buf_slice(&line), CHAIN_MAX);
	buf_done(&line);
}

/*
 * What it runs now. A shell that becomes the last program of its command stays what carried the
 * command out; otherwise the newest program is the one that counts. The others make a chain.
 */
static void take_program(struct proc_state *ps, const struct process *p, uint64_t ts_ns)
{
	ps->exec_ns = ts_ns;
	ps->execs++;
	if (ps->evidence && strcmp(ps->evidence, "argv") == 0) {
		add_to_chain(ps, p->argv);
		return;
	}
	add_to_chain(ps, ps->argv);
	ps->argv_cut = p->argv_cut;
	free((char *)ps->argv.p);
	ps->argv = copy_argv(p->argv);
	if (!ps->argv.p)
		ps->argv.n = 0;
	keep(&ps->path, p->path.n ? p->path : p->exe);
	keep(&ps->cwd, p->cwd);
}

/* Told again to an engine that goes on with it: nothing has happened. */
static void resume_program(struct proc_state *ps, const struct process *p)
{
	ps->resumed = false;
	ps->argv_cut = p->argv_cut;
	ps->argv = copy_argv(p->argv);
	if (!ps->argv.p)
		ps->argv.n = 0;
	keep(&ps->path, p->path.n ? p->path : p->exe);
	keep(&ps->cwd, p->cwd);
	process_emit(ps);
}

static struct slice program_name(const struct proc_state *ps)
{
	const struct process p = { .path = slice_of(ps->path), .argv = ps->argv };

	return process_name(&p);
}

/* --- emission --- */

/* The other programs of the same process, as a JSON array. */
static void emit_chain(struct emit *e, struct slice chain)
{
	struct slice line, rest = chain;
	struct buf out = { 0 };
	struct json_writer w = { .out = &out };

	if (chain.n == 0 || !content_keeps_text(e->run->t))
		return;
	json_begin(&w, '[');
	while (slice_cut(rest, '\0', &line, &rest))
		json_put_str(&w, emit_text(e, line));
	json_end(&w, ']');
	if (w.r == 0 && e->mem)
		emit_strings(e, ATTR_PROCESS_CHAIN, arena_copy(e->mem, buf_slice(&out)));
	buf_done(&out);
}

static void emit_ending(struct emit *e, const struct proc_state *ps)
{
	if (!ps->exited) {
		if (ps->traced_by_sonde)
			emit_lit(e, ATTR_TRACED_BY, "sonde");
		else if (ps->final)
			emit_lit(e, ATTR_CUT, "still running when the capture ended");
		return;
	}
	if (ps->signal)
		emit_int(e, ATTR_PROCESS_SIGNAL, ps->signal);
	else
		emit_int(e, ATTR_PROCESS_EXIT_CODE, ps->code);
	if (ps->cpu_ns)
		emit_int(e, ATTR_PROCESS_CPU_NS, (int64_t)ps->cpu_ns);
	if (ps->signal || ps->code) {
		e->span.status = SPAN_ERROR;
		e->span.error_type = SLICE("_OTHER");
	}
}

static void emit_flags(struct emit *e, struct proc_state *ps)
{
	emit_true(e, ATTR_HOUSEKEEPING, ps->housekeeping && !ps->in_tool);
	ps->flagged = program_is_flagged(ps);
	if (!ps->flagged)
		return;
	emit_true(e, ATTR_UNEXPLAINED, true);
	emit_lit(e, ATTR_UNEXPLAINED_WHY, ps->unasked);
}

void process_emit(struct proc_state *ps)
{
	struct emit e;

	if (ps->held && !ps->final)
		return;
	if (!ps->shown)
		ps->run->totals.processes++;
	ps->run->dirty |= !ps->shown;
	ps->shown = true;
	emit_begin(&e, ps->run, STEP_PROCESS, ps->start_ns);
	e.span.span_id = ps->id;
	e.span.parent_id = ps->parent;
	e.span.evidence = slice_of(ps->evidence);
	emit_agent(&e, ps->agent);
	emit_process(&e, ps->key, program_name(ps));
	e.span.name = e.span.program;
	emit_command(&e, ps->argv);
	if (content_keeps_text(ps->tree->t)) {
		emit_str(&e, ATTR_PROCESS_PATH, slice_of(ps->path));
		emit_str(&e, ATTR_PROCESS_CWD, slice_of(ps->cwd));
	}
	emit_chain(&e, buf_slice(&ps->chain));
	emit_int(&e, ATTR_PROCESS_PARENT,
		 ps->parent_key.tgid ? (int64_t)ps->parent_key.tgid : LLM_UNKNOWN);
	emit_flags(&e, ps);
	if (ps->confined)
		sandbox_emit(&e, &ps->sandbox);
	emit_int(&e, ATTR_LATE_ATTACH, notes_late_ms(ps->tree->t, ps->key));
	emit_ending(&e, ps);
	emit_end(&e, ps->end_ns, ps->final);
}

/* --- its place --- */

/*
 * The program that started this one; NULL: the root. Whoever is younger is no parent, whatever
 * events say: so spans never form a circle.
 */
static const struct proc_state *parent_of(const struct proc_state *ps)
{
	const struct proc_state *above = process_above(ps->tree, ps->parent_key, true);

	if (!above || above->start_ns > ps->start_ns ||
	    (above->start_ns == ps->start_ns && above->number >= ps->number))
		return NULL;
	return above;
}

/* Below a process of a tool call, everything belongs to that call; below an agent nothing does. */
static void inherit(struct proc_state *ps)
{
	const struct proc_state *above = parent_of(ps);

	/* What was begun for an earlier request works for this one: its root is above it. */
	if (above && above->run != ps->run)
		above = NULL;
	ps->agent = above ? above->agent : ps->run->agents;
	ps->parent = !above ? ps->run->agents->id : above->own_agent ? above->agent->id : above->id;
	ps->in_tool = above && above->in_tool && !above->own_agent;
	ps->under = ps->in_tool ? above->under : (struct id64){ 0 };
	ps->tool = (struct id64){ 0 };
	ps->evidence = "process";
}

static void mark_descendants(const struct proc_state *top)
{
	for (struct proc_state *ps = top->next; ps; ps = ps->next) {
		const struct proc_state *above = parent_of(ps);

		if (!above || !id64_is_zero(&ps->tool))
			continue;
		if (ps->held && !above->held) {
			ps->run = above->run;
			ps->held = false;
			inherit(ps);
			process_emit(ps);
		}
		ps->in_tool = above->in_tool && !above->own_agent;
		ps->under = ps->in_tool ? above->under : (struct id64){ 0 };
	}
}

/* The run that it is a step of: what started it, the call that it carries out, or what is worked
 * at. Where that is several, it waits until more is known, and is the first one's at last. */
static void choose_run(struct proc_state *ps)
{
	const struct proc_state *above = parent_of(ps);
	const char *evidence;
	const struct tool_state *tool;

	ps->run = above && above->in_tool ? above->run : turn_only_one(ps->tree);
	if (ps->run)
		return;
	tool = tool_of_program(ps, &evidence);
	ps->run = tool ? tool->run : ps->tree->runs;
	ps->held = !tool;
}

bool process_may_be_of(const struct proc_state *ps, const struct run_state *r)
{
	return ps->run == r || ps->held;
}

void process_link(struct proc_state *ps, struct tool_state *tool, const char *evidence)
{
	ps->run = tool->run;
	ps->agent = tool->agent;
	ps->held = false;
	ps->parent = tool->id;
	ps->tool = ps->under = tool->id;
	ps->in_tool = true;
	ps->evidence = evidence;
	tool_carried(tool, ps);
	mark_descendants(ps);
	observed_program_moved(ps);
	process_emit(ps);
}

void process_unlink(struct proc_state *ps)
{
	const struct process *p = proc_find(ps->tree->t->procs, ps->key);

	tool_released(ps);
	inherit(ps);
	mark_descendants(ps);
	observed_program_moved(ps);
	if (p)
		program_judge(ps, p);
	process_emit(ps);
}

static void place(struct proc_state *ps)
{
	struct tool_state *tool;
	const char *evidence;
	bool inherited;

	if (ps->execs == 1)
		inherit(ps);
	inherited = ps->in_tool && id64_is_zero(&ps->tool);
	tool = ps->in_tool ? tool_by_id(ps->tree, ps->under) : NULL;
	if (tool && tool->by_argv)
		return;
	tool = tool_of_program(ps, &evidence);
	/* Below a shell that is kept for more calls, or a guess: only what argv says. */
	if (!tool || !process_may_be_of(ps, tool->run) ||
	    (inherited && strcmp(evidence, "argv") != 0))
		return;
	if (!id64_eq(&tool->id, &ps->tool) || strcmp(evidence, ps->evidence) != 0)
		process_link(ps, tool, evidence);
}

/* What a tool call has started works for that call alone. */
static void take_manner(struct agent_span *a, const struct agent_identity *who, bool in_tool)
{
	a->turns = who->turns && !in_tool && a->run == a->run->tree->runs;
	a->once = who->once || in_tool;
	a->tools = who->tools;
}

/*
 * A child that is a known agent. One that runs itself again (gemini, Claude Code as `rg`) goes on
 * being the agent that it is.
 */
static void open_agent(struct proc_state *ps, const struct process *p)
{
	const struct proc_state *above = parent_of(ps);
	const struct process_key parent = above ? above->key : ps->tree->root;
	struct agent_span *a = ps->agent;

	if (p->agent.name.n == 0 || p->agent.helper || ps->own_agent)
		return;
	if (process_key_eq(parent, a->process) && a->known &&
	    slice_eq(slice_of(a->name), p->agent.name))
		return;
	a = agent_open(ps->run, span_id(ps->tree, p->key, "agent"), ps->id, p->key, ps->start_ns);
	if (!a)
		return;
	ps->agent = a;
	ps->own_agent = true;
	take_manner(a, &p->agent, ps->in_tool);
	agent_name(a, &p->agent);
}

static void exec_root(struct tree_state *tree, const struct process *p)
{
	struct agent_span *a = tree->runs->agents;

	notes_program(tree, p);
	if (p->agent.name.n) {
		take_manner(a, &p->agent, false);
		agent_name(a, &p->agent);
	} else if (!a->known) {
		keep(&a->name, process_name(p));
		agent_emit(a, false);
	}
	a->run->dirty = true;
}

void process_exec(struct tree_state *tree, struct process *p, uint64_t ts_ns)
{
	struct proc_state *ps = process_find(tree, p->key);

	if (process_key_eq(p->key, tree->root)) {
		exec_root(tree, p);
		return;
	}
	if (!ps) {
		if (process_make_room(tree))
			ps = process_add(tree, p, span_id(tree, p->key, "process"), ts_ns);
		if (!ps) {
			tree->runs->totals.processes++;
			tree->runs->dropped_steps++;
			tree->runs->dirty = true;
			return;
		}
	}
	if (ps->final)
		return;
	notes_program(tree, p);
	if (ps->resumed) {
		resume_program(ps, p);
		return;
	}
	take_program(ps, p, ts_ns);
	if (!ps->run)
		choose_run(ps);
	place(ps);
	program_judge(ps, p);
	process_emit(ps);
	open_agent(ps, p);
}

void process_late_facts(struct tree_state *tree, const struct process *p)
{
	struct proc_state *ps = process_find(tree, p->key);

	if (process_key_eq(p->key, tree->root)) {
		if (p->agent.name.n)
			agent_name(tree->runs->agents, &p->agent);
		return;
	}
	if (!ps || ps->final)
		return;
	if (!ps->path && p->exe.n)
		keep(&ps->path, p->exe);
	if (!ps->cwd && p->cwd.n)
		keep(&ps->cwd, p->cwd);
	open_agent(ps, p);
}

/* --- its end --- */

void process_exit(struct tree_state *tree, const struct process *p, uint64_t ts_ns)
{
	struct proc_state *ps = process_find(tree, p->key);

	if (!ps || ps->final)
		return;
	ps->exited = true;
	ps->end_ns = ts_ns;
	ps->code = p->exit_code;
	ps->signal = p->exit_signal;
	ps->cpu_ns = p->cpu_ns;
	ps->final = true;
	process_emit(ps);
	tool_carrier_exited(ps);
	observed_owner_ended(ps->run, &ps->id);
	if (ps->own_agent) {
		ps->agent->exit_code = ps->code;
		ps->agent->exit_signal = ps->signal;
		turn_host_exited(ps->agent, p, ts_ns);
		agent_end(ps->agent, ts_ns);
	}
}

void process_left(struct tree_state *tree, const struct process *p, uint32_t why, uint64_t ts_ns)
{
	struct proc_state *ps = process_find(tree, p->key);

	if (process_key_eq(p->key, tree->root)) {
		tree_left(tree, ts_ns);
		return;
	}
	if (!ps || ps->final)
		return;
	ps->traced_by_sonde = why == SONDE_LEFT_SONDE;
	ps->end_ns = ts_ns;
	ps->final = true;
	process_emit(ps);
	tool_carrier_exited(ps);
	if (ps->own_agent)
		agent_end(ps->agent, ts_ns);
}

void process_finish_all(struct tree_state *tree, uint64_t ts_ns)
{
	struct proc_state *ps;

	list_for_each (ps, tree->proc_list) {
		/* What was lost meanwhile may have explained it. */
		if (ps->final && !(ps->flagged && asking_may_be_lost(tree)))
			continue;
		if (!ps->final)
			ps->end_ns = ts_ns;
		ps->final = true;
		process_emit(ps);
	}
}
