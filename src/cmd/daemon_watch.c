/* SPDX-License-Identifier: BSD-2-Clause */
/* What a daemon is to trace: only what was asked for. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/ipc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/daemon_parts.h"

#define WATCH_MAX (IPC_MAX / 2) /* the message to the prober has more in it */

/* --- the command line --- */

static int add(struct config *c, struct config_list **list, const char *text)
{
	struct slice item, rest = slice_of(text ? text : "");
	bool more = text;

	while (*list)
		list = &(*list)->next;
	while (more) {
		struct config_list *l;

		more = slice_cut(rest, ',', &item, &rest);
		item = slice_trim(more ? item : rest);
		if (!item.n)
			continue;
		l = ARENA_NEW(c->mem, struct config_list);
		if (!l)
			return -ENOMEM;
		l->text = arena_copy(c->mem, item).p;
		*list = l;
		list = &l->next;
	}
	return arena_failed(c->mem) ? -ENOMEM : 0;
}

int daemon_watch_add(const struct daemon_options *o, struct config *c)
{
	const struct {
		struct config_list **list;
		const char *text;
	} lists[] = {
		{ &c->scope.pids, o->pids },	   { &c->scope.programs, o->programs },
		{ &c->scope.cgroups, o->cgroups }, { &c->scope.units, o->units },
		{ &c->scope.users, o->users },	   { &c->scope.containers, o->containers },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lists) && r == 0; i++)
		r = add(c, lists[i].list, lists[i].text);
	c->scope.host |= o->host;
	return r < 0 ? log_errno(r, "cannot take over the options") : 0;
}

/* --- for the prober --- */

static void put_texts(struct json_writer *w, const char *key, const struct config_list *l)
{
	json_key(w, key);
	json_begin(w, '[');
	for (; l; l = l->next)
		json_put_str(w, slice_of(l->text));
	json_end(w, ']');
}

static int user_number(const char *name, uint64_t *ret)
{
	const struct passwd *pw;

	if (slice_u64(slice_of(name), ret))
		return *ret < UINT32_MAX ? 0 : -EINVAL;
	pw = getpwnam(name);
	if (!pw)
		return -ENOENT;
	*ret = pw->pw_uid;
	return 0;
}

static int put_users(struct json_writer *w, const char *key, const struct config_list *l)
{
	uint64_t uid;

	json_key(w, key);
	json_begin(w, '[');
	for (; l; l = l->next) {
		if (user_number(l->text, &uid) < 0) {
			log_err("there is no user '%s'; a number is taken as it is", l->text);
			return -ENOENT;
		}
		json_put_int(w, (int64_t)uid);
	}
	json_end(w, ']');
	return 0;
}

static int put_pids(struct json_writer *w, const struct config_list *l)
{
	uint64_t pid;

	json_key(w, "pids");
	json_begin(w, '[');
	for (; l; l = l->next) {
		if (!slice_u64(slice_of(l->text), &pid) || pid == 0 || pid > INT32_MAX) {
			log_err("'%s' is no process id such as 1234", l->text);
			return -EINVAL;
		}
		json_put_int(w, (int64_t)pid);
	}
	json_end(w, ']');
	return 0;
}

static bool asks_for_something(const struct config *c)
{
	return c->scope.host || c->scope.cgroups || c->scope.units || c->scope.containers ||
	       c->scope.users || c->scope.programs || c->scope.pids;
}

static int refuse(void)
{
	log_err("nothing to trace was named: a daemon traces only what it is told to, for "
		"example\n"
		"  sonde daemon --program 'claude*,codex*'   these agents, whoever starts them\n"
		"  sonde daemon --unit 'agents-*.service'    all that runs in these systemd "
		"units\n"
		"  sonde daemon --host                       agents and model calls of all "
		"processes\n"
		"or the same in section [scope] of /etc/sonde/sonde.conf ('sonde config show' has "
		"all of it)");
	return -EINVAL;
}

int daemon_watch_write(const struct config *c, struct buf *ret)
{
	struct json_writer w = { .out = ret, .max = WATCH_MAX };
	int r;

	if (!asks_for_something(c))
		return refuse();
	json_begin(&w, '{');
	json_key(&w, "host");
	json_put_bool(&w, c->scope.host);
	put_texts(&w, "cgroups", c->scope.cgroups);
	put_texts(&w, "units", c->scope.units);
	put_texts(&w, "containers", c->scope.containers);
	put_texts(&w, "programs", c->scope.programs);
	put_texts(&w, "not_programs", c->scope.not_programs);
	put_texts(&w, "not_units", c->scope.not_units);
	r = put_users(&w, "users", c->scope.users);
	if (r == 0)
		r = put_users(&w, "not_users", c->scope.not_users);
	if (r == 0)
		r = put_pids(&w, c->scope.pids);
	json_end(&w, '}');
	if (r == 0 && w.r < 0)
		return log_errno(w.r, "there is too much in section [scope]");
	return r;
}

/* --- for people --- */

static void say_list(struct buf *out, const char *what, const struct config_list *l)
{
	for (bool first = true; l; l = l->next, first = false) {
		buf_add(out, slice_of(first ? (out->n ? "; " : "") : ", "), WATCH_MAX);
		if (first)
			buf_add(out, slice_of(what), WATCH_MAX);
		buf_add(out, slice_of(l->text), WATCH_MAX);
	}
}

static void say_lists(const struct config *c)
{
	_cleanup_(buf_done) struct buf in = { 0 }, out = { 0 };

	if (c->scope.host)
		buf_add(&in, SLICE("agents and model calls of all processes of this machine"),
			WATCH_MAX);
	say_list(&in, "agents and model calls of the users ", c->scope.users);
	say_list(&in, "the control groups ", c->scope.cgroups);
	say_list(&in, "the systemd units ", c->scope.units);
	say_list(&in, "the containers ", c->scope.containers);
	say_list(&in, "the programs ", c->scope.programs);
	say_list(&in, "the processes ", c->scope.pids);
	say_list(&out, "users ", c->scope.not_users);
	say_list(&out, "programs ", c->scope.not_programs);
	say_list(&out, "units ", c->scope.not_units);
	say_list(&out, "namespaces ", c->scope.not_namespaces);
	say_list(&out, "pods with the label ", c->scope.not_labels);
	log_info("traced: %.*s, with all that they start", SLICE_ARG(buf_slice(&in)));
	if (out.n)
		log_info("never traced: %.*s", SLICE_ARG(buf_slice(&out)));
}

static const char *const kept[] = {
	[0] = "nothing at all (content off)",
	[1] = "figures alone, no words (content minimal)",
	[2] = "the beginning of what was said (content standard)",
	[3] = "all that was said, and the files that were written (content full)",
};

void daemon_watch_say(const struct config *c)
{
	say_lists(c);
	log_info("kept: %s, without keys, tokens and cookies; in '%s'", kept[c->daemon.content],
		 c->daemon.store);
	log_info("who sees it: everybody their own runs; root and the group '%s' all of them",
		 c->daemon.group ? c->daemon.group : "");
	if (c->sinks)
		for (const struct sink_config *s = c->sinks; s; s = s->next)
			log_info("sent to: %s%s", s->endpoint ? s->endpoint : s->path,
				 s->content ? ", with what was said" : "");
	else
		log_info("sent to: nobody; sonde makes no connection that was not configured");
}
