/* SPDX-License-Identifier: BSD-2-Clause */
/* uprobe_multi links by the system call: the libbpf that is at hand does not know them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* enum bpf_attach_type of newer headers */
#define UPROBE_MULTI   48u
#define UPROBE_SESSION 57u

struct uprobe_request {
	const char *path;
	const uint64_t *offsets, *cookies;
	size_t n;
	bool at_return;
	pid_t pid; /* 0: every process that maps the file */
};

/* A link's descriptor (closing it takes the probes off), or -errno. */
int uprobe_link_multi(int prog_fd, uint32_t attach_type, const struct uprobe_request *r);
