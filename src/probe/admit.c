// SPDX-License-Identifier: BSD-2-Clause
#include "probe/admit.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "sonde.skel.h"
#include "sonde/event.h"

#define SCOPES_MAX 65536 /* processes of a whole host */

/* As rules.bpf.h has them. */
#define RULE_IN	 1
#define RULE_OUT 2

struct rule_name {
	uint32_t bits;
	char text[SONDE_COMM_LEN];
};

void admit_prepare(struct sonde_bpf *skel, bool watch)
{
	bpf_program__set_autoload(skel->progs.on_cgroup_made, watch);
	bpf_program__set_autoload(skel->progs.on_cgroup_gone, watch);
	if (watch)
		bpf_map__set_max_entries(skel->maps.scopes, SCOPES_MAX);
}

static void clear_map(const struct bpf_map *map)
{
	char key[sizeof(struct rule_name)]; /* the largest */
	const size_t n = bpf_map__key_size(map);

	while (bpf_map__get_next_key(map, NULL, key, n) == 0)
		if (bpf_map__delete_elem(map, key, n, 0) < 0)
			break;
}

void admit_clear(struct sonde_bpf *skel)
{
	admit_host(skel, false);
	admit_ask(skel, false);
	clear_map(skel->maps.rule_users);
	clear_map(skel->maps.rule_cgroups);
	clear_map(skel->maps.rule_names_in);
	clear_map(skel->maps.rule_names_out);
}

void admit_host(struct sonde_bpf *skel, bool host)
{
	skel->bss->rules_host = host;
}

void admit_ask(struct sonde_bpf *skel, bool ask)
{
	skel->bss->rules_ask = ask;
}

void admit_begin(struct sonde_bpf *skel, bool on)
{
	__atomic_store_n(&skel->bss->rules_on, on, __ATOMIC_RELEASE);
}

static int set(const struct bpf_map *map, const void *key, bool in, bool out)
{
	const uint32_t says = (in ? RULE_IN : 0) | (out ? RULE_OUT : 0);
	const size_t n = bpf_map__key_size(map);
	int r;

	if (says)
		return bpf_map__update_elem(map, key, n, &says, sizeof(says), BPF_ANY);
	r = bpf_map__delete_elem(map, key, n, 0);
	return r == -ENOENT ? 0 : r;
}

int admit_user(struct sonde_bpf *skel, uint32_t uid, bool in, bool out)
{
	return set(skel->maps.rule_users, &uid, in, out);
}

int admit_cgroup(struct sonde_bpf *skel, uint64_t id, bool in, bool out)
{
	return set(skel->maps.rule_cgroups, &id, in, out);
}

int admit_name(struct sonde_bpf *skel, struct slice pattern, bool out)
{
	struct rule_name name = { 0 };
	size_t bytes = pattern.n;

	if (slice_ends(pattern, SLICE("*")))
		pattern.n = --bytes;
	else
		bytes++; /* its NUL as well; what fills the kernel's copy may go on */
	if (bytes == 0 || pattern.n >= sizeof(name.text) || bytes >= sizeof(name.text))
		return -EDOM;
	for (size_t i = 0; i < pattern.n; i++)
		if (strchr("/*?[\\", pattern.p[i]))
			return -EDOM;
	name.bits = (uint32_t)bytes * 8;
	memcpy(name.text, pattern.p, pattern.n);
	return set(out ? skel->maps.rule_names_out : skel->maps.rule_names_in, &name, true, false);
}
