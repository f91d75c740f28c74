/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/list/terms.h"

#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "store/list/where_sql.h"

#define FIELD(member) offsetof(struct store_filter, member)
#define SAYS(text)    "instr(lower(" text "), x)"

/* clang-format off */
const struct term_name term_names[] = {
	{ "agent", TERM_TEXT, "r.agent = ?", "s.agent = ?", NULL, NULL, FIELD(agent) },
	{ "model", TERM_TEXT, RUN_MODEL, SPAN_MODEL " = ?", NULL, NULL, FIELD(model) },
	{ "provider", TERM_TEXT, RUN_PROVIDER, "s.provider = ?", NULL, NULL, FIELD(provider) },
	{ "tool", TERM_TEXT, RUN_TOOL, "s.tool_name = ?", NULL, NULL, FIELD(tool) },
	{ "status", TERM_STATUS, "r.status = ?", NULL, NULL, NULL, FIELD(status) },
	{ "trigger", TERM_TEXT, RUN_TRIGGER, NULL, NULL, NULL, FIELD(trigger) },
	{ "project", TERM_TEXT, RUN_PROJECT, "s.project = ?", NULL, NULL, FIELD(project) },
	{ "workflow", TERM_TEXT, "r.workflow = ?", "s.workflow = ?", NULL, NULL, FIELD(workflow) },
	{ "user", TERM_TEXT, "r.user = ?", "s.user = ?", NULL, NULL, FIELD(user) },
	{ "host", TERM_TEXT, "r.host = ?", "s.host = ?", NULL, NULL, 0 },
	{ "container", TERM_TEXT, RUN_CONTAINER, NULL, NULL, NULL, FIELD(container) },
	{ "namespace", TERM_TEXT, RUN_NAMESPACE, NULL, NULL, NULL, FIELD(namespace) },
	{ "pod", TERM_TEXT, RUN_POD, NULL, NULL, NULL, FIELD(pod) },
	{ "session", TERM_ID, "r.session BETWEEN ? AND ?", NULL, NULL, NULL, FIELD(session) },
	{ "run", TERM_ID, "r.id BETWEEN ? AND ?", "s.run BETWEEN ? AND ?", NULL, NULL, FIELD(run) },
	{ "step", TERM_STEP, RUN_STEP, "s.step = ?", NULL, NULL, FIELD(step) },
	{ "error", TERM_TEXT,
	  "EXISTS (SELECT 1 FROM (SELECT lower(?) AS x) WHERE " SAYS("r.status_reason")
	  " OR EXISTS (SELECT 1 FROM spans WHERE run = r.id AND +status = 2 AND ("
	  SAYS("status_text") " OR " SAYS("error_type") ")))",
	  "EXISTS (SELECT 1 FROM (SELECT lower(?) AS x) WHERE s.status = 2 AND ("
	  SAYS("s.status_text") " OR " SAYS("s.error_type") "))", NULL, NULL, 0 },
	{ "cost", TERM_USD, RUN_COST, "s.cost_pico_usd",
	  "coalesce(r.unpriced_calls, 0) < max(coalesce(r.llm_calls, 0), 1)",
	  SPAN_PRICED, 0 },
	{ "duration", TERM_NS, "r.end_ns - r.start_ns", SPAN_DURATION, NULL, SPAN_ENDED, 0 },
	{ "tokens", TERM_COUNT, RUN_TOKENS, SPAN_TOKENS,
	  "coalesce(r.input, r.output) IS NOT NULL", SPAN_TOLD, 0 },
	{ "input", TERM_COUNT, "r.input", "s.input", NULL, NULL, 0 },
	{ "output", TERM_COUNT, "r.output", "s.output", NULL, NULL, 0 },
	{ "steps", TERM_COUNT, RUN_STEPS, NULL, NULL, NULL, 0 },
	{ "calls", TERM_COUNT, "r.llm_calls", NULL, NULL, NULL, 0 },
	{ "tools", TERM_COUNT, "r.tool_calls", NULL, NULL, NULL, 0 },
	{ "errors", TERM_COUNT, "r.errors", "(s.status = 2)", NULL, NULL, 0 },
	{ "lost", TERM_COUNT, "r.lost_bytes", "s.lost_bytes", NULL, NULL, 0 },
};
/* clang-format on */

const int term_names_n = ARRAY_SIZE(term_names);

const struct term_name term_words = { "", TERM_WORDS, "+r.n IN " RUN_WORDS, NULL, NULL, NULL, 0 };

static void bind(struct where *w, enum term_type type, const struct term_value *v)
{
	switch (type) {
	case TERM_TEXT:
	case TERM_WORDS:
		where_text(w, "", v->text);
		break;
	case TERM_ID:
		where_blob(w, "", v->low.b, sizeof(v->low.b));
		where_blob(w, "", v->high.b, sizeof(v->high.b));
		break;
	case TERM_STATUS:
	case TERM_STEP:
	case TERM_COUNT:
	case TERM_USD:
	case TERM_NS:
		where_int(w, "", v->number);
		break;
	}
}

/* Any of the values. */
static void any(struct where *w, const struct store_term *t, const char *condition,
		const char *also)
{
	where_plain(w, "(");
	for (size_t i = 0; i < t->n; i++) {
		where_plain(w, i ? " OR " : "");
		if (t->compare) /* "+": not by an index of these numbers */
			where_plain(w, w->many ? "+(" : "(");
		where_plain(w, condition);
		if (t->compare) {
			where_plain(w, ") ");
			where_plain(w, t->compare);
			where_plain(w, " ?");
		}
		bind(w, t->name->type, &t->values[i]);
	}
	where_plain(w, ")");
	if (also) {
		where_plain(w, " AND ");
		where_plain(w, also);
	}
}

/* What is not known is not so, and neither is it so that it is not. */
static void condition(struct where *w, const struct store_term *t, bool span)
{
	const struct term_name *n = t->name;
	const bool by_run = span && !n->span;

	where_plain(w, t->negated ? " AND NOT coalesce((" : " AND (");
	if (by_run)
		where_plain(w, "s.run IN (SELECT r.id FROM runs AS r WHERE ");
	any(w, t, span && !by_run ? n->span : n->run, span && !by_run ? n->also_span : n->also_run);
	where_plain(w, by_run ? ")" : "");
	where_plain(w, t->negated ? "), 0)" : ")");
}

static void terms(struct where *w, const struct store_filter *f, bool span)
{
	for (size_t i = 0; i < f->n_terms; i++) {
		const struct store_term *t = &f->terms[i];

		if (!w->any_tool || t->name->field != (int)FIELD(tool))
			condition(w, t, span);
	}
}

void terms_on_runs(struct where *w, const struct store_filter *f)
{
	terms(w, f, false);
}

void terms_on_spans(struct where *w, const struct store_filter *f)
{
	terms(w, f, true);
}
