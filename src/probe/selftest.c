/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"
#include "probe/selftest.h"
#include "probe/trust.h"

#define STEP_MS	    3000 /* for each thing that is waited for */
#define TEAR_DOWN_S 2
#define NOBODY	    65534
#define KEPT_MAX    64
#define CHILD_LINK  3 /* the only descriptor that the child keeps */

/* --- what was found out before --- */

/* A file is the same as long as this is: a build id can be copied into another file. */
struct kept {
	dev_t dev;
	ino_t inode;
	off_t size;
	struct timespec changed;
	uint64_t points; /* which were tested */
	struct selftest_verdict v;
};

static struct kept kept[KEPT_MAX];
static size_t n_kept;

/* FNV-1a over what is probed: other points of the same file are another question. */
static uint64_t hash_points(const struct probe_target *t)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < t->n_points; i++) {
		const struct probe_point *p = &t->points[i];
		const uint64_t v[] = { p->entry, p->exit, (uint64_t)p->abi };

		for (size_t k = 0; k < ARRAY_SIZE(v); k++)
			h = (h ^ v[k]) * 0x100000001b3;
	}
	return h;
}

static struct kept *find_kept(const struct stat *st, uint64_t points)
{
	for (size_t i = 0; i < n_kept && i < KEPT_MAX; i++)
		if (kept[i].dev == st->st_dev && kept[i].inode == st->st_ino &&
		    kept[i].size == st->st_size && kept[i].points == points &&
		    memcmp(&kept[i].changed, &st->st_ctim, sizeof(st->st_ctim)) == 0)
			return &kept[i];
	return NULL;
}

static void keep(const struct stat *st, uint64_t points, const struct selftest_verdict *v)
{
	kept[n_kept++ % KEPT_MAX] = (struct kept){ .dev = st->st_dev,
						   .inode = st->st_ino,
						   .size = st->st_size,
						   .changed = st->st_ctim,
						   .points = points,
						   .v = *v };
}

/* --- messages --- */

static bool say(int fd, const void *p, size_t n)
{
	return send(fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool hear(int fd, void *p, size_t n)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, STEP_MS) == 1 && recv(fd, p, n, 0) == (ssize_t)n;
}

/* Closes every descriptor from 3 on but these: what the prober holds must end with the prober. */
static bool keep_only(int a, int b)
{
	unsigned int low = (unsigned int)(b >= 0 && b < a ? b : a);
	unsigned int high = (unsigned int)(b > a ? b : a);

	return (low <= 3 || syscall(SYS_close_range, 3u, low - 1, 0) == 0) &&
	       (high <= low + 1 || syscall(SYS_close_range, low + 1, high - 1, 0) == 0) &&
	       syscall(SYS_close_range, high + 1, ~0u, 0) == 0;
}

/* --- the child: an ordinary user with nothing but one socket --- */

static bool become(const struct selftest_user *as)
{
	struct rlimit cpu = { 3, 3 }, core = { 0, 0 };
	uid_t uid = as->uid ? as->uid : NOBODY;
	gid_t gid = as->uid ? as->gid : NOBODY;

	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return false;
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0;
}

/* What a library prints goes nowhere. */
static bool be_silent(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0;
}

/* Has only @link left, and nothing of ours in the environment. */
static bool undress(const struct selftest_user *as, int link)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return keep_only(link, -1) && dup2(link, CHILD_LINK) >= 0 && be_silent() && become(as) &&
	       clearenv() == 0 && setenv("OPENSSL_CONF", "/dev/null", 1) == 0;
}

/* The path may mean another file here than where the program runs. */
static bool find_file(const struct probe_target *t, const struct selftest_user *as, char ret[4096])
{
	struct stat st;

	return trust_file(t->path, as->own ? as->uid : 0, ret) && stat(ret, &st) == 0 &&
	       st.st_dev == t->dev && st.st_ino == t->inode;
}

/* Says after each step whether it went well, and waits to be told to go on. */
static void child(const struct probe_target *t, const struct selftest_user *as,
		  struct selftest_log *log, int link)
{
	struct selftest_tls *tls;
	char path[4096], ok;

	if (!undress(as, link) || !find_file(t, as, path))
		_exit(1);
	tls = selftest_load(path);
	if (!tls)
		_exit(2);
	ok = (char)(selftest_talk(tls, log) == 0);
	if (!ok || !say(CHILD_LINK, &ok, 1) || !hear(CHILD_LINK, &ok, 1))
		_exit(3);
	ok = (char)(selftest_talk(tls, log) == 0);
	_exit(say(CHILD_LINK, &ok, 1) && ok ? 0 : 4);
}

/* --- the helper: watches the child --- */

static int refuse(struct selftest_verdict *v, int r, const char *why)
{
	v->r = r;
	snprintf(v->why, sizeof(v->why), "%s", why);
	return r;
}

static void watch_child(const struct probe_target *t, int fd, const struct selftest_log *log,
			pid_t pid, int link, struct selftest_verdict *v,
			struct selftest_watch **ret)
{
	char ok = 0;
	int r;

	if (!hear(link, &ok, 1)) {
		refuse(v, -EOPNOTSUPP,
		       "the library cannot be loaded and used by itself, or others may write it");
		return;
	}
	r = selftest_watch(t, fd, pid, ret);
	if (r < 0) {
		refuse(v, -EOPNOTSUPP, "no perf events on uprobes");
		return;
	}
	if (!say(link, &ok, 1) || !hear(link, &ok, 1) || !ok)
		refuse(v, 0, "the library does not work with the probes on");
	else
		v->r = selftest_agrees(*ret, log, v->why);
}

static void helper(const struct probe_target *t, int fd, const struct selftest_user *as, int answer)
{
	struct selftest_watch *w = NULL;
	struct selftest_verdict v = { 0 };
	struct selftest_log *log;
	int link[2];
	pid_t pid;

	if (!keep_only(fd, answer))
		_exit(1);
	log = mmap(NULL, sizeof(*log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (log == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
		_exit(1);
	pid = fork();
	if (pid < 0)
		_exit(1);
	if (pid == 0)
		child(t, as, log, link[1]);
	close(link[1]);
	watch_child(t, fd, log, pid, link[0], &v, &w);
	say(answer, &v, sizeof(v));
	close(answer);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/*
	 * Taking perf's uprobes off takes up to half a second and holds locks that the prober needs
	 * for its own: so later. Nobody waits for it, and they are on a process that is gone.
	 */
	sleep(TEAR_DOWN_S);
	selftest_unwatch(w);
	_exit(0);
}

/* --- here --- */

int selftest_ask(const struct probe_target *t, int fd, const struct selftest_user *as,
		 struct selftest_verdict *ret)
{
	int answer[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, answer) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		close(answer[0]);
		close(answer[1]);
		return -EAGAIN;
	}
	if (pid == 0) {
		/* Twice, so that the helper is nobody's child who would have to wait for it. */
		if (fork() == 0)
			helper(t, fd, as, answer[1]);
		_exit(0);
	}
	close(answer[1]);
	waitpid(pid, NULL, 0);
	if (!hear(answer[0], ret, sizeof(*ret)))
		refuse(ret, -EOPNOTSUPP, "the self-test did not end");
	close(answer[0]);
	return 0;
}

static bool is_openssl(const struct probe_target *t)
{
	for (size_t i = 0; i < t->n_points; i++)
		if (t->points[i].source != SONDE_SOURCE_OPENSSL)
			return false;
	return true;
}

static bool can_be_tested(const struct probe_target *t, struct selftest_verdict *v)
{
	size_t n = strlen(t->path);

#if defined(__SANITIZE_ADDRESS__)
	n = 0; /* a namespace of its own for the library is more than its run-time bears */
#endif
	if (!is_openssl(t))
		refuse(v, -EOPNOTSUPP, "only libraries with OpenSSL's functions can be tested");
	else if (n == 0 || !strstr(t->path, ".so"))
		refuse(v, -EOPNOTSUPP, "not a library that can be loaded by itself");
	else if (geteuid() != 0)
		refuse(v, -EOPNOTSUPP, "needs root");
	else
		return true;
	return false;
}

int selftest_target(const struct probe_target *t, int fd, const struct selftest_user *as,
		    char ret_why[160])
{
	struct selftest_verdict v = { 0 };
	struct kept *before;
	struct stat st;
	int r;

	if (t->n_points == 0)
		return -EINVAL;
	if (fstat(fd, &st) < 0)
		return -errno;
	before = find_kept(&st, hash_points(t));
	if (before) {
		v = before->v;
	} else if (can_be_tested(t, &v)) {
		r = selftest_ask(t, fd, as, &v);
		if (r < 0)
			return r;
		keep(&st, hash_points(t), &v);
	}
	v.why[sizeof(v.why) - 1] = 0;
	snprintf(ret_why, 160, "%s", v.why);
	return v.r;
}

struct selftest_user selftest_caller(void)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");

	if (geteuid() == 0 && uid && gid)
		return (struct selftest_user){ .uid = (uid_t)strtoul(uid, NULL, 10),
					       .gid = (gid_t)strtoul(gid, NULL, 10) };
	return (struct selftest_user){ .uid = getuid(), .gid = getgid() };
}

static void add_evidence(struct probe_target *t, const char *what)
{
	for (size_t i = 0; i < t->n_points; i++) {
		char *e = t->points[i].evidence;
		size_t n = strlen(e);

		snprintf(e + n, sizeof(t->points[i].evidence) - n, "; %s", what);
	}
}

int selftest_prove(int fd, const struct selftest_user *as, struct probe_target *t)
{
	char why[160], path[sizeof(t->path)];
	int r = selftest_target(t, fd, as, why);

	if (r > 0)
		add_evidence(t, "self-tested");
	if (r != 0)
		return r;
	log_debug("%s: probe points refuted: %s", t->path, why);
	snprintf(path, sizeof(path), "%s", t->path);
	r = target_examine_classic(fd, path, t);
	return r < 0 ? r : 0;
}

int selftest_examine(int fd, const char *path, const struct selftest_user *as,
		     struct probe_target *ret)
{
	int r = target_examine(fd, path, ret);

	if (r <= 0)
		return r;
	selftest_prove(fd, as, ret);
	return ret->n_points > 0;
}
