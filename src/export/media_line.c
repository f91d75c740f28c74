/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/media_line.h"

#include "base/format.h"
#include "base/util.h"

#define WORD_MAX 200 /* bytes of what a sender told */

static void add(struct buf *out, const char *before, struct slice text)
{
	if (!text.n)
		return;
	if (text.n > WORD_MAX)
		text.n = WORD_MAX;
	buf_add(out, slice_of(before), SIZE_MAX);
	buf_add(out, text, SIZE_MAX);
}

static bool is_media(struct slice type)
{
	static const char *const types[] = { "blob", "sonde.blob", "uri", "file" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (slice_eq(type, slice_of(types[i])))
			return true;
	return false;
}

bool media_line(const cJSON *part, struct buf *out)
{
	const struct slice kept = json_str(part, "media_type"), hash = json_str(part, "sha256");
	const int64_t bytes = json_int(part, kept.n ? "bytes" : "size");
	const size_t before = out->n;

	if (!is_media(json_str(part, "type")))
		return false;
	add(out, "[", json_str(part, "modality"));
	add(out, " ", kept.n ? kept : json_str(part, "mime_type"));
	if (bytes > 0)
		add(out, " ", slice_of(format_bytes((uint64_t)bytes).s));
	add(out, " sha256 ", hash);
	add(out, " ", json_str(part, "uri"));
	add(out, " ", json_str(part, "file_id"));
	add(out, ", not kept: ", json_str(part, "reason"));
	return buf_add(out, SLICE("]"), SIZE_MAX) == 0 && out->n > before + 1;
}
