#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the small vmlinux.h that bpf/ compiles against.

    vmlinux/generate.py [BTF]        default: /sys/kernel/btf/vmlinux; needs bpftool

Only the structs and members listed in KEEP are kept: all access is relocated by CO-RE when the
programs load, so order and size mean nothing here, and members of anonymous unions may stand
directly in their struct. pt_regs is the exception (it differs by architecture, and another
architecture's kernel is rarely at hand): REGS has it as its ABI fixes it.
"""
import json
import os
import subprocess
import sys

KEEP = {
    "atomic_t": ["counter"],
    "cgroup": ["self", "kn"],
    "cgroup_subsys_state": ["cgroup", "parent"],
    "cred": ["uid"],
    "css_set": ["dfl_cgrp"],
    "dentry": ["d_name", "d_parent", "d_hash"],
    "eppoll_entry": ["base", "wait", "whead"],
    "epitem": ["ep"],
    "fdtable": ["fd", "max_fds", "close_on_exec", "open_fds"],
    "file": ["f_mode", "f_inode", "private_data", "f_ref", "f_path"],
    "file_ref_t": ["refcnt"],
    "files_struct": ["fdt"],
    "fs_struct": ["pwd", "root"],
    "hlist_bl_node": ["pprev"],
    "inode": ["i_ino", "i_mode", "i_sb", "i_size", "i_rdev", "i_nlink"],
    "kernel_siginfo": ["si_code"],
    "kernfs_node": ["id"],
    "kuid_t": ["val"],
    "linux_binprm": ["filename", "file"],
    "mm_struct": ["arg_start", "arg_end", "exe_file"],
    "mount": ["mnt", "mnt_parent", "mnt_mountpoint"],
    "path": ["mnt", "dentry"],
    "list_head": ["next"],
    "pipe_inode_info": ["readers", "rd_wait"],
    "qstr": ["len", "name"],
    "signal_struct": ["live", "flags", "group_exit_code", "utime", "stime", "tty"],
    "sock": ["__sk_common", "sk_protocol", "sk_type", "sk_shutdown", "sk_err", "sk_socket"],
    "sock_common": ["skc_family", "skc_num", "skc_dport", "skc_rcv_saddr", "skc_daddr",
                    "skc_v6_rcv_saddr", "skc_v6_daddr"],
    "socket": ["sk"],
    "socket_alloc": ["socket", "vfs_inode"],
    "sockaddr_un": ["sun_path"],
    "super_block": ["s_dev", "s_flags", "s_magic"],
    "task_struct": ["tgid", "pid", "group_leader", "real_parent", "start_boottime", "signal",
                    "files", "fs", "mm", "cred", "cgroups", "exit_code", "utime", "stime", "comm", "stack", "__state"],
    "tcp_sock": ["write_seq", "copied_seq", "rcv_nxt", "snd_una", "bytes_received", "bytes_acked"],
    "trace_event_raw_sys_enter": ["id", "args"],
    "trace_event_raw_sys_exit": ["id", "ret"],
    "tty_file_private": ["tty"],
    "tty_struct": ["read_wait"],
    "unix_address": ["len", "name"],
    "unix_sock": ["addr", "peer"],
    "vfsmount": ["mnt_root"],
    "wait_queue_entry": ["private", "entry"],
    "wait_queue_head": ["head"],
    "bpf_iter__task": ["meta", "task"],
    "bpf_iter_meta": ["seq"],
}
# Members whose type is spelled here: what they really are does not matter to the programs.
SPELLED = {
    ("file_ref_t", "refcnt"): "struct {\n\t\tlong counter;\n\t} refcnt",
    ("sock_common", "skc_v6_rcv_saddr"): "struct {\n\t\t__u8 b[16];\n\t} skc_v6_rcv_saddr",
    ("sock_common", "skc_v6_daddr"): "struct {\n\t\t__u8 b[16];\n\t} skc_v6_daddr",
    ("sockaddr_un", "sun_path"): "char sun_path[108]",
    ("unix_address", "name"): "struct sockaddr_un name[0]",
    ("trace_event_raw_sys_exit", "id"): "__u64 common;\n\tlong id",
    ("trace_event_raw_sys_enter", "id"): "__u64 common;\n\tlong id",
}
# Enumerators; each comes with the value that the kernel gives it.
ENUMS = [
    "BPF_MAP_TYPE_HASH", "BPF_MAP_TYPE_ARRAY", "BPF_MAP_TYPE_RINGBUF", "BPF_MAP_TYPE_LRU_HASH",
    "BPF_MAP_TYPE_TASK_STORAGE", "BPF_MAP_TYPE_LPM_TRIE", "BPF_ANY", "BPF_NOEXIST", "BPF_F_MMAPABLE", "BPF_F_NO_PREALLOC",
    "BPF_RB_NO_WAKEUP", "BPF_RB_FORCE_WAKEUP", "BPF_RB_AVAIL_DATA",
    "BPF_LOCAL_STORAGE_GET_F_CREATE", "TCP_SYN_SENT", "TCP_CLOSE",
]
BASE = """typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

enum {
	false = 0,
	true = 1,
};
"""
REGS = {
    "x86": """struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};
""",
    "arm64": """struct user_pt_regs {
	__u64 regs[31];
	__u64 sp, pc, pstate;
};

struct pt_regs {
	union {
		struct user_pt_regs user_regs;
		struct {
			__u64 regs[31];
			__u64 sp, pc, pstate;
		};
	};
	__u64 orig_x0;
	__s32 syscallno;
};
""",
}


class Btf:
    def __init__(self, path):
        out = subprocess.run([bpftool(), "btf", "dump", "-j", "file", path], check=True,
                             capture_output=True).stdout
        self.types = {t["id"]: t for t in json.loads(out)["types"]}
        self.named, self.values = {}, {}
        for t in self.types.values():
            if t["kind"] in ("STRUCT", "TYPEDEF"):
                self.named.setdefault(t["name"], t)
            for v in t.get("values", []):
                self.values[v["name"]] = v["val"]

    def members(self, t):
        """Of a struct, those of its anonymous members included."""
        for m in t["members"]:
            inner = self.types[m["type_id"]]
            if m["name"] == "(anon)":
                yield from self.members(inner)
            else:
                yield m["name"], inner

    def body(self, name):
        t = self.named[name]
        while t["kind"] == "TYPEDEF":
            t = self.types[t["type_id"]]
        return t

    def declare(self, t, what):
        """`what` as a variable of type t."""
        kind = t["kind"]
        if kind in ("CONST", "VOLATILE", "TYPE_TAG"):
            return self.declare(self.types[t["type_id"]], what)
        if kind == "TYPEDEF":
            if t["name"] in KEEP:
                return f"{t['name']} {what}"
            return self.declare(self.types[t["type_id"]], what)
        if kind == "PTR":
            return self.declare(self.types[t["type_id"]], "*" + what) if t["type_id"] else f"void *{what}"
        if kind == "ARRAY":
            return self.declare(self.types[t["type_id"]], f"{what}[{t['nr_elems']}]")
        if kind == "INT":
            return f"{t['name']} {what}"
        if kind == "ENUM":
            return f"unsigned int {what}"
        if kind == "STRUCT" and t["name"] in KEEP:
            return f"struct {t['name']} {what}"
        if what.startswith("*"):
            return f"struct {t['name']} {what}" if kind in ("STRUCT", "FWD") else f"void {what}"
        raise SystemExit(f"{what}: do not know how to write its type; put it into SPELLED")


def bpftool():
    return "/usr/sbin/bpftool" if os.path.exists("/usr/sbin/bpftool") else "bpftool"


def by_value(btf):
    """Structs in an order in which what is embedded comes first."""
    done, order = set(), []

    def visit(name):
        if name in done:
            return
        done.add(name)
        for member, t in btf.members(btf.body(name)):
            while t["kind"] in ("CONST", "VOLATILE", "ARRAY") or (
                    t["kind"] == "TYPEDEF" and t["name"] not in KEEP):
                t = btf.types[t["type_id"]]
            if member in KEEP[name] and t["name"] in KEEP and t["kind"] != "PTR":
                visit(t["name"])
            if (name, member) == ("unix_address", "name"):
                visit("sockaddr_un")
        order.append(name)

    for name in KEEP:
        visit(name)
    return order


def write_struct(btf, name, out):
    found = dict(btf.members(btf.body(name)))
    out.append("typedef struct {" if btf.named[name]["kind"] == "TYPEDEF" else f"struct {name} {{")
    for member in KEEP[name]:
        if (name, member) in SPELLED:
            out.append(f"\t{SPELLED[name, member]};")
        elif member in found:
            out.append(f"\t{btf.declare(found[member], member)};")
        else:
            raise SystemExit(f"struct {name} has no {member} in this kernel")
    out.append(f"}} {name};\n" if btf.named[name]["kind"] == "TYPEDEF" else "};\n")


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "/sys/kernel/btf/vmlinux"
    btf = Btf(path)
    release = os.uname().release
    types = []
    for name in by_value(btf):
        if KEEP[name]:
            write_struct(btf, name, types)
    enums = "".join(f"\t{name} = {btf.values[name]},\n" for name in ENUMS)
    here = os.path.dirname(os.path.abspath(__file__))
    for arch, regs in REGS.items():
        os.makedirs(f"{here}/{arch}", exist_ok=True)
        with open(f"{here}/{arch}/vmlinux.h", "w", encoding="ascii") as f:
            f.write(f"/* Generated by vmlinux/generate.py from the BTF of Linux {release.split('-')[0]}. "
                    "SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */\n#pragma once\n\n"
                    "#define __VMLINUX_H__ /* bpf_tracing.h asks: registers have the kernel's names */\n\n")
            f.write(BASE + "\nenum {\n" + enums + "};\n\n")
            f.write("#pragma clang attribute push(__attribute__((preserve_access_index)), "
                    "apply_to = record)\n\n")
            f.write(regs + "\n" + "\n".join(types) + "\n#pragma clang attribute pop\n")


main()
