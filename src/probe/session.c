// SPDX-License-Identifier: BSD-2-Clause
#include "probe/session.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "sonde/work.h"

/* The id of a kernel function with at most one argument, which is then the context; or 0. */
static int find(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *proto;
	int id = btf ? btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) : 0;

	proto = id > 0 ? btf__type_by_id(btf, btf__type_by_id(btf, (unsigned)id)->type) : NULL;
	if (!proto || btf_vlen(proto) > 1)
		id = 0;
	btf__free(btf);
	return id;
}

/* libbpf gives the instructions to be read, and has no other way to change one of them. */
static void patch(struct bpf_insn *insns, size_t n, int id)
{
	for (size_t i = 0; i < n; i++)
		if (insns[i].code == (BPF_JMP | BPF_CALL) && insns[i].src_reg == 0 &&
		    insns[i].imm == SONDE_PATCH_IS_RETURN) {
			insns[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
			insns[i].imm = id;
		}
}

bool session_prepare(const struct bpf_object *object)
{
	const int id = find("bpf_session_is_return");
	struct bpf_program *p;

	if (id <= 0)
		return false;
	bpf_object__for_each_program(p, object)
		patch((struct bpf_insn *)bpf_program__insns(p), bpf_program__insn_cnt(p), id);
	return true;
}
