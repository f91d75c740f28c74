/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Go's crypto/tls, stripped or not, found by the names in .gopclntab.
 *
 * Where Go's code begins is not in the tables of Go 1.26 and of position-independent programs. It
 * is where runtime.morestack_noctxt is seen: "mov $0,%edx; jmp runtime.morestack" (arm64: "mov w26,
 * wzr; b runtime.morestack"), whose distance the table gives, so there is exactly one such place,
 * and what a header says is held against it.
 *
 * Write is seen where it calls writeRecordLocked, before the bytes are sent: when it returns,
 * another thread may have read the answer already, and the order would be wrong. Nothing is sent
 * twice, as a connection on which writing failed does not write again.
 *
 * Read is seen at its one copy to the caller's buffer, a call of memmove, and the end of the stream
 * where it returns errors (single-stepped, but seldom); where that is not clear
 * (programs without optimisation, for debuggers; arm64), at its start and its return instructions,
 * which are single-stepped but on arm64.
 *
 * Close ends a connection. A handshake begins one, for the memory of a connection that was
 * dropped may become another's.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/elf/pclntab.h"
#include "probe/finder/finder.h"
#include "probe/finder/go_code.h"

#define TABLES_MAX  8 /* that are tried in one file: it may carry another program */
#define TEXT_BLOCK  (256u << 10)
#define TEXT_MAX    (512u << 20) /* bytes of code that are searched */
#define RETURNS_MAX 24

#define CONN	    "crypto/tls.(*Conn)."

enum {
	WRITE,
	READ,
	CLOSE,
	RECORD,
	CLIENT,
	CLIENT_VALUE,
	SERVER,
	SERVER_VALUE,
	MEMMOVE,
	MORESTACK,
	NO_CONTEXT,
	N_WANTED
};

static const char *const names[N_WANTED] = {
	[WRITE] = CONN "Write",
	[READ] = CONN "Read",
	[CLOSE] = CONN "Close",
	[RECORD] = CONN "writeRecordLocked",
	[CLIENT] = CONN "clientHandshake",
	[CLIENT_VALUE] = CONN "clientHandshake-fm", /* how only the first handshake is begun */
	[SERVER] = CONN "serverHandshake",
	[SERVER_VALUE] = CONN "serverHandshake-fm",
	[MEMMOVE] = "runtime.memmove",
	[MORESTACK] = "runtime.morestack",
	[NO_CONTEXT] = "runtime.morestack_noctxt",
};

struct search {
	const struct elf_file *e;
	struct insn_code reader;
	struct probe_target *ret;
	bool classic;
	struct pclntab_function fn[N_WANTED];
	uint64_t text; /* address of the code's start */
	struct go_code code;
};

static size_t read_code(void *ctx, uint64_t addr, void *buf, size_t n)
{
	const struct search *s = ctx;

	return elf_executable(s->e, addr) ? elf_read_at(s->e, addr, buf, n) : 0;
}

/* --- where the code begins --- */

#define MARK_MAX 12

/* What runtime.morestack_noctxt is made of. */
struct mark {
	uint8_t code[MARK_MAX];
	size_t n;
};

/* mov $0,%edx; jmp morestack */
static void make_mark_x86(const struct search *s, struct mark *ret)
{
	uint32_t jump;

	*ret = (struct mark){ { 0xba, 0, 0, 0, 0, 0xe9 }, 10 };
	jump = (uint32_t)(s->fn[MORESTACK].start - (s->fn[NO_CONTEXT].start + ret->n));
	memcpy(ret->code + 6, &jump, sizeof(jump));
}

/* mov sp, sp (since 1.19); mov w26, wzr; b morestack */
static void make_mark_a64(const struct search *s, bool first, struct mark *ret)
{
	const uint32_t words[] = { 0x910003ff, 0x2a1f03fa };
	const size_t skip = first ? 0 : 1, n = (2 - skip) * sizeof(words[0]);
	uint32_t jump = (uint32_t)(s->fn[MORESTACK].start - (s->fn[NO_CONTEXT].start + n));

	jump = 0x14000000 | (jump >> 2 & 0x03ffffff);
	memcpy(ret->code, words + skip, n);
	memcpy(ret->code + n, &jump, sizeof(jump));
	ret->n = n + sizeof(jump);
}

static size_t marks_in(const struct search *s, const struct elf_segment *seg,
		       const struct mark *mark, uint64_t *ret_addr)
{
	_cleanup_(freep) uint8_t *block = malloc(TEXT_BLOCK);
	uint64_t size = seg->size < TEXT_MAX ? seg->size : TEXT_MAX;
	size_t found = 0;

	for (uint64_t at = 0; block && size - at >= mark->n;) {
		size_t n = size - at < TEXT_BLOCK ? (size_t)(size - at) : TEXT_BLOCK;
		const uint8_t *from = block, *hit;

		if (elf_read(s->e, seg->offset + at, block, n) < 0)
			return found;
		while ((hit = memmem(from, n - (size_t)(from - block), mark->code, mark->n))) {
			*ret_addr = seg->vaddr + at + (uint64_t)(hit - block);
			found++;
			from = hit + 1;
		}
		if (n == size - at)
			break;
		at += n - (mark->n - 1);
	}
	return found;
}

/* 1: found; 0; -ENOTUNIQ */
static int find_mark(struct search *s, uint64_t header, const struct mark *mark)
{
	uint64_t addr = 0, at = header + s->fn[NO_CONTEXT].start;
	uint8_t seen[MARK_MAX];
	size_t found = 0;

	if (header && read_code(s, at, seen, mark->n) == mark->n &&
	    memcmp(mark->code, seen, mark->n) == 0) {
		s->text = header;
		return 1;
	}
	for (size_t i = 0; i < s->e->n_segments; i++) {
		const struct elf_segment *seg = &s->e->segments[i];

		if (seg->type == PT_LOAD && (seg->flags & PF_X))
			found += marks_in(s, seg, mark, &addr);
	}
	if (found == 0)
		return 0;
	s->text = addr - s->fn[NO_CONTEXT].start;
	return found == 1 && addr >= s->fn[NO_CONTEXT].start ? 1 : -ENOTUNIQ;
}

static bool find_text(struct search *s, uint64_t header)
{
	struct mark mark;
	int r = 0;

	if (s->fn[MORESTACK].n != 1 || s->fn[NO_CONTEXT].n != 1)
		return false;
	if (s->e->machine == EM_X86_64) {
		make_mark_x86(s, &mark);
		return find_mark(s, header, &mark) > 0;
	}
	for (int older = 0; older < 2 && r == 0; older++) {
		make_mark_a64(s, !older, &mark);
		r = find_mark(s, header, &mark);
	}
	return r > 0;
}

/* --- points --- */

static uint64_t addr_of(const struct search *s, int which)
{
	return s->fn[which].n == 1 ? s->text + s->fn[which].start : 0;
}

static bool load(struct search *s, int which)
{
	return s->fn[which].n == 1 && go_code_read(&s->reader, s->text + s->fn[which].start,
						   s->text + s->fn[which].end, &s->code) == 0;
}

static bool add(struct search *s, int which, enum probe_abi abi, const struct go_place *place,
		const char *evidence)
{
	struct probe_target *t = s->ret;
	struct probe_point *p = &t->points[t->n_points];
	uint64_t left;

	if (t->n_points == TARGET_POINTS_MAX)
		return false;
	*p = (struct probe_point){ .abi = abi,
				   .write = which == WRITE,
				   .cost = place->emulated ? PROBE_CHEAP : PROBE_CLASSIC,
				   .detail = place->receiver };
	if (!elf_offset(s->e, place->addr, &p->entry, &left))
		return false;
	snprintf(p->function, sizeof(p->function), "%s", names[which]);
	snprintf(p->evidence, sizeof(p->evidence), ".gopclntab; %s", evidence);
	insn_text(&s->reader, place->addr, p->insn);
	t->n_points++;
	return true;
}

/* What Write hands to writeRecordLocked: the arguments are where the convention has them. */
static bool add_records(struct search *s)
{
	uint64_t record = addr_of(s, RECORD);
	struct go_place call;
	size_t i = 0, n = 0;

	if (!record || !load(s, WRITE))
		return false;
	for (; go_place_call(&s->code, record, &i, &call) == 0; n++)
		if (!add(s, WRITE, PROBE_ABI_GO_RECORD, &call, "its call of writeRecordLocked"))
			return false;
	return n > 0;
}

static bool add_copy(struct search *s)
{
	struct go_place copy, errors[RETURNS_MAX];
	size_t n;

	if (!addr_of(s, MEMMOVE) || !load(s, READ) ||
	    go_place_copy(&s->code, addr_of(s, MEMMOVE), addr_of(s, NO_CONTEXT), &copy) < 0 ||
	    !add(s, READ, PROBE_ABI_GO_COPY, &copy, "its only copy to the caller's buffer"))
		return false;
	n = go_place_errors(&s->code, &copy, errors, RETURNS_MAX);
	for (size_t i = 0; i < n; i++) {
		errors[i].emulated = true; /* seldom: as good as */
		if (!add(s, READ, PROBE_ABI_GO_ERROR, &errors[i],
			 "return of an error, once for each connection"))
			return false;
	}
	return true;
}

static bool add_returns(struct search *s)
{
	struct go_place entry, exits[RETURNS_MAX];
	int n;

	if (!load(s, READ))
		return false;
	n = go_place_returns(&s->code, exits, RETURNS_MAX);
	if (n <= 0)
		return false;
	go_place_entry(&s->code, 3, &entry);
	if (!add(s, READ, PROBE_ABI_GO_ENTER, &entry, "arguments in place"))
		return false;
	for (int i = 0; i < n; i++)
		if (!add(s, READ, PROBE_ABI_GO_LEAVE, &exits[i], "return instruction"))
			return false;
	return true;
}

static bool add_entry(struct search *s, int which, enum probe_abi abi, const char *evidence)
{
	struct go_place place;

	if (!load(s, which))
		return false;
	go_place_entry(&s->code, 1, &place);
	return add(s, which, abi, &place, evidence);
}

/* Where the handshake is begun that is not a renegotiation: in the function's method value. */
static bool add_handshake(struct search *s, int which, int value)
{
	uint64_t target = addr_of(s, which);
	struct go_place place;
	size_t i = 0;

	if (!target) /* a program that is only the other side */
		return s->fn[which].n == 0;
	if (load(s, value) && go_place_call(&s->code, target, &i, &place) == 0)
		return add(s, value, PROBE_ABI_GO_HANDSHAKE, &place,
			   "the call that begins a connection");
	return add_entry(s, which, PROBE_ABI_GO_HANDSHAKE, "begins a connection");
}

static bool add_all(struct search *s)
{
	size_t before;

	if (!add_records(s))
		return false;
	before = s->ret->n_points;
	if (s->classic || !add_copy(s)) {
		s->ret->n_points = before;
		if (!add_returns(s))
			return false;
	}
	/* The linker drops it from a program that never closes: a handshake begins anew then. */
	if (s->fn[CLOSE].n && !add_entry(s, CLOSE, PROBE_ABI_GO_CLOSE, "ends a connection"))
		return false;
	return add_handshake(s, CLIENT, CLIENT_VALUE) && add_handshake(s, SERVER, SERVER_VALUE);
}

/* --- whose it is --- */

/* Go 1.18 and newer: a header of 32 bytes, then the version, its length before it. */
static void read_version(const struct elf_file *e, struct probe_target *ret)
{
	const struct elf_section *section = elf_section(e, ".go.buildinfo");
	char b[64 + 1];

	for (size_t i = 0; i < e->n_segments; i++) {
		const struct elf_segment *s = &e->segments[i];
		uint64_t at = section ? section->offset : s->offset;

		if ((!section && (s->type != PT_LOAD || !(s->flags & PF_W))) ||
		    elf_read(e, at, b, sizeof(b) - 1) < 0 ||
		    memcmp(b, "\xff Go buildinf:", 14) != 0)
			continue;
		b[sizeof(b) - 1] = 0;
		if ((unsigned char)b[32] < sizeof(b) - 1 - 33)
			b[33 + (unsigned char)b[32]] = 0;
		if (strncmp(b + 33, "go", 2) == 0)
			snprintf(ret->version, sizeof(ret->version), "%.*s",
				 (int)strspn(b + 35, "0123456789.abcdefghijklmnopqrstuvwxyz"),
				 b + 35);
		return;
	}
}

static int refuse(struct search *s, const char *why)
{
	s->ret->n_points = 0;
	snprintf(s->ret->reason, sizeof(s->ret->reason), "Go: crypto/tls: %s: not covered yet",
		 why);
	return 0;
}

/* 1, 0: not this table, or @ret->reason; -errno */
static int examine(struct search *s, const struct pclntab *t)
{
	int r;

	for (int i = 0; i < N_WANTED; i++)
		s->fn[i].name = names[i];
	r = pclntab_functions(t, s->fn, N_WANTED);
	if (r == -EBADMSG || (r == 0 && (s->fn[WRITE].n == 0 || s->fn[READ].n == 0)))
		return 0;
	if (r < 0)
		return r;
	snprintf(s->ret->library, sizeof(s->ret->library), "go");
	read_version(s->e, s->ret);
	if (!isa_of(s->e->machine))
		return refuse(s, "for another processor than x86-64 and arm64");
	if (!find_text(s, t->text))
		return refuse(s, "where its code begins is not clear");
	if (!add_all(s))
		return refuse(s, "its functions have an unknown form");
	s->ret->source = SONDE_SOURCE_GO;
	return 1;
}

static int find(const struct elf_file *e, bool classic, struct probe_target *ret)
{
	_cleanup_(freep) struct search *s = NULL;
	struct pclntab t;
	uint64_t at = 0;
	int r;

	for (int i = 0; i < TABLES_MAX; i++) {
		r = pclntab_find(e, &at, &t);
		if (r == -ENOTSUP) {
			snprintf(ret->library, sizeof(ret->library), "go");
			snprintf(ret->reason, sizeof(ret->reason),
				 "Go before 1.18: crypto/tls: not covered yet");
		}
		if (r < 0)
			return r == -ENOENT || r == -ENOTSUP ? 0 : r;
		if (!s)
			s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->e = e;
		s->reader = (struct insn_code){ isa_of(e->machine), read_code, s };
		s->ret = ret;
		s->classic = classic;
		r = examine(s, &t);
		if (r != 0)
			return r;
	}
	return 0;
}

const struct tls_finder finder_go = { .name = "go", .find = find };
