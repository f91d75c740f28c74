/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic.h"

#include <dlfcn.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int load_empty_program(void)
{
	/* r0 = 0; exit */
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_KPROBE,
				.insn_cnt = 2,
				.insns = (uint64_t)(uintptr_t)insns,
				.license = (uint64_t)(uintptr_t) "GPL" };

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* The file and the offset in it that @address is mapped from. */
static uint64_t file_offset(uintptr_t address, char *ret_path, size_t n)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4400];
	uint64_t r = 0;

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long start, end, offset;
		int at = 0;

		if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %n", &start, &end, &offset, &at) < 3 ||
		    address < start || address >= end)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(ret_path, n, "%s", line + at);
		r = address - start + offset;
		break;
	}
	if (f)
		fclose(f);
	return r;
}

static int uprobe_type(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int type = -1;

	if (f && fscanf(f, "%d", &type) != 1)
		type = -1;
	if (f)
		fclose(f);
	return type;
}

/* For this process alone: other programs that map the library are not ours to slow down. */
static int attach(void *lib, const char *function, int on_return, int prog)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = (uint32_t)uprobe_type() };
	char path[4096] = "";
	int fd;

	attr.probe_offset = file_offset((uintptr_t)dlsym(lib, function), path, sizeof(path));
	attr.uprobe_path = (uint64_t)(uintptr_t)path;
	attr.config = (uint64_t)on_return;
	fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		perror(function);
		return -1;
	}
	return 0;
}

int classic_attach(void)
{
	void *lib = dlopen("libssl.so.3", RTLD_NOW);
	int prog = load_empty_program();

	if (!lib || prog < 0)
		return -1;
	for (int on_return = 0; on_return < 2; on_return++)
		if (attach(lib, "SSL_write", on_return, prog) ||
		    attach(lib, "SSL_read", on_return, prog))
			return -1;
	return 0;
}
