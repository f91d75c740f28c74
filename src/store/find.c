/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the store is: one rule for every command. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/store.h"

#define DAEMON_STORE "/var/lib/sonde/sonde.db"

/*
 * The home of the person at the keyboard: under sudo, not root's; HOME is root's there even after
 * the launcher has become that person.
 */
static const char *home(void)
{
	const char *sudo_user = getenv("SUDO_USER"), *env = getenv("HOME");
	const struct passwd *pw;

	if (sudo_user && *sudo_user) {
		pw = getpwnam(sudo_user);
		if (pw && (geteuid() == 0 || geteuid() == pw->pw_uid))
			return pw->pw_dir;
	}
	if (env && env[0] == '/')
		return env;
	pw = getpwuid(geteuid());
	return pw ? pw->pw_dir : NULL;
}

static int own_store(char **ret)
{
	const char *data = getenv("XDG_DATA_HOME"), *dir;
	int n;

	if (data && data[0] == '/') { /* a relative one is to be ignored, says its definition */
		n = asprintf(ret, "%s/sonde/sonde.db", data);
	} else {
		dir = home();
		if (!dir)
			return -ENOENT;
		n = asprintf(ret, "%s/.local/share/sonde/sonde.db", dir);
	}
	return n < 0 ? -ENOMEM : 0;
}

static int copy(const char *path, char **ret)
{
	char *p = strdup(path);

	if (!p)
		return -ENOMEM;
	*ret = p;
	return 0;
}

int store_find(const char *option, bool for_reading, char **ret)
{
	_cleanup_(freep) char *own = NULL;
	const char *env = getenv("SONDE_DB");
	int r;

	if (option && *option)
		return copy(option, ret);
	if (env && *env)
		return copy(env, ret);
	r = own_store(&own);
	if (r == -ENOMEM)
		return r;
	if (for_reading && (r < 0 || access(own, F_OK) < 0) && access(DAEMON_STORE, R_OK) == 0)
		return copy(DAEMON_STORE, ret);
	if (r < 0)
		return r;
	*ret = TAKE(own);
	return 0;
}
