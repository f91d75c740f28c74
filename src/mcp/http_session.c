/* SPDX-License-Identifier: BSD-2-Clause */
#include "mcp/http_session.h"

#include <stdlib.h>
#include <utlist.h>

/* --- names --- */

static void key_begin(struct id_hash *h, const struct http_exchange *x, const char *what)
{
	id_hash_begin(h, what);
	id_hash_u64(h, x->inbound);
	id_hash_bytes(h, x->host);
}

static struct id128 key_of_name(const struct http_exchange *x, struct slice id)
{
	struct id_hash h;

	key_begin(&h, x, "mcp-session");
	id_hash_bytes(&h, id);
	return id_hash_end(&h);
}

static struct id128 key_of_endpoint(const struct http_exchange *x, struct slice path)
{
	struct id_hash h;

	key_begin(&h, x, "mcp-endpoint");
	id_hash_bytes(&h, path);
	return id_hash_end(&h);
}

/* A server cannot tell its clients apart but by their connections. */
static struct id128 key_of_ends(const struct http_exchange *x)
{
	struct id_hash h;

	key_begin(&h, x, "mcp-ends");
	if (x->inbound)
		id_hash_u64(&h, x->conn->id);
	id_hash_u64(&h, x->conn->process.tgid);
	id_hash_u64(&h, x->conn->process.start_ns);
	id_hash_bytes(&h, http_path(x->path));
	return id_hash_end(&h);
}

/* --- the table --- */

static struct http_session *find(struct mcp *m, const struct id128 *key)
{
	struct http_session *s;

	HASH_FIND(hh, m->sessions, key, sizeof(*key), s);
	return s;
}

static void hide(struct http_session *s)
{
	if (s->known)
		HASH_DEL(s->mcp->sessions, s);
	s->known = false;
}

static void session_free(struct http_session *s)
{
	hide(s);
	DL_DELETE(s->mcp->sessions_used, s);
	s->mcp->n_sessions--;
	asker_done(&s->asks);
	asker_done(&s->back);
	session_done(&s->session);
	free(s);
}

static void free_if_unused(struct http_session *s)
{
	if (!s->users && !s->known && !s->asks.calls && !s->back.calls)
		session_free(s);
}

static void make_known(struct http_session *s, struct id128 key)
{
	struct http_session *other = find(s->mcp, &key);

	if (other == s)
		return;
	if (other) {
		hide(other);
		free_if_unused(other);
	}
	hide(s);
	s->key = key;
	HASH_ADD(hh, s->mcp->sessions, key, sizeof(s->key), s);
	s->known = s->hh.tbl != NULL; /* else refused memory: nobody finds it */
}

static bool make_room(struct mcp *m, uint64_t ts_ns)
{
	struct http_session *s;

	if (m->n_sessions < HTTP_SESSIONS_MAX)
		return true;
	stat_add(m->stats, STAT_MCP_OVER_LIMIT, 1);
	DL_FOREACH(m->sessions_used, s)
	if (!s->users)
		break;
	if (!s)
		return false;
	http_session_end(s, "too many sessions", ts_ns);
	return true;
}

static struct http_session *hold(struct http_session *s, const struct http_exchange *x)
{
	struct process_key key = x->conn->process, none = { 0 };

	s->users++;
	s->process = key;
	s->asks.client = s->back.server = x->inbound ? none : key;
	s->asks.server = s->back.client = x->inbound ? key : none;
	DL_DELETE(s->mcp->sessions_used, s);
	DL_APPEND(s->mcp->sessions_used, s);
	return s;
}

struct http_session *http_session_new(struct mcp *m, const struct http_exchange *x)
{
	struct http_session *s = make_room(m, x->now_ns) ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return NULL;
	s->mcp = m;
	session_init(&s->session, m);
	session_keep(&s->session.host, x->host);
	asker_init(&s->asks, &s->session);
	asker_init(&s->back, &s->session);
	DL_APPEND(m->sessions_used, s);
	m->n_sessions++;
	return hold(s, x);
}

struct http_session *http_session_get(struct mcp *m, const struct http_exchange *x, struct slice id)
{
	const struct id128 key = id.n ? key_of_name(x, id) : key_of_ends(x);
	struct http_session *s = find(m, &key);

	if (s)
		return hold(s, x);
	s = http_session_new(m, x);
	if (s)
		http_session_name(s, x, id);
	return s;
}

struct http_session *http_session_of_endpoint(struct mcp *m, const struct http_exchange *x)
{
	const struct id128 key = key_of_endpoint(x, x->path);
	struct http_session *s = find(m, &key);

	return s ? hold(s, x) : NULL;
}

void http_session_release(struct http_session *s)
{
	if (!s)
		return;
	s->users--;
	free_if_unused(s);
}

void http_session_name(struct http_session *s, const struct http_exchange *x, struct slice id)
{
	session_keep(&s->session.id, id);
	s->named = id.n;
	make_known(s, id.n ? key_of_name(x, id) : key_of_ends(x));
}

/* "http://host/path", "/path", or relative to the stream's own path. */
static struct slice path_of_url(struct slice url, struct slice base, struct arena *mem)
{
	const char *mark = url.n ? memmem(url.p, url.n, "://", 3) : NULL;
	struct buf path = { 0 };
	const char *slash;

	if (mark) {
		url = slice_from(url, (size_t)(mark - url.p) + 3);
		slash = url.n ? memchr(url.p, '/', url.n) : NULL;
		return slash ? slice_from(url, (size_t)(slash - url.p)) : SLICE("/");
	}
	if (slice_starts(url, SLICE("/")))
		return url;
	base = http_path(base);
	base.n -= slice_base(base).n;
	arena_add(mem, &path, base);
	arena_add(mem, &path, url);
	return buf_slice(&path);
}

void http_session_endpoint(struct http_session *s, const struct http_exchange *x, struct slice url)
{
	s->named = s->legacy = true;
	make_known(s, key_of_endpoint(x, path_of_url(slice_trim(url), x->path, x->mem)));
}

void http_session_end(struct http_session *s, const char *why, uint64_t ts_ns)
{
	asker_cut(&s->asks, why, ts_ns);
	asker_cut(&s->back, why, ts_ns);
	hide(s);
	free_if_unused(s);
}

void http_sessions_exited(struct mcp *m, struct process_key process, uint64_t ts_ns)
{
	struct http_session *s, *next;

	DL_FOREACH_SAFE(m->sessions_used, s, next)
	{
		if (s->process.tgid != process.tgid || s->process.start_ns != process.start_ns)
			continue;
		http_session_end(s, s->asks.server.tgid ? "the server ended" : "the client ended",
				 ts_ns);
	}
}

void http_sessions_free(struct mcp *m)
{
	while (m->sessions_used)
		session_free(m->sessions_used);
}
