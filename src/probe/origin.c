// SPDX-License-Identifier: BSD-2-Clause
#include "probe/origin.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/util.h"
#include "probe/describe.h"

#define ORIGIN_MAX    16384 /* bytes of JSON */
#define ANCESTORS_MAX 24
#define ARGV_MAX      512 /* bytes of an ancestor's arguments */
#define DEPTH_MAX     64  /* folders above the working directory */

/* --- who started it --- */

/* Cut arguments are left out: half a word may look like another one. */
static void put_argv(pid_t pid, struct json_writer *w)
{
	char text[ARGV_MAX];
	const size_t n = describe_file(pid, "cmdline", text, sizeof(text));

	json_key(w, "argv");
	json_begin(w, '[');
	for (size_t at = 0, len; at < n; at += len + 1) {
		len = strlen(text + at);
		if (at > 0 && at + len >= sizeof(text) - 1)
			break;
		json_put_str(w, (struct slice){ text + at, len });
	}
	json_end(w, ']');
}

static void put_ancestors(pid_t pid, struct json_writer *w)
{
	struct describe_stat s;

	json_key(w, "ancestors");
	json_begin(w, '[');
	for (int i = 0; i < ANCESTORS_MAX && pid > 0 && describe_stat(pid, &s) == 0; i++) {
		json_begin(w, '{');
		json_key(w, "comm");
		json_put_str(w, slice_of(s.comm));
		describe_link(pid, "exe", w);
		put_argv(pid, w);
		json_end(w, '}');
		pid = s.parent;
	}
	json_end(w, ']');
}

/* Inside, a container's cgroup need not have its name; engines leave a file. */
static void put_in_container(pid_t pid, struct json_writer *w)
{
	static const char *const marks[] = { ".dockerenv", "run/.containerenv" };
	struct stat st;
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		snprintf(path, sizeof(path), "/proc/%d/root/%s", pid, marks[i]);
		if (lstat(path, &st) < 0)
			continue;
		json_key(w, "in_container");
		json_put_bool(w, true);
		return;
	}
}

int origin_describe(pid_t pid, pid_t parent, char **env, struct buf *ret)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct json_writer w = { .out = &text, .max = ORIGIN_MAX };
	struct describe_stat s;

	json_begin(&w, '{');
	put_ancestors(parent, &w);
	if (describe_stat(pid, &s) == 0)
		describe_tty(s.tty, &w);
	describe_cgroup(pid, &w);
	put_in_container(pid, &w);
	if (env)
		describe_env_of(env, &w);
	else
		describe_env(pid, &w);
	json_end(&w, '}');
	return w.r < 0 ? w.r : buf_add(ret, buf_slice(&text), SIZE_MAX);
}

/* --- what it works on --- */

/* A repository's folder has a HEAD; of a worktree and a submodule it is a file that leads there. */
static bool is_repository(int dir)
{
	struct stat st;

	if (fstatat(dir, ".git", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return S_ISREG(st.st_mode) || fstatat(dir, ".git/HEAD", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Takes the last part off a path; false where there is none. */
static bool go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !slash[1])
		return false;
	slash[slash == path] = 0;
	return true;
}

/*
 * Upwards by descriptors: so it is the process's own file system that is looked at, and nothing in
 * it is opened.
 */
bool origin_project(pid_t pid, char ret[PATH_MAX])
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	_cleanup_(closep) int dir = -1;
	char path[64], root[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
	n = readlink(path, ret, PATH_MAX - 1);
	if (n <= 0 || ret[0] != '/')
		return false;
	ret[n] = 0;
	memcpy(root, ret, (size_t)n + 1);
	dir = open(path, flags);
	for (int i = 0; i < DEPTH_MAX && dir >= 0; i++) {
		int above;

		if (is_repository(dir)) {
			memcpy(ret, root, strlen(root) + 1);
			break;
		}
		if (!go_up(root))
			break;
		above = openat(dir, "..", flags);
		close(dir);
		dir = above;
	}
	return true;
}
