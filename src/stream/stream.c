/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection is in three places: by id, in the order of last use (the oldest idle one goes when
 * there are too many), and with the process that used it last.
 */
#include "stream/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/util.h"
#include "stream/peer.h"

/* Links whose TLS stream or socket is not open yet. */
#define LINKS_PENDING_MAX 256

struct holder;

struct entry {
	struct connection conn; /* first: readers get a pointer to it */
	uint64_t next[2];	/* position of the next byte, per direction */
	bool started[2];	/* next is known */
	bool eof[2];
	struct holder *holder;
	struct entry *used_prev, *used_next; /* stream.used */
	struct entry *held_prev, *held_next; /* holder.entries */
	UT_hash_handle hh;
};

/* uthash compares keys as bytes: no holes. */
struct holder_key {
	uint64_t tgid, start_ns;
};

struct holder {
	struct holder_key key;
	struct entry *entries;
	UT_hash_handle hh;
};

struct link {
	uint64_t tls, sock;
	uint32_t evidence;
};

struct stream {
	const struct stream_reader *reader;
	void *ctx;
	struct stats *stats;
	struct entry *by_id;
	struct entry *used; /* oldest use first */
	struct holder *holders;
	struct link links[LINKS_PENDING_MAX]; /* the oldest is overwritten */
	size_t next_link, n_links;
};

int stream_new(const struct stream_reader *reader, void *ctx, struct stats *stats,
	       struct stream **ret)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->reader = reader;
	s->ctx = ctx;
	s->stats = stats;
	*ret = s;
	return 0;
}

/* --- holders: which connections end with a process --- */

static struct holder *holder_find(struct stream *s, const struct holder_key *key)
{
	struct holder *h;

	HASH_FIND(hh, s->holders, key, sizeof(*key), h);
	return h;
}

static struct holder *holder_get(struct stream *s, const struct sonde_event *e)
{
	struct holder_key key = { e->tgid, e->start_ns };
	struct holder *h = holder_find(s, &key);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->key = key;
	HASH_ADD(hh, s->holders, key, sizeof(key), h);
	if (!h->hh.tbl) { /* memory was refused */
		free(h);
		return NULL;
	}
	return h;
}

static void unhold(struct stream *s, struct entry *c)
{
	struct holder *h = TAKE(c->holder);

	if (!h)
		return;
	DL_DELETE2(h->entries, c, held_prev, held_next);
	if (!h->entries) {
		HASH_DEL(s->holders, h);
		free(h);
	}
}

/*
 * A connection goes with the process that used it last: a server's child goes on with what its
 * parent accepted. Where memory is refused nobody holds it, and only its own close ends it.
 */
static void hold(struct stream *s, struct entry *c, const struct sonde_event *e)
{
	struct holder *h = c->holder;

	if (e->tgid == 0 || (h && h->key.tgid == e->tgid && h->key.start_ns == e->start_ns))
		return;
	unhold(s, c);
	h = holder_get(s, e);
	if (!h)
		return;
	DL_APPEND2(h->entries, c, held_prev, held_next);
	c->holder = h;
}

/* --- the table --- */

static struct entry *find(struct stream *s, uint64_t id)
{
	struct entry *c;

	HASH_FIND(hh, s->by_id, &id, sizeof(id), c);
	return c;
}

struct connection *stream_find(struct stream *s, uint64_t conn)
{
	struct entry *c = find(s, conn);

	return c ? &c->conn : NULL;
}

static void forget(struct stream *s, struct entry *c)
{
	unhold(s, c);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what is in a table has one */
	HASH_DEL(s->by_id, c);
	DL_DELETE2(s->used, c, used_prev, used_next);
	free(c);
}

static void close_entry(struct stream *s, struct entry *c, uint64_t ts_ns)
{
	if (s->reader->close)
		s->reader->close(s->ctx, &c->conn, ts_ns);
	forget(s, c);
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	while (s->used)
		forget(s, s->used);
	free(s);
}

void stream_end(struct stream *s, uint64_t ts_ns)
{
	while (s->used)
		close_entry(s, s->used, ts_ns);
}

static struct entry *refused(struct stream *s)
{
	stat_add(s->stats, STAT_STREAM_EVICTED, 1);
	return NULL;
}

static struct entry *entry_new(struct stream *s, const struct sonde_event *e, uint64_t id)
{
	struct entry *c;

	if (HASH_COUNT(s->by_id) >= STREAM_CONNECTIONS_MAX) {
		stat_add(s->stats, STAT_STREAM_EVICTED, 1);
		close_entry(s, s->used, e->ts_ns);
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return refused(s);
	c->conn.id = id;
	c->conn.process = (struct process_key){ .tgid = e->tgid, .start_ns = e->start_ns };
	c->conn.open_ns = e->ts_ns;
	HASH_ADD(hh, s->by_id, conn.id, sizeof(c->conn.id), c);
	if (!c->hh.tbl) {
		free(c);
		return refused(s);
	}
	DL_APPEND2(s->used, c, used_prev, used_next);
	hold(s, c, e);
	return c;
}

static void touch(struct stream *s, struct entry *c)
{
	if (!c->used_next)
		return; /* the newest already */
	DL_DELETE2(s->used, c, used_prev, used_next);
	DL_APPEND2(s->used, c, used_prev, used_next);
}

/* --- links between a TLS stream and the socket under it --- */

static void join(struct stream *s, struct connection *tls, struct connection *sock,
		 uint32_t evidence)
{
	tls->linked = sock->id;
	sock->linked = tls->id;
	tls->evidence = sock->evidence = (uint8_t)evidence;
	peer_copy(tls, sock);
	if (s->reader->linked)
		s->reader->linked(s->ctx, tls);
}

static bool try_link(struct stream *s, const struct link *l)
{
	struct entry *tls = find(s, l->tls), *sock = find(s, l->sock);

	if (!tls || !sock)
		return false;
	if (tls->conn.linked == sock->conn.id && tls->conn.family == sock->conn.family)
		return true;
	join(s, &tls->conn, &sock->conn, l->evidence);
	return true;
}

static void feed_link(struct stream *s, const struct sonde_event *e)
{
	const struct sonde_link_event *x = (const void *)e;
	struct link l = { x->tls, x->sock, x->evidence };

	/* A socket is bound inside the first TLS call, which is reported when it returns. */
	if (l.tls == l.sock || try_link(s, &l))
		return;
	s->links[s->next_link] = l;
	s->next_link = (s->next_link + 1) % LINKS_PENDING_MAX;
	if (s->n_links < LINKS_PENDING_MAX)
		s->n_links++;
}

static void link_pending(struct stream *s, uint64_t id)
{
	for (size_t i = 0; i < s->n_links; i++) {
		struct link *l = &s->links[i];

		if ((l->tls == id || l->sock == id) && try_link(s, l))
			*l = (struct link){ 0 };
	}
}

/* --- events --- */

/* The address of a connection that is open already, and of the TLS stream over it. */
static void peer_known(struct stream *s, struct connection *conn, const struct sonde_conn_event *x)
{
	/* Readers have chosen by what it was. */
	const uint32_t kept = conn->flags & (SONDE_CONN_MIDWAY | SONDE_CONN_TALK);
	const uint8_t source = conn->source;
	struct entry *tls;

	if (conn->family || !x->family)
		return;
	peer_set(conn, x);
	conn->flags = (conn->flags & ~(uint32_t)SONDE_CONN_TALK) | kept;
	conn->source = source;
	tls = conn->linked ? find(s, conn->linked) : NULL;
	if (tls && !tls->conn.family)
		join(s, &tls->conn, conn, conn->evidence);
	else if (s->reader->linked)
		s->reader->linked(s->ctx, conn);
}

static void feed_open(struct stream *s, const struct sonde_event *e)
{
	const struct sonde_conn_event *x = (const void *)e;
	struct entry *c = find(s, x->conn);

	if (c) {
		peer_known(s, &c->conn, x);
		return;
	}
	c = entry_new(s, e, x->conn);
	if (!c)
		return;
	peer_set(&c->conn, x);
	/* What an engine before this one has read of it is no gap. */
	c->started[SONDE_DIR_IN] = c->started[SONDE_DIR_OUT] = !(x->flags & SONDE_CONN_AGAIN);
	if (s->reader->open)
		s->reader->open(s->ctx, &c->conn);
	link_pending(s, x->conn);
}

static void feed_hello(struct stream *s, const struct sonde_event *e)
{
	const struct sonde_hello_event *x = (const void *)e;
	const struct slice bytes = { (const char *)x->data, x->len };
	struct entry *c = find(s, x->conn), *tls;

	if (x->len > e->size - sizeof(*x) || !c || !peer_server_name(bytes, c->conn.server_name))
		return;
	tls = c->conn.linked ? find(s, c->conn.linked) : NULL;
	if (tls)
		join(s, &tls->conn, &c->conn, c->conn.evidence);
}

static void feed_close(struct stream *s, const struct sonde_event *e)
{
	const struct sonde_conn_event *x = (const void *)e;
	struct entry *c = find(s, x->conn);

	if (c)
		close_entry(s, c, e->ts_ns);
}

static void feed_use(struct stream *s, const struct sonde_event *e)
{
	const struct sonde_use_event *u = (const void *)e;
	struct entry *c = find(s, u->conn);

	if (c && s->reader->used)
		s->reader->used(s->ctx, &c->conn, u);
}

static struct entry *join_midway(struct stream *s, const struct sonde_event *e, uint64_t id,
				 uint8_t source)
{
	struct entry *c = entry_new(s, e, id);

	if (!c)
		return NULL;
	c->conn.source = source;
	c->conn.flags = SONDE_CONN_MIDWAY;
	if (s->reader->open)
		s->reader->open(s->ctx, &c->conn);
	link_pending(s, id);
	return c;
}

/*
 * The connection of a DATA or GAP event. One that was never opened, or is back after it was
 * evicted, is joined where it stands: what passed before is no gap.
 */
static struct entry *entry_of(struct stream *s, const struct sonde_event *e, uint64_t id,
			      uint8_t source, enum sonde_dir dir, uint64_t pos)
{
	struct entry *c = find(s, id);

	if (c) {
		touch(s, c);
		hold(s, c, e);
	} else {
		c = join_midway(s, e, id, source);
	}
	if (c && !c->started[dir]) {
		c->started[dir] = true;
		c->next[dir] = c->conn.bytes[dir] = pos;
	}
	return c;
}

/* Hands on what of @chunk is new. Its gap and bytes end at pos + bytes.n. */
static void deliver(struct stream *s, struct entry *c, struct stream_chunk *chunk)
{
	uint64_t next = c->next[chunk->dir];

	if (c->eof[chunk->dir]) { /* nothing follows an end: a second one, or nonsense */
		if (!chunk->eof)
			stat_add(s->stats, STAT_EVENTS_BAD, 1);
		return;
	}
	if (chunk->pos < next) {
		uint64_t seen = next - chunk->pos;

		seen = seen < chunk->bytes.n ? seen : chunk->bytes.n;
		stat_add(s->stats, STAT_STREAM_OVERLAP, seen);
		chunk->bytes = slice_from(chunk->bytes, seen);
		chunk->pos = next;
	} else if (chunk->pos > next) {
		chunk->gap = chunk->pos - next;
	}
	if (!chunk->bytes.n && !chunk->gap && !chunk->eof)
		return;
	c->next[chunk->dir] = chunk->pos + chunk->bytes.n;
	c->conn.bytes[chunk->dir] = c->next[chunk->dir];
	c->eof[chunk->dir] = chunk->eof;
	stat_add(s->stats,
		 chunk->dir == SONDE_DIR_IN ? STAT_STREAM_BYTES_IN : STAT_STREAM_BYTES_OUT,
		 chunk->bytes.n);
	if (s->reader->chunk)
		s->reader->chunk(s->ctx, chunk);
}

static void feed_data(struct stream *s, const struct sonde_event *e)
{
	const struct sonde_data_event *d = (const void *)e;
	struct entry *c = entry_of(s, e, d->conn, d->source, d->dir, d->pos);
	struct stream_chunk chunk = {
		.dir = d->dir,
		.pos = d->pos,
		.ts_ns = e->ts_ns,
		.bytes = { (const char *)d->data, d->len },
		.gap_reason = SONDE_GAP_LOST, /* of what the position skips */
		.eof = d->flags & SONDE_DATA_EOF,
	};

	if (!c)
		return;
	chunk.conn = &c->conn;
	deliver(s, c, &chunk);
}

static void feed_gap(struct stream *s, const struct sonde_event *e)
{
	const struct sonde_gap_event *g = (const void *)e;
	struct entry *c = entry_of(s, e, g->conn, g->source, g->dir, g->pos);
	struct stream_chunk chunk = {
		.dir = g->dir,
		.pos = g->pos + g->len,
		.ts_ns = e->ts_ns,
		.gap_reason = g->reason,
	};

	if (!c)
		return;
	chunk.conn = &c->conn;
	if (g->pos > c->next[g->dir]) { /* something before this gap is missing as well */
		struct stream_chunk lost = chunk;

		lost.pos = g->pos;
		lost.gap_reason = SONDE_GAP_LOST;
		deliver(s, c, &lost);
	}
	deliver(s, c, &chunk);
}

static void feed_exit(struct stream *s, const struct sonde_event *e)
{
	struct holder_key key = { e->tgid, e->start_ns };
	struct holder *h = holder_find(s, &key);
	struct entry *c = h ? h->entries : NULL;

	/* The holder goes with its last entry: not to be touched after that. */
	while (c) {
		struct entry *next = c->held_next;

		close_entry(s, c, e->ts_ns);
		c = next;
	}
}

/* Whether an event in which the engine trusts nothing can be used. */
static bool is_sane(const struct sonde_event *e)
{
	const struct sonde_data_event *d = (const void *)e;
	const struct sonde_gap_event *g = (const void *)e;
	const struct sonde_use_event *u = (const void *)e;

	if (e->kind == SONDE_EV_DATA)
		return d->dir <= SONDE_DIR_OUT && d->len <= e->size - sizeof(*d) &&
		       d->len <= UINT64_MAX - d->pos && !(d->flags & SONDE_DATA_EOF && d->len);
	if (e->kind == SONDE_EV_CONN_USE)
		return u->dir <= SONDE_DIR_OUT;
	return g->dir <= SONDE_DIR_OUT && g->len <= UINT64_MAX - g->pos;
}

void stream_feed(struct stream *s, const struct sonde_event *e)
{
	static const struct {
		size_t size;
		void (*feed)(struct stream *s, const struct sonde_event *e);
	} kinds[] = {
		[SONDE_EV_EXIT] = { sizeof(struct sonde_exit_event), feed_exit },
		[SONDE_EV_DATA] = { sizeof(struct sonde_data_event), feed_data },
		[SONDE_EV_GAP] = { sizeof(struct sonde_gap_event), feed_gap },
		[SONDE_EV_CONN_OPEN] = { sizeof(struct sonde_conn_event), feed_open },
		[SONDE_EV_CONN_CLOSE] = { sizeof(struct sonde_conn_event), feed_close },
		[SONDE_EV_CONN_USE] = { sizeof(struct sonde_use_event), feed_use },
		[SONDE_EV_CONN_LINK] = { sizeof(struct sonde_link_event), feed_link },
		[SONDE_EV_TLS_HELLO] = { sizeof(struct sonde_hello_event), feed_hello },
	};

	if (e->kind >= ARRAY_SIZE(kinds) || !kinds[e->kind].feed)
		return;
	if (e->size < kinds[e->kind].size ||
	    ((e->kind == SONDE_EV_DATA || e->kind == SONDE_EV_GAP ||
	      e->kind == SONDE_EV_CONN_USE) &&
	     !is_sane(e))) {
		stat_add(s->stats, STAT_EVENTS_BAD, 1);
		return;
	}
	kinds[e->kind].feed(s, e);
}
