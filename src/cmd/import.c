/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/config_file.h"
#include "cmd/engine.h"
#include "cmd/import.h"
#include "cmd/prices_file.h"
#include "cmd/reader.h"
#include "cmd/span_json.h"
#include "cmd/view.h"
#include "trace/names.h"

#define PIPE_MAX       (256u << 20) /* of what is no file, and so must be held in memory */
#define PROGRESS_BYTES (4u << 20)   /* files that are smaller are done before it can be read */
#define PROGRESS_NS    100000000

static bool json, dry_run, quiet;
static const char *db, *prices, *config_path;

static const struct option_spec options[] = {
	{ "db", 0, OPTION_STRING, &db, "FILE", "the store", NULL, NULL },
	{ "dry-run", 'n', OPTION_FLAG, &dry_run, NULL, "store nothing: print what would be stored",
	  NULL, NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL,
	  "one JSON object per span and run, and one per file", NULL, NULL },
	{ "quiet", 'q', OPTION_FLAG, &quiet, NULL, "say nothing but what goes wrong", NULL, NULL },
	{ "config", 0, OPTION_STRING, &config_path, "FILE", "see 'sonde config --help'", NULL,
	  NULL },
	{ "prices", 0, OPTION_STRING, &prices, "FILE", "prices that win over the built-in ones",
	  NULL, NULL },
	{ 0 },
};

DEFINE_CLEANUP(struct view *, view_free)

/* One file while it is imported. */
struct job {
	const char *name;
	struct slice text;
	const char *db_path; /* NULL: not stored */
	struct view *view;   /* NULL: nothing is shown */
	struct import_counts counts;
	struct id128 run_id; /* zero: no run came of it */
	bool again;	     /* the store has it already */
	bool progress, shown;
	uint64_t progress_ns;
	int64_t cost_pico_usd;
};

/* --- what comes out --- */

static bool store_has(const char *path, const struct id128 *run_id)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	struct store_error err;
	char hex[ID128_HEX_SIZE];
	struct id128 id;

	id128_hex(run_id, hex);
	return store_reader_open(path, &reader, &err) == 0 && store_run_find(reader, hex, &id) == 0;
}

static void on_blob(void *ctx, const struct id128 *id, const char *kind, struct slice bytes)
{
	const struct job *j = ctx;

	if (j->view)
		view_sink.blob(j->view, id, kind, bytes);
}

static void on_node(void *ctx, const struct id128 *id, const struct id128 *parent,
		    const struct id128 *message, uint32_t depth)
{
	const struct job *j = ctx;

	if (j->view)
		view_sink.node(j->view, id, parent, message, depth);
}

static bool has_attr(const struct span *span, const char *name)
{
	for (size_t i = 0; i < span->n_attrs; i++)
		if (strcmp(span->attrs[i].name, name) == 0)
			return true;
	return false;
}

static void on_span(void *ctx, const struct span *span)
{
	struct job *j = ctx;

	if (span->final && span->step == STEP_LLM) {
		j->counts.calls++;
		j->counts.incomplete += has_attr(span, ATTR_CUT);
	}
	if (j->view)
		view_sink.span(j->view, span);
}

static void on_run(void *ctx, const struct run *run)
{
	struct job *j = ctx;

	/* The first time nothing of it has been written yet. */
	if (id128_is_zero(&j->run_id)) {
		j->run_id = run->run_id;
		j->again = j->db_path && store_has(j->db_path, &run->run_id);
	}
	if (j->view)
		view_sink.run(j->view, run);
}

static const struct trace_sink sink = {
	.blob = on_blob, .node = on_node, .span = on_span, .run = on_run
};

static void on_done(void *ctx, const struct stats *stats)
{
	const struct job *j = ctx;

	if (j->view)
		view_done(j->view, stats);
}

/* --- progress --- */

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void on_progress(void *ctx, uint64_t done, uint64_t of)
{
	struct job *j = ctx;
	const uint64_t now_ns = clock_ns();

	if (done < of && now_ns - j->progress_ns < PROGRESS_NS)
		return;
	j->progress_ns = now_ns;
	if (done < of || j->shown)
		fprintf(stderr, "\r%.*s: %3" PRIu64 " %%%s",
			SLICE_ARG(slice_base(slice_of(j->name))), done * 100 / of,
			done < of ? "" : "\r\033[K");
	j->shown = true;
}

/* --- the summary --- */

static const struct {
	const char *name, *one, *many;
	size_t offset;
} sums[] = {
	{ "entries", "entry", "entries", offsetof(struct import_counts, entries) },
	{ "calls", "call", "calls", offsetof(struct import_counts, calls) },
	{ "incomplete", "of them incomplete", "of them incomplete",
	  offsetof(struct import_counts, incomplete) },
	{ "not_understood", "not understood", "not understood",
	  offsetof(struct import_counts, not_understood) },
	{ "without_body", "without body", "without body",
	  offsetof(struct import_counts, without_body) },
	{ "unreadable", "body not readable", "bodies not readable",
	  offsetof(struct import_counts, unreadable) },
	{ "without_time", "without a time: placed behind the one before",
	  "without a time: placed behind the one before",
	  offsetof(struct import_counts, without_time) },
	{ "without_duration", "without a duration", "without a duration",
	  offsetof(struct import_counts, without_duration) },
};

#define ALWAYS 2 /* so many of them are said even where they are 0 */

static uint64_t sum_at(const struct import_counts *c, size_t i)
{
	return *(const uint64_t *)(const void *)((const char *)c + sums[i].offset);
}

static void print_counts(const char *name, const struct import_counts *c)
{
	printf("%s:", name);
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
		if (i < ALWAYS || sum_at(c, i))
			printf("%s %" PRIu64 " %s", i ? "," : "", sum_at(c, i),
			       sum_at(c, i) == 1 ? sums[i].one : sums[i].many);
}

static void print_text(const struct job *j)
{
	print_counts(j->name, &j->counts);
	if (j->db_path && !id128_is_zero(&j->run_id))
		printf("; run %s%s", run_ref(&j->run_id).s,
		       j->again ? " again: what the store had of it is replaced" : "");
	putchar('\n');
}

static void print_json(const struct job *j)
{
	char hex[ID128_HEX_SIZE];
	struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	json_begin(&w, '{');
	json_key(&w, "type");
	json_put_str(&w, SLICE("import"));
	json_key(&w, "file");
	json_put_str(&w, slice_of(j->name));
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
		json_key(&w, sums[i].name);
		json_put_int(&w, (int64_t)sum_at(&j->counts, i));
	}
	if (j->counts.broken_at != SIZE_MAX) {
		json_key(&w, "broken_at");
		json_put_int(&w, (int64_t)j->counts.broken_at);
	}
	if (!id128_is_zero(&j->run_id)) {
		id128_hex(&j->run_id, hex);
		json_key(&w, "run_id");
		json_put_str(&w, slice_of(hex));
		json_key(&w, "again");
		json_put_bool(&w, j->again);
	}
	if (j->db_path) {
		json_key(&w, "store");
		json_put_str(&w, slice_of(j->db_path));
	}
	json_end(&w, '}');
	json_line(&w, stdout);
	buf_done(&line);
}

/* --- one file --- */

static int say_broken(const struct job *j)
{
	size_t line, column;

	slice_position(j->text, j->counts.broken_at, &line, &column);
	log_err("%s:%zu:%zu: not valid JSON at byte %zu; %s", j->name, line, column,
		j->counts.broken_at,
		j->counts.cut ? "what precedes it was used" : "the entry was left out");
	return -EBADMSG;
}

static int feed(void *ctx, struct pipeline *p, intake_fn event, void *event_ctx)
{
	struct job *j = ctx;
	const struct import_file f = {
		.text = j->text,
		.name = j->name,
		.pipeline = p,
		.event = event,
		.event_ctx = event_ctx,
		.progress = j->progress ? on_progress : NULL,
		.progress_ctx = j,
	};
	const char *why = NULL;
	int r = import_run(&f, &j->counts, &why);

	if (r == -EBADMSG)
		log_err("'%s' %s", j->name, why);
	else if (r == -E2BIG)
		log_err("'%s' has more entries and messages than can be put in order; split it",
			j->name);
	else if (r < 0)
		log_errno(r, "cannot import '%s'", j->name);
	else if (j->counts.broken_at != SIZE_MAX)
		r = say_broken(j);
	return r;
}

/* What calls are read and priced by. */
struct rules {
	struct price_table *prices;
	const struct llm_endpoint *endpoints;
};

static int import(struct job *j, const struct rules *rules)
{
	const struct view_options view_options = {
		.out = stdout,
		.json = json,
		.tree = !quiet,
		.tty_fd = -1,
		.over_fd = -1,
	};
	_cleanup_(view_freep) struct view *view = NULL;
	struct engine_config c = {
		.db_path = j->db_path,
		.prices = rules->prices,
		.endpoints = rules->endpoints,
		.view = &sink,
		.view_ctx = j,
		.view_done = on_done,
	};
	int status;

	if (json || (dry_run && !quiet)) {
		if (view_new(&view_options, &view) < 0)
			return log_errno(-ENOMEM, "cannot import '%s'", j->name), EXIT_FAILURE;
		j->view = view;
	}
	j->progress = !quiet && j->text.n >= PROGRESS_BYTES && isatty(STDERR_FILENO);
	status = engine_import(&c, feed, j);
	if (json)
		print_json(j);
	else if (!quiet && (status == 0 || j->counts.entries))
		print_text(j);
	return status;
}

/* --- reading files --- */

/* A pipe, a device, a file of /proc: nothing that could be mapped. */
static int read_pipe(int fd, struct buf *ret)
{
	char chunk[65536];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		r = buf_add(ret, (struct slice){ chunk, (size_t)n }, PIPE_MAX);
	}
	return r;
}

static int import_pipe(struct job *j, int fd, const struct rules *rules)
{
	struct buf text = { 0 };
	int status = EXIT_FAILURE, r = read_pipe(fd, &text);

	j->text = buf_slice(&text);
	if (r == -E2BIG)
		log_err("'%s' is no file and holds more than %u MiB: save it as a file first",
			j->name, PIPE_MAX >> 20);
	else if (r < 0)
		log_errno(r, "cannot read '%s'", j->name);
	else
		status = import(j, rules);
	buf_done(&text);
	return status;
}

static void on_bus_error(int sig)
{
	static const char text[] = "sonde: the file became shorter while it was read\n";

	(void)sig;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(EXIT_FAILURE);
}

/* Not read but mapped: its size costs no memory. */
static int import_mapped(struct job *j, int fd, size_t size, const struct rules *rules)
{
	void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	int status;

	if (p == MAP_FAILED) {
		log_errno(-errno, "cannot read '%s'", j->name);
		return EXIT_FAILURE;
	}
	signal(SIGBUS, on_bus_error);
	j->text = (struct slice){ p, size };
	status = import(j, rules);
	signal(SIGBUS, SIG_DFL);
	munmap(p, size);
	return status;
}

static int import_path(const char *path, const char *db_path, const struct rules *rules,
		       struct import_counts *ret)
{
	const bool is_stdin = strcmp(path, "-") == 0;
	_cleanup_(closep) int fd = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	struct job j = { .name = is_stdin ? "stdin" : path, .db_path = db_path };
	struct stat st;
	int status;

	if ((!is_stdin && fd < 0) || fstat(is_stdin ? STDIN_FILENO : fd, &st) < 0)
		return log_errno(-errno, "cannot read '%s'", j.name), EXIT_FAILURE;
	if (S_ISDIR(st.st_mode))
		return log_err("'%s' is a directory", path), EXIT_FAILURE;
	if (S_ISREG(st.st_mode) && st.st_size > 0 && !is_stdin)
		status = import_mapped(&j, fd, (size_t)st.st_size, rules);
	else
		status = import_pipe(&j, is_stdin ? STDIN_FILENO : fd, rules);
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
		*(uint64_t *)(void *)((char *)ret + sums[i].offset) += sum_at(&j.counts, i);
	return status;
}

/* --- */

static int run(int argc, char **argv)
{
	_cleanup_(price_freep) struct price_table *table = NULL;
	_cleanup_(config_freep) struct config *own = NULL;
	_cleanup_(freep) char *db_path = NULL;
	struct import_counts all = { 0 };
	struct screen out;
	struct rules rules;
	int failed = 0, r;

	if (config_load(config_path, &own) < 0 ||
	    prices_load(prices, &table) < 0) /* has said why */
		return 1;
	rules = (struct rules){ table, own->endpoints };
	if (!dry_run && store_find(db, false, &db_path) < 0) {
		log_err("no home directory to keep a store in; --db names one, --dry-run does "
			"without");
		return 1;
	}
	for (int i = 0; i < argc; i++)
		failed += import_path(argv[i], db_path, &rules, &all) != 0;
	if (argc > 1 && !json && !quiet) {
		printf("%d files", argc);
		print_counts("", &all);
		putchar('\n');
	}
	screen_init(&out, stdout);
	r = screen_finish(&out);
	if (r < 0)
		log_errno(r, "cannot write the output");
	return failed || r < 0 ? 1 : 0;
}

const struct command command_import = {
	.name = "import",
	.summary = "read a HAR file of a browser, proxy or SDK as if it had been traced",
	.usage = "[options] FILE...",
	.help = "Reads HTTP Archives (HAR 1.2), as browsers' developer tools, mitmproxy, Charles, "
		"Playwright\n"
		"and recorders of SDKs write them, and stores the model calls in them: tokens, "
		"costs,\n"
		"tool calls and what was said, as if they had been traced. '-' is standard input. "
		"Needs\n"
		"no privileges and no kernel support.\n"
		"\n"
		"Each file becomes one run, which is named after it and begins when its first "
		"entry\n"
		"does. Its ids come of the file's content: the same file again replaces what the "
		"store\n"
		"has of it and doubles nothing. Steps of an import have sonde.source=har. Times "
		"are the\n"
		"recorder's; keys, tokens and cookies in headers, URLs and bodies are removed as "
		"from\n"
		"all that is traced.\n"
		"\n"
		"Exchanges that are no model calls are only counted. An entry that cannot be read, "
		"or\n"
		"whose body the recorder left out, is counted and named, and never fails the "
		"rest.\n"
		"WebSockets are read where the file has their messages (Chrome, mitmproxy).\n"
		"\n"
		"Exit status: 0; 1 where a file could not be read, or not all of it.\n"
		"\n"
		"Examples:\n"
		"  sonde import chat.har && sonde show last\n"
		"  sonde import --dry-run chat.har         # what would be stored\n"
		"  sonde import --db team.db *.har && sonde cost --db team.db --by model\n"
		"  xzcat old.har.xz | sonde import -\n",
	.options = options,
	.run = run,
	.min_operands = 1,
	.max_operands = -1,
};
