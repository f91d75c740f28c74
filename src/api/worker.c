/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

#include "api/served.h"
#include "base/cleanup.h"

#define TEXT_MAX 65536 /* bytes of one argument */

static char *text_of(struct arena *mem, const char *fmt, va_list ap)
{
	_cleanup_(freep) char *text = NULL;
	const int n = vasprintf(&text, fmt, ap);

	if (n < 0) {
		text = NULL;
		return NULL;
	}
	return n < TEXT_MAX ? (char *)arena_copy(mem, (struct slice){ text, (size_t)n }).p : NULL;
}

void worker_add_env(struct worker_spec *spec, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (spec->n_env < WORKER_ENV - 1)
		spec->env[spec->n_env] = text_of(spec->mem, fmt, ap);
	if (spec->env[spec->n_env])
		spec->n_env++;
	va_end(ap);
}

void worker_add_arg(struct worker_spec *spec, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (spec->n_args <= WORKER_ARGS)
		spec->argv[spec->n_args] = text_of(spec->mem, fmt, ap);
	if (spec->argv[spec->n_args])
		spec->n_args++;
	va_end(ap);
}

void worker_env(struct worker_spec *spec, const struct request *rq)
{
	worker_add_env(spec, SERVED_ENV "=1");
	if (!rq->peer.all)
		worker_add_env(spec, SERVED_UID_ENV "=%u", rq->peer.uid);
	worker_add_env(spec, "SONDE_DB=%s", rq->s->c.store);
	worker_add_env(spec, "HOME=/");
	worker_add_env(spec, "PATH=/usr/bin:/bin");
}

static int spawn(struct worker *c, const char *program, const struct worker_spec *spec,
		 const int out[2], const int err[2])
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int r;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out[1], 1);
	posix_spawn_file_actions_adddup2(&files, err[1], 2);
	posix_spawn_file_actions_addchdir_np(&files, "/");
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETPGROUP);
	r = posix_spawn(&c->pid, program ? program : "/proc/self/exe", &files, &attr, spec->argv,
			spec->env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (r)
		c->pid = 0;
	return -r;
}

int worker_start(struct worker *c, const char *program, const struct worker_spec *spec)
{
	int out[2], err[2], r;

	*c = (struct worker){ .out = -1, .err = -1 };
	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(err, O_CLOEXEC) < 0) {
		r = -errno;
		close(out[0]);
		close(out[1]);
		return r;
	}
	c->out = out[0];
	c->err = err[0];
	r = spawn(c, program, spec, out, err);
	close(out[1]);
	close(err[1]);
	return r;
}

void worker_kill(const struct worker *c)
{
	if (c->pid)
		kill(-c->pid, SIGKILL);
}

int worker_end(struct worker *c, bool kill_it)
{
	if (c->pid) {
		if (kill_it)
			worker_kill(c);
		while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
			;
		c->pid = 0;
	}
	return WIFEXITED(c->status) ? WEXITSTATUS(c->status) : 128 + WTERMSIG(c->status);
}
