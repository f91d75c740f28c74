/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BoringSSL and AWS-LC linked into a program without symbols: Bun, so Claude Code, opencode, cline
 * and what `bun build --compile` makes.
 *
 * Every error report names the source file, "…/ssl/ssl_lib.cc", and a number that is part of the
 * interface. Grouped by function the numbers tell SSL_write, ssl_read_impl, SSL_read and SSL_new
 * apart (signatures.json). The code then has to have the shape of what it was taken for (shape.h):
 * SSL_write hands its buffer to the protocol; SSL_read calls ssl_read_impl, copies to its buffer
 * and moves on in what it has copied from, which SSL_peek does not.
 *
 * The end of a connection is the destructor that SSL_new uses when it fails; an object that SSL_new
 * returns is a new connection, whatever was at that address before. Link-time optimisation may
 * leave neither: then another socket below SSL_do_handshake or SSL_write tells.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/finder/candidate.h"
#include "probe/finder/finder.h"
#include "probe/finder/shape.h"
#include "probe/finder/signatures.h"

#define TEXTS_MAX     8
#define FUNCTIONS_MAX 64
#define CALLERS_MAX   16
#define CODE_WORDS    8 /* error numbers up to 511 */
#define VERSION_MAX   (96u << 20)

struct function {
	struct elf_range at;
	uint64_t codes[CODE_WORDS];
};

struct search {
	struct code code;
	struct code_sites sites;
	struct function fn[FUNCTIONS_MAX];
	size_t n;
	struct probe_target *ret;
};

/* --- which function reports what --- */

/*
 * ERR_put_error(library, unused, reason, file, line), or without the unused one where the linker
 * dropped it: the reason stands right before the file. -1: not known, or another library's.
 */
static int64_t reason_of(const struct code_site *s, int64_t library)
{
	if (s->arg[0].kind != VALUE_NUMBER || s->arg[0].n != library)
		return -1;
	for (size_t k = 2; k < 4; k++)
		if (s->arg[k].kind == VALUE_NUMBER && (uint64_t)s->arg[k].n == s->text)
			return s->arg[k - 1].kind == VALUE_NUMBER ? s->arg[k - 1].n : -1;
	return -1;
}

static struct function *function_of(struct search *s, const struct code_site *site)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->fn[i].at.from == site->function.from)
			return &s->fn[i];
	if (s->n == FUNCTIONS_MAX)
		return NULL;
	s->fn[s->n].at = site->function;
	return &s->fn[s->n++];
}

static void group_sites(struct search *s, int64_t library)
{
	for (size_t i = 0; i < s->sites.n; i++) {
		const struct code_site *site = &s->sites.site[i];
		int64_t reason = reason_of(site, library);
		struct function *f;

		if (reason < 0 || reason >= (int64_t)CODE_WORDS * 64)
			continue;
		f = function_of(s, site);
		if (f)
			f->codes[reason / 64] |= 1ull << (reason % 64);
	}
}

static size_t count_codes(const struct function *f, const uint16_t *codes, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += f->codes[codes[i] / 64] >> (codes[i] % 64) & 1;
	return found;
}

static bool reports(const struct function *f, const struct signature_codes *c)
{
	return count_codes(f, c->all, c->n_all) == c->n_all &&
	       (c->n_any == 0 || count_codes(f, c->any, c->n_any) > 0) &&
	       count_codes(f, c->none, c->n_none) == 0;
}

/* --- candidates --- */

static void find_write(struct search *s, const struct signature_codes *codes, struct candidate *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		_cleanup_(freep) struct insn_graph *g = NULL;

		if (!reports(&s->fn[i], codes))
			continue;
		g = code_graph(&s->code, &s->fn[i].at);
		if (g && shape_passes_on(g))
			candidate_take(ret, &s->fn[i].at,
				       "the errors it reports; hands the buffer to the protocol");
	}
}

struct reads {
	const struct candidate *impl;
	struct candidate read, peek;
};

/* Sorts a function that may be SSL_read or SSL_peek. */
static void sort_read(struct search *s, const struct elf_range *at, bool inlined, struct reads *r)
{
	_cleanup_(freep) struct insn_graph *g = code_graph(&s->code, at);

	if (!g || !shape_fills_buffer(g) ||
	    (!inlined && (r->impl->n != 1 || !shape_calls(g, r->impl->at.from, 1))))
		return;
	if (shape_consumes(g))
		candidate_take(&r->read, at,
			       "the errors it reports; calls ssl_read_impl, copies, consumes");
	else
		candidate_take(&r->peek, at, "");
}

/* The functions that call the one at @target. */
static size_t find_callers(struct search *s, uint64_t target, struct elf_range ret[CALLERS_MAX])
{
	const struct elf_range one = { target, target + 1 };
	struct elf_ref calls[CALLERS_MAX];
	uint64_t at[CALLERS_MAX];
	int n = elf_find_calls(s->code.bytes.e, &one, 1, calls, CALLERS_MAX);

	for (int i = 0; i < n; i++)
		at[i] = calls[i].at;
	if (n <= 0 || code_functions(&s->code, at, (size_t)n, ret) < 0)
		return 0;
	return (size_t)n;
}

/* SSL_read that has no error of its own, because it calls SSL_peek or is older than QUIC. */
static void find_read_by_calls(struct search *s, struct reads *r)
{
	struct elf_range callers[CALLERS_MAX];
	size_t n;

	if (r->peek.n == 0 && r->impl->n == 1) {
		n = find_callers(s, r->impl->at.from, callers);
		for (size_t i = 0; i < n; i++)
			if (callers[i].from)
				sort_read(s, &callers[i], false, r);
	}
	if (r->read.n > 0 || r->peek.n != 1)
		return;
	n = find_callers(s, r->peek.at.from, callers);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) struct insn_graph *g = NULL;

		if (callers[i].from)
			g = code_graph(&s->code, &callers[i]);
		if (g && shape_consumes_after(g, r->peek.at.from))
			candidate_take(&r->read, &callers[i],
				       "calls SSL_peek with its arguments, consumes");
	}
}

static void find_read(struct search *s, const struct signatures *sig, const struct candidate *impl,
		      struct candidate *ret)
{
	struct reads r = { .impl = impl };

	for (size_t i = 0; i < s->n; i++)
		if (reports(&s->fn[i], &sig->boringssl.read))
			sort_read(s, &s->fn[i].at,
				  count_codes(&s->fn[i], sig->boringssl.read_impl.all,
					      sig->boringssl.read_impl.n_all) > 1,
				  &r);
	if (r.read.n == 0)
		find_read_by_calls(s, &r);
	*ret = r.read;
}

/* --- points --- */

/* The one function that reports so. */
static struct candidate find_one(struct search *s, const struct signature_codes *codes,
				 const char *evidence)
{
	struct candidate c = { .n = 0 };

	for (size_t i = 0; i < s->n; i++)
		if (reports(&s->fn[i], codes))
			candidate_take(&c, &s->fn[i].at, evidence);
	return c;
}

static void add_destructor(struct search *s, const struct candidate *create)
{
	_cleanup_(freep) struct insn_graph *g = code_graph(&s->code, &create->at), *d = NULL;
	uint64_t target = g ? shape_destructor(g) : 0;
	struct candidate end = { .at = { target, target },
				 .evidence = "what SSL_new calls first to undo it" };

	if (!target)
		return;
	d = code_graph(&s->code, &end.at);
	if (d && code_returns_from(d, &d->insn[0]))
		candidate_place(&end, &s->code, "~ssl_st", PROBE_ABI_FREE, false, 1, s->ret);
}

/* Where connections begin and end; none of it has to be there. */
static void add_life(struct search *s, const struct signatures *sig)
{
	struct candidate create =
		find_one(s, &sig->boringssl.create, "the errors it reports; returns the object");
	struct candidate handshake =
		find_one(s, &sig->boringssl.handshake, "the errors it reports");

	if (handshake.n == 1)
		candidate_place(&handshake, &s->code, "SSL_do_handshake", PROBE_ABI_HANDSHAKE,
				false, 1, s->ret);
	if (create.n == 1 &&
	    candidate_place(&create, &s->code, "SSL_new", PROBE_ABI_NEW, false, 0, s->ret))
		add_destructor(s, &create);
}

/* --- whose it is --- */

/* "Bun v1.3.14 (Linux x64)" */
static bool is_bun(void *ctx, const char *text)
{
	struct probe_target *t = ctx;
	const char *v = strchr(text, 'v') + 1;
	size_t n = strspn(v, "0123456789.");

	if (n < 5 || n > 16 || v[n] != ' ')
		return false;
	snprintf(t->version, sizeof(t->version), "Bun %.*s", (int)n, v);
	return true;
}

static int refuse(struct probe_target *ret, const char *what)
{
	ret->n_points = 0;
	snprintf(ret->reason, sizeof(ret->reason),
		 "statically linked BoringSSL%s%s: %s: not covered yet",
		 ret->version[0] ? " of " : "", ret->version, what);
	return 0;
}

static int place(struct search *s, const struct signatures *sig)
{
	struct candidate write = { .n = 0 }, read = { .n = 0 }, impl;

	group_sites(s, sig->boringssl.library);
	find_write(s, &sig->boringssl.write, &write);
	impl = find_one(s, &sig->boringssl.read_impl, "");
	if (write.n != 1)
		return refuse(s->ret, write.n ? "two functions look like SSL_write"
					      : "SSL_write was not recognised");
	find_read(s, sig, &impl, &read);
	if (read.n != 1)
		return refuse(s->ret, read.n ? "two functions look like SSL_read"
					     : "SSL_read was not recognised");
	if (read.at.from == write.at.from ||
	    !candidate_place(&write, &s->code, "SSL_write", PROBE_ABI_RW, true, 3, s->ret) ||
	    !candidate_place(&read, &s->code, "SSL_read", PROBE_ABI_RW, false, 3, s->ret))
		return refuse(s->ret, "its functions cannot be decoded");
	add_life(s, sig);
	return 1;
}

static int find(const struct elf_file *e, bool classic, struct probe_target *ret)
{
	const struct signatures *sig = signatures();
	_cleanup_(freep) struct search *s = NULL;
	uint64_t texts[TEXTS_MAX];
	bool known;
	int n = elf_find_strings(e, sig->boringssl.file, false, texts, TEXTS_MAX), r;

	(void)classic; /* the entries found are where the classic places are */
	if (n <= 0)
		return n;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->code.bytes.e = e;
	s->ret = ret;
	known = isa_of(e->machine);
	r = known ? code_sites(&s->code, texts, (size_t)n, &s->sites) : 0;
	if (r == -ENOMEM)
		return r;
	if (r == 0 && s->sites.n == 0 && known)
		return 0; /* the text alone: somebody's list of files */
	elf_search(e, "Bun v1.", VERSION_MAX, is_bun, ret);
	if (!known)
		return refuse(ret, "only on x86-64 and arm64");
	if (r < 0)
		return refuse(ret,
			      r == -ETIME ? "the search took too long" : "too many references");
	snprintf(ret->library, sizeof(ret->library), "boringssl");
	ret->source = SONDE_SOURCE_OPENSSL;
	return place(s, sig);
}

const struct tls_finder finder_boringssl = { .name = "boringssl", .alone = true, .find = find };
