/* SPDX-License-Identifier: BSD-2-Clause */
/* The span of a peer, named by its host or address. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "trace/emit.h"
#include "trace/observed/habits.h"
#include "trace/observed/network_span.h"

#define RESULTS_MAX 512

bool peer_address(const struct peer_state *p, char ret[PEER_NAME_MAX])
{
	char text[INET6_ADDRSTRLEN];

	if (p->family == AF_UNIX) {
		snprintf(ret, PEER_NAME_MAX, "%s", p->path ? p->path : "");
		return p->path != NULL;
	}
	if (!inet_ntop(p->family, p->addr, text, sizeof(text)))
		return false;
	snprintf(ret, PEER_NAME_MAX, p->family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, p->port);
	return true;
}

static const char *error_name(int number)
{
	const char *name = strerrorname_np(number);

	return name ? name : "_OTHER";
}

static void add_result(struct buf *list, const char *name, unsigned n)
{
	char text[64];

	if (n == 0)
		return;
	snprintf(text, sizeof(text), "%s\"%s %u\"", list->n ? "," : "[", name, n);
	buf_add(list, slice_of(text), RESULTS_MAX);
}

static void emit_results(struct emit *e, const struct peer_state *p)
{
	struct buf list = { 0 };

	add_result(&list, "connected", p->connected);
	for (unsigned i = 0; i < p->n_errors; i++)
		add_result(&list, error_name(p->errors[i].number), p->errors[i].n);
	add_result(&list, "unanswered", p->pending);
	if (list.n && e->mem && buf_add(&list, SLICE("]"), RESULTS_MAX) == 0)
		emit_strings(e, ATTR_NETWORK_RESULTS, arena_copy(e->mem, buf_slice(&list)));
	buf_done(&list);
	/* Another attempt may have found its way. */
	if (!p->n_errors || p->connected)
		return;
	e->span.status = SPAN_ERROR;
	e->span.error_type = slice_of(error_name(p->errors[0].number));
}

static void emit_socket(struct emit *e, const struct peer_state *p)
{
	emit_lit(e, ATTR_TRANSPORT, "unix");
	e->span.name = SLICE("unix");
	if (content_keeps_text(e->run->t) && p->path)
		e->span.name = e->span.server_address = emit_text(e, slice_of(p->path));
}

static void emit_peer(struct emit *e, const struct peer_state *p)
{
	char text[INET6_ADDRSTRLEN] = "", port_text[16];
	int port = p->port;

	inet_ntop(p->family, p->addr, text, sizeof(text));
	emit_lit(e, ATTR_TRANSPORT, "tcp");
	emit_str(e, ATTR_PEER_ADDRESS, slice_of(text));
	emit_int(e, ATTR_PEER_PORT, p->port);
	e->span.server_address = emit_text(e, slice_of(text));
	if (p->host) {
		struct slice name = { 0 };

		emit_split_host(slice_of(p->host), &name, &port);
		e->span.server_address = emit_text(e, name);
	}
	e->span.server_port = p->port;
	e->span.name = e->span.server_address;
	if (slice_has(e->span.server_address, SLICE(":")))
		e->span.name = emit_join(e, emit_join(e, SLICE("["), e->span.name), SLICE("]"));
	snprintf(port_text, sizeof(port_text), ":%u", p->port);
	e->span.name = emit_join(e, e->span.name, slice_of(port_text));
}

/* It reports, updates itself, or does what nobody has asked for. */
static void emit_flags(struct emit *e, struct peer_state *p)
{
	const struct slice agent = slice_of(p->owner.agent->name);
	const bool own = !p->owner.tool && habit_host(agent, slice_of(p->host));

	emit_true(e, ATTR_HOUSEKEEPING, own);
	/* A program of one's own may connect as it likes: its tools are not all that it does. */
	p->flagged = !own && !p->owner.tool && !p->is_step && p->unasked && habit_knows(agent) &&
		     !asking_may_be_lost(e->run->tree);
	if (!p->flagged)
		return;
	emit_true(e, ATTR_UNEXPLAINED, true);
	emit_lit(e, ATTR_UNEXPLAINED_WHY, p->unasked);
}

void network_emit(struct run_state *r, struct peer_state *p)
{
	const struct process *who = proc_find(r->t->procs, p->process);
	struct emit e;

	emit_begin(&e, r, STEP_NETWORK, p->start_ns);
	e.span.span_id = p->id;
	e.span.parent_id = p->owner.id;
	e.span.kind = SPAN_CLIENT;
	e.span.evidence = slice_of(p->owner.evidence);
	emit_agent(&e, p->owner.agent);
	emit_process(&e, p->process, who ? process_name(who) : (struct slice){ 0 });
	if (p->family == AF_UNIX)
		emit_socket(&e, p);
	else
		emit_peer(&e, p);
	emit_int(&e, ATTR_NETWORK_ATTEMPTS, p->attempts);
	emit_results(&e, p);
	if (p->bytes[0] + p->bytes[1]) {
		emit_int(&e, ATTR_NETWORK_SENT, (int64_t)p->bytes[SONDE_DIR_OUT]);
		emit_int(&e, ATTR_NETWORK_RECEIVED, (int64_t)p->bytes[SONDE_DIR_IN]);
	}
	emit_true(&e, ATTR_NETWORK_TLS, p->tls);
	emit_int(&e, ATTR_NETWORK_HTTP, p->requests ? (int64_t)p->requests : LLM_UNKNOWN);
	emit_flags(&e, p);
	emit_end(&e, p->final ? p->last_ns : 0, p->final);
}
