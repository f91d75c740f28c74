/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/util.h"
#include "trace/arguments.h"
#include "trace/emit.h"
#include "trace/observed/habits.h"
#include "trace/observed/network_span.h"

#define DNS_PORT 53
/* Sockets are closed after their process has gone, and what they carried ends with them. */
#define SETTLE_NS 1000000000ull
#define HOSTS_MAX                                                                       \
	64 /* hosts whose exchanges are steps, where the connection's peer is not known \
	    */

struct network {
	struct peer_state *by_key, *list; /* list: in order of their coming */
	unsigned n, n_dirty;
	struct id128 hosts[HOSTS_MAX]; /* of process and name */
	unsigned n_hosts;
	int64_t system; /* attempts that are noise */
};

/* Services of the system that every program asks without knowing. */
static const struct slice system_sockets[] = {
	{ "/run/nscd/", 10 },	       { "/var/run/nscd/", 14 }, { "/run/dbus/", 10 },
	{ "/var/run/dbus/", 14 },      { "/run/systemd/", 13 },	 { "/dev/log", 8 },
	{ "/tmp/.X11-unix/", 15 },     { "/run/user/", 10 },	 { "/var/run/avahi-daemon/", 22 },
	{ "/var/lib/sss/pipes/", 19 },
};

/* --- the table --- */

/* IPv4 over a socket of IPv6 is IPv4. */
static void unmap(uint8_t *family, uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (*family != AF_INET6 || memcmp(addr, mapped, sizeof(mapped)) != 0)
		return;
	*family = AF_INET;
	memmove(addr, addr + 12, 4);
	memset(addr + 4, 0, 12);
}

struct address {
	uint8_t family;
	uint16_t port;
	uint8_t addr[16];
	struct slice path;
};

static struct address address_of(uint8_t family, uint16_t port, const uint8_t addr[16],
				 const char path[108])
{
	struct address a = { .family = family };

	if (family == AF_UNIX) {
		/* An abstract name begins with a NUL. */
		a.path = path[0] ? (struct slice){ path, strnlen(path, 108) }
				 : (struct slice){ path + 1, strnlen(path + 1, 107) };
		return a;
	}
	a.port = port;
	memcpy(a.addr, addr, family == AF_INET ? 4 : 16);
	unmap(&a.family, a.addr);
	return a;
}

static void hash_address(struct id_hash *h, const struct address *a)
{
	id_hash_u64(h, (uint64_t)a->family << 16 | a->port);
	id_hash_bytes(h, (struct slice){ (const char *)a->addr, sizeof(a->addr) });
	id_hash_bytes(h, a->path);
}

static struct id128 key_of(const struct id64 *owner, const struct address *a)
{
	struct id_hash h;

	id_hash_begin(&h, "owner-peer");
	id_hash_bytes(&h, (struct slice){ (const char *)owner->b, sizeof(owner->b) });
	hash_address(&h, a);
	return id_hash_end(&h);
}

/* Never of the owner: a better one may be found later. */
static struct id64 span_id(const struct run_state *r, const struct sonde_event *e,
			   const struct address *a)
{
	struct id_hash h;

	id_hash_begin(&h, "span");
	id_hash_bytes(&h, SLICE("network"));
	id_hash_bytes(&h, (struct slice){ (const char *)r->tree->id.b, sizeof(r->tree->id.b) });
	id_hash_u64(&h, e->tgid);
	id_hash_u64(&h, e->start_ns);
	id_hash_u64(&h, e->ts_ns);
	hash_address(&h, a);
	return id64_of(id_hash_end(&h));
}

static struct peer_state *find(const struct network *net, const struct id128 *key)
{
	struct peer_state *p;

	HASH_FIND(hh, net->by_key, key, sizeof(*key), p);
	return p;
}

static bool insert(struct network *net, struct peer_state *p)
{
	HASH_ADD(hh, net->by_key, key, sizeof(p->key), p);
	return p->hh.tbl != NULL;
}

static void peer_free(struct peer_state *p)
{
	free(p->path);
	free(p->host);
	free(p);
}

static void unlist(struct network *net, struct peer_state *p)
{
	DL_DELETE(net->list, p);
	net->n--;
	net->n_dirty -= p->dirty;
	peer_free(p);
}

/* Told again, at @due_ns or with an earlier mark. */
static void mark(struct network *net, struct peer_state *p, uint64_t due_ns)
{
	if (!p->dirty || due_ns < p->due_ns)
		p->due_ns = due_ns;
	net->n_dirty += !p->dirty;
	p->dirty = true;
}

static struct network *network_of(struct run_state *r)
{
	if (!r->network)
		r->network = calloc(1, sizeof(*r->network));
	return r->network;
}

static struct peer_state *peer_new(struct run_state *r, const struct sonde_event *e,
				   const struct owner *owner, const struct address *a)
{
	struct network *net = r->network;
	struct peer_state *p = net->n < RUN_NETWORK_MAX ? calloc(1, sizeof(*p)) : NULL;

	if (!p) {
		r->dropped_steps++;
		return NULL;
	}
	p->key = key_of(&owner->id, a);
	p->id = span_id(r, e, a);
	p->owner = *owner;
	p->process = (struct process_key){ e->tgid, e->start_ns };
	p->start_ns = e->ts_ns;
	p->family = a->family;
	p->port = a->port;
	memcpy(p->addr, a->addr, sizeof(p->addr));
	keep(&p->path, a->path);
	if (!insert(net, p)) {
		peer_free(p);
		return NULL;
	}
	DL_APPEND(net->list, p);
	net->n++;
	return p;
}

/* --- attempts --- */

static bool is_noise(const struct address *a)
{
	if (a->family == AF_UNIX) {
		for (size_t i = 0; i < ARRAY_SIZE(system_sockets); i++)
			if (slice_starts(a->path, system_sockets[i]))
				return true;
		return a->path.n == 0;
	}
	return (a->family != AF_INET && a->family != AF_INET6) || a->port == DNS_PORT;
}

static void count_error(struct peer_state *p, int number)
{
	unsigned i = 0;

	while (i < p->n_errors && p->errors[i].number != number)
		i++;
	if (i == PEER_ERRORS_MAX)
		i--;
	if (i == p->n_errors)
		p->errors[p->n_errors++].number = number;
	p->errors[i].n++;
}

/* The end of an attempt that connect() did not wait for comes as an event of its own. */
static void take_result(struct network *net, struct peer_state *p, int result)
{
	if (result != -EINPROGRESS && p->pending > 0) {
		p->pending--;
		p->attempts--;
	}
	p->attempts++;
	if (result == -EINPROGRESS) {
		p->pending++;
	} else if (result == 0) {
		p->connected++;
	} else {
		count_error(p, -result);
		mark(net, p, p->last_ns);
	}
}

/* The one waiting call that asks for this very address. */
static struct tool_state *asks_for(struct tree_state *tree, const struct agent_span *agent,
				   const struct peer_state *p)
{
	char name[PEER_NAME_MAX], wanted[PEER_NAME_MAX];
	struct tool_state *tool, *found = NULL;

	if (!peer_address(p, name))
		return NULL;
	list_for_each (tool, tree->tools) {
		struct slice host;
		unsigned port;

		if (tool->server || tool->agent != agent ||
		    !url_peer(slice_of(tool->url), &host, &port) || port != p->port)
			continue;
		if (slice_ieq(host, SLICE("localhost")))
			host = p->family == AF_INET ? SLICE("127.0.0.1") : SLICE("[::1]");
		snprintf(wanted, sizeof(wanted), "%.*s:%u", SLICE_ARG(host), port);
		if (strcmp(name, wanted) != 0)
			continue;
		if (found)
			return NULL;
		found = tool;
	}
	return found;
}

static struct address address_of_peer(const struct peer_state *p)
{
	struct address a = { .family = p->family, .port = p->port, .path = slice_of(p->path) };

	memcpy(a.addr, p->addr, sizeof(a.addr));
	return a;
}

static void move(struct network *net, struct peer_state *p, const struct owner *o)
{
	const struct address a = address_of_peer(p);
	const struct id128 key = key_of(&o->id, &a);

	p->owner = *o;
	if (p->told)
		mark(net, p, 0);
	if (find(net, &key)) /* the two stay two */
		return;
	HASH_DEL(net->by_key, p);
	p->key = key;
	if (!insert(net, p))
		unlist(net, p);
}

void network_connect(struct tree_state *tree, const struct sonde_connect_event *e)
{
	const struct process_key key = { e->hdr.tgid, e->hdr.start_ns };
	const struct address a = address_of(e->family, e->port, e->addr, e->path);
	const struct owner owner = owner_of_process(tree, key);
	struct run_state *r = owner.run;
	struct tool_state *tool;
	struct peer_state *p;
	struct id128 id;

	if (e->result == -EALREADY || e->result == -EISCONN || e->result == -EINTR ||
	    !network_of(r))
		return;
	if (is_noise(&a)) {
		r->network->system++;
		return;
	}
	id = key_of(&owner.id, &a);
	p = find(r->network, &id);
	if (!p)
		p = peer_new(r, &e->hdr, &owner, &a);
	if (!p)
		return;
	p->last_ns = e->hdr.ts_ns;
	p->final |= owner_is_over(&owner);
	take_result(r->network, p, e->result);
	if (!owner.tool && !p->unasked)
		p->unasked = unasked(tree, owner.agent, e->hdr.ts_ns);
	tool = !owner.tool && !owner.program ? asks_for(tree, owner.agent, p) : NULL;
	if (tool && tool->run == r) {
		const struct owner better = owner_of_tool(tool);

		move(r->network, p, &better);
	}
}

/* --- what becomes of them --- */

static struct peer_state *find_in(const struct network *net, struct process_key key,
				  const struct address *a)
{
	struct peer_state *p = net && net->list ? net->list->prev : NULL;

	for (; p; p = p == net->list ? NULL : p->prev)
		if (process_key_eq(p->process, key) && p->family == a->family &&
		    p->port == a->port && memcmp(p->addr, a->addr, sizeof(a->addr)) == 0 &&
		    slice_eq(slice_of(p->path), a->path))
			return p;
	return NULL;
}

/* The peer of a connection, in the newest run that knows it. */
static struct peer_state *find_connection(const struct tree_state *tree,
					  const struct connection *conn)
{
	const struct address a =
		address_of(conn->family, conn->remote_port, conn->remote_addr, conn->path);
	const struct run_state *r = tree->runs->prev;

	for (;; r = r->prev) {
		struct peer_state *p = find_in(r->network, conn->process, &a);

		if (p || r == tree->runs)
			return p;
	}
}

/* By its name alone: a Host header has a port where TLS has none. */
static struct id128 host_key(struct process_key key, struct slice host)
{
	struct slice name = host;
	struct id_hash h;
	int port;

	emit_split_host(host, &name, &port);
	id_hash_begin(&h, "host");
	id_hash_u64(&h, key.tgid);
	id_hash_u64(&h, key.start_ns);
	id_hash_bytes(&h, name);
	return id_hash_end(&h);
}

static bool knows_host(const struct network *net, const struct id128 *key)
{
	for (unsigned i = 0; net && i < HOSTS_MAX && i < net->n_hosts; i++)
		if (id128_eq(&net->hosts[i], key))
			return true;
	return false;
}

/* Hosts are the first run's: connections outlive the others. */
void network_told(struct tree_state *tree, const struct connection *conn, struct slice host)
{
	struct peer_state *p = find_connection(tree, conn);
	struct network *net;
	struct id128 key;

	if (p)
		p->is_step = true;
	net = p || host.n == 0 ? NULL : network_of(tree->runs);
	if (!net)
		return;
	key = host_key(conn->process, host);
	if (!knows_host(net, &key))
		net->hosts[net->n_hosts++ % HOSTS_MAX] = key;
}

void network_exchange(struct tree_state *tree, const struct http_exchange *x)
{
	struct peer_state *p = x->inbound ? NULL : find_connection(tree, x->conn);

	if (!p)
		return;
	p->requests++;
	if (!p->host)
		keep(&p->host, x->host);
}

static void tell(struct run_state *r, struct peer_state *p)
{
	if (!owner_is_shown(r->tree, &p->owner, p->process))
		return;
	r->network->n_dirty -= p->dirty;
	p->dirty = false;
	/* What went well and is a step already needs no second one. */
	if (p->is_step && !p->n_errors && !p->told)
		return;
	p->told = true;
	network_emit(r, p);
}

void network_closed(struct tree_state *tree, const struct connection *conn)
{
	struct peer_state *p =
		sonde_source_is_tls(conn->source) ? NULL : find_connection(tree, conn);
	const uint64_t now_ns = tree->t->now_ns;
	struct id128 key;

	if (!p || (conn->flags & SONDE_CONN_SERVER))
		return;
	if (p->pending > 0) {
		p->pending--;
		p->connected++;
	}
	p->bytes[SONDE_DIR_IN] += conn->bytes[SONDE_DIR_IN];
	p->bytes[SONDE_DIR_OUT] += conn->bytes[SONDE_DIR_OUT];
	p->tls |= (conn->flags & SONDE_CONN_TLS) != 0;
	if (now_ns > p->last_ns)
		p->last_ns = now_ns;
	if (!p->host)
		keep(&p->host, slice_of(conn->server_name));
	key = host_key(p->process, slice_of(p->host));
	p->is_step |= p->host && knows_host(tree->runs->network, &key);
	if (!p->is_step)
		mark(p->owner.run->network, p, now_ns + SETTLE_NS);
}

void network_tick(struct run_state *r)
{
	struct peer_state *p;

	if (!r->network || !r->network->n_dirty)
		return;
	list_for_each (p, r->network->list)
		if (p->dirty && r->t->now_ns >= p->due_ns)
			tell(r, p);
}

static void finish(struct run_state *r, struct peer_state *p)
{
	if (p->final && !p->dirty && !(p->flagged && asking_may_be_lost(r->tree)))
		return;
	p->final = true;
	tell(r, p);
}

void network_owner_ended(struct run_state *r, const struct id64 *owner)
{
	struct peer_state *p;

	if (!r->network)
		return;
	list_for_each (p, r->network->list) {
		if (!id64_eq(&p->owner.id, owner))
			continue;
		p->final = true;
		mark(r->network, p, r->t->now_ns + SETTLE_NS);
	}
}

void network_finish_all(struct run_state *r)
{
	struct peer_state *p;

	if (!r->network)
		return;
	list_for_each (p, r->network->list)
		finish(r, p);
}

/* A program that was of no run yet has found one. */
static void give_away(struct network *from, struct peer_state *p, const struct owner *o)
{
	const struct address a = address_of_peer(p);
	struct network *to = network_of(o->run);

	if (!to || to->n >= RUN_NETWORK_MAX)
		return;
	HASH_DEL(from->by_key, p);
	DL_DELETE(from->list, p);
	from->n--;
	from->n_dirty -= p->dirty;
	to->n_dirty += p->dirty;
	p->key = key_of(&o->id, &a);
	p->owner = *o;
	DL_APPEND(to->list, p);
	to->n++;
	if (!insert(to, p))
		unlist(to, p);
}

/* Nothing that it did is older than it. */
static void moved_in(struct run_state *r, const struct proc_state *ps)
{
	struct network *net = r->network;
	struct peer_state *p = net && net->list ? net->list->prev : NULL, *before;

	for (; p && p->start_ns >= ps->start_ns; p = before) {
		const struct owner o = owner_of_process(ps->tree, p->process);

		before = p == net->list ? NULL : p->prev;
		if (strcmp(p->owner.evidence, "arguments") == 0 || id64_eq(&o.id, &p->owner.id))
			continue;
		if (o.run == r)
			move(net, p, &o);
		else if (!p->told)
			give_away(net, p, &o);
	}
}

void network_program_moved(const struct proc_state *ps)
{
	moved_in(ps->run, ps);
	if (ps->run != ps->tree->runs) /* that is where it waited for a run of its own */
		moved_in(ps->tree->runs, ps);
}

int64_t network_count(const struct run_state *r, const struct id64 *owner)
{
	const struct peer_state *p;
	int64_t n = 0;

	if (!r->network)
		return 0;
	list_for_each (p, r->network->list)
		if (id64_eq(&p->owner.id, owner))
			n += p->attempts;
	return n;
}

int64_t network_system_count(const struct run_state *r)
{
	return r->network ? r->network->system : 0;
}

void network_free_all(struct run_state *r)
{
	if (!r->network)
		return;
	while (r->network->list) {
		HASH_DEL(r->network->by_key, r->network->list);
		unlist(r->network, r->network->list);
	}
	free(r->network);
	r->network = NULL;
}
