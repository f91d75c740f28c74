/* SPDX-License-Identifier: BSD-2-Clause */
/* Children enter the sandbox and try: a child tells by its exit status what went wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ipc.h"
#include "base/util.h"
#include "cmd/sandbox.h"

/* Runs @fn in a child of its own; its return value, or 1000 + signal. */
static int in_child(int (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(fn(arg));
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#define NOBODY 65534

static char as_nobody[] = "nobody";

static const struct {
	const char *name;
	long call, a, b, c, d;
} forbidden[] = {
	{ "bpf", SYS_bpf, 0, 0, 0, 0 },
	/* not /bin/true: without a filter that would end this child, well and silently */
	{ "execve", SYS_execve, (long)"/nonexistent", 0, 0, 0 },
	{ "execveat", SYS_execveat, AT_FDCWD, (long)"/nonexistent", 0, 0 },
	{ "ptrace", SYS_ptrace, PTRACE_TRACEME, 0, 0, 0 },
	{ "process_vm_readv", SYS_process_vm_readv, 1, 0, 0, 0 },
	{ "process_vm_writev", SYS_process_vm_writev, 1, 0, 0, 0 },
	{ "socket", SYS_socket, AF_INET, SOCK_STREAM, 0, 0 },
	{ "socket unix", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0 },
	{ "socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 0 },
	{ "connect", SYS_connect, 0, 0, 0, 0 },
	{ "bind", SYS_bind, 0, 0, 0, 0 },
	{ "listen", SYS_listen, 0, 0, 0, 0 },
	{ "mount", SYS_mount, 0, 0, 0, 0 },
	{ "umount2", SYS_umount2, 0, 0, 0, 0 },
	{ "pivot_root", SYS_pivot_root, 0, 0, 0, 0 },
	{ "chroot", SYS_chroot, (long)"/", 0, 0, 0 },
	{ "unshare", SYS_unshare, CLONE_NEWUSER, 0, 0, 0 },
	{ "setns", SYS_setns, 0, 0, 0, 0 },
	{ "kill", SYS_kill, 1, 0, 0, 0 },
	{ "tgkill of others", SYS_tgkill, 1, 1, 0, 0 },
	{ "tkill", SYS_tkill, 1, 0, 0, 0 },
	{ "rt_sigqueueinfo", SYS_rt_sigqueueinfo, 1, 0, 0, 0 },
	{ "pidfd_open", SYS_pidfd_open, 1, 0, 0, 0 },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, 0, 0, 0, 0 },
	{ "pidfd_getfd", SYS_pidfd_getfd, 0, 0, 0, 0 },
	{ "clone of a process", SYS_clone, SIGCHLD, 0, 0, 0 },
	{ "perf_event_open", SYS_perf_event_open, 0, 0, 0, 0 },
	{ "keyctl", SYS_keyctl, 0, 0, 0, 0 },
	{ "add_key", SYS_add_key, 0, 0, 0, 0 },
	{ "setuid", SYS_setuid, 0, 0, 0, 0 },
	{ "setresuid", SYS_setresuid, 0, 0, 0, 0 },
	{ "setgid", SYS_setgid, 0, 0, 0, 0 },
	{ "setgroups", SYS_setgroups, 0, 0, 0, 0 },
	{ "capset", SYS_capset, 0, 0, 0, 0 },
	{ "prctl", SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0 },
	{ "seccomp", SYS_seccomp, 0, 0, 0, 0 },
	{ "io_uring_setup", SYS_io_uring_setup, 1, 0, 0, 0 },
	{ "userfaultfd", SYS_userfaultfd, 0, 0, 0, 0 },
	{ "memfd_create", SYS_memfd_create, (long)"x", 0, 0, 0 },
	{ "init_module", SYS_init_module, 0, 0, 0, 0 },
	{ "kexec_load", SYS_kexec_load, 0, 0, 0, 0 },
	{ "reboot", SYS_reboot, 0, 0, 0, 0 },
	{ "sethostname", SYS_sethostname, 0, 0, 0, 0 },
	{ "settimeofday", SYS_settimeofday, 0, 0, 0, 0 },
	{ "mknodat", SYS_mknodat, 0, 0, 0, 0 },
	{ "symlinkat", SYS_symlinkat, 0, 0, 0, 0 },
	{ "linkat", SYS_linkat, 0, 0, 0, 0 },
	{ "open_by_handle_at", SYS_open_by_handle_at, 0, 0, 0, 0 },
	{ "name_to_handle_at", SYS_name_to_handle_at, 0, 0, 0, 0 },
	{ "fanotify_init", SYS_fanotify_init, 0, 0, 0, 0 },
	{ "ioctl TIOCSTI", SYS_ioctl, 0, 0x5412, (long)"x", 0 },
	{ "prlimit that sets", SYS_prlimit64, 0, RLIMIT_CORE, (long)"12345678", 0 },
	{ "mprotect to code", SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC, 0 },
	{ "mmap of code", SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS },
	{ "process_madvise", SYS_process_madvise, 0, 0, 0, 0 },
	{ "setsid", SYS_setsid, 0, 0, 0, 0 },
	{ "quotactl", SYS_quotactl, 0, 0, 0, 0 },
	{ "swapon", SYS_swapon, 0, 0, 0, 0 },
};

static int try_forbidden(void *arg)
{
	int bad = 0;

	(void)arg;
	if (sandbox_enter() < 0)
		return 101;
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		long r;

		errno = 0;
		r = syscall(forbidden[i].call, forbidden[i].a, forbidden[i].b, forbidden[i].c,
			    forbidden[i].d, -1, 0);
		if (forbidden[i].call == SYS_clone && r == 0)
			_exit(102); /* the child that should not be */
		if (r != -1 || errno != EPERM) {
			fprintf(stderr, "# %s: %ld, %s\n", forbidden[i].name, r, strerror(errno));
			bad++;
		}
	}
	return bad;
}

static void what_is_forbidden_fails_with_eperm(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_forbidden, NULL), 0);
}

static int fork_as_libc_does(void *arg)
{
	pid_t pid;

	(void)arg;
	if (sandbox_enter() < 0)
		return 101;
	pid = fork();
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		return 102;
	return errno == EPERM && system("true") != 0 ? 0 : 103;
}

static void no_process_is_started(void **state)
{
	(void)state;
	assert_int_equal(in_child(fork_as_libc_does, NULL), 0);
}

/* The fields of /proc/self/status that say what a process may. */
static int status_line(const char *name, char *ret, size_t max)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	int r = -1;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0) {
			snprintf(ret, max, "%s", line + strlen(name));
			r = 0;
		}
	if (f)
		fclose(f);
	return r;
}

static int nothing_left(void *arg)
{
	static const char *const sets[] = { "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };
	char value[256];
	/* An ordinary user keeps its bounding set: there is nothing in it to have. */
	size_t n = arg ? 3 : 5;

	if (arg && sandbox_become(NOBODY, NOBODY, NULL) < 0)
		return 101;
	if (sandbox_enter() < 0)
		return 102;
	for (size_t i = 0; i < n; i++)
		if (status_line(sets[i], value, sizeof(value)) == 0 &&
		    strtoull(value, NULL, 16) != 0)
			return 1 + (int)i;
	return 0;
}

static void no_capability_is_left(void **state)
{
	(void)state;
	assert_int_equal(in_child(nothing_left, NULL), 0);
	if (geteuid() == 0)
		assert_int_equal(in_child(nothing_left, as_nobody), 0);
}

static int check_flags(void *arg)
{
	char value[256];

	(void)arg;
	if (sandbox_enter() < 0)
		return 101;
	if (status_line("NoNewPrivs:", value, sizeof(value)) == 0 && atoi(value) != 1)
		return 1;
	if (status_line("Seccomp:", value, sizeof(value)) == 0 && atoi(value) != 2)
		return 2;
	return 0;
}

static void no_new_privileges_and_a_filter(void **state)
{
	(void)state;
	assert_int_equal(in_child(check_flags, NULL), 0);
}

static int wait_in_sandbox(void *arg)
{
	int *fds = arg;
	char c;

	if (sandbox_enter() < 0)
		return 101;
	return write(fds[1], "x", 1) == 1 && read(fds[2], &c, 1) == 0 ? 0 : 1;
}

static void others_of_the_same_user_cannot_look_inside(void **state)
{
	int up[2], down[2], status;
	int fds[3];
	char c, name[64];
	pid_t pid, spy;

	(void)state;
	if (geteuid() != 0)
		skip(); /* it takes two processes of another user */
	assert_int_equal(pipe(up) + pipe(down), 0);
	fds[1] = up[1];
	fds[2] = down[0];
	pid = fork();
	if (pid == 0) {
		close(down[1]);
		if (sandbox_become(NOBODY, NOBODY, NULL) < 0)
			_exit(100);
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* which the change of user took away */
		_exit(wait_in_sandbox(fds));
	}
	assert_int_equal(read(up[0], &c, 1), 1);
	snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	spy = fork();
	if (spy == 0) {
		if (sandbox_become(NOBODY, NOBODY, NULL) < 0)
			_exit(2);
		_exit(open(name, O_RDONLY) >= 0 || ptrace(PTRACE_ATTACH, pid, 0, 0) == 0);
	}
	waitpid(spy, &status, 0);
	close(down[1]);
	assert_int_equal(status, 0);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	for (int i = 0; i < 2; i++)
		close(up[i]);
	close(down[0]);
}

static int sql(sqlite3 *db, const char *text)
{
	char *message = NULL;
	int r = sqlite3_exec(db, text, NULL, NULL, &message);

	if (r != SQLITE_OK)
		fprintf(stderr, "# %s: %s\n", text, message);
	sqlite3_free(message);
	return r;
}

/* Opened before, as the engine does, or inside: both must work. */
static int work_on_a_store(void *arg)
{
	const char *path = arg;
	sqlite3 *db = NULL, *reader = NULL;
	int r = 0;

	if (sqlite3_open(path, &db) || sql(db, "PRAGMA journal_mode=WAL") ||
	    sql(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB) STRICT"))
		return 100;
	if (sandbox_enter() < 0)
		return 101;
	sqlite3_busy_timeout(db, 100);
	for (int i = 0; !r && i < 20; i++)
		r = sql(db, "BEGIN IMMEDIATE") ||
		    sql(db,
			"INSERT INTO t(b) SELECT randomblob(100000) FROM (VALUES (1),(2),(3))") ||
		    sql(db, i % 5 ? "COMMIT" : "ROLLBACK");
	if (r || sqlite3_open(path, &reader) || sql(reader, "SELECT sum(length(b)) FROM t"))
		return 102;
	/* a reader that stays makes the writer wait, not fail */
	if (sql(reader, "BEGIN; SELECT count(*) FROM t") || sql(db, "DELETE FROM t WHERE a % 2") ||
	    sql(reader, "COMMIT") || sqlite3_close(reader))
		return 103;
	if (sql(db, "PRAGMA wal_checkpoint(TRUNCATE)") || sql(db, "VACUUM") ||
	    sql(db, "PRAGMA journal_mode=DELETE") || sqlite3_close(db))
		return 104;
	return 0;
}

static void a_store_works_inside(void **state)
{
	char dir[] = "/tmp/sonde-sandbox-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x.db", dir);
	assert_int_equal(in_child(work_on_a_store, path), 0);
	unlink(path);
	assert_int_equal(rmdir(dir), 0); /* no journal left behind */
}

static void *thread(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static int use_what_is_allowed(void *arg)
{
	char buf[IPC_MAX];
	int pair[2], fds[IPC_FDS_MAX], ran = 0;
	pthread_t t;

	(void)arg;
	if (ipc_pair(pair) < 0 || sandbox_enter() < 0)
		return 101;
	if (ipc_send(pair[0], SLICE("hello"), &pair[0], 1) < 0 ||
	    ipc_recv(pair[1], buf, fds) != 5 || fds[0] < 0)
		return 1;
	if (pthread_create(&t, NULL, thread, &ran) != 0 || pthread_join(t, NULL) != 0 || !ran)
		return 2;
	isatty(2);
	return 0;
}

static void messages_and_threads_work_inside(void **state)
{
	(void)state;
	assert_int_equal(in_child(use_what_is_allowed, NULL), 0);
}

static int abort_inside(void *arg)
{
	struct rlimit none = { 0 };

	(void)arg;
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGABRT, SIG_DFL);
	if (sandbox_enter() < 0)
		return 101;
	abort();
}

static void a_failed_assertion_still_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(in_child(abort_inside, NULL), 1000 + SIGABRT);
}

static int become(void *arg)
{
	uid_t u[3];
	gid_t g[3], groups[64];

	if (sandbox_become(NOBODY, NOBODY, arg) < 0)
		return 101;
	if (getresuid(&u[0], &u[1], &u[2]) || getresgid(&g[0], &g[1], &g[2]))
		return 102;
	for (int i = 0; i < 3; i++)
		if (u[i] != NOBODY || g[i] != NOBODY)
			return 1;
	if (setuid(0) == 0 || setgid(0) == 0 || seteuid(0) == 0)
		return 2;
	for (int i = getgroups(64, groups) - 1; i >= 0; i--)
		if (groups[i] == 0)
			return 3; /* still among root's groups */
	return sandbox_become(0, 0, NULL) == -EPERM ? 0 : 4;
}

static void who_becomes_a_user_cannot_go_back(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(become, as_nobody), 0);
	assert_int_equal(in_child(become, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_forbidden_fails_with_eperm),
		cmocka_unit_test(no_process_is_started),
		cmocka_unit_test(no_capability_is_left),
		cmocka_unit_test(no_new_privileges_and_a_filter),
		cmocka_unit_test(others_of_the_same_user_cannot_look_inside),
		cmocka_unit_test(a_store_works_inside),
		cmocka_unit_test(messages_and_threads_work_inside),
		cmocka_unit_test(a_failed_assertion_still_ends_the_process),
		cmocka_unit_test(who_becomes_a_user_cannot_go_back),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
