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
#include "base/util.h"
#include "cmd/launch.h"
#include "cmd/running.h"
#include "sonde/event.h"

#define ENV_MAX	      16384 /* bytes of the variables that go along */
#define ANCESTORS_MAX 32

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

static bool any_env(char **env, const char *const *names)
{
	for (; *env; env++) {
		size_t n = strcspn(*env, "=");

		for (size_t i = 0; names[i]; i++)
			if (strlen(names[i]) == n && strncmp(*env, names[i], n) == 0)
				return true;
	}
	return false;
}

bool process_stat(pid_t pid, char ret_comm[32], pid_t *ret_parent)
{
	char path[64], text[512], *name, *after;
	_cleanup_(closep) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = 0;
	name = strchr(text, '(');
	after = strrchr(text, ')');
	if (!name || !after || strlen(after) < 4)
		return false;
	snprintf(ret_comm, 32, "%.*s", (int)(after - name - 1), name + 1);
	*ret_parent = (pid_t)strtol(after + 4, NULL, 10); /* ") S PPID" */
	return true;
}

static const char *trigger_of_ancestors(void)
{
	static const struct {
		const char *comm, *trigger;
	} known[] = { { "cron", "cron" },
		      { "crond", "cron" },
		      { "atd", "cron" },
		      { "sshd", "ssh" },
		      { "sshd-session", "ssh" } };
	pid_t pid = getppid();
	char comm[32];

	for (int i = 0; i < ANCESTORS_MAX && pid > 1 && process_stat(pid, comm, &pid); i++)
		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			if (strcmp(comm, known[k].comm) == 0)
				return known[k].trigger;
	return NULL;
}

/* What set the run off, told by what is around it. */
static const char *find_trigger(char **env, bool tty)
{
	static const struct {
		const char *trigger;
		const char *const names[6];
	} by_env[] = {
		{ "agent", { "CLAUDECODE", "CODEX_SANDBOX", "GEMINI_CLI", "OPENCODE" } },
		{ "ci", { "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE", "CI" } },
		{ "kubernetes", { "KUBERNETES_SERVICE_HOST" } },
		{ "ssh", { "SSH_CONNECTION" } },
	};
	static const char *const of_unit[] = { "INVOCATION_ID", NULL };
	const char *trigger;

	for (size_t i = 0; i < ARRAY_SIZE(by_env); i++)
		if (any_env(env, by_env[i].names))
			return by_env[i].trigger;
	trigger = trigger_of_ancestors();
	if (trigger || tty)
		return trigger ? trigger : "terminal";
	return any_env(env, of_unit) ? "systemd" : "unknown";
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
	char user[256];

	json_begin(w, '{');
	put_int(w, "scope", 1);
	put_str(w, "kind", "run");
	put_texts(w, "argv", c->argv, argv_max, NULL);
	put_str(w, "cwd", cwd);
	put_int(w, "uid", c->command_uid);
	put_int(w, "gid", c->command_gid);
	put_str(w, "user", command_user(c, user, sizeof(user)));
	json_key(w, "tty");
	json_put_bool(w, tty);
	put_str(w, "owner", c->person->uid == 0 ? "root" : "user");
	put_str(w, "trigger", find_trigger(c->env, tty));
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
