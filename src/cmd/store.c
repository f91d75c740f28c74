/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/reader.h"
#include "cmd/screen.h"
#include "cmd/store_gc.h"
#include "export/span_json.h"

static bool json;
static const char *db;
static struct store_gc_options gc_options;
static bool gc_given; /* an option that only gc has */

static const struct option_spec options[] = {
	{ "json", 'j', OPTION_FLAG, &json, NULL, "JSON objects, one per line", NULL, NULL },
	{ "older-than", 0, OPTION_TIME, &gc_options.runs_before_ns, "AGE",
	  "gc: runs that ended so long ago: 30d, 2026-11-01", NULL, &gc_given },
	{ "content-older-than", 0, OPTION_TIME, &gc_options.content_before_ns, "AGE",
	  "gc: what was said in such runs; their steps stay", NULL, &gc_given },
	{ "max-size", 0, OPTION_SIZE, &gc_options.max_bytes, "SIZE",
	  "gc: the oldest runs, until the store is so large", NULL, &gc_given },
	{ "dry-run", 0, OPTION_FLAG, &gc_options.dry_run, NULL, "gc: only say what would go", NULL,
	  &gc_given },
	{ "db", 0, OPTION_STRING, &db, "FILE", "the store", NULL, NULL },
	{ 0 },
};

/* The path as every command finds it. 0 or -errno; has said why. */
static int find(char **ret)
{
	int r = store_find(db, true, ret);

	return r < 0 ? log_errno(r, "no store found; --db FILE or $SONDE_DB name one") : 0;
}

static int failed(const struct store_error *err)
{
	log_err("%s", err->text);
	return 1;
}

/* --- info --- */

static void info_json(const struct store_info *info)
{
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
		{ "version", info->version },
		{ "runs", info->runs },
		{ "spans", info->spans },
		{ "blobs", info->blobs },
		{ "nodes", info->nodes },
		{ "file_bytes", info->file_bytes },
		{ "wal_bytes", info->wal_bytes },
		{ "content_bytes", info->blob_raw_bytes },
		{ "content_stored_bytes", info->blob_bytes },
		{ "first_run_unix_nano", (int64_t)info->first_ns },
		{ "last_run_unix_nano", (int64_t)info->last_ns },
	};
	struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	json_begin(&w, '{');
	json_key(&w, "path");
	json_put_str(&w, slice_of(info->path));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		json_key(&w, numbers[i].name);
		json_put_int(&w, numbers[i].value);
	}
	json_key(&w, "sound");
	json_put_bool(&w, info->sound);
	json_end(&w, '}');
	json_line(&w, stdout);
	buf_done(&line);
}

static void info_text(const struct store_info *info)
{
	const int64_t packed = info->blob_bytes ? info->blob_bytes : 1;

	printf("store     %s\n", info->path);
	printf("version   %d\n", info->version);
	printf("size      %s", format_bytes((uint64_t)info->file_bytes).s);
	if (info->wal_bytes)
		printf(" and %s not yet merged", format_bytes((uint64_t)info->wal_bytes).s);
	printf("\nruns      %s\n", format_count(info->runs).s);
	printf("steps     %s\n", format_count(info->spans).s);
	printf("messages  %s in conversations\n", format_count(info->nodes).s);
	printf("content   %s pieces, %s", format_count(info->blobs).s,
	       format_bytes((uint64_t)info->blob_raw_bytes).s);
	printf(" in %s (%.1f times smaller)\n", format_bytes((uint64_t)info->blob_bytes).s,
	       (double)info->blob_raw_bytes / (double)packed);
	if (info->runs) {
		printf("first     %s\n", format_time(info->first_ns).s);
		printf("last      %s\n", format_time(info->last_ns).s);
	}
	printf("state     %s\n", info->sound ? "sound" : "DAMAGED: `sonde store check` says more");
}

static int info(const char *to)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	struct store_info i;
	int r;

	(void)to;
	if (reader_open(db, &reader, NULL) < 0)
		return 1;
	r = store_info(reader, &i);
	if (r == 0)
		json ? info_json(&i) : info_text(&i);
	return reader_finish(r) || (r == 0 && !i.sound);
}

/* --- check --- */

static void on_problem(void *ctx, const char *text)
{
	struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	(void)ctx;
	if (!json) {
		text_clean(&line, slice_of(text), 0);
		printf("%.*s\n", SLICE_ARG(buf_slice(&line)));
	} else {
		json_begin(&w, '{');
		json_key(&w, "problem");
		json_put_str(&w, slice_of(text));
		json_end(&w, '}');
		json_line(&w, stdout);
	}
	buf_done(&line);
}

/* The last line of `--json`: {"path":...,"sound":true} */
static void outcome(const char *what, bool yes, const char *path)
{
	struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	json_begin(&w, '{');
	json_key(&w, "path");
	json_put_str(&w, slice_of(path));
	json_key(&w, what);
	json_put_bool(&w, yes);
	json_end(&w, '}');
	json_line(&w, stdout);
	buf_done(&line);
}

static int check(const char *to)
{
	_cleanup_(freep) char *path = NULL;
	struct store_error err = { "" };
	int r;

	(void)to;
	if (find(&path) < 0)
		return 1;
	r = store_check(path, on_problem, NULL, &err);
	if (r < 0)
		return failed(&err);
	if (json)
		outcome("sound", r == 0, path);
	else if (r)
		log_err("'%s' is damaged; what was found is above", path);
	else
		printf("%s is sound\n", path);
	return reader_finish(0) || r;
}

/* --- backup --- */

static int backup(const char *to)
{
	_cleanup_(freep) char *path = NULL;
	struct store_error err = { "" };

	if (!to) {
		log_err("store: backup needs the FILE to make");
		return EXIT_USAGE;
	}
	if (find(&path) < 0)
		return 1;
	if (store_backup(path, to, &err) < 0)
		return failed(&err);
	if (json)
		outcome("copied", true, path);
	else
		printf("%s is a copy of %s\n", to, path);
	return reader_finish(0);
}

/* --- gc --- */

static int gc(const char *to)
{
	_cleanup_(freep) char *path = NULL;
	int r;

	(void)to;
	if (find(&path) < 0)
		return 1;
	r = gc_store(path, &gc_options, json);
	return reader_finish(0) || r < 0;
}

/* --- */

static const struct {
	const char *name;
	int (*run)(const char *to);
	int operands;
} actions[] = {
	{ "info", info, 0 },
	{ "check", check, 0 },
	{ "backup", backup, 1 },
	{ "gc", gc, 0 },
};

static int run(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(argv[0], actions[i].name) != 0)
			continue;
		if (argc - 1 > actions[i].operands) {
			log_err("store: '%s' is one argument too many",
				argv[1 + actions[i].operands]);
			return EXIT_USAGE;
		}
		if (gc_given && actions[i].run != gc) {
			log_err("store: %s has no such option: it is one of gc", argv[0]);
			return EXIT_USAGE;
		}
		return actions[i].run(argc > 1 ? argv[1] : NULL);
	}
	log_err("store: '%s' is none of info, check, backup, gc", argv[0]);
	return EXIT_USAGE;
}

const struct command command_store = {
	.name = "store",
	.summary = "look at the store, check it, copy it, remove what is old",
	.usage = "info|check|backup FILE|gc [options]",
	.help = "info    what is in the store and how large it is\n"
		"check   reads all of it and says what is wrong; exit status 1 where something is\n"
		"backup  copies it into FILE, which must not exist, while it may be in use\n"
		"gc      removes what the options name, then the content that nothing refers to, "
		"and\n"
		"        gives the room back to the disk; a run in progress stays, and so do the "
		"sums\n"
		"        per minute (v_minutes of 'sonde query'). Others may write meanwhile. "
		"Whenever\n"
		"        it is ended the store is sound, and the next gc goes on\n"
		"\n"
		"With --content-older-than what was said goes: messages, arguments, results, "
		"HTTP. The\n"
		"run's task stays, as do times, tokens and costs.\n"
		"\n"
		"Examples:\n"
		"  sonde store info\n"
		"  sonde store backup ~/sonde-today.db\n"
		"  sonde runs --db ~/sonde-today.db\n"
		"  sonde store gc --older-than 90d --content-older-than 14d --max-size 10G\n",
	.options = options,
	.run = run,
	.min_operands = 1,
	.max_operands = 2,
};
