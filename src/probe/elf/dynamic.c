/* SPDX-License-Identifier: BSD-2-Clause */
/* What the dynamic linker would read: needed libraries, search paths, versions; and notes. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "probe/elf/elf.h"

#define VERSIONS_MAX 64

/* PT_DYNAMIC up to its end. The number of entries. */
static size_t read_dynamic(const struct elf_file *e, Elf64_Dyn ret[ELF_DYNAMIC_MAX])
{
	const struct elf_segment *d = elf_segment(e, PT_DYNAMIC);
	size_t n = d ? d->size / sizeof(ret[0]) : 0;

	if (n > ELF_DYNAMIC_MAX)
		n = ELF_DYNAMIC_MAX;
	if (n == 0 || elf_read(e, d->offset, ret, n * sizeof(ret[0])) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (ret[i].d_tag == DT_NULL)
			return i;
	return n;
}

int elf_dynamic(const struct elf_file *e, struct elf_dynamic *ret)
{
	Elf64_Dyn dyn[ELF_DYNAMIC_MAX];
	struct elf_dynamic d = { 0 };
	size_t n = read_dynamic(e, dyn);

	for (size_t i = 0; i < n; i++) {
		switch (dyn[i].d_tag) {
		case DT_SYMTAB:
			d.symtab = dyn[i].d_un.d_ptr;
			break;
		case DT_STRTAB:
			d.strtab = dyn[i].d_un.d_ptr;
			break;
		case DT_STRSZ:
			d.strtab_size = dyn[i].d_un.d_val;
			break;
		case DT_JMPREL:
			d.jmprel = dyn[i].d_un.d_ptr;
			break;
		case DT_PLTRELSZ:
			d.jmprel_size = dyn[i].d_un.d_val;
			break;
		case DT_RELA:
			d.rela = dyn[i].d_un.d_ptr;
			break;
		case DT_RELASZ:
			d.rela_size = dyn[i].d_un.d_val;
			break;
		case DT_VERDEF:
			d.verdef = dyn[i].d_un.d_ptr;
			break;
		default:
			break;
		}
	}
	if (!d.strtab)
		return -ENOENT;
	*ret = d;
	return 0;
}

/* A NUL-terminated string of the dynamic string table; false where it is none or too long. */
static bool dynamic_string(const struct elf_file *e, const struct elf_dynamic *d, uint64_t at,
			   char *ret, size_t size)
{
	size_t n;

	if (at >= d->strtab_size || d->strtab + at < at)
		return false;
	n = elf_read_at(e, d->strtab + at, ret, size);
	return n > 0 && memchr(ret, 0, n);
}

int elf_dynamic_names(const struct elf_file *e,
		      int (*fn)(void *ctx, enum elf_dynamic_name kind, const char *name), void *ctx)
{
	static const struct {
		int64_t tag;
		enum elf_dynamic_name kind;
	} kinds[] = { { DT_NEEDED, ELF_NAME_NEEDED },
		      { DT_SONAME, ELF_NAME_SONAME },
		      { DT_RPATH, ELF_NAME_RPATH },
		      { DT_RUNPATH, ELF_NAME_RUNPATH } };
	Elf64_Dyn dyn[ELF_DYNAMIC_MAX];
	struct elf_dynamic d;
	char name[4096];
	size_t n;

	if (elf_dynamic(e, &d) < 0)
		return 0;
	n = read_dynamic(e, dyn);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			int r;

			if (dyn[i].d_tag != kinds[k].tag ||
			    !dynamic_string(e, &d, dyn[i].d_un.d_val, name, sizeof(name)))
				continue;
			r = fn(ctx, kinds[k].kind, name);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

int elf_versions(const struct elf_file *e, int (*fn)(void *ctx, const char *name), void *ctx)
{
	struct elf_dynamic d;
	uint64_t at;

	if (elf_dynamic(e, &d) < 0 || !d.verdef)
		return 0;
	at = d.verdef;
	for (size_t i = 0; i < VERSIONS_MAX; i++) {
		Elf64_Verdef def;
		Elf64_Verdaux aux;
		char name[64];
		int r;

		if (elf_read_at(e, at, &def, sizeof(def)) != sizeof(def) ||
		    elf_read_at(e, at + def.vd_aux, &aux, sizeof(aux)) != sizeof(aux))
			return 0;
		/* The base version is the file's own name. */
		if (!(def.vd_flags & VER_FLG_BASE) &&
		    dynamic_string(e, &d, aux.vda_name, name, sizeof(name))) {
			r = fn(ctx, name);
			if (r != 0)
				return r;
		}
		if (def.vd_next == 0)
			return 0;
		at += def.vd_next;
	}
	return 0;
}

static bool build_id_in(const struct elf_file *e, uint64_t offset, uint64_t size,
			char ret[ELF_BUILD_ID_SIZE])
{
	uint64_t end = offset + (size < ELF_NOTES_MAX ? size : ELF_NOTES_MAX);

	while (offset < end && end - offset >= sizeof(Elf64_Nhdr)) {
		unsigned char id[20];
		Elf64_Nhdr n;
		uint64_t name = offset + sizeof(n), desc;

		if (elf_read(e, offset, &n, sizeof(n)) < 0)
			return false;
		desc = name + (((uint64_t)n.n_namesz + 3) & ~3ull);
		offset = desc + (((uint64_t)n.n_descsz + 3) & ~3ull);
		if (n.n_type != NT_GNU_BUILD_ID || n.n_namesz != 4 || n.n_descsz == 0 ||
		    n.n_descsz > sizeof(id))
			continue;
		if (elf_read(e, name, id, 4) < 0 || memcmp(id, "GNU", 4) != 0 ||
		    elf_read(e, desc, id, n.n_descsz) < 0)
			continue;
		for (size_t i = 0; i < n.n_descsz; i++)
			snprintf(ret + 2 * i, 3, "%02x", id[i]);
		return true;
	}
	return false;
}

void elf_build_id(const struct elf_file *e, char ret[ELF_BUILD_ID_SIZE])
{
	memset(ret, 0, ELF_BUILD_ID_SIZE);
	for (size_t i = 0; i < e->n_segments; i++)
		if (e->segments[i].type == PT_NOTE &&
		    build_id_in(e, e->segments[i].offset, e->segments[i].size, ret))
			return;
	for (size_t i = 0; i < e->n_sections; i++)
		if (e->sections[i].type == SHT_NOTE &&
		    build_id_in(e, e->sections[i].offset, e->sections[i].size, ret))
			return;
}

int elf_interpreter(const struct elf_file *e, char *ret, size_t size)
{
	const struct elf_segment *s = elf_segment(e, PT_INTERP);

	if (!s || s->size < 2 || s->size > size || elf_read(e, s->offset, ret, s->size) < 0 ||
	    ret[s->size - 1] != 0)
		return -ENOENT;
	return 0;
}
