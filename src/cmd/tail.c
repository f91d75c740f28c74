/* SPDX-License-Identifier: BSD-2-Clause */
/* Watching captures while they happen: those of a store (live_hub.h), or the daemon's. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/hubs.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/remote.h"
#include "cmd/remote_http.h"
#include "cmd/tail_print.h"
#include "store/store.h"

#define LOOK_MS 500 /* for new captures */

static bool json, until_idle;
static bool text = true;
static const char *db;

static const struct option_spec options[] = {
	{ "text", 't', OPTION_FLAG, &text, NULL,
	  "what models say and think, and arguments, as they come", NULL, NULL },
	{ "once", '1', OPTION_FLAG, &until_idle, NULL,
	  "end when no capture is under way (with RUN: always);\nof a daemon: with what it still "
	  "has",
	  NULL, NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL, "the lines as they are sent, one object each",
	  NULL, NULL },
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store whose captures are watched", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

/* --- from the captures themselves --- */

struct tail {
	struct tail_printer printer;
	const char *path;
	bool seen;   /* there was a capture */
	char id[64]; /* of the last line that the daemon gave */
};

static uint64_t on_line(void *ctx, struct slice line, uint64_t before)
{
	struct tail *t = ctx;

	return tail_print_line(&t->printer, line, before);
}

static int follow_captures(struct tail *t)
{
	struct hubs *h = NULL;
	bool told = false;
	int live, r = hubs_new(t->path, on_line, t, &h);

	while (r == 0 && !stopped && !ferror(stdout)) {
		live = hubs_wait(h, LOOK_MS);
		fflush(stdout);
		if (t->printer.over || (live == 0 && (until_idle || t->printer.run)))
			break;
		if (live == 0 && !told && isatty(STDERR_FILENO))
			fprintf(stderr, "no capture is under way at %s; waiting for one\n",
				t->path);
		told = true; /* once: what ends later was seen */
	}
	t->seen = h && hubs_seen(h);
	hubs_free(h);
	return r;
}

/* --- from the daemon --- */

static void keep_id(struct tail *t, struct slice line)
{
	const struct slice id = json_member(line, SLICE("id"));

	if (id.n > 2 && id.n < sizeof(t->id))
		snprintf(t->id, sizeof(t->id), "%.*s", (int)id.n - 2, id.p + 1);
}

static int take_stream(struct tail *t, struct http_reply *reply)
{
	struct slice line;
	int got = 0;

	while (!stopped && !t->printer.over && !ferror(stdout) &&
	       (got = http_line(reply, &line)) > 0) {
		keep_id(t, line);
		tail_print_line(&t->printer, line, 0);
		fflush(stdout);
	}
	return stopped || got >= 0 ? 0 : got;
}

static int ask_daemon(struct tail *t)
{
	char target[128], why[256];
	struct http_reply reply;
	int r;

	snprintf(target, sizeof(target), "/api/v1/live?after=%s%s", t->id,
		 until_idle ? "&follow=0" : "");
	r = http_ask(remote_socket(), "GET", target, "", (struct slice){ 0 }, &reply);
	if (r < 0)
		return remote_failed(r);
	if (reply.status == 200) {
		r = take_stream(t, &reply);
	} else {
		http_problem(&reply, why, sizeof(why));
		log_err("the daemon refuses: %s", why);
		r = -EACCES;
	}
	http_done(&reply);
	return r;
}

/* A daemon that starts again is asked again, from the line on that was the last. */
static int follow_daemon(struct tail *t)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000l };
	int r;

	t->seen = true;
	for (;;) {
		r = ask_daemon(t);
		if (r < 0 || stopped || t->printer.over || until_idle || ferror(stdout))
			return r;
		nanosleep(&pause, NULL);
	}
}

/* --- the command --- */

static int follow(struct tail *t, char **path)
{
	if (remote_conflict(&command_tail))
		return -EINVAL;
	if (remote_wanted(&command_tail))
		return follow_daemon(t);
	if (store_find(db, true, path) < 0 && store_find(db, false, path) < 0) {
		log_err("no store found; --db FILE or $SONDE_DB name one");
		return -ENOENT;
	}
	t->path = *path;
	return follow_captures(t);
}

static int run(int argc, char **argv)
{
	static const struct sigaction stop = { .sa_handler = on_signal };
	_cleanup_(freep) char *path = NULL;
	struct tail t = { 0 };
	int failed, r = tail_print_init(&t.printer, argc ? argv[0] : NULL, json, text);

	if (r < 0) {
		log_err("'%s' is no run: give the digits that 'sonde runs' shows", argv[0]);
		return 1;
	}
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	failed = follow(&t, &path);
	r = tail_print_done(&t.printer);
	if (failed < 0)
		return 1;
	if (r < 0)
		log_err("no run '%s' is under way; 'sonde show %s' shows one that has ended",
			argv[0], argv[0]);
	else if (!t.seen && until_idle)
		fprintf(stderr, "no capture is under way at %s\n", path);
	return r < 0;
}

const struct command command_tail = {
	.name = "tail",
	.summary = "follow runs while they happen",
	.usage = "[RUN] [options]",
	.help = "Follows the captures that write to the store: what each run does right now\n"
		"(thinking, streaming, tool, waiting_human, idle), its steps as they begin and "
		"end,\n"
		"and what models say as it comes. New captures are joined as they begin. With "
		"RUN,\n"
		"that one is followed to its end.\n"
		"\n"
		"Text comes a little late: what could still turn out to be a part of a secret is\n"
		"held back. Nothing is read from the store, and no capture waits for a watcher: "
		"one\n"
		"that does not keep up is told what it has missed.\n"
		"\n"
		"Of a daemon everybody sees the runs of their own.\n"
		"\n"
		"Examples:\n"
		"  sonde tail\n"
		"  sonde tail 1f0c2a9b --no-text\n"
		"  sonde tail --json | jq 'select(.type==\"state\")'\n",
	.options = options,
	.run = run,
	.max_operands = 1,
};
