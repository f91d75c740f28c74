/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cgroup.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/util.h"

#define ID_LENGTH    64
#define POD_LENGTH   32 /* a uid's digits; that of a static pod has no dashes */
#define NAME_ESCAPED 4	/* "\x2d" */

static bool is_hex(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isxdigit((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

/* What stands before a name where systemd keeps the cgroups. */
static const struct prefix {
	const char *text, *runtime;
	bool is_id; /* 64 digits follow; else any name */
} prefixes[] = {
	{ "docker-", "docker", true },
	{ "libpod-", "podman", true },
	{ "crio-", "cri-o", true },
	{ "cri-containerd-", "containerd", true },
	{ "nerdctl-", "containerd", true },
	{ "crun-", "crun", false },
	{ "runc-", "runc", false },
	{ "machine-qemu", NULL, false }, /* a machine of its own */
	{ "machine-", "nspawn", false },
	{ "systemd-nspawn@", "nspawn", false },
	{ "lxc.payload.", "lxc", false },
};

/* What the folder above says where a part is an id or a name alone. */
static const struct above {
	const char *text, *runtime;
	bool is_id;
} parents[] = {
	{ "docker", "docker", true },	  { "libpod_parent", "podman", true },
	{ "k8s.io", "containerd", true }, { "lxc", "lxc", false },
	{ "lxc.payload", "lxc", false },
};

/* systemd writes what may not stand in a unit's name as "\x2d". */
static void set_name(struct cgroup_place *ret, struct slice name)
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n < CGROUP_CONTAINER_MAX; i++) {
		const struct slice rest = slice_from(name, i);

		if (rest.n >= NAME_ESCAPED && slice_starts(rest, SLICE("\\x")) &&
		    is_hex((struct slice){ rest.p + 2, 2 })) {
			const char digits[] = { rest.p[2], rest.p[3], 0 };
			const char c = (char)strtoul(digits, NULL, 16);

			ret->container[n++] = (char)(c ? c : '?');
			i += NAME_ESCAPED - 1;
		} else {
			ret->container[n++] = name.p[i];
		}
	}
	ret->container[n] = '\0';
}

static bool take_prefixed(struct slice part, struct cgroup_place *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const struct prefix *p = &prefixes[i];
		const struct slice name = slice_from(part, strlen(p->text));

		if (!slice_starts(part, slice_of(p->text)))
			continue;
		if (!p->runtime || name.n == 0 || name.n > CGROUP_CONTAINER_MAX ||
		    (p->is_id && (name.n != ID_LENGTH || !is_hex(name))))
			return false;
		ret->runtime = p->runtime;
		set_name(ret, name);
		return true;
	}
	return false;
}

/* "kubepods-pod12.slice:cri-containerd:ID": where runtime and kubelet do not agree on systemd. */
static bool take_colons(struct slice part, struct cgroup_place *ret)
{
	const char *colon = part.n ? memrchr(part.p, ':', part.n) : NULL;
	const struct slice id = colon ? slice_from(part, (size_t)(colon - part.p) + 1) : part;

	if (!colon || id.n != ID_LENGTH || !is_hex(id))
		return false;
	part.n = (size_t)(colon - part.p);
	ret->runtime = slice_ends(part, SLICE(":cri-containerd")) ? "containerd"
		       : slice_ends(part, SLICE(":crio"))	  ? "cri-o"
								  : NULL;
	set_name(ret, id);
	return true;
}

static bool take_below(struct slice part, struct slice above, struct cgroup_place *ret)
{
	const bool id = part.n == ID_LENGTH && is_hex(part);

	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		if (!slice_eq(above, slice_of(parents[i].text)))
			continue;
		if (parents[i].is_id ? !id : part.n == 0 || part.n > CGROUP_CONTAINER_MAX)
			return false;
		ret->runtime = parents[i].runtime;
		set_name(ret, part);
		return true;
	}
	if (!id)
		return false;
	ret->runtime = NULL;
	set_name(ret, part);
	return true;
}

/* "pod1234-56", "kubepods-burstable-pod1234_56.slice". */
static void take_pod(struct slice part, struct cgroup_place *ret)
{
	const char *at = part.n ? memmem(part.p, part.n, "pod", 3) : NULL;

	while (at) {
		const struct slice rest = slice_from(part, (size_t)(at - part.p) + 3);
		size_t n = 0, digits = 0;

		for (; n < rest.n && n < CGROUP_POD_MAX; n++) {
			const char c = rest.p[n];

			if (!isxdigit((unsigned char)c) && c != '-' && c != '_')
				break;
			digits += isxdigit((unsigned char)c) != 0;
			ret->pod[n] = (char)(c == '_' ? '-' : c);
		}
		ret->pod[n] = '\0';
		if (digits == POD_LENGTH)
			return;
		ret->pod[0] = '\0';
		at = rest.n ? memmem(rest.p, rest.n, "pod", 3) : NULL;
	}
}

static struct slice without_kind(struct slice part)
{
	static const char *const kinds[] = { ".scope", ".service", ".slice" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (slice_ends(part, slice_of(kinds[i])))
			part.n -= strlen(kinds[i]);
	return part;
}

bool cgroup_place(struct slice path, struct cgroup_place *ret)
{
	const bool kubernetes = slice_has(path, SLICE("kubepods"));
	struct slice part, rest = path, above = { 0 };
	bool found = false;

	*ret = (struct cgroup_place){ 0 };
	for (bool more = true; more; above = part) {
		more = slice_cut(rest, '/', &part, &rest);
		part = without_kind(more ? part : rest);
		if (take_prefixed(part, ret) || take_colons(part, ret) ||
		    take_below(part, above, ret))
			found = true;
		if (kubernetes && !ret->pod[0])
			take_pod(part, ret);
	}
	return found;
}
