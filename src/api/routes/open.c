/* SPDX-License-Identifier: BSD-2-Clause */
/* How a browser is let in: a link that is good once, and the cookie that it is given for it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/door.h"
#include "api/links.h"
#include "base/cleanup.h"
#include "store/query.h"
#include "store/viewer.h"

/* A link's first part; what is to be shown is added to it. */
static int print_link(const struct api_server *s, const char *code, char *ret, size_t size)
{
	const int n =
		snprintf(ret, size, "http://%s:%u/open?code=%s", s->host, (unsigned)s->port, code);

	return n < (int)size ? 0 : -ENAMETOOLONG;
}

static int make_link(struct api_server *s, const struct peer *p, unsigned seconds, char *ret,
		     size_t size)
{
	const struct session who = { .rights = RIGHT_ALL, .all = p->all, .uid = p->uid };
	char code[SECRET_CHARS + 1];
	int r;

	if (!s->tcp_door.http)
		return -ENOTCONN;
	r = sessions_code(s->sessions, &who, seconds, code);
	return r < 0 ? r : print_link(s, code, ret, size);
}

int api_server_link(struct api_server *s, unsigned seconds, char *ret, size_t size)
{
	const struct peer own = { .uid = s->c.peers.own, .all = true };

	return make_link(s, &own, seconds, ret, size);
}

/* The page of a run that the peer may see, named as commands name one; appended to a link. */
static int add_run(struct request *rq, const char *ref, char *url, size_t size)
{
	const struct viewer viewer = { .all = rq->peer.all, .uid = rq->peer.uid };
	struct store_reader *reader = NULL;
	struct store_error err;
	char id[ID128_HEX_SIZE];
	struct id128 run;
	size_t n = strlen(url);
	int r = store_reader_open(rq->s->c.store, &reader, &err);

	if (r == 0)
		r = store_reader_view(reader, &viewer);
	if (r == 0)
		r = store_run_find(reader, ref, &run);
	store_reader_close(reader);
	if (r < 0)
		return r;
	id128_hex(&run, id);
	return snprintf(url + n, size - n, "&to=/run/%s", id) < (int)(size - n) ? 0 : -ENAMETOOLONG;
}

static enum MHD_Result say_no_run(struct request *rq, int r)
{
	if (r == -ENOENT)
		return reply_error(rq, MHD_HTTP_NOT_FOUND, "there is no such run");
	if (r == -EEXIST || r == -EINVAL)
		return reply_error(rq, MHD_HTTP_BAD_REQUEST,
				   "that names no run, or more than one: give more digits");
	return reply_error(rq, MHD_HTTP_INTERNAL_SERVER_ERROR, strerrordesc_np(-r));
}

enum MHD_Result handle_open_code(struct request *rq)
{
	_cleanup_(cJSON_Deletep) cJSON *body = json_parse(buf_slice(&rq->body));
	const cJSON *run = json_at(body, "run");
	struct buf text = { 0 };
	struct json_writer w = { .out = &text };
	char url[256];
	int r = make_link(rq->s, &rq->peer, CODE_S, url, sizeof(url));

	if (r == 0 && cJSON_IsString(run)) {
		r = add_run(rq, run->valuestring, url, sizeof(url));
		if (r < 0)
			return say_no_run(rq, r);
	}
	if (r == -ENOTCONN)
		return reply_error(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
				   "there is no web interface here: [api] listen is not set, or "
				   "its port was taken");
	if (r < 0)
		return reply_error(rq, MHD_HTTP_INTERNAL_SERVER_ERROR, strerrordesc_np(-r));
	json_begin(&w, '{');
	json_key(&w, "url");
	json_put_str(&w, slice_of(url));
	json_key(&w, "seconds");
	json_put_int(&w, CODE_S);
	json_end(&w, '}');
	return reply_json(rq, MHD_HTTP_OK, &w);
}

static struct slice argument(struct request *rq, const char *name)
{
	return slice_of(MHD_lookup_connection_value(rq->http, MHD_GET_ARGUMENT_KIND, name));
}

static enum MHD_Result go_to(struct request *rq, const char *cookie)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	const struct slice to = argument(rq, "to");

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Location", guard_target(to) ? to.p : "/");
	MHD_add_response_header(r, "Cache-Control", "no-store");
	if (cookie)
		MHD_add_response_header(r, "Set-Cookie", cookie);
	return reply_response(rq, MHD_HTTP_SEE_OTHER, r);
}

static enum MHD_Result say_too_late(struct request *rq)
{
	static const char page[] =
		"<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>sonde</title>\n"
		"<h1>This link is no longer good</h1>\n"
		"<p>A link opens sonde once, and within a minute. For a new one run "
		"<code>sonde open</code>; where <code>sonde serve</code> runs, press Enter "
		"there.</p>\n";
	struct MHD_Response *r = MHD_create_response_from_buffer(sizeof(page) - 1, (void *)page,
								 MHD_RESPMEM_PERSISTENT);

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", "text/html; charset=utf-8");
	MHD_add_response_header(r, "Cache-Control", "no-store");
	return reply_response(rq, MHD_HTTP_FORBIDDEN, r);
}

static void print_cookie(const struct api_server *s, const char *secret, char ret[256])
{
	char name[24];

	door_cookie_name(s, name);
	snprintf(ret, 256, "%s=%s; Path=/; Max-Age=%ld; HttpOnly; SameSite=Strict", name, secret,
		 SESSION_S);
}

enum MHD_Result handle_open(struct request *rq)
{
	char secret[SECRET_CHARS + 1], cookie[256];
	struct session who;
	int r = -ENOENT;

	if (!rq->head) /* looking at a link does not use it up */
		r = sessions_begin(rq->s->sessions, argument(rq, "code"), secret);
	if (r == -ENOENT) /* opened once more: who was let in by it may go on */
		return door_session(rq, &who) ? go_to(rq, NULL) : say_too_late(rq);
	if (r < 0)
		return reply_error(rq, MHD_HTTP_INTERNAL_SERVER_ERROR, strerrordesc_np(-r));
	print_cookie(rq->s, secret, cookie);
	return go_to(rq, cookie);
}

static enum MHD_Result give_cookie(struct request *rq, const char *secret)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	char cookie[256];

	if (!r)
		return MHD_NO;
	print_cookie(rq->s, secret, cookie);
	MHD_add_response_header(r, "Set-Cookie", cookie);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	return reply_response(rq, MHD_HTTP_NO_CONTENT, r);
}

/* A token that a person has put into the page becomes a cookie, so that no script keeps it. */
enum MHD_Result handle_login(struct request *rq)
{
	_cleanup_(cJSON_Deletep) cJSON *body = json_parse(buf_slice(&rq->body));
	const struct slice token = json_str(body, "token");
	char secret[SECRET_CHARS + 1];
	struct session who;
	int r;

	if (!rq->link->tcp)
		return reply_error(rq, MHD_HTTP_FORBIDDEN,
				   "who asks here is known: no cookie is needed");
	if (!token.n)
		return reply_error(rq, MHD_HTTP_BAD_REQUEST, "token: a text is wanted");
	r = door_login(rq, token, &who);
	if (r == 0)
		r = sessions_add(rq->s->sessions, &who, secret);
	if (r == -EAGAIN)
		return reply_error(rq, MHD_HTTP_TOO_MANY_REQUESTS,
				   "too many tokens were tried from there: wait a little");
	if (r == -ENOENT)
		return reply_error(rq, MHD_HTTP_UNAUTHORIZED,
				   "the token is none of ours, or has expired");
	if (r < 0)
		return reply_error(rq, MHD_HTTP_INTERNAL_SERVER_ERROR, strerrordesc_np(-r));
	return give_cookie(rq, secret);
}

/* Ends the session that asks. */
enum MHD_Result handle_close(struct request *rq)
{
	char name[24];
	const char *cookies = MHD_lookup_connection_value(rq->http, MHD_HEADER_KIND, "Cookie");

	door_cookie_name(rq->s, name);
	sessions_end(rq->s->sessions, guard_cookie(slice_of(cookies), slice_of(name)));
	return reply_done(rq);
}
