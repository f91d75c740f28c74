/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a command with probes on it that do nothing: the least that probes in these places can cost.
 *
 *	empty [r]FILE@OFFSET... -- COMMAND...	r: where the function returns
 *
 * The probes are the command's alone. Exits as the command does; 125 where it cannot be done.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "probe/uprobe.h"

#define FAILED 125

static int load_empty_program(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_KPROBE,
				.expected_attach_type = UPROBE_MULTI,
				.insn_cnt = ARRAY_SIZE(insns),
				.insns = (uint64_t)(uintptr_t)insns,
				.license = (uint64_t)(uintptr_t) "GPL" };

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* The link lives as long as this process. */
static int attach(int prog, char *place, pid_t pid)
{
	const bool at_return = *place == 'r';
	char *at = strrchr(place, '@');
	uint64_t offset = at ? strtoull(at + 1, NULL, 0) : 0, cookie = 0;
	const struct uprobe_request r = { .path = place + at_return,
					  .offsets = &offset,
					  .cookies = &cookie,
					  .n = 1,
					  .at_return = at_return,
					  .pid = pid };

	if (!at || !offset)
		return -1;
	*at = '\0';
	return uprobe_link_multi(prog, UPROBE_MULTI, &r);
}

int main(int argc, char **argv)
{
	int go[2], status, i, prog = load_empty_program();
	pid_t pid;
	char byte;

	if (prog < 0 || pipe(go)) {
		perror("empty");
		return FAILED;
	}
	pid = fork();
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		;
	if (pid == 0) {
		close(go[1]);
		if (read(go[0], &byte, 1) == 1 && i + 1 < argc)
			execvp(argv[i + 1], argv + i + 1);
		_exit(FAILED);
	}
	for (int n = 1; n < i; n++)
		if (attach(prog, argv[n], pid) < 0) {
			fprintf(stderr, "empty: cannot probe '%s'\n", argv[n]);
			return FAILED; /* the command's end of the pipe closes */
		}
	if (write(go[1], "", 1) != 1 || waitpid(pid, &status, 0) != pid)
		return FAILED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
