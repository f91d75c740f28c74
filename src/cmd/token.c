/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens for programs that ask the API over TCP. The file is beside the store and its owner's; root
 * writes it as that owner.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/session.h"
#include "api/tokens.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/config_file.h"
#include "cmd/screen.h"

#define DAY_S 86400

static const char *db, *rights = "read", *user;
static uint64_t days;
static char path[PATH_MAX], sessions_path[PATH_MAX];

static const struct option_spec options[] = {
	{ "right", 0, OPTION_STRING, &rights, "RIGHT[,...]",
	  "read: lists and figures; content: what was said; export;\nwrite: runs are stopped and "
	  "run again",
	  NULL, NULL },
	{ "user", 0, OPTION_STRING, &user, "NAME", "it sees the runs of this user; without: of all",
	  NULL, NULL },
	{ "days", 0, OPTION_COUNT, &days, "N", "it expires then; 0: never", NULL, NULL },
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store; without: the daemon's", NULL, NULL },
	{ 0 },
};

/* --- the file --- */

/* Root becomes the folder's owner: in a folder of another user, files are that user's. */
static int become_owner(void)
{
	char dir[PATH_MAX];
	struct stat st;

	if (tokens_path(path, ".", dir, sizeof(dir)) < 0 || stat(dir, &st) < 0)
		return log_errno(-errno, "cannot look at the folder of '%s'", path);
	if (geteuid() != 0 || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) < 0 ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
		return log_errno(-errno, "cannot become the owner of '%s'", dir);
	return 0;
}

static int find_file(void)
{
	_cleanup_(config_freep) struct config *c = NULL;
	const char *store = db;

	if (!store && config_load(NULL, &c) < 0)
		return -EINVAL;
	if (!store)
		store = c->daemon.store;
	if (tokens_path(store, TOKENS_FILE, path, sizeof(path)) < 0 ||
	    tokens_path(store, SESSIONS_FILE, sessions_path, sizeof(sessions_path)) < 0)
		return log_errno(-ENAMETOOLONG, "the tokens of '%s'", store);
	return become_owner();
}

/* Two who change it at once wait for each other. */
static int lock(void)
{
	char name[PATH_MAX + 8];
	int fd;

	snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return log_errno(-errno, "cannot lock '%s'", name);
	return fd;
}

static int read_tokens(struct tokens *ret)
{
	const int r = tokens_read(path, ret);

	if (r == -EPERM)
		log_err("'%s' can be opened by others than its owner, who may know the tokens: "
			"chmod 600 it, or remove it",
			path);
	else if (r < 0)
		log_errno(r, "cannot read '%s'", path);
	return r;
}

/* --- add, list, remove --- */

static int describe(const char *label, struct token *ret)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;

	*ret = (struct token){ .all = !user };
	if (!*label || strlen(label) > TOKEN_LABEL_MAX) {
		log_err("a label has 1 to %d characters", TOKEN_LABEL_MAX);
		return -EINVAL;
	}
	if (!rights_parse(slice_of(rights), &ret->rights)) {
		log_err("--right takes read, content, export and write, with commas between; not "
			"'%s'",
			rights);
		return -EINVAL;
	}
	if (user && !pw) {
		log_err("there is no user '%s'", user);
		return -EINVAL;
	}
	if (pw) {
		ret->uid = pw->pw_uid;
		snprintf(ret->user, sizeof(ret->user), "%s", user);
	}
	snprintf(ret->label, sizeof(ret->label), "%s", label);
	if (days)
		ret->expires = time(NULL) + (time_t)(days < 36500 ? days : 36500) * DAY_S;
	return 0;
}

static int add(const char *label)
{
	char secret[TOKEN_CHARS + 1];
	struct tokens all = { 0 };
	struct token new;
	int r = describe(label, &new);

	if (r < 0)
		return r;
	r = read_tokens(&all);
	if (r < 0)
		return r;
	r = tokens_add(&all, &new, secret);
	if (r == -EEXIST)
		log_err("there is a token '%s' already: sonde token remove %s", label, label);
	else if (r == 0)
		r = tokens_write(path, &all);
	if (r < 0 && r != -EEXIST)
		log_errno(r, "cannot write '%s'", path);
	tokens_done(&all);
	if (r < 0)
		return r;
	log_info("keep it: it is not shown again. It sees the runs of %s",
		 user ? user : "all users");
	printf("%s\n", secret);
	return 0;
}

static void print_day(time_t at, const char *without)
{
	struct tm tm;
	char text[16] = "";

	if (at && localtime_r(&at, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	printf("  %-10s", at ? text : without);
}

static int list(const char *label)
{
	struct tokens all = { 0 };
	char names[40];
	int r = read_tokens(&all);

	(void)label;
	if (r == 0)
		printf("%-8s  %-20s  %-26s  %-12s  %-10s  %-10s  %s\n", "ID", "LABEL", "RIGHTS",
		       "USER", "CREATED", "EXPIRES", "USED");
	for (size_t i = 0; i < all.n; i++) {
		const struct token *t = &all.list[i];

		rights_print(t->rights, names);
		printf("%-8s  %-20s  %-26s  %-12s", t->id, t->label, names,
		       t->all ? "(all)" : t->user);
		print_day(t->created, "");
		print_day(t->expires, "never");
		print_day(sessions_token_last(sessions_path, t->id), "never");
		printf("\n");
	}
	tokens_done(&all);
	return r;
}

static int remove_one(const char *label)
{
	struct tokens all = { 0 };
	int r = read_tokens(&all);

	if (r < 0)
		return r;
	r = tokens_remove(&all, label);
	if (r < 0)
		log_err("there is no token '%s'; 'sonde token list' shows all", label);
	else if ((r = tokens_write(path, &all)) < 0)
		log_errno(r, "cannot write '%s'", path);
	tokens_done(&all);
	return r;
}

static const struct verb {
	const char *name;
	bool takes_label, changes;
	int (*run)(const char *label);
} verbs[] = {
	{ "add", true, true, add },
	{ "list", false, false, list },
	{ "remove", true, true, remove_one },
};

static int run(int argc, char **argv)
{
	const struct verb *v = verbs;
	struct screen s = { .f = stdout };
	_cleanup_(closep) int lock_fd = -1;
	int r;

	while (v < verbs + ARRAY_SIZE(verbs) && strcmp(v->name, argv[0]) != 0)
		v++;
	if (v == verbs + ARRAY_SIZE(verbs) || argc != 1 + v->takes_label) {
		log_err("token: add LABEL, list, or remove LABEL|ID");
		return EXIT_USAGE;
	}
	r = find_file();
	if (r == 0 && v->changes) {
		umask(077);
		lock_fd = lock();
		r = lock_fd < 0 ? lock_fd : 0;
	}
	if (r == 0)
		r = v->run(argv[1]);
	return screen_finish(&s) < 0 || r < 0;
}

const struct command command_token = {
	.name = "token",
	.summary = "tokens for programs that ask the API over TCP",
	.usage = "add LABEL [options] | list | remove LABEL|ID",
	.help = "A program sends one as 'Authorization: Bearer TOKEN'. It is shown once; kept is "
		"its\n"
		"SHA-256, in tokens.json beside the store, which only the store's owner can read. "
		"A\n"
		"change holds at once. Browsers need none: 'sonde open' lets them in.\n"
		"\n"
		"Examples:\n"
		"  sudo sonde token add dashboard\n"
		"  sudo sonde token add ci --right read,export --user builder --days 90\n"
		"  sudo sonde token remove ci\n",
	.options = options,
	.run = run,
	.min_operands = 1,
	.max_operands = 2,
};
