/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/launch.h"

#define GROUPS_MAX 65536

static int person_of_uid(uid_t uid, struct person *ret)
{
	char text[16384];
	struct passwd pw, *found = NULL;

	if (getpwuid_r(uid, &pw, text, sizeof(text), &found) != 0 || !found)
		return -ENOENT;
	*ret = (struct person){ .uid = uid, .gid = pw.pw_gid };
	snprintf(ret->name, sizeof(ret->name), "%s", pw.pw_name);
	snprintf(ret->home, sizeof(ret->home), "%s", pw.pw_dir);
	snprintf(ret->shell, sizeof(ret->shell), "%s", *pw.pw_shell ? pw.pw_shell : "/bin/sh");
	return 0;
}

static bool is_member(const struct person *p, gid_t gid)
{
	_cleanup_(freep) gid_t *groups = calloc(GROUPS_MAX, sizeof(*groups));
	int n = GROUPS_MAX;

	if (!groups || getgrouplist(p->name, p->gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static bool id_of_env(const char *name, uint32_t *ret)
{
	const char *text = getenv(name);
	uint64_t v;

	if (!text || !slice_u64(slice_of(text), &v) || v >= UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* Only root asks for this, so the variables are sudo's, or of somebody who is root anyway. */
static int person_of_sudo(uid_t uid, struct person *ret)
{
	const char *name = getenv("SUDO_USER");
	gid_t gid;

	if (person_of_uid(uid, ret) < 0 || (name && strcmp(name, ret->name) != 0)) {
		log_err("SUDO_UID=%u is not the user '%s' of the user database; "
			"--as-root runs the command as root",
			uid, name ? name : "");
		return -EINVAL;
	}
	if (id_of_env("SUDO_GID", &gid) && gid != ret->gid && is_member(ret, gid))
		ret->gid = gid;
	ret->through_sudo = uid != 0;
	return 0;
}

int person_find(struct person *ret)
{
	uid_t uid = getuid(), sudo_uid;

	if (geteuid() != uid) {
		log_err("must not be installed setuid; it starts sudo where it needs "
			"root");
		return -EPERM;
	}
	if (uid == 0 && id_of_env("SUDO_UID", &sudo_uid))
		return person_of_sudo(sudo_uid, ret);
	if (person_of_uid(uid, ret) < 0) {
		/* A container's user without an entry: a number is enough to be somebody. */
		*ret = (struct person){ .uid = uid };
		snprintf(ret->name, sizeof(ret->name), "%u", uid);
	}
	ret->gid = getgid();
	return 0;
}

/* "NAME=" of variables that sudo sets and the person would not have. */
static bool is_sudos(const char *var)
{
	static const char *const names[] = { "SUDO_COMMAND=", "SUDO_USER=", "SUDO_UID=",
					     "SUDO_GID=",     "SUDO_HOME=", "SUDO_TTY=" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncmp(var, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static char *make_var(const char *name, const char *before, const char *value)
{
	char *var = NULL;

	return asprintf(&var, "%s=%s%s", name, before, value) < 0 ? NULL : var;
}

char **person_env(const struct person *p, char **env)
{
	const struct {
		const char *name, *before, *value;
		bool only_if_set;
	} own[] = {
		{ "HOME", "", p->home, false },	   { "USER", "", p->name, false },
		{ "LOGNAME", "", p->name, false }, { "SHELL", "", p->shell, false },
		{ "USERNAME", "", p->name, true }, { "MAIL", "/var/mail/", p->name, true },
	};
	_cleanup_(freep) char **ret = NULL;
	size_t n = 0;

	for (char **e = env; *e; e++)
		n++;
	ret = calloc(n + ARRAY_SIZE(own) + 1, sizeof(*ret));
	if (!ret)
		return NULL;
	n = 0;
	for (char **e = env; *e; e++) {
		bool ours = is_sudos(*e);

		for (size_t i = 0; i < ARRAY_SIZE(own) && !ours; i++) {
			size_t len = strlen(own[i].name);

			ours = strncmp(*e, own[i].name, len) == 0 && (*e)[len] == '=';
		}
		if (!ours)
			ret[n++] = *e;
	}
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (own[i].only_if_set && !getenv(own[i].name))
			continue;
		ret[n] = make_var(own[i].name, own[i].before, own[i].value);
		if (!ret[n++])
			return NULL;
	}
	return TAKE(ret);
}
