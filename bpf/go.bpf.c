// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Plaintext through Go's crypto/tls.
 *
 * Hooks: places inside (*tls.Conn).Write and Read that src/probe/finder/go.c has found; the
 * attach cookie says what each is. Never return probes: Go moves stacks and walks them, and would
 * find a return address that is not its own.
 *
 * At most of them all is at hand. Where Read is seen only at its start and its returns, its
 * arguments are kept by goroutine and frame. Frames are named by their distance from the stack's
 * upper end, which stays the same when Go moves the stack; so is a buffer that lies on the stack
 * itself.
 *
 * Write and Read hold the direction's lock of the connection at their places, so positions are in
 * order. What is written is told before it is sent: the answer may be read by another thread
 * before Write returns, and a connection on which writing failed does not write again.
 */
#include "go.bpf.h"

#define ABI_GO_RECORD	 32 /* enum probe_abi of src/probe/finder/target.h */
#define ABI_GO_COPY	 33
#define ABI_GO_LEAVE	 34
#define ABI_GO_ERROR	 35
#define ABI_GO_ENTER	 36
#define ABI_GO_CLOSE	 37
#define ABI_GO_HANDSHAKE 38

#define RECORD_DATA	 23 /* of a TLS record: application data, not the protocol's own */

#if defined(__TARGET_ARCH_arm64)
#define GO_ARG0(ctx) ((ctx)->regs[0])
#define GO_ARG1(ctx) ((ctx)->regs[1])
#define GO_ARG2(ctx) ((ctx)->regs[2])
#define GO_ARG3(ctx) ((ctx)->regs[3])
#else
#define GO_ARG0(ctx) ((ctx)->ax)
#define GO_ARG1(ctx) ((ctx)->bx)
#define GO_ARG2(ctx) ((ctx)->cx)
#define GO_ARG3(ctx) ((ctx)->di)
#endif

struct go_frame {
	struct go_routine routine;
	__u64 depth; /* below the stack's upper end */
};

struct go_call {
	__u64 conn, buf, num;
	__u64 moves; /* buf: distance from the stack's upper end */
};

/* Calls under way; the prober sweeps those of dead processes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct go_frame);
	__type(value, struct go_call);
} go_calls SEC(".maps");

/* The goroutine's stack: the first two words of its struct. */
struct go_stack {
	__u64 lo, hi;
};

static __always_inline bool go_frame_of(struct pt_regs *ctx, const struct actor *a,
					struct go_frame *frame, struct go_stack *stack)
{
	__u64 g = GO_G(ctx), sp = PT_REGS_SP(ctx);

	if (bpf_probe_read_user(stack, sizeof(*stack), (void *)g) || sp < stack->lo ||
	    sp > stack->hi) {
		count_loss(SONDE_LOSS_ARGS, 1);
		return false;
	}
	frame->routine = go_routine_of(a, g);
	frame->depth = stack->hi - sp;
	return true;
}

/* The goroutine's next TLS record goes to the connection's socket. */
static __always_inline void await_socket(const struct actor *a, __u64 g, __u64 object)
{
	struct go_routine r = go_routine_of(a, g);

	go_seen = 1;
	bpf_map_update_elem(&go_waiting, &r, &object, BPF_ANY); /* full: it stays unknown */
}

/* A repeated entry, after the stack has grown, is the same frame. */
static __always_inline int go_enter(struct pt_regs *ctx, const struct actor *a)
{
	struct go_frame frame = {};
	struct go_call call = {};
	struct go_stack stack;

	if (!go_frame_of(ctx, a, &frame, &stack))
		return 0;
	call.conn = GO_ARG0(ctx);
	call.buf = GO_ARG1(ctx);
	call.num = GO_ARG2(ctx);
	call.moves = call.buf >= stack.lo && call.buf < stack.hi;
	if (call.moves)
		call.buf = stack.hi - call.buf;
	if (bpf_map_update_elem(&go_calls, &frame, &call, BPF_ANY))
		count_loss(SONDE_LOSS_ARGS, 1);
	return 0;
}

/* Bytes that pass: @t's buf and left, of the connection whose object's address is @object. */
static __always_inline void go_deliver(struct transfer *t, __u64 object, __u64 g, bool may_sleep)
{
	struct tls_conn *conn = tls_conn_get(&t->actor, object, t->source);
	struct flow *f;

	if (!conn)
		return;
	if (t->dir == SONDE_DIR_OUT && !conn->sock)
		await_socket(&t->actor, g, object);
	f = &conn->flow[t->dir == SONDE_DIR_OUT];
	t->conn = conn->id;
	t->room = t->left;
	t->pos = __sync_fetch_and_add(&f->pos, t->left);
	deliver(t, f, verdict_of(t->conn, SONDE_VERDICT_COPY) == SONDE_VERDICT_COPY ? ~0ULL : 0,
		may_sleep);
}

/* Whether Read returns io.EOF: (n, type of the error, pointer to its text and the text's length) */
static __always_inline bool returns_eof(struct pt_regs *ctx)
{
	__u64 type = GO_ARG1(ctx), error = GO_ARG2(ctx), text[2];
	char eof[3];

	return type && !bpf_probe_read_user(text, sizeof(text), (void *)error) &&
	       text[1] == sizeof(eof) && !bpf_probe_read_user(eof, sizeof(eof), (void *)text[0]) &&
	       eof[0] == 'E' && eof[1] == 'O' && eof[2] == 'F';
}

static __always_inline void go_eof(struct pt_regs *ctx, struct transfer *t, __u64 object)
{
	struct tls_key key = key_of(&t->actor, object);
	struct tls_conn *conn;

	if (!returns_eof(ctx))
		return;
	conn = bpf_map_lookup_elem(&tls_conns, &key);
	if (!conn)
		return;
	t->conn = conn->id;
	put_eof(t, &conn->flow[SONDE_DIR_IN]);
}

/* What Read was called with; it has moved @n bytes. The connection's address, or 0. */
static __always_inline __u64 go_leave(struct pt_regs *ctx, struct transfer *t, __s64 n)
{
	struct go_call *found, call;
	struct go_frame frame = {};
	struct go_stack stack;

	if (!go_frame_of(ctx, &t->actor, &frame, &stack))
		return 0;
	found = bpf_map_lookup_elem(&go_calls, &frame);
	if (!found) /* begun before the probes came */
		return 0;
	call = *found;
	bpf_map_delete_elem(&go_calls, &frame);
	if (n > 0)
		t->left = (__u64)n < call.num ? (__u64)n : call.num;
	t->buf = call.moves ? stack.hi - call.buf : call.buf;
	return call.conn;
}

/* Where the cookie says that the receiver is. */
static __always_inline __u64 go_receiver(struct pt_regs *ctx, __u64 cookie)
{
	__u64 at = PT_REGS_SP(ctx) + (cookie >> SONDE_COOKIE_DETAIL_SHIFT & 0xffff), conn;

	if (!bpf_probe_read_user(&conn, sizeof(conn), (void *)at))
		return conn;
	count_loss(SONDE_LOSS_FAULT, 1);
	return 0;
}

/* memmove(to, from, n) */
static __always_inline __u64 go_copy(struct pt_regs *ctx, struct transfer *t, __u64 cookie)
{
	t->buf = GO_ARG1(ctx);
	t->left = GO_ARG2(ctx);
	return go_receiver(ctx, cookie);
}

/* writeRecordLocked(conn, type, pointer, length) */
static __always_inline __u64 go_record(struct pt_regs *ctx, struct transfer *t)
{
	t->buf = GO_ARG2(ctx);
	t->left = GO_ARG3(ctx);
	return (__u8)GO_ARG1(ctx) == RECORD_DATA ? GO_ARG0(ctx) : 0;
}

static __always_inline int go_data(struct pt_regs *ctx, bool may_sleep)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), conn;
	__u32 abi = cookie & SONDE_COOKIE_KIND;
	struct transfer t = {};

	if (!current_actor(&t.actor))
		return 0;
	t.source = cookie >> SONDE_COOKIE_SOURCE_SHIFT;
	t.dir = cookie & SONDE_COOKIE_WRITE ? SONDE_DIR_OUT : SONDE_DIR_IN;
	switch (abi) {
	case ABI_GO_RECORD:
		conn = go_record(ctx, &t);
		break;
	case ABI_GO_COPY:
		conn = go_copy(ctx, &t, cookie);
		break;
	case ABI_GO_ERROR:
		conn = go_receiver(ctx, cookie);
		break;
	default:
		conn = go_leave(ctx, &t, GO_ARG0(ctx));
	}
	if (conn && t.left)
		go_deliver(&t, conn, GO_G(ctx), may_sleep);
	if (conn && abi >= ABI_GO_LEAVE)
		go_eof(ctx, &t, conn);
	return 0;
}

SEC("uprobe")
int go_moved(struct pt_regs *ctx)
{
	return go_data(ctx, false);
}

SEC("uprobe.s")
int go_moved_sleepable(struct pt_regs *ctx)
{
	return go_data(ctx, true);
}

/* A call begins, a connection begins or ends. */
SEC("uprobe")
int go_begins(struct pt_regs *ctx)
{
	__u32 abi = bpf_get_attach_cookie(ctx) & SONDE_COOKIE_KIND;
	struct actor a;

	if (!current_actor(&a))
		return 0;
	if (abi == ABI_GO_ENTER)
		return go_enter(ctx, &a);
	/* A connection that nobody closed may have left its memory to the one that begins. */
	tls_conn_end(GO_ARG0(ctx));
	if (abi == ABI_GO_HANDSHAKE)
		await_socket(&a, GO_G(ctx), GO_ARG0(ctx));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
