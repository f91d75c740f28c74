/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/steps.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/utf8.h"
#include "base/util.h"
#include "export/span_json.h"

#define TEXT_CHARS 300 /* of one string; a line is shorter anyway */
#define STRINGS	   6

static const size_t step_strings[STRINGS] = {
	offsetof(struct step, label),	    offsetof(struct step, detail),
	offsetof(struct step, error),	    offsetof(struct step, evidence),
	offsetof(struct step, lost_reason), offsetof(struct step, agent),
};

static const size_t run_strings[] = {
	offsetof(struct run, status_reason), offsetof(struct run, task),
	offsetof(struct run, command),	     offsetof(struct run, cwd),
	offsetof(struct run, user),	     offsetof(struct run, host),
	offsetof(struct run, trigger),	     offsetof(struct run, agent),
	offsetof(struct run, agent_version), offsetof(struct run, models),
	offsetof(struct run, provider),	     offsetof(struct run, notes),
	offsetof(struct run, trigger_name),  offsetof(struct run, workflow),
	offsetof(struct run, project),	     offsetof(struct run, assurance),
	offsetof(struct run, resource),
};

static struct slice *string_at(void *base, size_t offset)
{
	return (struct slice *)((char *)base + offset);
}

/* Moves the strings that @base lends into @text. */
static void own_strings(void *base, const size_t *offsets, size_t n, char *text)
{
	for (size_t i = 0; i < n; i++) {
		struct slice *s = string_at(base, offsets[i]);

		if (s->n)
			memcpy(text, s->p, s->n);
		s->p = text;
		text += s->n;
	}
}

static size_t strings_size(void *base, const size_t *offsets, size_t n)
{
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += string_at(base, offsets[i])->n;
	return size;
}

struct slice tool_summary(struct slice arguments)
{
	static const char *const telling[] = { "command", "cmd",     "file_path", "path", "query",
					       "url",	  "pattern", "prompt",	  "input" };

	for (size_t i = 0; i < ARRAY_SIZE(telling); i++) {
		struct slice v = json_member(arguments, slice_of(telling[i]));

		if (v.n > 2 && v.p[0] == '"')
			return (struct slice){ v.p + 1, v.n - 2 };
		if (v.n)
			return v;
	}
	if (slice_eq(arguments, SLICE("{}")))
		return (struct slice){ 0 };
	return arguments;
}

static struct slice attr_text(const struct span *span, const char *name)
{
	const struct attr *a = span_attr(span, name);

	return a ? a->s : (struct slice){ 0 };
}

static struct slice first_of(struct slice a, struct slice b)
{
	return a.n ? a : b;
}

/* "/bin/sh -c ls" of sh: "-c ls". */
static struct slice without_program(struct slice line, struct slice program)
{
	struct slice first = line, rest = { 0 };

	slice_cut(line, ' ', &first, &rest);
	return slice_ends(first, program) ? rest : line;
}

#define LABEL_MAX 160

/* "server/tool"; what is no tool by its method as well. An agent by its name. */
static struct slice server_tool(const struct span *s, char label[LABEL_MAX])
{
	const struct slice server = utf8_head(attr_text(s, "sonde.mcp.server.name"), 60);
	const struct slice tool = utf8_head(first_of(s->tool_name, s->name), 80);

	if (slice_eq(attr_text(s, "gen_ai.operation.name"), SLICE("invoke_agent")))
		return first_of(s->agent, s->server_address);
	if (server.n == 0)
		return first_of(s->tool_name, s->name);
	snprintf(label, LABEL_MAX, "%.*s/%.*s", SLICE_ARG(server), SLICE_ARG(tool));
	return slice_of(label);
}

/* What a request is about: a resource's address, a task's state, the arguments of a tool or prompt.
 */
static struct slice mcp_detail(const struct span *s, struct slice arguments)
{
	const struct slice uri = attr_text(s, "mcp.resource.uri");
	const struct slice state = attr_text(s, "sonde.a2a.task.state");

	if (uri.n || state.n)
		return first_of(uri, state);
	if (attr_text(s, "gen_ai.prompt.name").n)
		arguments = json_member(arguments, SLICE("arguments"));
	return tool_summary(arguments);
}

/* ["written","renamed"]: written, renamed. */
static struct slice words(struct slice json, char label[LABEL_MAX])
{
	struct json_iter it;
	struct slice word;
	size_t n = 0;

	label[0] = '\0';
	if (json_array(json, &it))
		while (n < LABEL_MAX && json_next(&it, &word))
			if (word.n > 2)
				n += (size_t)snprintf(label + n, LABEL_MAX - n, "%s%.*s",
						      n ? ", " : "", (int)word.n - 2, word.p + 1);
	return slice_of(label);
}

static bool is_true(const struct span *span, const char *name)
{
	const struct attr *a = span_attr(span, name);

	return a && a->i;
}

/* @label: room for a text that is put together. */
static void describe(struct step *st, const struct span *s, struct slice arguments,
		     char label[LABEL_MAX])
{
	const struct attr *code;

	switch (s->step) {
	case STEP_AGENT:
		st->label = first_of(s->agent, s->program);
		st->detail = s->agent_version;
		break;
	case STEP_LLM:
		st->label = first_of(s->response_model, s->request_model);
		break;
	case STEP_TOOL:
		st->label = s->tool_name;
		st->detail = tool_summary(arguments);
		if (attr_text(s, "sonde.skill.name").n == 0)
			break;
		st->look = LOOK_SKILL;
		st->label = attr_text(s, "sonde.skill.name");
		st->detail = s->tool_name;
		break;
	case STEP_PROCESS:
		code = span_attr(s, "process.exit.code");
		st->label = s->program;
		st->detail = without_program(attr_text(s, "process.command_line"), s->program);
		st->exit_code = code ? code->i : LLM_UNKNOWN;
		break;
	case STEP_HTTP:
		st->label = s->server_address;
		st->detail = s->name;
		break;
	case STEP_MCP:
		st->label = server_tool(s, label);
		st->detail = mcp_detail(s, arguments);
		break;
	case STEP_FILE: /* named by its path */
		st->detail = words(attr_text(s, "sonde.file.operation"), label);
		break;
	case STEP_NETWORK: /* named by its peer */
		st->detail = words(attr_text(s, "sonde.network.results"), label);
		break;
	}
	if (st->label.n == 0)
		st->label = s->name;
}

/* Our price, where the provider told another one. */
static int64_t differing_price(const struct span *s)
{
	const struct attr *differs = span_attr(s, "sonde.cost.mismatch");
	const struct attr *ours = span_attr(s, "sonde.cost.table.usd");

	if (!differs || !differs->i || !ours)
		return LLM_UNKNOWN;
	/* what is a whole number was read as one */
	return ours->type == ATTR_INT ? ours->i * 1000000000000 : (int64_t)(ours->d * 1e12 + 0.5);
}

static uint64_t asked_at(const struct span *s)
{
	const struct attr *a = span_attr(s, "sonde.tool.asked_unix_nano");

	return a && a->type == ATTR_INT && a->i > 0 ? (uint64_t)a->i : 0;
}

/* A copy with texts of its own; those of @tmp are cut. */
static struct step *keep_step(struct step *tmp)
{
	struct step *st;

	for (size_t i = 0; i < STRINGS; i++) {
		struct slice *text = string_at(tmp, step_strings[i]);

		*text = utf8_head(*text, TEXT_CHARS);
	}
	st = malloc(sizeof(*st) + strings_size(tmp, step_strings, STRINGS));
	if (!st)
		return NULL;
	*st = *tmp;
	own_strings(st, step_strings, STRINGS, st->text);
	return st;
}

/* @old: the version before, or NULL: what was told once must not be lost. */
static struct step *copy_step(const struct span *s, struct slice arguments, const struct step *old)
{
	struct step tmp = {
		.key = { .run = s->run_id, .span = s->span_id },
		.parent_id = s->parent_id,
		.kind = s->step,
		.start_ns = s->start_ns,
		.end_ns = s->end_ns,
		.asked_ns = asked_at(s),
		.status = s->status,
		.final = s->final,
		.usage = s->usage,
		.cost = s->cost,
		.table_pico_usd = differing_price(s),
		.first_token_ns = s->first_token_ns,
		.lost_bytes = s->lost_bytes,
		.pid = s->process.tgid,
		.exit_code = LLM_UNKNOWN,
		.unexplained = is_true(s, "sonde.unexplained"),
		.again = span_attr(s, "sonde.duplicate_of") != NULL,
		.quiet = is_true(s, "sonde.housekeeping") || is_true(s, "sonde.file.own"),
		.error = first_of(s->status_text, s->error_type),
		.evidence = s->evidence,
		.lost_reason = s->lost_reason,
		.agent = s->agent,
	};
	char label[LABEL_MAX];

	describe(&tmp, s, arguments, label);
	/* Not a process: `bash -c env` that became `env` has no arguments any more. */
	if (old && s->step != STEP_PROCESS)
		tmp.detail = first_of(tmp.detail, old->detail);
	tmp.cost.key = (struct slice){ 0 };
	return keep_step(&tmp);
}

struct step *steps_find(const struct steps *s, const struct id128 *run, const struct id64 *span)
{
	struct step_key key = { .run = *run, .span = *span };
	struct step *st;

	HASH_FIND(hh, s->by_key, &key, sizeof(key), st);
	return st;
}

struct step *steps_put(struct steps *s, const struct span *span, struct slice arguments)
{
	struct step *old = steps_find(s, &span->run_id, &span->span_id), *st;

	if (!old && HASH_COUNT(s->by_key) >= STEPS_MAX) {
		s->dropped++;
		return NULL;
	}
	st = copy_step(span, arguments, old);
	if (!st)
		return NULL;
	if (old) {
		HASH_DEL(s->by_key, old);
		free(old);
	}
	HASH_ADD(hh, s->by_key, key, sizeof(st->key), st);
	if (!st->hh.tbl) {
		free(st);
		return NULL;
	}
	return st;
}

bool steps_put_look(struct steps *s, const struct step *look)
{
	struct step tmp = *look, *st;

	if (steps_find(s, &tmp.key.run, &tmp.key.span))
		return true;
	if (HASH_COUNT(s->by_key) >= STEPS_MAX) {
		s->dropped++;
		return false;
	}
	st = keep_step(&tmp);
	if (!st)
		return false;
	memset(&st->hh, 0, sizeof(st->hh));
	HASH_ADD(hh, s->by_key, key, sizeof(st->key), st);
	if (st->hh.tbl)
		return true;
	free(st);
	return false;
}

const char *step_look_name(const struct step *st)
{
	static const char *const names[] = {
		[LOOK_SKILL] = "skill", [LOOK_REASONING] = "reasoning", [LOOK_MESSAGE] = "message",
		[LOOK_EVENT] = "event", [LOOK_ERROR] = "error",
	};

	return st->look ? names[st->look] : step_name(st->kind);
}

struct kept_run *steps_put_run(struct steps *s, const struct run *run)
{
	struct run tmp = *run;
	const size_t n = ARRAY_SIZE(run_strings);
	struct kept_run *old, *k = malloc(sizeof(*k) + strings_size(&tmp, run_strings, n));

	if (!k)
		return NULL;
	k->run = tmp;
	own_strings(&k->run, run_strings, n, k->text);
	HASH_FIND(hh, s->runs, &run->run_id, sizeof(run->run_id), old);
	if (old) {
		HASH_DEL(s->runs, old);
		free(old);
	}
	HASH_ADD(hh, s->runs, run.run_id, sizeof(k->run.run_id), k);
	if (!k->hh.tbl) {
		free(k);
		return NULL;
	}
	return k;
}

void steps_done(struct steps *s)
{
	struct step *st, *next;
	struct kept_run *k, *next_run;

	HASH_ITER(hh, s->by_key, st, next)
	{
		HASH_DEL(s->by_key, st);
		free(st);
	}
	HASH_ITER(hh, s->runs, k, next_run)
	{
		HASH_DEL(s->runs, k);
		free(k);
	}
}

/* By start; equal ones by id, so that the order never depends on who came first. */
static int by_start(const struct step *a, const struct step *b)
{
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return memcmp(&a->key.span, &b->key.span, sizeof(a->key.span));
}

static void hang(struct step **first, struct step **last, struct step *st)
{
	if (*last)
		(*last)->sibling = st;
	else
		*first = st;
	*last = st;
}

/* Whether hanging @st below @parent would close a loop. */
static bool is_below(const struct steps *s, const struct step *st, const struct step *parent)
{
	for (int depth = 0; parent && depth < 64; depth++) {
		if (parent == st)
			return true;
		parent = steps_find(s, &parent->key.run, &parent->parent_id);
	}
	return parent != NULL;
}

struct step *steps_link(struct steps *s, const struct id128 *run)
{
	struct step *first = NULL, *last = NULL;

	HASH_SORT(s->by_key, by_start);
	for (struct step *st = s->by_key; st; st = st->hh.next)
		st->child = st->last_child = st->sibling = NULL;
	for (struct step *st = s->by_key; st; st = st->hh.next) {
		struct step *parent;

		if (!id128_eq(&st->key.run, run))
			continue;
		parent = steps_find(s, run, &st->parent_id);
		if (parent && !is_below(s, st, parent))
			hang(&parent->child, &parent->last_child, st);
		else
			hang(&first, &last, st);
	}
	return first;
}
