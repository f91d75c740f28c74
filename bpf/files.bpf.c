// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which regular files processes in scope write, and which they may not.
 *
 * Hooks: exits of the calls that open and write; entries of those that close, where the file can
 * still be seen. A descriptor also closes in execve() and when its process exits: there all that
 * are open are looked through. fentry on fput() would see every end at once, but is refused on
 * hardened kernels.
 *
 * A file is told when its last descriptor closes; before that, when a process that wrote to it
 * closes its own: so it is the command that is named, not the shell that opened its output.
 */
#include "file.bpf.h"

#define O_ACCMODE	    3
#define O_WRONLY	    1
#define O_TRUNC		    01000
#define FMODE_WRITE	    2
#define FMODE_CREATED	    (1 << 20)
#define PROT_WRITE	    2
#define MAP_SHARED	    1
#define MAP_ANONYMOUS	    0x20
#define WORDS_MAX	    64 /* of 64 descriptors, looked through when a process ends */
#define CLOSE_RANGE_CLOEXEC 4

/* An open file that may be or was written to. */
struct open_file {
	__u64 ino;   /* tells another file at the same address */
	__u64 bytes; /* since it was told last */
	__u32 flags; /* FILE_* */
	__u32 tgid;  /* who wrote last */
};

#define FILE_CHANGED 1 /* made or emptied, not told yet */
#define FILE_MAPPED  2
#define FILE_TOLD    4

/*
 * By struct file *. Not every end is seen (another process may have been sent the descriptor), so
 * the oldest makes room; what is written to later is entered again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct open_file);
} open_files SEC(".maps");

#define SB_KERNMOUNT (1 << 22) /* no mount of it is seen: memfd, anonymous shared memory */

/* What has no files but in name. */
static __always_inline bool is_pseudo(__u64 magic)
{
	switch (magic) {
	case 0x9fa0:	 /* proc */
	case 0x62656572: /* sysfs */
	case 0x64626720: /* debugfs */
	case 0x74726163: /* tracefs */
	case 0x27e0eb:	 /* cgroup */
	case 0x63677270: /* cgroup2 */
	case 0xcafe4a11: /* bpf */
	case 0x62656570: /* configfs */
		return true;
	}
	return false;
}

static __always_inline bool is_remote(__u64 magic)
{
	switch (magic) {
	case 0x65735546: /* fuse */
	case 0x6969:	 /* nfs */
	case 0xff534d42: /* cifs */
	case 0xfe534d42: /* smb2 */
	case 0x1021997:	 /* 9p */
	case 0xc36400:	 /* ceph */
	case 0x5346414f: /* afs */
		return true;
	}
	return false;
}

/* Whether it is told what is written to a file. */
static __always_inline bool is_file(struct inode *inode)
{
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);

	return (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFREG &&
	       !(BPF_CORE_READ(sb, s_flags) & SB_KERNMOUNT) &&
	       !is_pseudo(BPF_CORE_READ(sb, s_magic));
}

/* From the kernel's to what stat(2) has. */
static __always_inline __u64 stat_dev(__u32 dev)
{
	__u32 major = dev >> 20, minor = dev & 0xfffff;

	return (minor & 0xff) | (__u64)major << 8 | (__u64)(minor & ~0xff) << 12;
}

/* --- opening --- */

static __always_inline __u64 open_flags(__u64 cookie)
{
	__u64 flags = argument(cookie, SONDE_COOKIE_FLAGS_SHIFT);

	if (!(cookie >> SONDE_COOKIE_FLAGS_SHIFT & 0xf)) /* creat() */
		return O_WRONLY | O_TRUNC;
	if (cookie & SONDE_COOKIE_FLAGS_POINTER &&
	    bpf_probe_read_user(&flags, sizeof(flags), (void *)flags))
		return 0;
	return flags;
}

static __noinline int tell_refused(const struct actor *a, __u64 cookie, int result)
{
	struct slot *slot = slot_take();
	struct sonde_file_event *e;

	if (!slot) {
		count_loss(SONDE_LOSS_FILES, 1);
		return 0;
	}
	e = file_begin(slot);
	e->op = SONDE_FILE_REFUSED;
	e->result = result;
	e->path_len = put_given(slot, 0, folder(cookie, SONDE_COOKIE_FD_SHIFT),
				argument(cookie, SONDE_COOKIE_PATH_SHIFT));
	if (e->path_len && !is_system(slot->text))
		file_tell(a, slot);
	slot_give(slot);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_openat")
int file_opened(struct trace_event_raw_sys_exit *ctx)
{
	__u64 cookie, flags, key;
	struct open_file o = {};
	struct inode *inode;
	struct file *file;
	struct actor a;

	if ((ctx->ret < 0 && !is_refusal(ctx->ret)) || !current_known_actor(&a))
		return 0;
	cookie = bpf_get_attach_cookie(ctx);
	flags = open_flags(cookie);
	if (!(flags & O_ACCMODE))
		return 0;
	if (ctx->ret < 0)
		return tell_refused(&a, cookie, ctx->ret);
	file = file_at(ctx->ret);
	inode = BPF_CORE_READ(file, f_inode);
	if (!is_file(inode))
		return 0;
	o.ino = BPF_CORE_READ(inode, i_ino);
	if (flags & O_TRUNC || BPF_CORE_READ(file, f_mode) & FMODE_CREATED)
		o.flags = FILE_CHANGED;
	o.tgid = a.tgid;
	key = (__u64)file;
	bpf_map_update_elem(&open_files, &key, &o, BPF_ANY);
	return 0;
}

/* --- writing --- */

/* What is known of an open file; entered where it was opened before it was traced. */
static __always_inline struct open_file *open_file_get(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u64 key = (__u64)file;
	struct open_file *o = bpf_map_lookup_elem(&open_files, &key), new = {};

	new.ino = BPF_CORE_READ(inode, i_ino);
	if (o && o->ino == new.ino)
		return o;
	if (!(BPF_CORE_READ(file, f_mode) & FMODE_WRITE) || !is_file(inode))
		return NULL;
	new.flags = FILE_TOLD; /* its making is not ours */
	if (bpf_map_update_elem(&open_files, &key, &new, BPF_ANY)) {
		count_loss(SONDE_LOSS_FILES, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&open_files, &key);
}

SEC("tracepoint/syscalls/sys_exit_write")
int file_written(struct trace_event_raw_sys_exit *ctx)
{
	struct open_file *o;
	struct file *file;
	struct actor a;
	__u64 cookie;

	if (ctx->ret < 0 || !current_known_actor(&a))
		return 0;
	cookie = bpf_get_attach_cookie(ctx);
	file = file_at(argument(cookie, SONDE_COOKIE_FD_SHIFT));
	o = file ? open_file_get(file) : NULL;
	if (!o)
		return 0;
	if (cookie & SONDE_COOKIE_COUNTS)
		__sync_fetch_and_add(&o->bytes, ctx->ret);
	else
		o->flags |= FILE_CHANGED;
	o->tgid = a.tgid;
	return 0;
}

/* mmap: (address, length, protection, flags, fd, offset) */
SEC("tracepoint/syscalls/sys_exit_mmap")
int file_mapped(struct trace_event_raw_sys_exit *ctx)
{
	struct open_file *o;
	struct file *file;
	struct actor a;
	__u64 flags;

	if ((ctx->ret < 0 && ctx->ret > -4096) || !(ARG(3) & PROT_WRITE))
		return 0;
	flags = ARG(4);
	if (!(flags & MAP_SHARED) || flags & MAP_ANONYMOUS || !current_known_actor(&a))
		return 0;
	file = file_at(ARG(5));
	o = file ? open_file_get(file) : NULL;
	if (!o)
		return 0;
	o->flags |= FILE_MAPPED | FILE_CHANGED;
	o->tgid = a.tgid;
	return 0;
}

/* --- closing --- */

static __noinline int tell_written(const struct actor *a, struct file *file, struct open_file *o)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct sonde_file_event *e;
	struct slot *slot;

	if (!BPF_CORE_READ(inode, i_nlink)) /* nothing of it remains */
		return 0;
	slot = slot_take();
	if (!slot) {
		count_loss(SONDE_LOSS_FILES, 1);
		return 0;
	}
	e = file_begin(slot);
	e->op = SONDE_FILE_WRITTEN;
	e->dev = stat_dev(BPF_CORE_READ(sb, s_dev));
	e->ino = BPF_CORE_READ(inode, i_ino);
	e->size = BPF_CORE_READ(inode, i_size);
	e->bytes = __sync_lock_test_and_set(&o->bytes, 0);
	if (!(o->flags & FILE_TOLD) && BPF_CORE_READ(file, f_mode) & FMODE_CREATED)
		e->flags |= SONDE_FILE_CREATED;
	if (o->flags & FILE_MAPPED)
		e->flags |= SONDE_FILE_MAPPED;
	if (is_remote(BPF_CORE_READ(sb, s_magic)))
		e->flags |= SONDE_FILE_REMOTE;
	o->flags = (o->flags | FILE_TOLD) & ~FILE_CHANGED;
	if (BPF_CORE_READ(dentry, d_hash.pprev)) /* else it has other names, not this one */
		e->path_len = put_path(slot, (__u64)&file->f_path, 0, 0);
	if (!e->path_len || !is_system(slot->text))
		file_tell(a, slot);
	slot_give(slot);
	return 0;
}

/*
 * A descriptor of the current process, of the open file at @key, is going to be closed. Global, so
 * that it is verified once and apart.
 */
__noinline int file_closes(const struct actor *a, __u64 key)
{
	struct open_file *o = bpf_map_lookup_elem(&open_files, &key);
	struct file *file = (void *)key;
	bool last, changed;

	if (!o || !a)
		return 0;
	last = last_reference(file);
	/* A mapping is a reference, and lasts longer than the descriptor. */
	changed = last || o->flags & FILE_MAPPED ? o->bytes || o->flags & FILE_CHANGED
						 : o->bytes && o->tgid == a->tgid;
	if (o->ino != BPF_CORE_READ(file, f_inode, i_ino))
		last = true; /* another file once lay here */
	else if (changed)
		tell_written(a, file, o);
	if (last)
		bpf_map_delete_elem(&open_files, &key);
	return 0;
}

static __always_inline int closes(const struct actor *a, int fd)
{
	struct file *file = file_at(fd);

	return file ? file_closes(a, (__u64)file) : 0;
}

/* close: (fd) */
SEC("tracepoint/syscalls/sys_enter_close")
int file_closed(struct trace_event_raw_sys_enter *ctx)
{
	struct actor a;

	return current_known_actor(&a) ? closes(&a, ctx->args[0]) : 0;
}

/* dup2, dup3: (fd, fd that becomes it, and is closed before) */
SEC("tracepoint/syscalls/sys_enter_dup3")
int file_replaced(struct trace_event_raw_sys_enter *ctx)
{
	struct actor a;

	return ctx->args[0] != ctx->args[1] && current_known_actor(&a) ? closes(&a, ctx->args[1])
								       : 0;
}

/* Descriptors that close together. */
struct closing {
	struct actor actor;
	struct file **files;
	unsigned long *open, *only; /* bits; only: those alone close. NULL: all that are open */
	unsigned long bits;	    /* left of a word */
	__u32 first, last, word;
};

static __noinline long close_bit(__u32 i, struct closing *c)
{
	__u32 fd = c->word * 64 + i;
	struct file *file = NULL;

	if (!(c->bits >> (i & 63)) || fd > c->last)
		return 1;
	if (!(c->bits >> (i & 63) & 1) || fd < c->first)
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), &c->files[fd]);
	if (file)
		file_closes(&c->actor, (__u64)file);
	return 0;
}

static __noinline long close_word(__u32 i, struct closing *c)
{
	unsigned long only;

	if (i > c->last / 64)
		return 1;
	if (bpf_probe_read_kernel(&c->bits, sizeof(c->bits), &c->open[i]))
		return 1;
	if (c->only && !bpf_probe_read_kernel(&only, sizeof(only), &c->only[i]))
		c->bits &= only;
	c->word = i;
	if (c->bits && have_bpf_loop)
		bpf_loop(64, close_bit, c, 0);
	for (__u32 n = 0; c->bits && !have_bpf_loop && n < 64 && !close_bit(n, c); n++)
		;
	return 0;
}

static __noinline int close_all(struct closing *c, bool on_exec)
{
	struct fdtable *table = bpf_get_current_task_btf()->files->fdt;
	__u32 n = table->max_fds;

	if (!n)
		return 0;
	c->files = table->fd;
	c->open = table->open_fds;
	c->only = on_exec ? table->close_on_exec : NULL;
	if (c->last >= n)
		c->last = n - 1;
	if (c->last / 64 >= WORDS_MAX)
		count_loss(SONDE_LOSS_FILES, 1);
	if (have_bpf_loop)
		bpf_loop(WORDS_MAX, close_word, c, 0);
	else
		close_word(0, c);
	return 0;
}

/* close_range: (first, last, flags) */
SEC("tracepoint/syscalls/sys_enter_close_range")
int files_closed(struct trace_event_raw_sys_enter *ctx)
{
	struct closing c = { .first = ctx->args[0], .last = ctx->args[1] };

	if (ctx->args[2] & CLOSE_RANGE_CLOEXEC || !current_known_actor(&c.actor))
		return 0;
	return close_all(&c, false);
}

/* Where it fails, what was written so far has been told. */
SEC("tracepoint/syscalls/sys_enter_execve")
int files_exec(struct trace_event_raw_sys_enter *ctx)
{
	struct closing c = { .last = ~0u };

	return current_known_actor(&c.actor) ? close_all(&c, true) : 0;
}

/* Before on_exit, which ends the scope. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(files_exit, struct task_struct *p)
{
	struct closing c = { .last = ~0u };

	if (p->signal->live.counter > 0 || !current_known_actor(&c.actor))
		return 0;
	return close_all(&c, false);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
