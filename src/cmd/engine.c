/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/engine_state.h"
#include "cmd/pipeline.h"
#include "cmd/sandbox.h"
#include "intake/intake.h"
#include "sonde/control.h"
#include "store/store.h"

#define WAIT_MS	      50
#define REST_MS	      10
#define CPU_SAVED_NS  200000000ull
#define STORE_WAIT_MS 2000
#define LOAD_SAID_NS  30000000000ull

static volatile sig_atomic_t stop_asked;

/* --- what goes wrong is said once; the rest goes on --- */

static void check_store(struct engine *e)
{
	struct store_error why;
	bool failing;

	if (!e->store || !e->stats.n[STAT_STORE_ERRORS])
		return;
	failing = store_failure(e->store, &why) < 0;
	if (failing && !e->store_said)
		log_err("%s; tracing goes on", why.text);
	else if (!failing && e->store_said)
		log_info("the store is written again, with all that had to wait");
	e->store_said = failing; /* what was left out stays a failure */
}

static void check_recorder(struct engine *e)
{
	int r = e->recorder ? recorder_error(e->recorder) : 0;

	if (r == 0 || e->recorder_said)
		return;
	e->recorder_said = e->failed = true;
	log_errno(r, "cannot write '%s', the recording ends here", e->c->record_path);
}

static void note_load(struct engine *e, const struct sonde_event *ev);

static void on_event(void *ctx, const struct sonde_event *ev)
{
	struct engine *e = ctx;

	stat_add(&e->stats, STAT_EVENTS, 1);
	engine_status_note(&e->status, ev);
	pipeline_feed(e->pipeline, ev);
	if (ev->kind == SONDE_EV_LOAD && e->intake)
		note_load(e, ev);
	if (ev->kind != SONDE_EV_TICK)
		return;
	if (e->store)
		store_tick(e->store, ev->ts_ns);
	if (e->store && store_swept(e->store))
		pipeline_content_gone(e->pipeline);
	check_store(e);
	check_recorder(e);
}

static int give_verdict(void *ctx, uint64_t conn)
{
	struct engine *e = ctx;

	return intake_verdict(e->intake, conn, SONDE_VERDICT_COUNT_ONLY);
}

/* --- opening and closing --- */

static int open_store(struct engine *e)
{
	struct store_error why;
	int r;

	if (!e->c->db_path)
		return 0;
	r = store_open(e->c->db_path, &e->stats, &e->store, &why);
	if (r < 0)
		log_err("%s", why.text);
	return r;
}

static void digests(const struct engine_config *c, struct record_header_info *ret)
{
	char hex[ID128_HEX_SIZE] = "";

	*ret = (struct record_header_info){ 0 };
	if (c->prices) {
		struct id128 id = price_digest(c->prices);

		id128_hex(&id, hex);
	}
	snprintf(ret->sonde_version, sizeof(ret->sonde_version), "%s", SONDE_VERSION);
	snprintf(ret->price_digest, sizeof(ret->price_digest), "%s", hex);
}

static int open_recorder(struct engine *e)
{
	struct record_header_info info;
	int r;

	if (!e->c->record_path)
		return 0;
	digests(e->c, &info);
	r = recorder_new(e->c->record_path, &info, &e->recorder);
	if (r == -EEXIST)
		log_err("'%s' exists and is no recording of sonde: it is left alone",
			e->c->record_path);
	else if (r < 0)
		log_errno(r, "cannot create '%s'", e->c->record_path);
	return r;
}

static int open_pipeline(struct engine *e, bool live)
{
	struct pipeline_config c = {
		.sink = live ? &engine_live_sink : &engine_replay_sink,
		.prices = e->c->prices,
		.endpoints = e->c->endpoints,
		.verdict = live ? give_verdict : NULL,
		.ctx = e,
		.stats = &e->stats,
	};
	int r = pipeline_new(&c, &e->pipeline);

	return r < 0 ? log_errno(r, "cannot start the engine") : 0;
}

/* Closes what was opened; view_done() comes when all is on disk. Whether everything was kept. */
static bool finish(struct engine *e, bool ran)
{
	int r;

	if (e->recorder) {
		check_recorder(e);
		r = recorder_close(e->recorder);
		if (r < 0 && !e->recorder_said) {
			log_errno(r, "cannot write '%s'", e->c->record_path);
			e->failed = true;
		}
	}
	if (e->store) {
		store_flush(e->store);
		check_store(e);
		r = store_close(e->store);
		if (r < 0 && !e->store_said)
			log_errno(r, "cannot write the store '%s'", e->c->db_path);
		e->failed |= r < 0;
	}
	live_hub_close(e->hub);
	if (ran && e->c->view_done)
		e->c->view_done(e->c->view_ctx, &e->stats);
	pipeline_free(e->pipeline);
	return !e->failed;
}

/* --- what it may use --- */

/*
 * Of the memory: a quarter for what waits before it, an eighth for what waits for the disk; the
 * pipeline has its shares by the CONFIG event.
 */
static void bound_memory(struct engine *e)
{
	const uint64_t bytes = e->c->memory_bytes;

	if (!bytes)
		return;
	intake_bound(e->intake, (size_t)bytes / 4);
	if (e->store)
		store_bound(e->store, (size_t)bytes / 8, STORE_WAIT_MS);
}

/* The kernel's limit is for what nobody counted: then memory is refused, and what it was for is
 * left out. */
static void limit_memory(const struct engine *e)
{
	const struct rlimit l = { e->c->memory_bytes, e->c->memory_bytes };

	if (e->c->memory_bytes && setrlimit(RLIMIT_DATA, &l) < 0)
		log_errno(-errno, "cannot limit the engine's memory");
}

static uint64_t clock_ns(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Over its share of the processor: it rests until it has it again, and only empties the ring. */
static void rest(struct engine *e)
{
	const uint64_t now = clock_ns(CLOCK_MONOTONIC), used = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	const uint64_t earned = (now - e->cpu_since_ns) / 100 * e->c->cpu_percent;

	/* Whoever waits for its end waits for nothing else. */
	if (!e->c->cpu_percent || stop_asked || intake_is_ending(e->intake)) {
		e->rests = false;
		return;
	}
	if (e->cpu_since_ns == 0 || used - e->cpu_used_ns + CPU_SAVED_NS < earned) {
		e->cpu_since_ns = now; /* what is not used is not saved for long */
		e->cpu_used_ns = used;
	} else if (used - e->cpu_used_ns > earned) {
		intake_hold(e->intake, REST_MS);
		e->rests = true;
		return;
	}
	e->rests = false;
}

static void note_load(struct engine *e, const struct sonde_event *ev)
{
	static const char *const lets_go[SONDE_LOAD_NR] = {
		[SONDE_LOAD_NONE] = "all of it is read again",
		[SONDE_LOAD_CONNECTIONS] = "too much comes: what belongs to no run is let go",
		[SONDE_LOAD_CONTENT] = "too much comes: what is said is not kept",
		[SONDE_LOAD_CALLS] = "too much comes: calls are lost",
	};
	const struct sonde_load_event *l = (const void *)ev;

	/* Up and down all the time is said twice a minute. */
	if (ev->ts_ns < e->load_said_ns + LOAD_SAID_NS && l->level <= e->load_said)
		return;
	e->load_said_ns = ev->ts_ns;
	e->load_said = l->level;
	log_warn("%s", lets_go[l->level]);
}

/* --- live --- */

static void on_stop(int sig)
{
	(void)sig;
	stop_asked = 1;
}

/*
 * The terminal's signals are the command's: the engine is in a session of its own and ends by END.
 * A full disk or a gone reader is an error to handle, not a signal to die of.
 */
static void set_signals(void)
{
	static const int ignored[] = { SIGHUP,	SIGQUIT, SIGPIPE, SIGXFSZ, SIGTSTP,
				       SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGALRM };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, stop = { .sa_handler = on_stop };
	sigset_t none;

	setsid(); /* fails only where it is so already */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		sigaction(ignored[i], &ignore, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void put_status(void *ctx, struct json_writer *w)
{
	const struct engine *e = ctx;

	engine_status_put(w, &e->status, &e->stats);
}

/* Without it all is captured; only nobody can watch. */
static void open_hub(struct engine *e)
{
	int r = e->c->db_path ? live_hub_open(e->c->db_path, &e->hub) : 0;

	if (r < 0)
		log_at(LOG_DEBUG, "nobody can watch: no socket beside '%s': %s", e->c->db_path,
		       strerror(-r));
	if (e->hub)
		live_hub_status(e->hub, put_status, e);
}

static int open_live(struct engine *e)
{
	int r;

	umask(077);
	set_signals();
	r = open_store(e);
	if (!r)
		r = open_recorder(e);
	if (!r)
		open_hub(e);
	/* Before the sandbox: what compiles patterns to machine code does so here. */
	if (!r)
		r = open_pipeline(e, true);
	if (!r) {
		limit_memory(e);
		r = sandbox_enter();
		if (r < 0)
			log_errno(r, "cannot give up the engine's privileges");
	}
	return r;
}

static int run(struct engine *e)
{
	int r;

	do {
		if (stop_asked)
			intake_stop(e->intake);
		rest(e);
		r = e->rests ? 1 : intake_run_once(e->intake, WAIT_MS);
		if (e->hub)
			live_hub_serve(e->hub);
	} while (r > 0);
	if (r < 0) {
		log_errno(r, "cannot read the events of the prober");
		pipeline_end(e->pipeline);
	}
	return r;
}

/* Before all else: what the engine before this one has left open. */
static int tell_state(void *ctx, struct slice json)
{
	struct engine *e = ctx;

	return intake_tell(e->intake, SONDE_EV_STATE, json);
}

static void tell_states(struct engine *e)
{
	int r = e->c->resumes && e->store ? store_states(e->store, tell_state, e) : 0;

	if (r < 0)
		log_errno(r, "what the last daemon left open cannot be read");
}

int engine_live(const struct engine_config *c, int prober_fd)
{
	struct engine e = { .c = c };
	int r = open_live(&e);

	if (r < 0) {
		close(prober_fd);
	} else {
		r = intake_new(prober_fd, e.recorder, &e.stats, on_event, &e, &e.intake);
		if (r < 0)
			log_errno(r, "cannot listen to the prober");
		else if (c->enrich_fd > 0 && intake_add_enricher(e.intake, c->enrich_fd) < 0)
			log_warn("nothing will be known of containers but their ids: the enricher "
				 "cannot be listened to");
		if (r == 0)
			bound_memory(&e);
	}
	if (r < 0) {
		finish(&e, false);
		return SONDE_EXIT_FAILURE;
	}
	if (c->ready)
		c->ready(c->ready_ctx);
	tell_states(&e);
	r = run(&e);
	intake_free(e.intake);
	return finish(&e, true) && r == 0 ? EXIT_SUCCESS : SONDE_EXIT_FAILURE;
}

/* --- replay --- */

static void explain(int r, const char *path, uint64_t offset)
{
	if (r == -EBADMSG && offset == 0)
		log_err("'%s' is no recording of sonde", path);
	else if (r == -EBADMSG)
		log_err("'%s' is damaged at byte %" PRIu64 "; what precedes it was used", path,
			offset);
	else if (r == -ENODATA)
		log_err("'%s' was cut at byte %" PRIu64 "; what precedes it was used", path,
			offset);
	else if (r == -ENOTSUP)
		log_err("'%s' was recorded by a newer sonde", path);
	else
		log_errno(r, "cannot read '%s'", path);
}

/* "The same" needs the same program and prices. */
static void compare(const struct engine_config *c, const struct record_header_info *then)
{
	struct record_header_info now;

	digests(c, &now);
	if (then->sonde_version[0] && strcmp(now.sonde_version, then->sonde_version) != 0)
		log_warn("recorded by sonde %s, replayed by %s: results may differ",
			 then->sonde_version, now.sonde_version);
	if (then->price_digest[0] && strcmp(now.price_digest, then->price_digest) != 0)
		log_warn("recorded with other prices: costs may differ");
}

/* Without a prober, in this process. */
static int open_offline(struct engine *e)
{
	int r = open_store(e);

	if (!r)
		r = open_pipeline(e, false);
	return r;
}

int engine_import(const struct engine_config *c, engine_feed_fn feed, void *ctx)
{
	struct engine e = { .c = c };
	int r = open_offline(&e);

	signal(SIGXFSZ, SIG_IGN);
	if (r < 0) {
		finish(&e, false);
		return EXIT_FAILURE;
	}
	r = feed(ctx, e.pipeline, on_event, &e);
	pipeline_end(e.pipeline);
	return finish(&e, true) && r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int engine_replay(const struct engine_config *c, const char *path)
{
	struct engine e = { .c = c };
	struct record_header_info info;
	uint64_t offset = 0;
	int r = replay_info(path, &info);

	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error of write(), and said */
	if (r < 0) {
		explain(r, path, 0);
		return EXIT_FAILURE;
	}
	compare(c, &info);
	r = open_offline(&e);
	if (r < 0) {
		finish(&e, false);
		return EXIT_FAILURE;
	}
	if (c->ready)
		c->ready(c->ready_ctx);
	r = replay_file(path, on_event, &e, NULL, &offset);
	if (r < 0)
		explain(r, path, offset);
	pipeline_end(e.pipeline);
	return finish(&e, true) && r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
