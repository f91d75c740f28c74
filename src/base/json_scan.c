/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nested values are skipped 64 bytes at a time, each byte class a bit mask: quotes that are not
 * escaped say which bytes are inside strings (the running parity of the quotes), and only brackets
 * outside of them are counted one by one. Text, which is most of what agents send, has none.
 */
#include "base/json_scan.h"

#include "base/json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK 64

struct masks {
	uint64_t quote, backslash, open, close, comma;
};

/* What one block hands to the next. */
struct scan {
	uint64_t escaped;   /* 1: the first byte of the next block is escaped */
	uint64_t in_string; /* all ones: the next block begins inside a string */
};

#ifdef __SSE2__
static uint64_t bits(__m128i v, char c)
{
	return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

static inline void read_masks(const char block[BLOCK], struct masks *ret, bool commas)
{
	*ret = (struct masks){ 0 };
	for (unsigned i = 0; i < BLOCK; i += 16) {
		const __m128i v = _mm_loadu_si128((const __m128i_u *)(const void *)(block + i));
		const __m128i folded = _mm_or_si128(v, _mm_set1_epi8(0x20)); /* [ is {, ] is } */

		ret->quote |= bits(v, '"') << i;
		ret->backslash |= bits(v, '\\') << i;
		if (commas)
			ret->comma |= bits(v, ',') << i;
		ret->open |= bits(folded, '{') << i;
		ret->close |= bits(folded, '}') << i;
	}
}
#else
static inline void read_masks(const char block[BLOCK], struct masks *ret, bool commas)
{
	*ret = (struct masks){ 0 };
	for (unsigned i = 0; i < BLOCK; i++) {
		const uint64_t bit = 1ULL << i;
		const char c = block[i];

		ret->quote |= c == '"' ? bit : 0;
		ret->backslash |= c == '\\' ? bit : 0;
		ret->comma |= commas && c == ',' ? bit : 0;
		ret->open |= c == '{' || c == '[' ? bit : 0;
		ret->close |= c == '}' || c == ']' ? bit : 0;
	}
}
#endif

const char *json_scan_plain(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		const __m128i v = _mm_loadu_si128((const __m128i_u *)(const void *)p);
		/* Signed: what is not ASCII is less than a blank as well. */
		const __m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
		const __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));
		const uint64_t stop =
			(uint64_t)(unsigned)_mm_movemask_epi8(_mm_or_si128(low, del)) |
			bits(v, '"') | bits(v, '\\');

		if (stop)
			return p + __builtin_ctzll(stop);
	}
#endif
	while (p < end && *p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* The bytes that a backslash before them escapes. */
static uint64_t escaped_bytes(struct scan *s, uint64_t backslash)
{
	uint64_t escaped = s->escaped;

	backslash &= ~escaped;
	s->escaped = 0;
	while (backslash) {
		const int i = __builtin_ctzll(backslash);

		if (i == BLOCK - 1) {
			s->escaped = 1;
			break;
		}
		escaped |= 2ULL << i;
		backslash &= ~(3ULL << i);
	}
	return escaped;
}

/* Bit i is the parity of the bits 0 to i. */
static uint64_t running_parity(uint64_t m)
{
	for (unsigned shift = 1; shift < 64; shift *= 2)
		m ^= m << shift;
	return m;
}

/* The masks of the block at @p, without what is inside strings; commas only where asked for. */
static inline void next_block(struct scan *s, const char *p, const char *end, struct masks *ret,
			      bool commas)
{
	const size_t left = (size_t)(end - p);
	char padded[BLOCK] = { 0 };
	uint64_t in_string;

	if (left < BLOCK) {
		memcpy(padded, p, left);
		p = padded;
	}
	read_masks(p, ret, commas);
	ret->quote &= ~escaped_bytes(s, ret->backslash);
	in_string = running_parity(ret->quote) ^ s->in_string;
	s->in_string = 0 - (in_string >> 63);
	ret->open &= ~in_string;
	ret->close &= ~in_string;
	ret->comma &= ~in_string;
}

const char *json_scan_nested(const char *p, const char *end)
{
	struct scan s = { 0 };
	unsigned depth = 0;
	struct masks m;

	for (; p < end; p += end - p < BLOCK ? end - p : BLOCK) {
		next_block(&s, p, end, &m, false);
		for (uint64_t both = m.open | m.close; both; both &= both - 1) {
			const uint64_t bit = both & (0 - both);

			if (m.open & bit) {
				if (++depth > JSON_DEPTH_MAX)
					return NULL;
			} else if (--depth == 0) {
				return p + __builtin_ctzll(bit) + 1;
			}
		}
	}
	return NULL;
}

size_t json_count_values(struct slice text)
{
	struct scan s = { 0 };
	const char *p, *end;
	struct masks m;
	size_t n = 1;

	if (text.n == 0)
		return 0;
	end = text.p + text.n;
	for (p = text.p; p < end; p += end - p < BLOCK ? end - p : BLOCK) {
		next_block(&s, p, end, &m, true);
		for (uint64_t both = m.open | m.comma; both; both &= both - 1)
			n++;
	}
	return n;
}

#ifdef __SSE2__
/* Skips whole vectors that hold neither a quote nor a backslash. */
static const char *skip_plain(const char *p, const char *end)
{
	while (end - p >= 16) {
		const __m128i v = _mm_loadu_si128((const __m128i_u *)(const void *)p);
		const uint64_t found = bits(v, '"') | bits(v, '\\');

		if (found)
			return p + __builtin_ctzll(found);
		p += 16;
	}
	return p;
}
#else
static const char *skip_plain(const char *p, const char *end)
{
	(void)end;
	return p;
}
#endif

const char *json_scan_string(const char *p, const char *end)
{
	for (p = skip_plain(p, end); p < end; p = skip_plain(p, end)) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\' && ++p == end)
			return NULL;
		p++;
	}
	return NULL;
}

static bool digit_at(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

static const char *scan_digits(const char *p, const char *end)
{
	if (!digit_at(p, end))
		return NULL;
	while (digit_at(p, end))
		p++;
	return p;
}

const char *json_scan_number(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	p = p < end && *p == '0' ? p + 1 : scan_digits(p, end);
	if (p && p < end && *p == '.')
		p = scan_digits(p + 1, end);
	if (p && p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = scan_digits(p, end);
	}
	return p;
}

/* A colon or quote cannot be part of a scalar either; stopping there makes the caller see it. */
static bool ends_scalar(char c)
{
	switch (c) {
	case ',':
	case ']':
	case '}':
	case '[':
	case '{':
	case ':':
	case '"':
	case ' ':
	case '\t':
	case '\r':
	case '\n':
	case '\0':
		return true;
	default:
		return false;
	}
}

static const char *scan_scalar(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && !ends_scalar(*p))
		p++;
	return p == start ? NULL : p;
}

const char *json_scan_value(const char *p, const char *end)
{
	if (p >= end)
		return NULL;
	if (*p == '"')
		return json_scan_string(p + 1, end);
	if (*p == '{' || *p == '[')
		return json_scan_nested(p, end);
	return scan_scalar(p, end);
}
