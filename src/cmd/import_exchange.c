/* SPDX-License-Identifier: BSD-2-Clause */
/* An entry as the exchange that it was: what a reader of connections would have told. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "cmd/import.h"
#include "llm/llm.h"
#include "proto/http.h"

#define EXCHANGE_MEMORY (257u << 20) /* of one exchange, its consumer's included */
#define SCRATCH_MEMORY	(512u << 20) /* of one body while it is decoded */

struct import_open {
	struct http_exchange x;
	struct import_times when;
	struct connection conn;
	struct http_socket socket;
	uint64_t pos[2];  /* of a WebSocket's directions, by enum sonde_dir */
	uint64_t last_ns; /* of its newest message */
	bool is_socket;
	bool call; /* it is one, or may become one */
};

static void tell(struct import_to *to, struct import_open *o, enum http_event ev,
		 struct slice piece, uint64_t now_ns)
{
	o->x.now_ns = now_ns;
	o->call = pipeline_exchange(to->pipeline, ev, &o->x, piece);
}

/* --- heads --- */

/* "192.0.2.1", "[2001:db8::1]" */
static void read_address(struct slice text, struct connection *conn)
{
	char address[INET6_ADDRSTRLEN];

	if (text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
		text = (struct slice){ text.p + 1, text.n - 2 };
	if (text.n == 0 || text.n >= sizeof(address))
		return;
	snprintf(address, sizeof(address), "%.*s", SLICE_ARG(text));
	if (inet_pton(AF_INET, address, conn->remote_addr) == 1)
		conn->family = AF_INET;
	else if (inet_pton(AF_INET6, address, conn->remote_addr) == 1)
		conn->family = AF_INET6;
}

/* What the recorder says of a body, where the header does not: it may have been blanked. */
static void complete_type(struct http_message *m, struct slice mime_type)
{
	const struct slice name = SLICE("content-type");

	if (!mime_type.n || !m->headers || slice_has(http_header(m, name), SLICE("/")))
		return;
	for (size_t i = 0; i < m->n_headers; i++)
		if (slice_ieq(m->headers[i].name, name)) {
			m->headers[i].value = mime_type;
			return;
		}
	m->headers[m->n_headers++] = (struct http_header){ name, mime_type };
}

/* HTTP/2 has the target among them, with what is secret in it. */
static void drop_pseudo_headers(struct http_message *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_headers; i++)
		if (m->headers[i].name.n && m->headers[i].name.p[0] != ':')
			m->headers[n++] = m->headers[i];
	m->n_headers = n;
}

/* Some recorders write it in small letters. */
static struct slice method_of(struct slice value, struct arena *mem)
{
	const struct slice text = arena_copy(mem, json_text(value, mem));

	for (size_t i = 0; i < text.n; i++)
		((char *)text.p)[i] = (char)toupper((unsigned char)text.p[i]);
	return text;
}

static void fill_target(struct import_open *o, const struct har_entry *e)
{
	struct import_target target;

	har_headers(e->request, o->x.mem, &o->x.request);
	import_target(json_text(e->url, o->x.mem), &o->x.request, &target);
	drop_pseudo_headers(&o->x.request);
	o->x.method = method_of(e->method, o->x.mem);
	o->x.path = target.path;
	o->x.host = target.host;
	o->conn.remote_port = target.port;
	read_address(json_text(e->server_address, o->x.mem), &o->conn);
}

/* --- bodies --- */

static const char *const damages[] = {
	[HAR_BODY_NONE] = NULL,
	[HAR_BODY_HERE] = NULL,
	[HAR_BODY_MISSING] = "not in the file",
	[HAR_BODY_ELSEWHERE] = "kept in another file",
	[HAR_BODY_TOO_LARGE] = "over limit",
	[HAR_BODY_BAD] = "bad base64",
};

/* The body's bytes, plain, in @mem; counts what is wrong with it. */
static struct slice take_body(struct import_to *to, enum har_body what, const struct har_content *c,
			      struct http_message *m, struct arena *mem)
{
	struct slice plain = { 0 };

	m->damage = damages[what];
	complete_type(m, json_text(c->mime_type, mem));
	if (what == HAR_BODY_HERE) {
		m->damage = import_decode(c->bytes, http_header(m, SLICE("content-encoding")), mem,
					  &plain);
		if (!m->damage && plain.n > http_limits_default.body_bytes) {
			plain.n = http_limits_default.body_bytes;
			m->damage = "over limit";
		}
	}
	if (arena_failed(mem))
		m->damage = "out of memory";
	m->wire_bytes = c->wire_bytes >= 0 ? (uint64_t)c->wire_bytes : c->bytes.n;
	m->body_bytes = plain.n;
	if (what == HAR_BODY_MISSING || what == HAR_BODY_ELSEWHERE)
		to->counts->without_body++;
	else if (m->damage)
		to->counts->unreadable++;
	return plain;
}

/* --- the request --- */

static void tell_request(struct import_to *to, struct import_open *o, const struct har_entry *e)
{
	_cleanup_(arena_freep) struct arena *scratch = arena_new(SCRATCH_MEMORY);
	struct http_message *m = &o->x.request;
	struct har_content content;
	struct slice body = { 0 };

	if (scratch)
		body = take_body(to, har_request_body(e, scratch, &content), &content, m, scratch);
	else
		m->damage = "out of memory";
	m->head_ns = m->end_ns = o->when.start_ns;
	m->body_ns = body.n ? o->when.start_ns : 0;
	/* The type may be the scratch's, and the head outlives that. */
	for (size_t i = 0; i < m->n_headers; i++)
		if (slice_ieq(m->headers[i].name, SLICE("content-type")))
			m->headers[i].value = arena_copy(o->x.mem, m->headers[i].value);
	tell(to, o, HTTP_REQUEST_HEAD, (struct slice){ 0 }, o->when.start_ns);
	if (body.n)
		tell(to, o, HTTP_REQUEST_BODY, body, o->when.start_ns);
	tell(to, o, HTTP_REQUEST_END, (struct slice){ 0 }, o->when.start_ns);
}

static void open_socket(struct import_open *o, const struct har_entry *e)
{
	struct json_iter it;

	o->is_socket = json_array(e->messages, &it);
	o->last_ns = o->when.start_ns;
	o->socket = (struct http_socket){
		.conn = &o->conn,
		.path = o->x.path,
		.host = o->x.host,
		.headers = o->x.request.headers,
		.n_headers = o->x.request.n_headers,
		.exchanges = 1,
	};
}

struct import_open *import_begin(struct import_to *to, const struct har_entry *e,
				 const struct import_times *when, uint64_t conn_id)
{
	struct import_open *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->x.mem = arena_new_within(EXCHANGE_MEMORY, &to->budget);
	if (!o->x.mem) {
		free(o);
		return NULL;
	}
	o->when = *when;
	o->conn.id = conn_id;
	o->conn.flags = SONDE_CONN_CLIENT;
	o->conn.open_ns = o->when.start_ns;
	o->x.conn = &o->conn;
	fill_target(o, e);
	tell_request(to, o, e);
	open_socket(o, e);
	return o;
}

/* --- the answer --- */

enum framing { FRAMING_NONE, FRAMING_LINES, FRAMING_LENGTHS };

static enum framing framing_of(const struct http_message *m)
{
	const struct slice type = http_header(m, SLICE("content-type"));

	if (slice_istarts(type, SLICE("application/vnd.amazon.eventstream")))
		return FRAMING_LENGTHS;
	return slice_istarts(type, SLICE("text/event-stream")) ? FRAMING_LINES : FRAMING_NONE;
}

/* Bytes of the first event of a stream: up to a blank line, or as its length says. */
static size_t first_event(enum framing framing, struct slice body)
{
	const unsigned char *b = (const unsigned char *)body.p;
	size_t n = body.n;

	if (framing == FRAMING_LENGTHS && body.n >= 4)
		n = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
	for (size_t i = 1; framing == FRAMING_LINES && i < body.n; i++)
		if (body.p[i] == '\n' &&
		    (body.p[i - 1] == '\n' ||
		     (i > 1 && body.p[i - 1] == '\r' && body.p[i - 2] == '\n'))) {
			n = i + 1;
			break;
		}
	return n && n < body.n ? n : body.n;
}

/*
 * When the events of a stream came is not in the file, only when its first byte did. So what comes
 * up to the first token came then, and the rest at the end: no event is told earlier than it can
 * have been. Where not even that is known, the tokens have no times.
 */
static void tell_body(struct import_to *to, struct import_open *o, struct slice body)
{
	const enum framing framing = framing_of(&o->x.response);

	while (framing != FRAMING_NONE && o->when.first_ns && o->call && body.n &&
	       !llm_has_token(&o->x)) {
		const size_t n = first_event(framing, body);

		tell(to, o, HTTP_RESPONSE_BODY, (struct slice){ body.p, n }, o->when.first_ns);
		body = slice_from(body, n);
	}
	if (body.n)
		tell(to, o, HTTP_RESPONSE_BODY, body,
		     framing == FRAMING_NONE || o->when.first_ns ? o->when.end_ns : 0);
}

static void tell_response(struct import_to *to, struct import_open *o, const struct har_entry *e)
{
	_cleanup_(arena_freep) struct arena *scratch = arena_new(SCRATCH_MEMORY);
	struct http_message *m = &o->x.response;
	struct har_content content;
	struct slice body = { 0 };

	har_headers(e->response, o->x.mem, m);
	drop_pseudo_headers(m);
	if (scratch)
		body = take_body(to, har_response_body(e, scratch, &content), &content, m, scratch);
	else
		m->damage = "out of memory";
	o->x.status = e->status;
	m->head_ns = o->when.first_ns ? o->when.first_ns : o->when.end_ns;
	m->body_ns = body.n ? m->head_ns : 0;
	tell(to, o, HTTP_RESPONSE_HEAD, (struct slice){ 0 }, m->head_ns);
	tell_body(to, o, body);
	if (!e->broken_off) {
		m->end_ns = o->when.end_ns;
		tell(to, o, HTTP_RESPONSE_END, (struct slice){ 0 }, o->when.end_ns);
	}
	o->x.end = e->broken_off ? HTTP_END_CUT : HTTP_END_COMPLETE;
	o->x.end_ns = o->when.end_ns;
	tell(to, o, HTTP_FINISHED, (struct slice){ 0 }, o->when.end_ns);
}

static void tell_no_response(struct import_to *to, struct import_open *o)
{
	o->x.end = HTTP_END_CUT;
	o->x.end_ns = o->when.end_ns;
	tell(to, o, HTTP_FINISHED, (struct slice){ 0 }, o->when.end_ns);
}

/* --- WebSockets --- */

void import_message(struct import_to *to, struct import_open *o, const struct har_message *m)
{
	_cleanup_(arena_freep) struct arena *scratch = arena_new(SCRATCH_MEMORY);
	const enum sonde_dir dir = m->from_client ? SONDE_DIR_OUT : SONDE_DIR_IN;
	struct http_socket_message out = {
		.from_client = m->from_client,
		.text = m->text,
		.pos = o->pos[dir],
	};

	if (m->ns > o->last_ns)
		o->last_ns = m->ns;
	out.first_ns = o->socket.now_ns = o->last_ns;
	if (m->data.n > HAR_BODY_MAX || !scratch)
		out.damage = "over limit";
	else
		out.data = json_text(m->data, scratch);
	o->pos[dir] += m->data.n;
	pipeline_socket(to->pipeline, &o->socket, &out, HTTP_END_NONE);
}

void import_end(struct import_to *to, struct import_open *o, const struct har_entry *e)
{
	if (o->is_socket) {
		o->socket.now_ns = o->when.end_ns;
		/* The file knows no more of it: it may well have gone on. */
		pipeline_socket(to->pipeline, &o->socket, NULL, HTTP_END_RECORDING);
	}
	if (e->status)
		tell_response(to, o, e);
	else
		tell_no_response(to, o);
	pipeline_forget(to->pipeline, &o->conn);
	arena_free(o->x.mem);
	free(o);
}
