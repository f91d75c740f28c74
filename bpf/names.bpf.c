// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * How processes in scope change names of files and folders: rename, remove, make, link.
 *
 * Hooks: the exits of the calls, which say whether it was done or refused. All that is left of the
 * path there is what the call was given. Which argument is what is in the attach cookie.
 */
#include "file.bpf.h"

#define AT_REMOVEDIR 0x200

static __always_inline __u32 op_of(__u64 cookie, __u64 flags)
{
	__u32 op = cookie & SONDE_COOKIE_KIND;

	return op == SONDE_FILE_REMOVED && flags & AT_REMOVEDIR ? SONDE_FILE_REMOVED_FOLDER : op;
}

/* Both names of a call, and what it did with them. */
static __noinline int tell_named(const struct actor *a, struct slot *slot, __u64 cookie, int result)
{
	struct sonde_file_event *e = file_begin(slot);
	__u64 flags = argument(cookie, SONDE_COOKIE_FLAGS_SHIFT);
	__u64 path2 = argument(cookie, SONDE_COOKIE_PATH2_SHIFT);
	__u32 len, op = op_of(cookie, flags);

	len = put_given(slot, 0, folder(cookie, SONDE_COOKIE_FD_SHIFT),
			argument(cookie, SONDE_COOKIE_PATH_SHIFT));
	if (len > SONDE_PATH_MAX)
		return 0;
	if (len && is_system(slot->text)) { /* /proc/self/fd/3 gets a name */
		if (!path2)
			return 0;
		len = 0;
	}
	e->path_len = len;
	if (path2) {
		e->path2_len = put_given(slot, len, folder(cookie, SONDE_COOKIE_FD2_SHIFT), path2);
		if (is_system(&slot->text[len]))
			return 0;
	}
	e->op = result ? SONDE_FILE_REFUSED : op;
	e->result = result;
	return file_tell(a, slot);
}

/* A symbolic link: its text is no path yet. */
static __noinline int tell_symbolic(const struct actor *a, struct slot *slot, __u64 cookie,
				    int result)
{
	struct sonde_file_event *e = file_begin(slot);
	__u64 text = argument(cookie, SONDE_COOKIE_PATH_SHIFT);
	long len = bpf_probe_read_user_str(slot->text, SONDE_PATH_MAX, (void *)text);

	if (len < 0 || len > SONDE_PATH_MAX) {
		count_loss(SONDE_LOSS_FAULT, 1);
		len = 0;
	}
	e->path_len = len;
	e->path2_len = put_given(slot, len, folder(cookie, SONDE_COOKIE_FD2_SHIFT),
				 argument(cookie, SONDE_COOKIE_PATH2_SHIFT));
	e->flags = SONDE_FILE_SYMBOLIC;
	e->op = result ? SONDE_FILE_REFUSED : SONDE_FILE_LINKED;
	e->result = result;
	return file_tell(a, slot);
}

SEC("tracepoint/syscalls/sys_exit_renameat2")
int file_named(struct trace_event_raw_sys_exit *ctx)
{
	struct slot *slot;
	struct actor a;
	__u64 cookie;

	if ((ctx->ret && !is_refusal(ctx->ret)) || !current_known_actor(&a))
		return 0;
	cookie = bpf_get_attach_cookie(ctx);
	slot = slot_take();
	if (!slot) {
		count_loss(SONDE_LOSS_FILES, 1);
		return 0;
	}
	if (cookie & SONDE_COOKIE_SYMBOLIC)
		tell_symbolic(&a, slot, cookie, ctx->ret);
	else
		tell_named(&a, slot, cookie, ctx->ret);
	slot_give(slot);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
