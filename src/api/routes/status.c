/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the daemon is doing. Losses and what could not be attached are everybody's to know, as their
 * runs are hurt by it; how much there is in all, where it goes to and which processes there are is
 * told to those who see everything.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/hubs.h"
#include "api/routes/routes.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "export/json_put.h"
#include "store/sink.h"

#define ASK_MS 1000

DEFINE_CLEANUP(struct store_reader *, store_reader_close)

static void put_str(struct json_writer *w, const char *key, const char *s)
{
	json_key(w, key);
	json_put_str(w, slice_of(s));
}

/* --- engines --- */

struct engines {
	struct json_writer *w;
	bool all;
};

static void copy_member(struct json_writer *w, struct slice line, const char *from, const char *to)
{
	const struct slice v = json_member(line, slice_of(from));

	if (v.n == 0)
		return;
	json_key(w, to);
	json_put_raw(w, v);
}

static uint64_t put_engine(void *ctx, struct slice line, uint64_t before)
{
	const struct engines *e = ctx;

	if (!json_valid(line))
		return before;
	json_begin(e->w, '{');
	if (e->all)
		copy_member(e->w, line, "engine", "pid");
	copy_member(e->w, line, "sonde", "sonde");
	copy_member(e->w, line, "started_boot_ns", "started_boot_ns");
	copy_member(e->w, line, "lag_ms", "lag_ms");
	copy_member(e->w, line, "loss", "loss");
	copy_member(e->w, line, "attached", "attached");
	copy_member(e->w, line, "attach_failures", "attach_failures");
	copy_member(e->w, line, "prober_lost", "prober_lost");
	if (e->all)
		copy_member(e->w, line, "health", "health");
	json_end(e->w, '}');
	return before;
}

void put_engines(struct json_writer *w, const struct request *rq)
{
	struct engines e = { .w = w, .all = rq->peer.all };

	json_key(w, "engines");
	json_begin(w, '[');
	hubs_status(rq->s->c.store, ASK_MS, put_engine, &e);
	json_end(w, ']');
}

/* --- the configuration --- */

static void put_values(struct json_writer *w, const char *key, const struct config_list *list)
{
	if (!list)
		return;
	json_key(w, key);
	json_begin(w, '[');
	for (; list; list = list->next)
		json_put_str(w, slice_of(list->text));
	json_end(w, ']');
}

static void put_scope(struct json_writer *w, const struct config *c)
{
	json_key(w, "scope");
	json_begin(w, '{');
	json_key(w, "host");
	json_put_bool(w, c->scope.host);
	put_values(w, "cgroup", c->scope.cgroups);
	put_values(w, "unit", c->scope.units);
	put_values(w, "container", c->scope.containers);
	put_values(w, "user", c->scope.users);
	put_values(w, "program", c->scope.programs);
	put_values(w, "pid", c->scope.pids);
	put_values(w, "not_user", c->scope.not_users);
	put_values(w, "not_program", c->scope.not_programs);
	put_values(w, "not_unit", c->scope.not_units);
	put_values(w, "not_namespace", c->scope.not_namespaces);
	put_values(w, "not_label", c->scope.not_labels);
	json_end(w, '}');
}

static const char *content_name(const struct config *c)
{
	for (size_t i = 0; i < config_n_settings; i++)
		if (strcmp(config_settings[i].section, "daemon") == 0 &&
		    strcmp(config_settings[i].key, "content") == 0)
			return config_settings[i].choices[c->daemon.content];
	return "";
}

/* --- store and sinks --- */

int64_t store_file_bytes(const char *path, const char *suffix)
{
	char full[4200];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", path, suffix);
	return stat(full, &st) == 0 ? (int64_t)st.st_size : 0;
}

struct sinks_said {
	struct json_writer *w;
	int64_t newest;
};

/* What a sink tells of itself; it has more, which is its own. */
static int put_sink(void *ctx, const char *name, int64_t seq, struct slice state,
		    uint64_t updated_ns)
{
	static const char *const members[] = { "type",	  "signal",  "target",		 "sent",
					       "refused", "retries", "failing_since_ns", "error" };
	const struct sinks_said *said = ctx;

	(void)updated_ns;
	json_begin(said->w, '{');
	put_str(said->w, "name", name);
	put_number(said->w, "seq", seq);
	put_number(said->w, "behind", said->newest > seq ? said->newest - seq : 0);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		copy_member(said->w, state, members[i], members[i]);
	json_end(said->w, '}');
	return 0;
}

void put_sinks(struct json_writer *w, struct store_reader *r, int64_t newest)
{
	struct sinks_said said = { w, newest };

	json_key(w, "sinks");
	json_begin(w, '[');
	store_sinks_each(r, put_sink, &said);
	json_end(w, ']');
}

static void put_store(struct json_writer *w, const struct api_config *c)
{
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store_error err;
	int64_t newest = 0;
	const bool open =
		store_reader_open(c->store, &r, &err) == 0 && store_newest_seq(r, &newest) == 0;

	json_key(w, "store");
	json_begin(w, '{');
	put_str(w, "path", c->store);
	put_number(w, "file_bytes", store_file_bytes(c->store, ""));
	put_number(w, "wal_bytes", store_file_bytes(c->store, "-wal"));
	if (open)
		put_number(w, "newest_seq", newest);
	json_end(w, '}');
	if (open)
		put_sinks(w, r, newest);
}

/* --- */

static int64_t uptime_ms(const struct api_server *s)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)(((uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec -
			  s->started_ns) /
			 1000000u);
}

enum MHD_Result handle_status(struct request *rq)
{
	const struct api_config *c = &rq->s->c;
	struct buf text = { 0 };
	struct json_writer w = { .out = &text };

	json_begin(&w, '{');
	put_str(&w, "sonde", SONDE_VERSION);
	put_number(&w, "uid", rq->peer.uid);
	put_str(&w, "sees", rq->peer.all ? "all" : "own");
	put_number(&w, "server_up_ms", uptime_ms(rq->s));
	put_str(&w, "content", content_name(c->config));
	put_engines(&w, rq);
	if (rq->peer.all) {
		put_number(&w, "supervisor_pid", getppid());
		put_number(&w, "server_pid", getpid());
		put_scope(&w, c->config);
		put_store(&w, c);
	}
	json_end(&w, '}');
	return reply_json(rq, MHD_HTTP_OK, &w);
}
