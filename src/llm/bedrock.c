/* SPDX-License-Identifier: BSD-2-Clause */
#include "llm/bedrock.h"

#include <openssl/evp.h>

#define BASE64_MAX ((size_t)16 << 20)

/* An ARN may stand there with its slashes as they are: the model is all up to the operation. */
struct slice llm_bedrock_model(struct slice path, const char *operation)
{
	const struct slice word = SLICE("/model/"), end = slice_of(operation);
	const char *at;

	path = http_path(path);
	at = memmem(path.p, path.n, word.p, word.n);
	if (!at || !slice_ends(path, end))
		return (struct slice){ 0 };
	path = slice_from(path, (size_t)(at - path.p) + word.n);
	path.n -= path.n > end.n ? end.n : path.n;
	return path;
}

bool llm_bedrock_has_path(struct slice path, const char *const operations[])
{
	for (; *operations; operations++)
		if (llm_bedrock_model(path, *operations).n)
			return true;
	return false;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct slice percent_decoded(struct slice s, struct arena *mem)
{
	char *p = arena_alloc(mem, s.n + 1);
	size_t n = 0;

	if (!p)
		return (struct slice){ 0 };
	for (size_t i = 0; i < s.n; i++) {
		const int high = i + 2 < s.n && s.p[i] == '%' ? hex_digit(s.p[i + 1]) : -1;
		const int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;

		p[n] = s.p[i];
		if (low >= 0) {
			p[n] = (char)(high << 4 | low);
			i += 2;
		}
		n++;
	}
	return (struct slice){ p, n };
}

struct slice llm_bedrock_model_of(struct llm_work *w, const char *const operations[])
{
	struct slice model = { 0 };

	for (; *operations && !model.n; operations++)
		model = llm_bedrock_model(w->call.http->path, *operations);
	return percent_decoded(model, w->call.mem);
}

bool llm_base64(struct slice base64, struct buf *ret)
{
	static const char zeros[4096];
	int n;

	ret->n = 0;
	if (base64.n % 4 || base64.n > BASE64_MAX)
		return false;
	while (ret->n < base64.n / 4 * 3) { /* room for what is written below */
		const size_t left = base64.n / 4 * 3 - ret->n;

		if (buf_add(ret,
			    (struct slice){ zeros, left < sizeof(zeros) ? left : sizeof(zeros) },
			    BASE64_MAX) < 0)
			return false;
	}
	if (!base64.n)
		return true;
	n = EVP_DecodeBlock((unsigned char *)ret->p, (const unsigned char *)base64.p,
			    (int)base64.n);
	for (size_t i = base64.n; n > 0 && i > base64.n - 2 && base64.p[i - 1] == '='; i--)
		n--;
	ret->n = n > 0 ? (size_t)n : 0;
	return n >= 0;
}
