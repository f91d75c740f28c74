/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/assurance.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "trace/emit.h"

#define PEERS_MAX  256
#define BROKEN_MAX 16 /* peers that are named */
#define PEER_SIZE  320

struct egress_host {
	struct egress_host *prev, *next;
	struct egress_peer to; /* without the name */
	char *host;	       /* NULL: not known */
	int64_t attempts, pending;
};

static const struct refusal {
	int number;
	const char *name;
} refusals[REFUSALS] = {
	{ EPERM, "EPERM" },
	{ EACCES, "EACCES" },
	{ EROFS, "EROFS" },
	{ ETXTBSY, "ETXTBSY" },
	{ EDQUOT, "EDQUOT" },
	{ ENOSPC, "ENOSPC" },
	{ ECONNREFUSED, "ECONNREFUSED" },
	{ ECONNRESET, "ECONNRESET" },
	{ ENETUNREACH, "ENETUNREACH" },
	{ EHOSTUNREACH, "EHOSTUNREACH" },
	{ ENETDOWN, "ENETDOWN" },
	{ ETIMEDOUT, "ETIMEDOUT" },
};

static void count_refusal(int64_t counts[REFUSALS], int number)
{
	for (size_t i = 0; i < REFUSALS; i++)
		counts[i] += refusals[i].number == number;
}

/* --- where it connected to --- */

void assurance_configure(struct trace *t, const cJSON *config)
{
	const cJSON *one;
	const char *why;

	t->n_egress = 0;
	cJSON_ArrayForEach (one, json_at(config, "egress")) {
		if (!t->egress)
			t->egress = calloc(EGRESS_RULES_MAX, sizeof(*t->egress));
		if (!t->egress || t->n_egress == EGRESS_RULES_MAX)
			break;
		if (egress_parse(slice_of(cJSON_GetStringValue(one)), &t->egress[t->n_egress],
				 &why) == 0)
			t->n_egress++;
	}
}

static bool is_internet(uint8_t family)
{
	return family == AF_INET || family == AF_INET6;
}

static struct egress_peer peer_at(uint8_t family, const uint8_t *addr, uint16_t port)
{
	struct egress_peer to = { .family = family, .port = port };

	memcpy(to.addr, addr, family == AF_INET ? 4 : sizeof(to.addr));
	return to;
}

static struct egress_host *find(const struct tree_state *tree, const struct egress_peer *to,
				struct slice host)
{
	struct egress_host *p;

	list_for_each (p, tree->assurance.peers)
		if (p->to.family == to->family && p->to.port == to->port &&
		    memcmp(p->to.addr, to->addr, sizeof(to->addr)) == 0 &&
		    slice_eq(slice_of(p->host), host))
			return p;
	return NULL;
}

static struct egress_host *get(struct tree_state *tree, const struct egress_peer *to,
			       struct slice host)
{
	struct assurance *a = &tree->assurance;
	struct egress_host *p = find(tree, to, host);

	if (p)
		return p;
	p = a->n_peers < PEERS_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (!p) {
		a->peers_left_out++;
		return NULL;
	}
	p->to = *to;
	keep(&p->host, host);
	DL_APPEND(a->peers, p);
	a->n_peers++;
	return p;
}

void assurance_connect(struct tree_state *tree, const struct sonde_connect_event *e)
{
	const struct egress_peer to = peer_at(e->family, e->addr, e->port);
	struct egress_host *p;

	count_refusal(tree->assurance.connect_refused, -e->result);
	tree_touch(tree);
	if (!tree->t->n_egress || !is_internet(e->family))
		return;
	p = find(tree, &to, (struct slice){ 0 });
	/* The end of an attempt that connect() did not wait for is told apart. */
	if (p && p->pending && e->result != -EINPROGRESS) {
		p->pending--;
		return;
	}
	p = get(tree, &to, (struct slice){ 0 });
	if (!p)
		return;
	p->attempts++;
	p->pending += e->result == -EINPROGRESS;
}

/* Several hosts may stand behind one address: the first name is that of what is known so far. */
static void name_peer(struct tree_state *tree, const struct connection *conn, struct slice host)
{
	const struct egress_peer to = peer_at(conn->family, conn->remote_addr, conn->remote_port);
	struct egress_host *p;

	if (!tree->t->n_egress || !is_internet(conn->family) || (conn->flags & SONDE_CONN_SERVER) ||
	    host.n == 0 || find(tree, &to, host))
		return;
	p = find(tree, &to, (struct slice){ 0 });
	if (p)
		keep(&p->host, host);
	else
		p = get(tree, &to, host);
	if (p && !p->attempts)
		p->attempts = 1;
	tree_touch(tree);
}

void assurance_request(struct tree_state *tree, const struct http_exchange *x)
{
	struct slice host;
	int port;

	emit_split_host(x->host, &host, &port);
	if (!x->inbound)
		name_peer(tree, x->conn, host);
}

void assurance_connection(struct tree_state *tree, const struct connection *conn)
{
	name_peer(tree, conn, slice_of(conn->server_name));
}

void assurance_file(struct tree_state *tree, const struct sonde_file_event *e)
{
	if (e->op != SONDE_FILE_REFUSED)
		return;
	count_refusal(tree->assurance.file_refused, -e->result);
	tree_touch(tree);
}

/* --- what its programs may do --- */

static const struct sandbox *sandbox_above(struct tree_state *tree, const struct proc_state *ps)
{
	const struct proc_state *above = process_above(tree, ps->parent_key, true);

	while (above && !above->sandbox.known)
		above = process_above(tree, above->parent_key, true);
	return above ? &above->sandbox : &tree->assurance.sandbox;
}

void assurance_process(struct tree_state *tree, const struct process *p, struct slice json)
{
	struct proc_state *ps = process_find(tree, p->key);
	const struct sandbox *from;
	bool confined;

	if (process_key_eq(p->key, tree->root)) {
		sandbox_read(&tree->assurance.sandbox, json);
		agent_emit(tree->runs->agents, false);
		tree_touch(tree);
		return;
	}
	if (!ps || ps->final)
		return;
	sandbox_read(&ps->sandbox, json);
	from = sandbox_above(tree, ps);
	confined = ps->sandbox.known && from->known && !sandbox_eq(&ps->sandbox, from);
	tree->assurance.confined += confined - ps->confined;
	if (ps->own_agent)
		agent_emit(ps->agent, false);
	if (confined == ps->confined)
		return;
	ps->confined = confined;
	tree_touch(tree);
	process_emit(ps);
}

/* --- telling it --- */

static struct egress_peer whole(const struct egress_host *p)
{
	struct egress_peer to = p->to;

	to.host = slice_of(p->host);
	return to;
}

/* "host:443", "192.0.2.1:443", "[::1]:80" */
static void peer_text(const struct egress_host *p, char ret[PEER_SIZE])
{
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(p->to.family, p->to.addr, text, sizeof(text));
	if (p->host)
		snprintf(ret, PEER_SIZE, "%.255s:%u", p->host, p->to.port);
	else
		snprintf(ret, PEER_SIZE, p->to.family == AF_INET6 ? "[%s]:%u" : "%s:%u", text,
			 p->to.port);
}

static void put_int(struct json_writer *w, const char *key, int64_t v)
{
	json_key(w, key);
	json_put_int(w, v);
}

static void put_str(struct json_writer *w, const char *key, struct slice s)
{
	json_key(w, key);
	json_put_str(w, s);
}

static void put_peer(struct json_writer *w, struct emit *e, const struct egress_host *p,
		     enum egress_verdict verdict, const struct egress_rule *rule)
{
	char text[PEER_SIZE];

	peer_text(p, text);
	json_begin(w, '{');
	put_str(w, "peer", emit_text(e, slice_of(text)));
	put_str(w, "verdict", slice_of(egress_verdict_names[verdict]));
	if (rule)
		put_str(w, "rule", emit_text(e, slice_of(rule->text)));
	put_int(w, "attempts", p->attempts);
	json_end(w, '}');
}

static void put_egress(struct json_writer *w, struct emit *e, const struct run_state *r)
{
	const struct trace *t = r->t;
	int64_t counts[EGRESS_UNDECIDED + 1] = { 0 };
	const struct egress_rule *rule;
	const struct egress_host *p;
	int named = 0;

	json_key(w, "egress");
	json_begin(w, '{');
	put_int(w, "rules", (int64_t)t->n_egress);
	json_key(w, "not_allowed");
	json_begin(w, '[');
	list_for_each (p, r->tree->assurance.peers) {
		const struct egress_peer to = whole(p);
		const enum egress_verdict v = egress_judge(t->egress, t->n_egress, &to, &rule);

		counts[v]++;
		if (v != EGRESS_ALLOWED && named++ < BROKEN_MAX)
			put_peer(w, e, p, v, rule);
	}
	json_end(w, ']');
	for (int v = EGRESS_ALLOWED; v <= EGRESS_UNDECIDED; v++)
		put_int(w, egress_verdict_names[v], counts[v]);
	if (r->tree->assurance.peers_left_out)
		put_int(w, "left_out", r->tree->assurance.peers_left_out);
	json_end(w, '}');
}

static bool put_counts(struct json_writer *w, const char *key, const int64_t counts[REFUSALS],
		       bool begun)
{
	bool any = false;

	for (size_t i = 0; i < REFUSALS; i++) {
		if (!counts[i])
			continue;
		if (!any && !begun) {
			json_key(w, "refused");
			json_begin(w, '{');
		}
		if (!any) {
			json_key(w, key);
			json_begin(w, '{');
		}
		any = true;
		put_int(w, refusals[i].name, counts[i]);
	}
	if (any)
		json_end(w, '}');
	return any || begun;
}

/* Of the agent where something else has started it. */
static const struct sandbox *sandbox_of(struct run_state *r)
{
	const struct proc_state *ps;

	for (const struct agent_span *a = r->agents; a; a = a->next) {
		if (!a->known || a->sub)
			continue;
		ps = a->root ? NULL : process_find(r->tree, a->process);
		return ps && ps->sandbox.known ? &ps->sandbox : &r->tree->assurance.sandbox;
	}
	return &r->tree->assurance.sandbox;
}

struct slice assurance_json(struct run_state *r, struct emit *e)
{
	const struct sandbox *sandbox = sandbox_of(r);
	struct buf out = { 0 };
	struct json_writer w = { .out = &out };
	struct slice s = { 0 };
	bool begun;

	json_begin(&w, '{');
	if (sandbox->known) {
		json_key(&w, "sandbox");
		sandbox_json(&w, sandbox);
	}
	if (r->tree->assurance.confined)
		put_int(&w, "confined_programs", r->tree->assurance.confined);
	if (r->t->n_egress)
		put_egress(&w, e, r);
	begun = put_counts(&w, "connect", r->tree->assurance.connect_refused, false);
	if (put_counts(&w, "file", r->tree->assurance.file_refused, begun))
		json_end(&w, '}');
	json_end(&w, '}');
	if (w.r == 0 && out.n > 2 && e->mem)
		s = arena_copy(e->mem, buf_slice(&out));
	buf_done(&out);
	return s;
}

/* A server that is named by its address has no name that a rule could have. */
static struct egress_peer server_of(const struct span *span)
{
	struct egress_peer to = { .port = (uint16_t)span->server_port };
	char text[INET6_ADDRSTRLEN];
	int port = span->server_port;

	emit_split_host(span->server_address, &to.host, &port);
	to.port = (uint16_t)port;
	if (to.host.n >= sizeof(text))
		return to;
	snprintf(text, sizeof(text), "%.*s", SLICE_ARG(to.host));
	if (inet_pton(AF_INET, text, to.addr) == 1)
		to.family = AF_INET;
	else if (inet_pton(AF_INET6, text, to.addr) == 1)
		to.family = AF_INET6;
	return to;
}

void assurance_emit(struct emit *e)
{
	const struct trace *t = e->run->t;
	const struct egress_rule *rule;
	struct egress_peer to;

	if (!t->n_egress || e->span.kind != SPAN_CLIENT || e->span.server_address.n == 0 ||
	    e->span.server_address.p[0] == '/')
		return;
	to = server_of(&e->span);
	emit_lit(e, ATTR_EGRESS_VERDICT,
		 egress_verdict_names[egress_judge(t->egress, t->n_egress, &to, &rule)]);
	if (rule)
		emit_str(e, ATTR_EGRESS_RULE, slice_of(rule->text));
}

void assurance_free(struct tree_state *tree)
{
	struct egress_host *p, *tmp;

	list_for_each_safe (p, tmp, tree->assurance.peers) {
		DL_DELETE(tree->assurance.peers, p);
		free(p->host);
		free(p);
	}
}
