// SPDX-License-Identifier: BSD-2-Clause
#include "probe/rules.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "probe/describe.h"
#include "probe/snapshot.h"

#define LOOK_NS	   1000000000ull
#define SCOPES_MAX 1024
#define DEPTH_MAX  64

struct told {
	struct report_process p, parent;
	uint32_t scope;
};

struct rules {
	struct rules_config c;
	cJSON *watch, *scope;
	uint64_t looked_ns;
	uint32_t n_scopes;
	struct told told[SCOPES_MAX];
	size_t n_told;
};

int rules_new(const struct rules_config *c, struct rules **ret)
{
	struct rules *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->c = *c;
	r->scope = cJSON_Duplicate(c->scope, true);
	*ret = r;
	return 0;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	cJSON_Delete(r->watch);
	cJSON_Delete(r->scope);
	free(r);
}

static void tell(struct rules *r, const struct told *t)
{
	if (t->parent.tgid)
		snapshot_fork(r->c.outbox, t->parent, t->p, t->scope);
	else
		snapshot_scope(r->c.outbox, t->p, t->scope, r->scope);
	snapshot_exec(r->c.outbox, t->p, t->parent);
	report_proc(r->c.outbox, t->p);
}

static void take(struct rules *r, pid_t pid, struct report_process parent, uint32_t scope,
		 int depth)
{
	struct report_process p = { pid, capture_start_of(r->c.capture, pid) };
	const struct told t = { p, parent, scope ? scope : r->n_scopes + 1 };
	const struct dirent *e;
	DIR *proc;

	if (!p.start_ns || pid == getpid() || pid == getppid() || depth > DEPTH_MAX ||
	    capture_in_scope(r->c.capture, pid, p.start_ns) || r->n_told == SCOPES_MAX)
		return;
	r->n_scopes += !scope;
	files_join(r->c.files, p, true);
	tell(r, &t);
	capture_scope_add(r->c.capture, pid, p.start_ns, t.scope, true);
	r->told[r->n_told++] = t;
	proc = opendir("/proc");
	while (proc && (e = readdir(proc)))
		if (isdigit((unsigned char)e->d_name[0]) && describe_parent(atoi(e->d_name)) == pid)
			take(r, atoi(e->d_name), p, t.scope, depth + 1);
	if (proc)
		closedir(proc);
}

static bool runs(pid_t pid, const char *pattern)
{
	char path[64], exe[4096], comm[64] = "";
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n <= 0)
		return false;
	exe[n] = 0;
	if (describe_file(pid, "comm", comm, sizeof(comm)))
		comm[strcspn(comm, "\n")] = 0;
	return fnmatch(pattern, exe, 0) == 0 || fnmatch(pattern, comm, 0) == 0 ||
	       fnmatch(pattern, strrchr(exe, '/') + 1, 0) == 0;
}

static void look_cgroup(struct rules *r, const char *dir)
{
	char path[4096], line[32];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		take(r, atoi(line), (struct report_process){ 0 }, 0, 0);
	if (f)
		fclose(f);
}

static void look(struct rules *r)
{
	const cJSON *item;
	const struct dirent *e;
	DIR *proc = opendir("/proc");

	cJSON_ArrayForEach (item, json_at(r->watch, "pids"))
		take(r, item->valueint, (struct report_process){ 0 }, 0, 0);
	cJSON_ArrayForEach (item, json_at(r->watch, "cgroups"))
		look_cgroup(r, item->valuestring);
	while (proc && (e = readdir(proc)))
		cJSON_ArrayForEach (item, json_at(r->watch, "programs"))
			if (isdigit((unsigned char)e->d_name[0]) &&
			    runs(atoi(e->d_name), item->valuestring))
				take(r, atoi(e->d_name), (struct report_process){ 0 }, 0, 0);
	if (proc)
		closedir(proc);
}

int rules_change(struct rules *r, const cJSON *watch, char *ret_why, size_t n)
{
	(void)ret_why, (void)n;
	cJSON_Delete(r->watch);
	r->watch = cJSON_Duplicate(watch, true);
	look(r);
	return 0;
}

int rules_begin(struct rules *r, const cJSON *watch, char *ret_why, size_t n)
{
	return rules_change(r, watch, ret_why, n);
}

void rules_on_work(struct rules *r, const struct sonde_work *w)
{
	(void)r, (void)w;
}

void rules_turn(struct rules *r, uint64_t now_ns)
{
	if (now_ns < r->looked_ns + LOOK_NS)
		return;
	r->looked_ns = now_ns;
	look(r);
}

void rules_leave(struct rules *r, pid_t pid, uint64_t start_ns)
{
	(void)start_ns;
	capture_scope_drop(r->c.capture, pid);
}

void rules_leave_container(struct rules *r, struct slice id)
{
	(void)r, (void)id;
}

void rules_tell(struct rules *r)
{
	for (size_t i = 0; i < r->n_told; i++)
		if (capture_in_scope(r->c.capture, r->told[i].p.tgid, r->told[i].p.start_ns))
			tell(r, &r->told[i]);
}
