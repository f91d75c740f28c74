/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/chat.h"

#include <errno.h>
#include <stdlib.h>

#include "base/id_set.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cmd/view.h"
#include "export/media_line.h"
#include "export/threads.h"

#define PART_CHARS 3000 /* of one part that are shown without --all */

struct chat {
	struct store_reader *r;
	const struct chat_options *o;
	struct screen *s;
	const struct thread *at; /* the conversation that is being printed */
	struct id_set systems;	 /* prompts that stand already */
	struct buf text;
};

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
	_cleanup_(buf_done) struct buf head = { 0 }, line = { 0 };
	size_t i = 0;

	if (media_line(part, &line)) {
		fprintf(c->s->f, "    ");
		print_styled(c, STYLE_DIM, buf_slice(&line), "    ");
		return;
	}

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

static void print_heading(struct chat *c, const struct thread *t)
{
	_cleanup_(buf_done) struct buf model = { 0 };

	text_clean(&model, t->model, 60);
	fprintf(c->s->f, "%s--- %s  %.*s%s\n", screen_style(c->s, STYLE_DIM),
		format_time(t->start_ns).s, SLICE_ARG(buf_slice(&model)),
		screen_style(c->s, STYLE_PLAIN));
	c->text.n = 0;
	if (id128_is_zero(&t->system) || id_set_has(&c->systems, &t->system) ||
	    store_blob_read(c->r, &t->system, &c->text) < 0)
		return;
	id_set_add(&c->systems, &t->system);
	print_message(c, buf_slice(&c->text));
}

/* --- both --- */

/* {"role":...} with what it is and where it stands before that. */
static void print_json(const struct chat *c, const struct thread *t, const struct id128 *node,
		       struct slice json)
{
	char hex[ID128_HEX_SIZE], of[ID128_HEX_SIZE];

	if (json.n < 2 || json.p[0] != '{')
		return;
	id128_hex(node, hex);
	id128_hex(&t->node, of);
	fprintf(c->s->f, "{\"type\":\"message\",\"conversation\":\"%s\",\"node\":\"%s\",%.*s\n", of,
		hex, SLICE_ARG(slice_from(json, 1)));
}

static int on_message(void *ctx, const struct thread *t, const struct id128 *node,
		      struct slice json)
{
	struct chat *c = ctx;
	const bool first = c->at != t;

	c->at = t;
	if (c->o->json) {
		print_json(c, t, node, json);
	} else {
		if (first)
			print_heading(c, t);
		print_message(c, json);
	}
	return ferror(c->s->f) ? -EPIPE : 0;
}

int chat_print(struct store_reader *r, const struct id128 *run, const struct chat_options *o,
	       struct screen *s)
{
	struct chat c = { .r = r, .o = o, .s = s };
	int err = threads_read(r, run, on_message, &c);

	if (err >= 0 && !c.at && !o->json)
		fprintf(s->f, "no conversation was kept\n");
	id_set_done(&c.systems);
	buf_done(&c.text);
	return err;
}
