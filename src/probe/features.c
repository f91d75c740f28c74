// SPDX-License-Identifier: BSD-2-Clause
#include "probe/features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/tracefs.h"
#include "probe/uprobe.h"

#define SYSCALL_URETPROBE 335
/* Debian and others have a level above it that asks for CAP_SYS_ADMIN instead of CAP_PERFMON. */
#define PARANOID_CAPABLE 2

/* Reads the first line of a small file; empty where it cannot. */
static void read_line(const char *path, char *ret, size_t n)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, ret, n - 1);

	ret[got > 0 ? got : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

/* "none [integrity] confidentiality": the bracketed one is in force. */
static void probe_lockdown(struct features *f)
{
	char line[128];
	char *at, *end;

	read_line("/sys/kernel/security/lockdown", line, sizeof(line));
	at = strchr(line, '[');
	end = at ? strchr(at, ']') : NULL;
	if (end)
		snprintf(f->lockdown, sizeof(f->lockdown), "%.*s", (int)(end - at - 1), at + 1);
}

static bool have_cap(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t v = CAP_CLEAR;

	return cap_get_flag(caps, cap, CAP_EFFECTIVE, &v) == 0 && v == CAP_SET;
}

static bool is_privileged(bool *ret_admin)
{
	cap_t caps = cap_get_proc();
	bool ok;

	*ret_admin = false;
	if (!caps)
		return false;
	*ret_admin = have_cap(caps, CAP_SYS_ADMIN);
	ok = *ret_admin || (have_cap(caps, CAP_BPF) && have_cap(caps, CAP_PERFMON));
	cap_free(caps);
	return ok;
}

/* Whether a program that does nothing loads like this; its descriptor or -errno. */
static int try_load(enum bpf_prog_type type, uint32_t attach_type, uint32_t flags)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = (enum bpf_attach_type)attach_type, .prog_flags = flags);
	int fd = bpf_prog_load(type, "sonde_try", "GPL", insns, ARRAY_SIZE(insns), &opts);

	return fd < 0 ? -errno : fd;
}

static bool loads(enum bpf_prog_type type, uint32_t attach_type, uint32_t flags)
{
	_cleanup_(closep) int fd = try_load(type, attach_type, flags);

	return fd >= 0;
}

/* A link to a directory is refused: with EBADF by a kernel that got as far as looking at it. */
static bool links_multi(uint32_t attach_type)
{
	_cleanup_(closep) int fd = try_load(BPF_PROG_TYPE_KPROBE, attach_type, 0);
	_cleanup_(closep) int link = -1;
	uint64_t offset = 0, cookie = 0;
	const struct uprobe_request r = {
		.path = "/", .offsets = &offset, .cookies = &cookie, .n = 1
	};

	if (fd < 0)
		return false;
	link = uprobe_link_multi(fd, attach_type, &r);
	return link == -EBADF;
}

static bool helper(enum bpf_prog_type type, enum bpf_func_id id)
{
	return libbpf_probe_bpf_helper(type, id, NULL) == 1;
}

/* It may be called from the kernel's trampoline alone: where it exists, calling it is SIGILL. */
static bool has_uretprobe_syscall(void)
{
#ifdef __x86_64__
	const struct rlimit none = { 0, 0 };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &none);
		syscall(SYSCALL_URETPROBE);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
#else
	return false;
#endif
}

int features_probe(struct features *ret)
{
	struct features f = { 0 };
	_cleanup_(closep) int tracefs = -1;
	struct utsname u;
	char line[32];
	bool admin;
	int fd;

	if (uname(&u) < 0)
		return -errno;
	snprintf(f.release, sizeof(f.release), "%s", u.release);
	read_line("/proc/sys/kernel/perf_event_paranoid", line, sizeof(line));
	f.perf_event_paranoid = line[0] ? (int)strtol(line, NULL, 10) : -1;
	probe_lockdown(&f);
	f.privileged = is_privileged(&admin);
	f.lacks_admin = !admin;
	f.btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	fd = try_load(BPF_PROG_TYPE_KPROBE, 0, 0);
	f.bpf_error = fd < 0 ? -fd : 0;
	if (fd >= 0) {
		close(fd);
		f.ring_buffer = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1;
		f.bpf_loop = helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop);
		f.task_pt_regs = helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_task_pt_regs);
		f.attach_cookie = helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie);
		f.sleepable = loads(BPF_PROG_TYPE_KPROBE, 0, BPF_F_SLEEPABLE);
		f.uprobe_multi = links_multi(UPROBE_MULTI);
		f.session = f.uprobe_multi && links_multi(UPROBE_SESSION);
	}
	f.uretprobe_syscall = has_uretprobe_syscall();
	tracefs = tracefs_open();
	f.tracefs = tracefs >= 0 && (admin || f.perf_event_paranoid <= PARANOID_CAPABLE) &&
		    tracefs_event_id(tracefs, "syscalls/sys_exit_read") > 0;
	*ret = f;
	return 0;
}

bool features_refusal(const struct features *f, char *ret, size_t n)
{
	if (!f->privileged)
		snprintf(ret, n,
			 "tracing needs root (or CAP_BPF and CAP_PERFMON): run it with sudo");
	else if (!f->btf)
		snprintf(ret, n,
			 "this kernel (%s) has no BTF (/sys/kernel/btf/vmlinux): one built with "
			 "CONFIG_DEBUG_INFO_BTF is needed",
			 f->release);
	else if (f->bpf_error && strcmp(f->lockdown, "confidentiality") == 0)
		snprintf(ret, n,
			 "kernel lockdown is 'confidentiality', which forbids tracing: boot with "
			 "lockdown=integrity");
	else if (f->bpf_error)
		snprintf(ret, n,
			 "bpf() was refused (%s): in a container it needs CAP_BPF, CAP_PERFMON and "
			 "a "
			 "seccomp profile that allows it",
			 strerror(f->bpf_error));
	else if (!f->ring_buffer || !f->attach_cookie)
		snprintf(
			ret, n,
			"this kernel (%s) has no BPF %s (Linux %s), which sonde cannot do without: "
			"Linux 6.1 or newer is needed",
			f->release, f->ring_buffer ? "attach cookies" : "ring buffers",
			f->ring_buffer ? "5.15" : "5.8");
	else if (f->lacks_admin && !f->uprobe_multi)
		snprintf(ret, n,
			 "this kernel (%s) attaches probes one by one, which takes CAP_SYS_ADMIN: "
			 "give it, or use Linux 6.6 or newer",
			 f->release);
	else
		return false;
	return true;
}
