/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL and what has its API (BoringSSL, AWS-LC, LibreSSL), by the names of its functions: in
 * libssl.so and in executables that carry it and kept their symbols (node, python).
 *
 * For each direction the first of these that holds:
 *   1. The public functions all pass their arguments on to one internal function, and that
 *      has an emulated instruction as 2. wants it: one probe there, mostly with a return
 *      probe, sees every call once (Debian's libssl 3: ssl_write_internal, `push %r14`).
 *   2. Each public function for itself: at an emulated instruction of its first block, the result
 *      by a return probe where the return address is still on top of the stack, else at a branch
 *      on the way out (SSL_write+0x16 `js`, +0x38 `jne`).
 *   3. Where that is not possible, at the function's start with a return probe, single-stepped.
 * A public function that calls another one is not probed: its data would be seen twice.
 */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/regular.h"
#include "base/util.h"
#include "probe/finder/finder.h"
#include "probe/finder/place.h"

struct api {
	const char *name;
	enum probe_abi abi;
	uint8_t n_args;
	enum { IN, OUT, LIFE, REST } group; /* REST: of use where it costs nothing */
};

static const struct api apis[] = {
	{ "SSL_write", PROBE_ABI_RW, 3, OUT },
	{ "SSL_write_ex", PROBE_ABI_RW_EX, 4, OUT },
	{ "SSL_write_ex2", PROBE_ABI_RW_EX2, 5, OUT }, /* since 3.3 */
	{ "SSL_read", PROBE_ABI_RW, 3, IN },
	{ "SSL_read_ex", PROBE_ABI_RW_EX, 4, IN },
	{ "SSL_free", PROBE_ABI_FREE, 1, LIFE },
	{ "SSL_clear", PROBE_ABI_CLEAR, 1, LIFE },
	{ "SSL_set_fd", PROBE_ABI_DESCRIPTOR, 2, REST },
	{ "SSL_sendfile", PROBE_ABI_TOTAL, 1, REST }, /* since 3.0: the kernel reads and encrypts */
};

#define N_APIS ARRAY_SIZE(apis)
/* By group; only in files that kept their local symbols. */
static const char *const internals[] = { [IN] = "ssl_read_internal", [OUT] = "ssl_write_internal" };
#define N_WANTED	   (N_APIS + ARRAY_SIZE(internals))

#define VERSION_SEARCH_MAX (64u << 20)

struct search {
	const struct elf_file *e;
	struct elf_function fn[N_WANTED]; /* apis, then internals */
	struct insn_graph *graph[N_APIS]; /* NULL: not decoded */
	struct probe_target *ret;
	bool classic;
	struct elf_code code;
};

static void search_done(struct search *s)
{
	for (size_t i = 0; i < N_APIS; i++)
		free(s->graph[i]);
	free(s);
}

static void search_donep(struct search **s)
{
	if (*s)
		search_done(*s);
}

/* --- points --- */

static struct place place_of(const struct search *s, size_t i)
{
	return (struct place){ .function = apis[i].name,
			       .evidence = "symbol",
			       .abi = apis[i].abi,
			       .n_args = apis[i].n_args,
			       .write = apis[i].group == OUT || apis[i].abi == PROBE_ABI_TOTAL,
			       .no_result = probe_is_life(apis[i].abi),
			       .start = s->fn[i].vaddr };
}

/* Options 2 and 3. */
static void add_public(struct search *s, size_t i)
{
	struct place p = place_of(s, i);

	if (!s->classic && place_cheap(&s->code, &p, s->graph[i], s->ret))
		return;
	/* Not worth a single step in every process that maps the file. */
	if (apis[i].group != REST)
		place_classic(&s->code, &p, s->ret);
}

/* --- which functions call which --- */

static int api_at(const struct search *s, uint64_t addr)
{
	for (size_t i = 0; i < N_APIS; i++)
		if (s->fn[i].found && s->fn[i].vaddr == addr)
			return (int)i;
	return -1;
}

static bool calls_api(struct search *s, size_t i)
{
	const struct insn_graph *g = s->graph[i];

	for (size_t n = 0; g && n < g->n; n++) {
		const struct insn *x = &g->insn[n];
		int k;

		if ((x->kind != INSN_CALL && x->kind != INSN_JUMP) || !x->target)
			continue;
		k = api_at(s, place_resolve(&s->code, s->fn, N_APIS, x->target));
		if (k >= 0 && (size_t)k != i && apis[k].group == apis[i].group)
			return true;
	}
	return false;
}

/* Drops functions that only lead to another one: two names of one, and callers. */
static void drop_doubles(struct search *s)
{
	bool drop[N_APIS] = { false };

	for (size_t i = 0; i < N_APIS; i++) {
		if (!s->fn[i].found || apis[i].group == LIFE)
			continue;
		drop[i] = calls_api(s, i) || (size_t)api_at(s, s->fn[i].vaddr) != i;
	}
	for (size_t i = 0; i < N_APIS; i++)
		if (drop[i])
			s->fn[i].found = false;
}

/* --- option 1 --- */

static bool calls(const struct insn_graph *g, uint64_t target)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->insn[i].kind == INSN_CALL && g->insn[i].target == target)
			return true;
	return false;
}

/* What one public function hands its arguments to; 0 in @ret: only known to call the symbol. */
static int find_pass(const struct search *s, size_t i, const struct elf_function *symbol,
		     struct insn_pass *ret)
{
	bool local = apis[i].abi == PROBE_ABI_RW;

	if (!s->graph[i])
		return -ENOENT;
	*ret = (struct insn_pass){ 0 };
	if (insn_find_pass(s->graph[i], apis[i].n_args + local, local, ret) == 0)
		return 0;
	return symbol->found && calls(s->graph[i], symbol->vaddr) ? 0 : -ENOENT;
}

/*
 * The function that all of a group's public functions hand their arguments to. Where its symbol
 * is there too, one caller whose arguments can be followed is enough.
 */
static int find_internal(const struct search *s, int group, struct insn_pass *ret)
{
	const struct elf_function *symbol = &s->fn[N_APIS + (size_t)group];
	struct insn_pass all = { 0 }, one;
	size_t n = 0, followed = 0;

	for (size_t i = 0; i < N_APIS; i++) {
		if (!s->fn[i].found || (int)apis[i].group != group)
			continue;
		n++;
		if (find_pass(s, i, symbol, &one) < 0)
			return -ENOENT;
		if (!one.target)
			continue;
		if (followed++ > 0 && (one.target != all.target || one.flags != all.flags))
			return -ENOENT;
		all = one;
	}
	if (followed == 0 || !elf_executable(s->e, all.target))
		return -ENOENT;
	/* Without the symbol, one caller alone proves nothing about what it calls. */
	if (symbol->found ? all.target != symbol->vaddr : followed < n || n < 2)
		return -ENOENT;
	*ret = all;
	return 0;
}

static bool add_internal(struct search *s, int group)
{
	_cleanup_(freep) struct insn_graph *g = NULL;
	struct place p = { .function = internals[group], .write = group == OUT };
	struct insn_pass pass;

	if (find_internal(s, group, &pass) < 0)
		return false;
	p.abi = pass.flags ? PROBE_ABI_RW_EX2 : PROBE_ABI_RW_EX;
	p.n_args = pass.flags ? 5 : 4;
	p.start = pass.target;
	p.evidence = s->fn[N_APIS + (size_t)group].found
			     ? "symbol; what the public functions call"
			     : "symbols; what all of them call with their own arguments";
	g = place_graph(&s->code, pass.target, s->fn[N_APIS + (size_t)group].size);
	return place_cheap(&s->code, &p, g, s->ret);
}

static void place_group(struct search *s, int group)
{
	if (!s->classic && group < LIFE && add_internal(s, group))
		return;
	for (size_t i = 0; i < N_APIS; i++)
		if (s->fn[i].found && (int)apis[i].group == group)
			add_public(s, i);
}

/* --- whose it is --- */

static int newest_version(void *ctx, const char *name)
{
	struct probe_target *t = ctx;

	/* In the order of the file, which is ascending: it is this one or newer. */
	if (strncmp(name, "OPENSSL_", 8) == 0 && strlen(name) < sizeof(t->version))
		snprintf(t->version, sizeof(t->version), "%.*s+", (int)sizeof(t->version) - 2,
			 name + 8);
	return 0;
}

static size_t number(const char *s)
{
	return strspn(s, "0123456789");
}

/* "OpenSSL 3.0.19 27 Jan 2026", but not "OpenSSL 3.0 legacy provider". */
static bool is_version(void *ctx, const char *text)
{
	struct probe_target *t = ctx;
	const char *v = strchr(text, ' ') + 1, *p = v;

	for (int i = 0; i < 3; i++) {
		size_t n = number(p);

		if (n == 0 || n > 4 || (i < 2 && p[n] != '.'))
			return false;
		p += n + (i < 2);
	}
	p += strspn(p, "abcdefghijklmnopqrstuvwxyz"); /* 1.1.1w */
	snprintf(t->version, sizeof(t->version), "%.*s", (int)(p - v), v);
	return true;
}

static int libcrypto(void *ctx, enum elf_dynamic_name kind, const char *name)
{
	if (kind != ELF_NAME_NEEDED || strncmp(name, "libcrypto", 9) != 0 || strchr(name, '/'))
		return 0;
	snprintf(ctx, NAME_MAX, "%s", name);
	return 1;
}

/*
 * The version stands in libcrypto. That is the one in the same folder, if the path means here what
 * it means where the program runs: then both are on one file system.
 */
static bool version_of_libcrypto(const struct elf_file *e, struct probe_target *ret)
{
	char name[NAME_MAX], path[sizeof(ret->path) + NAME_MAX + 1];
	const char *slash = strrchr(ret->path, '/');
	_cleanup_(closep) int fd = -1;
	struct elf_file crypto;
	struct stat st;

	if (!slash || elf_dynamic_names(e, libcrypto, name) == 0)
		return false;
	snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - ret->path), ret->path, name);
	fd = regular_open(path);
	return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == ret->dev &&
	       elf_open(fd, &crypto) == 0 &&
	       (elf_search(&crypto, "OpenSSL 3.", VERSION_SEARCH_MAX, is_version, ret) == 1 ||
		elf_search(&crypto, "OpenSSL 1.", VERSION_SEARCH_MAX, is_version, ret) == 1 ||
		elf_search(&crypto, "OpenSSL 4.", VERSION_SEARCH_MAX, is_version, ret) == 1);
}

static void name_library(const struct elf_file *e, struct probe_target *ret)
{
	static const struct {
		const char *text, *library;
		bool version;
	} products[] = {
		{ "OpenSSL 3.", "openssl", true },   { "OpenSSL 1.", "openssl", true },
		{ "OpenSSL 4.", "openssl", true },   { "LibreSSL 3.", "libressl", true },
		{ "LibreSSL 4.", "libressl", true }, { "AWS-LC FIPS", "aws-lc", false },
		{ "AWS-LC ", "aws-lc", true },	     { "BoringSSL", "boringssl", false },
	};

	snprintf(ret->library, sizeof(ret->library), "openssl");
	if (version_of_libcrypto(e, ret))
		return;
	elf_versions(e, newest_version, ret);
	for (size_t i = 0; !ret->version[0] && i < ARRAY_SIZE(products); i++) {
		if (elf_search(e, products[i].text, VERSION_SEARCH_MAX,
			       products[i].version ? is_version : NULL, ret) != 1)
			continue;
		snprintf(ret->library, sizeof(ret->library), "%s", products[i].library);
		break;
	}
}

static bool can_place(struct search *s)
{
	bool read = s->fn[3].found || s->fn[4].found;
	bool write = s->fn[0].found || s->fn[1].found;

	return read && write;
}

static int find(const struct elf_file *e, bool classic, struct probe_target *ret)
{
	_cleanup_(search_donep) struct search *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->code.e = s->e = e;
	s->ret = ret;
	ret->source = SONDE_SOURCE_OPENSSL;
	s->classic = classic;
	for (size_t i = 0; i < N_APIS; i++)
		s->fn[i].name = apis[i].name;
	for (size_t i = 0; i < ARRAY_SIZE(internals); i++)
		s->fn[N_APIS + i].name = internals[i];
	r = elf_find_functions(e, s->fn, N_WANTED);
	if (r < 0 || !can_place(s))
		return r < 0 ? r : 0;
	elf_find_slots(e, s->fn, N_APIS);
	if (!isa_of(e->machine)) {
		snprintf(ret->reason, sizeof(ret->reason), "OpenSSL for another processor");
		return 0;
	}
	for (size_t i = 0; i < N_APIS; i++)
		if (s->fn[i].found)
			s->graph[i] = place_graph(&s->code, s->fn[i].vaddr, s->fn[i].size);
	drop_doubles(s);
	for (int group = IN; group <= REST; group++)
		place_group(s, group);
	name_library(e, ret);
	return ret->n_points > 0;
}

const struct tls_finder finder_openssl = { .name = "openssl", .alone = true, .find = find };
