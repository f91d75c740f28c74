/* SPDX-License-Identifier: BSD-2-Clause */
/* What prober and engine are told of the command before it runs: control.h, SCOPE of event.h. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"
#include "base/utf8.h"
#include "base/util.h"
#include "cmd/launch.h"
#include "cmd/running.h"
#include "probe/origin.h"
#include "sonde/event.h"

#define ENV_MAX 16384 /* bytes of the variables that go along */

/* The variables that decide which files the command will load. No others leave this process. */
static bool finds_libraries(const char *var)
{
	static const char *const names[] = {
		"PATH",
		"LD_LIBRARY_PATH",
		"LD_PRELOAD",
		"VIRTUAL_ENV",
		"CONDA_PREFIX",
		"NODE_PATH",
		"PYTHONHOME",
		"PYTHONPATH",
		"PYENV_ROOT",
		"PYENV_VERSION",
		"NVM_DIR",
		"NVM_BIN",
		"VOLTA_HOME",
		"BUN_INSTALL",
		"ASDF_DIR",
		"ASDF_DATA_DIR",
		"MISE_DATA_DIR",
		"HOME",
		"NPM_CONFIG_PREFIX",
		"DENO_INSTALL",
	};
	size_t n = strcspn(var, "=");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == n && strncmp(var, names[i], n) == 0)
			return true;
	return false;
}

static void put_texts(struct json_writer *w, const char *key, char **texts, size_t max,
		      bool (*wanted)(const char *))
{
	json_key(w, key);
	json_begin(w, '[');
	for (size_t n = 0; *texts; texts++) {
		size_t len = strlen(*texts);

		if (wanted && !wanted(*texts))
			continue;
		if (n + len + 1 > max)
			len = max - n > 1 ? max - n - 1 : 0;
		n += len + 1;
		json_put_str(w, (struct slice){ *texts, len });
		if (n >= max)
			break;
	}
	json_end(w, ']');
}

/* Whether put_texts() with @max writes them as they are: JSON has no other bytes than text. */
static bool fits(char **texts, size_t max)
{
	size_t n = 0;

	for (; *texts; texts++) {
		struct slice s = slice_of(*texts);

		n += s.n + 1;
		if (n > max)
			return false;
		while (s.n) {
			const size_t one = utf8_char(s);

			if (!one)
				return false;
			s = slice_from(s, one);
		}
	}
	return true;
}

static void put_str(struct json_writer *w, const char *key, const char *s)
{
	json_key(w, key);
	json_put_str(w, slice_of(s));
}

static void put_int(struct json_writer *w, const char *key, int64_t v)
{
	json_key(w, key);
	json_put_int(w, v);
}

static const char *command_user(const struct start_config *c, char *ret, size_t n)
{
	char text[4096];
	struct passwd pw, *found = NULL;

	if (c->command_uid == c->person->uid)
		return c->person->name;
	if (getpwuid_r(c->command_uid, &pw, text, sizeof(text), &found) == 0 && found)
		snprintf(ret, n, "%s", pw.pw_name);
	else
		snprintf(ret, n, "%u", c->command_uid);
	return ret;
}

static void put_scope(struct json_writer *w, const struct start_config *c, const char *cwd,
		      size_t argv_max)
{
	const bool tty = isatty(STDIN_FILENO) || isatty(STDERR_FILENO);
	_cleanup_(buf_done) struct buf origin = { 0 };
	char user[256], project[PATH_MAX];

	json_begin(w, '{');
	put_int(w, "scope", 1);
	put_str(w, "kind", "run");
	put_texts(w, "argv", c->argv, argv_max, NULL);
	json_key(w, "argv_whole");
	json_put_bool(w, fits(c->argv, argv_max));
	if (c->retry_of)
		put_str(w, "retry_of", c->retry_of);
	put_str(w, "cwd", cwd);
	put_int(w, "uid", c->command_uid);
	put_int(w, "gid", c->command_gid);
	put_str(w, "user", command_user(c, user, sizeof(user)));
	json_key(w, "tty");
	json_put_bool(w, tty);
	put_str(w, "owner", c->person->uid == 0 ? "root" : "user");
	if (origin_project(getpid(), project))
		put_str(w, "project", project);
	if (origin_describe(getpid(), getppid(), c->env, &origin) == 0) {
		json_key(w, "origin");
		json_put_raw(w, buf_slice(&origin));
	}
	json_end(w, '}');
}

static void put_command(struct json_writer *w, const struct start_config *c, const char *cwd,
			size_t argv_max, size_t env_max)
{
	put_int(w, "pid", c->child->pid);
	put_str(w, "path", c->child->absolute);
	put_texts(w, "argv", c->argv, argv_max, NULL);
	put_texts(w, "env", c->env, env_max, finds_libraries);
	put_str(w, "cwd", cwd);
	json_key(w, "scope");
	put_scope(w, c, cwd, argv_max);
}

/* What the runs of processes that run already have in common; the prober knows the rest. */
static void put_running(struct json_writer *w, const struct start_config *c)
{
	const struct running *r = c->running;

	json_key(w, "join");
	json_begin(w, '{');
	put_str(w, "kind", r->cgroup_fd >= 0 ? "cgroup" : "pid");
	json_key(w, "pids");
	json_begin(w, '[');
	for (size_t i = 0; i < r->n && r->cgroup_fd < 0; i++)
		json_put_int(w, r->pids[i]);
	json_end(w, ']');
	json_end(w, '}');
	json_key(w, "scope");
	json_begin(w, '{');
	put_str(w, "kind", r->kind);
	put_int(w, "uid", c->person->uid);
	put_str(w, "user", c->person->name);
	put_str(w, "owner", c->person->uid == 0 ? "root" : "user");
	json_end(w, '}');
}

static int write_message(const struct start_config *c, const char *cwd, size_t argv_max,
			 size_t env_max, struct buf *ret)
{
	struct json_writer w = { .out = ret, .max = IPC_MAX };

	json_begin(&w, '{');
	put_str(&w, "op", "start");
	put_int(&w, "ring_bytes", (int64_t)c->ring_bytes);
	json_key(&w, "files");
	json_put_bool(&w, c->files);
	if (c->running)
		put_running(&w, c);
	else
		put_command(&w, c, cwd, argv_max, env_max);
	json_key(&w, "config");
	json_put_raw(&w, c->config);
	json_end(&w, '}');
	return w.r;
}

int start_message(const struct start_config *c, struct buf *ret)
{
	char cwd[PATH_MAX];
	int r = -E2BIG;

	if (!getcwd(cwd, sizeof(cwd)))
		*cwd = 0;
	/* Escapes can make a text six times as long: what does not fit is tried with less. */
	for (size_t part = 1; r == -E2BIG && part <= 64; part *= 2) {
		ret->n = 0;
		r = write_message(c, cwd, SONDE_ARGV_MAX / part, ENV_MAX / part, ret);
	}
	return r;
}
