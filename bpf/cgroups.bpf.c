// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Cgroups that come and go, for a daemon's rules: what is made below one that the rules know is
 * like it from its first moment on; whether its name changes that the prober says, before anybody
 * has had time to begin in it.
 */
#include "rules.bpf.h"

static __always_inline __u64 id_of(struct cgroup *c)
{
	return BPF_CORE_READ(c, kn, id);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_made, struct cgroup *c, const char *path)
{
	__u64 id = id_of(c), above = BPF_CORE_READ(c, self.parent, cgroup, kn, id);
	struct sonde_work_cgroup *w;
	__u32 says;

	if (!rules_on)
		return 0;
	says = rules_of_cgroup(above);
	if (says && bpf_map_update_elem(&rule_cgroups, &id, &says, BPF_ANY))
		count_loss(SONDE_LOSS_SCOPE_FULL, 1);
	w = bpf_ringbuf_reserve(&work, sizeof(*w), 0);
	if (!w) {
		count_loss(SONDE_LOSS_CONTROL, 1);
		return 0;
	}
	__builtin_memset(&w->w, 0, sizeof(w->w));
	w->w.ts_ns = bpf_ktime_get_boot_ns();
	w->w.inode = id;
	w->w.kind = SONDE_WORK_CGROUP;
	w->path[0] = 0;
	bpf_probe_read_kernel_str(w->path, sizeof(w->path), path);
	bpf_ringbuf_submit(w, 0);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_gone, struct cgroup *c, const char *path)
{
	const struct actor nobody = {};
	__u64 id = id_of(c);

	bpf_map_delete_elem(&rule_cgroups, &id);
	if (rules_on)
		tell_prober(&nobody, SONDE_WORK_CGROUP_GONE, 0, id);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
