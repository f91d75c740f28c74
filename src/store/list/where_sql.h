/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditions on runs (AS r) and on spans (AS s), each with one "?", and what they are ordered and
 * compared by: as the indexes have it, to the letter.
 */
#pragma once

/* clang-format off */
#define RUN_MODEL   "instr(',' || replace(r.models, ' ', '') || ',', ',' || ? || ',')"
#define SPAN_MODEL  "coalesce(s.response_model, s.request_model)"
/* most runs have one provider, which the run knows */
#define RUN_PROVIDER \
	"EXISTS (SELECT 1 FROM (SELECT ? AS x) WHERE x = r.provider OR EXISTS" \
	" (SELECT 1 FROM present WHERE run = r.id AND dimension = 2 AND key = x)" \
	" OR EXISTS (SELECT 1 FROM spans WHERE run = r.id" \
	" AND final = 0 AND provider = x))"
#define RUN_TOOL    "EXISTS (SELECT 1 FROM spans WHERE tool_name = ? AND run = r.id)"
#define RUN_TRIGGER "? IN (r.trigger_kind, r.trigger_name)"
#define RUN_PROJECT "coalesce(r.project, r.cwd) = ?"
/* "+": among the run's steps, not among all of the kind */
#define RUN_STEP    "EXISTS (SELECT 1 FROM spans WHERE run = r.id AND +step = ?)"
#define RUN_WORDS   "(SELECT rowid FROM run_text WHERE run_text MATCH ?)"

/* Where a run was. */
#define RUN_RESOURCE(name) "r.resource ->> '$.\"" name "\"'"
#define RUN_NAMESPACE RUN_RESOURCE("k8s.namespace.name") " = ?"
#define RUN_POD \
	"? IN (" RUN_RESOURCE("k8s.pod.name") ", " RUN_RESOURCE("k8s.pod.uid") ")"
#define RUN_CONTAINER \
	"EXISTS (SELECT 1 FROM (SELECT ? AS x) WHERE x IN (" RUN_RESOURCE("container.name") ", " \
	RUN_RESOURCE("k8s.container.name") ", " RUN_RESOURCE("container.id") ")" \
	" OR (length(x) >= 4 AND substr(" RUN_RESOURCE("container.id") ", 1, length(x)) = x))"

/* What pages are ordered by. An index has the same without the table's name. */
#define RUN_DURATION_OF(t) "coalesce(" t "end_ns - " t "start_ns, -1)"
#define RUN_COST_OF(t) \
	"coalesce(" t "cost_pico_usd, 0) + coalesce(" t "equivalent_pico_usd, 0)"
#define TOKENS_OF(t) "coalesce(" t "input, 0) + coalesce(" t "output, 0)"
#define RUN_STEPS_OF(t) \
	"coalesce(" t "llm_calls, 0) + coalesce(" t "tool_calls, 0) + coalesce(" t "processes, 0)"
#define RUN_ERRORS_OF(t)    "coalesce(" t "errors, 0)"
#define SPAN_COST_OF(t)     "coalesce(" t "cost_pico_usd, 0)"
#define SPAN_DURATION_OF(t) t "end_ns - " t "start_ns"
#define SPAN_TOLD_OF(t)	    "coalesce(" t "input, " t "output) IS NOT NULL"

#define RUN_DURATION  RUN_DURATION_OF("r.")
#define RUN_COST      RUN_COST_OF("r.")
#define RUN_TOKENS    TOKENS_OF("r.")
#define RUN_STEPS     RUN_STEPS_OF("r.")
#define RUN_ERRORS    RUN_ERRORS_OF("r.")
#define SPAN_DURATION SPAN_DURATION_OF("s.")
#define SPAN_COST     SPAN_COST_OF("s.")
#define SPAN_TOKENS   TOKENS_OF("s.")
/* Steps that can stand in such an order. */
#define SPAN_ENDED    "s.end_ns IS NOT NULL"
#define SPAN_PRICED   "s.cost_source > 0"
#define SPAN_TOLD     SPAN_TOLD_OF("s.")
#define SPAN_FAILED   "s.status = 2"

#define INDEXED_RUN_DURATION  RUN_DURATION_OF("")
#define INDEXED_RUN_COST      RUN_COST_OF("")
#define INDEXED_RUN_TOKENS    TOKENS_OF("")
#define INDEXED_RUN_STEPS     RUN_STEPS_OF("")
#define INDEXED_RUN_ERRORS    RUN_ERRORS_OF("")
#define INDEXED_SPAN_DURATION SPAN_DURATION_OF("")
#define INDEXED_SPAN_COST     SPAN_COST_OF("")
#define INDEXED_SPAN_TOKENS   TOKENS_OF("")
#define INDEXED_SPAN_ENDED    "end_ns IS NOT NULL"
#define INDEXED_SPAN_PRICED   "cost_source > 0"
#define INDEXED_SPAN_TOLD     SPAN_TOLD_OF("")
/* clang-format on */
