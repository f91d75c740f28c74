/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MCP over what processes are joined by. Client and server may use one pair of sockets, but most
 * have two: node gives its child one for each standard descriptor, others a pipe. So directions are
 * paired by who is at their ends: answers come from the process that the requests went to. Where
 * several fit, by who waits for what is answered; where several do, none.
 */
#include "mcp/stdio.h"

#include <stdlib.h>
#include <utlist.h>

#include "mcp/session.h"

#define TALKS_MAX	4096 /* connections that are, or may turn out to be, JSON-RPC */
#define UNDECIDED_BYTES 4096 /* of text that is no JSON, after which nothing better is expected */

enum state { UNDECIDED, SPEAKS, SILENT /* it is something else */ };

struct talk;

/* One direction. */
struct lane {
	struct talk *talk;
	struct process_key writer, reader;
	struct session session;	  /* what is told in it, where its writer is the client */
	struct asker asker;	  /* what its writer asks for */
	bool asks_any;		  /* a request was seen */
	struct lane *asks;	  /* whose requests are answered here, once that is known */
	struct lane *answered_by; /* an answer came there that only its requests waited for */
	struct jsonrpc lines;
};

struct talk {
	struct talk *prev, *next;
	struct mcp *mcp;
	struct connection *conn;
	enum state state;
	uint64_t other; /* bytes of lines that were no JSON, while undecided */
	struct lane lanes[2];
};

static void talk_free(struct talk *t)
{
	DL_DELETE(t->mcp->talks, t);
	t->mcp->n_talks--;
	for (int dir = SONDE_DIR_IN; dir <= SONDE_DIR_OUT; dir++) {
		asker_done(&t->lanes[dir].asker);
		session_done(&t->lanes[dir].session);
		jsonrpc_done(&t->lanes[dir].lines);
	}
	t->conn->user = NULL;
	free(t);
}

/* --- which direction answers which --- */

static bool is_known(struct process_key key)
{
	return key.tgid != 0;
}

static bool same(struct process_key a, struct process_key b)
{
	return a.tgid == b.tgid && a.start_ns == b.start_ns;
}

enum match { DIFFERENT, LIKELY, CERTAIN };

/* Whether what comes in @l may answer what is asked in @asks: each end is at both, or not known. */
static enum match answers(const struct lane *l, const struct lane *asks)
{
	const struct process_key ends[2][2] = { { l->writer, asks->reader },
						{ l->reader, asks->writer } };
	int n_same = 0;

	for (int i = 0; i < 2; i++) {
		if (!is_known(ends[i][0]) || !is_known(ends[i][1]))
			continue;
		if (!same(ends[i][0], ends[i][1]))
			return DIFFERENT;
		n_same++;
	}
	return (enum match)n_same;
}

static enum match rate(const struct lane *l, const struct lane *asks)
{
	if (asks == l || !asks->asks_any || (asks->answered_by && asks->answered_by != l))
		return DIFFERENT;
	return answers(l, asks);
}

/* Those that fit best; of several, the one that waits for @id. */
struct search {
	enum match best;
	unsigned n_fit, n_waiting;
	struct lane *fit, *waiting;
};

static void consider(struct search *s, const struct lane *l, struct lane *asks, struct slice id)
{
	const enum match m = rate(l, asks);

	if (m == DIFFERENT || m < s->best)
		return;
	if (m > s->best)
		*s = (struct search){ .best = m };
	s->n_fit++;
	s->fit = asks;
	if (id.n && asker_waits(&asks->asker, id)) {
		s->n_waiting++;
		s->waiting = asks;
	}
}

static bool is_proven(const struct lane *l)
{
	return l->asks && l->asks->answered_by == l;
}

static void unpair(struct lane *l)
{
	if (is_proven(l))
		l->asks->answered_by = NULL;
	l->asks = NULL;
	l->asker.session = &l->session;
}

/* NULL: nobody, or nobody can tell. @id: of an answer; empty: of a notification. */
static struct lane *find_asked(struct lane *l, struct slice id)
{
	struct search s = { 0 };
	struct lane *other = &l->talk->lanes[!(l - l->talk->lanes)];
	struct talk *t;

	/* Two sockets carry both directions. */
	if (other->asks_any && answers(l, other) != DIFFERENT)
		return other;
	DL_FOREACH(l->talk->mcp->talks, t)
	for (int dir = SONDE_DIR_IN; dir <= SONDE_DIR_OUT; dir++)
		consider(&s, l, &t->lanes[dir], id);
	if (s.n_waiting == 1)
		s.waiting->answered_by = l;
	if (s.n_waiting > 1)
		stat_add(l->talk->mcp->stats, STAT_MCP_UNPAIRED, 1);
	if (s.n_waiting == 1)
		return s.waiting;
	return s.n_fit == 1 ? s.fit : NULL;
}

static struct lane *asked(struct lane *l, struct slice id)
{
	if (!l->asks || (id.n && !is_proven(l)))
		l->asks = find_asked(l, id);
	return l->asks;
}

/* Who is where has changed: what is answered where is looked up again, where it was not proven. */
static void look_again(struct mcp *m)
{
	struct talk *t;

	DL_FOREACH(m->talks, t)
	for (int dir = SONDE_DIR_IN; dir <= SONDE_DIR_OUT; dir++) {
		struct lane *l = &t->lanes[dir];

		if (l->asks && (!is_proven(l) || answers(l, l->asks) == DIFFERENT))
			unpair(l);
	}
}

static void talk_gone(struct mcp *m, const struct talk *gone)
{
	struct talk *t;

	DL_FOREACH(m->talks, t)
	for (int dir = SONDE_DIR_IN; dir <= SONDE_DIR_OUT; dir++) {
		struct lane *l = &t->lanes[dir];

		if (l->talk == gone || (l->asks && l->asks->talk == gone) ||
		    l->asker.session == &gone->lanes[SONDE_DIR_IN].session ||
		    l->asker.session == &gone->lanes[SONDE_DIR_OUT].session)
			unpair(l);
	}
}

void talks_free(struct mcp *m)
{
	while (m->talks) {
		talk_gone(m, m->talks);
		talk_free(m->talks);
	}
}

/* --- messages --- */

static void decide(struct talk *t, bool speaks)
{
	if (t->state != UNDECIDED)
		return;
	t->state = speaks ? SPEAKS : SILENT;
	t->mcp->reader->decided(t->mcp->ctx, t->conn, speaks);
}

/* Servers print greetings and logs where they should not: only JSON decides at once. */
static void take_other(struct talk *t, const struct jsonrpc_message *m)
{
	t->other += m->line.n + 1;
	if (m->is_json || t->other >= UNDECIDED_BYTES)
		decide(t, false);
}

static bool only_servers_ask(const struct jsonrpc_message *m)
{
	const struct rpc_method *method = rpc_method(m->method);

	return method && (method->kind == TOOL_SAMPLING || method->kind == TOOL_ELICITATION);
}

static void on_asked(struct lane *l, const struct circumstance *how,
		     const struct jsonrpc_message *m)
{
	l->asks_any |= m->kind == JSONRPC_REQUEST;
	l->asker.client = l->writer;
	l->asker.server = l->reader;
	if (only_servers_ask(m) && asked(l, (struct slice){ 0 }))
		l->asker.session = &l->asks->session;
	asker_asked(&l->asker, how, m);
}

static void on_message(void *ctx, const struct jsonrpc_message *m)
{
	struct lane *l = ctx, *asks;
	struct circumstance how = { .conn = l->talk->conn, .one_numbering = true };

	if (m->kind == JSONRPC_OTHER) {
		take_other(l->talk, m);
		return;
	}
	decide(l->talk, true);
	if (l->talk->state != SPEAKS)
		return;
	if (m->kind == JSONRPC_RESULT || m->kind == JSONRPC_ERROR) {
		asks = asked(l, m->id);
		if (asks) {
			asks->asker.server = l->writer;
			asker_answered(&asks->asker, &how, m);
		}
		return;
	}
	asks = asked(l, (struct slice){ 0 });
	how.works_for = asks ? &asks->asker : NULL;
	if (asks && m->kind == JSONRPC_NOTIFICATION)
		asker_told(&asks->asker, &how, m);
	on_asked(l, &how, m);
}

/* --- bytes --- */

static struct talk *talk_new(struct mcp *m, struct connection *conn)
{
	struct talk *t = m->n_talks < TALKS_MAX ? calloc(1, sizeof(*t)) : NULL;

	if (!t) {
		stat_add(m->stats, STAT_MCP_OVER_LIMIT, 1);
		return NULL;
	}
	t->mcp = m;
	t->conn = conn;
	for (int dir = SONDE_DIR_IN; dir <= SONDE_DIR_OUT; dir++) {
		struct lane *l = &t->lanes[dir];

		l->talk = t;
		session_init(&l->session, m);
		asker_init(&l->asker, &l->session);
		jsonrpc_init(&l->lines, &m->budget, on_message, l);
	}
	DL_APPEND(m->talks, t);
	m->n_talks++;
	conn->user = t;
	return t;
}

static struct talk *talk_of(struct mcp *m, struct connection *conn)
{
	return conn->user ? conn->user : talk_new(m, conn);
}

void mcp_feed(struct mcp *m, const struct stream_chunk *chunk)
{
	struct talk *t = talk_of(m, chunk->conn);
	struct lane *l, *asks;

	if (!t || t->state == SILENT)
		return;
	l = &t->lanes[chunk->dir];
	if (chunk->gap) {
		jsonrpc_gap(&l->lines);
		asks = t->state == SPEAKS ? asked(l, (struct slice){ 0 }) : NULL;
		if (asks)
			asker_lost(&asks->asker, NULL, chunk->gap);
	}
	jsonrpc_feed(&l->lines, chunk->bytes, chunk->pos, chunk->ts_ns);
	if (l->lines.dropped)
		stat_add(m->stats, STAT_MCP_OVER_LIMIT, 1);
}

void mcp_used(struct mcp *m, struct connection *conn, enum sonde_dir dir, bool reads,
	      struct process_key process)
{
	struct talk *t = talk_of(m, conn);
	struct process_key *key;

	if (!t)
		return;
	key = reads ? &t->lanes[dir].reader : &t->lanes[dir].writer;
	if (same(*key, process))
		return;
	*key = process;
	look_again(m);
}

void talks_exited(struct mcp *m, struct process_key process, uint64_t ts_ns)
{
	struct talk *t;

	DL_FOREACH(m->talks, t)
	for (int dir = SONDE_DIR_IN; dir <= SONDE_DIR_OUT; dir++)
		if (is_known(process) && same(t->lanes[dir].reader, process))
			asker_cut(&t->lanes[dir].asker, "the server ended", ts_ns);
}

void mcp_close(struct mcp *m, struct connection *conn, const char *why, uint64_t ts_ns)
{
	struct talk *t = conn->user;
	struct lane *l, *asks;

	if (!t)
		return;
	for (int dir = SONDE_DIR_IN; dir <= SONDE_DIR_OUT; dir++) {
		l = &t->lanes[dir];
		if (t->state != SILENT)
			jsonrpc_finish(&l->lines, ts_ns);
	}
	for (int dir = SONDE_DIR_IN; dir <= SONDE_DIR_OUT; dir++) {
		l = &t->lanes[dir];
		asks = t->state == SPEAKS ? asked(l, (struct slice){ 0 }) : NULL;
		if (asks)
			asker_cut(&asks->asker, why, ts_ns);
		asker_cut(&l->asker, why, ts_ns);
	}
	talk_gone(m, t);
	talk_free(t);
	look_again(m);
}
