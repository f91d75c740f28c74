/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/regular.h"
#include "base/util.h"
#include "probe/discover.h"
#include "probe/elf/elf.h"

#define HEAD_MAX  4096 /* bytes of a script that are looked at for "#!" */
#define WORDS_MAX 64   /* words of a command line that may name programs */

/* --- files --- */

static int open_in_root(const struct discovery *d, const char *path, int flags)
{
	/* A fifo must not block, a terminal must not become ours; openat2 is strict about O_PATH.
	 */
	uint64_t all = (uint64_t)(flags & O_PATH ? flags : flags | O_NONBLOCK | O_NOCTTY);
	struct open_how how = { .flags = all | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	long fd = syscall(SYS_openat2, d->root_fd, path, &how, sizeof(how));

	/* Before 5.6, or filtered: right only where the command's root is ours. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(d->root_fd, path, (int)how.flags);
	return fd < 0 ? -errno : (int)fd;
}

int discovery_open(struct discovery *d, const char *path)
{
	_cleanup_(closep) int path_fd = -1;
	int fd;

	if (d->r != 0 || d->files >= DISCOVER_FILES_MAX)
		return -EMFILE;
	path_fd = open_in_root(d, path, O_PATH);
	if (path_fd < 0)
		return path_fd;
	fd = regular_reopen(path_fd);
	if (fd >= 0)
		d->files++;
	return fd;
}

bool discovery_exists(struct discovery *d, const char *path)
{
	_cleanup_(closep) int fd = open_in_root(d, path, O_PATH);

	return fd >= 0;
}

bool discovery_real(struct discovery *d, const char *path, char ret[DISCOVER_PATH_MAX])
{
	_cleanup_(closep) int fd = open_in_root(d, path, O_PATH);
	char link[64], root[DISCOVER_PATH_MAX];
	ssize_t n, n_root;

	if (fd < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, DISCOVER_PATH_MAX - 1);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", d->root_fd);
	n_root = readlink(link, root, sizeof(root) - 1);
	if (n <= 0 || n_root <= 0)
		return false;
	ret[n] = 0;
	root[n_root] = 0;
	if (n_root > 1 && strncmp(ret, root, (size_t)n_root) == 0)
		memmove(ret, ret + n_root, (size_t)(n - n_root) + 1);
	return ret[0] == '/';
}

void discovery_list(struct discovery *d, const char *folder, discovery_entry_fn fn, void *ctx)
{
	int fd = open_in_root(d, folder, O_RDONLY | O_DIRECTORY);
	const struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while (d->r == 0 && d->entries < DISCOVER_ENTRIES_MAX && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		d->entries++;
		if (fn(ctx, d, folder, entry) != 0)
			break;
	}
	closedir(dir);
}

bool discovery_path(char ret[DISCOVER_PATH_MAX], const char *a, const char *b, const char *c)
{
	int n = snprintf(ret, DISCOVER_PATH_MAX, "%s%s%s%s%s", a, b ? "/" : "", b ? b : "",
			 c ? "/" : "", c ? c : "");

	return n > 0 && n < DISCOVER_PATH_MAX;
}

void discovery_parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash && slash != path)
		*slash = 0;
	else
		snprintf(path, 2, "/");
}

const char *discovery_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *discovery_env(const struct discovery *d, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; d->env && d->env[i]; i++)
		if (strncmp(d->env[i], name, n) == 0 && d->env[i][n] == '=')
			return d->env[i] + n + 1;
	return NULL;
}

/* --- what was found --- */

/* The entry of an open file, new where it was not seen yet; NULL where there are too many. */
static struct discover_seen *seen_file(struct discovery *d, int fd, bool *ret_new)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	*ret_new = false;
	for (size_t i = 0; i < d->n_seen; i++)
		if (d->seen[i].dev == st.st_dev && d->seen[i].inode == st.st_ino)
			return &d->seen[i];
	if (d->n_seen == DISCOVER_FILES_MAX)
		return NULL;
	*ret_new = true;
	d->seen[d->n_seen] = (struct discover_seen){ .dev = st.st_dev, .inode = st.st_ino };
	return &d->seen[d->n_seen++];
}

bool discovery_report(struct discovery *d, int fd, const char *path, const char *why)
{
	bool is_new;
	struct discover_seen *s = seen_file(d, fd, &is_new);
	char text[96];

	if (!s || s->reported || d->r != 0)
		return false;
	s->reported = true;
	snprintf(text, sizeof(text), "%s%s", d->perhaps ? DISCOVER_PERHAPS : "", why);
	d->r = d->fn(d->ctx, path, text);
	return true;
}

void discovery_library(struct discovery *d, const char *path, const char *why)
{
	_cleanup_(closep) int fd = -1;
	struct elf_file e;

	if (d->depth >= DISCOVER_DEPTH_MAX)
		return;
	fd = discovery_open(d, path);
	if (fd < 0 || elf_open(fd, &e) < 0 || !discovery_report(d, fd, path, why))
		return;
	d->depth++;
	discover_needed(d, &e, path);
	d->depth--;
}

/* --- programs --- */

static void elf_program(struct discovery *d, int fd, const struct elf_file *e, const char *path,
			const char *why)
{
	char target[DISCOVER_PATH_MAX];

	discovery_report(d, fd, path, why);
	discover_needed(d, e, path);
	discover_unpacked(d, path);
	discover_beside(d, path);
	if (strncmp(discovery_name(path), "python", 6) != 0)
		return;
	/* A virtual environment's python is a link; what it loads hangs on both ends. */
	discover_python(d, path);
	if (discovery_real(d, path, target) && strcmp(target, path) != 0)
		discover_python(d, target);
}

/* The first word of @line that is no option or assignment, for env; NULL where there is none. */
static char *env_command(char *line)
{
	char *save, *word;

	for (word = strtok_r(line, " \t", &save); word; word = strtok_r(NULL, " \t", &save))
		if (word[0] != '-' && !strchr(word, '='))
			return word;
		else if (strncmp(word, "-S", 2) == 0 && word[2])
			return word + 2;
	return NULL;
}

/* "#!/usr/bin/env -S node --x": @head is the line without "#!". */
static void script(struct discovery *d, char *head, const char *path)
{
	char *interpreter = head + strspn(head, " \t"), *rest;
	size_t n = strcspn(interpreter, " \t\r");
	char relative[DISCOVER_PATH_MAX];
	const char *name;

	rest = interpreter[n] ? interpreter + n + 1 : interpreter + n;
	interpreter[n] = 0;
	if (!interpreter[0])
		return;
	name = discovery_name(interpreter);
	if (strcmp(name, "env") == 0) {
		name = env_command(rest);
		if (!name)
			return;
		discovery_command(d, name, "interpreter (#! env)");
		name = discovery_name(name);
	} else if (interpreter[0] == '/') {
		discovery_program(d, interpreter, "interpreter (#!)");
	} else if (discovery_path(relative, d->cwd, interpreter, NULL)) {
		/* The kernel takes it relative to the working directory. */
		discovery_program(d, relative, "interpreter (#!)");
	}
	if (strncmp(name, "node", 4) == 0)
		discover_node(d, path);
}

static void program(struct discovery *d, const char *path, const char *why)
{
	_cleanup_(closep) int fd = discovery_open(d, path);
	char head[HEAD_MAX];
	struct elf_file e;
	bool is_new;
	ssize_t n;

	if (fd < 0 || !seen_file(d, fd, &is_new))
		return;
	/* pythons are followed by name: each virtual environment's link is another one. */
	if (!is_new && strncmp(discovery_name(path), "python", 6) != 0)
		return;
	if (elf_open(fd, &e) == 0) {
		elf_program(d, fd, &e, path, why);
		return;
	}
	n = pread(fd, head, sizeof(head) - 1, 0);
	if (n < 2)
		return;
	head[n] = 0;
	head[strcspn(head, "\n")] = 0;
	if (head[0] == '#' && head[1] == '!')
		script(d, head + 2, path);
	else if (strstr(discovery_name(path), ".js") || strstr(discovery_name(path), ".mjs"))
		discover_node(d, path);
}

void discovery_program(struct discovery *d, const char *path, const char *why)
{
	if (d->depth >= DISCOVER_DEPTH_MAX)
		return;
	d->depth++;
	program(d, path, why);
	d->depth--;
}

bool discovery_command(struct discovery *d, const char *name, const char *why)
{
	const char *at = discovery_env(d, "PATH");
	char path[DISCOVER_PATH_MAX], folder[DISCOVER_PATH_MAX];

	if (strchr(name, '/')) {
		if (!discovery_path(path, name[0] == '/' ? "" : d->cwd,
				    name[0] == '/' ? name + 1 : name, NULL) ||
		    !discovery_exists(d, path))
			return false;
		discovery_program(d, path, why);
		return true;
	}
	for (at = at ? at : "/usr/local/bin:/usr/bin:/bin"; *at; at += strspn(at, ":")) {
		size_t n = strcspn(at, ":");

		snprintf(folder, sizeof(folder), "%.*s", (int)(n < sizeof(folder) ? n : 0), at);
		at += n;
		if (folder[0] != '/' || !discovery_path(path, folder, name, NULL) ||
		    !discovery_exists(d, path))
			continue;
		discovery_program(d, path, why);
		return true;
	}
	return false;
}

/* --- command lines --- */

static void word(struct discovery *d, const char *w)
{
	if (w[0] == 0 || w[0] == '-' || strchr(w, '=') || strlen(w) > 255)
		return;
	if (discovery_command(d, w, "named on the command line"))
		return;
	if (strchr(w, '.')) { /* a script: node agent.js */
		char path[DISCOVER_PATH_MAX];

		if (discovery_path(path, d->cwd, w, NULL) && discovery_exists(d, path))
			discovery_program(d, path, "named on the command line");
		return;
	}
	discover_npx(d, w);
}

/* The words that may name programs: env X=1 timeout 5 bash -c "node a.js | jq". */
static void words(struct discovery *d, const char *const *argv)
{
	size_t left = WORDS_MAX;

	for (size_t i = 1; argv[0] && argv[i] && left > 0; i++) {
		char text[2048], *save, *w;

		if (strlen(argv[i]) >= sizeof(text))
			continue; /* a prompt, not a command */
		snprintf(text, sizeof(text), "%s", argv[i]);
		for (w = strtok_r(text, " \t\n;|&()<>'\"`$", &save); w && left > 0;
		     w = strtok_r(NULL, " \t\n;|&()<>'\"`$", &save), left--)
			word(d, w);
	}
}

int discover_command(int root_fd, const char *path, const char *const *argv, const char *const *env,
		     const char *cwd, discover_fn fn, void *ctx)
{
	/* What agents start, whatever they are. */
	static const char *const children[] = { "node", "nodejs", "python3", "python",
						"curl", "bun",	  "deno",    "git" };
	struct discovery d = { .root_fd = root_fd,
			       .env = env,
			       .cwd = cwd && cwd[0] == '/' ? cwd : "/",
			       .fn = fn,
			       .ctx = ctx };

	if (path)
		discovery_command(&d, path, "the command");
	if (argv)
		words(&d, argv);
	d.perhaps = true;
	discover_system(&d);
	discover_pythons(&d, d.cwd);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		discovery_command(&d, children[i], "a child may run it");
	discover_agents(&d);
	free(d.ld_cache);
	return d.r;
}
