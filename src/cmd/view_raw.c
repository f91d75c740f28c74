/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What HTTP said. The envelope of an exchange is kept; its bodies are not, but the messages that
 * were in them: those that an exchange was the first to bring are shown with it.
 */
#include <errno.h>

#include "base/id_set.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cmd/views.h"
#include "export/said.h"
#include "export/span_json.h"

#define BODY_CHARS 2000 /* of one text that are shown without --all */

struct raw {
	struct store_reader *r;
	const struct views_options *o;
	const struct screen *s;
	struct id_set shown;
	struct buf text;
	size_t n;
};

static void print_text(struct raw *w, struct slice text, const char *before)
{
	const struct slice shown = w->o->all ? text : utf8_head(text, BODY_CHARS);

	w->text.n = 0;
	text_block(&w->text, shown, before);
	fprintf(w->s->f, "%s%.*s\n", before, SLICE_ARG(buf_slice(&w->text)));
	if (shown.n < text.n)
		fprintf(w->s->f, "%s%s... %zu more bytes (--all)%s\n", before,
			screen_style(w->s, STYLE_DIM), text.n - shown.n,
			screen_style(w->s, STYLE_PLAIN));
}

static void print_clean(struct raw *w, struct slice text)
{
	w->text.n = 0;
	text_clean(&w->text, text, 0);
	fprintf(w->s->f, "%.*s", SLICE_ARG(buf_slice(&w->text)));
}

/* --- the envelope --- */

static void print_headers(struct raw *w, const cJSON *message, const char *before)
{
	const cJSON *header;

	cJSON_ArrayForEach (header, json_at(message, "headers")) {
		const cJSON *name = cJSON_GetArrayItem(header, 0);
		const cJSON *value = cJSON_GetArrayItem(header, 1);

		if (!cJSON_IsString(name) || !cJSON_IsString(value))
			continue;
		fprintf(w->s->f, "%s%s", before, screen_style(w->s, STYLE_DIM));
		print_clean(w, slice_of(name->valuestring));
		fprintf(w->s->f, ":%s ", screen_style(w->s, STYLE_PLAIN));
		print_clean(w, slice_of(value->valuestring));
		fputc('\n', w->s->f);
	}
	fprintf(w->s->f, "%s%s(%s of body", before, screen_style(w->s, STYLE_DIM),
		format_bytes((uint64_t)json_int(message, "body_bytes")).s);
	if (json_int(message, "lost_bytes"))
		fprintf(w->s->f, ", %s lost",
			format_bytes((uint64_t)json_int(message, "lost_bytes")).s);
	fprintf(w->s->f, ")%s\n", screen_style(w->s, STYLE_PLAIN));
}

/* --- what was said --- */

static void print_blob(struct raw *w, const struct id128 *id, const char *before)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	if (id128_is_zero(id) || id_set_has(&w->shown, id) || id_set_add(&w->shown, id) < 0 ||
	    store_content_read(w->r, id, &text) < 0)
		return;
	print_text(w, buf_slice(&text), before);
}

static int on_request_message(void *ctx, const struct id128 *node, struct slice json)
{
	struct raw *w = ctx;

	if (id_set_has(&w->shown, node))
		return 0;
	print_text(w, json, "> ");
	return id_set_add(&w->shown, node);
}

static int on_answer_message(void *ctx, const struct id128 *node, struct slice json)
{
	struct raw *w = ctx;

	if (id_set_has(&w->shown, node))
		return 0;
	print_text(w, json, "< ");
	return id_set_add(&w->shown, node);
}

static int print_said(struct raw *w, const struct id128 *node, store_message_fn fn)
{
	const int r = id128_is_zero(node) ? 0 : store_conversation(w->r, node, fn, w);

	return r == -ENOENT ? 0 : r;
}

static int print_exchange(struct raw *w, const struct span *s, const cJSON *http)
{
	int r;

	fprintf(w->s->f, "%s--- %s  ", screen_style(w->s, STYLE_BOLD), format_time(s->start_ns).s);
	print_clean(w, s->name);
	fprintf(w->s->f, "%s\n> ", screen_style(w->s, STYLE_PLAIN));
	print_clean(w, json_str(http, "method"));
	fputc(' ', w->s->f);
	print_clean(w, json_str(http, "path"));
	fputs("  ", w->s->f);
	print_clean(w, json_str(http, "host"));
	fputc('\n', w->s->f);
	print_headers(w, json_at(http, "request"), "> ");
	print_blob(w, &s->system_blob, "> ");
	print_blob(w, &s->tools_blob, "> ");
	r = print_said(w, &s->input_node, on_request_message);
	if (r == 0) {
		fprintf(w->s->f, "< %lld  ", (long long)json_int(http, "status"));
		print_clean(w, json_str(http, "end"));
		fputc('\n', w->s->f);
		print_headers(w, json_at(http, "response"), "< ");
		r = print_said(w, &s->output_node, on_answer_message);
	}
	fputc('\n', w->s->f);
	return r;
}

static int print_json(struct raw *w, const struct span *s, struct slice envelope)
{
	struct json_writer j = { .out = &w->text };
	char hex[ID64_HEX_SIZE];
	struct said said;

	said_read(w->r, s, &said);
	id64_hex(&s->span_id, hex);
	w->text.n = 0;
	json_begin(&j, '{');
	json_key(&j, "type");
	json_put_str(&j, SLICE("exchange"));
	json_key(&j, "span_id");
	json_put_str(&j, slice_of(hex));
	json_key(&j, "start_time_unix_nano");
	json_put_int(&j, (int64_t)s->start_ns);
	json_key(&j, "http");
	json_put_raw(&j, envelope);
	span_content_json(&j, &said.is);
	json_end(&j, '}');
	said_done(&said);
	json_line(&j, w->s->f);
	return ferror(w->s->f) ? -EPIPE : 0;
}

static int on_span(void *ctx, const struct span *span)
{
	struct raw *w = ctx;
	_cleanup_(buf_done) struct buf text = { 0 };
	_cleanup_(cJSON_Deletep) cJSON *http = NULL;

	if (id128_is_zero(&span->raw_blob) || store_blob_read(w->r, &span->raw_blob, &text) < 0)
		return 0;
	http = json_parse(buf_slice(&text));
	if (!http || !json_valid(buf_slice(&text)))
		return 0;
	w->n++;
	return w->o->json ? print_json(w, span, buf_slice(&text)) : print_exchange(w, span, http);
}

int raw_print(struct store_reader *r, const struct id128 *run, const struct views_options *o,
	      const struct screen *s)
{
	const struct store_filter filter = { .run = *run };
	struct raw w = { .r = r, .o = o, .s = s };
	int err = store_spans(r, &filter, on_span, &w);

	if (err >= 0 && w.n == 0 && !o->json)
		fprintf(s->f, "no exchange was kept\n");
	id_set_done(&w.shown);
	buf_done(&w.text);
	return err < 0 ? err : 0;
}
