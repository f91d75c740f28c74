/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rustls 0.21 to 0.23 in programs without symbols. Every cipher is a pair of trait objects; a
 *vtable is
 *
 *	dyn MessageEncrypter	drop or 0, size, alignment, encrypt, encrypted_payload_len
 *	dyn MessageDecrypter	drop or 0, size, alignment, decrypt
 *
 * encrypted_payload_len(&self, n) is nothing but `lea 17(%rsi),%rax; ret` or `add x0, x1, #17; ret`
 * (TLS 1.3; 24 and 16 for TLS 1.2), which is where the search begins. The decrypter's vtable stands
 *nearby, before or after. Both functions must read their message as rustls lays it out
 *(finder_rustls_code.c); a cipher of which only one half is found is refused.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/elf/code.h"
#include "probe/finder/finder.h"
#include "probe/finder/rustls.h"

#define CODE_MAX      (512u << 20) /* bytes of code that are looked through */
#define BLOCK	      (1u << 20)
#define LEAVES_MAX    ELF_VALUES_MAX
#define PLACES_MAX    64
#define CIPHERS_MAX   (TARGET_POINTS_MAX / 2)
#define BEFORE_WORDS  64ul		 /* of a window, before the place that it is about */
#define VTABLE_AT     (BEFORE_WORDS - 4) /* index of the vtable that a window is about */
#define VERSION_BYTES (64u << 20)
#define OBJECT_MAX    0x2000 /* bytes of one cipher's state */

struct leaf {
	uint64_t addr;
	enum rustls_overhead overhead;
};

struct cipher {
	enum rustls_form form;
	enum rustls_overhead overhead;
	uint8_t type_at; /* in what decrypt() is given; 0: TLS 1.3 */
	uint64_t encrypt, decrypt;
};

struct search {
	const struct elf_file *e;
	struct insn_code code;
	struct probe_target *ret;
	struct leaf leaf[LEAVES_MAX];
	size_t n_leaves;
	struct elf_window window[PLACES_MAX];
	size_t n_windows;
	struct cipher cipher[CIPHERS_MAX];
	size_t n_ciphers;
	bool half, strange; /* a decrypter is missing; an encrypter is not as expected */
	struct insn_graph graph;
	size_t visits; /* by all graphs */
	uint8_t block[BLOCK];
};

static size_t read_code(void *ctx, uint64_t addr, void *buf, size_t n)
{
	const struct search *s = ctx;

	return elf_executable(s->e, addr) ? elf_read_at(s->e, addr, buf, n) : 0;
}

/* --- encrypted_payload_len --- */

static const char *const overhead_names[] = {
	[RUSTLS_TLS13] = "TLS 1.3",
	[RUSTLS_TLS12_GCM] = "TLS 1.2 GCM",
	[RUSTLS_TLS12_CHACHA] = "TLS 1.2 ChaCha20",
};

static bool is_overhead(uint8_t n)
{
	return n < ARRAY_SIZE(overhead_names) && overhead_names[n];
}

/* `lea n(%rsi),%rax` at @at: where the function begins, if it does nothing else. */
static bool begins(const uint8_t *block, size_t n, size_t at, size_t *ret)
{
	static const uint8_t frame[] = { 0x55, 0x48, 0x89, 0xe5 };

	if (at + 5 > n || !is_overhead(block[at + 3]))
		return false;
	*ret = at;
	if (block[at + 4] == 0xc3)
		return true;
	/* The same with a frame pointer: pop %rbp before the ret. */
	if (at + 6 > n || at < sizeof(frame) || block[at + 4] != 0x5d || block[at + 5] != 0xc3 ||
	    memcmp(block + at - sizeof(frame), frame, sizeof(frame)) != 0)
		return false;
	*ret = at - sizeof(frame);
	return true;
}

static enum rustls_overhead leaf_at(const struct search *s, uint64_t addr)
{
	for (size_t i = 0; i < s->n_leaves && i < LEAVES_MAX; i++)
		if (s->leaf[i].addr == addr)
			return s->leaf[i].overhead;
	return 0;
}

static void keep_leaf(struct search *s, uint64_t addr, uint8_t overhead)
{
	if (leaf_at(s, addr)) /* where blocks overlap */
		return;
	if (s->n_leaves < LEAVES_MAX)
		s->leaf[s->n_leaves] = (struct leaf){ addr, overhead };
	s->n_leaves++;
}

static void find_leaves_x86(struct search *s, size_t n, uint64_t addr)
{
	static const uint8_t lea[] = { 0x48, 0x8d, 0x46 };
	const uint8_t *from = s->block, *hit;
	size_t at;

	while ((hit = memmem(from, n - (size_t)(from - s->block), lea, sizeof(lea)))) {
		from = hit + 1;
		if (begins(s->block, n, (size_t)(hit - s->block), &at))
			keep_leaf(s, addr + at, hit[3]);
	}
}

#define A64_RET 0xd65f03c0

/* `add x0, x1, #n` is the third of five instructions: how many before it belong to the function. */
static int begins_a64(const uint32_t w[5])
{
	if ((w[2] & 0xfffc03ff) != 0x91000020 || !is_overhead(w[2] >> 10 & 0xff))
		return -1;
	if (w[3] == A64_RET)
		return 0;
	/* stp x29, x30, [sp, #-16]!; mov x29, sp; add; ldp x29, x30, [sp], #16; ret */
	return w[0] == 0xa9bf7bfd && w[1] == 0x910003fd && w[3] == 0xa8c17bfd && w[4] == A64_RET
		       ? 2
		       : -1;
}

static void find_leaves_a64(struct search *s, size_t n, uint64_t addr)
{
	uint32_t w[5];

	for (size_t at = -addr & 3; at + sizeof(w) <= n; at += sizeof(w[0])) {
		int before;

		memcpy(w, s->block + at, sizeof(w));
		before = begins_a64(w);
		if (before >= 0)
			keep_leaf(s, addr + at + (2 - (size_t)before) * sizeof(w[0]),
				  w[2] >> 10 & 0xff);
	}
}

#define OVERLAP 19 /* bytes: one less than what is looked at together */

static int find_leaves(struct search *s)
{
	uint64_t left = CODE_MAX;

	for (size_t i = 0; i < s->e->n_segments; i++) {
		const struct elf_segment *g = &s->e->segments[i];
		uint64_t at = 0;

		if (g->type != PT_LOAD || !(g->flags & PF_X))
			continue;
		while (at + OVERLAP < g->size && left > OVERLAP) {
			uint64_t n = g->size - at < BLOCK ? g->size - at : BLOCK;
			int r = elf_read(s->e, g->offset + at, s->block, n);

			if (r < 0)
				return r;
			if (s->e->machine == EM_X86_64)
				find_leaves_x86(s, n, g->vaddr + at);
			else
				find_leaves_a64(s, n, g->vaddr + at);
			at += n - OVERLAP;
			left -= n - OVERLAP < left ? n - OVERLAP : left;
		}
	}
	return 0;
}

/* --- vtables --- */

static int find_windows(struct search *s)
{
	uint64_t values[LEAVES_MAX], places[PLACES_MAX];
	int n;

	for (size_t i = 0; i < s->n_leaves; i++)
		values[i] = s->leaf[i].addr;
	n = elf_find_words(s->e, values, s->n_leaves, places, PLACES_MAX);
	for (int i = 0; i < n; i++)
		if (places[i] % 8 == 0 && places[i] >= BEFORE_WORDS * 8)
			s->window[s->n_windows++].at = places[i] - BEFORE_WORDS * 8;
	return n < 0 ? n : elf_read_windows(s->e, s->window, s->n_windows);
}

/* drop or 0, size, alignment, a function. */
static bool is_vtable(const struct search *s, const uint64_t *w)
{
	const uint64_t size = w[1], align = w[2];

	return (w[0] == 0 || elf_executable(s->e, w[0])) && size > 0 && size <= OBJECT_MAX &&
	       align >= 8 && align <= 64 && (align & (align - 1)) == 0 && size % align == 0 &&
	       elf_executable(s->e, w[3]);
}

static bool decode(struct search *s, uint64_t addr)
{
	if (s->visits >= CODE_VISITS_MAX || insn_graph(&s->code, addr, 0, &s->graph) < 0)
		return false;
	s->visits += s->graph.visits;
	return true;
}

static bool is_taken(const struct search *s, uint64_t fn)
{
	for (size_t i = 0; i < s->n_ciphers; i++)
		if (s->cipher[i].encrypt == fn || s->cipher[i].decrypt == fn)
			return true;
	return false;
}

/* What a cipher's other half must be. */
struct wanted {
	bool encrypt;
	enum rustls_form form;
	enum rustls_overhead overhead;
};

static bool is_wanted(struct search *s, uint64_t fn, const struct wanted *w, uint8_t *ret_type)
{
	if (is_taken(s, fn) || !decode(s, fn))
		return false;
	if (!w->encrypt)
		return rustls_is_decrypt(&s->graph, w->form, w->overhead, ret_type);
	/* TLS 1.2 adds behind a table of jumps. */
	return rustls_encrypt_form(&s->graph) == w->form &&
	       (w->overhead != RUSTLS_TLS13 || rustls_adds(&s->graph, w->overhead));
}

/* Beside the vtable in the middle of the window: nearer ones first, on both sides. 0: none. */
static uint64_t find_near(struct search *s, const struct elf_window *w, const struct wanted *wanted,
			  uint8_t *ret_type)
{
	for (size_t k = 0; k < 2 * BEFORE_WORDS; k++) {
		size_t off = k / 2 + 1, at = k % 2 ? VTABLE_AT + off : VTABLE_AT - off;

		if (at + 4 <= ELF_WINDOW_WORDS && is_vtable(s, &w->word[at]) &&
		    is_wanted(s, w->word[at + 3], wanted, ret_type))
			return w->word[at + 3];
	}
	return 0;
}

static void keep(struct search *s, const struct cipher *c)
{
	if (!c->encrypt || !c->decrypt)
		s->half = true;
	else if (s->n_ciphers < CIPHERS_MAX)
		s->cipher[s->n_ciphers++] = *c;
}

static void find_cipher(struct search *s, const struct elf_window *w)
{
	const uint64_t *vtable = &w->word[VTABLE_AT];
	struct cipher c = { .overhead = leaf_at(s, vtable[4]), .encrypt = vtable[3] };
	struct wanted wanted = { .overhead = c.overhead };

	if (!c.overhead || !is_vtable(s, vtable) || is_taken(s, c.encrypt))
		return;
	if (decode(s, c.encrypt))
		c.form = wanted.form = rustls_encrypt_form(&s->graph);
	if (!c.form) {
		s->strange = true;
		return;
	}
	c.decrypt = find_near(s, w, &wanted, &c.type_at);
	keep(s, &c);
}

/* "/rustls-0.23.46/src/...": where its sources lay when it was compiled. */
static bool is_version(void *ctx, const char *text)
{
	struct probe_target *t = ctx;
	const char *v = text + strlen("/rustls-");
	size_t n = strspn(v, "0123456789.");

	if (n == 0 || n >= sizeof(t->version) || v[n] != '/')
		return false;
	snprintf(t->version, sizeof(t->version), "%.*s", (int)n, v);
	return true;
}

/* --- 0.21, which has no encrypted_payload_len: from the decrypter, by its size --- */

/* A key of ring, and an initial value; aligned by 16. */
static const uint64_t old_sizes[] = { 0x200, 0x210, 0x220, 0x230, 0x240 };

static int find_old_windows(struct search *s)
{
	uint64_t places[PLACES_MAX];
	int n = elf_find_pairs(s->e, old_sizes, ARRAY_SIZE(old_sizes), 16, places, PLACES_MAX);

	for (int i = 0; i < n; i++)
		if (places[i] % 8 == 0 && places[i] > (VTABLE_AT + 1) * 8)
			s->window[s->n_windows++].at = places[i] - (VTABLE_AT + 1) * 8;
	return n < 0 ? n : elf_read_windows(s->e, s->window, s->n_windows);
}

static void find_old_cipher(struct search *s, const struct elf_window *w)
{
	static const enum rustls_overhead kinds[] = { RUSTLS_TLS13, RUSTLS_TLS12_GCM,
						      RUSTLS_TLS12_CHACHA };
	const uint64_t *vtable = &w->word[VTABLE_AT];

	if (!is_vtable(s, vtable))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct cipher c = { .overhead = kinds[i], .form = RUSTLS_OWNED };
		struct wanted wanted = { .form = RUSTLS_OWNED, .overhead = kinds[i] };

		if (!is_wanted(s, vtable[3], &wanted, &c.type_at))
			continue;
		c.decrypt = vtable[3];
		wanted.encrypt = true;
		c.encrypt = find_near(s, w, &wanted, NULL);
		keep(s, &c);
		break;
	}
}

static int find_old(struct search *s)
{
	int r = elf_search(s->e, "/rustls-0.21.", VERSION_BYTES, is_version, s->ret);

	if (r <= 0)
		return r;
	s->n_windows = 0;
	r = find_old_windows(s);
	for (size_t i = 0; r == 0 && i < s->n_windows; i++)
		find_old_cipher(s, &s->window[i]);
	return r;
}

/* --- points --- */

/* An emulated instruction that has all that is wanted; false: none. */
static bool find_cheap(const struct search *s, bool write, uint64_t fn, uint64_t *ret)
{
	/* Where the address of the result is in a register of its own, that is not followed. */
	const bool own_result = !s->code.isa->result_by_argument;
	uint64_t entry;
	bool at_return;

	if (insn_place_entry(&s->graph, own_result ? 3 : 4, &entry, &at_return) < 0 ||
	    (!write && (!at_return || (own_result && entry != fn))))
		return false;
	*ret = entry;
	return true;
}

static bool add_point(struct search *s, const struct cipher *c, bool write, bool classic)
{
	struct probe_point *p = &s->ret->points[s->ret->n_points];
	uint64_t fn = write ? c->encrypt : c->decrypt, entry = fn, left;

	if (s->ret->n_points == TARGET_POINTS_MAX || !decode(s, fn))
		return false;
	*p = (struct probe_point){
		.abi = write ? PROBE_ABI_RUSTLS_ENCRYPT : PROBE_ABI_RUSTLS_DECRYPT,
		.write = write,
		.overhead = c->overhead,
		.type_at = write ? 0 : c->type_at,
		.owned = c->form == RUSTLS_OWNED,
		.cost = PROBE_CHEAP,
	};
	if (classic || !find_cheap(s, write, fn, &entry))
		p->cost = PROBE_CLASSIC;
	if (!elf_offset(s->e, entry, &p->entry, &left))
		return false;
	snprintf(p->function, sizeof(p->function), "%s %s", overhead_names[c->overhead],
		 write ? "encrypt" : "decrypt");
	snprintf(p->evidence, sizeof(p->evidence),
		 write ? "vtable with encrypted_payload_len; reads its message so"
		       : "vtable beside the encrypter's; reads its message so");
	insn_text(&s->code, entry, p->insn);
	s->ret->n_points++;
	return true;
}

static bool has_tls13(const struct search *s)
{
	for (size_t i = 0; i < s->n_ciphers; i++)
		if (s->cipher[i].overhead == RUSTLS_TLS13)
			return true;
	return false;
}

/* All of what was found, or nothing: data of which one direction is not seen helps nobody. */
static void conclude(struct search *s, bool classic)
{
	struct probe_target *t = s->ret;
	const char *why = NULL;

	elf_search(s->e, "/rustls-0.", VERSION_BYTES, is_version, t);
	if (s->strange && !has_tls13(s))
		why = "its functions do not take their data as expected";
	else if (s->half || !has_tls13(s))
		why = "not every direction of its ciphers was found";
	for (size_t i = 0; i < s->n_ciphers && !why; i++)
		if (!add_point(s, &s->cipher[i], true, classic) ||
		    !add_point(s, &s->cipher[i], false, classic))
			why = "more ciphers than can be probed";
	snprintf(t->library, sizeof(t->library), "rustls");
	if (!why)
		return;
	t->n_points = 0;
	snprintf(t->reason, sizeof(t->reason), "Rust: rustls %s: %s: not covered yet", t->version,
		 why);
}

static int find_all(struct search *s)
{
	int r = find_leaves(s);

	/* So many would say nothing. */
	if (r == 0 && s->n_leaves > 0 && s->n_leaves <= LEAVES_MAX)
		r = find_windows(s);
	for (size_t i = 0; r == 0 && i < s->n_windows; i++)
		find_cipher(s, &s->window[i]);
	return r < 0 ? r : find_old(s);
}

static int find(const struct elf_file *e, bool classic, struct probe_target *ret)
{
	_cleanup_(freep) struct search *s = NULL;
	int r;

	if (!isa_of(e->machine))
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->e = e;
	s->code = (struct insn_code){ isa_of(e->machine), read_code, s };
	s->ret = ret;
	r = find_all(s);
	if (r < 0)
		return r;
	if (s->n_ciphers == 0 && !s->half)
		return 0;
	ret->source = SONDE_SOURCE_RUSTLS;
	conclude(s, classic);
	return ret->n_points > 0;
}

const struct tls_finder finder_rustls = { .name = "rustls", .find = find };
