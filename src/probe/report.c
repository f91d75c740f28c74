// SPDX-License-Identifier: BSD-2-Clause
#include "probe/report.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "base/json.h"
#include "probe/container_files.h"
#include "probe/describe.h"
#include "probe/origin.h"
#include "probe/users.h"

#define NS_PER_S 1000000000ll

static uint64_t clock_read(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t clock_boot(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

int64_t clock_offset(void)
{
	/* The pair that was read closest together of a few. */
	int64_t best = 0;
	uint64_t width = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t before = clock_boot(), wall = clock_read(CLOCK_REALTIME);
		uint64_t after = clock_boot();

		if (after - before < width) {
			width = after - before;
			best = (int64_t)(wall - before - width / 2);
		}
	}
	return best;
}

static struct sonde_event header(struct report_process p, uint16_t kind, size_t size)
{
	return (struct sonde_event){
		.ts_ns = clock_boot(),
		.start_ns = p.start_ns,
		.tgid = (uint32_t)p.tgid,
		.tid = (uint32_t)p.tgid,
		.size = (uint32_t)size,
		.kind = kind,
	};
}

/* A JSON event under construction: the header's place is kept free at its beginning. */
struct draft {
	struct buf text;
	struct json_writer w;
};

static void draft_begin(struct draft *d)
{
	static const char room[sizeof(struct sonde_event)];

	*d = (struct draft){ .w.max = SONDE_EVENT_MAX };
	d->w.out = &d->text;
	d->w.r = buf_add(&d->text, (struct slice){ room, sizeof(room) }, SONDE_EVENT_MAX);
}

static void draft_send(struct draft *d, struct outbox *o, struct report_process p, uint16_t kind)
{
	if (d->w.r == 0) {
		struct sonde_event h = header(p, kind, d->text.n);

		memcpy(d->text.p, &h, sizeof(h));
		/* Probes stay on their files whoever reads. */
		if (kind == SONDE_EV_ATTACH)
			outbox_keep(o, buf_slice(&d->text));
		else
			outbox_send(o, buf_slice(&d->text));
	}
	buf_done(&d->text);
}

static void put_text(struct json_writer *w, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	json_key(w, key);
	json_put_str(w, slice_of(value));
}

static void put_number(struct json_writer *w, const char *key, int64_t value)
{
	json_key(w, key);
	json_put_int(w, value);
}

/* --- containers --- */

#define TOLD_MAX 256

/* Those that this engine was told of: what engines leave on disk is read once. */
static struct {
	char ids[TOLD_MAX][CGROUP_CONTAINER_MAX + 1];
	unsigned next;
} told;

static bool tell_once(const char *id)
{
	for (unsigned i = 0; i < TOLD_MAX; i++)
		if (strcmp(told.ids[i], id) == 0)
			return false;
	snprintf(told.ids[told.next], sizeof(told.ids[0]), "%s", id);
	told.next = (told.next + 1) % TOLD_MAX;
	return true;
}

static void report_container(struct outbox *o, pid_t pid)
{
	struct cgroup_place at;
	struct draft d;
	bool known;

	if (!describe_place(pid, &at) || !tell_once(at.container))
		return;
	draft_begin(&d);
	json_begin(&d.w, '{');
	put_text(&d.w, "container", at.container);
	put_text(&d.w, "by", "prober");
	json_key(&d.w, "resource");
	json_begin(&d.w, '{');
	put_text(&d.w, "container.runtime.name", at.runtime);
	known = container_files_describe(container_files_root(), at.container, &d.w);
	json_end(&d.w, '}');
	json_end(&d.w, '}');
	if (known || at.runtime)
		draft_send(&d, o, (struct report_process){ 0 }, SONDE_EV_CONTAINER);
	else
		buf_done(&d.text);
}

/* --- what is told --- */

void report_host(struct outbox *o)
{
	char boot_id[64] = "";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	char name[HOST_NAME_SIZE];
	struct utsname u;
	struct draft d;

	host_name(name);
	if (f) {
		if (!fgets(boot_id, sizeof(boot_id), f))
			boot_id[0] = '\0';
		fclose(f);
	}
	boot_id[strcspn(boot_id, "\n")] = '\0';
	uname(&u);
	memset(&told, 0, sizeof(told)); /* another engine */
	draft_begin(&d);
	json_begin(&d.w, '{');
	put_text(&d.w, "boot_id", boot_id);
	put_text(&d.w, "hostname", name);
	put_text(&d.w, "kernel", u.release);
	put_text(&d.w, "arch", u.machine);
	put_text(&d.w, "sonde_version", SONDE_VERSION);
	put_number(&d.w, "event_version", SONDE_EVENT_VERSION);
	json_end(&d.w, '}');
	draft_send(&d, o, (struct report_process){ 0 }, SONDE_EV_HOST);
}

int64_t report_clock(struct outbox *o)
{
	struct sonde_clock_event e = { .hdr = header((struct report_process){ 0 }, SONDE_EV_CLOCK,
						     sizeof(e)) };
	int64_t offset = clock_offset();

	e.wall_ns = e.hdr.ts_ns + (uint64_t)offset;
	outbox_send(o, (struct slice){ (const char *)&e, sizeof(e) });
	return offset;
}

static void put_json(struct json_writer *w, const cJSON *j)
{
	char *text = cJSON_PrintUnformatted(j);

	if (text)
		json_put_raw(w, slice_of(text));
	else
		json_put_null(w);
	cJSON_free(text);
}

void report_config(struct outbox *o, const cJSON *config)
{
	struct draft d;

	draft_begin(&d);
	if (config) {
		put_json(&d.w, config);
	} else {
		json_begin(&d.w, '{');
		json_end(&d.w, '}');
	}
	draft_send(&d, o, (struct report_process){ 0 }, SONDE_EV_CONFIG);
}

/* Of what ran before it was traced; of its command the launcher has told. */
static void put_origin(pid_t pid, const cJSON *scope, struct json_writer *w)
{
	_cleanup_(buf_done) struct buf origin = { 0 };
	char project[PATH_MAX];

	if (!cJSON_GetObjectItemCaseSensitive(scope, "project") && origin_project(pid, project))
		put_text(w, "project", project);
	if (cJSON_GetObjectItemCaseSensitive(scope, "origin") ||
	    origin_describe(pid, describe_parent(pid), NULL, &origin) < 0)
		return;
	json_key(w, "origin");
	json_put_raw(w, buf_slice(&origin));
}

void report_scope(struct outbox *o, struct report_process p, const cJSON *scope)
{
	const cJSON *member;
	struct draft d;

	draft_begin(&d);
	json_begin(&d.w, '{');
	cJSON_ArrayForEach (member, scope) {
		json_key(&d.w, member->string);
		put_json(&d.w, member);
	}
	if (!cJSON_GetObjectItemCaseSensitive(scope, "scope"))
		put_number(&d.w, "scope", 1);
	put_origin(p.tgid, scope, &d.w);
	json_end(&d.w, '}');
	draft_send(&d, o, p, SONDE_EV_SCOPE);
	report_container(o, p.tgid);
}

void report_proc(struct outbox *o, struct report_process p)
{
	struct draft d;

	draft_begin(&d);
	json_begin(&d.w, '{');
	describe_process(p.tgid, &d.w);
	json_end(&d.w, '}');
	draft_send(&d, o, p, SONDE_EV_PROC);
	report_container(o, p.tgid);
}

static void put_point(struct json_writer *w, const struct probe_point *p)
{
	json_begin(w, '{');
	put_text(w, "function", p->function);
	put_number(w, "offset", (int64_t)p->entry);
	if (p->exit)
		put_number(w, "exit_offset", (int64_t)p->exit);
	put_text(w, "insn", p->insn);
	json_end(w, '}');
}

static bool all_cheap(const struct probe_target *t)
{
	for (size_t i = 0; i < t->n_points; i++)
		if (t->points[i].cost != PROBE_CHEAP)
			return false;
	return true;
}

void report_attach(struct outbox *o, struct report_process p, const struct report_attach *a)
{
	const struct probe_target *t = a->target;
	struct draft d;

	draft_begin(&d);
	json_begin(&d.w, '{');
	put_text(&d.w, "file", t->path);
	put_number(&d.w, "dev", (int64_t)t->dev);
	put_number(&d.w, "inode", (int64_t)t->inode);
	put_text(&d.w, "build_id", t->build_id);
	put_text(&d.w, "library", t->library);
	put_text(&d.w, "version", t->version);
	json_key(&d.w, "ok");
	json_put_bool(&d.w, a->how);
	put_text(&d.w, "reason", a->how ? NULL : a->reason);
	if (a->how) {
		put_text(&d.w, "cost", all_cheap(t) ? "cheap" : "classic");
		put_text(&d.w, "how", a->how);
		if (a->late_ns)
			put_number(&d.w, "late_ms", (int64_t)(a->late_ns / 1000000));
		json_key(&d.w, "probes");
		json_begin(&d.w, '[');
		for (size_t i = 0; i < t->n_points; i++)
			put_point(&d.w, &t->points[i]);
		json_end(&d.w, ']');
	}
	json_end(&d.w, '}');
	draft_send(&d, o, p, SONDE_EV_ATTACH);
}

void report_end(struct outbox *o)
{
	struct sonde_event e = header((struct report_process){ 0 }, SONDE_EV_END, sizeof(e));

	outbox_send(o, (struct slice){ (const char *)&e, sizeof(e) });
}

void report_act(struct outbox *o, struct report_process p, const char *act, uint32_t uid)
{
	char name[256];
	struct draft d;

	draft_begin(&d);
	json_begin(&d.w, '{');
	put_text(&d.w, "act", act);
	put_number(&d.w, "uid", uid);
	users_name(uid, name, sizeof(name));
	put_text(&d.w, "user", name);
	json_end(&d.w, '}');
	draft_send(&d, o, p, SONDE_EV_ACT);
}
