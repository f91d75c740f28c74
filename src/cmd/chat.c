/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An agent resends its history with every call, so the calls of a run are nodes of a trie: the
 * conversations are the paths to its leaves. They are found from the last call backwards: a call
 * whose node was passed on the way to a later one is part of that one.
 */
#include "cmd/chat.h"

#include <errno.h>
#include <stdlib.h>

#include "base/id_set.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cmd/view.h"

#define PART_CHARS 3000 /* of one part that are shown without --all */
#define CALLS_MAX  100000

struct call {
	struct id128 node, system;
	uint64_t start_ns;
	struct buf model;
	bool is_leaf;
};

struct chat {
	struct store_reader *r;
	const struct chat_options *o;
	struct screen *s;
	struct call *calls;
	size_t n, cap;
	struct id_set marked, printed;
	const struct call *at; /* the conversation that is being printed */
	bool headed;	       /* its heading stands */
	struct buf text;
};

/* --- which conversations there are --- */

static int on_span(void *ctx, const struct span *span)
{
	const struct id128 *node =
		id128_is_zero(&span->output_node) ? &span->input_node : &span->output_node;
	struct chat *c = ctx;
	struct call *call;

	if (span->step != STEP_LLM || id128_is_zero(node) || c->n >= CALLS_MAX)
		return 0;
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		struct call *calls = reallocarray(c->calls, cap, sizeof(*calls));

		if (!calls)
			return -ENOMEM;
		c->calls = calls;
		c->cap = cap;
	}
	call = &c->calls[c->n++];
	*call = (struct call){ .node = *node,
			       .system = span->system_blob,
			       .start_ns = span->start_ns };
	return buf_add(&call->model,
		       span->response_model.n ? span->response_model : span->request_model, 1000);
}

static int mark(void *ctx, const struct id128 *node, struct slice json)
{
	struct chat *c = ctx;

	(void)json;
	return id_set_add(&c->marked, node);
}

static int find_leaves(struct chat *c)
{
	for (size_t i = c->n; i-- > 0;) {
		int r;

		if (id_set_has(&c->marked, &c->calls[i].node))
			continue;
		c->calls[i].is_leaf = true;
		r = store_conversation(c->r, &c->calls[i].node, mark, c);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

/* --- for people --- */

static void print_styled(const struct chat *c, enum style style, struct slice text,
			 const char *indent)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	struct slice shown = c->o->all ? text : utf8_head(text, PART_CHARS);

	text_block(&b, shown, indent);
	fprintf(c->s->f, "%s%.*s%s\n", screen_style(c->s, style), SLICE_ARG(buf_slice(&b)),
		screen_style(c->s, STYLE_PLAIN));
	if (shown.n < text.n)
		fprintf(c->s->f, "%s%s... %zu more bytes (--all)%s\n", indent,
			screen_style(c->s, STYLE_DIM), text.n - shown.n,
			screen_style(c->s, STYLE_PLAIN));
}

static struct slice text_of(const cJSON *part, const char *name, char **ret_owned)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(part, name);

	if (cJSON_IsString(v))
		return slice_of(v->valuestring);
	*ret_owned = v ? cJSON_PrintUnformatted(v) : NULL;
	return slice_of(*ret_owned);
}

/* How a part of a message is shown: what stands before it, which member is its text. */
static const struct {
	const char *type, *title, *member;
	enum style style;
} parts[] = {
	{ "text", NULL, "content", STYLE_PLAIN },
	{ "reasoning", "(reasoning)", "content", STYLE_DIM },
	{ "tool_call", "-> ", "arguments", STYLE_GREEN },
	{ "tool_call_response", "<- ", "response", STYLE_DIM },
	{ "server_tool_call", "-> ", "server_tool_call", STYLE_GREEN },
	{ "server_tool_call_response", "<- ", "server_tool_call_response", STYLE_DIM },
	{ NULL, NULL, "content", STYLE_DIM }, /* anything else */
};

static void print_part(const struct chat *c, const cJSON *part)
{
	struct slice type = json_str(part, "type"), name = json_str(part, "name");
	_cleanup_(freep) char *owned = NULL;
	_cleanup_(buf_done) struct buf head = { 0 };
	size_t i = 0;

	while (parts[i].type && !slice_eq(type, slice_of(parts[i].type)))
		i++;
	if (!parts[i].type) {
		buf_add(&head, SLICE("("), 1000);
		text_clean(&head, type, 40);
		buf_add(&head, SLICE(")"), 1000);
	} else if (parts[i].title) {
		buf_add(&head, slice_of(parts[i].title), 1000);
		text_clean(&head, name, 80);
	}
	if (head.n)
		fprintf(c->s->f, "    %s%.*s%s\n", screen_style(c->s, parts[i].style),
			SLICE_ARG(buf_slice(&head)), screen_style(c->s, STYLE_PLAIN));
	fprintf(c->s->f, "    ");
	print_styled(c, parts[i].style, text_of(part, parts[i].member, &owned), "    ");
}

static void print_message(const struct chat *c, struct slice json)
{
	_cleanup_(cJSON_Deletep) cJSON *message = json_parse(json);
	struct slice role = json_str(message, "role");
	const bool user = slice_eq(role, SLICE("user"));
	_cleanup_(buf_done) struct buf name = { 0 };
	const cJSON *part;

	text_clean(&name, role, 20);
	fprintf(c->s->f, "%s%s%.*s%s\n", screen_style(c->s, STYLE_BOLD),
		screen_style(c->s, user ? STYLE_CYAN : STYLE_YELLOW), SLICE_ARG(buf_slice(&name)),
		screen_style(c->s, STYLE_PLAIN));
	cJSON_ArrayForEach (part, json_at(message, "parts"))
		print_part(c, part);
	fputc('\n', c->s->f);
}

static void print_heading(struct chat *c)
{
	_cleanup_(buf_done) struct buf model = { 0 };
	const struct call *call = c->at;

	text_clean(&model, buf_slice(&call->model), 60);
	fprintf(c->s->f, "%s--- %s  %.*s%s\n", screen_style(c->s, STYLE_DIM),
		format_time(call->start_ns).s, SLICE_ARG(buf_slice(&model)),
		screen_style(c->s, STYLE_PLAIN));
	c->headed = true;
	c->text.n = 0;
	if (id128_is_zero(&call->system) || id_set_has(&c->printed, &call->system) ||
	    store_blob_read(c->r, &call->system, &c->text) < 0)
		return;
	id_set_add(&c->printed, &call->system);
	print_message(c, buf_slice(&c->text));
}

/* --- both --- */

/* {"role":...} with what it is and where it stands before that. */
static void print_json(const struct chat *c, const struct id128 *node, struct slice json)
{
	char hex[ID128_HEX_SIZE], of[ID128_HEX_SIZE];

	if (json.n < 2 || json.p[0] != '{')
		return;
	id128_hex(node, hex);
	id128_hex(&c->at->node, of);
	fprintf(c->s->f, "{\"type\":\"message\",\"conversation\":\"%s\",\"node\":\"%s\",%.*s\n", of,
		hex, SLICE_ARG(slice_from(json, 1)));
}

static int on_message(void *ctx, const struct id128 *node, struct slice json)
{
	struct chat *c = ctx;

	if (id_set_has(&c->printed, node))
		return 0;
	if (c->o->json) {
		print_json(c, node, json);
	} else {
		if (!c->headed)
			print_heading(c);
		print_message(c, json);
	}
	return ferror(c->s->f) ? -EPIPE : id_set_add(&c->printed, node);
}

static int print_leaves(struct chat *c)
{
	for (size_t i = 0; i < c->n; i++) {
		int r;

		if (!c->calls[i].is_leaf)
			continue;
		c->at = &c->calls[i];
		c->headed = false;
		r = store_conversation(c->r, &c->calls[i].node, on_message, c);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int chat_print(struct store_reader *r, const struct id128 *run, const struct chat_options *o,
	       struct screen *s)
{
	const struct store_filter filter = { .run = *run };
	struct chat c = { .r = r, .o = o, .s = s };
	int err = store_spans(r, &filter, on_span, &c);

	if (err >= 0)
		err = find_leaves(&c);
	if (err >= 0)
		err = print_leaves(&c);
	if (err >= 0 && !c.printed.entries && !o->json)
		fprintf(s->f, "no conversation was kept\n");
	for (size_t i = 0; i < c.n; i++)
		buf_done(&c.calls[i].model);
	free(c.calls);
	id_set_done(&c.marked);
	id_set_done(&c.printed);
	buf_done(&c.text);
	return err < 0 ? err : 0;
}
