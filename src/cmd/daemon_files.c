/* SPDX-License-Identifier: BSD-2-Clause */
/* What the supervisor opens as root and others use: the user, the store's folder, the sockets. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/http_tcp.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "cmd/daemon_parts.h"

#define LOCK_SUFFIX ".daemon"
#define LOCK_WAIT_S 20 /* for an engine of the last daemon that still writes */
#define BACKLOG	    128

int daemon_user_find(const char *name, struct daemon_user *ret)
{
	const struct passwd *pw = name ? getpwnam(name) : NULL;

	if (!pw) {
		log_err("there is no user '%s' to keep the store and to read traffic as: useradd "
			"--system --user-group --no-create-home --shell /usr/sbin/nologin %s, or "
			"name another one ([daemon] user, --run-as)",
			name ? name : "", name ? name : "sonde");
		return -ENOENT;
	}
	if (pw->pw_uid == 0) {
		log_err("'%s' is root: what reads traffic must not be; name another user ([daemon] "
			"user, --run-as)",
			name);
		return -EINVAL;
	}
	ret->uid = pw->pw_uid;
	ret->gid = pw->pw_gid;
	snprintf(ret->name, sizeof(ret->name), "%s", pw->pw_name);
	return 0;
}

/* --- the store's folder and its lock --- */

/* What is missing is made: the last folder the user's, those above it root's. */
static int make_folder(const char *store, const struct daemon_user *u)
{
	char dir[4096];
	struct stat st;

	if (snprintf(dir, sizeof(dir), "%s", store) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	dirname(dir);
	if (stat(dir, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	for (char *p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdir(dir, 0700) < 0 || chown(dir, u->uid, u->gid) < 0)
		return -errno;
	return 0;
}

/* As the user: a link in that folder leads nowhere that root alone may write. */
static int open_as(const struct daemon_user *u, const char *path)
{
	const int uid = setfsuid(u->uid), gid = setfsgid(u->gid);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	const int r = fd < 0 ? -errno : fd;

	setfsuid((uid_t)uid);
	setfsgid((gid_t)gid);
	return r;
}

static pid_t read_holder(int fd)
{
	char text[32] = "";
	const ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* The engine of a daemon that was killed may still be writing down what it has. */
static int wait_for_lock(int fd, const char *store)
{
	pid_t holder = 0;

	for (int i = 0; i < LOCK_WAIT_S * 10; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return log_errno(-errno, "cannot lock the store '%s'", store);
		holder = read_holder(fd);
		if (holder > 0 && (kill(holder, 0) == 0 || errno != ESRCH))
			break;
		usleep(100000);
	}
	log_err("another daemon (process %d) keeps the store '%s': stop that one, or give this one "
		"a store of its own (--db)",
		(int)holder, store);
	return -EBUSY;
}

int daemon_store_lock(const char *store, const struct daemon_user *u)
{
	_cleanup_(closep) int fd = -1;
	char path[4096], text[32];
	int n, r = make_folder(store, u);

	if (r < 0)
		return log_errno(r, "cannot make the folder of the store '%s'", store);
	if (snprintf(path, sizeof(path), "%s" LOCK_SUFFIX, store) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open_as(u, path);
	if (fd < 0)
		return log_errno(fd, "the user '%s' cannot write '%s'", u->name, path);
	r = wait_for_lock(fd, store);
	if (r < 0)
		return r;
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return log_errno(-errno, "cannot write '%s'", path);
	return TAKE_FD(fd);
}

/* --- sockets --- */

static bool somebody_listens(const char *path)
{
	_cleanup_(closep) int fd = unix_connect(path, 0);

	return fd >= 0;
}

static int make_socket_folder(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];

	snprintf(dir, sizeof(dir), "%s", path);
	dirname(dir);
	return mkdir(dir, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

int daemon_socket_open(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	_cleanup_(closep) int fd = -1;
	struct stat st;
	int r;

	if (strlen(path) >= sizeof(at.sun_path))
		return log_errno(-ENAMETOOLONG, "the socket '%s'", path);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	r = make_socket_folder(path);
	if (r < 0)
		return log_errno(r, "cannot make the folder of '%s'", path);
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		log_err("'%s' is there and is no socket: it is left alone", path);
		return -EEXIST;
	}
	if (somebody_listens(path)) {
		log_err("another daemon listens on '%s': stop that one, or name another socket "
			"([daemon] socket, --socket)",
			path);
		return -EADDRINUSE;
	}
	unlink(path); /* of one that was killed */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Who may ask what is decided for each who asks (sonde/control.h of the server). */
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || chmod(path, 0666) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return log_errno(-errno, "cannot listen on '%s'", path);
	return TAKE_FD(fd);
}

int daemon_http_open(const char *listen_at)
{
	const int fd = tcp_listen(listen_at);

	if (fd == -EINVAL)
		log_err("[prometheus] listen takes an address and a port such as 127.0.0.1:9464, "
			"not '%s'",
			listen_at);
	else if (fd < 0)
		log_errno(fd, "cannot listen on '%s'", listen_at);
	return fd;
}
