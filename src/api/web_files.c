/* SPDX-License-Identifier: BSD-2-Clause */
/* src/web/pack.py has listed them; the assembler puts them in place. */
#include "api/web_files.h"

#include "base/util.h"

/* clang-format off */
#define WEB_FILE(n, path, type, etag, hashed, packed)	\
	__asm__(".pushsection .rodata\n"		\
		".global web_file_" #n "\n"		\
		"web_file_" #n ":\n"			\
		".incbin \"" packed "\"\n"		\
		"web_file_" #n "_end:\n"		\
		".balign 8\n"				\
		".global web_file_" #n "_size\n"	\
		"web_file_" #n "_size: .quad web_file_" #n "_end - web_file_" #n "\n" \
		".popsection\n");				\
	extern const char web_file_##n[];		\
	extern const uint64_t web_file_##n##_size;
#include "web_files.inc"
#undef WEB_FILE

static const struct web_file files[] = {
#define WEB_FILE(n, path, type, etag, hashed, packed) \
	{ path, type, "\"" etag "\"", hashed, web_file_##n, &web_file_##n##_size },
#include "web_files.inc"
#undef WEB_FILE
};
/* clang-format on */

const struct web_file *web_file_at(size_t i)
{
	return i < ARRAY_SIZE(files) ? &files[i] : NULL;
}

static const struct web_file *by_name(struct slice path)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (slice_eq(path, slice_of(files[i].path)))
			return &files[i];
	return NULL;
}

/* What has a dot in its first part, as "/favicon.ico", is a file that is not there. */
static bool is_page(struct slice path)
{
	struct slice first = slice_from(path, 1), rest;

	slice_cut(first, '/', &first, &rest);
	return (first.n == 0 || !memchr(first.p, '.', first.n)) &&
	       !slice_eq(first, SLICE("assets"));
}

const struct web_file *web_file_find(struct slice path)
{
	const struct web_file *f;

	if (!path.n || path.p[0] != '/')
		return NULL;
	f = by_name(path);
	return !f && is_page(path) ? by_name(SLICE("/index.html")) : f;
}
