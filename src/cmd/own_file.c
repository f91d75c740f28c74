/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static int copy(const char *s, char **ret)
{
	*ret = strdup(s);
	return *ret ? 0 : -ENOMEM;
}

/* Of the person at the keyboard: under sudo, not root's. */
static const char *home(void)
{
	const char *sudo_user = getenv("SUDO_USER"), *env = getenv("HOME");
	const struct passwd *pw = NULL;

	if (geteuid() == 0 && sudo_user && *sudo_user)
		pw = getpwnam(sudo_user);
	if (pw)
		return pw->pw_dir;
	return env && env[0] == '/' ? env : NULL;
}

/* "@dir@rest", or NULL where memory is refused. */
static char *join(const char *dir, const char *rest)
{
	size_t n = strlen(dir) + strlen(rest) + 1;
	char *path = malloc(n);

	if (path)
		snprintf(path, n, "%s%s", dir, rest);
	return path;
}

/* One that was named; 1 where none was and it is where such files are. */
static int find(const struct own_file *f, const char *option, char **ret)
{
	const char *env = getenv(f->env), *config = getenv("XDG_CONFIG_HOME"), *dir = home();
	char rest[64];

	*ret = NULL;
	if (option && *option)
		return copy(option, ret);
	if (env && *env)
		return copy(env, ret);
	if (config && config[0] == '/')
		snprintf(rest, sizeof(rest), "/sonde/%s", f->name);
	else if (dir)
		snprintf(rest, sizeof(rest), "/.config/sonde/%s", f->name);
	else
		return -ENOENT;
	*ret = join(config && config[0] == '/' ? config : dir, rest);
	return *ret ? 1 : -ENOMEM;
}

int own_file_place(const struct own_file *f, const char *option, char **ret)
{
	int r = find(f, option, ret);

	return r < 0 ? r : 0;
}

int own_file_find(const struct own_file *f, const char *option, char **ret)
{
	_cleanup_(freep) char *path = NULL;
	int r = find(f, option, &path);

	*ret = NULL;
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 || (r == 1 && access(path, F_OK) == 0))
		*ret = TAKE(path);
	else if (f->host && access(f->host, F_OK) == 0)
		return copy(f->host, ret);
	return 0;
}

/* A FIFO or a device would block or never end; O_NONBLOCK so that opening it does not. */
int own_file_read(const char *path, size_t max, struct buf *ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char chunk[65536];
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		r = buf_add(ret, (struct slice){ chunk, (size_t)n }, max);
		if (r < 0)
			return r;
	}
	return n < 0 ? -errno : 0;
}
