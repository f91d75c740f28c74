/* SPDX-License-Identifier: BSD-2-Clause */
/* A set of probes on one file, for one process or for every one that maps it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe/capture.h"
#include "probe/finder/target.h"

#define LINKS_MAX (2 * TARGET_POINTS_MAX)

/* A probe is either a descriptor (uprobe_multi) or libbpf's link (perf). */
struct probes {
	int fds[LINKS_MAX];
	struct bpf_link *links[LINKS_MAX];
	size_t n_fds, n_links;
};

/* Probes of one program that go on together. */
struct batch {
	enum capture_prog prog;
	bool at_return;
	uint64_t offsets[TARGET_POINTS_MAX], cookies[TARGET_POINTS_MAX];
	size_t n;
};

enum {
	BATCH_SESSION,
	BATCH_RETURN,
	BATCH_EXIT,
	BATCH_FORGET,
	BATCH_BEGIN,
	BATCH_DESCRIPTOR,
	BATCH_ENTER,
	BATCH_GO_MOVED,
	BATCH_GO_BEGINS,
	BATCH_RUSTLS_SESSION,
	BATCH_RUSTLS_RETURN,
	BATCH_RUSTLS_ENTER,
	BATCH_RUSTLS_ENCRYPT,
	BATCH_NR,
};

/* Sorts the points by the program that they need. Exits go on before entries. */
void probes_sort(const struct capture *c, const struct probe_target *t,
		 struct batch batches[BATCH_NR]);
/* Puts them on the file that @fd is; @pid 0: for everybody. 0, or -errno: then none is on. */
int probes_attach(const struct capture *c, const struct batch *batches, int fd, pid_t pid,
		  struct probes *probes);
/* Takes them off. */
void probes_done(struct probes *p);
