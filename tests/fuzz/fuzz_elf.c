/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as an ELF file: no point may lie outside the file, a return probe never stands where
 * the top of the stack is something else, and the answer is the same twice.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/elf/elf.h"
#include "probe/finder/target.h"

static int count_name(void *ctx, enum elf_dynamic_name kind, const char *name)
{
	(void)kind;
	*(size_t *)ctx += strlen(name);
	return 0;
}

static void check_points(const struct probe_target *t, size_t size)
{
	for (size_t i = 0; i < t->n_points + t->n_foreign; i++) {
		const struct probe_point *p = &t->points[i];

		if (p->entry >= size || p->exit >= size || !p->function[0])
			abort();
		if (p->cost == PROBE_CLASSIC && p->exit)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct probe_target t = { .n_points = 0 }, again = { .n_points = 0 };
	char interpreter[4096];
	struct elf_file e;
	size_t names = 0;
	int r;

	if (fd < 0)
		fd = memfd_create("elf", MFD_CLOEXEC);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	r = target_examine(fd, "fuzz", &t);
	if (r != target_examine(fd, "fuzz", &again) || (r == 1) != (t.n_points > 0))
		abort();
	if (r >= 0 && memcmp(t.points, again.points, sizeof(t.points)) != 0)
		abort();
	check_points(&t, size);
	if (elf_open(fd, &e) < 0)
		return 0;
	elf_dynamic_names(&e, count_name, &names);
	elf_interpreter(&e, interpreter, sizeof(interpreter));
	return 0;
}
