/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that are forms (multipart/form-data): made the JSON object that the same request would
 * be, so that formats read them as any other. Of files it says what they were, in a list of its
 * own: "files":[{"field":"file","media_type":"audio/wav","bytes":1234,"digest":"xxh3:..."}]; their
 * bytes are not kept.
 */
#include "llm/format.h"
#include "proto/multipart.h"

#define FORM_MAX ((size_t)16 << 20) /* bytes of the object */

/* Numbers and truth values are told as text. */
static void put_value(struct json_writer *w, struct slice value)
{
	const struct slice text = slice_trim(value);

	if (text.n && text.p[0] != '"' && text.p[0] != '{' && text.p[0] != '[' && json_valid(text))
		json_put_raw(w, text);
	else
		json_put_str(w, value);
}

static void put_file(struct json_writer *w, struct slice name, const struct multipart_part *p)
{
	char digest[LLM_DIGEST_SIZE];

	json_begin(w, '{');
	json_key(w, "field");
	json_put_str(w, name);
	if (p->type.n) {
		json_key(w, "media_type");
		json_put_str(w, p->type);
	}
	json_key(w, "bytes");
	json_put_int(w, (int64_t)p->data.n);
	json_key(w, "digest");
	json_put_str(w, llm_digest(p->data, digest));
	json_end(w, '}');
}

/* Fields go into the object, files into the list. */
static void put_parts(struct multipart *form, struct json_writer *object, struct json_writer *files)
{
	struct multipart_part part;

	while (multipart_next(form, &part)) {
		struct slice name = part.name;

		if (slice_ends(name, SLICE("[]"))) /* one of several */
			name.n -= 2;
		if (part.is_file) {
			put_file(files, name, &part);
		} else {
			json_put_key(object, name);
			put_value(object, part.data);
		}
	}
}

void llm_read_form(struct llm_work *w)
{
	const struct slice type = http_header(&w->call.http->request, SLICE("content-type"));
	_cleanup_(buf_done) struct buf fields = { 0 }, list = { 0 };
	struct json_writer object = { .out = &fields, .max = FORM_MAX };
	struct json_writer files = { .out = &list, .max = FORM_MAX };
	struct multipart form;

	if (!multipart_begin(type, w->call.body, &form))
		return;
	json_begin(&object, '{');
	json_begin(&files, '[');
	put_parts(&form, &object, &files);
	json_end(&files, ']');
	json_key(&object, "files");
	json_put_raw(&object, buf_slice(&list));
	json_end(&object, '}');
	w->call.body_cut = w->call.body_cut || form.cut || object.r < 0 || files.r < 0;
	w->call.body = arena_copy(w->call.mem, buf_slice(&fields));
}
