// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What processes in scope read and write on TCP and Unix stream sockets, and on pipes.
 *
 * Hooks: the exits of the system calls; their arguments are still in the saved registers, so a
 * call that was already blocked when the probes came is seen as well. For a process that is not in
 * scope each costs one hash lookup.
 *
 * The first bytes of each direction decide: TLS records are only counted (the files for TLS
 * libraries have the plaintext), HTTP is copied, of anything else 4 KiB until the engine says what
 * it is; JSON between processes is talk.bpf.h's. The attach cookie is the direction.
 */
#include "go.bpf.h"
#include "records.bpf.h"
#include "talk_bytes.bpf.h"
#include "tls_link.bpf.h"
#include "waits.bpf.h"

#define MSG_OOB	      1
#define MSG_PEEK      2
#define MSG_TRUNC     0x20
#define MSG_ERRQUEUE  0x2000
#define TLS_HANDSHAKE 22 /* a record type */
#define MESSAGES_MAX  16 /* of one recvmmsg or sendmmsg; what follows is a gap */

/* In struct msghdr and struct mmsghdr of 64-bit programs. */
#define MSG_IOV_OFFSET	16
#define MMSG_LEN_OFFSET 56
#define MMSG_SIZE	64

static __always_inline bool is_tls(const __u8 *b)
{
	return b[0] >= 20 && b[0] <= 24 && b[1] == 3 && b[2] <= 4;
}

static __always_inline bool is_http(const __u8 *b)
{
#define STARTS(a, b_, c, d) (b[0] == (a) && b[1] == (b_) && b[2] == (c) && b[3] == (d))
	return STARTS('P', 'O', 'S', 'T') || STARTS('G', 'E', 'T', ' ') ||
	       STARTS('P', 'U', 'T', ' ') || STARTS('H', 'T', 'T', 'P') ||
	       STARTS('H', 'E', 'A', 'D') || STARTS('D', 'E', 'L', 'E') ||
	       STARTS('P', 'A', 'T', 'C') || STARTS('O', 'P', 'T', 'I') ||
	       STARTS('C', 'O', 'N', 'N') || STARTS('T', 'R', 'A', 'C') ||
	       STARTS('P', 'R', 'I', ' ');
#undef STARTS
}

/* Takes the call's first bytes into the direction's head and decides when there are enough. */
__noinline int classify(struct sock_conn *c, const struct transfer *t)
{
	__u64 bytes = 0, n = HEAD_BYTES;
	__u32 dir, have;

	if (!c || !t)
		return 0;
	dir = t->dir & 1;
	have = c->head_len[dir];
	if (have >= 5 || c->class == CLASS_TLS)
		return 0;
	if (n > t->left)
		n = t->left;
	if (n > t->room)
		n = t->room;
	if (n > HEAD_BYTES - have)
		n = HEAD_BYTES - have;
	barrier_var(n); /* or older verifiers lose its bounds */
	if (!n || n > HEAD_BYTES || bpf_probe_read_user(&bytes, n, (void *)t->buf))
		return 0;
	c->head[dir] |= bytes << have * 8;
	c->head_len[dir] = have + n;
	if (have + n < 5)
		return 0;
	bytes = c->head[dir];
	if (is_tls((__u8 *)&bytes))
		c->class = CLASS_TLS;
	else if (is_http((__u8 *)&bytes))
		c->class = CLASS_HTTP;
	else if (c->class == CLASS_NEW)
		c->class = CLASS_OTHER;
	return 0;
}

/* How far the direction has moved; a TCP socket knows better than the sum of what was seen. */
static __always_inline void advance(struct sock_conn *c, const struct endpoint *ep,
				    struct transfer *t)
{
	struct flow *f = &c->flow[t->dir & 1];
	struct sock *sk = ep->sk;
	struct tcp_sock *tp = (void *)sk;
	__u32 now, moved;
	__u64 unseen;

	if (ep->family == AF_UNIX) {
		t->pos = __sync_fetch_and_add(&f->pos, t->left);
		return;
	}
	now = t->dir == SONDE_DIR_OUT ? BPF_CORE_READ(tp, write_seq)
				      : BPF_CORE_READ(tp, copied_seq);
	moved = now - f->seq;
	f->seq = now;
	/* The FIN, read together with the last bytes, has a sequence number too. */
	if (moved == t->left + 1 && t->dir == SONDE_DIR_IN &&
	    BPF_CORE_READ(sk, sk_shutdown) & RCV_SHUTDOWN)
		moved--;
	t->pos = f->pos;
	f->pos += moved;
	if (moved > t->left && moved < 1u << 31) {
		unseen = moved - t->left;
		add_gap(f, t, unseen, SONDE_GAP_UNSEEN);
	} else {
		/* Another thread's call came between and has counted ours. */
		t->pos -= t->left - moved;
	}
}

/* Whether the thread is inside a TLS call; then that call learns which socket it uses. */
static __always_inline bool within_tls(__u64 sock, __u64 sk, bool tls)
{
	struct tls_thread *t = bpf_task_storage_get(&tls_threads, bpf_get_current_task_btf(), 0, 0);
	struct tls_call *c = tls_top(t);

	if (!c || c->left)
		return false;
	c->sock = sock;
	c->sk = sk;
	if (tls)
		c->tls_sock = sock;
	return true;
}

/*
 * What a client begins TLS with: the server's name stands in it. Global, so that it is verified
 * once and apart.
 */
__noinline int tell_hello(const struct transfer *t)
{
	__u64 n = SONDE_HELLO_MAX;
	struct sonde_hello_event *e;

	if (!t)
		return 0;
	if (n > t->left)
		n = t->left;
	if (n > t->room)
		n = t->room;
	e = bpf_ringbuf_reserve(&events, sizeof(*e) + SONDE_HELLO_MAX, 0);
	if (!e) {
		count_loss(SONDE_LOSS_CONTROL, 1);
		return 0;
	}
	barrier_var(n); /* or older verifiers lose its bounds */
	if (n > SONDE_HELLO_MAX || bpf_probe_read_user(e->data, n, (void *)t->buf)) {
		bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP);
		return 0;
	}
	fill_header(&e->hdr, &t->actor, SONDE_EV_TLS_HELLO, sizeof(*e) + n);
	e->conn = t->conn;
	e->len = n;
	e->pad = 0;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

/*
 * A call on a socket that carries TLS. Global, so that it is verified once and apart.
 */
__noinline int tls_sock_moved(struct sock_conn *c, const struct transfer *call, __u64 sk)
{
	struct tls_thread *t;

	if (!c || !call)
		return 0;
	if (within_tls(c->id, sk, true) || c->bound || records_moved(c->id, call))
		return 0;
	count_loss(SONDE_LOSS_TLS_UNREAD, call->left);
	t = bpf_task_storage_get(&tls_threads, bpf_get_current_task_btf(), 0, 0);
	if (!t)
		return 0;
	if (call->dir == SONDE_DIR_OUT)
		loose_sent(t, c, call);
	else
		loose_received(t, c, sk, call);
	return 0;
}

/* Whether TLS records begin the call's bytes. */
static __always_inline bool sends_tls(const struct transfer *t)
{
	__u8 head[5];

	return t->dir == SONDE_DIR_OUT && t->left >= sizeof(head) && t->room >= sizeof(head) &&
	       !bpf_probe_read_user(head, sizeof(head), (void *)t->buf) && is_tls(head);
}

/*
 * Whether the plaintext above the socket is seen in Go's crypto/tls: the goroutine that sends TLS
 * records on it is inside a call that does so for a connection. System calls leave the goroutine
 * in its register.
 */
__noinline int below_go(struct sock_conn *c, const struct transfer *t)
{
	struct pt_regs *regs;
	struct go_routine r;
	struct tls_conn *conn;
	__u64 *waiting;

	if (!c || !t || !go_seen)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	r = go_routine_of(&t->actor, BPF_CORE_READ(regs, GO_G_REG));
	waiting = bpf_map_lookup_elem(&go_waiting, &r);
	if (waiting && sends_tls(t)) {
		conn = tls_conn_get(&t->actor, *waiting, SONDE_SOURCE_GO);
		if (conn) {
			link_socket(&t->actor, conn, c->id, SONDE_LINK_NESTED_CALL);
			c->tls = conn->id;
			bpf_map_delete_elem(&go_waiting, &r);
		}
	}
	return c->tls || (waiting && c->class == CLASS_TLS);
}

static __always_inline __u64 allowance(struct sock_conn *c)
{
	__u32 verdict = verdict_of(c->id, c->class == CLASS_HTTP ? SONDE_VERDICT_COPY : ~0u);

	if (verdict == SONDE_VERDICT_COPY)
		return ~0ULL;
	if (verdict == SONDE_VERDICT_COUNT_ONLY)
		return 0;
	return c->copied < UNKNOWN_BYTES ? UNKNOWN_BYTES - c->copied : 0;
}

enum moved {
	MOVED,		 /* all is done */
	MOVED_TLS,	 /* on a socket that carries TLS */
	MOVED_TLS_FIRST, /* the first that the process has sent there */
};

/* A call has moved bytes on a socket. Returns an enum moved. */
__noinline int sock_moved(const struct transfer *call, const struct endpoint *ep)
{
	struct transfer local, *t = &local;
	struct sock_conn *c;
	struct flow *f;
	__u64 allowed;
	bool first;

	if (!call || !ep)
		return 0;
	local = *call; /* bpf_loop() wants it on the stack */
	c = sock_conn_get(&t->actor, ep, 0, t->dir == SONDE_DIR_IN ? t->left : 0,
			  t->dir == SONDE_DIR_OUT ? t->left : 0);
	if (!c)
		return 0;
	c->owner = t->actor;
	t->conn = c->id;
	t->source = source_of(ep->family);
	first = t->dir == SONDE_DIR_OUT && !c->head_len[SONDE_DIR_OUT];
	if (t->left)
		classify(c, t);
	if (c->class == CLASS_TLS) {
		c->flags |= SONDE_CONN_TLS;
		tell_open(&t->actor, c, ep->sk);
		return first ? MOVED_TLS_FIRST : MOVED_TLS;
	}
	f = &c->flow[t->dir & 1];
	if (!t->left) {
		if (c->told && !(c->ended & 1u << t->dir)) {
			c->ended |= 1u << t->dir;
			put_eof(t, f);
		}
		return 0;
	}
	tell_open(&t->actor, c, ep->sk);
	advance(c, ep, t);
	/* What goes through a proxy's tunnel. */
	if (within_tls(c->id, (__u64)ep->sk, false) || t->read_above)
		return add_gap(f, t, t->left, SONDE_GAP_VERDICT);
	if (!t->room && !t->n_iov)
		return add_gap(f, t, t->left, SONDE_GAP_UNSEEN);
	allowed = allowance(c);
	if (c->class != CLASS_HTTP)
		c->copied += t->left;
	deliver(t, f, allowed, false);
	return 0;
}

/* What is left to do on a socket that carries TLS. */
static __always_inline int tls_moved(struct transfer *t, const struct endpoint *ep, int what)
{
	struct sock_conn *c = bpf_map_lookup_elem(&sock_conns, &ep->sk);

	if (!c)
		return 0;
	t->conn = c->id;
	if (what == MOVED_TLS_FIRST && (c->head[SONDE_DIR_OUT] & 0xff) == TLS_HANDSHAKE)
		tell_hello(t);
	if (t->read_above || (t->left && below_go(c, t)))
		return 0;
	return tls_sock_moved(c, t, (__u64)ep->sk);
}

static __always_inline int stream_moved(struct transfer *t, const struct endpoint *ep)
{
	struct sock_conn *c = go_seen && t->left ? bpf_map_lookup_elem(&sock_conns, &ep->sk) : NULL;
	int what;

	t->read_above = c && below_go(c, t);
	what = sock_moved(t, ep);
	return what == MOVED ? 0 : tls_moved(t, ep, what);
}

/*
 * A call has returned: left bytes moved in dir, buf and room (or iov, n_iov) say where they are;
 * without buffers they cannot be read. Global like what it calls, so that each is verified once and
 * apart; what lies on the stack of all of them together is limited, so none calls deep.
 */
__noinline int bytes_moved(struct transfer *t, int fd)
{
	struct talk_end end;
	struct endpoint ep;

	if (!t || !open_endpoint(fd, &ep))
		return 0;
	if (!t->room && t->n_iov)
		next_buffer(t);
	if (ep.pipe ? !pipe_talks(t, &ep, &end) : ep.family != AF_UNIX || !unix_talks(t, &ep, &end))
		return ep.pipe ? 0 : stream_moved(t, &ep);
	talk_settle(&t->actor, &end);
	if (talk_moved(t, &end, (__u64)ep.sk) && ep.pipe)
		pipe_retire(&t->actor, &end);
	return 0;
}

/* The buffers of a struct msghdr. */
static __always_inline int read_message(struct transfer *t, __u64 from)
{
	/* Into both members at once: the stack has no room for more. */
	if (bpf_probe_read_user(&t->iov, 2 * sizeof(t->iov), (void *)(from + MSG_IOV_OFFSET))) {
		count_loss(SONDE_LOSS_FAULT, 1);
		return -EFAULT;
	}
	t->room = 0;
	return 0;
}

/* Those of recvmmsg and sendmmsg, @n of them; each ends with how much it moved. */
static __always_inline int many_messages(struct transfer *t, __u64 at, __u32 n, int fd)
{
	for (__u32 i = 0; i < MESSAGES_MAX && i < n; i++, at += MMSG_SIZE) {
		if (read_message(t, at) || bpf_probe_read_user(&t->call_len, sizeof(t->call_len),
							       (void *)(at + MMSG_LEN_OFFSET)))
			return 0;
		t->left = t->call_len;
		if (t->n_iov)
			bytes_moved(t, fd);
	}
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_read")
int sys_moved(struct trace_event_raw_sys_exit *ctx)
{
	struct transfer t = {};
	struct pt_regs *regs;
	__u64 cookie, flags = 0;
	int fd;

	if (ctx->ret < 0 || !current_actor(&t.actor))
		return 0;
	cookie = bpf_get_attach_cookie(ctx);
	regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	fd = PT_REGS_PARM1_CORE_SYSCALL(regs);
	t.left = ctx->ret;
	t.dir = cookie & SONDE_COOKIE_WRITE ? SONDE_DIR_OUT : SONDE_DIR_IN;
	if (have_waits && t.dir == SONDE_DIR_IN && t.left)
		wait_over(&t.actor, fd);
	switch (cookie & SONDE_COOKIE_KIND) {
	case SONDE_CALL_SEND: /* recvfrom, sendto: (fd, buffer, length, flags) */
		flags = PT_REGS_PARM4_CORE_SYSCALL(regs);
		/* fall through */
	case SONDE_CALL_BUFFER: /* read, write: (fd, buffer, length) */
		t.buf = PT_REGS_PARM2_CORE_SYSCALL(regs);
		t.room = PT_REGS_PARM3_CORE_SYSCALL(regs);
		break;
	case SONDE_CALL_VECTOR: /* readv, writev: (fd, vectors, how many) */
		t.iov = PT_REGS_PARM2_CORE_SYSCALL(regs);
		t.n_iov = PT_REGS_PARM3_CORE_SYSCALL(regs);
		break;
	case SONDE_CALL_MESSAGE: /* recvmsg, sendmsg: (fd, message, flags) */
		flags = PT_REGS_PARM3_CORE_SYSCALL(regs);
		if (read_message(&t, PT_REGS_PARM2_CORE_SYSCALL(regs)))
			return 0;
		break;
	case SONDE_CALL_MESSAGES: /* recvmmsg, sendmmsg: (fd, messages, how many, flags) */
		flags = PT_REGS_PARM4_CORE_SYSCALL(regs);
		if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
			return 0;
		return many_messages(&t, PT_REGS_PARM2_CORE_SYSCALL(regs), ctx->ret, fd);
	case SONDE_CALL_SPLICE: /* splice: (from, offset, to); no buffer of the process */
		bytes_moved(&t, fd);
		t.dir = SONDE_DIR_OUT;
		fd = PT_REGS_PARM3_CORE_SYSCALL(regs);
		/* fall through */
	case SONDE_CALL_SENDFILE: /* sendfile64: (to, from); likewise */
		return t.left ? bytes_moved(&t, fd) : 0;
	}
	if ((!t.room && !t.n_iov) || flags & (MSG_PEEK | MSG_OOB | MSG_TRUNC | MSG_ERRQUEUE))
		return 0;
	return bytes_moved(&t, fd);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
