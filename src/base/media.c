/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/media.h"

#include "base/util.h"

#define WEBP_AT 8 /* behind "RIFF" and a size */

const char *media_type(struct slice bytes)
{
	static const struct {
		struct slice begin;
		const char *type;
	} magics[] = {
		{ { "\x89PNG\r\n\x1a\n", 8 }, "image/png" },
		{ { "\xff\xd8\xff", 3 }, "image/jpeg" },
		{ { "GIF87a", 6 }, "image/gif" },
		{ { "GIF89a", 6 }, "image/gif" },
		{ { "%PDF-", 5 }, "application/pdf" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (slice_starts(bytes, magics[i].begin))
			return magics[i].type;
	if (slice_starts(bytes, SLICE("RIFF")) &&
	    slice_starts(slice_from(bytes, WEBP_AT), SLICE("WEBP")))
		return "image/webp";
	return NULL;
}

bool media_is_picture(const char *type)
{
	return type && slice_starts(slice_of(type), SLICE("image/"));
}
