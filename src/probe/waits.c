// SPDX-License-Identifier: BSD-2-Clause
#include "probe/waits.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "sonde.skel.h"
#include "sonde/work.h"

#define ROUND_NS   200000000
#define COST_RATIO 100 /* a look through the tasks takes at most this part of the time */

struct waits {
	struct sonde_bpf *skel;
	struct bpf_link *link;
	uint64_t next_ns;
};

static const struct {
	unsigned call;
	enum sonde_sleep how;
} sleeps[] = {
	{ SYS_read, SONDE_SLEEP_READ },		{ SYS_readv, SONDE_SLEEP_READ },
	{ SYS_ppoll, SONDE_SLEEP_POLL },	{ SYS_pselect6, SONDE_SLEEP_POLL },
	{ SYS_epoll_pwait, SONDE_SLEEP_EPOLL }, { SYS_epoll_pwait2, SONDE_SLEEP_EPOLL },
#ifdef SYS_poll /* newer architectures do without these */
	{ SYS_poll, SONDE_SLEEP_POLL },		{ SYS_select, SONDE_SLEEP_POLL },
	{ SYS_epoll_wait, SONDE_SLEEP_EPOLL },
#endif
};

void waits_prepare(struct sonde_bpf *skel)
{
	for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++)
		skel->rodata->sleep_calls[sleeps[i].call] = (uint8_t)sleeps[i].how;
}

struct waits *waits_new(struct sonde_bpf *skel)
{
	struct waits *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->skel = skel;
	if (bpf_program__autoload(skel->progs.find_waits))
		w->link = bpf_program__attach_iter(skel->progs.find_waits, NULL);
	if (!w->link) {
		free(w);
		return NULL;
	}
	return w;
}

void waits_free(struct waits *w)
{
	if (!w)
		return;
	bpf_link__destroy(w->link);
	free(w);
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void waits_look(struct waits *w, uint64_t now_ns)
{
	_cleanup_(closep) int fd = -1;
	uint64_t began, took;
	char text[64];

	if (!w || now_ns < w->next_ns)
		return;
	began = cpu_ns();
	w->skel->bss->wait_round++;
	fd = bpf_iter_create(bpf_link__fd(w->link));
	/* It writes nothing: one read goes through all tasks. */
	while (fd >= 0 && read(fd, text, sizeof(text)) > 0)
		;
	took = (cpu_ns() - began) * COST_RATIO;
	w->next_ns = now_ns + (took > ROUND_NS ? took : ROUND_NS);
}

int waits_timeout(const struct waits *w, uint64_t now_ns, int most_ms)
{
	uint64_t left_ms;

	if (!w)
		return most_ms;
	left_ms = w->next_ns > now_ns ? (w->next_ns - now_ns) / 1000000 + 1 : 0;
	return left_ms < (uint64_t)most_ms ? (int)left_ms : most_ms;
}

void waits_outside(struct sonde_bpf *skel, pid_t pid)
{
	const uint32_t yes = 1;
	char path[64];
	struct stat st;
	uint64_t ino;

	snprintf(path, sizeof(path), "/proc/%d/fd/0", pid);
	if (stat(path, &st) < 0 || !S_ISFIFO(st.st_mode))
		return;
	ino = st.st_ino;
	bpf_map__update_elem(skel->maps.outside_pipes, &ino, sizeof(ino), &yes, sizeof(yes),
			     BPF_ANY);
}
