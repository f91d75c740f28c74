/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only way out of trace/: builds a span for the sink, with every string redacted.
 *
 *	struct emit e;
 *	emit_begin(&e, run, STEP_TOOL, start_ns);
 *	e.span.name = emit_text(&e, name);
 *	emit_str(&e, ATTR_TOOL_TYPE, type);
 *	emit_end(&e, end_ns, final);
 */
#pragma once

#include "trace/names.h"
#include "trace/state.h"

#define EMIT_ATTRS_MAX 128

struct emit {
	struct run_state *run;
	struct arena *mem;
	struct span span;
	uint64_t start_ns; /* boot time */
	struct attr attrs[EMIT_ATTRS_MAX];
	size_t n;
};

void emit_begin(struct emit *e, struct run_state *r, enum step_kind step, uint64_t start_ns);
/* Gives the span to the sink and frees everything. @end_ns: boot time, 0 while it lasts. */
void emit_end(struct emit *e, uint64_t end_ns, bool final);

/* A redacted copy that lives until emit_end(); empty where memory is refused. */
struct slice emit_text(struct emit *e, struct slice s);
struct slice emit_url(struct emit *e, struct slice s);
/* argv as one shell-quoted line; the program's name alone where the level keeps no text. */
struct slice emit_argv_line(struct emit *e, struct slice argv);
/* Literal pieces and text put together: "chat " + model. */
struct slice emit_join(struct emit *e, struct slice a, struct slice b);
struct slice emit_hex64(struct emit *e, const struct id64 *id);
struct slice emit_hex128(struct emit *e, const struct id128 *id);

/* Attributes; empty strings, LLM_UNKNOWN and NAN are not added. @name must outlive emit_end(). */
void emit_str(struct emit *e, const char *name, struct slice s);   /* redacts */
void emit_lit(struct emit *e, const char *name, const char *s);	   /* ours: as it is */
void emit_clean(struct emit *e, const char *name, struct slice s); /* redacted before */
void emit_strings(struct emit *e, const char *name, struct slice json);
/* A JSON string, or an array of which the strings are taken; redacts. */
void emit_texts(struct emit *e, const char *name, struct slice json);
/* argv, as one line and as its words; redacts. Whether the words are @argv itself. */
bool emit_command(struct emit *e, struct slice argv);
void emit_int(struct emit *e, const char *name, int64_t v);
void emit_double(struct emit *e, const char *name, double v);
void emit_true(struct emit *e, const char *name, bool v); /* only where it is true */
void emit_id64(struct emit *e, const char *name, const struct id64 *id);
void emit_id128(struct emit *e, const char *name, const struct id128 *id);

/* Who acted: columns and attributes of a process. */
void emit_process(struct emit *e, struct process_key key, struct slice program);
void emit_agent(struct emit *e, const struct agent_span *a);
/* A Host header without its port; @ret_port is left alone where it has none (call_span.c). */
void emit_split_host(struct slice host, struct slice *ret_name, int *ret_port);
/* Unix time, by the clock of this span. */
uint64_t emit_wall(const struct emit *e, uint64_t ts_ns);
