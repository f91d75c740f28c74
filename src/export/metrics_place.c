/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a run happens, as the resource that its sums are told apart by: the agent, the machine, the
 * user, the workload. What is another with each start (ids, names of pods) is left out: each would
 * leave series behind that never go on.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/util.h"
#include "export/metrics_parts.h"
#include "sonde/run.h"

/* Once for each start of what it is of. */
static bool is_instance(struct slice name)
{
	static const char *const names[] = { "container.id", "container.image.id", "k8s.pod.uid",
					     "k8s.pod.name", "k8s.replicaset.name" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (slice_eq(name, slice_of(names[i])))
			return true;
	return slice_starts(name, SLICE("k8s.pod.label.")) ||
	       slice_starts(name, SLICE("service.")) || slice_starts(name, SLICE("process.")) ||
	       slice_eq(name, SLICE("host.name"));
}

/* The jobs of a CronJob as well. */
static bool is_instance_of_cron(struct slice name)
{
	return is_instance(name) || slice_eq(name, SLICE("k8s.job.name"));
}

static void put(struct json_writer *w, const char *name, struct slice value)
{
	if (value.n == 0)
		return;
	json_key(w, name);
	json_put_str(w, value);
}

static void put_members(struct json_writer *w, struct slice json)
{
	const bool cron = json_member(json, SLICE("k8s.cronjob.name")).n > 0;
	struct slice name, value;
	struct json_iter it;

	if (!json_object(json, &it))
		return;
	while (json_next_member(&it, &name, &value)) {
		if ((cron ? is_instance_of_cron : is_instance)(name) || value.p[0] != '"')
			continue;
		json_put_key(w, name);
		json_put_raw(w, value);
	}
}

/* In one spelling, whatever order it was learned in. */
static int describe(const struct run *run, struct buf *ret)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(1 << 20);
	_cleanup_(buf_done) struct buf text = { 0 };
	struct json_writer w = { .out = &text }, canonical = { .out = ret };

	if (!mem)
		return -ENOMEM;
	json_begin(&w, '{');
	put(&w, "service.name", run->agent.n ? run->agent : SLICE("sonde"));
	put(&w, "service.version", run->agent_version);
	put(&w, "host.name", run->host);
	put(&w, "process.owner", run->user);
	put_members(&w, run->resource);
	json_end(&w, '}');
	if (w.r < 0)
		return w.r;
	json_put_canonical(&canonical, buf_slice(&text), mem, NULL);
	return canonical.r;
}

static struct place *find(const struct metrics *m, struct slice key)
{
	struct place *p = NULL;

	HASH_FIND(hh, m->places, key.p, key.n, p);
	return p;
}

int metrics_place_add(struct metrics *m, struct slice key, struct slice json)
{
	struct place *p;

	if (key.n != METRIC_PLACE_KEY || find(m, key))
		return key.n == METRIC_PLACE_KEY ? 0 : -EBADMSG;
	if (HASH_COUNT(m->places) >= METRIC_PLACES_MAX)
		return -ENOSPC;
	p = calloc(1, sizeof(*p) + json.n);
	if (!p)
		return -ENOMEM;
	memcpy(p->key, key.p, key.n);
	memcpy(p->json, json.p, json.n);
	p->n_json = json.n;
	HASH_ADD(hh, m->places, key, METRIC_PLACE_KEY, p);
	if (p->hh.tbl)
		return 0;
	free(p);
	return -ENOMEM;
}

void metrics_places_done(struct metrics *m)
{
	struct place *p, *next;

	HASH_ITER(hh, m->places, p, next)
	{
		HASH_DEL(m->places, p);
		free(p);
	}
}

static int look_up(struct metrics *m, const struct run *run)
{
	_cleanup_(buf_done) struct buf json = { 0 };
	char hex[ID64_HEX_SIZE];
	struct id64 id;
	int r = describe(run, &json);

	if (r < 0)
		return r;
	id = id64_of(id_of_bytes(buf_slice(&json)));
	id64_hex(&id, hex);
	if (json.n > METRIC_PLACE_JSON_MAX)
		r = -ENOSPC;
	else
		r = metrics_place_add(m, slice_of(hex), buf_slice(&json));
	m->last_place = r == 0 ? METRIC_PLACE_KEY : 0;
	memcpy(m->last_place_key, hex, METRIC_PLACE_KEY);
	return r == -ENOSPC ? 0 : r;
}

int metrics_place_of(struct metrics *m, const struct run *run, struct slice *ret)
{
	int r = 0;

	if (!m->has_last_run || !id128_eq(&m->last_run, &run->run_id))
		r = look_up(m, run);
	m->last_run = run->run_id;
	m->has_last_run = r == 0;
	*ret = m->last_place ? (struct slice){ m->last_place_key, m->last_place } : SLICE("other");
	return r;
}

struct slice metrics_place(const struct metrics *m, struct slice key)
{
	const struct place *p = key.n == METRIC_PLACE_KEY ? find(m, key) : NULL;

	return p ? (struct slice){ p->json, p->n_json } : (struct slice){ 0 };
}
