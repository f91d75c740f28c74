/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/util.h"

static int verify_ids(uid_t uid, gid_t gid)
{
	uid_t u[3];
	gid_t g[3];

	if (getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (u[i] != uid || g[i] != gid)
			return -EPERM;
	/* What can be taken back was not given up. */
	if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		return -EPERM;
	return 0;
}

int sandbox_become(uid_t uid, gid_t gid, const char *user)
{
	/* An ordinary user that stays itself may not, and need not, set its groups. */
	bool may_set_groups = geteuid() == 0;

	if (may_set_groups && (user ? initgroups(user, gid) : setgroups(1, &gid)) < 0)
		return -errno;
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return verify_ids(uid, gid);
}

/* --- capabilities --- */

int sandbox_bound(void)
{
	for (int c = 0; cap_get_bound(c) >= 0; c++)
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EPERM)
			return -errno;
	return 0;
}

static int drop_capabilities(void)
{
	cap_t none = cap_init();
	int r;

	if (!none)
		return -ENOMEM;
	r = sandbox_bound();
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		r = -errno;
	if (cap_set_proc(none) < 0)
		r = -errno;
	cap_free(none);
	return r;
}

/* --- system calls --- */

/* Calls that the engine may make with any arguments. */
static const int allowed[] = {
	/* files: what the store (SQLite in WAL mode), recordings and views need */
	SCMP_SYS(read),
	SCMP_SYS(pread64),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(pwrite64),
	SCMP_SYS(writev),
	SCMP_SYS(lseek),
	SCMP_SYS(openat),
	SCMP_SYS(open),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(fstatfs),
	SCMP_SYS(statfs),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	SCMP_SYS(fcntl),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchown),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(dup),
	SCMP_SYS(umask),
	/* waiting, and the socket towards the prober */
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(eventfd2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	/* watchers, on a socket that listens already */
	SCMP_SYS(accept4),
	SCMP_SYS(getsockopt),
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	/* time, threads, the process itself */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getrusage),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Calls that who sends to others may make besides. */
static const int allowed_exporter[] = {
	SCMP_SYS(connect),    SCMP_SYS(sendto),		 SCMP_SYS(recvfrom),	SCMP_SYS(sendmmsg),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockname),	 SCMP_SYS(getpeername), SCMP_SYS(shutdown),
	SCMP_SYS(bind), /* of the resolver's netlink socket */
	SCMP_SYS(socketpair), SCMP_SYS(pipe2),		 SCMP_SYS(rename),	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),  SCMP_SYS(rt_sigtimedwait),
};

/* Which families: the resolver asks over Unix and netlink sockets. */
static const int allowed_families[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK };

/* A call that the engine may make where one argument is as told: (argument & mask) == value. */
struct limited {
	int call;
	unsigned argument;
	uint64_t mask, value;
};

static int allow_limited(scmp_filter_ctx f)
{
	const uint64_t all = UINT32_MAX, thread = CLONE_THREAD | CLONE_VM;
	const struct limited rules[] = {
		/* What is a terminal, how wide, in which mode; never TIOCSTI. */
		{ SCMP_SYS(ioctl), 1, all, TCGETS },
		{ SCMP_SYS(ioctl), 1, all, TIOCGWINSZ },
		{ SCMP_SYS(ioctl), 1, all, TIOCGPGRP },
		/* Memory never becomes code. */
		{ SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
		{ SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
		/* Threads, no processes. */
		{ SCMP_SYS(clone), 0, thread | CLONE_NEWUSER, thread },
		/* abort() is a signal to itself. */
		{ SCMP_SYS(tgkill), 0, all, (uint64_t)getpid() },
		/* Limits are read, not set. */
		{ SCMP_SYS(prlimit64), 2, UINT64_MAX, 0 },
	};
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(rules); i++) {
		const struct scmp_arg_cmp cmp = {
			.arg = rules[i].argument,
			.op = SCMP_CMP_MASKED_EQ,
			.datum_a = rules[i].mask,
			.datum_b = rules[i].value,
		};

		r = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, rules[i].call, 1, &cmp);
	}
	/* glibc asks for clone3 first, whose flags no filter can see, and then takes clone. */
	return r ? r : seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int allow_all(scmp_filter_ctx f, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
		if (r == -EDOM) /* not on this architecture */
			r = 0;
	}
	return r;
}

static int allow_exporter(scmp_filter_ctx f)
{
	int r = allow_all(f, allowed_exporter, ARRAY_SIZE(allowed_exporter));

	for (size_t i = 0; !r && i < ARRAY_SIZE(allowed_families); i++) {
		const struct scmp_arg_cmp family = {
			.arg = 0,
			.op = SCMP_CMP_EQ,
			.datum_a = (scmp_datum_t)allowed_families[i],
		};

		r = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &family);
	}
	return r;
}

static int filter_calls(bool exporter)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = f ? 0 : -ENOMEM;

	if (!r)
		r = allow_all(f, allowed, ARRAY_SIZE(allowed));
	if (!r)
		r = allow_limited(f);
	if (!r && exporter)
		r = allow_exporter(f);
	/* The frequent calls, a data chunk's path through the filter is short. */
	if (!r)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!r)
		r = seccomp_load(f);
	seccomp_release(f);
	return r;
}

static int enter(bool exporter)
{
	int r = drop_capabilities();

	if (r < 0)
		return r;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return filter_calls(exporter);
}

int sandbox_enter(void)
{
	return enter(false);
}

int sandbox_enter_exporter(void)
{
	return enter(true);
}
