/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/sink_run.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/util.h"
#include "export/json_put.h"

#define SEC		  1000000000ull
#define SAVE_EVERY_NS	  (5 * SEC)  /* while it fails */
#define SAY_EVERY_NS	  (60 * SEC) /* of the same kind */
#define PAUSE_FIRST_MS	  1000
#define PAUSE_MOST_S	  60
#define RETRY_AFTER_MAX_S 3600
#define STATE_MAX	  (64u << 20)
/* So many refused one by one and nothing taken: whatever it is, halving does not find it. */
#define REFUSES_ALL 8

/* --- the state --- */

int sink_state(const struct sink *s, struct buf *ret)
{
	struct json_writer w = { .out = ret, .max = STATE_MAX };

	json_begin(&w, '{');
	put_text(&w, "type", slice_of(config_sink_sections[s->type->kind]));
	put_text(&w, "signal", slice_of(s->type->signal));
	put_text(&w, "target", slice_of(s->target));
	put_number(&w, "sent", s->sent);
	put_number(&w, "refused", s->refused);
	put_number(&w, "retries", s->retries);
	put_number(&w, "ok_ns", (int64_t)s->ok_ns);
	put_number(&w, "failing_since_ns", (int64_t)s->failing_since_ns);
	put_text(&w, "error", slice_of(s->error));
	if (s->type->save)
		s->type->save(s->self, &w);
	json_end(&w, '}');
	return w.r;
}

static int64_t count_of(struct slice state, const char *name)
{
	int64_t v;

	return json_int64(json_member(state, slice_of(name)), &v) && v > 0 ? v : 0;
}

static int load(struct sink *s)
{
	_cleanup_(buf_done) struct buf state = { 0 };
	int r = store_sink_get(s->sinks, s->name, &s->seq, &state);

	if (r < 0)
		return r;
	s->sent = count_of(buf_slice(&state), "sent");
	s->refused = count_of(buf_slice(&state), "refused");
	s->retries = count_of(buf_slice(&state), "retries");
	s->ok_ns = (uint64_t)count_of(buf_slice(&state), "ok_ns");
	if (s->type->load)
		s->type->load(s->self, s->seq, buf_slice(&state));
	s->loaded = true;
	return 0;
}

static int save(struct sink *s, uint64_t now_ns)
{
	_cleanup_(buf_done) struct buf state = { 0 };
	int r = sink_state(s, &state);

	if (r == 0)
		r = store_sink_set(s->sinks, s->name, s->seq, buf_slice(&state), now_ns);
	s->unsaved = r < 0;
	if (r == 0)
		s->saved_ns = now_ns;
	return r;
}

/* --- the store --- */

void sink_let_go(struct sink *s)
{
	store_reader_close(s->reader);
	store_sinks_close(s->sinks);
	s->reader = NULL;
	s->sinks = NULL;
}

/* Said once: a store that is not there yet is none that never comes. */
static int open_store(struct sink *s)
{
	struct store_error err = { "" };
	int r = 0;

	if (!s->reader)
		r = store_reader_open(s->store, &s->reader, &err);
	if (r == 0 && !s->sinks)
		r = store_sinks_open(s->store, &s->sinks, &err);
	if (r == 0 && !s->loaded)
		r = load(s);
	if (r < 0 && !s->said_store)
		log_warn("%s: waits for the store: %s", s->name,
			 err.text[0] ? err.text : strerrordesc_np(-r));
	s->said_store = r < 0;
	if (r < 0)
		sink_let_go(s);
	return r;
}

/* --- what came of a batch --- */

static void say_refused(struct sink *s, int64_t n, const char *why, uint64_t now_ns)
{
	s->refused_unsaid += n;
	if (s->said_ns && now_ns - s->said_ns < SAY_EVERY_NS)
		return;
	log_warn("%s: %s refuses %lld for good, which are passed over: %s", s->name, s->target,
		 (long long)s->refused_unsaid, why);
	s->refused_unsaid = 0;
	s->said_ns = now_ns;
}

static void went_well(struct sink *s, uint64_t now_ns)
{
	if (s->failing_since_ns)
		log_info("%s: %s takes again what is sent", s->name, s->target);
	s->failing_since_ns = 0;
	s->failures = 0;
	s->retry_after_s = 0;
	s->ok_ns = now_ns;
}

static int passed(struct sink *s, int64_t last, uint64_t now_ns)
{
	bool known;
	int r;
	s->seq = last;
	s->bare = false;
	known = s->unsaved;
	r = save(s, now_ns);
	if (r < 0 && !known)
		log_warn("%s: cannot note in the store how far it is, so what it sends now comes "
			 "again after a restart: %s",
			 s->name, strerrordesc_np(-r));
	return 1;
}

static int taken(struct sink *s, int64_t last, int64_t items, const struct sink_report *rep,
		 uint64_t now_ns)
{
	const int64_t rejected = rep->rejected < items ? rep->rejected : items;

	s->sent += items - rejected;
	s->refused += rejected;
	if (rejected)
		say_refused(s, rejected, rep->why, now_ns);
	else
		s->error[0] = '\0';
	s->refused_in_row = 0;
	s->limit = s->limit * 2 < SINK_BATCH ? s->limit * 2 : SINK_BATCH;
	went_well(s, now_ns);
	return passed(s, last, now_ns);
}

static int refused(struct sink *s, int64_t last, int64_t items, const struct sink_report *rep,
		   uint64_t now_ns)
{
	s->refused += items;
	s->refused_in_row++;
	snprintf(s->error, sizeof(s->error), "%s", rep->why);
	say_refused(s, items, rep->why, now_ns);
	/* Where it takes nothing at all, it need not be asked for each. */
	if (s->refused_in_row >= REFUSES_ALL)
		s->limit = SINK_BATCH;
	went_well(s, now_ns);
	return passed(s, last, now_ns);
}

static int failed(struct sink *s, const struct sink_report *rep, uint64_t now_ns)
{
	if (s->env.stop && atomic_load(s->env.stop))
		return -EAGAIN; /* it was ended, it did not fail */
	if (rep->verdict == SINK_SLOW && s->limit > 1)
		s->limit /= 2;
	if (!s->failing_since_ns) {
		s->failing_since_ns = now_ns;
		log_warn("%s: cannot send to %s, it will be tried again: %s", s->name, s->target,
			 rep->why);
	}
	s->failures++;
	s->retries++;
	s->retry_after_s = rep->retry_after_s;
	snprintf(s->error, sizeof(s->error), "%s", rep->why);
	if (now_ns - s->saved_ns > SAVE_EVERY_NS)
		save(s, now_ns);
	return -EAGAIN;
}

struct batch {
	struct sink *s;
	size_t n;
	int64_t last;
};

static int judge(struct sink *s, const struct batch *b, int64_t items,
		 const struct sink_report *rep, uint64_t now_ns)
{
	const bool never = rep->verdict == SINK_REFUSED || rep->verdict == SINK_TOO_LARGE;

	if (rep->verdict == SINK_TAKEN)
		return taken(s, b->last, items, rep, now_ns);
	if (!never)
		return failed(s, rep, now_ns);
	if (b->n > 1 && s->refused_in_row < REFUSES_ALL) {
		s->limit = b->n / 2;
		return 1;
	}
	if (rep->verdict == SINK_TOO_LARGE && !s->bare) {
		s->bare = true;
		return 1;
	}
	return refused(s, b->last, items, rep, now_ns);
}

/* --- a round --- */

static int add(void *ctx, int64_t seq, int64_t version, const struct span *span,
	       const struct run *run)
{
	struct batch *b = ctx;
	const int r = b->s->type->add(b->s->self, b->s->reader, version, span, run);

	if (r < 0)
		return r;
	b->n++;
	b->last = seq;
	return r > 0 ? -ECANCELED : 0; /* full */
}

/* 0: it may be sent. */
static int prepare(struct sink *s, struct sink_report *rep, uint64_t now_ns)
{
	int r = s->type->prepare ? s->type->prepare(s->self) : 0;

	if (r > 0)
		r = save(s, now_ns);
	if (r < 0) {
		rep->verdict = SINK_RETRY;
		snprintf(rep->why, sizeof(rep->why), "%s", strerrordesc_np(-r));
	}
	return r;
}

static int send_batch(struct sink *s, uint64_t now_ns)
{
	struct sink_report rep = { .verdict = SINK_TAKEN };
	struct batch b = { .s = s };
	int64_t items;
	int r;

	s->type->begin(s->self, s->bare);
	r = store_final_spans(s->reader, s->seq, s->limit, add, &b);
	if (r < 0 && r != -ECANCELED)
		return r;
	if (b.n == 0)
		return s->unsaved ? save(s, now_ns) : 0;
	items = s->type->items(s->self);
	if (items > 0 && prepare(s, &rep, now_ns) == 0)
		s->type->send(s->self, &rep);
	return judge(s, &b, items, &rep, now_ns);
}

static int own_round(struct sink *s, uint64_t now_ns)
{
	struct sink_report rep = { .verdict = SINK_TAKEN };
	int64_t seq = s->seq, items = 0;
	const int r = s->type->round(s->self, s->reader, &seq, &rep, &items);

	if (r < 0)
		s->loaded = false;
	if (r == SINK_ROUND_SAVE) {
		s->loaded = save(s, now_ns) == 0;
		return s->loaded ? 1 : -EAGAIN;
	}
	if (r < 0)
		return r;
	if (r == 0)
		s->seq = seq; /* what was read is in the state, sent or not */
	if (items == 0)
		return r;
	if (rep.verdict == SINK_TAKEN)
		taken(s, seq, items, &rep, now_ns);
	else if (rep.verdict == SINK_REFUSED || rep.verdict == SINK_TOO_LARGE)
		refused(s, seq, items, &rep, now_ns);
	else
		return failed(s, &rep, now_ns);
	return r;
}

int sink_round(struct sink *s, uint64_t now_ns)
{
	int r = open_store(s);

	if (r == 0)
		r = s->type->round ? own_round(s, now_ns) : send_batch(s, now_ns);
	else
		s->failures++;
	/* A store that cannot be read is opened anew: it may be another one by now. */
	if (r < 0 && r != -EAGAIN && s->reader) {
		log_warn("%s: cannot read the store: %s", s->name, strerrordesc_np(-r));
		sink_let_go(s);
		s->failures++;
	}
	return r;
}

/* Twice as long each time, half of it by chance: receivers that come back are not asked by all at
 * once. */
uint64_t sink_pause_ms(const struct sink *s, uint32_t random)
{
	const uint64_t most =
		1000 * (s->env.config->retry_s ? s->env.config->retry_s : PAUSE_MOST_S);
	uint64_t ms = PAUSE_FIRST_MS;

	for (unsigned i = 1; i < s->failures && ms < most; i++)
		ms *= 2;
	if (ms > most)
		ms = most;
	ms = ms / 2 + (ms / 2 * (uint64_t)random >> 32);
	if (s->retry_after_s > 0) {
		const uint64_t after =
			(uint64_t)(s->retry_after_s < RETRY_AFTER_MAX_S ? s->retry_after_s
									: RETRY_AFTER_MAX_S);

		if (ms < after * 1000)
			ms = after * 1000 + (1000 * (uint64_t)random >> 32);
	}
	return ms;
}
