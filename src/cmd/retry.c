/* SPDX-License-Identifier: BSD-2-Clause */
/* `sonde retry`: looks up what a run was started as, and becomes `sonde run` of that. */
#include "cmd/retry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/launch.h"
#include "cmd/reader.h"
#include "cmd/screen.h"
#include "sonde/control.h"

#define RUN_OPTIONS 12 /* before the command's own arguments */

static bool json, quiet, dry_run;
static const char *db, *output;

static const struct option_spec options[] = {
	{ "dry-run", 'n', OPTION_FLAG, &dry_run, NULL, "only print what would be run", NULL, NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL,
	  "one JSON object per span as it ends, and per run at the end", NULL, NULL },
	{ "output", 'o', OPTION_FILE, &output, "FILE", "write there instead of to stderr", NULL,
	  NULL },
	{ "quiet", 'q', OPTION_FLAG, &quiet, NULL, "say nothing but what goes wrong", NULL, NULL },
	{ "db", 0, OPTION_FILE, &db, "FILE",
	  "the store that has the run; the new one goes there as well", NULL, NULL },
	{ 0 },
};

/* --- whether --- */

static int check_person(const struct started *s, const char *path, char why[RETRY_WHY])
{
	struct person who;
	struct stat st;

	if (person_find(&who) < 0) {
		snprintf(why, RETRY_WHY, "it is not known as whom to run it");
		return -EPERM;
	}
	if (s->uid != who.uid) {
		snprintf(why, RETRY_WHY, "it ran as user %u, and only they can run it again",
			 s->uid);
		return -EPERM;
	}
	if (stat(path, &st) < 0 || st.st_uid != who.uid || (st.st_mode & 022)) {
		snprintf(why, RETRY_WHY, "others can write the store '%s': what it says is not run",
			 path);
		return -EPERM;
	}
	return 0;
}

static int check(const struct started *s, const char *path, char why[RETRY_WHY])
{
	const char *no = started_why_not(s);
	char host[256] = "";
	struct stat st;
	int r;

	if (no) {
		snprintf(why, RETRY_WHY, "%s", no);
		return -EINVAL;
	}
	r = check_person(s, path, why);
	if (r < 0)
		return r;
	gethostname(host, sizeof(host) - 1);
	if (strcmp(host, s->host) != 0) {
		snprintf(why, RETRY_WHY, "it ran on another machine, '%.200s'", s->host);
		return -EINVAL;
	}
	if (stat(s->cwd, &st) < 0 || !S_ISDIR(st.st_mode)) {
		snprintf(why, RETRY_WHY,
			 "the folder that it ran in is not there any more: '%.300s'", s->cwd);
		return -ENOENT;
	}
	return 0;
}

int retry_check(const struct started *s, const char *path, char why[RETRY_WHY])
{
	_cleanup_(buf_done) struct buf clean = { 0 };
	const int r = check(s, path, why);

	if (r == 0)
		return 0;
	text_clean(&clean, slice_of(why), 0); /* names can hold anything */
	snprintf(why, RETRY_WHY, "%.*s", SLICE_ARG(buf_slice(&clean)));
	return r;
}

/* --- doing it --- */

int retry_as_person(void)
{
	struct person who;
	int r = person_find(&who);

	if (r < 0)
		return r;
	if (geteuid() == 0 && who.uid != 0 && (setegid(who.gid) < 0 || seteuid(who.uid) < 0))
		return log_errno(-errno, "cannot be '%s'", who.name);
	return 0;
}

int retry_as_self(void)
{
	if (geteuid() != getuid() && (seteuid(getuid()) < 0 || setegid(getgid()) < 0))
		return log_errno(-errno, "cannot be root again");
	return 0;
}

static int enter_folder(const char *folder)
{
	int r = retry_as_person(), back;

	if (r == 0 && chdir(folder) < 0)
		r = log_errno(-errno, "cannot enter '%s'", folder);
	back = retry_as_self();
	return r < 0 ? r : back;
}

static int command_line(const struct started *s, const char *first, const char *then,
			struct buf *ret)
{
	int r = buf_add(ret, slice_of(first), SIZE_MAX);

	if (r == 0)
		r = started_word(s->cwd, ret);
	if (r == 0)
		r = buf_add(ret, slice_of(then), SIZE_MAX);
	return r < 0 ? r : started_line(s->argv, ret);
}

/* What a shell would have to be told; harmless on a terminal. */
static int print_plan(const struct started *s)
{
	_cleanup_(buf_done) struct buf line = { 0 }, clean = { 0 };
	struct screen screen;

	if (command_line(s, "cd ", " && sonde run -- ", &line) < 0)
		return -ENOMEM;
	screen_init(&screen, stdout);
	if (screen.tty)
		text_clean(&clean, buf_slice(&line), 0);
	printf("%.*s\n", SLICE_ARG(buf_slice(screen.tty ? &clean : &line)));
	return screen_finish(&screen);
}

static void say_plan(const struct started *s)
{
	_cleanup_(buf_done) struct buf line = { 0 }, clean = { 0 };

	if (quiet || command_line(s, "in ", ": ", &line) < 0)
		return;
	text_clean(&clean, buf_slice(&line), 0);
	log_info("runs again %.*s", SLICE_ARG(buf_slice(&clean)));
}

static int become_run(const struct started *s, const char *path)
{
	char id[ID128_HEX_SIZE];
	const char **argv;
	size_t n = 0, own = 0;
	int r;

	while (s->argv[own])
		own++;
	argv = calloc(RUN_OPTIONS + own + 1, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	id128_hex(&s->run, id);
	argv[n++] = "sonde";
	argv[n++] = "run";
	argv[n++] = "--retry-of";
	argv[n++] = id;
	argv[n++] = "--db";
	argv[n++] = path;
	if (json)
		argv[n++] = "--json";
	if (quiet)
		argv[n++] = "--quiet";
	if (output) {
		argv[n++] = "--output";
		argv[n++] = output;
	}
	argv[n++] = "--";
	memcpy(argv + n, s->argv, own * sizeof(*argv));
	execv("/proc/self/exe", (char *const *)argv);
	r = -errno;
	free((void *)argv);
	return r;
}

static int find(const char *ref, struct started *ret, char **ret_path)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	struct id128 id;
	int r = reader_open(db, &reader, ret_path);

	if (r == 0)
		r = reader_find_run(reader, ref, &id);
	if (r < 0)
		return r;
	r = started_read(reader, &id, ret);
	return r < 0 ? log_errno(r, "cannot read the run '%s'", ref) : 0;
}

/* Relative names mean what they meant where we were called. */
static int make_absolute(const char **name, char *ret)
{
	char *dir;

	if (!*name || **name == '/')
		return 0;
	dir = getcwd(NULL, 0);
	if (!dir)
		return -errno;
	if (snprintf(ret, PATH_MAX, "%s/%s", dir, *name) >= PATH_MAX) {
		free(dir);
		return -ENAMETOOLONG;
	}
	free(dir);
	*name = ret;
	return 0;
}

static int retry(const struct started *s, const char *path)
{
	static char store[PATH_MAX], out[PATH_MAX];
	int r = make_absolute(&path, store);

	if (r == 0)
		r = make_absolute(&output, out);
	if (r < 0)
		return log_errno(r, "cannot tell where this is");
	r = enter_folder(s->cwd);
	if (r < 0)
		return r;
	say_plan(s);
	r = become_run(s, path);
	return log_errno(r, "cannot start 'sonde run'");
}

static int run(int argc, char **argv)
{
	_cleanup_(started_done) struct started s = { 0 };
	_cleanup_(freep) char *path = NULL;
	char why[RETRY_WHY];

	(void)argc;
	if (find(argv[0], &s, &path) < 0)
		return SONDE_EXIT_FAILURE;
	if (retry_check(&s, path, why) < 0) {
		log_err("not run again: %s", why);
		return SONDE_EXIT_FAILURE;
	}
	if (dry_run)
		return print_plan(&s) < 0 ? SONDE_EXIT_FAILURE : 0;
	retry(&s, path);
	return SONDE_EXIT_FAILURE;
}

const struct command command_retry = {
	.name = "retry",
	.summary = "run again what 'sonde run' had started",
	.usage = "[options] RUN",
	.help = "Looks up in the store what RUN was started as, says it, and becomes 'sonde run' "
		"of it:\n"
		"the same arguments in the same folder, into the same store. RUN: the first digits "
		"of its\n"
		"id, or 'last'. The new run says which one it is another go at "
		"(sonde.run.retry_of).\n"
		"\n"
		"Environment, terminal and files are those of now; options that the run was "
		"started with\n"
		"are not kept, nor what the command had read from its standard input.\n"
		"\n"
		"Refused: a run that 'sonde run' has not started (of the daemon, of an import), "
		"one whose\n"
		"arguments are not known to the last byte (more than 8 KiB, with a secret in them, "
		"at\n"
		"content level minimal or off), of another user or machine, whose folder has gone, "
		"and\n"
		"whatever stands in a store that somebody else can write.\n"
		"\n"
		"Examples:\n"
		"  sonde retry last\n"
		"  sonde retry --dry-run 3f2a9c1e\n"
		"\n"
		"Exit status: as of 'sonde run'; 125 where it was refused.\n",
	.options = options,
	.run = run,
	.min_operands = 1,
	.max_operands = 1,
	.usage_status = SONDE_EXIT_FAILURE,
};
