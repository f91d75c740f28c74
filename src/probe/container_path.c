/* SPDX-License-Identifier: BSD-2-Clause */
/* How the cgroups of containers are called. */
#include <ctype.h>
#include <string.h>

#include "base/slice.h"
#include "base/util.h"
#include "probe/container.h"

#define ID_MIN	  4  /* digits of a container's id that are taken for one */
#define ID_LENGTH 64 /* digits of the whole id */

static bool is_hex(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isxdigit((unsigned char)s.p[i]))
			return false;
	return true;
}

/* What runtimes put before a container's name or id where systemd keeps their cgroups. */
static const char *const prefixes[] = { "docker-",  "libpod-",	"cri-containerd-",
					"crio-",    "crun-",	"runc-",
					"machine-", "nerdctl-", "lxc.payload." };

/*
 * One part of a cgroup's path: "NAME", "ID", and as systemd has them: "docker-ID.scope",
 * "libpod-ID.scope", "crun-NAME.scope", "machine-NAME.scope".
 */
static bool part_names(struct slice part, struct slice name)
{
	if (slice_ends(part, SLICE(".scope")) || slice_ends(part, SLICE(".service")))
		part.n = (size_t)((const char *)memrchr(part.p, '.', part.n) - part.p);
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (slice_starts(part, slice_of(prefixes[i]))) {
			part = slice_from(part, strlen(prefixes[i]));
			break;
		}
	if (slice_eq(part, name))
		return true;
	/* The whole id is 64 digits; its first ones do. */
	return name.n >= ID_MIN && part.n == ID_LENGTH && is_hex(part) && is_hex(name) &&
	       slice_starts(part, name);
}

size_t container_in_path(const char *cgroup, const char *name)
{
	const char *at = cgroup;

	while (*at) {
		size_t n = strcspn(at, "/");

		if (n && part_names((struct slice){ at, n }, slice_of(name)))
			return (size_t)(at - cgroup) + n;
		at += n + (at[n] == '/');
	}
	return 0;
}
