/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as the code of a function: the walk ends, and what it says holds: places are
 * instructions of it that the kernel emulates, and where a return probe may stand, every
 * instruction before leaves the stack alone.
 */
#include <stdlib.h>
#include <string.h>

#include "probe/elf/x86.h"

#define BASE 0x1000

struct code {
	const uint8_t *p;
	size_t n;
};

static size_t read_code(void *ctx, uint64_t addr, void *buf, size_t n)
{
	const struct code *c = ctx;

	if (addr < BASE || addr - BASE >= c->n)
		return 0;
	if (n > c->n - (addr - BASE))
		n = c->n - (addr - BASE);
	memcpy(buf, c->p + (addr - BASE), n);
	return n;
}

static void check_entry(const struct x86_graph *g, size_t n_args)
{
	uint64_t at = BASE;
	const struct x86_insn *i;
	bool at_return;

	if (x86_place_entry(g, n_args, &at, &at_return) < 0)
		return;
	i = x86_at(g, at);
	if (!i || !i->emulated || at < g->start)
		abort();
	if (at_return && (i->before.reg[X86_RSP].kind != X86_STACK || i->before.reg[X86_RSP].n))
		abort();
}

static void check_exit(const struct x86_graph *g)
{
	uint64_t at = BASE;
	const struct x86_insn *i;

	if (x86_place_exit(g, &at) < 0)
		return;
	i = x86_at(g, at);
	if (!i || !i->emulated || i->kind != X86_BRANCH || !g->complete)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct x86_graph g;
	struct code c = { data, size };
	struct x86_pass pass;
	char text[X86_TEXT_SIZE];

	x86_text(data, size, BASE, text);
	if (strlen(text) >= sizeof(text))
		abort();
	if (x86_graph(read_code, &c, BASE, size % 3 ? size : 0, &g) < 0)
		return 0;
	if (g.n > X86_INSNS_MAX || g.insn[0].addr != BASE)
		abort();
	for (size_t n = 1; n <= 5; n++)
		check_entry(&g, n);
	check_exit(&g);
	if (x86_find_pass(&g, 4, true, &pass) == 0 && !pass.target)
		abort();
	return 0;
}
