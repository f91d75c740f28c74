/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading ELF files that nobody vouches for.
 *
 * The files belong to whoever is traced and the reader is privileged, so this reads by hand with
 * pread into buffers of fixed size: a file that shrinks is a short read (a mapping would be
 * SIGBUS), and every count, table and search has a bound. 64-bit little-endian files only.
 * Nothing here allocates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX      32
#define ELF_SECTIONS_MAX      128
#define ELF_SYMBOLS_MAX	      (1u << 20)  /* entries of one symbol table that are looked at */
#define ELF_STRINGS_MAX	      (32u << 20) /* bytes of one string table that are looked at */
#define ELF_DYNAMIC_MAX	      512	  /* entries */
#define ELF_NOTES_MAX	      (64u << 10) /* bytes of one note segment */
#define ELF_IMPORTS_MAX	      65536	  /* relocations of the procedure linkage table */
#define ELF_RELOCATIONS_MAX   (1u << 20)  /* that are looked at */
#define ELF_FUNCTION_NAME_MAX 40	  /* of a function that is looked for */

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, size; /* bytes in the file */
};

struct elf_section {
	char name[24]; /* cut where longer */
	uint32_t type, link;
	uint64_t addr, offset, size, entry_size;
};

struct elf_file {
	int fd;			/* lent */
	uint64_t size;		/* of the file */
	uint16_t machine, type; /* EM_, ET_ */
	struct elf_segment segments[ELF_SEGMENTS_MAX];
	size_t n_segments;
	struct elf_section
		sections[ELF_SECTIONS_MAX]; /* none where the file was stripped of them */
	size_t n_sections;
};

/* -ENOEXEC: not ELF; -ENOTSUP: not 64-bit little-endian; -EBADMSG: nonsense inside; -EIO... */
int elf_open(int fd, struct elf_file *ret);

/* All @n bytes at a file offset. 0, -EBADMSG past the end, -errno. */
int elf_read(const struct elf_file *e, uint64_t offset, void *buf, size_t n);
/* The file offset of an address, and the bytes that follow in its segment. False: not in the file.
 */
bool elf_offset(const struct elf_file *e, uint64_t vaddr, uint64_t *ret_offset, uint64_t *ret_left);
/* The address of what stands at a file offset. False: it is not loaded. */
bool elf_address(const struct elf_file *e, uint64_t offset, uint64_t *ret_vaddr);
bool elf_executable(const struct elf_file *e, uint64_t vaddr);

/* The code of a file, read page by page. Set @e, the rest is 0. */
struct elf_code {
	const struct elf_file *e;
	/* The page that was read last. */
	uint64_t page_addr;
	size_t page_n;
	uint8_t page[4096];
};

/* An insn_read_fn; @code is a struct elf_code. Nothing where the address is not executable. */
size_t elf_code_read(void *code, uint64_t addr, void *buf, size_t n);
/* Up to @n bytes of a segment; the number read, 0 where the address is not in the file. */
size_t elf_read_at(const struct elf_file *e, uint64_t vaddr, void *buf, size_t n);
/* NULL where there is none. */
const struct elf_section *elf_section(const struct elf_file *e, const char *name);
const struct elf_segment *elf_segment(const struct elf_file *e, uint32_t type);

/* --- elf_symbol.c --- */

struct elf_function {
	const char *name;     /* set by the caller */
	uint64_t vaddr, size; /* size 0: not known */
	uint64_t slot;	/* where its address stands for calls from within (elf_find_slots), or 0 */
	uint32_t index; /* in .dynsym, or 0 */
	bool found;
	bool ambiguous; /* two different functions have this name: not found */
};

/* Looks functions up by name in .dynsym and .symtab. The number found, or -errno. */
int elf_find_functions(const struct elf_file *e, struct elf_function *fns, size_t n);

/*
 * Sets `slot` of those functions found that the file itself calls through its procedure linkage
 * table.
 */
void elf_find_slots(const struct elf_file *e, struct elf_function *fns, size_t n);

/* --- elf_dynamic.c --- */

struct elf_dynamic {
	/* addresses and bytes */
	uint64_t symtab, strtab, strtab_size, jmprel, jmprel_size, rela, rela_size, verdef;
};

/* 0 or -ENOENT where the file is not dynamically linked. */
int elf_dynamic(const struct elf_file *e, struct elf_dynamic *ret);

enum elf_dynamic_name { ELF_NAME_NEEDED, ELF_NAME_SONAME, ELF_NAME_RPATH, ELF_NAME_RUNPATH };

/* Calls @fn for each such name, in order; a value other than 0 ends it and is returned. */
int elf_dynamic_names(const struct elf_file *e,
		      int (*fn)(void *ctx, enum elf_dynamic_name kind, const char *name),
		      void *ctx);

/* The versions that the file defines ("OPENSSL_3.0.0"), likewise. */
int elf_versions(const struct elf_file *e, int (*fn)(void *ctx, const char *name), void *ctx);

/* Lower-case hex; empty where there is none. */
#define ELF_BUILD_ID_SIZE 41
void elf_build_id(const struct elf_file *e, char ret[ELF_BUILD_ID_SIZE]);
/* 0 or -ENOENT. */
int elf_interpreter(const struct elf_file *e, char *ret, size_t size);

/* --- elf_relocation.c --- */

struct elf_relocation {
	uint64_t place;	 /* the address that is filled in */
	uint64_t addend; /* without a symbol: the address that comes there */
	uint32_t symbol; /* in .dynsym, or 0 */
};

/* Calls @fn for each 8-byte dynamic relocation (DT_RELA, DT_JMPREL); true ends it. */
void elf_relocations(const struct elf_file *e,
		     bool (*fn)(void *ctx, const struct elf_relocation *r), void *ctx);
/* The index in .dynsym of an imported function, 0 where there is none. */
uint32_t elf_import(const struct elf_file *e, const char *name);

/* --- elf_search.c --- */

/*
 * Looks for text in the constant data (.rodata, else the segments that are not writable), at most
 * @max_bytes of it. Each place where it stands is given to @accept with what follows it, cut at
 * ELF_TEXT_SIZE and ended with a NUL; NULL accepts the first. 1: found; 0; -errno.
 */
#define ELF_TEXT_SIZE 96
int elf_search(const struct elf_file *e, const char *text, uint64_t max_bytes,
	       bool (*accept)(void *ctx, const char *text), void *ctx);
/* The same for any bytes, told where each place is in the file. */
int elf_search_bytes(const struct elf_file *e, const char *bytes, size_t n, uint64_t max_bytes,
		     bool (*accept)(void *ctx, uint64_t offset), void *ctx);

/* --- elf_words.c --- */

#define ELF_RELOCS_MAX	 (4u << 20)   /* entries of the relocation table that are looked at */
#define ELF_DATA_MAX	 (128u << 20) /* bytes of data segments that are looked at */
#define ELF_VALUES_MAX	 64
#define ELF_WINDOW_WORDS 128ul

/* Words of the data as the running program has them, less the address that it is loaded at. */
struct elf_window {
	uint64_t at; /* set by the caller, a multiple of 8 */
	uint64_t word[ELF_WINDOW_WORDS];
};

/*
 * Where a data word has one of at most ELF_VALUES_MAX @values, in the file itself or by a relative
 * relocation. The number of places, at most @max; -errno.
 */
int elf_find_words(const struct elf_file *e, const uint64_t *values, size_t n, uint64_t *ret,
		   size_t max);
/* The same for words in the file itself that are followed by @next. */
int elf_find_pairs(const struct elf_file *e, const uint64_t *values, size_t n, uint64_t next,
		   uint64_t *ret, size_t max);
/* Fills windows; what is not in the file is 0. 0 or -errno. */
int elf_read_windows(const struct elf_file *e, struct elf_window *windows, size_t n);
