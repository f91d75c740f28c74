/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "api/hubs.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/map.h"

#define LINES_MAX 8192
#define BYTES_MAX (16u << 20) /* of all lines */
#define USERS_MAX 4096	      /* whose lines are numbered; those of more are for who sees all */
#define LOOK_MS	  300	      /* for captures that begin, and whether to stop */

struct line {
	char *text; /* what follows the number: "\"type\":...}\n" */
	size_t n;
	uint64_t of_user; /* its number among the user's */
	uint32_t uid;
	bool owned; /* uid and of_user mean something */
};

/* How many lines a user has had. */
struct user {
	uint32_t uid;
	uint64_t n;
	UT_hash_handle hh;
};

struct feed {
	struct hubs *hubs;
	pthread_t thread;
	bool stop; /* atomic */
	char epoch[20];
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t more;
	struct line lines[LINES_MAX]; /* number n stands at n % LINES_MAX */
	uint64_t first, next;
	size_t bytes;
	struct user *users;
};

/* --- taking in --- */

static void drop_oldest(struct feed *f)
{
	struct line *l = &f->lines[f->first++ % LINES_MAX];

	f->bytes -= l->n;
	free(l->text);
	*l = (struct line){ 0 };
}

static struct user *user_of(struct feed *f, uint32_t uid)
{
	struct user *u;

	HASH_FIND(hh, f->users, &uid, sizeof(uid), u);
	if (u || HASH_COUNT(f->users) >= USERS_MAX)
		return u;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->uid = uid;
	HASH_ADD(hh, f->users, uid, sizeof(u->uid), u);
	if (!u->hh.tbl) {
		free(u);
		return NULL;
	}
	return u;
}

static void add(struct feed *f, struct slice rest, bool has_uid, uint32_t uid)
{
	struct line *l = &f->lines[f->next % LINES_MAX];
	struct user *u = has_uid ? user_of(f, uid) : NULL;
	char *text = malloc(rest.n + 1);

	if (!text)
		return;
	while (f->next - f->first >= LINES_MAX || f->bytes + rest.n > BYTES_MAX) {
		if (f->first == f->next)
			break;
		drop_oldest(f);
	}
	memcpy(text, rest.p, rest.n);
	text[rest.n] = '\n';
	*l = (struct line){ .text = text, .n = rest.n + 1, .uid = uid, .owned = u != NULL };
	if (u)
		l->of_user = ++u->n;
	f->bytes += l->n;
	f->next++;
}

/* What is about a run is handed on; the capture's own number is not: it tells how much others do.
 */
static uint64_t take_line(void *ctx, struct slice line, uint64_t before)
{
	static const char *const names[] = { "n", "type", "uid" };
	struct feed *f = ctx;
	struct slice v[3], head, rest;
	int64_t n = 0, uid = -1;

	if (!slice_starts(line, SLICE("{\"n\":")) || !slice_cut(line, ',', &head, &rest) ||
	    !json_members(line, names, v, 3) || !json_int64(v[0], &n) || n < 0)
		return before;
	if (json_is(v[1], "hello") || json_is(v[1], "status"))
		return before;
	if (v[2].n)
		json_int64(v[2], &uid);
	pthread_mutex_lock(&f->lock);
	add(f, rest, uid >= 0 && uid <= UINT32_MAX, (uint32_t)uid);
	pthread_cond_broadcast(&f->more);
	pthread_mutex_unlock(&f->lock);
	return (uint64_t)n;
}

static void *take_in(void *ctx)
{
	struct feed *f = ctx;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000l };

		if (hubs_wait(f->hubs, LOOK_MS) == 0)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

/* --- life --- */

static void feed_free(struct feed *f)
{
	struct user *u, *tmp;

	if (!f)
		return;
	hubs_free(f->hubs);
	while (f->first < f->next)
		drop_oldest(f);
	HASH_ITER(hh, f->users, u, tmp)
	{
		HASH_DEL(f->users, u);
		free(u);
	}
	free(f);
}

int feed_start(const char *store, struct feed **ret)
{
	struct feed *f = calloc(1, sizeof(*f));
	pthread_condattr_t clock;
	uint64_t epoch = 0;
	int r;

	if (!f)
		return -ENOMEM;
	f->first = f->next = 1;
	if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch))
		epoch = (uint64_t)time(NULL);
	snprintf(f->epoch, sizeof(f->epoch), "%08x", (unsigned)epoch);
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&f->more, &clock);
	pthread_condattr_destroy(&clock);
	r = hubs_new(store, take_line, f, &f->hubs);
	if (r == 0)
		r = -pthread_create(&f->thread, NULL, take_in, f);
	if (r < 0) {
		feed_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

void feed_stop(struct feed *f)
{
	if (!f)
		return;
	__atomic_store_n(&f->stop, true, __ATOMIC_RELAXED);
	pthread_join(f->thread, NULL);
	feed_free(f);
}

/* --- listening --- */

const char *feed_epoch(const struct feed *f)
{
	return f->epoch;
}

void feed_seek(struct feed *f, struct feed_reader *r, struct slice id)
{
	struct slice epoch, number;
	uint64_t n = 0;

	if (slice_cut(id, '-', &epoch, &number) && slice_eq(epoch, slice_of(f->epoch)))
		slice_u64(number, &n);
	r->next = n && n < UINT64_MAX ? n + 1 : 0;
	r->at = 0;
}

/* The number of a line for this reader; 0 where it is none of its lines. */
static uint64_t number_for(const struct feed_reader *r, const struct line *l, uint64_t n)
{
	if (r->viewer.all)
		return n;
	return l->owned && l->uid == r->viewer.uid ? l->of_user : 0;
}

static int give_missed(struct feed *f, struct feed_reader *r, uint64_t to, struct buf *ret)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "{\"id\":\"%s-%llu\",\"type\":\"missed\",\"from\":%llu,\"to\":%llu}\n", f->epoch,
		 (unsigned long long)to, (unsigned long long)r->next, (unsigned long long)to);
	r->next = to + 1;
	return buf_add(ret, slice_of(text), SIZE_MAX) < 0 ? -ENOMEM : 1;
}

static int give_line(struct feed *f, struct feed_reader *r, const struct line *l, uint64_t n,
		     struct buf *ret)
{
	char head[64];

	snprintf(head, sizeof(head), "{\"id\":\"%s-%llu\",", f->epoch, (unsigned long long)n);
	r->next = n + 1;
	if (buf_add(ret, slice_of(head), SIZE_MAX) < 0 ||
	    buf_add(ret, (struct slice){ l->text, l->n }, SIZE_MAX) < 0)
		return -ENOMEM;
	return 1;
}

static int look(struct feed *f, struct feed_reader *r, struct buf *ret, uint64_t *ret_n)
{
	if (r->at < f->first)
		r->at = f->first;
	for (; r->at < f->next; r->at++) {
		const struct line *l = &f->lines[r->at % LINES_MAX];
		const uint64_t n = number_for(r, l, r->at);

		if (n == 0 || n < r->next)
			continue;
		*ret_n = n;
		if (r->next == 0 || n == r->next) {
			r->at++;
			return give_line(f, r, l, n, ret);
		}
		*ret_n = n - 1;
		return give_missed(f, r, n - 1, ret);
	}
	return 0;
}

int feed_next(struct feed *f, struct feed_reader *r, int timeout_ms, struct buf *ret,
	      uint64_t *ret_n)
{
	struct timespec end;
	int got;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += timeout_ms % 1000 * 1000000l;
	if (end.tv_nsec >= 1000000000l) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000l;
	}
	pthread_mutex_lock(&f->lock);
	while ((got = look(f, r, ret, ret_n)) == 0)
		if (pthread_cond_timedwait(&f->more, &f->lock, &end) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&f->lock);
	return got;
}
