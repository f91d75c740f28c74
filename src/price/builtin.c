/* SPDX-License-Identifier: BSD-2-Clause */
/* The table that is built in: prices.json as it stands, put in place by the assembler. */
#include "price/price.h"

/* Relative to the top of the tree, from where everything is compiled. */
#ifndef PRICES_JSON
#define PRICES_JSON "src/price/prices.json"
#endif

__asm__(".pushsection .rodata\n"
	".global price_builtin_text\n"
	"price_builtin_text:\n"
	".incbin \"" PRICES_JSON "\"\n"
	"price_builtin_end:\n"
	".byte 0\n"
	".balign 8\n"
	".global price_builtin_size\n"
	"price_builtin_size: .quad price_builtin_end - price_builtin_text\n"
	".popsection\n");

extern const char price_builtin_text[];
extern const uint64_t price_builtin_size;

struct slice price_builtin(void)
{
	return (struct slice){ price_builtin_text, price_builtin_size };
}
