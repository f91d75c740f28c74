// SPDX-License-Identifier: BSD-2-Clause
#include "probe/users.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PASSWD	     "/etc/passwd"
#define FIRST_PERSON 1000 /* below are services: their homes are not searched, but root's */
#define HOMES_MAX    64

bool users_name(uint32_t uid, char *ret, size_t n)
{
	FILE *f = fopen(PASSWD, "re");
	const struct passwd *pw;
	bool found = false;

	snprintf(ret, n, "%u", uid);
	while (f && !found && (pw = fgetpwent(f))) {
		found = pw->pw_uid == uid && pw->pw_name[0];
		if (found)
			snprintf(ret, n, "%s", pw->pw_name);
	}
	if (f)
		fclose(f);
	return found;
}

void users_homes(users_home_fn fn, void *ctx)
{
	FILE *f = fopen(PASSWD, "re");
	const struct passwd *pw;
	struct stat st;
	size_t n = 0;

	while (f && n < HOMES_MAX && (pw = fgetpwent(f))) {
		if ((pw->pw_uid != 0 && pw->pw_uid < FIRST_PERSON) || pw->pw_dir[0] != '/' ||
		    !pw->pw_dir[1] || stat(pw->pw_dir, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		fn(ctx, pw->pw_uid, pw->pw_dir);
		n++;
	}
	if (f)
		fclose(f);
}
