/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/export.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/export_push.h"
#include "cmd/filter.h"
#include "cmd/reader.h"
#include "cmd/remote.h"
#include "cmd/screen.h"

static const char *const formats[] = { "ndjson", "csv", "html", "otlp", NULL }; /* exporters[] */
enum { FORMAT_NDJSON, FORMAT_OTLP = 3 };
static const char *const rows[] = { "runs", "spans", "all", NULL }; /* enum export_rows */
static const char *const sorts[] = {
	"start", "duration", "cost", "tokens", "steps", "errors", NULL
}; /* enum store_order */
static const char *const ways[] = { "asc", "desc", NULL };
static int format, what = EXPORT_ALL, sort = ORDER_START, way = 1;
static bool content, force;
static const char *db, *to, *receiver, *config;

static const struct option_spec options[] = {
	{ "format", 'f', OPTION_CHOICE, &format, "FORMAT", "what is written", formats, NULL },
	{ "rows", 0, OPTION_CHOICE, &what, "WHAT", "csv, ndjson: what a row is", rows, NULL },
	{ "sort", 0, OPTION_CHOICE, &sort, "BY",
	  "csv, ndjson: in which order; of steps those that have it", sorts, NULL },
	{ "order", 0, OPTION_CHOICE, &way, "WAY", "the newest or largest first, or last", ways,
	  NULL },
	{ "content", 0, OPTION_FLAG, &content, NULL,
	  "ndjson, otlp: messages, arguments and results as well", NULL, NULL },
	{ "output", 'o', OPTION_FILE, &to, "FILE", "instead of standard output", NULL, NULL },
	{ "to", 0, OPTION_FILE, &receiver, "URL|NAME",
	  "send it as OTLP: an address, or an [otlp NAME] of the configuration", NULL, NULL },
	{ "config", 0, OPTION_FILE, &config, "FILE", "the configuration", NULL, NULL },
	{ "force", 0, OPTION_FLAG, &force, NULL, "write over FILE", NULL, NULL },
	FILTER_OPTIONS,
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

/* Opens @to for writing, as the user's umask has it. */
static FILE *open_output(void)
{
	const int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0666);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f && fd >= 0)
		close(fd);
	if (!f && errno == EEXIST)
		log_err("'%s' exists; --force writes over it", to);
	else if (!f)
		log_errno(-errno, "cannot create '%s'", to);
	return f;
}

/* All that was written has arrived, or is said not to have, and what there is of it is removed. */
static int close_output(FILE *f, int r)
{
	const bool failed = ferror(f) | (fclose(f) != 0);

	if (r >= 0 && failed)
		r = -EIO;
	if (r == -EPIPE)
		r = -EIO;
	if (r < 0 && !force)
		unlink(to);
	return r < 0 ? log_errno(r, "cannot write '%s'", to), 1 : 0;
}

static int one_run(struct store_reader *r, const char *ref, const struct export_job *job)
{
	struct export_job of_run = *job;

	of_run.filter = (struct store_filter){ 0 };
	if (reader_find_run(r, ref, &of_run.filter.run) < 0)
		return -ECANCELED;
	return exporters[format]->write(&of_run);
}

/* CSV has one heading, so its runs are one list. */
static int write_runs(struct store_reader *r, int argc, char **argv, const struct export_job *job)
{
	int err = 0;

	if (argc == 0)
		return exporters[format]->one_run ? one_run(r, "last", job)
						  : exporters[format]->write(job);
	for (int i = 0; i < argc && err >= 0; i++)
		err = one_run(r, argv[i], job);
	return err;
}

static int check(int argc, char **argv, struct store_reader *r)
{
	struct id128 id;

	if (receiver && (to || (format != FORMAT_NDJSON && format != FORMAT_OTLP))) {
		log_err("export: --to sends OTLP, %s has no place there",
			to ? "--output" : "another --format");
		return EXIT_USAGE;
	}
	if (sort == ORDER_STEPS && what == EXPORT_SPANS) {
		log_err("export: steps have no order by 'steps'");
		return EXIT_USAGE;
	}
	if (argc > 1 && (exporters[format]->one_run || exporters[format] == &export_csv)) {
		log_err("export: %s takes one run", exporters[format]->name);
		return EXIT_USAGE;
	}
	for (int i = 0; i < argc; i++) /* before anything is written */
		if (reader_find_run(r, argv[i], &id) < 0)
			return 1;
	return 0;
}

static int send_runs(struct store_reader *r, int argc, char **argv, const struct export_job *job)
{
	struct export_job sent = *job;
	struct export_push push;
	int rc = export_push_open(receiver, config, &push);

	if (rc)
		return rc;
	format = FORMAT_OTLP;
	sent.content |= push.sink.content;
	sent.push = &push.push;
	return export_push_end(&push, write_runs(r, argc, argv, &sent));
}

static int run(int argc, char **argv)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	_cleanup_(freep) char *path = NULL;
	struct export_job job = { .rows = (enum export_rows)what,
				  .order = (enum store_order)sort,
				  .ascending = way == 0,
				  .content = content,
				  .out = stdout };
	int r;

	r = filter_open(db, false, &reader, &path, &job.filter);
	if (r)
		return r;
	job.reader = reader;
	job.db = path;
	r = check(argc, argv, reader);
	if (r)
		return r;
	if (receiver)
		return send_runs(reader, argc, argv, &job);
	if (to)
		job.out = open_output();
	if (!job.out)
		return 1;
	r = write_runs(reader, argc, argv, &job);
	if (to)
		return close_output(job.out, r);
	return reader_finish(r);
}

static FILE *open_any(void)
{
	return to ? open_output() : stdout;
}

static int close_any(FILE *f, int r)
{
	return to ? close_output(f, r) : reader_finish(r);
}

static const struct command_output output = { open_any, close_any };

const struct command command_export = {
	.name = "export",
	.summary = "write runs as NDJSON, CSV, OTLP or a page of HTML, or send them",
	.usage = "[options] [RUN...]",
	.help = "Writes the runs that are named, else all that the options let through; as html "
		"one run,\n"
		"the newest where none is named.\n"
		"\n"
		"  ndjson  a run, then its spans, as --json prints them; with --content what was "
		"said;\n"
		"          with --rows only runs, or the spans that the options let through\n"
		"  csv     one row a run, or with --rows spans a step; times in UTC, costs in "
		"USD,\n"
		"          empty where something is not known. Texts that a spreadsheet would run "
		"as a\n"
		"          formula begin with an apostrophe\n"
		"  otlp    OpenTelemetry's traces as JSON, a request a line, which a Collector "
		"reads from\n"
		"          files; with --to sent there over HTTP. Command lines are in it with "
		"--content\n"
		"  html    one page for people: steps, conversation, costs, commands, files and\n"
		"          connections, what was lost. No scripts, nothing is loaded from "
		"anywhere\n"
		"\n"
		"What was said may be in it: ndjson and otlp with --content, html always.\n"
		"Secrets were removed before anything was stored.\n"
		"\n"
		"Examples:\n"
		"  sonde export last --format html -o run.html\n"
		"  sonde export --since 7d --format csv -o runs.csv\n"
		"  sonde export --since 7d --format csv --sort cost >dearest.csv\n"
		"  sonde export --agent codex --content | zstd >codex.ndjson.zst\n"
		"  sonde export --since 1d --to https://collector.example:4318\n",
	.options = options,
	.run = run,
	.remote = REMOTE_WHOLE,
	.output = &output,
	.max_operands = -1,
};
