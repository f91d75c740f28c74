/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/elf/pclntab.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"

#define BLOCK	   (64u << 10)
#define MAGIC_SIZE 8
#define WANTED_MAX 32

/* What follows the magic, in words of 8 bytes. */
enum { N_FUNCTIONS, N_FILES, TEXT, NAMES, UNITS, FILES, PCS, FUNCTIONS, HEADER_WORDS };

static const struct {
	uint32_t magic;
	uint8_t version; /* 0: too old */
} magics[] = {
	{ 0xfffffff1, 20 },
	{ 0xfffffff0, 18 },
	{ 0xfffffffa, 0 },
	{ 0xfffffffb, 0 },
};

/* --- where it is --- */

static int version_of(const uint8_t *m)
{
	uint32_t magic;

	memcpy(&magic, m, sizeof(magic));
	if (m[4] || m[5] || (m[6] != 1 && m[6] != 2 && m[6] != 4) || m[7] != 8)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (magics[i].magic == magic)
			return magics[i].version;
	return -1;
}

static bool fits(const struct pclntab *t, const uint64_t *w)
{
	for (int i = NAMES; i < FUNCTIONS; i++)
		if (w[i] > w[i + 1])
			return false;
	return w[N_FUNCTIONS] > 0 && w[N_FUNCTIONS] <= PCLNTAB_FUNCTIONS_MAX &&
	       w[NAMES] >= MAGIC_SIZE + HEADER_WORDS * 8 && w[FUNCTIONS] <= t->size &&
	       w[N_FUNCTIONS] * 8 + 4 <= t->size - w[FUNCTIONS];
}

static int read_header(struct pclntab *t)
{
	uint64_t w[HEADER_WORDS];
	uint8_t magic[MAGIC_SIZE];
	int version;

	if (t->size < sizeof(magic) + sizeof(w) ||
	    elf_read(t->e, t->offset, magic, sizeof(magic)) < 0 ||
	    elf_read(t->e, t->offset + sizeof(magic), w, sizeof(w)) < 0)
		return -ENOENT;
	version = version_of(magic);
	if (version == 0)
		return -ENOTSUP;
	if (version < 0 || !fits(t, w))
		return -ENOENT;
	t->version = (uint8_t)version;
	t->quantum = magic[6];
	t->n_functions = w[N_FUNCTIONS];
	t->text = w[TEXT];
	t->names = w[NAMES];
	t->names_size = w[UNITS] - w[NAMES];
	t->functions = w[FUNCTIONS];
	return 0;
}

/* Tables begin at a multiple of 8 at least. */
static int search_range(struct pclntab *t, uint64_t from, uint64_t end)
{
	_cleanup_(freep) uint8_t *block = malloc(BLOCK);

	if (!block)
		return -ENOMEM;
	from = (from + 7) & ~7ull;
	while (from < end && end - from >= MAGIC_SIZE) {
		size_t n = end - from < BLOCK ? (size_t)(end - from) : BLOCK;

		if (elf_read(t->e, from, block, n) < 0)
			return -ENOENT;
		for (size_t i = 0; i + MAGIC_SIZE <= n; i += 8) {
			if (block[i + 3] != 0xff || version_of(block + i) < 0)
				continue;
			t->offset = from + i;
			t->size = end - t->offset;
			if (read_header(t) == 0)
				return 0;
		}
		from += n & ~7ull;
	}
	return -ENOENT;
}

/* A file that was stripped of its section headers. */
static int search_segments(struct pclntab *t, uint64_t from)
{
	for (size_t i = 0; i < t->e->n_segments; i++) {
		const struct elf_segment *s = &t->e->segments[i];
		uint64_t size = s->size < PCLNTAB_SEARCH_MAX ? s->size : PCLNTAB_SEARCH_MAX;
		uint64_t begin = s->offset > from ? s->offset : from;

		if (s->type == PT_LOAD && !(s->flags & PF_X) && begin < s->offset + size &&
		    search_range(t, begin, s->offset + size) == 0)
			return 0;
	}
	return -ENOENT;
}

int pclntab_find(const struct elf_file *e, uint64_t *at, struct pclntab *ret)
{
	const struct elf_section *s = elf_section(e, ".gopclntab");
	struct pclntab t = { .e = e };
	int r;

	if (!s)
		s = elf_section(e, ".data.rel.ro.gopclntab");
	if (s) {
		t.offset = s->offset;
		t.size = s->size;
		r = *at > s->offset ? -ENOENT : read_header(&t);
	} else {
		r = e->n_sections ? -ENOENT : search_segments(&t, *at);
	}
	if (r < 0)
		return r;
	*at = t.offset + 1;
	*ret = t;
	return 0;
}

/* --- names --- */

struct wanted {
	struct pclntab_function *fn;
	size_t n_name;
	uint64_t at; /* its name, from the first one; UINT64_MAX: it is not there */
};

static void match_name(struct wanted *w, size_t n, const char *name, size_t len, uint64_t at)
{
	for (size_t i = 0; i < n; i++)
		if (w[i].n_name == len && w[i].at == UINT64_MAX &&
		    memcmp(w[i].fn->name, name, len) == 0)
			w[i].at = at;
}

static int find_names(const struct pclntab *t, struct wanted *w, size_t n)
{
	_cleanup_(freep) char *block = malloc(BLOCK);
	uint64_t size = t->names_size < PCLNTAB_NAMES_MAX ? t->names_size : PCLNTAB_NAMES_MAX;

	if (!block)
		return -ENOMEM;
	for (uint64_t at = 0; at < size;) {
		size_t len = size - at < BLOCK ? (size_t)(size - at) : BLOCK, done = 0;
		const char *nul;
		int r = elf_read(t->e, t->offset + t->names + at, block, len);

		if (r < 0)
			return r;
		while ((nul = memchr(block + done, 0, len - done))) {
			match_name(w, n, block + done, (size_t)(nul - block) - done, at + done);
			done = (size_t)(nul - block) + 1;
		}
		/* What the block cuts is read again; a name as long as a block is none of ours. */
		at += done ? done : len;
	}
	return 0;
}

/* --- functions --- */

/* What was read last: both tables are ascending, so few reads see all. */
struct window {
	const struct pclntab *t;
	uint64_t at, left; /* left: reads that it may still take */
	size_t n;
	uint8_t bytes[BLOCK];
};

static bool peek(struct window *w, uint64_t at, void *to, size_t n)
{
	const struct pclntab *t = w->t;

	if (at > t->size || n > t->size - at)
		return false;
	if (at < w->at || at - w->at > w->n || n > w->n - (at - w->at)) {
		if (w->left == 0)
			return false;
		w->left--;
		w->at = at;
		w->n = t->size - at < BLOCK ? (size_t)(t->size - at) : BLOCK;
		if (elf_read(t->e, t->offset + at, w->bytes, w->n) < 0) {
			w->n = 0;
			return false;
		}
	}
	memcpy(to, w->bytes + (at - w->at), n);
	return true;
}

static void take(struct wanted *w, size_t n, uint32_t name, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < n; i++) {
		if (w[i].at != name)
			continue;
		if (w[i].fn->n++ == 0) {
			w[i].fn->start = start;
			w[i].fn->end = end;
		}
	}
}

static int walk(const struct pclntab *t, struct window *table, struct window *info,
		struct wanted *w, size_t n)
{
	/* functab: where each function starts and its _func is; _func: start, name. */
	uint32_t entry[3], func[2];

	for (uint64_t i = 0; i < t->n_functions; i++) {
		if (!peek(table, t->functions + i * 8, entry, sizeof(entry)) ||
		    entry[2] < entry[0] ||
		    !peek(info, t->functions + entry[1], func, sizeof(func)) || func[0] != entry[0])
			return -EBADMSG;
		take(w, n, func[1], entry[0], entry[2]);
	}
	return 0;
}

int pclntab_functions(const struct pclntab *t, struct pclntab_function *fns, size_t n)
{
	_cleanup_(freep) struct window *table = malloc(sizeof(*table)),
				       *info = malloc(sizeof(*info));
	struct wanted w[WANTED_MAX];
	int r;

	if (!table || !info)
		return -ENOMEM;
	if (n > WANTED_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		fns[i].n = 0;
		w[i] = (struct wanted){ &fns[i], strlen(fns[i].name), UINT64_MAX };
	}
	r = find_names(t, w, n);
	if (r < 0)
		return r;
	table->t = info->t = t;
	table->at = info->at = 0;
	table->n = info->n = 0;
	table->left = info->left = 64 + 2 * (t->size / BLOCK);
	return walk(t, table, info, w, n);
}
