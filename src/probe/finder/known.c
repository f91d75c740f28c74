/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS that is known and not covered: names it, so that the user learns why nothing is seen.
 * Only marks that are cheap to look for; a file without any of them is simply not known.
 */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "probe/finder/finder.h"

#define SEARCH_MAX (64u << 20)

struct mark {
	const char *section; /* a section of this name, or */
	const char *needed;  /* a library needed whose name begins so, or */
	const char *text;    /* this text among the constants (programs only) */
	const char *reason;
};

/* The first that fits. */
static const struct mark marks[] = {
	{ .needed = "libjli.so", .reason = "Java: JSSE" },
	{ .needed = "libjvm.so", .reason = "Java: JSSE" },
	{ .text = "rustls-", .reason = "Rust: rustls in a form that is not recognised" },
	{ .text = "ssl/ssl_lib.c", .reason = "statically linked OpenSSL without symbols" },
};

struct wanted {
	const char *prefix;
	bool found;
};

static int is_wanted(void *ctx, enum elf_dynamic_name kind, const char *name)
{
	struct wanted *w = ctx;

	w->found |= kind == ELF_NAME_NEEDED && strncmp(name, w->prefix, strlen(w->prefix)) == 0;
	return w->found;
}

/* A library's constants say little about who uses it. */
static bool is_program(const struct elf_file *e)
{
	return e->type == ET_EXEC || elf_segment(e, PT_INTERP) || !elf_section(e, ".dynsym");
}

static bool carries(const struct elf_file *e, const struct mark *m)
{
	struct wanted w = { .prefix = m->needed };

	if (m->section)
		return elf_section(e, m->section) != NULL;
	if (m->needed) {
		elf_dynamic_names(e, is_wanted, &w);
		return w.found;
	}
	return is_program(e) && elf_search(e, m->text, SEARCH_MAX, NULL, NULL) == 1;
}

static int find(const struct elf_file *e, bool classic, struct probe_target *ret)
{
	(void)classic;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		if (!carries(e, &marks[i]))
			continue;
		snprintf(ret->reason, sizeof(ret->reason), "%s: not covered yet", marks[i].reason);
		break;
	}
	return 0;
}

const struct tls_finder finder_known = { .name = "known", .find = find };
