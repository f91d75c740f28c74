/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/coding.h"

#include <brotli/decode.h>
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <zlib.h>
/* For ZSTD_createDCtx_advanced(): the budget must see the window too. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include "base/util.h"

#define OUT_BYTES   32768
#define RATIO_FREE  (16u << 20) /* so much may come of any input, however small */
#define ZSTD_WINDOW 23		/* 8 MiB: the most that a content coding may ask for (RFC 9659) */
#define ZSTD_HEAD   18		/* bytes of a frame's longest header */
#define ZLIB_WINDOW 15
#define GZIP_ONLY   16 /* added to zlib's window bits */

struct stage;

/* What decode() did with its input. */
enum step { STEP_OK, STEP_BAD, STEP_STOP /* a later stage or a limit said so */ };

struct coding_type {
	const char *name, *alias;
	const char *bad, *cut;
	int (*open)(struct stage *s);
	enum step (*decode)(struct stage *s, struct slice in);
	void (*close)(struct stage *s);
};

struct stage {
	const struct coding_type *type;
	struct coding *coding;
	uint64_t in, out; /* bytes */
	bool ended;	  /* the coded data is complete */
	bool padding;	  /* gzip: what follows is ignored */
	bool begun;	  /* zstd: its first byte was seen */
	bool raw_known;	  /* deflate: the first two bytes have told which kind it is */
	uint8_t first[2];
	uint8_t n_first;
	union {
		z_stream z;
		BrotliDecoderState *br;
		ZSTD_DCtx *zstd;
	};
};

struct coding {
	struct coding_limits limits;
	coding_fn fn;
	void *ctx;
	const char *why;
	struct stage stages[CODING_STAGES_MAX]; /* the outermost coding first */
	size_t n_stages;
};

/* --- memory out of the budget --- */

union block {
	size_t n;
	max_align_t align;
};

static void *take(void *budget, size_t n)
{
	struct arena_budget *b = budget;
	union block *p;

	if (n > SIZE_MAX - sizeof(*p))
		return NULL;
	n += sizeof(*p);
	if (b && n > b->max - b->used)
		return NULL;
	p = malloc(n);
	if (!p)
		return NULL;
	p->n = n;
	if (b)
		b->used += n;
	return p + 1;
}

static void give_back(void *budget, void *mem)
{
	struct arena_budget *b = budget;
	union block *p = mem;

	if (!p)
		return;
	p--;
	if (b)
		b->used -= p->n;
	free(p);
}

static void *take_items(void *budget, unsigned n, unsigned size)
{
	return take(budget, (size_t)n * size);
}

/* --- handing on --- */

static enum step decode_at(struct coding *c, size_t at, struct slice in);

static enum step stop(struct coding *c, const char *why)
{
	c->why = why;
	return STEP_STOP;
}

static enum step emit(struct stage *s, struct slice out)
{
	struct coding *c = s->coding;
	uint64_t room = c->limits.bytes - s->out;
	bool over = out.n > room;
	enum step step = STEP_OK;

	if (over)
		out.n = (size_t)room;
	s->out += out.n;
	if (s->out > RATIO_FREE && s->out / c->limits.ratio > s->in)
		over = true;
	if (out.n)
		step = decode_at(c, (size_t)(s - c->stages) + 1, out);
	return over && step == STEP_OK ? stop(c, "over limit") : step;
}

/* --- gzip and deflate --- */

static int zlib_open(struct stage *s, int window)
{
	s->z = (z_stream){ .zalloc = take_items,
			   .zfree = give_back,
			   .opaque = s->coding->limits.budget };
	return inflateInit2(&s->z, window) == Z_OK ? 0 : -ENOMEM;
}

static int gzip_open(struct stage *s)
{
	return zlib_open(s, ZLIB_WINDOW + GZIP_ONLY);
}

static int deflate_open(struct stage *s)
{
	return zlib_open(s, ZLIB_WINDOW);
}

static void zlib_close(struct stage *s)
{
	inflateEnd(&s->z);
}

/* Up to the end of the input or of the coded data; what is left of @in stays in s->z. */
static enum step zlib_decode(struct stage *s, struct slice in)
{
	char out[OUT_BYTES];
	enum step step = STEP_OK;
	int r = Z_OK;

	s->z.next_in = (unsigned char *)in.p;
	s->z.avail_in = (unsigned)in.n;
	do {
		s->z.next_out = (unsigned char *)out;
		s->z.avail_out = sizeof(out);
		r = inflate(&s->z, Z_SYNC_FLUSH);
		s->ended = r == Z_STREAM_END;
		step = emit(s, (struct slice){ out, sizeof(out) - s->z.avail_out });
		if (r == Z_MEM_ERROR)
			return stop(s->coding, "out of memory");
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return step == STEP_OK ? STEP_BAD : step;
	} while (step == STEP_OK && r == Z_OK && (s->z.avail_in || s->z.avail_out == 0));
	return step;
}

/* Members follow each other (RFC 1952 §2.2); anything else behind one is padding, and ignored. */
static enum step gzip_decode(struct stage *s, struct slice in)
{
	enum step step = STEP_OK;

	while (in.n && step == STEP_OK) {
		s->padding |= s->ended && in.p[0] != '\x1f';
		if (s->padding)
			return STEP_OK;
		if (s->ended)
			inflateReset(&s->z);
		step = zlib_decode(s, in);
		in = slice_from(in, in.n - s->z.avail_in);
	}
	return step;
}

/*
 * "deflate" means the zlib format (RFC 1950), but servers send the bare one (RFC 1951) as well; the
 * header's checksum tells them apart.
 */
static enum step deflate_decode(struct stage *s, struct slice in)
{
	enum step step = STEP_OK;
	struct slice first = { (const char *)s->first, 2 };

	while (!s->raw_known && in.n) {
		s->first[s->n_first++] = (uint8_t)in.p[0];
		in = slice_from(in, 1);
		if (s->n_first < 2)
			continue;
		s->raw_known = true;
		if ((s->first[0] & 15) != Z_DEFLATED || s->first[0] >> 4 > 7 ||
		    (s->first[0] << 8 | s->first[1]) % 31 != 0)
			inflateReset2(&s->z, -ZLIB_WINDOW);
		step = zlib_decode(s, first);
	}
	if (step != STEP_OK || s->ended || in.n == 0)
		return step;
	return zlib_decode(s, in);
}

/* --- brotli --- */

static int brotli_open(struct stage *s)
{
	s->br = BrotliDecoderCreateInstance(take, give_back, s->coding->limits.budget);
	return s->br ? 0 : -ENOMEM;
}

static void brotli_close(struct stage *s)
{
	BrotliDecoderDestroyInstance(s->br);
}

static enum step brotli_failed(struct stage *s)
{
	BrotliDecoderErrorCode e = BrotliDecoderGetErrorCode(s->br);

	if (e <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
	    e >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES)
		return stop(s->coding, "out of memory");
	return STEP_BAD;
}

static enum step brotli_decode(struct stage *s, struct slice in)
{
	const uint8_t *next = (const uint8_t *)in.p, *out;
	size_t left = in.n, no_room = 0, n;
	BrotliDecoderResult r;
	enum step step;

	if (s->ended)
		return STEP_BAD;
	do {
		r = BrotliDecoderDecompressStream(s->br, &left, &next, &no_room, NULL, NULL);
		if (r == BROTLI_DECODER_RESULT_ERROR)
			return brotli_failed(s);
		n = 0; /* all there is */
		out = BrotliDecoderTakeOutput(s->br, &n);
		step = emit(s, (struct slice){ (const char *)out, n });
		if (step != STEP_OK)
			return step;
	} while (r == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
	s->ended = r == BROTLI_DECODER_RESULT_SUCCESS;
	return s->ended && left ? STEP_BAD : STEP_OK;
}

/* --- zstd --- */

static int zstd_open(struct stage *s)
{
	s->zstd = ZSTD_createDCtx_advanced(
		(ZSTD_customMem){ take, give_back, s->coding->limits.budget });
	if (!s->zstd)
		return -ENOMEM;
	ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW);
	return 0;
}

static void zstd_close(struct stage *s)
{
	ZSTD_freeDCtx(s->zstd);
}

/*
 * A frame, or one to be skipped. The library may also know the formats before zstd's first release,
 * which this coding has never meant, and reads them otherwise when they come in pieces.
 */
static bool begins_zstd(char first)
{
	const uint8_t c = (uint8_t)first;

	return c == 0x28 || (c & 0xf0) == 0x50;
}

static enum step zstd_decode(struct stage *s, struct slice in)
{
	char room[OUT_BYTES];
	ZSTD_inBuffer src = { in.p, in.n, 0 };
	ZSTD_outBuffer out;
	enum step step;
	bool single;
	size_t r;

	do {
		/* cppcheck-suppress legacyUninitvar ; it is written to, not read */
		out = (ZSTD_outBuffer){ room, sizeof(room), 0 };
		if ((s->ended || !s->begun) && src.pos < in.n) {
			if (!begins_zstd(in.p[src.pos]))
				return STEP_BAD;
			s->begun = true;
			s->n_first = 0;
		}
		/* Byte by byte through the header: a frame that is there at once would be read by
		 * other rules than one that comes in pieces, and what looks like a magic number of
		 * old in its midst would be taken for one. */
		single = s->n_first < ZSTD_HEAD && src.pos < in.n;
		src.size = single ? src.pos + 1 : in.n;
		s->n_first += single;
		r = ZSTD_decompressStream(s->zstd, &out, &src);
		if (ZSTD_isError(r) && ZSTD_getErrorCode(r) == ZSTD_error_memory_allocation)
			return stop(s->coding, "out of memory");
		if (ZSTD_isError(r))
			return STEP_BAD;
		s->ended = r == 0;
		step = emit(s, (struct slice){ room, out.pos });
	} while (step == STEP_OK && (src.pos < in.n || out.pos == out.size));
	return step;
}

/* --- the table --- */

static const struct coding_type types[] = {
	{ "gzip", "x-gzip", "bad gzip", "gzip cut short", gzip_open, gzip_decode, zlib_close },
	{ "deflate", "x-deflate", "bad deflate", "deflate cut short", deflate_open, deflate_decode,
	  zlib_close },
	{ "br", NULL, "bad br", "br cut short", brotli_open, brotli_decode, brotli_close },
	{ "zstd", NULL, "bad zstd", "zstd cut short", zstd_open, zstd_decode, zstd_close },
};

static const struct coding_type *find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (slice_ieq(name, slice_of(types[i].name)) ||
		    (types[i].alias && slice_ieq(name, slice_of(types[i].alias))))
			return &types[i];
	return NULL;
}

static enum step decode_at(struct coding *c, size_t at, struct slice in)
{
	struct stage *s = &c->stages[at];
	enum step step;

	if (at == c->n_stages) {
		c->fn(c->ctx, in);
		return STEP_OK;
	}
	s->in += in.n;
	step = s->type->decode(s, in);
	return step == STEP_BAD ? stop(c, s->type->bad) : step;
}

/* Adds the stage that undoes @type. */
static int open_stage(struct coding *c, const struct coding_type *type)
{
	struct stage *s = &c->stages[c->n_stages];
	int r;

	if (c->n_stages == CODING_STAGES_MAX)
		return -EOPNOTSUPP;
	s->coding = c;
	r = type->open(s);
	if (r < 0)
		return r;
	s->type = type;
	c->n_stages++;
	return 0;
}

/* The last coding applied is the first to be undone. */
static int open_stages(struct coding *c, struct slice names)
{
	while (names.n) {
		const char *comma = memrchr(names.p, ',', names.n);
		size_t at = comma ? (size_t)(comma - names.p) + 1 : 0;
		struct slice name = slice_trim(slice_from(names, at));
		const struct coding_type *type = find(name);
		int r = 0;

		names.n = comma ? at - 1 : 0;
		if (name.n == 0 || slice_ieq(name, SLICE("identity")))
			continue;
		r = type ? open_stage(c, type) : -EOPNOTSUPP;
		if (r < 0)
			return r;
	}
	return 0;
}

int coding_new(struct slice names, const struct coding_limits *limits, coding_fn fn, void *ctx,
	       struct coding **ret)
{
	struct coding *c;
	int r;

	names = slice_trim(names);
	if (names.n == 0 || slice_ieq(names, SLICE("identity"))) {
		*ret = NULL;
		return 0;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->limits = *limits;
	c->fn = fn;
	c->ctx = ctx;
	r = open_stages(c, names);
	if (r < 0) {
		coding_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void coding_free(struct coding *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_stages; i++)
		c->stages[i].type->close(&c->stages[i]);
	free(c);
}

const char *coding_feed(struct coding *c, struct slice in)
{
	/* zlib counts its input in 32 bits. */
	while (in.n && !c->why) {
		size_t n = in.n < (1u << 30) ? in.n : 1u << 30;

		decode_at(c, 0, (struct slice){ in.p, n });
		in = slice_from(in, n);
	}
	return c->why;
}

const char *coding_finish(struct coding *c)
{
	/* A body of no bytes has no coding to complete. */
	if (c->why || c->n_stages == 0 || c->stages[0].in == 0)
		return c->why;
	for (size_t i = 0; i < c->n_stages; i++)
		if (!c->stages[i].ended)
			return c->stages[i].type->cut;
	return NULL;
}
