/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting the one privileged process.
 *
 * Through sudo the two sides meet on a Unix socket: sudo closes inherited descriptors and may put
 * its command on a pty of its own. Each side asks the kernel who the other is.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/launch.h"
#include "probe/prober.h"
#include "sonde/control.h"

/* A privileged process holds nothing of its caller's but the socket and the way to complain. */
static int be_prober(int fd)
{
	_cleanup_(closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid(); /* the terminal's signals are the command's */
	prctl(PR_SET_NAME, "sonde-prober");
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    chdir("/") < 0)
		return SONDE_EXIT_FAILURE;
	return prober_main(fd);
}

int prober_fork(const struct signals *s, struct prober_link *ret)
{
	int fds[2], r = ipc_pair(fds);

	if (r < 0)
		return r;
	fflush(NULL);
	ret->pid = fork();
	if (ret->pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -errno;
	}
	if (ret->pid == 0) {
		/* The held command waits for the launcher's end of its pipe to close: not ours. */
		int fd = dup2(fds[1], 3) == 3 && fcntl(3, F_SETFD, FD_CLOEXEC) == 0 ? 3 : -1;

		signals_restore(s);
		close_range(4, ~0u, 0);
		_exit(fd < 0 ? SONDE_EXIT_FAILURE : be_prober(fd));
	}
	close(fds[1]);
	ret->fd = fds[0];
	return 0;
}

/* --- through sudo --- */

struct meeting {
	char dir[64];
	struct sockaddr_un at;
	int fd;
};

static int meeting_open(struct meeting *m)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	*m = (struct meeting){ .at.sun_family = AF_UNIX, .fd = -1 };
	if (!runtime || strlen(runtime) > 40 || access(runtime, W_OK) < 0)
		runtime = "/tmp";
	snprintf(m->dir, sizeof(m->dir), "%s/sonde-XXXXXX", runtime);
	if (!mkdtemp(m->dir)) /* 0700 */
		return -errno;
	snprintf(m->at.sun_path, sizeof(m->at.sun_path), "%s/prober", m->dir);
	m->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd < 0 || bind(m->fd, (struct sockaddr *)&m->at, sizeof(m->at)) < 0 ||
	    listen(m->fd, 1) < 0)
		return -errno;
	return 0;
}

static void meeting_close(struct meeting *m)
{
	if (m->fd >= 0)
		close(m->fd);
	unlink(m->at.sun_path);
	rmdir(m->dir);
}

static bool peer_is(int fd, uid_t uid)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.uid == uid;
}

/*
 * -b: sudo asks for the password here, then goes to the background, so that with `use_pty` it does
 * not take the terminal from the command.
 */
static pid_t start_sudo(const struct signals *s, const char *path)
{
	static char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t pid;
	int null;

	if (n <= 0)
		return -ENOENT;
	self[n] = 0;
	pid = fork();
	if (pid != 0)
		return pid < 0 ? -errno : pid;
	signals_restore(s);
	/* It stays in the background, where the command's output must not wait for it. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	execlp("sudo", "sudo", "-b", "-p",
	       "[sudo] sonde needs root for its probes; password for %p: ", "--", self, "prober",
	       "--socket", path, (char *)NULL);
	_exit(errno == ENOENT ? SONDE_EXIT_NOT_FOUND : SONDE_EXIT_CANNOT_EXEC);
}

static int sudo_failed(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == SONDE_EXIT_NOT_FOUND)
		log_err("probes need root, and there is no 'sudo' to get it: start "
			"sonde "
			"as root");
	else
		log_err("probes need root, and sudo did not give it; nothing was run");
	return -EPERM;
}

/* 0 where the prober has come, -EAGAIN where it has not yet. */
static int accept_prober(const struct meeting *m, struct prober_link *ret)
{
	int fd = accept4(m->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -EAGAIN;
	if (!peer_is(fd, 0)) {
		close(fd);
		return -EAGAIN;
	}
	ret->fd = fd;
	return 0;
}

#define SUDO_POLL_MS   100
#define PROBER_WAIT_MS 20000 /* from sudo's success to the prober's greeting */

/* Whether somebody wants us to end. */
static bool is_cancelled(const struct signals *s)
{
	struct signalfd_siginfo si;

	while (read(s->fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		if (si.ssi_signo == SIGINT || si.ssi_signo == SIGTERM || si.ssi_signo == SIGHUP)
			return true;
	return false;
}

/* Waits for sudo's end (it may ask for a password, as long as it likes) and the prober. */
static int meet(const struct meeting *m, const struct signals *s, pid_t sudo,
		struct prober_link *ret)
{
	struct pollfd p = { .fd = m->fd, .events = POLLIN };
	int status, waited_ms = -1;

	while (!is_cancelled(s)) {
		if (waited_ms < 0 && waitpid(sudo, &status, WNOHANG) == sudo) {
			if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
				return sudo_failed(status);
			waited_ms = 0;
		}
		if (poll(&p, 1, SUDO_POLL_MS) > 0 && waited_ms >= 0 && accept_prober(m, ret) == 0)
			return 0;
		if (waited_ms >= 0 && (waited_ms += SUDO_POLL_MS) > PROBER_WAIT_MS) {
			log_err("sudo worked but the prober did not start; nothing was "
				"run");
			return -ETIMEDOUT;
		}
	}
	return -EINTR;
}

int prober_sudo(const struct signals *s, struct prober_link *ret)
{
	struct meeting m;
	int r = meeting_open(&m);
	pid_t sudo;

	if (r < 0) {
		meeting_close(&m);
		return log_errno(r, "cannot make a socket in '%s'", m.dir);
	}
	sudo = start_sudo(s, m.at.sun_path);
	r = sudo < 0 ? sudo : meet(&m, s, sudo, ret);
	meeting_close(&m);
	ret->pid = 0;
	return r;
}

/* --- the other side: `sonde prober --socket PATH` --- */

static const char *socket_path;

static const struct option_spec options[] = {
	{ "socket", 0, OPTION_STRING, &socket_path, "PATH", "where the launcher waits", NULL,
	  NULL },
	{ 0 },
};

static int run_prober(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const char *sudo_uid = getenv("SUDO_UID");
	uint64_t uid;
	int fd;

	(void)argc, (void)argv;
	if (geteuid() != 0 || !socket_path || strlen(socket_path) >= sizeof(at.sun_path) ||
	    !sudo_uid || !slice_u64(slice_of(sudo_uid), &uid)) {
		log_err("only 'sonde run' starts this, through sudo");
		return EXIT_USAGE;
	}
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", socket_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		log_errno(-errno, "cannot reach the launcher");
		return SONDE_EXIT_FAILURE;
	}
	if (!peer_is(fd, (uid_t)uid)) {
		log_err("'%s' belongs to somebody else than who started sudo", socket_path);
		return SONDE_EXIT_FAILURE;
	}
	return be_prober(fd);
}

const struct command command_prober = {
	.name = "prober",
	.summary = "the privileged part of a run that was started without root",
	.usage = "--socket PATH",
	.help = "Started by 'sonde run' through sudo.\n",
	.options = options,
	.run = run_prober,
	.hidden = true,
};
