/* SPDX-License-Identifier: BSD-2-Clause */
/* Uprobes by perf events on one process; each hit gives the registers. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "probe/selftest.h"

/* More hits than calls, else some are lost and the test fails. */
#define PAGE	  4096u
#define RING_SIZE ((size_t)4 * PAGE)
#define HITS_MAX  128

#if defined(__x86_64__)
#include <asm/perf_regs.h>
enum { REG_RESULT, REG_ARG3, REG_ARG2, REG_ARG1, REG_ARG0, REG_ARG4, N_REGS };
/* In the order of the bits, which is the order in the sample. */
static const int regs[N_REGS] = { PERF_REG_X86_AX, PERF_REG_X86_CX, PERF_REG_X86_DX,
				  PERF_REG_X86_SI, PERF_REG_X86_DI, PERF_REG_X86_R8 };
#else
enum { REG_ARG0, REG_ARG1, REG_ARG2, REG_ARG3, REG_ARG4, N_REGS, REG_RESULT = REG_ARG0 };
static const int regs[N_REGS] = { 0, 1, 2, 3, 4 };
#endif

struct event {
	int fd;
	void *ring;
};

struct hit {
	uint64_t reg[N_REGS];
};

struct selftest_watch {
	const struct probe_target *t;
	struct {
		struct event entry, exit; /* exit: only where the point has a result */
	} point[TARGET_POINTS_MAX];
};

static int read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	int n = -1;

	if (f) {
		if (fscanf(f, "%d", &n) != 1) /* NOLINT(cert-err34-c) the kernel's own */
			n = -1;
		fclose(f);
	}
	return n;
}

static int open_event(struct event *e, const char *path, uint64_t offset, bool at_return, pid_t pid)
{
	struct perf_event_attr a = { .size = sizeof(a),
				     .config = at_return,
				     .sample_period = 1,
				     .sample_type = PERF_SAMPLE_REGS_USER,
				     .exclude_kernel = 1 };
	int type = read_number("/sys/bus/event_source/devices/uprobe/type");
	void *ring;

	if (type < 0)
		return -EOPNOTSUPP;
	a.type = (uint32_t)type;
	a.uprobe_path = (uintptr_t)path;
	a.probe_offset = offset;
	for (size_t i = 0; i < N_REGS; i++)
		a.sample_regs_user |= 1ull << regs[i];
	e->fd = (int)syscall(SYS_perf_event_open, &a, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (e->fd < 0)
		return -errno;
	ring = mmap(NULL, RING_SIZE + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, e->fd, 0);
	if (ring == MAP_FAILED)
		return -errno;
	e->ring = ring;
	return 0;
}

static bool has_result(const struct probe_point *p)
{
	return p->abi == PROBE_ABI_RW || p->abi == PROBE_ABI_RW_EX || p->abi == PROBE_ABI_RW_EX2;
}

int selftest_watch(const struct probe_target *t, int fd, pid_t pid, struct selftest_watch **ret)
{
	struct selftest_watch *w = calloc(1, sizeof(*w));
	char path[64];
	int r = 0;

	if (!w)
		return -ENOMEM;
	w->t = t;
	for (size_t i = 0; i < TARGET_POINTS_MAX; i++)
		w->point[i].entry.fd = w->point[i].exit.fd = -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < t->n_points && r == 0; i++) {
		const struct probe_point *p = &t->points[i];

		r = open_event(&w->point[i].entry, path, p->entry, false, pid);
		if (r == 0 && has_result(p))
			r = open_event(&w->point[i].exit, path, p->exit ? p->exit : p->entry,
				       p->exit == 0, pid);
	}
	if (r < 0) {
		selftest_unwatch(w);
		return r;
	}
	*ret = w;
	return 0;
}

void selftest_unwatch(struct selftest_watch *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < TARGET_POINTS_MAX; i++) {
		struct event *e[] = { &w->point[i].entry, &w->point[i].exit };

		for (size_t k = 0; k < 2; k++) {
			if (e[k]->ring)
				munmap(e[k]->ring, RING_SIZE + PAGE);
			if (e[k]->fd >= 0)
				close(e[k]->fd);
		}
	}
	free(w);
}

static void copy_out(const char *data, uint64_t at, void *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((char *)to)[i] = data[(at + i) % RING_SIZE];
}

/* The hits so far; -EBADMSG where some were lost. */
static int read_hits(const struct event *e, struct hit *ret, size_t max)
{
	const struct perf_event_mmap_page *page = e->ring;
	const char *data = (const char *)e->ring + PAGE;
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	int n = 0;

	for (uint64_t at = 0; at < head;) {
		struct perf_event_header h;
		uint64_t abi;

		copy_out(data, at, &h, sizeof(h));
		if (h.type == PERF_RECORD_LOST || h.size < sizeof(h))
			return -EBADMSG;
		if (h.type == PERF_RECORD_SAMPLE && (size_t)n < max) {
			copy_out(data, at + sizeof(h), &abi, sizeof(abi));
			if (abi == PERF_SAMPLE_REGS_ABI_NONE)
				return -EBADMSG;
			copy_out(data, at + sizeof(h) + sizeof(abi), ret[n].reg,
				 sizeof(ret[n].reg));
			n++;
		}
		at += h.size;
	}
	return n;
}

static bool is_write(enum selftest_function f)
{
	return f <= SELFTEST_WRITE_EX2;
}

static const struct probe_point *point_named(const struct probe_target *t, const char *name)
{
	for (size_t i = 0; i < t->n_points; i++)
		if (strcmp(t->points[i].function, name) == 0)
			return &t->points[i];
	return NULL;
}

/*
 * The point that must have seen a call: its function's own, else of what that function leads to.
 * SSL_write_ex calls SSL_write_ex2 (OpenSSL) or SSL_write (LibreSSL), all call an internal one.
 */
static const struct probe_point *point_of(const struct probe_target *t, enum selftest_function f)
{
	static const enum selftest_function order[] = { SELFTEST_WRITE_EX2, SELFTEST_WRITE_EX,
							SELFTEST_READ_EX, SELFTEST_WRITE,
							SELFTEST_READ };
	const struct probe_point *p = point_named(t, selftest_names[f]);

	if (p || f == SELFTEST_FREE)
		return p;
	for (size_t i = 0; i < ARRAY_SIZE(order) && !p; i++)
		if (is_write(order[i]) == is_write(f))
			p = point_named(t, selftest_names[order[i]]);
	for (size_t i = 0; i < t->n_points && !p; i++)
		if (has_result(&t->points[i]) && t->points[i].write == is_write(f))
			p = &t->points[i];
	return p;
}

static bool entry_agrees(const struct probe_point *p, const struct selftest_call *c,
			 const struct hit *h)
{
	uint64_t done = h->reg[p->abi == PROBE_ABI_RW_EX2 ? REG_ARG4 : REG_ARG3];

	if (h->reg[REG_ARG0] != c->ssl)
		return false;
	if (p->abi == PROBE_ABI_FREE)
		return true;
	if (h->reg[REG_ARG1] != c->buf)
		return false;
	if (p->abi == PROBE_ABI_RW)
		return (uint32_t)h->reg[REG_ARG2] == (uint32_t)c->num;
	/* A caller without a length of its own passes one on its stack. */
	return h->reg[REG_ARG2] == c->num && (c->done ? done == c->done : done != 0);
}

static bool exit_agrees(const struct probe_point *p, const struct selftest_call *c,
			const struct hit *h)
{
	int32_t result = (int32_t)h->reg[REG_RESULT];

	if (p->abi == PROBE_ABI_RW && !c->done)
		return c->result > 0 ? result == c->result : result <= 0;
	return (result > 0) == (c->result > 0);
}

static bool point_agrees(const struct selftest_watch *w, size_t i, const struct selftest_log *log,
			 char why[160])
{
	const struct probe_point *p = &w->t->points[i];
	struct hit in[HITS_MAX], out[HITS_MAX];
	int n_in = read_hits(&w->point[i].entry, in, HITS_MAX), n_out = n_in, n = 0;

	if (has_result(p))
		n_out = read_hits(&w->point[i].exit, out, HITS_MAX);
	if (probe_is_life(p->abi) && p->abi != PROBE_ABI_FREE)
		return true; /* when it is called is the library's own affair */
	for (uint32_t k = 0; k < log->n; k++) {
		const struct selftest_call *c = &log->call[k];

		if (point_of(w->t, c->function) != p)
			continue;
		if (n >= n_in || n >= n_out) {
			snprintf(why, 160, "%s: call %d was not seen", p->function, n + 1);
			return false;
		}
		if (!entry_agrees(p, c, &in[n]) || (has_result(p) && !exit_agrees(p, c, &out[n]))) {
			snprintf(why, 160, "%s: call %d of %s was seen with other arguments",
				 p->function, n + 1, selftest_names[c->function]);
			return false;
		}
		n++;
	}
	if (n != n_in || n != n_out) {
		snprintf(why, 160, "%s: %d calls, seen %d times, left %d times", p->function, n,
			 n_in, n_out);
		return false;
	}
	return true;
}

bool selftest_agrees(struct selftest_watch *w, const struct selftest_log *log, char ret_why[160])
{
	for (size_t i = 0; i < w->t->n_points; i++)
		if (!point_agrees(w, i, log, ret_why))
			return false;
	return true;
}
