/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring and the prober's socket as one sequence.
 *
 * Probes do not wake us for each event (10 us on the traced program): they do when the ring fills
 * up, and otherwise we look every 50 ms. So the ring is read on every turn, whatever epoll says,
 * and watched edge-triggered: level-triggered, data without a wake-up would keep us turning.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"
#include "intake/intake.h"
#include "intake/ring.h"
#include "intake/spill.h"
#include "sonde/control.h"

#define WAIT_MAX_MS    50
#define TICK_NS	       100000000ull
#define BATCH_BYTES    (4u << 20) /* of the ring, before the socket is looked at again */
#define BATCH_MESSAGES 256
#define SPILL_MAX      (256u << 20) /* that waits beside the ring, when events come too fast */
#define VERDICTS_MAX   256
/* A record that its writer never finishes must not keep us from ending. */
#define STUCK_NS 1000000000ull
#define HELD_NS	 5000000000ull /* the longest that the ring waits for what it is about */

struct intake {
	int sock, epoll, ring_fd, enricher; /* enricher -1: none */
	struct recorder *recorder;
	struct stats *stats;
	intake_fn fn;
	void *ctx;

	struct ring ring;   /* size 0: not here yet */
	struct spill spill; /* older than what is in the ring */
	struct sonde_shared *shared;
	uint64_t loss[SONDE_LOSS_NR]; /* as told last */
	uint64_t shed[2];	      /* events that were let go, and their bytes */
	enum sonde_load load;	      /* as told last */
	bool calls_were_shed;	      /* since then */
	uint64_t last_ns;	      /* time of the newest event delivered */
	uint64_t next_tick_ns;
	uint64_t held_ns; /* since when the ring waits for SONDE_CONTROL_GO; 0: it does not */
	bool more;	  /* the last turn did not take everything */
	bool ending;	  /* nothing but the ring up to end_pos is delivered */
	bool ended;
	uint64_t end_pos, ending_ns; /* ending_ns: when the ring last moved on */

	struct sonde_verdict_event verdicts[VERDICTS_MAX]; /* asked for, not delivered */
	size_t n_verdicts;
	bool delivering;
	_Alignas(8) char message[IPC_MAX];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int intake_new(int prober_fd, struct recorder *recorder, struct stats *stats, intake_fn fn,
	       void *ctx, struct intake **ret)
{
	struct intake *i = calloc(1, sizeof(*i));
	struct epoll_event ev = { .events = EPOLLIN };

	if (!i) {
		close(prober_fd);
		return -ENOMEM;
	}
	i->sock = prober_fd;
	i->enricher = -1;
	i->ring_fd = -1;
	i->spill.max = SPILL_MAX;
	i->recorder = recorder;
	i->stats = stats;
	i->fn = fn;
	i->ctx = ctx;
	i->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (i->epoll < 0 || epoll_ctl(i->epoll, EPOLL_CTL_ADD, i->sock, &ev) < 0) {
		int r = -errno;

		intake_free(i);
		return r;
	}
	*ret = i;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void intake_free(struct intake *i)
{
	if (!i)
		return;
	ring_unmap(&i->ring);
	spill_done(&i->spill);
	if (i->shared)
		munmap(i->shared, sizeof(*i->shared));
	close_fd(&i->sock);
	close_fd(&i->enricher);
	close_fd(&i->epoll);
	close_fd(&i->ring_fd);
	free(i);
}

/* --- delivering --- */

static void deliver_one(struct intake *i, const struct sonde_event *e)
{
	if (i->recorder)
		recorder_add(i->recorder, e); /* its error sticks; the engine asks for it */
	i->delivering = true;
	i->fn(i->ctx, e);
	i->delivering = false;
	if (e->ts_ns > i->last_ns)
		i->last_ns = e->ts_ns;
}

/* What the consumer asked for while it was being fed follows at once: so it does in a replay. */
static void deliver_verdicts(struct intake *i)
{
	for (size_t n = 0; n < i->n_verdicts; n++)
		deliver_one(i, &i->verdicts[n].hdr);
	i->n_verdicts = 0;
}

static void deliver(struct intake *i, const struct sonde_event *e)
{
	deliver_one(i, e);
	deliver_verdicts(i);
}

static void deliver_mark(struct intake *i, uint16_t kind, uint64_t ts_ns)
{
	struct sonde_event e = { .ts_ns = ts_ns, .size = sizeof(e), .kind = kind };

	deliver(i, &e);
}

static void deliver_loss(struct intake *i, uint64_t ts_ns)
{
	struct sonde_loss_event e = {
		.hdr = { .ts_ns = ts_ns, .size = sizeof(e), .kind = SONDE_EV_LOSS },
	};

	if (!i->shared)
		return;
	for (int n = 0; n < SONDE_LOSS_NR; n++)
		e.count[n] = __atomic_load_n(&i->shared->loss[n], __ATOMIC_RELAXED);
	e.count[SONDE_LOSS_RING_FULL] += i->shed[0];
	e.count[SONDE_LOSS_RING_BYTES] += i->shed[1];
	if (memcmp(e.count, i->loss, sizeof(i->loss)) == 0)
		return;
	memcpy(i->loss, e.count, sizeof(i->loss));
	deliver(i, &e.hdr);
}

/* A level begins where so many quarters of the room are in use, and ends at half of that. */
static enum sonde_load load_of(const struct intake *i)
{
	const size_t quarter = i->spill.max / 4;
	enum sonde_load level = i->load;

	while (level + 1 < SONDE_LOAD_NR && i->spill.bytes > quarter * (level + 1))
		level++;
	while (level > SONDE_LOAD_NONE && i->spill.bytes < quarter * level / 2)
		level--;
	return level;
}

static void deliver_load(struct intake *i, uint64_t ts_ns)
{
	struct sonde_load_event e = {
		.hdr = { .ts_ns = ts_ns, .size = sizeof(e), .kind = SONDE_EV_LOAD },
		.level = load_of(i),
	};

	if (i->calls_were_shed)
		e.level = SONDE_LOAD_CALLS;
	i->calls_were_shed = false;
	if (e.level == i->load)
		return;
	i->load = (enum sonde_load)e.level;
	deliver(i, &e.hdr);
}

static void tick(struct intake *i, uint64_t ts_ns)
{
	if (ts_ns < i->next_tick_ns)
		return;
	deliver_load(i, ts_ns);
	i->next_tick_ns = ts_ns + TICK_NS;
	deliver_loss(i, ts_ns);
	deliver_mark(i, SONDE_EV_TICK, ts_ns);
}

static int act(struct intake *i, struct sonde_verdict_event e)
{
	int r;

	e.hdr.ts_ns = i->last_ns;
	e.hdr.size = sizeof(e);
	e.hdr.kind = SONDE_EV_VERDICT;
	if (i->ending || i->sock < 0)
		return -ENOTCONN;
	if (i->n_verdicts == VERDICTS_MAX)
		return -EAGAIN;
	r = ipc_send(i->sock, (struct slice){ (const char *)&e, sizeof(e) }, NULL, 0);
	if (r < 0)
		return r == -EAGAIN ? r : -ENOTCONN;
	i->verdicts[i->n_verdicts++] = e;
	if (!i->delivering)
		deliver_verdicts(i);
	return 0;
}

int intake_tell(struct intake *i, uint16_t kind, struct slice json)
{
	struct sonde_json_event *e = (void *)i->message;

	_Static_assert(sizeof(i->message) >= SONDE_EVENT_MAX, "any event fits");
	if (json.n > SONDE_EVENT_MAX - sizeof(*e))
		return -E2BIG;
	e->hdr = (struct sonde_event){ .ts_ns = now_ns(),
				       .size = (uint32_t)(sizeof(*e) + json.n),
				       .kind = kind };
	memcpy(e->json, json.p, json.n);
	if (!event_valid(&e->hdr, e->hdr.size))
		return -EBADMSG;
	deliver(i, &e->hdr);
	return 0;
}

int intake_verdict(struct intake *i, uint64_t conn, enum sonde_verdict verdict)
{
	return act(i, (struct sonde_verdict_event){ .conn = conn, .verdict = verdict });
}

int intake_run(struct intake *i, uint32_t tgid, uint64_t start_ns)
{
	return act(i, (struct sonde_verdict_event){ .hdr = { .tgid = tgid, .start_ns = start_ns },
						    .verdict = SONDE_VERDICT_RUN });
}

/* --- the socket --- */

static void begin_end(struct intake *i)
{
	if (i->ending)
		return;
	i->ending = true;
	i->ending_ns = now_ns();
	epoll_ctl(i->epoll, EPOLL_CTL_DEL, i->sock, NULL); /* nothing of it is read any more */
	i->end_pos = i->ring.size ? ring_produced(&i->ring) : 0;
}

void intake_stop(struct intake *i)
{
	begin_end(i);
}

/* The first message: the ring and the shared page. Takes over what it keeps of @fds. */
static int take_ring(struct intake *i, struct slice text, int *fds)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(text);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	void *shared;
	int r;

	if (!slice_eq(json_str(j, "op"), SLICE("ring")) || fds[0] < 0 || fds[1] < 0)
		return -EBADMSG;
	shared = mmap(NULL, sizeof(*i->shared), PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0);
	if (shared == MAP_FAILED)
		return -errno;
	i->shared = shared;
	r = ring_map(fds[0], (size_t)json_int(j, "bytes"), &i->ring);
	if (r < 0)
		return r;
	i->ring_fd = fds[0];
	fds[0] = -1;
	if (cJSON_IsTrue(json_at(j, "held")))
		i->held_ns = now_ns();
	/* What cannot be watched is still read every 50 ms. */
	if (epoll_ctl(i->epoll, EPOLL_CTL_ADD, i->ring_fd, &ev) < 0 && errno != EPERM)
		return -errno;
	return 0;
}

static void take_event(struct intake *i, size_t n)
{
	const struct sonde_event *e = (const void *)i->message;

	if (slice_eq((struct slice){ i->message, n }, SLICE(SONDE_CONTROL_GO)))
		i->held_ns = 0;
	else if (!event_valid(e, n))
		stat_add(i->stats, STAT_EVENTS_BAD, 1);
	else if (e->kind == SONDE_EV_END)
		begin_end(i);
	else
		deliver(i, e);
}

/* 1 where there may be more, 0 where not, -errno. */
static int take_message(struct intake *i)
{
	int fds[IPC_FDS_MAX], r = 1;
	ssize_t n = ipc_recv(i->sock, i->message, fds);

	if (n == -EAGAIN)
		return 0;
	if (n == -EMSGSIZE) {
		stat_add(i->stats, STAT_EVENTS_BAD, 1);
	} else if (n <= 0) {
		deliver_mark(i, SONDE_EV_PROBER_LOST, now_ns());
		begin_end(i);
		close_fd(&i->sock);
		r = 0;
	} else if (!i->ring.size) {
		r = take_ring(i, (struct slice){ i->message, (size_t)n }, fds);
		r = r < 0 ? r : 1;
	} else {
		take_event(i, (size_t)n);
	}
	for (int f = 0; f < IPC_FDS_MAX; f++)
		close_fd(&fds[f]);
	return r;
}

static int drain_socket(struct intake *i)
{
	int r = 1;

	for (int n = 0; n < BATCH_MESSAGES && r > 0 && !i->ending; n++)
		r = take_message(i);
	i->more |= r > 0 && !i->ending;
	return r < 0 ? r : 0;
}

/* --- the enricher --- */

int intake_add_enricher(struct intake *i, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	close_fd(&i->enricher);
	i->enricher = fd;
	return epoll_ctl(i->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* It is believed no more than what it is for: it talks to a server over the network. */
static void take_container(struct intake *i, size_t n)
{
	struct sonde_event *e = (void *)i->message;

	if (!event_valid(e, n) || e->kind != SONDE_EV_CONTAINER) {
		stat_add(i->stats, STAT_EVENTS_BAD, 1);
		return;
	}
	e->ts_ns = now_ns();
	deliver(i, e);
}

static void drain_enricher(struct intake *i)
{
	for (int m = 0; m < BATCH_MESSAGES && i->enricher >= 0 && !i->ending; m++) {
		int fds[IPC_FDS_MAX];
		ssize_t n = ipc_recv(i->enricher, i->message, fds);

		if (n == -EAGAIN)
			return;
		for (int f = 0; f < IPC_FDS_MAX; f++)
			close_fd(&fds[f]); /* it has none to give */
		if (n > 0)
			take_container(i, (size_t)n);
		else if (n == -EMSGSIZE)
			stat_add(i->stats, STAT_EVENTS_BAD, 1);
		else
			close_fd(&i->enricher); /* what it has told stands */
	}
}

/* --- the ring --- */

/* The next record that is to be delivered; false where there is none (yet). */
static bool next_record(struct intake *i, const void **ret_data, size_t *ret_len)
{
	if (i->ending && ring_consumed(&i->ring) >= i->end_pos)
		return false;
	return ring_peek(&i->ring, ret_data, ret_len);
}

static uint64_t ring_waiting(const struct intake *i)
{
	return ring_produced(&i->ring) - ring_consumed(&i->ring);
}

static void deliver_timed(struct intake *i, const struct sonde_event *e)
{
	tick(i, e->ts_ns);
	deliver(i, e);
}

/* Where too much waits already, bytes of connections are let go: how all ends stays known. */
static bool is_shed(struct intake *i, const struct sonde_event *e)
{
	if (e->kind != SONDE_EV_DATA || load_of(i) < SONDE_LOAD_CALLS)
		return false;
	i->calls_were_shed = true;
	i->shed[0]++;
	i->shed[1] += e->size - sizeof(struct sonde_data_event);
	return true;
}

/*
 * More waits than there will be time for: it is put aside, so that the kernel finds room. Copying
 * is many times faster than what delivering does.
 */
static void relieve_ring(struct intake *i)
{
	const void *data;
	size_t len;

	if (ring_waiting(i) < i->ring.size / 4)
		return;
	while (ring_waiting(i) > i->ring.size / 8 && next_record(i, &data, &len)) {
		if (data && !event_valid(data, len))
			stat_add(i->stats, STAT_EVENTS_BAD, 1);
		else if (data && !is_shed(i, data) && spill_add(&i->spill, data) < 0)
			return;
		ring_next(&i->ring, len);
	}
}

/* Bytes delivered, about @max at most. */
static size_t drain_spill(struct intake *i, size_t max)
{
	const struct sonde_event *e;
	size_t n = 0;

	while (n < max && (e = spill_peek(&i->spill))) {
		n += e->size;
		deliver_timed(i, e);
		spill_next(&i->spill);
	}
	return n;
}

static void drain_ring(struct intake *i)
{
	uint64_t begin = ring_consumed(&i->ring);
	const void *data;
	size_t len, n;

	relieve_ring(i);
	n = drain_spill(i, BATCH_BYTES);
	while (!i->spill.bytes && n < BATCH_BYTES && next_record(i, &data, &len)) {
		if (data && !event_valid(data, len))
			stat_add(i->stats, STAT_EVENTS_BAD, 1);
		else if (data)
			deliver_timed(i, data);
		ring_next(&i->ring, len);
		n += len;
	}
	i->more |= n >= BATCH_BYTES || i->spill.bytes;
	if (n || ring_consumed(&i->ring) != begin)
		i->ending_ns = now_ns();
}

/* Whether all that is to be delivered has been. */
static bool is_drained(const struct intake *i)
{
	return !i->spill.bytes && (!i->ring.size || ring_consumed(&i->ring) >= i->end_pos ||
				   now_ns() - i->ending_ns > STUCK_NS);
}

static void end(struct intake *i)
{
	uint64_t ts = now_ns();

	deliver_loss(i, ts);
	deliver_mark(i, SONDE_EV_END, ts);
	i->ended = true;
}

static void wait_for_events(struct intake *i, int timeout_ms)
{
	struct epoll_event ev[3];
	int ms = timeout_ms >= 0 && timeout_ms < WAIT_MAX_MS ? timeout_ms : WAIT_MAX_MS;

	if (i->more)
		ms = 0;
	else if (i->ending && ms > 1)
		ms = 1;			 /* for a record that is still being written */
	epoll_wait(i->epoll, ev, 3, ms); /* whatever it says: all are looked at */
	if (i->shared)
		__atomic_store_n(&i->shared->wake_pending, 0, __ATOMIC_SEQ_CST);
}

bool intake_is_ending(const struct intake *i)
{
	return i->ending;
}

void intake_bound(struct intake *i, size_t bytes)
{
	i->spill.max = bytes;
}

void intake_hold(struct intake *i, int ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000L };

	nanosleep(&t, NULL); /* whatever there is to do */
	if (i->ring.size && !i->held_ns && !i->ending)
		relieve_ring(i);
}

int intake_run_once(struct intake *i, int timeout_ms)
{
	int r;

	if (i->ended)
		return 0;
	if (!i->ending || !is_drained(i))
		wait_for_events(i, timeout_ms);
	i->more = false;
	r = drain_socket(i);
	if (r < 0)
		return r;
	drain_enricher(i);
	if (i->held_ns && (i->ending || now_ns() - i->held_ns > HELD_NS))
		i->held_ns = 0; /* that it was told was lost */
	if (i->ring.size && !i->held_ns)
		drain_ring(i);
	if (!i->more && !i->ending)
		tick(i, now_ns());
	if (i->ending && is_drained(i)) {
		end(i);
		return 0;
	}
	return 1;
}
