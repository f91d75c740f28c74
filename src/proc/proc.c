/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two tables over the same processes: by key, and the living ones by pid. What a process is
 * running stands in one block of text, which a child shares until it runs something else.
 *
 * Bounded by number and by bytes of text; the process that ended first is forgotten first, and
 * where none has ended, the one known longest.
 */
#include "proc/proc.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/map.h"

#define TEXT_MAX      (64u << 20) /* bytes of text of all processes */
#define CONTAINER_MAX 256
#define FACT_MAX      2048

/* uthash compares keys as bytes: no holes. */
struct key {
	uint64_t tgid, start_ns;
};

/* path, cwd, comm and argv of an exec, one after the other. */
struct text {
	unsigned refs;
	size_t size;
	char p[];
};

struct entry {
	struct process p; /* first: everybody else has a pointer to it */
	struct key key;
	uint32_t pid; /* key of the second table, while it lives */
	bool living;
	struct text *program;
	struct text *facts;	   /* container, cgroup and exe, from PROC */
	struct entry *prev, *next; /* in proc.living or proc.exited */
	UT_hash_handle hh, hh_pid;
};

struct proc {
	struct stats *stats;
	struct entry *by_key, *by_pid;
	struct entry *living, *exited; /* oldest first */
	size_t text_bytes;
	void (*forget)(void *ctx, struct process *process);
	void *forget_ctx;
};

int proc_new(struct stats *stats, struct proc **ret)
{
	struct proc *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->stats = stats;
	*ret = p;
	return 0;
}

void proc_on_forget(struct proc *p, void (*fn)(void *ctx, struct process *process), void *ctx)
{
	p->forget = fn;
	p->forget_ctx = ctx;
}

/* --- text --- */

static struct text *text_new(struct proc *p, size_t size)
{
	struct text *t = malloc(sizeof(*t) + size);

	if (!t)
		return NULL;
	t->refs = 1;
	t->size = size;
	p->text_bytes += size;
	return t;
}

static void text_unref(struct proc *p, struct text *t)
{
	if (!t || --t->refs)
		return;
	p->text_bytes -= t->size;
	free(t);
}

/* Appends @s at *at, which moves on. */
static struct slice text_put(struct text *t, size_t *at, struct slice s)
{
	struct slice r = { t->p + *at, s.n };

	if (s.n)
		memcpy(t->p + *at, s.p, s.n);
	*at += s.n;
	return r;
}

/* --- the tables --- */

static void pid_remove(struct proc *p, struct entry *e)
{
	if (e->living) {
		HASH_DELETE(hh_pid, p->by_pid, e);
		DL_DELETE(p->living, e);
	} else {
		DL_DELETE(p->exited, e);
	}
}

static void entry_free(struct proc *p, struct entry *e)
{
	pid_remove(p, e);
	HASH_DEL(p->by_key, e);
	text_unref(p, e->program);
	text_unref(p, e->facts);
	free(e);
}

static void forget_oldest(struct proc *p)
{
	struct entry *e = p->exited ? p->exited : p->living;

	if (p->forget)
		p->forget(p->forget_ctx, &e->p);
	entry_free(p, e);
}

void proc_free(struct proc *p)
{
	if (!p)
		return;
	while (p->by_key)
		entry_free(p, p->by_key);
	free(p);
}

static struct entry *find_key(struct proc *p, uint32_t tgid, uint64_t start_ns)
{
	struct key key = { tgid, start_ns };
	struct entry *e;

	HASH_FIND(hh, p->by_key, &key, sizeof(key), e);
	return e;
}

static struct entry *find_pid(struct proc *p, uint32_t pid)
{
	struct entry *e;

	HASH_FIND(hh_pid, p->by_pid, &pid, sizeof(pid), e);
	return e;
}

static struct entry *find(struct proc *p, uint32_t tgid, uint64_t start_ns)
{
	return start_ns ? find_key(p, tgid, start_ns) : find_pid(p, tgid);
}

struct process *proc_find(struct proc *p, struct process_key key)
{
	struct entry *e = find(p, key.tgid, key.start_ns);

	return e ? &e->p : NULL;
}

void proc_each(struct proc *p, void (*fn)(void *ctx, struct process *process), void *ctx)
{
	struct entry *e, *next;

	for (e = p->living; e; e = next) {
		next = e->next;
		fn(ctx, &e->p);
	}
}

static void set_exited(struct proc *p, struct entry *e, uint64_t ts_ns)
{
	if (!e->living)
		return;
	pid_remove(p, e);
	e->living = false;
	e->p.exit_ns = ts_ns;
	DL_APPEND(p->exited, e);
}

/* Both tables, or neither. */
static bool tables_add(struct proc *p, struct entry *e)
{
	HASH_ADD(hh, p->by_key, key, sizeof(e->key), e);
	if (!e->hh.tbl)
		return false;
	HASH_ADD(hh_pid, p->by_pid, pid, sizeof(e->pid), e);
	if (e->hh_pid.tbl)
		return true;
	HASH_DEL(p->by_key, e);
	return false;
}

/* The process of that key, made where it is not known yet. NULL where memory is refused. */
static struct entry *get(struct proc *p, uint32_t tgid, uint64_t start_ns, uint64_t ts_ns)
{
	struct entry *e = find(p, tgid, start_ns), *before;

	if (e || !tgid || !start_ns)
		return e;
	before = find_pid(p, tgid);
	if (before) /* its exit was lost: the pid is another's now */
		set_exited(p, before, ts_ns);
	if (HASH_COUNT(p->by_key) >= PROC_MAX)
		forget_oldest(p);
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->key = (struct key){ tgid, start_ns };
	e->pid = tgid;
	e->p.key = (struct process_key){ .tgid = tgid, .start_ns = start_ns };
	if (!tables_add(p, e)) {
		free(e);
		return NULL;
	}
	e->living = true;
	DL_APPEND(p->living, e);
	return e;
}

/* --- events --- */

static void inherit(struct proc *p, struct entry *child, const struct entry *parent)
{
	const struct process *from = &parent->p;
	struct process *to = &child->p;

	to->uid = from->uid;
	to->gid = from->gid;
	text_unref(p, child->program);
	child->program = parent->program;
	if (child->program)
		child->program->refs++;
	to->path = from->path;
	to->cwd = from->cwd;
	to->comm = from->comm;
	to->argv = from->argv;
	to->argv_cut = from->argv_cut;
	to->agent = from->agent;
	text_unref(p, child->facts);
	child->facts = parent->facts;
	if (child->facts)
		child->facts->refs++;
	to->container = from->container;
	to->cgroup = from->cgroup;
	to->exe = from->exe;
}

static struct entry *feed_fork(struct proc *p, const struct sonde_event *e)
{
	const struct sonde_fork_event *f = (const void *)e;
	struct entry *parent, *child;

	if (f->child_tgid == e->tgid && f->child_start_ns == e->start_ns)
		return find(p, e->tgid, e->start_ns); /* a thread */
	get(p, e->tgid, e->start_ns, e->ts_ns);
	child = get(p, f->child_tgid, f->child_start_ns, e->ts_ns);
	if (!child)
		return NULL;
	/* Making the child may have pushed out the parent, where nothing else was left. */
	parent = find(p, e->tgid, e->start_ns);
	child->p.fork_ns = e->ts_ns;
	child->p.parent = (struct process_key){ .tgid = e->tgid, .start_ns = e->start_ns };
	child->p.scope = parent && parent->p.scope & PROC_SCOPE_OWN ? parent->p.scope : f->scope;
	if (parent && !parent->p.scope)
		parent->p.scope = f->scope; /* a child's scope is its parent's */
	if (parent && parent != child && !child->p.execs)
		inherit(p, child, parent);
	return child;
}

static struct slice chars(const char *s, size_t max)
{
	return (struct slice){ s, strnlen(s, max) };
}

/* Without the NUL that @len counts. */
static struct slice counted(const char *s, size_t len)
{
	return (struct slice){ s, len ? len - 1 : 0 };
}

static void identify(struct process *p)
{
	p->agent = (struct agent_identity){ 0 };
	if (agent_of_program(p->path.n ? p->path : p->exe, p->argv, &p->agent))
		agent_find_manner(&p->agent, p->argv);
	/* The word that would say more may be what is cut off. */
	p->agent.turns &= !p->argv_cut;
}

/* Of an exec that says nothing of it, the working directory stays what it was. */
static void set_program(struct proc *p, struct entry *en, const struct sonde_exec_event *x)
{
	struct slice path = counted(x->text, x->path_len);
	struct slice cwd = counted(x->text + x->path_len, x->cwd_len);
	struct slice argv = { x->text + x->path_len + x->cwd_len, x->argv_len };
	struct slice comm = chars(x->comm, sizeof(x->comm));
	struct text *t;
	size_t at = 0;

	if (!cwd.n)
		cwd = en->p.cwd;
	t = text_new(p, path.n + cwd.n + argv.n + comm.n);
	if (!t)
		return;
	en->p.path = text_put(t, &at, path);
	en->p.cwd = text_put(t, &at, cwd);
	en->p.argv = text_put(t, &at, argv);
	en->p.comm = text_put(t, &at, comm);
	en->p.argv_cut = x->flags & (SONDE_EXEC_ARGV_CUT | SONDE_EXEC_FAULT);
	text_unref(p, en->program);
	en->program = t;
	en->p.exe = (struct slice){ 0 }; /* of the program before */
	identify(&en->p);
}

static struct entry *feed_exec(struct proc *p, const struct sonde_event *e)
{
	const struct sonde_exec_event *x = (const void *)e;
	struct entry *en = get(p, e->tgid, e->start_ns, e->ts_ns);
	struct entry *parent;

	if (!en)
		return NULL;
	en->p.exec_ns = e->ts_ns;
	en->p.execs++;
	en->p.uid = x->uid;
	en->p.gid = x->gid;
	if (x->parent_tgid && !en->p.parent.tgid)
		en->p.parent = (struct process_key){ .tgid = x->parent_tgid,
						     .start_ns = x->parent_start_ns };
	if (!en->p.scope && en->p.parent.tgid) { /* the fork was lost */
		parent = find(p, en->p.parent.tgid, en->p.parent.start_ns);
		en->p.scope = parent ? parent->p.scope : 0;
	}
	set_program(p, en, x);
	return en;
}

static struct entry *feed_exit(struct proc *p, const struct sonde_event *e)
{
	const struct sonde_exit_event *x = (const void *)e;
	struct entry *en = get(p, e->tgid, e->start_ns, e->ts_ns);

	if (!en)
		return NULL;
	set_exited(p, en, e->ts_ns);
	en->p.exit_code = x->code;
	en->p.exit_signal = x->signal;
	en->p.cpu_ns = x->utime_ns + x->stime_ns;
	return en;
}

/* A daemon's rules have let it in: once more perhaps, after they had excluded it. */
static struct entry *feed_found(struct proc *p, const struct sonde_event *e)
{
	const struct sonde_found_event *f = (const void *)e;
	struct entry *en = get(p, e->tgid, e->start_ns, e->ts_ns);

	if (en && !en->living) {
		entry_free(p, en);
		en = get(p, e->tgid, e->start_ns, e->ts_ns);
	}
	if (en)
		en->p.scope = f->scope;
	return en;
}

/* What comes of it from now on is not heard, its end neither. */
static struct entry *feed_left(struct proc *p, const struct sonde_event *e)
{
	struct entry *en = find(p, e->tgid, e->start_ns);

	if (en)
		set_exited(p, en, e->ts_ns);
	return en;
}

static struct slice head(struct slice s, size_t max)
{
	return (struct slice){ s.p, s.n < max ? s.n : max };
}

static struct slice either(struct slice a, struct slice b)
{
	return a.n ? a : b;
}

/*
 * Late facts fill in what the kernel could not tell; they never contradict an exec. All that may
 * point into the old block is copied into the new one.
 */
static void set_facts(struct proc *p, struct entry *en, const cJSON *j)
{
	struct process *to = &en->p;
	struct slice container =
		either(head(json_str(j, "container"), CONTAINER_MAX), to->container);
	struct slice cgroup = either(head(json_str(j, "cgroup"), FACT_MAX), to->cgroup);
	struct slice exe = either(head(json_str(j, "exe"), FACT_MAX), to->exe);
	struct slice cwd = head(json_str(j, "cwd"), FACT_MAX);
	struct slice comm = head(json_str(j, "comm"), SONDE_COMM_LEN);
	struct text *t;
	size_t at = 0;

	cwd = to->execs ? either(to->cwd, cwd) : either(cwd, to->cwd);
	comm = to->execs ? either(to->comm, comm) : either(comm, to->comm);
	t = text_new(p, container.n + cgroup.n + exe.n + cwd.n + comm.n);
	if (!t)
		return;
	to->container = text_put(t, &at, container);
	to->cgroup = text_put(t, &at, cgroup);
	to->exe = text_put(t, &at, exe);
	to->cwd = text_put(t, &at, cwd);
	to->comm = text_put(t, &at, comm);
	text_unref(p, en->facts);
	en->facts = t;
	if (!to->path.n)
		identify(to);
}

static struct entry *feed_proc(struct proc *p, const struct sonde_event *e)
{
	const struct sonde_json_event *x = (const void *)e;
	struct entry *en = get(p, e->tgid, e->start_ns, e->ts_ns);
	_cleanup_(cJSON_Deletep) cJSON *j =
		json_parse((struct slice){ x->json, e->size - sizeof(*x) });

	if (!j)
		stat_add(p->stats, STAT_EVENTS_BAD, 1);
	if (!en || !j)
		return en;
	if (json_at(j, "uid") && !en->p.execs) {
		en->p.uid = (uint32_t)json_int(j, "uid");
		en->p.gid = (uint32_t)json_int(j, "gid");
	}
	set_facts(p, en, j);
	return en;
}

static struct entry *feed_scope(struct proc *p, const struct sonde_event *e)
{
	const struct sonde_json_event *x = (const void *)e;
	struct entry *en = get(p, e->tgid, e->start_ns, e->ts_ns);
	_cleanup_(cJSON_Deletep) cJSON *j =
		json_parse((struct slice){ x->json, e->size - sizeof(*x) });

	if (!j)
		stat_add(p->stats, STAT_EVENTS_BAD, 1);
	if (!en || !j)
		return en;
	if (!(en->p.scope & PROC_SCOPE_OWN)) /* it has become a run before this came */
		en->p.scope = (uint32_t)json_int(j, "scope");
	if (!en->p.execs) {
		en->p.uid = (uint32_t)json_int(j, "uid");
		en->p.gid = (uint32_t)json_int(j, "gid");
	}
	return en;
}

struct process *proc_feed(struct proc *p, const struct sonde_event *e)
{
	struct entry *en;

	switch (e->kind) {
	case SONDE_EV_FORK:
		en = feed_fork(p, e);
		break;
	case SONDE_EV_EXEC:
		en = feed_exec(p, e);
		break;
	case SONDE_EV_EXIT:
		en = feed_exit(p, e);
		break;
	case SONDE_EV_PROC:
		en = feed_proc(p, e);
		break;
	case SONDE_EV_FOUND:
		en = feed_found(p, e);
		break;
	case SONDE_EV_LEFT:
		en = feed_left(p, e);
		break;
	case SONDE_EV_SCOPE:
		en = feed_scope(p, e);
		break;
	default: /* whose fork and exec were lost is known from here on */
		en = get(p, e->tgid, e->start_ns, e->ts_ns);
	}
	while (p->text_bytes > TEXT_MAX && p->exited && &p->exited->p != (en ? &en->p : NULL))
		forget_oldest(p);
	return en ? &en->p : NULL;
}

struct slice process_arg(const struct process *p, size_t n)
{
	struct slice rest = p->argv, arg;

	for (; slice_cut(rest, '\0', &arg, &rest); n--)
		if (n == 0)
			return arg;
	return n == 0 ? rest : (struct slice){ 0 };
}

struct slice process_name(const struct process *p)
{
	struct slice s = process_arg(p, 0);
	const char *slash;

	if (!s.n)
		s = p->path.n ? p->path : p->exe.n ? p->exe : p->comm;
	slash = s.n ? memrchr(s.p, '/', s.n) : NULL;
	if (slash && slice_from(s, (size_t)(slash - s.p) + 1).n)
		s = slice_from(s, (size_t)(slash - s.p) + 1);
	return s.n > 1 && s.p[0] == '-' ? slice_from(s, 1) : s; /* a login shell */
}
