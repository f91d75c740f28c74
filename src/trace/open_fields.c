/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/open_fields.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

/* clang-format off */
#define F(type, member, kind) { #member, OPEN_##kind, offsetof(struct type, member) }
#define USAGE(member, attribute, name) F(run_state, totals.usage.member, I64),

static const struct open_field run_fields[] = {
	F(run_state, id, ID128), F(run_state, session_id, ID128), F(run_state, process, KEY),
	F(run_state, start_ns, U64), F(run_state, task, TEXT), F(run_state, provider, TEXT),
	F(run_state, models, BUF), F(run_state, estimates, UINT),
	F(run_state, http_steps, I64), F(run_state, dropped_steps, I64),
	F(run_state, evidence, WORD), F(run_state, turn, TEXT), F(run_state, conv, U64),
	F(run_state, request, TEXT), F(run_state, n_requests, UINT),
	F(run_state, answered_ns, U64), F(run_state, seq, U64), F(run_state, over, BOOL),
	F(run_state, task_is_good, BOOL), F(run_state, last_call_failed, BOOL),
	F(run_state, last_call_timed_out, BOOL),
	F(run_state, totals.llm_calls, I64), F(run_state, totals.tool_calls, I64),
	F(run_state, totals.processes, I64), F(run_state, totals.errors, I64),
	F(run_state, totals.cost_pico_usd, I64), F(run_state, totals.equivalent_pico_usd, I64),
	F(run_state, totals.unpriced_calls, I64), F(run_state, totals.usage_unknown_calls, I64),
	F(run_state, totals.lost_bytes, U64),
	LLM_USAGE_COUNTS(USAGE)
};

static const struct open_field agent_fields[] = {
	F(agent_span, id, ID64), F(agent_span, parent, ID64), F(agent_span, name, TEXT),
	F(agent_span, version, TEXT), F(agent_span, known, BOOL), F(agent_span, sub, BOOL),
	F(agent_span, key, TEXT), F(agent_span, tool, ID64), F(agent_span, evidence, WORD),
	F(agent_span, named_by, WORD), F(agent_span, process, KEY), F(agent_span, start_ns, U64),
	F(agent_span, end_ns, U64), F(agent_span, last_ns, U64), F(agent_span, calls, I64),
	F(agent_span, offered_tools, BOOL), F(agent_span, asks, BOOL), F(agent_span, turns, BOOL),
	F(agent_span, once, BOOL), F(agent_span, tools, BOOL), F(agent_span, waited, BOOL),
	F(agent_span, final, BOOL),
};

static const struct open_field process_fields[] = {
	F(proc_state, key, KEY), F(proc_state, parent_key, KEY), F(proc_state, id, ID64),
	F(proc_state, parent, ID64), F(proc_state, own_agent, BOOL), F(proc_state, shown, BOOL),
	F(proc_state, in_tool, BOOL), F(proc_state, under, ID64), F(proc_state, tool, ID64),
	F(proc_state, evidence, WORD), F(proc_state, start_ns, U64), F(proc_state, exec_ns, U64),
	F(proc_state, number, UINT), F(proc_state, execs, UINT),
	F(proc_state, housekeeping, BOOL), F(proc_state, serves, BOOL),
	F(proc_state, excused, BOOL), F(proc_state, asks, BOOL), F(proc_state, read_tls, BOOL),
};

static const struct open_field tool_fields[] = {
	F(tool_state, id, ID64), F(tool_state, parent, ID64), F(tool_state, asked_by, ID64),
	F(tool_state, call_id, TEXT), F(tool_state, name, TEXT), F(tool_state, process, KEY),
	F(tool_state, start_ns, U64), F(tool_state, asked_node, ID128),
	F(tool_state, args_blob, ID128), F(tool_state, type, WORD), F(tool_state, evidence, WORD),
	F(tool_state, server, BOOL), F(tool_state, asked, BOOL), F(tool_state, args_hash, ID128),
	F(tool_state, by_argv, BOOL), F(tool_state, by_mcp, BOOL), F(tool_state, by_http, BOOL),
	F(tool_state, by_file, BOOL), F(tool_state, alone, BOOL),
	F(tool_state, mcp_start_ns, U64), F(tool_state, mcp_end_ns, U64),
	F(tool_state, http_start_ns, U64), F(tool_state, http_end_ns, U64),
};

static const struct open_field conversation_fields[] = {
	F(conversation, number, U64), F(conversation, id, ID128), F(conversation, system, ID128),
	F(conversation, session, TEXT), F(conversation, user, TEXT),
	F(conversation, process, KEY), F(conversation, last_span, ID64),
	F(conversation, purpose, WORD),
	F(conversation, head_scope, ID128), F(conversation, response_key, ID128),
};

static const struct open_field head_fields[] = {
	F(node_ref, conv, U64), F(node_ref, span, ID64), F(node_ref, node, ID128),
	F(node_ref, asked, ID128), F(node_ref, depth, UINT), F(node_ref, failed, BOOL),
	F(node_ref, continued, BOOL), F(node_ref, ambiguous, BOOL),
};

static const struct open_field tree_fields[] = {
	F(tree_state, id, ID128), F(tree_state, root, KEY), F(tree_state, calls_seen, U64),
	F(tree_state, convs_seen, U64), F(tree_state, procs_seen, UINT),
	F(tree_state, tls_streams, U64), F(tree_state, half_streams, U64),
};
/* clang-format on */

#define TABLE(name) \
	const struct open_table open_##name = { name##_fields, ARRAY_SIZE(name##_fields) }
TABLE(run);
TABLE(agent);
TABLE(process);
TABLE(tool);
TABLE(conversation);
TABLE(head);
TABLE(tree);

/* --- writing --- */

static void put_u64(struct json_writer *w, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	json_put_str(w, slice_of(text));
}

static void put_key(struct json_writer *w, const struct process_key *key)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64, (uint64_t)key->tgid, key->start_ns);
	json_put_str(w, slice_of(text));
}

static void put_value(enum open_type type, const void *p, struct emit *e, struct json_writer *w)
{
	switch (type) {
	case OPEN_U64:
		put_u64(w, *(const uint64_t *)p);
		break;
	case OPEN_I64:
		put_u64(w, (uint64_t) * (const int64_t *)p);
		break;
	case OPEN_UINT:
		json_put_int(w, *(const unsigned *)p);
		break;
	case OPEN_BOOL:
		json_put_bool(w, *(const bool *)p);
		break;
	case OPEN_ID64:
		json_put_str(w, emit_hex64(e, p));
		break;
	case OPEN_ID128:
		json_put_str(w, emit_hex128(e, p));
		break;
	case OPEN_KEY:
		put_key(w, p);
		break;
	case OPEN_TEXT:
		json_put_str(w, emit_text(e, slice_of(*(char *const *)p)));
		break;
	case OPEN_WORD:
		json_put_str(w, slice_of(*(const char *const *)p));
		break;
	case OPEN_BUF:
		json_put_str(w, emit_text(e, buf_slice(p)));
		break;
	}
}

/* Most are so: what is left out reads as that. */
static bool is_nothing(enum open_type type, const void *p)
{
	static const struct id128 zero;

	switch (type) {
	case OPEN_U64:
		return *(const uint64_t *)p == 0;
	case OPEN_I64: /* 0 and not known are two things */
		return false;
	case OPEN_UINT:
		return *(const unsigned *)p == 0;
	case OPEN_BOOL:
		return !*(const bool *)p;
	case OPEN_ID64:
		return memcmp(p, &zero, sizeof(struct id64)) == 0;
	case OPEN_ID128:
		return memcmp(p, &zero, sizeof(zero)) == 0;
	case OPEN_KEY:
		return ((const struct process_key *)p)->tgid == 0;
	case OPEN_TEXT:
	case OPEN_WORD:
		return !*(const char *const *)p;
	case OPEN_BUF:
		return ((const struct buf *)p)->n == 0;
	}
	return true;
}

void open_write_members(const struct open_table *t, const void *from, struct emit *e,
			struct json_writer *w)
{
	for (size_t i = 0; i < t->n; i++) {
		const void *p = (const char *)from + t->fields[i].offset;

		if (is_nothing(t->fields[i].type, p))
			continue;
		json_key(w, t->fields[i].name);
		put_value(t->fields[i].type, p, e, w);
	}
}

void open_write(const struct open_table *t, const void *from, struct emit *e, struct json_writer *w)
{
	json_begin(w, '{');
	open_write_members(t, from, e, w);
	json_end(w, '}');
}

/* --- reading --- */

static const char *word_of(struct open_words *words, struct slice s)
{
	for (unsigned i = 0; i < words->n; i++)
		if (slice_eq(slice_of(words->list[i]), s))
			return words->list[i];
	if (words->n == OPEN_WORDS_MAX || !s.n)
		return NULL;
	words->list[words->n] = slice_dup(s);
	return words->list[words->n] ? words->list[words->n++] : NULL;
}

void open_words_done(struct open_words *words)
{
	while (words->n)
		free(words->list[--words->n]);
}

static void read_key(struct slice s, struct process_key *ret)
{
	struct slice tgid, start;
	uint64_t number, start_ns;

	if (!slice_cut(s, ':', &tgid, &start) || !slice_u64(tgid, &number) ||
	    !slice_u64(start, &start_ns) || number > UINT32_MAX)
		return;
	ret->tgid = (uint32_t)number;
	ret->start_ns = start_ns;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void read_id(struct slice s, uint8_t *ret, size_t n)
{
	if (s.n != 2 * n)
		return;
	for (size_t i = 0; i < n; i++) {
		const int high = hex_digit(s.p[2 * i]), low = hex_digit(s.p[2 * i + 1]);

		ret[i] = high < 0 || low < 0 ? 0 : (uint8_t)(high << 4 | low);
	}
}

static void read_text(const cJSON *j, enum open_type type, struct open_words *words, void *p)
{
	const struct slice s = slice_of(j->valuestring);

	switch (type) {
	case OPEN_U64:
	case OPEN_I64:
		slice_u64(s, p);
		break;
	case OPEN_ID64:
		read_id(s, p, sizeof(struct id64));
		break;
	case OPEN_ID128:
		read_id(s, p, sizeof(struct id128));
		break;
	case OPEN_KEY:
		read_key(s, p);
		break;
	case OPEN_TEXT:
		keep(p, s);
		break;
	case OPEN_WORD:
		*(const char **)p = word_of(words, s);
		break;
	case OPEN_BUF:
		buf_add(p, s, SONDE_EVENT_MAX);
		break;
	default:
		break;
	}
}

static void read_one(const cJSON *j, enum open_type type, struct open_words *words, void *p)
{
	if (cJSON_IsString(j))
		read_text(j, type, words, p);
	else if (type == OPEN_UINT && cJSON_IsNumber(j) && j->valuedouble >= 0 &&
		 j->valuedouble <= UINT32_MAX)
		*(unsigned *)p = (unsigned)j->valuedouble;
	else if (type == OPEN_BOOL && cJSON_IsBool(j))
		*(bool *)p = cJSON_IsTrue(j);
}

/* A name may have dots in it: no path. */
void open_read(const struct open_table *t, const cJSON *j, struct open_words *words, void *to)
{
	for (size_t i = 0; i < t->n; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(j, t->fields[i].name);

		if (item)
			read_one(item, t->fields[i].type, words, (char *)to + t->fields[i].offset);
	}
}
