/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/finder/candidate.h"

#include <stdio.h>

#include "base/cleanup.h"

void candidate_take(struct candidate *c, const struct elf_range *at, const char *evidence)
{
	if (c->n > 0 && c->at.from == at->from)
		return;
	c->at = *at;
	c->n++;
	snprintf(c->evidence, sizeof(c->evidence), "%s", evidence);
}

bool candidate_place(const struct candidate *c, struct code *code, const char *function,
		     enum probe_abi abi, bool write, size_t n_args, struct probe_target *t)
{
	_cleanup_(freep) struct x86_graph *g = code_graph(code, &c->at);
	struct probe_point p = { .abi = abi, .write = write };
	uint64_t entry = 0, left;
	bool at_return = false;
	uint8_t bytes[16];

	if (!g || t->n_points == TARGET_POINTS_MAX)
		return false;
	if (x86_place_entry(g, n_args, &entry, &at_return) < 0 || !at_return) {
		if (probe_is_life(abi))
			return false;
		entry = c->at.from;
		p.cost = PROBE_CLASSIC;
	}
	if (!elf_offset(code->bytes.e, entry, &p.entry, &left))
		return false;
	snprintf(p.function, sizeof(p.function), "%s", function);
	snprintf(p.evidence, sizeof(p.evidence), "%s", c->evidence);
	x86_text(bytes, elf_code_read(&code->bytes, entry, bytes, sizeof(bytes)), entry, p.insn);
	t->points[t->n_points++] = p;
	return true;
}
