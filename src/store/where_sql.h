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
	" OR EXISTS (SELECT 1 FROM spans INDEXED BY spans_open WHERE run = r.id" \
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

#define RUN_DURATION  "coalesce(r.end_ns - r.start_ns, -1)"
#define RUN_COST      "coalesce(r.cost_pico_usd, 0) + coalesce(r.equivalent_pico_usd, 0)"
#define RUN_TOKENS    "coalesce(r.input, 0) + coalesce(r.output, 0)"
#define RUN_STEPS \
	"coalesce(r.llm_calls, 0) + coalesce(r.tool_calls, 0) + coalesce(r.processes, 0)"
#define RUN_ERRORS    "coalesce(r.errors, 0)"
#define SPAN_DURATION "coalesce(s.end_ns - s.start_ns, -1)"
#define SPAN_COST     "coalesce(s.cost_pico_usd, 0)"
#define SPAN_TOKENS   "coalesce(s.input, 0) + coalesce(s.output, 0)"
#define SPAN_ERRORS   "s.status = 2"
/* clang-format on */
