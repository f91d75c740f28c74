/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recorders keep bodies decoded, or as they crossed the wire, or as text that a binary body was
 * squeezed into; and their headers tell of codings in any case. So the bytes are asked.
 */
#include "base/utf8.h"
#include "cmd/import.h"
#include "proto/coding.h"
#include "proto/http.h"

#define LOOK_BYTES 4096 /* so far a body is looked at to tell text from what is not */

struct output {
	struct arena *mem;
	struct buf bytes;
};

static void on_decoded(void *ctx, struct slice piece)
{
	struct output *o = ctx;

	arena_add(o->mem, &o->bytes, piece);
}

/* NULL, or why @bytes could not be undone to the end; *ret is what came out. */
static const char *undo(struct slice bytes, struct slice codings, struct arena *mem,
			struct slice *ret)
{
	const struct coding_limits limits = { http_limits_default.body_bytes,
					      http_limits_default.ratio, NULL };
	struct output out = { .mem = mem };
	struct coding *c = NULL;
	const char *why;

	if (coding_new(codings, &limits, on_decoded, &out, &c) < 0)
		return "unknown coding";
	why = c ? coding_feed(c, bytes) : NULL;
	if (c && !why)
		why = coding_finish(c);
	coding_free(c);
	*ret = c ? buf_slice(&out.bytes) : bytes;
	return why;
}

/* Whether @bytes begin as text does: no control characters, well-formed UTF-8. */
static bool is_text(struct slice bytes)
{
	struct slice s = bytes;

	if (s.n > LOOK_BYTES)
		s.n = LOOK_BYTES;
	while (s.n) {
		const unsigned char c = (unsigned char)s.p[0];
		const size_t n = utf8_char(s);

		if (n == 0) /* unless the look ends in the middle of a character */
			return bytes.n > LOOK_BYTES && s.n < 4;
		if (c < 0x20 && c != '\n' && c != '\r' && c != '\t')
			return false;
		s = slice_from(s, n);
	}
	return true;
}

/* The coding that the first bytes name, or NULL. */
static const char *by_magic(struct slice bytes)
{
	if (slice_starts(bytes, SLICE("\x1f\x8b\x08")))
		return "gzip";
	return slice_starts(bytes, SLICE("\x28\xb5\x2f\xfd")) ? "zstd" : NULL;
}

/*
 * Bytes of which each became the character of its number (Latin-1), as some recorders write what
 * is no text. False where a character is none of these.
 */
static bool from_latin1(struct slice text, struct arena *mem, struct slice *ret)
{
	char *out = arena_alloc(mem, text.n + 1);
	size_t n = 0;

	if (!out)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		const unsigned char c = (unsigned char)text.p[i];

		if (c < 0x80) {
			out[n++] = (char)c;
			continue;
		}
		if ((c != 0xc2 && c != 0xc3) || ++i == text.n)
			return false;
		out[n++] = (char)(((c & 3) << 6) | ((unsigned char)text.p[i] & 0x3f));
	}
	*ret = (struct slice){ out, n };
	return true;
}

static bool names_coding(struct slice codings)
{
	return codings.n && !slice_ieq(codings, SLICE("identity"));
}

const char *import_decode(struct slice bytes, struct slice codings, struct arena *mem,
			  struct slice *ret)
{
	const char *magic, *why;
	struct slice plain;

	*ret = bytes;
	if (slice_starts(bytes, SLICE("\x1f\xc2\x8b")) ||
	    slice_starts(bytes, SLICE("(\xc2\xb5/\xc3\xbd")))
		from_latin1(bytes, mem, &bytes);
	magic = by_magic(bytes);
	if (magic)
		return undo(bytes, slice_of(magic), mem, ret);
	if (!names_coding(slice_trim(codings)) || is_text(bytes))
		return NULL;
	/* Brotli and deflate have no sign of their own; nor has what was decoded and is binary. */
	why = undo(bytes, codings, mem, &plain);
	if (!why)
		*ret = plain;
	return NULL;
}
