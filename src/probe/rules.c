// SPDX-License-Identifier: BSD-2-Clause
#include "probe/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probe/admit.h"
#include "probe/describe.h"
#include "probe/discover_host.h"
#include "probe/rules_state.h"
#include "probe/snapshot.h"
#include "probe/starter.h"

#define LOOK_NS 1000000000ull
#define TICK_NS 10000000ull
/* Names of containers are looked for when a cgroup is made, and so often beside. */
#define CONTAINERS_NS 10000000000ull
#define ROUNDS_MAX    8 /* processes go on starting others meanwhile */

int rules_new(const struct rules_config *c, struct rules **ret)
{
	struct rules *r = calloc(1, sizeof(*r));
	struct ucred peer = { 0 };
	socklen_t n = sizeof(peer);
	struct stat st;

	if (!r)
		return -ENOMEM;
	r->c = *c;
	r->scope = cJSON_Duplicate(c->scope, true);
	if (getsockopt(c->launcher_fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0)
		r->launcher = peer.pid;
	if (stat("/proc/self/exe", &st) == 0) {
		r->own_dev = st.st_dev;
		r->own_inode = st.st_ino;
	}
	if (cgroups_new(&r->cgroups) < 0) {
		rules_free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	while (r->members)
		rules_forget(r, r->members);
	while (r->trees)
		rules_tree_forget(r, r->trees);
	ruleset_done(&r->set);
	ruleset_texts_done(&r->aliases);
	ruleset_texts_done(&r->left);
	cgroups_free(r->cgroups);
	cJSON_Delete(r->scope);
	free(r->tasks);
	free(r);
}

/* --- the rules --- */

/* What cannot be told apart on this machine is refused, and not left out. */
static int check_places(const struct rules *r, const struct ruleset *set, char *ret_why, size_t n)
{
	char mount[PATH_MAX];

	if (!(set->cgroups.n || set->units.n || set->containers.n || set->not_units.n) ||
	    cgroups_mount(mount))
		return 0;
	(void)r;
	snprintf(ret_why, n,
		 "scope: cgroups of version 2 are not mounted: units, containers and "
		 "cgroups cannot be told apart");
	return -EINVAL;
}

int rules_change(struct rules *r, const cJSON *watch, char *ret_why, size_t n)
{
	struct ruleset set, old = r->set;
	char mount[PATH_MAX] = "";
	int e;

	cgroups_mount(mount);
	e = ruleset_parse(watch, mount, &set, ret_why, n);
	if (e == 0) {
		e = check_places(r, &set, ret_why, n);
		if (e < 0)
			ruleset_done(&set);
	}
	if (e < 0)
		return e;
	r->set = set;
	ruleset_texts_done(&r->aliases);
	rules_find_containers(r);
	r->generation++;
	e = rules_fill(r);
	if (e < 0) { /* the kernel has no room for them */
		r->set = old;
		ruleset_done(&set);
		rules_fill(r);
		snprintf(ret_why, n, "scope: too many rules");
		return e;
	}
	ruleset_done(&old);
	admit_begin(capture_programs(r->c.capture), true);
	for (int i = 0; i < ROUNDS_MAX && rules_look(r) > 0; i++)
		;
	return 0;
}

int rules_begin(struct rules *r, const cJSON *watch, char *ret_why, size_t n)
{
	/* Of the machine, and where sonde is in a container of its own that one's. */
	const struct report_process first = { 1, capture_start_of(r->c.capture, 1) };
	const struct report_process own = { getpid(), capture_start_of(r->c.capture, getpid()) };

	capture_find_own(r->c.capture, getpid());
	rules_search_root(r, first);
	rules_search_root(r, own);
	discover_host(r->c.files, first);
	return rules_change(r, watch, ret_why, n);
}

void rules_turn(struct rules *r, uint64_t now_ns)
{
	if (now_ns < r->looked_ns + LOOK_NS)
		return;
	r->looked_ns = now_ns;
	if (r->set.containers.n && now_ns > r->containers_ns + CONTAINERS_NS) {
		r->containers_ns = now_ns;
		if (rules_find_containers(r)) {
			r->generation++;
			rules_fill(r);
		}
	}
	rules_look(r);
	if (r->ended)
		capture_sweep_gone(r->c.capture);
	r->ended = false;
}

/* --- what the kernel tells --- */

static void on_cgroup(struct rules *r, const struct sonde_work_cgroup *w)
{
	const size_t n = strnlen(w->path, sizeof(w->path));
	const char *path;

	if (n + 1 >= sizeof(w->path)) /* cut: what it is called is not known */
		return;
	path = cgroups_add(r->cgroups, w->w.inode, (struct slice){ w->path, n });
	if (!path)
		return;
	if (r->set.containers.n && rules_find_containers(r))
		rules_fill(r);
	else
		rules_fill_cgroup(r, w->w.inode, path);
}

/* The kernel has let it in; that it has run a program comes next. */
static void on_found(struct rules *r, const struct sonde_work *w)
{
	const struct rules_facts f = { (pid_t)w->tgid, w->uid, 0 };
	const uint32_t scope = (uint32_t)w->inode;
	const bool program = w->dev == SONDE_FOUND_PROGRAM;
	struct rules_member *m = rules_get(r, f.pid, w->start_ns);
	struct rules_tree *t = rules_tree_get(r, scope);

	if (!m || !t)
		return;
	m->uid = w->uid;
	m->scope = scope;
	m->generation = r->generation;
	t->definite = program;
	t->kind = rules_kind(r, &f, program ? RULES_PROGRAM : RULES_PLACE);
}

/* A program that begins in scope, or that the kernel asks about: true where patterns exclude it. */
static bool is_excluded(struct rules *r, struct rules_member *m)
{
	if (!rules_excludes_program(r, (pid_t)m->key.tgid))
		return false;
	rules_drop(r, m, SONDE_LEFT_RULES, true);
	return true;
}

/* It begins a tree of its own, for what it is. */
static void begin_tree(struct rules *r, struct rules_member *m, uint64_t began_ns)
{
	const struct rules_facts f = { (pid_t)m->key.tgid, m->uid, m->cgroup_id };
	struct rules_tree *t = rules_tree_get(r, capture_scope_number(r->c.capture));
	const uint64_t now = clock_boot();

	if (!t)
		return;
	t->definite = true;
	t->kind = rules_kind(r, &f, RULES_PROGRAM);
	rules_tree_by(t, rules_names_program(r, f.pid));
	if (!m->scope)
		t->late_ms = now > began_ns ? (int64_t)((now - began_ns) / 1000000) : 0;
	m->scope = t->scope;
	m->parent = (struct report_process){ 0 };
}

static void on_exec(struct rules *r, const struct sonde_work *w)
{
	const uint32_t scope = capture_scope_of(r->c.capture, (pid_t)w->tgid, w->start_ns);
	struct rules_member *m = scope ? rules_get(r, (pid_t)w->tgid, w->start_ns) : NULL;
	struct rules_tree *t = rules_tree(r, scope);

	if (!m)
		return;
	m->uid = w->uid;
	m->scope = scope;
	if (is_excluded(r, m) || !t)
		return;
	if (!t->definite && rules_names_program(r, (pid_t)w->tgid)) {
		begin_tree(r, m, w->ts_ns);
		capture_scope_add(r->c.capture, (pid_t)w->tgid, w->start_ns, m->scope, false);
		rules_tell_scope(r, m);
	} else if (!t->definite && starter_runs((pid_t)w->tgid)) {
		rules_drop(r, m, SONDE_LEFT_STARTER, false);
		return;
	} else if (!t->told) {
		if (t->definite)
			rules_tree_by(t, rules_names_program(r, (pid_t)w->tgid));
		rules_tell_scope(r, m);
	}
	rules_search_root(r, rules_process(m));
}

static void on_question(struct rules *r, const struct sonde_work *w)
{
	/* It may have become another user's program since. */
	const struct rules_facts f = { (pid_t)w->tgid, describe_user((pid_t)w->tgid, w->uid),
				       w->inode };
	struct rules_member *m;

	if (rules_judge(r, &f) != RULES_PROGRAM)
		return;
	/* Or a program that the kernel has let in itself: that it did comes next. */
	if (capture_scope_of(r->c.capture, f.pid, w->start_ns))
		return;
	m = rules_get(r, f.pid, w->start_ns);
	if (!m || m->scope || m->shut_out)
		return;
	m->uid = f.uid;
	m->cgroup_id = f.cgroup_id;
	m->generation = r->generation;
	begin_tree(r, m, w->ts_ns);
	if (m->scope && rules_take(r, m, true) < 0)
		m->scope = 0;
	else
		rules_search_root(r, rules_process(m));
}

static void on_gone(struct rules *r, const struct sonde_work *w)
{
	struct rules_member *m = rules_find(r, (pid_t)w->tgid, w->start_ns);

	r->ended = true;
	if (w->kind == SONDE_WORK_LEFT)
		attach_exit(r->c.files->attachments, (pid_t)w->tgid);
	else /* it may have been taken in, or shut out, when it had ended already */
		capture_scope_end(r->c.capture, (pid_t)w->tgid, w->start_ns);
	if (m)
		rules_forget(r, m);
}

void rules_on_work(struct rules *r, const struct sonde_work *w)
{
	switch (w->kind) {
	case SONDE_WORK_CGROUP:
		on_cgroup(r, (const struct sonde_work_cgroup *)w);
		break;
	case SONDE_WORK_CGROUP_GONE:
		cgroups_remove(r->cgroups, w->inode);
		break;
	case SONDE_WORK_FOUND:
		on_found(r, w);
		break;
	case SONDE_WORK_EXEC:
		on_exec(r, w);
		break;
	case SONDE_WORK_ASK:
		on_question(r, w);
		break;
	case SONDE_WORK_LEFT:
	case SONDE_WORK_EXIT:
		on_gone(r, w);
		break;
	}
}

void rules_run(struct rules *r, pid_t pid, uint64_t start_ns)
{
	const uint32_t scope = capture_scope_of(r->c.capture, pid, start_ns);
	struct rules_tree *t = scope ? rules_tree(r, scope) : NULL;

	if (!t || t->definite || t->run)
		return;
	t->run = true;
	capture_scope_known(r->c.capture, scope);
}

/* --- what must be left --- */

static void hand_over(struct rules *r, const struct sonde_found_task *task)
{
	struct rules_member *m = rules_get(r, (pid_t)task->tgid, task->start_ns);

	if (!m)
		return;
	m->scope = capture_scope_of(r->c.capture, (pid_t)task->tgid, task->start_ns);
	rules_drop(r, m, SONDE_LEFT_SONDE, true);
}

void rules_leave(struct rules *r, pid_t pid, uint64_t start_ns)
{
	/* Who asks knows it as /proc has it, in ticks. */
	if (start_ns && capture_start_of(r->c.capture, pid) / TICK_NS == start_ns / TICK_NS)
		rules_each_below(r, pid, hand_over);
}

void rules_leave_container(struct rules *r, struct slice id)
{
	for (size_t i = 0; i < r->left.n; i++)
		if (slice_eq(slice_of(r->left.v[i]), id))
			return;
	if (ruleset_add(&r->left, id) < 0)
		return;
	r->generation++;
	rules_fill(r);
	rules_look(r);
}

/* --- an engine that has just begun --- */

static int older(const struct rules_member *a, const struct rules_member *b)
{
	if (a->key.start_ns != b->key.start_ns)
		return a->key.start_ns < b->key.start_ns ? -1 : 1;
	return a->key.tgid < b->key.tgid ? -1 : 1;
}

void rules_tell(struct rules *r)
{
	const struct rules_member *m;
	struct rules_tree *t;

	rules_look(r); /* those that were forked and of which nothing is told */
	HASH_SRT(hh, r->members, older);
	for (t = r->trees; t; t = t->hh.next)
		t->round = 0; /* not told yet */
	for (m = r->members; m; m = m->hh.next) {
		t = m->scope ? rules_tree(r, m->scope) : NULL;
		if (!t)
			continue;
		if (t->round == 0)
			rules_tell_scope(r, m);
		t->round = r->round;
		if (m->parent.tgid)
			snapshot_fork(r->c.outbox, m->parent, rules_process(m), m->scope);
		snapshot_exec(r->c.outbox, rules_process(m), m->parent);
		report_proc(r->c.outbox, rules_process(m));
	}
	for (t = r->trees; t; t = t->hh.next)
		t->round = r->round;
}
