/* SPDX-License-Identifier: BSD-2-Clause */
/* The span of a file, named by its path. */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "trace/emit.h"
#include "trace/observed/file_span.h"

static const char *const op_names[] = {
	[SONDE_FILE_WRITTEN] = "written",
	[SONDE_FILE_RENAMED] = "renamed",
	[SONDE_FILE_REMOVED] = "removed",
	[SONDE_FILE_MADE_FOLDER] = "folder_made",
	[SONDE_FILE_REMOVED_FOLDER] = "folder_removed",
	[SONDE_FILE_LINKED] = "linked",
	[SONDE_FILE_REFUSED] = "refused",
};

static const char *const artifact_names[] = {
	[SONDE_ARTIFACT_WHOLE] = "whole",     [SONDE_ARTIFACT_LEVEL] = "level",
	[SONDE_ARTIFACT_BIG] = "big",	      [SONDE_ARTIFACT_GONE] = "gone",
	[SONDE_ARTIFACT_SPECIAL] = "special", [SONDE_ARTIFACT_UNREAD] = "unread",
	[SONDE_ARTIFACT_BUSY] = "busy",
};

static void emit_operations(struct emit *e, const struct file_state *f)
{
	struct buf list = { 0 };
	char word[32];

	for (size_t op = 1; op < ARRAY_SIZE(op_names); op++) {
		if (!(f->ops & 1u << op))
			continue;
		snprintf(word, sizeof(word), "%s\"%s\"", list.n ? "," : "[", op_names[op]);
		buf_add(&list, slice_of(word), 256);
	}
	buf_add(&list, SLICE("]"), 256);
	if (e->mem)
		emit_strings(e, ATTR_FILE_OPERATION, arena_copy(e->mem, buf_slice(&list)));
	buf_done(&list);
}

static void emit_refusal(struct emit *e, const struct file_state *f)
{
	const char *name = strerrorname_np(f->error);

	if (!(f->ops & 1u << SONDE_FILE_REFUSED))
		return;
	e->span.status = SPAN_ERROR;
	e->span.error_type = name && f->error ? slice_of(name) : SLICE("_OTHER");
}

static void emit_artifact(struct emit *e, const struct file_state *f)
{
	char hex[2 * SHA256_SIZE + 1];

	if (!f->artifact || f->artifact >= ARRAY_SIZE(artifact_names))
		return;
	emit_lit(e, ATTR_ARTIFACT_STATE, f->binary ? "binary" : artifact_names[f->artifact]);
	if (!f->hashed || !e->mem)
		return;
	for (size_t i = 0; i < SHA256_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", f->sha256[i]);
	emit_clean(e, ATTR_ARTIFACT_SHA256, arena_copy(e->mem, slice_of(hex)));
}

static void emit_written(struct emit *e, const struct file_state *f)
{
	if (!f->writes)
		return;
	emit_int(e, ATTR_FILE_SIZE, (int64_t)f->size);
	emit_int(e, ATTR_FILE_BYTES, (int64_t)f->bytes);
	emit_int(e, ATTR_FILE_WRITES, f->writes);
	emit_true(e, ATTR_FILE_CREATED, f->created);
	emit_true(e, ATTR_FILE_TEMPORARY, f->created && f->gone);
}

void file_emit(struct run_state *r, struct file_state *f)
{
	const struct process *p = proc_find(r->t->procs, f->process);
	struct emit e;

	emit_begin(&e, r, STEP_FILE, f->start_ns);
	e.span.span_id = f->id;
	e.span.parent_id = f->owner.id;
	e.span.evidence = slice_of(f->owner.evidence);
	e.span.name = SLICE("file");
	e.span.result_blob = f->content;
	emit_agent(&e, f->owner.agent);
	emit_process(&e, f->process, p ? process_name(p) : (struct slice){ 0 });
	if (content_keeps_text(r->t)) {
		e.span.name = emit_text(&e, slice_of(f->path));
		emit_clean(&e, ATTR_FILE_PATH, e.span.name);
		emit_str(&e, ATTR_FILE_FROM, slice_of(f->from));
	}
	emit_operations(&e, f);
	emit_written(&e, f);
	emit_artifact(&e, f);
	emit_refusal(&e, f);
	emit_true(&e, ATTR_FILE_CUT, f->cut);
	emit_true(&e, ATTR_FILE_PARTIAL, f->partial);
	emit_true(&e, ATTR_FILE_MAPPED, f->mapped);
	emit_true(&e, ATTR_FILE_REMOTE, f->remote);
	emit_true(&e, ATTR_FILE_OWN, f->own);
	emit_end(&e, f->final ? f->last_ns : 0, f->final);
}
