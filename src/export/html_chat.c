/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "base/format.h"
#include "base/json.h"
#include "base/util.h"
#include "export/html.h"
#include "export/html_text.h"
#include "export/media_line.h"
#include "export/threads.h"

struct chat {
	struct html_page *p;
	const struct thread *at;
	struct buf text;
};

/* Which member of a part is its text, and whether it is unfolded from the start. */
static const struct {
	const char *type, *title, *member;
	bool open;
} parts[] = {
	{ "text", NULL, "content", true },
	{ "reasoning", "reasoning", "content", false },
	{ "tool_call", "calls", "arguments", true },
	{ "tool_call_response", "result", "response", false },
	{ "server_tool_call", "calls", "server_tool_call", true },
	{ "server_tool_call_response", "result", "server_tool_call_response", false },
	{ NULL, NULL, "content", false }, /* anything else, by its type */
};

static void put_part(struct chat *c, const cJSON *part)
{
	const struct slice type = json_str(part, "type"), name = json_str(part, "name");
	_cleanup_(buf_done) struct buf line = { 0 };
	_cleanup_(freep) char *owned = NULL;
	FILE *f = c->p->f;
	const cJSON *text;
	size_t i = 0;

	if (media_line(part, &line)) {
		html_element(f, "pre", NULL, buf_slice(&line));
		return;
	}
	while (parts[i].type && !slice_eq(type, slice_of(parts[i].type)))
		i++;
	text = cJSON_GetObjectItemCaseSensitive(part, parts[i].member);
	if (text && !cJSON_IsString(text))
		owned = cJSON_PrintUnformatted(text);
	if (!parts[i].title && parts[i].type) {
		html_element(f, "pre", NULL,
			     cJSON_IsString(text) ? slice_of(text->valuestring) : slice_of(owned));
		return;
	}
	fprintf(f, "<details%s><summary>", parts[i].open ? " open" : "");
	html_text(f, parts[i].title ? slice_of(parts[i].title) : type);
	fputc(' ', f);
	html_text(f, name);
	fputs("</summary>", f);
	html_element(f, "pre", NULL,
		     cJSON_IsString(text) ? slice_of(text->valuestring) : slice_of(owned));
	fputs("</details>\n", f);
}

static void put_message(struct chat *c, struct slice json)
{
	_cleanup_(cJSON_Deletep) cJSON *message = json_parse(json);
	const cJSON *part;

	html_element(c->p->f, "div", "role", json_str(message, "role"));
	fputc('\n', c->p->f);
	cJSON_ArrayForEach (part, json_at(message, "parts"))
		put_part(c, part);
}

static void put_heading(struct chat *c, const struct thread *t)
{
	if (!c->at)
		fputs("<h2>Conversation</h2>\n", c->p->f);
	fprintf(c->p->f, "<p class=\"right\">%s ", format_time(t->start_ns).s);
	html_text(c->p->f, t->model);
	fputs("</p>\n", c->p->f);
	c->text.n = 0;
	if (id128_is_zero(&t->system) ||
	    store_blob_read(c->p->job->reader, &t->system, &c->text) < 0)
		return;
	fputs("<details><summary>system prompt</summary>\n", c->p->f);
	put_message(c, buf_slice(&c->text));
	fputs("</details>\n", c->p->f);
}

static int on_message(void *ctx, const struct thread *t, const struct id128 *node,
		      struct slice json)
{
	struct chat *c = ctx;

	(void)node;
	if (c->at != t)
		put_heading(c, t);
	c->at = t;
	put_message(c, json);
	return ferror(c->p->f) ? -EPIPE : 0;
}

int html_chat(struct html_page *p)
{
	struct chat c = { .p = p };
	int r = threads_read(p->job->reader, &p->run_id, on_message, &c);

	buf_done(&c.text);
	return r;
}
