// SPDX-License-Identifier: BSD-2-Clause
#include "probe/ruleset.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/argv.h"
#include "base/json.h"
#include "base/util.h"
#include "probe/container.h"
#include "proc/agent.h"

#define TEXT_MAX 4096 /* bytes of one rule, and of what it is compared with */

/* --- reading --- */

int ruleset_add(struct ruleset_texts *list, struct slice text)
{
	char **v, *copy;

	if (list->n == RULESET_MAX)
		return -E2BIG;
	v = realloc(list->v, (list->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	list->v = v;
	copy = strndup(text.p, text.n);
	if (!copy)
		return -ENOMEM;
	v[list->n++] = copy;
	return 0;
}

void ruleset_texts_done(struct ruleset_texts *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct ruleset_texts){ 0 };
}

static int add_number(struct ruleset_numbers *list, uint32_t number)
{
	uint32_t *v;

	if (list->n == RULESET_MAX)
		return -E2BIG;
	v = realloc(list->v, (list->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	list->v = v;
	v[list->n++] = number;
	return 0;
}

/* "/sys/fs/cgroup/a.slice/" and "a.slice" are "/a.slice"; all of them are "". */
static int add_cgroup(struct ruleset_texts *list, struct slice text, const char *mount)
{
	const struct slice above = slice_of(mount);
	char path[TEXT_MAX + 1];

	if (above.n && slice_starts(text, above) && (text.n == above.n || text.p[above.n] == '/'))
		text = slice_from(text, above.n);
	while (text.n && text.p[text.n - 1] == '/')
		text.n--;
	snprintf(path, sizeof(path), "%s%.*s", text.n && text.p[0] != '/' ? "/" : "",
		 SLICE_ARG(text));
	return ruleset_add(list, slice_of(path));
}

/* @mount: they are cgroups. */
static int read_texts(const cJSON *watch, const char *name, const char *mount,
		      struct ruleset_texts *ret)
{
	const cJSON *list = json_at(watch, name), *one;
	int r = 0;

	if (list && !cJSON_IsArray(list))
		return -EINVAL;
	cJSON_ArrayForEach (one, list) {
		const struct slice text = slice_of(cJSON_GetStringValue(one));

		if (!text.n || text.n >= TEXT_MAX)
			return -EINVAL;
		r = mount ? add_cgroup(ret, text, mount) : ruleset_add(ret, text);
		if (r < 0)
			break;
	}
	return r;
}

static int read_numbers(const cJSON *watch, const char *name, struct ruleset_numbers *ret)
{
	const cJSON *list = json_at(watch, name), *one;
	int r = 0;

	if (list && !cJSON_IsArray(list))
		return -EINVAL;
	cJSON_ArrayForEach (one, list) {
		if (!cJSON_IsNumber(one) || one->valuedouble < 0 ||
		    one->valuedouble >= UINT32_MAX ||
		    one->valuedouble != (double)(uint32_t)one->valuedouble)
			return -EINVAL;
		r = add_number(ret, (uint32_t)one->valuedouble);
		if (r < 0)
			break;
	}
	return r;
}

static bool lets_nothing_in(const struct ruleset *r)
{
	return !r->host && !r->cgroups.n && !r->units.n && !r->containers.n && !r->programs.n &&
	       !r->users.n && !r->pids.n;
}

int ruleset_parse(const cJSON *watch, const char *mount, struct ruleset *ret, char *ret_why,
		  size_t n)
{
	const struct {
		const char *name;
		struct ruleset_texts *texts;
		struct ruleset_numbers *numbers;
		bool paths;
	} lists[] = {
		{ "cgroups", &ret->cgroups, NULL, true },
		{ "units", &ret->units, NULL, false },
		{ "containers", &ret->containers, NULL, false },
		{ "programs", &ret->programs, NULL, false },
		{ "not_programs", &ret->not_programs, NULL, false },
		{ "not_units", &ret->not_units, NULL, false },
		{ "users", NULL, &ret->users, false },
		{ "not_users", NULL, &ret->not_users, false },
		{ "pids", NULL, &ret->pids, false },
	};
	int r = 0;

	*ret = (struct ruleset){ .host = cJSON_IsTrue(json_at(watch, "host")) };
	for (size_t i = 0; i < ARRAY_SIZE(lists) && r == 0; i++) {
		r = lists[i].texts ? read_texts(watch, lists[i].name,
						lists[i].paths ? (mount ? mount : "") : NULL,
						lists[i].texts)
				   : read_numbers(watch, lists[i].name, lists[i].numbers);
		if (r == -E2BIG)
			snprintf(ret_why, n, "scope: more than %d %s", RULESET_MAX, lists[i].name);
		else if (r == -EINVAL)
			snprintf(ret_why, n, "scope: '%s' is not understood", lists[i].name);
		r = r == -E2BIG ? -EINVAL : r;
	}
	if (r == 0 && lets_nothing_in(ret)) {
		snprintf(ret_why, n,
			 "scope: nothing would be traced; name a program, user, unit, "
			 "container, cgroup or pid, or the host");
		r = -EINVAL;
	}
	if (r < 0)
		ruleset_done(ret);
	return r;
}

void ruleset_done(struct ruleset *r)
{
	ruleset_texts_done(&r->cgroups);
	ruleset_texts_done(&r->units);
	ruleset_texts_done(&r->containers);
	ruleset_texts_done(&r->programs);
	ruleset_texts_done(&r->not_programs);
	ruleset_texts_done(&r->not_units);
	free(r->users.v);
	free(r->not_users.v);
	free(r->pids.v);
	*r = (struct ruleset){ 0 };
}

bool ruleset_has(const struct ruleset_numbers *list, uint32_t n)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] == n)
			return true;
	return false;
}

/* --- cgroups --- */

static bool is_below(struct slice path, struct slice above)
{
	return slice_starts(path, above) && (path.n == above.n || path.p[above.n] == '/');
}

/* A part of a cgroup's path is the unit's name; "build" is meant as "build.service". */
static bool is_unit(struct slice part, const char *pattern)
{
	char name[256], whole[TEXT_MAX];

	if (part.n == 0 || part.n >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", SLICE_ARG(part));
	snprintf(whole, sizeof(whole), "%s%s", pattern, strchr(pattern, '.') ? "" : ".service");
	return strchr(name, '.') && fnmatch(whole, name, 0) == 0;
}

static bool has_unit(const struct ruleset_texts *patterns, const char *path)
{
	struct slice part, rest = slice_of(path);

	for (bool more = true; more && patterns->n;) {
		more = slice_cut(rest, '/', &part, &rest);
		part = more ? part : rest;
		for (size_t i = 0; i < patterns->n; i++)
			if (is_unit(part, patterns->v[i]))
				return true;
	}
	return false;
}

bool ruleset_cgroup_in(const struct ruleset *r, const char *path)
{
	for (size_t i = 0; i < r->cgroups.n; i++)
		if (is_below(slice_of(path), slice_of(r->cgroups.v[i])))
			return true;
	return has_unit(&r->units, path);
}

bool ruleset_cgroup_out(const struct ruleset *r, const char *path)
{
	return has_unit(&r->not_units, path);
}

static bool is_container(const struct ruleset_texts *names, const char *path)
{
	for (size_t i = 0; i < names->n; i++)
		if (container_in_path(path, names->v[i]))
			return true;
	return false;
}

bool ruleset_container(const struct ruleset *r, const struct ruleset_texts *aliases,
		       const char *path)
{
	return is_container(&r->containers, path) || is_container(aliases, path);
}

/* --- programs --- */

static bool matches(const char *pattern, struct slice path)
{
	char text[TEXT_MAX];

	if (!strchr(pattern, '/'))
		path = slice_base(path);
	if (path.n == 0 || path.n >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", SLICE_ARG(path));
	return fnmatch(pattern, text, 0) == 0;
}

bool ruleset_has_text(const struct ruleset_texts *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], text) == 0)
			return true;
	return false;
}

const char *ruleset_matches(const struct ruleset_texts *patterns, const struct ruleset_program *p)
{
	struct slice rest = p->argv, names[5] = { p->path, p->comm };
	struct agent_identity agent;
	size_t n = 2;
	bool module;

	if (!patterns->n)
		return NULL;
	n += argv_next(&rest, &names[n]);
	n += agent_script(p->path, p->argv, &names[n], &module);
	if (agent_of_program(p->path, p->argv, &agent) && !agent.helper)
		names[n++] = agent.name;
	for (size_t i = 0; i < patterns->n; i++)
		for (size_t k = 0; k < n; k++)
			if (matches(patterns->v[i], names[k]))
				return patterns->v[i];
	return NULL;
}
