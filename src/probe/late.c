// SPDX-License-Identifier: BSD-2-Clause
#include "probe/late.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LINE_MAX_BYTES 4096
#define LIST_MAX       ((size_t)LATE_FILES_MAX * LINE_MAX_BYTES)
#define NAME_SIZE      32

/* A path as /proc/PID/maps has it: with a backslash something was escaped there. */
static bool is_plain(const char *path)
{
	const size_t n = strlen(path);
	static const char gone[] = " (deleted)";

	return path[0] == '/' && n < LINE_MAX_BYTES - 1 && !strpbrk(path, "\\\n") &&
	       (n < sizeof(gone) || strcmp(path + n + 1 - sizeof(gone), gone) != 0);
}

/* One list for each user. The dot keeps it out of what the cache counts and clears away. */
static void name_list(uid_t uid, char ret[NAME_SIZE])
{
	snprintf(ret, NAME_SIZE, ".late-%u", (unsigned)uid);
}

/* All of it with a NUL, NULL where there is none that root alone has written. */
static char *read_list(int dir, const char *name)
{
	_cleanup_(closep) int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 ||
	    st.st_nlink != 1 || st.st_mode & 0077 || st.st_size > (off_t)LIST_MAX)
		return NULL;
	text = malloc(LIST_MAX + 1);
	n = text ? read(fd, text, LIST_MAX) : -1;
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = 0;
	return text;
}

/* A list that is there whole or not at all. */
static void write_list(int dir, const char *name, const char *text)
{
	_cleanup_(closep) int fd = -1;
	const size_t n = strlen(text);
	char new_name[NAME_SIZE];

	snprintf(new_name, sizeof(new_name), ".new-late-%d", (int)getpid());
	unlinkat(dir, new_name, 0); /* of a process that died in the midst */
	fd = openat(dir, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, text, n) != (ssize_t)n || renameat(dir, new_name, dir, name) < 0)
		unlinkat(dir, new_name, 0);
}

void late_remember(int dir, uid_t uid, const char *path)
{
	_cleanup_(freep) char *old = NULL;
	_cleanup_(freep) char *text = NULL;
	char name[NAME_SIZE], *save, *line;
	size_t n, lines = 1;

	if (dir < 0 || !is_plain(path))
		return;
	name_list(uid, name);
	old = read_list(dir, name);
	text = malloc(LIST_MAX + LINE_MAX_BYTES);
	if (!text)
		return;
	n = (size_t)sprintf(text, "%s\n", path);
	for (line = old ? strtok_r(old, "\n", &save) : NULL; line && lines < LATE_FILES_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strcmp(line, path) == 0 || !is_plain(line))
			continue;
		n += (size_t)sprintf(text + n, "%s\n", line);
		lines++;
	}
	write_list(dir, name, text);
}

void late_each(int dir, uid_t uid, void (*fn)(void *ctx, const char *path), void *ctx)
{
	_cleanup_(freep) char *text = NULL;
	char name[NAME_SIZE], *save, *line;
	size_t n = 0;

	if (dir < 0)
		return;
	name_list(uid, name);
	text = read_list(dir, name);
	for (line = text ? strtok_r(text, "\n", &save) : NULL; line && n++ < LATE_FILES_MAX;
	     line = strtok_r(NULL, "\n", &save))
		if (is_plain(line))
			fn(ctx, line);
}
