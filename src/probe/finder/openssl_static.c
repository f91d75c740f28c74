/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL linked into a program or library without symbols.
 *
 * Every error report says which function it is in: since 3.0 by name, ERR_set_debug(file, line,
 * function), before by number, ERR_put_error(library, function, reason, file, line). So the name of
 * SSL_write stands in SSL_write, and that of ssl_write_internal in the one that moves bytes. Both
 * have to agree: SSL_write has to hand its arguments to what was recognised as ssl_write_internal,
 * in the way that OpenSSL 3.0 or 3.3 does, which also says the signature. The internal function is
 * probed, as SSL_write_ex leads there too.
 *
 * Compilers may put copies of the internal function into its callers. Then each function that names
 * it is probed for itself, with the signature that its call of the protocol's function tells.
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

#ifndef __clang__ /* gcc 12's analyzer takes two graphs that are freed for one */
#pragma GCC diagnostic ignored "-Wanalyzer-double-free"
#endif

#define COPIES_MAX  8
#define TEXTS_MAX   4 /* places where one name stands */
#define VERSION_MAX (96u << 20)

/* Their names as this file uses them. */
enum {
	WRITE = SIGNATURE_WRITE,
	READ = SIGNATURE_READ,
	CREATE = SIGNATURE_NEW,
	CLEAR = SIGNATURE_CLEAR,
	NAMES = SIGNATURES_FUNCTIONS,
};

struct search {
	struct code code;
	struct code_sites sites;
	const struct signatures *sig;
	uint64_t texts[NAMES][TEXTS_MAX];
	size_t n_texts[NAMES];
	struct candidate fn[NAMES];
	struct elf_range copies[NAMES][COPIES_MAX]; /* all functions that have the name */
	size_t n_copies[NAMES];
	struct probe_target *ret;
};

/* The rarest name first: most files have none of them. */
static int find_names(struct search *s)
{
	static const enum signature_function order[NAMES] = {
		SIGNATURE_WRITE_INTERNAL, SIGNATURE_READ_INTERNAL, SIGNATURE_WRITE,
		SIGNATURE_READ,		  SIGNATURE_NEW,	   SIGNATURE_CLEAR
	};

	for (size_t i = 0; i < NAMES; i++) {
		size_t k = order[i];
		int r = elf_find_strings(s->code.bytes.e, s->sig->openssl3[k], true, s->texts[k],
					 TEXTS_MAX);

		if (r < 0)
			return r;
		if (r == 0 && k != CREATE && k != CLEAR)
			return 0;
		s->n_texts[k] = (size_t)r;
	}
	return 1;
}

static int find_sites_by_name(struct search *s)
{
	uint64_t texts[NAMES * TEXTS_MAX];
	size_t n = 0;

	for (size_t k = 0; k < NAMES; k++)
		for (size_t i = 0; i < s->n_texts[k]; i++)
			texts[n++] = s->texts[k][i];
	return code_sites(&s->code, texts, n, &s->sites);
}

static int find_sites_by_number(struct search *s)
{
	uint64_t texts[TEXTS_MAX];
	int n = elf_find_strings(s->code.bytes.e, s->sig->openssl1.file, false, texts, TEXTS_MAX);

	return n <= 0 ? n : code_sites(&s->code, texts, (size_t)n, &s->sites);
}

static bool is_name(const struct search *s, size_t k, uint64_t text)
{
	for (size_t i = 0; i < s->n_texts[k]; i++)
		if (s->texts[k][i] == text)
			return true;
	return false;
}

/* ERR_set_debug(file, line, function): a line is a small number. */
static bool is_report(const struct code_site *s)
{
	return s->arg[2].kind == VALUE_NUMBER && (uint64_t)s->arg[2].n == s->text &&
	       s->arg[1].kind == VALUE_NUMBER && s->arg[1].n > 0 && s->arg[1].n < 100000 &&
	       s->arg[0].kind == VALUE_NUMBER;
}

static bool is_number(const struct search *s, size_t k, const struct code_site *site)
{
	return site->arg[3].kind == VALUE_NUMBER && (uint64_t)site->arg[3].n == site->text &&
	       site->arg[0].kind == VALUE_NUMBER && site->arg[0].n == s->sig->openssl1.library &&
	       site->arg[1].kind == VALUE_NUMBER && site->arg[1].n == s->sig->openssl1.number[k];
}

static void note_copy(struct search *s, size_t k, const struct elf_range *f)
{
	for (size_t i = 0; i < s->n_copies[k] && i < COPIES_MAX; i++)
		if (s->copies[k][i].from == f->from)
			return;
	if (s->n_copies[k] < COPIES_MAX)
		s->copies[k][s->n_copies[k]] = *f;
	s->n_copies[k]++;
}

static void find_functions(struct search *s, bool by_name)
{
	for (size_t i = 0; i < s->sites.n; i++) {
		const struct code_site *site = &s->sites.site[i];

		for (size_t k = 0; k < NAMES; k++) {
			if (by_name ? !is_report(site) || !is_name(s, k, site->text)
				    : !is_number(s, k, site))
				continue;
			candidate_take(&s->fn[k], &site->function,
				       by_name ? "names itself in its errors"
					       : "its number in its errors");
			note_copy(s, k, &site->function);
		}
	}
}

/*
 * Which of the internal function's arguments is the address of the length, by what the public one
 * passes and by what it hands on itself: either says it, and they must not say different things.
 */
static int internal_length(struct search *s, size_t public)
{
	const uint64_t internal = s->fn[public + 1].at.from;
	_cleanup_(freep) struct insn_graph *p = code_graph(&s->code, &s->fn[public].at);
	_cleanup_(freep) struct insn_graph *i = code_graph(&s->code, &s->fn[public + 1].at);
	int handed = i ? shape_length_argument(i) : -ENOENT, passed = -ENOENT;
	struct insn_pass pass;

	if (!p || !shape_calls(p, internal, 1))
		return -ENOENT;
	if (insn_find_pass(p, 4, true, &pass) == 0)
		passed = pass.target != internal ? 0 : pass.flags ? 4 : 3;
	if (passed >= 0 && handed >= 0 && passed != handed)
		return -ENOENT;
	return passed >= 0 ? passed : handed;
}

/* The public function hands its arguments to the next, its internal one. */
static bool add_internal(struct search *s, size_t public, const char *function)
{
	struct candidate *internal = &s->fn[public + 1];
	int length = internal_length(s, public);

	if (length < 3)
		return false;
	snprintf(internal->evidence, sizeof(internal->evidence),
		 "says so in its errors; what %s calls with its arguments",
		 public == WRITE ? "SSL_write" : "SSL_read");
	return candidate_place(internal, &s->code, function,
			       length == 4 ? PROBE_ABI_RW_EX2 : PROBE_ABI_RW_EX, public == WRITE,
			       (size_t)length + 1, s->ret);
}

static bool calls_copy(const struct search *s, size_t k, const struct insn_graph *g)
{
	for (size_t i = 0; i < g->n; i++)
		for (size_t c = 0; c < s->n_copies[k]; c++)
			if (g->insn[i].kind == INSN_CALL &&
			    g->insn[i].target == s->copies[k][c].from)
				return true;
	return false;
}

/* One function that the internal one was put into; the public one may be it. */
static bool add_copy(struct search *s, size_t public, const struct elf_range *at,
		     const char *const functions[2])
{
	static const enum probe_abi abis[] = {
		[0] = PROBE_ABI_RW, [3] = PROBE_ABI_RW_EX, [4] = PROBE_ABI_RW_EX2
	};
	static const size_t n_args[] = { [0] = 3, [3] = 4, [4] = 5 };
	struct candidate c = { .at = *at,
			       .evidence = "the internal one's errors; hands all to the protocol" };
	_cleanup_(freep) struct insn_graph *g = code_graph(&s->code, at);
	bool is_public = at->from == s->fn[public].at.from;
	int length = g ? shape_length_argument(g) : -1;

	/* Only SSL_write itself has no argument for the length. */
	if (length < 0 || (length == 0) != is_public || calls_copy(s, public + 1, g))
		return false;
	return candidate_place(&c, &s->code, functions[!is_public], abis[length], public == WRITE,
			       n_args[length], s->ret);
}

static bool add_direction(struct search *s, size_t public)
{
	const char *const functions[] = { public == WRITE ? "SSL_write" : "SSL_read",
					  public == WRITE ? "ssl_write_internal"
							  : "ssl_read_internal" };
	size_t n = s->n_copies[public + 1];
	bool found = false;

	if (s->fn[public].n != 1 || n == 0 || n > COPIES_MAX)
		return false;
	if (n == 1 && s->fn[public + 1].at.from != s->fn[public].at.from)
		return add_internal(s, public, functions[1]);
	for (size_t i = 0; i < n; i++) {
		if (!add_copy(s, public, &s->copies[public + 1][i], functions))
			return false;
		found |= s->copies[public + 1][i].from == s->fn[public].at.from;
	}
	return found;
}

/* "OpenSSL 3.0.19 27 Jan 2026", "OpenSSL 1.1.1w  11 Sep 2023" */
static bool is_version(void *ctx, const char *text)
{
	struct probe_target *t = ctx;
	const char *v = strchr(text, ' ') + 1;
	size_t n = strspn(v, "0123456789.");

	n += strspn(v + n, "abcdefghijklmnopqrstuvwxyz+");
	if (n < 5 || n > 16 || v[n] != ' ')
		return false;
	snprintf(t->version, sizeof(t->version), "%.*s", (int)n, v);
	return true;
}

static int refuse(struct probe_target *ret, const char *what)
{
	ret->n_points = 0;
	snprintf(ret->reason, sizeof(ret->reason),
		 "statically linked OpenSSL %s without symbols: %s: not covered yet", ret->version,
		 what);
	return 0;
}

static int place(struct search *s)
{
	if (!add_direction(s, WRITE))
		return refuse(s->ret, "what writes was not recognised");
	if (!add_direction(s, READ))
		return refuse(s->ret, "what reads was not recognised");
	if (s->fn[CREATE].n == 1)
		candidate_place(&s->fn[CREATE], &s->code, "SSL_new", PROBE_ABI_NEW, false, 0,
				s->ret);
	if (s->fn[CLEAR].n == 1)
		candidate_place(&s->fn[CLEAR], &s->code, "SSL_clear", PROBE_ABI_CLEAR, false, 1,
				s->ret);
	return 1;
}

static void find_version(const struct elf_file *e, struct probe_target *ret)
{
	static const char *const texts[] = { "OpenSSL 3.", "OpenSSL 1.", "OpenSSL 4." };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (elf_search(e, texts[i], VERSION_MAX, is_version, ret) == 1)
			return;
}

static int find(const struct elf_file *e, bool classic, struct probe_target *ret)
{
	_cleanup_(freep) struct search *s = calloc(1, sizeof(*s));
	int r;

	(void)classic; /* the entries found are where the classic places are */
	if (!s)
		return -ENOMEM;
	s->code.bytes.e = e;
	s->ret = ret;
	s->sig = signatures();
	if (!isa_of(e->machine))
		return 0;
	r = find_names(s);
	if (r < 0)
		return r;
	if (r > 0)
		r = find_sites_by_name(s);
	if (r == 0)
		find_functions(s, true);
	/* In OpenSSL 1.1 the names stand in its table of texts alone. */
	if (r == 0 && s->fn[WRITE].n == 0) {
		r = find_sites_by_number(s);
		find_functions(s, false);
	}
	if (r == -ENOMEM)
		return r;
	if (r == 0 && s->fn[WRITE].n == 0)
		return 0;
	find_version(e, ret);
	if (r < 0)
		return refuse(ret,
			      r == -ETIME ? "the search took too long" : "too many references");
	snprintf(ret->library, sizeof(ret->library), "openssl");
	ret->source = SONDE_SOURCE_OPENSSL;
	return place(s);
}

const struct tls_finder finder_openssl_static = { .name = "openssl, static", .find = find };
