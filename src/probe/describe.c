// SPDX-License-Identifier: BSD-2-Clause
#include "probe/describe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/confinement.h"
#include "probe/container_files.h"

#define TEXT_MAX      16384 /* of one file in /proc */
#define ENV_NAMES_MAX 256
#define ENV_NAME_MAX  128

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
int describe_stat(pid_t pid, struct describe_stat *ret)
{
	char text[1024], *open, *close;
	int ppid, session, tty;

	if (!describe_file(pid, "stat", text, sizeof(text)))
		return -ESRCH;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open)
		return -EBADMSG;
	/* The kernel wrote the numbers. NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(close + 1, " %*c %d %*d %d %d", &ppid, &session, &tty) != 3)
		return -EBADMSG;
	snprintf(ret->comm, sizeof(ret->comm), "%.*s", (int)(close - open - 1), open + 1);
	ret->parent = ppid;
	ret->session = session;
	ret->tty = (unsigned int)tty;
	return 0;
}

pid_t describe_parent(pid_t pid)
{
	struct describe_stat s;

	return describe_stat(pid, &s) == 0 ? s.parent : -1;
}

uint32_t describe_user(pid_t pid, uint32_t fallback)
{
	char text[4096];
	const char *at = NULL;

	if (describe_file(pid, "status", text, sizeof(text)))
		at = strstr(text, "\nUid:");
	return at ? (uint32_t)strtoul(at + strlen("\nUid:"), NULL, 10) : fallback;
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

void describe_link(pid_t pid, const char *name, struct json_writer *w)
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

/* The cgroup of version 2; of version 1 the one that systemd keeps its units in. */
static struct slice cgroup_of(const char *text)
{
	static const char *const hierarchies[] = { "0::", ":name=systemd:" };
	struct slice path = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(hierarchies) && path.n <= strlen("/"); i++) {
		const char *at = strstr(text, hierarchies[i]);

		if (!at)
			continue;
		path = slice_of(at + strlen(hierarchies[i]));
		path.n = strcspn(path.p, "\n");
	}
	return path;
}

/* Version 1 has a path for each controller: the first that names a container. */
static bool find_place(const char *text, struct slice path, struct cgroup_place *ret)
{
	struct slice line, rest = slice_of(text);

	if (cgroup_place(path, ret))
		return true;
	for (bool more = true; more;) {
		const char *slash;
		struct cgroup_place at;

		more = slice_cut(rest, '\n', &line, &rest);
		line = more ? line : rest;
		slash = line.n ? memchr(line.p, '/', line.n) : NULL;
		if (!slash || !cgroup_place(slice_from(line, (size_t)(slash - line.p)), &at))
			continue;
		*ret = at;
		return true;
	}
	return container_files_find(container_files_root(), path, ret);
}

bool describe_place(pid_t pid, struct cgroup_place *ret)
{
	char text[TEXT_MAX];

	describe_file(pid, "cgroup", text, sizeof(text));
	return find_place(text, cgroup_of(text), ret);
}

void describe_cgroup(pid_t pid, struct json_writer *w)
{
	struct cgroup_place at;
	char text[TEXT_MAX];
	struct slice path;

	describe_file(pid, "cgroup", text, sizeof(text));
	path = cgroup_of(text);
	if (path.n) {
		json_key(w, "cgroup");
		json_put_str(w, path);
	}
	if (find_place(text, path, &at)) {
		json_key(w, "container");
		json_put_str(w, slice_of(at.container));
	}
}

/* Values are secrets; which names there are tells what a program is run under. */
static bool put_env_name(struct json_writer *w, const char *var)
{
	const size_t n = strcspn(var, "=");

	if (n == 0 || n > ENV_NAME_MAX || var[n] != '=')
		return false;
	json_put_str(w, (struct slice){ var, n });
	return true;
}

void describe_env(pid_t pid, struct json_writer *w)
{
	static char text[128 << 10];
	size_t n = describe_file(pid, "environ", text, sizeof(text)), names = 0;

	json_key(w, "env");
	json_begin(w, '[');
	for (size_t at = 0; at < n && names < ENV_NAMES_MAX; at += strlen(text + at) + 1)
		names += put_env_name(w, text + at);
	json_end(w, ']');
	explicit_bzero(text, n);
}

void describe_env_of(char **env, struct json_writer *w)
{
	json_key(w, "env");
	json_begin(w, '[');
	for (size_t names = 0; *env && names < ENV_NAMES_MAX; env++)
		names += put_env_name(w, *env);
	json_end(w, ']');
}

void describe_tty(unsigned int tty, struct json_writer *w)
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
	struct describe_stat s;

	describe_link(pid, "exe", w);
	describe_link(pid, "cwd", w);
	describe_cgroup(pid, w);
	put_ids(pid, w);
	if (describe_stat(pid, &s) == 0) {
		json_key(w, "comm");
		json_put_str(w, slice_of(s.comm));
		json_key(w, "ppid");
		json_put_int(w, s.parent);
		describe_tty(s.tty, w);
	}
	confinement_describe(pid, w);
	describe_env(pid, w);
}
