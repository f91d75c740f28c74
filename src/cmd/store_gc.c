/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/store_gc.h"

#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/screen.h"
#include "export/span_json.h"

/* One line of the terminal, written over and over. */
static void show_progress(void *ctx, const char *doing, int64_t done, int64_t of)
{
	(void)ctx;
	if (of > 0)
		fprintf(stderr, "\r\033[K%s: %d %%", doing, (int)(100 * done / of));
	else
		fprintf(stderr, "\r\033[K%s", doing);
}

static void clear_progress(void)
{
	fprintf(stderr, "\r\033[K");
}

static void print_json(const char *path, const struct store_gc_options *o,
		       const struct store_gc_result *r)
{
	const struct {
		const char *name;
		int64_t v;
	} numbers[] = {
		{ "runs", r->runs },
		{ "spans", r->spans },
		{ "content_spans", r->content_spans },
		{ "nodes", r->nodes },
		{ "blobs", r->blobs },
		{ "runs_in_progress", r->running },
		{ "used_bytes_before", r->used_bytes_before },
		{ "used_bytes", r->used_bytes },
		{ "file_bytes_before", r->file_bytes_before },
		{ "file_bytes", r->file_bytes },
	};
	_cleanup_(buf_done) struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	json_begin(&w, '{');
	json_key(&w, "path");
	json_put_str(&w, slice_of(path));
	json_key(&w, "dry_run");
	json_put_bool(&w, o->dry_run);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		json_key(&w, numbers[i].name);
		json_put_int(&w, numbers[i].v);
	}
	json_key(&w, "too_large");
	json_put_bool(&w, r->too_large);
	json_end(&w, '}');
	json_line(&w, stdout);
}

static void print_text(const struct store_gc_options *o, const struct store_gc_result *r)
{
	const char *did = o->dry_run ? "would remove" : "removed";

	printf("%s %s runs with ", did, format_count(r->runs).s);
	printf("%s steps", format_count(r->spans).s);
	if (o->content_before_ns)
		printf(", and what was said in %s steps", format_count(r->content_spans).s);
	putchar('\n');
	if (!o->dry_run) {
		printf("content without use: %s messages, ", format_count(r->nodes).s);
		printf("%s pieces\n", format_count(r->blobs).s);
	}
	printf("in use %s", format_bytes((uint64_t)r->used_bytes_before).s);
	if (!o->dry_run) {
		printf(", now %s; ", format_bytes((uint64_t)r->used_bytes).s);
		printf("the file %s", format_bytes((uint64_t)r->file_bytes_before).s);
		printf(", now %s", format_bytes((uint64_t)r->file_bytes).s);
	}
	putchar('\n');
	if (!o->dry_run && !r->shrinks)
		printf("this file does not shrink: the room is used again\n");
	if (r->too_large)
		printf(o->dry_run ? "more than --max-size: the oldest runs would go as well\n"
				  : "more than --max-size stays: nothing older may go\n");
	if (r->running)
		printf("kept as they are in progress: %s runs\n", format_count(r->running).s);
}

int gc_store(const char *path, const struct store_gc_options *o, bool json)
{
	const bool tty = isatty(STDERR_FILENO);
	struct store_gc_options with = *o;
	struct store_gc_result result;
	struct store_error err = { "" };
	int r;

	with.progress = tty ? show_progress : NULL;
	r = store_gc(path, &with, &result, &err);
	if (tty)
		clear_progress();
	if (r < 0) {
		log_err("%s", err.text);
		return r;
	}
	if (json)
		print_json(path, o, &result);
	else
		print_text(o, &result);
	return 0;
}
