/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a run has no model call: what it talked to instead, what nothing could read, to whom it
 * handed its work over, and what to type to find out more.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "base/util.h"
#include "trace/emit.h"

#define ATTACH_NOTES_MAX 64
#define LEFT_NOTES_MAX	 8
#define UNREAD_NOTES_MAX 8
#define NOTE_MAX	 1024
#define UNKEPT_SAID_NS	 1000000000ull

/* Programs whose work is done by a process that they do not start. */
static const struct handover {
	struct slice program;
	const char *says;
} handovers[] = {
#define ROW(name, says)                          \
	{                                        \
		{ name, sizeof(name) - 1 }, says \
	}
	ROW("docker", "the docker daemon runs its command in a container"),
	ROW("podman", "podman runs its command in a container"),
	ROW("nerdctl", "containerd runs its command in a container"),
	ROW("kubectl", "its command runs in a cluster"),
	ROW("tmux", "the tmux server runs what it starts"),
	ROW("screen", "the screen server runs what it starts"),
	ROW("zellij", "the zellij server runs what it starts"),
	ROW("systemd-run", "systemd runs its command as a unit (use --scope to keep it a child)"),
	ROW("at", "atd runs its command later"),
	ROW("batch", "atd runs its command later"),
	ROW("ssh", "its command runs on another host"),
	ROW("code", "the editor that is open already does the work"),
	ROW("cursor", "the editor that is open already does the work"),
	ROW("emacsclient", "the Emacs that is open already does the work"),
	ROW("xdg-open", "the desktop starts the program"),
	ROW("gnome-terminal", "the terminal's server runs its command"),
	ROW("flatpak", "the command runs in a sandbox that another process starts"),
#undef ROW
};

_Static_assert(ARRAY_SIZE(handovers) <= 32, "bits of run_state.handed_over");

static struct slice program_of(const struct trace *t, struct process_key key)
{
	const struct process *p = proc_find(t->procs, key);

	if (!p)
		return (struct slice){ 0 };
	return p->exe.n ? p->exe : p->path.n ? p->path : process_name(p);
}

void notes_program(struct tree_state *tree, const struct process *p)
{
	/* A script's process is called as its interpreter; the path is still the script's. */
	const struct slice name = process_name(p), file = slice_base(p->path);

	for (size_t i = 0; i < ARRAY_SIZE(handovers); i++)
		if (slice_eq(name, handovers[i].program) || slice_eq(file, handovers[i].program))
			tree->handed_over |= 1u << i;
}

/* --- what was seen --- */

static struct peer *peer_find(struct peer *list, struct slice name)
{
	struct peer *peer;

	list_for_each (peer, list)
		if (slice_eq(slice_of(peer->name), name))
			return peer;
	return NULL;
}

static struct peer *peer_of(struct peer **list, unsigned *n, struct slice name)
{
	struct peer *peer = peer_find(*list, name);

	if (peer || *n >= TREE_PEERS_MAX || name.n == 0)
		return peer;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	keep(&peer->name, name);
	if (!peer->name) {
		free(peer);
		return NULL;
	}
	DL_APPEND(*list, peer);
	++*n;
	return peer;
}

static void note_read(struct tree_state *tree, const struct connection *conn)
{
	struct proc_state *ps = process_find(tree, conn->process);

	if (ps && sonde_source_is_tls(conn->source))
		ps->read_tls = true;
}

static void note_unread(struct tree_state *tree, struct process_key process, const char *peer)
{
	struct proc_state *ps = process_find(tree, process);

	if (ps && !ps->unread)
		keep(&ps->unread, slice_of(peer));
}

void notes_exchange(struct tree_state *tree, const struct http_exchange *x)
{
	struct peer *peer = x->inbound ? NULL : peer_of(&tree->hosts, &tree->n_hosts, x->host);

	note_read(tree, x->conn);
	if (peer)
		peer->count++;
}

/* Where a socket leads to, for people; false where that is not known. */
static bool destination(uint8_t family, const uint8_t *addr, uint16_t port, const char *path,
			size_t path_size, char *ret, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	if (family == AF_UNIX) {
		snprintf(ret, size, "%.*s", (int)strnlen(path, path_size), path);
		return path[0] != '\0';
	}
	if ((family != AF_INET && family != AF_INET6) ||
	    !inet_ntop(family, addr, text, sizeof(text)))
		return false;
	snprintf(ret, size, family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
	return true;
}

void notes_connection(struct tree_state *tree, const struct connection *conn, bool was_http)
{
	char address[192], name[sizeof(conn->server_name) + sizeof(address) + 4];
	struct peer *peer;

	note_read(tree, conn);
	if (sonde_source_is_tls(conn->source)) {
		tree->tls_streams++;
		tree->half_streams += (conn->flags & SONDE_CONN_HALF) != 0;
		return;
	}
	if ((conn->flags & SONDE_CONN_SERVER) ||
	    !destination(conn->family, conn->remote_addr, conn->remote_port, conn->path,
			 sizeof(conn->path), address, sizeof(address)))
		return;
	peer = peer_find(tree->sockets, slice_of(address));
	if (peer)
		peer->unanswered = false;
	/* Its plaintext was seen. */
	if (was_http || ((conn->flags & SONDE_CONN_TLS) && conn->linked))
		return;
	/* "api.example.com (192.0.2.1:443)" where the client has said whom it wants. */
	snprintf(name, sizeof(name), conn->server_name[0] ? "%s (%s)" : "%s%s", conn->server_name,
		 address);
	if (conn->flags & SONDE_CONN_TLS)
		note_unread(tree, conn->process, name);
	peer = peer_of(&tree->sockets, &tree->n_sockets, slice_of(name));
	if (!peer)
		return;
	peer->count++;
	peer->bytes += conn->bytes[0] + conn->bytes[1];
	peer->tls |= (conn->flags & SONDE_CONN_TLS) != 0;
	if (!peer->program)
		keep(&peer->program, program_of(tree->t, conn->process));
}

/* What fails, and what may: those that succeed are heard of as connections as well. */
void notes_connect(struct tree_state *tree, const struct sonde_connect_event *e)
{
	char name[192];
	struct peer *peer;

	if (e->result >= 0 || e->family == AF_UNIX ||
	    !destination(e->family, e->addr, e->port, e->path, sizeof(e->path), name, sizeof(name)))
		return;
	peer = peer_of(&tree->sockets, &tree->n_sockets, slice_of(name));
	if (!peer || peer->count)
		return;
	if (e->result == -EINPROGRESS)
		peer->unanswered = true;
	else
		peer->error = -e->result;
}

static void forget_attached(struct trace *t, struct attach_note *note)
{
	DL_DELETE(t->attached, note);
	t->n_attached--;
	free(note->file);
	free(note->reason);
	free(note);
}

void notes_attach(struct trace *t, struct process_key process, struct slice json)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(json);
	const bool ok = cJSON_IsTrue(json_at(j, "ok"));
	const int64_t late_ms = json_int(j, "late_ms");
	struct attach_note *note;

	if (!j || (ok && late_ms <= 0))
		return;
	if (t->n_attached >= ATTACH_NOTES_MAX && !t->watched)
		return;
	if (t->n_attached >= ATTACH_NOTES_MAX) /* a daemon's runs come and go */
		forget_attached(t, t->attached);
	note = calloc(1, sizeof(*note));
	if (!note)
		return;
	keep(&note->file, json_str(j, "file"));
	keep(&note->reason, json_str(j, "reason"));
	note->ok = ok;
	note->late_ms = late_ms;
	note->process = process;
	DL_APPEND(t->attached, note);
	t->n_attached++;
	for (struct tree_state *tree = t->trees; tree; tree = tree->hh.next)
		tree->runs->dirty = true;
}

int64_t notes_late_ms(const struct trace *t, struct process_key process)
{
	int64_t most = LLM_UNKNOWN;
	const struct attach_note *n;

	list_for_each (n, t->attached)
		if (n->ok && process_key_eq(n->process, process) && n->late_ms > most)
			most = n->late_ms;
	return most;
}

static void free_peers(struct peer **list)
{
	struct peer *peer, *tmp;

	list_for_each_safe (peer, tmp, *list) {
		DL_DELETE(*list, peer);
		free(peer->name);
		free(peer->program);
		free(peer);
	}
}

void notes_free(struct tree_state *tree)
{
	free_peers(&tree->hosts);
	free_peers(&tree->sockets);
}

void notes_done(struct trace *t)
{
	while (t->attached)
		forget_attached(t, t->attached);
}

/* --- what is said --- */

struct writer {
	struct run_state *r;
	struct json_writer w;
};

static void note(struct writer *wr, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct writer *wr, const char *fmt, ...)
{
	struct buf clean = { 0 };
	char text[NOTE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (redact(wr->r->t->redactor, slice_of(text), &clean) >= 0)
		json_put_str(&wr->w, buf_slice(&clean));
	buf_done(&clean);
}

/* Where many are traced, each hears of its own. */
static bool concerns(const struct run_state *r, struct process_key process)
{
	return !r->t->watched || process_key_eq(process, r->tree->root) ||
	       process_find(r->tree, process);
}

/* What was not seen because the daemon did not know yet. */
static void say_found(struct writer *wr)
{
	const struct tree_state *tree = wr->r->tree;

	if (tree->late_ms > 0)
		note(wr, "found %lld ms after it began: what came before was not seen",
		     (long long)tree->late_ms);
	if (tree->unkept_ns >= UNKEPT_SAID_NS)
		note(wr,
		     "known to be an agent %.1f s after it began: what it did before is not kept",
		     (double)tree->unkept_ns / 1e9);
}

static void say_attached(struct writer *wr)
{
	const struct attach_note *n;

	list_for_each (n, wr->r->t->attached) {
		if (!concerns(wr->r, n->process))
			continue;
		if (n->ok)
			note(wr, "late attach: %lld ms: what '%s' said before was not seen",
			     (long long)n->late_ms, n->file ? n->file : "?");
		else if (wr->r->totals.llm_calls == 0)
			note(wr, "cannot be read: '%s': %s", n->file ? n->file : "?",
			     n->reason ? n->reason : "reason not known");
	}
}

/* Tracing ends with the command: what goes on after it is named. */
static void say_left(struct writer *wr)
{
	const struct proc_state *ps;
	int n = 0;

	if (!wr->r->tree->finished || !wr->r->tree->exited)
		return;
	list_for_each (ps, wr->r->tree->proc_list) {
		const struct process p = { .path = slice_of(ps->path), .argv = ps->argv };

		if (ps->exited || !ps->final || ps->traced_by_sonde || n++ >= LEFT_NOTES_MAX)
			continue;
		note(wr,
		     "'%.*s' (process %u) ran on when the capture ended; to go on: "
		     "sonde run --pid %u",
		     SLICE_ARG(process_name(&p)), ps->key.tgid, ps->key.tgid);
	}
}

static void say_lost(struct writer *wr)
{
	const uint64_t *loss = wr->r->t->loss;
	const uint64_t lost =
		loss[SONDE_LOSS_CONTROL] + loss[SONDE_LOSS_SCOPE_FULL] + loss[SONDE_LOSS_CONN_FULL];

	if (lost)
		note(wr,
		     "%llu events about processes or connections were lost: steps may be missing",
		     (unsigned long long)lost);
	if (loss[SONDE_LOSS_NOT_LOOKED])
		note(wr,
		     "%llu times a file was not looked at for TLS: there are too many, or it "
		     "changes all the time",
		     (unsigned long long)loss[SONDE_LOSS_NOT_LOOKED]);
	if (loss[SONDE_LOSS_FILES])
		note(wr, "%llu events about files were lost: what was written is not all told",
		     (unsigned long long)loss[SONDE_LOSS_FILES]);
}

static void say_halves(struct writer *wr)
{
	if (wr->r->tree->half_streams)
		note(wr,
		     "%llu TLS streams were seen in one direction and could not be paired: their "
		     "requests are without answers, and answers without requests",
		     (unsigned long long)wr->r->tree->half_streams);
}

/*
 * Beside model calls: a process that has spoken TLS and of which no stream was seen. Of others a
 * connection that nothing is linked to may be one that was read.
 */
static void say_unread(struct writer *wr)
{
	const struct proc_state *ps;
	int n = 0;

	list_for_each (ps, wr->r->tree->proc_list) {
		const struct process p = { .path = slice_of(ps->path), .argv = ps->argv };

		if (!ps->unread || ps->read_tls || n++ >= UNREAD_NOTES_MAX)
			continue;
		note(wr, "TLS to %s by '%.*s': nothing of it was read", ps->unread,
		     SLICE_ARG(process_name(&p)));
	}
}

static void say_hosts(struct writer *wr)
{
	const struct peer *peer;

	list_for_each (peer, wr->r->tree->hosts)
		note(wr, "HTTP requests to %s: %llu, none of them a known model API", peer->name,
		     (unsigned long long)peer->count);
}

static void say_socket(struct writer *wr, const struct peer *peer)
{
	const unsigned long long bytes = peer->bytes;
	char count[32] = "";

	/* Of a socket that carries TLS the bytes are mostly not told. */
	if (bytes)
		snprintf(count, sizeof(count), ": %llu bytes", bytes);
	if (peer->error && !peer->bytes)
		note(wr, "could not connect to %s: %s", peer->name, strerror(peer->error));
	else if (peer->unanswered)
		note(wr, "tried to connect to %s: nothing came of it", peer->name);
	else if (!peer->count) /* HTTP, or TLS that was read */
		return;
	else if (!peer->tls)
		note(wr, "connected to %s: %llu bytes", peer->name, bytes);
	else if (wr->r->tree->tls_streams)
		note(wr, "TLS to %s%s, by '%s'; %llu TLS streams of this run were read", peer->name,
		     count, peer->program ? peer->program : "?",
		     (unsigned long long)wr->r->tree->tls_streams);
	else
		note(wr, "TLS to %s that nothing could read%s, by '%s'", peer->name, count,
		     peer->program ? peer->program : "?");
}

/* Returns the program that the doctor should look at: the first that spoke TLS. */
static const char *say_sockets(struct writer *wr)
{
	const struct peer *peer;
	const char *program = NULL;

	list_for_each (peer, wr->r->tree->sockets) {
		say_socket(wr, peer);
		if (peer->tls && !program)
			program = peer->program;
	}
	return program;
}

static void say_handed_over(struct writer *wr)
{
	for (size_t i = 0; i < ARRAY_SIZE(handovers); i++)
		if (wr->r->tree->handed_over & 1u << i)
			note(wr,
			     "'%.*s' hands its work to another process, which is not traced: %s",
			     SLICE_ARG(handovers[i].program), handovers[i].says);
}

/* For a shell: in single quotes where it needs any. */
static void say_doctor(struct writer *wr, const char *program)
{
	struct slice root = program_of(wr->r->t, wr->r->tree->root), rest;
	struct slice s = program ? slice_of(program) : root;

	if (s.n == 0 && !slice_cut(wr->r->tree->argv, '\0', &s, &rest))
		return;
	if (memchr(s.p, '\'', s.n) || s.n > NOTE_MAX / 2)
		return;
	note(wr,
	     memchr(s.p, ' ', s.n) ? "to see how it would be read: sonde doctor '%.*s'"
				   : "to see how it would be read: sonde doctor %.*s",
	     SLICE_ARG(s));
}

static void say_why_nothing(struct writer *wr)
{
	const char *program;

	if (wr->r->tree->source) {
		say_hosts(wr);
		return;
	}
	say_handed_over(wr);
	say_hosts(wr);
	program = say_sockets(wr);
	if (!wr->r->tree->hosts && !wr->r->tree->sockets)
		note(wr, "it opened no connection that was seen");
	say_doctor(wr, program);
}

struct slice notes_json(struct run_state *r, struct arena *mem)
{
	const bool first = r == r->tree->runs; /* what concerns the tree is said of that one */
	struct buf out = { 0 };
	struct writer wr = { .r = r, .w = { .out = &out } };
	struct slice s = { 0 };

	json_begin(&wr.w, '[');
	if (first && r->tree->joined)
		note(&wr, "it ran already when the capture began: what came before was not seen");
	if (first)
		say_found(&wr);
	say_attached(&wr);
	say_lost(&wr);
	if (first)
		say_left(&wr);
	say_halves(&wr);
	if (first && (r->totals.llm_calls > 0 || r->tree->n_calls > 0))
		say_unread(&wr);
	else if (first && (r->exited || r->finished))
		say_why_nothing(&wr);
	json_end(&wr.w, ']');
	if (wr.w.r == 0 && out.n > 2)
		s = arena_copy(mem, buf_slice(&out));
	buf_done(&out);
	return s;
}
