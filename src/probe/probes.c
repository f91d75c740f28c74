// SPDX-License-Identifier: BSD-2-Clause
#include "probe/probes.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe/release.h"
#include "probe/uprobe.h"
#include "sonde/work.h"

/* What bpf/ has as numbers. */
_Static_assert(PROBE_ABI_RW == 0 && PROBE_ABI_RW_EX == 1 && PROBE_ABI_RW_EX2 == 2 &&
		       PROBE_ABI_FREE == 3 && PROBE_ABI_RW_SIZE == 5 && PROBE_ABI_RW_TYPED == 6 &&
		       PROBE_ABI_RW_FLAGS == 7 && PROBE_ABI_QUIET == 8 &&
		       PROBE_ABI_HANDSHAKE == 10 && PROBE_ABI_TOTAL == 14,
	       "bpf/openssl.bpf.c");

void probes_done(struct probes *p)
{
	release_probes(p->fds, p->n_fds, p->links, p->n_links);
	*p = (struct probes){ 0 };
}

static void batch_add(struct batch *b, uint64_t offset, const struct probe_point *p)
{
	b->offsets[b->n] = offset;
	b->cookies[b->n] = (uint64_t)p->abi | (p->write ? SONDE_COOKIE_WRITE : 0) |
			   (uint64_t)p->source << SONDE_COOKIE_SOURCE_SHIFT |
			   (uint64_t)p->detail << SONDE_COOKIE_DETAIL_SHIFT |
			   (uint64_t)p->overhead << SONDE_COOKIE_OVERHEAD_SHIFT |
			   (uint64_t)p->type_at << SONDE_COOKIE_TYPE_AT_SHIFT |
			   (p->owned ? SONDE_COOKIE_OWNED : 0);
	b->n++;
}

static void add_rustls(struct batch batches[BATCH_NR], bool session, const struct probe_point *p)
{
	if (p->write) {
		batch_add(&batches[BATCH_RUSTLS_ENCRYPT], p->entry, p);
	} else if (session) {
		batch_add(&batches[BATCH_RUSTLS_SESSION], p->entry, p);
	} else {
		batch_add(&batches[BATCH_RUSTLS_RETURN], p->entry, p);
		batch_add(&batches[BATCH_RUSTLS_ENTER], p->entry, p);
	}
}

void probes_sort(const struct capture *c, const struct probe_target *t,
		 struct batch batches[BATCH_NR])
{
	bool session = capture_program(c, CAPTURE_SESSION);

	memset(batches, 0, sizeof(*batches) * BATCH_NR);
	batches[BATCH_SESSION].prog = CAPTURE_SESSION;
	batches[BATCH_RETURN].prog = CAPTURE_LEAVE;
	batches[BATCH_RETURN].at_return = true;
	batches[BATCH_EXIT].prog = CAPTURE_LEAVE;
	batches[BATCH_FORGET].prog = CAPTURE_FORGET;
	batches[BATCH_BEGIN].prog = CAPTURE_BEGIN;
	batches[BATCH_BEGIN].at_return = true;
	batches[BATCH_DESCRIPTOR].prog = CAPTURE_DESCRIPTOR;
	batches[BATCH_ENTER].prog = CAPTURE_ENTER;
	batches[BATCH_GO_MOVED].prog = CAPTURE_GO_MOVED;
	batches[BATCH_GO_BEGINS].prog = CAPTURE_GO_BEGINS;
	batches[BATCH_RUSTLS_SESSION].prog = CAPTURE_RUSTLS_SESSION;
	batches[BATCH_RUSTLS_RETURN].prog = CAPTURE_RUSTLS_LEAVE;
	batches[BATCH_RUSTLS_RETURN].at_return = true;
	batches[BATCH_RUSTLS_ENTER].prog = CAPTURE_RUSTLS_ENTER;
	batches[BATCH_RUSTLS_ENCRYPT].prog = CAPTURE_RUSTLS_ENCRYPT;
	for (size_t i = 0; i < t->n_points && i < TARGET_POINTS_MAX; i++) {
		const struct probe_point *p = &t->points[i];

		if (p->abi >= PROBE_ABI_RUSTLS_ENCRYPT && p->abi <= PROBE_ABI_RUSTLS_DECRYPT) {
			add_rustls(batches, session, p);
		} else if (p->abi == PROBE_ABI_FREE || p->abi == PROBE_ABI_CLEAR) {
			batch_add(&batches[BATCH_FORGET], p->entry, p);
		} else if (p->abi == PROBE_ABI_NEW) {
			batch_add(&batches[BATCH_BEGIN], p->entry, p);
		} else if (p->abi == PROBE_ABI_DESCRIPTOR) {
			batch_add(&batches[BATCH_DESCRIPTOR], p->entry, p);
		} else if (p->abi >= PROBE_ABI_GO_RECORD && p->abi <= PROBE_ABI_GO_ERROR) {
			batch_add(&batches[BATCH_GO_MOVED], p->entry, p);
		} else if (p->abi >= PROBE_ABI_GO_ENTER && p->abi <= PROBE_ABI_GO_HANDSHAKE) {
			batch_add(&batches[BATCH_GO_BEGINS], p->entry, p);
		} else if (p->exit) {
			batch_add(&batches[BATCH_EXIT], p->exit, p);
			batch_add(&batches[BATCH_ENTER], p->entry, p);
		} else if (session) {
			batch_add(&batches[BATCH_SESSION], p->entry, p);
		} else {
			batch_add(&batches[BATCH_RETURN], p->entry, p);
			batch_add(&batches[BATCH_ENTER], p->entry, p);
		}
	}
}

static bool is_session(enum capture_prog prog)
{
	return prog == CAPTURE_SESSION || prog == CAPTURE_RUSTLS_SESSION;
}

static int attach_multi(const struct capture *c, const struct batch *b, const char *path, pid_t pid,
			struct probes *probes)
{
	struct uprobe_request r = {
		.path = path,
		.offsets = b->offsets,
		.cookies = b->cookies,
		.n = b->n,
		.at_return = b->at_return,
		.pid = pid,
	};
	int fd = uprobe_link_multi(bpf_program__fd(capture_program(c, b->prog)),
				   is_session(b->prog) ? UPROBE_SESSION : UPROBE_MULTI, &r);

	if (fd < 0)
		return fd;
	probes->fds[probes->n_fds++] = fd;
	return 0;
}

static int attach_perf(const struct capture *c, const struct batch *b, const char *path,
		       struct probes *probes)
{
	for (size_t i = 0; i < b->n; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = b->cookies[i],
			    .retprobe = b->at_return);
		struct bpf_link *link = bpf_program__attach_uprobe_opts(
			capture_program(c, b->prog), -1, path, b->offsets[i], &opts);

		if (!link)
			return -errno;
		probes->links[probes->n_links++] = link;
	}
	return 0;
}

int probes_attach(const struct capture *c, const struct batch *batches, int fd, pid_t pid,
		  struct probes *probes)
{
	char path[64];
	int r = 0;

	/* The very file that was examined, whatever its path means by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < BATCH_NR && r == 0; i++) {
		const struct batch *b = &batches[i];

		if (b->n == 0)
			continue;
		r = capture_has_multi(c) ? attach_multi(c, b, path, pid, probes)
					 : attach_perf(c, b, path, probes);
	}
	if (r < 0)
		probes_done(probes);
	return r;
}
