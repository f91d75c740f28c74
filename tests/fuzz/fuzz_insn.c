/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as the code of a function, for each processor: the walk ends, and what it says holds:
 * places are instructions of it that the kernel emulates, and where a return probe may stand, every
 * instruction before leaves the stack alone.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "probe/elf/insn.h"

#define BASE 0x1000

struct bytes {
	const uint8_t *p;
	size_t n;
};

static size_t read_code(void *ctx, uint64_t addr, void *buf, size_t n)
{
	const struct bytes *c = ctx;

	if (addr < BASE || addr - BASE >= c->n)
		return 0;
	if (n > c->n - (addr - BASE))
		n = c->n - (addr - BASE);
	memcpy(buf, c->p + (addr - BASE), n);
	return n;
}

static void check_entry(const struct insn_graph *g, size_t n_args)
{
	uint64_t at = BASE;
	const struct insn *i;
	const struct insn_value *sp;
	bool at_return;

	if (insn_place_entry(g, n_args, &at, &at_return) < 0)
		return;
	i = insn_at(g, at);
	if (!i || !i->emulated || at < g->start)
		abort();
	sp = &i->before.reg[g->code.isa->sp];
	if (at_return && (sp->kind != VALUE_STACK || sp->n))
		abort();
}

static void check_exit(const struct insn_graph *g)
{
	uint64_t at = BASE;
	const struct insn *i;

	if (insn_place_exit(g, &at) < 0)
		return;
	i = insn_at(g, at);
	if (!i || !i->emulated || (i->kind != INSN_BRANCH && i->kind != INSN_RETURN) ||
	    !g->complete)
		abort();
}

static void check(const struct insn_code *code, size_t size)
{
	static struct insn_graph g;
	struct insn_pass pass;
	struct insn_access m;
	char text[INSN_TEXT_SIZE];

	insn_text(code, BASE, text);
	if (strlen(text) >= sizeof(text))
		abort();
	if (insn_access(code, BASE, &m) == 0 && (m.base < 0 || m.base > INSN_REGS))
		abort();
	if (insn_graph(code, BASE, size % 3 ? size : 0, &g) < 0)
		return;
	if (g.n > INSN_GRAPH_MAX || g.insn[0].addr != BASE)
		abort();
	for (size_t n = 1; n <= 5; n++)
		check_entry(&g, n);
	check_exit(&g);
	if (insn_find_pass(&g, 4, true, &pass) == 0 && !pass.target)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t machines[] = { EM_X86_64, EM_AARCH64 };
	struct bytes bytes = { data, size };

	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		const struct insn_code code = { isa_of(machines[i]), read_code, &bytes };

		check(&code, size);
	}
	return 0;
}
