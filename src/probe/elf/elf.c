/* SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/elf/elf.h"

int elf_read(const struct elf_file *e, uint64_t offset, void *buf, size_t n)
{
	char *to = buf;

	if (offset > e->size || n > e->size - offset)
		return -EBADMSG;
	while (n > 0) {
		ssize_t r = pread(e->fd, to, n, (off_t)offset);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -EBADMSG; /* it shrank */
		to += r;
		offset += (uint64_t)r;
		n -= (size_t)r;
	}
	return 0;
}

static int read_segments(struct elf_file *e, const Elf64_Ehdr *h)
{
	Elf64_Phdr table[ELF_SEGMENTS_MAX];
	size_t n = h->e_phnum < ELF_SEGMENTS_MAX ? h->e_phnum : ELF_SEGMENTS_MAX;
	int r;

	if (n > 0 && h->e_phentsize != sizeof(Elf64_Phdr))
		return -EBADMSG;
	r = elf_read(e, h->e_phoff, table, n * sizeof(table[0]));
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const Elf64_Phdr *p = &table[i];

		if (p->p_offset > e->size || p->p_filesz > e->size - p->p_offset ||
		    p->p_vaddr + p->p_filesz < p->p_vaddr)
			continue; /* reaches past the end: the rest may still be of use */
		e->segments[e->n_segments++] =
			(struct elf_segment){ p->p_type, p->p_flags, p->p_offset, p->p_vaddr,
					      p->p_filesz };
	}
	return 0;
}

/* The beginning of the section names; names further behind stay empty. */
struct names {
	char text[8192];
	size_t n;
};

static void read_names(const struct elf_file *e, const Elf64_Shdr *s, struct names *ret)
{
	ret->n = 0;
	if (s->sh_type != SHT_STRTAB)
		return;
	ret->n = s->sh_size < sizeof(ret->text) ? s->sh_size : sizeof(ret->text);
	if (elf_read(e, s->sh_offset, ret->text, ret->n) < 0)
		ret->n = 0;
}

static void name_section(const struct names *names, uint32_t at, struct elf_section *s)
{
	size_t n = sizeof(s->name) - 1;

	if (at >= names->n)
		return;
	if (n > names->n - at)
		n = names->n - at;
	memcpy(s->name, names->text + at, n);
	s->name[n] = 0;
}

/* Sections are a convenience: a file whose table makes no sense counts as one without. */
static void read_sections(struct elf_file *e, const Elf64_Ehdr *h)
{
	Elf64_Shdr table[ELF_SECTIONS_MAX];
	size_t n = h->e_shnum < ELF_SECTIONS_MAX ? h->e_shnum : ELF_SECTIONS_MAX;
	struct names names;

	if (h->e_shentsize != sizeof(Elf64_Shdr) || h->e_shoff == 0 ||
	    elf_read(e, h->e_shoff, table, n * sizeof(table[0])) < 0)
		return;
	names.n = 0;
	if (h->e_shstrndx < n)
		read_names(e, &table[h->e_shstrndx], &names);
	for (size_t i = 0; i < n; i++) {
		const Elf64_Shdr *sh = &table[i];
		struct elf_section *s = &e->sections[i];

		*s = (struct elf_section){ .type = sh->sh_type,
					   .link = sh->sh_link,
					   .addr = sh->sh_addr,
					   .offset = sh->sh_offset,
					   .size = sh->sh_size,
					   .entry_size = sh->sh_entsize };
		/* An index names a section (sh_link), so one that lies outside stays, empty. */
		if (sh->sh_type == SHT_NOBITS || sh->sh_offset > e->size ||
		    sh->sh_size > e->size - sh->sh_offset)
			s->size = 0;
		name_section(&names, sh->sh_name, s);
	}
	e->n_sections = n;
}

int elf_open(int fd, struct elf_file *ret)
{
	struct elf_file e = { .fd = fd };
	struct stat st;
	Elf64_Ehdr h;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	e.size = (uint64_t)st.st_size;
	if (e.size < sizeof(h))
		return -ENOEXEC;
	r = elf_read(&e, 0, &h, sizeof(h));
	if (r < 0)
		return r;
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOTSUP;
	if (h.e_phoff > e.size)
		return -EBADMSG;
	e.machine = h.e_machine;
	e.type = h.e_type;
	r = read_segments(&e, &h);
	if (r < 0)
		return r;
	read_sections(&e, &h);
	*ret = e;
	return 0;
}

static const struct elf_segment *load_segment(const struct elf_file *e, uint64_t vaddr)
{
	for (size_t i = 0; i < e->n_segments; i++) {
		const struct elf_segment *s = &e->segments[i];

		if (s->type == PT_LOAD && vaddr >= s->vaddr && vaddr - s->vaddr < s->size)
			return s;
	}
	return NULL;
}

bool elf_offset(const struct elf_file *e, uint64_t vaddr, uint64_t *ret_offset, uint64_t *ret_left)
{
	const struct elf_segment *s = load_segment(e, vaddr);

	if (!s)
		return false;
	*ret_offset = s->offset + (vaddr - s->vaddr);
	*ret_left = s->size - (vaddr - s->vaddr);
	return true;
}

bool elf_address(const struct elf_file *e, uint64_t offset, uint64_t *ret_vaddr)
{
	for (size_t i = 0; i < e->n_segments; i++) {
		const struct elf_segment *s = &e->segments[i];

		if (s->type != PT_LOAD || offset < s->offset || offset - s->offset >= s->size)
			continue;
		*ret_vaddr = s->vaddr + (offset - s->offset);
		return true;
	}
	return false;
}

bool elf_executable(const struct elf_file *e, uint64_t vaddr)
{
	const struct elf_segment *s = load_segment(e, vaddr);

	return s && (s->flags & PF_X);
}

size_t elf_read_at(const struct elf_file *e, uint64_t vaddr, void *buf, size_t n)
{
	uint64_t offset, left;

	if (!elf_offset(e, vaddr, &offset, &left))
		return 0;
	if (n > left)
		n = left;
	return elf_read(e, offset, buf, n) < 0 ? 0 : n;
}

size_t elf_code_read(void *code, uint64_t addr, void *buf, size_t n)
{
	struct elf_code *c = code;

	if (!elf_executable(c->e, addr))
		return 0;
	if (addr < c->page_addr || addr - c->page_addr + n > c->page_n) {
		c->page_addr = addr;
		c->page_n = elf_read_at(c->e, addr, c->page, sizeof(c->page));
	}
	if (n > c->page_n - (addr - c->page_addr))
		n = c->page_n - (addr - c->page_addr);
	memcpy(buf, c->page + (addr - c->page_addr), n);
	return n;
}

const struct elf_section *elf_section(const struct elf_file *e, const char *name)
{
	for (size_t i = 0; i < e->n_sections; i++)
		if (strcmp(e->sections[i].name, name) == 0 && e->sections[i].size > 0)
			return &e->sections[i];
	return NULL;
}

const struct elf_segment *elf_segment(const struct elf_file *e, uint32_t type)
{
	for (size_t i = 0; i < e->n_segments; i++)
		if (e->segments[i].type == type)
			return &e->segments[i];
	return NULL;
}
