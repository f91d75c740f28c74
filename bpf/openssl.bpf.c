// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Plaintext through OpenSSL and its forks, GnuTLS and NSS.
 *
 *	int SSL_write(SSL *ssl, const void *buf, int num)	how many bytes, or <= 0
 *	int SSL_write_ex(SSL *ssl, const void *buf, size_t num, size_t *done)	1 or not
 *	int SSL_write_ex2(SSL *ssl, const void *buf, size_t num, uint64_t flags, size_t *done)
 *	ssize_t gnutls_record_send(session, data, size_t num)	how many bytes, or < 0
 *	ssize_t _gnutls_recv_int(session, type, data, size_t num)	likewise
 *	PRInt32 ssl_Send(fd, buf, PRInt32 num, PRIntn flags)	likewise
 *	ssize_t SSL_sendfile(ssl, fd, off_t offset, size_t size, flags)	how many bytes; nothing to
 *read
 *
 * and the same for the other direction.
 *
 * Entry parks the arguments, everything is exported at return: a write that said WANT_WRITE comes
 * again with the same bytes. The attach cookie says which function it is. Entry and exit need not
 * be the first and last instruction (src/probe/finder/target.h), so an exit can be missed: a
 *thread's calls are kept as a stack and matched by the stack pointer.
 */
#include "session.bpf.h"
#include "tls_descriptor.bpf.h"

#define ABI_RW		   0 /* enum probe_abi of src/probe/finder/target.h */
#define ABI_RW_EX	   1
#define ABI_RW_EX2	   2
#define ABI_FREE	   3
#define ABI_RW_SIZE	   5
#define ABI_RW_TYPED	   6
#define ABI_RW_FLAGS	   7
#define ABI_QUIET	   8
#define ABI_HANDSHAKE	   10
#define ABI_TOTAL	   14

#define PR_MSG_PEEK	   2
#define APPLICATION_DATA   23 /* a record type of TLS */
#define GNUTLS_AGAIN	   (-28)
#define GNUTLS_INTERRUPTED (-52)

#define RETURN_POPS	   8 /* a return probe's stack pointer lies at most so far above */

/* Forgets calls whose frames are gone: their exits were not seen. */
static __always_inline void unwind(struct tls_thread *t, __u64 sp)
{
	for (int i = 0; i < TLS_DEPTH; i++) {
		struct tls_call *c = tls_top(t);

		if (c && c->sp < sp)
			t->depth--;
	}
}

/* What the function was given, as its kind has it. */
static __always_inline void take_args(struct tls_call *c, struct pt_regs *ctx)
{
	c->buf = PT_REGS_PARM2(ctx);
	c->num = PT_REGS_PARM3(ctx);
	c->done = 0;
	switch (c->cookie & SONDE_COOKIE_KIND) {
	case ABI_RW:
		c->num = (__u32)c->num;
		break;
	case ABI_RW_EX:
		c->done = PT_REGS_PARM4(ctx);
		break;
	case ABI_RW_EX2:
		c->done = PT_REGS_PARM5(ctx);
		break;
	case ABI_RW_TYPED:
		c->num = (__u32)c->buf == APPLICATION_DATA ? PT_REGS_PARM4(ctx) : 0;
		c->buf = PT_REGS_PARM3(ctx);
		break;
	case ABI_RW_FLAGS:
		c->num = PT_REGS_PARM4(ctx) & PR_MSG_PEEK ? 0 : (__u32)c->num;
		break;
	case ABI_QUIET:
		c->num = 0;
		break;
	case ABI_TOTAL:
		c->num = ~0ULL;
		break;
	}
}

/* How far the connection has come in the call's direction; one that is not known yet: nowhere. */
static __always_inline __u64 position(const struct actor *a, const struct tls_call *c)
{
	struct tls_key key = key_of(a, c->ssl);
	const struct tls_conn *conn = bpf_map_lookup_elem(&tls_conns, &key);

	return conn ? conn->flow[!!(c->cookie & SONDE_COOKIE_WRITE)].pos : 0;
}

/* Whether the call is inside one that says that it moves nothing new. */
static __always_inline bool is_quiet(const struct tls_call *outer, const struct tls_call *c)
{
	return outer && (outer->cookie & SONDE_COOKIE_KIND) == ABI_QUIET && outer->ssl == c->ssl &&
	       (outer->cookie & SONDE_COOKIE_WRITE) == (c->cookie & SONDE_COOKIE_WRITE);
}

static __always_inline int enter(struct pt_regs *ctx, const struct actor *a)
{
	struct tls_thread *t = bpf_task_storage_get(&tls_threads, bpf_get_current_task_btf(), 0,
						    BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct tls_call *c, *outer;
	__u64 cookie = bpf_get_attach_cookie(ctx);
	/* Where it was when the function began: a call from its frame lies below. */
	__u64 sp = PT_REGS_SP(ctx) + (cookie >> SONDE_COOKIE_DETAIL_SHIFT & 0xffff);

	if (!t) {
		count_loss(SONDE_LOSS_ARGS, 1);
		return 0;
	}
	unwind(t, sp + 1); /* a repeated call has the same frame */
	if (t->depth >= TLS_DEPTH) {
		count_loss(SONDE_LOSS_ARGS, 1);
		return 0;
	}
	outer = tls_top(t);
	if (outer && (cookie & SONDE_COOKIE_KIND) != ABI_HANDSHAKE) {
		outer->left = 1;
		outer->sock = 0;
	}
	t->depth++;
	c = tls_top(t);
	if (!c)
		return 0;
	c->ssl = PT_REGS_PARM1(ctx);
	c->sp = sp;
	c->sock = c->tls_sock = 0;
	c->left = 0;
	c->cookie = cookie;
	take_args(c, ctx);
	if ((cookie & SONDE_COOKIE_KIND) == ABI_TOTAL)
		c->buf = position(a, c);
	if (is_quiet(outer, c))
		c->num = 0;
	return 0;
}

/* How many bytes the call has moved: none where it failed. */
static __always_inline __u64 moved(const struct tls_call *c, __s64 rc)
{
	__u64 n = 0;

	if (rc <= 0)
		return 0;
	if (!c->done)
		n = rc;
	else if (rc != 1 || bpf_probe_read_user(&n, sizeof(n), (void *)c->done))
		return 0;
	return n < c->num ? n : c->num;
}

/* The result as its type has it. */
static __always_inline __s64 result(const struct tls_call *c, struct pt_regs *ctx)
{
	__u32 abi = c->cookie & SONDE_COOKIE_KIND;
	__s64 rc = PT_REGS_RC(ctx);

	return abi == ABI_RW_SIZE || abi == ABI_RW_TYPED || abi == ABI_TOTAL ? rc : (int)rc;
}

/*
 * GnuTLS takes a record's bytes before it says "again", and then may be called without any: so they
 * are counted when they are known to have gone, and read from where they were, if they still are.
 */
static __always_inline void hold(struct tls_conn *conn, const struct tls_call *c)
{
	struct held *h = &conn->held;
	__u64 n = c->num < HELD_BYTES ? c->num : HELD_BYTES;

	h->buf = c->buf;
	h->num = c->num;
	__builtin_memset(h->head, 0, sizeof(h->head));
	barrier_var(n);
	if (n > HELD_BYTES || bpf_probe_read_user(h->head, n, (void *)c->buf))
		h->num = 0;
}

/* All at once: the verifier would follow a branch for each byte. */
static __always_inline bool still_there(const struct held *h)
{
	__u64 n = h->num < HELD_BYTES ? h->num : HELD_BYTES;
	__u64 now[HELD_WORDS] = {}, differ = 0;

	barrier_var(n);
	if (!n || n > HELD_BYTES || bpf_probe_read_user(now, n, (void *)h->buf))
		return false;
	for (__u32 i = 0; i < HELD_WORDS; i++)
		differ |= now[i] ^ h->head[i];
	return !differ;
}

/* True where the call has continued an earlier one; then @t says what went. */
static __always_inline bool resume(struct tls_conn *conn, const struct tls_call *c, __s64 rc,
				   struct transfer *t)
{
	struct held *h = &conn->held;

	if (c->num || c->buf || rc <= 0 || !h->num)
		return false;
	t->left = (__u64)rc < h->num ? (__u64)rc : h->num;
	if (still_there(h)) {
		t->buf = h->buf;
		t->room = t->left;
	}
	return true;
}

static __always_inline bool is_again(const struct tls_call *c, __s64 rc)
{
	return (c->cookie & SONDE_COOKIE_KIND) == ABI_RW_SIZE && c->cookie & SONDE_COOKIE_WRITE &&
	       c->num && (rc == GNUTLS_AGAIN || rc == GNUTLS_INTERRUPTED);
}

/* The call without data that a thread may have continued an earlier one with. */
static __always_inline bool may_resume(const struct tls_call *c, __s64 rc)
{
	return (c->cookie & SONDE_COOKIE_KIND) == ABI_RW_SIZE && c->cookie & SONDE_COOKIE_WRITE &&
	       !c->num && !c->buf && rc > 0;
}

/* What the call has moved and none inside it has told, a gap. */
static __always_inline int add_untold(const struct tls_call *c, struct flow *f, struct transfer *t)
{
	__u64 told = f->pos < c->buf ? f->pos : f->pos - c->buf;

	if (told >= t->left)
		return 0;
	t->left -= told;
	t->call_len = t->left;
	t->pos = __sync_fetch_and_add(&f->pos, t->left);
	return add_gap(f, t, t->left, SONDE_GAP_UNSEEN);
}

static __always_inline int leave(struct pt_regs *ctx, const struct actor *a, bool may_sleep)
{
	struct tls_thread *thread =
		bpf_task_storage_get(&tls_threads, bpf_get_current_task_btf(), 0, 0);
	struct transfer t = { .actor = *a };
	struct tls_call *c, call;
	struct tls_conn *conn;
	struct flow *f;
	bool eof;
	__s64 rc;

	if (!thread)
		return 0;
	unwind(thread, PT_REGS_SP(ctx) - RETURN_POPS);
	c = tls_top(thread);
	if (!c) {
		count_loss(SONDE_LOSS_ARGS, 1);
		return 0;
	}
	call = *c;
	thread->depth--;
	if ((call.cookie & SONDE_COOKIE_KIND) == ABI_HANDSHAKE)
		return tls_conn_shakes(a, call.ssl, call.tls_sock);
	rc = result(&call, ctx);
	t.left = moved(&call, rc);
	t.source = call.cookie >> SONDE_COOKIE_SOURCE_SHIFT;
	t.dir = call.cookie & SONDE_COOKIE_WRITE ? SONDE_DIR_OUT : SONDE_DIR_IN;
	eof = rc == 0 && !call.done && call.num && t.dir == SONDE_DIR_IN;
	if (!t.left && t.dir == SONDE_DIR_IN)
		thread->loose.reads = 0; /* what the socket received was no data */
	if (!t.left && !eof && !is_again(&call, rc) && !may_resume(&call, rc))
		return 0;
	conn = tls_conn_get(a, call.ssl, t.source);
	if (conn && t.dir == SONDE_DIR_OUT && tls_conn_moved(conn, call.tls_sock)) {
		tls_conn_end(call.ssl);
		conn = tls_conn_get(a, call.ssl, t.source);
	}
	if (!conn)
		return 0;
	if (t.dir == SONDE_DIR_OUT && call.tls_sock)
		conn->out_sock = call.tls_sock;
	if (!conn->sock)
		link_told(a, conn, call.ssl);
	link_nested(a, conn, &call);
	if (!conn->sock && t.left && t.dir == SONDE_DIR_OUT)
		loose_wrote(thread, call.ssl, t.left);
	else if (!conn->sock && t.left)
		loose_read(a, thread, conn, t.left);
	f = &conn->flow[t.dir == SONDE_DIR_OUT];
	t.conn = conn->id;
	if (is_again(&call, rc)) {
		hold(conn, &call);
		return 0;
	}
	if (eof) { /* SSL_read said 0: the peer closed */
		put_eof(&t, f);
		return 0;
	}
	if ((call.cookie & SONDE_COOKIE_KIND) == ABI_TOTAL)
		return add_untold(&call, f, &t);
	if (t.left) {
		t.buf = call.buf;
		t.room = t.left;
	} else if (!resume(conn, &call, rc, &t)) {
		return 0;
	}
	conn->held.num = 0;
	t.pos = __sync_fetch_and_add(&f->pos, t.left);
	if (!t.room) {
		t.call_len = t.left;
		return add_gap(f, &t, t.left, SONDE_GAP_UNSEEN);
	}
	deliver(&t, f, verdict_of(t.conn, SONDE_VERDICT_COPY) == SONDE_VERDICT_COPY ? ~0ULL : 0,
		may_sleep);
	return 0;
}

SEC("uprobe")
int tls_enter(struct pt_regs *ctx)
{
	struct actor a;

	return current_actor(&a) ? enter(ctx, &a) : 0;
}

SEC("uprobe")
int tls_leave(struct pt_regs *ctx)
{
	struct actor a;

	return current_actor(&a) ? leave(ctx, &a, false) : 0;
}

SEC("uprobe.s")
int tls_leave_sleepable(struct pt_regs *ctx)
{
	struct actor a;

	return current_actor(&a) ? leave(ctx, &a, true) : 0;
}

/* Entry and return in one: a process that is not traced does not pay for the return. */
SEC("uprobe.s")
int tls_session(struct pt_regs *ctx)
{
	struct actor a;

	if (!current_actor(&a))
		return 1; /* no return probe for this call */
	if (session_is_return(ctx))
		leave(ctx, &a, true);
	else
		enter(ctx, &a);
	return 0; /* the kernel takes 0 and 1, and must see that it is one of them */
}

/* SSL_free: the connection ends. SSL_clear: the object begins another. */
SEC("uprobe")
int tls_forget(struct pt_regs *ctx)
{
	struct actor a;

	if ((bpf_get_attach_cookie(ctx) & SONDE_COOKIE_KIND) == ABI_FREE && current_actor(&a))
		forget_descriptor(&a, PT_REGS_PARM1(ctx));
	return tls_conn_end(PT_REGS_PARM1(ctx));
}

/* SSL_set_fd */
SEC("uprobe")
int tls_descriptor(struct pt_regs *ctx)
{
	struct actor a;

	return current_actor(&a) ? take_descriptor(&a, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx)) : 0;
}

/* SSL_new, at return: what was at that address is gone, if nobody saw it end. */
SEC("uprobe")
int tls_begin(struct pt_regs *ctx)
{
	return tls_conn_end(PT_REGS_RC(ctx));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
