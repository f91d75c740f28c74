/* SPDX-License-Identifier: BSD-2-Clause */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/remote.h"
#include "cmd/screen.h"
#include "cmd/served.h"
#include "sonde/control.h"

#define NAMES_MAX 64

static void print_overview(FILE *f)
{
	fprintf(f, "sonde - trace AI agents without touching them\n\n"
		   "usage: sonde COMMAND [options] [arguments]\n\n");
	for (size_t i = 0; i < n_commands; i++)
		if (!commands[i]->hidden)
			fprintf(f, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(f,
		"\n'sonde COMMAND --help' says more about one of them, 'sonde help' about all.\n");
}

static const char manual[] =
	"\n"
	"DESCRIPTION\n"
	"  'sonde run -- COMMAND' runs a command and reads, with probes in the kernel, "
	"what it\n"
	"  and its children say over TLS and HTTP to language models. From that it "
	"rebuilds the\n"
	"  run: model calls, tool calls with the programs that carried them out, tokens "
	"and\n"
	"  costs. The command needs no change, and behaves as it does without sonde.\n"
	"\n"
	"  What was seen is kept in a store, one SQLite file; the other commands read it.\n"
	"\n"
	"THE STORE\n"
	"  --db FILE, else $SONDE_DB, else your own: $XDG_DATA_HOME/sonde/sonde.db or\n"
	"  ~/.local/share/sonde/sonde.db (under sudo: of the user who called it); for "
	"reading,\n"
	"  else the daemon's: it is asked where it runs (--daemon asks it in any case), and "
	"shows\n"
	"  you your own runs; to root and its group all. 'sonde status' says whether it "
	"runs.\n"
	"\n"
	"RUNS AND SESSIONS\n"
	"  A run is named by the first digits of its id, as 'sonde runs' shows them (at "
	"least\n"
	"  4), or 'last'; a session likewise, as 'sonde sessions' shows it.\n"
	"\n"
	"TIMES\n"
	"  --since and --until take 2026-11-20, 2026-11-20T10:00 (local; a Z behind it: "
	"UTC),\n"
	"  2026-11-20T10:00+01:00, today, yesterday, or an age: 90m, 2h, 7d, 4w.\n"
	"\n"
	"FILTERS\n"
	"  runs, sessions, spans, tools, cost and export have one set: --since, --until, "
	"--agent,\n"
	"  --model, --provider, --tool, --status, --trigger, --project, --workflow, "
	"--user,\n"
	"  --session, --text and --limit. Several narrow it down. Of runs they ask for "
	"those that\n"
	"  have such a step, of steps for those that are so or whose run is. --project "
	"takes a\n"
	"  folder as it was, or one that is ('.'); --trigger a kind (terminal, cron, ssh) "
	"or the\n"
	"  name of a unit or script; --text words of the task, all of which it has.\n"
	"\n"
	"OUTPUT\n"
	"  --json prints one object per line. A span has trace_id, span_id, "
	"parent_span_id,\n"
	"  name, kind, start_time_unix_nano, end_time_unix_nano, status and attributes, "
	"with the\n"
	"  names of the OpenTelemetry GenAI conventions 1.41 (gen_ai.*) and sonde.* for "
	"ours.\n"
	"  What is not known is absent, never 0. A run has \"type\":\"run\".\n"
	"\n"
	"ENVIRONMENT\n"
	"  SONDE_DB     the store\n"
	"  SONDE_DAEMON 1: ask the daemon, as --daemon does; SONDE_SOCKET: where it listens\n"
	"  SONDE_CONFIG the configuration (see 'sonde config --help')\n"
	"  SONDE_CACHE  where root keeps what was found out about files "
	"(/var/cache/sonde); off\n"
	"  NO_COLOR     no colours, on terminals as well\n"
	"\n"
	"EXIT STATUS\n"
	"  'sonde run' ends with its command's status (see 'sonde run --help'). All "
	"others: 0,\n"
	"  1 where something failed, 2 where the options are wrong; 'sonde diff' as "
	"diff(1): 1\n"
	"  where the runs differ, 2 in trouble. 125 for no such command.\n";

static void print_manual(FILE *f)
{
	print_overview(f);
	fputs(manual, f);
}

static void print_command_help(const struct command *c)
{
	struct buf options = { 0 };

	options_help(c->options, &options);
	printf("usage: sonde %s %s\n\n%s%s%s\nOptions:\n%.*s", c->name, c->usage ? c->usage : "",
	       c->help ? "" : c->summary, c->help ? "" : "\n", c->help ? c->help : "",
	       SLICE_ARG(buf_slice(&options)));
	buf_done(&options);
}

/* What `--help` printed may not have arrived: a full disk is an error, a closed pipe is none. */
static int finish_help(void)
{
	struct screen s = { .f = stdout };
	int r = screen_finish(&s);

	return r < 0 ? log_errno(r, "cannot write the output"), 1 : 0;
}

static int usage_error(const struct command *c, const char *text)
{
	log_err("%s: %s (see 'sonde %s --help')", c->name, text, c->name);
	return c->usage_status ? c->usage_status : EXIT_USAGE;
}

/* Its operands are counted and its options set: whoever carries it out. */
static int carry_out(const struct command *c, int n, char **argv)
{
	if (served() && served_enter() < 0)
		return 1;
	if (c->remote && remote_conflict(c))
		return EXIT_USAGE;
	if (c->remote == REMOTE_WHOLE && remote_wanted(c))
		return remote_run(c);
	return c->run(n, argv);
}

static int run_command(const struct command *c, int argc, char **argv)
{
	struct options_error err;
	char text[128];
	int n = served() ? served_check(c, argc, argv) : 0;

	if (n < 0)
		return 1;
	if (c->remote && remote_prepare(c, argc, argv) < 0)
		return 1;
	n = options_parse(c->options, c->stop_at_operand, argc, argv, &err);

	if (n == OPTIONS_HELP) {
		print_command_help(c);
		return finish_help();
	}
	if (n < 0)
		return usage_error(c, err.text);
	if (n < c->min_operands) {
		snprintf(text, sizeof(text), "too few arguments; usage: %.80s", c->usage);
		return usage_error(c, text);
	}
	if (c->max_operands >= 0 && n > c->max_operands) {
		snprintf(text, sizeof(text), "'%.80s' is one argument too many",
			 argv[c->max_operands]);
		return usage_error(c, text);
	}
	return carry_out(c, n, argv);
}

static int no_such_command(const char *name)
{
	const char *names[NAMES_MAX], *meant;
	size_t n = 0;

	for (size_t i = 0; i < n_commands; i++)
		if (!commands[i]->hidden && n < NAMES_MAX - 2)
			names[n++] = commands[i]->name;
	names[n++] = "help";
	names[n] = NULL;
	meant = options_suggest(name, names);
	if (meant)
		log_err("no command '%s'; did you mean 'sonde %s'?", name, meant);
	else
		log_err("no command '%s'; 'sonde help' lists them", name);
	return SONDE_EXIT_FAILURE;
}

static int help(const char *name)
{
	const struct command *c = name ? command_named(name) : NULL;

	if (name && !c)
		return no_such_command(name);
	if (c)
		print_command_help(c);
	else
		print_manual(stdout);
	return finish_help();
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct command *c;

	setlocale(LC_CTYPE, "");
	if (!name) {
		print_overview(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
		return help(argc > 2 ? argv[2] : NULL);
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		printf("sonde %s\n", SONDE_VERSION);
		return finish_help();
	}
	c = command_named(name);
	return c ? run_command(c, argc - 2, argv + 2) : no_such_command(name);
}
