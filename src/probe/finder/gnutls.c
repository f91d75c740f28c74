/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GnuTLS, by the names of its functions; libgnutls.so, known by its own name, exports them all.
 *
 *	ssize_t gnutls_record_send(session, data, size)		goes on in
 *	ssize_t gnutls_record_send2(session, data, size, pad, flags)	(since 3.6.3)
 *	ssize_t gnutls_record_recv(session, data, size)		both go on in one internal
 *	ssize_t gnutls_record_recv_seq(session, data, size, seq)	function, see below
 *
 * Sending: one of the two where the first is proved to end in the second, else both. What a corked
 * session was given is counted when it is given: gnutls_record_uncork() then sends it by
 * gnutls_record_send(), which must not count it again.
 *
 * Receiving: the public functions begin with instructions that are single-stepped, but do no more
 * than hand their arguments, with the record type of application data in second place, to
 * _gnutls_recv_int(session, type, data, size, ...). Where both are seen to do that and it begins
 * with an emulated instruction, it is the point; else the public functions.
 *
 * Early data goes out by gnutls_record_send(), during the handshake, and comes in by a function of
 * its own. A gap, with its length: what gnutls_record_recv_packet() gives, which lies in a buffer
 * of the library, and what the kernel sends for gnutls_record_send_file() (kTLS, off by default;
 * else that goes on in gnutls_record_send()).
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/finder/finder.h"
#include "probe/finder/place.h"

#define APPLICATION_DATA 23 /* the record type (RFC 8446, 5.1) */

enum function {
	SEND2,
	SEND,
	SEND_RANGE,
	UNCORK,
	RECV,
	RECV_SEQ,
	DEINIT,
	/* of use where they cost nothing */
	SEND_FILE,
	RECV_PACKET,
	RECV_EARLY,
	N_FUNCTIONS
};

static const struct {
	const char *name;
	enum probe_abi abi;
	uint8_t n_args;
	bool write, no_result;
} functions[N_FUNCTIONS] = {
	[SEND2] = { "gnutls_record_send2", PROBE_ABI_RW_SIZE, 3, true, false },
	[SEND] = { "gnutls_record_send", PROBE_ABI_RW_SIZE, 3, true, false },
	[SEND_RANGE] = { "gnutls_record_send_range", PROBE_ABI_RW_SIZE, 3, true, false },
	[UNCORK] = { "gnutls_record_uncork", PROBE_ABI_QUIET, 1, true, false },
	[RECV] = { "gnutls_record_recv", PROBE_ABI_RW_SIZE, 3, false, false },
	[RECV_SEQ] = { "gnutls_record_recv_seq", PROBE_ABI_RW_SIZE, 3, false, false },
	[DEINIT] = { "gnutls_deinit", PROBE_ABI_FREE, 1, false, true },
	[SEND_FILE] = { "gnutls_record_send_file", PROBE_ABI_TOTAL, 1, true, false },
	[RECV_PACKET] = { "gnutls_record_recv_packet", PROBE_ABI_TOTAL, 1, false, false },
	[RECV_EARLY] = { "gnutls_record_recv_early_data", PROBE_ABI_RW_SIZE, 3, false, false },
};

struct search {
	struct elf_function fn[N_FUNCTIONS];
	struct elf_code code;
	struct probe_target *ret;
	bool classic;
};

static void add(struct search *s, enum function f)
{
	_cleanup_(freep) struct insn_graph *g = NULL;
	const struct place p = { .function = functions[f].name,
				 .evidence = "symbol",
				 .abi = functions[f].abi,
				 .n_args = functions[f].n_args,
				 .write = functions[f].write,
				 .no_result = functions[f].no_result,
				 .start = s->fn[f].vaddr };

	if (!s->fn[f].found)
		return;
	g = s->classic ? NULL : place_graph(&s->code, s->fn[f].vaddr, s->fn[f].size);
	if (!place_cheap(&s->code, &p, g, s->ret) && f < SEND_FILE)
		place_classic(&s->code, &p, s->ret);
}

/* --- sending --- */

static bool leads_to(struct search *s, enum function from, enum function to)
{
	_cleanup_(freep) struct insn_graph *g = NULL;

	if (!s->fn[from].found || !s->fn[to].found)
		return false;
	if (s->fn[from].vaddr == s->fn[to].vaddr)
		return true;
	g = place_graph(&s->code, s->fn[from].vaddr, s->fn[from].size);
	for (size_t i = 0; g && i < g->n; i++) {
		const struct insn *x = &g->insn[i];

		if ((x->kind == INSN_CALL || x->kind == INSN_JUMP) && x->target &&
		    place_resolve(&s->code, s->fn, N_FUNCTIONS, x->target) == s->fn[to].vaddr)
			return true;
	}
	return false;
}

static void place_sending(struct search *s)
{
	add(s, SEND2);
	if (!leads_to(s, SEND, SEND2))
		add(s, SEND);
	add(s, SEND_RANGE);
	add(s, UNCORK);
}

/* --- receiving --- */

static bool is_arg(const struct insn *x, int reg, int64_t n)
{
	return x->before.reg[reg].kind == VALUE_ARG && x->before.reg[reg].n == n;
}

/* Whether the instruction leaves for another function, as f(session, 23, data, size, ...). */
static bool hands_over(const struct insn_graph *g, const struct insn *x)
{
	const struct insn_value *type = &x->before.reg[1];
	const struct insn_value *sp = &x->before.reg[g->code.isa->sp];

	return x->kind == INSN_JUMP && (x->target < g->start || x->target >= g->end) &&
	       sp->kind == VALUE_STACK && sp->n == 0 && is_arg(x, 0, 0) &&
	       type->kind == VALUE_NUMBER && type->n == APPLICATION_DATA && is_arg(x, 2, 1) &&
	       is_arg(x, 3, 2);
}

/* The one function that @f ends in, with its own arguments; 0: none, or not certain. */
static uint64_t ends_in(struct search *s, enum function f)
{
	_cleanup_(freep) struct insn_graph *g = NULL;
	uint64_t found = 0;

	if (!s->fn[f].found || !s->fn[f].size)
		return 0;
	g = place_graph(&s->code, s->fn[f].vaddr, s->fn[f].size);
	for (size_t i = 0; g && i < g->n; i++) {
		const struct insn *x = &g->insn[i];

		if (x->addr < g->start || x->addr >= g->end || !hands_over(g, x))
			continue;
		if (found && found != x->target)
			return 0;
		found = x->target;
	}
	return found;
}

static bool add_recv_int(struct search *s)
{
	_cleanup_(freep) struct insn_graph *g = NULL;
	struct place p = {
		.function = "_gnutls_recv_int",
		.evidence = "symbols; what recv and recv_seq end in",
		.abi = PROBE_ABI_RW_TYPED,
		.n_args = 4,
		.start = ends_in(s, RECV),
	};

	if (!p.start || p.start != ends_in(s, RECV_SEQ))
		return false;
	g = place_graph(&s->code, p.start, 0);
	return place_cheap(&s->code, &p, g, s->ret);
}

static void place_receiving(struct search *s)
{
	if (!s->classic && add_recv_int(s))
		return;
	add(s, RECV);
	if (!leads_to(s, RECV_SEQ, RECV))
		add(s, RECV_SEQ);
}

static int newest_version(void *ctx, const char *name)
{
	struct probe_target *t = ctx;
	const char *v = name + strlen("GNUTLS_");

	/* In the order of the file, which is ascending: it is this one or newer. */
	if (strncmp(name, "GNUTLS_", 7) != 0 || *v < '0' || *v > '9' ||
	    strlen(v) + 2 > sizeof(t->version))
		return 0;
	snprintf(t->version, sizeof(t->version), "%s+", v);
	for (char *p = t->version; *p; p++)
		if (*p == '_')
			*p = '.';
	return 0;
}

static int is_shim(void *ctx, enum elf_dynamic_name kind, const char *name)
{
	(void)ctx;
	return kind == ELF_NAME_SONAME && strncmp(name, "libgnutls-openssl.", 18) == 0;
}

/* Whether a look at its symbols, which may be a million, is worth it. */
static int is_gnutls(void *ctx, enum elf_dynamic_name kind, const char *name)
{
	(void)ctx;
	return kind == ELF_NAME_SONAME && strncmp(name, "libgnutls", 9) == 0;
}

static int find(const struct elf_file *e, bool classic, struct probe_target *ret)
{
	_cleanup_(freep) struct search *s = NULL;
	int r;

	if (!elf_dynamic_names(e, is_gnutls, NULL))
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	if (elf_dynamic_names(e, is_shim, NULL)) {
		snprintf(ret->reason, sizeof(ret->reason),
			 "OpenSSL's functions on top of GnuTLS: read there");
		return 0;
	}
	s->code.e = e;
	s->ret = ret;
	s->classic = classic;
	for (size_t i = 0; i < N_FUNCTIONS; i++)
		s->fn[i].name = functions[i].name;
	r = elf_find_functions(e, s->fn, N_FUNCTIONS);
	if (r < 0 || !s->fn[RECV].found || (!s->fn[SEND].found && !s->fn[SEND2].found))
		return r < 0 ? r : 0;
	snprintf(ret->library, sizeof(ret->library), "gnutls");
	ret->source = SONDE_SOURCE_GNUTLS;
	if (!isa_of(e->machine)) {
		snprintf(ret->reason, sizeof(ret->reason), "GnuTLS for another processor");
		return 0;
	}
	elf_find_slots(e, s->fn, N_FUNCTIONS);
	place_sending(s);
	place_receiving(s);
	for (enum function f = DEINIT; f < N_FUNCTIONS; f++)
		add(s, f);
	elf_versions(e, newest_version, ret);
	return ret->n_points > 0;
}

const struct tls_finder finder_gnutls = { .name = "gnutls", .alone = true, .find = find };
