// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Plaintext through rustls, at the trait objects that every cipher is; in 0.23
 *
 *	encrypt(&mut self, msg: OutboundPlainMessage, seq: u64) -> Result<OutboundOpaqueMessage>
 *	decrypt(&mut self, msg: InboundOpaqueMessage, seq: u64) -> Result<InboundPlainMessage>
 *
 * as compiled: (result, self, msg, seq), on arm64 the result's address in x8. Before, messages had
 *other forms (SONDE_COOKIE_OWNED).
 *
 * The text of encrypt() is there when it is called, that of decrypt() when it returns, in place.
 * src/probe/finder/rustls_code.c has checked on the code where the message's parts are; the result
 * is searched for the text that it must refer to. The sequence number tells when an address has
 * become another object: it begins at 0 again.
 */
#include "records.bpf.h"
#include "session.bpf.h"

#define TEXT_MAX	 16384 /* of one record */
#define RECORD_MAX	 (TEXT_MAX + 2048)
#define APPLICATION_DATA 3 /* ContentType as Rust numbers it */
#define ALERT		 1
#define TYPE_LAST	 5
#define WIRE_ALERT	 21 /* and as TLS does, behind the text of TLS 1.3 */
#define WIRE_DATA	 23
#define OVERHEAD_TLS13	 17
#define RESULT_WORDS	 8
#define POINTER_LEAST	 65536 /* lengths of records are below, addresses are not */

#if defined(__TARGET_ARCH_arm64)
#define RESULT(ctx)   ((ctx)->regs[8])
#define SELF(ctx)     PT_REGS_PARM1(ctx)
#define MESSAGE(ctx)  PT_REGS_PARM2(ctx)
#define SEQUENCE(ctx) PT_REGS_PARM3(ctx)
#define RETURN_POPS   0
#else
#define RESULT(ctx)   PT_REGS_PARM1(ctx)
#define SELF(ctx)     PT_REGS_PARM2(ctx)
#define MESSAGE(ctx)  PT_REGS_PARM3(ctx)
#define SEQUENCE(ctx) PT_REGS_PARM4(ctx)
#define RETURN_POPS   8 /* the return address */
#endif

struct outbound {
	__u64 chunks; /* 0: { 0, address, length }; else { chunks, how many, from, to } */
	__u64 a, b, to;
	__u8 type, pad[7];
};

struct outbound_owned {
	__u64 text, len;
	__u8 type, pad[7];
};

struct inbound {
	__u64 word[3];
};

static __always_inline __u64 overhead_of(__u64 cookie)
{
	return cookie >> SONDE_COOKIE_OVERHEAD_SHIFT & 0xff;
}

/* False where nothing can be read there. */
static __always_inline bool fetch(void *to, __u32 n, __u64 from, bool may_sleep)
{
	if (!bpf_probe_read_user(to, n, (void *)from))
		return true;
	if (may_sleep && !bpf_copy_from_user(to, n, (void *)from))
		return true;
	count_loss(SONDE_LOSS_FAULT, 1);
	return false;
}

static __always_inline void end_half(const struct actor *a, struct half *h, __u8 dir)
{
	struct transfer t = {
		.actor = *a, .conn = h->id, .source = SONDE_SOURCE_RUSTLS, .dir = dir
	};

	if (!h->id)
		return;
	flush_gap(&h->flow, &t);
	if (n_verdicts)
		bpf_map_delete_elem(&verdicts, &t.conn);
	tell_conn(a, h->id, SONDE_SOURCE_RUSTLS, SONDE_EV_CONN_CLOSE, 0);
}

/* The state of the object at @key, made where there is none or where it is another one by now. */
static __always_inline struct half *half_get(const struct actor *a, const struct tls_key *key,
					     __u64 seq, __u8 dir)
{
	struct half *h = bpf_map_lookup_elem(&halves, key), fresh = {};

	if (h && seq >= h->next_seq)
		return h;
	if (h)
		end_half(a, h, dir);
	fresh.midway = seq > 0;
	fresh.next_seq = seq;
	bpf_map_update_elem(&halves, key, &fresh, BPF_ANY);
	h = bpf_map_lookup_elem(&halves, key);
	if (!h)
		count_loss(SONDE_LOSS_CONN_FULL, 1);
	return h;
}

/* Its first text, or the first for another engine than was told of it. */
static __always_inline void open_half(const struct actor *a, struct half *h)
{
	const __u32 again = h->id ? SONDE_CONN_AGAIN | SONDE_CONN_MIDWAY : 0;
	struct sonde_conn_event *e;

	if (h->told == engines)
		return;
	h->told = engines;
	h->sock = 0; /* the link is told again too */
	if (!again)
		h->id = new_conn_id();
	e = reserve_control(e);
	if (!e)
		return;
	__builtin_memset(e, 0, sizeof(*e));
	fill_header(&e->hdr, a, SONDE_EV_CONN_OPEN, sizeof(*e));
	e->conn = h->id;
	e->source = SONDE_SOURCE_RUSTLS;
	e->flags = SONDE_CONN_HALF | again | (h->midway ? SONDE_CONN_MIDWAY : 0);
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

static __always_inline void hand_over(struct transfer *t, struct half *h, bool may_sleep)
{
	t->conn = h->id;
	t->source = SONDE_SOURCE_RUSTLS;
	t->pos = h->flow.pos;
	h->flow.pos += t->left;
	deliver(t, &h->flow,
		verdict_of(t->conn, SONDE_VERDICT_COPY) == SONDE_VERDICT_COPY ? ~0ULL : 0,
		may_sleep);
}

/* --- encrypt --- */

/* Adds a record to those that the thread will write. */
static __always_inline void expect_write(const struct tls_key *key, __u64 len)
{
	struct record_thread *th = record_thread_get();

	if (!th)
		return;
	if (th->out.ssl != key->ssl)
		th->out_bytes = 0;
	if (!th->out_bytes)
		th->out_first = len;
	th->out = *key;
	th->out_bytes += RECORD_HEADER + len;
}

static __always_inline bool fetch_outbound(struct outbound *m, __u64 cookie, __u64 from,
					   bool may_sleep)
{
	struct outbound_owned o;

	if (!(cookie & SONDE_COOKIE_OWNED))
		return fetch(m, sizeof(*m), from, may_sleep);
	if (!fetch(&o, sizeof(o), from, may_sleep))
		return false;
	m->chunks = 0;
	m->a = o.text;
	m->b = o.len;
	m->type = o.type;
	return true;
}

static __always_inline int encrypt(struct pt_regs *ctx, const struct actor *a, bool may_sleep)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), seq = SEQUENCE(ctx), len;
	struct tls_key key = key_of(a, SELF(ctx));
	struct transfer t = { .actor = *a, .dir = SONDE_DIR_OUT };
	struct outbound m;
	struct half *h;

	if (!fetch_outbound(&m, cookie, MESSAGE(ctx), may_sleep))
		return 0;
	len = m.chunks ? m.to - m.b : m.b;
	if (len > TEXT_MAX || m.type > TYPE_LAST) { /* not what it was taken for */
		count_loss(SONDE_LOSS_ARGS, 1);
		return 0;
	}
	h = half_get(a, &key, seq, SONDE_DIR_OUT);
	if (!h)
		return 0;
	h->next_seq = seq + 1;
	expect_write(&key, overhead_of(cookie) + len);
	if (m.type != APPLICATION_DATA || !len)
		return 0;
	open_half(a, h);
	t.left = len;
	if (m.chunks) {
		t.iov = m.chunks;
		t.n_iov = m.a;
		t.skip = m.b;
	} else {
		t.buf = m.a;
		t.room = len;
	}
	hand_over(&t, h, may_sleep);
	return 0;
}

SEC("uprobe")
int rustls_encrypt(struct pt_regs *ctx)
{
	struct actor a;

	return current_actor(&a) ? encrypt(ctx, &a, false) : 0;
}

SEC("uprobe.s")
int rustls_encrypt_sleepable(struct pt_regs *ctx)
{
	struct actor a;

	return current_actor(&a) ? encrypt(ctx, &a, true) : 0;
}

/* --- decrypt --- */

/* Where the record is: { address, length }, or a Vec: capacity and address in any order, length. */
static __always_inline void locate(struct record_thread *th, const struct inbound *m)
{
	th->msg = m->word[0];
	th->msg_len = m->word[1];
	if (!th->owned)
		return;
	if (m->word[0] < POINTER_LEAST)
		th->msg = m->word[1];
	th->msg_len = m->word[2];
}

/* Whether what the thread has read last has, up to @end, the record's last bytes. */
static __always_inline bool ends_there(const struct record_thread *th, __u64 end, __u64 tag)
{
	__u64 there;

	return end >= sizeof(there) && end <= th->in_len &&
	       !bpf_probe_read_user(&there, sizeof(there),
				    (void *)(th->in_buf + end - sizeof(there))) &&
	       there == tag;
}

/* The socket that the record was read from, as far as there is proof. */
static __always_inline void find_socket(struct record_thread *th)
{
	__u64 last = th->msg + th->msg_len - 1, len = RECORD_HEADER + th->msg_len, tag, end;

	th->sock = 0;
	if (!th->in_sock || th->msg_len < sizeof(tag) || th->msg_len > RECORD_MAX)
		return;
	if (!th->owned) {
		th->evidence = SONDE_LINK_SAME_MEMORY;
		if (last >= th->in_buf && last - th->in_buf < th->in_len)
			th->sock = th->in_sock;
		return;
	}
	th->evidence = SONDE_LINK_SAME_BYTES;
	if (bpf_probe_read_user(&tag, sizeof(tag), (void *)(last + 1 - sizeof(tag))))
		return;
	end = th->in_carry < len ? len - th->in_carry : len;
	end += th->in_used;
	th->in_carry = 0;
	th->in_used = end;
	/* Behind what was before it; or that has made way; or it is the last. */
	if (ends_there(th, end, tag) || ends_there(th, len, tag) || ends_there(th, th->in_len, tag))
		th->sock = th->in_sock;
}

static __always_inline int decrypt_enter(struct pt_regs *ctx, const struct actor *a, bool may_sleep)
{
	struct record_thread *th = record_thread_get();
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u64 msg = MESSAGE(ctx);
	struct inbound m = {};
	__u8 type = 0;

	if (!th)
		return 0;
	th->self = 0;
	th->owned = (cookie & SONDE_COOKIE_OWNED) != 0;
	if (!fetch(&m, th->owned ? 24 : 16, msg, may_sleep))
		return 0;
	msg += cookie >> SONDE_COOKIE_TYPE_AT_SHIFT & 0xff;
	if (msg != MESSAGE(ctx) && !fetch(&type, sizeof(type), msg, may_sleep))
		return 0;
	locate(th, &m);
	find_socket(th);
	th->self = SELF(ctx);
	th->ret = RESULT(ctx);
	th->seq = SEQUENCE(ctx);
	th->sp = PT_REGS_SP(ctx);
	th->type = type;
	th->overhead = overhead_of(cookie);
	return 0;
}

/*
 * The text of the record, if the result refers to it: it begins where the record did, or behind its
 * nonce, and is as long as it can be; TLS 1.3 may have padded it.
 */
static __always_inline bool find_text(const struct record_thread *th, const __u64 *result,
				      struct transfer *t)
{
	__u64 most = th->msg_len - th->overhead;

	for (int i = 0; i + 2 < RESULT_WORDS; i++) {
		__u64 at = result[i], len = result[i + 1];

		if (th->owned && len > most) /* its capacity stands between */
			len = result[i + 2];

		if (at != th->msg && (at != th->msg + 8 || th->overhead == OVERHEAD_TLS13))
			continue;
		if (th->overhead == OVERHEAD_TLS13 ? len > most : len != most)
			continue;
		t->buf = at;
		t->room = t->left = len;
		return true;
	}
	return false;
}

/* The record's type as TLS numbers it; 0 where it does not matter. */
static __always_inline __u8 type_of(const struct record_thread *th, const struct transfer *t,
				    bool may_sleep)
{
	__u8 type = 0;

	if (th->overhead != OVERHEAD_TLS13)
		return th->type == APPLICATION_DATA ? WIRE_DATA
		       : th->type == ALERT	    ? WIRE_ALERT
						    : 0;
	fetch(&type, sizeof(type), t->buf + t->left, may_sleep);
	return type;
}

/* close_notify: the direction has ended in good order. */
static __always_inline void end_direction(struct transfer *t, struct half *h, bool may_sleep)
{
	__u8 alert[2] = { 1, 1 };

	if (!h->id || t->left != sizeof(alert) || !fetch(alert, sizeof(alert), t->buf, may_sleep) ||
	    alert[1])
		return;
	t->conn = h->id;
	t->source = SONDE_SOURCE_RUSTLS;
	put_eof(t, &h->flow);
}

static __always_inline int decrypt_leave(struct pt_regs *ctx, const struct actor *a, bool may_sleep)
{
	struct record_thread *th =
		bpf_task_storage_get(&record_threads, bpf_get_current_task_btf(), 0, 0);
	struct transfer t = { .actor = *a, .dir = SONDE_DIR_IN };
	__u64 result[RESULT_WORDS];
	struct tls_key key;
	struct half *h;
	__u8 type;

	if (!th || !th->self || PT_REGS_SP(ctx) != th->sp + RETURN_POPS) {
		count_loss(SONDE_LOSS_ARGS, 1);
		return 0;
	}
	key = key_of(a, th->self);
	th->self = 0;
	if (th->msg_len < th->overhead || th->msg_len > RECORD_MAX ||
	    !fetch(result, sizeof(result), th->ret, may_sleep) || !find_text(th, result, &t)) {
		/* It failed, or is not what it was taken for. */
		count_loss(SONDE_LOSS_ARGS, 1);
		return 0;
	}
	h = half_get(a, &key, th->seq, SONDE_DIR_IN);
	if (!h)
		return 0;
	h->next_seq = th->seq + 1;
	type = type_of(th, &t, may_sleep);
	if (type == WIRE_ALERT)
		end_direction(&t, h, may_sleep);
	if (type != WIRE_DATA || !t.left)
		return 0;
	open_half(a, h);
	if (th->sock)
		link_half(a, h, th->sock, th->evidence);
	hand_over(&t, h, may_sleep);
	return 0;
}

SEC("uprobe")
int rustls_decrypt_enter(struct pt_regs *ctx)
{
	struct actor a;

	return current_actor(&a) ? decrypt_enter(ctx, &a, false) : 0;
}

SEC("uprobe")
int rustls_decrypt_leave(struct pt_regs *ctx)
{
	struct actor a;

	return current_actor(&a) ? decrypt_leave(ctx, &a, false) : 0;
}

SEC("uprobe.s")
int rustls_decrypt_leave_sleepable(struct pt_regs *ctx)
{
	struct actor a;

	return current_actor(&a) ? decrypt_leave(ctx, &a, true) : 0;
}

/* Both in one: a process that is not traced does not pay for the return. */
SEC("uprobe.s")
int rustls_decrypt_session(struct pt_regs *ctx)
{
	struct actor a;

	if (!current_actor(&a))
		return 1; /* no return probe for this call */
	if (session_is_return(ctx))
		return decrypt_leave(ctx, &a, true);
	return decrypt_enter(ctx, &a, true);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
