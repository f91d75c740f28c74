/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/elf/code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define BEFORE_MAX  0x4000 /* bytes from a function's start to what is looked for in it */
#define WINDOWS_MAX 64
#define CALLS_MAX   32768
#define TRIES_MAX   24
#define BOUNDARY    4  /* bytes on each side that tell two functions apart */
#define BLOCK_MAX   64 /* instructions from a text to the call that gets it */

struct insn_code code_reader(struct elf_code *bytes)
{
	return (struct insn_code){ isa_of(bytes->e->machine), elf_code_read, bytes };
}

struct insn_graph *code_graph(struct code *c, const struct elf_range *function)
{
	const struct insn_code code = code_reader(&c->bytes);
	struct insn_graph *g;

	if (c->graphs++ >= CODE_GRAPHS_MAX || c->visits >= CODE_VISITS_MAX)
		return NULL;
	g = malloc(sizeof(*g));
	if (g && insn_graph(&code, function->from, function->to - function->from, g) < 0) {
		free(g);
		return NULL;
	}
	c->visits += g ? g->visits : 0;
	return g;
}

const struct insn *code_at(const struct insn_graph *g, uint64_t addr)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->insn[i].reached && addr - g->insn[i].addr < g->insn[i].len)
			return &g->insn[i];
	return NULL;
}

/* Marks what may be executed after instruction @from, itself included. */
static void mark_after(const struct insn_graph *g, size_t from, bool *seen)
{
	uint16_t todo[INSN_GRAPH_MAX];
	size_t n = 0;

	seen[from] = true;
	todo[n++] = (uint16_t)from;
	while (n > 0) {
		const struct insn *i = &g->insn[todo[--n]];

		for (size_t k = 0; k < i->n_next; k++) {
			if (seen[i->next[k]])
				continue;
			seen[i->next[k]] = true;
			todo[n++] = i->next[k];
		}
	}
}

bool code_returns_from(const struct insn_graph *g, const struct insn *at)
{
	bool after[INSN_GRAPH_MAX] = { false };
	size_t good = 0;

	mark_after(g, (size_t)(at - g->insn), after);
	for (size_t i = 0; i < g->n; i++) {
		const struct insn *x = &g->insn[i];
		const struct insn_value *sp = &x->before.reg[g->code.isa->sp];

		if (!x->reached || x->kind != INSN_RETURN || sp->kind != VALUE_STACK)
			continue;
		if (sp->n > 0)
			return false;
		good += after[i] && sp->n == 0;
	}
	return good > 0;
}

/* --- functions --- */

/* Where functions may begin: called addresses, in order. */
struct starts {
	uint64_t at[CALLS_MAX];
	size_t n;
};

static int by_address(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* What is called around the addresses that are looked for. */
static int find_starts(struct code *c, const uint64_t *at, size_t n, struct starts *ret)
{
	_cleanup_(freep) struct elf_ref *calls = malloc(CALLS_MAX * sizeof(*calls));
	struct elf_range windows[WINDOWS_MAX];
	size_t n_windows = 0;
	int r;

	if (!calls)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		uint64_t from = at[i] > BEFORE_MAX ? at[i] - BEFORE_MAX : 0;

		if (n_windows > 0 && from <= windows[n_windows - 1].to &&
		    from >= windows[n_windows - 1].from)
			windows[n_windows - 1].to = at[i] + BEFORE_MAX;
		else if (n_windows < WINDOWS_MAX)
			windows[n_windows++] = (struct elf_range){ from, at[i] + BEFORE_MAX };
	}
	r = elf_find_calls(c->bytes.e, windows, n_windows, calls, CALLS_MAX);
	if (r < 0)
		return r;
	for (int i = 0; i < r; i++)
		ret->at[i] = calls[i].to;
	qsort(ret->at, (size_t)r, sizeof(ret->at[0]), by_address);
	ret->n = 0;
	for (int i = 0; i < r; i++)
		if (ret->n == 0 || ret->at[ret->n - 1] != ret->at[i])
			ret->at[ret->n++] = ret->at[i];
	return 0;
}

/* How many of the starts are at or before @vaddr. */
static size_t starts_before(const struct starts *s, uint64_t vaddr)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->at[mid] <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_start(struct code *c, uint64_t from, uint64_t to, uint64_t vaddr)
{
	const struct elf_range f = { from, to };
	_cleanup_(freep) struct insn_graph *g = code_graph(c, &f);
	const struct insn *at = g ? code_at(g, vaddr) : NULL;

	return at && code_returns_from(g, at);
}

/* The nearest address at or before @vaddr where a function may follow another, not before @limit;
 * 0.
 */
static uint64_t after_another(struct code *c, uint64_t vaddr, uint64_t limit, bool sure)
{
	const struct isa *isa = isa_of(c->bytes.e->machine);

	for (uint64_t at = vaddr & ~(uint64_t)(isa->align - 1); at > limit && at > BOUNDARY;
	     at -= isa->align) {
		uint8_t b[2 * BOUNDARY];

		if (elf_code_read(&c->bytes, at - BOUNDARY, b, sizeof(b)) != sizeof(b))
			return 0;
		if (isa->begins(b, b + BOUNDARY, sure))
			return at;
	}
	return 0;
}

/* The nearest place that is called or follows padding from which all is as in a function. */
static uint64_t search_back(struct code *c, const struct starts *s, uint64_t vaddr, uint64_t end,
			    bool sure)
{
	uint64_t limit = vaddr > BEFORE_MAX ? vaddr - BEFORE_MAX : 0;
	uint64_t pad = after_another(c, vaddr, limit, sure);
	size_t i = starts_before(s, vaddr);

	for (size_t tries = 0; tries < TRIES_MAX; tries++) {
		uint64_t called = i > 0 && s->at[i - 1] > limit ? s->at[i - 1] : 0;
		uint64_t from = called > pad ? called : pad;

		if (!from)
			break;
		if (from == pad)
			pad = after_another(c, pad - 1, limit, sure);
		if (from == called)
			i--;
		if (is_start(c, from, end, vaddr))
			return from;
	}
	return 0;
}

static struct elf_range search_start(struct code *c, const struct starts *s, uint64_t vaddr)
{
	size_t i = starts_before(s, vaddr);
	uint64_t end = i < s->n ? s->at[i] : vaddr + BEFORE_MAX;
	uint64_t from = search_back(c, s, vaddr, end, true);

	if (!from)
		from = search_back(c, s, vaddr, end, false);
	return (struct elf_range){ from, from ? end : 0 };
}

int code_functions(struct code *c, const uint64_t *at, size_t n, struct elf_range *ret)
{
	_cleanup_(freep) struct starts *s = NULL;

	for (size_t i = 0; i < n; i++) {
		ret[i] = (struct elf_range){ 0, 0 };
		if (elf_function_at(c->bytes.e, at[i], &ret[i]) == 0)
			continue;
		if (!s) {
			int r;

			s = calloc(1, sizeof(*s));
			r = s ? find_starts(c, at, n, s) : -ENOMEM;
			if (r < 0)
				return r;
		}
		/* Mostly in the same function as the one before. */
		if (i > 0 && ret[i - 1].from && at[i] > ret[i - 1].from && at[i] < ret[i - 1].to &&
		    is_start(c, ret[i - 1].from, ret[i - 1].to, at[i]))
			ret[i] = ret[i - 1];
		else
			ret[i] = search_start(c, s, at[i]);
	}
	return 0;
}

/* --- sites --- */

/*
 * The arguments as this way to the call leaves them: the call itself may be shared with other
 * sites.
 */
static bool read_site(const struct insn_graph *g, uint64_t at, struct code_site *ret)
{
	const struct insn *first = code_at(g, at);
	struct insn_state before, s;
	struct insn x = { .kind = INSN_PLAIN };
	uint64_t addr;

	if (!first)
		return false;
	s = first->before;
	addr = first->addr;
	for (size_t i = 0; i < BLOCK_MAX && x.kind == INSN_PLAIN; i++, addr += x.len) {
		before = s;
		if (insn_step(&g->code, addr, &s, &x) < 0)
			return false;
	}
	memcpy(ret->arg, before.reg, sizeof(ret->arg));
	return x.kind != INSN_PLAIN;
}

int code_sites(struct code *c, const uint64_t *texts, size_t n, struct code_sites *ret)
{
	struct elf_ref refs[CODE_SITES_MAX];
	uint64_t at[CODE_SITES_MAX];
	struct elf_range functions[CODE_SITES_MAX];
	_cleanup_(freep) struct insn_graph *g = NULL;
	int r = elf_find_refs(c->bytes.e, texts, n, refs, CODE_SITES_MAX), found = r;

	ret->n = 0;
	if (r <= 0)
		return r;
	for (int i = 0; i < found; i++)
		at[i] = refs[i].at;
	r = code_functions(c, at, (size_t)found, functions);
	if (r < 0)
		return r;
	for (int i = 0; i < found; i++) {
		struct code_site *s = &ret->site[ret->n];

		*s = (struct code_site){ .text = refs[i].to, .function = functions[i] };
		if (functions[i].from && (!g || g->start != functions[i].from)) {
			free(g);
			g = code_graph(c, &functions[i]);
		}
		if (functions[i].from && g && read_site(g, at[i], s))
			ret->n++;
	}
	return 0;
}
