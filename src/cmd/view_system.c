/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "base/json.h"
#include "base/map.h"
#include "base/util.h"
#include "cmd/reader.h"
#include "cmd/table.h"
#include "cmd/view.h"
#include "cmd/views.h"
#include "export/span_json.h"

#define PEERS_MAX  10000
#define FLAGS_TEXT 400

static const struct table_column command_columns[] = {
	{ "START", false, false },
	{ "PID", true, false },
	{ "EXIT", true, false },
	{ "TIME", true, false },
	{ "FLAGS", false, true },
	{ "COMMAND", false, true },
	{ 0 },
};

static const struct table_column file_columns[] = {
	{ "START", false, false },
	{ "WHAT", false, false },
	{ "BYTES", true, false },
	{ "SIZE", true, false },
	{ "FLAGS", false, true },
	{ "PATH", false, true },
	{ 0 },
};

static const struct table_column peer_columns[] = {
	{ "PEER", false, true },
	{ "REQUESTS", true, false },
	{ "FAILED", true, false },
	{ "ATTEMPTS", true, false },
	{ "FLAGS", false, true },
	{ "RESULT", false, true },
	{ 0 },
};

/* Who was spoken to: all steps with one address and port. */
struct peer {
	UT_hash_handle hh;
	int64_t requests, failed, attempts;
	struct buf result, flags;
	size_t n;
	char name[];
};

struct system {
	const struct views_options *o;
	const struct screen *s;
	uint64_t start_ns;
	struct table *commands, *files, *network;
	struct peer *peers;
	struct buf text;
	size_t n_commands, n_files, own_files, hidden_peers;
};

static void add(struct buf *b, struct slice text)
{
	buf_add(b, text, 1u << 16);
}

/* Marks on a step that people look for. */
static const struct {
	const char *attribute, *word;
} flags[] = {
	{ "sonde.unexplained", "unexplained" }, { "sonde.housekeeping", "housekeeping" },
	{ "sonde.file.created", "created" },	{ "sonde.file.temporary", "temporary" },
	{ "sonde.file.own", "its own" },
};

static void add_flags(struct buf *b, const struct span *s)
{
	const struct slice why = span_attr_text(s, "sonde.unexplained.reason");
	const struct slice verdict = span_attr_text(s, "sonde.egress.verdict");

	for (size_t i = 0; i < ARRAY_SIZE(flags) && b->n < FLAGS_TEXT; i++) {
		if (span_attr_int(s, flags[i].attribute) <= 0)
			continue;
		add(b, b->n ? SLICE(", ") : SLICE(""));
		add(b, slice_of(flags[i].word));
		if (i == 0 && why.n) {
			add(b, SLICE(": "));
			add(b, why);
		}
	}
	if (verdict.n && b->n < FLAGS_TEXT) {
		add(b, b->n ? SLICE(", egress ") : SLICE("egress "));
		add(b, verdict);
	}
}

static void add_start(struct table *t, const struct system *y, uint64_t ns)
{
	struct text32 text = { "+0" };

	if (ns > y->start_ns)
		snprintf(text.s, sizeof(text.s), "+%.30s", format_duration(ns - y->start_ns).s);
	table_add_text(t, text.s);
}

static void add_bytes(struct table *t, int64_t n)
{
	table_add_text(t, n < 0 ? "" : format_bytes((uint64_t)n).s);
}

static void add_command(struct system *y, const struct span *s)
{
	const int64_t code = span_attr_int(s, "process.exit.code"),
		      sig = span_attr_int(s, "sonde.process.signal");
	const struct slice line = span_attr_text(s, "process.command_line");
	const bool bad = code > 0 || sig > 0;
	char text[32] = "", pid[16];

	if (sig > 0)
		snprintf(text, sizeof(text), "signal %lld", (long long)sig);
	else if (code != LLM_UNKNOWN)
		snprintf(text, sizeof(text), "%lld", (long long)code);
	add_start(y->commands, y, s->start_ns);
	snprintf(pid, sizeof(pid), "%u", s->process.tgid);
	table_add_text(y->commands, pid);
	table_add(y->commands, slice_of(text), bad ? STYLE_RED : STYLE_PLAIN);
	table_add_text(y->commands,
		       s->end_ns > s->start_ns ? format_duration(s->end_ns - s->start_ns).s : "");
	y->text.n = 0;
	add_flags(&y->text, s);
	table_add(y->commands, buf_slice(&y->text), STYLE_YELLOW);
	table_add(y->commands, line.n ? line : s->program, STYLE_PLAIN);
	y->n_commands++;
}

/* "renamed from /a/b" where another name belongs to it. */
static void add_path(struct system *y, const struct span *s)
{
	const struct slice path = span_attr_text(s, "file.path"),
			   from = span_attr_text(s, "sonde.file.from");

	y->text.n = 0;
	add(&y->text, path.n ? path : s->name);
	if (from.n) {
		add(&y->text, SLICE("  <- "));
		add(&y->text, from);
	}
	table_add(y->files, buf_slice(&y->text), STYLE_PLAIN);
}

static void add_file(struct system *y, const struct span *s)
{
	struct slice what = span_attr_text(s, "sonde.file.operation");

	if (span_attr_int(s, "sonde.file.own") > 0 && !y->o->all) {
		y->own_files++;
		return;
	}
	y->text.n = 0;
	add(&y->text, what);
	if (s->status == SPAN_ERROR) {
		add(&y->text, SLICE(" "));
		add(&y->text, s->error_type.n ? s->error_type : SLICE("failed"));
	}
	add_start(y->files, y, s->start_ns);
	table_add(y->files, slice_trim(buf_slice(&y->text)),
		  s->status == SPAN_ERROR ? STYLE_RED : STYLE_PLAIN);
	add_bytes(y->files, span_attr_int(s, "sonde.file.bytes_written"));
	add_bytes(y->files, span_attr_int(s, "file.size"));
	y->text.n = 0;
	add_flags(&y->text, s);
	table_add(y->files, buf_slice(&y->text), STYLE_YELLOW);
	add_path(y, s);
	y->n_files++;
}

/* --- peers --- */

static struct peer *find_peer(struct system *y, const struct span *s)
{
	char port[16] = "";
	struct peer *p;

	if (s->server_port > 0)
		snprintf(port, sizeof(port), ":%d", s->server_port);
	y->text.n = 0;
	add(&y->text, s->server_address.n ? s->server_address : s->name);
	add(&y->text, slice_of(port));
	if (!y->text.n)
		return NULL;
	HASH_FIND(hh, y->peers, y->text.p, y->text.n, p);
	if (p)
		return p;
	if (HASH_COUNT(y->peers) >= PEERS_MAX) {
		y->hidden_peers++;
		return NULL;
	}
	p = calloc(1, sizeof(*p) + y->text.n);
	if (!p)
		return NULL;
	memcpy(p->name, y->text.p, y->text.n);
	p->n = y->text.n;
	HASH_ADD_KEYPTR(hh, y->peers, p->name, p->n, p);
	if (p->hh.tbl)
		return p;
	free(p);
	return NULL;
}

/* "ENOENT", or what the attempts came to: a JSON array of texts. */
static void add_result(struct peer *p, const struct span *s)
{
	const struct attr *results = span_attr(s, "sonde.network.results");
	struct slice one;
	struct json_iter it;

	if (results && json_array(results->s, &it)) {
		while (p->result.n < FLAGS_TEXT && json_next(&it, &one)) {
			add(&p->result, p->result.n ? SLICE(", ") : SLICE(""));
			add(&p->result, one.n > 2 ? (struct slice){ one.p + 1, one.n - 2 } : one);
		}
	} else if (s->status == SPAN_ERROR && p->result.n < FLAGS_TEXT) {
		add(&p->result, p->result.n ? SLICE(", ") : SLICE(""));
		add(&p->result, s->error_type.n ? s->error_type : SLICE("failed"));
	}
}

static void add_peer(struct system *y, const struct span *s)
{
	const int64_t attempts = span_attr_int(s, "sonde.network.attempts");
	struct peer *p = find_peer(y, s);

	if (!p)
		return;
	if (s->step == STEP_NETWORK)
		p->attempts += attempts > 0 ? attempts : 1;
	else
		p->requests++;
	p->failed += s->status == SPAN_ERROR;
	add_result(p, s);
	if (p->flags.n < FLAGS_TEXT)
		add_flags(&p->flags, s);
}

static void list_peers(struct system *y)
{
	struct peer *p, *next;

	HASH_ITER(hh, y->peers, p, next)
	{
		table_add(y->network, (struct slice){ p->name, p->n }, STYLE_BOLD);
		table_add_text(y->network, p->requests ? format_count(p->requests).s : "");
		table_add(y->network, slice_of(p->failed ? format_count(p->failed).s : ""),
			  STYLE_RED);
		table_add_text(y->network, p->attempts ? format_count(p->attempts).s : "");
		table_add(y->network, buf_slice(&p->flags), STYLE_YELLOW);
		table_add(y->network, buf_slice(&p->result), STYLE_PLAIN);
		HASH_DEL(y->peers, p);
		buf_done(&p->result);
		buf_done(&p->flags);
		free(p);
	}
}

/* --- the whole --- */

static int on_span(void *ctx, const struct span *s)
{
	struct system *y = ctx;

	switch (s->step) {
	case STEP_PROCESS:
		add_command(y, s);
		break;
	case STEP_FILE:
		add_file(y, s);
		break;
	case STEP_LLM:
	case STEP_HTTP:
	case STEP_MCP:
		if (s->server_address.n)
			add_peer(y, s);
		break;
	case STEP_NETWORK:
		add_peer(y, s);
		break;
	default:
		break;
	}
	return 0;
}

static int on_span_json(void *ctx, const struct span *s)
{
	struct system *y = ctx;
	struct json_writer w = { .out = &y->text };

	if (s->step != STEP_PROCESS && s->step != STEP_FILE && s->step != STEP_NETWORK)
		return 0;
	span_json(&w, s, NULL);
	json_line(&w, y->s->f);
	return ferror(y->s->f) ? -EPIPE : 0;
}

static int on_run(void *ctx, const struct run *run)
{
	struct system *y = ctx;

	y->start_ns = run->start_ns;
	if (!y->o->json)
		tree_print_head(y->s, run);
	return 0;
}

static void print_part(const struct system *y, const char *title, const struct table *t)
{
	fprintf(y->s->f, "\n%s%s%s\n", screen_style(y->s, STYLE_BOLD), title,
		screen_style(y->s, STYLE_PLAIN));
	table_print(t, y->s);
}

static void print_parts(struct system *y)
{
	const bool peers = y->peers != NULL;

	list_peers(y);
	if (y->n_commands)
		print_part(y, "commands", y->commands);
	if (y->n_files || y->own_files)
		print_part(y, "files", y->files);
	if (y->own_files)
		fprintf(y->s->f, "%zu that the agent keeps for itself: --all\n", y->own_files);
	if (peers)
		print_part(y, "network", y->network);
	if (y->hidden_peers)
		fprintf(y->s->f, "%zu steps with more peers\n", y->hidden_peers);
	if (!y->n_commands && !y->n_files && !y->own_files && !peers)
		fprintf(y->s->f, "no commands, files or connections were seen\n");
}

int system_print(struct store_reader *r, const struct id128 *run, const struct views_options *o,
		 const struct screen *s)
{
	_cleanup_(table_freep) struct table *commands = table_new(command_columns);
	_cleanup_(table_freep) struct table *files = table_new(file_columns);
	_cleanup_(table_freep) struct table *network = table_new(peer_columns);
	const struct store_filter filter = { .run = *run };
	struct system y = {
		.o = o, .s = s, .commands = commands, .files = files, .network = network
	};
	int err = commands && files && network ? 0 : -ENOMEM;

	if (err == 0)
		err = store_runs(r, &filter, on_run, &y);
	if (err >= 0)
		err = store_spans(r, &filter, o->json ? on_span_json : on_span, &y);
	if (err >= 0 && !o->json)
		print_parts(&y);
	else
		list_peers(&y); /* frees them */
	buf_done(&y.text);
	return err < 0 ? err : 0;
}
