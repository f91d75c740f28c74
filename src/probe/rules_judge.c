// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/admit.h"
#include "probe/container.h"
#include "probe/describe.h"
#include "probe/rules_state.h"

#define ARGV_MAX 8192

/* --- programs --- */

static const char *runs_one_of(const struct ruleset_texts *patterns, pid_t pid)
{
	char link[64], exe[PATH_MAX], argv[ARGV_MAX];
	struct describe_stat s;
	ssize_t n;

	if (!patterns->n || describe_stat(pid, &s) < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, exe, sizeof(exe));
	return ruleset_matches(patterns, &(struct ruleset_program){
						 .path = { exe, n > 0 ? (size_t)n : 0 },
						 .comm = slice_of(s.comm),
						 .argv = { argv, describe_file(pid, "cmdline", argv,
									       sizeof(argv)) } });
}

bool rules_excludes_program(const struct rules *r, pid_t pid)
{
	return runs_one_of(&r->set.not_programs, pid);
}

const char *rules_names_program(const struct rules *r, pid_t pid)
{
	return runs_one_of(&r->set.programs, pid);
}

bool rules_have(const struct rules *r, const struct rules_tree *t)
{
	return (t->by && ruleset_has_text(&r->set.programs, t->by)) ||
	       (t->root && ruleset_has(&r->set.pids, (uint32_t)t->root));
}

bool rules_is_own(const struct rules *r, pid_t pid)
{
	struct stat st;
	char path[64];

	if (pid == getpid() || pid == r->launcher)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return stat(path, &st) == 0 && st.st_dev == r->own_dev && st.st_ino == r->own_inode;
}

/* --- places --- */

static bool is_left(const struct rules *r, const char *cgroup)
{
	for (size_t i = 0; i < r->left.n; i++)
		if (container_in_path(cgroup, r->left.v[i]))
			return true;
	return false;
}

static bool cgroup_in(const struct rules *r, const char *path)
{
	return ruleset_cgroup_in(&r->set, path) || ruleset_container(&r->set, &r->aliases, path);
}

static bool cgroup_out(const struct rules *r, const char *path)
{
	return ruleset_cgroup_out(&r->set, path) || is_left(r, path);
}

const char *rules_kind(const struct rules *r, const struct rules_facts *f, enum rules_says says)
{
	const char *path = cgroups_path(r->cgroups, f->cgroup_id);

	if (says == RULES_PROGRAM)
		return ruleset_has(&r->set.pids, (uint32_t)f->pid) ? "pid" : "program";
	if (r->set.host)
		return "host";
	if (ruleset_has(&r->set.users, f->uid))
		return "user";
	if (path && ruleset_container(&r->set, &r->aliases, path))
		return "container";
	return r->set.units.n && !r->set.cgroups.n ? "unit" : "cgroup";
}

enum rules_says rules_judge(const struct rules *r, const struct rules_facts *f)
{
	const char *path = cgroups_path(r->cgroups, f->cgroup_id);

	if (rules_excludes_program(r, f->pid))
		return RULES_OUT_TREE;
	if (ruleset_has(&r->set.not_users, f->uid) || (path && cgroup_out(r, path)))
		return RULES_OUT;
	if (ruleset_has(&r->set.pids, (uint32_t)f->pid) || rules_names_program(r, f->pid))
		return RULES_PROGRAM;
	if (r->set.host || ruleset_has(&r->set.users, f->uid) || (path && cgroup_in(r, path)))
		return RULES_PLACE;
	return RULES_NOTHING;
}

/* --- in the kernel --- */

void rules_fill_cgroup(struct rules *r, uint64_t id, const char *path)
{
	admit_cgroup(capture_programs(r->c.capture), id, cgroup_in(r, path), cgroup_out(r, path));
}

static void fill_one(void *ctx, uint64_t id, const char *path)
{
	rules_fill_cgroup(ctx, id, path);
}

static int fill_users(struct rules *r, struct sonde_bpf *skel)
{
	const struct ruleset_numbers *lists[] = { &r->set.users, &r->set.not_users };
	int n = 0;

	for (size_t l = 0; l < 2 && n == 0; l++)
		for (size_t i = 0; i < lists[l]->n && n == 0; i++) {
			const uint32_t uid = lists[l]->v[i];

			n = admit_user(skel, uid, ruleset_has(&r->set.users, uid),
				       ruleset_has(&r->set.not_users, uid));
		}
	return n;
}

static int fill_names(const struct ruleset_texts *patterns, struct sonde_bpf *skel, bool out)
{
	int n = 0;

	for (size_t i = 0; i < patterns->n && (n == 0 || n == -EDOM); i++)
		n = admit_name(skel, slice_of(patterns->v[i]), out);
	return n == -EDOM ? 0 : n;
}

int rules_fill(struct rules *r)
{
	struct sonde_bpf *skel = capture_programs(r->c.capture);
	int n;

	admit_clear(skel);
	n = fill_users(r, skel);
	if (n == 0)
		n = fill_names(&r->set.not_programs, skel, true);
	if (n == 0)
		n = fill_names(&r->set.programs, skel, false);
	cgroups_each(r->cgroups, fill_one, r);
	/* What an interpreter runs, and patterns of paths: the kernel knows neither. */
	admit_ask(skel, r->set.programs.n);
	admit_host(skel, r->set.host);
	return n;
}

bool rules_find_containers(struct rules *r)
{
	const struct container_places here = { .root = "" };
	bool any = false;

	for (size_t i = 0; i < r->set.containers.n; i++) {
		struct container c;
		bool known = false;

		if (container_resolve(&here, r->set.containers.v[i], &c) < 0)
			continue;
		for (size_t k = 0; k < r->aliases.n && !known; k++)
			known = strcmp(r->aliases.v[k], c.id) == 0;
		any |= !known && ruleset_add(&r->aliases, slice_of(c.id)) == 0;
	}
	return any;
}
