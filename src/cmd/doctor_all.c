/* SPDX-License-Identifier: BSD-2-Clause */
/* The agents of this machine: those that run, as far as they are the caller's, and those installed.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/doctor.h"
#include "cmd/running.h"
#include "probe/finder/target.h"
#include "proc/proc.h"

#define AGENTS_MAX 256
#define WHY	   "an agent in a usual place"

struct agents {
	char *paths[AGENTS_MAX];
	size_t n;
};

/* --- those that run --- */

static bool is_callers(pid_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return stat(path, &st) == 0 && (geteuid() == 0 || st.st_uid == geteuid());
}

bool doctor_agent(pid_t pid, struct agent_identity *ret, char argv[DOCTOR_ARGV_MAX],
		  char exe[DOCTOR_ARGV_MAX])
{
	char path[64];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, DOCTOR_ARGV_MAX - 1);
	exe[n > 0 ? n : 0] = 0;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, argv, DOCTOR_ARGV_MAX);
	if (fd >= 0)
		close(fd);
	return n > 0 && agent_of_program(slice_of(exe), (struct slice){ argv, (size_t)n }, ret);
}

static int running_agents(struct doctor *d)
{
	DIR *proc = opendir("/proc");
	const struct dirent *e;
	int r = 0;

	while (proc && r == 0 && (e = readdir(proc))) {
		char argv[DOCTOR_ARGV_MAX], exe[DOCTOR_ARGV_MAX];
		const pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		struct agent_identity agent;

		if (!isdigit((unsigned char)e->d_name[0]) || !is_callers(pid) ||
		    !doctor_agent(pid, &agent, argv, exe) || agent.helper)
			continue;
		r = doctor_process(d, pid);
		if (r == -ENOENT || r == -ESRCH)
			r = 0; /* it has ended meanwhile */
	}
	if (proc)
		closedir(proc);
	return r;
}

/* --- those installed --- */

static int take_agent(void *ctx, const char *path, const char *why)
{
	struct agents *a = ctx;

	/* Runtimes and libraries that agents need come along: they are told with each agent. */
	if (a->n < AGENTS_MAX && strcmp(why, WHY) == 0)
		a->paths[a->n] = strdup(path);
	a->n += a->n < AGENTS_MAX && a->paths[a->n];
	return 0;
}

static int installed_agents(struct doctor *d)
{
	_cleanup_(closep) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct agents a = { .n = 0 };
	int r = discover_installed(root, (const char *const *)environ, take_agent, &a);

	for (size_t i = 0; i < a.n; i++) {
		if (r == 0)
			r = doctor_program(d, a.paths[i]);
		free(a.paths[i]);
	}
	return r;
}

int doctor_all(struct doctor *d)
{
	int r;

	d->brief = true;
	r = running_agents(d);
	if (r == 0)
		r = installed_agents(d);
	if (r == 0 && d->verdicts == 0)
		doctor_say(d, FINDING_NOTE, "agents",
			   "none runs here or is where installers put it",
			   "name the program or the process");
	return r;
}

int doctor_container(struct doctor *d, const char *name)
{
	const struct running_query q = { .container = name };
	struct running found;
	int r = running_find(&q, &found);

	closep(&found.cgroup_fd);
	d->brief = true;
	for (size_t i = 0; i < found.n && r == 0; i++) {
		r = doctor_process(d, found.pids[i]);
		if (r == -ENOENT || r == -ESRCH)
			r = 0;
	}
	return r;
}
