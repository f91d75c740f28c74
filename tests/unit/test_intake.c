/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Live intake against a ring made of ordinary memory (a memfd written the way the kernel writes)
 * and, as root, against one of the kernel's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "base/ipc.h"
#include "events.h"
#include "intake/intake.h"
#include "sonde/control.h"

#define RING	  65536u
#define BUSY	  (1u << 31)
#define DISCARDED (1u << 30)

static union test_event ev;

/* --- a prober of our own --- */

struct fake {
	int sock, ring_fd, shared_fd;
	char *ring; /* consumer page, producer page, data twice */
	size_t page;
	struct sonde_shared *shared;
	struct intake *intake;
	struct stats stats;
	char seen[8192];
	size_t n;
	bool ask_verdict;
	int verdict_result;
};

static unsigned long *producer(struct fake *f)
{
	return (unsigned long *)(void *)(f->ring + f->page);
}

static void see(void *ctx, const struct sonde_event *e)
{
	static const char *const names[] = {
		[SONDE_EV_HOST] = "host",	 [SONDE_EV_CLOCK] = "clock",
		[SONDE_EV_TICK] = NULL,		 [SONDE_EV_END] = "end",
		[SONDE_EV_FORK] = "fork",	 [SONDE_EV_DATA] = "data",
		[SONDE_EV_LOSS] = "loss",	 [SONDE_EV_VERDICT] = "verdict",
		[SONDE_EV_PROBER_LOST] = "lost", [SONDE_EV_LOAD] = "load",
		[SONDE_EV_STATE] = "state",	 [SONDE_EV_ACT] = "act",
		[SONDE_EV_EXIT] = "exit",	 [SONDE_EV_CONTAINER] = "container",
	};
	struct fake *f = ctx;

	if (e->kind == SONDE_EV_TICK)
		return;
	if (f->ask_verdict && e->kind == SONDE_EV_DATA)
		f->verdict_result = intake_verdict(f->intake, 5, SONDE_VERDICT_COUNT_ONLY);
	if (f->n < sizeof(f->seen) - 32)
		f->n += (size_t)sprintf(f->seen + f->n, "%s%u ", names[e->kind], e->tgid);
}

static struct fake *begin(struct recorder *recorder)
{
	struct fake *f = calloc(1, sizeof(*f));
	int pair[2];

	f->page = (size_t)sysconf(_SC_PAGESIZE);
	f->ring_fd = memfd_create("ring", MFD_CLOEXEC);
	f->shared_fd = memfd_create("shared", MFD_CLOEXEC);
	assert_int_equal(ftruncate(f->ring_fd, (off_t)(2 * f->page + 2 * RING)), 0);
	assert_int_equal(ftruncate(f->shared_fd, (off_t)f->page), 0);
	f->ring = mmap(NULL, 2 * f->page + 2 * RING, PROT_READ | PROT_WRITE, MAP_SHARED, f->ring_fd,
		       0);
	f->shared = mmap(NULL, f->page, PROT_READ | PROT_WRITE, MAP_SHARED, f->shared_fd, 0);
	assert_int_equal(ipc_pair(pair), 0);
	f->sock = pair[1];
	assert_int_equal(intake_new(pair[0], recorder, &f->stats, see, f, &f->intake), 0);
	return f;
}

static void end(struct fake *f)
{
	intake_free(f->intake);
	munmap(f->ring, 2 * f->page + 2 * RING);
	munmap(f->shared, f->page);
	close(f->ring_fd);
	close(f->shared_fd);
	if (f->sock >= 0)
		close(f->sock);
	free(f);
}

static void send_ring(struct fake *f)
{
	int fds[2] = { f->ring_fd, f->shared_fd };

	assert_int_equal(ipc_send(f->sock, SLICE("{\"op\":\"ring\",\"bytes\":65536}"), fds, 2), 0);
}

static void send_event(struct fake *f, const struct sonde_event *e)
{
	assert_int_equal(ipc_send(f->sock, (struct slice){ (const char *)e, e->size }, NULL, 0), 0);
}

/* As the kernel does it: header, data, then the position; the second copy is the same memory. */
static void write_ring(struct fake *f, const struct sonde_event *e, uint32_t flags)
{
	unsigned long at = *producer(f);
	size_t whole = (e->size + 8 + 7) & ~7u;
	uint32_t head[2] = { e->size | flags, 0 };

	for (int copy = 0; copy < 2; copy++) {
		for (size_t i = 0; i < whole; i++) {
			size_t to = ((at + i) & (RING - 1)) + (copy ? RING : 0);

			f->ring[2 * f->page + to] = i < 8	      ? ((char *)head)[i]
						    : i - 8 < e->size ? ((const char *)e)[i - 8]
								      : 0;
		}
	}
	__atomic_store_n(producer(f), at + whole, __ATOMIC_RELEASE);
}

static int run(struct fake *f)
{
	int r = 1;

	for (int i = 0; i < 2000 && r > 0; i++)
		r = intake_run_once(f->intake, 10);
	return r;
}

static void socket_and_ring_become_one_sequence_up_to_the_end(void **state)
{
	struct fake *f = begin(NULL);

	(void)state;
	send_ring(f);
	send_event(f, ev_json(&ev, SONDE_EV_HOST, 0, "{}"));
	write_ring(f, ev_fork(&ev, 1, 2), 0);
	assert_int_equal(intake_run_once(f->intake, 0), 1);
	write_ring(f, ev_data(&ev, 3, 9, 0, 0, SLICE("x")), 0);
	send_event(f, ev_plain(&ev, SONDE_EV_END, 1));
	assert_int_equal(run(f), 0);
	assert_string_equal(f->seen, "host0 fork1 data3 end0 ");
	assert_int_equal(intake_run_once(f->intake, 0), 0);
	assert_int_equal(f->stats.n[STAT_EVENTS_BAD], 0);
	end(f);
}

static void discarded_records_are_skipped_and_busy_ones_waited_for(void **state)
{
	struct fake *f = begin(NULL);
	uint32_t *busy;

	(void)state;
	send_ring(f);
	write_ring(f, ev_fork(&ev, 1, 2), DISCARDED);
	busy = (uint32_t *)(void *)(f->ring + 2 * f->page + (*producer(f) & (RING - 1)));
	write_ring(f, ev_fork(&ev, 3, 2), BUSY);
	write_ring(f, ev_fork(&ev, 4, 2), 0);
	intake_run_once(f->intake, 0);
	intake_run_once(f->intake, 0);
	assert_string_equal(f->seen, "");
	*busy &= ~BUSY;
	intake_run_once(f->intake, 0);
	assert_string_equal(f->seen, "fork3 fork4 ");
	end(f);
}

static void a_record_that_stays_busy_does_not_keep_it_from_ending(void **state)
{
	struct fake *f = begin(NULL);

	(void)state;
	send_ring(f);
	write_ring(f, ev_fork(&ev, 3, 2), BUSY);
	send_event(f, ev_plain(&ev, SONDE_EV_END, 1));
	assert_int_equal(run(f), 0);
	assert_string_equal(f->seen, "end0 ");
	end(f);
}

static void the_ring_goes_round_many_times(void **state)
{
	struct fake *f = begin(NULL);
	char bytes[1000] = { 0 };

	(void)state;
	send_ring(f);
	for (uint32_t i = 0; i < 500; i++) {
		write_ring(f, ev_data(&ev, i, 9, 0, 0, (struct slice){ bytes, i * 7 % 1000 }), 0);
		if (i % 10 == 0)
			f->n = 0;
		if (i % 3 == 0)
			assert_int_equal(intake_run_once(f->intake, 0), 1);
	}
	assert_int_equal(intake_run_once(f->intake, 0), 1);
	assert_non_null(strstr(f->seen, "data498 data499 "));
	assert_int_equal(f->stats.n[STAT_EVENTS_BAD], 0);
	assert_int_equal(*(unsigned long *)(void *)f->ring, *producer(f));
	end(f);
}

static void malformed_events_are_counted_and_skipped(void **state)
{
	struct fake *f = begin(NULL);

	(void)state;
	send_ring(f);
	ev_data(&ev, 3, 9, 0, 0, SLICE("x"));
	ev.data.len = 2;
	write_ring(f, &ev.hdr, 0);
	send_event(f, &ev.hdr);
	assert_int_equal(ipc_send(f->sock, SLICE("tiny"), NULL, 0), 0);
	write_ring(f, ev_fork(&ev, 1, 2), 0);
	intake_run_once(f->intake, 0);
	assert_string_equal(f->seen, "fork1 ");
	assert_int_equal(f->stats.n[STAT_EVENTS_BAD], 3);
	end(f);
}

static void loss_counters_are_told_when_they_have_grown(void **state)
{
	struct fake *f = begin(NULL);

	(void)state;
	send_ring(f);
	f->shared->loss[SONDE_LOSS_FAULT] = 7;
	f->shared->wake_pending = 1;
	intake_run_once(f->intake, 0); /* takes the descriptors */
	send_event(f, ev_plain(&ev, SONDE_EV_END, 1));
	assert_int_equal(run(f), 0);
	assert_string_equal(f->seen, "loss0 end0 "); /* once, for it grew once */
	end(f);
}

static void send_held_ring(struct fake *f)
{
	int fds[2] = { f->ring_fd, f->shared_fd };

	assert_int_equal(
		ipc_send(f->sock, SLICE("{\"op\":\"ring\",\"bytes\":65536,\"held\":true}"), fds, 2),
		0);
}

/* After another engine: what is in the ring is about processes that must be told first. */
static void a_held_ring_waits_until_all_was_told(void **state)
{
	struct fake *f = begin(NULL);

	(void)state;
	send_held_ring(f);
	write_ring(f, ev_fork(&ev, 1, 2), 0);
	intake_run_once(f->intake, 0);
	intake_run_once(f->intake, 0);
	send_event(f, ev_json(&ev, SONDE_EV_HOST, 0, "{}"));
	intake_run_once(f->intake, 0);
	assert_string_equal(f->seen, "host0 ");
	assert_int_equal(ipc_send(f->sock, SLICE(SONDE_CONTROL_GO), NULL, 0), 0);
	send_event(f, ev_plain(&ev, SONDE_EV_END, 1));
	assert_int_equal(run(f), 0);
	assert_string_equal(f->seen, "host0 fork1 end0 ");
	assert_int_equal(f->stats.n[STAT_EVENTS_BAD], 0);
	end(f);
}

static void its_own_words_come_as_an_event(void **state)
{
	struct fake *f = begin(NULL);

	(void)state;
	assert_int_equal(intake_tell(f->intake, SONDE_EV_STATE, SLICE("{}")), 0);
	assert_int_equal(intake_tell(f->intake, SONDE_EV_STATE, SLICE("")), -EBADMSG);
	assert_int_equal(
		intake_tell(f->intake, SONDE_EV_STATE, (struct slice){ f->seen, SONDE_EVENT_MAX }),
		-E2BIG);
	assert_string_equal(f->seen, "state0 ");
	end(f);
}

/* Nobody has time for what comes: bytes of connections are let go, counted, and nothing else. */
static void what_cannot_be_kept_up_with_is_let_go_in_order(void **state)
{
	static char big[8192];
	struct fake *f = begin(NULL);
	struct timespec now;
	int ends = 0;

	(void)state;
	send_ring(f);
	intake_run_once(f->intake, 0);
	intake_bound(f->intake, 64 << 10);
	clock_gettime(CLOCK_BOOTTIME, &now);
	for (int i = 0; i < 40; i++) {
		ev_data(&ev, 3, 9, 0, (uint64_t)i * sizeof(big),
			(struct slice){ big, sizeof(big) });
		/* ticks go by the events' own times */
		ev.hdr.ts_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec +
			       (uint64_t)i * 200000000u;
		write_ring(f, &ev.hdr, 0);
		write_ring(f, ev_exit(&ev, 7, 0, 0), 0);
		intake_hold(f->intake, 0);
	}
	send_event(f, ev_plain(&ev, SONDE_EV_END, 1));
	assert_int_equal(run(f), 0);
	assert_non_null(strstr(f->seen, "load0 "));
	assert_non_null(strstr(f->seen, "loss0 "));
	for (const char *p = f->seen; (p = strstr(p, "exit7 ")); p++)
		ends++;
	assert_int_equal(ends, 40);
	end(f);
}

static void it_says_that_it_reads_before_it_does(void **state)
{
	struct fake *f = begin(NULL);

	(void)state;
	send_ring(f);
	intake_run_once(f->intake, 0);
	f->shared->wake_pending = 1;
	intake_run_once(f->intake, 0);
	assert_int_equal(f->shared->wake_pending, 0);
	end(f);
}

static void a_prober_that_goes_silently_is_told(void **state)
{
	struct fake *f = begin(NULL);

	(void)state;
	send_ring(f);
	intake_run_once(f->intake, 0);
	write_ring(f, ev_fork(&ev, 1, 2), 0);
	close(f->sock);
	f->sock = -1;
	assert_int_equal(run(f), 0);
	assert_string_equal(f->seen, "lost0 fork1 end0 ");
	end(f);

	f = begin(NULL); /* before it said anything */
	close(f->sock);
	f->sock = -1;
	assert_int_equal(run(f), 0);
	assert_string_equal(f->seen, "lost0 end0 ");
	end(f);
}

static void it_stops_when_asked_with_what_was_written_by_then(void **state)
{
	struct fake *f = begin(NULL);

	(void)state;
	send_ring(f);
	intake_run_once(f->intake, 0);
	write_ring(f, ev_fork(&ev, 1, 2), 0);
	intake_stop(f->intake);
	write_ring(f, ev_fork(&ev, 2, 3), 0);
	assert_int_equal(run(f), 0);
	assert_string_equal(f->seen, "fork1 end0 ");
	end(f);
}

static void a_verdict_reaches_the_prober_and_follows_its_cause(void **state)
{
	struct fake *f = begin(NULL);
	struct sonde_verdict_event v;

	(void)state;
	send_ring(f);
	f->ask_verdict = true;
	write_ring(f, ev_data(&ev, 3, 5, 0, 0, SLICE("x")), 0);
	write_ring(f, ev_fork(&ev, 1, 2), 0);
	intake_run_once(f->intake, 0);
	assert_int_equal(f->verdict_result, 0);
	assert_string_equal(f->seen, "data3 verdict0 fork1 ");
	assert_int_equal(read(f->sock, &v, sizeof(v)), sizeof(v));
	assert_int_equal(v.conn, 5);
	assert_int_equal(v.verdict, SONDE_VERDICT_COUNT_ONLY);
	intake_stop(f->intake);
	assert_int_equal(intake_verdict(f->intake, 5, SONDE_VERDICT_COPY), -ENOTCONN);
	end(f);
}

static void a_prober_that_does_not_read_makes_verdicts_wait(void **state)
{
	struct fake *f = begin(NULL);
	int r = 0;

	(void)state;
	for (int i = 0; i < 100000 && !r; i++)
		r = intake_verdict(f->intake, 5, SONDE_VERDICT_COUNT_ONLY);
	assert_int_equal(r, -EAGAIN);
	end(f);
}

static void tell(int fd, const struct sonde_event *e)
{
	assert_int_equal(ipc_send(fd, (struct slice){ (const char *)e, e->size }, NULL, 0), 0);
}

static void an_enricher_may_tell_of_containers_and_nothing_else(void **state)
{
	struct fake *f = begin(NULL);
	int pair[2];

	(void)state;
	assert_int_equal(ipc_pair(pair), 0);
	assert_int_equal(intake_add_enricher(f->intake, pair[0]), 0);
	send_ring(f);
	intake_run_once(f->intake, 0);
	tell(pair[1], ev_json(&ev, SONDE_EV_CONTAINER, 0, "{\"container\":\"c\"}"));
	tell(pair[1], ev_json(&ev, SONDE_EV_CONTAINER, 7, "{}")); /* of a process */
	tell(pair[1], ev_fork(&ev, 1, 2));
	tell(pair[1], ev_plain(&ev, SONDE_EV_END, 1));
	assert_int_equal(ipc_send(pair[1], SLICE("x"), NULL, 0), 0);
	intake_run_once(f->intake, 0);
	assert_string_equal(f->seen, "container0 ");
	assert_int_equal(f->stats.n[STAT_EVENTS_BAD], 4);

	/* That it goes ends nothing. */
	tell(pair[1], ev_json(&ev, SONDE_EV_CONTAINER, 0, "{\"container\":\"d\"}"));
	close(pair[1]);
	intake_run_once(f->intake, 0);
	send_event(f, ev_fork(&ev, 3, 4));
	send_event(f, ev_plain(&ev, SONDE_EV_END, 1));
	assert_int_equal(run(f), 0);
	assert_string_equal(f->seen, "container0 container0 fork3 end0 ");
	end(f);
}

static void a_bad_beginning_is_refused(void **state)
{
	static const char *const bad[] = { "{}", "nonsense", "{\"op\":\"ring\",\"bytes\":65535}",
					   "{\"op\":\"ring\"}", "{\"op\":\"ring\",\"bytes\":-1}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fake *f = begin(NULL);
		int fds[2] = { f->ring_fd, f->shared_fd };

		assert_int_equal(ipc_send(f->sock, slice_of(bad[i]), fds, 2), 0);
		assert_true(run(f) < 0);
		end(f);
	}
}

/* What a recording gives back is what was delivered, ticks and verdicts included. */
struct trail {
	uint64_t sum;
	size_t n;
};

static void follow(void *ctx, const struct sonde_event *e)
{
	struct trail *t = ctx;

	for (size_t i = 0; i < e->size; i++)
		t->sum = t->sum * 31 + ((const unsigned char *)e)[i];
	t->n++;
}

struct both {
	struct trail trail;
	struct intake *intake;
};

static void follow_and_ask(void *ctx, const struct sonde_event *e)
{
	struct both *b = ctx;

	follow(&b->trail, e);
	if (e->kind == SONDE_EV_DATA)
		intake_verdict(b->intake, 5, SONDE_VERDICT_COUNT_ONLY);
}

static void a_recording_replays_exactly_what_was_delivered(void **state)
{
	const struct record_header_info info = { .sonde_version = "x" };
	char path[] = "/tmp/sonde-intake-XXXXXX";
	struct both live = { 0 };
	struct trail replayed = { 0 };
	struct recorder *recorder;
	struct fake *f;
	int pair[2];

	(void)state;
	close(mkstemp(path));
	assert_int_equal(recorder_new(path, &info, &recorder), 0);
	f = begin(NULL);
	intake_free(f->intake);
	close(f->sock);
	assert_int_equal(ipc_pair(pair), 0);
	f->sock = pair[1];
	assert_int_equal(intake_new(pair[0], recorder, NULL, follow_and_ask, &live, &live.intake),
			 0);
	f->intake = live.intake;
	send_ring(f);
	for (uint32_t i = 0; i < 20; i++) {
		ev_data(&ev, i, 9, 0, i, SLICE("x"))->ts_ns = 1000000000ull * i;
		write_ring(f, &ev.hdr, 0);
	}
	assert_int_equal(intake_run_once(f->intake, 0), 1);
	send_event(f, ev_plain(&ev, SONDE_EV_END, 1));
	assert_int_equal(run(f), 0);
	assert_int_equal(recorder_close(recorder), 0);
	assert_int_equal(replay_file(path, follow, &replayed, NULL, NULL), 0);
	assert_true(replayed.n >= 20 + 20 + 20); /* data, verdicts, ticks of event time */
	assert_memory_equal(&replayed, &live.trail, sizeof(replayed));
	unlink(path);
	end(f);
}

/* --- the kernel's own --- */

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

/* Writes one event of an unknown kind, 40 bytes with its time, to @map. */
static int load_writer(int map)
{
	struct bpf_insn code[] = {
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_boot_ns),
		INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 0, -32, 0), /* ts_ns */
		INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -24, 0),
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -16, 77), /* tgid */
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -12, 0),
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -8, 32), /* size */
		INSN(BPF_ST | BPF_MEM | BPF_H, 10, 0, -4, SONDE_EV_HOST + 998),
		INSN(BPF_ST | BPF_MEM | BPF_H, 10, 0, -2, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -32),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 32),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ringbuf_output),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "writer", "Dual BSD/GPL", code,
			     ARRAY_SIZE(code), NULL);
}

static void count(void *ctx, const struct sonde_event *e)
{
	if (e->kind == SONDE_EV_HOST + 998 && e->tgid == 77)
		++*(unsigned *)ctx;
}

static void the_kernels_own_ring_is_read_without_bpf(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, shared_opts, .map_flags = BPF_F_MMAPABLE);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int map = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "r", 0, 0, (uint32_t)page, NULL);
	int shared = bpf_map_create(BPF_MAP_TYPE_ARRAY, "s", 4, sizeof(struct sonde_shared), 1,
				    &shared_opts);
	int prog = map < 0 ? -1 : load_writer(map);
	unsigned seen = 0, written = 0;
	int pair[2], fds[2] = { map, shared };
	char packet[64] = { 0 }, hello[64];
	struct stats stats = { 0 };
	struct intake *in;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_true(map >= 0 && shared >= 0 && prog >= 0);
	assert_int_equal(ipc_pair(pair), 0);
	assert_int_equal(intake_new(pair[0], NULL, &stats, count, &seen, &in), 0);
	snprintf(hello, sizeof(hello), "{\"op\":\"ring\",\"bytes\":%zu}", page);
	assert_int_equal(ipc_send(pair[1], slice_of(hello), fds, 2), 0);
	for (int i = 0; i < 1000; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet,
			    .data_size_in = sizeof(packet));

		assert_int_equal(bpf_prog_test_run_opts(prog, &run), 0);
		written++;
		if (i % 50 == 49) /* 100 records fill the ring */
			assert_int_equal(intake_run_once(in, 1000), 1);
		assert_true(written - seen <= 50);
	}
	assert_int_equal(seen, written);
	assert_int_equal(stats.n[STAT_EVENTS_BAD], 0);
	intake_free(in);
	close(pair[1]);
	close(map);
	close(shared);
	close(prog);
}

static void refused_memory_is_told(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		struct intake *in = NULL;
		struct trail t = { 0 };
		int pair[2], r;

		assert_int_equal(ipc_pair(pair), 0);
		alloc_refuse(n);
		r = intake_new(pair[0], NULL, NULL, follow, &t, &in);
		if (!alloc_allow()) {
			intake_free(in);
			close(pair[1]);
			break;
		}
		close(pair[1]);
		assert_int_equal(r, -ENOMEM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(socket_and_ring_become_one_sequence_up_to_the_end),
		cmocka_unit_test(discarded_records_are_skipped_and_busy_ones_waited_for),
		cmocka_unit_test(a_record_that_stays_busy_does_not_keep_it_from_ending),
		cmocka_unit_test(the_ring_goes_round_many_times),
		cmocka_unit_test(malformed_events_are_counted_and_skipped),
		cmocka_unit_test(loss_counters_are_told_when_they_have_grown),
		cmocka_unit_test(a_held_ring_waits_until_all_was_told),
		cmocka_unit_test(its_own_words_come_as_an_event),
		cmocka_unit_test(what_cannot_be_kept_up_with_is_let_go_in_order),
		cmocka_unit_test(it_says_that_it_reads_before_it_does),
		cmocka_unit_test(a_prober_that_goes_silently_is_told),
		cmocka_unit_test(it_stops_when_asked_with_what_was_written_by_then),
		cmocka_unit_test(a_verdict_reaches_the_prober_and_follows_its_cause),
		cmocka_unit_test(a_prober_that_does_not_read_makes_verdicts_wait),
		cmocka_unit_test(an_enricher_may_tell_of_containers_and_nothing_else),
		cmocka_unit_test(a_bad_beginning_is_refused),
		cmocka_unit_test(a_recording_replays_exactly_what_was_delivered),
		cmocka_unit_test(the_kernels_own_ring_is_read_without_bpf),
		cmocka_unit_test(refused_memory_is_told),
	};

	return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
