/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file in two passes: the first one finds what happened when, the second tells it in that order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "cmd/import.h"

#define MOMENTS_MAX    (1u << 22) /* beginnings, ends and messages of one file */
#define OPEN_MAX       256	  /* exchanges under way at once: a recorder's clock may be stuck */
#define OPEN_MEMORY    (512u << 20) /* of all of them; what is over it is told as such */
#define SCOPE_JSON_MAX 16384

/* What happens at a time. */
struct moment {
	uint64_t ns;
	uint32_t entry;
	uint32_t what; /* BEGINS, ENDS, else a message's number */
	struct slice message;
};

enum { BEGINS = 0, ENDS = UINT32_MAX };

struct entry {
	struct slice json;
	struct import_times when;
	struct import_open *open;
	bool ended;
};

struct import {
	const struct import_file *f;
	struct import_to to;
	struct entry *entries;
	size_t n_entries, cap_entries;
	struct moment *moments;
	size_t n_moments, cap_moments;
	uint32_t open[OPEN_MAX]; /* entries */
	size_t n_open;
	uint64_t now_ns;
};

static void run_done(struct import *r)
{
	free(r->entries);
	free(r->moments);
}

/* The list with room for one more element; NULL where memory is refused. */
static void *grow(void *list, size_t n, size_t *cap, size_t size)
{
	const size_t more = *cap ? *cap * 2 : 64;
	void *p;

	if (n < *cap)
		return list;
	p = realloc(list, more * size);
	if (p)
		*cap = more;
	return p;
}

/* --- the first pass --- */

static int add_moment(struct import *r, struct moment m)
{
	struct moment *list;

	if (r->n_moments >= MOMENTS_MAX)
		return -E2BIG;
	list = grow(r->moments, r->n_moments, &r->cap_moments, sizeof(m));
	if (!list)
		return -ENOMEM;
	r->moments = list;
	list[r->n_moments++] = m;
	return 0;
}

/* The messages of a WebSocket; the connection lasts at least until the last of them. */
static int add_messages(struct import *r, struct slice list, uint32_t index, struct entry *entry)
{
	uint64_t last_ns = entry->when.start_ns;
	struct har_message m;
	struct json_iter it;
	struct slice json;
	uint32_t number = BEGINS;
	int r2 = 0;

	if (!json_array(list, &it))
		return 0;
	while (r2 == 0 && json_next(&it, &json)) {
		if (!har_socket_message(json, &m))
			continue;
		if (m.ns > last_ns)
			last_ns = m.ns;
		r2 = add_moment(r, (struct moment){ last_ns, index, ++number, json });
	}
	if (last_ns > entry->when.end_ns)
		entry->when.end_ns = last_ns;
	return r2;
}

/* An entry without a time comes behind the one before it; one without a duration takes none. */
static void place(struct import *r, const struct har_entry *e, struct import_times *ret)
{
	const struct entry *before = r->n_entries ? &r->entries[r->n_entries - 1] : NULL;

	ret->start_ns = e->start_ns;
	if (!ret->start_ns) {
		r->to.counts->without_time++;
		ret->start_ns = before ? before->when.end_ns : 1;
	}
	r->to.counts->without_duration += e->duration_ns < 0;
	ret->end_ns = ret->start_ns + (e->duration_ns > 0 ? (uint64_t)e->duration_ns : 0);
	ret->first_ns = e->first_byte_ns < 0 ? 0 : ret->start_ns + (uint64_t)e->first_byte_ns;
}

/* False where the entry is no JSON, or names no request: that is counted. */
static bool read_entry(struct import *r, struct slice json, struct har_entry *ret)
{
	size_t offset;
	bool valid = json_check(json, &offset);

	r->to.counts->entries++;
	if (!valid && r->to.counts->broken_at == SIZE_MAX)
		r->to.counts->broken_at = (size_t)(json.p - r->f->text.p) + offset;
	valid = valid && har_read(json, ret);
	r->to.counts->not_understood += !valid;
	return valid;
}

static int add_entry(struct import *r, struct slice json)
{
	const uint32_t index = (uint32_t)r->n_entries;
	struct entry entry = { .json = json }, *list;
	struct har_entry e;
	int err;

	if (!read_entry(r, json, &e))
		return 0;
	list = grow(r->entries, r->n_entries, &r->cap_entries, sizeof(entry));
	if (!list)
		return -ENOMEM;
	r->entries = list;
	place(r, &e, &entry.when);
	err = add_messages(r, e.messages, index, &entry);
	if (err < 0)
		return err;
	list[r->n_entries++] = entry;
	err = add_moment(r, (struct moment){ entry.when.start_ns, index, BEGINS, { 0 } });
	return err < 0 ? err
		       : add_moment(r, (struct moment){ entry.when.end_ns, index, ENDS, { 0 } });
}

static int by_time(const void *va, const void *vb)
{
	const struct moment *a = va, *b = vb;

	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	if (a->entry != b->entry)
		return a->entry < b->entry ? -1 : 1;
	return a->what == b->what ? 0 : a->what < b->what ? -1 : 1;
}

static int find_moments(struct import *r, struct har *har)
{
	struct slice json;
	int err = 0;

	while (err == 0 && har_next(har, &json))
		err = add_entry(r, json);
	if (err < 0)
		return err;
	if (har->it.bad) {
		r->to.counts->cut = true;
		if (r->to.counts->broken_at == SIZE_MAX)
			json_check(r->f->text, &r->to.counts->broken_at);
	}
	if (r->n_moments)
		qsort(r->moments, r->n_moments, sizeof(*r->moments), by_time);
	return 0;
}

/* --- the events around --- */

static void send_json(struct import *r, uint16_t kind, struct slice json, uint64_t ts_ns)
{
	_Alignas(struct sonde_json_event) char
		room[sizeof(struct sonde_json_event) + SCOPE_JSON_MAX];
	struct sonde_json_event *e = (void *)room;

	e->hdr = (struct sonde_event){ .ts_ns = ts_ns,
				       .size = (uint32_t)(sizeof(*e) + json.n),
				       .kind = kind };
	memcpy(e->json, json.p, json.n);
	r->f->event(r->f->event_ctx, &e->hdr);
}

static void send_plain(struct import *r, uint16_t kind, uint64_t ts_ns)
{
	const struct sonde_event e = { .ts_ns = ts_ns, .size = sizeof(e), .kind = kind };

	r->f->event(r->f->event_ctx, &e);
}

/* What tells this run from all others: the content of the file. */
static void send_host(struct import *r, uint64_t ts_ns)
{
	const struct id128 id = id_of_bytes(r->f->text);
	char hex[ID128_HEX_SIZE], json[128];

	id128_hex(&id, hex);
	snprintf(json, sizeof(json), "{\"boot_id\":\"har:%s\"}", hex);
	send_json(r, SONDE_EV_HOST, slice_of(json), ts_ns);
}

/* "Firefox 143.0" */
static void put_recorder(struct json_writer *w, const struct har *har)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(SCOPE_JSON_MAX);
	struct slice name, version;
	char text[256];

	if (!mem || har->creator.n > SCOPE_JSON_MAX / 8 ||
	    har->creator_version.n > SCOPE_JSON_MAX / 8)
		return;
	name = json_text(har->creator, mem);
	version = json_text(har->creator_version, mem);
	if (!name.n)
		return;
	snprintf(text, sizeof(text), "%.*s%s%.*s", SLICE_ARG(name), version.n ? " " : "",
		 SLICE_ARG(version));
	json_key(w, "recorder");
	json_put_str(w, slice_of(text));
}

static int send_scope(struct import *r, const struct har *har, uint64_t ts_ns)
{
	struct buf json = { 0 };
	struct json_writer w = { .out = &json, .max = SCOPE_JSON_MAX };
	int err;

	json_begin(&w, '{');
	json_key(&w, "scope");
	json_put_int(&w, 1);
	json_key(&w, "source");
	json_put_str(&w, SLICE("har"));
	put_recorder(&w, har);
	json_key(&w, "argv");
	json_begin(&w, '[');
	json_put_str(&w, slice_of(r->f->name));
	json_end(&w, ']');
	json_key(&w, "uid");
	json_put_int(&w, geteuid());
	json_key(&w, "trigger");
	json_put_str(&w, SLICE("import"));
	json_end(&w, '}');
	err = w.r;
	if (err == 0)
		send_json(r, SONDE_EV_SCOPE, buf_slice(&json), ts_ns);
	buf_done(&json);
	return err;
}

/* --- the second pass --- */

static void end_entry(struct import *r, uint32_t index)
{
	struct entry *entry = &r->entries[index];
	struct har_entry e;

	if (entry->ended)
		return;
	entry->ended = true;
	for (size_t i = 0; i < r->n_open; i++)
		if (r->open[i] == index) {
			r->open[i] = r->open[--r->n_open];
			break;
		}
	if (!entry->open)
		return;
	har_read(entry->json, &e);
	/* The consumers' clock first: parts of a stream may come without a time. */
	send_plain(r, SONDE_EV_TICK, r->now_ns);
	import_end(&r->to, TAKE(entry->open), &e);
}

/* Too many are under way: the one that ends first is told now. */
static void make_room(struct import *r)
{
	uint32_t first = r->open[0];

	for (size_t i = 1; i < r->n_open; i++)
		if (r->entries[r->open[i]].when.end_ns < r->entries[first].when.end_ns)
			first = r->open[i];
	end_entry(r, first);
}

static int begin_entry(struct import *r, uint32_t index)
{
	struct entry *entry = &r->entries[index];
	struct har_entry e;

	if (r->n_open == OPEN_MAX)
		make_room(r);
	har_read(entry->json, &e);
	entry->open = import_begin(&r->to, &e, &entry->when, (uint64_t)index + 1);
	if (!entry->open)
		return -ENOMEM;
	r->open[r->n_open++] = index;
	return 0;
}

static int happen(struct import *r, const struct moment *m)
{
	struct entry *entry = &r->entries[m->entry];
	struct har_message message;

	r->now_ns = m->ns;
	if (m->what == BEGINS)
		return begin_entry(r, m->entry);
	if (m->what == ENDS)
		end_entry(r, m->entry);
	else if (entry->open && har_socket_message(m->message, &message))
		import_message(&r->to, entry->open, &message);
	return 0;
}

static int tell_all(struct import *r)
{
	int err = 0;

	for (size_t i = 0; i < r->n_moments && err == 0; i++) {
		err = happen(r, &r->moments[i]);
		if (r->f->progress)
			r->f->progress(r->f->progress_ctx, i + 1, r->n_moments);
	}
	while (r->n_open)
		end_entry(r, r->open[0]);
	return err;
}

static int run(struct import *r, struct har *har)
{
	int err = find_moments(r, har);

	if (err < 0 || r->n_moments == 0)
		return err;
	send_host(r, r->moments[0].ns);
	err = send_scope(r, har, r->moments[0].ns);
	if (err == 0)
		err = tell_all(r);
	send_plain(r, SONDE_EV_END, r->now_ns);
	return err;
}

int import_run(const struct import_file *f, struct import_counts *ret, const char **ret_why)
{
	struct import r = { .f = f, .to = { f->pipeline, ret, { 0, OPEN_MEMORY } } };
	struct har har;
	int err;

	*ret = (struct import_counts){ .broken_at = SIZE_MAX };
	if (!har_open(f->text, &har, ret_why))
		return -EBADMSG;
	err = run(&r, &har);
	run_done(&r);
	return err;
}
