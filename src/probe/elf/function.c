/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions by .eh_frame_hdr (Linux Standard Base, "Exception Frames"): a table of their starts in
 * order, each with the address of its frame description, which has the length.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "probe/elf/xref.h"

#define ENCODING_UDATA4 0x03
#define ENCODING_TABLE	0x3b /* relative to the table's section, signed, four bytes */
#define FUNCTIONS_MAX	(1u << 24)
#define FUNCTION_MAX	(1u << 20) /* bytes */
#define FDE_PC_BEGIN	8
#define EXTENDED_LENGTH 0xffffffff

struct header {
	uint8_t version, frame_encoding, count_encoding, table_encoding;
	int32_t frame;
	uint32_t n;
};

struct entry {
	int32_t start, description;
};

struct table {
	const struct elf_file *e;
	uint64_t vaddr; /* of the section */
	uint32_t n;
};

static bool open_table(const struct elf_file *e, struct table *ret)
{
	const struct elf_segment *s = elf_segment(e, PT_GNU_EH_FRAME);
	struct header h;

	if (!s || elf_read_at(e, s->vaddr, &h, sizeof(h)) != sizeof(h) || h.version != 1 ||
	    h.count_encoding != ENCODING_UDATA4 || h.table_encoding != ENCODING_TABLE ||
	    h.n > FUNCTIONS_MAX)
		return false;
	*ret = (struct table){ .e = e, .vaddr = s->vaddr, .n = h.n };
	return true;
}

static bool read_entry(const struct table *t, uint32_t i, struct entry *ret)
{
	uint64_t at = t->vaddr + sizeof(struct header) + (uint64_t)i * sizeof(*ret);

	return elf_read_at(t->e, at, ret, sizeof(*ret)) == sizeof(*ret);
}

static uint64_t address(uint64_t base, int32_t offset)
{
	return base + (uint64_t)(int64_t)offset;
}

/* The last entry that begins at or before @vaddr. */
static bool find_entry(const struct table *t, uint64_t vaddr, struct entry *ret)
{
	uint32_t low = 0, high = t->n;
	struct entry x;
	bool found = false;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (!read_entry(t, mid, &x))
			return false;
		if (address(t->vaddr, x.start) > vaddr) {
			high = mid;
		} else {
			*ret = x;
			found = true;
			low = mid + 1;
		}
	}
	return found;
}

int elf_function_at(const struct elf_file *e, uint64_t vaddr, struct elf_range *ret)
{
	uint64_t start, fde;
	uint32_t head[4]; /* length, CIE, where it begins relative to here, how many bytes */
	struct table t;
	struct entry x;

	if (!open_table(e, &t) || !find_entry(&t, vaddr, &x))
		return -ENOENT;
	start = address(t.vaddr, x.start);
	fde = address(t.vaddr, x.description);
	if (elf_read_at(e, fde, head, sizeof(head)) != sizeof(head) || head[0] == EXTENDED_LENGTH)
		return -ENOENT;
	/* That both tell the same start also says that the encoding is the usual one. */
	if (address(fde + FDE_PC_BEGIN, (int32_t)head[2]) != start || head[3] > FUNCTION_MAX ||
	    vaddr - start >= head[3])
		return -ENOENT;
	*ret = (struct elf_range){ start, start + head[3] };
	return 0;
}
