/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in files that were written, as far as the prober has read them. */
#include "base/utf8.h"
#include "trace/observed/file_span.h"

static bool is_text(struct slice s)
{
	while (s.n) {
		const size_t n = utf8_char(s);

		if (n == 0 || s.p[0] == '\0')
			return false;
		s = slice_from(s, n);
	}
	return true;
}

static void keep_content(struct run_state *r, struct file_state *f, struct slice content)
{
	struct arena *mem;

	f->binary = !is_text(content);
	if (r->t->config.content != CONTENT_FULL)
		return;
	if (f->binary) {
		f->content = content_media_file(r->t, content);
		f->binary = id128_is_zero(&f->content);
		return;
	}
	mem = arena_new(SCRATCH_MAX);
	if (mem)
		f->content = content_tool_text(r->t, SLICE("file"), content, false, mem);
	arena_free(mem);
}

/* Pieces come in order, one file after the other; where one is missing, none of it is kept. */
static bool add_piece(struct files *files, const struct file_state *f,
		      const struct sonde_artifact_event *a)
{
	const struct slice bytes = { a->text + a->path_len, a->len };

	if (a->offset == 0) {
		buf_done(&files->pending);
		files->pending_of = f->key;
	}
	if (!id128_eq(&files->pending_of, &f->key) || files->pending.n != a->offset ||
	    buf_add(&files->pending, bytes, SONDE_ARTIFACT_MAX) < 0) {
		buf_done(&files->pending);
		return false;
	}
	return true;
}

static void take(struct run_state *r, struct file_state *f, const struct sonde_artifact_event *a)
{
	static const uint8_t none[SHA256_SIZE] = { 0 };

	f->artifact = a->state;
	f->hashed = memcmp(a->sha256, none, sizeof(none)) != 0;
	memcpy(f->sha256, a->sha256, sizeof(f->sha256));
	if (a->state == SONDE_ARTIFACT_WHOLE) {
		if (!add_piece(r->files, f, a))
			f->artifact = SONDE_ARTIFACT_UNREAD;
		else if (r->files->pending.n < a->size)
			return;
		else
			keep_content(r, f, buf_slice(&r->files->pending));
		buf_done(&r->files->pending);
	}
	file_changed(r, f);
}

void file_artifact(struct tree_state *tree, const struct sonde_artifact_event *a)
{
	struct run_state *r = tree->runs->prev;

	for (;; r = r->prev) { /* the newest run is the likeliest */
		struct file_state *f = r->files ? file_by_number(r->files, a->dev, a->ino) : NULL;

		if (f)
			take(r, f, a);
		if (f || r == tree->runs)
			return;
	}
}
