/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/content.h"

#include "base/util.h"
#include "llm/llm.h"
#include "trace/content_level.h"
#include "trace/state.h"

#define NODES_MAX	 65536
#define MESSAGES_MAX	 65536
#define TEXTS_MAX	 4096
#define BLOBS_MAX	 65536
#define REQUEST_SCAN_MAX 4  /* items at the end in which the newest request is looked for */
#define TASK_SCAN_MAX	 64 /* items at the beginning in which the task is looked for */

struct node_key {
	struct id128 parent;
	struct content_message_key message;
};

struct message_value {
	struct id128 id;
	uint8_t role;
	bool has_results, has_calls, has_words, interrupts;
};

struct node_value {
	struct id128 node;
	struct message_value message;
};

static void begin(struct content *c)
{
	cache_init(&c->nodes, NODES_MAX, sizeof(struct node_key), sizeof(struct node_value));
	cache_init(&c->messages, MESSAGES_MAX, sizeof(struct content_message_key),
		   sizeof(struct message_value));
	cache_init(&c->texts, TEXTS_MAX, sizeof(struct content_message_key), sizeof(struct id128));
	cache_init(&c->given, BLOBS_MAX, sizeof(struct id128), 1);
}

void content_init(struct content *c)
{
	begin(c);
	cache_init(&c->missing, BLOBS_MAX, sizeof(struct id128), 1);
}

static void forget(struct content *c)
{
	cache_done(&c->nodes);
	cache_done(&c->messages);
	cache_done(&c->texts);
	cache_done(&c->given);
}

void content_done(struct content *c)
{
	forget(c);
	cache_done(&c->missing);
}

void content_reset(struct content *c)
{
	forget(c);
	begin(c);
}

bool content_keeps_text(const struct trace *t)
{
	return t->config.content >= CONTENT_STANDARD;
}

bool content_keeps_messages(const struct trace *t)
{
	return content_keeps_text(t) && t->config.llm_content;
}

/* What there is no room for keeps its id, as links are made by it; nothing will refer to it. */
static bool let_go(struct trace *t, const struct id128 *id)
{
	if (t->load < SONDE_LOAD_CONTENT)
		return false;
	if (!cache_find(&t->content.missing, id))
		cache_add(&t->content.missing, id);
	stat_add(t->stats, STAT_SHED_CONTENT, 1);
	return true;
}

bool content_is_missing(struct trace *t, const struct id128 *id)
{
	return !id128_is_zero(id) && !cache_find(&t->content.given, id) &&
	       cache_find(&t->content.missing, id);
}

void content_drop_missing(struct trace *t, struct span *span)
{
	struct id128 *const refs[] = { &span->input_node, &span->output_node, &span->system_blob,
				       &span->tools_blob, &span->args_blob,   &span->result_blob,
				       &span->raw_blob };

	if (!t->content.missing.young && !t->content.missing.old)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(refs); i++)
		if (content_is_missing(t, refs[i]))
			*refs[i] = (struct id128){ 0 };
}

struct id128 content_blob(struct trace *t, const char *kind, struct slice bytes)
{
	struct id128 id = id_of_bytes(bytes);

	if (cache_find(&t->content.given, &id))
		return id;
	if (let_go(t, &id))
		return id;
	cache_add(&t->content.given, &id); /* where refused it is given again: no harm */
	if (t->sink->blob)
		t->sink->blob(t->ctx, &id, kind, bytes);
	return id;
}

/* --- nodes --- */

struct id128 content_node(const struct id128 *parent, const struct id128 *message)
{
	char both[2 * sizeof(*parent)];

	memcpy(both, parent, sizeof(*parent));
	memcpy(both + sizeof(*parent), message, sizeof(*message));
	return id_of_bytes((struct slice){ both, sizeof(both) });
}

static void give_node(struct trace *t, const struct id128 *node, const struct id128 *parent,
		      const struct id128 *message, uint32_t depth)
{
	if (!content_keeps_messages(t) || !t->sink->node || cache_find(&t->content.given, node))
		return;
	if (content_is_missing(t, message) || (parent && content_is_missing(t, parent))) {
		if (!cache_find(&t->content.missing, node))
			cache_add(&t->content.missing, node);
		return;
	}
	if (let_go(t, node))
		return;
	cache_add(&t->content.given, node);
	t->sink->node(t->ctx, node, parent, message, depth);
}

/* --- the input --- */

struct reader {
	struct trace *t;
	const struct llm_call *call;
	struct arena *mem;
	struct content_input *in;
	struct tool_result *last_result;
	struct slice words; /* of the item at hand, where it was parsed */
};

static void take_results(struct reader *rd, const struct llm_message *m)
{
	for (const struct llm_part *p = m->parts; p; p = p->next) {
		struct tool_result *res;

		if (p->type != LLM_PART_TOOL_RESULT)
			continue;
		res = ARENA_NEW(rd->mem, struct tool_result);
		if (!res)
			return;
		*res = (struct tool_result){ .id = p->id,
					     .name = p->name,
					     .text = buf_slice(&p->text),
					     .is_json = p->is_json,
					     .is_error = p->is_error,
					     .inside = p->inside };
		if (rd->last_result)
			rd->last_result->next = res;
		else
			rd->in->results = res;
		rd->last_result = res;
	}
}

/* What clients put before the user's own words. */
static bool is_preamble(struct slice text)
{
	static const struct slice starts[] = {
		{ "<", 1 },
		{ "# AGENTS.md", 11 },
		{ "This is the Gemini CLI", 22 },
		{ "This is the Qwen Code", 21 },
	};

	text = slice_trim(text);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (slice_starts(text, starts[i]))
			return true;
	return text.n == 0;
}

/* How a history begins that was made shorter. */
static bool is_summary(struct slice text)
{
	static const struct slice starts[] = {
		{ "This session is being continued from a previous conversation", 60 },
		{ "Another language model started to solve this problem", 52 },
		{ "<state_snapshot>", 16 },
		{ "<summary>", 9 },
		{ "summary:", 8 },
	};

	text = slice_trim(text);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (slice_istarts(text, starts[i]))
			return true;
	return false;
}

static void take_task(struct reader *rd, const struct llm_message *m)
{
	if (m->role != LLM_ROLE_USER)
		return;
	for (const struct llm_part *p = m->parts; p; p = p->next) {
		const struct slice text = buf_slice(&p->text);

		if (p->type != LLM_PART_TEXT)
			continue;
		rd->in->shortened |= is_summary(text);
		if (rd->in->opening.n == 0 && !is_preamble(text))
			rd->in->opening = text;
		if (rd->in->first_text.n == 0)
			rd->in->first_text = text;
		if (rd->in->task.n == 0 || !is_preamble(text)) {
			rd->in->task = text;
			if (!is_preamble(text))
				rd->in->first_text = text;
		}
	}
}

static bool has_part(const struct llm_message *m, enum llm_part_type type)
{
	for (const struct llm_part *p = m->parts; p; p = p->next)
		if (p->type == type)
			return true;
	return false;
}

/* What clients leave behind where somebody has stopped the model or a tool. */
static bool is_interruption(struct slice text)
{
	static const struct slice starts[] = {
		{ "[Request interrupted by user", 28 },
		{ "<turn_aborted>", 14 },
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (slice_starts(text, starts[i]))
			return true;
	return false;
}

/* What is said by somebody, not put there by the client; what stands before a stop is over. */
static void read_words(const struct llm_message *m, struct message_value *v)
{
	for (const struct llm_part *p = m->parts; m->role == LLM_ROLE_USER && p; p = p->next) {
		const struct slice text = slice_trim(buf_slice(&p->text));

		if (p->type == LLM_PART_TEXT && is_interruption(text)) {
			v->interrupts = true;
			v->has_words = false;
		} else if (p->type == LLM_PART_MEDIA ||
			   (p->type == LLM_PART_TEXT && !is_preamble(text))) {
			v->has_words = true;
		}
	}
}

static void parse(struct reader *rd, const struct llm_item *item, struct llm_message *ret)
{
	*ret = (struct llm_message){ 0 };
	llm_read_item(rd->call->format, item->raw, rd->mem, ret);
	rd->in->n_read++;
}

/* The words that make the turn one of somebody's: of its last message that has any. */
static struct slice last_words(const struct llm_message *m)
{
	struct slice words = { 0 };

	for (const struct llm_part *p = m->parts; m->role == LLM_ROLE_USER && p; p = p->next) {
		const struct slice text = buf_slice(&p->text);

		if (p->type == LLM_PART_TEXT && !is_preamble(text) &&
		    !is_interruption(slice_trim(text)))
			words = text;
	}
	return words;
}

/* The message of an item whose bytes stand behind a node where they were not seen yet. */
static bool new_message(struct reader *rd, size_t i, const struct content_message_key *key,
			struct message_value *ret)
{
	const struct llm_item *item = &rd->call->items[i];
	const struct message_value *known = cache_find(&rd->t->content.messages, key);
	const bool early = !rd->in->answered && i < TASK_SCAN_MAX;
	struct message_value *v;
	struct llm_message m;

	if (known && !known->has_results && !early) {
		*ret = *known;
		return true;
	}
	parse(rd, item, &m);
	take_results(rd, &m);
	rd->words = last_words(&m);
	if (early)
		take_task(rd, &m);
	if (known) {
		*ret = *known;
		return true;
	}
	*ret = (struct message_value){ .role = (uint8_t)m.role,
				       .has_calls = has_part(&m, LLM_PART_TOOL_CALL),
				       .has_results = has_part(&m, LLM_PART_TOOL_RESULT) };
	read_words(&m, ret);
	if (content_message_id(rd->t, &m, rd->mem, &ret->id) < 0)
		return false;
	v = cache_add(&rd->t->content.messages, key);
	if (v)
		*v = *ret;
	return true;
}

/* What a proxy keeps that writes one format as another: everybody's words, in order. */
static void add_words(struct content_input *in, const struct id128 *message)
{
	uint64_t half[2];

	memcpy(half, message->b, sizeof(half));
	for (int i = 0; i < 2; i++)
		in->words[i] = (in->words[i] ^ half[i]) * 0x9e3779b97f4a7c15ull + 1;
}

/* Who has said what since the model's last answer. */
static void take_turn(struct reader *rd, const struct message_value *m)
{
	struct content_input *in = rd->in;

	if (rd->words.n || m->role == LLM_ROLE_ASSISTANT)
		in->request = rd->words;
	if (m->role == LLM_ROLE_ASSISTANT) {
		in->answered = true;
		in->completed = !m->has_calls;
		in->has_words = in->brings = in->stopped = false;
	}
	in->stopped |= m->interrupts;
	in->brings = (in->brings || m->has_results) && !m->interrupts;
	in->has_words |= m->has_words;
	in->n_requests += m->has_words;
	in->asks = in->has_words && !in->brings;
	if (m->role != LLM_ROLE_SYSTEM && m->role != LLM_ROLE_TOOL && !m->has_results)
		add_words(in, &m->id);
}

static bool read_item(struct reader *rd, size_t i)
{
	struct content_input *in = rd->in;
	const struct llm_item *item = &rd->call->items[i];
	struct node_key key = { .parent = in->last,
				.message = { .hash = { item->hash[0], item->hash[1] },
					     .format = rd->call->format } };
	struct node_value *known = cache_find(&rd->t->content.nodes, &key), v;

	rd->words = (struct slice){ 0 };
	if (known) {
		v = *known;
	} else {
		if (!new_message(rd, i, &key.message, &v.message))
			return false;
		v.node = content_node(&in->last, &v.message.id);
		give_node(rd->t, &v.node, &in->last, &v.message.id, in->depth);
		known = cache_add(&rd->t->content.nodes, &key);
		if (known)
			*known = v;
	}
	in->nodes[in->n++] = v.node;
	in->last = v.node;
	in->depth++;
	take_turn(rd, &v.message);
	return true;
}

/* Where all of it was said before, it is looked up. */
static void read_request(struct reader *rd)
{
	struct content_input *in = rd->in;
	struct llm_message m;

	if (!in->asks || in->request.n)
		return;
	for (size_t i = in->n, n = 0; i-- > 0 && n < REQUEST_SCAN_MAX; n++) {
		parse(rd, &rd->call->items[i], &m);
		in->request = last_words(&m);
		if (in->request.n || m.role == LLM_ROLE_ASSISTANT)
			return;
	}
}

void content_read_input(struct trace *t, const struct llm_call *call, struct id128 parent,
			uint32_t depth, struct arena *scratch, struct content_input *ret)
{
	struct reader rd = { .t = t, .call = call, .mem = scratch, .in = ret };
	const size_t n = call->n_items < CONTENT_ITEMS_MAX ? call->n_items : CONTENT_ITEMS_MAX;

	*ret = (struct content_input){ .last = parent, .depth = depth };
	ret->nodes = arena_alloc(scratch, n * sizeof(ret->nodes[0]) + 1);
	for (size_t i = 0; ret->nodes && i < n; i++)
		if (!read_item(&rd, i))
			break;
	read_request(&rd);
}

/* --- the answer --- */

void content_read_answer(struct trace *t, const struct llm_message *answer, struct id128 parent,
			 uint32_t depth, struct arena *scratch, struct content_answer *ret)
{
	struct llm_message said = *answer;
	struct id128 id;

	*ret = (struct content_answer){ .node = parent, .depth = depth };
	said.role = LLM_ROLE_ASSISTANT;
	if (!said.parts || content_message_id(t, &said, scratch, &id) < 0)
		return;
	ret->message = id;
	ret->node = content_node(&parent, &id);
	give_node(t, &ret->node, &parent, &id, depth);
	ret->depth++;
	ret->any = true;
}
