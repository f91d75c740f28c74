/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/slice.h"
#include "cmd/launch.h"
#include "cmd/sandbox.h"
#include "sonde/control.h"

/* What the held child tells: first what it found, later why it could not execute it. */
struct report {
	int error;
	char path[PATH_MAX], absolute[PATH_MAX];
};

static int may_execute(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == EACCES ? -EACCES : -ENOENT;
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return -EACCES;
	return 0;
}

int command_find(const char *name, const char *path, char ret[PATH_MAX])
{
	struct slice dir, rest = slice_of(path ? path : "/bin:/usr/bin");
	bool more = true;
	int denied = -ENOENT;

	if (strchr(name, '/')) {
		if (snprintf(ret, PATH_MAX, "%s", name) >= PATH_MAX)
			return -ENOENT;
		return may_execute(name);
	}
	while (more && *name) {
		int r;

		more = slice_cut(rest, ':', &dir, &rest);
		if (!more)
			dir = rest;
		if (snprintf(ret, PATH_MAX, "%.*s%s%s", SLICE_ARG(dir), dir.n ? "/" : "./", name) >=
		    PATH_MAX)
			continue;
		r = may_execute(ret);
		if (r == 0)
			return 0;
		if (r == -EACCES)
			denied = r;
	}
	return denied;
}

static const char *env_value(char **env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static void make_absolute(struct report *r)
{
	char cwd[PATH_MAX];

	if (r->path[0] == '/' || !getcwd(cwd, sizeof(cwd)) ||
	    strlen(cwd) + strlen(r->path) + 2 > sizeof(r->absolute))
		memcpy(r->absolute, r->path, sizeof(r->absolute));
	else
		stpcpy(stpcpy(stpcpy(r->absolute, cwd), "/"), r->path);
}

static void tell(int fd, const struct report *r)
{
	if (write(fd, r, sizeof(*r)) != (ssize_t)sizeof(*r))
		_exit(SONDE_EXIT_FAILURE);
}

/* A script without `#!`: a shell's, as execvp() has it. */
static void exec_with_shell(const char *path, char **argv, char **env)
{
	_cleanup_(freep) char **with_shell = NULL;
	size_t n = 0;

	while (argv[n])
		n++;
	with_shell = calloc(n + 3, sizeof(*with_shell));
	if (!with_shell)
		return;
	with_shell[0] = (char *)"/bin/sh";
	with_shell[1] = (char *)path;
	for (size_t i = 1; i < n; i++)
		with_shell[i + 1] = argv[i];
	execve(with_shell[0], with_shell, env);
	errno = ENOEXEC;
}

/* The command's side of the fork; never returns. */
static void be_command(const struct child_config *c, int go_fd, int report_fd)
{
	static struct report r; /* two paths are much for a stack that somebody else may limit */
	char byte;

	if (c->become && c->caller)
		caller_apply(c->caller);
	if (c->become)
		r.error = -sandbox_become(c->become->uid, c->become->gid, c->become->name);
	if (!r.error)
		r.error = -command_find(c->argv[0], env_value(c->env, "PATH"), r.path);
	if (!r.error)
		make_absolute(&r);
	tell(report_fd, &r);
	if (r.error || read(go_fd, &byte, 1) != 1)
		_exit(SONDE_EXIT_FAILURE);
	/* Only here: a signal to the held child must not run what sonde was started with. */
	signals_restore(c->signals);
	execve(r.path, c->argv, c->env);
	if (errno == ENOEXEC)
		exec_with_shell(r.path, c->argv, c->env);
	r.error = errno;
	tell(report_fd, &r);
	_exit(SONDE_EXIT_FAILURE);
}

static bool read_report(int fd, struct report *ret)
{
	size_t at = 0;

	while (at < sizeof(*ret)) {
		ssize_t n = read(fd, (char *)ret + at, sizeof(*ret) - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

static void reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

void child_abandon(struct child *c)
{
	if (c->pid <= 0)
		return;
	close(c->go_fd); /* the end of its wait */
	close(c->report_fd);
	reap(c->pid);
	c->pid = 0;
}

int child_start(const struct child_config *c, struct child *ret, int *ret_error)
{
	int go[2], report[2];
	struct report r;

	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(report, O_CLOEXEC) < 0) {
		int err = errno;

		close(go[0]);
		close(go[1]);
		return -err;
	}
	ret->pid = fork();
	if (ret->pid == 0) {
		close(go[1]);
		close(report[0]);
		be_command(c, go[0], report[1]);
	}
	close(go[0]);
	close(report[1]);
	ret->go_fd = go[1];
	ret->report_fd = report[0];
	if (ret->pid < 0)
		return -errno;
	if (!read_report(report[0], &r))
		r.error = ESRCH;
	if (r.error == 0) {
		memcpy(ret->path, r.path, sizeof(ret->path));
		memcpy(ret->absolute, r.absolute, sizeof(ret->absolute));
		return 0;
	}
	child_abandon(ret);
	*ret_error = r.error;
	return r.error == ENOENT ? SONDE_EXIT_NOT_FOUND : SONDE_EXIT_CANNOT_EXEC;
}

int child_release(struct child *c)
{
	struct report r;
	bool failed;

	if (write(c->go_fd, "", 1) != 1)
		return errno;
	close(c->go_fd);
	failed = read_report(c->report_fd, &r); /* closed by a successful execve() */
	close(c->report_fd);
	return failed ? r.error : 0;
}
