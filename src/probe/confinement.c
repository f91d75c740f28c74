// SPDX-License-Identifier: BSD-2-Clause
#include "probe/confinement.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/describe.h"

static const char *const namespaces[] = { "user", "pid", "net", "mnt", "ipc", "uts" };

#define NAMESPACE_SIZE 32 /* "user:[4026531837]" */

/* What stands behind a name in /proc/PID/status, or NULL. */
static const char *line_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? at + strlen(name) : NULL;
}

static void put_status(pid_t pid, struct json_writer *w)
{
	char text[4096];
	const char *seccomp, *privileges, *caps;

	if (!describe_file(pid, "status", text, sizeof(text)))
		return;
	seccomp = line_of(text, "\nSeccomp:\t");
	privileges = line_of(text, "\nNoNewPrivs:\t");
	caps = line_of(text, "\nCapEff:\t");
	if (seccomp) {
		json_key(w, "seccomp");
		json_put_int(w, strtol(seccomp, NULL, 10));
	}
	if (privileges) {
		json_key(w, "no_new_privs");
		json_put_bool(w, *privileges == '1');
	}
	if (caps) {
		json_key(w, "caps");
		json_put_str(w, (struct slice){ caps, strspn(caps, "0123456789abcdef") });
	}
}

static bool read_namespace(pid_t pid, const char *name, char ret[NAMESPACE_SIZE])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	n = readlink(path, ret, NAMESPACE_SIZE - 1);
	ret[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* Those of the first process, or our own where it is out of reach. They do not change while we
 * run. */
static const char *host_namespace(size_t i)
{
	static char host[ARRAY_SIZE(namespaces)][NAMESPACE_SIZE];

	if (!host[i][0] && !read_namespace(1, namespaces[i], host[i]))
		read_namespace(getpid(), namespaces[i], host[i]);
	return host[i];
}

static void put_namespaces(pid_t pid, struct json_writer *w)
{
	char own[ARRAY_SIZE(namespaces)][NAMESPACE_SIZE];

	/* Which are its own cannot be said of only some. */
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (!host_namespace(i)[0] || !read_namespace(pid, namespaces[i], own[i]))
			return;
	json_key(w, "namespaces");
	json_begin(w, '[');
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (strcmp(own[i], host_namespace(i)) != 0)
			json_put_str(w, slice_of(namespaces[i]));
	json_end(w, ']');
}

static void put_root(pid_t pid, struct json_writer *w)
{
	_cleanup_(closep) int fd = -1;
	struct statvfs fs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstatvfs(fd, &fs) < 0)
		return;
	json_key(w, "read_only_root");
	json_put_bool(w, fs.f_flag & ST_RDONLY);
}

void confinement_describe(pid_t pid, struct json_writer *w)
{
	json_key(w, "sandbox");
	json_begin(w, '{');
	put_status(pid, w);
	put_namespaces(pid, w);
	put_root(pid, w);
	json_end(w, '}');
}
