/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/elf/insn.h"

#include <errno.h>
#include <stdio.h>

static const struct isa *const isas[] = { &isa_x86, &isa_a64 };

const struct isa *isa_of(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++)
		if (isas[i]->machine == machine)
			return isas[i];
	return NULL;
}

static size_t fetch(const struct insn_code *c, uint64_t addr, uint8_t code[INSN_LEN_MAX])
{
	return c->isa ? c->read(c->ctx, addr, code, c->isa->len_max) : 0;
}

int insn_step(const struct insn_code *c, uint64_t addr, struct insn_state *s, struct insn *ret)
{
	uint8_t code[INSN_LEN_MAX];
	size_t n = fetch(c, addr, code);

	return n > 0 ? c->isa->step(code, n, addr, s, ret) : -EBADMSG;
}

int insn_access(const struct insn_code *c, uint64_t addr, struct insn_access *ret)
{
	uint8_t code[INSN_LEN_MAX];
	size_t n = fetch(c, addr, code);

	return n > 0 ? c->isa->access(code, n, ret) : -EBADMSG;
}

void insn_text(const struct insn_code *c, uint64_t addr, char ret[INSN_TEXT_SIZE])
{
	uint8_t code[INSN_LEN_MAX];
	size_t n = fetch(c, addr, code);

	if (n > 0)
		c->isa->text(code, n, addr, ret);
	else
		snprintf(ret, INSN_TEXT_SIZE, "?");
}
