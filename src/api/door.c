/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Over the Unix socket the kernel has said who asks, and no browser comes that way. Over TCP, in
 * this order: a host of ours, a page of ours, who it is, how often they ask, what they may.
 */
#include "api/door.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/http_tcp.h"
#include "api/links.h"

enum { KEY_UID = 1, KEY_TOKEN = 2, KEY_STRANGER = 3, KEY_LOGIN = 4 };

#define LOGIN_COST 100 /* requests: 10 tries at once, then 2 a second */

static bool refuse(struct door_refusal *ret, unsigned status, const char *why)
{
	ret->status = status;
	snprintf(ret->why, sizeof(ret->why), "%s", why);
	return false;
}

static struct slice header(struct request *rq, const char *name)
{
	return slice_of(MHD_lookup_connection_value(rq->http, MHD_HEADER_KIND, name));
}

/* --- where the question comes from --- */

struct count {
	const char *name;
	unsigned n;
};

static enum MHD_Result count_header(void *ctx, enum MHD_ValueKind kind, const char *name,
				    const char *value)
{
	struct count *c = ctx;

	(void)kind, (void)value;
	c->n += strcasecmp(name, c->name) == 0;
	return MHD_YES;
}

/* Of two, we and a proxy may each believe another one. */
static bool is_single(struct request *rq, const char *name)
{
	struct count c = { .name = name };

	MHD_get_connection_values(rq->http, MHD_HEADER_KIND, count_header, &c);
	return c.n <= 1;
}

int door_names(struct api_server *s, int tcp)
{
	const int r = tcp_host(tcp, s->host, sizeof(s->host));

	if (r < 0)
		return r;
	s->port = tcp_port(tcp);
	s->guard.own = slice_of(s->host);
	for (const struct config_list *h = s->c.config->api.hosts; h; h = h->next)
		if (!guard_add(&s->guard, slice_of(h->text)))
			return -E2BIG;
	return 0;
}

static bool check_place(struct request *rq, struct door_refusal *ret)
{
	const struct slice host = header(rq, "Host"), origin = header(rq, "Origin");

	if (!is_single(rq, "Host") || !is_single(rq, "Origin") || !is_single(rq, "Authorization") ||
	    !is_single(rq, "Content-Length"))
		return refuse(ret, MHD_HTTP_BAD_REQUEST, "a header is there twice");
	if (!guard_host(&rq->s->guard, host))
		return refuse(ret, MHD_HTTP_FORBIDDEN,
			      "by that name nothing is served here; [api] host adds one");
	if (origin.p && !guard_origin(&rq->s->guard, origin, host))
		return refuse(ret, MHD_HTTP_FORBIDDEN, "a page of another origin asks");
	return true;
}

/* --- who asks --- */

void door_cookie_name(const struct api_server *s, char ret[24])
{
	snprintf(ret, 24, "sonde_%u", (unsigned)s->port);
}

/* What a token let in goes with the token. */
static bool is_good(struct api_server *s, struct session *who, char label[TOKEN_LABEL_MAX + 1])
{
	struct token t;

	label[0] = '\0';
	if (!who->by_token)
		return true;
	if (!s->tokens || token_file_by_hash(s->tokens, who->token, &t) < 0)
		return false;
	who->rights = t.rights;
	who->all = t.all;
	who->uid = t.all ? s->c.peers.own : t.uid;
	memcpy(label, t.label, sizeof(t.label));
	return true;
}

static bool find_session(struct request *rq, struct session *ret, char label[TOKEN_LABEL_MAX + 1])
{
	char name[24];

	door_cookie_name(rq->s, name);
	return sessions_find(rq->s->sessions, guard_cookie(header(rq, "Cookie"), slice_of(name)),
			     ret) &&
	       is_good(rq->s, ret, label);
}

bool door_session(struct request *rq, struct session *ret)
{
	char label[TOKEN_LABEL_MAX + 1];

	return find_session(rq, ret, label);
}

int door_login(struct request *rq, struct slice secret, struct session *ret)
{
	struct api_server *s = rq->s;
	struct token t;

	if (!link_rate(s, rate_key(KEY_LOGIN, &rq->link->address, sizeof(rq->link->address)),
		       LOGIN_COST))
		return -EAGAIN;
	if (!s->tokens || token_file_find(s->tokens, secret, &t) < 0)
		return -ENOENT;
	sessions_token_used(s->sessions, &t);
	*ret = (struct session){ .rights = t.rights,
				 .all = t.all,
				 .uid = t.all ? s->c.peers.own : t.uid,
				 .by_token = true };
	memcpy(ret->token, t.hash, sizeof(t.hash));
	return 0;
}

/* False where there is no such token. */
static bool by_token(struct request *rq, struct slice secret, uint64_t *ret_key)
{
	struct token t;

	if (!rq->s->tokens || token_file_find(rq->s->tokens, secret, &t) < 0)
		return false;
	rq->peer = (struct peer){ .uid = t.all ? rq->s->c.peers.own : t.uid, .all = t.all };
	rq->rights = t.rights;
	snprintf(rq->token, sizeof(rq->token), "%s", t.label);
	rq->pass.kind = PASS_TOKEN;
	memcpy(rq->pass.hash, t.hash, sizeof(t.hash));
	*ret_key = rate_key(KEY_TOKEN, t.hash, sizeof(t.hash));
	sessions_token_used(rq->s->sessions, &t);
	return true;
}

/* What a page of another origin can make a browser send is no session's wish. */
static bool is_own_page(struct request *rq)
{
	const struct slice site = header(rq, "Sec-Fetch-Site");

	return !site.n || slice_eq(site, SLICE("same-origin")) || slice_eq(site, SLICE("none"));
}

static bool by_session(struct request *rq, uint64_t *ret_key)
{
	struct session who;

	if (!is_own_page(rq) || !find_session(rq, &who, rq->token))
		return false;
	rq->peer = (struct peer){ .uid = who.uid, .all = who.all };
	rq->rights = who.rights;
	rq->pass.kind = PASS_SESSION;
	memcpy(rq->pass.hash, who.hash, sizeof(who.hash));
	*ret_key = rate_key(KEY_UID, &who.uid, sizeof(who.uid));
	return true;
}

bool door_holds(struct api_server *s, const struct pass *p)
{
	char label[TOKEN_LABEL_MAX + 1];
	struct session who;
	struct token t;

	switch (p->kind) {
	case PASS_TOKEN:
		return token_file_by_hash(s->tokens, p->hash, &t) == 0;
	case PASS_SESSION:
		return sessions_by_hash(s->sessions, p->hash, &who) && is_good(s, &who, label);
	default:
		return true; /* the kernel has vouched for the connection */
	}
}

static uint64_t stranger_key(const struct request *rq)
{
	return rate_key(KEY_STRANGER, &rq->link->address, sizeof(rq->link->address));
}

static bool check_person(struct request *rq, struct door_refusal *ret)
{
	const struct slice given = header(rq, "Authorization");
	uint64_t key;

	if (given.n ? by_token(rq, guard_bearer(given), &key) : by_session(rq, &key)) {
		if (!link_claim(rq->s, rq->link, &rq->peer))
			return refuse(ret, MHD_HTTP_TOO_MANY_REQUESTS,
				      "this user has too many connections");
	} else {
		key = stranger_key(rq);
		refuse(ret, MHD_HTTP_UNAUTHORIZED,
		       given.n ? "the token is none of ours, or has expired"
			       : "who are you? 'sonde open' prints a link that lets your browser "
				 "in, and so does a token there; programs send Authorization: "
				 "Bearer with a token of 'sonde "
				 "token add'");
	}
	if (!link_rate(rq->s, key, 1))
		return refuse(ret, MHD_HTTP_TOO_MANY_REQUESTS, "too many requests: slower");
	return ret->status == 0;
}

/* --- what they may --- */

static bool check_rights(struct request *rq, struct door_refusal *ret)
{
	const unsigned missing = rq->route->rights & RIGHT_ALL & ~rq->rights;
	char names[40];

	if (rq->route->rights & ROUTE_LOCAL)
		return refuse(ret, MHD_HTTP_FORBIDDEN, "this is answered on the Unix socket only");
	if (!missing)
		return true;
	rights_print(missing, names);
	ret->status = MHD_HTTP_FORBIDDEN;
	snprintf(ret->why, sizeof(ret->why), "the right '%s' is missing", names);
	return false;
}

/* A form of another page can be sent without asking us; JSON cannot, and a browser names the page.
 */
static bool check_change(struct request *rq, const char *method, struct door_refusal *ret)
{
	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		return true;
	if (rq->pass.kind != PASS_TOKEN && !header(rq, "Origin").n)
		return refuse(ret, MHD_HTTP_FORBIDDEN,
			      "a browser names the page that asks: no "
			      "Origin was given");
	if (!guard_is_json(header(rq, "Content-Type")))
		return refuse(ret, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			      "Content-Type: application/json is wanted");
	return true;
}

static bool is_public(const struct request *rq)
{
	if (rq->route)
		return rq->route->rights & ROUTE_PUBLIC;
	return !slice_starts(slice_of(rq->url), SLICE("/api/"));
}

bool door_admits(struct request *rq, const char *method, struct door_refusal *ret)
{
	if (!rq->link->tcp) {
		const uint64_t key = rate_key(KEY_UID, &rq->peer.uid, sizeof(rq->peer.uid));

		return rq->peer.all || link_rate(rq->s, key, 1) ||
		       refuse(ret, MHD_HTTP_TOO_MANY_REQUESTS, "too many requests: slower");
	}
	if (!check_place(rq, ret))
		return false;
	if (is_public(rq)) {
		if (!link_rate(rq->s, stranger_key(rq), 1))
			return refuse(ret, MHD_HTTP_TOO_MANY_REQUESTS, "too many requests: slower");
		return !rq->route || check_change(rq, method, ret);
	}
	if (!check_person(rq, ret))
		return false;
	return !rq->route || (check_rights(rq, ret) && check_change(rq, method, ret));
}
