/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NSS: libssl3.so puts a layer on NSPR's file descriptors. Programs call PR_Read() and the like,
 * which call the layer's methods; these belong to libssl3.so alone, so whatever comes by there is
 * TLS. They have no symbols, but stand in a table (struct PRIOMethods, NSPR's prio.h) that the
 * library makes of a constant one: either that lies in the file, or the compiler has turned it into
 * code that writes its entries.
 *
 *	PRInt32 read(fd, buf, PRInt32 n), write(fd, buf, PRInt32 n)
 *	PRInt32 recv(fd, buf, PRInt32 n, flags, timeout), send(likewise); writev calls send
 *	PRStatus close(fd)
 *
 * A table is taken where its type is PR_DESC_LAYERED, all these entries are code of the file,
 * different from each other, an entry that NSPR provides is known to be that import, and there is
 * only one such table.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/elf/x86.h"
#include "probe/finder/finder.h"
#include "probe/finder/place.h"

#define PR_DESC_LAYERED 4
#define TABLE_WORDS	36
#define CANDIDATES_MAX	64
#define RESOLVED_MAX	16
#define SCAN_MAX	(256u << 20) /* bytes of code */
#define BLOCK		(64u << 10)
#define AROUND		1024 /* code looked at before and after a store of PR_DESC_LAYERED */
#define ALIGNMENT	16   /* of functions */

/* struct PRIOMethods, in words. */
enum { CLOSE = 1, READ = 2, WRITE = 3, RECV = 17, SEND = 18, ACCEPT_READ = 22, SEND_FILE = 30 };

static const struct {
	const char *name;
	int word;
	enum probe_abi abi;
	uint8_t n_args;
	bool write, no_result;
} methods[] = {
	{ "ssl_Read", READ, PROBE_ABI_RW, 3, false, false },
	{ "ssl_Write", WRITE, PROBE_ABI_RW, 3, true, false },
	{ "ssl_Recv", RECV, PROBE_ABI_RW_FLAGS, 4, false, false },
	{ "ssl_Send", SEND, PROBE_ABI_RW_FLAGS, 4, true, false },
	{ "ssl_Close", CLOSE, PROBE_ABI_FREE, 1, false, true },
};

/* Entries that NSPR provides. */
static const struct {
	const char *name;
	int word;
} imports[] = { { "PR_EmulateSendFile", SEND_FILE }, { "PR_EmulateAcceptRead", ACCEPT_READ } };

#define N_IMPORTS ARRAY_SIZE(imports)

struct table {
	uint64_t at;
	uint64_t word[TABLE_WORDS];   /* the address of code, or 0 */
	uint64_t loaded[TABLE_WORDS]; /* where that address stands in the file, or 0 */
	uint64_t import[N_IMPORTS];   /* 1: that entry is that import */
};

struct search {
	const struct elf_file *e;
	struct elf_code code;
	uint32_t symbol[N_IMPORTS];
	uint64_t slot[N_IMPORTS]; /* where the linker puts its address, for code */
	struct table table, last, found;
	size_t n_found, n_candidates, n_resolved;
};

static bool is_table(const struct search *s, const struct table *t)
{
	bool import = false;

	for (size_t i = 0; i < N_IMPORTS; i++)
		import |= t->import[i] != 0;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		uint64_t addr = t->word[methods[i].word];

		if (!addr || !elf_executable(s->e, addr))
			return false;
		for (size_t k = 0; k < i; k++)
			if (t->word[methods[k].word] == addr)
				return false;
	}
	return import;
}

/* Whether two tables name the same functions. */
static bool same(const struct table *a, const struct table *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (a->word[methods[i].word] != b->word[methods[i].word])
			return false;
	return true;
}

static bool take_addend(void *ctx, const struct elf_relocation *r)
{
	struct table *t = ctx;

	for (size_t i = 0; i < TABLE_WORDS && !r->symbol; i++)
		if (t->loaded[i] && t->loaded[i] == r->place)
			t->word[i] = r->addend;
	return false;
}

/* Where an entry is the address of data, what the linker puts there. */
static void resolve(struct search *s)
{
	struct table *t = &s->table;
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		int w = methods[i].word;

		if (!t->word[w] && !t->loaded[w])
			return;
		any |= t->loaded[w];
	}
	if (!any || s->n_resolved++ >= RESOLVED_MAX)
		return;
	/* Packed relocations (DT_RELR) have it in place. */
	for (size_t i = 0; i < TABLE_WORDS; i++)
		if (t->loaded[i])
			elf_read_at(s->e, t->loaded[i], &t->word[i], sizeof(t->word[i]));
	elf_relocations(s->e, take_addend, t);
}

static void take(struct search *s)
{
	/* Most places that are tried give the same. */
	if (memcmp(&s->table, &s->last, sizeof(s->table)) == 0)
		return;
	s->last = s->table;
	resolve(s);
	if (!is_table(s, &s->table) || (s->n_found && same(&s->found, &s->table)))
		return;
	s->found = s->table;
	s->n_found++;
}

/* --- a table in the file --- */

static bool find_imports(void *ctx, const struct elf_relocation *r)
{
	struct search *s = ctx;
	uint64_t at, word = 0;

	for (size_t i = 0; i < N_IMPORTS; i++) {
		if (!r->symbol || r->symbol != s->symbol[i])
			continue;
		at = r->place - 8 * (uint64_t)imports[i].word;
		if (elf_read_at(s->e, at, &word, sizeof(word)) == sizeof(word) &&
		    word == PR_DESC_LAYERED) {
			s->table = (struct table){ .at = at };
			s->table.import[i] = true;
			for (size_t k = 0; k < ARRAY_SIZE(methods); k++)
				s->table.loaded[methods[k].word] =
					at + 8 * (uint64_t)methods[k].word;
		} else {
			s->slot[i] = r->place;
		}
	}
	return false;
}

/* --- a table made by code --- */

static void on_store(void *ctx, uint64_t at, struct x86_word w)
{
	struct search *s = ctx;
	uint64_t word = (at - s->table.at) / 8;

	if (word >= TABLE_WORDS || (at - s->table.at) % 8 != 0)
		return;
	for (size_t i = 0; i < N_IMPORTS; i++)
		if (word == (uint64_t)imports[i].word)
			s->table.import[i] = w.kind == X86_WORD_LOADED && s->slot[i] == w.v;
	s->table.word[word] = w.kind == X86_WORD_NUMBER ? w.v : 0;
	s->table.loaded[word] = w.kind == X86_WORD_LOADED ? w.v : 0;
}

/*
 * An instruction at @insn stores PR_DESC_LAYERED at @at. Where its function begins is not known:
 * each place where one can is tried, and all that give a table must give the same.
 */
static void try_code(struct search *s, uint64_t insn, uint64_t at)
{
	uint64_t from = (insn - (insn < AROUND ? insn : AROUND)) & ~(uint64_t)(ALIGNMENT - 1);

	if (s->n_candidates++ >= CANDIDATES_MAX)
		return;
	for (; from <= insn; from += ALIGNMENT) {
		s->table = (struct table){ .at = at };
		x86_stores(elf_code_read, &s->code, from, insn + AROUND, on_store, s);
		take(s);
	}
}

/* movl $4,offset(%rip) */
static void scan_block(struct search *s, const uint8_t *block, size_t n, uint64_t addr)
{
	static const uint8_t four[] = { PR_DESC_LAYERED, 0, 0, 0 };

	for (size_t i = 0; i + 10 <= n; i++) {
		int32_t offset;

		if (block[i] != 0xc7 || block[i + 1] != 0x05 || memcmp(block + i + 6, four, 4) != 0)
			continue;
		memcpy(&offset, block + i + 2, sizeof(offset));
		try_code(s, addr + i, addr + i + 10 + (uint64_t)(int64_t)offset);
	}
}

static void scan_code(struct search *s)
{
	uint64_t left = SCAN_MAX;
	uint8_t block[BLOCK];

	for (size_t i = 0; i < s->e->n_segments; i++) {
		const struct elf_segment *seg = &s->e->segments[i];

		if (seg->type != PT_LOAD || !(seg->flags & PF_X))
			continue;
		for (uint64_t at = 0; at < seg->size && left > 0;) {
			size_t n = elf_read_at(s->e, seg->vaddr + at, block, sizeof(block));

			if (n <= 16)
				break;
			scan_block(s, block, n, seg->vaddr + at);
			at += n - 16; /* an instruction may lie across */
			left -= left < n ? left : n;
		}
	}
}

static int refuse(struct probe_target *ret, const char *why)
{
	snprintf(ret->reason, sizeof(ret->reason), "NSS: %s: not covered yet", why);
	return 0;
}

static void add_points(struct search *s, bool classic, struct probe_target *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		_cleanup_(freep) struct insn_graph *g = NULL;
		const struct place p = { .function = methods[i].name,
					 .evidence =
						 "entry of the table of the TLS layer's methods",
					 .abi = methods[i].abi,
					 .n_args = methods[i].n_args,
					 .write = methods[i].write,
					 .no_result = methods[i].no_result,
					 .start = s->found.word[methods[i].word] };

		g = classic ? NULL : place_graph(&s->code, p.start, 0);
		if (!place_cheap(&s->code, &p, g, ret))
			place_classic(&s->code, &p, ret);
	}
}

static int newest_version(void *ctx, const char *name)
{
	struct probe_target *t = ctx;

	/* In the order of the file, which is ascending: it is this one or newer. */
	if (strncmp(name, "NSS_3.", 6) == 0 && strlen(name) < sizeof(t->version))
		snprintf(t->version, sizeof(t->version), "%.*s+", (int)sizeof(t->version) - 2,
			 name + 4);
	return 0;
}

/* Firefox has it in libnss3.so. */
static int is_nss(void *ctx, enum elf_dynamic_name kind, const char *name)
{
	(void)ctx;
	return kind == ELF_NAME_SONAME &&
	       (strncmp(name, "libssl3", 7) == 0 || strncmp(name, "libnss3", 7) == 0);
}

static int find(const struct elf_file *e, bool classic, struct probe_target *ret)
{
	_cleanup_(freep) struct search *s = NULL;
	struct elf_function mark[] = { { .name = "SSL_ImportFD" },
				       { .name = "NSSSSL_GetVersion" } };
	int r;

	if (!elf_dynamic_names(e, is_nss, NULL))
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	r = elf_find_functions(e, mark, ARRAY_SIZE(mark));
	if (r < (int)ARRAY_SIZE(mark))
		return r < 0 ? r : 0;
	snprintf(ret->library, sizeof(ret->library), "nss");
	ret->source = SONDE_SOURCE_NSS;
	if (!isa_of(e->machine))
		return refuse(ret, "only on x86-64 and arm64");
	s->code.e = s->e = e;
	for (size_t i = 0; i < N_IMPORTS; i++)
		s->symbol[i] = elf_import(e, imports[i].name);
	elf_relocations(e, find_imports, s);
	take(s);
	if (!s->n_found && e->machine == EM_X86_64)
		scan_code(s);
	if (s->n_found != 1)
		return refuse(ret, s->n_found		     ? "two tables of methods"
				   : e->machine == EM_X86_64 ? "no table of methods"
							     : "no constant table of methods");
	add_points(s, classic, ret);
	elf_versions(e, newest_version, ret);
	return ret->n_points > 0;
}

const struct tls_finder finder_nss = { .name = "nss", .alone = true, .find = find };
