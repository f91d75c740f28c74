/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/finder/candidate.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "probe/finder/place.h"

void candidate_take(struct candidate *c, const struct elf_range *at, const char *evidence)
{
	if (c->n > 0 && c->at.from == at->from)
		return;
	c->at = *at;
	c->n++;
	snprintf(c->evidence, sizeof(c->evidence), "%s", evidence);
}

/* SSL_new gives its object when it returns: there is no probe of its exit. */
static bool fits(const struct insn_graph *g, const struct place *p)
{
	uint64_t entry;
	bool at_return;

	return p->abi != PROBE_ABI_NEW ||
	       (insn_place_entry(g, p->n_args, &entry, &at_return) == 0 && at_return);
}

bool candidate_place(const struct candidate *c, struct code *code, const char *function,
		     enum probe_abi abi, bool write, size_t n_args, struct probe_target *t)
{
	_cleanup_(freep) struct insn_graph *g = code_graph(code, &c->at);
	const struct place p = {
		.function = function,
		.evidence = c->evidence,
		.abi = abi,
		.n_args = (uint8_t)n_args,
		.write = write,
		.no_result = abi == PROBE_ABI_FREE || abi == PROBE_ABI_CLEAR,
		.start = c->at.from,
	};

	if (!g)
		return false;
	if (fits(g, &p) && place_cheap(&code->bytes, &p, g, t))
		return true;
	return !probe_is_life(abi) && place_classic(&code->bytes, &p, t);
}
