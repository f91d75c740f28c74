// SPDX-License-Identifier: BSD-2-Clause
#include "probe/describe.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

#define TEXT_MAX      16384 /* of one file in /proc */
#define ENV_NAMES_MAX 256
#define ANCESTORS_MAX 32

struct status {
	char comm[17];
	pid_t ppid;
	unsigned int uid, gid, tty;
};

size_t describe_file(pid_t pid, const char *name, char *ret, size_t size)
{
	_cleanup_(closep) int fd = -1;
	char path[64];
	size_t n = 0;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && n < size - 1 && (got = read(fd, ret + n, size - 1 - n)) > 0)
		n += (size_t)got;
	ret[n] = '\0';
	return n;
}

/* "pid (comm) state ppid pgrp session tty_nr ...": comm may hold anything, also ")". */
static int read_stat(pid_t pid, struct status *ret)
{
	char text[1024], *open, *close;
	int ppid, tty;

	if (!describe_file(pid, "stat", text, sizeof(text)))
		return -ESRCH;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open)
		return -EBADMSG;
	/* The kernel wrote the numbers. NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(close + 1, " %*c %d %*d %*d %d", &ppid, &tty) != 2)
		return -EBADMSG;
	snprintf(ret->comm, sizeof(ret->comm), "%.*s", (int)(close - open - 1), open + 1);
	ret->ppid = ppid;
	ret->tty = (unsigned int)tty;
	return 0;
}

pid_t describe_parent(pid_t pid)
{
	struct status s;

	return read_stat(pid, &s) == 0 ? s.ppid : -1;
}

/* The first number of a line of /proc/PID/status: the real id. */
static void put_id(const char *status, const char *line, const char *key, struct json_writer *w)
{
	const char *at = strstr(status, line);
	char *end;
	unsigned long id;

	if (!at)
		return;
	at += strlen(line);
	id = strtoul(at, &end, 10);
	if (end == at)
		return;
	json_key(w, key);
	json_put_int(w, (int64_t)id);
}

static void put_ids(pid_t pid, struct json_writer *w)
{
	char text[4096];

	if (!describe_file(pid, "status", text, sizeof(text)))
		return;
	put_id(text, "\nUid:", "uid", w);
	put_id(text, "\nGid:", "gid", w);
}

static void put_link(pid_t pid, const char *name, struct json_writer *w)
{
	char path[64], target[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	n = readlink(path, target, sizeof(target));
	if (n <= 0)
		return;
	json_key(w, name);
	json_put_str(w, (struct slice){ target, (size_t)n });
}

/* The last 64 hexadecimal digits in a row of the cgroup's path: how every container runtime names
 * its own. */
static struct slice container_of(struct slice cgroup)
{
	struct slice found = { 0 };
	size_t run = 0;

	for (size_t i = 0; i < cgroup.n; i++) {
		run = isxdigit((unsigned char)cgroup.p[i]) ? run + 1 : 0;
		if (run == 64)
			found = (struct slice){ cgroup.p + i - 63, 64 };
	}
	return found;
}

static void put_cgroup(pid_t pid, struct json_writer *w)
{
	char text[TEXT_MAX];
	struct slice path, container;
	const char *at;

	describe_file(pid, "cgroup", text, sizeof(text));
	at = strstr(text, "0::"); /* version 2 */
	if (at) {
		path = slice_of(at + 3);
		path.n = strcspn(path.p, "\n");
		json_key(w, "cgroup");
		json_put_str(w, path);
	}
	container = container_of(slice_of(text)); /* version 1 has a path for each controller */
	if (container.n) {
		json_key(w, "container");
		json_put_str(w, container);
	}
}

/* Values are secrets; which names there are tells what a program is run under. */
static void put_env_names(pid_t pid, struct json_writer *w)
{
	static char text[128 << 10];
	size_t n = describe_file(pid, "environ", text, sizeof(text)), names = 0;

	json_key(w, "env");
	json_begin(w, '[');
	for (size_t at = 0; at < n && names < ENV_NAMES_MAX; at += strlen(text + at) + 1) {
		size_t len = strcspn(text + at, "=");

		if (len == 0 || len > 128 || text[at + len] != '=')
			continue;
		json_put_str(w, (struct slice){ text + at, len });
		names++;
	}
	json_end(w, ']');
	explicit_bzero(text, n);
}

static void put_tty(unsigned int tty, struct json_writer *w)
{
	char name[32];

	if (!tty)
		return;
	/* The kernel's numbers of pseudo terminals; others are told by number. */
	if (major(tty) >= 136 && major(tty) <= 143)
		snprintf(name, sizeof(name), "pts/%u", (major(tty) - 136) * 256 + minor(tty));
	else
		snprintf(name, sizeof(name), "%u:%u", major(tty), minor(tty));
	json_key(w, "tty");
	json_put_str(w, slice_of(name));
}

void describe_process(pid_t pid, struct json_writer *w)
{
	struct status s;

	put_link(pid, "exe", w);
	put_link(pid, "cwd", w);
	put_cgroup(pid, w);
	put_ids(pid, w);
	if (read_stat(pid, &s) == 0) {
		json_key(w, "comm");
		json_put_str(w, slice_of(s.comm));
		json_key(w, "ppid");
		json_put_int(w, s.ppid);
		put_tty(s.tty, w);
	}
	put_env_names(pid, w);
}

static bool has_env(pid_t pid, const char *name)
{
	static char text[128 << 10];
	size_t n = describe_file(pid, "environ", text, sizeof(text)), len = strlen(name);
	bool found = false;

	for (size_t at = 0; at < n && !found; at += strlen(text + at) + 1)
		found = strncmp(text + at, name, len) == 0 && text[at + len] == '=';
	explicit_bzero(text, n);
	return found;
}

/* Ancestors that say how a command was begun; the nearest counts. */
static const struct {
	const char *comm, *trigger;
} starters[] = {
	{ "sshd", "ssh" },	     { "sshd-session", "ssh" },
	{ "dropbear", "ssh" },	     { "cron", "cron" },
	{ "crond", "cron" },	     { "atd", "cron" },
	{ "gitlab-runner", "ci" },   { "Runner.Worker", "ci" },
	{ "buildkite-agent", "ci" }, { "tmux: server", "terminal" },
};

static const char *starter(const char *comm)
{
	for (size_t i = 0; i < ARRAY_SIZE(starters); i++)
		if (strcmp(starters[i].comm, comm) == 0)
			return starters[i].trigger;
	return NULL;
}

const char *describe_trigger(pid_t pid)
{
	static const char *const ci[] = { "CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL",
					  "BUILDKITE" };
	struct status s = { .ppid = pid };
	unsigned int tty = 0;
	const char *trigger;

	for (size_t i = 0; i < ARRAY_SIZE(ci); i++)
		if (has_env(pid, ci[i]))
			return "ci";
	for (int i = 0; i < ANCESTORS_MAX && s.ppid > 1; i++) {
		if (read_stat(s.ppid, &s) < 0)
			break;
		if (i == 0)
			tty = s.tty;
		trigger = starter(s.comm);
		if (trigger)
			return trigger;
	}
	if (tty)
		return "terminal";
	return has_env(pid, "INVOCATION_ID") ? "systemd" : "other";
}
