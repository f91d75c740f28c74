/* SPDX-License-Identifier: BSD-2-Clause */
/* openapi.json as it stands, put in place by the assembler. */
#include "api/routes/openapi.h"

#include "api/routes/routes.h"

/* Relative to the top of the tree, from where everything is compiled. */
#ifndef OPENAPI_JSON
#define OPENAPI_JSON "src/api/routes/openapi.json"
#endif

__asm__(".pushsection .rodata\n"
	".global api_openapi_text\n"
	"api_openapi_text:\n"
	".incbin \"" OPENAPI_JSON "\"\n"
	"api_openapi_end:\n"
	".byte 0\n"
	".balign 8\n"
	".global api_openapi_size\n"
	"api_openapi_size: .quad api_openapi_end - api_openapi_text\n"
	".popsection\n");

extern const char api_openapi_text[];
extern const uint64_t api_openapi_size;

struct slice api_openapi(void)
{
	return (struct slice){ api_openapi_text, api_openapi_size };
}

enum MHD_Result handle_openapi(struct request *rq)
{
	struct buf text = { 0 };
	struct json_writer w = { .out = &text };

	json_put_raw(&w, slice_trim(api_openapi()));
	return reply_json(rq, MHD_HTTP_OK, &w);
}
